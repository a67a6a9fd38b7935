/* SPDX-License-Identifier: ISC */
/* gdsf: see cache/gdsf.h. A binary heap, the item of least worth at its top. */
#include "cache/gdsf.h"

void
gdsf_release(struct gdsf *g)
{
	vec_release(&g->heap);
}

bool
gdsf_reserve(struct gdsf *g, size_t n)
{
	return vec_reserve(&g->heap, n);
}

static void
put(struct gdsf *g, size_t at, struct gdsf_item *x)
{
	g->heap.v[at] = x;
	x->place = at + 1;
}

static void
rise(struct gdsf *g, size_t at, struct gdsf_item *x)
{
	while (at > 0 && g->heap.v[(at - 1) / 2]->worth > x->worth) {
		put(g, at, g->heap.v[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(g, at, x);
}

static void
sink(struct gdsf *g, size_t at, struct gdsf_item *x)
{
	size_t kid;

	while ((kid = 2 * at + 1) < g->heap.n) {
		if (kid + 1 < g->heap.n && g->heap.v[kid + 1]->worth < g->heap.v[kid]->worth)
			kid++;
		if (g->heap.v[kid]->worth >= x->worth)
			break;
		put(g, at, g->heap.v[kid]);
		at = kid;
	}
	put(g, at, x);
}

/* To where it belongs, wherever it stood. */
static void
settle(struct gdsf *g, size_t at, struct gdsf_item *x)
{
	if (at > 0 && g->heap.v[(at - 1) / 2]->worth > x->worth)
		rise(g, at, x);
	else
		sink(g, at, x);
}

static double
worth_of(const struct gdsf *g, const struct gdsf_item *x)
{
	double asked = freq_of(&g->freq, x->hash);

	return g->floor + (asked > 1 ? asked : 1) * (double)x->cost_ns /
	    (double)(x->bytes > 1 ? x->bytes : 1);
}

void
gdsf_ask(struct gdsf *g, uint64_t hash)
{
	freq_add(&g->freq, hash);
}

void
gdsf_add(struct gdsf *g, struct gdsf_item *x)
{
	x->worth = worth_of(g, x);
	g->bytes += x->bytes;
	rise(g, g->heap.n++, x);
}

void
gdsf_remove(struct gdsf *g, struct gdsf_item *x)
{
	size_t at = x->place - 1;
	struct gdsf_item *last = g->heap.v[--g->heap.n];

	g->bytes -= x->bytes;
	x->place = 0;
	if (last != x)
		settle(g, at, last);
}

void
gdsf_update(struct gdsf *g, struct gdsf_item *x, uint64_t bytes, uint64_t cost_ns)
{
	g->bytes += bytes - x->bytes;
	x->bytes = bytes;
	x->cost_ns = cost_ns;
	x->worth = worth_of(g, x);
	settle(g, x->place - 1, x);
}

struct gdsf_item *
gdsf_evict(struct gdsf *g)
{
	struct gdsf_item *x;

	if (g->heap.n == 0)
		return NULL;
	x = g->heap.v[0];
	g->floor += (x->worth - g->floor) / (freq_of(&g->freq, x->hash) > 1 ? 1 : GDSF_CRAWL);
	gdsf_remove(g, x);
	return x;
}
