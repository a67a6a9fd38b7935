/* SPDX-License-Identifier: ISC */
/*
 * fetch: rows back into spans: the late half of late materialisation. For each column the
 * projection needs, values of all the wanted rows are gathered at once; columns come in key
 * order, so attribute lists are normal without sorting.
 */
#ifndef SHARD_FETCH_H
#define SHARD_FETCH_H

#include "model/field.h"
#include "shard/shard.h"

/* Holds what fetched spans borrow: pins of chunks and dictionaries, and an arena. */
struct fetch;

int fetch_new(struct fetch **, struct err *) WARN_UNUSED;
void fetch_free(struct fetch *);
/*
 * How much memory spans, events, links and attributes may take between resets; one more is
 * ERR_NOMEM. A few bytes of a shard can stand for many: without a word it is 2 GiB.
 */
void fetch_limit(struct fetch *, size_t max_bytes);
/* ERR_NOMEM if n things of that size would pass the limit. */
int fetch_may(const struct fetch *, size_t n, size_t size, struct err *) WARN_UNUSED;
/* Gives up all spans fetched so far. */
void fetch_reset(struct fetch *);
/* What is valid as long as the spans that are fetched: for whoever has spans of another kind. */
struct arena *fetch_arena(struct fetch *);
/*
 * NULL for the projection: everything.
 * Fills out[i] with row rows[i] of the shard (any order, doubles allowed), with at least what
 * the projection asks for; ids, start, end, kind, status, name, resource (with its service)
 * and scope are always filled, unless it is lean: then resource or scope, where not asked for,
 * are empty ones. Spans are valid until fetch_reset or fetch_free; the shard is referenced
 * until then.
 */
int fetch_rows(struct fetch *, struct shard *, const uint32_t *rows, size_t n,
    const struct projection *, struct span *out, struct err *) WARN_UNUSED;
/*
 * The columns whose chunk of the row group isn't in the cache at the moment; out has room for
 * all columns of the shard.
 */
size_t fetch_missing(const struct shard *, uint32_t row_group, uint32_t *out);
/* Reads such a chunk, and its dictionary, into the cache; if it can't, fetch_rows will tell. */
void fetch_load(struct shard *, uint32_t column, uint32_t row_group);

#endif
