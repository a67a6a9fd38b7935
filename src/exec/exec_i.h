/* SPDX-License-Identifier: ISC */
/*
 * exec_i: the inside of an exec, shared by the files of this folder.
 *
 *   exec           the driver: opens the steps of the plan, scans on, closes
 *   source         where rows come from (exec/source.h); give: whole spans of one
 *   local          shards as a source
 *   exec_guard     deadline, cancel flag, memory, row limit
 *   source_local   the plan's shards: opening, rows that can matter, one morsel's scan
 *   scan_rows      found rows to the sink; whole spans, tested one by one
 *   op_scan        waves of morsels over threads, into a sink
 *   op_morsel      one morsel, on one thread
 *   sink           what becomes of found rows (sink.h)
 *   sink_rows, sink_traces, sink_count, sink_groups   rows in order; rows of traces.*; a count; groups
 *   sink_groups_columns, sink_groups_spans, sink_groups_traces   rows into groups: by columns; as
 *                  spans; per trace; sink_groups_split   traces in several shards
 *   exec_size, sink_size, sizing   how long the rows' lines are, instead of the rows
 *   passing        rows that are passed over, by these lengths
 *   sink_contrast  what compare compares; by contrast/contrast_columns.h
 *   found          found rows as a list, or as spans
 *   op_order       row refs: collecting, sorting, the best k
 *   ref_add        refs of found rows
 *   ref_bound      what zones say of the best keys
 *   ref_groups     row groups that refs lie in
 *   ref_tie        order of refs that their keys leave open
 *   ref_keys       keys of refs
 *   sort_key       what a row is ordered by
 *   op_slice       cuts time into slices, newest first
 *   op_newest      counts the newest rows, where only so many are wanted
 *   op_traces      facts of whole traces
 *   trace_table    what a shard knows of all its traces
 *   trace_view     the facts of one trace, from that or put together
 *   trace_order    traces by their keys
 *   kin            what columns need of a shard's traces as a whole
 *   parents        the spans that bear the ids of others' parents
 *   host           what the filter asks of the exec
 *   cover          counts without a scan
 *   op_fetch       refs to rows; wants: those of a window in their order
 *   op_ahead       chunks that they need, by all threads
 *
 * A morsel is one row group of one shard; it is scanned by one thread with a `struct scan` of
 * its own (filter/scan.h). What threads share is atomic, or guarded by the lock named beside it.
 */
#ifndef EXEC_EXEC_I_H
#define EXEC_EXEC_I_H

#include <pthread.h>

#include "base/lru.h"
#include "base/vec.h"
#include "exec/source.h"
#include "filter/filter.h"
#include "gather/gather.h"
#include "match/pred_eval.h"
#include "model/pred_walk.h"
#include "shard/chunk.h"
#include "shard/fetch.h"
#include "shard/lengths.h"
#include "shard/tracesum.h"
#include "sink.h"

/* ---- keys and refs ---- */

/* One sort key of one row. The order of unlike values: sort_key.c. */
enum skey_class { KEY_NUMBER, KEY_STRING, KEY_BOOL, KEY_OTHER, KEY_MISSING };

struct skey {
	uint8_t cls;		/* enum skey_class */
	uint8_t sub;		/* NUMBER: enum number_form; OTHER: enum value_type, 0 once kept */
	uint32_t n;		/* bytes of a string */
	uint64_t u;		/* number, bool, high half of an id; first 8 bytes of a string */
	union {
		uint64_t lo;	/* low half of an id */
		const char *p;	/* the string */
	};
};
enum number_form { FORM_I64, FORM_U64, FORM_DOUBLE, FORM_ID };

/* A row that the query selects: a span, or one event or link of it. */
struct ref {
	uint64_t at;		/* newest first by this: the span's start, the event's time */
	uint32_t shard, row, index;	/* index: of event or link in its span */
	uint32_t unused;
	struct skey key[];	/* n_sort of them */
};

struct refs {
	char *v;		/* n refs, stride bytes each */
	size_t n, cap, stride, n_keys;
	struct arena strings;	/* of keys */
	uint64_t keep;		/* only the first so many matter; UINT64_MAX: all */
	size_t held;		/* bytes taken of the budget */
	bool cut;		/* n was at least `keep` once: the last one is a bound */
};

static inline struct ref *
refs_at(const struct refs *r, size_t i)
{
	return (struct ref *)(void *)(r->v + i * r->stride);
}

/* ---- shards ---- */

struct morsel {
	uint32_t shard, group;		/* GROUP_LIST: the rows of the shard's list */
	uint32_t turn;			/* place in its wave's order */
};
#define GROUP_LIST UINT32_MAX

/* How a morsel went. */
struct scan_out {
	struct profile prof;
	int code;
	struct err err;
};

/* ---- traces ---- */

/* A span in the tree of its trace. */
struct trace_node {
	uint64_t id, parent;
	uint64_t start, over;
	uint64_t self;			/* its duration less what its children cover of it */
	uint32_t depth;			/* NO_DEPTH: no ancestor is the topmost */
	uint32_t shard, row;
};

struct trace_entry {
	struct trace_facts facts;
	uint64_t *parents;		/* parent ids of its spans, rising, without 0 */
	uint32_t n_parents;
	/* Where the tree is asked for; by shard and row. */
	struct trace_node *nodes;
	uint32_t n_nodes;
	uint32_t *by_id;		/* places of nodes, by id */
};

/* What is known of the traces of a shard. */
struct trace_table {
	_Atomic(struct trace_part *) v;	/* shards without summaries: by ordinal; NULL until made */
	atomic_uint looks;		/* traces asked for */
	bool refused;			/* for want of memory; under table_lock */
	_Atomic(uint64_t *) split;	/* the snapshot's; NULL until asked for */
	atomic_uint facts;		/* of traces asked for */
	/* kin.c: while the shard is scanned; under its lock until `kin` is there. */
	_Atomic(const uint64_t *) kin;	/* the snapshot's split; NULL until all is made */
	atomic_uint_fast64_t rows;	/* asked for */
	const struct trace_part *parts;
	struct trace_part *own_parts;	/* the same, if they are to be freed */
	struct tracetree *tree;
	size_t kin_bytes;
	bool poor;			/* no memory for them */
};

/* What is known of the traces of a shard as a whole, for columns; pinned. */
struct kin {
	struct shard_traces traces;
	const struct tracerows *rows;
	const uint64_t *split, *twins;	/* by ordinal; twins: NULL, if there are none, or it doesn't matter */
	const struct trace_part *parts;	/* if facts are asked for */
	const struct tracetree *tree;	/* if places are; or twins had to be looked for */
};

struct trace_pin {
	const struct trace_entry *t;
	struct lru_entry *pin;
};

/* Facts of a trace, but for its services. */
struct trace_view {
	struct trace_facts facts;	/* borrowed from what follows and the shard */
	const struct dict *names;
	struct trace_pin pin;
};

/* ---- the exec ---- */

/* The part of the result that is still to be handed out. */
struct page {
	uint64_t skip, left;
};

/* Where op_slice.c is. */
struct slicing {
	uint64_t last;			/* the next slice ends here */
	bool done;
	double load;			/* what the next slice may hold, about; 0: the first */
	double grow;			/* twice as much for each slice that was not enough */
};

/* What an exec knows of its shards (local.c). */
struct local {
	struct xshard *shards;		/* as plan->scan.shards */
	size_t n_shards;
	atomic_bool *seen;		/* by place in the snapshot: opened by this exec */
	atomic_uint_fast64_t n_seen, n_traces;
	struct filter filter;		/* pushdown */
	bool searches;			/* the filter looks into texts */
	bool needs_children;		/* child counts are asked for, or may be */
	bool needs_tree;		/* depths, parents and the like, too */
	unsigned kin_asks;		/* enum gather_ask: what all that asks kin_get wants together */
	struct slicing slices;
	pthread_mutex_t lock;		/* spare */
	struct scan *spare;
	struct lru *traces;
	_Atomic(struct trace_table *) tables;	/* by place in the snapshot; NULL: none was asked for */
	pthread_mutex_t table_lock;	/* the making of tables; nothing is locked under it but caches */
};

/* Lengths of lines are added up, and no row is handed out: exec_size.c. */
#define SIZING_KEPT 64

struct sizing {
	unsigned version;
	atomic_bool untold;		/* of some row, so there is no sum */
	uint64_t rows, bytes;		/* the driver's */
	struct {			/* alike; what was looked at last, pinned */
		uint32_t part, group;
		const struct lengths *l;
	} kept[SIZING_KEPT];
};

/* Rows that are passed over, since their lines end at or before a byte: passing.c. */
struct passing {
	struct sizing sizing;		/* what was passed */
	uint64_t to;
	bool there;			/* all is passed that is to be */
	bool begun;
};

struct exec {
	const struct plan *plan;
	struct exec_env env;
	uint64_t opened_ns;		/* monotonic */
	uint32_t reader;		/* its number, as of shard/chunkcache.h */
	unsigned threads;
	size_t batch_rows;
	struct profile prof;
	atomic_size_t held;		/* bytes counted against env.memory */
	size_t reader_holds;		/* of these */
	/* Puts what may go of a source's held rows into a file: >0: some did; 0: there is none. Or NULL. */
	int (*make_room)(struct exec *, struct err *);

	struct source source;
	struct local *local;		/* its state, if it is the local one; else NULL */
	struct pred_eval *rows;		/* the filter on whole spans: not pushdown */
	struct pred_eval *compared;	/* alike: that of compare, or NULL */
	bool needs_trace;		/* the filter, or that of compare */
	struct row_sink sink;
	struct sizing *sizing;		/* or NULL */
	struct passing *passing;	/* or NULL */

	/* Where the driver is. */
	bool begun;
	int ended;			/* what the last exec_next returned, if not 0: <0, >0 */
	bool scanned;			/* all of the range, or nothing of it matters */
	struct page page;
	uint64_t n_out;
};

/* ---- exec.c ---- */

/* exec_open; with sizing the batches have no rows, only their number. */
int exec_begin(const struct plan *, const struct exec_env *, struct sizing *, struct exec **,
    struct err *) WARN_UNUSED;

/* ---- sizing.c ---- */

/* A row group's lengths, to be put; NULL in *out: they are not told. */
int sizing_lengths(struct sizing *, struct shard *, uint32_t group, const struct lengths **out,
    struct err *) WARN_UNUSED;
/* Takes shards off the scan whose footers and totals tell all that the plan takes of them. */
int sizing_whole(struct exec *, struct err *) WARN_UNUSED;
/*
 * 1: the plan takes rows of whole services alone, and what it takes of the slice is told without a
 * look at rows.
 */
int sizing_slice(struct exec *, struct sizing *, struct slice, struct exec_size *, struct err *)
    WARN_UNUSED;
/* The length of a ref's line; 0: not told. On the driver's thread. */
int sizing_of_ref(struct exec *, struct sizing *, const struct ref *, uint32_t *, struct err *)
    WARN_UNUSED;
/* Adds refs [at, at + n). On the driver's thread. */
int sizing_add_refs(struct exec *, const struct refs *, size_t at, size_t n, struct err *)
    WARN_UNUSED;
void sizing_release(struct sizing *);

/* ---- passing.c ---- */

/* Before the first slice of a scan that streams: hours that lie before the byte are left out. */
int pass_hours(struct exec *, struct err *) WARN_UNUSED;
/* Of refs [*at, n), which come next: moves *at on past those before the byte. */
int pass_refs(struct exec *, const struct refs *, size_t *at, size_t n, struct err *) WARN_UNUSED;
void passing_free(struct passing *);

/* ---- exec_guard.c ---- */

/* Rows that are still to be skipped or handed out; UINT64_MAX: all. */
uint64_t exec_wanted(const struct exec *);
/* The last instant of the plan's range. */
uint64_t exec_last(const struct plan *);
/* Deadline and cancel flag. */
int exec_check(struct exec *, struct err *) WARN_UNUSED;
/*
 * qsort_r of what may be many, which looks at them now and then: <0, and there is no order, when the
 * query is over or its memory does not do for as much again.
 */
int exec_sort(struct exec *, void *v, size_t n, size_t size,
    int (*cmp)(const void *, const void *, void *), void *arg, struct err *) WARN_UNUSED;

/*
 * Counts memory against the budget; give back with mem_give. Where there is none, rows that a source
 * holds go to a file first, as far as they may.
 */
int mem_take(struct exec *, size_t bytes, struct err *) WARN_UNUSED;
void mem_give(struct exec *, size_t bytes);
/* The most rows of the next batch. */
size_t exec_batch_rows(const struct exec *);
int exec_over_rows(struct exec *, struct err *);
void profile_add(struct profile *, const struct profile *);
/*
 * Between the two what this thread reads is for that exec; the end adds what it was. On each thread
 * that reads, with no return in between.
 */
struct reads {
	struct read_counters before;
	uint32_t reader;	/* before */
};
struct reads reads_begin(const struct exec *);
void reads_end(const struct reads *, struct profile *);

/* ---- source.c ---- */

int source_open(struct exec *, const struct source_ops *, struct err *) WARN_UNUSED;
void source_close(struct exec *);
/* How many parts have traces by ordinal: shards, whose rows are found by columns. */
size_t source_parts(const struct exec *);
int trace_get(struct exec *, struct trace_id, struct trace_pin *, struct err *) WARN_UNUSED;
/* The same of a trace whose spans are all in one part; ANY_PART: who knows. */
int trace_get_in(struct exec *, struct trace_id, uint32_t only, struct trace_pin *,
    struct err *) WARN_UNUSED;
void trace_put(struct exec *, struct trace_pin *);

/* ---- scan_rows.c ---- */

/* Hands rows on to the sink, if there are any. */
int scan_found(struct scan *, struct row_sink *, const struct found *) WARN_UNUSED;
/* Makes the scan's local state, unless it has one; and gives it up. */
int scan_local(struct scan *, const struct row_sink *) WARN_UNUSED;
void scan_local_drop(struct scan *, struct row_sink *);
/* 1 if the span satisfies the predicate, 0 if not. */
int scan_span_holds(struct scan *, struct pred_eval *, const struct span *, uint32_t row)
    WARN_UNUSED;
/* Whole spans, of these rows from the scan's row_from on: those that match go to the sink. */
int spans_consume(struct scan *, struct row_sink *, struct slice, const struct span *,
    const uint32_t *rows, uint32_t n) WARN_UNUSED;

/* ---- source_local.c ---- */

int shards_open(struct exec *, struct err *) WARN_UNUSED;
void shards_close(struct exec *);
/* Opens snapshot shard i and counts it. Thread-safe. */
int source_shard(struct exec *, size_t i, struct shard **, struct err *) WARN_UNUSED;
/* Makes ready for morsels, and gives up what that took. On the driver's thread. */
int xshard_prepare(struct exec *, struct xshard *, struct err *) WARN_UNUSED;
void xshard_release(struct xshard *);
/* A shard that is scanned, with rows in the slice. */
bool xshard_in(const struct xshard *, struct slice);
/* The slice against all starts of the row group: 0 apart, 1 within, -1 across. */
int xshard_start_zone(const struct xshard *, uint32_t group, struct slice);
/* Rows that access and slice leave, of one row group; false if there is none. */
int scan_candidates(struct scan *, struct slice, uint64_t *bits, bool *any) WARN_UNUSED;
/* A scratch for a thread, and back. */
struct scan *scan_get(struct exec *, struct err *);
void scan_put(struct exec *, struct scan *);
/* Place in [from, to) of the first start of the chunk that is >= t; starts rise there. */
uint32_t chunk_lower_start(const struct chunk *, uint32_t from, uint32_t to, uint64_t t);
/* ---- op_morsel.c ---- */

/* What all morsels of a scan have in common. */
struct scan_job {
	struct exec *ex;
	struct slice slice;
	struct row_sink *sink;
};

int morsel_run(const struct scan_job *, const struct morsel *, struct scan_out *) WARN_UNUSED;

/* ---- op_scan.c ---- */

/* Scans the slice into the sink, newest shards first unless it has a bound. */
int scan_slice(struct exec *, struct slice, struct row_sink *, struct err *) WARN_UNUSED;

/* ---- sort_key.c ---- */

/* The key of a span; of an event's (link's) field: that one's, else the first's. Borrowed. */
void skey_of_row(const struct field *, const struct field_row *, struct skey *);
/*
 * The same of a parent's field, kept in the arena: the least that one of several parents has, so that
 * it doesn't matter in which order they are. False: out of memory.
 */
bool skey_of_parents(const struct field *, const struct field_row *, struct arena *, struct skey *);
void skey_of_facts(const struct field *, const struct trace_facts *, struct skey *);
void skey_number(struct skey *, uint64_t);
/*
 * Takes what it borrows into an arena: its string, or the JSON of a value that has no other
 * order. Before that keys of such values are not to be compared.
 */
bool skey_keep(struct skey *, struct arena *);
int skey_cmp(const struct skey *, const struct skey *);	/* ascending, missing last */
/* By all keys of the plan; missing last whatever the direction. */
int skeys_cmp(const struct sort_key *, size_t n, const struct skey *, const struct skey *);

/* ---- op_order.c ---- */

void refs_init(struct refs *, size_t n_keys, uint64_t keep);
void refs_release(struct exec *, struct refs *);
void refs_clear(struct refs *);	/* no refs; their room is kept */
/* Room for n more; <0: budget or memory. */
int refs_reserve(struct exec *, struct refs *, size_t n, struct err *) WARN_UNUSED;
/* Takes over b's refs (b stays to be released); cuts down to `keep` now and then. */
int refs_append(struct exec *, struct refs *, struct refs *b, struct err *) WARN_UNUSED;
/* The full order, and only `keep` of them. */
int refs_sort(struct exec *, struct refs *, struct err *) WARN_UNUSED;
/* One more, without keys; there is room. */
static inline struct ref *
refs_add(struct refs *r, uint64_t at, uint32_t shard, uint32_t row, uint32_t index)
{
	struct ref *x = refs_at(r, r->n++);

	x->at = at;
	x->shard = shard;
	x->row = row;
	x->index = index;
	x->unused = 0;
	return x;
}

/* ---- ref_add.c, ref_keys.c ---- */

/* Adds the refs of found rows, with their keys. */
int refs_add_found(struct scan *, const struct found *, struct refs *) WARN_UNUSED;
/* Fills the keys of refs [from, n), which are those of found rows. */
int refs_fill_keys(struct scan *, const struct found *, struct refs *, size_t from) WARN_UNUSED;
/* The best first key that a row of the row group can have; false if zones don't tell. */
bool refs_best_key(struct exec *, const struct xshard *, uint32_t group, struct skey *);
/* ref_tie.c: puts refs [from, to), equal so far, in order of trace id, span id, content. */
int refs_order_ties(struct exec *, struct refs *, size_t from, size_t to, struct err *)
    WARN_UNUSED;
/* True if no row of the row group can come before the last of the best `keep`. */
bool refs_hopeless(struct exec *, const struct refs *, const struct xshard *, uint32_t group);

/* ---- ref_groups.c ---- */

/* Cuts *n so that refs [at, at + *n) lie in `most` row groups. */
int refs_in_groups(struct exec *, const struct refs *, size_t at, size_t most, struct arena *,
    size_t *n, struct err *) WARN_UNUSED;

/*
 * Cuts *n so that the rows of refs [at, at + *n) are at most so many bytes, or one row; how many these
 * are. A row that comes again at once counts once.
 */
typedef size_t row_bytes_fn(const void *arg, uint32_t part, uint32_t row);
size_t refs_in_bytes(const struct refs *, size_t at, size_t most, row_bytes_fn *, const void *arg,
    size_t *n);

/* ---- op_slice.c ---- */

/* The next slice, newest first; >0: no more. */
int slice_next(struct exec *, struct slice *, struct err *) WARN_UNUSED;
/* What of a partition the next slice would begin in; false: there is none. It may be left out. */
bool slice_partition(const struct exec *, struct slice *);
void slice_leave_out(struct exec *, struct slice);

/* ---- op_newest.c ---- */

/*
 * Cuts the slice so that it holds hardly more of the newest rows than the query still wants:
 * all with the same start or none, so the slices to come lack nothing. `matches`: how many
 * rows of the slice match, by estimate.
 */
int slice_newest(struct exec *, struct slice *, double matches, struct err *) WARN_UNUSED;

/* ---- asks.c ---- */

/* How many children spans have; how they hang together. See plan_asks_traces, too. */
bool plan_asks_children(const struct plan *);
/* Where a span stands in its trace: its own place, not its parent's. */
bool field_is_place(const struct field *);
struct agg_table;
/* What all of the plan that goes by columns asks of traces as a whole: enum gather_ask. */
unsigned plan_asks_kin(const struct plan *, const struct agg_table *groups);
bool plan_asks_tree(const struct plan *);

/* ---- op_traces.c ---- */

/* As trace_get_in; `only` is a snapshot shard. */
int local_trace(struct exec *, struct trace_id, uint32_t only, struct trace_pin *,
    struct err *) WARN_UNUSED;
void local_trace_put(struct exec *, struct trace_pin *);

/* ---- trace_tree.c ---- */

/* Orders the nodes and by_id; depth and self of each. */
int trace_tree_make(struct trace_node *, uint32_t *by_id, uint32_t n, struct err *) WARN_UNUSED;
/* The nodes that bear an id are by_id[i] from what it returns to *to; none where there is no tree. */
uint32_t entry_bearers(const struct trace_entry *, uint64_t id, uint32_t *to);
struct span_place entry_node_place(const struct trace_entry *, const struct trace_node *);
/* Of a span that is that row of a snapshot shard: all of it only where the tree is asked for. */
struct span_place entry_place(const struct trace_entry *, uint32_t shard, uint32_t row,
    uint64_t span_id);
/* The same of a row of a part of the source. */
struct span_place part_place(const struct exec *, const struct trace_entry *, uint32_t part,
    uint32_t row, uint64_t span_id);

/* ---- trace_table.c, trace_view.c ---- */

/* As many as the store has shards, made for the query that looks into the first. NULL: no memory. */
struct trace_table *trace_tables(struct exec *);
void trace_tables_close(struct exec *);
/* The part of a trace in snapshot shard i; 1, or 0: read its rows. Thread-safe. */
int trace_table_look(struct exec *, uint32_t i, struct shard *, const struct tracerows *,
    uint32_t ordinal, struct trace_part *out, struct err *) WARN_UNUSED;
/*
 * Facts of the trace with that ordinal in snapshot shard i; its root's name only if asked for.
 * To be given back, after a failure too. Thread-safe.
 */
int trace_view_get(struct exec *, uint32_t i, const struct shard_traces *, uint32_t ordinal,
    bool name, struct trace_view *, struct err *) WARN_UNUSED;
void trace_view_put(struct exec *, struct trace_view *);
/* snapshot_split_traces of shard i, as long as the exec may go on. */
int trace_splits(struct exec *, uint32_t i, const uint64_t **split, struct err *) WARN_UNUSED;
/* The same if n of its traces are enough to ask, else NULL in *split. */
int trace_split_of(struct exec *, uint32_t i, uint64_t n, const uint64_t **split,
    struct err *) WARN_UNUSED;

/*
 * The parts of all traces of snapshot shard i, which has no summaries; NULL in *out without memory
 * for it.
 */
int trace_table_all(struct exec *, uint32_t i, struct shard *, const struct trace_part **out,
    struct err *) WARN_UNUSED;

/* ---- kin.c ---- */

/*
 * What columns need (the exec's kin_asks) of the traces of the scan's shard, of which n more rows are
 * asked for: 1; 0: it isn't worth it yet, or there is no memory. To be put in any case. Thread-safe.
 */
int kin_get(struct scan *, uint64_t n, struct kin *) WARN_UNUSED;
void kin_put(struct kin *);
/* Is all of that trace known by it? */
bool kin_alone(const struct kin *, uint64_t ordinal);
/* Of the rest the rows of such traces; the rest is the others then. */
int kin_part(struct scan *, const struct kin *, struct found *rest, const uint32_t **rows,
    uint32_t *n) WARN_UNUSED;
/*
 * Where n rows (of the scan's row group, rising) stand in their traces: by columns where kin_get has
 * them, else trace by trace.
 */
int kin_places(struct scan *, const uint32_t *rows, uint32_t n, struct span_place *out) WARN_UNUSED;
/* No thread looks at that snapshot shard any more. */
void kin_drop(struct exec *, uint32_t i);

/* ---- cover.c ---- */

/* Adds the rows of shards that need no scan, which are taken off it. */
int cover_count(struct exec *, uint64_t *n, struct err *) WARN_UNUSED;

/* ---- cover_groups.c ---- */

/* Groups of shards that need no scan, which are taken off it, into the environment's table. */
int cover_groups(struct exec *, struct err *) WARN_UNUSED;

/* ---- host.c ---- */

extern const struct filter_host exec_filter_host;
/* As filter_host's trace_holds. */
int trace_fact_holds(struct exec *, uint32_t shard, const struct shard_traces *,
    uint32_t ordinal, const struct fnode *, struct err *) WARN_UNUSED;

/* ---- trace_order.c ---- */

/* A trace with matching spans. */
struct trace_sum {
	struct trace_id id;
	uint64_t n_matched, start;
	struct skey *keys;
	uint32_t shard, ordinal;	/* where all of it is; ANY_PART: not known */
};

/* By the plan's keys, newest first, then by id. Uses `keys` and `start`. */
int trace_sums_order(struct exec *, struct trace_sum *, size_t n, struct err *) WARN_UNUSED;

/* ---- parents.c ---- */

struct parents;
/* With the fields of a projection; not for several threads at once. */
int parents_new(struct exec *, const struct projection *, struct parents **, struct err *)
    WARN_UNUSED;
void parents_free(struct parents *);
/* Those of the spans with that parent id are wanted; *no is for parents_at. */
int parents_want(struct parents *, struct trace_id, uint64_t parent_id, uint32_t *no,
    struct err *) WARN_UNUSED;
/* Once: puts together all that are wanted; how many these are. */
int parents_fetch(struct parents *, struct err *) WARN_UNUSED;
size_t parents_n(const struct parents *);
/* All at once, on the driver's thread: what the plan shows of the parents of n spans; no[i] of each. */
int parents_of_spans(struct exec *, const struct span *, size_t n, uint32_t *no, struct parents **,
    struct err *) WARN_UNUSED;
/* Valid until parents_free. */
const struct parent_row *parents_at(const struct parents *, uint32_t no, uint32_t *n);

/* ---- op_ahead.c ---- */

/* Reads all chunks of these row groups that aren't in memory, by all threads. */
void load_ahead(struct exec *, struct arena *mem, const struct near_rows *, size_t n);

/* ---- source.c ---- */

/* What a batch that was handed out borrows. */
struct lent {
	struct arena mem;
	VEC(struct trace_pin) pins;
};

void lent_init(struct lent *);
/* The batch is gone. */
void lent_end(struct exec *, struct lent *);
void lent_release(struct exec *, struct lent *);

/* ---- wants.c ---- */

struct want {
	uint32_t shard, row, pos;	/* pos: of the ref in the window */
	uint32_t span;			/* of the span in the fetcher's spans */
};

/* By shard and row: v or tmp, both of n. */
struct want *wants_sort(struct want *v, struct want *tmp, size_t n);

/* ---- op_fetch.c ---- */

/* Spans put together: those of refs [win_at, win_at + win_n), the batches to come. */
struct fetcher {
	struct exec *ex;
	const struct refs *refs;	/* borrowed; sorted */
	pthread_mutex_t lock;		/* the next two */
	struct fetch **fetches;		/* n idle ones, at most one for each thread */
	size_t n_fetches;
	struct span *spans;		/* different ones, by shard and row */
	size_t spans_cap;
	uint32_t *span_of;		/* by ref in the window: its span */
	size_t win_at, win_n, win_next;
	size_t win_bytes;		/* taken of the budget for it */
	struct parents *parents;	/* of the window's spans, if they are selected; else NULL */
	uint32_t *parents_of;		/* by span: which */
	size_t n_spans;
	struct arena window;
	struct lent lent;
};

/* To be released, after a failure too. The refs may change after fetch_window_end. */
int fetcher_init(struct fetcher *, struct exec *, const struct refs *, struct err *) WARN_UNUSED;
void fetcher_release(struct fetcher *);
/* Refs from `at` on as a batch of at most n; up to `most` may be put together for later ones. */
int fetch_batch(struct fetcher *, size_t at, size_t n, size_t most, struct batch *, struct err *)
    WARN_UNUSED;
/* Drops what the last batch lent. */
void fetch_batch_end(struct fetcher *);
/* The refs are about to change. */
void fetch_window_end(struct fetcher *);

#endif
