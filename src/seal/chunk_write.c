/* SPDX-License-Identifier: ISC */
/*
 * chunk_write: a chunk's bytes: which rows have a value, then the numbers. Of the encodings the
 * smallest before compression is taken; of the forms of presence as well.
 */
#include "seal_i.h"

#include "base/bitmap.h"
#include "shard/enc.h"

/* A LIST names rows in 16 bits; sparse bitmaps compress well, so it must be much smaller. */
#define LIST_ROWS 65536
#define LIST_GAIN 4
/* Runs must be this long on average for ENC_RLE to be tried. */
#define RLE_RUN 4

uint32_t
count_present(const struct seal *s, uint32_t from, uint32_t to)
{
	uint32_t at = from / 64 * 64;

	return from >= to ? 0 : (uint32_t)(bitmap_rank(s->present + at / 64, to - at) -
	    bitmap_rank(s->present + at / 64, from - at));
}

static void
put_list(struct seal *s, uint32_t from, uint32_t to)
{
	size_t first = s->raw.n;

	for (uint32_t w = from / 64; w * 64 < to; w++) {
		uint64_t bits = s->present[w];

		if (w == from / 64)
			bits &= UINT64_MAX << from % 64;
		for (; bits != 0; bits &= bits - 1) {
			uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(bits);

			if (row < to)
				buf_u16le(&s->raw, (uint16_t)(row - from));
		}
	}
	buf_put(&s->raw, "\0\0\0\0\0\0\0", (0 - (s->raw.n - first)) % 8);
}

static void
put_bitmap(struct seal *s, uint32_t from, uint32_t to)
{
	uint32_t n = to - from, shift = from % 64;
	size_t last = BITMAP_WORDS(to);

	for (uint32_t i = 0; i < BITMAP_WORDS(n); i++) {
		size_t w = from / 64 + i;
		uint64_t v = s->present[w] >> shift;

		if (shift != 0 && w + 1 < last)
			v |= s->present[w + 1] << (64 - shift);
		if (n - i * 64 < 64)
			v &= ((uint64_t)1 << (n - i * 64)) - 1;
		buf_u64le(&s->raw, v);
	}
}

void
chunk_begin(struct seal *s, uint32_t from, uint32_t to, uint32_t n_present)
{
	uint32_t n = to - from, bitmap = (uint32_t)BITMAP_WORDS(n) * 8, list, bytes = 0;
	enum chunk_presence how = PRESENT_ALL;

	list = n_present * 2;
	if (n_present != n) {
		how = n <= LIST_ROWS && list * LIST_GAIN <= bitmap ? PRESENT_LIST : PRESENT_BITMAP;
		bytes = how == PRESENT_LIST ? list : bitmap;
	}
	s->raw.n = 0;
	buf_putc(&s->raw, (char)how);
	buf_putc(&s->raw, 0);		/* the encoding, later */
	buf_u16le(&s->raw, 0);
	buf_u32le(&s->raw, n);
	buf_u32le(&s->raw, n_present);
	buf_u32le(&s->raw, bytes);
	if (how == PRESENT_LIST)
		put_list(s, from, to);
	else if (how == PRESENT_BITMAP)
		put_bitmap(s, from, to);
}

static void
set_encoding(struct seal *s, enum chunk_encoding enc)
{
	if (!s->raw.oom)
		s->raw.p[1] = (char)enc;
}

static void
put_raw64(struct seal *s, const uint64_t *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		buf_u64le(&s->raw, v[i]);
}

/* n_runs runs, at most half of n: s->tmp has room for their values and their ends. */
static void
put_rle(struct seal *s, const uint64_t *v, uint32_t n, uint32_t n_runs)
{
	uint64_t *run = s->tmp, *end = s->tmp + n_runs;
	size_t at;
	uint32_t k = 0, bytes;

	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || v[i] != v[i - 1])
			run[k++] = v[i];
		end[k - 1] = i + 1;
	}
	buf_u32le(&s->raw, n_runs);
	at = s->raw.n;
	buf_u32le(&s->raw, 0);
	pack_encode(&s->raw, run, n_runs);
	if (s->raw.oom)
		return;
	bytes = (uint32_t)(s->raw.n - at - 4);
	for (unsigned i = 0; i < 4; i++)
		s->raw.p[at + i] = (char)(bytes >> 8 * i);
	pack_encode(&s->raw, end, n_runs);
}

/* Values v[0, n), n > 0, behind the presence. */
static void
put_numbers(struct seal *s, const uint64_t *v, uint32_t n, const struct chunk_zone *z)
{
	size_t start = s->raw.n, packed, rle = SIZE_MAX;
	uint32_t n_runs = 1;

	if (z->min == z->max) {
		buf_u64le(&s->raw, z->min);
		set_encoding(s, ENC_CONST);
		return;
	}
	for (uint32_t i = 1; i < n; i++)
		n_runs += v[i] != v[i - 1];
	if (n_runs <= n / RLE_RUN) {
		put_rle(s, v, n, n_runs);
		rle = s->raw.n - start;
		s->raw.n = start;
	}
	pack_encode(&s->raw, v, n);
	packed = s->raw.n - start;
	set_encoding(s, ENC_PACK);
	if (rle < packed) {
		s->raw.n = start;
		put_rle(s, v, n, n_runs);
		set_encoding(s, ENC_RLE);
	} else if (packed >= (size_t)n * 8) {
		s->raw.n = start;
		put_raw64(s, v, n);
		set_encoding(s, ENC_RAW64);
	}
}

static void
zone_of(struct chunk_zone *z, const uint64_t *v, uint32_t n)
{
	*z = (struct chunk_zone){ n, v[0], v[0] };
	for (uint32_t i = 1; i < n; i++) {
		if (v[i] < z->min)
			z->min = v[i];
		if (v[i] > z->max)
			z->max = v[i];
	}
}

int
column_chunks(struct seal *s, const struct column_desc *d, uint32_t n, bool all)
{
	const uint32_t *from = s->ord.domain[d->domain].group_from;
	uint32_t at = 0, rows;
	struct chunk_zone z;
	int rc;

	for (uint32_t g = 0; g < s->ord.n_groups && at < n; g++) {
		rows = all ? from[g + 1] - from[g] : count_present(s, from[g], from[g + 1]);
		if (rows == 0)
			continue;
		zone_of(&z, s->vals + at, rows);
		chunk_begin(s, from[g], from[g + 1], rows);
		put_numbers(s, s->vals + at, rows, &z);
		at += rows;
		if ((rc = section_put(s, SECTION_CHUNK, s->n_columns, g, &z)) != 0)
			return rc;
	}
	return 0;
}
