/* SPDX-License-Identifier: ISC */
/* lanes_i: enc_pack's inner loop with instructions that not every processor has. */
#ifndef SHARD_LANES_I_H
#define SHARD_LANES_I_H

#include <stddef.h>
#include <stdint.h>

#define UNPACK_MAX_WIDTH 57	/* wider numbers do not lie in one 64-bit word */

#if defined(__x86_64__)
/*
 * Numbers of `width` bits, 1 to UNPACK_MAX_WIDTH, from bit `bit` of data on, plus `add`: as many
 * of the n, a multiple of 8, as can be had without reading from `end` on. Returns how many.
 */
size_t unpack_avx2(const uint8_t *data, const uint8_t *end, size_t bit, unsigned width,
    uint64_t add, size_t n, uint64_t *out);
/* Adds the first of n numbers, which begin with a byte, to *sum: alike. */
size_t unpack_sum_avx2(const uint8_t *data, const uint8_t *end, unsigned width, size_t n,
    uint64_t *sum);
#endif

#endif
