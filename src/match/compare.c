/* SPDX-License-Identifier: ISC */
/*
 * compare: see match/compare.h. Integers against doubles are compared without rounding: the
 * integer part first, then what is left of the double.
 */
#include "match/compare.h"

#include <math.h>

bool
literal_fits(enum value_type t, const struct literal *l)
{
	switch (t) {
	case VAL_STRING:
	case VAL_ARRAY:
		return true;
	case VAL_INT:
	case VAL_DOUBLE:
		return literal_is_number(l);
	case VAL_BOOL:
		return l->is_bool;
	case VAL_EMPTY:
	case VAL_BYTES:
	case VAL_MAP:
		break;
	}
	return false;
}

/* Exact. False for NaN. */
static bool
cmp_int_double(int64_t i, double d, int *c)
{
	double whole;

	if (isnan(d))
		return false;
	if (d >= 0x1p63) {
		*c = -1;
	} else if (d < -0x1p63) {
		*c = 1;
	} else {
		int64_t t = (int64_t)d;

		whole = (double)t;
		*c = (i > t) - (i < t);
		if (*c == 0)
			*c = (whole > d) - (whole < d);
	}
	return true;
}

bool
value_cmp_literal(const struct value *v, const struct literal *l, int *c)
{
	switch (v->type) {
	case VAL_BOOL:
		*c = v->b - l->b;
		return l->is_bool;
	case VAL_INT:
		if (l->is_int) {
			*c = (v->i > l->i) - (v->i < l->i);
			return true;
		}
		return l->is_double && cmp_int_double(v->i, l->d, c);
	case VAL_DOUBLE:
		if (l->is_int) {
			if (!cmp_int_double(l->i, v->d, c))
				return false;
			*c = -*c;
			return true;
		}
		*c = (v->d > l->d) - (v->d < l->d);
		return l->is_double && !isnan(v->d);
	default:
		return false;
	}
}

bool
value_equals_literal(const struct value *v, const struct literal *l)
{
	int c;

	if (v->type == VAL_STRING)
		return sv_eq(v->s, l->text);
	return value_cmp_literal(v, l, &c) && c == 0;
}
