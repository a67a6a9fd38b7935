/* SPDX-License-Identifier: ISC */
/*
 * images: see rank/images.h. By bytes, the highest in which they differ first, in their place, since what
 * it took beside would not be counted.
 */
#include "rank/images.h"

#include <string.h>

#define FEW 64

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

/* The one that stands at `rank` in order: only the part that it is in is gone on with. */
uint64_t
images_select(uint64_t *v, size_t n, size_t rank)
{
	uint64_t bits;

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
