/* SPDX-License-Identifier: ISC */
/*
 * sink_count: the one row of `count`: how many rows spans.jsonl would have, offset and limit
 * included. A shard whose access says so is counted from its footer (cover_cells.c) or its
 * indexes (cover_rows.c), if range and filter are such that these know; others are scanned, and
 * nothing is kept but the sum.
 */
#include "exec_i.h"

#include <stdlib.h>

#define LEAST_TOGETHER 4	/* shards that are worth a second thread */

struct count {
	uint64_t n;			/* rows that match */
	bool told;			/* the row was handed out */
};

/* ---- without a scan ---- */

struct covering {
	struct exec *ex;
	struct covered {
		uint64_t n;
		struct profile prof;
		struct err err;
		int code;		/* 1: counted */
	} *shards;
};

static bool
may_cover(const struct xshard *xs)
{
	return (xs->plan->access == ACCESS_CATALOG || xs->plan->access == ACCESS_COVERING) &&
	    xs->entry->n_rows != 0;
}

static int
cover(struct exec *ex, struct xshard *xs, uint64_t *n, struct profile *prof,
    struct err *e)
{
	int rc;

	if ((rc = exec_check(ex, e)) < 0 ||
	    (rc = source_shard(ex, xs->plan->shard, &xs->s, e)) < 0)
		return rc;
	xs->info = shard_info(xs->s);
	if ((rc = cover_cells(ex, xs, n, e)) != 0 || xs->plan->access == ACCESS_CATALOG)
		return rc;
	if ((rc = xshard_prepare(ex, xs, e)) < 0)
		return rc;
	rc = cover_rows(ex, xs, n, prof, e);
	xshard_release(ex, xs);
	return rc;
}

static void
cover_task(void *arg, size_t i)
{
	struct covering *k = arg;
	struct covered *c = &k->shards[i];
	struct read_counters before = read_counters;

	if (may_cover(&k->ex->shards[i]))
		c->code = cover(k->ex, &k->ex->shards[i], &c->n, &c->prof,
		    &c->err);
	profile_reads(&c->prof, &before);
}

static int
add_up(struct covering *k, uint64_t *n, struct err *e)
{
	struct exec *ex = k->ex;

	for (size_t i = 0; i < ex->n_shards; i++) {
		struct covered *c = &k->shards[i];

		profile_add(&ex->prof, &c->prof);
		if (c->code < 0) {
			if (e != NULL)
				*e = c->err;
			return c->code;
		}
		if (c->code == 0)
			continue;
		ex->shards[i].counted = true;
		*n += c->n;
		ex->prof.rows_matched += c->n;
	}
	return 0;
}

/* Takes shards off the scan that need none. */
static int
count_covered(struct exec *ex, uint64_t *sum, struct err *e)
{
	struct covering k = { .ex = ex };
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < ex->n_shards; i++)
		n += may_cover(&ex->shards[i]);
	if (!ex->plan->pushdown || n == 0)
		return 0;
	if ((k.shards = calloc(ex->n_shards, sizeof *k.shards)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < ex->n_shards; i++)
		k.shards[i].err = (struct err)ERR_INIT;
	pool_each(ex->env.pool, n < LEAST_TOGETHER ? 1 : ex->threads, ex->n_shards, cover_task,
	    &k);
	rc = add_up(&k, sum, e);
	free(k.shards);
	return rc;
}

/* ---- the steps ---- */

static int
count_open(struct row_sink *s, struct err *e)
{
	s->state = calloc(1, sizeof(struct count));
	return s->state == NULL ? err_nomem(e) : 0;
}

static int
count_start(struct row_sink *s, struct err *e)
{
	struct count *c = s->state;

	return count_covered(s->ex, &c->n, e);
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
	s->full = ex->plan->early_stop && ex->plan->limit != UINT64_MAX &&
	    c->n >= exec_wanted(ex);
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
