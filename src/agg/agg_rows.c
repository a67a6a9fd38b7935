/* SPDX-License-Identifier: ISC */
/*
 * agg_rows: groups to rows. First having, then fill (agg_fill.c), then the order: that of sort, else
 * and among equal ones the bucket, then the keys; null comes last both ways.
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

/* Everything is one group, of nothing too. */
static int
need_single(struct agg_table *t, struct err *e)
{
	if (t->g->n_keys != 0 || t->g->has_bucket || t->n_groups != 0)
		return 0;
	return table_need_group(t, e);
}

/* What is no row: its earlier side stands beside the one that fill makes in its place. */
static int
keep_before(struct agg_table *t, struct agg_row row, struct err *e)
{
	if (t->g->fill == FILL_NONE || row.group->side[SIDE_BEFORE].count == 0)
		return 0;
	return row_add(t, &t->before, row, e);
}

static int
take_group(struct agg_table *t, struct group *g, struct err *e)
{
	struct agg_row row = { .bucket = g->bucket, .group = g };
	bool single = t->g->n_keys == 0 && !t->g->has_bucket;
	bool none = g->side[SIDE_NOW].count == 0 && !single;
	int code = agg_check(t, e);

	if (code < 0)
		return code;
	if (none && t->g->fill == FILL_NONE)
		return 0;
	if (t->g->distinct && g->key.n == 1 && g->key.p[0] == KEY_NULL)
		return 0;
	code = group_cells(t, g, &row.cells, e);
	if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
		code = group_cells(t, g, &row.cells, e);
	if (code < 0)
		return code;
	group_drop_states(t, g);
	if (none || !all_hold(t->g, row.cells))
		return keep_before(t, row, e);
	return row_add(t, &t->rows, row, e);
}

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
	struct agg_table *t = x->t;
	const struct agg_row *a = p, *b = q;
	int c = 0;

	if (x->code < 0 || (x->code = agg_check(t, x->e)) < 0)
		return 0;
	for (size_t i = 0; c == 0 && i < t->g->n_sort; i++)
		c = cmp_ref(t, &t->g->sort[i], a, b);
	if (c == 0)
		c = cmp_bucket(a, b);
	for (size_t i = 0; c == 0 && a->group != b->group && i < t->g->n_keys; i++)
		c = cmp_key(t, a, b, i, false);
	return c;
}

int
agg_finish(struct agg_table *t, struct err *e)
{
	struct ordering x = { t, e, 0 };
	int code = trace_items_end(t, e);

	if (code == 0)
		code = need_single(t, e);
	for (size_t i = 0; code == 0 && i < t->n_groups; i++)
		code = take_group(t, t->groups[i], e);
	if (code == 0 && t->g->fill != FILL_NONE)
		code = rows_fill(t, e);
	if (code == 0 && t->rows.n > 1)
		qsort_r(t->rows.v, t->rows.n, sizeof *t->rows.v, by_order, &x);
	return code < 0 ? code : x.code;
}

size_t
agg_n_rows(const struct agg_table *t)
{
	return t->rows.n;
}

/* ---- cells and columns ---- */

/* Now less then: exact as sums are; of times and integers an integer. */
static struct group_cell
difference(const struct group_cell *now, const struct group_cell *then)
{
	struct number a = cell_number(now), b = cell_number(then), d;

	if (a.kind == NUMBER_NONE || b.kind == NUMBER_NONE)
		return (struct group_cell){ .kind = GROUP_NULL };
	if (a.kind == NUMBER_DOUBLE || b.kind == NUMBER_DOUBLE)
		d = number_double(number_to_double(a) - number_to_double(b));
	else
		d = number_i128((a.kind == NUMBER_I64 ? (__int128)a.i : (__int128)a.u) -
		    (b.kind == NUMBER_I64 ? (__int128)b.i : (__int128)b.u));
	if (d.kind == NUMBER_DOUBLE)
		return (struct group_cell){ .kind = GROUP_VALUE,
		    .value = { .type = VAL_DOUBLE, .d = d.d } };
	return (struct group_cell){ .kind = GROUP_VALUE,
	    .value = { .type = VAL_INT, .i = d.i } };
}

struct group_cell
row_cell(const struct agg_table *t, const struct agg_row *row, const struct group_ref *ref)
{
	struct group_cell null = { .kind = GROUP_NULL };
	size_t n = t->g->n_aggs;

	switch (ref->kind) {
	case REF_BUCKET:
		return (struct group_cell){ .kind = GROUP_TIME, .time = row->bucket };
	case REF_KEY:
		return key_cell(t, row->group, ref->i);
	case REF_AGG:
		return row->cells[ref->i];
	case REF_PREV:
		return row->no_before ? null : row->cells[n + ref->i];
	case REF_DELTA:
		return row->no_before ? null :
		    difference(&row->cells[ref->i], &row->cells[n + ref->i]);
	}
	return null;
}

int
agg_cells(struct agg_table *t, size_t from, size_t n, struct group_cell *out, struct err *e)
{
	int code = 0;

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
