/* SPDX-License-Identifier: ISC */
/* bitmap: plain bit sets of n bits in 64-bit words, bit i in word i / 64 at 1 << i % 64. Bits past n are 0. */
#ifndef BASE_BITMAP_H
#define BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_WORDS(n) (((size_t)(n) + 63) / 64)

static inline bool
bitmap_get(const uint64_t *w, size_t i)
{
	return w[i / 64] >> (i % 64) & 1;
}

static inline void
bitmap_set(uint64_t *w, size_t i)
{
	w[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline void
bitmap_clear(uint64_t *w, size_t i)
{
	w[i / 64] &= ~((uint64_t)1 << (i % 64));
}

/* Ones of a word, inline: without the instruction, the compiler's builtin is a call with a table. */
static inline uint32_t
bitmap_ones(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t)(x * UINT64_C(0x0101010101010101) >> 56);
}

/* Ones in [from, to). */
void bitmap_set_range(uint64_t *w, size_t from, size_t to);
void bitmap_fill(uint64_t *w, size_t n);		/* n ones */
void bitmap_zero(uint64_t *w, size_t n);
size_t bitmap_count(const uint64_t *w, size_t n);
/* Ones before bit i. */
size_t bitmap_rank(const uint64_t *w, size_t i);
bool bitmap_any(const uint64_t *w, size_t n);
void bitmap_and(uint64_t *dst, const uint64_t *src, size_t n);
void bitmap_or(uint64_t *dst, const uint64_t *src, size_t n);
void bitmap_andnot(uint64_t *dst, const uint64_t *src, size_t n);
void bitmap_not(uint64_t *w, size_t n);
/* Appends the positions of the ones, plus `base`, to out; returns how many. */
size_t bitmap_list(const uint64_t *w, size_t n, uint32_t base, uint32_t *out);

/* The end of the run of equal bits that begins at i, at most n. */
size_t bitmap_run(const uint64_t *w, size_t i, size_t n);
/*
 * The bits that stand where mask has ones, without the others, from bit `at` of out on, which
 * must be 0 from there on and has a word more than the bits need. Returns the ones of mask.
 */
size_t bitmap_compress(const uint64_t *bits, const uint64_t *mask, size_t n_words, uint64_t *out,
    size_t at);
/*
 * The other way: the bits of `packed` from `at` on to where mask has ones, added to out. packed
 * has a word more than the bits need. Returns the ones of mask.
 */
size_t bitmap_expand(const uint64_t *packed, size_t at, const uint64_t *mask, size_t n_words,
    uint64_t *out);

#define BITMAP_EACH(w, nbits, i) \
	for (size_t i##_w = 0; i##_w < BITMAP_WORDS(nbits); i##_w++) \
		for (uint64_t i##_b = (w)[i##_w]; i##_b != 0; i##_b &= i##_b - 1) \
			for (size_t i = i##_w * 64 + (size_t)__builtin_ctzll(i##_b), i##_1 = 1; i##_1; i##_1 = 0)

#endif
