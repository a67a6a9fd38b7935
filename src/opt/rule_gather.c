/* SPDX-License-Identifier: ISC */
/*
 * rule gather: groups that ask about traces or parents may take these from columns of the shards
 * instead of putting each trace together. Whether they do is for cost_traces to say, which knows
 * how many rows match. Exec leaves those rows to the spans whose trace has spans elsewhere, so the
 * groups are the same.
 */
#include "opt_i.h"

int
rule_gather(struct opt *o, bool *changed, struct err *e)
{
	struct plan *p = o->plan;

	(void)e;
	if (!o->options->gathers || p->output != ROW_GROUP || !p->fetch.want_trace ||
	    !p->filter.pushdown || p->scan.server != NULL || p->fetch.may_gather)
		return 0;
	p->fetch.may_gather = true;
	*changed = true;
	return 0;
}
