/* SPDX-License-Identifier: ISC */
/* stream: see stream_i.h. */
#include "stream_i.h"

#include <stdlib.h>

#define CHUNK ((size_t)256 << 10)	/* asked of the source at a time */
#define HAND_OVER ((size_t)1 << 20)	/* larger blocks are given away and not copied */

void
stream_init(struct stream *s, const struct source_bytes *src)
{
	*s = (struct stream){ .src = *src };
}

void
stream_release(struct stream *s)
{
	free(s->buf);
	s->buf = NULL;
	s->pos = s->n = s->cap = 0;
}

static bool
fail(struct stream *s, int code)
{
	s->ended = true;
	s->failed = code;
	return false;
}

/* Room for at least one byte after the window; doubles, so that reads stay large. */
static bool
make_room(struct stream *s)
{
	size_t cap;
	char *p;

	if (s->pos > 0) {
		memmove(s->buf, s->buf + s->pos, stream_left(s));
		s->n -= s->pos;
		s->pos = 0;
	}
	if (s->cap - s->n >= CHUNK / 2)
		return true;
	cap = s->cap < CHUNK ? CHUNK : s->cap * 2;
	p = realloc(s->buf, cap);
	if (p == NULL)
		return fail(s, err_nomem(&s->err));
	s->buf = p;
	s->cap = cap;
	return true;
}

bool
stream_fill(struct stream *s, size_t want)
{
	int64_t got;

	while (stream_left(s) < want && !s->ended) {
		if (s->cap - s->n < CHUNK / 2 && !make_room(s))
			return false;
		got = s->src.read(s->src.arg, s->buf + s->n, s->cap - s->n, &s->err);
		if (got < 0)
			return fail(s, (int)got);
		if (got == 0)
			s->ended = true;
		s->n += (size_t)got;
	}
	return stream_left(s) >= want;
}

void
stream_skip(struct stream *s, size_t n)
{
	s->pos += n;
	s->off += n;
	if (s->pos == s->n)
		s->pos = s->n = 0;
}

bool
stream_discard(struct stream *s, uint64_t n)
{
	while (n > 0) {
		size_t k;

		if (!stream_fill(s, 1))
			return false;
		k = stream_left(s) < n ? stream_left(s) : (size_t)n;
		stream_skip(s, k);
		n -= k;
	}
	return true;
}

/* Gives the window's own block away; what follows the n bytes moves to a new one. */
static char *
hand_over(struct stream *s, size_t n)
{
	size_t rest = s->n - n, cap = rest + CHUNK;
	char *p = s->buf, *q = malloc(cap);

	if (q == NULL)
		return NULL;
	memcpy(q, p + n, rest);
	s->buf = q;
	s->n = rest;
	s->cap = cap;
	s->off += n;
	return p;
}

char *
stream_take(struct stream *s, size_t n)
{
	char *p;

	if (s->pos == 0 && n >= HAND_OVER && n >= s->n - n)
		return hand_over(s, n);
	p = malloc(n + (n == 0));
	if (p == NULL)
		return NULL;
	memcpy(p, stream_at(s), n);
	stream_skip(s, n);
	return p;
}
