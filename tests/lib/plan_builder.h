/* SPDX-License-Identifier: ISC */
/*
 * plan_builder: plans by hand, for tests of exec: the plain plan over all shards of a
 * snapshot, to be changed field by field; predicates in one call. Failures end the test.
 */
#ifndef TESTS_PLAN_BUILDER_H
#define TESTS_PLAN_BUILDER_H

#include "plan/plan.h"
#include "catalog/catalog.h"

/* Everything of the snapshot, no filter, no limit, full projection; every access FULL. */
struct plan *plan_plain(const struct snapshot *, enum row_kind);
/* The same with pushdown and ACCESS_ZONE. */
struct plan *plan_columns(const struct snapshot *, enum row_kind);
void plan_access(struct plan *, enum access);
/* Adds a sort key: "duration", "span.http.status_code:desc". */
/* Sets limit and offset. */
void plan_page(struct plan *, uint64_t limit, uint64_t offset);
void plan_sort_by(struct plan *, const char *key);

/*
 * A leaf. Values are separated by commas and read as a path would have them: ids in hex,
 * durations with unit, times as nanoseconds, kinds and states as words.
 */
const struct pred *leaf_of(struct arena *, const char *field, enum pred_op, const char *values);
/* A leaf whose only literal is these bytes, or none for OP_HAS. */
const struct pred *leaf_text(struct arena *, const char *field, enum pred_op, struct sv);
const struct pred *and_of(struct arena *, const struct pred *, const struct pred *);
const struct pred *or_of(struct arena *, const struct pred *, const struct pred *);
struct literal literal_for(const struct field *, struct sv text);

#endif
