/* SPDX-License-Identifier: ISC */
/*
 * shard_rig: spans, the shard file that the write side makes of them, in memory, and the shard
 * opened again. Failures end the test.
 */
#ifndef TESTS_SHARD_RIG_H
#define TESTS_SHARD_RIG_H

#include "fsys_bytes.h"
#include "gen_span.h"
#include "shard/chunkcache.h"
#include "shard/fetch.h"
#include "seal/memtable.h"
#include "shard/shard.h"

#define RIG_FILE "one.shard"
#define RIG_HOUR UINT64_C(1795183200000000000)	/* 2026-11-20T14:00Z, start of an hour */

struct shard_rig {
	struct span_batch spans;	/* as given, without those that came twice */
	struct buf bytes;		/* the file */
	struct fsys_bytes fs;
	struct chunkcache *cache;
	struct shard *shard;
};

/* n awkward spans of one hour (tests/lib/gen_span.h), row groups of `group_rows`. */
void rig_init(struct shard_rig *, size_t n, uint32_t group_rows, int level, uint64_t seed);
/* The same of spans that are already in rig->spans, of one hour. */
void rig_seal(struct shard_rig *, uint32_t group_rows, int level);
void rig_open(struct shard_rig *, size_t cache_bytes);
void rig_release(struct shard_rig *);

/* Makes the file of a memtable's only part; spans of equal ids are twins. */
void rig_file(const struct span_batch *, const struct shard_options *, struct buf *out);
/* One number for all that is in the spans, whatever their order. */
uint64_t spans_digest(const struct span *, size_t n);
/*
 * Opens the bytes, walks every section, fetches every row; 0 and the digest and number of the
 * spans, or the first error. Never fails the test.
 */
int rig_walk(struct sv bytes, uint64_t *digest, uint64_t *n, struct err *);

#endif
