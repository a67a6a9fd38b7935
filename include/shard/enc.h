/* SPDX-License-Identifier: ISC */
/*
 * enc: encodings of chunk values, each in its own enc_*.c; both directions. Encoders append to a
 * buf; decoders first validate the bytes (every offset and count), after which reads are
 * unchecked, fast and can't leave the bytes. Layouts: shard/shard_format.h.
 */
#ifndef SHARD_ENC_H
#define SHARD_ENC_H

#include "base/buf.h"
#include "shard/shard_format.h"

/* A validated pack. Borrows its bytes, which must be 8-aligned and followed by nothing special. */
struct pack {
	uint32_t n, n_blocks;
	const uint8_t *dir, *data;
	size_t n_bytes;		/* whole pack, padded */
};

struct pack_block {
	uint64_t base, max;	/* zone */
	uint32_t off;
	uint8_t width, mode;
};

/* Appends; delta blocks are used where values never fall and it saves space. Pads to 8. */
void pack_encode(struct buf *, const uint64_t *v, size_t n);
/* Without delta blocks: for numbers that are looked up one by one (ends of a dictionary). */
void pack_encode_for(struct buf *, const uint64_t *v, size_t n);
/* ERR_CORRUPT with err->off within the bytes. */
int pack_open(struct pack *, const void *bytes, size_t n_bytes, struct err *) WARN_UNUSED;
struct pack_block pack_block(const struct pack *, size_t block);
/* All values of one block into out[PACK_BLOCK]; returns how many. */
size_t pack_decode_block(const struct pack *, size_t block, uint64_t *out);
/* Values [first, first + n). */
void pack_decode(const struct pack *, size_t first, size_t n, uint64_t *out);
/* One value. O(1) in PACK_FOR, at most a block in PACK_DELTA. */
uint64_t pack_at(const struct pack *, size_t i);
/*
 * Sums on the way through blocks of differences, kept beside a pack of which single values are looked
 * up: one for each PACK_STEP values. How many; 0: there is no such block.
 */
#define PACK_STEP 64
size_t pack_n_steps(const struct pack *);
void pack_make_steps(const struct pack *, uint64_t *steps);
/* pack_at and pack_decode with them; NULL: without. */
uint64_t pack_at_steps(const struct pack *, const uint64_t *steps, size_t i);
void pack_decode_steps(const struct pack *, const uint64_t *steps, size_t first, size_t n,
    uint64_t *out);
/* Every value is < limit. pack_open does not promise it, nor that values lie in their block's zone. */
bool pack_below(const struct pack *, uint64_t limit);
/* No value is less than (strictly: nor equal to) the one before it. */
bool pack_rising(const struct pack *, bool strictly);

#endif
