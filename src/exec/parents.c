/* SPDX-License-Identifier: ISC */
/*
 * parents: the spans that bear the ids of others' parents. They are wanted by trace and id, all of a
 * window or a row group; then the tree of each trace says which rows these are (op_traces.c), and
 * the rows are put together shard by shard, each once, whatever shard of the snapshot they are in.
 *
 * Every span of the trace that bears the id counts, by start; one that is
 * nowhere gives none, and a trace id of zeros relates nothing. Memory is counted until parents_free.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/map.h"

#define CHECK_EVERY 256		/* parents between two looks at deadline and cancel flag */

/* What is wanted, and once it is fetched which of the rows that is. */
struct family {
	struct trace_id trace;
	uint64_t id;
	uint32_t from, n;
};

struct parents {
	struct exec *ex;
	struct projection proj;		/* of parents */
	struct map by_id;		/* trace and id: number of the family, from 1 */
	VEC(struct family) families;
	VEC(struct want) wants;
	VEC(struct parent_row) rows;	/* by family */
	struct span *spans;		/* as the rows */
	struct fetch *fetch;
	size_t held;			/* bytes taken of the budget */
};

static int
take(struct parents *p, size_t bytes, struct err *e)
{
	int rc = mem_take(p->ex, bytes, e);

	p->held += rc == 0 ? bytes : 0;
	return rc;
}

int
parents_new(struct exec *ex, const struct projection *proj, struct parents **out, struct err *e)
{
	struct parents *p = calloc(1, sizeof *p);
	int rc;

	if (p == NULL)
		return err_nomem(e);
	p->ex = ex;
	p->proj = *proj;
	map_init(&p->by_id);
	if ((rc = fetch_new(&p->fetch, e)) < 0) {
		parents_free(p);
		return rc;
	}
	if (ex->env.memory != 0)
		fetch_limit(p->fetch, ex->env.memory);
	*out = p;
	return 0;
}

void
parents_free(struct parents *p)
{
	if (p == NULL)
		return;
	mem_give(p->ex, p->held);
	map_release(&p->by_id);
	vec_release(&p->families);
	vec_release(&p->wants);
	vec_release(&p->rows);
	free(p->spans);
	fetch_free(p->fetch);
	free(p);
}

int
parents_want(struct parents *p, struct trace_id trace, uint64_t id, uint32_t *no, struct err *e)
{
	struct family f = { .trace = trace, .id = id };
	uint64_t *place;
	bool fresh;
	int rc;

	*no = 0;
	if (id == 0 || (trace.hi | trace.lo) == 0)
		return 0;
	if ((place = map_put(&p->by_id, sv_new(&f, offsetof(struct family, from)), &fresh)) == NULL)
		return err_nomem(e);
	if (fresh) {
		if ((rc = take(p, sizeof f + 2 * sizeof(struct map_slot) + sizeof f, e)) < 0)
			return rc;
		if (!vec_push(&p->families, f))
			return err_nomem(e);
		*place = p->families.n;
	}
	*no = (uint32_t)*place;
	return 0;
}

/* ---- which rows ---- */

/* The rows that bear the family's id, by the tree of its trace. */
static int
find_bearers(struct parents *p, struct family *f, struct err *e)
{
	uint32_t i, to;
	struct trace_pin pin;
	int rc;

	if ((rc = trace_get(p->ex, f->trace, &pin, e)) < 0)
		return rc;
	i = entry_bearers(pin.t, f->id, &to);
	f->from = (uint32_t)p->rows.n;
	f->n = to - i;
	rc = take(p, f->n * (2 * sizeof(struct want) + sizeof(struct parent_row) +
	    sizeof(struct span)), e);
	for (; rc == 0 && i < to; i++) {
		const struct trace_node *t = &pin.t->nodes[pin.t->by_id[i]];
		struct want w = { t->shard, t->row, (uint32_t)p->rows.n, 0 };
		struct parent_row row = { .place = entry_node_place(pin.t, t) };

		if (!vec_push(&p->wants, w) || !vec_push(&p->rows, row))
			rc = err_nomem(e);
	}
	trace_put(p->ex, &pin);
	return rc;
}

static int
find_all(struct parents *p, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->families.n; i++) {
		if (i % CHECK_EVERY == 0 && (rc = exec_check(p->ex, e)) < 0)
			return rc;
		rc = find_bearers(p, &p->families.v[i], e);
	}
	return rc;
}

/* ---- the rows ---- */

static int
rows_of(struct parents *p, uint32_t shard, const uint32_t *rows, size_t n, struct span *out,
    struct err *e)
{
	struct exec *ex = p->ex;
	size_t before = fetch_arena(p->fetch)->used;
	struct shard *s;
	int rc;

	/* What was read back of them. */
	if (ex->local == NULL) {
		rc = ex->source.ops->rows(&ex->source, p->fetch, shard, rows, n, &p->proj, out, e);
		return rc < 0 ? rc : take(p, fetch_arena(p->fetch)->used - before, e);
	}
	if ((rc = source_shard(ex, shard, &s, e)) < 0)
		return rc;
	return fetch_rows(p->fetch, s, rows, n, &p->proj, out, e);
}

/* Shard by shard, a part at a time so that the deadline is seen. */
static int
put_together(struct parents *p, const struct want *v, uint32_t *rows, struct err *e)
{
	size_t n = p->wants.n, m;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i += m) {
		for (m = 0; i + m < n && m < BATCH_ROWS && v[i + m].shard == v[i].shard; m++)
			rows[m] = v[i + m].row;
		if ((rc = exec_check(p->ex, e)) == 0)
			rc = rows_of(p, v[i].shard, rows, m, p->spans + i, e);
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		p->rows.v[v[i].pos].span = &p->spans[i];
	return rc;
}

int
parents_fetch(struct parents *p, struct err *e)
{
	uint32_t rows[BATCH_ROWS];
	struct want *tmp;
	int rc;

	if ((rc = find_all(p, e)) < 0 || p->wants.n == 0)
		return rc;
	if (p->wants.n > UINT32_MAX)
		return err_set(e, ERR_TOOBIG, -1, "more than %u parents at once", UINT32_MAX);
	p->spans = calloc(p->wants.n, sizeof *p->spans);
	tmp = calloc(p->wants.n, sizeof *tmp);
	if (p->spans == NULL || tmp == NULL)
		rc = err_nomem(e);
	else
		rc = put_together(p, wants_sort(p->wants.v, tmp, p->wants.n), rows, e);
	free(tmp);
	return rc;
}

int
parents_of_spans(struct exec *ex, const struct span *spans, size_t n, uint32_t *no,
    struct parents **out, struct err *e)
{
	int rc = parents_new(ex, ex->plan->fetch.projection.parents, out, e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = parents_want(*out, spans[i].trace_id, spans[i].parent_span_id, &no[i], e);
	if (rc == 0 && (rc = parents_fetch(*out, e)) == 0)
		ex->prof.rows_fetched += parents_n(*out);
	return rc;
}

size_t
parents_n(const struct parents *p)
{
	return p->wants.n;
}

const struct parent_row *
parents_at(const struct parents *p, uint32_t no, uint32_t *n)
{
	const struct family *f;

	*n = 0;
	if (no == 0)
		return NULL;
	f = &p->families.v[no - 1];
	*n = f->n;
	return f->n == 0 ? NULL : &p->rows.v[f->from];
}
