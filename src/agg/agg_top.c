/* SPDX-License-Identifier: ISC */
/*
 * agg_top: the order of rows, and the first so many of them: while groups are looked at, t->rows is
 * a heap of the best ones, the last of them on top, so that a million groups are neither sorted nor
 * have cells of their own where ten are asked for.
 */
#include <stdlib.h>

#include "agg_i.h"

/* ---- order ---- */

static int
cmp_null_last(const struct group_cell *a, const struct group_cell *b, bool keys, bool desc)
{
	if (a->kind == GROUP_NULL || b->kind == GROUP_NULL)
		return (a->kind == GROUP_NULL) - (b->kind == GROUP_NULL);
	return desc ? cell_cmp(b, a, keys) : cell_cmp(a, b, keys);
}

static int
cmp_key(const struct agg_table *t, const struct agg_row *a, const struct agg_row *b, size_t key,
    bool desc)
{
	struct group_cell x = key_cell(t, a->group, key), y = key_cell(t, b->group, key);

	return cmp_null_last(&x, &y, true, desc);
}

static int
cmp_bucket(const struct agg_row *a, const struct agg_row *b)
{
	return (a->bucket > b->bucket) - (a->bucket < b->bucket);
}

static int
cmp_ref(const struct agg_table *t, const struct group_ref *ref, const struct agg_row *a,
    const struct agg_row *b)
{
	struct group_cell x, y;

	if (ref->kind == REF_BUCKET)
		return ref->desc ? cmp_bucket(b, a) : cmp_bucket(a, b);
	if (ref->kind == REF_KEY)
		return cmp_key(t, a, b, ref->i, ref->desc);
	x = row_cell(t, a, ref);
	y = row_cell(t, b, ref);
	return cmp_null_last(&x, &y, false, ref->desc);
}

int
row_cmp(struct agg_table *t, const struct agg_row *a, const struct agg_row *b)
{
	int c = 0;

	t->n_compared++;
	for (size_t i = 0; c == 0 && i < t->g->n_sort; i++)
		c = cmp_ref(t, &t->g->sort[i], a, b);
	if (c == 0)
		c = cmp_bucket(a, b);
	for (size_t i = 0; c == 0 && a->group != b->group && i < t->g->n_keys; i++)
		c = cmp_key(t, a, b, i, false);
	return c;
}

struct ordering {
	struct agg_table *t;
	struct err *e;
	int code;
};

/* After an error all are equal, so that the sort ends soon. */
static int
by_order(const void *p, const void *q, void *arg)
{
	struct ordering *x = arg;

	if (x->code < 0 || (x->code = agg_check(x->t, x->e)) < 0)
		return 0;
	return row_cmp(x->t, p, q);
}

int
rows_sort(struct agg_table *t, struct err *e)
{
	struct ordering x = { t, e, 0 };

	if (t->rows.n > 1)
		qsort_r(t->rows.v, t->rows.n, sizeof *t->rows.v, by_order, &x);
	return x.code;
}

/* ---- the heap ---- */

static void
swap(struct agg_row *a, struct agg_row *b)
{
	struct agg_row x = *a;

	*a = *b;
	*b = x;
}

static void
sift_up(struct agg_table *t, size_t i)
{
	struct agg_row *v = t->rows.v;

	for (; i > 0 && row_cmp(t, &v[(i - 1) / 2], &v[i]) < 0; i = (i - 1) / 2)
		swap(&v[(i - 1) / 2], &v[i]);
}

static void
sift_down(struct agg_table *t)
{
	struct agg_row *v = t->rows.v;

	for (size_t i = 0, kid; (kid = 2 * i + 1) < t->rows.n; i = kid) {
		if (kid + 1 < t->rows.n && row_cmp(t, &v[kid], &v[kid + 1]) < 0)
			kid++;
		if (row_cmp(t, &v[i], &v[kid]) >= 0)
			return;
		swap(&v[i], &v[kid]);
	}
}

bool
top_is_on(const struct agg_table *t)
{
	return t->top;
}

bool
top_takes(struct agg_table *t, const struct agg_row *row)
{
	return !top_is_on(t) || t->rows.n < t->opt.keep || row_cmp(t, row, &t->rows.v[0]) < 0;
}

const struct group_cell *
top_drop_last(struct agg_table *t)
{
	const struct group_cell *cells;

	if (!top_is_on(t) || t->rows.n < t->opt.keep)
		return NULL;
	cells = t->rows.v[0].cells;
	t->rows.v[0] = t->rows.v[--t->rows.n];
	sift_down(t);
	return cells;
}

int
top_add(struct agg_table *t, struct agg_row row, struct err *e)
{
	int code = row_add(t, &t->rows, row, e);

	if (code == 0 && top_is_on(t))
		sift_up(t, t->rows.n - 1);
	return code;
}
