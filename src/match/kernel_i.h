/* SPDX-License-Identifier: ISC */
/* kernel_i: the parts of kernels that are there in several variants of the processor's. */
#ifndef MATCH_KERNEL_I_H
#define MATCH_KERNEL_I_H

#include "match/kernel.h"

/*
 * What is looked for: the needle, and the places of two of its bytes, best such as are rare.
 * fold: small letters of the needle stand for capital ones too.
 */
struct finder {
	struct sv needle;
	size_t a, b;
	bool fold;
	bool avx2;
};

#if defined(__x86_64__)
/* kernel_range_avx2.c: which of 64 numbers lie in [lo, lo + span]. */
uint64_t range_word_avx2(const uint64_t *v, uint64_t lo, uint64_t span);
/* kernel_find_avx2.c: where the needle first begins in the n bytes at p, or NULL. */
const char *find_avx2(const struct finder *, const char *p, size_t n);
/* kernel_codes_avx2.c: which of 64 codes are in a set of at most CODE_SET_SMALL; of any. */
uint64_t codes_word_small_avx2(const uint64_t *bits, const uint64_t *v);
uint64_t codes_word_avx2(const uint64_t *bits, const uint64_t *v);
#endif

#endif
