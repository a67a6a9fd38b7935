/* SPDX-License-Identifier: ISC */
/*
 * agg_bytes: a table of groups, before its end, as bytes that can be kept and merged later: the
 * groups of a shard that doesn't change, say. Whoever keeps them adds a checksum, and the names of
 * what was asked and of what. Little-endian; `v` is a varint, `key` a length and packed values.
 *
 *   "SGS", u8 3        what it is, and its version
 *   u64                hash of what the table is made of: keys, bucket, measures, sides
 *   u8                 1: some values are approximate
 *   u64 u64 v v        first and last start, and number, of the spans (of no span UINT64_MAX, 0, 0), and how
 *                      many of them have tokens and no price
 *   v                  groups; of each:
 *     i128             bucket, if there are buckets
 *     v bytes          key
 *     of each side:    v count, v errors; unless count is 0 the states, in the order of the measures
 *
 *   sum        v n, i128 whole, u8 flags (1 has doubles, 2 has odd ones), f64 odd if 2, then
 *              twice: v n, f64 parts
 *   min, max   number: u8 kind (enum number_kind), u64 bits unless it is NUMBER_NONE
 *   quantile   u8 0: v n, v n, the numbers of both, integers, then doubles: images, rising, v differences
 *              u8 1: number min, number max, v n, of each bucket: v steps from the one before, v count
 *              u8 3: u8 1 of doubles (none of them NaN), 0 of integers, v runs, each of them, v n, and so
 *              many images more, rising, v differences
 *   run        images that rise: v n, in blocks of 64: u64 the first of each block and the last of all, u8 of
 *              each block how many bits its differences take, then those, of one value to the next, each
 *              block in whole bytes; a value that passes the next block's first is that one
 *   distinct   u8 0: v n, 16 bytes each; u8 1: v n, u32 codes; u8 2: registers
 *   hist       v seen, v n, of each bar: v steps from the one before, v count
 *
 * What is read is looked at: bytes that agg_load takes make a table as agg_add could have.
 */
#ifndef AGG_AGG_BYTES_H
#define AGG_AGG_BYTES_H

#include "agg/agg.h"
#include "base/buf.h"

/* A hash of all that the groups of spans depend on beside the spans. */
int agg_shape(const struct agg_table *, uint64_t *, struct err *) WARN_UNUSED;
/*
 * Appends; numbers for percentiles are sorted in their place. A table of per/trace has no groups
 * yet: ERR_UNSUPPORTED.
 */
int agg_save(struct agg_table *, struct buf *, struct err *) WARN_UNUSED;
/* Keeps bytes where they are, until it is put. */
struct agg_hold {
	void (*put)(void *arg);
	void *arg;
};

/*
 * A new table, to be merged, of the same options as `like`. Its bytes are not those of such a table:
 * ERR_VERSION; or of none: ERR_CORRUPT, with the offset. With a hold, which is the table's and then that of
 * the table that it is merged into, unless this fails, numbers for percentiles stay packed in the bytes,
 * where that is worth it: only those near a rank that is asked for are decoded.
 */
int agg_load(const struct agg_table *like, struct sv, const struct agg_hold *,
    struct agg_table **, struct err *) WARN_UNUSED;
/* How many of these numbers were decoded. */
uint64_t agg_n_decoded(const struct agg_table *);

#endif
