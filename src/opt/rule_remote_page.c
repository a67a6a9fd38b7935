/* SPDX-License-Identifier: ISC */
/*
 * rule remote-page: a server is asked for the first rows alone, where it can say what comes first as
 * it is said here. They are sorted and cut here all the same.
 */
#include "opt_i.h"

int
rule_remote_page(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;

	(void)e;
	if (!opt_caps(o)->takes.page || p->scan.handed.page || p->output != ROW_SPAN ||
	    p->page.limit == UINT64_MAX || !plan_caps_sort(opt_caps(o), p->order.keys, p->order.n_keys))
		return 0;
	p->scan.handed.page = true;
	*changed = true;
	return 0;
}
