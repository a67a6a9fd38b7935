/* SPDX-License-Identifier: ISC */
/*
 * rule topn: a sort that is cut by a limit keeps no more than offset + limit rows, in a heap.
 * Above TOPN_MAX rows a heap is no better than the sort.
 */
#include "opt_i.h"

#define TOPN_MAX (1u << 20)

int
rule_topn(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;
	uint64_t n;

	(void)e;
	if (!opt_caps(o)->best || p->order.n_keys == 0 || p->output == ROW_COUNT ||
	    p->order.topn || p->page.limit == UINT64_MAX ||
	    __builtin_add_overflow(p->page.limit, p->page.offset, &n) || n > TOPN_MAX)
		return 0;
	p->order.topn = true;
	*changed = true;
	return 0;
}
