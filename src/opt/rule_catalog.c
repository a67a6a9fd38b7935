/* SPDX-License-Identifier: ISC */
/*
 * rule catalog: a count of all spans, or of whole services, is the sum of what the footers
 * say, where all these spans lie in the range. Shards at the edge of the range are read.
 */
#include "opt_i.h"

static bool
asked_for(const struct pred *leaf, struct sv service)
{
	for (size_t i = 0; i < leaf->n_lits; i++)
		if (sv_eq(leaf->lits[i].text, service))
			return true;
	return false;
}

static bool
services_in_range(const struct shard_stats *s, const struct pred *leaf, struct time_range r)
{
	for (size_t i = 0; i < s->n_services; i++)
		if (asked_for(leaf, s->services[i].service) &&
		    !range_holds(r, s->services[i].min_start, s->services[i].max_start))
			return false;
	return true;
}

int
rule_catalog(struct opt *o, bool *changed, struct err *e)
{
	const struct plan *p = o->plan;
	const struct pred *leaf = plan_top_leaf(p->filter.pred, IN_SERVICE);

	(void)e;
	if (!opt_caps(o)->counts || p->output != ROW_COUNT ||
	    (p->filter.pred->kind != PRED_TRUE && p->filter.pred != leaf))
		return 0;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (shard_services_known(o, i) && (leaf != NULL ?
		    services_in_range(s, leaf, p->filter.range) :
		    range_holds(p->filter.range, s->min_start, s->max_start)))
			set_access(o, i, ACCESS_CATALOG, "counted from the footer", changed);
	}
	return 0;
}
