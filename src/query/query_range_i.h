/* SPDX-License-Identifier: ISC */
/* query_range_i: the time clauses of a query as one range. */
#ifndef QUERY_QUERY_RANGE_I_H
#define QUERY_QUERY_RANGE_I_H

#include "query/query.h"

/* Where the time clauses' arguments stand in the path, for errors. */
struct range_offs {
	size_t since, until, on;
};

/* ERR_SYNTAX if the range is empty whatever `now` is. */
int query_range(const struct query *, const struct range_offs *, uint64_t now,
    struct time_range *, struct err *) WARN_UNUSED;

#endif
