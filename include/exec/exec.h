/* SPDX-License-Identifier: ISC */
/*
 * exec: runs a plan over a snapshot and hands out batches in result order. Streams: memory is
 * bounded by the plan's kind and by `memory`, not by the result. Looks at the deadline, the
 * memory budget and the cancel flag once a batch.
 *
 * Results are the same for every plan of a query: the default order is total (newest first,
 * then trace id, span id, content hash).
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include <stdatomic.h>

#include "agg/agg.h"
#include "agg/contrast.h"
#include "base/pool.h"
#include "base/quota.h"
#include "plan/plan.h"
#include "plan/profile.h"
#include "catalog/catalog.h"

struct source_ops;			/* exec/source.h */

/* How far a run is, for those who look at it meanwhile: rows of the shards that are scanned. */
struct exec_progress {
	atomic_ullong rows_all, rows_done;
};

/* Of a plan whose output is groups: those of some shards apart, so that they can be kept. */
struct exec_parts {
	const bool *wanted;		/* by place in plan->scan.shards; may be taken back in `take` */
	/* Alike: such groups come by slices of so many ns (agg_table_sliced); 0, or NULL: as asked for. */
	const uint64_t *slices;
	/* Takes over groups of spans of such a shard: now and then, no two calls at once. */
	int (*take)(void *arg, size_t place, struct agg_table *, struct err *);
	/* Nothing more comes of these, wanted or not. Of some this is not told before the run ends; or NULL. */
	int (*over)(void *arg, const size_t *places, size_t n, struct err *);
	void *arg;
};

struct exec_env {
	const struct source_ops *source;	/* NULL: the snapshot's shards */
	const void *source_arg;		/* what another source opens */
	const struct snapshot *snapshot;	/* held by the caller while the exec lives */
	uint64_t deadline_mono_ns;	/* 0: none. Passing it: ERR_TIMEOUT, "[query] timeout" named */
	size_t memory;			/* bytes; passing it: ERR_NOMEM, "[query] memory" named */
	struct quota *quota;		/* that it shares with others, "[query] total_memory"; or NULL */
	/* Where whole rows of a source go that memory has no room for; NULL: nowhere. Borrowed. */
	const char *spill_dir;
	uint64_t spill_max;		/* past it: ERR_NOSPC, "[mount] spill_max" named */
	uint64_t max_rows;		/* output rows; passing it: ERR_LIMIT, "[query] max_rows" named; 0: none */
	const atomic_bool *cancel;	/* set from outside: ERR_CANCELLED. May be NULL */
	struct pool *pool;		/* NULL: everything on the calling thread */
	unsigned threads;		/* the most to use, the caller included; 0 or 1: one */
	size_t batch_rows;		/* 0: BATCH_ROWS */
	struct exec_progress *progress;	/* added to; or NULL */
	/* Spans before a byte of spans.jsonl are passed over: exec_passed. `to` 0: none. */
	struct {
		uint64_t to;
		unsigned version;	/* as of exec_size */
	} pass;
	struct sv comment;		/* what it is, for the log of a server that is asked */
	/* Of a plan whose output is groups: where its spans go, and on which side. */
	struct agg_table *groups;
	enum agg_side side;
	const struct exec_parts *parts;	/* or NULL */
	struct contrast *contrast;	/* alike, of a plan that compares */
	/* Of one that counts: how many rows of each shard match, by place in plan->scan.shards; or NULL. */
	atomic_ullong *counts;
};

struct exec;

/* May all that such a table asks of spans be taken from columns of shards (or of whole traces)? */
bool exec_gathers(const struct agg_table *);

int exec_open(const struct plan *, const struct exec_env *, struct exec **, struct err *) WARN_UNUSED;
/* <0 error, 0 a batch (n >= 1), >0 end. Borrowed until the next call or exec_close. */
int exec_next(struct exec *, struct batch *, struct err *) WARN_UNUSED;
/*
 * The time allowed begins anew: a stream that goes on giving rows may take as long as it takes
 * its reader. Between calls of exec_next.
 */
void exec_renew_deadline(struct exec *);
/*
 * Counts what the reader of the rows holds of them by now against `memory`, in place of what
 * it said before. Between calls of exec_next.
 */
int exec_reader_holds(struct exec *, size_t bytes, struct err *) WARN_UNUSED;
/*
 * Batches of spans may have about so many rows from now on, at least BATCH_ROWS, where the environment
 * leaves it open. Between calls of exec_next.
 */
void exec_batch_most(struct exec *, size_t rows);
const struct profile *exec_profile(const struct exec *);
void exec_close(struct exec *);

/* ---- exec_size.c ---- */

struct exec_size {
	uint64_t rows, bytes;
};
/*
 * What the plan's spans are in spans.jsonl, page included, by the lengths of lines that shards keep
 * (shard/lengths.h): no span is put together. `version`: of the lines that the lengths must be of.
 * >0: not told, for some row's is not. Deadline, memory, cancel and row limit as in exec_next; *prof is
 * written in any case.
 */
int exec_size(const struct plan *, const struct exec_env *, unsigned version, struct exec_size *,
    struct profile *prof, struct err *) WARN_UNUSED;
/*
 * What was passed over, once the first batch is there (or the end): the spans whose lines end at or
 * before env.pass.to, as far as their lengths are told. They were not put together, and those of whole
 * hours not even looked for.
 */
struct exec_size exec_passed(const struct exec *);

#endif
