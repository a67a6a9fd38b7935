/* SPDX-License-Identifier: ISC */
/*
 * cover: how many rows of a shard satisfy the filter, without a look at a chunk: 1 and *n; 0: footer
 * (indexes) don't tell. The shard is open; for rows, prepared, and it lies in the range as a whole.
 */
#ifndef FILTER_COVER_H
#define FILTER_COVER_H

#include "filter/filter.h"

/* Of rows that start in [first, last]. */
int cover_cells(struct xshard *, uint64_t first, uint64_t last, uint64_t *n, struct err *)
    WARN_UNUSED;
/*
 * What of those a service has, or of by_name each of its names, to fn: rows, and errors among them.
 * Only after cover_cells has told; else 0.
 */
int cover_each_cell(struct xshard *, uint64_t first, uint64_t last, bool by_name,
    int (*fn)(void *arg, const struct shard_service *, struct sv name, uint64_t rows,
    uint64_t errors), void *arg, struct err *) WARN_UNUSED;
int cover_rows(struct xshard *, uint64_t *n, struct profile *, struct err *) WARN_UNUSED;

#endif
