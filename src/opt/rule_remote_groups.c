/* SPDX-License-Identifier: ISC */
/*
 * rule remote-groups: a server may make counts, groups and comparisons itself, where it can make them as
 * they are made here. cost_server says whether it does: by the rows that it would send instead.
 */
#include "opt_i.h"

int
rule_remote_groups(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;

	(void)e;
	if (!opt_caps(o)->takes.groups || o->options->no_remote_groups || p->scan.may_group ||
	    (p->output != ROW_COUNT && p->output != ROW_GROUP && p->output != ROW_CONTRAST))
		return 0;
	p->scan.may_group = true;
	*changed = true;
	return 0;
}
