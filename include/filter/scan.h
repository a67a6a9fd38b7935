/* SPDX-License-Identifier: ISC */
/*
 * scan: one row group, or shard, at hand: its memory, chunks and zones, which span an error is
 * about, and what conditions keep of the shard while it is being scanned. A shard is made ready
 * on one thread (filter_shard_prepare); then several may scan its row groups, each with a `struct
 * scan` of its own.
 */
#ifndef FILTER_SCAN_H
#define FILTER_SCAN_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "plan/plan.h"
#include "plan/profile.h"
#include "shard/chunk.h"

struct exec;
struct fetch;
struct filter;
struct leaf_state;
struct shard_entry;

enum list_state { LIST_UNKNOWN, LIST_MADE, LIST_NONE };

struct xshard {
	const struct plan_shard *plan;
	const struct shard_entry *entry;
	struct filter *filter;		/* that of all shards; borrowed */
	struct shard *s;		/* NULL until opened; borrowed from the snapshot */
	const struct shard_info *info;
	pthread_mutex_t lock;		/* the making of leaf states */
	struct leaf_state *leaves;	/* while it is being scanned */
	uint32_t *trace_rows;		/* ACCESS_TRACE: the rows to look at, rising */
	uint32_t n_trace_rows;
	uint8_t *services;		/* ACCESS_SERVICE: which to look at */
	uint32_t *list;			/* filter_index.c: the rows that indexes leave, rising */
	uint32_t n_list;
	bool list_exact;		/* all of them satisfy the filter, the time aside */
	atomic_int listed;		/* enum list_state: whether the three above are made */
	bool zones;			/* zones may be used */
	bool indexes;			/* and indexes */
	bool counted;			/* by its footer: not scanned */
};

/* One thread at work on one row group. */
struct scan {
	struct exec *ex;
	uint32_t part;			/* of the source */
	struct xshard *xs;		/* NULL: of another source than shards, with whole spans */
	uint32_t group, n_rows, row_from;
	const struct row_group *rg;
	struct arena mem;		/* until the end of the row group */
	struct profile *prof;
	struct err *e;
	struct fetch *fetch;		/* made at first use; kept over row groups */
	void *local;			/* the sink's, of this thread; until the end of the scan */
	struct scan *next;		/* spare ones */
};

/* Ids and rows of a shard's traces, pinned. */
struct shard_traces {
	const struct traceids *ids;
	const struct tracerows *rows;
};

/* Goes to a row group of its shard. */
void scan_at(struct scan *, uint32_t group);
/* Zeroed; NULL: out of memory, with the error set. */
uint64_t *scan_bits(struct scan *, size_t n);
/* The bits of `in`, as a list in the scan's memory. */
uint32_t *scan_list(struct scan *, const uint64_t *in, uint32_t n_rows, uint32_t *n);
/* A chunk of a fixed column of the scan's row group; NULL in *out if it has no value. */
int scan_chunk(struct scan *, enum column_id, const struct chunk **out) WARN_UNUSED;
/*
 * COL_DURATION holds the image of end - start as a signed number, wrapped: image less 2^63 is
 * the duration, unless the end lies before the start or the duration is 2^63 or more. What a
 * row group's zones say about that: all plain; those below 2^63 are not; none can be trusted.
 */
enum wraps { WRAPS_NONE, WRAPS_BELOW, WRAPS_ANY };
enum wraps duration_wraps(struct shard *, uint32_t group);
/* Index in info->services of a row. */
size_t service_of_row(const struct shard_info *, uint32_t row);
/* "FILE: span ID of trace ID: " before an error that a row's value caused. */
int scan_blame(struct scan *, uint32_t row, int code);
/* To be given back, after a failure too. */
int shard_traces_get(struct shard *, struct shard_traces *, struct err *) WARN_UNUSED;
void shard_traces_put(const struct shard_traces *);

#endif
