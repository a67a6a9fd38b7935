/* SPDX-License-Identifier: ISC */
/*
 * hll: how many distinct values there are, in HLL_REGISTERS bytes: a HyperLogLog sketch. Two
 * sketches merge into that of both their values. The error is some 3 %; small numbers are
 * counted by the registers that are still 0 (linear counting).
 */
#ifndef BASE_HLL_H
#define BASE_HLL_H

#include "base/hash.h"

#define HLL_BITS 10
#define HLL_REGISTERS (1u << HLL_BITS)
#define HLL_MAX_RANK (64 - HLL_BITS + 1)

/* A value by its hash (hash64 of bytes, hash_u64 of a number's image). */
static inline void
hll_add(uint8_t *reg, uint64_t hash)
{
	uint64_t rest = hash << HLL_BITS | (uint64_t)1 << (HLL_BITS - 1);
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
	uint8_t *r = &reg[hash >> (64 - HLL_BITS)];

	if (*r < rank)
		*r = rank;
}

void hll_merge(uint8_t *into, const uint8_t *from);
double hll_count(const uint8_t *reg);

#endif
