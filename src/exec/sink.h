/* SPDX-License-Identifier: ISC */
/*
 * sink: what becomes of the rows that a scan finds. A kind of sink is one file with a
 * `struct sink_ops`; the step of the plan that it is opens it (exec.c). It works in the steps of
 * a parallel aggregate, and then hands out batches:
 *
 *   open      once: the state. Nothing is scanned yet, and nothing may be at all.
 *   start     before a scan
 *   consume   the matched rows of one row group. Threads call it at once, each with a local
 *             state of its own, which it keeps from morsel to morsel: no locks are needed.
 *   combine   what a local state holds goes over into the sink's state, and the local is as new
 *             after it. Called for one local after the other while no thread scans: now and
 *             then, after some morsels (last is false), and at the end of the scan (last). A
 *             sink whose locals are small waits for the last; one that can say `full` early, or
 *             moves its bound on, does not.
 *   over      between waves: no row of these parts of the source (scan.part) comes any more, and what
 *             locals had of them was combined. Not of all parts is this said before the scan ends
 *   finish    after the last combine of a scan: sorting, and the like
 *   next      a batch of what is there. Borrowed until the next call, or close.
 *
 *   open (start (consume | combine | over)* finish next*)* close
 *
 * A scan is over all of the query's time, or of a sink that streams over one slice of it, newest
 * first; when next has nothing left, the next slice follows. Results must not depend on the order
 * in which rows come in, nor on how they are shared out among threads and morsels.
 *
 * Failing: steps return 0, or <0 with the error set (consume: in the scan's e). After a failure
 * only drop and close follow. Memory that grows with the result is counted: mem_take().
 */
#ifndef EXEC_SINK_H
#define EXEC_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/batch.h"

struct exec;
struct refs;
struct scan;

/*
 * Rows of the scan's row group that the query selects, n >= 1 of them. The scan is at that row
 * group: sc->xs->s is the shard, sc->row_from the row group's first row in it, scan_chunk() gives
 * a column's values (of a dictionary: the codes), sc->mem is memory until consume returns.
 */
struct found {
	uint32_t n;
	const uint64_t *bits;		/* as bits over the row group, or NULL: listed already */
	const uint32_t *rows;		/* numbers in the row group, rising; or NULL: see found_rows */
	const struct span *const *spans;	/* the plain plan's, whole; else NULL */
};

struct row_sink {
	const struct sink_ops *ops;
	struct exec *ex;
	void *state;			/* the kind's */
	/* Set by the sink. */
	bool streams;			/* in open: takes slice by slice */
	bool fills;			/* in open: may become full between the waves of a scan */
	bool full;			/* no row to come matters: the scan ends, and none follows */
	const struct refs *bound;	/* in start: refs that a row group must be able to beat; or NULL */
};

struct sink_ops {
	const char *name;
	size_t local_bytes;		/* of a local state, which begins zeroed */
	int (*open)(struct row_sink *, struct err *) WARN_UNUSED;
	int (*start)(struct row_sink *, struct err *) WARN_UNUSED;	/* NULL: nothing to do */
	int (*consume)(struct row_sink *, void *local, struct scan *, const struct found *) WARN_UNUSED;
	int (*combine)(struct row_sink *, void *local, bool last, struct err *) WARN_UNUSED;
	/* NULL: nothing to do */
	int (*over)(struct row_sink *, const size_t *parts, size_t n, struct err *) WARN_UNUSED;
	int (*finish)(struct row_sink *, struct err *) WARN_UNUSED;	/* NULL: nothing to do */
	/* 0: a batch (n >= 1); >0: nothing more of what was scanned; <0. */
	int (*next)(struct row_sink *, struct batch *, struct err *) WARN_UNUSED;
	/* Frees what a local holds, combined or not, but not itself. NULL: nothing to do. */
	void (*drop)(struct row_sink *, void *local);
	void (*close)(struct row_sink *);		/* the state may be NULL: open failed */
};

/* A sink of that kind, opened. To be closed, after a failure too. */
int sink_open(struct row_sink *, struct exec *, const struct sink_ops *, struct err *) WARN_UNUSED;
void sink_close(struct row_sink *);

extern const struct sink_ops sink_rows, sink_count, sink_traces, sink_groups, sink_contrast,
    sink_size;

/* ---- found.c ---- */

/* The rows as a list, which lives as long as `bits`; NULL: out of memory, with the error set. */
const uint32_t *found_rows(struct scan *, const struct found *);
/*
 * Calls each(arg, span, i) for the i-th row, rising, with a span that has the fields of the
 * projection at least, borrowed for the call. Ends early with what each returns if that is not 0.
 */
typedef int found_fn(void *arg, const struct span *, uint32_t i);
int found_spans(struct scan *, const struct found *, const struct projection *, found_fn *,
    void *arg) WARN_UNUSED;

#endif
