/* SPDX-License-Identifier: ISC */
/*
 * cover: the shards whose access says so are counted from their footers (cover_cells.c) or their
 * indexes (cover_rows.c), if range and filter are such that these know; others are scanned.
 */
#include "exec_i.h"
#include "filter/cover.h"

#include <stdlib.h>

#define LEAST_TOGETHER 4	/* shards that are worth a second thread */

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

/* All of the shard's rows are in the plan's range. */
static bool
in_range(const struct exec *ex, const struct xshard *xs)
{
	return xs->entry->min_start >= ex->plan->filter.range.from &&
	    xs->entry->max_start <= exec_last(ex->plan);
}

/* What the catalog says without opening the shard: all of it, or whole services. */
static int
cover_listed(const struct exec *ex, const struct xshard *xs, uint64_t *n, struct err *e)
{
	const struct pred *p = ex->plan->filter.pred;
	struct arena a;
	struct sv *v;
	int rc;

	if (p->kind == PRED_TRUE) {
		*n = xs->entry->n_rows;
		return in_range(ex, xs);
	}
	if (p != plan_top_leaf(p, IN_SERVICE))
		return 0;
	arena_init(&a);
	if ((v = arena_array(&a, p->n_lits, struct sv)) == NULL) {
		arena_release(&a);
		return err_nomem(e);
	}
	for (size_t i = 0; i < p->n_lits; i++)
		v[i] = p->lits[i].text;
	rc = snapshot_service_rows(ex->env.snapshot, xs->plan->shard, ex->plan->filter.range, v,
	    p->n_lits, n);
	arena_release(&a);
	return rc;
}

static int
cover(struct exec *ex, struct xshard *xs, uint64_t *n, struct profile *prof,
    struct err *e)
{
	int rc;

	if ((rc = exec_check(ex, e)) < 0 || (xs->plan->access == ACCESS_CATALOG &&
	    (rc = cover_listed(ex, xs, n, e)) != 0))
		return rc;
	if ((rc = source_shard(ex, xs->plan->shard, &xs->s, e)) < 0)
		return rc;
	xs->info = shard_info(xs->s);
	rc = cover_cells(xs, ex->plan->filter.range.from, exec_last(ex->plan), n, e);
	if (rc != 0 || xs->plan->access == ACCESS_CATALOG)
		return rc;
	if ((rc = xshard_prepare(ex, xs, e)) < 0)
		return rc;
	rc = in_range(ex, xs) ? cover_rows(xs, n, prof, e) : 0;
	xshard_release(xs);
	return rc;
}

static void
cover_task(void *arg, size_t i)
{
	struct covering *k = arg;
	struct covered *c = &k->shards[i];
	struct reads before = reads_begin(k->ex);

	if (may_cover(&k->ex->local->shards[i]))
		c->code = cover(k->ex, &k->ex->local->shards[i], &c->n, &c->prof,
		    &c->err);
	reads_end(&before, &c->prof);
}

static int
add_up(struct covering *k, uint64_t *n, struct err *e)
{
	struct exec *ex = k->ex;

	for (size_t i = 0; i < ex->local->n_shards; i++) {
		struct covered *c = &k->shards[i];

		profile_add(&ex->prof, &c->prof);
		if (c->code < 0) {
			if (e != NULL)
				*e = c->err;
			return c->code;
		}
		if (c->code == 0)
			continue;
		ex->local->shards[i].counted = true;
		*n += c->n;
		if (ex->env.counts != NULL)
			atomic_fetch_add(&ex->env.counts[i], c->n);
		ex->prof.rows_matched += c->n;
	}
	return 0;
}

/* Takes shards off the scan that need none. */
int
cover_count(struct exec *ex, uint64_t *sum, struct err *e)
{
	struct covering k = { .ex = ex };
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < ex->local->n_shards; i++)
		n += may_cover(&ex->local->shards[i]);
	if (!ex->plan->filter.pushdown || n == 0)
		return 0;
	if ((k.shards = calloc(ex->local->n_shards, sizeof *k.shards)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < ex->local->n_shards; i++)
		k.shards[i].err = (struct err)ERR_INIT;
	pool_each(ex->env.pool, n < LEAST_TOGETHER ? 1 : ex->threads, ex->local->n_shards, cover_task,
	    &k);
	rc = add_up(&k, sum, e);
	free(k.shards);
	return rc;
}
