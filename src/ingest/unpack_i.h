/* SPDX-License-Identifier: ISC */
/*
 * unpack: gzip, zstd and xz, the only place that knows them. As a source of bytes over a stream
 * of packed ones: members (gzip) or frames (zstd, xz) may follow each other. Memory is bounded by
 * the codec's window, for zstd and xz at most 2^LIMIT_ZSTD_WINDOW_LOG bytes.
 *
 * ERR_CORRUPT: damaged, or the input ends before the data does; the bytes before that are
 * handed out first.
 */
#ifndef INGEST_UNPACK_I_H
#define INGEST_UNPACK_I_H

#include "stream_i.h"

struct unpack;

/* Reads from the stream, which must outlive it. */
int unpack_gzip(struct stream *, struct unpack **, struct err *) WARN_UNUSED;
int unpack_zstd(struct stream *, struct unpack **, struct err *) WARN_UNUSED;
int unpack_xz(struct stream *, struct unpack **, struct err *) WARN_UNUSED;
void unpack_close(struct unpack *);	/* NULL is allowed */
struct source_bytes unpack_source(struct unpack *);

/*
 * Unpacks one zstd frame (or several) that is all there in `s`, into a block from malloc.
 * ERR_TOOBIG if it has more than max bytes.
 */
int unpack_zstd_block(struct sv s, size_t max, char **out, size_t *n, struct err *)
    WARN_UNUSED;

#endif
