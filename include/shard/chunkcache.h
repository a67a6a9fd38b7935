/* SPDX-License-Identifier: ISC */
/*
 * chunkcache: decoded sections of all shards of a store, bounded in bytes. What is pinned stays,
 * so the bound can be passed by what is pinned. What is read once gets a tenth of it, or 16 MiB if that
 * is more, but no more than half; what different readers ask for, or one again later, gets the rest.
 * Thread-safe; a hit takes no lock.
 */
#ifndef SHARD_CHUNKCACHE_H
#define SHARD_CHUNKCACHE_H

#include "base/lru.h"

struct chunkcache;

/*
 * For whom this thread reads: one number for each run of a query, so that its own coming back to what
 * it is at work on is told from use by another. 0: nobody in particular, whose every use counts.
 */
extern _Thread_local uint32_t cache_reader;

int chunkcache_new(size_t max_bytes, struct chunkcache **, struct err *) WARN_UNUSED;
/* After every shard that was opened with it. NULL is allowed. */
void chunkcache_free(struct chunkcache *);
void chunkcache_drop(struct chunkcache *);	/* forgets all that isn't pinned */
void chunkcache_resize(struct chunkcache *, size_t max_bytes);
size_t chunkcache_max_bytes(const struct chunkcache *);	/* at the moment */
/*
 * Holds no more than `bytes` at first; then, as far as its bound allows, eight times as much more
 * as it has to take in again because it had given it up: it grows to what is used repeatedly
 * at the price of an eighth of that read twice, and stays small while nothing is.
 */
void chunkcache_begin_small(struct chunkcache *, size_t bytes);
size_t chunkcache_kept_bytes(const struct chunkcache *);	/* of what was asked for again */
/* hits are counted without a lock and may miss a few. */
struct lru_stats chunkcache_stats(struct chunkcache *);

#endif
