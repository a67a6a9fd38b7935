/* SPDX-License-Identifier: ISC */
/*
 * hash: XXH3 (libxxhash) behind our names. hash64/hash128 are stable and go to disk;
 * hash_seeded differs from process to process and serves hash tables fed by strangers.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/sv.h"

struct hash128 {
	uint64_t lo, hi;
};

uint64_t hash64(const void *, size_t n);
struct hash128 hash128(const void *, size_t n);
uint64_t hash_seeded(const void *, size_t n);

/* hash128 of bytes that come in pieces: the same result as over all of them at once. */
struct hash_stream {
	_Alignas(64) unsigned char opaque[640];
};

void hash_stream_init(struct hash_stream *);
void hash_stream_add(struct hash_stream *, const void *, size_t n);
struct hash128 hash_stream_end(const struct hash_stream *);

/* A good 64-bit mixer for integer keys (finaliser of MurmurHash3). */
static inline uint64_t
hash_u64(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

#endif
