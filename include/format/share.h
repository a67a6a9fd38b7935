/* SPDX-License-Identifier: ISC */
/* share: formatters at work side by side on the rows of one batch. */
#ifndef FORMAT_SHARE_H
#define FORMAT_SHARE_H

#include "base/pool.h"
#include "format/format.h"

struct share;

/* NULL in *out, and 0, where sharing does not pay or is not possible. */
int share_new(const struct format *, const struct format_options *, struct pool *,
    unsigned threads, struct share **out, struct err *) WARN_UNUSED;
void share_free(struct share *);
/* True if the batch is worth sharing. */
bool share_wants(const struct share *, const struct batch *);
/* Formats the batch and hands the bytes to put(arg, ...) in order. */
int share_batch(struct share *, const struct batch *,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg, uint64_t *n_bytes,
    struct err *) WARN_UNUSED;

#endif
