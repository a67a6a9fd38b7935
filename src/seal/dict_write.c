/* SPDX-License-Identifier: ISC */
/*
 * dict_write: columns of strings. The dictionary built on arrival is brought into byte order
 * (a radix sort of the first 8 bytes, then a comparison of those that agree in them) and
 * codes follow. If nearly every value is a value of its own a dictionary only adds codes, so
 * the strings stand in row order, in the chunks.
 */
#include "seal_i.h"

#include <endian.h>
#include <stdlib.h>

#include "shard/enc.h"

/* In place if more than 6 of 10 values are distinct, and there are some. */
#define BYTES_LEAST 64
#define is_distinct(n_distinct, n) \
	((n) > BYTES_LEAST && (uint64_t)(n_distinct) * 10 > (uint64_t)(n) * 6)

/* The first 8 bytes, zero-padded, as a number in their order. */
static uint64_t
prefix_of(struct sv s)
{
	uint64_t v = 0;

	if (s.n != 0)
		memcpy(&v, s.p, s.n < 8 ? s.n : 8);
	return be64toh(v);
}

static int
value_cmp(const void *a, const void *b, void *arg)
{
	const struct coldict *d = arg;

	return sv_cmp(coldict_at(d, ((const struct sort_pair *)a)->val),
	    coldict_at(d, ((const struct sort_pair *)b)->val));
}

/* Codes in byte order of their values, into s->pairs[0, n).val. */
static int
sort_values(struct seal *s, const struct coldict *d)
{
	struct sort_pair *v;
	uint32_t n = d->n, j;

	if (!vec_reserve(&s->pairs, (size_t)n * 2) || !vec_reserve(&s->remap, (size_t)n * 2))
		return err_nomem(s->err);
	v = s->pairs.v;
	for (uint32_t i = 0; i < n; i++)
		v[i] = (struct sort_pair){ prefix_of(coldict_at(d, i)), i, 0 };
	sort_pairs(v, v + n, n);
	for (uint32_t i = 0; i < n; i = j) {
		for (j = i + 1; j < n && v[j].key == v[i].key; j++)
			continue;
		if (j - i > 1)
			qsort_r(v + i, j - i, sizeof *v, value_cmp, (void *)(uintptr_t)d);
	}
	return 0;
}

/* Sets the u32 at raw[at] to the bytes behind it and `skip` more. */
static void
set_bytes(struct buf *b, size_t at, size_t skip)
{
	uint32_t n;

	if (b->oom)
		return;
	n = htole32((uint32_t)(b->n - at - 4 - skip));
	memcpy(b->p + at, &n, sizeof n);
}

static int
put_dict(struct seal *s, const struct coldict *d)
{
	uint64_t end = 0;
	size_t at;

	s->raw.n = 0;
	buf_u32le(&s->raw, d->n);
	at = s->raw.n;
	buf_u32le(&s->raw, 0);
	for (uint32_t i = 0; i < d->n; i++)
		s->tmp[i] = end += coldict_at(d, s->pairs.v[i].val).n;
	pack_encode_for(&s->raw, s->tmp, d->n);
	set_bytes(&s->raw, at, 0);
	for (uint32_t i = 0; i < d->n; i++)
		buf_sv(&s->raw, coldict_at(d, s->pairs.v[i].val));
	return section_put(s, SECTION_DICT, s->n_columns, 0, NULL);
}

static int
write_dict(struct seal *s, struct column_desc *d, const struct coldict *dict, uint32_t n,
    bool all)
{
	uint32_t *new_of, *old_of;
	int rc;

	d->kind = COLUMN_DICT;
	d->n_dict = dict->n;
	if ((rc = sort_values(s, dict)) != 0 || (rc = put_dict(s, dict)) != 0)
		return rc;
	new_of = s->remap.v;
	old_of = s->remap.v + dict->n;
	for (uint32_t i = 0; i < dict->n; i++) {
		old_of[i] = s->pairs.v[i].val;
		new_of[old_of[i]] = i;
	}
	for (uint32_t i = 0; i < n; i++)
		s->vals[i] = new_of[s->vals[i]];
	if ((rc = column_stats_codes(s, n, dict->n)) != 0 ||
	    (rc = stats_column(s, d, dict, old_of, n, all)) != 0 ||
	    (rc = column_chunks(s, d, n, all)) != 0 ||
	    (rc = postings_codes(s, d, dict, n, all)) != 0 ||
	    (rc = colbloom_make(s, d, dict)) != 0 ||
	    (rc = textidx_make(s, d, dict, old_of)) != 0)
		return rc;
	return column_end(s, d, dict, old_of);
}

/* The chunk of ordinals [at, at + n) and rows [from, to). */
static int
put_bytes_chunk(struct seal *s, const struct coldict *dict, uint32_t at, uint32_t n,
    uint32_t group, uint32_t from, uint32_t to)
{
	struct chunk_zone z = { n, UINT64_MAX, 0 };
	uint64_t end = 0;
	size_t mark;

	chunk_begin(s, from, to, n);
	if (!s->raw.oom)
		s->raw.p[1] = ENC_BYTES;
	for (uint32_t i = 0; i < n; i++) {
		struct sv v = coldict_at(dict, (uint32_t)s->vals[at + i]);
		uint64_t prefix = prefix_of(v);

		s->tmp[i] = end += v.n;
		if (prefix < z.min)
			z.min = prefix;
		if (prefix > z.max)
			z.max = prefix;
	}
	mark = s->raw.n;
	buf_u64le(&s->raw, 0);
	pack_encode(&s->raw, s->tmp, n);
	set_bytes(&s->raw, mark, 4);
	for (uint32_t i = 0; i < n; i++)
		buf_sv(&s->raw, coldict_at(dict, (uint32_t)s->vals[at + i]));
	return section_put(s, SECTION_CHUNK, s->n_columns, group, &z);
}

static int
write_bytes(struct seal *s, struct column_desc *d, const struct coldict *dict, uint32_t n,
    bool all)
{
	const uint32_t *from = s->ord.domain[d->domain].group_from;
	uint32_t at = 0, rows;
	int rc;

	d->kind = COLUMN_BYTES;
	if ((rc = column_stats_codes(s, n, dict->n)) != 0 ||
	    (rc = stats_column(s, d, dict, NULL, n, all)) != 0)
		return rc;
	for (uint32_t g = 0; g < s->ord.n_groups && at < n; g++, at += rows) {
		rows = all ? from[g + 1] - from[g] : count_present(s, from[g], from[g + 1]);
		if (rows != 0 && (rc = put_bytes_chunk(s, dict, at, rows, g, from[g],
		    from[g + 1])) != 0)
			return rc;
	}
	if ((rc = postings_hashes(s, d, dict, n, all)) != 0 ||
	    (rc = colbloom_make(s, d, dict)) != 0)
		return rc;
	return column_end(s, d, dict, NULL);
}

int
column_write_strings(struct seal *s, struct column_desc *d, const struct coldict *dict,
    uint32_t n, bool all, bool may_bytes)
{
	if (may_bytes && is_distinct(dict->n, n))
		return write_bytes(s, d, dict, n, all);
	return write_dict(s, d, dict, n, all);
}
