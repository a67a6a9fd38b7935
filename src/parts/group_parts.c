/* SPDX-License-Identifier: ISC */
/*
 * group_parts: see parts/group_parts.h. What there is of the pieces is merged; then the plan is run for
 * what is missing: once for whole groups and for shards of which nothing is kept, once for bodies, and
 * once for each slice that has fringes. A part of no bytes says that one was too large to be kept: such
 * a shard is read.
 */
#include "parts/group_parts.h"

#include <stdlib.h>

#include "agg/agg_bytes.h"
#include "base/clock.h"
#include "part_key.h"
#include "pieces_i.h"

/* A shard that is cut is read whole for its body at once if it is this share of all; else the second time. */
#define BODY_SHARE 16

struct group_run {
	const struct group_parts_ask *a;
	const struct group_parts_host *host;
	struct parts_told *told;
	struct pieces p;
	struct plan plan;		/* of the run at hand */
	struct plan_shard *shards;	/* its shards, */
	size_t *of;			/* and of those that are wanted their pieces, */
	bool *wanted;
	uint64_t *slices;
	size_t n;			/* so many */
	bool *left;			/* by piece: to be made */
	size_t held;			/* bytes of what was made */
	uint64_t begun_ns, rows_over;	/* of the run: when, and spans of shards that are done */
};

/* ---- what is there ---- */

static int
merge(struct group_run *g, const struct piece *x, struct agg_table *t, struct err *e)
{
	return x->slice != 0 ? agg_merge_slices(g->a->table, t, x->use, e) :
	    agg_merge(g->a->table, t, e);
}

static void
put_part(void *part)
{
	cached_part_put(part);
}

/* 1: it was there, and is in the table, which borrows of it. */
static int
merge_kept(struct group_run *g, size_t i, struct err *e)
{
	const struct piece *x = &g->p.v.v[i];
	struct cached_part *part = g->p.slots.v[i].part;
	struct agg_hold hold = { put_part, part };
	struct agg_table *like, *t = NULL;
	int code;

	if (part == NULL)
		return 0;
	if ((code = piece_table(g->a, x, &like, e)) < 0)
		return code;
	cached_part_ref(part);
	code = agg_load(like, sv_new(part->bytes, part->n), &hold, &t, e);
	agg_table_free(like);
	if (code < 0) {
		cached_part_put(part);
		return code == ERR_NOMEM ? code : 0;
	}
	code = merge(g, x, t, e);
	agg_table_free(t);
	if (code < 0)
		return code;
	g->told->parts++;
	g->told->shared += g->p.slots.v[i].shared;
	return 1;
}

/* Pieces [i, *end) are those of one shard. */
static void
shard_end(const struct pieces *p, size_t i, size_t *end)
{
	*end = i + 1;
	while (*end < p->v.n && p->v.v[*end].shard == p->v.v[i].shard)
		++*end;
}

static uint64_t
rows_of(const struct group_run *g, const struct plan_shard *s)
{
	return g->a->store->snap->shards[s->shard].n_rows;
}

static bool
is_body(const struct piece *x)
{
	return x->slice != 0 && x->covers.to == WHEN_MAX;
}

/* All of a shard is read for a body, whatever the range leaves of it. */
static bool
is_worth_it(const struct group_run *g, size_t i, uint64_t n_rows)
{
	const struct part_slot *slot = &g->p.slots.v[i];

	if (slot->part != NULL)
		return slot->part->n != 0;
	return !is_body(&g->p.v.v[i]) || g->a->least_cost <= 0 ||
	    rows_of(g, g->p.v.v[i].shard) * BODY_SHARE <= n_rows ||
	    partcache_asked(g->a->store->cache, slot->key) > 1;
}

/* The range goes through far more than the shard that it is about to cut, or it is asked for again. */
static bool
is_worth_ahead(const struct group_run *g, size_t i, uint64_t n_rows)
{
	return g->p.slots.v[i].part == NULL && (g->a->least_cost <= 0 ||
	    rows_of(g, g->p.v.v[i].shard) * BODY_SHARE <= n_rows ||
	    partcache_asked(g->a->store->cache, g->p.slots.v[i].key) > 1);
}

/* Merges what there is; what is left of it is to be made, or its shard is read. */
static int
take_pieces(struct group_run *g, struct err *e)
{
	uint64_t n_rows = 0;
	int code = 0;

	for (size_t i = 0; i < g->a->plan->scan.n_shards; i++)
		if (g->a->plan->scan.shards[i].access != ACCESS_PRUNED)
			n_rows += rows_of(g, &g->a->plan->scan.shards[i]);
	for (size_t i = 0, end; i < g->p.v.n && code >= 0; i = end) {
		bool worth = true, all = true;

		shard_end(&g->p, i, &end);
		for (size_t k = i; k < end; k++)
			worth &= g->p.v.v[k].ahead || is_worth_it(g, k, n_rows);
		if (!worth && !vec_push(&g->p.rest, *g->p.v.v[i].shard))
			return err_nomem(e);
		for (size_t k = i; worth && k < end && code >= 0; k++) {
			if (g->p.v.v[k].ahead) {
				g->left[k] = is_worth_ahead(g, k, n_rows);
				continue;
			}
			g->left[k] = (code = merge_kept(g, k, e)) == 0;
			all &= !g->left[k];
		}
		g->told->shards += worth && all && code >= 0;
	}
	return code < 0 ? code : 0;
}

/* ---- runs ---- */

static void
begin_run(struct group_run *g, struct time_range r)
{
	g->plan = *g->a->plan;
	g->plan.filter.range = r;
	g->plan.scan.shards = g->shards;
	g->n = 0;
	g->held = 0;
}

/* SIZE_MAX: all that is found of it is in the range. */
static void
add_to_run(struct group_run *g, const struct plan_shard *s, size_t piece)
{
	g->shards[g->n] = *s;
	g->of[g->n] = piece;
	g->wanted[g->n] = piece != SIZE_MAX;
	g->slices[g->n++] = piece != SIZE_MAX ? g->p.v.v[piece].slice : 0;
}

/* Too much is in hand: all is merged, and nothing is kept of this run. */
static int
merge_made(struct group_run *g, struct err *e)
{
	int code = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct piece *x = g->of[i] != SIZE_MAX ? &g->p.v.v[g->of[i]] : NULL;

		g->wanted[i] = false;
		if (x == NULL)
			continue;
		if (x->made != NULL && code == 0)
			code = agg_merge(g->a->table, x->made, e);
		agg_table_free(x->made);
		x->made = NULL;
		g->left[g->of[i]] = false;
	}
	g->held = 0;
	return code;
}

/* No two at once. */
static int
take(void *arg, size_t place, struct agg_table *t, struct err *e)
{
	struct group_run *g = arg;
	struct agg_table **made = &g->p.v.v[g->of[place]].made;
	size_t before = *made == NULL ? 0 : agg_memory_used(*made);
	int code = 0;

	if (*made == NULL)
		*made = t;
	else {
		code = agg_merge(*made, t, e);
		agg_table_free(t);
	}
	g->held += agg_memory_used(*made) - before;
	if (code < 0 || g->held <= g->a->memory)
		return code;
	if (g->slices[place] == 0)
		return merge_made(g, e);
	/* They can't go with the others: of some spans nothing is asked. */
	return err_set(e, ERR_NOMEM, -1, "groups by slices of time need too much memory");
}

/* What is too large is remembered as such: a failure costs only that. */
static int
keep(struct group_run *g, const struct part_slot *slot, struct agg_table *t, uint64_t cost_ns,
    struct err *e)
{
	struct buf b = BUF_INIT;
	int code = 0;

	if (agg_is_exact(t) && (!agg_can_save(t) || ((code = agg_save(t, &b, e)) == 0 &&
	    !part_store_keep(g->a->store, slot, buf_view(&b), cost_ns))))
		(void)partcache_add(g->a->store->cache, slot->key, SV_EMPTY, cost_ns);
	buf_release(&b);
	return code == ERR_NOMEM ? 0 : code;
}

/* Keeps the groups of one of the slices that were made together, and merges what is used of them. */
static int
end_fringe(struct group_run *g, const struct piece *x, struct time_range slice, uint64_t cost_ns,
    struct err *e)
{
	struct part_slot slot = { .shards = x->shard, .n_shards = 1 };
	struct piece one = *x;
	struct agg_table *t;
	int code;

	one.covers = slice;
	if ((code = piece_key(g->a, &one, &slot.key, e)) < 0 ||
	    (code = piece_table(g->a, &one, &t, e)) < 0)
		return code;
	if ((code = agg_merge_slices(t, x->made, slice, e)) == 0)
		code = keep(g, &slot, t, cost_ns, e);
	if (code == 0 && !x->ahead && slice.from == x->covers.from)
		code = merge(g, x, t, e);
	agg_table_free(t);
	return code;
}

/* Of a shard without a span that passes, too. */
static int
end_piece(struct group_run *g, size_t i, uint64_t cost_ns, struct err *e)
{
	struct piece *x = &g->p.v.v[i];
	int code = 0;

	if (x->made == NULL && (code = piece_table(g->a, x, &x->made, e)) < 0)
		return code;
	if (x->length == 0) {
		code = keep(g, &g->p.slots.v[i], x->made, cost_ns, e);
		return code < 0 ? code : merge(g, x, x->made, e);
	}
	for (uint64_t at = x->block.from; at < x->block.to && code == 0; at += x->length)
		code = end_fringe(g, x, (struct time_range){ at, at + x->length }, cost_ns, e);
	return code;
}

static int
end_run(struct group_run *g, uint64_t run_ns, struct err *e)
{
	uint64_t rows = 0;
	int code = 0;

	for (size_t i = 0; i < g->n; i++)
		rows += rows_of(g, &g->shards[i]);
	for (size_t i = 0; i < g->n && code == 0; i++) {
		double share = (double)rows_of(g, &g->shards[i]) / (double)(rows != 0 ? rows : 1);
		size_t piece = g->of[i];

		if (piece == SIZE_MAX || !g->left[piece])
			continue;
		code = end_piece(g, piece, (uint64_t)(share * (double)run_ns), e);
		agg_table_free(g->p.v.v[piece].made);
		g->p.v.v[piece].made = NULL;
		g->left[piece] = false;
	}
	return code;
}

static int
end_shard(struct group_run *g, size_t place, double ns_per_row, struct err *e)
{
	size_t i = g->of[place], held;
	int code;

	if (i == SIZE_MAX || !g->left[i])
		return 0;
	held = g->p.v.v[i].made == NULL ? 0 : agg_memory_used(g->p.v.v[i].made);
	code = end_piece(g, i, (uint64_t)(ns_per_row * (double)rows_of(g, &g->shards[place])), e);
	agg_table_free(g->p.v.v[i].made);
	g->p.v.v[i].made = NULL;
	g->left[i] = false;
	g->held -= held;
	return code;
}

/* Groups of shards that are done needn't wait for the others: so many tables would be there at once. */
static int
over(void *arg, const size_t *places, size_t n, struct err *e)
{
	struct group_run *g = arg;
	double ns = (double)(clock_mono_ns() - g->begun_ns);
	int code = 0;

	for (size_t i = 0; i < n; i++)
		g->rows_over += rows_of(g, &g->shards[places[i]]);
	ns /= g->rows_over != 0 ? (double)g->rows_over : 1;
	for (size_t i = 0; i < n && code == 0; i++)
		code = end_shard(g, places[i], ns, e);
	return code;
}

/* What is used of a piece is read as it is. */
static int
run_plainly(struct group_run *g, const struct piece *x, struct err *e)
{
	g->plan.filter.range = x->use;
	g->plan.scan.shards = x->shard;
	g->plan.scan.n_shards = 1;
	return g->host->run(g->host->arg, &g->plan, NULL, e);
}

/* Slices took too much memory. */
static int
do_without(struct group_run *g, struct err *e)
{
	int code = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct piece *x = &g->p.v.v[g->of[i]];

		agg_table_free(x->made);
		x->made = NULL;
		(void)partcache_add(g->a->store->cache, g->p.slots.v[g->of[i]].key, SV_EMPTY, 1);
	}
	for (size_t i = 0; i < g->n && code == 0; i++) {
		if (!g->p.v.v[g->of[i]].ahead)
			code = run_plainly(g, &g->p.v.v[g->of[i]], e);
		g->left[g->of[i]] = false;
	}
	return code;
}

static int
run(struct group_run *g, struct err *e)
{
	struct exec_parts parts = { .wanted = g->wanted, .slices = g->slices, .take = take, .arg = g };
	int code;

	if (g->n == 0)
		return 0;
	g->plan.scan.n_shards = g->n;
	g->begun_ns = clock_mono_ns();
	g->rows_over = 0;
	/* Slices may turn out to need too much memory: then nothing of the run is used (do_without). */
	if (g->slices[0] == 0)
		parts.over = over;
	code = g->host->run(g->host->arg, &g->plan, &parts, e);
	if (code == ERR_NOMEM && g->slices[0] != 0)
		return do_without(g, e);
	return code < 0 ? code : end_run(g, clock_mono_ns() - g->begun_ns, e);
}

/* Shards of which nothing is kept, and whole groups. */
static int
run_whole(struct group_run *g, struct err *e)
{
	begin_run(g, g->a->plan->filter.range);
	for (size_t i = 0; i < g->p.rest.n; i++)
		add_to_run(g, &g->p.rest.v[i], SIZE_MAX);
	for (size_t i = 0; i < g->p.v.n; i++)
		if (g->left[i] && g->p.v.v[i].slice == 0)
			add_to_run(g, g->p.v.v[i].shard, i);
	return run(g, e);
}

/*
 * Pieces by slices of the same block as the first of them that is left. One that is made ahead comes with
 * another of its shard, if that is made, too.
 */
static int
run_slices(struct group_run *g, size_t first, struct err *e)
{
	struct time_range r = g->p.v.v[first].block;

	begin_run(g, r);
	for (size_t i = first; i < g->p.v.n; i++) {
		struct piece *x = &g->p.v.v[i];

		if (!g->left[i] || x->block.from != r.from || x->block.to != r.to)
			continue;
		if (x->ahead && g->n != 0 && g->p.v.v[g->of[g->n - 1]].shard == x->shard)
			g->left[i] = false;
		else
			add_to_run(g, x->shard, i);
	}
	return run(g, e);
}

static int
run_all(struct group_run *g, struct err *e)
{
	int code = run_whole(g, e);

	for (size_t i = 0; i < g->p.v.n && code == 0; i++)
		if (g->left[i])
			code = run_slices(g, i, e);
	return code;
}

/* ---- the whole ---- */

static int
find_and_run(struct group_run *g, struct err *e)
{
	size_t n = g->p.v.n + g->p.rest.n + 1;
	int code = part_store_find(g->a->store, g->p.slots.v, g->p.slots.n, e);

	if (code < 0)
		return code;
	g->shards = calloc(n, sizeof *g->shards);
	g->of = calloc(n, sizeof *g->of);
	g->wanted = calloc(n, sizeof *g->wanted);
	g->slices = calloc(n, sizeof *g->slices);
	g->left = calloc(n, sizeof *g->left);
	if (g->shards == NULL || g->of == NULL || g->wanted == NULL || g->slices == NULL ||
	    g->left == NULL)
		return err_nomem(e);
	code = take_pieces(g, e);
	return code < 0 ? code : run_all(g, e);
}

int
group_parts_run(const struct group_parts_ask *a, const struct group_parts_host *host,
    struct parts_told *told, struct err *e)
{
	struct group_run g = { .a = a, .host = host, .told = told };
	int code = pieces_collect(&g.p, a, e);

	if (code == 0)
		code = g.p.v.n != 0 ? find_and_run(&g, e) : host->run(host->arg, a->plan, NULL, e);
	pieces_release(&g.p);
	free(g.shards);
	free(g.of);
	free(g.wanted);
	free(g.slices);
	free(g.left);
	return code;
}

int
group_parts_count(const struct group_parts_ask *a, size_t *there, size_t *of, struct err *e)
{
	struct pieces p;
	int code = pieces_collect(&p, a, e);

	*there = *of = 0;
	for (size_t i = 0, end; i < p.v.n && code == 0; i = end) {
		bool all = true;

		shard_end(&p, i, &end);
		for (size_t k = i; k < end; k++)
			all &= p.v.v[k].ahead || partcache_has(a->store->cache, p.slots.v[k].key);
		*there += all;
		++*of;
	}
	pieces_release(&p);
	return code;
}
