/* SPDX-License-Identifier: ISC */
/*
 * share: the rows of a batch shared out to several formatters, one a thread, and their
 * bytes joined in order. Only for formats whose rows stand apart (format.h), so the bytes are
 * those of one formatter. Turning a span with its attributes into text costs about as much
 * as fetching it, and a large export is mostly that.
 */
#include <stdlib.h>

#include "format/share.h"

#define MAX_PARTS 8
#define PART_ROWS 128		/* fewer are not worth waking a thread for */

struct part {
	struct formatter *f;
	struct buf out;
	struct batch b;
	struct err err;
	int code;
};

struct share {
	struct pool *pool;
	size_t n;
	struct part parts[MAX_PARTS];
};

static int
part_init(struct part *p, const struct format *f, const struct format_options *o,
    struct err *e)
{
	int code = formatter_new(f, o, &p->f, e);

	/* A header is for the one that began first. */
	if (code == 0 && (code = formatter_begin(p->f, &p->out, e)) == 0)
		p->out.n = 0;
	return code;
}

int
share_new(const struct format *f, const struct format_options *o, struct pool *pool,
    unsigned threads, struct share **out, struct err *e)
{
	struct share *s;
	int code = 0;

	*out = NULL;
	if (!f->rows_apart || pool == NULL || threads < 2)
		return 0;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return err_nomem(e);
	s->pool = pool;
	s->n = threads < MAX_PARTS ? threads : MAX_PARTS;
	for (size_t i = 0; i < s->n && code == 0; i++)
		code = part_init(&s->parts[i], f, o, e);
	if (code < 0) {
		share_free(s);
		return code;
	}
	*out = s;
	return 0;
}

void
share_free(struct share *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		formatter_free(s->parts[i].f);
		buf_release(&s->parts[i].out);
	}
	free(s);
}

bool
share_wants(const struct share *s, const struct batch *b)
{
	return s != NULL && b->kind == ROW_SPAN && b->n >= 2 * PART_ROWS;
}

static void
format_part(void *arg, size_t i)
{
	struct share *s = arg;
	struct part *p = &s->parts[i];

	p->out.n = 0;
	p->code = formatter_batch(p->f, &p->b, &p->out, &p->err);
	if (p->code == 0)
		p->code = buf_ok(&p->out, &p->err);
}

int
share_batch(struct share *s, const struct batch *b,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg, uint64_t *n_bytes,
    struct err *e)
{
	size_t n = b->n / PART_ROWS < s->n ? b->n / PART_ROWS : s->n;
	int code = 0;

	for (size_t i = 0; i < n; i++) {
		size_t from = b->n * i / n, to = b->n * (i + 1) / n;

		s->parts[i].b = (struct batch){ .kind = ROW_SPAN, .n = to - from,
			.spans = b->spans + from };
	}
	pool_each(s->pool, (unsigned)n, n, format_part, s);
	for (size_t i = 0; i < n && code == 0; i++) {
		const struct part *p = &s->parts[i];

		if ((code = p->code) < 0) {
			if (e != NULL)
				*e = p->err;
			break;
		}
		*n_bytes += p->out.n;
		if (p->out.n != 0)
			code = put(arg, p->out.p, p->out.n, e);
	}
	return code;
}
