/* SPDX-License-Identifier: ISC */
/* varint: LEB128 as in protobuf (7 bits a byte, least significant first, at most 10 bytes), and zigzag. */
#ifndef BASE_VARINT_H
#define BASE_VARINT_H

#include "base/buf.h"

#define VARINT_MAX 10

/* Writes 1 to 10 bytes at p and returns how many. */
static inline size_t
varint_encode(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)v | 0x80;
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

/* Reads from [p, end): bytes used, or 0 if cut short, over 10 bytes or over 64 bits. */
static inline size_t
varint_decode(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
	uint64_t v = 0;

	if (p < end && *p < 0x80) {	/* most are */
		*out = *p;
		return 1;
	}
	for (size_t i = 0; i < VARINT_MAX && p + i < end; i++) {
		if (i == 9 && p[i] > 1)
			return 0;
		v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] < 0x80) {
			*out = v;
			return i + 1;
		}
	}
	return 0;
}

static inline uint64_t
zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static inline void
buf_varint(struct buf *b, uint64_t v)
{
	if (buf_reserve(b, VARINT_MAX))
		b->n += varint_encode((uint8_t *)b->p + b->n, v);
}

#endif
