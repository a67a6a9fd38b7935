/* SPDX-License-Identifier: ISC */
/*
 * rule index: the indexes of shards are asked before any column is read: they name the rows
 * that may match. exec weighs in each shard, by the counts in the index, whether that is
 * shorter than a scan, so there is nothing to weigh here; a filter without a condition on an
 * attribute or a name has no index to ask.
 */
#include "opt_i.h"

static bool
may_have_index(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->op != OP_HAS && p->op != OP_TEXT &&
		    (p->field.scope != FIELD_INTRINSIC || p->field.intrinsic == IN_NAME);
	if (p->kind != PRED_AND && p->kind != PRED_OR)
		return false;
	for (size_t i = 0; i < p->n_kids; i++)
		if (may_have_index(p->kids[i]))
			return true;
	return false;
}

int
rule_index(struct opt *o, bool *changed, struct err *e)
{
	(void)e;
	if (!o->plan->pushdown || o->plan->indexes || !may_have_index(o->plan->filter))
		return 0;
	o->plan->indexes = true;
	*changed = true;
	return 0;
}
