/* SPDX-License-Identifier: ISC */
/*
 * opt_case: one query over built statistics, and rules run on it. Every rule is run twice:
 * the second time must change nothing, and the plan must verify after each.
 */
#ifndef TESTS_OPT_CASE_H
#define TESTS_OPT_CASE_H

#include "lib/stats_builder.h"
#include "opt/opt_i.h"

struct opt_case {
	struct arena arena;
	struct stats_builder stats;
	struct query query;		/* filter TRUE, all of the store, no limit: to be changed */
	struct opt_options options;
	struct opt opt;
	struct plan *plan;		/* of the last run, with the choices by cost */
	const char *access;		/* what the rules alone made of its shards */
};

void opt_case_init(struct opt_case *);
void opt_case_release(struct opt_case *);
/* A leaf as filter, or ANDed to the filter that is there. */
void opt_case_where(struct opt_case *, const char *field, enum pred_op, const char *values);
/* Runs the rules of a comma-separated list, in the table's order; "all", "". */
struct plan *opt_case_run(struct opt_case *, const char *rules);
/*
 * The accesses that the rules gave, before costs chose, as a word: P pruned, F full, Z zone,
 * S service, T trace, C catalog, X covering.
 */
const char *opt_case_access(struct opt_case *);
/* Fails the test unless the plan's filter prints like this. */
void opt_case_expect_filter(struct opt_case *, const char *text);

#endif
