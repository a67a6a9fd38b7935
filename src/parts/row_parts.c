/* SPDX-License-Identifier: ISC */
/*
 * row_parts: see parts/row_parts.h. A part is the number of rows (8 bytes, little-endian), then their
 * bytes. Its key is a hash of form, filter and the hour's shards that the plan doesn't prune.
 */
#include "parts/row_parts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/vec.h"
#include "model/pred_walk.h"
#include "part_key.h"

#define HEAD_BYTES 8

/* Shards [lo, hi) of the walk. */
struct hour {
	size_t lo, hi;
	bool wanted;
	size_t slot;			/* of one that is wanted */
};

struct walk {
	const struct row_parts_ask *ask;
	struct plan_shard *v;		/* those that are not pruned */
	size_t n;
	struct buf key;			/* begins with what is the same for all hours, */
	size_t asked;			/* so many bytes */
	VEC(struct hour) hours;		/* newest first */
	VEC(struct part_slot) slots;
};

static const struct shard_entry *
entry_of(const struct walk *w, size_t i)
{
	return &w->ask->store->snap->shards[w->v[i].shard];
}

static bool
is_possible(const struct plan *p)
{
	return p->output == ROW_SPAN && p->order.n_keys == 0 && p->page.limit == UINT64_MAX &&
	    p->page.offset == 0 && !p->filter.never && !p->fetch.want_trace &&
	    !plan_has(p, PLAN_TRACES);
}

/* The hour that ends at shard `hi`. */
static int
add_hour(struct walk *w, size_t hi, size_t *lo, struct err *e)
{
	struct hour h = { .lo = hi, .hi = hi, .wanted = true, .slot = w->slots.n };
	uint64_t partition = entry_of(w, hi - 1)->partition;
	struct part_slot slot = { 0 };
	double cost = 0;

	w->key.n = w->asked;
	while (h.lo > 0 && entry_of(w, h.lo - 1)->partition == partition) {
		const struct shard_entry *s = entry_of(w, --h.lo);

		h.wanted &= part_is_whole(s, w->ask->plan->filter.range);
		cost += part_cost(&w->v[h.lo]);
		shard_entry_put(&w->key, s);
	}
	*lo = h.lo;
	h.wanted &= cost >= w->ask->least_cost;
	slot.key = hash128(w->key.p, w->key.n);
	slot.shards = &w->v[h.lo];
	slot.n_shards = h.hi - h.lo;
	if (!vec_push(&w->hours, h) || (h.wanted && !vec_push(&w->slots, slot)))
		return err_nomem(e);
	return buf_ok(&w->key, e);
}

/* No hours where they may not be put together: spans of any age stand in PARTITION_OUTSIDE. */
static int
begin(struct walk *w, struct err *e)
{
	const struct plan *p = w->ask->plan;
	int code;

	if (!is_possible(p))
		return 0;
	if ((w->v = calloc(p->scan.n_shards + 1, sizeof *w->v)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < p->scan.n_shards; i++)
		if (p->scan.shards[i].access != ACCESS_PRUNED)
			w->v[w->n++] = p->scan.shards[i];
	if (w->n != 0 && entry_of(w, w->n - 1)->partition == PARTITION_OUTSIDE)
		w->n = 0;
	buf_sv(&w->key, w->ask->form);
	buf_putc(&w->key, '\0');
	pred_put(&w->key, w->ask->filter);
	w->asked = w->key.n;
	code = buf_ok(&w->key, e);
	for (size_t i = w->n; i > 0 && code == 0;)
		code = add_hour(w, i, &i, e);
	return code;
}

static void
end(struct walk *w)
{
	part_slots_release(w->slots.v, w->slots.n);
	vec_release(&w->slots);
	vec_release(&w->hours);
	free(w->v);
	buf_release(&w->key);
}

int
row_parts_count(const struct row_parts_ask *a, size_t *there, size_t *of, struct err *e)
{
	struct walk w = { .ask = a };
	int code = begin(&w, e);

	*there = *of = 0;
	for (size_t i = 0; i < w.slots.n && code == 0; i++) {
		*there += partcache_has(a->store->cache, w.slots.v[i].key);
		++*of;
	}
	end(&w);
	return code;
}

/* ---- the run ---- */

static int
run_some(struct walk *w, const struct row_parts_host *host, size_t lo, size_t hi,
    struct buf *kept, uint64_t *n_rows, struct err *e)
{
	struct plan p = *w->ask->plan;

	if (lo == hi)
		return 0;
	p.scan.shards = &w->v[lo];
	p.scan.n_shards = hi - lo;
	return host->run(host->arg, &p, kept, n_rows, e);
}

static int
run_and_keep(struct walk *w, const struct row_parts_host *host, const struct hour *h,
    struct err *e)
{
	uint64_t begun = clock_mono_ns(), n_rows = 0;
	char head[HEAD_BYTES] = { 0 };
	struct buf b = BUF_INIT;
	int code;

	buf_put(&b, head, sizeof head);
	code = run_some(w, host, h->lo, h->hi, &b, &n_rows, e);
	if (code == 1 && !b.oom) {
		for (size_t i = 0; i < HEAD_BYTES; i++)
			b.p[i] = (char)(n_rows >> (8 * i) & 255);
		(void)part_store_keep(w->ask->store, &w->slots.v[h->slot], buf_view(&b),
		    clock_mono_ns() - begun);
	}
	buf_release(&b);
	return code < 0 ? code : 0;
}

/* 1: its rows were there. */
static int
take_kept(struct walk *w, const struct row_parts_host *host, const struct hour *h,
    struct parts_told *told, struct err *e)
{
	const struct part_slot *slot = &w->slots.v[h->slot];
	struct cursor c;
	uint64_t n_rows;
	int code;

	if (slot->part == NULL)
		return 0;
	c = cursor_new(slot->part->bytes, slot->part->n);
	n_rows = cursor_u64(&c);
	if (c.bad)
		return 0;
	code = host->put(host->arg, sv_new(c.p, cursor_left(&c)), n_rows, e);
	told->shards += h->hi - h->lo;
	told->parts++;
	told->shared += slot->shared;
	return code < 0 ? code : 1;
}

/* From the newest hour back; those that are not wanted are run together. */
static int
run_all(struct walk *w, const struct row_parts_host *host, struct parts_told *told, struct err *e)
{
	size_t todo = w->n;	/* shards up to here are put off */
	int code = 0;

	for (size_t i = 0; i < w->hours.n && code == 0; i++) {
		const struct hour *h = &w->hours.v[i];

		if (!h->wanted)
			continue;
		code = run_some(w, host, h->hi, todo, NULL, NULL, e);
		if (code >= 0 && (code = take_kept(w, host, h, told, e)) == 0)
			code = run_and_keep(w, host, h, e);
		todo = h->lo;
		code = code > 0 ? 0 : code;
	}
	if (code == 0)
		code = run_some(w, host, 0, todo, NULL, NULL, e);
	return code < 0 ? code : 0;
}

int
row_parts_run(const struct row_parts_ask *a, const struct row_parts_host *host,
    struct parts_told *told, struct err *e)
{
	struct walk w = { .ask = a };
	int code = begin(&w, e);

	if (code == 0)
		code = part_store_find(a->store, w.slots.v, w.slots.n, e);
	if (code == 0)
		code = run_all(&w, host, told, e);
	end(&w);
	return code;
}
