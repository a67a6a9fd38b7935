/* SPDX-License-Identifier: ISC */
/*
 * values_trace: the newest trace ids, without reading more than the ends of services. A
 * service's rows are one range ordered by start; so the newest row of a shard is always the
 * last unread one of some service, and a heap of services by that row's start yields rows
 * newest first. Shards are taken by their latest start; traces of an older shard that are
 * newer than some of this one's come too late: good enough for a list of names.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "stats_i.h"
#include "shard/chunk.h"

/* Rows looked at in all, so that a huge trace can't make a listing slow. */
#define ROWS_MAX 1000000

/* The unread rows of one service: [row_from, row], the start of `row` known. */
struct tail {
	uint32_t row_from, row;
	uint32_t group;			/* row group of the chunks, UINT32_MAX: none */
	const struct chunk *start, *trace;
	uint64_t start_ns;
};

struct newest {
	const struct values_request *rq;
	struct tally *t;
	struct shard *shard;
	const struct traceids *idx;
	struct tail *heap;		/* the newest on top */
	size_t n;
	uint64_t rows_left;
	struct buf text;
};

static int
load_start(struct newest *w, struct tail *t, struct err *e)
{
	const struct shard_info *info = shard_info(w->shard);
	uint32_t group = t->row / info->row_group_rows;
	int rc;

	if (group != t->group) {
		chunk_put(t->start);
		chunk_put(t->trace);
		t->start = t->trace = NULL;
		t->group = group;
		if ((rc = chunk_get(w->shard, shard_column(w->shard, COL_START), group,
		    &t->start, e)) != 0 ||
		    (rc = chunk_get(w->shard, shard_column(w->shard, COL_TRACE), group,
		    &t->trace, e)) != 0)
			return rc;
	}
	/* Both columns have a value in every row: the ordinal is the row in its group. */
	t->start_ns = chunk_u64_at(t->start, t->row - info->row_groups[group].row_from);
	return 0;
}

static void
sift_down(struct newest *w, size_t i)
{
	for (;;) {
		size_t kid = 2 * i + 1, best = i;
		struct tail tmp;

		for (size_t k = kid; k < kid + 2 && k < w->n; k++)
			if (w->heap[k].start_ns > w->heap[best].start_ns)
				best = k;
		if (best == i)
			return;
		tmp = w->heap[i];
		w->heap[i] = w->heap[best];
		w->heap[best] = tmp;
		i = best;
	}
}

static void
drop_top(struct newest *w)
{
	chunk_put(w->heap[0].start);
	chunk_put(w->heap[0].trace);
	w->heap[0] = w->heap[--w->n];
	sift_down(w, 0);
}

static int
fill_heap(struct newest *w, struct err *e)
{
	const struct shard_info *info = shard_info(w->shard);

	for (size_t i = 0; i < info->n_services; i++) {
		const struct shard_service *s = &info->services[i];
		struct tail *t = &w->heap[w->n];
		int rc;

		if (!values_want_service(w->rq, s) || s->row_from == s->row_to)
			continue;
		*t = (struct tail){ .row_from = s->row_from, .row = s->row_to - 1,
		    .group = UINT32_MAX };
		w->n++;
		if ((rc = load_start(w, t, e)) != 0)
			return rc;
	}
	for (size_t i = w->n / 2; i-- > 0;)
		sift_down(w, i);
	return 0;
}

static int
add_trace(struct newest *w, const struct tail *t, struct err *e)
{
	uint32_t from = shard_info(w->shard)->row_groups[t->group].row_from;
	struct trace_id id = traceids_at(w->idx,
	    (uint32_t)chunk_u64_at(t->trace, t->row - from));

	w->text.n = 0;
	trace_id_print(&w->text, id);
	return w->text.oom ? err_nomem(e) : tally_add(w->t, buf_view(&w->text), 1, e);
}

static int
walk(struct newest *w, struct err *e)
{
	struct time_range r = w->rq->range;
	int rc;

	while (w->n > 0 && w->t->rows.n < w->t->max && w->rows_left > 0) {
		struct tail *t = &w->heap[0];

		w->rows_left--;
		if (t->start_ns < r.from) {
			drop_top(w);
			continue;
		}
		if ((t->start_ns < r.to || r.to == WHEN_MAX) && (rc = add_trace(w, t, e)) != 0)
			return rc;
		if (t->row == t->row_from) {
			drop_top(w);
			continue;
		}
		t->row--;
		if ((rc = load_start(w, t, e)) != 0)
			return rc;
		sift_down(w, 0);
	}
	return 0;
}

static int
walk_shard(struct newest *w, struct err *e)
{
	int rc;

	w->n = 0;
	w->heap = calloc(shard_info(w->shard)->n_services + 1, sizeof *w->heap);
	if (w->heap == NULL)
		return err_nomem(e);
	if ((rc = traceids_get(w->shard, &w->idx, e)) == 0) {
		if ((rc = fill_heap(w, e)) == 0)
			rc = walk(w, e);
		while (w->n > 0)
			drop_top(w);
		traceids_put(w->idx);
	}
	free(w->heap);
	return rc;
}

/* ---- which shards ---- */

struct by_end {
	uint64_t max_start;
	size_t i;
};

static int
by_end_cmp(const void *a, const void *b)
{
	const struct by_end *x = a, *y = b;

	if (x->max_start != y->max_start)
		return x->max_start > y->max_start ? -1 : 1;
	return x->i > y->i ? -1 : x->i < y->i;
}

/* Indexes of the shards in the range, latest first, those outside of time last. */
static size_t
order_shards(const struct snapshot *s, struct time_range r, struct by_end *v)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_shards; i++)
		if (entry_touches(&s->shards[i], r))
			v[n++] = (struct by_end){ s->shards[i].partition == PARTITION_OUTSIDE ? 0 :
			    s->shards[i].max_start, i };
	qsort(v, n, sizeof *v, by_end_cmp);
	return n;
}

int
values_newest_traces(const struct snapshot *s, const struct values_request *rq,
    struct tally *t, uint64_t *n_total, struct err *e)
{
	struct newest w = { .rq = rq, .t = t, .rows_left = ROWS_MAX, .text = BUF_INIT };
	struct by_end *order = calloc(s->n_shards + 1, sizeof *order);
	uint64_t n_traces = 0;
	size_t n;
	int rc = 0;

	if (order == NULL)
		return err_nomem(e);
	n = order_shards(s, rq->range, order);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (t->rows.n >= t->max || w.rows_left == 0) {
			/* Not looked at: what their catalog entry allows, a trace at least. */
			n_traces++;
			break;
		}
		if ((rc = snapshot_shard(s, order[i].i, &w.shard, e)) == 0) {
			n_traces += shard_info(w.shard)->n_traces;
			rc = walk_shard(&w, e);
		}
		if (passed_over(rc))
			rc = 0;
	}
	/* A full list is cut, unless the shards seen had no more; traces in two of them count twice. */
	*n_total = t->rows.n >= t->max ? n_traces : t->rows.n;
	free(order);
	buf_release(&w.text);
	return rc;
}
