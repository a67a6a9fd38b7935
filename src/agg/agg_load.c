/* SPDX-License-Identifier: ISC */
/*
 * agg_load: bytes to a table of groups, see agg/agg_bytes.h. Readers set `bad` of the cursor for
 * what can't be; memory is only taken for what the bytes left could hold.
 */
#include <math.h>
#include <stdlib.h>

#include "agg/agg_bytes.h"
#include "agg_bytes_i.h"

#define MOST_SPANS ((uint64_t)1 << 62)	/* of a side, so that none overflows that is merged */

struct loading {
	struct cursor c;
	struct agg_table *t;
	struct err *e;
	bool may_borrow;		/* of the bytes, for as long as the table lives */
	bool borrowed;
};

/* ---- numbers ---- */

/* A number of things of so many bytes at least. */
static size_t
get_count(struct cursor *c, size_t bytes)
{
	uint64_t n = cursor_varint(c);

	c->bad |= n > cursor_left(c) / bytes;
	return c->bad ? 0 : (size_t)n;
}

static uint64_t
get_spans(struct cursor *c)
{
	uint64_t n = cursor_varint(c);

	c->bad |= n > MOST_SPANS;
	return c->bad ? 0 : n;
}

static __int128
get_i128(struct cursor *c)
{
	uint64_t lo = cursor_u64(c), hi = cursor_u64(c);

	return (__int128)((unsigned __int128)hi << 64 | lo);
}

static double
get_double(struct cursor *c)
{
	uint64_t u = cursor_u64(c);
	double d;

	memcpy(&d, &u, sizeof d);
	return d;
}

/* Of a slot integers are all with or all without sign. */
static struct number
get_number(struct cursor *c, const struct agg_slot *s)
{
	struct number x = { .kind = NUMBER_NONE };
	unsigned kind = cursor_u8(c);

	if (kind == NUMBER_NONE || c->bad)
		return x;
	c->bad |= kind > NUMBER_DOUBLE || kind == (s->is_unsigned ? NUMBER_I64 : NUMBER_U64);
	x.kind = c->bad ? NUMBER_NONE : (enum number_kind)kind;
	x.u = cursor_u64(c);
	return x;
}

/* ---- states ---- */

static int
get_parts(struct loading *l, struct sum *s, bool huge)
{
	struct sum_parts *p = huge ? &s->huge : &s->parts;
	size_t n = get_count(&l->c, 8);

	if (n == 0)
		return 0;
	if ((p->v = calloc(n + 1, sizeof *p->v)) == NULL)
		return err_nomem(l->e);
	p->cap = (uint32_t)n + 1;
	for (p->n = 0; p->n < n; p->n++) {
		p->v[p->n] = get_double(&l->c);
		l->c.bad |= !isfinite(p->v[p->n]);
	}
	l->c.bad |= !s->has_double;
	return 0;
}

/* There are as many parts as doubles have ranges of bits that don't overlap, and a few. */
#define MOST_PARTS 64

static int
get_sum(struct loading *l, struct sum *s)
{
	uint8_t flags;
	int code;

	s->n = get_spans(&l->c);
	s->whole = get_i128(&l->c);
	flags = cursor_u8(&l->c);
	s->has_double = (flags & SUM_DOUBLES) != 0;
	s->has_odd = (flags & SUM_ODD) != 0;
	if (s->has_odd)
		s->odd = get_double(&l->c);
	l->c.bad |= flags > (SUM_DOUBLES | SUM_ODD) || flags == SUM_ODD ||
	    (s->has_odd && isfinite(s->odd)) || (s->n == 0 && (s->whole != 0 || flags != 0)) ||
	    s->whole > (__int128)UINT64_MAX * (__int128)s->n ||
	    s->whole < (__int128)INT64_MIN * (__int128)s->n;
	if ((code = get_parts(l, s, false)) < 0 || (code = get_parts(l, s, true)) < 0)
		return code;
	l->c.bad |= s->parts.n > MOST_PARTS || s->huge.n > MOST_PARTS;
	return 0;
}

static int
get_sketch(struct loading *l, struct agg_slot *slot, struct sketch *s)
{
	struct agg_memory *m = &l->t->mem;
	struct cursor *c = &l->c;
	uint64_t bucket = 0;
	size_t n;
	int code;

	s->min = get_number(c, slot);
	s->max = get_number(c, slot);
	n = get_count(c, 2);
	if (c->bad || n == 0 || s->min.kind == NUMBER_NONE || s->max.kind == NUMBER_NONE) {
		c->bad = true;
		return 0;
	}
	if ((code = agg_grow(m, (void **)&s->v, &s->cap, n, sizeof *s->v, l->e)) < 0)
		return code;
	for (s->n = 0; s->n < n && !c->bad; s->n++) {
		uint64_t step = cursor_varint(c), times = cursor_varint(c);

		c->bad |= step >= SKETCH_BUCKETS - bucket || (step == 0 && s->n != 0) ||
		    times == 0 || times >= ((uint64_t)1 << SKETCH_COUNT_BITS) - s->total;
		if (c->bad)
			break;
		bucket += step;
		s->total += times;
		s->v[s->n] = bucket << SKETCH_COUNT_BITS | times;
	}
	c->bad |= s->n == 0 || sketch_bucket(s->min) / 2 != s->v[0] >> SKETCH_COUNT_BITS >> 1 ||
	    sketch_bucket(s->max) / 2 != bucket / 2 || number_order(s->min, s->max) > 0;
	return 0;
}

/* Decoded, unless they may be borrowed; what is to become small has no need to be large before. */
static int
get_packed(struct loading *l, struct quantile *q)
{
	struct agg_memory *m = &l->t->mem;
	int code = packs_load(m, q, &l->c, l->e);

	l->borrowed |= l->may_borrow;
	if (code < 0 || l->c.bad || l->may_borrow)
		return code;
	if (m->short_of && (code = quantile_shrink(m, q, l->e)) < 0)
		return code;
	return packs_unpack(m, q, l->e);
}

static int
get_quantile(struct loading *l, struct agg_slot *slot, struct quantile *q)
{
	uint8_t form = cursor_u8(&l->c);
	size_t n_ints, n_doubles;
	int code;

	q->is_unsigned = slot->is_unsigned;
	if (form == STATE_SKETCH) {
		if ((q->sketch = calloc(1, sizeof *q->sketch)) == NULL)
			return err_nomem(l->e);
		l->t->mem.used += sizeof *q->sketch;
		l->t->mem.inexact = true;
		return get_sketch(l, slot, q->sketch);
	}
	if (form == STATE_PACKED)
		return get_packed(l, q);
	l->c.bad |= form != STATE_EXACT;
	n_ints = get_count(&l->c, 1);
	n_doubles = get_count(&l->c, 1);
	q->sorted = true;
	if ((code = rising_load(&l->t->mem, q, false, &l->c, n_ints, l->e)) < 0)
		return code;
	return rising_load(&l->t->mem, q, true, &l->c, n_doubles, l->e);
}

static int
get_codes(struct loading *l, struct hll16 *h)
{
	size_t n = get_count(&l->c, 4);
	int code = 0;

	for (size_t i = 0; code == 0 && i < n; i++) {
		uint32_t x = cursor_u32(&l->c);

		l->c.bad |= !hll16_code_valid(x);
		if (l->c.bad)
			return 0;
		code = hll16_add_code(&l->t->mem, h, x, l->e);
	}
	return code;
}

static int
get_registers(struct loading *l, struct hll16 *h)
{
	const uint8_t *p;
	int code;

	if (!cursor_take(&l->c, (size_t)1 << HLL16_BITS, &p))
		return 0;
	for (size_t i = 0; i < (size_t)1 << HLL16_BITS; i++)
		l->c.bad |= p[i] > HLL16_MOST_RANK;
	if ((code = agg_take(&l->t->mem, (size_t)1 << HLL16_BITS, l->e)) < 0)
		return code;
	if ((h->dense = malloc((size_t)1 << HLL16_BITS)) == NULL)
		return err_nomem(l->e);
	memcpy(h->dense, p, (size_t)1 << HLL16_BITS);
	return 0;
}

static int
get_distinct(struct loading *l, struct distinct *d)
{
	uint8_t form = cursor_u8(&l->c);
	size_t n;
	int code = 0;

	if (form == STATE_SKETCH || form == STATE_REGISTERS) {
		if ((d->hll = calloc(1, sizeof *d->hll)) == NULL)
			return err_nomem(l->e);
		l->t->mem.used += sizeof *d->hll;
		l->t->mem.inexact = true;
		return form == STATE_SKETCH ? get_codes(l, d->hll) : get_registers(l, d->hll);
	}
	l->c.bad |= form != STATE_EXACT;
	n = get_count(&l->c, 16);
	for (size_t i = 0; code == 0 && i < n; i++) {
		struct hash128 h = { .lo = cursor_u64(&l->c) };

		h.hi = cursor_u64(&l->c);
		code = distinct_add(&l->t->mem, d, h, l->e);
	}
	return code;
}

static int
get_hist(struct loading *l, struct hist *h)
{
	struct cursor *c = &l->c;
	uint64_t upper = 0, all = 0;
	int code = 0;
	size_t n;

	h->seen = get_spans(c);
	n = get_count(c, 2);
	for (size_t i = 0; code == 0 && i < n; i++) {
		uint64_t step = cursor_varint(c), times = get_spans(c);

		c->bad |= step > HIST_MOST_UPPER - upper || (step == 0 && i != 0) || times == 0 ||
		    __builtin_add_overflow(all, times, &all);
		if (c->bad)
			return 0;
		upper += step;
		code = hist_load_bar(&l->t->mem, h, (int16_t)upper, times, l->e);
	}
	c->bad |= all > h->seen;
	return code;
}

static int
get_state(struct loading *l, const struct measure *m, void *state)
{
	struct agg_slot *slot = &l->t->slots[m->slot];

	switch (m->kind) {
	case MEASURE_SUM:
		return get_sum(l, state);
	case MEASURE_MIN:
	case MEASURE_MAX:
		*(struct number *)state = get_number(&l->c, slot);
		return 0;
	case MEASURE_QUANTILE:
		return get_quantile(l, slot, state);
	case MEASURE_DISTINCT:
		return get_distinct(l, state);
	case MEASURE_HIST:
		return get_hist(l, state);
	}
	return 0;
}

/* ---- groups ---- */

static int
get_side(struct loading *l, struct side *s)
{
	struct agg_table *t = l->t;
	int code = 0;

	l->c.bad |= s->count != 0;	/* the same group again */
	s->count = get_spans(&l->c);
	s->errors = get_spans(&l->c);
	l->c.bad |= s->errors > s->count;
	for (size_t i = 0; code == 0 && s->count != 0 && !l->c.bad && i < t->n_measures; i++)
		code = get_state(l, &t->measures[i], s->states + t->measures[i].at);
	return code;
}

/* The start of a bucket: that of its own first instant, or of 1970 if it begins before. */
static bool
bucket_valid(const struct agg_table *t, __int128 at)
{
	return at <= (__int128)UINT64_MAX &&
	    step_floor(t->opt.step, at < 0 ? 0 : (uint64_t)at) == at;
}

static int
get_group(struct loading *l)
{
	__int128 bucket = l->t->g->has_bucket ? get_i128(&l->c) : 0;
	struct sv key = cursor_str(&l->c);
	struct group *g;
	int code;

	l->c.bad |= !key_valid(l->t, key) ||
	    (l->t->g->has_bucket && !bucket_valid(l->t, bucket));
	if (l->c.bad)
		return 0;
	if ((code = table_get_group(l->t, bucket, key, &g, l->e)) < 0)
		return code;
	for (size_t s = 0; code == 0 && !l->c.bad && s < (l->t->g->versus ? 2 : 1); s++)
		code = get_side(l, &g->side[s]);
	/* One that no span is in is there if it is all that there is. */
	l->c.bad |= g->side[0].count == 0 && g->side[1].count == 0 && l->t->g->n_keys != 0;
	return code;
}

/* ---- groups that were spilled ---- */

/*
 * Into one of nothing. What was packed when it went may take far more when it is decoded: where that
 * has no room, smaller states make some, as where they are added to.
 */
static int
read_state(struct loading *l, const struct measure *m, void *state)
{
	struct cursor from = l->c;
	int code = get_state(l, m, state);

	if (code != ERR_NOMEM)
		return code;
	l->t->mem.used -= measure_held(m, state);
	measure_release(m, state);
	memset(state, 0, measure_bytes(m->kind));
	if ((code = table_relieve(l->t, l->e)) < 0)
		return code;
	l->c = from;
	return get_state(l, m, state);
}

/* One measure of a side that there is already. */
static int
merge_state(struct loading *l, const struct measure *m, void *into)
{
	struct agg_table *t = l->t;
	_Alignas(16) char state[STATE_MOST] = { 0 };
	int code = read_state(l, m, state);

	if (code == 0 && !l->c.bad) {
		code = measure_merge(&t->mem, m, into, state, l->e);
		if (code == ERR_NOMEM && (code = table_relieve(t, l->e)) == 0)
			code = measure_merge(&t->mem, m, into, state, l->e);
	}
	t->mem.used -= measure_held(m, state);
	measure_release(m, state);
	return code;
}

static int
merge_side(struct loading *l, struct side *s)
{
	struct agg_table *t = l->t;
	uint64_t count = get_spans(&l->c), errors = get_spans(&l->c);
	int code = 0;

	for (size_t i = 0; code == 0 && count != 0 && !l->c.bad && i < t->n_measures; i++) {
		const struct measure *m = &t->measures[i];
		char *state = s->states + m->at;

		if (s->count != 0)
			code = merge_state(l, m, state);
		else if ((code = read_state(l, m, state)) == 0 && t->mem.short_of)
			code = measure_shrink(&t->mem, m, state, l->e);
	}
	s->count += count;
	s->errors += errors;
	return code;
}

int
agg_get_group(struct agg_table *t, struct cursor *c, struct err *e)
{
	struct loading l = { .c = *c, .t = t, .e = e };
	__int128 bucket = t->g->has_bucket ? get_i128(&l.c) : 0;
	struct sv key = cursor_str(&l.c);
	struct group *g;
	int code = 0;

	if (!l.c.bad)
		code = table_get_group(t, bucket, key, &g, e);
	for (size_t s = 0; code == 0 && !l.c.bad && s < (t->g->versus ? 2 : 1); s++)
		code = merge_side(&l, &g->side[s]);
	*c = l.c;
	return code;
}

/* ---- tables ---- */

static int
get_groups(struct loading *l)
{
	uint8_t inexact = cursor_u8(&l->c);
	size_t n;
	int code = 0;

	l->t->mem.inexact = inexact == 1;
	l->t->first_ns = cursor_u64(&l->c);
	l->t->last_ns = cursor_u64(&l->c);
	l->t->n_items = get_spans(&l->c);
	l->t->n_unpriced = get_spans(&l->c);
	l->c.bad |= inexact > 1 || l->t->n_unpriced > l->t->n_items;
	n = get_count(&l->c, 3);
	for (size_t i = 0; code == 0 && !l->c.bad && i < n; i++)
		if ((code = agg_check(l->t, l->e)) == 0)
			code = get_group(l);
	return code;
}

static int
get_table(struct loading *l)
{
	const uint8_t *magic;
	uint64_t shape, of_table;
	int code = agg_shape(l->t, &of_table, l->e);

	if (code < 0)
		return code;
	if (!cursor_take(&l->c, AGG_MAGIC_BYTES, &magic) ||
	    memcmp(magic, AGG_MAGIC, AGG_MAGIC_BYTES - 1) != 0)
		return err_set(l->e, ERR_CORRUPT, 0, "these are no groups");
	shape = cursor_u64(&l->c);
	if (magic[AGG_MAGIC_BYTES - 1] != (uint8_t)AGG_MAGIC[AGG_MAGIC_BYTES - 1] ||
	    (!l->c.bad && shape != of_table))
		return err_set(l->e, ERR_VERSION, 0, "groups of another kind or version");
	if ((code = get_groups(l)) < 0)
		return code;
	if (l->c.bad || cursor_left(&l->c) != 0)
		return err_set(l->e, ERR_CORRUPT, (int64_t)cursor_off(&l->c),
		    "groups don't read back");
	return 0;
}

int
agg_load(const struct agg_table *like, struct sv bytes, const struct agg_hold *hold,
    struct agg_table **out, struct err *e)
{
	struct loading l = { .c = cursor_new(bytes.p, bytes.n), .e = e, .may_borrow = hold != NULL };
	int code = agg_table_like(like, &l.t, e);

	if (code < 0)
		return code;
	l.t->spill_to = NULL;	/* what doesn't read back must leave nothing behind */
	if ((code = get_table(&l)) == 0 && l.borrowed && !vec_push(&l.t->holds, *hold))
		code = err_nomem(e);
	if (code < 0) {
		agg_table_free(l.t);
		return code;
	}
	if (hold != NULL && !l.borrowed)
		hold->put(hold->arg);
	*out = l.t;
	return 0;
}
