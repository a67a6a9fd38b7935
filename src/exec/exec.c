/* SPDX-License-Identifier: ISC */
/*
 * exec: the driver. Four ways through a plan:
 *
 *   streamed   spans in the default order: slice by slice, newest first; a slice is scanned,
 *              sorted and handed out before the next. Memory: one slice's refs.
 *   collected  sort keys, events, links, and the plain plan: everything is scanned, the refs
 *              sorted (or the best offset + limit kept), then handed out.
 *   traces     op_trace_rows
 *   counted    op_count
 *
 * Rows are put together only when they are handed out, a batch at a time.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/clock.h"

static bool
asks_children(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->op != OP_TEXT && p->field.scope == FIELD_INTRINSIC &&
		    p->field.intrinsic == IN_CHILD_COUNT;
	for (size_t i = 0; i < p->n_kids; i++)
		if (asks_children(p->kids[i]))
			return true;
	return false;
}

static bool
searches(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->op == OP_TEXT || p->op == OP_RE || p->op == OP_CONTAINS;
	for (size_t i = 0; i < p->n_kids; i++)
		if (searches(p->kids[i]))
			return true;
	return false;
}

/* Rows that carry facts carry the child count too. */
static bool
needs_children(const struct plan *p)
{
	for (size_t i = 0; i < p->n_sort; i++)
		if (p->sort[i].field.scope == FIELD_INTRINSIC &&
		    p->sort[i].field.intrinsic == IN_CHILD_COUNT)
			return true;
	return p->want_trace || asks_children(p->filter);
}

static int
filters_open(struct exec *ex, struct err *e)
{
	ex->needs_trace = pred_needs_trace(ex->plan->filter);
	ex->searches = searches(ex->plan->filter);
	ex->needs_children = needs_children(ex->plan);
	return ex->plan->pushdown ? filter_init(&ex->filter, ex->plan->filter, e) :
	    pred_eval_new(ex->plan->filter, &ex->rows, e);
}

static void
start_of(struct exec *ex)
{
	const struct plan *p = ex->plan;

	ex->opened_ns = clock_mono_ns();
	ex->threads = ex->env.pool == NULL || ex->env.threads == 0 ? 1 : ex->env.threads;
	if (p->threads != 0 && p->threads < ex->threads)
		ex->threads = p->threads;
	ex->batch_rows = ex->env.batch_rows == 0 ? BATCH_ROWS : ex->env.batch_rows;
	ex->skip = p->offset;
	ex->left = p->limit;
	ex->next_last = exec_last(p);
	ex->nothing = p->never || time_range_empty(p->range);
}

static int
locks_init(struct exec *ex)
{
	if (pthread_mutex_init(&ex->lock, NULL) != 0)
		return -1;
	if (pthread_mutex_init(&ex->table_lock, NULL) == 0)
		return 0;
	pthread_mutex_destroy(&ex->lock);
	return -1;
}

int
exec_open(const struct plan *plan, const struct exec_env *env, struct exec **out, struct err *e)
{
	struct exec *ex = calloc(1, sizeof *ex);
	int rc;

	if (ex == NULL)
		return err_nomem(e);
	ex->plan = plan;
	ex->env = *env;
	arena_init(&ex->batch);
	arena_init(&ex->window);
	refs_init(&ex->refs, plan->n_sort, UINT64_MAX);
	if (locks_init(ex) != 0) {
		free(ex);
		return err_nomem(e);
	}
	start_of(ex);
	if ((rc = filters_open(ex, e)) < 0 || (rc = source_open(ex, e)) < 0 ||
	    (rc = traces_open(ex, e)) < 0 || (rc = trace_tables_open(ex, e)) < 0) {
		exec_close(ex);
		return rc;
	}
	*out = ex;
	return 0;
}

void
exec_close(struct exec *ex)
{
	if (ex == NULL)
		return;
	fetch_close(ex);
	trace_rows_close(ex);
	refs_release(ex, &ex->refs);
	source_close(ex);
	filter_release(&ex->filter);
	pred_eval_free(ex->rows);
	lru_free(ex->traces);
	trace_tables_close(ex);
	pthread_mutex_destroy(&ex->table_lock);
	pthread_mutex_destroy(&ex->lock);
	free(ex);
}

const struct profile *
exec_profile(const struct exec *ex)
{
	struct exec *x = (struct exec *)(uintptr_t)ex;

	x->prof.shards_opened = atomic_load(&x->n_seen);
	x->prof.traces_assembled = atomic_load(&x->n_traces);
	x->prof.index_lists = atomic_load(&x->n_index_lists);
	x->prof.text_lists = atomic_load(&x->n_text_lists);
	x->prof.index_rows = atomic_load(&x->n_index_rows);
	return &x->prof;
}

/* ---- refs ---- */

static int
take_refs(struct exec *ex, struct scan_out *out, struct err *e)
{
	if (ex->discarding)
		return 0;
	return refs_append(ex, &ex->refs, &out->refs, e);
}

static int
scan_sorted(struct exec *ex, struct slice s, uint64_t keep, struct err *e)
{
	uint64_t t0;
	int rc;

	fetch_window_end(ex);
	refs_release(ex, &ex->refs);
	refs_init(&ex->refs, ex->plan->n_sort, keep);
	if ((rc = scan_slice(ex, s, FOR_REFS, keep != UINT64_MAX, take_refs, e)) < 0)
		return rc;
	t0 = clock_mono_ns();
	rc = refs_sort(ex, &ex->refs, e);
	ex->prof.sort_ns += clock_mono_ns() - t0;
	/* Some of them may be before the page. */
	ex->at = ex->skip < ex->refs.n ? (size_t)ex->skip : ex->refs.n;
	ex->skip -= ex->at;
	return rc;
}

static bool
streams(const struct plan *p)
{
	return p->output == ROW_SPAN && p->n_sort == 0 && (p->pushdown || p->early_stop);
}

/* Refs to hand out; >0: there are no more. */
static int
more_refs(struct exec *ex, struct err *e)
{
	const struct plan *p = ex->plan;
	struct slice s = { p->range.from, ex->next_last };
	int rc;

	if (!streams(p)) {
		if (ex->started)
			return 1;
		ex->started = true;
		return scan_sorted(ex, s, p->topn ? exec_wanted(ex) : UINT64_MAX, e);
	}
	while (ex->at == ex->refs.n) {
		if (ex->left == 0 && p->early_stop)
			return 1;
		ex->discarding = ex->left == 0;
		if ((rc = exec_check(ex, e)) < 0 || (rc = slice_next(ex, &s, e)) != 0)
			return rc;
		if ((rc = scan_sorted(ex, s,
		    p->early_stop || p->topn ? exec_wanted(ex) : UINT64_MAX, e)) < 0)
			return rc;
	}
	return 0;
}

static int
next_refs(struct exec *ex, struct batch *b, struct err *e)
{
	size_t n, most;
	int rc;

	if (ex->at == ex->refs.n && (rc = more_refs(ex, e)) != 0)
		return rc;
	most = ex->refs.n - ex->at;
	most = most < ex->left ? most : (size_t)ex->left;
	n = most < ex->batch_rows ? most : ex->batch_rows;
	if (n == 0) {
		/* The page is full: what is left of the refs is not wanted. */
		ex->at = ex->refs.n;
		return (rc = more_refs(ex, e)) == 0 ? 1 : rc;
	}
	if ((rc = fetch_batch(ex, ex->at, n, most, b, e)) < 0)
		return rc;
	ex->at += b->n;
	ex->left -= b->n;
	return 0;
}

/* ---- all kinds ---- */

static int
next_of_kind(struct exec *ex, struct batch *b, struct err *e)
{
	int rc;

	switch (ex->plan->output) {
	case ROW_COUNT:
		ex->done = true;
		return count_rows(ex, b, e);
	case ROW_TRACE:
		if (ex->nothing || ex->left == 0)
			return 1;
		if (!ex->started && (rc = trace_rows_collect(ex, e)) < 0)
			return rc;
		ex->started = true;
		return trace_rows_next(ex, b, e);
	case ROW_SPAN:
	case ROW_EVENT:
	case ROW_LINK:
		break;
	}
	return ex->nothing || (ex->left == 0 && !ex->started && ex->n_out == 0) ? 1 :
	    next_refs(ex, b, e);
}

int
exec_next(struct exec *ex, struct batch *b, struct err *e)
{
	int rc;

	fetch_batch_end(ex);
	if (ex->done) {
		ex->prof.complete = true;
		return 1;
	}
	if ((rc = exec_check(ex, e)) == 0)
		rc = next_of_kind(ex, b, e);
	if (rc == 0) {
		ex->n_out += b->n;
		ex->prof.rows_returned += b->n;
		rc = exec_over_rows(ex, e);
	}
	if (rc < 0)
		fetch_batch_end(ex);
	if (rc > 0) {
		ex->done = true;
		ex->prof.complete = true;
		fetch_window_end(ex);
		refs_release(ex, &ex->refs);
		ex->at = 0;
	}
	return rc;
}
