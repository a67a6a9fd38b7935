/* SPDX-License-Identifier: ISC */
/*
 * kin: what groups, conditions and sort keys by columns need to know of a shard's traces as a whole, made
 * once so many of its rows were asked for that it costs less than to put their traces together: which traces lie in this shard
 * alone, the part of each, and how its spans hang together. It is kept until the scan has passed the
 * shard; without memory for it there is none, and rows go as spans.
 *
 * Rows of other traces are left to the spans: of those that have spans elsewhere too, and of those in
 * which two spans bear one id, where that matters. (No shard has a trace whose id is zeros.)
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/bitmap.h"

/* Rows that were asked for, in n of which all rows (traces) of the shard are cheaper. */
#define ROWS_A_LOOK 16
#define TRACES_A_LOOK 16

static int
check(void *ex, struct err *e)
{
	return exec_check(ex, e);
}

/* ---- the parts of traces ---- */

static int
make_parts(struct exec *ex, struct trace_table *t, uint32_t i, struct shard *s,
    const struct tracerows *rows, struct err *e)
{
	size_t n = shard_info(s)->n_traces, bytes = (n + 1) * sizeof(struct trace_part);
	const struct tracesum *sums;
	struct trace_part *v;
	int rc;

	if (!tracesum_there(s))
		return trace_table_all(ex, i, s, &t->parts, e);
	if (mem_take(ex, bytes, NULL) < 0) {
		t->poor = true;
		return 0;
	}
	if ((v = malloc(bytes)) == NULL)
		rc = err_nomem(e);
	else
		rc = tracesum_get(s, rows, &sums, e);
	if (rc < 0) {
		free(v);
		mem_give(ex, bytes);
		return rc;
	}
	for (uint32_t o = 0; o < n; o++)
		tracesum_at(sums, rows, o, &v[o]);
	tracesum_put(sums);
	t->parts = t->own_parts = v;
	t->kin_bytes += bytes;
	return 0;
}

/* ---- the tree ---- */

static int
make_tree(struct exec *ex, struct trace_table *t, struct shard *s, bool places, struct err *e)
{
	size_t bytes = tracetree_bytes(s, places);
	int rc;

	if (mem_take(ex, bytes, NULL) < 0) {
		t->poor = true;
		return 0;
	}
	if ((rc = tracetree_make(s, places, check, ex, &t->tree, e)) < 0) {
		mem_give(ex, bytes);
		return rc;
	}
	t->kin_bytes += bytes;
	return 0;
}

/* ---- all ---- */

static bool
needs_tree(const struct shard *s, unsigned asks)
{
	return (asks & GATHER_PLACES) != 0 ||
	    ((asks & GATHER_PARENTS) != 0 && !shard_ids_single(s));
}

/* Is it worth it yet? By what was asked for, or what the plan says will be. */
static bool
is_due(struct trace_table *t, const struct xshard *xs, unsigned asks, uint64_t n)
{
	const struct shard_info *info = xs->info;
	const struct shard *s = xs->s;

	if (xs->plan->est_rows * ROWS_A_LOOK >= (double)info->n_rows)
		return true;
	n += atomic_fetch_add_explicit(&t->rows, n, memory_order_relaxed);
	/* Which traces lie here alone every other shard is asked for. */
	return n >= (needs_tree(s, asks) ? info->n_rows / ROWS_A_LOOK :
	    info->n_traces / TRACES_A_LOOK);
}

/* Under the shard's lock. */
static int
make(struct exec *ex, struct trace_table *t, uint32_t i, struct shard *s,
    const struct tracerows *rows, unsigned asks, struct err *e)
{
	const uint64_t *split = NULL;
	int rc;

	pthread_mutex_lock(&ex->local->table_lock);
	rc = trace_split_of(ex, i, UINT64_MAX / 2, &split, e);
	pthread_mutex_unlock(&ex->local->table_lock);
	if (rc < 0)
		return rc;
	if ((asks & GATHER_FACTS) != 0 && t->parts == NULL &&
	    (rc = make_parts(ex, t, i, s, rows, e)) < 0)
		return rc;
	if (!t->poor && needs_tree(s, asks) && t->tree == NULL &&
	    (rc = make_tree(ex, t, s, (asks & GATHER_PLACES) != 0, e)) < 0)
		return rc;
	if (!t->poor && ((asks & GATHER_FACTS) == 0 || t->parts != NULL))
		atomic_store_explicit(&t->kin, split, memory_order_release);
	else
		t->poor = true;
	return 0;
}

int
kin_get(struct scan *sc, uint64_t n, struct kin *k)
{
	struct exec *ex = sc->ex;
	unsigned asks = ex->local->kin_asks;
	uint32_t i = sc->xs->plan->shard;
	struct trace_table *tables = trace_tables(ex), *t;
	int rc;

	if (tables == NULL)
		return err_nomem(sc->e);
	t = &tables[i];
	if ((k->split = atomic_load_explicit(&t->kin, memory_order_acquire)) == NULL &&
	    !is_due(t, sc->xs, asks, n))
		return 0;
	if ((rc = shard_traces_get(sc->xs->s, &k->traces, sc->e)) < 0)
		return rc;
	k->rows = k->traces.rows;
	if (k->split == NULL) {
		pthread_mutex_lock(&sc->xs->lock);
		if (atomic_load_explicit(&t->kin, memory_order_relaxed) == NULL && !t->poor)
			rc = make(ex, t, i, sc->xs->s, k->rows, asks, sc->e);
		pthread_mutex_unlock(&sc->xs->lock);
		k->split = atomic_load_explicit(&t->kin, memory_order_acquire);
	}
	if (rc < 0 || k->split == NULL)
		return rc;
	k->parts = t->parts;
	k->tree = t->tree;
	k->twins = t->tree == NULL || (asks & (GATHER_PARENTS | GATHER_PLACES)) == 0 ? NULL :
	    t->tree->twins;
	return 1;
}

void
kin_put(struct kin *k)
{
	shard_traces_put(&k->traces);
	k->traces = (struct shard_traces){ NULL, NULL };
}

bool
kin_alone(const struct kin *k, uint64_t ordinal)
{
	return !bitmap_get(k->split, ordinal) &&
	    (k->twins == NULL || !bitmap_get(k->twins, ordinal));
}

int
kin_part(struct scan *sc, const struct kin *k, struct found *rest, const uint32_t **rows, uint32_t *n)
{
	uint32_t *alone = arena_alloc(&sc->mem, ((size_t)rest->n + 1) * sizeof *alone);
	uint32_t *others = arena_alloc(&sc->mem, ((size_t)rest->n + 1) * sizeof *others);
	uint64_t *ordinals = arena_alloc(&sc->mem, ((size_t)rest->n + 1) * sizeof *ordinals);
	uint32_t n_others = 0, n_alone = 0;
	const struct chunk *c = NULL;
	int rc;

	if (alone == NULL || others == NULL || ordinals == NULL)
		return err_nomem(sc->e);
	if ((rc = scan_chunk(sc, COL_TRACE, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, rest->rows, rest->n, ordinals);
	chunk_put(c);
	for (uint32_t i = 0; i < rest->n; i++)
		if (kin_alone(k, ordinals[i]))
			alone[n_alone++] = rest->rows[i];
		else
			others[n_others++] = rest->rows[i];
	*rows = alone;
	*n = n_alone;
	*rest = (struct found){ .n = n_others, .rows = others };
	return 0;
}

/* ---- places ---- */

static int
place_of_trace(struct scan *sc, const struct traceids *ids, uint64_t ordinal, uint32_t row,
    uint64_t span_id, struct span_place *out)
{
	struct trace_pin pin;
	int rc = trace_get(sc->ex, traceids_at(ids, (uint32_t)ordinal), &pin, sc->e);

	if (rc == 0) {
		*out = entry_place(pin.t, sc->xs->plan->shard, row, span_id);
		trace_put(sc->ex, &pin);
	}
	return rc;
}

/* Those of which columns don't tell, trace by trace; k NULL: all. */
static int
places_of_traces(struct scan *sc, const struct kin *k, const struct traceids *ids,
    const uint32_t *rows, const uint64_t *ordinals, uint32_t n, struct span_place *out)
{
	const struct chunk *c = NULL;
	int rc = scan_chunk(sc, COL_SPAN_ID, &c);

	for (uint32_t i = 0; rc == 0 && i < n; i++)
		if (k == NULL || !kin_alone(k, ordinals[i]))
			rc = place_of_trace(sc, ids, ordinals[i], sc->row_from + rows[i],
			    c == NULL ? 0 : chunk_u64_at(c, rows[i]), &out[i]);
	chunk_put(c);
	return rc;
}

static void
places_of_tree(const struct kin *k, uint32_t row_from, const uint32_t *rows,
    const uint64_t *ordinals, uint32_t n, struct span_place *out)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = row_from + rows[i];

		if (kin_alone(k, ordinals[i]))
			out[i] = (struct span_place){ .child_count = k->tree->n_children[row],
				.depth = k->tree->depth[row], .self_ns = k->tree->self_ns[row] };
	}
}

int
kin_places(struct scan *sc, const uint32_t *rows, uint32_t n, struct span_place *out)
{
	uint64_t *ordinals = arena_array(&sc->mem, n, uint64_t);
	struct kin k = { .split = NULL };
	const struct traceids *ids = NULL;
	const struct chunk *c = NULL;
	int rc, known;

	if (ordinals == NULL)
		return err_nomem(sc->e);
	if ((rc = scan_chunk(sc, COL_TRACE, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, rows, n, ordinals);
	chunk_put(c);
	if ((known = kin_get(sc, n, &k)) > 0)
		places_of_tree(&k, sc->row_from, rows, ordinals, n, out);
	if ((rc = known) >= 0 && (rc = traceids_get(sc->xs->s, &ids, sc->e)) == 0)
		rc = places_of_traces(sc, known > 0 ? &k : NULL, ids, rows, ordinals, n, out);
	traceids_put(ids);
	kin_put(&k);
	return rc;
}

void
kin_drop(struct exec *ex, uint32_t i)
{
	struct trace_table *tables = atomic_load(&ex->local->tables), *t;

	if (tables == NULL)
		return;
	t = &tables[i];
	tracetree_free(t->tree);
	free(t->own_parts);
	mem_give(ex, t->kin_bytes);
	t->tree = NULL;
	t->own_parts = NULL;
	t->parts = NULL;
	t->kin_bytes = 0;
	t->poor = false;
	atomic_store_explicit(&t->kin, NULL, memory_order_relaxed);
	atomic_store_explicit(&t->rows, 0, memory_order_relaxed);
}
