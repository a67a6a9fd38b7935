/* SPDX-License-Identifier: ISC */
/*
 * local: the shards of a snapshot as a source (exec/source.h): they take over all that there is.
 * What an exec knows of them is struct local.
 */
#include "exec_i.h"

#include <stdlib.h>

/* ---- the state ---- */

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

#define CACHE_PART 8			/* of the memory budget */
#define CACHE_DEFAULT (64u << 20)

/* What was put together of traces is kept, in a part of the budget. */
static int
traces_open(struct exec *ex, struct err *e)
{
	size_t max = ex->env.memory == 0 ? CACHE_DEFAULT : ex->env.memory / CACHE_PART;

	return lru_new(max, free, &ex->local->traces, e);
}

static int
locks_init(struct local *l)
{
	if (pthread_mutex_init(&l->lock, NULL) != 0)
		return -1;
	if (pthread_mutex_init(&l->table_lock, NULL) == 0)
		return 0;
	pthread_mutex_destroy(&l->lock);
	return -1;
}

static int
local_open(struct source *s, struct err *e)
{
	struct exec *ex = s->ex;
	struct local *l = calloc(1, sizeof *l);
	int rc;

	if (l == NULL || locks_init(l) != 0) {
		free(l);
		return err_nomem(e);
	}
	s->state = ex->local = l;
	l->slices.last = exec_last(s->plan);
	l->searches = searches(s->plan->filter.pred) ||
	    (s->plan->contrast.pred != NULL && searches(s->plan->contrast.pred));
	l->needs_children = plan_asks_children(s->plan);
	l->needs_tree = plan_asks_tree(s->plan);
	l->kin_asks = plan_asks_kin(s->plan, ex->env.groups);
	if (s->plan->filter.pushdown &&
	    (rc = filter_init(&l->filter, s->plan->filter.pred, &exec_filter_host,
	    ex, e)) < 0)
		return rc;
	if (s->plan->filter.pushdown && s->plan->contrast.pred != NULL &&
	    (rc = filter_init_compared(&l->filter, s->plan->contrast.pred, e)) < 0)
		return rc;
	return (rc = shards_open(ex, e)) < 0 ? rc : traces_open(ex, e);
}

static void
local_close(struct source *s)
{
	struct exec *ex = s->ex;
	struct local *l = ex->local;

	if (l == NULL)
		return;
	shards_close(ex);
	filter_release(&l->filter);
	lru_free(l->traces);
	for (size_t i = 0; l->tables != NULL && i < ex->env.snapshot->n_shards; i++)
		kin_drop(ex, (uint32_t)i);
	trace_tables_close(ex);
	pthread_mutex_destroy(&l->table_lock);
	pthread_mutex_destroy(&l->lock);
	free(l);
	s->state = ex->local = NULL;
}

static void
local_profile(const struct source *s, struct profile *p)
{
	struct local *l = s->state;

	if (l == NULL)
		return;
	p->shards_opened = atomic_load(&l->n_seen);
	p->traces_assembled = atomic_load(&l->n_traces);
	p->index_lists = atomic_load(&l->filter.n_index_lists);
	p->text_lists = atomic_load(&l->filter.n_text_lists);
	p->index_rows = atomic_load(&l->filter.n_index_rows);
}

/* ---- rows ---- */

static int
local_slice(struct source *s, struct slice *out, struct err *e)
{
	return slice_next(s->ex, out, e);
}

static int
local_scan(struct source *s, struct slice slice, struct row_sink *sink, struct err *e)
{
	return scan_slice(s->ex, slice, sink, e);
}

static int
local_count(struct source *s, uint64_t *n, struct err *e)
{
	return cover_count(s->ex, n, e);
}

static int
local_groups(struct source *s, struct err *e)
{
	return cover_groups(s->ex, e);
}

static struct xshard *
part(const struct source *s, uint32_t i)
{
	return &((struct local *)s->state)->shards[i];
}

static int
local_rows(struct source *s, struct fetch *f, uint32_t i, const uint32_t *rows, size_t n,
    const struct projection *p, struct span *out, struct err *e)
{
	return fetch_rows(f, part(s, i)->s, rows, n, p, out, e);
}

static int
number_at(struct shard *s, enum column_id id, uint32_t row, uint64_t *out, struct err *e)
{
	const struct column *col = shard_column(s, id);
	uint32_t size = shard_info(s)->row_group_rows;
	const struct chunk *c = NULL;
	int rc = col == NULL ? 0 : chunk_get(s, col, row / size, &c, e);

	*out = rc == 0 && c != NULL ? chunk_u64_at(c, row % size) : 0;
	chunk_put(c);
	return rc;
}

static int
local_ids(struct source *src, uint32_t i, uint32_t row, struct trace_id *trace, uint64_t *span,
    struct err *e)
{
	struct shard *s = part(src, i)->s;
	const struct traceids *idx;
	uint64_t ordinal;
	int rc;

	if ((rc = number_at(s, COL_SPAN_ID, row, span, e)) < 0 ||
	    (rc = number_at(s, COL_TRACE, row, &ordinal, e)) < 0 ||
	    (rc = traceids_get(s, &idx, e)) < 0)
		return rc;
	*trace = traceids_at(idx, (uint32_t)ordinal);
	traceids_put(idx);
	return 0;
}

static uint32_t
local_near(const struct source *s, uint32_t i)
{
	return part(s, i)->info->row_group_rows;
}

static const char *
local_part_name(const struct source *s, uint32_t i)
{
	return part(s, i)->info->file;
}

static void
local_ahead(struct source *s, struct arena *mem, const struct near_rows *v, size_t n)
{
	load_ahead(s->ex, mem, v, n);
}

/* ---- traces ---- */

static int
trace(struct source *s, struct trace_id id, uint32_t only, struct trace_pin *pin, struct err *e)
{
	return local_trace(s->ex, id, only, pin, e);
}

static void
trace_done(struct source *s, struct trace_pin *pin)
{
	local_trace_put(s->ex, pin);
}

const struct source_ops source_local = {
	.name = "local",
	.caps = &plan_caps_local,
	.open = local_open,
	.slice = local_slice,
	.scan = local_scan,
	.count = local_count,
	.groups = local_groups,
	.rows = local_rows,
	.ids = local_ids,
	.near = local_near,
	.part_name = local_part_name,
	.ahead = local_ahead,
	.trace = trace,
	.trace_put = trace_done,
	.profile = local_profile,
	.close = local_close,
};
