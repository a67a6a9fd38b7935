/* SPDX-License-Identifier: ISC */
/*
 * agg_rig: tables of groups over awkward spans (gen_span.h), without a store: keys of several types,
 * buckets, two sides, and between them every kind of state.
 */
#ifndef TESTS_AGG_RIG_H
#define TESTS_AGG_RIG_H

#include "agg/agg.h"
#include "base/buf.h"

#define AGG_RIG_SHAPES 4

struct agg_table *agg_rig_table(unsigned shape, size_t memory);
/* One whose groups go to a file in the directory, from so many bytes on. */
struct agg_table *agg_rig_spilling(unsigned shape, size_t memory, const char *dir, uint64_t max,
    size_t from);
/* Spans from..from + n of those of the seed, to one side; what agg_add says. */
int agg_rig_add(struct agg_table *, enum agg_side, uint64_t seed, size_t from, size_t n, struct err *);
/* Ends the table: all its cells, row by row, as text. False if that fails. */
bool agg_rig_print(struct agg_table *, unsigned shape, struct buf *, struct err *);

#endif
