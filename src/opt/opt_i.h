/* SPDX-License-Identifier: ISC */
/*
 * opt_i: the optimization at hand, what a rule is, and what rules share. A rule looks at the
 * query, the statistics and the plan so far, and makes the plan sharper; never at what other
 * rules did by name, so that any of them may be off. Running one twice is running it once.
 */
#ifndef OPT_I_H
#define OPT_I_H

#include "opt/opt.h"

/* What the filter's leaves select, in pre-order, before it was ordered: see decision.c. */
struct opt_leaves {
	bool taken;
	uint64_t shape;		/* template_filter_shape */
	size_t n;		/* beyond PLAN_LEAVES_MAX only counted */
	const struct pred *pred[PLAN_LEAVES_MAX];
	uint64_t top;		/* bit i: leaf i must hold for every match */
	/* Below 0: no shard to measure on. One more: the share of the shards in the time range. */
	float sel[PLAN_LEAVES_MAX];
};

/* Where each kid of each AND and OR came from, in post-order, as rule order put them. */
#define ORDER_MAX 255
struct opt_order {
	bool lost;		/* did not fit */
	uint8_t n;
	uint8_t v[ORDER_MAX];
};

struct decision;

struct opt {
	const struct query *query;
	const struct stats *stats;
	const struct opt_options *options;
	struct plan *plan;
	/* The plan's, to be written. */
	struct plan_shard *shards;
	struct plan_class *classes;
	const char **fired;
	uint16_t *can;			/* of each shard: bits of the accesses that rules allow */
	struct arena *arena;		/* the plan's */
	struct card *card;		/* what the filter lets through, or NULL */
	bool changed;			/* a rule changed the plan since this was cleared */
	/* To be decided by one of these, if there are any; then by `decided`. */
	const struct decision *const *decisions;
	size_t n_decisions, which;
	const struct decision *decided;
	struct opt_leaves leaves;
	struct opt_order order;
};

/* *changed is set (never cleared) if the plan is another one afterwards. */
typedef int opt_apply(struct opt *, bool *changed, struct err *);

struct opt_rule {
	const char *name;
	opt_apply *apply;
	bool decides;	/* by estimates: a decision stands in for it */
};

/* In the order of the table in opt.c; README.md says why that order. */
opt_apply rule_fold, rule_nnf, rule_union, rule_factor, rule_range, rule_pushdown, rule_time,
    rule_service, rule_bloom, rule_zone, rule_order, rule_catalog, rule_covering, rule_groups, rule_index,
    rule_project, rule_gather, rule_limit, rule_topn,
    rule_remote_filter, rule_remote_page, rule_remote_groups, rule_remote_levels;

/* opt.c; for tests, too */
const struct opt_rule *opt_rule_at(size_t i);
/* The plain plan. */
int opt_begin(struct opt *, const struct query *, const struct stats *,
    const struct opt_options *, struct err *) WARN_UNUSED;
/* Rules, estimates, verification. Above 0: enum decision_miss. */
int opt_run(struct opt *, struct err *) WARN_UNUSED;
/* Runs rule i unless it is off, and notes if it fired. */
int opt_run_rule(struct opt *, size_t i, struct err *) WARN_UNUSED;

/* What the source takes over. */
static inline const struct plan_caps *
opt_caps(const struct opt *o)
{
	return o->options->caps != NULL ? o->options->caps : &plan_caps_local;
}

/* rule_project.c: what is selected of parents, in the arena; NULL: nothing. */
int project_parents(struct arena *, const struct query *, const struct projection **,
    struct err *) WARN_UNUSED;

/* prune.c */
/* Takes a shard out. A shard that is out stays as it is. */
void prune_shard(struct opt *, size_t i, const char *rule, const char *why, bool *changed);
/* Nothing can match: takes all shards out. */
void prune_all(struct opt *, const char *rule, const char *why, bool *changed);
/*
 * Allows a way to read a shard; it becomes the shard's if it is sharper than what is there.
 * Costs decide in the end which of those that are allowed is taken.
 */
void set_access(struct opt *, size_t i, enum access, const char *why, bool *changed);
/* True if rules may draw conclusions from what the statistics say of the shard's rows. */
bool shard_known(const struct opt *, size_t i);
/* The same, of a shard that no rule has taken out. */
bool shard_left(const struct opt *, size_t i);
/* Left, and its services are known; of a brief one nothing else is. */
bool shard_services_known(const struct opt *, size_t shard);
/*
 * May any row of the shard satisfy the tree, given what leaf() says of single leaves? Only a
 * sure no is false; what stands under NOT is not looked into.
 */
bool may_match(const struct pred *, bool (*leaf)(void *arg, const struct pred *), void *arg);
/* Does [min, max] meet the range? */
bool range_meets(struct time_range, uint64_t min, uint64_t max);
bool range_holds(struct time_range, uint64_t min, uint64_t max);

/* held.c */
/*
 * True if every value that the leaf's field has in the shard stands as it is in columns whose
 * statistics are here, *cols, one for each type (*n 0: no row has one). Of a bare name that is
 * so as far as statistics know of resources: exec looks itself.
 */
bool leaf_held(const struct shard_stats *, const struct pred *leaf, const struct column_stats **cols,
    size_t *n);
/* Can any value of the column's type satisfy the leaf? */
bool column_may_satisfy(const struct column_stats *, const struct pred *leaf);

/* rule_zone.c: do the most frequent values say of all rows what they are? */
bool top_is_all(const struct column_stats *);
/* May a value of the column satisfy the leaf? Of its statistics alone. */
bool column_may_match(const struct column_stats *, const struct pred *leaf);

/* interval.c: the numbers that a leaf on an intrinsic of a number lets through, lo <= hi */
struct interval {
	uint64_t lo, hi;
};
/* False if the leaf is not of that kind; *empty: it lets nothing through. */
bool leaf_interval(const struct pred *leaf, struct interval *, bool *empty);
/* True for intrinsics of which a span has at most one value. */
bool single_valued(const struct field *);

/* card_groups.c */
/* How many groups so many rows, which match, fall into; all of them if nothing is known. */
double card_groups(struct opt *, double rows);

/* card.c */
/* Share of the rows that satisfy it, in (0, 1]. */
double card_selectivity(const struct shard_stats *, const struct pred *);
/* Rows of the shard in the range that satisfy the filter, > 0. */
double card_rows(const struct shard_stats *, const struct pred *filter, struct time_range);
/* Rows of the services that the top of the filter asks for; all rows if it asks for none. */
double card_service_rows(const struct shard_stats *, const struct pred *filter);
/* Share of the rows of the services that the filter asks for that lie in the range. */
double card_filter_time(const struct shard_stats *, const struct pred *filter, struct time_range);

/* card_store.c: the same, of a store with a summary; made once for a filter, in the arena. */
struct card;
int card_new(struct arena *, const struct stats *, const struct pred *filter,
    struct card **, struct err *) WARN_UNUSED;
/* What it holds beside the arena. */
void card_free(struct card *);
/* Share of the shard's rows that satisfy the filter; one leaf of it (card may be NULL). */
double card_shard_share(const struct card *, const struct shard_stats *);
double card_leaf_share(const struct card *, const struct shard_stats *, const struct pred *leaf);
/* The same of a cell of the summary. */
double card_cell_share(const struct card *, const struct stats_cell *);
/* As card_rows. */
double card_shard_rows(const struct card *, const struct shard_stats *, struct time_range);

/* card.c */
/* Share of [min, max] that lies in the range, in (0, 1]. */
double card_time_share(struct time_range, uint64_t min, uint64_t max);

/* rule_covering.c */
/* The filter asks for nothing but services, names and errors, whose numbers the footer has together. */
bool footer_tells(const struct pred *filter);

/* force.c */
/* After the choice, before its costs: options->force on every shard that is not pruned. */
void force_paths(struct opt *);

/* opt.c */
/*
 * Chooses by cost what the rules left open, and fills in the estimates of shards and plan; or
 * takes it from `decided`: DECISION_CLASS above 0 if that lacks a class of shards.
 */
int opt_choose(struct opt *, struct err *) WARN_UNUSED;

/* cost.c */
/* The estimates of the plan, from those of the shards. */
void cost_total(struct opt *);

/* ---- cost_server.c ---- */
/* Traces whose spans all come. */
bool opt_whole_traces(const struct plan *);

#endif
