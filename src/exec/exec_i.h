/* SPDX-License-Identifier: ISC */
/*
 * exec_i: the inside of an exec, shared by the files of this folder.
 *
 *   exec           the driver: opens, scans on, closes
 *   source         where rows come from (exec/source.h); give: whole spans of one
 *   local          shards as a source
 *   exec_guard     deadline, cancel flag, memory, row limit
 *   source_local   the plan's shards: opening, rows that can matter, one morsel's scan
 *   scan_rows      found rows to the sink; whole spans, tested one by one
 *   scan           one row group at hand: its memory, chunks and zones
 *   op_scan        waves of morsels over threads, into a sink
 *   sink           what becomes of found rows (sink.h), and which sink makes which output
 *   sink_rows, sink_traces, sink_count, sink_groups   rows in order; rows of traces.*; a count; groups
 *   found          found rows as a list, or as spans
 *   op_filter      predicate trees on bitmaps of rows: compiling, AND, OR, NOT
 *   filter_prune   which row groups can't match, by zones
 *   filter_leaf, filter_attr, filter_words   single conditions on columns
 *   filter_owners  those on what a resource or scope says
 *   filter_column  one chunk against a test
 *   filter_index, filter_text   rows that indexes name, codes that a text index names
 *   filter_rows    a tree on few rows
 *   op_order       row refs: collecting, sorting, the best k
 *   ref_add        refs of found rows
 *   ref_bound      what zones say of the best keys
 *   ref_tie        order of refs that their keys leave open
 *   ref_keys       keys of refs
 *   sort_key       what a row is ordered by
 *   op_slice       cuts time into slices, newest first
 *   op_newest      counts the newest rows, where only so many are wanted
 *   op_traces      facts of whole traces
 *   trace_table    what a shard knows of all its traces
 *   trace_view     the facts of one trace, from that or put together
 *   cover, cover_cells, cover_rows   counts without reading, by the footer, by indexes
 *   op_fetch       refs to rows
 *   op_ahead       chunks that they need, by all threads
 *
 * A morsel is one row group of one shard; it is scanned by one thread with a `struct scan` of
 * its own. What threads share is atomic, or guarded by the lock named beside it.
 */
#ifndef EXEC_EXEC_I_H
#define EXEC_EXEC_I_H

#include <pthread.h>

#include "base/lru.h"
#include "base/vec.h"
#include "exec/source.h"
#include "match/kernel.h"
#include "match/matcher.h"
#include "match/pred_eval.h"
#include "match/words.h"
#include "model/pred_walk.h"
#include "shard/chunk.h"
#include "shard/fetch.h"
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

/* ---- filters ---- */

enum leaf_class {
	LEAF_NUMBER,	/* a fixed column of numbers, by ranges */
	LEAF_DURATION,
	LEAF_STRING,	/* a fixed column of strings */
	LEAF_ATTR,	/* attribute of span, event, link, or bare */
	LEAF_RESOURCE, LEAF_SCOPE, LEAF_SERVICE, LEAF_TRACE_ID,
	LEAF_VALUES,	/* worked out row by row */
	LEAF_TRACE,	/* a fact of the whole trace */
	LEAF_WORDS,
};

struct fnode {
	const struct pred *pred;
	struct fnode *kids;
	/* Leaves */
	enum leaf_class cls;
	enum column_id col;		/* NUMBER, STRING */
	enum column_domain domain;
	uint32_t leaf;			/* index among the leaves */
	struct matcher *m;		/* NULL for LEAF_WORDS */
	/* Of an event's name, a link's ids: the empty one satisfies, which no column holds. */
	bool absent;
	struct ranges number;		/* NUMBER, DURATION */
	struct ranges typed[VAL_TYPES];	/* ATTR: INT, DOUBLE, BOOL */
};

struct filter {
	struct fnode root;
	uint32_t n_leaves;
};

/* How the values of a column are tested. */
struct col_test {
	const struct ranges *ranges;	/* on numbers or codes; NULL: by codes */
	const struct code_set *set;	/* all codes that satisfy, or NULL */
	struct codes *codes;
	code_fn *fn;			/* what fills codes */
	void *arg;
};

/* One leaf (or one word of it) on one column of one shard. */
struct col_state {
	const struct column *col;
	const struct fnode *node;
	struct sv word;			/* LEAF_WORDS */
	bool is_rest;			/* values are maps of rare attributes: look for node's key */
	bool never;			/* no value can satisfy */
	bool any;			/* every value does: it is enough that there is one */
	const struct dict *dict;	/* COLUMN_DICT; pinned */
	struct ranges code_ranges;	/* of codes, if the dictionary tells */
	bool use_ranges;
	struct codes codes;
	struct code_set set;		/* the same as a set, where that is quicker */
	atomic_bool ready;		/* the above are made */
	atomic_bool lazy;		/* an index named its rows: values are looked at as they are met */
};

/* One leaf on one shard. */
struct leaf_state {
	struct col_state *cols;		/* WORDS: n_words times n_cols */
	uint32_t n_cols;
	struct codes owners;		/* resources, scopes, services or traces */
	struct ranges ordinals;		/* TRACE_ID: EQ, IN */
	bool resource_has;		/* bare: some resource has the key */
	struct codes *words;		/* WORDS: resources, then scopes, of each word */
	uint32_t n_words;
	atomic_bool ready;
};

/* ---- shards ---- */

enum list_state { LIST_UNKNOWN, LIST_MADE, LIST_NONE };

struct xshard {
	const struct plan_shard *plan;
	const struct shard_entry *entry;
	struct shard *s;		/* NULL until opened; borrowed from the snapshot */
	const struct shard_info *info;
	pthread_mutex_t lock;		/* the making of leaf states */
	struct leaf_state *leaves;	/* while it is being scanned */
	uint32_t *trace_rows;		/* ACCESS_TRACE: the rows to look at, rising */
	uint32_t n_trace_rows;
	uint8_t *services;		/* ACCESS_SERVICE: which to look at */
	uint32_t *list;			/* filter_index.c: the rows that indexes leave, rising */
	uint32_t n_list;
	atomic_int listed;		/* enum list_state: whether the two above are made */
	bool zones;			/* zones may be used */
	bool indexes;			/* and indexes */
	bool counted;			/* by its footer: not scanned */
};

struct morsel {
	uint32_t shard, group;		/* GROUP_LIST: the rows of the shard's list */
};
#define GROUP_LIST UINT32_MAX

/* How a morsel went. */
struct scan_out {
	struct profile prof;
	int code;
	struct err err;
};

/* One thread at work on one morsel. */
struct scan {
	struct exec *ex;
	uint32_t part;			/* of the source */
	struct xshard *xs;		/* NULL: of another source than shards, with whole spans */
	uint32_t group, n_rows, row_from;
	const struct row_group *rg;
	struct arena mem;		/* until the end of the morsel */
	struct profile *prof;
	struct err *e;
	struct fetch *fetch;		/* made at first use; kept over morsels */
	void *local;			/* the sink's, of this thread; until the end of the scan */
	struct scan *next;		/* spare ones */
};

/* ---- traces ---- */

struct trace_entry {
	struct trace_facts facts;
	uint64_t *parents;		/* parent ids of its spans, rising, without 0 */
	uint32_t n_parents;
};

/* What is known of the traces of a shard. */
struct trace_table {
	_Atomic(struct trace_part *) v;	/* shards without summaries: by ordinal; NULL until made */
	atomic_uint looks;		/* traces asked for */
	bool refused;			/* for want of memory; under table_lock */
	_Atomic(uint64_t *) split;	/* the snapshot's; NULL until asked for */
	atomic_uint facts;		/* of traces asked for */
};

struct trace_pin {
	const struct trace_entry *t;
	struct lru_entry *pin;
};

/* Ids and rows of a shard's traces, pinned. */
struct shard_traces {
	const struct traceids *ids;
	const struct tracerows *rows;
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
	struct xshard *shards;		/* as plan->shards */
	size_t n_shards;
	atomic_bool *seen;		/* by place in the snapshot: opened by this exec */
	atomic_uint_fast64_t n_seen, n_traces;
	atomic_uint_fast64_t n_index_lists, n_text_lists, n_index_rows;	/* for the profile */
	struct filter filter;		/* pushdown */
	bool searches;			/* the filter looks into texts */
	bool needs_children;		/* child counts are asked for, or may be */
	struct slicing slices;
	pthread_mutex_t lock;		/* spare */
	struct scan *spare;
	struct lru *traces;
	struct trace_table *tables;	/* by place in the snapshot */
	pthread_mutex_t table_lock;	/* the making of tables; nothing is locked under it but caches */
};

struct exec {
	const struct plan *plan;
	struct exec_env env;
	uint64_t opened_ns;		/* monotonic */
	unsigned threads;
	size_t batch_rows;
	struct profile prof;
	atomic_size_t held;		/* bytes counted against env.memory */
	size_t reader_holds;		/* of these */

	struct source source;
	struct local *local;		/* its state, if it is the local one; else NULL */
	struct pred_eval *rows;		/* the filter on whole spans: not pushdown */
	bool needs_trace;		/* the filter */
	struct row_sink sink;

	/* Where the driver is. */
	bool begun;
	int ended;			/* what the last exec_next returned, if not 0: <0, >0 */
	bool scanned;			/* all of the range, or nothing of it matters */
	struct page page;
	uint64_t n_out;
};

/* ---- exec_guard.c ---- */

/* Rows that are still to be skipped or handed out; UINT64_MAX: all. */
uint64_t exec_wanted(const struct exec *);
/* The last instant of the plan's range. */
uint64_t exec_last(const struct plan *);
/* Deadline and cancel flag. */
int exec_check(struct exec *, struct err *) WARN_UNUSED;
/* Counts memory against the budget; give back with mem_give. */
int mem_take(struct exec *, size_t bytes, struct err *) WARN_UNUSED;
void mem_give(struct exec *, size_t bytes);
int exec_over_rows(struct exec *, struct err *);
void profile_add(struct profile *, const struct profile *);
/* Adds what this thread read since `before`. */
void profile_reads(struct profile *, const struct read_counters *before);

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
/* Whole spans, of these rows from the scan's row_from on: those that match go to the sink. */
int spans_consume(struct scan *, struct row_sink *, struct slice, const struct span *,
    const uint32_t *rows, uint32_t n) WARN_UNUSED;

/* ---- source_local.c, scan.c ---- */

int shards_open(struct exec *, struct err *) WARN_UNUSED;
void shards_close(struct exec *);
/* Opens snapshot shard i and counts it. Thread-safe. */
int source_shard(struct exec *, size_t i, struct shard **, struct err *) WARN_UNUSED;
/* Makes ready for morsels, and gives up what that took. On the driver's thread. */
int xshard_prepare(struct exec *, struct xshard *, struct err *) WARN_UNUSED;
void xshard_release(struct exec *, struct xshard *);
/* A shard that is scanned, with rows in the slice. */
bool xshard_in(const struct xshard *, struct slice);
/* The slice against all starts of the row group: 0 apart, 1 within, -1 across. */
int xshard_start_zone(const struct xshard *, uint32_t group, struct slice);
/* Rows that access and slice leave, of one row group; false if there is none. */
int scan_candidates(struct scan *, struct slice, uint64_t *bits, bool *any) WARN_UNUSED;
/* A scratch for a thread, and back. */
struct scan *scan_get(struct exec *, struct err *);
void scan_put(struct exec *, struct scan *);
/* Goes to a row group of its shard. */
void scan_at(struct scan *, uint32_t group);
/* Zeroed; NULL: out of memory, with the error set. */
uint64_t *scan_bits(struct scan *, size_t n);
/* A chunk of a fixed column of the scan's row group; NULL in *out if it has no value. */
int scan_chunk(struct scan *, enum column_id, const struct chunk **out) WARN_UNUSED;
/*
 * COL_DURATION holds the image of end - start as a signed number, wrapped: image less 2^63 is
 * the duration, unless the end lies before the start or the duration is 2^63 or more. What a
 * row group's zones say about that: all plain; those below 2^63 are not; none can be trusted.
 */
enum wraps { WRAPS_NONE, WRAPS_BELOW, WRAPS_ANY };
enum wraps duration_wraps(struct shard *, uint32_t group);
/* Place in [from, to) of the first start of the chunk that is >= t; starts rise there. */
uint32_t chunk_lower_start(const struct chunk *, uint32_t from, uint32_t to, uint64_t t);
/* Index in info->services of a row. */
size_t service_of_row(const struct shard_info *, uint32_t row);
/* "FILE: span ID of trace ID: " before an error that a row's value caused. */
int scan_blame(struct scan *, uint32_t row, int code);

/* ---- op_scan.c ---- */

/* Scans the slice into the sink, newest shards first unless it has a bound. */
int scan_slice(struct exec *, struct slice, struct row_sink *, struct err *) WARN_UNUSED;

/* ---- op_filter.c ---- */

int filter_init(struct filter *, const struct pred *, struct err *) WARN_UNUSED;
void filter_release(struct filter *);
/* out: rows of `in` that satisfy, both over the scan's row group; out is zeroed by it. */
int filter_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out)
    WARN_UNUSED;
int filter_shard_prepare(struct exec *, struct xshard *, struct err *) WARN_UNUSED;
void filter_shard_release(struct exec *, struct xshard *);
/* Top-level conditions: the leaf itself or the kids of a top AND. */
size_t filter_top(const struct filter *, const struct fnode **first);

/* ---- filter_prune.c ---- */

/* False if no row of the row group can satisfy. <0 error. */
int filter_may_match(struct scan *, const struct fnode *) WARN_UNUSED;

/* ---- filter_leaf.c, filter_attr.c, filter_words.c ---- */

int leaf_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
/*
 * Do columns of the shard hold every value of the leaf's field, as it is (but for those in a rest
 * column, which has no index)? Then zones, indexes and the footer speak of the leaf. The leaf is
 * prepared.
 */
bool leaf_in_columns(const struct xshard *, const struct fnode *);
int leaf_prepare(struct exec *, struct xshard *, const struct fnode *, struct leaf_state *,
    struct err *) WARN_UNUSED;
int attr_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int attr_prepare(struct xshard *, const struct fnode *, struct leaf_state *, struct err *)
    WARN_UNUSED;
int words_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int words_prepare(struct xshard *, const struct fnode *, struct leaf_state *, struct err *)
    WARN_UNUSED;
/* 1 if a resource or scope of the shard has word w of the leaf; 0, <0. */
int words_of_owners(struct xshard *, struct leaf_state *, uint32_t w, struct sv word,
    struct err *) WARN_UNUSED;
void leaf_state_release(struct leaf_state *);
/* Does the trace with that ordinal in a snapshot shard satisfy a LEAF_TRACE? */
int trace_fact_holds(struct exec *, uint32_t shard, const struct shard_traces *,
    uint32_t ordinal, const struct fnode *, struct err *) WARN_UNUSED;
/* Children (events, links) of the rows in `in`, as bits; their count chunk, NULL: none. */
int children_of(struct scan *, enum column_domain, const uint64_t *in, uint64_t **bits,
    const struct chunk **counts) WARN_UNUSED;
/* Sets the rows of `in` with a child in `bits`. */
int children_rows(struct scan *, const struct chunk *counts, const uint64_t *in,
    const uint64_t *bits, uint64_t *out) WARN_UNUSED;
uint32_t scan_domain_rows(const struct scan *, enum column_domain);
/* Rows by resource or scope. */
int owners_eval(struct scan *, enum column_id, struct codes *, code_fn *, void *arg,
    const uint64_t *in, uint64_t *out) WARN_UNUSED;

/* ---- filter_column.c ---- */

/*
 * Tests the chunk's values on the rows (of its domain) in `in`; sets those that satisfy.
 * *bad is the row of a failure.
 */
int chunk_test(struct scan *, const struct chunk *, const struct col_test *, const uint64_t *in,
    uint64_t *out, uint32_t *bad) WARN_UNUSED;
/* A leaf on a column: finds the chunk and the test, which it makes ready. */
int column_eval(struct scan *, struct col_state *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int column_ready(struct xshard *, struct col_state *, struct err *) WARN_UNUSED;
void col_state_release(struct col_state *);
/* Does the value behind a code of the dictionary satisfy? 1, 0, <0. The column is ready. */
int column_code(struct col_state *, uint32_t code, struct err *) WARN_UNUSED;
/* The ranges that values or codes are held against, or NULL. */
const struct ranges *column_ranges(const struct col_state *);
/* The same of few rows: sets mark[i] where rows[i] satisfies; marked ones are not asked. */
int column_rows(struct scan *, struct col_state *, uint32_t *rows, uint32_t n, bool *mark)
    WARN_UNUSED;
/* The bits of `in`, as a list in the scan's memory. */
uint32_t *scan_list(struct scan *, const uint64_t *in, uint32_t n_rows, uint32_t *n);

/* ---- filter_text.c ---- */

/*
 * Sets the codes of a dictionary's values that satisfy a leaf or word, in codes[n_dict + 64
 * bits], zeroed. 1: can't tell. *by_index: a text index was asked.
 */
int text_codes(struct exec *, struct xshard *, struct col_state *, uint64_t *codes,
    bool *by_index, struct err *) WARN_UNUSED;

/* ---- filter_index.c ---- */

/* Makes xs->list: 1, or 0 if no index tells. Thread-safe; kept until the shard is released. */
int xshard_list(struct exec *, struct xshard *, struct err *) WARN_UNUSED;
/* Place in xs->list of the first row that is not before `row`. */
uint32_t xshard_list_from(const struct xshard *, uint32_t row);
/* Takes off `bits` the rows that indexes rule out. */
int filter_narrow(struct scan *, uint64_t *bits) WARN_UNUSED;

/* ---- filter_rows.c ---- */

/* Keeps those of few rows (of the scan's row group, rising) that satisfy. */
int filter_rows(struct scan *, const struct fnode *, uint32_t *rows, uint32_t *n) WARN_UNUSED;

/* ---- sort_key.c ---- */

/* The key of a span; of an event's (link's) field: that one's, else the first's. Borrowed. */
void skey_of_span(const struct field *, const struct span *, const struct event *,
    const struct link *, const struct trace_entry *, struct skey *);
void skey_of_facts(const struct field *, const struct trace_facts *, struct skey *);
void skey_number(struct skey *, uint64_t);
/*
 * Takes what it borrows into an arena: its string, or the JSON of a value that has no other
 * order. Before that keys of such values are not to be compared.
 */
bool skey_keep(struct skey *, struct arena *);
int skey_cmp(const struct skey *, const struct skey *);	/* ascending, missing last */
/* By all keys of the plan; missing last whatever the direction. */
int skeys_cmp(const struct plan_sort *, size_t n, const struct skey *, const struct skey *);
uint32_t entry_child_count(const struct trace_entry *, uint64_t span_id);

/* ---- op_order.c ---- */

void refs_init(struct refs *, size_t n_keys, uint64_t keep);
void refs_release(struct exec *, struct refs *);
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

/* ---- op_slice.c ---- */

/* The next slice, newest first; >0: no more. */
int slice_next(struct exec *, struct slice *, struct err *) WARN_UNUSED;

/* ---- op_newest.c ---- */

/*
 * Cuts the slice so that it holds hardly more of the newest rows than the query still wants:
 * all with the same start or none, so the slices to come lack nothing. `matches`: how many
 * rows of the slice match, by estimate.
 */
int slice_newest(struct exec *, struct slice *, double matches, struct err *) WARN_UNUSED;

/* ---- op_traces.c ---- */

/* As trace_get_in; `only` is a snapshot shard. */
int local_trace(struct exec *, struct trace_id, uint32_t only, struct trace_pin *,
    struct err *) WARN_UNUSED;
void local_trace_put(struct exec *, struct trace_pin *);
int traces_open(struct exec *, struct err *) WARN_UNUSED;

/* ---- trace_table.c, trace_view.c ---- */

int trace_tables_open(struct exec *, struct err *) WARN_UNUSED;
void trace_tables_close(struct exec *);
/* To be given back, after a failure too. */
int shard_traces_get(struct shard *, struct shard_traces *, struct err *) WARN_UNUSED;
void shard_traces_put(const struct shard_traces *);
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
/*
 * snapshot_split_traces of shard i if n of its traces are enough to ask, else NULL in *split.
 */
int trace_split_of(struct exec *, uint32_t i, uint64_t n, const uint64_t **split,
    struct err *) WARN_UNUSED;

/* ---- cover.c, cover_cells.c, cover_rows.c ---- */

/* Adds the rows of shards that need no scan, which are taken off it. */
int cover_count(struct exec *, uint64_t *n, struct err *) WARN_UNUSED;
/*
 * How many rows of the shard match, without a look at a column: 1 and *n; 0: footer (indexes)
 * don't tell. The shard is open; for rows, prepared.
 */
int cover_cells(struct exec *, struct xshard *, uint64_t *n, struct err *) WARN_UNUSED;
int cover_rows(struct exec *, struct xshard *, uint64_t *n, struct profile *,
    struct err *) WARN_UNUSED;

/* ---- op_ahead.c ---- */

/* Reads all chunks of these row groups that aren't in memory, by all threads. */
void load_ahead(struct exec *, struct arena *mem, const struct near_rows *, size_t n);

/* ---- lent.c ---- */

/* What a batch that was handed out borrows. */
struct lent {
	struct arena mem;
	VEC(struct trace_pin) pins;
};

void lent_init(struct lent *);
/* The batch is gone. */
void lent_end(struct exec *, struct lent *);
void lent_release(struct exec *, struct lent *);

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
