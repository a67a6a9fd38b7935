/* SPDX-License-Identifier: ISC */
/*
 * row_parts: see parts/row_parts.h. A part is the number of rows (8 bytes, little-endian), then their
 * bytes. Its key is a hash of form, filter and the hour's shards that the plan doesn't prune.
 */
#include "parts/row_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/pred_walk.h"
#include "part_key.h"

#define HEAD_BYTES 8

struct walk {
	const struct row_parts_ask *ask;
	struct plan_shard *v;		/* those that are not pruned */
	size_t n;
	struct buf key;			/* begins with what is the same for all hours, */
	size_t asked;			/* so many bytes */
};

/* Shards [lo, hi) of the walk. */
struct hour {
	size_t lo, hi;
	bool wanted;
	struct hash128 key;
};

static const struct shard_entry *
entry_of(const struct walk *w, size_t i)
{
	return &w->ask->snap->shards[w->v[i].shard];
}

static bool
is_possible(const struct plan *p)
{
	return p->output == ROW_SPAN && p->order.n_keys == 0 && p->page.limit == UINT64_MAX &&
	    p->page.offset == 0 && !p->filter.never && !p->fetch.want_trace &&
	    !plan_has(p, PLAN_TRACES);
}

/* *n is 0 where hours may not be put together: spans of any age stand in PARTITION_OUTSIDE. */
static int
begin(struct walk *w, struct err *e)
{
	const struct plan *p = w->ask->plan;

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
	return buf_ok(&w->key, e);
}

static void
end(struct walk *w)
{
	free(w->v);
	buf_release(&w->key);
}

/* The hour that ends at shard `hi`. */
static int
hour_before(struct walk *w, size_t hi, struct hour *h, struct err *e)
{
	uint64_t partition = entry_of(w, hi - 1)->partition;
	double cost = 0;

	*h = (struct hour){ .lo = hi, .hi = hi, .wanted = true };
	w->key.n = w->asked;
	while (h->lo > 0 && entry_of(w, h->lo - 1)->partition == partition) {
		const struct shard_entry *s = entry_of(w, --h->lo);

		h->wanted &= part_is_whole(s, w->ask->plan->filter.range);
		cost += part_cost(&w->v[h->lo]);
		shard_entry_put(&w->key, s);
	}
	h->wanted &= cost >= w->ask->least_cost;
	h->key = hash128(w->key.p, w->key.n);
	return buf_ok(&w->key, e);
}

int
row_parts_count(const struct row_parts_ask *a, size_t *there, size_t *of, struct err *e)
{
	struct walk w = { .ask = a };
	struct hour h;
	int code = begin(&w, e);

	*there = *of = 0;
	for (size_t i = w.n; i > 0 && code == 0; i = h.lo)
		if ((code = hour_before(&w, i, &h, e)) == 0 && h.wanted) {
			*there += partcache_has(a->cache, h.key);
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
		memcpy(b.p, &n_rows, HEAD_BYTES);
		partcache_add(w->ask->cache, h->key, buf_view(&b), clock_mono_ns() - begun);
	}
	buf_release(&b);
	return code < 0 ? code : 0;
}

/* 1: its rows were there. */
static int
take_kept(struct walk *w, const struct row_parts_host *host, const struct hour *h, struct err *e)
{
	struct cached_part *part = partcache_get(w->ask->cache, h->key);
	uint64_t n_rows;
	int code;

	if (part == NULL)
		return 0;
	memcpy(&n_rows, part->bytes, HEAD_BYTES);
	code = host->put(host->arg, sv_new(part->bytes + HEAD_BYTES, part->n - HEAD_BYTES), n_rows,
	    h->hi - h->lo, e);
	cached_part_put(part);
	return code < 0 ? code : 1;
}

/* From the newest hour back; those that are not wanted are run together. */
static int
run_all(struct walk *w, const struct row_parts_host *host, struct err *e)
{
	size_t i = w->n, todo = w->n;	/* [i, todo) is put off */
	struct hour h;
	int code = 0;

	while (i > 0 && code == 0) {
		if ((code = hour_before(w, i, &h, e)) < 0)
			return code;
		i = h.lo;
		if (!h.wanted)
			continue;
		code = run_some(w, host, h.hi, todo, NULL, NULL, e);
		if (code >= 0 && (code = take_kept(w, host, &h, e)) == 0)
			code = run_and_keep(w, host, &h, e);
		todo = h.lo;
		code = code > 0 ? 0 : code;
	}
	if (code == 0)
		code = run_some(w, host, 0, todo, NULL, NULL, e);
	return code < 0 ? code : 0;
}

int
row_parts_run(const struct row_parts_ask *a, const struct row_parts_host *host, struct err *e)
{
	struct walk w = { .ask = a };
	int code = begin(&w, e);

	if (code == 0)
		code = run_all(&w, host, e);
	end(&w);
	return code;
}
