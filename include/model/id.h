/* SPDX-License-Identifier: ISC */
/*
 * id: trace ids (16 bytes) and span ids (8 bytes), held as big-endian numbers, so that number
 * order is byte order is hex order. All zero means "none".
 */
#ifndef MODEL_ID_H
#define MODEL_ID_H

#include "base/buf.h"

struct trace_id {
	uint64_t hi, lo;
};

static inline int
trace_id_cmp(struct trace_id a, struct trace_id b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return (a.lo > b.lo) - (a.lo < b.lo);
}

static inline bool
trace_id_eq(struct trace_id a, struct trace_id b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static inline bool
trace_id_zero(struct trace_id a)
{
	return a.hi == 0 && a.lo == 0;
}

/* 1 to 32 (16) hex digits of either case, left-padded with zeros; false otherwise. */
bool trace_id_parse(struct sv, struct trace_id *);
bool span_id_parse(struct sv, uint64_t *);
/* 16 (8) bytes, most significant first. */
struct trace_id trace_id_from_bytes(const uint8_t *);
uint64_t span_id_from_bytes(const uint8_t *);
void trace_id_to_bytes(struct trace_id, uint8_t *);
void span_id_to_bytes(uint64_t, uint8_t *);
void trace_id_print(struct buf *, struct trace_id);	/* 32 digits */
void span_id_print(struct buf *, uint64_t);		/* 16 digits */

#endif
