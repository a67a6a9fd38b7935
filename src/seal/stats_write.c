/* SPDX-License-Identifier: ISC */
/*
 * stats_write: SECTION_STATS. Each column's part is made while its values are at hand, after
 * column_stats and before they are used up, and gathered in s->stats_buf; what it costs is
 * bounded by looking at samples where all values would be dear.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "base/hll.h"
#include "shard/shard_stats.h"

#define SORTED 2048		/* values that a histogram is made of */

static int
u64_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool
top_is_all(const struct column_stats_out *st)
{
	return st->n_top >= st->n_distinct;
}

/* Average size, rounded up; after column_stats_codes s->counts says how often each occurs. */
static uint64_t
width_of(const struct seal *s, const struct coldict *dict, const uint32_t *old_of, uint32_t n)
{
	uint64_t bytes = 0;

	if (dict == NULL)
		return 8;
	for (uint32_t i = 0; i < dict->n; i++)
		bytes += coldict_at(dict, old_of != NULL ? old_of[i] : i).n *
		    (uint64_t)s->counts.v[i];
	return n == 0 ? 0 : (bytes + n - 1) / n;
}

/* Equally many of n values between two bounds, which begin and end with the range. */
static void
put_histogram(struct seal *s, uint32_t n)
{
	uint32_t buckets = s->opts.histogram_buckets, n_v = 0;
	uint64_t v[SORTED], last;

	if (buckets == 0 || n < 2 * buckets || top_is_all(&s->stats)) {
		buf_varint(&s->stats_buf, 0);
		return;
	}
	for (uint64_t i = 0; i < SORTED && i < n; i++)
		v[n_v++] = s->vals[n <= SORTED ? i : i * n / SORTED];
	qsort(v, n_v, sizeof *v, u64_cmp);
	v[0] = s->stats.min;
	v[n_v - 1] = s->stats.max;
	buf_varint(&s->stats_buf, buckets + 1);
	buf_u64le(&s->stats_buf, last = v[0]);
	for (uint32_t i = 1; i <= buckets; i++) {
		uint64_t x = v[(uint64_t)i * (n_v - 1) / buckets];

		buf_varint(&s->stats_buf, x - last);
		last = x;
	}
}

static void
put_sketch(struct seal *s, const struct coldict *dict, uint32_t n)
{
	uint8_t reg[HLL_REGISTERS] = { 0 };
	uint32_t n_set = 0, last = 0;

	if (top_is_all(&s->stats)) {
		buf_varint(&s->stats_buf, 0);
		return;
	}
	if (dict != NULL)
		for (uint32_t i = 0; i < dict->n; i++) {
			struct sv v = coldict_at(dict, i);

			hll_add(reg, hash64(v.p, v.n));
		}
	else
		for (uint32_t i = 0; i < n; i++)
			hll_add(reg, hash_u64(s->vals[i]));
	for (uint32_t i = 0; i < HLL_REGISTERS; i++)
		n_set += reg[i] != 0;
	buf_varint(&s->stats_buf, n_set);
	for (uint32_t i = 0; i < HLL_REGISTERS; i++)
		if (reg[i] != 0) {
			buf_varint(&s->stats_buf, i - last);
			buf_putc(&s->stats_buf, (char)reg[i]);
			last = i;
		}
}

/* Of those that the footer cuts: the whole's hash, and more of the text. */
static void
put_tails(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of)
{
	for (uint32_t i = 0; i < s->stats.n_top && dict != NULL; i++) {
		struct value v = column_value(d, dict, old_of, s->stats.top[i].v);
		struct sv rest;

		if (v.s.n <= SHARD_TOP_BYTES || (d->type != VAL_STRING && d->type != VAL_BYTES))
			continue;
		rest = sv_sub(v.s, SHARD_TOP_BYTES, v.s.n);
		rest.n = rest.n > STATS_TAIL_BYTES ? STATS_TAIL_BYTES : rest.n;
		buf_u64le(&s->stats_buf, hash64(v.s.p, v.s.n));
		buf_varint(&s->stats_buf, rest.n);
		buf_sv(&s->stats_buf, rest);
	}
}

static void
put_samples(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of, uint32_t n)
{
	uint64_t known = 0;

	for (uint32_t i = 0; i < s->stats.n_top; i++)
		known += s->stats.top[i].n_rows;
	if (d->type != VAL_STRING || n < STATS_SAMPLES || known > n / 4 * 3) {
		buf_varint(&s->stats_buf, 0);
		return;
	}
	buf_varint(&s->stats_buf, STATS_SAMPLES);
	for (uint64_t i = 0; i < STATS_SAMPLES; i++) {
		struct sv v = column_value(d, dict, old_of, s->vals[i * n / STATS_SAMPLES]).s;

		v.n = v.n > SHARD_TOP_BYTES ? SHARD_TOP_BYTES : v.n;
		buf_varint(&s->stats_buf, v.n);
		buf_sv(&s->stats_buf, v);
	}
}

/* Columns that somebody asks about by their values. */
static bool
is_counted(enum column_id id)
{
	return id == COL_ATTR || id == COL_NAME || id == COL_STATUS_MESSAGE ||
	    id == COL_EVENT_NAME || id == COL_TRACE_STATE;
}

static bool
has_cells(enum column_id id)
{
	return id == COL_ATTR || id == COL_STATUS_MESSAGE || id == COL_EVENT_NAME ||
	    id == COL_KIND || id == COL_STATUS || id == COL_PARENT;
}

int
stats_column(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of, uint32_t n, bool all)
{
	struct buf *b = &s->stats_buf;
	bool number = d->id == COL_DURATION || (d->id == COL_ATTR && (d->type == VAL_INT ||
	    d->type == VAL_DOUBLE));

	buf_varint(b, width_of(s, dict, old_of, n));
	if (number)
		put_histogram(s, n);
	else
		buf_varint(b, 0);
	if (is_counted(d->id)) {
		put_sketch(s, dict, n);
		put_tails(s, d, dict, old_of);
		put_samples(s, d, dict, old_of, n);
	} else {
		buf_varint(b, 0);
		put_tails(s, d, dict, old_of);
		buf_varint(b, 0);
	}
	if (has_cells(d->id))
		return cells_column(s, d, dict, old_of, n, all);
	buf_varint(b, 0);
	return 0;
}

int
seal_stats(struct seal *s)
{
	s->raw.n = 0;
	cells_put(s);
	buf_sv(&s->raw, buf_view(&s->stats_buf));
	if (s->stats_buf.oom || s->raw.oom)
		return err_nomem(s->err);
	if (s->raw.n > STATS_BYTES_MAX)
		return 0;
	return section_put(s, SECTION_STATS, NO_COLUMN, 0, NULL);
}
