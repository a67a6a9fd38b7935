/* SPDX-License-Identifier: ISC */
/*
 * bloom: a split-block Bloom filter (32-byte blocks, eight bits a key, one in each 32-bit
 * word), as Parquet has it (its specification's salts). About 10 bits a key give 1 % false
 * positives. Keys are 64-bit hashes. A filter is plain bytes, a multiple of 32: it goes to
 * disk as it is. Lives in base because both the optimizer and the store look at it.
 */
#ifndef BASE_BLOOM_H
#define BASE_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes for n keys at about 1 % false positives; at least 32. */
size_t bloom_bytes(size_t n_keys);
void bloom_add(uint8_t *filter, size_t bytes, uint64_t hash);
/* False: surely absent. bytes == 0: true. */
bool bloom_may_have(const uint8_t *filter, size_t bytes, uint64_t hash);

#endif
