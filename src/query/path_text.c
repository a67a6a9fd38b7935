/* SPDX-License-Identifier: ISC */
/* path_text: a path as text: its segments, what it prints as, and places in what was typed. */
#include "path_i.h"

struct sv
path_next_segment(struct sv *rest)
{
	struct sv seg;

	while (rest->n > 0 && rest->p[0] == '/')
		*rest = sv_new(rest->p + 1, rest->n - 1);
	seg = sv_new(rest->p, 0);
	while (seg.n < rest->n && rest->p[seg.n] != '/')
		seg.n++;
	*rest = sv_new(rest->p + seg.n, rest->n - seg.n);
	while (rest->n > 0 && rest->p[0] == '/')
		*rest = sv_new(rest->p + 1, rest->n - 1);
	return seg;
}

void
path_print(struct buf *b, const struct path *p)
{
	size_t n = p->n_bytes, left = n;

	if (n == 0) {
		buf_putc(b, '/');
		return;
	}
	if (!buf_reserve(b, n))
		return;
	/* The chain leads backwards, so the text is filled from its end. */
	for (; p->parent != NULL; p = p->parent) {
		left -= p->seg.n;
		memcpy(b->p + b->n + left, p->seg.p, p->seg.n);
		b->p[b->n + --left] = '/';
	}
	b->n += n;
}

int64_t
path_typed_offset(const struct path *p, struct sv typed, int64_t off)
{
	struct sv rest = typed, seg = SV_EMPTY;
	size_t at, begin;

	/* The segment that the place is in, or right before. */
	while (p->parent != NULL && (int64_t)(p->n_bytes - p->seg.n) > off)
		p = p->parent;
	if (p->parent == NULL || off < 0)
		return off;
	for (unsigned i = 0; i < p->n_segs; i++)
		seg = path_next_segment(&rest);
	begin = p->n_bytes - p->seg.n;
	at = (size_t)off - begin;
	/* As typed it may begin with the spelling of a link. */
	if (seg.n > p->seg.n)
		at += seg.n - p->seg.n;
	return (seg.p - typed.p) + (int64_t)(at < seg.n ? at : seg.n);
}
