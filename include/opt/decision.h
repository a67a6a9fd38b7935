/* SPDX-License-Identifier: ISC */
/*
 * decision: what opt_plan decided for a query's template, small enough to be kept: the access
 * per class of shards, the order of the filter's conditions, the rules that fired, estimates,
 * and the selectivities in which all that holds. No value of the query is in it and nothing
 * of the plan: another query of the template gets its own plan, by opt_plan_decided, with the
 * same rules that prune, and without choosing. Pure, and immutable once made.
 */
#ifndef OPT_DECISION_H
#define OPT_DECISION_H

#include "opt/opt.h"

/* ---- templates ---- */

/*
 * Appends the key of the query's template: equal bytes for queries that differ in values of
 * the same classes only. The statistics say which partition is the newest. Which indexes the
 * shards have is not in it, but in the keys of their classes: a decision says nothing of a class
 * with other indexes.
 */
void template_key(struct buf *, const struct query *, const struct stats *,
    const struct opt_options *);
/* Bits of enum stat_index, and one more where there are Bloom filters. */
uint32_t template_index_kinds(const struct stats *, const struct query *);
/* The template for people: "spans: service eq ? and user.id eq ? range ~1h to now". Field names are as typed. */
void template_print(struct buf *, const struct query *, const struct stats *,
    const struct opt_options *);
/* A hash of the filter's part of the key; tmp is scratch. */
uint64_t template_filter_shape(const struct pred *, struct buf *tmp);

/* ---- decisions ---- */

struct decision_class {
	uint64_t key;		/* plan_class.key */
	uint64_t index_leaves;
	float rows, cost;	/* estimated: that match, of a shard's rows; cost of a shard */
	uint32_t n_shards;	/* by which it was decided; it holds for up to twice as many */
	float rows_hi;		/* rows of a shard on average, beyond which it is to be decided anew */
	enum access access;
};

/* A selectivity, and between which others the decision is the same. */
struct decision_leaf {
	float sel, lo, hi;
};

struct decision {
	uint64_t shape;		/* of the filter before it was ordered: template_filter_shape */
	uint64_t fired;		/* bit i: rule i changed something */
	uint64_t stats_version;	/* when it was made; a later one is as good */
	uint32_t index_kinds;	/* of the shards in the range: template_index_kinds */
	float rows, cost;	/* of all shards: that match, of their rows; cost of a row */
	float est_rows, est_cost;	/* of the plan that it was made for */
	uint32_t n_bytes;	/* of all of it */
	uint16_t n_classes, n_leaves, n_order;
	/* The arrays stand behind the struct, and are written by who makes it alone. */
	struct decision_class *classes;
	/*
	 * Of the filter before it was ordered, in pre-order; and one more, the share of the shards
	 * that lies in the time range.
	 */
	struct decision_leaf *leaves;
	uint8_t *order;		/* where each kid of each AND and OR came from, in post-order */
};

#define DECISION_CLASSES_MAX 64		/* a plan of more is not kept */

/* Zeroes, with room for the arrays behind the struct; NULL: no memory. */
struct decision *decision_new(size_t n_classes, size_t n_leaves, size_t n_order);

/* Why a decision can't be used. */
enum decision_miss { DECISION_HOLDS, DECISION_SHAPE, DECISION_SELECTIVITY, DECISION_CLASS };

/*
 * As opt_plan, and what it decided; *out NULL where nothing is worth keeping (a filter that
 * contradicts itself, more conditions than fit). From malloc: decision_free.
 */
int opt_plan_decide(const struct query *, const struct stats *, const struct opt_options *,
    struct plan **, struct decision **out, struct err *) WARN_UNUSED;
/*
 * The plan by the first of n > 0 decisions of the query's template that holds: *which. Above 0
 * (an enum decision_miss, of the first): none holds for these values and shards, and there is
 * no plan.
 */
int opt_plan_decided(const struct query *, const struct stats *, const struct opt_options *,
    const struct decision *const *, size_t n, size_t *which, struct plan **, struct err *)
    WARN_UNUSED;
void decision_free(struct decision *);

/* True if d, the newer one, is also about all classes of `old`, which would hold where d was made. */
bool decision_replaces(const struct decision *d, const struct decision *old);
/* True if both decide alike for the classes that both know: ranges and estimates may differ. */
bool decision_same(const struct decision *, const struct decision *);
/*
 * `d` and `other`, which decides alike, in one. If they are about the same classes, with both
 * ranges and what lies between, where these differ in one leaf at most: between two
 * selectivities that are decided alike lie no others. If not, with the classes of both in the
 * ranges that they share, if d was made there. NULL: neither, or no memory.
 */
struct decision *decision_joined(const struct decision *d, const struct decision *other);

#endif
