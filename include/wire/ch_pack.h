/* SPDX-License-Identifier: ISC */
/*
 * ch_pack: bodies of requests, compressed, and bodies of answers, unpacked piece by piece in bounded
 * memory. An answer may be several frames or members behind one another.
 */
#ifndef WIRE_CH_PACK_H
#define WIRE_CH_PACK_H

#include "base/buf.h"
#include "base/err.h"

enum ch_packing { CH_PACK_NONE, CH_PACK_GZIP, CH_PACK_ZSTD };

/* The Content-Encoding; NULL of CH_PACK_NONE. */
const char *ch_packing_name(enum ch_packing);
/* Appends the compressed bytes. */
int ch_pack(enum ch_packing, struct sv, struct buf *, struct err *) WARN_UNUSED;

struct ch_unpack;

/* Not of CH_PACK_NONE. */
int ch_unpack_new(enum ch_packing, struct ch_unpack **, struct err *) WARN_UNUSED;
/*
 * Takes bytes from *in and appends at most `most` bytes, > 0. *in is used up unless so many were
 * appended. ERR_IO: it is no such stream, or needs more memory than one should.
 */
int ch_unpack(struct ch_unpack *, struct sv *in, struct buf *, size_t most, struct err *) WARN_UNUSED;
/* Has it bytes that were left for want of room? Then it is called again, also with nothing. */
bool ch_unpack_holds(const struct ch_unpack *);
/* May it end here: behind a frame, or before the first? */
bool ch_unpack_whole(const struct ch_unpack *);
/* NULL is allowed. */
void ch_unpack_free(struct ch_unpack *);

#endif
