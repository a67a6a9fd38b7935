/* SPDX-License-Identifier: ISC */
/*
 * buf: growable bytes. Appending never fails visibly: when memory runs out the buffer turns
 * `oom`, later appends do nothing, and whoever made the buffer asks once, at the end, with
 * buf_ok(). So writers of text need no error path of their own. Not NUL-terminated; buf_cstr
 * adds one.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/err.h"
#include "base/sv.h"

struct buf {
	char *p;
	size_t n;	/* bytes used */
	size_t cap;
	bool oom;
};

#define BUF_INIT { NULL, 0, 0, false }

void buf_init(struct buf *);
void buf_release(struct buf *);
/* Makes room for `more` further bytes; false (and oom) if there is none. */
bool buf_grow(struct buf *, size_t more);
/* 0, or ERR_NOMEM with the message set. */
int buf_ok(const struct buf *, struct err *) WARN_UNUSED;
/* The bytes with a NUL after them, or NULL when out of memory. Valid until the next append. */
const char *buf_cstr(struct buf *);

static inline bool
buf_reserve(struct buf *b, size_t more)
{
	return b->cap - b->n >= more || buf_grow(b, more);
}

static inline void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n != 0 && buf_reserve(b, n)) {
		memcpy(b->p + b->n, p, n);
		b->n += n;
	}
}

static inline void
buf_putc(struct buf *b, char c)
{
	if (buf_reserve(b, 1))
		b->p[b->n++] = c;
}

static inline void
buf_sv(struct buf *b, struct sv s)
{
	buf_put(b, s.p, s.n);
}

#define BUF_LIT(b, lit) buf_put((b), (lit), sizeof(lit) - 1)

static inline struct sv
buf_view(const struct buf *b)
{
	return (struct sv){ b->p, b->n };
}

/* The lower `bytes` bytes of v, little-endian. */
static inline void
buf_le(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

/* "00" to "99", one after the other. */
extern const char digit_pairs[];

/* The two digits of v < 100. */
static inline void
digit_pair(char *p, unsigned v)
{
	memcpy(p, digit_pairs + 2 * v, 2);
}

void buf_str(struct buf *, const char *);
void buf_u64(struct buf *, uint64_t);		/* decimal */
void buf_i64(struct buf *, int64_t);
void buf_hex(struct buf *, const void *, size_t n);	/* lower case */
void buf_hex64(struct buf *, uint64_t);		/* 16 digits, most significant first */
/* Shortest text that reads back, always with '.' or 'e'; NaN, Infinity, -Infinity as those words. */
void buf_double(struct buf *, double);
void buf_base64(struct buf *, const void *, size_t n);	/* standard, padded */
void buf_printf(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *, const char *fmt, va_list);

#endif
