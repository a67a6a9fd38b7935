/* SPDX-License-Identifier: ISC */
/*
 * contrast_bytes: a contrast, before its end, as bytes that can be kept and merged later: what a shard
 * has, say. Whoever keeps them adds a checksum, and the names of what was asked and of what.
 *
 *   "SCS", u8 1   what it is, and its version
 *   v v           spans of the selection, of the baseline
 *   v             fields; of each:
 *     u8 u8 v bytes   scope, intrinsic (0 of others), key
 *     u8              1: dropped, and nothing follows of it
 *     v               values; of each: v bytes, packed; v v, spans of each side
 *
 * Little-endian; v is a varint. What is read is looked at: bytes that contrast_load takes make a table
 * as spans could have.
 */
#ifndef AGG_CONTRAST_BYTES_H
#define AGG_CONTRAST_BYTES_H

#include "agg/contrast.h"
#include "base/buf.h"

int contrast_save(struct contrast *, struct buf *, struct err *) WARN_UNUSED;
/* A new one, of the budget of `parent`, to be merged. ERR_CORRUPT, with the offset; ERR_VERSION. */
int contrast_load(struct contrast *parent, struct sv, struct contrast **, struct err *) WARN_UNUSED;

#endif
