/* SPDX-License-Identifier: ISC */
/*
 * ranges: operators on numbers as closed ranges of images. Where a literal stands
 * among the images of a type is found by bisection with value_cmp_literal, so that exactness
 * (integers against doubles) is decided in one place.
 */
#include "match/ranges.h"

#include <stdlib.h>

#include "base/search.h"
#include "match/compare.h"

/* Images of a type that are in order; doubles: without the NaNs. */
struct domain {
	enum value_type type;
	uint64_t min, max;
};

static struct domain
domain_of(enum value_type type)
{
	struct domain d = { type, 0, UINT64_MAX };

	if (type == VAL_BOOL)
		d.max = 1;
	if (type == VAL_DOUBLE) {
		d.min = value_image_double(-__builtin_inf());
		d.max = value_image_double(__builtin_inf());
	}
	return d;
}

static int
cmp_image(const struct domain *d, uint64_t image, const struct literal *l)
{
	struct value v = { .type = d->type };
	int c = 0;

	switch (d->type) {
	case VAL_DOUBLE:
		v.d = value_double_of(image);
		break;
	case VAL_BOOL:
		v.b = image != 0;
		break;
	default:
		v.i = value_i64_of(image);
	}
	(void)value_cmp_literal(&v, l, &c);
	return c;
}

/* The first image whose order against the literal is at least `at_least`; false if none. */
static bool
first_image(const struct domain *d, const struct literal *l, int at_least, uint64_t *out)
{
	uint64_t lo = d->min, hi = d->max;

	if (cmp_image(d, hi, l) < at_least)
		return false;
	LOWER_BOUND(lo, hi, x, cmp_image(d, x, l) < at_least);
	*out = lo;
	return true;
}

static void
add(struct ranges *r, uint64_t lo, uint64_t hi)
{
	if (lo <= hi)
		r->v[r->n++] = (struct range){ lo, hi };
}

/* [min, x) of a domain; all of it if there is no x. */
static void
add_below(struct ranges *r, const struct domain *d, bool has, uint64_t x)
{
	if (!has)
		add(r, d->min, d->max);
	else if (x > d->min)
		add(r, d->min, x - 1);
}

static int
by_lo(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Sorts and joins. */
static void
normalize(struct ranges *r)
{
	uint32_t n = 0;

	qsort(r->v, r->n, sizeof *r->v, by_lo);
	for (uint32_t i = 0; i < r->n; i++) {
		struct range *last = n == 0 ? NULL : &r->v[n - 1];

		if (last != NULL && (last->hi == UINT64_MAX || r->v[i].lo <= last->hi + 1)) {
			if (r->v[i].hi > last->hi)
				last->hi = r->v[i].hi;
		} else
			r->v[n++] = r->v[i];
	}
	r->n = n;
}

/* There is room for one more range than there are. */
static void
complement(struct ranges *r)
{
	uint64_t from = 0;
	uint32_t n = 0;
	bool open = true;

	for (uint32_t i = 0; i < r->n; i++) {
		struct range x = r->v[i];

		if (x.lo > from)
			r->v[n++] = (struct range){ from, x.lo - 1 };
		open = x.hi != UINT64_MAX;
		from = x.hi + 1;
	}
	if (open)
		r->v[n++] = (struct range){ from, UINT64_MAX };
	r->n = n;
}

static int
ranges_room(const struct pred *leaf, struct ranges *r, struct err *e)
{
	r->n = 0;
	/* A complement may need one more than there are literals, and is made in place. */
	r->v = calloc(leaf->n_lits + 2, sizeof *r->v);
	return r->v == NULL ? err_nomem(e) : 0;
}

static void
add_equal(struct ranges *r, const struct domain *d, const struct literal *l)
{
	uint64_t ge, gt;

	if (!first_image(d, l, 0, &ge))
		return;
	if (!first_image(d, l, 1, &gt))
		add(r, ge, d->max);
	else if (gt > ge)
		add(r, ge, gt - 1);
}

static void
add_order(struct ranges *r, const struct domain *d, enum pred_op op, const struct literal *l)
{
	uint64_t x = 0;
	bool has = first_image(d, l, op == OP_LE || op == OP_GT, &x);

	if (op == OP_LT || op == OP_LE)
		add_below(r, d, has, x);
	else if (has)
		add(r, x, d->max);
}

static void
add_between(struct ranges *r, const struct domain *d, const struct literal *l)
{
	uint64_t lo, gt;

	if (!first_image(d, &l[0], 0, &lo))
		return;
	if (!first_image(d, &l[1], 1, &gt))
		add(r, lo, d->max);
	else if (gt > lo)
		add(r, lo, gt - 1);
}

int
ranges_of_leaf(const struct pred *leaf, enum value_type type, struct ranges *r, struct err *e)
{
	struct domain d = domain_of(type);
	bool all = true;

	if (ranges_room(leaf, r, e) < 0)
		return ERR_NOMEM;
	for (size_t i = 0; i < leaf->n_lits; i++)
		all &= literal_fits(type, &leaf->lits[i]);
	switch (leaf->op) {
	case OP_HAS:
		add(r, 0, UINT64_MAX);
		return 0;
	case OP_EQ:
	case OP_NE:
	case OP_IN:
	case OP_NOTIN:
		for (size_t i = 0; i < leaf->n_lits; i++)
			if (literal_fits(type, &leaf->lits[i]))
				add_equal(r, &d, &leaf->lits[i]);
		break;
	case OP_BETWEEN:
		if (type != VAL_BOOL && all)
			add_between(r, &d, leaf->lits);
		break;
	default:
		if (type != VAL_BOOL && all && pred_op_order(leaf->op))
			add_order(r, &d, leaf->op, leaf->lits);
	}
	normalize(r);
	if (pred_op_negative(leaf->op))
		complement(r);
	return 0;
}

static uint64_t
number_of(const struct pred *leaf, size_t i)
{
	switch (intrinsics[leaf->field.intrinsic].type) {
	case FT_SPAN_ID:
		return leaf->lits[i].lo;
	case FT_KIND:
	case FT_STATUS:
		return value_image_i64((int64_t)leaf->lits[i].u);
	default:
		return leaf->lits[i].u;
	}
}

int
ranges_of_number(const struct pred *leaf, struct ranges *r, struct err *e)
{
	const struct domain d = { VAL_INT, 0, UINT64_MAX };
	uint64_t x = leaf->n_lits == 0 ? 0 : number_of(leaf, 0);

	if (ranges_room(leaf, r, e) < 0)
		return ERR_NOMEM;
	switch (leaf->op) {
	case OP_EQ:
	case OP_NE:
	case OP_IN:
	case OP_NOTIN:
		for (size_t i = 0; i < leaf->n_lits; i++)
			add(r, number_of(leaf, i), number_of(leaf, i));
		break;
	case OP_LT:
		add_below(r, &d, true, x);
		break;
	case OP_LE:
		add(r, 0, x);
		break;
	case OP_GE:
		add(r, x, UINT64_MAX);
		break;
	case OP_GT:
		if (x < UINT64_MAX)
			add(r, x + 1, UINT64_MAX);
		break;
	case OP_BETWEEN:
		add(r, x, number_of(leaf, 1));
		break;
	default:
		add(r, 0, UINT64_MAX);
	}
	normalize(r);
	if (leaf->op == OP_NE || leaf->op == OP_NOTIN)
		complement(r);
	return 0;
}

/* The first range that does not end before x. */
static uint32_t
range_at(const struct ranges *r, uint64_t x)
{
	uint32_t lo = 0;

	LOWER_BOUND(lo, r->n, i, r->v[i].hi < x);
	return lo;
}

bool
ranges_have(const struct ranges *r, uint64_t x)
{
	uint32_t i = range_at(r, x);

	return i < r->n && r->v[i].lo <= x;
}

bool
ranges_touch(const struct ranges *r, uint64_t lo, uint64_t hi)
{
	uint32_t i = range_at(r, lo);

	return i < r->n && r->v[i].lo <= hi;
}

bool
ranges_cover(const struct ranges *r, uint64_t lo, uint64_t hi)
{
	uint32_t i = range_at(r, lo);

	return i < r->n && r->v[i].lo <= lo && r->v[i].hi >= hi;
}
