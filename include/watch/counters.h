/* SPDX-License-Identifier: ISC */
/*
 * counters: what was done since the program started: atomic sums, no locks. Metrics show them
 * (metrics.h), which are read one by one: a scrape may see a query in one family and not yet
 * in the next.
 */
#ifndef WATCH_COUNTERS_H
#define WATCH_COUNTERS_H

#include <stdatomic.h>

#include "watch/outcome.h"

#define N_ERR_KINDS (-ERR_NODATA + 1)	/* the last code of base/err.h */
#define N_DURATION_BOUNDS 9
#define COUNTERS_MAX_RULES 32

/* Seconds: what a bucket of query durations holds at most; one more is without bound. */
extern const double counters_bounds_s[N_DURATION_BOUNDS];

struct counters {
	const char *(*rule_name)(size_t);	/* the rules that may leave out shards; NULL past the end */
	atomic_ullong queries, failed, cancelled, cache_hits, cache_misses, cache_carried, streams, sized;
	atomic_ullong failures[N_ERR_KINDS];	/* by -code */
	atomic_ullong rows, bytes, rows_scanned, rows_matched, rows_fetched, shards_opened;
	atomic_ullong groups_visited, groups_pruned, blocks_pruned, chunks_read, chunks_cached;
	atomic_ullong read_bytes, decoded_bytes;
	atomic_ullong query_ns, plan_ns;
	atomic_ullong buckets[N_DURATION_BOUNDS + 1];	/* of query durations */
	atomic_ullong shards_pruned[COUNTERS_MAX_RULES], shards_kept;
	atomic_ullong decisions_made, decisions_hit, plans_kept, decision_ns;
	atomic_ullong decision_cost;	/* in thousandths of a page read in sequence */
	atomic_ullong slow;
	atomic_uint running;		/* queries at work now, streams that wait left out */
};

void counters_init(struct counters *, const char *(*rule_name)(size_t));
/* Before the reader is answered. */
void counters_query(struct counters *, const struct outcome *);
/* How a query is to be run was decided: anew, or taken from memory (`hit`). */
void counters_decision(struct counters *, bool hit, uint64_t ns, double est_cost);
/* Nothing had to be decided: a plan that was made before served again. */
void counters_plan_kept(struct counters *);

#endif
