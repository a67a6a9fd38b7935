/* SPDX-License-Identifier: ISC */
/* errlog: the last errors in words, for .spanfs/errors: newest first, with a caret under the segment. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "engine_i.h"
#include "model/when.h"

void
errlog_init(struct errlog *l)
{
	pthread_mutex_init(&l->lock, NULL);
	l->v = NULL;
	l->n = l->next = 0;
}

void
errlog_release(struct errlog *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
	pthread_mutex_destroy(&l->lock);
}

void
errlog_add(struct errlog *l, struct sv path, struct requester who, const struct err *err)
{
	char *copy = strndup(path.p ? path.p : "", path.n);

	pthread_mutex_lock(&l->lock);
	if (l->v == NULL)
		l->v = calloc(LIMIT_ERRORS_KEPT, sizeof *l->v);
	if (l->v == NULL || copy == NULL)
		free(copy);
	else {
		struct errlog_entry *x = &l->v[l->next];

		free(x->path);
		*x = (struct errlog_entry){ clock_wall_ns(), who, copy, *err };
		l->next = (l->next + 1) % LIMIT_ERRORS_KEPT;
		if (l->n < LIMIT_ERRORS_KEPT)
			l->n++;
	}
	pthread_mutex_unlock(&l->lock);
}

/* Appends s with everything a terminal would act on escaped; returns columns of the first `upto` bytes. */
size_t
visible_text(struct buf *out, struct sv s, size_t upto)
{
	const char *p = s.p, *end = s.p + s.n;
	size_t columns = 0, at_upto = 0;

	while (p < end) {
		uint32_t cp;
		size_t n = utf8_decode(p, end, &cp), before = out->n;

		if ((size_t)(p - s.p) <= upto)
			at_upto = columns;
		if (n == 0 || utf8_unprintable(cp)) {
			buf_printf(out, "\\x%02x", (unsigned char)*p);
			n = 1;
			columns += out->n - before;
		} else {
			buf_put(out, p, n);
			columns++;
		}
		p += n;
	}
	return upto >= s.n ? columns : at_upto;
}

void
engine_visible(struct buf *out, struct sv s)
{
	visible_text(out, s, 0);
}

void
engine_caret(struct buf *out, struct sv path, int64_t off)
{
	size_t col;

	BUF_LIT(out, "  ");
	col = visible_text(out, path, off < 0 ? 0 : (size_t)off);
	BUF_LIT(out, "\n");
	if (off >= 0) {
		for (size_t i = 0; i < col + 2; i++)
			buf_putc(out, ' ');
		BUF_LIT(out, "^\n");
	}
}

void
errlog_print(struct errlog *l, struct requester asks, struct buf *out)
{
	pthread_mutex_lock(&l->lock);
	for (size_t k = 0; k < l->n; k++) {
		const struct errlog_entry *x =
		    &l->v[(l->next + LIMIT_ERRORS_KEPT - 1 - k) % LIMIT_ERRORS_KEPT];

		if (!may_see(asks, x->who))
			continue;
		when_print(out, x->wall_ns);
		buf_printf(out, " uid %u pid %u: ", x->who.uid, x->who.pid);
		visible_text(out, sv_cstr(x->err.msg), 0);
		/* Of a damaged file the offset is one in that file, not in the path. */
		if (x->err.code == ERR_CORRUPT && x->err.off >= 0)
			buf_printf(out, " (offset %lld)", (long long)x->err.off);
		BUF_LIT(out, "\n");
		engine_caret(out, sv_cstr(x->path),
		    x->err.code == ERR_CORRUPT ? -1 : x->err.off);
	}
	pthread_mutex_unlock(&l->lock);
}
