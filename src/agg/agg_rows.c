/* SPDX-License-Identifier: ISC */
/*
 * agg_rows: groups to rows. First having, then fill (agg_fill.c), then the order (agg_top.c): that of
 * sort, else and among equal ones the bucket, then the keys; null comes last both ways.
 */
#include <stdlib.h>

#include "agg_i.h"

/* ---- having ---- */

static struct number
literal_number(const struct literal *l, enum field_type type)
{
	if (type != FT_STRING)
		return number_u64(l->u);
	return l->is_int ? number_i64(l->i) : number_double(l->d);
}

static bool
equals_any(const struct having *h, struct number x)
{
	int c;

	for (size_t i = 0; i < h->n_lits; i++)
		if (number_compare(x, literal_number(&h->lits[i], agg_type(&h->agg)), &c) &&
		    c == 0)
			return true;
	return false;
}

static bool
in_order(const struct having *h, struct number x)
{
	int lo, hi;

	if (!number_compare(x, literal_number(&h->lits[0], agg_type(&h->agg)), &lo))
		return false;
	switch (h->op) {
	case OP_LT:
		return lo < 0;
	case OP_LE:
		return lo <= 0;
	case OP_GT:
		return lo > 0;
	case OP_GE:
		return lo >= 0;
	default:
		return lo >= 0 && number_compare(x, literal_number(&h->lits[1],
		    agg_type(&h->agg)), &hi) && hi <= 0;
	}
}

static bool
having_holds(const struct having *h, const struct group_cell *c)
{
	struct number x = cell_number(c);

	if (x.kind == NUMBER_NONE)
		return false;
	switch (h->op) {
	case OP_EQ:
	case OP_IN:
		return equals_any(h, x);
	case OP_NE:
	case OP_NOTIN:
		return !equals_any(h, x);
	default:
		return in_order(h, x);
	}
}

static bool
all_hold(const struct grouping *g, const struct group_cell *cells)
{
	for (size_t i = 0; i < g->n_having; i++)
		if (!having_holds(&g->having[i], &cells[g->having_agg[i]]))
			return false;
	return true;
}

/* ---- groups to rows ---- */

/* Room for the cells of both sides: that of a row which is one of the first no more, or new. */
static int
cells_room(struct agg_table *t, struct group_cell **out, struct err *e)
{
	size_t n = t->g->n_aggs * (t->g->versus ? 2 : 1);
	int code;

	/* Of groups the cells are the table's own. */
	if ((*out = (struct group_cell *)(uintptr_t)top_drop_last(t)) != NULL)
		return 0;
	code = agg_take(&t->mem, n * sizeof **out, e);
	if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
		code = agg_take(&t->mem, n * sizeof **out, e);
	if (code < 0)
		return code;
	t->row_bytes += n * sizeof **out;
	if ((*out = arena_array(&t->row_mem, n + 1, struct group_cell)) == NULL)
		code = err_nomem(e);
	return code;
}

/* A row for good: with the cells that nobody had asked for so far. */
static int
keep_row(struct agg_table *t, struct group *g, struct agg_row row, struct agg_row_list *l,
    struct err *e)
{
	size_t bytes = t->g->n_aggs * (t->g->versus ? 2 : 1) * sizeof *row.cells;
	struct group_cell *v;
	int code = cells_room(t, &v, e);

	if (code < 0)
		return code;
	memcpy(v, row.cells, bytes);
	if ((code = group_cells(t, g, false, v, e)) < 0)
		return code;
	row.cells = v;
	return l == &t->rows ? top_add(t, row, e) : row_add(t, l, row, e);
}

static int
take_row(struct agg_table *t, struct group *g, bool none, struct err *e)
{
	struct agg_row row = { .bucket = g->bucket, .group = g, .cells = t->scratch };
	int code = group_cells(t, g, true, t->scratch, e);

	if (code < 0)
		return code;
	if (!none && all_hold(t->g, row.cells))
		return top_takes(t, &row) ? keep_row(t, g, row, &t->rows, e) : 0;
	/* What is no row: its earlier side stands beside the one that fill makes in its place. */
	if (t->g->fill == FILL_NONE || g->side[SIDE_BEFORE].count == 0)
		return 0;
	return keep_row(t, g, row, &t->before, e);
}

static int
take_group(struct agg_table *t, struct group *g, struct err *e)
{
	bool single = t->g->n_keys == 0 && !t->g->has_bucket;
	bool none = g->side[SIDE_NOW].count == 0 && !single;
	int code = agg_check(t, e);

	if (code < 0)
		return code;
	if (none && t->g->fill == FILL_NONE)
		return 0;
	if (t->g->distinct && g->key.n == 1 && g->key.p[0] == KEY_NULL)
		return 0;
	code = take_row(t, g, none, e);
	group_drop_states(t, g);
	return code;
}

/* Bytes of rows in memory, past which they go to a run. */
static size_t
rows_share(const struct agg_table *t)
{
	size_t share = t->opt.memory / 4;

	return t->room < share ? t->room : share;
}

int
table_take_groups(struct agg_table *t, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < t->n_groups; i++) {
		code = take_group(t, t->groups[i], e);
		if (code == 0 && t->runs != NULL &&
		    t->row_bytes + t->rows.n * sizeof *t->rows.v > rows_share(t))
			code = row_runs_put(t, e);
	}
	return code;
}

uint64_t
agg_n_compared(const struct agg_table *t)
{
	return t->n_compared;
}

uint64_t
agg_n_decoded(const struct agg_table *t)
{
	return t->mem.n_decoded;
}

size_t
agg_n_rows(const struct agg_table *t)
{
	return t->rows.n + (size_t)row_runs_n(t->runs);
}

/* ---- cells and columns ---- */

int
agg_cells(struct agg_table *t, size_t from, size_t n, struct group_cell *out, struct err *e)
{
	int code = 0;

	if (row_runs_n(t->runs) != 0)
		return row_runs_cells(t, from, n, out, e);
	for (size_t i = 0; code == 0 && i < n; i++) {
		for (size_t k = 0; k < t->g->n_columns; k++)
			*out++ = row_cell(t, &t->rows.v[from + i], &t->g->columns[k]);
		code = agg_check(t, e);
	}
	return code;
}

static void
describe(const struct grouping *g, const struct group_ref *ref, struct group_column *c)
{
	static const enum group_column_role roles[] = {
		[REF_BUCKET] = COLUMN_BUCKET, [REF_KEY] = COLUMN_KEY, [REF_AGG] = COLUMN_AGG,
		[REF_PREV] = COLUMN_PREV, [REF_DELTA] = COLUMN_DELTA,
	};
	const struct field *f;

	c->role = roles[ref->kind];
	if (ref->kind == REF_BUCKET)
		return;
	if (ref->kind == REF_KEY) {
		f = &g->keys[ref->i];
		c->duration = field_type(f) == FT_DURATION;
		return;
	}
	c->duration = agg_type(&g->aggs[ref->i]) == FT_DURATION ||
	    (agg_type(&g->aggs[ref->i]) == FT_TIME && ref->kind == REF_DELTA);
	c->share = g->aggs[ref->i].kind == AGG_ERROR_RATE;
}

int
agg_columns(struct agg_table *t, struct group_column **out, size_t *n, struct err *e)
{
	const struct grouping *g = t->g;
	struct group_column *v = arena_array(&t->arena, g->n_columns + 1, struct group_column);
	struct buf b = BUF_INIT;
	int code = v == NULL ? err_nomem(e) : 0;

	for (size_t i = 0; code == 0 && i < g->n_columns; i++) {
		b.n = 0;
		group_column_print(&b, g, &g->columns[i]);
		v[i].name = arena_sv(&t->arena, buf_view(&b));
		describe(g, &g->columns[i], &v[i]);
		if (b.oom || (v[i].name.p == NULL && b.n != 0))
			code = err_nomem(e);
	}
	buf_release(&b);
	*out = v;
	*n = g->n_columns;
	return code;
}
