/* SPDX-License-Identifier: ISC */
/*
 * wire_write: builds protobuf messages by hand, good and bad ones: fields are appended to a
 * buf, a message in a message is built in a buf of its own.
 */
#ifndef TESTS_LIB_WIRE_WRITE_H
#define TESTS_LIB_WIRE_WRITE_H

#include "base/varint.h"
#include "model/span.h"

void wire_varint(struct buf *, uint32_t num, uint64_t);
void wire_fixed64(struct buf *, uint32_t num, uint64_t);
void wire_fixed32(struct buf *, uint32_t num, uint32_t);
void wire_bytes(struct buf *, uint32_t num, struct sv);
void wire_text(struct buf *, uint32_t num, const char *);
/* Appends `from` as field `num` and empties it. */
void wire_message(struct buf *, uint32_t num, struct buf *from);
/* A Span message of everything in the span but its resource and scope. */
void wire_span(struct buf *, const struct span *);
/* A request with the spans; neighbours of one resource and scope (by pointer) share theirs. */
void wire_request(struct buf *, const struct span *, size_t n);

#endif
