/* SPDX-License-Identifier: ISC */
/*
 * row_runs: rows of groups that memory has no room for (spill_i.h): sorted runs of them in the spill
 * file, which are merged while they are shown. Rows are as row_bytes.c has them.
 */
#include <stdlib.h>

#include "agg_i.h"

#define BLOCK_BYTES ((size_t)64 << 10)
#define LEAST_BLOCK_BYTES ((size_t)4 << 10)

struct row_run {
	struct spill_extents blocks;
};

struct row_reader {
	const struct row_run *run;
	size_t next;			/* block */
	uint64_t left;			/* rows of the block that are not read yet */
	struct buf block;
	struct cursor c;
	struct group group;		/* of the row that is next */
	struct group_cell *cells;
	struct arena bars;
	struct agg_row row;
};

struct row_runs {
	VEC(struct row_run) v;
	uint64_t n_rows;
	struct row_reader *readers;	/* of the first n_readers runs, while they are merged */
	size_t n_readers, reader_bytes;	/* reader_bytes: counted, of all */
	size_t *heap, n_heap;		/* readers that have a row, the first of them on top */
	uint64_t at;			/* the row that is next */
	struct arena page;		/* what the cells that were handed out last point at */
};

static size_t
block_bytes(const struct agg_table *t)
{
	size_t n = t->opt.memory / 256;

	return n > BLOCK_BYTES ? BLOCK_BYTES : n < LEAST_BLOCK_BYTES ? LEAST_BLOCK_BYTES : n;
}

int
row_runs_new(struct agg_table *t, struct row_runs **out, struct err *e)
{
	struct row_runs *r = calloc(1, sizeof *r);

	(void)t;
	if (r == NULL)
		return err_nomem(e);
	arena_init(&r->page);
	*out = r;
	return 0;
}

static void
readers_free(struct row_runs *r)
{
	for (size_t i = 0; r->readers != NULL && i < r->n_readers; i++) {
		buf_release(&r->readers[i].block);
		arena_release(&r->readers[i].bars);
		free(r->readers[i].cells);
	}
	free(r->readers);
	free(r->heap);
	r->readers = NULL;
	r->n_readers = 0;
	r->heap = NULL;
}

void
row_runs_free(struct row_runs *r)
{
	if (r == NULL)
		return;
	readers_free(r);
	for (size_t i = 0; i < r->v.n; i++)
		vec_release(&r->v.v[i].blocks);
	vec_release(&r->v);
	arena_release(&r->page);
	free(r);
}

uint64_t
row_runs_n(const struct row_runs *r)
{
	return r == NULL ? 0 : r->n_rows;
}

/* ---- out ---- */

static int
put_block(struct agg_table *t, struct row_run *run, struct buf *b, uint64_t *n, struct err *e)
{
	struct spill_extent x;
	int code;

	if (*n == 0)
		return 0;
	if ((code = spill_put(t->spill, b, *n, &x, e)) == 0 && !vec_push(&run->blocks, x))
		code = err_nomem(e);
	*n = 0;
	return code;
}

static int
put_rows(struct agg_table *t, struct row_run *run, struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t n = 0;
	int code = 0;

	for (size_t i = 0; code == 0 && i < t->rows.n; i++) {
		row_put(&b, t, &t->rows.v[i]);
		n++;
		if ((code = agg_check(t, e)) == 0 && (b.oom || b.n >= block_bytes(t)))
			code = put_block(t, run, &b, &n, e);
	}
	if (code == 0)
		code = put_block(t, run, &b, &n, e);
	buf_release(&b);
	return code;
}

int
row_runs_put(struct agg_table *t, struct err *e)
{
	struct row_runs *r = t->runs;
	struct row_run run = { { NULL, 0, 0 } };
	int code;

	if (t->rows.n == 0)
		return 0;
	if ((code = rows_sort(t, e)) < 0)
		return code;
	if (!vec_push(&r->v, run))
		return err_nomem(e);
	if ((code = put_rows(t, &r->v.v[r->v.n - 1], e)) < 0)
		return code;
	r->n_rows += t->rows.n;
	t->rows.n = 0;
	t->mem.used -= t->row_bytes;
	t->row_bytes = 0;
	arena_reset(&t->row_mem);
	return 0;
}

/* ---- back ---- */

/* The next row of the run; 1: there is none. */
static int
reader_next(struct agg_table *t, struct row_reader *r, struct err *e)
{
	int code = 0;

	if (r->left == 0 && r->next == r->run->blocks.n)
		return 1;
	if (r->left == 0) {
		const struct spill_extent *x = &r->run->blocks.v[r->next++];

		if ((code = spill_get(t->spill, x, &r->block, e)) < 0)
			return code;
		r->c = cursor_new(r->block.p, r->block.n);
		r->left = x->n_items;
	}
	r->left--;
	arena_reset(&r->bars);
	if ((code = row_get(t, &r->c, &r->group, r->cells, &r->bars, e)) < 0)
		return code;
	r->row = (struct agg_row){ .bucket = r->group.bucket, .group = &r->group,
		.cells = r->cells };
	return 0;
}

/* ---- merge ---- */

static bool
is_before(struct agg_table *t, size_t a, size_t b)
{
	return row_cmp(t, &t->runs->readers[a].row, &t->runs->readers[b].row) < 0;
}

static void
sift_down(struct agg_table *t, size_t i)
{
	struct row_runs *r = t->runs;

	for (size_t kid; (kid = 2 * i + 1) < r->n_heap; i = kid) {
		size_t x = r->heap[i];

		if (kid + 1 < r->n_heap && is_before(t, r->heap[kid + 1], r->heap[kid]))
			kid++;
		if (!is_before(t, r->heap[kid], x))
			return;
		r->heap[i] = r->heap[kid];
		r->heap[kid] = x;
	}
}

static size_t
reader_bytes(const struct agg_table *t)
{
	return block_bytes(t) + sizeof(struct row_reader) + row_n_cells(t) * sizeof(struct group_cell);
}

static int
readers_open(struct agg_table *t, size_t n, struct err *e)
{
	struct row_runs *r = t->runs;
	int code;

	if ((code = agg_take(&t->mem, n * reader_bytes(t), e)) < 0)
		return code;
	r->reader_bytes = n * reader_bytes(t);
	r->readers = calloc(n, sizeof *r->readers);
	r->heap = calloc(n, sizeof *r->heap);
	if (r->readers == NULL || r->heap == NULL)
		return err_nomem(e);
	r->n_readers = n;
	for (size_t i = 0; i < n; i++) {
		arena_init(&r->readers[i].bars);
		r->readers[i].run = &r->v.v[i];
		if ((r->readers[i].cells = calloc(row_n_cells(t) + 1, sizeof(struct group_cell))) == NULL)
			return err_nomem(e);
	}
	return 0;
}

static int
rewind_all(struct agg_table *t, struct err *e)
{
	struct row_runs *r = t->runs;
	int code = 0;

	r->n_heap = 0;
	r->at = 0;
	for (size_t i = 0; i < r->n_readers; i++) {
		r->readers[i].next = 0;
		r->readers[i].left = 0;
		if ((code = reader_next(t, &r->readers[i], e)) < 0)
			return code;
		if (code == 0)
			r->heap[r->n_heap++] = i;
	}
	for (size_t i = r->n_heap / 2; i-- > 0;)
		sift_down(t, i);
	return 0;
}

/* The first of the rows goes. */
static int
merge_step(struct agg_table *t, struct err *e)
{
	struct row_runs *r = t->runs;
	int code = reader_next(t, &r->readers[r->heap[0]], e);

	if (code < 0)
		return code;
	if (code > 0)
		r->heap[0] = r->heap[--r->n_heap];
	sift_down(t, 0);
	r->at++;
	return 0;
}

/* All rows of the runs that are open, into one. */
static int
merge_into(struct agg_table *t, struct row_run *to, struct err *e)
{
	struct row_runs *r = t->runs;
	struct buf b = BUF_INIT;
	uint64_t n = 0;
	int code = 0;

	while (code == 0 && r->n_heap > 0) {
		row_put(&b, t, &r->readers[r->heap[0]].row);
		n++;
		if (b.oom || b.n >= block_bytes(t))
			code = put_block(t, to, &b, &n, e);
		if (code == 0 && (code = merge_step(t, e)) == 0)
			code = agg_check(t, e);
	}
	if (code == 0)
		code = put_block(t, to, &b, &n, e);
	buf_release(&b);
	return code;
}

/* The first n runs become one, the last. */
static int
merge_first(struct agg_table *t, size_t n, struct err *e)
{
	struct row_runs *r = t->runs;
	struct row_run run = { { NULL, 0, 0 } };
	int code = readers_open(t, n, e);

	if (code == 0 && (code = rewind_all(t, e)) == 0)
		code = merge_into(t, &run, e);
	readers_free(r);
	t->mem.used -= r->reader_bytes;
	r->reader_bytes = 0;
	if (code < 0) {
		vec_release(&run.blocks);
		return code;
	}
	for (size_t i = 0; i < n; i++)
		vec_release(&r->v.v[i].blocks);
	memmove(r->v.v, r->v.v + n, (r->v.n - n) * sizeof *r->v.v);
	r->v.n -= n;
	r->v.v[r->v.n++] = run;
	return 0;
}

int
row_runs_end(struct agg_table *t, struct err *e)
{
	struct row_runs *r = t->runs;
	size_t most = t->opt.memory / 4 / reader_bytes(t);
	int code;

	/* All of them are in memory: they are sorted there. */
	if (r->v.n == 0)
		return rows_sort(t, e);
	code = row_runs_put(t, e);
	most = most < 2 ? 2 : most;
	while (code == 0 && r->v.n > most)
		code = merge_first(t, r->v.n - most + 1 < most ? r->v.n - most + 1 : most, e);
	if (code < 0 || (code = readers_open(t, r->v.n, e)) < 0)
		return code;
	return rewind_all(t, e);
}

int
row_runs_cells(struct agg_table *t, uint64_t from, size_t n, struct group_cell *out, struct err *e)
{
	struct row_runs *r = t->runs;
	int code = 0;

	arena_reset(&r->page);
	if (from < r->at)
		code = rewind_all(t, e);
	while (code == 0 && r->at < from && (code = agg_check(t, e)) == 0)
		code = merge_step(t, e);
	for (size_t i = 0; code == 0 && i < n; i++) {
		struct agg_row row = r->readers[r->heap[0]].row;

		if ((code = row_copy(t, &r->page, &row, e)) < 0)
			return code;
		for (size_t k = 0; k < t->g->n_columns; k++)
			*out++ = row_cell(t, &row, &t->g->columns[k]);
		if ((code = merge_step(t, e)) == 0)
			code = agg_check(t, e);
	}
	return code;
}
