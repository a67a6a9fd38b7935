/* SPDX-License-Identifier: ISC */
/* chunkcache_i: what shards see of the chunk cache: one slot for each section of a shard. */
#ifndef SHARD_CHUNKCACHE_I_H
#define SHARD_CHUNKCACHE_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "shard/chunkcache.h"

/* Head of every object in the cache: one malloc, and perhaps a second one. */
struct cached {
	void *extra;
};

#define SLOT_EMPTY 0x80000000u

enum cache_ring { RING_TRIAL, RING_KEPT, RING_HELD, N_CACHE_RINGS };

struct cache_slot {
	_Atomic uint32_t pins;		/* SLOT_EMPTY: `val` means nothing */
	_Atomic uint32_t hits;		/* since it was filled */
	struct cached *val;		/* written while empty only, as is `reader` */
	uint32_t reader;		/* who filled it */
	_Atomic bool used;		/* by another, since the clock's hand came by */
	bool loading;			/* guarded by one of the cache's load locks */
	/* Guarded by the cache's lock. */
	uint8_t ring;			/* an enum cache_ring, while filled */
	bool given_up;			/* emptied for want of room */
	uint32_t given_up_at;		/* by the bytes that were read until then */
	size_t bytes;
	struct cache_slot *prev, *next;	/* the ring */
};

void cache_slot_init(struct cache_slot *);

/* The value, pinned, or NULL. */
static inline struct cached *
cache_pin(struct cache_slot *s)
{
	if (atomic_fetch_add_explicit(&s->pins, 1, memory_order_acquire) & SLOT_EMPTY) {
		atomic_fetch_sub_explicit(&s->pins, 1, memory_order_relaxed);
		return NULL;
	}
	/* A plain increment: a lost count is cheaper than a second locked instruction. */
	atomic_store_explicit(&s->hits,
	    atomic_load_explicit(&s->hits, memory_order_relaxed) + 1, memory_order_relaxed);
	/* Who filled it comes back to it while at work, and no more. */
	if (s->reader != cache_reader || cache_reader == 0)
		atomic_store_explicit(&s->used, true, memory_order_relaxed);
	return s->val;
}

void cache_unpin(struct chunkcache *, struct cache_slot *);
/* Puts val into the empty slot, pinned. By whom cache_load_begin told to load. */
void cache_fill(struct chunkcache *, struct cache_slot *, struct cached *val, size_t bytes);
/*
 * So that two threads don't read one section: NULL if the caller is to load it, and then to call
 * cache_load_end, whether it did or not; else the value, pinned, perhaps after another thread
 * has loaded it. No lock is held in between.
 */
struct cached *cache_load_begin(struct chunkcache *, struct cache_slot *);
void cache_load_end(struct chunkcache *, struct cache_slot *);
/* The slots are going away; none is pinned. */
void cache_forget(struct chunkcache *, struct cache_slot *, size_t n);
void cached_free(struct cached *);

#endif
