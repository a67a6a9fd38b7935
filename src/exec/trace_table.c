/* SPDX-License-Identifier: ISC */
/*
 * trace_table: what one shard knows of each of its traces, summed up in one pass over a few
 * columns: some 15 ns a row, where putting a single trace together costs microseconds of
 * looking up. Made for a shard when so many of its traces were asked for that the pass is
 * cheaper, and kept for the query if memory allows.
 *
 * Two spans of a trace that are alike in start and id leave open which is the root: such
 * traces are marked, and put together row by row.
 */
#include "exec_i.h"

#include <stdlib.h>

/* A trace's rows are read singly until so many were asked for, and one row in ROWS_A_LOOK. */
#define LOOKS_FIRST 32
#define ROWS_A_LOOK 256

struct pass {
	struct exec *ex;
	struct shard *s;
	const struct shard_info *info;
	struct trace_part *v;
	uint64_t *col[6];		/* values of one row group: trace, start, duration, status, parent, id */
	struct err *e;
};

static const enum column_id columns[6] = { COL_TRACE, COL_START, COL_DURATION, COL_STATUS,
	COL_PARENT, COL_SPAN_ID };

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

/* A row that may be the root or the earliest; *tie if it can't be told. */
static void
offer(uint64_t start, uint64_t id, uint32_t row, uint64_t *best_start, uint64_t *best_id,
    uint32_t *best_row, bool *tie)
{
	if (*best_row != NO_ROW_YET && start == *best_start && id == *best_id)
		*tie = true;
	if (*best_row == NO_ROW_YET || start < *best_start ||
	    (start == *best_start && id < *best_id)) {
		*best_start = start;
		*best_id = id;
		*best_row = row;
	}
}

static void
add_row(struct pass *p, uint32_t i, uint32_t row)
{
	struct trace_part *t = &p->v[p->col[0][i]];
	uint64_t start = p->col[1][i], id = p->col[5][i];
	uint64_t end = start + (uint64_t)value_i64_of(p->col[2][i]);

	if (t->n_spans++ == 0) {
		t->first_row = t->root_row = NO_ROW_YET;
		t->last_ns = 0;
	}
	t->n_errors += value_i64_of(p->col[3][i]) == STATUS_ERROR;
	if (end > t->last_ns)
		t->last_ns = end;
	offer(start, id, row, &t->first_ns, &t->first_id, &t->first_row, &t->tie);
	if (p->col[4][i] == 0)
		offer(start, id, row, &t->root_ns, &t->root_id, &t->root_row, &t->tie);
}

static int
pass_group(struct pass *p, uint32_t g)
{
	const struct row_group *rg = &p->info->row_groups[g];
	uint32_t n = rg->row_to - rg->row_from;
	int rc;

	if ((rc = exec_check(p->ex, p->e)) < 0)
		return rc;
	for (size_t i = 0; i < 6; i++)
		if ((rc = read_column(p, columns[i], g, n, p->col[i])) < 0)
			return rc;
	for (uint32_t i = 0; i < n; i++)
		add_row(p, i, rg->row_from + i);
	return 0;
}

static int
pass_all(struct pass *p)
{
	uint64_t *room = malloc((size_t)p->info->row_group_rows * 6 * sizeof *room);
	int rc = 0;

	if (room == NULL)
		return err_nomem(p->e);
	for (size_t i = 0; i < 6; i++)
		p->col[i] = room + i * p->info->row_group_rows;
	for (uint32_t g = 0; g < p->info->n_row_groups && rc == 0; g++)
		rc = pass_group(p, g);
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

int
trace_table_look(struct exec *ex, uint32_t shard, struct shard *s, uint32_t ordinal,
    const struct trace_part **out, struct err *e)
{
	struct trace_table *t = &ex->tables[shard];
	const struct trace_part *v = atomic_load_explicit(&t->v, memory_order_acquire);
	int rc = 0;

	*out = NULL;
	if (v == NULL) {
		uint32_t n = atomic_fetch_add_explicit(&t->looks, 1, memory_order_relaxed);

		if (ex->needs_children || n < LOOKS_FIRST + shard_info(s)->n_rows / ROWS_A_LOOK)
			return 0;
		pthread_mutex_lock(&ex->table_lock);
		if (atomic_load_explicit(&t->v, memory_order_relaxed) == NULL && !t->refused)
			rc = make(ex, s, t, e);
		pthread_mutex_unlock(&ex->table_lock);
		v = atomic_load_explicit(&t->v, memory_order_acquire);
	}
	if (rc == 0 && v != NULL && !v[ordinal].tie)
		*out = &v[ordinal];
	return rc;
}

int
trace_tables_open(struct exec *ex, struct err *e)
{
	size_t n = ex->env.snapshot->n_shards;

	ex->tables = calloc(n + 1, sizeof *ex->tables);
	return ex->tables == NULL ? err_nomem(e) : 0;
}

void
trace_tables_close(struct exec *ex)
{
	for (size_t i = 0; ex->tables != NULL && i < ex->env.snapshot->n_shards; i++)
		free(atomic_load(&ex->tables[i].v));
	free(ex->tables);
}
