/* SPDX-License-Identifier: ISC */
/*
 * radix: a stable pass of a sort by digits, from the lowest digit up. The elements and the key
 * are the caller's: `key` says with `i` what from[i] is sorted by.
 */
#ifndef BASE_RADIX_H
#define BASE_RADIX_H

#include <stddef.h>

/* The second half, where the caller has counted: at[d] elements have the digit d of n_digits. */
#define RADIX_SCATTER(at, n_digits, from, to, n, i, digit) do { \
	__typeof__(*(at)) sum_ = 0; \
	for (size_t d_ = 0; d_ < (n_digits); d_++) { \
		__typeof__(*(at)) count_ = (at)[d_]; \
		(at)[d_] = sum_; \
		sum_ += count_; \
	} \
	for (size_t i = 0; i < (n); i++) \
		(to)[(at)[digit]++] = (from)[i]; \
} while (0)

/* By the lowest `bits` (a constant) of the key. */
#define RADIX_PASS(bits, from, to, n, i, key) do { \
	size_t at_[(size_t)1 << (bits)] = { 0 }; \
	for (size_t i = 0; i < (n); i++) \
		at_[(key) & (((size_t)1 << (bits)) - 1)]++; \
	RADIX_SCATTER(at_, (size_t)1 << (bits), from, to, n, i, \
	    (key) & (((size_t)1 << (bits)) - 1)); \
} while (0)

#endif
