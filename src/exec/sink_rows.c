/* SPDX-License-Identifier: ISC */
/*
 * sink_rows: rows of spans, events and links, in order. What is found becomes refs; they are
 * sorted when a scan is done, and put together only when they are handed out, a batch at a time.
 *
 *   streamed   spans in the default order: slice by slice, newest first. Memory: one slice's refs.
 *   collected  sort keys, events, links, and the plain plan: all refs, or the best offset + limit.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "exec_i.h"

struct rows {
	struct refs refs;		/* of the scan; sorted once it is finished */
	size_t at;			/* next to hand out */
	bool discarding;		/* the page is full, but the plan says to go on */
	struct fetcher fetch;
};

struct rows_local {
	struct refs refs;		/* stride 0: not begun */
};

/* Of shards the plain plan does not. A server's rows are whole, and too many to be held together. */
static bool
streams(const struct exec *ex)
{
	const struct plan *p = ex->plan;

	return p->output == ROW_SPAN && p->order.n_keys == 0 &&
	    (p->filter.pushdown || p->scan.early_stop || ex->source.ops->caps->server != NULL);
}

static int
rows_open(struct row_sink *s, struct err *e)
{
	struct rows *x = calloc(1, sizeof *x);

	if (x == NULL)
		return err_nomem(e);
	s->state = x;
	s->streams = streams(s->ex);
	refs_init(&x->refs, s->ex->plan->order.n_keys, UINT64_MAX);
	return fetcher_init(&x->fetch, s->ex, &x->refs, e);
}

static void
rows_close(struct row_sink *s)
{
	struct rows *x = s->state;

	if (x == NULL)
		return;
	fetcher_release(&x->fetch);
	refs_release(s->ex, &x->refs);
	free(x);
}

/* How many refs of a scan matter. */
static uint64_t
keep_of(const struct row_sink *s)
{
	const struct plan *p = s->ex->plan;

	return p->order.topn || (s->streams && p->scan.early_stop) ? exec_wanted(s->ex) :
	    UINT64_MAX;
}

static int
rows_start(struct row_sink *s, struct err *e)
{
	struct rows *x = s->state;

	(void)e;
	fetch_window_end(&x->fetch);
	refs_release(s->ex, &x->refs);
	refs_init(&x->refs, s->ex->plan->order.n_keys, keep_of(s));
	x->at = 0;
	x->discarding = s->ex->page.left == 0;
	s->bound = x->refs.keep != UINT64_MAX ? &x->refs : NULL;
	return 0;
}

static int
rows_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	struct rows_local *l = local;

	if (l->refs.stride == 0)
		refs_init(&l->refs, s->ex->plan->order.n_keys, UINT64_MAX);
	return refs_add_found(sc, f, &l->refs);
}

static void
rows_drop(struct row_sink *s, void *local)
{
	struct rows_local *l = local;

	if (l->refs.stride != 0)
		refs_release(s->ex, &l->refs);
}

/* The bound of the best moves on each time. */
static int
rows_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	struct rows_local *l = local;
	struct rows *x = s->state;
	int rc = 0;

	if (!x->discarding)
		rc = refs_append(s->ex, &x->refs, &l->refs, e);
	if (last)
		rows_drop(s, local);
	else if (l->refs.stride != 0)
		refs_clear(&l->refs);
	return rc;
}

static int
rows_finish(struct row_sink *s, struct err *e)
{
	struct rows *x = s->state;
	struct page *page = &s->ex->page;
	uint64_t t0 = clock_mono_ns();
	int rc = refs_sort(s->ex, &x->refs, e);

	s->ex->prof.sort_ns += clock_mono_ns() - t0;
	/* Some of them may be before the page. */
	x->at = page->skip < x->refs.n ? (size_t)page->skip : x->refs.n;
	page->skip -= x->at;
	return rc;
}

/* Of the page's rows, those that the reader has no use for. */
static int
pass_rows(struct row_sink *s, struct err *e)
{
	struct rows *x = s->state;
	struct page *page = &s->ex->page;
	size_t was = x->at, n = x->refs.n;
	int rc;

	if (page->left < n - was)
		n = was + (size_t)page->left;
	rc = pass_refs(s->ex, &x->refs, &x->at, n, e);
	page->left -= x->at - was;
	return rc;
}

static int
rows_next(struct row_sink *s, struct batch *b, struct err *e)
{
	struct rows *x = s->state;
	struct exec *ex = s->ex;
	size_t n = exec_batch_rows(ex), most;
	int rc;

	fetch_batch_end(&x->fetch);
	if (ex->passing != NULL && ex->sizing == NULL && (rc = pass_rows(s, e)) < 0)
		return rc;
	most = x->refs.n - x->at;
	most = most < ex->page.left ? most : (size_t)ex->page.left;
	n = most < n ? most : n;
	if (n == 0) {
		/* If the page is full what is left of the refs is not wanted. */
		s->full = ex->page.left == 0 && ex->plan->scan.early_stop;
		return 1;
	}
	if (ex->sizing != NULL) {
		*b = (struct batch){ .kind = ROW_SPAN, .n = n };
		rc = sizing_add_refs(ex, &x->refs, x->at, n, e);
	} else
		rc = fetch_batch(&x->fetch, x->at, n, most, b, e);
	if (rc < 0)
		return rc;
	x->at += b->n;
	ex->page.left -= b->n;
	return 0;
}

const struct sink_ops sink_rows = {
	.name = "rows",
	.local_bytes = sizeof(struct rows_local),
	.open = rows_open,
	.start = rows_start,
	.consume = rows_consume,
	.combine = rows_combine,
	.finish = rows_finish,
	.next = rows_next,
	.drop = rows_drop,
	.close = rows_close,
};
