/* SPDX-License-Identifier: ISC */
/*
 * exec: the driver. Opens the steps of the plan, the scan first. Scans the query's time, at once or
 * slice by slice, from its source (exec/source.h) into the sink that the last step is (sink.h),
 * which hands out the batches.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/clock.h"

/* ---- what the steps of a plan are here: operators, and last the sink ---- */

static int
open_scan(struct exec *ex, struct err *e)
{
	return source_open(ex, ex->env.source != NULL ? ex->env.source : &source_local, e);
}

/* Pushed down it is the source's. */
static int
open_filter(struct exec *ex, struct err *e)
{
	const struct plan_filter *f = &ex->plan->filter;

	ex->needs_trace |= pred_needs_trace(f->pred);
	ex->scanned |= f->never || time_range_empty(f->range);
	return f->pushdown ? 0 : pred_eval_new(f->pred, &ex->rows, e);
}

static int
open_limit(struct exec *ex, struct err *e)
{
	const struct plan_page *p = &ex->plan->page;

	(void)e;
	ex->page = (struct page){ .skip = p->offset, .left = p->limit };
	ex->scanned |= p->limit == 0;
	return 0;
}

/* A sum of lengths needs no order, unless only some rows are in it. */
static int
open_fetch(struct exec *ex, struct err *e)
{
	const struct plan *p = ex->plan;

	if (ex->sizing != NULL && !plan_has(p, PLAN_LIMIT))
		return sink_open(&ex->sink, ex, &sink_size, e);
	return sink_open(&ex->sink, ex, p->output == ROW_TRACE ? &sink_traces : &sink_rows, e);
}

static int
open_count(struct exec *ex, struct err *e)
{
	return sink_open(&ex->sink, ex, &sink_count, e);
}

static int
open_group(struct exec *ex, struct err *e)
{
	return sink_open(&ex->sink, ex, &sink_groups, e);
}

static int
open_contrast(struct exec *ex, struct err *e)
{
	const struct plan *p = ex->plan;
	int rc;

	ex->needs_trace |= pred_needs_trace(p->contrast.pred);
	if (!p->filter.pushdown && (rc = pred_eval_new(p->contrast.pred, &ex->compared, e)) < 0)
		return rc;
	return sink_open(&ex->sink, ex, &sink_contrast, e);
}

/* Traces are put together, and rows ordered, by the sink as it needs them. */
static int (*const node_opens[])(struct exec *, struct err *) = {
	[PLAN_SCAN] = open_scan,
	[PLAN_FILTER] = open_filter,
	[PLAN_TRACES] = NULL,
	[PLAN_ORDER] = NULL,
	[PLAN_LIMIT] = open_limit,
	[PLAN_FETCH] = open_fetch,
	[PLAN_COUNT] = open_count,
	[PLAN_GROUP] = open_group,
	[PLAN_CONTRAST] = open_contrast,
};
_Static_assert(sizeof node_opens / sizeof *node_opens == N_PLAN_KINDS, "a node that can't run");

static int
open_nodes(struct exec *ex, const struct plan_node *n, struct err *e)
{
	int rc = n->input != NULL ? open_nodes(ex, n->input, e) : 0;

	return rc == 0 && node_opens[n->kind] != NULL ? node_opens[n->kind](ex, e) : rc;
}

static int
open_plan(struct exec *ex, struct err *e)
{
	if (ex->plan->root == NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "a plan without steps");
	return open_nodes(ex, ex->plan->root, e);
}

/* Only shards keep lengths; of rows that are no spans there are none. */
static int
open_passing(struct exec *ex, struct err *e)
{
	bool local = ex->env.source == NULL || ex->env.source == &source_local;

	if (ex->env.pass.to == 0 || !local || ex->plan->output != ROW_SPAN)
		return 0;
	if ((ex->passing = calloc(1, sizeof *ex->passing)) == NULL)
		return err_nomem(e);
	ex->passing->to = ex->env.pass.to;
	ex->passing->sizing.version = ex->env.pass.version;
	return 0;
}

/* Never 0; 32 bits of them go round while nobody remembers. */
static uint32_t
next_reader(void)
{
	static _Atomic uint32_t last;
	uint32_t n = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;

	return n != 0 ? n : 1;
}

static void
start_of(struct exec *ex)
{
	const struct plan *p = ex->plan;

	ex->opened_ns = clock_mono_ns();
	ex->reader = next_reader();
	ex->threads = ex->env.pool == NULL || ex->env.threads == 0 ? 1 : ex->env.threads;
	if (p->scan.threads != 0 && p->scan.threads < ex->threads)
		ex->threads = p->scan.threads;
	ex->batch_rows = ex->env.batch_rows == 0 ? BATCH_ROWS : ex->env.batch_rows;
	ex->page.left = UINT64_MAX;
}

int
exec_begin(const struct plan *plan, const struct exec_env *env, struct sizing *sizing,
    struct exec **out, struct err *e)
{
	struct exec *ex = calloc(1, sizeof *ex);
	int rc;

	if (ex == NULL)
		return err_nomem(e);
	ex->plan = plan;
	ex->env = *env;
	ex->sizing = sizing;
	start_of(ex);
	if ((rc = open_passing(ex, e)) < 0 || (rc = open_plan(ex, e)) < 0) {
		exec_close(ex);
		return rc;
	}
	*out = ex;
	return 0;
}

int
exec_open(const struct plan *plan, const struct exec_env *env, struct exec **out, struct err *e)
{
	return exec_begin(plan, env, NULL, out, e);
}

void
exec_close(struct exec *ex)
{
	if (ex == NULL)
		return;
	sink_close(&ex->sink);
	passing_free(ex->passing);
	source_close(ex);
	pred_eval_free(ex->rows);
	pred_eval_free(ex->compared);
	quota_give(ex->env.quota, atomic_load(&ex->held));
	free(ex);
}

const struct profile *
exec_profile(const struct exec *ex)
{
	struct exec *x = (struct exec *)(uintptr_t)ex;

	if (x->source.ops->profile != NULL)
		x->source.ops->profile(&x->source, &x->prof);
	return &x->prof;
}

/* ---- batches ---- */

/* Scans on; >0: there is nothing more to scan. */
static int
scan_more(struct exec *ex, struct err *e)
{
	struct slice s = { ex->plan->filter.range.from, exec_last(ex->plan) };
	struct source *src = &ex->source;
	struct row_sink *k = &ex->sink;
	int rc;

	if (ex->scanned || k->full)
		return 1;
	if (!k->streams || !src->ops->caps->newest)
		ex->scanned = true;
	else if ((rc = exec_check(ex, e)) < 0 || (rc = pass_hours(ex, e)) < 0 ||
	    (rc = src->ops->slice(src, &s, e)) != 0)
		return rc;
	if (k->ops->start != NULL && (rc = k->ops->start(k, e)) < 0)
		return rc;
	if ((rc = src->ops->scan(src, s, k, e)) < 0)
		return rc;
	return k->ops->finish != NULL ? k->ops->finish(k, e) : 0;
}

static int
next_batch(struct exec *ex, struct batch *b, struct err *e)
{
	struct row_sink *s = &ex->sink;
	int rc;

	/* What is counted, say, is there only after the scan. */
	if (!ex->begun) {
		ex->begun = true;
		if ((rc = scan_more(ex, e)) < 0)
			return rc;
	}
	while ((rc = s->ops->next(s, b, e)) > 0)
		if ((rc = scan_more(ex, e)) != 0)
			break;
	return rc;
}

static int
next_or_end(struct exec *ex, struct batch *b, struct err *e)
{
	int rc;

	if ((rc = exec_check(ex, e)) == 0)
		rc = next_batch(ex, b, e);
	if (rc == 0) {
		ex->n_out += b->n;
		ex->prof.rows_returned += b->n;
		rc = exec_over_rows(ex, e);
	}
	if (rc != 0) {
		ex->ended = rc;
		ex->prof.complete = rc > 0;
		sink_close(&ex->sink);
	}
	return rc;
}

/* What this thread reads meanwhile, counted in a profile or not, is for this exec. */
int
exec_next(struct exec *ex, struct batch *b, struct err *e)
{
	uint32_t before = cache_reader;
	int rc;

	if (ex->ended != 0)
		return ex->ended;
	cache_reader = ex->reader;
	rc = next_or_end(ex, b, e);
	cache_reader = before;
	return rc;
}
