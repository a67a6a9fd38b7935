/* SPDX-License-Identifier: ISC */
/*
 * rule limit: in the default order, newest first, partitions are done from the newest on and
 * no more are read once offset + limit rows are there; a count has no order to keep. Not for
 * traces, whose order is that of their roots, nor for events and links.
 */
#include "opt_i.h"

int
rule_limit(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;

	(void)e;
	if (p->page.limit == UINT64_MAX || p->scan.early_stop || !opt_caps(o)->newest)
		return 0;
	if ((p->output == ROW_SPAN && p->order.n_keys == 0) || p->output == ROW_COUNT) {
		p->scan.early_stop = true;
		*changed = true;
	}
	return 0;
}
