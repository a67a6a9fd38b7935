/* SPDX-License-Identifier: ISC */
/* bitmap_i: the variants of bitmap.c's kernels that need instructions beyond the baseline. */
#ifndef BASE_BITMAP_I_H
#define BASE_BITMAP_I_H

#include "base/bitmap.h"

#if defined(__x86_64__)
size_t bitmap_count_popcnt(const uint64_t *w, size_t n_words);
size_t bitmap_compress_bmi2(const uint64_t *bits, const uint64_t *mask, size_t n_words,
    uint64_t *out, size_t at);
size_t bitmap_expand_bmi2(const uint64_t *packed, size_t at, const uint64_t *mask,
    size_t n_words, uint64_t *out);
#endif

/* 64 bits from bit `at` on; reads the word that holds it and, if it must, the next. */
static inline uint64_t
bitmap_word_at(const uint64_t *w, size_t at)
{
	uint64_t x = w[at / 64] >> at % 64;

	return at % 64 == 0 ? x : x | w[at / 64 + 1] << (64 - at % 64);
}

/* Sets bits of x, of which there are at most n, from bit `at` on; n is up to 64. */
static inline void
bitmap_put_bits(uint64_t *w, size_t at, uint64_t x, unsigned n)
{
	w[at / 64] |= x << at % 64;
	if (at % 64 + n > 64)
		w[at / 64 + 1] |= x >> (64 - at % 64);
}

#endif
