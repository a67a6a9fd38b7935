/* SPDX-License-Identifier: ISC */
/*
 * exec: the driver. Scans the query's time, at once or slice by slice (op_slice.c), into the sink
 * of the plan's output (sink.h), which hands out the batches.
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
	ex->page = (struct page){ .skip = p->offset, .left = p->limit };
	ex->slices.last = exec_last(p);
	ex->scanned = p->never || time_range_empty(p->range) || p->limit == 0;
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
	if (locks_init(ex) != 0) {
		free(ex);
		return err_nomem(e);
	}
	start_of(ex);
	if ((rc = filters_open(ex, e)) < 0 || (rc = source_open(ex, e)) < 0 ||
	    (rc = traces_open(ex, e)) < 0 || (rc = trace_tables_open(ex, e)) < 0 ||
	    (rc = sink_open(&ex->sink, ex, e)) < 0) {
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
	sink_close(&ex->sink);
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

/* ---- batches ---- */

/* Scans on; >0: there is nothing more to scan. */
static int
scan_more(struct exec *ex, struct err *e)
{
	struct slice s = { ex->plan->range.from, exec_last(ex->plan) };
	struct row_sink *k = &ex->sink;
	int rc;

	if (ex->scanned || k->full)
		return 1;
	if (!k->streams)
		ex->scanned = true;
	else if ((rc = exec_check(ex, e)) < 0 || (rc = slice_next(ex, &s, e)) != 0)
		return rc;
	if (k->ops->start != NULL && (rc = k->ops->start(k, e)) < 0)
		return rc;
	if ((rc = scan_slice(ex, s, k, e)) < 0)
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

int
exec_next(struct exec *ex, struct batch *b, struct err *e)
{
	int rc;

	if (ex->ended != 0)
		return ex->ended;
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
