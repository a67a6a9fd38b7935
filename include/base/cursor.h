/* SPDX-License-Identifier: ISC */
/*
 * cursor: a bounds-checked reader over bytes we do not trust. A read past the end sets
 * `bad`, returns zeros, and so do all later reads; the caller asks once with cursor_ok or
 * looks at `bad` before trusting a count. Numbers are little-endian.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/sv.h"
#include "base/varint.h"

struct cursor {
	const uint8_t *base, *p, *end;
	bool bad;
};

static inline struct cursor
cursor_new(const void *p, size_t n)
{
	const uint8_t *b = p;

	/* Nothing may be at NULL, to which not even 0 may be added. */
	return (struct cursor){ b, b, n == 0 ? b : b + n, false };
}

static inline size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static inline size_t
cursor_off(const struct cursor *c)
{
	return (size_t)(c->p - c->base);
}

static inline bool
cursor_take(struct cursor *c, size_t n, const uint8_t **out)
{
	if (c->bad || cursor_left(c) < n) {
		c->bad = true;
		return false;
	}
	*out = c->p;
	c->p += n;
	return true;
}

static inline uint64_t
cursor_uint(struct cursor *c, size_t bytes)
{
	const uint8_t *p;
	uint64_t v = 0;

	if (!cursor_take(c, bytes, &p))
		return 0;
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

#define cursor_u8(c) ((uint8_t)cursor_uint((c), 1))
#define cursor_u16(c) ((uint16_t)cursor_uint((c), 2))
#define cursor_u32(c) ((uint32_t)cursor_uint((c), 4))
#define cursor_u64(c) cursor_uint((c), 8)

static inline uint64_t
cursor_varint(struct cursor *c)
{
	uint64_t v = 0;
	size_t n = c->bad ? 0 : varint_decode(c->p, c->end, &v);

	if (n == 0)
		c->bad = true;
	c->p += n;
	return v;
}

/* A varint length, then that many bytes. Borrowed from the cursor's bytes. */
static inline struct sv
cursor_str(struct cursor *c)
{
	const uint8_t *p;
	uint64_t n = cursor_varint(c);

	if (c->bad || n > cursor_left(c) || !cursor_take(c, (size_t)n, &p)) {
		c->bad = true;
		return SV_EMPTY;
	}
	return sv_new(p, (size_t)n);
}

#endif
