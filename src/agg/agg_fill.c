/* SPDX-License-Identifier: ISC */
/*
 * agg_fill: rows for the buckets that have none, of each group that is left after having. Beside them,
 * with versus, stand the groups of the earlier side, which have no rows of their own.
 */
#include <stdlib.h>

#include "agg_i.h"

int
row_add(struct agg_table *t, struct agg_row_list *l, struct agg_row row, struct err *e)
{
	int code = agg_grow(&t->mem, (void **)&l->v, &l->cap, l->n + 1, sizeof *l->v, e);

	if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
		code = agg_grow(&t->mem, (void **)&l->v, &l->cap, l->n + 1, sizeof *l->v, e);
	if (code == 0)
		l->v[l->n++] = row;
	return code;
}

static const struct group_cell *
empty_cells(struct agg_table *t, struct err *e)
{
	const struct grouping *g = t->g;
	struct group_cell *v = arena_array(&t->arena, 2 * g->n_aggs + 1, struct group_cell);

	if (v == NULL) {
		(void)err_nomem(e);
		return NULL;
	}
	for (size_t i = 0; g->fill == FILL_ZERO && i < g->n_aggs; i++)
		switch (g->aggs[i].kind) {
		case AGG_COUNT:
		case AGG_SUM:
		case AGG_ERRORS:
		case AGG_DISTINCT:
			v[i] = (struct group_cell){ .kind = GROUP_VALUE,
			    .value = { .type = VAL_INT } };
			break;
		case AGG_RATE:
			v[i] = (struct group_cell){ .kind = GROUP_VALUE,
			    .value = { .type = VAL_DOUBLE } };
			break;
		default:
			break;
		}
	return v;
}

/* By group, then by bucket. */
static int
by_group(const void *a, const void *b)
{
	const struct agg_row *x = a, *y = b;
	int c = sv_cmp(x->group->key, y->group->key);

	return c != 0 ? c : (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* The first and last bucket to fill; false: there are none. */
static bool
fill_range(const struct agg_table *t, __int128 *lo, __int128 *hi)
{
	const struct agg_options *o = &t->opt;
	bool open = o->open_begin || o->open_end;

	if ((open && t->rows.n == 0) || (!open && o->range.from >= o->range.to) ||
	    (!o->open_end && o->range.to == 0))
		return false;
	for (size_t i = 0; i < t->rows.n; i++) {
		__int128 at = t->rows.v[i].bucket;

		*lo = i == 0 || at < *lo ? at : *lo;
		*hi = i == 0 || at > *hi ? at : *hi;
	}
	if (!o->open_begin)
		*lo = step_floor(o->step, o->range.from);
	if (!o->open_end)
		*hi = step_floor(o->step, o->range.to - 1);
	return true;
}

/* True if more rows would be made than there may be. */
static bool
too_many(const struct agg_table *t, __int128 lo, __int128 hi, size_t n_groups)
{
	__int128 n = 0;

	if (t->opt.step.kind == STEP_NS)
		n = (hi - lo) / t->opt.step.ns + 1;
	else
		for (__int128 at = lo; at <= hi; at = step_after(t->opt.step, at))
			n++;
	return hi >= lo && n * (__int128)n_groups > AGG_MAX_FILLED;
}

struct filling {
	struct agg_table *t;
	__int128 lo, hi;
	const struct group_cell *empty;
	size_t at;			/* in t->before: those before it belong to groups and buckets that are done */
};

/* The cells of the group's earlier side in that bucket; NULL: there are none. */
static const struct group_cell *
cells_before(struct filling *f, struct sv key, __int128 bucket)
{
	const struct agg_row_list *l = &f->t->before;

	for (; f->at < l->n; f->at++) {
		const struct agg_row *b = &l->v[f->at];
		int c = sv_cmp(b->group->key, key);

		if (c > 0 || (c == 0 && b->bucket > bucket))
			return NULL;
		if (c == 0 && b->bucket == bucket)
			return b->cells + f->t->g->n_aggs;
	}
	return NULL;
}

/* A row of one side's cells each. */
static int
add_beside(struct agg_table *t, struct agg_row row, const struct group_cell *before, struct err *e)
{
	size_t n = t->g->n_aggs;
	struct group_cell *v;
	int code;

	if ((code = agg_take(&t->mem, 2 * n * sizeof *v, e)) < 0)
		return code;
	if ((v = arena_array(&t->arena, 2 * n + 1, struct group_cell)) == NULL)
		return err_nomem(e);
	memcpy(v, row.cells, n * sizeof *v);
	memcpy(v + n, before, n * sizeof *v);
	row.cells = v;
	row.no_before = false;
	return row_add(t, &t->rows, row, e);
}

static int
add_filled(struct filling *f, const struct group *g, __int128 at, const struct group_cell *last,
    struct err *e)
{
	struct agg_table *t = f->t;
	struct agg_row row = { .bucket = at, .group = g, .no_before = true,
		.cells = t->g->fill == FILL_PREVIOUS && last != NULL ? last : f->empty };
	const struct group_cell *before = cells_before(f, g != NULL ? g->key : SV_EMPTY, at);
	int code = agg_check(t, e);

	if (code < 0)
		return code;
	return before == NULL ? row_add(t, &t->rows, row, e) : add_beside(t, row, before, e);
}

/* Rows [from, to) are those of one group, by bucket; what they lack is added behind all. */
static int
fill_group(struct filling *f, const struct group *g, size_t from, size_t to, struct err *e)
{
	const struct group_cell *last = NULL;
	struct agg_table *t = f->t;
	int code = 0;

	for (__int128 at = f->lo; code == 0 && at <= f->hi; at = step_after(t->opt.step, at)) {
		while (from < to && t->rows.v[from].bucket < at)
			from++;
		if (from < to && t->rows.v[from].bucket == at)
			last = t->rows.v[from].cells;
		else
			code = add_filled(f, g, at, last, e);
	}
	return code;
}

static size_t
count_groups(const struct agg_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->rows.n; i++)
		n += i == 0 || !sv_eq(t->rows.v[i].group->key, t->rows.v[i - 1].group->key);
	return n;
}

static void
sort_rows(struct agg_row_list *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof *l->v, by_group);
}

int
rows_fill(struct agg_table *t, struct err *e)
{
	struct filling f = { .t = t };
	size_t n = t->rows.n, n_groups, to;
	int code = 0;

	if (!fill_range(t, &f.lo, &f.hi))
		return 0;
	sort_rows(&t->rows);
	sort_rows(&t->before);
	n_groups = t->g->n_keys == 0 ? 1 : count_groups(t);
	if (too_many(t, f.lo, f.hi, n_groups))
		return err_set(e, ERR_TOOBIG, -1, "fill makes more than %d rows",
		    AGG_MAX_FILLED);
	if ((f.empty = empty_cells(t, e)) == NULL)
		return ERR_NOMEM;
	if (n == 0 && t->g->n_keys == 0)
		return fill_group(&f, NULL, 0, 0, e);
	for (size_t from = 0; code == 0 && from < n; from = to) {
		for (to = from + 1; to < n && sv_eq(t->rows.v[to].group->key,
		    t->rows.v[from].group->key); to++)
			continue;
		code = fill_group(&f, t->rows.v[from].group, from, to, e);
	}
	return code;
}
