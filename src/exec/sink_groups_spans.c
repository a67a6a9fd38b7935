/* SPDX-License-Identifier: ISC */
/*
 * sink_groups_spans: found rows into groups as spans, each with the facts of its trace and its place
 * in it, and with its parents, as far as the plan asks. The facts alone come from summaries where a
 * trace is in one shard (trace_view.c); else the trace is put together.
 */
#include "sink_groups_i.h"

struct adding {
	struct scan *sc;
	struct agg_table *table;
	enum agg_side side;
	const uint32_t *rows;		/* of the row group (part) */
	bool facts, views;
	struct shard_traces traces;	/* views */
	uint64_t *ordinals;
	struct parents *parents;	/* or NULL */
	uint32_t *parents_of;
};

static int
add_row(struct adding *x, struct span_row *row, uint32_t i)
{
	if (x->parents != NULL)
		row->parents = parents_at(x->parents, x->parents_of[i], &row->n_parents);
	return agg_add(x->table, x->side, row, 1, x->sc->e);
}

static int
add_view(struct adding *x, struct span_row *row, uint32_t i)
{
	struct exec *ex = x->sc->ex;
	struct trace_view v;
	int rc = trace_view_get(ex, x->sc->xs->plan->shard, &x->traces, (uint32_t)x->ordinals[i],
	    true, &v, x->sc->e);

	row->trace = &v.facts;
	if (rc == 0)
		rc = add_row(x, row, i);
	trace_view_put(ex, &v);
	return rc;
}

static int
add_span(void *arg, const struct span *span, uint32_t i)
{
	struct adding *x = arg;
	struct exec *ex = x->sc->ex;
	struct span_row row = { .span = span };
	struct trace_pin pin;
	int rc;

	if (!x->facts)
		return add_row(x, &row, i);
	if (x->views)
		return add_view(x, &row, i);
	if ((rc = trace_get(ex, span->trace_id, &pin, x->sc->e)) < 0)
		return rc;
	row.trace = &pin.t->facts;
	row.place = part_place(ex, pin.t, x->sc->part, x->sc->row_from + x->rows[i],
	    span->span_id);
	rc = add_row(x, &row, i);
	trace_put(ex, &pin);
	return rc;
}

static int
want_parents(void *arg, const struct span *s, uint32_t i)
{
	struct adding *x = arg;

	return parents_want(x->parents, s->trace_id, s->parent_span_id, &x->parents_of[i],
	    x->sc->e);
}

/* Those of all that was found. */
static int
find_parents(struct adding *x, const struct found *f)
{
	static const struct projection ids = { .lean = true,
	    .intrinsics = INTRINSIC_BIT(IN_PARENT_SPAN_ID) };
	struct scan *sc = x->sc;
	int rc;

	if (sc->ex->plan->fetch.projection.parents == NULL)
		return 0;
	if ((x->parents_of = arena_array(&sc->mem, f->n, uint32_t)) == NULL)
		return err_nomem(sc->e);
	if ((rc = parents_new(sc->ex, sc->ex->plan->fetch.projection.parents, &x->parents,
	    sc->e)) < 0 || (rc = found_spans(sc, f, &ids, want_parents, x)) < 0 ||
	    (rc = parents_fetch(x->parents, sc->e)) < 0)
		return rc;
	sc->prof->rows_fetched += parents_n(x->parents);
	return 0;
}

/* Where the rows' traces are told by ordinal. */
static int
find_ordinals(struct adding *x, const struct found *f)
{
	struct scan *sc = x->sc;
	const struct chunk *c = NULL;
	int rc;

	if ((x->ordinals = arena_array(&sc->mem, f->n, uint64_t)) == NULL)
		return err_nomem(sc->e);
	if ((rc = shard_traces_get(sc->xs->s, &x->traces, sc->e)) < 0 ||
	    (rc = scan_chunk(sc, COL_TRACE, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, x->rows, f->n, x->ordinals);
	chunk_put(c);
	return 0;
}

int
groups_spans(struct scan *sc, const struct found *f, struct agg_table *t, enum agg_side side)
{
	struct exec *ex = sc->ex;
	struct adding x = { .sc = sc, .table = t, .side = side,
		.facts = ex->plan->fetch.want_trace };
	int rc = 0;

	if ((x.rows = found_rows(sc, f)) == NULL)
		return err_nomem(sc->e);
	x.views = x.facts && f->spans == NULL && !ex->local->needs_children;
	sc->prof->rows_fetched += f->n;
	if (x.views)
		rc = find_ordinals(&x, f);
	if (rc == 0 && (rc = find_parents(&x, f)) == 0)
		rc = found_spans(sc, f, &ex->plan->fetch.projection, add_span, &x);
	parents_free(x.parents);
	shard_traces_put(&x.traces);
	return rc;
}
