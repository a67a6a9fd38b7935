/* SPDX-License-Identifier: ISC */
/*
 * gather_parent: a field of the parent spans of the rows. COL_PARENT and the trace table say which
 * rows these are, in any row group of the shard; or the caller does, of another shard. The different ones are gathered like any other
 * rows, row group by row group, and what they have is brought back to those that asked.
 */
#include "gather_i.h"

#include "base/bitmap.h"

/* Different parents that lie in one row group. */
struct near {
	uint32_t group, n, base;	/* base: place of the first among all */
	uint32_t *rows;			/* of the row group, rising */
};

struct gather_parents {
	struct shard *s;		/* that they are in */
	const struct shard_info *info;
	uint32_t *row;			/* by row of the gather: the parent's in the shard, or GATHER_NOBODY */
	uint32_t *place;		/* alike: its place among the different ones */
	struct near *near;
	uint32_t n_near, n;		/* n: different ones */
};

/* ---- which rows ---- */

static int
find_rows(struct gather *x, struct gather_parents *p)
{
	struct gather_reading r;
	int rc;

	if (x->told != NULL) {
		memcpy(p->row, x->told->parent, x->n * sizeof *p->row);
		return 0;
	}
	if ((rc = gather_whole(x, COL_TRACE, &x->trace)) < 0 ||
	    (rc = gather_fixed(x, COL_PARENT, &r)) < 0)
		return rc;
	for (uint32_t i = 0; i < x->n; i++)
		p->row[i] = GATHER_NOBODY;
	while (gather_piece(&r))
		for (uint32_t i = 0; i < r.n_v; i++)
			if (r.v[i] >= 2)
				p->row[gather_row(&r, i)] = tracerows_at(x->traces,
				    (uint32_t)x->trace[gather_row(&r, i)], (uint32_t)r.v[i] - 2);
	return 0;
}

/* Those of each row group, listed from the bits of all. */
static int
list_near(struct gather *x, struct gather_parents *p, const uint64_t *bits, uint32_t *place_of)
{
	const struct shard_info *info = p->info;
	uint32_t *all = arena_array(x->mem, x->n + 1, uint32_t);

	p->near = arena_array(x->mem, info->n_row_groups, struct near);
	if (all == NULL || p->near == NULL)
		return err_nomem(x->e);
	p->n = (uint32_t)bitmap_list(bits, info->n_rows, 0, all);
	for (uint32_t i = 0, g = 0; i < p->n; i++) {
		struct near *at = p->n_near == 0 ? NULL : &p->near[p->n_near - 1];

		place_of[all[i]] = i;
		while (all[i] >= info->row_groups[g].row_to)
			g++;
		if (at == NULL || at->group != g) {
			at = &p->near[p->n_near++];
			*at = (struct near){ g, 0, i, all + i };
		}
		at->n++;
		all[i] -= info->row_groups[g].row_from;
	}
	return 0;
}

static int
find_parents(struct gather *x)
{
	struct gather_parents *p = arena_new(x->mem, struct gather_parents);
	struct shard *s = x->told != NULL ? x->told->parents_in : x->s;
	uint64_t n = shard_info(s)->n_rows;
	uint64_t *bits = arena_calloc(x->mem, BITMAP_WORDS(n) + 1, sizeof *bits);
	uint32_t *place_of = arena_alloc(x->mem, n * sizeof *place_of);
	int rc;

	if (p == NULL || bits == NULL || place_of == NULL)
		return err_nomem(x->e);
	p->s = s;
	p->info = shard_info(s);
	p->row = arena_array(x->mem, x->n, uint32_t);
	p->place = arena_array(x->mem, x->n, uint32_t);
	if (p->row == NULL || p->place == NULL)
		return err_nomem(x->e);
	if ((rc = find_rows(x, p)) < 0)
		return rc;
	for (uint32_t i = 0; i < x->n; i++)
		if (p->row[i] != GATHER_NOBODY)
			bitmap_set(bits, p->row[i]);
	if ((rc = list_near(x, p, bits, place_of)) < 0)
		return rc;
	for (uint32_t i = 0; i < x->n; i++)
		p->place[i] = p->row[i] == GATHER_NOBODY ? 0 : place_of[p->row[i]];
	x->parents = p;
	return 0;
}

/* ---- what they have ---- */

/* By place of the different parents. */
struct brought {
	struct agg_column like;		/* kind, type, and what codes mean */
	uint32_t *codes;
	uint64_t *numbers;
	uint8_t *present;
};

static int
brought_init(struct gather *x, struct brought *b, const struct agg_column *first)
{
	uint32_t n = x->parents->n;

	b->like = *first;
	if (first->kind == AGG_COLUMN_CODES)
		return (b->codes = gather_no_codes(x, n)) == NULL ? err_nomem(x->e) : 1;
	b->numbers = arena_array(x->mem, n + 1, uint64_t);
	b->present = arena_calloc(x->mem, n + 1, 1);
	return b->numbers == NULL || b->present == NULL ? err_nomem(x->e) : 1;
}

/* 0: they are not alike, as where a key has numbers here and texts there. */
static int
bring(struct gather *x, struct brought *b, const struct near *at, const struct agg_column *c)
{
	int rc;

	if (c->kind == AGG_COLUMN_NONE)
		return 1;
	if (b->like.kind == AGG_COLUMN_NONE && (rc = brought_init(x, b, c)) < 0)
		return rc;
	if (b->like.kind != c->kind || (c->kind == AGG_COLUMN_CODES ?
	    b->like.value != c->value || b->like.n_codes != c->n_codes : b->like.type != c->type))
		return 0;
	for (uint32_t i = 0; i < at->n; i++)
		if (c->kind == AGG_COLUMN_CODES)
			b->codes[at->base + i] = c->codes[i];
		else {
			b->numbers[at->base + i] = c->numbers[i];
			b->present[at->base + i] = c->present == NULL || c->present[i] != 0;
		}
	return 1;
}

/* The rows of one row group; its pins go over. */
static int
gather_near(struct gather *x, const struct field *f, const struct near *at, struct brought *b)
{
	struct gather y = { .s = x->parents->s, .group = at->group, .rows = at->rows, .n = at->n,
		.mem = x->mem, .e = x->e };
	struct agg_column c = { .kind = AGG_COLUMN_NONE };
	int rc = gather_begin(&y);

	y.pins = x->pins;
	if (rc == 0 && (rc = gather_own(&y, f, &c)) == 1)
		rc = bring(x, b, at, &c);
	x->pins = y.pins;
	return rc;
}

static int
spread(struct gather *x, const struct brought *b, struct agg_column *out)
{
	const struct gather_parents *p = x->parents;
	uint32_t *codes;
	uint64_t *v;
	uint8_t *present;

	*out = b->like;
	if (b->like.kind == AGG_COLUMN_NONE)
		return 1;
	if (b->like.kind == AGG_COLUMN_CODES) {
		if ((codes = gather_no_codes(x, x->n)) == NULL)
			return err_nomem(x->e);
		for (uint32_t i = 0; i < x->n; i++)
			if (p->row[i] != GATHER_NOBODY)
				codes[i] = b->codes[p->place[i]];
		out->codes = codes;
		return 1;
	}
	v = arena_array(x->mem, x->n, uint64_t);
	present = arena_calloc(x->mem, x->n, 1);
	if (v == NULL || present == NULL)
		return err_nomem(x->e);
	for (uint32_t i = 0; i < x->n; i++)
		if (p->row[i] != GATHER_NOBODY) {
			v[i] = b->numbers[p->place[i]];
			present[i] = b->present[p->place[i]];
		}
	out->numbers = v;
	out->present = present;
	return 1;
}

int
gather_of_parent(struct gather *x, const struct field *f, struct agg_column *out)
{
	struct brought b = { .like = { .kind = AGG_COLUMN_NONE } };
	struct field inner = field_inner(f);
	unsigned asks = 0;
	int rc = 1;

	if (x->parents == NULL && (rc = find_parents(x)) < 0)
		return rc;
	if (gather_trace_may(&inner, &asks))
		return gather_of_trace(x, &inner, x->parents->row, out);
	rc = 1;
	for (uint32_t i = 0; rc == 1 && i < x->parents->n_near; i++)
		rc = gather_near(x, &inner, &x->parents->near[i], &b);
	return rc == 1 ? spread(x, &b, out) : rc;
}
