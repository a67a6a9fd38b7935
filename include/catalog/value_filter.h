/* SPDX-License-Identifier: ISC */
/*
 * value_filter: what equalities on one field may conclude of each shard of a snapshot: the
 * Bloom filters of the field's columns, where there are any (shard/colbloom.h), pinned in the
 * chunk cache. Immutable.
 */
#ifndef CATALOG_VALUE_FILTER_H
#define CATALOG_VALUE_FILTER_H

#include "base/pool.h"
#include "catalog/catalog.h"

struct value_filter;

/*
 * Of the shards that `st` (stats_load's, of this snapshot) knows; the filters of the newest
 * ones up to max_bytes. Reads by all threads of the pool (may be NULL) and the caller's. One
 * that can't be read is left out: without it a plan is as right, only less sharp. The snapshot
 * and `st` must live longer. ERR_NOMEM.
 */
int value_filter_load(const struct snapshot *, const struct stats *, const struct field *,
    size_t max_bytes, struct pool *, struct value_filter **, struct err *) WARN_UNUSED;
void value_filter_free(struct value_filter *);		/* NULL is allowed */
const struct stats_filter *value_filter_stats(const struct value_filter *);
size_t value_filter_bytes(const struct value_filter *);	/* memory that it pins */

#endif
