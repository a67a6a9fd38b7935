/* SPDX-License-Identifier: ISC */
/*
 * card_field: what share of the values of one field of the store satisfies a condition: of equality
 * an even share of what no list names, of order by the histogram, of texts by lists and samples.
 */
#include "base/search.h"
#include "card_i.h"

#include <math.h>

#define FEW 0.3			/* hits in a sample that holds none */

/* ---- histograms ---- */

/* An image of the type as the number that it is: images themselves are too large for a double. */
double
card_number(enum value_type t, uint64_t image)
{
	return t == VAL_DOUBLE ? value_double_of(image) : (double)value_i64_of(image);
}

/* Share of values below x. */
static double
below(const struct stats_field *f, double x)
{
	const uint64_t *b = f->bounds;
	uint32_t n = f->n_bounds, lo = 0;
	double at, next;

	if (n < 2)
		return 0.5;
	/* How many bounds are below x. */
	LOWER_BOUND(lo, n, i, card_number(f->type, b[i]) < x);
	if (lo == 0)
		return 0;
	if (lo == n)
		return 1;
	at = card_number(f->type, b[lo - 1]);
	next = card_number(f->type, b[lo]);
	return ((double)lo - 1 + (next > at ? (x - at) / (next - at) : 0)) / (n - 1);
}

void
card_order_range(enum value_type t, const struct pred *p, double *lo, double *hi)
{
	double a = p->lits[0].d, one = t == VAL_INT ? 1 : 0;

	*lo = -(double)INFINITY;
	*hi = (double)INFINITY;
	switch (p->op) {
	case OP_LT:
		*hi = a;
		break;
	case OP_LE:
		*hi = a + one;
		break;
	case OP_GT:
		*lo = a + one;
		break;
	case OP_GE:
		*lo = a;
		break;
	default:
		*lo = a;
		*hi = p->lits[p->n_lits - 1].d + one;
	}
}

/* Of values known to lie in [min, max] the share that lies in [lo, hi). */
double
card_share_between(const struct stats_field *f, double min, double max, double lo, double hi)
{
	double from, to, all_from, all_to;

	if (!isfinite(max - min))
		return SEL_ORDER;
	lo = lo < min ? min : lo;
	hi = hi > max ? max : hi;
	if (!(lo < hi))
		return 0;
	from = below(f, lo);
	to = below(f, hi);
	all_from = below(f, min);
	all_to = below(f, max);
	if (all_to - all_from < 1e-6)
		return (hi - lo) / (max - min);
	return (to - from) / (all_to - all_from);
}

bool
card_is_number(enum value_type t)
{
	return t == VAL_INT || t == VAL_DOUBLE;
}

bool
card_numeric_order(const struct stats_field *f, const struct pred *p)
{
	return pred_op_order(p->op) && card_is_number(f->type) && f->n_bounds > 1 &&
	    (p->lits[0].is_int || p->lits[0].is_double);
}

/* ---- a field in the whole store; shares of positive operators ---- */

uint64_t
card_literal_hash(enum value_type t, const struct literal *l)
{
	struct value v = { .type = t };

	switch (t) {
	case VAL_INT:
		v.i = l->is_int ? l->i : (int64_t)l->d;
		break;
	case VAL_DOUBLE:
		v.d = l->d;
		break;
	case VAL_BOOL:
		v.b = l->b;
		break;
	default:
		v.s = l->text;
	}
	return stats_hash(&v);
}

/* Kind and status are typed as numbers of their own. */
struct literal
card_literal(const struct pred *p, size_t i)
{
	struct literal l = p->lits[i];

	if (p->field.scope == FIELD_INTRINSIC && (p->field.intrinsic == IN_KIND ||
	    p->field.intrinsic == IN_STATUS || p->field.intrinsic == IN_FLAGS))
		l = (struct literal){ .is_int = true, .i = (int64_t)p->lits[i].u,
			.d = (double)p->lits[i].u, .text = p->lits[i].text };
	return l;
}

/* Rows of one value of which no list speaks. */
static double
unlisted_rows(const struct stats_field *f)
{
	double rest = f->n_present - f->n_known, n = f->n_distinct - f->n_values;

	if (rest <= 0)
		return 0;
	return rest / (n < 1 ? 1 : n);
}

static double
equal_rows(const struct stats_field *f, const struct pred *p)
{
	double rows = 0;

	for (size_t i = 0; i < p->n_lits; i++) {
		struct literal l = card_literal(p, i);
		const struct stats_value *v;

		if (!literal_fits(f->type, &l))
			continue;
		v = stats_value_find(f, card_literal_hash(f->type, &l));
		rows += v != NULL ? v->n_rows : unlisted_rows(f);
	}
	return rows < f->n_present ? rows : f->n_present;
}

static double
sample_share(const struct stats_field *f, const struct card_leaf *l, double known_share)
{
	double hits = 0;

	if (f->n_samples < 8)
		return known_share;
	for (uint32_t i = 0; i < f->n_samples; i++) {
		struct value v = { .type = VAL_STRING, .s = f->samples[i] };

		hits += value_holds(l, &v) == 1;
	}
	return (hits > 0 ? hits : FEW) / f->n_samples;
}

/* Of text and pattern operators, and of order on texts: by the values that are known. */
static double
listed_share(const struct stats_field *f, const struct card_leaf *l)
{
	double hits = 0, rest = f->n_present - f->n_known, known;

	for (uint32_t i = 0; i < f->n_values; i++) {
		int h = value_holds(l, &f->values[i].val);

		if (h < 0)
			return -1;
		hits += h ? f->values[i].n_rows : 0;
	}
	if (rest <= 0 || f->n_known > f->n_present * 0.9999)
		return f->n_known > 0 ? hits / f->n_known : 0;
	known = f->n_known > 0 && hits > 0 ? hits / f->n_known : FEW / (f->n_values + 1);
	return (hits + rest * sample_share(f, l, known)) / f->n_present;
}

/* The positive form of a leaf: the same tree node with another operator. */
struct pred
card_positive(const struct pred *p)
{
	struct pred q = *p;

	q.op = pred_op_positive(p->op);
	return q;
}

double
card_field_share(const struct stats_field *f, const struct pred *p, const struct card_leaf *l)
{
	double share;

	if (!(f->n_present > 0))
		return 0;
	if (p->op == OP_HAS)
		return 1;
	if (p->op == OP_EQ || p->op == OP_IN) {
		if (f->type == VAL_ARRAY)
			return (share = listed_share(f, l)) < 0 ? SEL_EQ : share;
		return equal_rows(f, p) / f->n_present;
	}
	if (card_numeric_order(f, p)) {
		double lo, hi;

		card_order_range(f->type, p, &lo, &hi);
		return card_share_between(f, card_number(f->type, f->bounds[0]),
		    card_number(f->type, f->bounds[f->n_bounds - 1]) + 1, lo, hi);
	}
	share = listed_share(f, l);
	return share < 0 ? card_guess(p) : share;
}
