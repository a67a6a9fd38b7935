/* SPDX-License-Identifier: ISC */
/*
 * card_value: does a value that the statistics name satisfy a condition: as the matcher has it,
 * so that an estimate from values that are all known is the count.
 */
#include "card_i.h"

int
value_holds(const struct card_leaf *l, const struct value *v)
{
	struct field_value of = field_value_listed(&l->p->field, v);
	int h = matcher_field(l->m, &of, NULL);

	/* A pattern that runs away. */
	return h < 0 ? -1 : h;
}

int
value_satisfies(const struct card_leaf *l, const struct value *v)
{
	int h = value_holds(l, v);

	if (h < 0 || !pred_op_negative(l->p->op))
		return h;
	return v->type != VAL_EMPTY && h == 0;
}
