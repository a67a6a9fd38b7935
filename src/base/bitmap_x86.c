/* SPDX-License-Identifier: ISC */
/*
 * bitmap_x86: kernels of bitmap.c with instructions that not every x86-64 processor has.
 * bitmap.c picks them where cpu_features tells that it may; results are the same.
 */
#include "bitmap_i.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("popcnt"))) size_t
bitmap_count_popcnt(const uint64_t *w, size_t n_words)
{
	size_t c = 0;

	for (size_t i = 0; i < n_words; i++)
		c += (size_t)_mm_popcnt_u64(w[i]);
	return c;
}

__attribute__((target("popcnt,bmi2"))) size_t
bitmap_compress_bmi2(const uint64_t *bits, const uint64_t *mask, size_t n_words, uint64_t *out,
    size_t at)
{
	size_t from = at;

	for (size_t i = 0; i < n_words; i++) {
		unsigned n = (unsigned)_mm_popcnt_u64(mask[i]);
		uint64_t x = _pext_u64(bits[i], mask[i]);

		if (x != 0)
			bitmap_put_bits(out, at, x, n);
		at += n;
	}
	return at - from;
}

__attribute__((target("popcnt,bmi2"))) size_t
bitmap_expand_bmi2(const uint64_t *packed, size_t at, const uint64_t *mask, size_t n_words,
    uint64_t *out)
{
	size_t from = at;

	for (size_t i = 0; i < n_words; i++) {
		if (mask[i] == 0)
			continue;
		out[i] |= _pdep_u64(bitmap_word_at(packed, at), mask[i]);
		at += (size_t)_mm_popcnt_u64(mask[i]);
	}
	return at - from;
}
#endif
