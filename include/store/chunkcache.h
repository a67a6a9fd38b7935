/* SPDX-License-Identifier: ISC */
/* chunkcache: decoded sections of all shards of a store, bounded in bytes (an lru keyed by shard and section). */
#ifndef STORE_CHUNKCACHE_H
#define STORE_CHUNKCACHE_H

#include "base/lru.h"

struct chunkcache;

int chunkcache_new(size_t max_bytes, struct chunkcache **, struct err *) WARN_UNUSED;
void chunkcache_free(struct chunkcache *);
void chunkcache_drop(struct chunkcache *);	/* forgets all that isn't pinned */
struct lru_stats chunkcache_stats(struct chunkcache *);

#endif
