/* SPDX-License-Identifier: ISC */
/*
 * stats: what the optimizer may know of the store: an immutable snapshot, made by
 * catalog/stats_load from shard footers, in one arena. Everything is borrowed from that arena
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

/* Which indexes a column has (shard/postings.h, shard/textidx.h). */
enum stat_index { STAT_INDEX_POSTINGS = 1, STAT_INDEX_HASH = 2, STAT_INDEX_TEXT = 4 };

/* One column of one shard: an attribute key of one type in one scope, or an intrinsic's column. */
struct column_stats {
	struct field field;	/* never FIELD_BARE */
	enum value_type type;
	uint64_t n_present;	/* spans (events, links) that have it */
	uint64_t n_distinct;
	bool has_range;		/* min, max: images (value.h) for numbers, as stored for times */
	uint64_t min, max;
	uint64_t n_bytes;	/* stored size of its chunks and dictionary; */
	uint64_t dict_bytes;	/* of the dictionary; 0: its values stand in the chunks */
	/*
	 * For estimates only: its values are not the field's (ordinals, positions, offsets), or its
	 * numbers are believed and not counted.
	 */
	bool loose;
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
	uint64_t generation;		/* of the commit that it came with */
	uint32_t n_row_groups;
	const struct service_stats *services;	/* byte order */
	size_t n_services;
	const struct column_stats *columns;	/* by field_cmp, then type */
	size_t n_columns;
	uint8_t index_kinds;		/* of all columns: bits of enum stat_index */
	const uint8_t *bloom;		/* of trace ids (base/bloom.h), NULL: unknown */
	size_t bloom_bytes;
	bool trace_summaries;		/* it has summaries of its traces (shard/tracesum.h) */
	bool all_keys;			/* no span, event or link attribute lacks a column above */
	bool damaged;			/* its footer can't be read: queries that need it fail */
	bool brief;			/* its columns were not asked for: only services are known */
};
#define PARTITION_OUTSIDE UINT64_MAX

/* The columns of a field, one for each value type; *n may be 0. See opt's leaf_held, too. */
const struct column_stats *stats_columns(const struct shard_stats *, const struct field *,
    size_t *n);

/* ---- what a query needs to know ---- */

/*
 * What a source may leave out of the statistics for one query: shards that lie outside the
 * range, have none of the services or traces, or only rows older than those that are wanted.
 */
struct stats_need {
	struct time_range range;
	const struct sv *services;	/* any of them; n 0: all */
	size_t n_services;
	const struct trace_id *traces;	/* alike */
	size_t n_traces;
	/* So many rows of these services (no other condition), the newest; UINT64_MAX: all. */
	uint64_t newest;
	/* Only shards of later commits than this one; of others nothing is asked. */
	bool has_after;
	uint64_t after;
	uint64_t only;			/* only shards of this commit; 0: of all */
	bool whole;			/* nothing is asked of spans but their time, and these services */
	/* What shards have of each service is enough, where those asked for lie in the range. */
	bool counts;
	/* So is the sum of these, and of no more than `enough` spans. */
	bool sums;
	uint64_t enough;		/* UINT64_MAX: all */
	bool blooms;			/* of trace ids are asked */
};
#define STATS_NEED_ALL ((struct stats_need){ .range = { 0, WHEN_MAX }, .newest = UINT64_MAX, \
	.enough = UINT64_MAX })

/* Shards that were left out for one reason; as a plan says of those that it prunes. */
struct stats_left {
	const char *rule, *why;
	uint64_t n_shards, n_rows;
	size_t first;			/* in the snapshot */
	bool summed;			/* none is pruned: their spans are in `summed` of struct stats */
};

/* ---- one field in all shards ---- */

/* What an equality on a field may conclude of a shard. */
enum shard_filter_kind {
	FILTER_UNKNOWN,		/* nothing */
	FILTER_ABSENT,		/* no row has the field */
	FILTER_COLUMN,		/* all its values are in one column */
};

struct shard_filter {
	enum shard_filter_kind kind;
	const struct column_stats *column;	/* FILTER_COLUMN */
	const uint8_t *bloom;	/* over hash64() of its values (base/bloom.h); NULL: none */
	size_t bloom_bytes;
};

struct stats_filter {
	struct field field;	/* FIELD_BARE: of spans, and no resource has it */
	const struct shard_filter *shards;	/* those of struct stats */
};

/* ---- the whole store ---- */

/* A value of a field and type, known by the hash of the whole (stats_hash). */
struct stats_value {
	uint64_t hash;
	struct value val;		/* texts may be cut */
	double n_rows;			/* in shards that list it among their top values */
	double listed_present;		/* rows of the field in those shards */
};

struct stats_field {
	struct field field;
	enum value_type type;
	double n_present, n_distinct;
	double n_known;			/* rows of `values` */
	double width;			/* average bytes of a value; 0: not known */
	const struct stats_value *values;	/* most frequent first */
	uint32_t n_values, n_slots;
	const uint32_t *slots;		/* by hash, open addressing: place + 1; 0: free */
	const uint64_t *bounds;		/* images, rising: equally many values between any two */
	uint32_t n_bounds, n_samples;
	const struct sv *samples;	/* texts of those beyond `values`, cut */
};

struct stats_cell_value {
	uint64_t hash;
	struct value val;
	double n_rows;
};

/* A field's values within a cell. */
struct stats_cell_field {
	uint32_t field;			/* place in the summary's fields */
	uint32_t n_top;
	double n_present, n_distinct;
	const struct stats_cell_value *top;
	bool has_range;
	uint64_t min, max;
};

/* What is counted of the spans of a cell, by stats_bucket(). */
enum stats_hist {
	HIST_DURATION, HIST_TRACE_DURATION, HIST_TRACE_SPANS, HIST_CHILDREN, N_STATS_HIST
};
#define STATS_LOG_BUCKETS 257

/* Spans of one service and one name. */
struct stats_cell {
	struct sv service, name;
	bool all;			/* of all names */
	double n_rows, n_errors;
	const float *hist[N_STATS_HIST];	/* rows below bucket i, rising; one more than buckets */
	const struct stats_cell_field *fields;	/* by place */
	uint32_t n_fields;
};

/* ---- a server in place of shards ---- */

/* Values of one field, of some of its spans, the most frequent first. */
struct stats_server_field {
	struct field field;
	const struct stats_server_value {
		struct sv text;
		double n_rows;
	} *values;
	size_t n_values;
	bool all;			/* no others occur among those that were looked at */
	double n_rows;			/* of these values together */
};

/* What is known of it at the moment, which may be nothing, and old. */
struct stats_server {
	bool has_rows, has_times, has_bytes;
	double n_rows, n_bytes;		/* of its table; bytes on its disk */
	uint64_t first_ns, last_ns;	/* of starts */
	/* What it says that it would read for the query's filter and range. */
	bool has_read;
	double read_rows, read_marks, read_parts;
	const struct stats_server_field *fields;
	size_t n_fields;
};

/* All shards together, made by catalog/summary; may be older than the snapshot. */
struct stats_summary {
	uint64_t version;		/* another for each one made */
	uint64_t generation;		/* of the catalog that it was made from */
	uint64_t made_ns;		/* wall time */
	uint32_t n_shards, n_fields, n_cells;
	double n_rows;
	double cell_rows;		/* of these, in cells */
	const struct stats_field *fields;	/* by field_cmp, then type */
	const struct stats_cell *cells;	/* by service, then name */
};

/*
 * Numbers on a logarithmic scale, four buckets a doubling: 0 is 0; bucket b > 0 begins at
 * 2^((b-1)/4), the quarters of a doubling being equally wide.
 */
unsigned stats_bucket(uint64_t);
uint64_t stats_bucket_start(unsigned bucket);
/* The hash of a whole value; numbers by their image. */
uint64_t stats_hash(const struct value *);
/* The first of a field's entries, one for each type, NULL if there is none. */
const struct stats_field *stats_fields(const struct stats_summary *, const struct field *,
    size_t *n);
const struct stats_value *stats_value_find(const struct stats_field *, uint64_t hash);

/* How a plan says that a shard came with a commit that the query's mark is past (stats_need.after). */
#define STATS_MARK_RULE "mark"
#define STATS_MARK_WHY "of no commit after the mark"

struct stats {
	uint64_t version;		/* the catalog's generation */
	const struct shard_stats *shards;	/* in the snapshot's order, but those left out */
	size_t n_shards;
	const uint32_t *index;		/* of each its place in the snapshot; NULL: none is left out */
	const struct stats_left *left;
	size_t n_left;
	uint64_t summed;		/* spans that satisfy the query in shards left out as such */
	uint64_t newest_partition;	/* with an index: of the snapshot, PARTITION_OUTSIDE: none */
	uint64_t n_rows, n_bytes;
	const struct stats_summary *summary;	/* may be NULL, or of an older generation */
	const struct stats_filter *const *filters;	/* of fields that the query compares */
	size_t n_filters;
	const struct stats_server *server;	/* NULL: the spans are in the shards, or nothing is known */
};
/* The place of shard i in the snapshot, and how many shards that has. */
uint32_t stats_shard_no(const struct stats *, size_t i);
size_t stats_n_total(const struct stats *);
/* NULL if there is none of the field. */
const struct stats_filter *stats_filter_find(const struct stats *, const struct field *);

#endif
