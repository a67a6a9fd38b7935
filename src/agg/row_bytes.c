/* SPDX-License-Identifier: ISC */
/*
 * row_bytes: rows of groups apart from the groups they come of: copied, and as bytes of the spill
 * file:
 *
 *   i128 bucket, v bytes key, of each cell: u8 kind, then by it nothing, u64, i128, u32, or
 *   u8 type and u64 (a value), or u32 bars (u8 is an integer, u64 upper, u64 count)
 */
#include "agg_i.h"

size_t
row_n_cells(const struct agg_table *t)
{
	return t->g->n_aggs * (t->g->versus ? 2 : 1);
}

int
row_copy(struct agg_table *t, struct arena *a, struct agg_row *row, struct err *e)
{
	size_t n = row_n_cells(t);
	struct group_cell *cells = arena_array(a, n + 1, struct group_cell);
	struct group *g = arena_new(a, struct group);

	if (cells == NULL || g == NULL)
		return err_nomem(e);
	*g = (struct group){ .bucket = row->group->bucket, .owned = true,
	    .key = arena_sv(a, row->group->key) };
	if (g->key.p == NULL && row->group->key.n != 0)
		return err_nomem(e);
	memcpy(cells, row->cells, n * sizeof *cells);
	for (size_t i = 0; i < n; i++) {
		size_t bars = cells[i].kind == GROUP_HIST ? cells[i].n_bars : 0;
		struct hist_bar *v = bars == 0 ? NULL : arena_array(a, bars, struct hist_bar);

		if (bars == 0)
			continue;
		if (v == NULL)
			return err_nomem(e);
		memcpy(v, cells[i].bars, bars * sizeof *v);
		cells[i].bars = v;
	}
	row->group = g;
	row->cells = cells;
	return 0;
}

/* ---- out ---- */

static void
put_value(struct buf *b, const struct value *v)
{
	uint64_t bits = (uint64_t)v->i;

	if (v->type == VAL_DOUBLE)
		memcpy(&bits, &v->d, sizeof bits);
	buf_putc(b, (char)v->type);
	buf_le(b, bits, 8);
}

static void
put_bars(struct buf *b, const struct group_cell *c)
{
	buf_le(b, c->n_bars, 4);
	for (uint32_t i = 0; i < c->n_bars; i++) {
		const struct hist_bar *x = &c->bars[i];
		uint64_t upper = (uint64_t)x->i;

		if (!x->is_int)
			memcpy(&upper, &x->d, sizeof upper);
		buf_putc(b, x->is_int);
		buf_le(b, upper, 8);
		buf_le(b, x->n, 8);
	}
}

static void
put_i128(struct buf *b, __int128 x)
{
	buf_le(b, (uint64_t)x, 8);
	buf_le(b, (uint64_t)(x >> 64), 8);
}

static void
put_cell(struct buf *b, const struct group_cell *c)
{
	buf_putc(b, (char)c->kind);
	switch (c->kind) {
	case GROUP_NULL:
		return;
	case GROUP_UINT:
		buf_le(b, c->u, 8);
		return;
	case GROUP_TIME:
		put_i128(b, c->time);
		return;
	case GROUP_KIND:
	case GROUP_STATUS:
		buf_le(b, (uint32_t)c->number, 4);
		return;
	case GROUP_VALUE:
		put_value(b, &c->value);
		return;
	case GROUP_HIST:
		put_bars(b, c);
		return;
	}
}

void
row_put(struct buf *b, const struct agg_table *t, const struct agg_row *row)
{
	put_i128(b, row->bucket);
	buf_varint(b, row->group->key.n);
	buf_sv(b, row->group->key);
	for (size_t i = 0; i < row_n_cells(t); i++)
		put_cell(b, &row->cells[i]);
}

/* ---- back ---- */

static __int128
get_i128(struct cursor *c)
{
	uint64_t lo = cursor_u64(c), hi = cursor_u64(c);

	return (__int128)((unsigned __int128)hi << 64 | lo);
}

static struct value
get_value(struct cursor *c)
{
	struct value v = { .type = (enum value_type)cursor_u8(c) };
	uint64_t bits = cursor_u64(c);

	if (v.type == VAL_DOUBLE)
		memcpy(&v.d, &bits, sizeof v.d);
	else
		v.i = (int64_t)bits;
	return v;
}

static int
get_bars(struct cursor *c, struct group_cell *cell, struct arena *a, struct err *e)
{
	struct hist_bar *v;

	cell->n_bars = cursor_u32(c);
	if (c->bad || cell->n_bars > cursor_left(c) / 17)
		return err_set(e, ERR_IO, -1, "spilled rows don't read back");
	if ((v = arena_array(a, (size_t)cell->n_bars + 1, struct hist_bar)) == NULL)
		return err_nomem(e);
	for (uint32_t i = 0; i < cell->n_bars; i++) {
		uint64_t upper;

		v[i].is_int = cursor_u8(c) != 0;
		upper = cursor_u64(c);
		v[i].n = cursor_u64(c);
		if (v[i].is_int)
			v[i].i = (int64_t)upper;
		else
			memcpy(&v[i].d, &upper, sizeof v[i].d);
	}
	cell->bars = v;
	return 0;
}

static int
get_cell(struct cursor *c, struct group_cell *cell, struct arena *a, struct err *e)
{
	*cell = (struct group_cell){ .kind = (enum group_cell_kind)cursor_u8(c) };
	switch (cell->kind) {
	case GROUP_NULL:
		return 0;
	case GROUP_UINT:
		cell->u = cursor_u64(c);
		return 0;
	case GROUP_TIME:
		cell->time = get_i128(c);
		return 0;
	case GROUP_KIND:
	case GROUP_STATUS:
		cell->number = (int32_t)cursor_u32(c);
		return 0;
	case GROUP_VALUE:
		cell->value = get_value(c);
		return 0;
	case GROUP_HIST:
		return get_bars(c, cell, a, e);
	}
	c->bad = true;
	return 0;
}

int
row_get(struct agg_table *t, struct cursor *c, struct group *g, struct group_cell *cells,
    struct arena *bars, struct err *e)
{
	int code = 0;

	*g = (struct group){ .bucket = get_i128(c), .owned = true };
	g->key = cursor_str(c);
	for (size_t i = 0; code == 0 && i < row_n_cells(t); i++)
		code = get_cell(c, &cells[i], bars, e);
	if (code == 0 && c->bad)
		code = err_set(e, ERR_IO, -1, "spilled rows don't read back");
	return code;
}
