/* SPDX-License-Identifier: ISC */
/*
 * sort_pairs: a stable radix sort of 64-bit keys with a number beside each: eleven bits a
 * pass from the lowest, all histograms made in one reading, and passes in which all keys
 * agree left out (times of one hour differ in 42 bits: four passes).
 */
#include "base/radix.h"
#include "seal_i.h"

#define DIGIT_BITS 11
#define DIGITS 6
#define RADIX (1u << DIGIT_BITS)
#define FEW 64

static void
insertion(struct sort_pair *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct sort_pair x = v[i];
		size_t j = i;

		for (; j > 0 && v[j - 1].key > x.key; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

static uint32_t
digit(uint64_t key, unsigned d)
{
	return (uint32_t)(key >> (d * DIGIT_BITS)) & (RADIX - 1);
}

void
sort_pairs(struct sort_pair *v, struct sort_pair *tmp, size_t n)
{
	uint32_t count[DIGITS][RADIX];
	struct sort_pair *from = v, *to = tmp, *swap;

	if (n < FEW) {
		insertion(v, n);
		return;
	}
	memset(count, 0, sizeof count);
	for (size_t i = 0; i < n; i++)
		for (unsigned d = 0; d < DIGITS; d++)
			count[d][digit(v[i].key, d)]++;
	for (unsigned d = 0; d < DIGITS; d++) {
		if (count[d][digit(v[0].key, d)] == n)
			continue;
		RADIX_SCATTER(count[d], RADIX, from, to, n, i, digit(from[i].key, d));
		swap = from;
		from = to;
		to = swap;
	}
	if (from != v)
		memcpy(v, from, n * sizeof *v);
}
