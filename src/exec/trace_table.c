/* SPDX-License-Identifier: ISC */
/*
 * trace_table: what one shard knows of each of its traces, without putting any together: from
 * the summaries that shards are written with; of an older shard summed up in one pass over a few
 * columns, some 15 ns a row, when so many of its traces were asked for that the pass is cheaper
 * than single look-ups, and kept for the query if memory allows.
 */
#include "exec_i.h"

#include <stdlib.h>

/* A trace's rows are read singly until so many were asked for, and one row in ROWS_A_LOOK. */
#define LOOKS_FIRST 32
#define ROWS_A_LOOK 256
/* Whether a trace is in one shard only is asked for singly until then, alike. */
#define TRACES_A_LOOK 16

enum { V_TRACE, V_START, V_DURATION, V_STATUS, V_PARENT, V_SPAN_ID, V_NAME, N_VALUES };

static const enum column_id columns[N_VALUES] = { COL_TRACE, COL_START, COL_DURATION,
	COL_STATUS, COL_PARENT, COL_SPAN_ID, COL_NAME };

struct pass {
	struct exec *ex;
	struct shard *s;
	const struct shard_info *info;
	struct trace_part *v;
	uint64_t *lead_id;		/* by ordinal, too */
	uint64_t *col[N_VALUES];	/* values of one row group */
	struct err *e;
};

/* ---- shards without summaries ---- */

static int
read_column(struct pass *p, enum column_id id, uint32_t group, uint32_t n, uint64_t *out)
{
	const struct column *col = shard_column(p->s, id);
	const struct chunk *c = NULL;
	int rc;

	memset(out, 0, n * sizeof *out);
	if (col == NULL)
		return 0;
	if ((rc = chunk_get(p->s, col, group, &c, p->e)) < 0 || c == NULL)
		return rc;
	if (chunk_all(c))
		chunk_u64(c, 0, n, out);
	else
		for (uint32_t i = 0; i < c->n_present; i++)
			out[chunk_row(c, i)] = chunk_u64_at(c, i);
	chunk_put(c);
	return 0;
}

/* Does row i of the group, which comes later, lead its trace? */
static bool
leads(const struct pass *p, uint32_t i)
{
	uint64_t o = p->col[V_TRACE][i];
	const struct trace_part *t = &p->v[o];
	bool root = p->col[V_PARENT][i] == 0;

	if (root != t->has_root)
		return root;
	if (p->col[V_START][i] != t->lead_ns)
		return p->col[V_START][i] < t->lead_ns;
	if (p->col[V_SPAN_ID][i] != p->lead_id[o])
		return p->col[V_SPAN_ID][i] < p->lead_id[o];
	return p->col[V_NAME][i] < t->lead_name;
}

static void
add_row(struct pass *p, uint32_t i, uint32_t row)
{
	uint64_t o = p->col[V_TRACE][i], start = p->col[V_START][i];
	uint64_t end = span_over(start, (uint64_t)value_i64_of(p->col[V_DURATION][i]));
	struct trace_part *t = &p->v[o];

	if (t->n_spans++ == 0)
		t->first_ns = UINT64_MAX;
	t->n_errors += value_i64_of(p->col[V_STATUS][i]) == STATUS_ERROR;
	t->last_ns = end > t->last_ns ? end : t->last_ns;
	t->first_ns = start < t->first_ns ? start : t->first_ns;
	if (t->n_spans != 1 && !leads(p, i))
		return;
	t->lead_ns = start;
	t->lead_row = row;
	t->lead_name = (uint32_t)p->col[V_NAME][i];
	t->has_root = p->col[V_PARENT][i] == 0;
	p->lead_id[o] = p->col[V_SPAN_ID][i];
}

static int
pass_group(struct pass *p, uint32_t g)
{
	const struct row_group *rg = &p->info->row_groups[g];
	uint32_t n = rg->row_to - rg->row_from;
	int rc;

	if ((rc = exec_check(p->ex, p->e)) < 0)
		return rc;
	for (size_t i = 0; i < N_VALUES; i++)
		if ((rc = read_column(p, columns[i], g, n, p->col[i])) < 0)
			return rc;
	for (uint32_t i = 0; i < n; i++)
		add_row(p, i, rg->row_from + i);
	return 0;
}

static int
pass_all(struct pass *p)
{
	uint64_t *room = malloc((size_t)p->info->row_group_rows * N_VALUES * sizeof *room);
	int rc = 0;

	p->lead_id = calloc(p->info->n_traces + 1, sizeof *p->lead_id);
	if (room == NULL || p->lead_id == NULL)
		rc = err_nomem(p->e);
	for (size_t i = 0; i < N_VALUES; i++)
		p->col[i] = room + i * p->info->row_group_rows;
	for (uint32_t g = 0; g < p->info->n_row_groups && rc == 0; g++)
		rc = pass_group(p, g);
	free(p->lead_id);
	free(room);
	return rc;
}

static int
make(struct exec *ex, struct shard *s, struct trace_table *t, struct err *e)
{
	struct pass p = { .ex = ex, .s = s, .info = shard_info(s), .e = e };
	size_t bytes = p.info->n_traces * sizeof *p.v;
	int rc;

	/* Without memory for it, traces are put together singly as before. */
	if (mem_take(ex, bytes, NULL) < 0) {
		t->refused = true;
		return 0;
	}
	if ((p.v = calloc(p.info->n_traces + 1, sizeof *p.v)) == NULL)
		rc = err_nomem(e);
	else
		rc = pass_all(&p);
	if (rc < 0) {
		free(p.v);
		mem_give(ex, bytes);
		return rc;
	}
	atomic_store_explicit(&t->v, p.v, memory_order_release);
	return 0;
}

struct trace_table *
trace_tables(struct exec *ex)
{
	struct local *l = ex->local;
	struct trace_table *v = atomic_load_explicit(&l->tables, memory_order_acquire);

	if (v != NULL)
		return v;
	pthread_mutex_lock(&l->table_lock);
	v = atomic_load_explicit(&l->tables, memory_order_relaxed);
	if (v == NULL) {
		v = calloc(ex->env.snapshot->n_shards + 1, sizeof *v);
		atomic_store_explicit(&l->tables, v, memory_order_release);
	}
	pthread_mutex_unlock(&l->table_lock);
	return v;
}

static int
look_in_table(struct exec *ex, uint32_t shard, struct shard *s, uint32_t ordinal,
    struct trace_part *out, struct err *e)
{
	struct trace_table *tables = trace_tables(ex), *t;
	const struct trace_part *v;
	int rc = 0;

	if (tables == NULL)
		return err_nomem(e);
	t = &tables[shard];
	if ((v = atomic_load_explicit(&t->v, memory_order_acquire)) == NULL) {
		uint32_t n = atomic_fetch_add_explicit(&t->looks, 1, memory_order_relaxed);

		if (n < LOOKS_FIRST + shard_info(s)->n_rows / ROWS_A_LOOK)
			return 0;
		pthread_mutex_lock(&ex->local->table_lock);
		if (atomic_load_explicit(&t->v, memory_order_relaxed) == NULL && !t->refused)
			rc = make(ex, s, t, e);
		pthread_mutex_unlock(&ex->local->table_lock);
		v = atomic_load_explicit(&t->v, memory_order_acquire);
	}
	if (rc < 0 || v == NULL)
		return rc;
	*out = v[ordinal];
	return 1;
}

int
trace_table_all(struct exec *ex, uint32_t shard, struct shard *s, const struct trace_part **out,
    struct err *e)
{
	struct trace_table *tables = trace_tables(ex), *t;
	int rc = 0;

	if (tables == NULL)
		return err_nomem(e);
	t = &tables[shard];
	pthread_mutex_lock(&ex->local->table_lock);
	if (atomic_load_explicit(&t->v, memory_order_relaxed) == NULL && !t->refused)
		rc = make(ex, s, t, e);
	pthread_mutex_unlock(&ex->local->table_lock);
	*out = atomic_load_explicit(&t->v, memory_order_acquire);
	return rc;
}

/* ---- any shard ---- */

int
trace_table_look(struct exec *ex, uint32_t shard, struct shard *s,
    const struct tracerows *rows, uint32_t ordinal, struct trace_part *out, struct err *e)
{
	const struct tracesum *sums;
	int rc;

	if (!tracesum_there(s))
		return look_in_table(ex, shard, s, ordinal, out, e);
	if ((rc = tracesum_get(s, rows, &sums, e)) < 0)
		return rc;
	tracesum_at(sums, rows, ordinal, out);
	tracesum_put(sums);
	return 1;
}

/* ---- facts ---- */

static int
may_go_on(void *ex, struct err *e)
{
	return exec_check(ex, e);
}

int
trace_splits(struct exec *ex, uint32_t shard, const uint64_t **split, struct err *e)
{
	const struct split_look look = { may_go_on, ex };

	return snapshot_split_traces(ex->env.snapshot, shard, &look, split, e);
}

int
trace_split_of(struct exec *ex, uint32_t shard, uint64_t n, const uint64_t **split,
    struct err *e)
{
	const struct shard_entry *entry = &ex->env.snapshot->shards[shard];
	struct shard *s;
	int rc;

	*split = NULL;
	if (entry->n_rows == 0 || (rc = source_shard(ex, shard, &s, e)) < 0)
		return entry->n_rows == 0 ? 0 : rc;
	if (n < LOOKS_FIRST + shard_info(s)->n_traces / TRACES_A_LOOK)
		return 0;
	return trace_splits(ex, shard, split, e);
}

/* ---- the exec's ---- */

void
trace_tables_close(struct exec *ex)
{
	struct trace_table *tables = atomic_load(&ex->local->tables);

	for (size_t i = 0; tables != NULL && i < ex->env.snapshot->n_shards; i++)
		free(atomic_load(&tables[i].v));
	free(tables);
}
