/* SPDX-License-Identifier: ISC */
/*
 * rule pushdown: filter and range are tested by the source, on columns, and only spans that passed
 * are put together. Local shards have a test for every leaf (conditions on the whole trace are left
 * for after the assembly), so there is nothing to weigh; of another source every leaf must be one
 * that it takes over.
 */
#include "opt_i.h"

int
rule_pushdown(struct opt *o, bool *changed, struct err *e)
{
	(void)e;
	if (!opt_caps(o)->time || !plan_caps_take(opt_caps(o), o->plan->filter.pred))
		return 0;
	*changed |= !o->plan->filter.pushdown;
	o->plan->filter.pushdown = true;
	return 0;
}
