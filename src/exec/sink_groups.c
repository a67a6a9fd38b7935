/* SPDX-License-Identifier: ISC */
/*
 * sink_groups: spans into the table of groups that the caller brought (exec_env.groups). Each thread
 * has a table of its own, which goes over into that one when the scan ends, or before, if it
 * takes much memory; and one for each shard whose groups the caller wants apart. Rows go there by
 * columns where that is possible (groups_columns.c). No rows are handed out: the caller finishes
 * the table.
 */
#include <stdlib.h>

#include "exec_i.h"

#include "agg/agg.h"

/* Of [query] memory what all threads' own tables together may take before one is merged. */
#define LOCAL_SHARE 8

struct groups_local {
	struct agg_table *table;	/* NULL until it is needed */
	struct agg_table **parts;	/* alike; of shards that are wanted apart, by place */
};

static int
groups_open(struct row_sink *s, struct err *e)
{
	if (s->ex->env.groups == NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "groups without a table to put them in");
	s->state = s->ex->env.groups;
	return 0;
}

static int
groups_start(struct row_sink *s, struct err *e)
{
	struct source *src = &s->ex->source;
	int rc = src->ops->groups != NULL ? src->ops->groups(src, e) : 0;

	return rc < 0 ? rc : 0;
}

struct adding {
	struct row_sink *s;
	struct agg_table *table;
	struct err *e;
};

static int
add_span(void *arg, const struct span *span, uint32_t i)
{
	struct adding *x = arg;
	struct span_row row = { .span = span };

	(void)i;
	return agg_add(x->table, x->s->ex->env.side, &row, 1, x->e);
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
	}
	if (*t == NULL)
		rc = t != &l->table && parts->slices != NULL && parts->slices[place] != 0 ?
		    agg_table_sliced(s->state, parts->slices[place], t, e) :
		    agg_table_like(s->state, t, e);
	*out = *t;
	return rc;
}

static int
groups_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	struct groups_local *l = local;
	struct adding x = { s, NULL, sc->e };
	int rc;

	if ((rc = table_of(s, l, sc->part, &x.table, sc->e)) < 0)
		return rc;
	if ((rc = groups_columns(sc, f, x.table, s->ex->env.side)) != 0)
		return rc < 0 ? rc : 0;
	sc->prof->rows_fetched += f->n;
	return found_spans(sc, f, &s->ex->plan->fetch.projection, add_span, &x);
}

static size_t
local_most(const struct exec *ex)
{
	return ex->env.memory / LOCAL_SHARE / (ex->env.threads > 1 ? ex->env.threads : 1);
}

static size_t
memory_of(const struct row_sink *s, const struct groups_local *l)
{
	size_t n = l->table == NULL ? 0 : agg_memory_used(l->table);

	for (size_t i = 0; l->parts != NULL && i < s->ex->plan->scan.n_shards; i++)
		n += l->parts[i] == NULL ? 0 : agg_memory_used(l->parts[i]);
	return n;
}

/* Those that are not wanted apart any more go with the others. */
static int
combine_parts(struct row_sink *s, struct groups_local *l, struct err *e)
{
	const struct exec_parts *parts = s->ex->env.parts;
	int rc = 0;

	for (size_t i = 0; l->parts != NULL && rc == 0 && i < s->ex->plan->scan.n_shards; i++) {
		struct agg_table *t = l->parts[i];

		l->parts[i] = NULL;
		if (t == NULL)
			continue;
		if (parts->wanted[i])
			rc = parts->take(parts->arg, i, t, e);
		else {
			rc = agg_merge(s->state, t, e);
			agg_table_free(t);
		}
	}
	return rc;
}

static int
groups_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	struct groups_local *l = local;
	int rc = 0;

	if (!last && memory_of(s, l) < local_most(s->ex))
		return 0;
	if (l->table != NULL)
		rc = agg_merge(s->state, l->table, e);
	agg_table_free(l->table);
	l->table = NULL;
	return rc < 0 ? rc : combine_parts(s, l, e);
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
	for (size_t i = 0; l->parts != NULL && i < s->ex->plan->scan.n_shards; i++)
		agg_table_free(l->parts[i]);
	free(l->parts);
	l->parts = NULL;
}

static void
groups_close(struct row_sink *s)
{
	s->state = NULL;	/* the caller's */
}

const struct sink_ops sink_groups = {
	.name = "groups",
	.local_bytes = sizeof(struct groups_local),
	.open = groups_open,
	.start = groups_start,
	.consume = groups_consume,
	.combine = groups_combine,
	.next = groups_next,
	.drop = groups_drop,
	.close = groups_close,
};
