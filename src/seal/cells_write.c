/* SPDX-License-Identifier: ISC */
/*
 * cells_write: what goes together. A cell is the spans of one service and one name; of each
 * its rows, errors and durations are counted, and of each column how many values fall into it,
 * which of them are frequent, and between which numbers they lie.
 *
 * Rows are in order of services, so the values of a column, brought cell by cell into
 * `grouped`, are counted in a small table that stays in the cache. A cell with more than
 * MOST_DISTINCT values of a column has its first ones counted; how many there are is then
 * carried on from the rate at which they came.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "base/bitmap.h"
#include "shard/shard_stats.h"

#define SLOTS 1024
#define MOST_DISTINCT 512
#define TOP_SLOTS 256

struct cell {
	uint32_t service, name;		/* codes in the memtable; name: NO_NAME of all */
	uint32_t place;			/* of the service in the shard */
	uint32_t n_rows, n_errors;
	uint32_t *hist[N_STATS_HIST];	/* rows by stats_bucket(), CELL_BUCKETS of them */
};
#define NO_NAME UINT32_MAX

struct cells {
	struct cell *v;
	uint32_t n;
	uint32_t *of_row;		/* row to cell */
	uint32_t *from;			/* where the values of a cell begin; n + 1 */
	uint64_t *grouped;		/* values by cell */
	struct num_slot slots[SLOTS];
	uint32_t used[MOST_DISTINCT];
	struct num_slot top_at[TOP_SLOTS];	/* value to place in the column's list + 1 */
};

/* ---- which there are ---- */

static const struct mem_row *
row_at(const struct seal *s, uint32_t i)
{
	return &s->part->rows[s->ord.rows[i]];
}

static int
add_cell(struct seal *s, struct cells *c, uint32_t place, uint32_t name)
{
	uint32_t *v = arena_array(&s->mem, N_STATS_HIST * CELL_BUCKETS, uint32_t);
	struct cell *x = &c->v[c->n];

	if (v == NULL)
		return err_nomem(s->err);
	*x = (struct cell){ .service = s->ord.services[place].service, .name = name,
		.place = place };
	for (unsigned i = 0; i < N_STATS_HIST; i++)
		x->hist[i] = v + i * CELL_BUCKETS;
	c->n++;
	return 0;
}

/* One for each service and name; *full: there would be more than STATS_CELLS. */
static int
cells_of_names(struct seal *s, struct cells *c, uint32_t *of_name, bool *full)
{
	uint32_t n_names = s->part->names.n;
	int rc;

	for (uint32_t k = 0; k < s->ord.n_services; k++) {
		const struct service_range *r = &s->ord.services[k];

		memset(of_name, 0xff, n_names * sizeof *of_name);
		for (uint32_t i = r->row_from; i < r->row_to; i++) {
			uint32_t name = row_at(s, i)->name;

			if (of_name[name] == UINT32_MAX) {
				if ((*full = c->n == STATS_CELLS))
					return 0;
				of_name[name] = c->n;
				if ((rc = add_cell(s, c, k, name)) != 0)
					return rc;
			}
			c->of_row[i] = of_name[name];
		}
	}
	return 0;
}

/* One for each service: names are too many to say anything of them. */
static int
cells_of_services(struct seal *s, struct cells *c)
{
	int rc;

	c->n = 0;
	if (s->ord.n_services > STATS_CELLS)
		return 0;
	for (uint32_t k = 0; k < s->ord.n_services; k++) {
		const struct service_range *r = &s->ord.services[k];

		for (uint32_t i = r->row_from; i < r->row_to; i++)
			c->of_row[i] = k;
		if ((rc = add_cell(s, c, k, NO_NAME)) != 0)
			return rc;
	}
	return 0;
}

/* The rows of trace t stand at [*from, *to) of ord.trace_rows; returns how long it takes. */
static uint64_t
trace_length(const struct seal *s, uint32_t t, uint32_t *from, uint32_t *to)
{
	uint64_t first = UINT64_MAX, last = 0;

	*from = t == 0 ? 0 : s->ord.trace_ends[t - 1];
	*to = s->ord.trace_ends[t];
	for (uint32_t i = *from; i < *to; i++) {
		const struct mem_row *r = row_at(s, s->ord.trace_rows[i]);
		uint64_t end = r->start_ns + r->duration_ns;

		first = r->start_ns < first ? r->start_ns : first;
		last = end > last ? end : last;
	}
	return last > first ? last - first : 0;
}

static void
count_traces(const struct seal *s, struct cells *c)
{
	for (uint32_t t = 0, from, to; t < s->part->ids.n_traces; t++) {
		unsigned length = stats_bucket(trace_length(s, t, &from, &to));
		unsigned size = stats_bucket(to - from);

		for (uint32_t i = from; i < to; i++) {
			struct cell *x = &c->v[c->of_row[s->ord.trace_rows[i]]];

			x->hist[HIST_TRACE_DURATION][length]++;
			x->hist[HIST_TRACE_SPANS][size]++;
		}
	}
}

static void
count_rows(const struct seal *s, struct cells *c)
{
	for (uint32_t i = 0; i < s->ord.n_rows; i++) {
		const struct mem_row *r = row_at(s, i);
		struct cell *x = &c->v[c->of_row[i]];

		x->n_rows++;
		x->n_errors += mem_shape(s->part, r)->status == STATUS_ERROR;
		x->hist[HIST_DURATION][stats_bucket((int64_t)r->duration_ns < 0 ? 0 :
		    r->duration_ns)]++;
	}
	count_traces(s, c);
}

int
cells_make(struct seal *s)
{
	uint32_t *of_name = malloc((size_t)s->part->names.n * sizeof *of_name), most;
	struct cells *c = arena_new(&s->mem, struct cells);
	bool full = false;
	int rc;

	most = s->ord.n_rows;
	for (int d = DOMAIN_EVENT; d <= DOMAIN_LINK; d++)
		most = s->ord.domain[d].n > most ? s->ord.domain[d].n : most;
	if (c != NULL) {
		c->v = arena_array(&s->mem, STATS_CELLS, struct cell);
		c->from = arena_array(&s->mem, STATS_CELLS + 1, uint32_t);
		c->of_row = arena_alloc(&s->mem, s->ord.n_rows * sizeof *c->of_row);
		s->n_children = arena_array(&s->mem, s->ord.n_rows, uint32_t);
		c->grouped = arena_alloc(&s->mem, most * sizeof *c->grouped);
	}
	if (of_name == NULL || c == NULL || c->v == NULL || c->from == NULL ||
	    c->of_row == NULL || c->grouped == NULL || s->n_children == NULL)
		rc = err_nomem(s->err);
	else if ((rc = cells_of_names(s, c, of_name, &full)) == 0 && full)
		rc = cells_of_services(s, c);
	if (rc == 0 && c->n != 0)
		count_rows(s, c);
	free(of_name);
	s->cells = c;
	return rc;
}

static void
put_hist(struct buf *b, const uint32_t *v)
{
	uint32_t n = 0, last = 0;

	for (uint32_t i = 0; i < CELL_BUCKETS; i++)
		n += v[i] != 0;
	buf_varint(b, n);
	for (uint32_t i = 0; i < CELL_BUCKETS; i++)
		if (v[i] != 0) {
			buf_varint(b, i - last);
			buf_varint(b, v[i]);
			last = i;
		}
}

static void
put_cell(struct seal *s, const struct cell *x)
{
	struct sv name = x->name == NO_NAME ? SV_EMPTY : coldict_at(&s->part->names, x->name);

	buf_varint(&s->raw, x->place);
	buf_putc(&s->raw, x->name == NO_NAME);
	buf_varint(&s->raw, name.n);
	buf_sv(&s->raw, name);
	buf_varint(&s->raw, x->n_rows);
	buf_varint(&s->raw, x->n_errors);
	for (unsigned i = 0; i < N_STATS_HIST; i++)
		put_hist(&s->raw, x->hist[i]);
}

void
cells_put(struct seal *s)
{
	for (uint32_t i = 0; i < s->ord.n_rows && s->cells->n != 0; i++)
		s->cells->v[s->cells->of_row[i]].hist[HIST_CHILDREN][
		    stats_bucket(s->n_children[i])]++;
	buf_varint(&s->raw, s->cells->n);
	for (uint32_t i = 0; i < s->cells->n; i++)
		put_cell(s, &s->cells->v[i]);
}

/* ---- one column ---- */

/* Values into c->grouped, those of cell i at [from[i], from[i + 1]). */
static void
group_values(struct seal *s, const struct column_desc *d, uint32_t n, bool all)
{
	const uint32_t *owner = s->owner[d->domain];
	struct cells *c = s->cells;
	uint32_t rows = s->ord.domain[d->domain].n, k = 0;

	memset(c->from, 0, (c->n + 1) * sizeof *c->from);
#define CELL_OF(row) c->of_row[owner == NULL ? (row) : owner[row]]
	if (all) {
		for (uint32_t i = 0; i < n; i++)
			c->from[CELL_OF(i) + 1]++;
	} else
		BITMAP_EACH(s->present, rows, row)
			c->from[CELL_OF(row) + 1]++;
	for (uint32_t i = 0; i < c->n; i++)
		c->from[i + 1] += c->from[i];
	if (all) {
		for (uint32_t i = 0; i < n; i++)
			c->grouped[c->from[CELL_OF(i)]++] = s->vals[i];
	} else
		BITMAP_EACH(s->present, rows, row)
			c->grouped[c->from[CELL_OF(row)]++] = s->vals[k++];
#undef CELL_OF
	/* Each is where the next begins now. */
	memmove(c->from + 1, c->from, c->n * sizeof *c->from);
	c->from[0] = 0;
}

struct counted {
	struct top top[STATS_CELL_TOP];
	uint32_t n_top;
	uint64_t n_distinct, min, max;
};

static void
offer(struct counted *r, uint64_t v, uint32_t n)
{
	uint32_t i = r->n_top;

	if (i == STATS_CELL_TOP) {
		if (r->top[--i].n_rows >= n)
			return;
	} else
		r->n_top++;
	for (; i > 0 && r->top[i - 1].n_rows < n; i--)
		r->top[i] = r->top[i - 1];
	r->top[i] = (struct top){ v, n };
}

static struct num_slot *
slot_of(struct cells *c, uint64_t v)
{
	uint32_t at = (uint32_t)hash_u64(v);

	for (;; at++) {
		struct num_slot *x = &c->slots[at & (SLOTS - 1)];

		if (x->n == 0 || x->v == v)
			return x;
	}
}

/* The n values at v, n > 0. */
static void
count_values(struct cells *c, const uint64_t *v, uint32_t n, struct counted *r)
{
	uint32_t used = 0, seen = n;

	*r = (struct counted){ .min = v[0], .max = v[0] };
	for (uint32_t i = 0; i < n; i++) {
		struct num_slot *x = slot_of(c, v[i]);

		if (v[i] < r->min)
			r->min = v[i];
		if (v[i] > r->max)
			r->max = v[i];
		if (x->n == 0) {
			if (used == MOST_DISTINCT) {
				seen = seen == n ? i : seen;
				continue;
			}
			x->v = v[i];
			c->used[used++] = (uint32_t)(x - c->slots);
		}
		x->n++;
	}
	for (uint32_t i = 0; i < used; i++) {
		offer(r, c->slots[c->used[i]].v, c->slots[c->used[i]].n);
		c->slots[c->used[i]].n = 0;
	}
	r->n_distinct = (uint64_t)used * n / seen;
}

/* Column values of COL_PARENT other than 0 are places: they mean nothing here. */
static void
fold_parents(struct seal *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		s->cells->grouped[i] = s->cells->grouped[i] != 0;
}

/* Where the footer's list of top values has them. */
static void
note_tops(struct seal *s)
{
	const struct column_stats_out *st = &s->stats;
	struct cells *c = s->cells;

	memset(c->top_at, 0, sizeof c->top_at);
	for (uint32_t i = 0; i < st->n_top && i < TOP_SLOTS / 2; i++) {
		uint32_t at = (uint32_t)hash_u64(st->top[i].v);

		while (c->top_at[at & (TOP_SLOTS - 1)].n != 0)
			at++;
		c->top_at[at & (TOP_SLOTS - 1)] = (struct num_slot){ st->top[i].v, i + 1, 0 };
	}
}

static uint32_t
top_ref(const struct cells *c, uint64_t v)
{
	for (uint32_t at = (uint32_t)hash_u64(v);; at++) {
		const struct num_slot *x = &c->top_at[at & (TOP_SLOTS - 1)];

		if (x->n == 0 || x->v == v)
			return x->n;
	}
}

static void
put_top(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of, const struct top *t)
{
	uint32_t ref = top_ref(s->cells, t->v);
	struct value v;

	buf_varint(&s->stats_buf, t->n_rows);
	buf_varint(&s->stats_buf, ref);
	if (ref != 0)
		return;
	v = column_value(d, dict, old_of, t->v);
	value_pack(&s->stats_buf, &v);
}

/* The first ones that can be said: of bytes that are no list's only short ones. */
static uint32_t
sayable(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of, struct counted *r)
{
	uint32_t n = 0;

	if (d->type == VAL_ARRAY || d->type == VAL_MAP)
		return 0;
	for (uint32_t i = 0; i < r->n_top; i++) {
		struct value v = column_value(d, dict, old_of, r->top[i].v);

		/* What comes once says nothing unless it is all. */
		if (r->top[i].n_rows < 2 && r->n_distinct > STATS_CELL_TOP)
			continue;
		if (top_ref(s->cells, r->top[i].v) != 0 || !value_is_bytes(d->type) ||
		    v.s.n <= SHARD_TOP_BYTES)
			r->top[n++] = r->top[i];
	}
	return n;
}

int
cells_column(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of, uint32_t n, bool all)
{
	struct cells *c = s->cells;
	struct buf *b = &s->stats_buf;
	uint32_t n_in = 0, last = 0;
	int rc;

	if (c->n == 0 || n == 0) {
		buf_varint(b, 0);
		return 0;
	}
	if ((rc = seal_owner_rows(s, d->domain)) != 0)
		return rc;
	group_values(s, d, n, all);
	if (d->id == COL_PARENT)
		fold_parents(s, n);
	note_tops(s);
	for (uint32_t i = 0; i < c->n; i++)
		n_in += c->from[i + 1] != c->from[i];
	buf_varint(b, n_in);
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t n_here = c->from[i + 1] - c->from[i];
		struct counted r;

		if (n_here == 0)
			continue;
		count_values(c, c->grouped + c->from[i], n_here, &r);
		r.n_top = sayable(s, d, dict, old_of, &r);
		buf_varint(b, i - last);
		last = i;
		buf_varint(b, n_here);
		buf_varint(b, r.n_distinct);
		if (d->kind == COLUMN_INT) {
			buf_varint(b, r.min - (d->id == COL_PARENT ? 0 : s->stats.min));
			buf_varint(b, r.max - r.min);
		}
		buf_varint(b, r.n_top);
		for (uint32_t k = 0; k < r.n_top; k++)
			put_top(s, d, dict, old_of, &r.top[k]);
	}
	return 0;
}
