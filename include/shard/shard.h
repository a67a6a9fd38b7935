/* SPDX-License-Identifier: ISC */
/*
 * shard: one immutable file of spans of one partition, read side. shard_open reads and checks
 * header, trailer and footer only; sections are read when asked for, checked against their
 * checksum, decompressed, validated and kept in the chunk cache, pinned while in use. After
 * that reads can't fail and can't leave the bytes.
 *
 * Errors: ERR_CORRUPT names the file and has the offset; ERR_VERSION another format version
 * or an unknown incompatible feature; ERR_IO, ERR_NOMEM. Every call is thread-safe on a
 * shared reference. No predicates (exec), no writing (shard_write).
 */
#ifndef SHARD_SHARD_H
#define SHARD_SHARD_H

#include "base/file.h"
#include "model/span.h"
#include "model/stats.h"
#include "shard/enc.h"

struct shard;
struct chunkcache;

struct column {
	enum column_id id;		/* COL_ATTR: attribute `key` of `type` in `scope` */
	enum attr_scope scope;
	enum column_domain domain;
	enum column_kind kind;
	enum value_type type;
	struct sv key;
	uint64_t n_present, n_distinct;
	bool has_range;
	uint64_t min, max;
	uint32_t n_dict;
	uint32_t index;			/* its place in the shard's table */
	uint64_t n_bytes;		/* stored bytes of its chunks and dictionary */
	uint32_t dict_bytes;		/* of these, the dictionary's; 0: none */
	uint32_t postings_bytes;	/* of its postings or hashidx; 0: none (shard/postings.h) */
	uint32_t text_bytes;		/* of its text index; 0: none (shard/textidx.h) */
	uint32_t bloom_bytes;		/* its Bloom filter in memory; 0: none (shard/colbloom.h) */
	const struct top_value *top;
	size_t n_top;
};

struct shard_name {		/* a span name within a service */
	uint32_t code;		/* in COL_NAME's dictionary */
	uint32_t n_rows, n_errors;
};

struct shard_service {
	struct sv service;
	uint32_t row_from, row_to;
	uint64_t n_errors, min_start, max_start;
	const struct shard_name *names;
	size_t n_names;
};

struct row_group {
	uint32_t row_from, row_to;
	uint32_t n_events, n_links;
};

/* The footer, read-only. Valid while the shard is referenced. */
struct shard_info {
	const char *file;
	uint64_t partition, n_bytes, n_rows, n_events, n_links, n_traces, min_start, max_start;
	uint64_t footer_hash;		/* XXH3-64 of its stored bytes: other ones are another shard */
	uint32_t row_group_rows, n_row_groups;
	const struct row_group *row_groups;
	const struct shard_service *services;
	size_t n_services;
	const struct column *columns;	/* fixed ones by id, then attributes by scope, key bytes, type */
	size_t n_columns;
};

int shard_open(struct fsys *, const char *path, struct chunkcache *, struct shard **,
    struct err *) WARN_UNUSED;
struct shard *shard_ref(struct shard *);
void shard_unref(struct shard *);
const struct shard_info *shard_info(const struct shard *);
/* A fixed column, or NULL if no row has a value. */
const struct column *shard_column(const struct shard *, enum column_id);
/* The header says that keys which files show (field_of_key) are not in COL_REST. */
bool shard_shows_keys(const struct shard *);
/* The columns (one per value type) of an attribute: returns how many, *first points at them. */
size_t shard_attr(const struct shard *, enum attr_scope, struct sv key, const struct column **first);
/* Does an integer of the column stand in chunks as its image (model/value.h), or as it is? */
bool column_has_images(enum column_id);
/* What stands in chunks, postings and zones for a number, boolean or empty value of the column. */
uint64_t column_image(const struct column *, const struct value *);
/* Index in info->services, or -1. */
int shard_service_find(const struct shard *, struct sv service);

/* Zone of one chunk, from the footer: costs no read. n_present == 0: no such chunk. */
struct zone {
	uint32_t n_present;
	uint64_t min, max;	/* images or dictionary codes; COLUMN_BYTES: 8-byte prefixes */
};
struct zone shard_zone(const struct shard *, const struct column *, uint32_t row_group);

/* Everything kept for the shard's life, loaded at first use. */
int shard_resources(struct shard *, const struct resource **, size_t *n, struct err *) WARN_UNUSED;
/* 1 if a resource of the shard has the attribute, 0 if none. */
int shard_resource_key(struct shard *, struct sv key, struct err *) WARN_UNUSED;
int shard_scopes(struct shard *, const struct scope **, size_t *n, struct err *) WARN_UNUSED;
/* The bloom filter over trace_id_hash(); bytes is a multiple of 32. */
int shard_bloom(struct shard *, const uint8_t **, size_t *bytes, struct err *) WARN_UNUSED;
uint64_t trace_id_hash(struct trace_id);

/* How many bytes were read from disk and decoded for `shard` calls made by this thread; for profiles. */
struct read_counters {
	uint64_t n_reads, read_bytes;		/* sections read from the file */
	uint64_t n_cached;			/* sections found in the cache */
	uint64_t unpacked_bytes;		/* bytes that these were unpacked into */
	uint64_t decoded_bytes;			/* raw bytes of sections used */
};
extern _Thread_local struct read_counters read_counters;

#endif
