/* SPDX-License-Identifier: ISC */
/* codec: the compressors of sections, and nobody else's business. Thread-safe. */
#ifndef SHARD_CODEC_H
#define SHARD_CODEC_H

#include "base/buf.h"
#include "shard/shard_format.h"

/*
 * Appends the stored form of raw to out: zstd at `level` if that is at least 1/8 smaller, else
 * the bytes as they are; *codec says which.
 */
int codec_compress(struct buf *out, struct sv raw, int level, enum section_codec *codec,
    struct err *) WARN_UNUSED;
/* Appends one zstd frame whatever its size: the footer, which has no codec byte. level >= 1. */
int codec_frame(struct buf *out, struct sv raw, int level, struct err *) WARN_UNUSED;
/* Exactly raw_bytes into out; ERR_CORRUPT for anything else, or an unknown codec. */
int codec_decompress(int codec, struct sv stored, void *out, size_t raw_bytes, struct err *)
    WARN_UNUSED;

#endif
