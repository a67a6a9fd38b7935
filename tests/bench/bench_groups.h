/* SPDX-License-Identifier: ISC */
/* bench_groups: aggregates over the queries of a mix, for estimates and choices of groups. */
#ifndef TESTS_BENCH_GROUPS_H
#define TESTS_BENCH_GROUPS_H

#include "base/buf.h"

/* The clauses of aggregate i, as they stand behind a filter: "/group/service/agg/count". */
void bench_groups_tail(size_t i, struct buf *);

#endif
