/* SPDX-License-Identifier: ISC */
/*
 * postings: of each value of a column the rows that have it; and hashidx: of columns whose
 * values are nearly all distinct, the rows that may have a value, by its hash. Both are read
 * into the chunk cache, validated once and pinned from get to put; whoever holds one also
 * holds the shard. Rows are always rows of spans: of an event's or link's column, the rows of
 * the spans that have such an event or link, each once.
 *
 * Which columns have them is the writer's choice, by use and size: column->postings_bytes is
 * 0 where there is none, and get then gives NULL. A column of kind COLUMN_DICT or COLUMN_INT
 * has postings, of kind COLUMN_BYTES a hashidx. They are complete: a row that they do not
 * name does not have the value.
 *
 * Keys of postings: the codes of the dictionary (COLUMN_DICT), or the places of the distinct
 * numbers in order (COLUMN_INT: images, as in chunks); so a range of values is a range of keys.
 */
#ifndef SHARD_POSTINGS_H
#define SHARD_POSTINGS_H

#include "shard/shard.h"

struct postings;

int postings_get(struct shard *, const struct column *, const struct postings **,
    struct err *) WARN_UNUSED;
void postings_put(const struct postings *);		/* NULL is allowed */
uint32_t postings_n(const struct postings *);		/* keys: [0, n) */
/* COLUMN_INT: the number of a key; the first key whose number is not less (n: none). */
uint64_t postings_value(const struct postings *, uint32_t key);
uint32_t postings_lower(const struct postings *, uint64_t image);
/* Rows that have the value; O(1), or O(log keys) for a frequent one. */
uint32_t postings_count(const struct postings *, uint32_t key);
/* Sets bit row - row_from of each row in [row_from, row_to); row_to is at most the shard's rows. */
void postings_or(const struct postings *, uint32_t key, uint32_t row_from, uint32_t row_to,
    uint64_t *bitmap);
/* All rows of a value, rising, into out, which has room for its count; returns the count. */
uint32_t postings_rows(const struct postings *, uint32_t key, uint32_t *out);

struct hashidx;

int hashidx_get(struct shard *, const struct column *, const struct hashidx **,
    struct err *) WARN_UNUSED;
void hashidx_put(const struct hashidx *);		/* NULL is allowed */
/*
 * The rows whose value may be one whose hashidx_hash is `hash`: at least those that have it,
 * rising. Returns how many there are, of which the first `max` are written.
 */
uint32_t hashidx_find(const struct hashidx *, uint32_t hash, uint32_t *rows, uint32_t max);
uint32_t hashidx_hash(struct sv value);

#endif
