/* SPDX-License-Identifier: ISC */
/*
 * colbloom: the Bloom filter (base/bloom.h) over hash64() of the values of an attribute's
 * column of strings, where there are more than the footer lists. So a shard that lacks a
 * value is known without its dictionary. Read into the chunk cache, pinned from get to
 * put; whoever holds one also holds the shard.
 */
#ifndef SHARD_COLBLOOM_H
#define SHARD_COLBLOOM_H

#include "shard/shard.h"

struct colbloom;

/* NULL where the column has none (column->bloom_bytes is 0). ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
int colbloom_get(struct shard *, const struct column *, const struct colbloom **, struct err *)
    WARN_UNUSED;
void colbloom_put(const struct colbloom *);		/* NULL is allowed */
/* The filter; *bytes is a multiple of 32 above 0. */
const uint8_t *colbloom_bits(const struct colbloom *, size_t *bytes);

#endif
