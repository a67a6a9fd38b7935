/* SPDX-License-Identifier: ISC */
/*
 * images: see rank/images.h. By bytes, the highest in which they differ first, in their place, since what
 * it took beside would not be counted.
 */
#include "rank/images.h"

#include <string.h>

#define FEW 64
#define SCALE_BITS 5	/* a bucket of the scale is 1 / 32 of its power of two */
#define SCALE_LEAST 4096	/* of fewer numbers the byte of each is looked at */

static void
sort_few(uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		size_t k = i;

		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* Where the numbers of each byte begin and end, by that byte. */
static void
count_bytes(const uint64_t *v, size_t n, unsigned shift, size_t *begin, size_t *end)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		end[v[i] >> shift & 255]++;
	for (size_t i = 0; i < 256; i++) {
		begin[i] = at;
		at += end[i];
		end[i] = at;
	}
}

/*
 * By the byte at shift; part i ends at end[i]. A number goes where its byte's part has its next
 * place, and the one that is there goes on.
 */
static void
part_by_byte(uint64_t *v, size_t n, unsigned shift, size_t end[256])
{
	size_t next[256];

	memset(end, 0, 256 * sizeof *end);
	count_bytes(v, n, shift, next, end);
	for (size_t i = 0; i < 256; i++)
		while (next[i] < end[i]) {
			uint64_t x = v[next[i]], was;

			for (size_t to; (to = x >> shift & 255) != i; x = was) {
				was = v[next[to]];
				v[next[to]++] = x;
			}
			v[next[i]++] = x;
		}
}

/* Each part by the next lower byte, so that it recurses at most 8 deep. */
static void
sort_from_byte(uint64_t *v, size_t n, unsigned shift)
{
	size_t end[256], from = 0;

	if (n < FEW) {
		sort_few(v, n);
		return;
	}
	part_by_byte(v, n, shift, end);
	for (size_t i = 0; shift > 0 && i < 256; i++) {
		sort_from_byte(v + from, end[i] - from, shift - 8);
		from = end[i];
	}
}

static uint64_t
differing(const uint64_t *v, size_t n)
{
	uint64_t all = UINT64_MAX, any = 0;

	for (size_t i = 0; i < n; i++) {
		all &= v[i];
		any |= v[i];
	}
	return n == 0 ? 0 : all ^ any;
}

/* The shift of the highest byte in which they differ. */
static unsigned
highest_byte(uint64_t differing_bits)
{
	return (63 - (unsigned)__builtin_clzll(differing_bits)) / 8 * 8;
}

void
images_sort(uint64_t *v, size_t n)
{
	uint64_t bits = differing(v, n);

	if (bits != 0)
		sort_from_byte(v, n, highest_byte(bits));
}

/* The place of a number on a scale of powers of two, each in 32 parts: rising with it. */
static unsigned
scale_of(uint64_t x)
{
	unsigned power;

	if (x >> SCALE_BITS == 0)
		return (unsigned)x;
	power = 63 - (unsigned)__builtin_clzll(x);
	return ((power - SCALE_BITS) << SCALE_BITS) + (unsigned)(x >> (power - SCALE_BITS));
}

#define SCALE_N ((64 - SCALE_BITS + 1) << SCALE_BITS)

/*
 * Numbers that were measured lie about evenly on that scale, however far apart they are. So they are
 * counted on it first, and of those where the rank is, few, is gone on with: they come to the front.
 */
static size_t
narrow_by_scale(uint64_t *v, size_t n, uint64_t mask, size_t *rank)
{
	uint32_t count[SCALE_N] = { 0 };
	uint64_t least, most;
	size_t kept = 0;
	unsigned at = 0;

	for (size_t i = 0; i < n; i++)
		count[scale_of(v[i] & mask)]++;
	for (; *rank >= count[at]; at++)
		*rank -= count[at];
	/* Those on place `at` are from `least` to `most`. */
	if (at < 2u << SCALE_BITS)
		least = most = at;
	else {
		unsigned up = (at >> SCALE_BITS) - 1;

		least = (uint64_t)((at & ((1u << SCALE_BITS) - 1)) | 1u << SCALE_BITS) << up;
		most = least + (((uint64_t)1 << up) - 1);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t x = v[i];

		if ((x & mask) - least <= most - least) {
			v[i] = v[kept];
			v[kept++] = x;
		}
	}
	return kept;
}

/* The one that stands at `rank` in order: only the part that it is in is gone on with. */
uint64_t
images_select(uint64_t *v, size_t n, size_t rank)
{
	uint64_t bits;

	while (n >= SCALE_LEAST && n <= UINT32_MAX && (bits = differing(v, n)) != 0)
		n = narrow_by_scale(v, n, UINT64_MAX >> __builtin_clzll(bits), &rank);
	while (n >= FEW && (bits = differing(v, n)) != 0) {
		size_t end[256], i = 0, from;

		part_by_byte(v, n, highest_byte(bits), end);
		while (end[i] <= rank)
			i++;
		from = i == 0 ? 0 : end[i - 1];
		v += from;
		n = end[i] - from;
		rank -= from;
	}
	if (n < FEW)
		sort_few(v, n);
	return v[rank];
}
