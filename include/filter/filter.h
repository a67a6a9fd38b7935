/* SPDX-License-Identifier: ISC */
/*
 * filter: a predicate tree on the rows of a row group: which rows satisfy, which row groups may
 * hold one, and which rows indexes leave of a shard. What it needs of whoever runs the query comes
 * through `struct filter_host`: it knows of no exec.
 *
 *   filter         predicate trees on bitmaps of rows: compiling, AND, OR, NOT
 *   filter_rows    a tree on few rows
 *   filter_prune   which row groups can't match, by zones
 *   filter_index   rows that indexes name; filter_postings: of one column; filter_text:
 *                  codes that a text index names
 *   filter_leaf, filter_attr, filter_words   single conditions on columns
 *   filter_span    those on what is worked out of several
 *   filter_table, filter_duration, filter_values   some classes of them: by entries of tables, on
 *                  durations, row by row
 *   filter_owners  rows by their resource or scope
 *   filter_ready   what is known of a column and its dictionary
 *   filter_column  a leaf on the chunk of a column; filter_chunk: its numbers or codes
 *   cover_cells, cover_rows   counts without reading, by the footer, by indexes (cover.h)
 *   scan           one row group at hand
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "filter/scan.h"
#include "match/kernel.h"
#include "match/matcher.h"

enum leaf_class {
	LEAF_NUMBER,	/* a fixed column of numbers, by ranges */
	LEAF_DURATION,
	LEAF_STRING,	/* a fixed column of strings */
	LEAF_ATTR,	/* attribute of span, event, link, or bare */
	LEAF_RESOURCE, LEAF_SCOPE, LEAF_SERVICE, LEAF_TRACE_ID,
	LEAF_VALUES,	/* worked out row by row */
	LEAF_SPAN,	/* the same, of spans with what the field is read from */
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

/* What a filter asks of the query that it is part of. Thread-safe. */
struct filter_host {
	/* Deadline and cancel flag: <0 ends the work. */
	int (*check)(struct exec *, struct err *) WARN_UNUSED;
	/* Does the trace with that ordinal in a snapshot shard satisfy a LEAF_TRACE? 1, 0, <0. */
	int (*trace_holds)(struct exec *, uint32_t shard, const struct shard_traces *,
	    uint32_t ordinal, const struct fnode *, struct err *) WARN_UNUSED;
	/* Where n rows (of the scan's row group, rising) stand in their traces. */
	int (*places)(struct scan *, const uint32_t *rows, uint32_t n, struct span_place *out)
	    WARN_UNUSED;
};

struct filter {
	struct fnode root;
	struct fnode compared;		/* filter_init_compared; pred is NULL: nothing is compared */
	uint32_t n_leaves;
	const struct filter_host *host;
	struct exec *ex;		/* the host's */
	atomic_uint_fast64_t n_index_lists, n_text_lists, n_index_rows;	/* as in the profile */
};

static inline int
filter_check(const struct filter *f, struct err *e)
{
	return f->host->check(f->ex, e);
}

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

/* ---- filter.c ---- */

/* The predicate is borrowed. To be released, after a failure too. */
int filter_init(struct filter *, const struct pred *, const struct filter_host *, struct exec *,
    struct err *) WARN_UNUSED;
/*
 * A second predicate on the same shards, which selects nothing: compare's. Its leaves come after
 * the filter's, which plans name by number.
 */
int filter_init_compared(struct filter *, const struct pred *, struct err *) WARN_UNUSED;
void filter_release(struct filter *);
/* out: rows of `in` that satisfy, both over the scan's row group; out is zeroed by it. */
int filter_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out)
    WARN_UNUSED;
int filter_shard_prepare(struct xshard *, struct err *) WARN_UNUSED;
void filter_shard_release(struct xshard *);
/* Top-level conditions: the leaf itself or the kids of a top AND. */
size_t filter_top(const struct filter *, const struct fnode **first);

/* ---- filter_rows.c ---- */

/* Keeps those of few rows (of the scan's row group, rising) that satisfy. */
int filter_rows(struct scan *, const struct fnode *, uint32_t *rows, uint32_t *n) WARN_UNUSED;

/* ---- filter_prune.c ---- */

/* False if no row of the row group can satisfy. <0 error. */
int filter_may_match(struct scan *, const struct fnode *) WARN_UNUSED;

/* ---- filter_index.c ---- */

/* Makes xs->list: 1, or 0 if no index tells. Thread-safe; kept until the shard is released. */
int xshard_list(struct xshard *, struct err *) WARN_UNUSED;
/* Place in xs->list of the first row that is not before `row`. */
uint32_t xshard_list_from(const struct xshard *, uint32_t row);
/* Takes off `bits` the rows that indexes rule out. */
int filter_narrow(struct scan *, uint64_t *bits) WARN_UNUSED;

/* ---- filter_leaf.c ---- */

/*
 * Do columns of the shard hold every value of the leaf's field, as it is (but for those in a rest
 * column, which has no index)? Then zones, indexes and the footer speak of the leaf. The leaf is
 * prepared.
 */
bool leaf_in_columns(const struct xshard *, const struct fnode *);

/* ---- filter_table.c ---- */

/* Does what the leaf's field yields of a part of a span (a resource, a trace) satisfy? */
int leaf_part_holds(const struct fnode *, const struct field_row *, struct err *) WARN_UNUSED;

/* ---- filter_attr.c ---- */

/* Children (events, links) of the rows in `in`, as bits; their count chunk, NULL: none. */
int children_of(struct scan *, enum column_domain, const uint64_t *in, uint64_t **bits,
    const struct chunk **counts) WARN_UNUSED;

/* ---- filter_ready.c ---- */

int column_ready(struct xshard *, struct col_state *, struct err *) WARN_UNUSED;
/* Does the value behind a code of the dictionary satisfy? 1, 0, <0. The column is ready. */
int column_code(struct col_state *, uint32_t code, struct err *) WARN_UNUSED;
/* The ranges that values or codes are held against, or NULL. */
const struct ranges *column_ranges(const struct col_state *);

#endif
