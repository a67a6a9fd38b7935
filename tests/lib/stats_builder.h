/* SPDX-License-Identifier: ISC */
/*
 * stats_builder: statistics for tests of plan and opt, shard by shard. Shards are added in
 * the snapshot's order; hour h of the store holds [h, h + 1) hours after STATS_T0. A failed
 * allocation aborts.
 */
#ifndef TESTS_STATS_BUILDER_H
#define TESTS_STATS_BUILDER_H

#include "model/pred.h"
#include "model/stats.h"

#define STATS_T0 (1795183200ull * NS_PER_S)	/* 2026-11-20T14:00:00Z */
#define STATS_SHARDS_MAX 4096
#define STATS_PER_SHARD 32	/* services, columns, top values */

struct stats_builder {
	struct arena arena;
	struct stats stats;
	struct shard_stats *shards;
};

void stats_builder_init(struct stats_builder *);
void stats_builder_release(struct stats_builder *);
/*
 * A shard of n_rows spans that start all over hour h; all attribute keys have columns. It has
 * no services or columns yet: with none the optimizer knows nothing of it.
 */
struct shard_stats *stats_add_shard(struct stats_builder *, uint64_t hour, uint64_t n_rows);
/* Services must come in byte order. Times are the shard's. */
struct service_stats *stats_add_service(struct stats_builder *, struct shard_stats *,
    const char *service, uint64_t n_rows, uint64_t n_errors);
/* A column of the field as typed; present in n rows. Kept in order. */
struct column_stats *stats_add_column(struct stats_builder *, struct shard_stats *,
    const char *field, enum value_type, uint64_t n_present, uint64_t n_distinct);
void stats_set_ints(struct column_stats *, int64_t min, int64_t max);
void stats_set_doubles(struct column_stats *, double min, double max);
void stats_add_top(struct stats_builder *, struct column_stats *, struct value, uint64_t n_rows);
/* A Bloom filter of the ids {hi, 1}, {hi, 2}, ... {hi, n}. */
void stats_set_bloom(struct stats_builder *, struct shard_stats *, uint64_t hi, size_t n);
/*
 * What equalities on a field may conclude: of each shard that is there, FILTER_UNKNOWN of all,
 * to be filled in. At most 8.
 */
struct shard_filter *stats_add_filter(struct stats_builder *, const char *field);
/* FILTER_COLUMN of a column, with a Bloom filter of these values, comma-separated; NULL: none. */
void stats_set_filter(struct stats_builder *, struct shard_filter *, const struct column_stats *,
    const char *values);
/* Totals are added up. */
const struct stats *stats_done(struct stats_builder *);

/* Predicates from words: a leaf of `field op values`, values comma-separated. */
const struct pred *test_leaf(struct arena *, const char *field, enum pred_op, const char *values);
const struct pred *test_and(struct arena *, const struct pred *, const struct pred *);
const struct pred *test_or(struct arena *, const struct pred *, const struct pred *);
/* Printed, from malloc. */
char *test_pred_text(const struct pred *);

#endif
