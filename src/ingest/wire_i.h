/* SPDX-License-Identifier: ISC */
/*
 * wire: a bounded reader of protobuf's wire format: one message's fields in turn, each
 * checked against the bytes that are there. It knows no message types, allocates nothing and
 * does not descend. Groups (wire types 3 and 4), which OTLP never had, are malformed.
 */
#ifndef INGEST_WIRE_I_H
#define INGEST_WIRE_I_H

#include "base/sv.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire {
	const uint8_t *p, *end;
	const char *why;	/* what is malformed, at p; NULL: nothing so far */
};

struct wire_field {
	uint32_t num;
	enum wire_type type;
	uint64_t u;		/* VARINT, FIXED64, FIXED32 */
	struct sv s;		/* BYTES: borrowed */
};

static inline struct wire
wire_new(struct sv s)
{
	const uint8_t *p = (const uint8_t *)(s.n == 0 ? "" : s.p);

	return (struct wire){ p, p + s.n, NULL };
}

/* The next field; false at the end and, with `why`, if malformed. */
bool wire_next(struct wire *, struct wire_field *);

#endif
