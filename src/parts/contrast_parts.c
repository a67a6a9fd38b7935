/* SPDX-License-Identifier: ISC */
/*
 * contrast_parts: see parts/contrast_parts.h. What is missing is run shard by shard, each into a table of
 * its own that goes at once: a contrast has all attributes, and may be large.
 */
#include "parts/contrast_parts.h"

#include "agg/contrast_bytes.h"
#include "base/clock.h"
#include "base/vec.h"
#include "model/pred_walk.h"
#include "part_key.h"

struct contrasting {
	const struct contrast_parts_ask *a;
	const struct contrast_parts_host *host;
	struct plan plan;		/* of the run at hand */
	VEC(struct part_slot) slots;
	VEC(struct plan_shard) rest;
};

static bool
is_apart(const struct plan *p)
{
	return !p->filter.never && !pred_needs_trace(p->filter.pred) &&
	    !pred_needs_trace(p->contrast.pred);
}

static int
key_of(const struct contrast_parts_ask *a, const struct plan_shard *s, struct hash128 *out,
    struct err *e)
{
	struct buf b = BUF_INIT;
	int code;

	BUF_LIT(&b, "compare");
	buf_putc(&b, '\0');
	buf_put(&b, &a->settings, sizeof a->settings);
	pred_put(&b, a->filter);
	buf_putc(&b, '\0');
	pred_put(&b, a->compared);
	shard_entry_put(&b, &a->store->snap->shards[s->shard]);
	if ((code = buf_ok(&b, e)) == 0)
		*out = hash128(b.p, b.n);
	buf_release(&b);
	return code;
}

static int
collect(struct contrasting *c, struct err *e)
{
	const struct plan *p = c->a->plan;
	bool apart = is_apart(p);
	int code = 0;

	for (size_t i = 0; i < p->scan.n_shards && code == 0; i++) {
		const struct plan_shard *s = &p->scan.shards[i];
		struct part_slot slot = { .shards = s, .n_shards = 1 };

		if (s->access == ACCESS_PRUNED)
			continue;
		if (!apart || part_cost(s) < c->a->least_cost ||
		    !part_is_whole(&c->a->store->snap->shards[s->shard], p->filter.range))
			code = vec_push(&c->rest, *s) ? 0 : err_nomem(e);
		else if ((code = key_of(c->a, s, &slot.key, e)) == 0 && !vec_push(&c->slots, slot))
			code = err_nomem(e);
	}
	return code;
}

static int
run(struct contrasting *c, const struct plan_shard *v, size_t n, struct contrast *into, struct err *e)
{
	c->plan.scan.shards = v;
	c->plan.scan.n_shards = n;
	return c->host->run(c->host->arg, &c->plan, into, e);
}

/* 1: it was there, and is in the table. */
static int
merge_kept(struct contrasting *c, const struct part_slot *slot, struct parts_told *told,
    struct err *e)
{
	struct contrast *t;
	int code;

	if (slot->part == NULL)
		return 0;
	if ((code = contrast_load(c->a->table, sv_new(slot->part->bytes, slot->part->n), &t, e)) < 0)
		return code == ERR_CORRUPT || code == ERR_VERSION ? 0 : code;
	code = contrast_merge(c->a->table, t, e);
	contrast_free(t);
	told->shards++;
	told->parts++;
	told->shared += slot->shared;
	return code < 0 ? code : 1;
}

/* What is too large is remembered as such, by a part of no bytes: a failure costs only that. */
static int
keep(struct contrasting *c, const struct part_slot *slot, struct contrast *t, uint64_t cost_ns,
    struct err *e)
{
	struct buf b = BUF_INIT;
	int code = contrast_save(t, &b, e);

	if (code == 0 && !part_store_keep(c->a->store, slot, buf_view(&b), cost_ns))
		(void)partcache_add(c->a->store->cache, slot->key, SV_EMPTY, cost_ns);
	buf_release(&b);
	return code == ERR_NOMEM ? 0 : code;
}

static int
run_and_keep(struct contrasting *c, const struct part_slot *slot, struct err *e)
{
	uint64_t begun = clock_mono_ns();
	struct contrast *t;
	int code = contrast_like(c->a->table, &t, e);

	if (code < 0)
		return code;
	if ((code = run(c, slot->shards, 1, t, e)) == 0 &&
	    (code = keep(c, slot, t, clock_mono_ns() - begun, e)) == 0)
		code = contrast_merge(c->a->table, t, e);
	contrast_free(t);
	return code;
}

static int
take_slots(struct contrasting *c, struct parts_told *told, struct err *e)
{
	int code = part_store_find(c->a->store, c->slots.v, c->slots.n, e);

	for (size_t i = 0; i < c->slots.n && code == 0; i++) {
		const struct part_slot *slot = &c->slots.v[i];

		if (slot->part != NULL && slot->part->n == 0) {
			code = vec_push(&c->rest, *slot->shards) ? 0 : err_nomem(e);
			continue;
		}
		if ((code = merge_kept(c, slot, told, e)) == 0)
			code = run_and_keep(c, slot, e);
		code = code > 0 ? 0 : code;
	}
	return code;
}

int
contrast_parts_run(const struct contrast_parts_ask *a, const struct contrast_parts_host *host,
    struct parts_told *told, struct err *e)
{
	struct contrasting c = { .a = a, .host = host, .plan = *a->plan };
	int code = collect(&c, e);

	if (code == 0 && c.slots.n == 0)
		code = host->run(host->arg, a->plan, a->table, e);
	else if (code == 0 && (code = take_slots(&c, told, e)) == 0 && c.rest.n != 0)
		code = run(&c, c.rest.v, c.rest.n, a->table, e);
	part_slots_release(c.slots.v, c.slots.n);
	vec_release(&c.slots);
	vec_release(&c.rest);
	return code;
}
