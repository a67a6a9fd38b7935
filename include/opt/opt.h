/* SPDX-License-Identifier: ISC */
/*
 * opt: from a logical query and statistics to a physical plan. Pure. The rules stand in one
 * ordered table (opt.c), one a file, each idempotent, each switchable by name; with all off
 * the result is the plain plan.
 */
#ifndef OPT_OPT_H
#define OPT_OPT_H

#include "plan/plan.h"
#include "query/query.h"

struct cost_params {		/* [cost_model]; cost_params_default gives product.md's defaults */
	double seq_page_cost, random_page_cost, cpu_tuple_cost, cpu_index_tuple_cost,
	    cpu_operator_cost, trace_hop_cost, multi_hop_penalty;
	uint64_t effective_cache_pages, large_trace_threshold;
};
extern const struct cost_params cost_params_default;

#define OPT_MAX_RULES 32

struct opt_options {
	enum row_kind output;
	struct projection projection;	/* what the file needs, before `select` */
	uint64_t rules_off;		/* bit i: rule i of the table is off */
	struct cost_params cost;
	unsigned threads;		/* the most a query may use */
};

/* The rules in order; NULL past the end. */
const char *opt_rule_name(size_t i);
/* Bit mask of rules from a comma-separated list of names, or "all"; ERR_SYNTAX for an unknown one. */
int opt_rules_parse(struct sv, uint64_t *mask, struct err *) WARN_UNUSED;

int opt_plan(const struct query *, const struct stats *, const struct opt_options *,
    struct plan **, struct err *) WARN_UNUSED;

#endif
