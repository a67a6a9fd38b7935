/* SPDX-License-Identifier: ISC */
/*
 * lru: a cache bounded by the bytes of its values, least recently used out first. Entries in
 * use are pinned and never evicted (so the bound can be passed by what is pinned). Thread-
 * safe. Values are opaque; `drop` frees one and is called outside the lock.
 */
#ifndef BASE_LRU_H
#define BASE_LRU_H

#include "base/err.h"
#include "base/sv.h"

struct lru;
struct lru_entry;	/* a pin */

struct lru_stats {
	uint64_t hits, misses, evictions;
	size_t n_entries, n_bytes;
};

int lru_new(size_t max_bytes, void (*drop)(void *val), struct lru **, struct err *)
    WARN_UNUSED;
void lru_free(struct lru *);	/* nothing may be pinned */
/* The value under key, pinned, or NULL. */
void *lru_get(struct lru *, struct sv key, struct lru_entry **);
/*
 * Inserts val (owned by the cache from here, also on failure) and pins it. If the key is
 * there already, val is dropped and the older value returned. Returns the value in force, or
 * NULL when out of memory.
 */
void *lru_put(struct lru *, struct sv key, void *val, size_t bytes, struct lru_entry **);
void lru_unpin(struct lru *, struct lru_entry *);
/* Forgets entries whose key starts with prefix (all: the empty prefix); pinned ones go when unpinned. */
void lru_forget(struct lru *, struct sv prefix);
void lru_resize(struct lru *, size_t max_bytes);
struct lru_stats lru_stats(struct lru *);

#endif
