/* SPDX-License-Identifier: ISC */
/*
 * sink_groups_told: found rows of traces that lie in several shards, by columns: those whose parents
 * are in one shard at a time, with what sink_groups_split.c knows of them. Those of a trace in which
 * two spans bear one id are left to the spans.
 */
#include "agg/agg_columns.h"
#include "sink_groups_split.h"

/* Rows at hand: a node each. */
struct told_rows {
	uint32_t *rows, *node, n;
};

/* Those of the rest that are told of; the rest is the others. */
static int
tell_apart(struct scan *sc, const struct split_traces *x, struct found *rest, struct told_rows *told)
{
	const struct split_shard *o = &x->shards[sc->xs->plan->shard];
	uint32_t *others = arena_alloc(&sc->mem, ((size_t)rest->n + 1) * sizeof *others), n = 0;
	uint32_t at = split_place(o, sc->row_from + rest->rows[0]);

	told->rows = arena_alloc(&sc->mem, ((size_t)rest->n + 1) * sizeof *told->rows);
	told->node = arena_alloc(&sc->mem, ((size_t)rest->n + 1) * sizeof *told->node);
	if (others == NULL || told->rows == NULL || told->node == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < rest->n; i++) {
		uint32_t row = sc->row_from + rest->rows[i];

		while (at < o->n && o->rows[at] < row)
			at++;
		if (at == o->n || o->rows[at] != row || x->twins[x->nodes[o->node[at]].trace] != 0) {
			others[n++] = rest->rows[i];
			continue;
		}
		told->rows[told->n] = rest->rows[i];
		told->node[told->n++] = o->node[at];
	}
	*rest = (struct found){ .n = n, .rows = others };
	return 0;
}

/* In which shard the parent of a node is; ANY_PART: in none. */
static uint32_t
parents_shard(const struct split_traces *x, uint32_t node)
{
	uint32_t parent = x->nodes[node].parent;

	return parent == GATHER_NOBODY ? ANY_PART : x->nodes[parent].shard;
}

/* Those whose parents are in that shard, or nowhere if `own`: out of the told rows. */
static int
take_alike(struct scan *sc, const struct split_traces *x, struct told_rows *told, uint32_t shard,
    struct told_rows *out)
{
	uint32_t n = 0;

	*out = (struct told_rows){ .n = 0 };
	out->rows = arena_alloc(&sc->mem, ((size_t)told->n + 1) * sizeof *out->rows);
	out->node = arena_alloc(&sc->mem, ((size_t)told->n + 1) * sizeof *out->node);
	if (out->rows == NULL || out->node == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < told->n; i++) {
		uint32_t in = parents_shard(x, told->node[i]);

		if (in == shard || in == ANY_PART) {
			out->rows[out->n] = told->rows[i];
			out->node[out->n++] = told->node[i];
		} else {
			told->rows[n] = told->rows[i];
			told->node[n++] = told->node[i];
		}
	}
	told->n = n;
	return 0;
}

/* What gather is told of them. */
static int
tell(struct scan *sc, const struct split_traces *x, const struct told_rows *r, uint32_t shard,
    struct gather_told *out)
{
	struct gather_place *place = arena_array(&sc->mem, r->n, struct gather_place);
	struct gather_place *above = arena_array(&sc->mem, r->n, struct gather_place);
	uint32_t *trace = arena_array(&sc->mem, r->n, uint32_t);
	uint32_t *parent = arena_array(&sc->mem, r->n, uint32_t);
	int rc;

	if (place == NULL || above == NULL || trace == NULL || parent == NULL)
		return err_nomem(sc->e);
	*out = (struct gather_told){ .parent = parent, .place = place, .parent_place = above,
		.trace = trace, .facts = x->facts, .texts = x->texts.v,
		.n_texts = (uint32_t)x->texts.n };
	if ((rc = source_shard(sc->ex, shard, &out->parents_in, sc->e)) < 0)
		return rc;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct split_node *node = &x->nodes[r->node[i]];

		trace[i] = node->trace;
		parent[i] = GATHER_NOBODY;
		if (x->places)
			place[i] = x->place[r->node[i]];
		if (node->parent == GATHER_NOBODY)
			continue;
		parent[i] = x->nodes[node->parent].row;
		if (x->places)
			above[i] = x->place[node->parent];
	}
	return 0;
}

/* Adds rows that gather could not: the spans have them. */
static int
put_back(struct scan *sc, struct found *rest, const struct told_rows *r)
{
	uint32_t *all = arena_alloc(&sc->mem, ((size_t)rest->n + r->n + 1) * sizeof *all);

	if (all == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0, k = 0; i < rest->n || k < r->n;)
		if (k == r->n || (i < rest->n && rest->rows[i] < r->rows[k])) {
			all[i + k] = rest->rows[i];
			i++;
		} else {
			all[i + k] = r->rows[k];
			k++;
		}
	*rest = (struct found){ .n = rest->n + r->n, .rows = all };
	return 0;
}

int
groups_split(struct scan *sc, const struct split_traces *x, struct found *rest,
    struct agg_table *t, enum agg_side side)
{
	struct told_rows told = { .n = 0 }, some;
	int rc;

	if (rest->n == 0)
		return 0;
	if ((rest->rows = found_rows(sc, rest)) == NULL)
		return err_nomem(sc->e);
	if ((rc = tell_apart(sc, x, rest, &told)) < 0)
		return rc;
	while (told.n > 0) {
		uint32_t shard = parents_shard(x, told.node[0]);
		struct gather_told how;
		struct gather g = { .s = sc->xs->s, .group = sc->group, .mem = &sc->mem,
			.e = sc->e, .told = &how };

		shard = shard == ANY_PART ? sc->xs->plan->shard : shard;
		if ((rc = take_alike(sc, x, &told, shard, &some)) < 0 ||
		    (rc = tell(sc, x, &some, shard, &how)) < 0)
			return rc;
		g.rows = some.rows;
		g.n = some.n;
		if ((rc = groups_gather(&g, t, side)) < 0 ||
		    (rc == 0 && (rc = put_back(sc, rest, &some)) < 0))
			return rc;
	}
	return 0;
}
