/* SPDX-License-Identifier: ISC */
/*
 * agg_unspill: the end of a table whose groups are in a file (spill_i.h). A partition at a time is
 * read back and its groups merged; they become rows, and go. Rows are kept apart from the groups they
 * come of: the first few in a heap (agg_top.c), all of them in memory, or in sorted runs (row_runs.c).
 */
#include <stdlib.h>

#include "agg_bytes_i.h"
#include "agg_i.h"

#define ROW_BYTES 256			/* about what a row takes beside its cells */
#define GARBAGE_SHARE 32		/* of memory, that rows which came and went may take */

/* ---- rows apart from groups ---- */

static int
own_group(struct agg_table *t, struct arena *a, struct agg_row *row, struct err *e)
{
	struct group *g;
	int code = agg_take(&t->mem, sizeof *g + row->group->key.n, e);

	if (code < 0)
		return code;
	t->row_bytes += sizeof *g + row->group->key.n;
	if ((g = arena_new(a, struct group)) == NULL)
		return err_nomem(e);
	g->bucket = row->group->bucket;
	g->key = arena_sv(a, row->group->key);
	g->owned = true;
	if (g->key.p == NULL && row->group->key.n != 0)
		return err_nomem(e);
	row->group = g;
	return 0;
}

static int
own_rows(struct agg_table *t, struct agg_row_list *l, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < l->n; i++)
		if (!l->v[i].group->owned)
			code = own_group(t, &t->row_mem, &l->v[i], e);
	return code;
}

static size_t
bytes_of_row(const struct agg_table *t, const struct agg_row *row)
{
	size_t n = row_n_cells(t), bars = 0;

	for (size_t i = 0; i < n; i++)
		bars += row->cells[i].kind == GROUP_HIST ? row->cells[i].n_bars : 0;
	return n * sizeof(struct group_cell) + bars * sizeof(struct hist_bar) +
	    sizeof(struct group) + row->group->key.n;
}

/* The memory of rows that a heap took in and dropped again is given up now and then. */
static int
pack_heap(struct agg_table *t, struct err *e)
{
	struct arena a;
	int code = 0;

	if (!t->top || t->row_bytes < 2 * t->heap_bytes + t->opt.memory / GARBAGE_SHARE)
		return 0;
	t->heap_bytes = 0;
	arena_init(&a);
	for (size_t i = 0; code == 0 && i < t->rows.n; i++) {
		code = row_copy(t, &a, &t->rows.v[i], e);
		t->heap_bytes += bytes_of_row(t, &t->rows.v[i]);
	}
	arena_release(&t->row_mem);
	t->row_mem = a;
	t->mem.used -= t->row_bytes - t->heap_bytes;
	t->row_bytes = t->heap_bytes;
	return code;
}

/* ---- partitions ---- */

static int
load_extent(struct agg_table *t, const struct spill_extent *x, struct buf *b, struct err *e)
{
	struct cursor c;
	int code = spill_get(t->spill, x, b, e);

	c = cursor_new(b->p, b->n);
	for (uint64_t i = 0; code == 0 && i < x->n_items; i++)
		if ((code = table_make_room(t, e)) == 0 && (code = agg_check(t, e)) == 0)
			code = agg_get_group(t, &c, e);
	if (code == 0 && (c.bad || cursor_left(&c) != 0))
		code = err_set(e, ERR_IO, -1, "spilled groups don't read back");
	return code;
}

static int
load_part(struct agg_table *t, const struct spill_extents *l, struct err *e)
{
	struct buf b = BUF_INIT;
	int code = 0;

	for (size_t i = 0; code == 0 && i < l->n; i++)
		code = load_extent(t, &l->v[i], &b, e);
	buf_release(&b);
	return code;
}

/* The groups of a partition, which are all in memory. */
static int
end_part(struct agg_table *t, struct err *e)
{
	int code = table_take_groups(t, e);

	if (code == 0 && (code = own_rows(t, &t->rows, e)) == 0)
		code = own_rows(t, &t->before, e);
	if (code == 0)
		code = pack_heap(t, e);
	t->n_ended += t->n_groups;
	table_drop_groups(t);
	t->kept_bytes = t->mem.used;
	return code;
}

static int take_parts(struct agg_table *, const struct spill_parts *, unsigned level, struct err *);

static int
take_part(struct agg_table *t, const struct spill_extents *l, unsigned level, struct err *e)
{
	struct spill_parts *sub;
	int code;

	if ((sub = malloc(sizeof *sub)) == NULL)
		return err_nomem(e);
	spill_parts_init(sub);
	t->spill_level = level + 1;
	t->spill_to = level + 1 < SPILL_LEVELS ? sub : NULL;
	code = load_part(t, l, e);
	if (code == 0 && sub->n_groups == 0)
		code = end_part(t, e);
	else if (code == 0 && (code = table_spill(t, e)) == 0)
		code = take_parts(t, sub, level + 1, e);
	t->spill_to = NULL;
	spill_parts_release(sub);
	free(sub);
	return code;
}

/* Recursion is as deep as there are levels. */
static int
take_parts(struct agg_table *t, const struct spill_parts *parts, unsigned level, struct err *e)
{
	int code = 0;

	for (size_t p = 0; code == 0 && p < SPILL_PARTS; p++)
		if (parts->v[p].n != 0)
			code = take_part(t, &parts->v[p], level, e);
	return code;
}

bool
table_is_spilled(const struct agg_table *t)
{
	return t->spill != NULL && t->spill->parts.n_groups != 0;
}

/*
 * Groups that fit may leave no room for their rows, which stand beside them to the end: a row in a
 * list that doubles, and its cells. Those of a partition at a time need less.
 */
bool
table_must_spill(const struct agg_table *t)
{
	size_t n = t->opt.keep != 0 && t->opt.keep < t->n_groups ? t->opt.keep : t->n_groups;
	size_t left = t->mem.limit > t->mem.used ? t->mem.limit - t->mem.used : 0;
	size_t row = 2 * sizeof(struct agg_row) + row_n_cells(t) * sizeof(struct group_cell);

	return table_is_spilled(t) || (n > left / row && table_can_spill(t));
}

int
table_end_spilled(struct agg_table *t, struct err *e)
{
	size_t row = ROW_BYTES + row_n_cells(t) * sizeof(struct group_cell);
	size_t share = t->opt.memory / 8;
	int code = table_spill(t, e);

	t->top = t->opt.keep != 0 && t->opt.keep <= share / row;
	if (code == 0 && !t->top && t->g->fill == FILL_NONE)
		code = row_runs_new(t, &t->runs, e);
	/* Half of the memory for a partition; of the rest, half for rows. */
	if (t->room > t->opt.memory / 2)
		t->room = t->opt.memory / 2;
	return code < 0 ? code : take_parts(t, &t->spill->parts, 0, e);
}
