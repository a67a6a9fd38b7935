/* SPDX-License-Identifier: ISC */
/*
 * shard_stats: SECTION_STATS from bytes to structs (layout: shard_format.h). Everything is
 * checked against the footer before it is believed: places exist, numbers rise where they must,
 * and nothing counts more than there is. Whether it is true is not for a reader to know:
 * estimates may be wrong, answers may not, and no answer depends on it.
 */
#include "shard/shard_stats.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/hll.h"
#include "shard_i.h"

struct reader {
	struct shard *s;
	const struct section *sec;
	struct cursor c;
	struct arena *a;
	struct err *e;
	uint32_t n_cells;
	uint64_t *rows;			/* of each cell */
};

static int
bad(struct reader *r, const char *why)
{
	return section_bad(r->s, r->sec, r->e, (int64_t)cursor_off(&r->c), "%s", why);
}

/* A number that may be at most `most`. */
static bool
bounded(struct reader *r, uint64_t most, uint64_t *out)
{
	*out = cursor_varint(&r->c);
	return !r->c.bad && *out <= most;
}

/* How many things of at least `least` bytes follow. */
static bool
count(struct reader *r, uint64_t most, size_t least, uint64_t *out)
{
	return bounded(r, most, out) && *out <= cursor_left(&r->c) / least;
}

/* ---- cells ---- */

static int
read_hist(struct reader *r, struct shard_cell *x, unsigned which)
{
	struct cell_bucket *v;
	uint64_t n, bucket = 0, left = x->n_rows;

	if (!count(r, CELL_BUCKETS, 2, &n))
		return bad(r, "number of buckets");
	if ((v = arena_array(r->a, n + 1, struct cell_bucket)) == NULL)
		return err_nomem(r->e);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t gap = cursor_varint(&r->c), rows = cursor_varint(&r->c);

		if (r->c.bad || (i != 0 && gap == 0) || gap >= CELL_BUCKETS - bucket ||
		    rows == 0 || rows > left)
			return bad(r, "a bucket");
		bucket += gap;
		left -= rows;
		v[i] = (struct cell_bucket){ (unsigned)bucket, rows };
	}
	x->hist[which] = v;
	x->n_hist[which] = n;
	return left == 0 ? 0 : bad(r, "buckets that do not add up");
}

static int
read_cell(struct reader *r, struct shard_cell *x, uint64_t *place)
{
	const struct shard_info *info = &r->s->info;
	uint64_t at = cursor_varint(&r->c);
	uint8_t all = cursor_u8(&r->c);
	int rc;

	x->name = cursor_str(&r->c);
	x->n_rows = cursor_varint(&r->c);
	x->n_errors = cursor_varint(&r->c);
	x->all = all == 1;
	if (r->c.bad || all > 1 || (all == 1 && x->name.n != 0) || at >= info->n_services ||
	    at < *place || x->n_rows == 0 || x->n_errors > x->n_rows ||
	    x->n_rows > info->services[at].row_to - info->services[at].row_from)
		return bad(r, "a cell");
	*place = at;
	x->service = info->services[at].service;
	x->name = arena_sv(r->a, x->name);
	if (x->name.n != 0 && x->name.p == NULL)
		return err_nomem(r->e);
	for (unsigned i = 0; i < N_STATS_HIST; i++)
		if ((rc = read_hist(r, x, i)) != 0)
			return rc;
	return 0;
}

static int
read_cells(struct reader *r, struct shard_more *m)
{
	struct shard_cell *v;
	uint64_t n, place = 0;
	int rc;

	if (!count(r, STATS_CELLS, 6, &n))
		return bad(r, "number of cells");
	v = arena_array(r->a, n + 1, struct shard_cell);
	r->rows = arena_array(r->a, n + 1, uint64_t);
	if (v == NULL || r->rows == NULL)
		return err_nomem(r->e);
	for (uint64_t i = 0; i < n; i++) {
		if ((rc = read_cell(r, &v[i], &place)) != 0)
			return rc;
		r->rows[i] = v[i].n_rows;
	}
	r->n_cells = (uint32_t)n;
	m->cells = v;
	m->n_cells = n;
	return 0;
}

/* ---- a column ---- */

static int
read_bounds(struct reader *r, const struct column *col, struct column_more *m)
{
	uint64_t n, *v;

	if (!count(r, STATS_BUCKETS_MAX + 1, 1, &n) || n == 1 || (n != 0 && !col->has_range))
		return bad(r, "number of bounds");
	if (n == 0)
		return 0;
	if ((v = arena_array(r->a, n, uint64_t)) == NULL)
		return err_nomem(r->e);
	v[0] = cursor_u64(&r->c);
	for (uint64_t i = 1; i < n; i++)
		if (__builtin_add_overflow(v[i - 1], cursor_varint(&r->c), &v[i]))
			return bad(r, "bounds that do not rise");
	if (r->c.bad || v[0] < col->min || v[n - 1] > col->max)
		return bad(r, "bounds outside the column's range");
	m->bounds = v;
	m->n_bounds = n;
	return 0;
}

static int
read_sketch(struct reader *r, struct column_more *m)
{
	uint64_t n, at = 0;
	uint8_t *reg;

	if (!count(r, HLL_REGISTERS, 2, &n))
		return bad(r, "number of registers");
	if (n == 0)
		return 0;
	if ((reg = arena_calloc(r->a, HLL_REGISTERS, 1)) == NULL)
		return err_nomem(r->e);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t gap = cursor_varint(&r->c);
		uint8_t rank = cursor_u8(&r->c);

		if (r->c.bad || (i != 0 && gap == 0) || gap >= HLL_REGISTERS - at ||
		    rank == 0 || rank > HLL_MAX_RANK)
			return bad(r, "a register");
		at += gap;
		reg[at] = rank;
	}
	m->hll = reg;
	return 0;
}

static int
read_tail(struct reader *r, const struct sv head, uint64_t *hash, struct sv *text)
{
	struct sv rest;
	char *p;

	*hash = cursor_u64(&r->c);
	rest = cursor_str(&r->c);
	if (r->c.bad || rest.n > STATS_TAIL_BYTES)
		return bad(r, "the rest of a top value");
	if ((p = arena_alloc(r->a, head.n + rest.n + 1)) == NULL)
		return err_nomem(r->e);
	if (head.n != 0)
		memcpy(p, head.p, head.n);
	if (rest.n != 0)
		memcpy(p + head.n, rest.p, rest.n);
	*text = sv_new(p, head.n + rest.n);
	return 0;
}

static int
read_tails(struct reader *r, const struct column *col, struct column_more *m)
{
	uint64_t *hash = arena_array(r->a, col->n_top + 1, uint64_t);
	struct sv *text = arena_array(r->a, col->n_top + 1, struct sv);
	int rc;

	if (hash == NULL || text == NULL)
		return err_nomem(r->e);
	for (size_t i = 0; i < col->n_top; i++) {
		const struct top_value *t = &col->top[i];

		if (t->cut) {
			if ((rc = read_tail(r, t->val.s, &hash[i], &text[i])) != 0)
				return rc;
			continue;
		}
		hash[i] = stats_hash(&t->val);
		if (t->val.type == VAL_STRING)
			text[i] = t->val.s;
	}
	m->top_hash = hash;
	m->top_text = text;
	return 0;
}

static int
read_samples(struct reader *r, struct column_more *m)
{
	struct sv *v;
	uint64_t n;

	if (!count(r, STATS_SAMPLES, 1, &n))
		return bad(r, "number of samples");
	if ((v = arena_array(r->a, n + 1, struct sv)) == NULL)
		return err_nomem(r->e);
	for (uint64_t i = 0; i < n; i++) {
		struct sv s = cursor_str(&r->c);

		if (r->c.bad || s.n > SHARD_TOP_BYTES)
			return bad(r, "a sample");
		v[i] = arena_sv(r->a, s);
		if (s.n != 0 && v[i].p == NULL)
			return err_nomem(r->e);
	}
	m->samples = v;
	m->n_samples = n;
	return 0;
}

/* ---- a column in a cell ---- */

static int
read_top(struct reader *r, const struct column *col, const struct column_more *m,
    struct cell_column *x, uint64_t *left)
{
	uint64_t rows = cursor_varint(&r->c), ref = cursor_varint(&r->c);
	struct top_value *t = &x->top[x->n_top];

	if (r->c.bad || rows == 0 || rows > *left || ref > col->n_top)
		return bad(r, "a top value of a cell");
	*left -= rows;
	if (ref != 0) {
		*t = col->top[ref - 1];
		x->top_hash[x->n_top] = m->top_hash[ref - 1];
	} else {
		if (!value_unpack(&r->c, &t->val) || t->val.type != col->type)
			return bad(r, "a value");
		if (t->val.type == VAL_STRING || t->val.type >= VAL_BYTES) {
			t->val.s = arena_sv(r->a, t->val.s);
			if (t->val.s.n != 0 && t->val.s.p == NULL)
				return err_nomem(r->e);
		}
		x->top_hash[x->n_top] = stats_hash(&t->val);
	}
	t->n_rows = rows;
	x->n_top++;
	return 0;
}

static int
read_cell_range(struct reader *r, const struct column *col, struct cell_column *x)
{
	uint64_t low = cursor_varint(&r->c), width = cursor_varint(&r->c);

	if (col->id == COL_PARENT)
		return r->c.bad || low > 1 || width > 1 - low ? bad(r, "a range") : 0;
	if (r->c.bad || !col->has_range || low > col->max - col->min ||
	    width > col->max - col->min - low)
		return bad(r, "a range outside the column's");
	x->has_range = true;
	x->min = col->min + low;
	x->max = x->min + width;
	return 0;
}

static int
read_cell_column(struct reader *r, const struct column *col, const struct column_more *m,
    struct cell_column *x, uint64_t *present)
{
	uint64_t n_top, left;
	int rc;

	x->n_present = left = cursor_varint(&r->c);
	x->n_distinct = cursor_varint(&r->c);
	if (r->c.bad || x->n_present == 0 || x->n_present > *present ||
	    x->n_distinct == 0 || x->n_distinct > x->n_present ||
	    (col->domain == DOMAIN_SPAN && x->n_present > r->rows[x->cell]))
		return bad(r, "values of a column in a cell");
	*present -= x->n_present;
	if (col->kind == COLUMN_INT && (rc = read_cell_range(r, col, x)) != 0)
		return rc;
	if (!count(r, STATS_CELL_TOP, 2, &n_top))
		return bad(r, "number of top values of a cell");
	while (n_top-- > 0)
		if ((rc = read_top(r, col, m, x, &left)) != 0)
			return rc;
	return 0;
}

static int
read_cell_columns(struct reader *r, const struct column *col, struct column_more *m)
{
	uint64_t n, cell = 0, present = col->n_present;
	struct cell_column *v;
	int rc;

	if (!count(r, r->n_cells, 4, &n))
		return bad(r, "number of cells of a column");
	if ((v = arena_array(r->a, n + 1, struct cell_column)) == NULL)
		return err_nomem(r->e);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t gap = cursor_varint(&r->c);

		if (r->c.bad || (i != 0 && gap == 0) || gap >= r->n_cells - cell)
			return bad(r, "the place of a cell");
		v[i].cell = (uint32_t)(cell += gap);
		if ((rc = read_cell_column(r, col, m, &v[i], &present)) != 0)
			return rc;
	}
	m->cells = v;
	m->n_cells = n;
	return 0;
}

static int
read_columns(struct reader *r, struct shard_more *out)
{
	const struct shard_info *info = &r->s->info;
	struct column_more *v = arena_array(r->a, info->n_columns + 1, struct column_more);
	uint64_t width;
	int rc;

	if (v == NULL)
		return err_nomem(r->e);
	for (size_t i = 0; i < info->n_columns; i++) {
		const struct column *col = &info->columns[i];

		if (!bounded(r, UINT32_MAX, &width))
			return bad(r, "average width");
		v[i].width = (uint32_t)width;
		if ((rc = read_bounds(r, col, &v[i])) != 0 ||
		    (rc = read_sketch(r, &v[i])) != 0 || (rc = read_tails(r, col, &v[i])) != 0 ||
		    (rc = read_samples(r, &v[i])) != 0 ||
		    (rc = read_cell_columns(r, col, &v[i])) != 0)
			return rc;
	}
	out->columns = v;
	return cursor_left(&r->c) == 0 ? 0 : bad(r, "bytes behind the last column");
}

int
shard_more_read(struct shard *s, struct arena *a, const struct shard_more **out, struct err *e)
{
	struct reader r = { .s = s, .a = a, .e = e };
	struct shard_more *m;
	void *raw;
	int rc;

	*out = NULL;
	if (s->single[SECTION_STATS] == NO_SECTION)
		return 0;
	r.sec = &s->sections[s->single[SECTION_STATS]];
	if (r.sec->n_raw > STATS_BYTES_MAX)
		return section_bad(s, r.sec, e, -1, "too large");
	if ((m = arena_new(a, struct shard_more)) == NULL)
		return err_nomem(e);
	if ((rc = section_read(s, r.sec, 0, &raw, e)) != 0)
		return rc;
	r.c = cursor_new(raw, r.sec->n_raw);
	if ((rc = read_cells(&r, m)) == 0 && (rc = read_columns(&r, m)) == 0)
		*out = m;
	free(raw);
	return rc;
}
