/* SPDX-License-Identifier: ISC */
/*
 * cost_i: what the files about costs share: what is known of each condition in one shard, and
 * the cost of finding the shard's rows in one way.
 *
 *   leaf_cost     facts of the conditions in a shard, from its statistics
 *   cost_access   cost of one access with one set of indexes on one shard
 *   cand          classes of shards, and the candidates of each
 *   choose        which candidate each class gets
 *   lower         the choices into the shards of the plan
 *   cost          the steps in order; cost of the whole plan
 *   cost_server   the same of a server's spans, and what goes over the network
 */
#ifndef OPT_COST_I_H
#define OPT_COST_I_H

#include "opt_i.h"

/* One condition in one shard. */
struct leaf_cost {
	double sel;			/* share of the rows that satisfy it */
	double bytes;			/* stored: its columns' chunks */
	double columns;			/* that have to be looked at */
	double dense_ops, sparse_ops;	/* a row of a whole chunk; a row picked out; in cpu_operator_cost */
	double trace_ops;		/* each trace of the rows looked at */
	double tree_ops;		/* in place of these, by columns for all of the shard; 0: it can't be */
	/* Read once for the shard: dictionaries, what it knows of traces; values that are tested. */
	double once_sections, once_bytes, once_ops;
	double dict_values;
	bool trace_rows;		/* counted by the rows of its traces */
	bool indexed;			/* an index names its rows */
	double index_sections, index_bytes, index_keys, index_rows;
	double index_ops;		/* values of dictionaries without a text index */
	bool footer;			/* alone, it is counted from the footer: footer_ops */
	double footer_ops;
};

/* One shard, ready to be costed. */
struct shard_cost {
	const struct opt *opt;
	const struct shard_stats *stats;
	struct leaf_cost *leaves;	/* of the filter, in pre-order */
	double sel;			/* of the whole filter */
	double time_share;		/* of its rows that lie in the range, about */
	double groups, group_rows;
};

struct access_cost {
	double startup, total;		/* until the first row; of all; in seq_page_cost */
	double rows;			/* looked at */
};

/* leaf_cost.c: fills in; `leaves` has room for plan_n_leaves(filter). */
void shard_cost_init(struct shard_cost *, const struct opt *, size_t shard, struct leaf_cost *leaves);
/* Testing a leaf on a row of a shard, with what it reads: on average, in cpu_operator_cost. */
double leaf_row_ops(const struct opt *, size_t shard, const struct pred *leaf);
/* Bits of enum stat_index that the leaf could use in the shard; 0: none. */
uint8_t leaf_indexes(const struct shard_stats *, const struct pred *leaf);

/* cost_access.c */
/* What it asks of so many traces, for so many rows; in cpu_operator_cost. */
double leaf_trace_ops(const struct leaf_cost *, const struct shard_stats *, double rows, double traces);
/* What is left of the cost of reading a page when it may be cached. */
double page_share(const struct opt *);
/* Of so many row groups, about how many have one of the rows, if these lie anyhow. */
double groups_touched(double groups, double rows);
struct access_cost cost_access(const struct shard_cost *, enum access, uint64_t index_leaves);

/* cand.c */
#define CLASSES_MAX 64
struct class_list {
	struct plan_class *v;	/* in the plan's arena */
	uint64_t *avail;	/* of each class: leaves that have an index; from malloc */
	size_t n;
};
/* Puts the shards that are read into classes. On failure, too, avail is the caller's to free. */
int cand_classes(struct opt *, struct class_list *, struct err *) WARN_UNUSED;
/* Lists the candidates of a class, with their costs; *out are those that the class shows. */
int cand_make(struct opt *, struct class_list *, size_t no, struct plan_cand **out, struct err *)
    WARN_UNUSED;
/* Do the rules allow the shard to be read like that? */
bool cand_allowed(const struct opt *, size_t shard, enum access, uint64_t index_leaves);

/*
 * choose.c: the classes of the plan, with candidates and winners; est_rows of the shards are
 * there. By a decision: with its winners alone, and above 0 (DECISION_CLASS) if it lacks one.
 */
int choose(struct opt *, struct err *) WARN_UNUSED;

/* cost_server.c */
struct server_rows {
	double found, wanted;		/* that match; of these the page takes */
	double bytes, tuples;		/* of one that comes; what putting it together takes */
};
/* Spans of the server that match, as far as that is known. */
double card_server(const struct opt *);
double card_server_groups(const struct opt *, double rows);
/* The scan's rows and cost; and whether groups are made there. */
void cost_server(struct opt *, struct plan_node *scan, const struct server_rows *);

/* lower.c: the choices into the shards; and the costs of what the shards have now. */
void lower(struct opt *);
int lower_costs(struct opt *, struct err *) WARN_UNUSED;

#endif
