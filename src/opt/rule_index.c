/* SPDX-License-Identifier: ISC */
/*
 * rule index: which conditions are asked of their indexes before any column is read: they name
 * the rows that may match. Here it is all that may have an index, in every shard that is
 * read; what the indexes name is weighed by exec, from the counts in them. Stands behind the
 * rules that change the filter, whose leaves it numbers, and those that prune.
 */
#include "opt_i.h"

int
rule_index(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;
	uint64_t leaves = plan_index_leaves(p->filter.pred);

	(void)e;
	if (!p->filter.pushdown || leaves == 0)
		return 0;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		struct plan_shard *s = &o->shards[i];

		if (s->access == ACCESS_PRUNED || s->access == ACCESS_CATALOG ||
		    s->index_leaves == leaves)
			continue;
		s->index_leaves = leaves;
		p->scan.indexes = *changed = true;
	}
	return 0;
}
