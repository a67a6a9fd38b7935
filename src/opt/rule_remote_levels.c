/* SPDX-License-Identifier: ISC */
/*
 * rule remote-levels: groups of spans that a server makes may be made on two levels: what the spans of
 * each trace add, and that put together. They are the same; cost_server says which it is.
 */
#include "opt_i.h"

int
rule_remote_levels(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;
	const struct grouping *g = o->options->groups;

	(void)e;
	if (!opt_caps(o)->takes.by_trace || p->scan.may_by_trace || !p->scan.may_group ||
	    p->output != ROW_GROUP || g == NULL || g->per_trace || opt_whole_traces(p))
		return 0;
	p->scan.may_by_trace = true;
	*changed = true;
	return 0;
}
