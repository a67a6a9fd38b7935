/* SPDX-License-Identifier: ISC */
/*
 * packed: see rank/packed.h. A block is its first number, which is its bound, and the differences of the
 * others, each from the one before, in as many bits as the largest of them needs. A sum of differences
 * that passes the next bound is that bound.
 */
#include "rank/packed.h"

#include <endian.h>
#include <string.h>

#include "base/search.h"

#define BOUND_BYTES 8

static uint64_t
load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static void
put_u64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_put(b, &v, sizeof v);
}

static size_t
blocks_of(size_t n)
{
	return n / PACKED_BLOCK + (n % PACKED_BLOCK != 0);
}

/* Bytes of the differences of a block of n numbers. */
static size_t
bits_bytes(size_t n, unsigned width)
{
	return ((n - 1) * width + 7) / 8;
}

/* ---- out ---- */

static unsigned
width_of(const uint64_t *v, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 1; i < n; i++)
		all |= v[i] - v[i - 1];
	return all == 0 ? 0 : 64 - (unsigned)__builtin_clzll(all);
}

static size_t
least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
put_bits(struct buf *b, const uint64_t *v, size_t n, unsigned width)
{
	uint64_t words[PACKED_BLOCK + 1] = { 0 };

	for (size_t i = 1; i < n && width != 0; i++) {
		size_t bit = (i - 1) * width;
		uint64_t d = v[i] - v[i - 1];

		words[bit / 64] |= d << bit % 64;
		if (bit % 64 + width > 64)
			words[bit / 64 + 1] |= d >> (64 - bit % 64);
	}
	for (size_t i = 0; i < PACKED_BLOCK; i++)
		words[i] = htole64(words[i]);
	buf_put(b, words, bits_bytes(n, width));
}

void
packed_put(struct buf *b, const uint64_t *v, size_t n)
{
	buf_varint(b, n);
	for (size_t i = 0; i < n; i += PACKED_BLOCK)
		put_u64(b, v[i]);
	put_u64(b, v[n - 1]);
	for (size_t i = 0; i < n; i += PACKED_BLOCK)
		buf_putc(b, (char)width_of(v + i, least_of(n - i, PACKED_BLOCK)));
	for (size_t i = 0; i < n; i += PACKED_BLOCK) {
		size_t k = least_of(n - i, PACKED_BLOCK);

		put_bits(b, v + i, k, width_of(v + i, k));
	}
}

void
packed_put_run(struct buf *b, const struct packed_run *r)
{
	buf_varint(b, r->n);
	buf_put(b, r->p, r->n_bytes);
}

/* ---- back ---- */

static const uint8_t *
widths_of(const struct packed_run *r)
{
	return r->p + (r->n_blocks + 1) * BOUND_BYTES;
}

uint64_t
packed_bound(const struct packed_run *r, size_t block)
{
	return load(r->p + block * BOUND_BYTES);
}

size_t
packed_in_block(const struct packed_run *r, size_t block)
{
	return least_of(r->n - block * PACKED_BLOCK, PACKED_BLOCK);
}

/* The bounds rise, and the widths are widths; how many bytes the differences take. */
static bool
head_valid(const struct packed_run *r, size_t *bytes)
{
	const uint8_t *w = widths_of(r);
	uint64_t before = packed_bound(r, 0);
	bool good = true;

	*bytes = 0;
	for (size_t i = 0; i < r->n_blocks; i++) {
		uint64_t next = packed_bound(r, i + 1);

		good &= next >= before && w[i] <= 64;
		*bytes += bits_bytes(packed_in_block(r, i), w[i]);
		before = next;
	}
	return good;
}

bool
packed_get(struct cursor *c, struct packed_run *r)
{
	uint64_t n = cursor_varint(c);
	const uint8_t *bits;
	size_t bytes;

	c->bad |= n == 0 || n / PACKED_BLOCK > cursor_left(c) / (BOUND_BYTES + 1);
	if (c->bad)
		return false;
	*r = (struct packed_run){ .n = (size_t)n, .n_blocks = blocks_of((size_t)n) };
	if (!cursor_take(c, (r->n_blocks + 1) * BOUND_BYTES + r->n_blocks, &r->p) ||
	    (c->bad |= !head_valid(r, &bytes)) || !cursor_take(c, bytes, &bits))
		return false;
	r->n_bytes = (size_t)(c->p - r->p);
	return true;
}

size_t
packed_below(const struct packed_run *r, uint64_t x)
{
	size_t at = 0;

	LOWER_BOUND(at, r->n_blocks, i, packed_bound(r, i) < x);
	return at;
}

size_t
packed_at_most(const struct packed_run *r, uint64_t x)
{
	return x == UINT64_MAX ? r->n_blocks : packed_below(r, x + 1);
}

/* ---- the numbers of a block ---- */

void
packed_seek(const struct packed_run *r, struct packed_place *at, size_t block)
{
	const uint8_t *w = widths_of(r);

	/* All blocks before the last one are full. */
	for (; at->block < block; at->block++)
		at->at += bits_bytes(PACKED_BLOCK, w[at->block]);
}

static void
take_bits(const uint8_t *p, size_t bytes, uint64_t words[PACKED_BLOCK + 1])
{
	memset(words, 0, (PACKED_BLOCK + 1) * sizeof *words);
	memcpy(words, p, bytes);
	for (size_t i = 0; i <= bytes / 8; i++)
		words[i] = le64toh(words[i]);
}

static uint64_t
difference(const uint64_t *words, size_t bit, unsigned width)
{
	unsigned shift = bit % 64;
	uint64_t v = words[bit / 64] >> shift;

	if (shift + width > 64)
		v |= words[bit / 64 + 1] << (64 - shift);
	return width == 64 ? v : v & (((uint64_t)1 << width) - 1);
}

size_t
packed_next(const struct packed_run *r, struct packed_place *at, uint64_t out[PACKED_BLOCK])
{
	const uint8_t *w = widths_of(r);
	size_t n = packed_in_block(r, at->block), bytes = bits_bytes(n, w[at->block]);
	uint64_t x = packed_bound(r, at->block), most = packed_bound(r, at->block + 1);
	uint64_t words[PACKED_BLOCK + 1];
	unsigned width = w[at->block];

	if (width != 0)
		take_bits(w + r->n_blocks + at->at, bytes, words);
	out[0] = x;
	for (size_t i = 1; i < n; i++) {
		uint64_t d = width == 0 ? 0 : difference(words, (i - 1) * width, width);

		out[i] = x = d > most - x ? most : x + d;
	}
	at->at += bytes;
	at->block++;
	return n;
}
