/* SPDX-License-Identifier: ISC */
/*
 * cost_adapt: the costs of [cost_model] corrected by what finished queries took. For each kind
 * of work there is a factor, 1 at first. A query says how much of each kind it did and how long
 * it took; what that differs from the prediction goes to the kinds by their parts of it,
 * slowly, so that thousands of queries show what no single one can. Pure, and not thread-safe.
 */
#ifndef OPT_COST_ADAPT_H
#define OPT_COST_ADAPT_H

#include "base/cursor.h"
#include "opt/opt.h"

enum cost_kind { COST_PAGE, COST_TUPLE, COST_INDEX_TUPLE, COST_OPERATOR };
#define N_COST_KINDS 4

/* A cost of 1, in ns: src/opt/cost_params.h. */
#define COST_UNIT_NS 4000.0

/* A factor's bounds, and how far it must go from the one in force to be taken over. */
#define COST_ADAPT_MIN 0.25
#define COST_ADAPT_MAX 4.0
#define COST_ADAPT_STEP 1.25
/* Queries before the first is taken over; shorter ones say nothing. */
#define COST_ADAPT_QUERIES 32
#define COST_ADAPT_LEAST_NS 2000000.0

struct cost_adapt {
	double factor[N_COST_KINDS];	/* as learned */
	double used[N_COST_KINDS];	/* in force */
	uint64_t n;			/* queries that said something */
};

/* What a query did, counted in the parameter of each kind, and the time it took. */
struct cost_work {
	double n[N_COST_KINDS];
	double ns;
};

void cost_adapt_init(struct cost_adapt *);
/* True if the factors in force are others afterwards. */
bool cost_adapt_note(struct cost_adapt *, const struct cost_params *as_set,
    const struct cost_work *);
/* The parameters as set, corrected; steps to related spans as operators are, which they compete with. */
void cost_adapt_apply(const struct cost_adapt *, struct cost_params *);
/* As bytes, for the next program; false: impossible ones, and *a is as at first. */
void cost_adapt_put(struct buf *, const struct cost_adapt *);
bool cost_adapt_get(struct cursor *, struct cost_adapt *);
const char *cost_kind_name(enum cost_kind);

#endif
