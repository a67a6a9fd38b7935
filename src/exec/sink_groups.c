/* SPDX-License-Identifier: ISC */
/*
 * sink_groups: spans into the table of groups that the caller brought (exec_env.groups). Each thread
 * has a table of its own, which goes over into that one when the scan ends, or before, if it
 * takes much memory; and one for each shard whose groups the caller wants apart, which it has when the
 * morsels at hand are done, so that there are no more of them than morsels. Rows go there by
 * columns where that is possible (sink_groups_columns.c). No rows are handed out: the caller finishes
 * the table.
 */
#include <stdlib.h>

#include "sink_groups_i.h"

/* Of [query] memory what all threads' own tables together may take before one is merged. */
#define LOCAL_SHARE 8

struct groups {
	struct agg_table *table;	/* the caller's */
	bool of_traces;			/* whole traces, by what is their own */
	struct matched_traces traces;
	struct split_traces *split;	/* joined over shards; or NULL */
};

struct groups_local {
	struct agg_table *table;	/* NULL until it is needed */
	struct agg_table **parts;	/* alike; of shards that are wanted apart, by place */
	VEC(size_t) begun;		/* places of those that are there */
	struct matched_traces traces;
};

static int
groups_open(struct row_sink *s, struct err *e)
{
	struct agg_table *t = s->ex->env.groups;
	struct groups *x;

	if (t == NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "groups without a table to put them in");
	if ((s->state = x = calloc(1, sizeof *x)) == NULL)
		return err_nomem(e);
	x->table = t;
	x->of_traces = groups_of_traces(s->ex, t);
	return 0;
}

static int
groups_start(struct row_sink *s, struct err *e)
{
	struct source *src = &s->ex->source;
	const struct plan_fetch *f = &s->ex->plan->fetch;
	struct groups *x = s->state;
	unsigned asks = 0;
	int rc = src->ops->groups != NULL ? src->ops->groups(src, e) : 0;

	if (rc < 0 || s->ex->local == NULL || !f->by_columns || !f->joins || x->split != NULL ||
	    !groups_ask(x->table, &asks) || asks == 0)
		return rc < 0 ? rc : 0;
	return split_traces_make(s->ex, (asks & GATHER_PLACES) != 0, &x->split, e);
}

static struct agg_table *
main_table(const struct row_sink *s)
{
	return ((const struct groups *)s->state)->table;
}

/* Where the groups of a shard go. */
static int
table_of(struct row_sink *s, struct groups_local *l, size_t place, struct agg_table **out,
    struct err *e)
{
	const struct exec_parts *parts = s->ex->env.parts;
	struct agg_table **t = &l->table;
	int rc = 0;

	if (parts != NULL && parts->wanted[place]) {
		if (l->parts == NULL && (l->parts = calloc(s->ex->plan->scan.n_shards,
		    sizeof(struct agg_table *))) == NULL)
			return err_nomem(e);
		t = &l->parts[place];
		if (*t == NULL && !vec_push(&l->begun, place))
			return err_nomem(e);
	}
	if (*t == NULL)
		rc = t != &l->table && parts->slices != NULL && parts->slices[place] != 0 ?
		    agg_table_sliced(main_table(s), parts->slices[place], t, e) :
		    agg_table_like(main_table(s), t, e);
	*out = *t;
	return rc;
}

/* When the rows began: an open range ends with the first and last. */
static int
note_times(struct scan *sc, const struct found *f, struct agg_table *t, enum agg_side side)
{
	const uint32_t *rows = found_rows(sc, f);
	uint64_t *v = arena_alloc(&sc->mem, ((size_t)f->n + 1) * sizeof *v);
	const struct chunk *c = NULL;
	int rc;

	if (rows == NULL || v == NULL)
		return err_nomem(sc->e);
	if ((rc = scan_chunk(sc, COL_START, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, rows, f->n, v);
	chunk_put(c);
	agg_note_spans(t, side, v, f->n);
	return 0;
}

static int
groups_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	const struct groups *x = s->state;
	enum agg_side side = s->ex->env.side;
	struct groups_local *l = local;
	struct agg_table *t = NULL;
	struct found rest;
	int rc;

	if ((rc = table_of(s, l, sc->part, &t, sc->e)) < 0)
		return rc;
	if (x->of_traces)
		return (rc = note_times(sc, f, t, side)) < 0 ? rc :
		    matched_traces_add(sc, f, &l->traces);
	if ((rc = groups_columns(sc, f, t, side, &rest)) < 0 || rest.n == 0)
		return rc;
	if (x->split != NULL && f->spans == NULL &&
	    ((rc = groups_split(sc, x->split, &rest, t, side)) < 0 || rest.n == 0))
		return rc;
	return groups_spans(sc, &rest, t, side);
}

static size_t
local_most(const struct exec *ex)
{
	return ex->env.memory / LOCAL_SHARE / (ex->env.threads > 1 ? ex->env.threads : 1);
}

/* Those that are not wanted apart any more go with the others. */
static int
combine_parts(struct row_sink *s, struct groups_local *l, struct err *e)
{
	const struct exec_parts *parts = s->ex->env.parts;
	int rc = 0;

	while (rc == 0 && l->begun.n > 0) {
		size_t i = l->begun.v[--l->begun.n];
		struct agg_table *t = l->parts[i];

		l->parts[i] = NULL;
		if (t == NULL)
			continue;
		if (parts->wanted[i])
			rc = parts->take(parts->arg, i, t, e);
		else {
			rc = agg_merge(main_table(s), t, e);
			agg_table_free(t);
		}
	}
	return rc;
}

static int
groups_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	struct groups *x = s->state;
	struct groups_local *l = local;
	int rc = 0;

	if (last && x->of_traces && (rc = matched_traces_merge(s->ex, &x->traces, &l->traces, e)) < 0)
		return rc;
	if (l->table != NULL && (last || agg_memory_used(l->table) >= local_most(s->ex))) {
		rc = agg_merge(main_table(s), l->table, e);
		agg_table_free(l->table);
		l->table = NULL;
	}
	return rc < 0 ? rc : combine_parts(s, l, e);
}

static int
groups_over(struct row_sink *s, const size_t *places, size_t n, struct err *e)
{
	const struct exec_parts *parts = s->ex->env.parts;

	return parts != NULL && parts->over != NULL ? parts->over(parts->arg, places, n, e) : 0;
}

static int
groups_finish(struct row_sink *s, struct err *e)
{
	struct groups *x = s->state;

	return x->of_traces ?
	    matched_traces_group(s->ex, &x->traces, x->table, s->ex->env.side, e) : 0;
}

static int
groups_next(struct row_sink *s, struct batch *b, struct err *e)
{
	(void)s;
	(void)b;
	(void)e;
	return 1;
}

static void
groups_drop(struct row_sink *s, void *local)
{
	struct groups_local *l = local;

	agg_table_free(l->table);
	l->table = NULL;
	for (size_t i = 0; i < l->begun.n; i++)
		agg_table_free(l->parts[l->begun.v[i]]);
	vec_release(&l->begun);
	free(l->parts);
	l->parts = NULL;
	matched_traces_release(s->ex, &l->traces);
}

static void
groups_close(struct row_sink *s)
{
	struct groups *x = s->state;

	if (x != NULL) {
		matched_traces_release(s->ex, &x->traces);
		split_traces_free(s->ex, x->split);
	}
	free(x);
	s->state = NULL;
}

const struct sink_ops sink_groups = {
	.name = "groups",
	.local_bytes = sizeof(struct groups_local),
	.open = groups_open,
	.start = groups_start,
	.consume = groups_consume,
	.combine = groups_combine,
	.over = groups_over,
	.finish = groups_finish,
	.next = groups_next,
	.drop = groups_drop,
	.close = groups_close,
};
