/* SPDX-License-Identifier: ISC */
/*
 * span_line: a span's line in spans.jsonl (without `select`), and how long it is. Shards keep the
 * lengths of their rows, so both come from one place: the length is that of the line, written
 * and thrown away, but for the texts that spans share.
 */
#ifndef RENDER_SPAN_LINE_H
#define RENDER_SPAN_LINE_H

#include "render/render.h"

/*
 * What shards write beside the lengths. To be counted up with any change of any span's line:
 * lengths of another version are not believed. At most 255.
 */
#define SPAN_LINE_VERSION 1

/* Appends the line, with its end. render_ok() says later whether memory ran out. */
void span_line_put(struct render *, struct buf *, const struct span *);
/* The bytes that span_line_put would append; the scratch is overwritten. ERR_NOMEM. */
int span_line_length(struct render *, struct buf *scratch, const struct span *, uint64_t *n)
    WARN_UNUSED;

#endif
