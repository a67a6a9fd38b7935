/* SPDX-License-Identifier: ISC */
/*
 * rule pushdown: filter and range are tested on columns, and only spans that passed are put
 * together. exec knows a column test for every leaf (conditions on the whole trace are left
 * for after the assembly), so there is nothing to weigh.
 */
#include "opt_i.h"

int
rule_pushdown(struct opt *o, bool *changed, struct err *e)
{
	(void)e;
	*changed |= !o->plan->pushdown;
	o->plan->pushdown = true;
	return 0;
}
