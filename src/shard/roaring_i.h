/* SPDX-License-Identifier: ISC */
/*
 * roaring_i: sets of 32-bit numbers in the public portable Roaring format (no 64-bit variant).
 * Written and read here: a set is written once from rising numbers and only ever read in
 * place, from bytes that must not be believed before roaring_check has seen them all.
 */
#ifndef SHARD_ROARING_I_H
#define SHARD_ROARING_I_H

#include "base/buf.h"

/* Bytes that roaring_put appends for n > 0 strictly rising numbers. */
size_t roaring_bytes(const uint32_t *v, size_t n);
void roaring_put(struct buf *, const uint32_t *v, size_t n);
/* The bytes are one set, to the last of them, of exactly n numbers below limit. */
bool roaring_check(const uint8_t *p, size_t n_bytes, uint32_t n, uint32_t limit);
/* Sets bit v - from of the words for each v of the set in [from, to). Of checked bytes. */
void roaring_or(const uint8_t *p, uint32_t from, uint32_t to, uint64_t *words);
/* All numbers, rising; returns how many. Of checked bytes. */
uint32_t roaring_list(const uint8_t *p, uint32_t *out);

#endif
