/* SPDX-License-Identifier: ISC */
/* agg_save: a table of groups to bytes, see agg/agg_bytes.h. */
#include <math.h>

#include "agg/agg_bytes.h"
#include "agg_bytes_i.h"

/* ---- numbers ---- */

static void
put_le(struct buf *b, unsigned __int128 v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i) & 255));
}

static void
put_double(struct buf *b, double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof u);
	put_le(b, u, 8);
}

static void
put_number(struct buf *b, struct number x)
{
	buf_putc(b, (char)x.kind);
	if (x.kind != NUMBER_NONE)
		put_le(b, x.u, 8);
}

/* ---- states ---- */

static void
put_parts(struct buf *b, const struct sum_parts *p)
{
	buf_varint(b, p->n);
	for (uint32_t i = 0; i < p->n; i++)
		put_double(b, p->v[i]);
}

static void
put_sum(struct buf *b, const struct sum *s)
{
	buf_varint(b, s->n);
	put_le(b, (unsigned __int128)s->whole, 16);
	buf_putc(b, (char)(s->has_double * SUM_DOUBLES + s->has_odd * SUM_ODD));
	if (s->has_odd)
		put_double(b, s->odd);
	put_parts(b, &s->parts);
	put_parts(b, &s->huge);
}

static void
put_sketch(struct buf *b, const struct sketch *s)
{
	uint64_t before = 0;

	put_number(b, s->min);
	put_number(b, s->max);
	buf_varint(b, s->n);
	for (size_t i = 0; i < s->n; i++) {
		uint64_t bucket = s->v[i] >> SKETCH_COUNT_BITS;

		buf_varint(b, bucket - before);
		buf_varint(b, s->v[i] & (((uint64_t)1 << SKETCH_COUNT_BITS) - 1));
		before = bucket;
	}
}

static void
put_rising(struct buf *b, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_varint(b, i == 0 ? v[0] : v[i] - v[i - 1]);
}

/* A NaN is above all others; it is not packed, since bits may be anything that lies in the bounds. */
static bool
may_pack(const uint64_t *v, size_t n, bool doubles)
{
	return n >= PACK_LEAST && (!doubles || v[n - 1] <= value_image_double((double)INFINITY));
}

static void
put_packs(struct buf *b, const struct quantile *q, bool doubles, bool pack)
{
	const uint64_t *v = doubles ? q->doubles : q->ints;
	size_t n = doubles ? q->n_doubles : q->n_ints, runs = q->packs == NULL ? 0 : q->packs->n;

	buf_putc(b, (char)doubles);
	buf_varint(b, runs + pack);
	for (size_t i = 0; i < runs; i++)
		packed_put_run(b, &q->packs->v[i]);
	if (pack)
		packed_put(b, v, n);
	buf_varint(b, pack ? 0 : n);
	put_rising(b, v, pack ? 0 : n);
}

static void
put_quantile(struct buf *b, struct quantile *q)
{
	bool doubles = q->packs != NULL ? q->packs->doubles : q->n_ints == 0, pack;

	if (q->sketch != NULL) {
		buf_putc(b, STATE_SKETCH);
		put_sketch(b, q->sketch);
		return;
	}
	quantile_sort(q);
	pack = doubles ? may_pack(q->doubles, q->n_doubles, true) :
	    q->n_doubles == 0 && may_pack(q->ints, q->n_ints, false);
	if (q->packs != NULL || pack) {
		buf_putc(b, STATE_PACKED);
		put_packs(b, q, doubles, pack);
		return;
	}
	buf_putc(b, STATE_EXACT);
	buf_varint(b, q->n_ints);
	buf_varint(b, q->n_doubles);
	put_rising(b, q->ints, q->n_ints);
	put_rising(b, q->doubles, q->n_doubles);
}

static void
put_codes(struct buf *b, const struct hll16 *h)
{
	buf_putc(b, h->dense != NULL ? STATE_REGISTERS : STATE_SKETCH);
	if (h->dense != NULL) {
		buf_put(b, h->dense, (size_t)1 << HLL16_BITS);
		return;
	}
	buf_varint(b, h->n);
	for (size_t i = 0; i < h->cap; i++)
		if (h->sparse[i] != 0)
			put_le(b, h->sparse[i], 4);
}

static void
put_distinct(struct buf *b, const struct distinct *d)
{
	if (d->hll != NULL) {
		put_codes(b, d->hll);
		return;
	}
	buf_putc(b, STATE_EXACT);
	buf_varint(b, d->n);
	for (size_t i = 0; i < d->cap; i++)
		if (d->v[i].lo != 0 || d->v[i].hi != 0) {
			put_le(b, d->v[i].lo, 8);
			put_le(b, d->v[i].hi, 8);
		}
}

static void
put_hist(struct buf *b, const struct hist *h)
{
	buf_varint(b, h->seen);
	buf_varint(b, h->n);
	for (size_t i = 0; i < h->n; i++) {
		buf_varint(b, (uint64_t)(h->v[i].upper - (i == 0 ? 0 : h->v[i - 1].upper)));
		buf_varint(b, h->v[i].n);
	}
}

static void
put_state(struct buf *b, const struct measure *m, void *state)
{
	switch (m->kind) {
	case MEASURE_SUM:
		put_sum(b, state);
		return;
	case MEASURE_MIN:
	case MEASURE_MAX:
		put_number(b, *(struct number *)state);
		return;
	case MEASURE_QUANTILE:
		put_quantile(b, state);
		return;
	case MEASURE_DISTINCT:
		put_distinct(b, state);
		return;
	case MEASURE_HIST:
		put_hist(b, state);
		return;
	}
}

/* ---- groups ---- */

void
agg_put_group(struct buf *b, struct agg_table *t, struct group *g)
{
	if (t->g->has_bucket)
		put_le(b, (unsigned __int128)g->bucket, 16);
	buf_varint(b, g->key.n);
	buf_sv(b, g->key);
	for (size_t s = 0; s < (t->g->versus ? 2 : 1); s++) {
		buf_varint(b, g->side[s].count);
		buf_varint(b, g->side[s].errors);
		for (size_t i = 0; g->side[s].count != 0 && i < t->n_measures; i++)
			put_state(b, &t->measures[i], g->side[s].states + t->measures[i].at);
	}
}

static void
put_field(struct buf *b, const struct field *f)
{
	struct buf name = BUF_INIT;

	field_print(&name, f);
	buf_varint(b, name.n);
	buf_sv(b, buf_view(&name));
	b->oom |= name.oom;
	buf_release(&name);
}

int
agg_shape(const struct agg_table *t, uint64_t *hash, struct err *e)
{
	struct buf b = BUF_INIT;
	int code;

	put_le(&b, t->g->has_bucket, 1);
	if (t->g->has_bucket)
		step_print(&b, t->opt.step);
	put_le(&b, t->g->versus ? t->opt.shift : 0, 8);
	put_le(&b, t->g->versus, 1);
	put_le(&b, t->g->per_trace, 1);
	buf_varint(&b, t->g->n_keys);
	for (size_t i = 0; i < t->g->n_keys; i++)
		put_field(&b, &t->g->keys[i]);
	for (size_t i = 0; i < t->n_measures; i++) {
		buf_putc(&b, (char)t->measures[i].kind);
		put_field(&b, &t->slots[t->measures[i].slot].field);
	}
	*hash = hash64(b.p, b.n);
	code = buf_ok(&b, e);
	buf_release(&b);
	return code;
}

bool
agg_can_save(const struct agg_table *t)
{
	return !t->g->per_trace && !t->has_given && !t->spilled;
}

int
agg_save(struct agg_table *t, struct buf *b, struct err *e)
{
	uint64_t shape;
	int code;

	if (!agg_can_save(t))
		return err_set(e, ERR_UNSUPPORTED, -1, "groups of traces, of a server's percentiles, and in a file "
		    "are not kept");
	if ((code = agg_shape(t, &shape, e)) < 0)
		return code;
	buf_put(b, AGG_MAGIC, AGG_MAGIC_BYTES);
	put_le(b, shape, 8);
	buf_putc(b, t->mem.inexact);
	put_le(b, t->first_ns, 8);
	put_le(b, t->last_ns, 8);
	buf_varint(b, t->n_items);
	buf_varint(b, t->n_unpriced);
	buf_varint(b, t->n_groups);
	for (size_t i = 0; code == 0 && i < t->n_groups; i++)
		if ((code = agg_check(t, e)) == 0)
			agg_put_group(b, t, t->groups[i]);
	return code < 0 ? code : buf_ok(b, e);
}
