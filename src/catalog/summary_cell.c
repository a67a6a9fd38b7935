/* SPDX-License-Identifier: ISC */
/*
 * summary_cell: cells over all shards: rows, errors and durations add up exactly; of the values
 * of a field in a cell the CELL_VALUES most frequent that shards name are kept, and how many
 * different ones there are is the most that any shard has.
 */
#include "summary_i.h"

#include <stdlib.h>

void
cell_acc_free(struct cell_acc *c)
{
	vec_release(&c->fields);
	free(c);
}

void
cell_field_acc_free(struct cell_field_acc *x)
{
	for (uint32_t i = 0; i < x->n; i++)
		kept_value_release(&x->values[i]);
	free(x);
}

/* ---- one shard's ---- */

static int
new_cell(struct summary_maker *m, const struct shard_cell *c, struct err *e)
{
	struct cell_acc *x = calloc(1, sizeof *x);

	if (x == NULL || !vec_push(&m->cells, x)) {
		free(x);
		return err_nomem(e);
	}
	x->all = c->all;
	x->service = arena_sv(&m->arena, c->service);
	x->name = arena_sv(&m->arena, c->name);
	return (c->service.n != 0 && x->service.p == NULL) ||
	    (c->name.n != 0 && x->name.p == NULL) ? err_nomem(e) : 0;
}

/* *out NULL: there are too many already. */
static int
find_cell(struct summary_maker *m, const struct shard_cell *c, uint32_t *out, struct err *e)
{
	struct buf key = BUF_INIT;
	bool fresh = false;
	uint64_t *at = NULL;
	int rc;

	*out = UINT32_MAX;
	buf_putc(&key, c->all);
	buf_varint(&key, c->service.n);
	buf_sv(&key, c->service);
	buf_sv(&key, c->name);
	if ((rc = buf_ok(&key, e)) == 0) {
		at = map_get(&m->cell_at, buf_view(&key));
		if (at == NULL && m->cells.n < SUMMARY_CELLS) {
			if ((at = map_put(&m->cell_at, buf_view(&key), &fresh)) == NULL)
				rc = err_nomem(e);
			else {
				*at = m->cells.n;
				rc = new_cell(m, c, e);
			}
		}
	}
	if (rc == 0 && at != NULL)
		*out = (uint32_t)*at;
	buf_release(&key);
	return rc;
}

static int
find_entry(struct summary_maker *m, uint32_t cell, uint32_t field, struct cell_field_acc **out,
    struct err *e)
{
	uint32_t key[2] = { cell, field };
	struct sv k = sv_new((const char *)key, sizeof key);
	uint64_t *at = map_get(&m->entry_at, k);
	struct cell_field_acc *x;

	*out = NULL;
	if (at != NULL) {
		*out = m->entries.v[*at];
		return 0;
	}
	if (m->entries.n >= SUMMARY_ENTRIES)
		return 0;
	if ((x = calloc(1, sizeof *x)) == NULL || !vec_push(&m->entries, x)) {
		free(x);
		return err_nomem(e);
	}
	x->field = field;
	if ((at = map_put(&m->entry_at, k, NULL)) == NULL ||
	    !vec_push(&m->cells.v[cell]->fields, (uint32_t)(m->entries.n - 1)))
		return err_nomem(e);
	*at = m->entries.n - 1;
	*out = x;
	return 0;
}

/* Where there is no room the rarest makes it, if that is rarer. */
static int
add_value(struct cell_field_acc *x, const struct value *v, uint64_t hash, double rows,
    struct err *e)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < x->n; i++) {
		if (x->values[i].hash == hash) {
			x->values[i].rows += rows;
			return 0;
		}
		if (x->values[i].rows < x->values[at].rows)
			at = i;
	}
	if (x->n < CELL_VALUES)
		at = x->n++;
	else if (x->values[at].rows >= rows)
		return 0;
	else
		kept_value_release(&x->values[at]);
	if (!kept_value_set(&x->values[at], v, hash))
		return err_nomem(e);
	x->values[at].rows = rows;
	return 0;
}

static int
add_entry(struct cell_field_acc *x, const struct cell_column *c, struct err *e)
{
	int rc = 0;

	x->n_present += (double)c->n_present;
	if (x->n_distinct < (double)c->n_distinct)
		x->n_distinct = (double)c->n_distinct;
	if (c->has_range) {
		if (!x->has_range || c->min < x->min)
			x->min = c->min;
		if (!x->has_range || c->max > x->max)
			x->max = c->max;
		x->has_range = true;
	}
	for (unsigned i = 0; i < c->n_top && rc == 0; i++)
		rc = add_value(x, &c->top[i].val, c->top_hash[i], (double)c->top[i].n_rows, e);
	return rc;
}

/* Of parents only whether there is one: those are the values other than 0. */
static struct cell_column
parents_of(const struct cell_column *c)
{
	struct cell_column x = *c;

	for (unsigned i = 0; i < c->n_top; i++)
		if (c->top[i].val.type == VAL_INT && c->top[i].val.i == 0)
			x.n_present -= c->top[i].n_rows;
	x.n_distinct = x.n_present;
	x.n_top = 0;
	return x;
}

static int
add_column(struct summary_maker *m, const struct column *col, const struct column_more *more,
    const uint32_t *cell_of, uint32_t field, struct err *e)
{
	struct cell_field_acc *x;
	int rc;

	for (size_t i = 0; i < more->n_cells; i++) {
		struct cell_column c = more->cells[i];

		if (col->id == COL_PARENT)
			c = parents_of(&c);
		/* Footers say of parents only that all spans have the column. */
		if (col->id == COL_PARENT)
			m->fields.v[field]->n_present -=
			    (double)(more->cells[i].n_present - c.n_present);
		if (c.n_present == 0 || cell_of[c.cell] == UINT32_MAX)
			continue;
		if ((rc = find_entry(m, cell_of[c.cell], field, &x, e)) != 0 ||
		    (x != NULL && (rc = add_entry(x, &c, e)) != 0))
			return rc;
	}
	return 0;
}

static void
add_hists(struct cell_acc *x, const struct shard_cell *c)
{
	for (unsigned h = 0; h < N_STATS_HIST; h++)
		for (size_t k = 0; k < c->n_hist[h]; k++)
			x->hist[h][c->hist[h][k].bucket] += (float)c->hist[h][k].n_rows;
}

int
cells_add(struct summary_maker *m, const struct shard_info *info, const struct shard_more *more,
    const uint32_t *field_of, struct err *e)
{
	uint32_t *cell_of = calloc(more->n_cells + 1, sizeof *cell_of);
	int rc = cell_of == NULL ? err_nomem(e) : 0;

	for (size_t i = 0; i < more->n_cells && rc == 0; i++) {
		const struct shard_cell *c = &more->cells[i];
		struct cell_acc *x;

		if ((rc = find_cell(m, c, &cell_of[i], e)) != 0 || cell_of[i] == UINT32_MAX)
			continue;
		x = m->cells.v[cell_of[i]];
		x->n_rows += (double)c->n_rows;
		x->n_errors += (double)c->n_errors;
		m->cell_rows += (double)c->n_rows;
		add_hists(x, c);
	}
	for (size_t i = 0; i < info->n_columns && rc == 0; i++)
		if (field_of[i] != UINT32_MAX)
			rc = add_column(m, &info->columns[i], &more->columns[i], cell_of,
			    field_of[i], e);
	free(cell_of);
	return rc;
}

/* ---- publishing ---- */

static int
by_rows(const void *a, const void *b)
{
	const struct stats_cell_value *x = a, *y = b;

	if (x->n_rows != y->n_rows)
		return x->n_rows > y->n_rows ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int
publish_entry(const struct cell_field_acc *x, uint32_t field, struct stats_cell_field *out,
    struct arena *a, struct err *e)
{
	struct stats_cell_value *v = arena_array(a, x->n + 1, struct stats_cell_value);

	if (v == NULL)
		return err_nomem(e);
	for (uint32_t i = 0; i < x->n; i++) {
		const struct kept_value *k = &x->values[i];

		v[i] = (struct stats_cell_value){ k->hash, k->val, k->rows };
		if (k->text != NULL && (v[i].val.s = arena_sv(a, k->val.s)).p == NULL)
			return err_nomem(e);
	}
	qsort(v, x->n, sizeof *v, by_rows);
	*out = (struct stats_cell_field){
		.field = field, .n_top = x->n, .n_present = x->n_present,
		.n_distinct = x->n_distinct, .top = v, .has_range = x->has_range,
		.min = x->min, .max = x->max,
	};
	return 0;
}

static int
by_field(const void *a, const void *b)
{
	const struct stats_cell_field *x = a, *y = b;

	return (x->field > y->field) - (x->field < y->field);
}

static int
publish_cell(const struct summary_maker *m, const struct cell_acc *c, const uint32_t *new_field,
    struct stats_cell *out, struct arena *a, struct err *e)
{
	struct stats_cell_field *v = arena_array(a, c->fields.n + 1, struct stats_cell_field);
	float *d = arena_array(a, N_STATS_HIST * (CELL_BUCKETS + 1), float);
	int rc = 0;

	*out = (struct stats_cell){
		.service = arena_sv(a, c->service), .name = arena_sv(a, c->name), .all = c->all,
		.n_rows = c->n_rows, .n_errors = c->n_errors, .fields = v,
		.n_fields = (uint32_t)c->fields.n,
	};
	if (v == NULL || d == NULL || (out->service.p == NULL && c->service.n != 0) ||
	    (out->name.p == NULL && c->name.n != 0))
		return err_nomem(e);
	for (unsigned h = 0; h < N_STATS_HIST; h++, d += CELL_BUCKETS + 1) {
		out->hist[h] = d;
		for (unsigned i = 0; i < CELL_BUCKETS; i++)
			d[i + 1] = d[i] + c->hist[h][i];
	}
	for (size_t i = 0; i < c->fields.n && rc == 0; i++) {
		const struct cell_field_acc *x = m->entries.v[c->fields.v[i]];

		rc = publish_entry(x, new_field[x->field], &v[i], a, e);
	}
	if (rc == 0)
		qsort(v, c->fields.n, sizeof *v, by_field);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	const struct stats_cell *x = a, *y = b;
	int c = sv_cmp(x->service, y->service);

	return c != 0 ? c : sv_cmp(x->name, y->name);
}

int
cells_publish(const struct summary_maker *m, const uint32_t *new_field,
    struct stats_summary *s, struct arena *a, struct err *e)
{
	struct stats_cell *v = arena_array(a, m->cells.n + 1, struct stats_cell);
	int rc = v == NULL ? err_nomem(e) : 0;

	for (size_t i = 0; i < m->cells.n && rc == 0; i++)
		rc = publish_cell(m, m->cells.v[i], new_field, &v[i], a, e);
	if (rc == 0)
		qsort(v, m->cells.n, sizeof *v, by_name);
	s->cells = v;
	s->n_cells = (uint32_t)m->cells.n;
	s->cell_rows = m->cell_rows;
	return rc;
}
