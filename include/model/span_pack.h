/* SPDX-License-Identifier: ISC */
/*
 * span_pack: a span as bytes that this program reads again, with all that it borrows: for spill files.
 * No format to keep: numbers are varints, texts have their length before them. It begins with the
 * trace id and the span id, SPAN_PACK_IDS bytes.
 */
#ifndef MODEL_SPAN_PACK_H
#define MODEL_SPAN_PACK_H

#include "base/buf.h"
#include "base/cursor.h"
#include "model/span.h"

#define SPAN_PACK_IDS 24

/* Appends it; b->oom says whether there was memory. */
void span_pack(struct buf *b, const struct span *);
/*
 * Reads the one that is all of c's bytes, borrowing texts from these and lists from the arena;
 * ERR_NOMEM, or ERR_IO if it is none.
 */
int span_unpack(struct cursor *c, struct arena *, struct span *out, struct err *) WARN_UNUSED;
/* How much that takes of the arena, at most. */
size_t span_unpack_room(const struct span *);
/* The same of its ids alone. */
int span_unpack_ids(struct cursor *c, struct trace_id *, uint64_t *span_id, struct err *) WARN_UNUSED;

#endif
