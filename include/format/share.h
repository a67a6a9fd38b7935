/* SPDX-License-Identifier: ISC */
/* share: formatters at work side by side on the rows of one batch. */
#ifndef FORMAT_SHARE_H
#define FORMAT_SHARE_H

#include "base/pool.h"
#include "format/format.h"

struct share;

/*
 * `memory`: what the query may hold, 0: no bound. NULL in *out, and 0, where sharing does not pay or
 * is not possible.
 */
int share_new(const struct format *, const struct format_options *, struct pool *,
    unsigned threads, size_t memory, struct share **out, struct err *) WARN_UNUSED;
void share_free(struct share *);
/* True if the batch is worth sharing. */
bool share_worth(const struct batch *);
/* How many rows a batch may well have, by those before: never fewer than BATCH_ROWS. NULL is allowed here. */
size_t share_rows(const struct share *);
/* Formats the batch and hands the bytes to put(arg, ...) in order. */
int share_batch(struct share *, const struct batch *,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg, uint64_t *n_bytes,
    struct err *) WARN_UNUSED;
/* Bytes that it holds, for batches to come. */
size_t share_memory(const struct share *);
/* Parts of batches; those that others than the caller formatted; rows that were left over by parts. */
struct share_counts {
	uint64_t parts, helped, late_rows;
};
/* Any time, but for late_rows. */
struct share_counts share_counted(const struct share *);

#endif
