/* SPDX-License-Identifier: ISC */
/*
 * count_parts: see parts/count_parts.h. A part is a number of 8 bytes, little-endian; its key a hash of
 * the settings that count, the filter and the shard.
 */
#include "parts/count_parts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/vec.h"
#include "model/pred_walk.h"
#include "part_key.h"

struct counting {
	const struct count_parts_ask *a;
	VEC(struct part_slot) slots;
	VEC(struct plan_shard) rest;	/* to be run: first those of no slot */
	VEC(size_t) of;			/* of those behind them, their slots */
	size_t n_plain;
};

/* What the catalog tells of a shard is not worth a part. */
static bool
is_wanted(const struct count_parts_ask *a, const struct plan_shard *s)
{
	return s->access != ACCESS_PRUNED && s->access != ACCESS_CATALOG &&
	    part_cost(s) >= a->least_cost &&
	    part_is_whole(&a->store->snap->shards[s->shard], a->plan->filter.range);
}

static bool
is_possible(const struct plan *p)
{
	return p->output == ROW_COUNT && p->page.limit == UINT64_MAX && !p->filter.never &&
	    !pred_needs_trace(p->filter.pred) && !plan_has(p, PLAN_TRACES);
}

static int
key_of(const struct count_parts_ask *a, const struct plan_shard *s, struct hash128 *out, struct err *e)
{
	struct buf b = BUF_INIT;
	int code;

	BUF_LIT(&b, "count");
	buf_putc(&b, '\0');
	buf_put(&b, &a->settings, sizeof a->settings);
	pred_put(&b, a->filter);
	shard_entry_put(&b, &a->store->snap->shards[s->shard]);
	if ((code = buf_ok(&b, e)) == 0)
		*out = hash128(b.p, b.n);
	buf_release(&b);
	return code;
}

static int
collect(struct counting *c, const struct count_parts_ask *a, struct err *e)
{
	const struct plan_scan *scan = &a->plan->scan;
	int code = 0;

	*c = (struct counting){ .a = a };
	for (size_t i = 0; i < scan->n_shards && code == 0; i++) {
		struct part_slot slot = { .shards = &scan->shards[i], .n_shards = 1 };

		if (scan->shards[i].access == ACCESS_PRUNED)
			continue;
		if (!is_wanted(a, &scan->shards[i]))
			code = vec_push(&c->rest, scan->shards[i]) ? 0 : err_nomem(e);
		else if ((code = key_of(a, &scan->shards[i], &slot.key, e)) == 0 &&
		    !vec_push(&c->slots, slot))
			code = err_nomem(e);
	}
	c->n_plain = c->rest.n;
	return code;
}

static void
release(struct counting *c)
{
	part_slots_release(c->slots.v, c->slots.n);
	vec_release(&c->slots);
	vec_release(&c->rest);
	vec_release(&c->of);
}

int
count_parts_count(const struct count_parts_ask *a, size_t *there, size_t *of, struct err *e)
{
	struct counting c;
	int code;

	*there = *of = 0;
	if (!is_possible(a->plan))
		return 0;
	code = collect(&c, a, e);
	for (size_t i = 0; i < c.slots.n && code == 0; i++) {
		*there += partcache_has(a->store->cache, c.slots.v[i].key);
		++*of;
	}
	release(&c);
	return code;
}

/* Adds what there is; the others are to be run. */
static int
take_kept(struct counting *c, struct parts_told *told, uint64_t *n, struct err *e)
{
	for (size_t i = 0; i < c->slots.n; i++) {
		const struct part_slot *slot = &c->slots.v[i];
		struct cursor at = cursor_new(NULL, 0);
		uint64_t k;

		if (slot->part != NULL)
			at = cursor_new(slot->part->bytes, slot->part->n);
		k = cursor_u64(&at);
		if (at.bad || cursor_left(&at) != 0) {
			if (!vec_push(&c->rest, *slot->shards) || !vec_push(&c->of, i))
				return err_nomem(e);
			continue;
		}
		*n += k;
		told->shards++;
		told->parts++;
		told->shared += slot->shared;
	}
	return 0;
}

static void
keep(struct counting *c, const atomic_ullong *counts, uint64_t run_ns)
{
	for (size_t i = 0; i < c->of.n; i++) {
		uint64_t k = atomic_load(&counts[c->n_plain + i]);
		char bytes[8];

		for (size_t at = 0; at < sizeof bytes; at++)
			bytes[at] = (char)(k >> (8 * at) & 255);
		(void)part_store_keep(c->a->store, &c->slots.v[c->of.v[i]], sv_new(bytes, sizeof bytes),
		    run_ns / c->rest.n);
	}
}

static int
run_rest(struct counting *c, const struct count_parts_host *host, uint64_t *n, struct err *e)
{
	struct plan p = *c->a->plan;
	uint64_t begun = clock_mono_ns(), of_run = 0;
	atomic_ullong *counts;
	int code;

	/* What the plan knows of shards that were left out comes with a run, or without one. */
	if (c->rest.n == 0) {
		*n += p.scan.summed;
		return 0;
	}
	if ((counts = calloc(c->rest.n, sizeof *counts)) == NULL)
		return err_nomem(e);
	p.scan.shards = c->rest.v;
	p.scan.n_shards = c->rest.n;
	p.page.offset = 0;
	if ((code = host->run(host->arg, &p, counts, &of_run, e)) == 0)
		keep(c, counts, clock_mono_ns() - begun);
	*n += of_run;
	free(counts);
	return code;
}

int
count_parts_run(const struct count_parts_ask *a, const struct count_parts_host *host,
    struct parts_told *told, uint64_t *n, struct err *e)
{
	struct counting c;
	int code = collect(&c, a, e);

	*n = 0;
	if (code == 0)
		code = part_store_find(a->store, c.slots.v, c.slots.n, e);
	if (code == 0)
		code = take_kept(&c, told, n, e);
	if (code == 0)
		code = run_rest(&c, host, n, e);
	release(&c);
	return code;
}
