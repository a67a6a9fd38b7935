/* SPDX-License-Identifier: ISC */
/*
 * rule time: shards whose spans all start outside the plan's range go. The times are the
 * catalog's, so they are known of damaged shards, too.
 */
#include "opt_i.h"

int
rule_time(struct opt *o, bool *changed, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < o->plan->scan.n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (!range_meets(o->plan->filter.range, s->min_start, s->max_start))
			prune_shard(o, i, "time", "outside the time range", changed);
	}
	return 0;
}
