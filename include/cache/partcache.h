/* SPDX-License-Identifier: ISC */
/*
 * partcache: what parts of the store gave to queries, as bytes by a 128-bit key: the key says all
 * that the bytes depend on, so that they are right for as long as they are kept. Bounded; what
 * goes first gdsf.h says. Thread-safe.
 */
#ifndef CACHE_PARTCACHE_H
#define CACHE_PARTCACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/sv.h"

/* Immutable. */
struct cached_part {
	atomic_uint refs;
	size_t n;
	char bytes[];
};

struct partcache;

struct partcache_stats {
	uint64_t n, bytes, max_bytes, hits, misses;
};

int partcache_new(uint64_t max_bytes, struct partcache **, struct err *) WARN_UNUSED;
void partcache_free(struct partcache *);
/* From now on; what is too much goes. */
void partcache_limit(struct partcache *, uint64_t max_bytes);
void partcache_drop(struct partcache *);	/* all of it */
struct partcache_stats partcache_stats(struct partcache *);
/* A reference, to be given back by cached_part_put; NULL: it is not there. */
struct cached_part *partcache_get(struct partcache *, struct hash128 key);
void cached_part_put(struct cached_part *);
void cached_part_ref(struct cached_part *);	/* one more, to be given back alike */
/* Is it there? Nothing is counted. */
bool partcache_has(struct partcache *, struct hash128 key);
/* About how often it was asked for lately, whether it was there or not. */
unsigned partcache_asked(struct partcache *, struct hash128 key);
/* Keeps a copy, if it is worth it: making it took so long. False: it is too large, or no memory. */
bool partcache_add(struct partcache *, struct hash128 key, struct sv bytes, uint64_t cost_ns);
/* The same without a copy. */
struct cached_part *cached_part_new(struct sv bytes);
bool partcache_add_part(struct partcache *, struct hash128 key, struct cached_part *,
    uint64_t cost_ns);

#endif
