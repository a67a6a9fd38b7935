/* SPDX-License-Identifier: ISC */
/* metrics: the counters and what else there is to tell, as Prometheus text for .spanfs/metrics. */
#ifndef WATCH_METRICS_H
#define WATCH_METRICS_H

#include "base/buf.h"
#include "base/lru.h"
#include "watch/cachelist.h"
#include "watch/counters.h"
#include "watch/querylog.h"
#include "watch/shadow.h"

struct metrics {
	struct counters *counters;
	struct querylog *querylog;
	struct shadow *shadow;
	struct lru_stats chunk_cache;
	size_t chunk_kept_bytes;
	uint64_t n_results, results_bytes;	/* in the table; of all, in memory or spilled */
	uint64_t n_parts, parts_bytes, parts_hits, parts_misses;	/* what shards gave to groups */
	uint64_t kept_bytes;			/* of those that nobody reads, as [result_cache] counts */
	const struct cache_level *levels;
	size_t n_levels;
	/* The cache L2: gets by what came of them, puts; how often its breaker opened. */
	bool shared_up;
	uint64_t shared_hits, shared_misses, shared_skipped, shared_failed, shared_damaged;
	uint64_t shared_written, shared_dropped, shared_opened;
	unsigned cost_version;
	/* Of a server in place of a store: */
	bool has_server, server_up;
	uint64_t server_queries, server_retries, server_errors, server_kills, server_left_alone;
	uint64_t server_read_rows, server_read_bytes, server_received;
	bool has_store;				/* the newest commit is known: */
	uint64_t store_spans, store_bytes, store_shards, store_generation;
};

void metrics_print(struct buf *, const struct metrics *);

#endif
