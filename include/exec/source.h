/* SPDX-License-Identifier: ISC */
/*
 * source: where rows come from. Nothing above it knows which source it has: a sink gets what was
 * found, and asks for what it needs by part and row.
 *
 *   open    once. The state of a failed open is closed, too.
 *   slice   cuts the time of the query: the next slice, newest first; >0: no more. Asked only if
 *           the caps say `newest`; otherwise there is one scan over all of it.
 *   scan    all rows of the slice that the plan's filter lets through go to the sink: locals are
 *           made, combined and dropped as exec/sink.h says, unless `give` does it all.
 *   rows    rows of a part as spans; these are good until fetch_reset of the fetch given
 *   close   once, at the end
 *
 * A part is what row numbers count in: a shard. Parts and rows name a row for as long as the source
 * is open. Except for open, slice, scan and close every function may be called by several threads.
 *
 * A source of whole rows, of which some may not pass the plan's filter, hands its spans to give(),
 * and leaves to held_* what sinks ask of them afterwards.
 */
#ifndef EXEC_SOURCE_H
#define EXEC_SOURCE_H

#include "exec/exec.h"
#include "plan/plan_caps.h"
#include "shard/fetch.h"

struct held;
struct refs;
struct row_sink;
struct trace_pin;

/* Inclusive on both ends, so that the last instant has a place. */
struct slice {
	uint64_t first, last;
};

#define ANY_PART UINT32_MAX

/* Rows of a part that lie together. */
struct near_rows {
	uint32_t part, no;
};

struct source {
	const struct source_ops *ops;
	struct exec *ex;
	const struct plan *plan;
	const struct exec_env *env;
	struct profile *prof;		/* of the driver's thread */
	void *state;			/* the kind's */
	struct held *held;		/* of whole rows: held_new */
	bool told;			/* all that give() is handed passes the filter: it isn't tested */
};

struct source_ops {
	const char *name;
	const struct plan_caps *caps;
	int (*open)(struct source *, struct err *) WARN_UNUSED;
	int (*slice)(struct source *, struct slice *, struct err *) WARN_UNUSED;
	int (*scan)(struct source *, struct slice, struct row_sink *, struct err *) WARN_UNUSED;
	/*
	 * What the source counts without a scan: adds to *n, and leaves these rows out of the scans
	 * that follow. NULL: nothing.
	 */
	int (*count)(struct source *, uint64_t *n, struct err *) WARN_UNUSED;
	/*
	 * The groups that the source makes itself, into the table that the environment has, before the
	 * scan, which then finds nothing; >0: it makes none, scan. NULL: never.
	 */
	int (*groups)(struct source *, struct err *) WARN_UNUSED;
	/* The same of what a plan compares (exec_env.contrast). NULL: never. */
	int (*contrast)(struct source *, struct err *) WARN_UNUSED;
	int (*rows)(struct source *, struct fetch *, uint32_t part, const uint32_t *rows, size_t n,
	    const struct projection *, struct span *out, struct err *) WARN_UNUSED;
	int (*ids)(struct source *, uint32_t part, uint32_t row, struct trace_id *,
	    uint64_t *span_id, struct err *) WARN_UNUSED;
	/*
	 * On the driver's thread, while no rows of it are held: rows of refs [at, at + *n) will be asked
	 * for. Cuts *n to what memory has room for, and takes *bytes of it, to be given back by the
	 * caller. NULL: all of them.
	 */
	int (*window)(struct source *, const struct refs *, size_t at, size_t *n, size_t *bytes,
	    struct err *) WARN_UNUSED;
	/* Rows of a part that lie together: row / near is their number. */
	uint32_t (*near)(const struct source *, uint32_t part);
	const char *(*part_name)(const struct source *, uint32_t part);	/* for messages */
	/* Reads those ahead, by all threads. NULL: nothing to do. */
	void (*ahead)(struct source *, struct arena *, const struct near_rows *, size_t n);
	/* A whole trace, its spans by part and row; of one that is in part `only` alone, if that is known, else ANY_PART. */
	int (*trace)(struct source *, struct trace_id, uint32_t only, struct trace_pin *,
	    struct err *) WARN_UNUSED;
	void (*trace_put)(struct source *, struct trace_pin *);
	void (*profile)(const struct source *, struct profile *);	/* NULL: nothing to add */
	void (*close)(struct source *);
};

/* The plan's shards, of the environment's snapshot. */
extern const struct source_ops source_local;

/* ---- asks.c ---- */

/* Does the plan ask about whole traces? Then a source of whole rows gives these. */
bool plan_asks_traces(const struct plan *);

/* ---- give.c ---- */

/* In open and close. */
int held_new(struct source *, struct err *) WARN_UNUSED;
void held_free(struct source *);
/* The source's ops: of the rows that give() was handed since the last give_begin. */
int held_rows(struct source *, struct fetch *, uint32_t part, const uint32_t *rows, size_t n,
    const struct projection *, struct span *out, struct err *) WARN_UNUSED;
int held_ids(struct source *, uint32_t part, uint32_t row, struct trace_id *, uint64_t *span_id,
    struct err *) WARN_UNUSED;
int held_window(struct source *, const struct refs *, size_t at, size_t *n, size_t *bytes, struct err *)
    WARN_UNUSED;
uint32_t held_near(const struct source *, uint32_t part);
int held_trace(struct source *, struct trace_id, uint32_t only, struct trace_pin *, struct err *)
    WARN_UNUSED;
void held_trace_put(struct source *, struct trace_pin *);

/*
 * Rows as whole spans, from one thread: give() tests those of a batch against the slice and,
 * unless the source says `told`, the plan's filter; what passes goes to the sink. It takes the
 * batch's memory over if the sink may ask for rows again, which counts against the budget, and
 * leaves it empty in any case. >0: no row to come matters. If the plan asks about whole traces a
 * batch is of some, whole, rising by id, also from batch to batch. give_end after a failure, too.
 */
struct give;
int give_begin(struct source *, struct slice, struct row_sink *, struct give **, struct err *)
    WARN_UNUSED;
int give(struct give *, struct span_batch *, struct err *) WARN_UNUSED;
int give_end(struct give *, bool failed, struct err *) WARN_UNUSED;

#endif
