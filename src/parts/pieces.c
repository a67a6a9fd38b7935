/* SPDX-License-Identifier: ISC */
/*
 * pieces: which parts the groups of a plan are put together from: see parts/group_parts.h. A key is a
 * hash of the filter, of what the table is made of (agg_shape), of the settings that count, of the shard
 * and of the spans that the piece covers.
 */
#include "pieces_i.h"

#include "agg/agg_bytes.h"
#include "model/field.h"
#include "model/pred_walk.h"
#include "part_key.h"

/* A bucket may have so many times as many spans as a slice. */
#define BUCKET_TIMES 8
/* Fringes that are made together at most. */
#define BLOCK_SLICES 4
/* A shard with fewer, of which the range cuts some off, is read. */
#define CUT_LEAST_SPANS 1024

/* All that is asked of a span is in its shard. */
static bool
is_apart(const struct plan *p, const struct agg_table *t)
{
	const struct field *f;
	size_t n;

	if (p->output != ROW_GROUP || p->filter.never || pred_needs_trace(p->filter.pred) ||
	    !agg_can_save(t))
		return false;
	f = agg_fields(t, &n);
	for (size_t i = 0; i < n; i++)
		if (field_needs_trace(&f[i]))
			return false;
	return true;
}

/* ---- keys ---- */

int
piece_table(const struct group_parts_ask *a, const struct piece *x, struct agg_table **out,
    struct err *e)
{
	return x->slice != 0 ? agg_table_sliced(a->table, x->slice, out, e) :
	    agg_table_like(a->table, out, e);
}

static int
shape_of(const struct group_parts_ask *a, const struct piece *x, uint64_t *shape, struct err *e)
{
	struct agg_table *t;
	int code;

	if (x->slice == 0)
		return agg_shape(a->table, shape, e);
	if ((code = agg_table_sliced(a->table, x->slice, &t, e)) < 0)
		return code;
	code = agg_shape(t, shape, e);
	agg_table_free(t);
	return code;
}

int
piece_key(const struct group_parts_ask *a, const struct piece *x, struct hash128 *out,
    struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t shape;
	int code;

	if ((code = shape_of(a, x, &shape, e)) < 0)
		return code;
	buf_put(&b, &shape, sizeof shape);
	buf_put(&b, &a->settings, sizeof a->settings);
	buf_putc(&b, (char)a->side);
	buf_put(&b, &x->covers, sizeof x->covers);
	pred_put(&b, a->filter);
	shard_entry_put(&b, &a->store->snap->shards[x->shard->shard]);
	if ((code = buf_ok(&b, e)) == 0)
		*out = hash128(b.p, b.n);
	buf_release(&b);
	return code;
}

static int
add_piece(struct pieces *p, const struct group_parts_ask *a, const struct piece *x, struct err *e)
{
	struct part_slot slot = { .shards = x->shard, .n_shards = 1 };
	int code = piece_key(a, x, &slot.key, e);

	if (code == 0 && (!vec_push(&p->v, *x) || !vec_push(&p->slots, slot)))
		code = err_nomem(e);
	return code;
}

/* ---- what a range cuts ---- */

static bool
is_short(const struct group_parts_ask *a, uint64_t n_rows, uint64_t length, unsigned times)
{
	return (double)n_rows * (double)length <=
	    (double)NS_PER_HOUR * (double)a->slice_spans * times;
}

/*
 * How long slices are: of all shards of a partition alike, so that one run makes the fringes of all of
 * them. Those of buckets are rather too long: whole groups are a body then. 0: there is no such length.
 */
static uint64_t
slice_of(const struct group_parts_ask *a, uint64_t n_rows)
{
	uint64_t step = agg_step_ns(a->table);
	static const uint64_t lengths[] = { NS_PER_HOUR, 15 * NS_PER_MIN, 5 * NS_PER_MIN, NS_PER_MIN,
		30 * NS_PER_S, 10 * NS_PER_S, NS_PER_S };

	if (step != 0 && step <= NS_PER_HOUR && is_short(a, n_rows, step, BUCKET_TIMES) &&
	    agg_can_slice(a->table, step))
		return step;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		if (is_short(a, n_rows, lengths[i], 1) && agg_can_slice(a->table, lengths[i]))
			return lengths[i];
	return 0;
}

struct cut {
	const struct group_parts_ask *a;
	const struct shard_entry *entry;
	struct piece piece;		/* its shard and slice */
	bool head, tail;		/* spans before the range are in the shard, after it */
	unsigned block;			/* fringes that are made together */
};

/* The slice that begins at `at`. */
static int
add_fringe(struct pieces *p, struct cut *k, uint64_t at, bool ahead, struct err *e)
{
	struct time_range r = k->a->plan->filter.range;
	uint64_t length = k->piece.slice, block = length * k->block;
	struct piece x = k->piece;

	x.covers = (struct time_range){ at, at + length };
	if (k->entry->max_start < x.covers.from || k->entry->min_start >= x.covers.to)
		return 0;
	x.slice = 1;
	x.length = length;
	x.ahead = ahead;
	x.block.from = at - at % block;
	x.block.to = x.block.from + block;
	x.use = x.covers;
	if (k->head && r.from > x.use.from)
		x.use.from = r.from;
	if (k->tail && r.to < x.use.to)
		x.use.to = r.to;
	return add_piece(p, k->a, &x, e);
}

static int
add_cut(struct pieces *p, struct cut *k, struct err *e)
{
	const struct time_range r = k->a->plan->filter.range;
	uint64_t slice = k->piece.slice, first = r.from - r.from % slice, last = r.to - r.to % slice;
	struct time_range body = TIME_RANGE_ALL;
	int code = 0;

	if (k->head) {
		body.from = r.from == first ? first : first + slice;
		if (r.from != first)
			code = add_fringe(p, k, first, false, e);
	}
	if (k->tail) {
		body.to = last;
		if (code == 0 && r.to != last && !(k->head && first == last && r.from != first))
			code = add_fringe(p, k, last, false, e);
	}
	if (code < 0 || body.from >= body.to || k->entry->max_start < body.from ||
	    k->entry->min_start >= body.to)
		return code;
	k->piece.covers = k->piece.block = TIME_RANGE_ALL;
	k->piece.use = body;
	return add_piece(p, k->a, &k->piece, e);
}

/* ---- all shards ---- */

/* Rows of the shards of the partition, from place i on. */
static uint64_t
partition_rows(const struct group_parts_ask *a, size_t i)
{
	const struct plan_scan *scan = &a->plan->scan;
	const struct shard_entry *all = a->store->snap->shards;
	uint64_t partition = all[scan->shards[i].shard].partition, n = 0;

	for (; i < scan->n_shards && all[scan->shards[i].shard].partition == partition; i++)
		n += all[scan->shards[i].shard].n_rows;
	return n;
}

/* How slices are in the partition of a shard. */
struct slicing {
	uint64_t length;		/* 0: there are none */
	unsigned block;
};

static struct slicing
slicing_of(const struct group_parts_ask *a, size_t i)
{
	uint64_t n = partition_rows(a, i);
	struct slicing s = { slice_of(a, n), BLOCK_SLICES };

	while (s.block > 1 && !is_short(a, n, s.length * s.block, BUCKET_TIMES))
		s.block /= 2;
	return s;
}

/* In a range that moves on, the slice after that of its beginning comes next. */
static int
add_ahead(struct pieces *p, struct cut *k, uint64_t next, struct err *e)
{
	return next == 0 || k->entry->partition == PARTITION_OUTSIDE ||
	    k->entry->n_rows < CUT_LEAST_SPANS ? 0 :
	    add_fringe(p, k, next - next % k->piece.slice, true, e);
}

static int
add_shard(struct pieces *p, const struct group_parts_ask *a, const struct plan_shard *s,
    struct slicing slicing, uint64_t next, struct err *e)
{
	const struct shard_entry *entry = &a->store->snap->shards[s->shard];
	const struct time_range r = a->plan->filter.range;
	struct cut k = { .a = a, .entry = entry, .block = slicing.block,
		.piece = { .shard = s, .slice = slicing.length },
		.head = entry->min_start < r.from,
		.tail = r.to != WHEN_MAX && entry->max_start >= r.to };
	struct piece whole = { .shard = s, .covers = TIME_RANGE_ALL, .use = TIME_RANGE_ALL,
		.block = TIME_RANGE_ALL };
	size_t before = p->v.n;
	int code = 0;

	if (!k.head && !k.tail) {
		if (part_cost(s) >= a->least_cost)
			code = add_piece(p, a, &whole, e);
	} else if (slicing.length != 0 && entry->partition != PARTITION_OUTSIDE &&
	    (a->least_cost <= 0 || entry->n_rows >= CUT_LEAST_SPANS)) {
		struct cut cut = k;

		code = add_cut(p, &cut, e);
	}
	if (code == 0 && p->v.n == before && !vec_push(&p->rest, *s))
		return err_nomem(e);
	if (code == 0 && p->v.n != before && slicing.length != 0)
		code = add_ahead(p, &k, next, e);
	return code;
}

/*
 * An instant of the slice that the range's beginning comes to next: after the one that it is in, or if
 * it is before all spans, that of the first. 0: the range doesn't move, or it moves by whole slices.
 */
static uint64_t
next_slice(const struct group_parts_ask *a)
{
	const struct plan_scan *scan = &a->plan->scan;
	const struct shard_entry *all = a->store->snap->shards;
	uint64_t from = a->plan->filter.range.from, first = UINT64_MAX;

	for (size_t i = 0; a->moves && i < scan->n_shards; i++) {
		const struct shard_entry *s = &all[scan->shards[i].shard];
		uint64_t length;

		if (s->partition == PARTITION_OUTSIDE || s->max_start < from)
			continue;
		if (s->min_start >= from) {
			first = s->min_start < first ? s->min_start : first;
			continue;
		}
		length = slicing_of(a, i).length;
		return length == 0 || from % length == 0 ? 0 : from - from % length + length;
	}
	return first != UINT64_MAX ? first : 0;
}

int
pieces_collect(struct pieces *p, const struct group_parts_ask *a, struct err *e)
{
	const struct plan_scan *scan = &a->plan->scan;
	const struct shard_entry *all = a->store->snap->shards;
	bool apart = is_apart(a->plan, a->table);
	uint64_t next = apart ? next_slice(a) : 0;
	struct slicing slicing = { 0, 1 };
	int code = 0;

	*p = (struct pieces){ 0 };
	for (size_t i = 0; i < scan->n_shards && code == 0; i++) {
		const struct plan_shard *s = &scan->shards[i];

		if (apart && (i == 0 || all[s->shard].partition != all[s[-1].shard].partition))
			slicing = slicing_of(a, i);
		if (s->access == ACCESS_PRUNED)
			continue;
		if (apart)
			code = add_shard(p, a, s, slicing, next, e);
		else if (!vec_push(&p->rest, *s))
			code = err_nomem(e);
	}
	return code;
}

void
pieces_release(struct pieces *p)
{
	for (size_t i = 0; i < p->v.n; i++)
		agg_table_free(p->v.v[i].made);
	part_slots_release(p->slots.v, p->slots.n);
	vec_release(&p->v);
	vec_release(&p->slots);
	vec_release(&p->rest);
}
