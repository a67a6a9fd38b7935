/* SPDX-License-Identifier: ISC */
/*
 * stream: bytes from a source with a window that can be looked at before it is consumed. The
 * window grows with the bytes that really came, never with a length that somebody claims.
 *
 * A source's failure is kept: the bytes before it are handed out first, `ended` tells that
 * no more will come, and `failed` (0 or an error code, with `err`) why.
 */
#ifndef INGEST_STREAM_I_H
#define INGEST_STREAM_I_H

#include "ingest/ingest.h"

struct stream {
	struct source_bytes src;
	char *buf;
	size_t pos, n, cap;	/* the window is [pos, n) of buf */
	uint64_t off;		/* of pos in the source */
	bool ended;
	int failed;
	struct err err;
};

void stream_init(struct stream *, const struct source_bytes *);
void stream_release(struct stream *);
/*
 * Reads until the window holds `want` bytes or the source ends; false if it then holds
 * fewer. Memory running out is a failure of the source.
 */
bool stream_fill(struct stream *, size_t want);
/* Consumes n bytes of the window. */
void stream_skip(struct stream *, size_t n);
/* Consumes n bytes, in the window or still to come; false if the source ends before. */
bool stream_discard(struct stream *, uint64_t n);
/* Consumes n bytes of the window and hands them out in a block from malloc, or NULL. */
char *stream_take(struct stream *, size_t n);

static inline size_t
stream_left(const struct stream *s)
{
	return s->n - s->pos;
}

/* Only good until the next fill or skip. */
static inline const char *
stream_at(const struct stream *s)
{
	return s->buf + s->pos;
}

#endif
