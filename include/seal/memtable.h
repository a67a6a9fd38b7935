/* SPDX-License-Identifier: ISC */
/*
 * memtable: spans taken apart into columns in memory, by partition, until they are sealed into
 * shards. Values are interned on arrival, so it holds about a tenth of the input's bytes.
 *
 * One thread appends at a time. Sealing reads only: different parts may be sealed by
 * different threads at once, while nobody appends.
 */
#ifndef SEAL_MEMTABLE_H
#define SEAL_MEMTABLE_H

#include "base/file.h"
#include "model/span.h"
#include "shard/shard_entry.h"
#include "shard/shard_format.h"

struct memtable;

#define MEASURED_MAX (16u << 20)	/* bytes of values; the line may take six times as much */

struct shard_options {
	uint32_t row_group_rows;	/* [store] row_group_rows, at most LIMIT_ROW_GROUP_ROWS */
	int compression_level;		/* zstd; 0: store everything uncompressed */
	bool sync;
	uint32_t top_values;		/* most frequent values kept per column; 0: SHARD_TOP_VALUES */
	uint32_t index_budget;		/* size of all indexes, percent of the rest of the shard; 0: none */
	uint32_t histogram_buckets;	/* of numbers; 0: STATS_BUCKETS (shard/shard_stats.h) */
	bool text_index;		/* text indexes are among them */
};
#define SHARD_ROW_GROUP_ROWS 16384
#define SHARD_COMPRESSION_LEVEL 3

/* The partition of a start time: its hour, or PARTITION_OUTSIDE before 2000 or a day after `now`. */
uint64_t partition_of(uint64_t start_ns, uint64_t now_ns);

int memtable_new(const struct shard_options *, uint64_t now_ns, struct memtable **,
    struct err *) WARN_UNUSED;
void memtable_free(struct memtable *);
/*
 * A promise that makes append faster: from here to the next call, spans that share a resource
 * or scope pointer share its content (they come from one span_batch that isn't reset in
 * between). Without any call each span's resource and scope are compared by content.
 */
void memtable_batch(struct memtable *);
/*
 * Copies the span in. Returns 0, or 1 without adding it if a span of the same trace id and
 * span id in the same partition is here already (the caller decides later whether it is a
 * duplicate), <0 on failure (the memtable is then good for nothing but freeing).
 */
int memtable_append(struct memtable *, const struct span *, struct err *) WARN_UNUSED;
/* The same, but adds it also if its ids are here: known to differ in content. */
int memtable_append_twin(struct memtable *, const struct span *, struct err *) WARN_UNUSED;
size_t memtable_bytes(const struct memtable *);	/* memory held, about */
uint64_t memtable_rows(const struct memtable *);

struct memtable_part {
	uint64_t partition, n_rows;
};
size_t memtable_parts(const struct memtable *);
struct memtable_part memtable_part(const struct memtable *, size_t i);
/*
 * Writes part i as one shard file at `path` (its directory exists), synced and closed, but
 * not renamed or listed anywhere. entry->file is left alone. A part never has more than
 * LIMIT_SHARD_ROWS rows: append opens a second part of the same partition.
 */
int memtable_seal(const struct memtable *, size_t i, struct fsys *, const char *path,
    struct shard_entry *entry, struct err *) WARN_UNUSED;

#endif
