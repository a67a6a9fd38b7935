/* SPDX-License-Identifier: ISC */
/*
 * rule remote-filter: a server is asked for rows that the filter leaves, as far as it can be told of
 * it; what it can't is tested here. Without it all rows of the range come.
 */
#include "opt_i.h"

int
rule_remote_filter(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;

	(void)e;
	if (!opt_caps(o)->takes.filter || p->scan.handed.filter || p->filter.pred->kind == PRED_TRUE)
		return 0;
	p->scan.handed.filter = true;
	*changed = true;
	return 0;
}
