/* SPDX-License-Identifier: ISC */
/*
 * opt: from a logical query and statistics to a physical plan. Pure. The rules stand in one
 * ordered table (opt.c), one a file, each idempotent, each switchable by name; with all off
 * the result is the plain plan.
 */
#ifndef OPT_OPT_H
#define OPT_OPT_H

#include "plan/plan.h"
#include "plan/plan_caps.h"
#include "query/query.h"

struct cost_params {		/* [cost_model]; cost_params_default gives product.md's defaults */
	double seq_page_cost, random_page_cost, cpu_tuple_cost, cpu_index_tuple_cost,
	    cpu_operator_cost, trace_hop_cost, multi_hop_penalty;
	uint64_t effective_cache_pages, large_trace_threshold;
	double network_byte_cost, network_round_trip_cost;	/* of a server in place of shards */
};
extern const struct cost_params cost_params_default;

#define OPT_MAX_RULES 32

/*
 * Access paths by force: a filter over what rules and choice would take, for tests of each path
 * alone and for measuring what a choice missed. No user's setting. It bears on every shard that
 * is not pruned, and changes no answer; a shard or query for which the path makes no sense is
 * read as if nothing were forced. The first four take the indexes of force_leaves with them
 * (bits as in plan_shard.index_leaves; 0: none), the others choose the leaves themselves.
 */
enum opt_force {
	OPT_FORCE_NONE,
	OPT_FORCE_FULL,		/* every row of every row group: no zones */
	OPT_FORCE_ZONE,		/* zones, not the ranges of services or traces */
	OPT_FORCE_SERVICE,	/* needs a service at the filter's top */
	OPT_FORCE_TRACE,	/* needs a trace id there */
	OPT_FORCE_INDEXES,	/* zones, and the indexes of all leaves that may have one */
	OPT_FORCE_TEXT,		/* those of conditions on parts of texts */
	OPT_FORCE_UNION,	/* those of leaves under an OR */
	OPT_FORCE_INTERSECTION,	/* of the kids of the top AND, if two or more have one */
	OPT_FORCE_COVERING,	/* ACCESS_COVERING where the query allows it */
	OPT_FORCE_LEVELS,	/* groups that a server makes: on two levels */
};
#define N_OPT_FORCES 11

const char *opt_force_name(enum opt_force);	/* "full", "zone", ...; "none" */

struct opt_options {
	enum row_kind output;
	struct projection projection;	/* what the file needs, before `select` */
	const struct grouping *groups;	/* of ROW_GROUP, what is made of the spans; or NULL */
	uint64_t rules_off;		/* bit i: rule i of the table is off */
	struct cost_params cost;
	unsigned threads;		/* the most a query may use */
	enum opt_force force;
	uint64_t force_leaves;
	const struct plan_caps *caps;	/* what the source takes over; NULL: what local shards do */
	bool no_remote_groups;		/* the source can't make them, or can't count, as it is known already */
	bool gathers;			/* groups: all that they ask is in columns of the shards */
	unsigned load;			/* queries that run at the moment, beside this one */
};

/* The rules in order; NULL past the end. */
const char *opt_rule_name(size_t i);
/* Bit mask of rules from a comma-separated list of names, or "all"; ERR_SYNTAX for an unknown one. */
int opt_rules_parse(struct sv, uint64_t *mask, struct err *) WARN_UNUSED;

/* What the plan of a query has to know of the store (model/stats.h). */
int opt_need(const struct query *, const struct opt_options *, struct arena *,
    struct stats_need *, struct err *) WARN_UNUSED;

int opt_plan(const struct query *, const struct stats *, const struct opt_options *,
    struct plan **, struct err *) WARN_UNUSED;

#endif
