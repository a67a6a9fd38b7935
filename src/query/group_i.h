/* SPDX-License-Identifier: ISC */
/* group_i: the clauses of groups, bound and printed: what bind.c and query_print.c share of them. */
#ifndef QUERY_GROUP_I_H
#define QUERY_GROUP_I_H

#include "query/query.h"

/* Where the clauses' last arguments stand in the path, for errors. */
struct group_offs {
	size_t group, agg, fill, having, per, versus, compare, distinct, sort, select;
};

/*
 * What the clauses of groups say of each other, and what sort and select name: sets groups.sort and
 * groups.columns, and puts what having, sort and select ask for behind groups.aggs. Of a query
 * without groups: refuses what only these have. Of one that compares: sets compare_sort.
 */
int bind_groups(struct query *, const struct group_offs *, const struct query_env *,
    struct arena *, struct err *) WARN_UNUSED;
/* bind_columns.c: columns of groups, and those of select, have names of their own. */
int bind_columns_once(const struct query *, const struct group_offs *, struct arena *,
    struct err *) WARN_UNUSED;
int bind_select_once(const struct query *, size_t off, struct arena *, struct err *) WARN_UNUSED;
/* From group/ to distinct/. */
void groups_print(struct buf *, const struct query *);
/* "AGG/OP/V" */
void having_print(struct buf *, const struct having *);
/* Of a query that is bound: a sort key or column of groups as it is typed. */
void group_ref_print(struct buf *, const struct grouping *, const struct group_ref *);

#endif
