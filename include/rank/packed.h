/* SPDX-License-Identifier: ISC */
/*
 * packed: sorted numbers as bytes (agg/agg_bytes.h: a run), so that a rank among those of many runs is
 * found without decoding most of them: a run says where each of its blocks begins, and so how many
 * numbers lie below a bound, to a block. What the bits of a block say can't leave its bounds, so that a
 * run whose head is checked is one of some rising numbers, whatever its bits are.
 */
#ifndef RANK_PACKED_H
#define RANK_PACKED_H

#include "base/buf.h"
#include "base/cursor.h"

#define PACKED_BLOCK 64
#define PACKED_LEAST_BYTES 18	/* of a run */

struct packed_run {
	const uint8_t *p;	/* bounds; borrowed */
	size_t n;		/* numbers; never 0 */
	size_t n_blocks, n_bytes;
};

/* So many rising numbers, at least one. */
void packed_put(struct buf *, const uint64_t *v, size_t n);
/* The same of a run. */
void packed_put_run(struct buf *, const struct packed_run *);
/* False, and the cursor is bad: it is none. Borrowed of the cursor's bytes. */
bool packed_get(struct cursor *, struct packed_run *);
/* Where a block begins; that of n_blocks is the largest of all. Its numbers are from here to the next. */
uint64_t packed_bound(const struct packed_run *, size_t block);
/* How many numbers are in a block. */
size_t packed_in_block(const struct packed_run *, size_t block);
/* How many blocks begin below x; and at x or below. */
size_t packed_below(const struct packed_run *, uint64_t x);
size_t packed_at_most(const struct packed_run *, uint64_t x);
/* The numbers of blocks in turn, of a place that is 0 at first and moves on; how many. */
struct packed_place {
	size_t block, at;	/* at: bytes of the blocks before */
};
void packed_seek(const struct packed_run *, struct packed_place *, size_t block);
size_t packed_next(const struct packed_run *, struct packed_place *, uint64_t out[PACKED_BLOCK]);

#endif
