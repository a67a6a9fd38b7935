/* SPDX-License-Identifier: ISC */
/*
 * sink_count: the one row of `count`: how many rows spans.jsonl would have, offset and limit
 * included. What the source can tell without a scan is left out of it; of the rest nothing is kept
 * but the sum.
 */
#include "exec_i.h"

#include <stdlib.h>

struct count {
	uint64_t n;			/* rows that match */
	bool told;			/* the row was handed out */
};

static int
count_open(struct row_sink *s, struct err *e)
{
	const struct plan *p = s->ex->plan;

	s->state = calloc(1, sizeof(struct count));
	s->fills = p->scan.early_stop && p->page.limit != UINT64_MAX;
	return s->state == NULL ? err_nomem(e) : 0;
}

static int
count_start(struct row_sink *s, struct err *e)
{
	struct source *src = &s->ex->source;
	struct count *c = s->state;

	c->n = s->ex->plan->scan.summed;
	s->ex->prof.rows_matched += c->n;
	return src->ops->count != NULL ? src->ops->count(src, &c->n, e) : 0;
}

static int
count_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	uint64_t *n = local;

	(void)s;
	(void)sc;
	*n += f->n;
	return 0;
}

static int
count_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	const struct exec *ex = s->ex;
	struct count *c = s->state;
	uint64_t *n = local;

	(void)last;
	(void)e;
	c->n += *n;
	*n = 0;
	s->full = s->fills && c->n >= exec_wanted(ex);
	return 0;
}

static int
count_next(struct row_sink *s, struct batch *b, struct err *e)
{
	const struct page *page = &s->ex->page;
	struct count *c = s->state;
	uint64_t n = c->n > page->skip ? c->n - page->skip : 0;

	(void)e;
	if (c->told)
		return 1;
	c->told = true;
	*b = (struct batch){ .kind = ROW_COUNT, .n = 1, .count = n < page->left ? n : page->left };
	return 0;
}

static void
count_close(struct row_sink *s)
{
	free(s->state);
}

const struct sink_ops sink_count = {
	.name = "count",
	.local_bytes = sizeof(uint64_t),
	.open = count_open,
	.start = count_start,
	.consume = count_consume,
	.combine = count_combine,
	.next = count_next,
	.close = count_close,
};
