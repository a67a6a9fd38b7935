/* SPDX-License-Identifier: ISC */
/*
 * group_parts: see parts/group_parts.h. The key of a part is a hash of the filter, of what the
 * table is made of (agg_shape), of the settings that count and of the shard.
 */
#include "parts/group_parts.h"

#include <stdlib.h>
#include <string.h>

#include "agg/agg_bytes.h"
#include "model/field.h"
#include "model/pred_walk.h"
#include "part_key.h"

/* ---- which shards ---- */

/* All that is asked of a span is in its shard. */
static bool
is_apart(const struct plan *p, const struct agg_table *t)
{
	const struct field *f;
	size_t n;

	if (p->output != ROW_GROUP || p->filter.never || pred_needs_trace(p->filter.pred) ||
	    !agg_can_save(t))
		return false;
	f = agg_fields(t, &n);
	for (size_t i = 0; i < n; i++)
		if (field_needs_trace(&f[i]))
			return false;
	return true;
}

static bool
is_wanted(const struct group_parts_ask *a, const struct plan_shard *s)
{
	return s->access != ACCESS_PRUNED && s->access != ACCESS_COVERING && part_cost(s) >= a->least_cost &&
	    part_is_whole(&a->snap->shards[s->shard], a->plan->filter.range);
}

/* ---- keys ---- */

/* What of a key is the same for all shards. */
static int
put_asked(struct buf *b, const struct group_parts_ask *a, struct err *e)
{
	uint64_t shape;
	int code;

	if ((code = agg_shape(a->table, &shape, e)) < 0)
		return code;
	buf_put(b, &shape, sizeof shape);
	buf_put(b, &a->settings, sizeof a->settings);
	buf_putc(b, (char)a->side);
	pred_put(b, a->filter);
	return buf_ok(b, e);
}

static int
key_of(struct buf *b, const struct shard_entry *s, struct hash128 *out, struct err *e)
{
	size_t asked = b->n;
	int code;

	shard_entry_put(b, s);
	if ((code = buf_ok(b, e)) == 0)
		*out = hash128(b->p, b->n);
	b->n = asked;
	return code;
}

/* ---- begin ---- */

/* 1: the groups were there, and are in the table. */
static int
merge_kept(const struct group_parts_ask *a, struct hash128 key, struct err *e)
{
	struct cached_part *part = partcache_get(a->cache, key);
	struct agg_table *t;
	int code;

	if (part == NULL)
		return 0;
	code = agg_load(a->table, sv_new(part->bytes, part->n), &t, e);
	cached_part_put(part);
	if (code < 0)
		return code == ERR_NOMEM ? code : 0;
	code = agg_merge(a->table, t, e);
	agg_table_free(t);
	return code < 0 ? code : 1;
}

static int
take_shards(struct group_parts *g, struct err *e)
{
	const struct plan *p = g->ask.plan;
	struct buf b = BUF_INIT;
	size_t n = 0;
	int code = put_asked(&b, &g->ask, e);

	for (size_t i = 0; i < p->scan.n_shards && code == 0; i++) {
		const struct plan_shard *s = &p->scan.shards[i];
		const struct shard_entry *entry = &g->ask.snap->shards[s->shard];

		g->wanted[n] = is_wanted(&g->ask, s);
		if (g->wanted[n] && ((code = key_of(&b, entry, &g->keys[n], e)) < 0 ||
		    (code = merge_kept(&g->ask, g->keys[n], e)) < 0))
			break;
		if (code == 0)
			g->shards[n++] = *s;
		else {
			g->n_kept++;
			g->n_rows_kept += entry->n_rows;
			code = 0;
		}
	}
	g->plan.scan.n_shards = n;
	buf_release(&b);
	return code;
}

/* No two at once. With too much in hand all is merged, and nothing is kept of this run. */
static int
take(void *arg, size_t place, struct agg_table *t, struct err *e)
{
	struct group_parts *g = arg;
	size_t before = g->made[place] == NULL ? 0 : agg_memory_used(g->made[place]);
	int code = 0;

	if (g->made[place] == NULL)
		g->made[place] = t;
	else {
		code = agg_merge(g->made[place], t, e);
		agg_table_free(t);
	}
	g->held += agg_memory_used(g->made[place]) - before;
	if (code < 0 || g->held <= g->ask.memory)
		return code;
	for (size_t i = 0; i < g->plan.scan.n_shards && code == 0; i++) {
		g->wanted[i] = false;
		if (g->made[i] != NULL)
			code = agg_merge(g->ask.table, g->made[i], e);
		agg_table_free(g->made[i]);
		g->made[i] = NULL;
	}
	g->held = 0;
	return code;
}

static bool
is_worth_while(const struct group_parts_ask *a)
{
	if (!is_apart(a->plan, a->table))
		return false;
	for (size_t i = 0; i < a->plan->scan.n_shards; i++)
		if (is_wanted(a, &a->plan->scan.shards[i]))
			return true;
	return false;
}

int
group_parts_begin(const struct group_parts_ask *a, struct group_parts **out, struct err *e)
{
	size_t n = a->plan->scan.n_shards;
	struct group_parts *g;
	int code;

	*out = NULL;
	if (!is_worth_while(a))
		return 0;
	if ((g = calloc(1, sizeof *g)) == NULL)
		return err_nomem(e);
	g->ask = *a;
	g->plan = *a->plan;
	g->shards = calloc(n, sizeof *g->shards);
	g->keys = calloc(n, sizeof *g->keys);
	g->wanted = calloc(n, sizeof *g->wanted);
	g->made = calloc(n, sizeof(struct agg_table *));
	g->plan.scan.shards = g->shards;
	g->parts = (struct exec_parts){ g->wanted, take, g };
	code = g->shards == NULL || g->keys == NULL || g->wanted == NULL || g->made == NULL ?
	    err_nomem(e) : take_shards(g, e);
	if (code < 0) {
		group_parts_free(g);
		return code;
	}
	*out = g;
	return 0;
}

int
group_parts_count(const struct group_parts_ask *a, size_t *there, size_t *of, struct err *e)
{
	const struct plan_scan *scan = &a->plan->scan;
	struct buf b = BUF_INIT;
	struct hash128 key;
	int code = 0;

	*there = *of = 0;
	if (is_apart(a->plan, a->table))
		code = put_asked(&b, a, e);
	for (size_t i = 0; b.n != 0 && i < scan->n_shards && code == 0; i++)
		if (is_wanted(a, &scan->shards[i]) && (code = key_of(&b,
		    &a->snap->shards[scan->shards[i].shard], &key, e)) == 0) {
			*there += partcache_has(a->cache, key);
			++*of;
		}
	buf_release(&b);
	return code;
}

/* ---- end ---- */

/* Of a shard without a span that passes, too. Failing costs only the keeping. */
static int
keep(struct group_parts *g, size_t i, uint64_t cost_ns, struct err *e)
{
	struct buf b = BUF_INIT;
	int code = 0;

	if (g->made[i] == NULL && (code = agg_table_like(g->ask.table, &g->made[i], e)) < 0)
		return code;
	if (agg_is_exact(g->made[i]) && (code = agg_save(g->made[i], &b, e)) == 0)
		partcache_add(g->ask.cache, g->keys[i], buf_view(&b), cost_ns);
	buf_release(&b);
	return code == ERR_NOMEM ? 0 : code;
}

int
group_parts_end(struct group_parts *g, uint64_t run_ns, struct err *e)
{
	uint64_t rows = 0;
	int code = 0;

	for (size_t i = 0; i < g->plan.scan.n_shards; i++)
		rows += g->ask.snap->shards[g->shards[i].shard].n_rows;
	for (size_t i = 0; i < g->plan.scan.n_shards && code == 0; i++) {
		double share = (double)g->ask.snap->shards[g->shards[i].shard].n_rows / (double)rows;

		if (!g->wanted[i])
			continue;
		if ((code = keep(g, i, (uint64_t)(share * (double)run_ns), e)) == 0)
			code = agg_merge(g->ask.table, g->made[i], e);
	}
	return code;
}

void
group_parts_free(struct group_parts *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; g->made != NULL && i < g->ask.plan->scan.n_shards; i++)
		agg_table_free(g->made[i]);
	free(g->made);
	free(g->wanted);
	free(g->keys);
	free(g->shards);
	free(g);
}
