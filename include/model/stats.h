/* SPDX-License-Identifier: ISC */
/*
 * stats: what the optimizer may know of the store: an immutable snapshot, made by
 * store/stats_load from shard footers, in one arena. Everything is borrowed from that arena
 * or from shards that the snapshot keeps alive. Pure data: no I/O.
 */
#ifndef MODEL_STATS_H
#define MODEL_STATS_H

#include "base/arena.h"
#include "model/field.h"
#include "model/value.h"
#include "model/when.h"

struct top_value {
	struct value val;	/* strings may be cut at 64 bytes: then `cut` */
	bool cut;
	uint64_t n_rows;
};

/* Which indexes a column has (store/postings.h, store/textidx.h). */
enum stat_index { STAT_INDEX_POSTINGS = 1, STAT_INDEX_HASH = 2, STAT_INDEX_TEXT = 4 };

/* One column of one shard: an attribute key of one type in one scope, or an intrinsic's column. */
struct column_stats {
	struct field field;	/* never FIELD_BARE */
	enum value_type type;
	uint64_t n_present;	/* spans (events, links) that have it */
	uint64_t n_distinct;
	bool has_range;		/* min, max: images (value.h) for numbers, as stored for times */
	uint64_t min, max;
	uint64_t n_bytes;	/* stored size of its chunks and dictionary */
	uint8_t indexes;	/* bits of enum stat_index */
	uint64_t postings_bytes, text_bytes;	/* stored size of postings or hashes; of the text index */
	const struct top_value *top;	/* most frequent first */
	size_t n_top;
};

struct service_stats {
	struct sv service;
	uint64_t n_rows, n_errors;
	uint64_t min_start, max_start;
};

struct shard_stats {
	const char *file;		/* path inside the store, for messages */
	uint64_t partition;		/* start of its hour, ns; PARTITION_OUTSIDE */
	uint64_t n_rows, n_bytes, n_traces;
	uint64_t min_start, max_start;
	uint32_t n_row_groups;
	const struct service_stats *services;	/* byte order */
	size_t n_services;
	const struct column_stats *columns;	/* by field_cmp, then type */
	size_t n_columns;
	uint8_t index_kinds;		/* of all columns: bits of enum stat_index */
	const uint8_t *bloom;		/* of trace ids (base/bloom.h), NULL: unknown */
	size_t bloom_bytes;
	bool trace_summaries;		/* it has summaries of its traces (store/tracesum.h) */
	bool all_keys;			/* no span, event or link attribute lacks a column above */
	bool damaged;			/* its footer can't be read: queries that need it fail */
};
#define PARTITION_OUTSIDE UINT64_MAX

struct stats {
	uint64_t version;		/* the catalog's generation */
	const struct shard_stats *shards;	/* as in the snapshot: same order, same number */
	size_t n_shards;
	uint64_t n_rows, n_bytes;
};

#endif
