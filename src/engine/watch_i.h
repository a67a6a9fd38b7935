/* SPDX-License-Identifier: ISC */
/*
 * watch_i: what watches queries and never stands in their way: counters, the query log, the
 * list of slow ones, and shadow runs. A query that ends is handed to them as an outcome:
 *
 *   counters   sums for .spanfs/metrics; before the reader is answered       counters.c
 *   querylog   a line of JSON a query, [log] query_log; after               querylog.c
 *   slowlog    the last slow ones for .spanfs/slow; after                    slowlog.c
 *   shadow     some are run again, plain, in the background; after           shadow.c
 *
 * None of them fails a query. Each has a leaf lock of its own.
 */
#ifndef ENGINE_WATCH_I_H
#define ENGINE_WATCH_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "engine/engine.h"
#include "opt/opt.h"

struct request;
struct run_info;
struct sink;
struct shadow_job;
struct shadow_tap;

/* A query that has ended. Nothing of it is kept beyond the call. */
struct outcome {
	const struct request *request;
	struct requester who;
	uint64_t started_mono_ns;
	uint64_t duration_ns;		/* without the time that a stream waited for its reader */
	const struct run_info *info;
	int code;
	const struct err *err;		/* meaningful if code < 0 */
};
/* Logs it; the request must stay meanwhile. Files that run no query (plan, query...) are passed over. */
void outcome_note(struct engine *, const struct outcome *);
/* What it had of the chunks that it read: "chunks" all in memory, "none". */
const char *outcome_cache(const struct run_info *);

/* ---- counters ---- */

#define N_ERR_KINDS (-ERR_NODATA + 1)	/* the last code of base/err.h */

struct counters {
	atomic_ullong queries, failed, cancelled, cache_hits, cache_misses, streams;
	atomic_ullong failures[N_ERR_KINDS];	/* by -code */
	atomic_ullong rows, bytes, rows_scanned, rows_matched, rows_fetched, shards_opened;
	atomic_ullong groups_visited, groups_pruned, blocks_pruned, chunks_read, chunks_cached;
	atomic_ullong read_bytes, decoded_bytes;
	atomic_ullong query_ns, plan_ns;
	atomic_ullong buckets[10];	/* of query durations: counters_bounds */
	atomic_ullong shards_pruned[OPT_MAX_RULES], shards_kept;
	atomic_ullong decisions_made, decisions_hit, decision_ns;
	atomic_ullong decision_cost;	/* in thousandths of a page read in sequence */
	atomic_ullong slow;
	atomic_uint running;		/* queries at work now, streams that wait left out */
};
void counters_query(struct counters *, const struct outcome *);
/* How a query is to be run was decided: anew, or taken from memory (`hit`). */
void counters_decision(struct counters *, bool hit, uint64_t ns, double est_cost);
void counters_print(struct buf *, struct engine *);

/* ---- query log ---- */

struct querylog {
	pthread_mutex_t lock;		/* guards what follows */
	char *set;			/* the setting's text; NULL: off */
	char *file;			/* absolute, so that it can be reopened after a chdir */
	int fd;
	bool torn;			/* the last line was written in part */
	bool told;			/* a failure has been logged since the file was opened */
	atomic_ullong lines, errors;
};
void querylog_init(struct querylog *);
void querylog_release(struct querylog *);
/* Opens `path` ("": off), again if it is open (logrotate). Failures are logged. */
void querylog_open(struct querylog *, const char *path);
void querylog_add(struct querylog *, const struct outcome *);

/* ---- slow queries ---- */

struct slow_entry {
	uint64_t wall_ns;
	struct requester who;
	struct buf text;	/* lines after the first, ready to print */
	uint64_t duration_ns;
	int code;
};

struct slowlog {
	pthread_mutex_t lock;
	struct slow_entry *v;	/* a ring */
	size_t n, next;
};
void slowlog_init(struct slowlog *);
void slowlog_release(struct slowlog *);
void slowlog_add(struct slowlog *, const struct outcome *);
void slowlog_print(struct slowlog *, struct requester asks, struct buf *);

/* ---- shadow runs ---- */

struct shadow {
	pthread_mutex_t lock;		/* guards what follows, but for what is atomic */
	pthread_cond_t work, idle;
	pthread_t thread;
	bool started, stop, busy;
	struct shadow_job *head, **tail;
	unsigned n_queued;
	size_t queued_bytes;
	struct buf *reports;		/* of mismatches: a ring */
	size_t n_reports, next_report;
	atomic_bool cancel;		/* the run at work */
	atomic_ullong drawn;		/* queries asked about */
	atomic_ullong sampled, same, different, undecided, dropped, ns;
	uint64_t seed;
};
void shadow_init(struct shadow *);
/* Ends the run at work and its thread; what comes later is dropped. Before the runner is freed. */
void shadow_stop(struct shadow *);
void shadow_release(struct shadow *);
/* Shall this query be run again? Then its bytes are to go through the tap to `next`. NULL: no. */
struct shadow_tap *shadow_tap(struct engine *, const struct request *, const struct sink *next);
/* What to run with: stays until the tap is handed over. */
const struct sink *shadow_tap_sink(struct shadow_tap *);
/* The query has ended: queues its shadow, or drops it. Takes over the tap (NULL: nothing to do). */
void shadow_offer(struct engine *, struct shadow_tap *, const struct outcome *);
/* Runs a request into the sink, then plain, and compares: engine_verify. Cancelled: v stays. */
int shadow_verify(struct request *, const struct sink *, uint64_t deadline_mono_ns,
    const atomic_bool *cancel, struct run_info *, struct verification *, struct err *) WARN_UNUSED;
void shadow_print(struct engine *, struct buf *);	/* .spanfs/shadow */
/* Waits until nothing is queued nor runs: for tests. */
void shadow_drain(struct engine *);

#endif
