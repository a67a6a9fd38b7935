/* SPDX-License-Identifier: ISC */
/* stats: look-ups in what is known of the whole store, and the scale of large numbers. */
#include "model/stats.h"

#include "base/hash.h"
#include "base/search.h"

unsigned
stats_bucket(uint64_t v)
{
	unsigned log2;

	if (v == 0)
		return 0;
	log2 = 63 - (unsigned)__builtin_clzll(v);
	return 1 + log2 * 4 + (unsigned)((log2 < 2 ? v << (2 - log2) : v >> (log2 - 2)) & 3);
}

uint64_t
stats_bucket_start(unsigned b)
{
	unsigned log2 = (b - 1) / 4;

	if (b == 0)
		return 0;
	if (b >= STATS_LOG_BUCKETS)
		return UINT64_MAX;
	if (log2 < 2)
		return (4 + ((b - 1) & 3)) >> (2 - log2);
	return (uint64_t)(4 + ((b - 1) & 3)) << (log2 - 2);
}

uint64_t
stats_hash(const struct value *v)
{
	switch (v->type) {
	case VAL_BOOL:
		return hash_u64(v->b);
	case VAL_INT:
		return hash_u64(value_image_i64(v->i));
	case VAL_DOUBLE:
		return hash_u64(value_image_double(v->d));
	case VAL_EMPTY:
		return hash_u64(0);
	default:
		return hash64(v->s.p, v->s.n);
	}
}

const struct column_stats *
stats_columns(const struct shard_stats *s, const struct field *f, size_t *n)
{
	size_t lo = 0, end;

	LOWER_BOUND(lo, s->n_columns, i, field_cmp(&s->columns[i].field, f) < 0);
	for (end = lo; end < s->n_columns && field_eq(&s->columns[end].field, f); end++)
		;
	*n = end - lo;
	return s->columns + lo;
}

const struct stats_field *
stats_fields(const struct stats_summary *s, const struct field *f, size_t *n)
{
	size_t lo = 0, end;

	LOWER_BOUND(lo, s->n_fields, i, field_cmp(&s->fields[i].field, f) < 0);
	for (end = lo; end < s->n_fields && field_eq(&s->fields[end].field, f); end++)
		;
	*n = end - lo;
	return *n == 0 ? NULL : s->fields + lo;
}

const struct stats_value *
stats_value_find(const struct stats_field *f, uint64_t hash)
{
	if (f->n_slots == 0)
		return NULL;
	for (uint32_t at = (uint32_t)hash;; at++) {
		uint32_t x = f->slots[at & (f->n_slots - 1)];

		if (x == 0)
			return NULL;
		if (f->values[x - 1].hash == hash)
			return &f->values[x - 1];
	}
}

const struct stats_filter *
stats_filter_find(const struct stats *st, const struct field *f)
{
	for (size_t i = 0; i < st->n_filters; i++)
		if (field_eq(&st->filters[i]->field, f))
			return st->filters[i];
	return NULL;
}

uint32_t
stats_shard_no(const struct stats *st, size_t i)
{
	return st->index == NULL ? (uint32_t)i : st->index[i];
}

size_t
stats_n_total(const struct stats *st)
{
	size_t n = st->n_shards;

	for (size_t i = 0; i < st->n_left; i++)
		n += (size_t)st->left[i].n_shards;
	return n;
}
