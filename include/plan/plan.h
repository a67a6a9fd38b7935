/* SPDX-License-Identifier: ISC */
/*
 * plan: what exec runs: a small pipeline over a list of shards, decided by src/opt, checked by
 * plan_verify, shown by plan_explain. A plan owns its arena (and copies of what it needs of
 * the query), so that it outlives both.
 *
 *   shards --scan, filter--> row refs --order, limit--> row refs --fetch--> output
 *
 * The steps are nodes in the plan, linked from the output back to the scan.
 *
 * Without any rule it is the plain plan: every shard read in full, every span put together
 * and tested as a row, everything sorted, then cut. That is the oracle of the tests.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/err.h"
#include "model/batch.h"
#include "model/pred.h"
#include "model/stats.h"
#include "model/when.h"
#include "plan/plan_caps.h"

/*
 * How the rows of one shard that match are found. Filter and range are tested in any case but
 * CATALOG; an access only says which rows need not be looked at. "Asked for" are the literals
 * of plan_top_leaf.
 */
enum access {
	ACCESS_PRUNED,		/* no row matches: not read, but for traces of other shards' matches */
	ACCESS_FULL,		/* every row group, every row */
	ACCESS_ZONE,		/* row groups and blocks whose zones may match */
	ACCESS_SERVICE,		/* the row ranges of the services asked for, then as ZONE */
	ACCESS_TRACE,		/* the rows of the trace ids asked for, by the trace index */
	/*
	 * Counts from the footer: nothing is read. Output is ROW_COUNT, the filter is TRUE or the
	 * top leaf of the service alone, and all those rows lie in the range.
	 */
	ACCESS_CATALOG,
	/*
	 * Counts from the footer's services and names, postings, trace table and summaries: no
	 * column is read. Output is ROW_COUNT, or ROW_GROUP: groups by service and name, or those of
	 * values that a dictionary has. Exec reads the shard as ZONE if these don't tell after all.
	 */
	ACCESS_COVERING,
};

/* Leaves of the filter that a mask of leaves can name, in pre-order; the others have no bit. */
#define PLAN_LEAVES_MAX 64

/* One way to find the rows of a class of shards. */
struct plan_cand {
	enum access access;
	uint64_t index_leaves;	/* leaves whose indexes are asked first; 0: none */
	/* Per shard of the class, on average: cost until the first row, and of all; in seq_page_cost. */
	double startup, total;
	double est_rows;	/* rows looked at */
	bool chosen, dominated;	/* dominated: another has both costs lower */
};

/*
 * Shards for which one choice is made: what may be done with them (rules decide) and which
 * leaves have which index is the same, and their rows are within a factor of 4.
 */
struct plan_class {
	/*
	 * Equal for classes of the same description: of other plans of the query's template, too
	 * (no value and no order of conditions is in it), and after other shards came and went.
	 */
	uint64_t key;
	enum access access;	/* what was chosen */
	uint64_t index_leaves;
	uint32_t n_shards;
	uint64_t n_rows;	/* in these shards */
	double est_rows;	/* of them, those that match */
	double est_cost;
	const struct plan_cand *cands;	/* not dominated ones first, by total */
	size_t n_cands;
};

struct plan_shard {
	uint32_t shard;		/* index in the snapshot */
	uint32_t cls;		/* in plan->scan.classes; PLAN_NO_CLASS: pruned, or none was made */
	enum access access;
	/*
	 * Bit i: leaf i of the filter, in pre-order, is asked of its index before columns are read:
	 * of the rows that the access leaves, those that the index doesn't name are not looked at.
	 * Only the first PLAN_LEAVES_MAX leaves; none under a NOT. A leaf without an index in the
	 * shard, and one whose index names more of its rows than exec cares to list, narrows nothing;
	 * but beside others under an OR one whose columns have few values is looked at in full.
	 */
	uint64_t index_leaves;
	const char *why;	/* one short phrase: "trace id not in bloom filter" */
	const char *pruned_by;	/* rule's name, if ACCESS_PRUNED */
	double est_rows;	/* after the filter */
	double est_cost;	/* in units of seq_page_cost */
};

#define PLAN_NO_CLASS UINT32_MAX

/*
 * The steps of a plan, in the order in which rows pass through them. Which take part is said by
 * the output, the page and who asks for facts of traces: plan_link. What a rule switches on is
 * off in the plain plan. Kinds are told apart by tables with a row for each: plan_tree.c,
 * node_kinds.c, opt/cost.c and exec/exec.c.
 */
enum plan_kind {
	PLAN_SCAN,
	PLAN_FILTER,
	PLAN_TRACES,	/* puts traces together for the step after it, wherever that stands */
	PLAN_ORDER,
	PLAN_LIMIT,
	PLAN_FETCH,
	PLAN_COUNT,
	PLAN_GROUP,
	PLAN_CONTRAST,
	N_PLAN_KINDS
};

struct plan_node {
	enum plan_kind kind;
	const struct plan_node *input;	/* NULL: of a scan */
	double est_rows, est_cost;	/* rows that leave it; its own cost, in seq_page_cost */
};

/* Rows of the shards that statistics tell of, in the snapshot's order: partitions ascending. */
struct plan_scan {
	struct plan_node node;	/* its cost is that of finding the rows, filter and all */
	const struct plan_shard *shards;
	size_t n_shards;
	size_t n_left;		/* further ones, which were left out of the statistics */
	uint64_t summed;	/* spans of these that the statistics have counted already */
	const struct plan_class *classes;	/* in the order of their first shard */
	size_t n_classes;
	const char *server;	/* that has the rows, in place of shards; or NULL */
	struct plan_handed handed;	/* to it */
	bool may_group;		/* handed.groups, if it is not dearer than the rows: */
	double groups_cost, rows_cost;	/* of either, with what goes over the network */
	bool may_by_trace;		/* handed.by_trace, if that is cheaper than on one level: */
	double by_trace_cost;
	bool indexes;		/* some shard has index_leaves */
	bool early_stop;	/* partitions newest first, stop when the limit is full */
	unsigned threads;	/* 0: as exec sees fit */
};

/* Those that are selected. */
struct plan_filter {
	struct plan_node node;
	const struct pred *pred;	/* in order of evaluation; PRED_TRUE for all */
	struct time_range range;
	bool pushdown;		/* it and the range are tested on columns, not on rows */
	bool never;		/* contradiction: empty without reading; by the rule that said so */
	const char *never_by, *never_why;
};

/* What tells the selection from the baseline. */
struct plan_contrast {
	struct plan_node node;
	const struct pred *pred;	/* NULL: the output is another */
};

struct plan_order {
	struct plan_node node;
	const struct sort_key *keys;	/* none: the default order of the output */
	size_t n_keys;
	bool topn;		/* a bounded heap of offset + limit rows in place of a full sort */
};

struct plan_page {
	struct plan_node node;
	uint64_t limit, offset;		/* limit UINT64_MAX: none */
};

/* Refs to spans. */
struct plan_fetch {
	struct plan_node node;
	struct projection projection;	/* of the spans in the output */
	bool want_trace;	/* span rows carry trace facts */
	/*
	 * Groups that ask about traces: taken from columns, so that no trace is put together that
	 * lies in one shard; may: the other way is dearer, or it would be that way.
	 */
	bool may_gather, by_columns;
	bool joins;		/* and traces that lie in several shards are joined, too */
	double spans_cost, columns_cost;	/* of either way, if may_gather */
};

struct plan {
	struct arena arena;
	enum row_kind output;
	const struct plan_node *root;	/* the last step; those that take part are its inputs */
	struct plan_scan scan;
	struct plan_filter filter;
	struct plan_node traces;
	struct plan_order order;
	struct plan_page page;
	struct plan_fetch fetch;
	struct plan_node count, group;
	struct plan_contrast contrast;
	/* For explain: names of the rules that changed something, in order. */
	const char *const *fired;
	size_t n_fired;
	uint64_t stats_version;
	uint64_t n_costed;	/* how often the cost of a way to read shards was worked out */
	double est_rows, est_cost, est_bytes;	/* output rows, total cost, bytes of the result */
};

/*
 * The first EQ or IN leaf of an intrinsic that every match satisfies: the filter itself, or a
 * kid of its AND. NULL: there is none.
 */
const struct pred *plan_top_leaf(const struct pred *filter, enum intrinsic);
/* How many leaves it has: numbered in pre-order, those under NOT too. */
size_t plan_n_leaves(const struct pred *filter);
/*
 * The leaves for which a shard may have an index, by field and operator alone, as a mask: none
 * under NOT, and of an OR all or none, since the others' rows must be looked at anyway.
 */
uint64_t plan_index_leaves(const struct pred *filter);

/* Zeroed but for its arena; to be linked once it is filled in. NULL: out of memory. */
struct plan *plan_new(void);
void plan_free(struct plan *);

/* plan_tree.c */
/* Root and inputs, as output, filter, sort keys, page and projection have it now. */
void plan_link(struct plan *);
/* The plan's node of that kind, which takes part or not. */
struct plan_node *plan_node_at(struct plan *, enum plan_kind);
/* Does it take part? */
bool plan_has(const struct plan *, enum plan_kind);

/* Checks the invariants; the first that fails is the message. Cheap: run after every rule in tests. */
int plan_verify(const struct plan *, const struct stats *, struct err *) WARN_UNUSED;

const char *access_name(enum access);
const char *plan_kind_name(enum plan_kind);
/* EXPLAIN as text (the file `plan`) and as one JSON object (`plan.json`). */
void plan_explain(struct buf *, const struct plan *, const struct stats *, struct sv canonical);
void plan_explain_json(struct buf *, const struct plan *, const struct stats *, struct sv canonical);

#endif
