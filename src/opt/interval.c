/* SPDX-License-Identifier: ISC */
/*
 * interval: leaves on intrinsics that are numbers (times, durations, counts) as intervals. A
 * span has one such number or none, so under AND intervals intersect. That holds for no
 * attribute: an array of 2 and 9 is above 5 and below 3 at once.
 */
#include "opt_i.h"

bool
single_valued(const struct field *f)
{
	if (f->scope != FIELD_INTRINSIC)
		return false;
	return intrinsics[f->intrinsic].of == OF_SPAN || field_needs_trace(f);
}

static bool
is_number(const struct field *f)
{
	if (!single_valued(f))
		return false;
	switch (intrinsics[f->intrinsic].type) {
	case FT_INT:
	case FT_TIME:
	case FT_DURATION:
		return true;
	default:
		return false;
	}
}

bool
leaf_interval(const struct pred *p, struct interval *out, bool *empty)
{
	struct interval v = { 0, UINT64_MAX };
	uint64_t u;

	if (p->kind != PRED_LEAF || p->n_lits == 0 || !is_number(&p->field))
		return false;
	*empty = false;
	u = p->lits[0].u;
	switch (p->op) {
	case OP_EQ:
		v.lo = v.hi = u;
		break;
	case OP_LT:
		*empty = u == 0;
		v.hi = u - 1;
		break;
	case OP_LE:
		v.hi = u;
		break;
	case OP_GT:
		*empty = u == UINT64_MAX;
		v.lo = u + 1;
		break;
	case OP_GE:
		v.lo = u;
		break;
	case OP_BETWEEN:
		v.lo = u;
		v.hi = p->lits[1].u;
		*empty = v.lo > v.hi;
		break;
	default:
		return false;
	}
	*out = v;
	return true;
}
