/* SPDX-License-Identifier: ISC */
/*
 * source_local: the plan's shards as a source of rows: opened when first touched, made ready
 * once a scan comes to them, given up when it has passed. For each row group it tells which
 * rows the access and the time slice leave.
 *
 * A service's rows are one range in order of time, so a slice cuts each range at two places;
 * zones of COL_START give them without reading where a row group lies wholly on one side.
 */
#include "base/search.h"
#include "exec_i.h"

#include <stdlib.h>

/* Its columns are read, and not what is kept beside them. */
static bool
is_scanned(const struct plan_shard *s)
{
	return s->access != ACCESS_PRUNED && s->access != ACCESS_CATALOG &&
	    s->access != ACCESS_COVERING;
}

int
shards_open(struct exec *ex, struct err *e)
{
	const struct plan *p = ex->plan;
	size_t n = ex->env.snapshot->n_shards;
	uint64_t n_rows = 0;

	ex->local->shards = calloc(p->scan.n_shards == 0 ? 1 : p->scan.n_shards,
	    sizeof *ex->local->shards);
	ex->local->seen = calloc(n == 0 ? 1 : n, sizeof *ex->local->seen);
	if (ex->local->shards == NULL || ex->local->seen == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		if (p->scan.shards[i].shard >= n)
			return err_set(e, ERR_UNSUPPORTED, -1,
			    "the plan names shard %u of %zu", p->scan.shards[i].shard, n);
		pthread_mutex_init(&ex->local->shards[i].lock, NULL);
		ex->local->n_shards = i + 1;
		ex->local->shards[i].plan = &p->scan.shards[i];
		ex->local->shards[i].filter = &ex->local->filter;
		ex->local->shards[i].entry = &ex->env.snapshot->shards[p->scan.shards[i].shard];
		if (is_scanned(&p->scan.shards[i]))
			n_rows += ex->local->shards[i].entry->n_rows;
	}
	if (ex->env.progress != NULL)
		atomic_fetch_add(&ex->env.progress->rows_all, n_rows);
	return 0;
}

void
shards_close(struct exec *ex)
{
	struct scan *next;

	for (size_t i = 0; ex->local->shards != NULL && i < ex->local->n_shards; i++) {
		xshard_release(&ex->local->shards[i]);
		pthread_mutex_destroy(&ex->local->shards[i].lock);
	}
	free(ex->local->shards);
	free(ex->local->seen);
	for (struct scan *s = ex->local->spare; s != NULL; s = next) {
		next = s->next;
		arena_release(&s->mem);
		fetch_free(s->fetch);
		free(s);
	}
}

int
source_shard(struct exec *ex, size_t i, struct shard **out, struct err *e)
{
	int rc = snapshot_shard(ex->env.snapshot, i, out, e);

	if (rc == 0 && !atomic_load_explicit(&ex->local->seen[i], memory_order_relaxed) &&
	    !atomic_exchange(&ex->local->seen[i], true))
		atomic_fetch_add(&ex->local->n_seen, 1);
	return rc;
}

/* ---- access by trace ---- */

static const struct fnode *
top_leaf(const struct exec *ex, enum intrinsic i)
{
	const struct fnode *n;
	size_t n_top = filter_top(&ex->local->filter, &n);

	for (size_t k = 0; k < n_top; k++)
		if (n[k].pred->kind == PRED_LEAF && n[k].pred->op != OP_TEXT &&
		    n[k].pred->field.scope == FIELD_INTRINSIC &&
		    n[k].pred->field.intrinsic == i)
			return &n[k];
	return NULL;
}

static int
by_row(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The rows of the traces asked for; all rows if the filter doesn't ask for ids. */
static int
find_trace_rows(struct exec *ex, struct xshard *xs, struct err *e)
{
	const struct fnode *n = top_leaf(ex, IN_TRACE_ID);
	const struct leaf_state *st;
	const struct tracerows *t;
	size_t n_rows = 0;
	int rc;

	if (n == NULL || (st = &xs->leaves[n->leaf])->ordinals.v == NULL)
		return 0;
	if ((rc = tracerows_get(xs->s, &t, e)) < 0)
		return rc;
	for (uint32_t i = 0; i < st->ordinals.n; i++)
		n_rows += tracerows_n(t, (uint32_t)st->ordinals.v[i].lo);
	xs->trace_rows = calloc(n_rows + 1, sizeof *xs->trace_rows);
	if (xs->trace_rows == NULL) {
		tracerows_put(t);
		return err_nomem(e);
	}
	xs->n_trace_rows = 0;
	for (uint32_t i = 0; i < st->ordinals.n; i++) {
		uint32_t o = (uint32_t)st->ordinals.v[i].lo, m = tracerows_n(t, o);

		for (uint32_t k = 0; k < m; k++)
			xs->trace_rows[xs->n_trace_rows++] = tracerows_at(t, o, k);
	}
	tracerows_put(t);
	/* Those of one trace are in order. */
	if (st->ordinals.n > 1)
		qsort(xs->trace_rows, xs->n_trace_rows, sizeof *xs->trace_rows, by_row);
	return 0;
}

/* ---- access by service ---- */

static int
find_services(struct exec *ex, struct xshard *xs, struct err *e)
{
	const struct fnode *n = top_leaf(ex, IN_SERVICE);

	if (n == NULL)
		return 0;
	xs->services = calloc(xs->info->n_services + 1, 1);
	if (xs->services == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < xs->info->n_services; i++) {
		int rc = matcher_string(n->m, xs->info->services[i].service, e);

		if (rc < 0)
			return rc;
		xs->services[i] = (uint8_t)rc;
	}
	return 0;
}

/* ---- shards ---- */

int
xshard_prepare(struct exec *ex, struct xshard *xs, struct err *e)
{
	int rc;

	if ((rc = source_shard(ex, xs->plan->shard, &xs->s, e)) < 0)
		return rc;
	xs->info = shard_info(xs->s);
	xs->zones = ex->plan->filter.pushdown && xs->plan->access != ACCESS_FULL;
	xs->indexes = ex->plan->filter.pushdown && xs->plan->index_leaves != 0;
	if (!ex->plan->filter.pushdown || xs->leaves != NULL)
		return 0;
	if ((rc = filter_shard_prepare(xs, e)) < 0)
		return rc;
	if (xs->plan->access == ACCESS_TRACE)
		return find_trace_rows(ex, xs, e);
	return xs->plan->access == ACCESS_SERVICE ? find_services(ex, xs, e) : 0;
}

void
xshard_release(struct xshard *xs)
{
	filter_shard_release(xs);
	free(xs->trace_rows);
	free(xs->services);
	free(xs->list);
	xs->list = NULL;
	atomic_store_explicit(&xs->listed, LIST_UNKNOWN, memory_order_relaxed);
	xs->trace_rows = NULL;
	xs->services = NULL;
}

bool
xshard_in(const struct xshard *xs, struct slice s)
{
	return xs->plan->access != ACCESS_PRUNED && !xs->counted && xs->entry->n_rows != 0 &&
	    xs->entry->min_start <= s.last && xs->entry->max_start >= s.first;
}

/* ---- scratch ---- */

struct scan *
scan_get(struct exec *ex, struct err *e)
{
	struct scan *s;

	pthread_mutex_lock(&ex->local->lock);
	if ((s = ex->local->spare) != NULL)
		ex->local->spare = s->next;
	pthread_mutex_unlock(&ex->local->lock);
	if (s == NULL) {
		if ((s = calloc(1, sizeof *s)) == NULL) {
			(void)err_nomem(e);
			return NULL;
		}
		s->ex = ex;
		arena_init(&s->mem);
	}
	return s;
}

void
scan_put(struct exec *ex, struct scan *s)
{
	if (s->fetch != NULL)
		fetch_reset(s->fetch);
	arena_reset(&s->mem);
	pthread_mutex_lock(&ex->local->lock);
	s->next = ex->local->spare;
	ex->local->spare = s;
	pthread_mutex_unlock(&ex->local->lock);
}

/* ---- candidates ---- */

/* Binary search in [from, to) of values that rise; v[0] is that of `base`. */
static uint32_t
lower_of(const uint64_t *v, uint32_t base, uint32_t from, uint32_t to, uint64_t t)
{
	LOWER_BOUND(from, to, i, v[i - base] < t);
	return from;
}

/* By the first values of blocks, which cost little; then one block is decoded. */
static uint32_t
lower_packed(const struct pack *p, uint32_t from, uint32_t to, uint64_t t)
{
	uint32_t lo = from / PACK_BLOCK, hi = (to - 1) / PACK_BLOCK;
	uint64_t v[PACK_BLOCK];

	/* The last block that begins below t, or the first. */
	lo++;
	LOWER_BOUND(lo, hi + 1, i, pack_at(p, (size_t)i * PACK_BLOCK) < t);
	lo--;
	pack_decode_block(p, lo, v);
	if (from < lo * PACK_BLOCK)
		from = lo * PACK_BLOCK;
	if (to > (lo + 1) * PACK_BLOCK)
		to = (lo + 1) * PACK_BLOCK;
	return lower_of(v, lo * PACK_BLOCK, from, to, t);
}

uint32_t
chunk_lower_start(const struct chunk *c, uint32_t from, uint32_t to, uint64_t t)
{
	if (from < to && c->encoding == ENC_PACK)
		return lower_packed(&c->pack, from, to, t);
	if (c->encoding == ENC_RAW64)
		return lower_of(c->raw, 0, from, to, t);
	LOWER_BOUND(from, to, i, chunk_u64_at(c, i) < t);
	return from;
}

struct cut {
	struct scan *sc;
	struct slice slice;
	const struct chunk *starts;	/* read when a service's range is cut inside */
	uint64_t *bits;
};

/* The part of one service's rows [from, to) of this row group that lies in the slice. */
static int
cut_service(struct cut *k, const struct shard_service *s, uint32_t from, uint32_t to)
{
	struct scan *sc = k->sc;
	int rc;

	if (s->min_start > k->slice.last || s->max_start < k->slice.first)
		return 0;
	if (s->min_start < k->slice.first || s->max_start > k->slice.last) {
		if (k->starts == NULL && (rc = scan_chunk(sc, COL_START, &k->starts)) < 0)
			return rc;
		if (k->starts == NULL)
			return 0;
		from = chunk_lower_start(k->starts, from, to, k->slice.first);
		if (k->slice.last != UINT64_MAX)
			to = chunk_lower_start(k->starts, from, to, k->slice.last + 1);
	}
	bitmap_set_range(k->bits, from, to);
	return 0;
}

static int
cut_services(struct cut *k)
{
	struct scan *sc = k->sc;
	const struct shard_info *info = sc->xs->info;
	uint32_t end = sc->row_from + sc->n_rows;
	int rc = 0;

	for (size_t i = service_of_row(info, sc->row_from);
	    i < info->n_services && info->services[i].row_from < end && rc == 0; i++) {
		const struct shard_service *s = &info->services[i];
		uint32_t from = s->row_from > sc->row_from ? s->row_from - sc->row_from : 0;
		uint32_t to = (s->row_to < end ? s->row_to : end) - sc->row_from;

		if (sc->xs->services == NULL || sc->xs->services[i] != 0)
			rc = cut_service(k, s, from, to);
	}
	return rc;
}

int
xshard_start_zone(const struct xshard *xs, uint32_t group, struct slice s)
{
	const struct column *col = shard_column(xs->s, COL_START);
	struct zone z;

	if (col == NULL)
		return 0;
	z = shard_zone(xs->s, col, group);
	if (z.max < s.first || z.min > s.last)
		return 0;
	return z.min >= s.first && z.max <= s.last ? 1 : -1;
}

/* Place of the first row of the traces asked for that is >= row. */
static uint32_t
trace_row_at(const struct xshard *xs, uint32_t row)
{
	return lower_bound_u32(xs->trace_rows, 0, xs->n_trace_rows, row);
}

/* Keeps the rows of the traces asked for. */
static int
take_trace_rows(struct scan *sc, uint64_t *bits)
{
	uint64_t *rows = scan_bits(sc, sc->n_rows);
	const struct xshard *xs = sc->xs;

	if (rows == NULL)
		return ERR_NOMEM;
	for (uint32_t i = trace_row_at(xs, sc->row_from); i < xs->n_trace_rows &&
	    xs->trace_rows[i] < sc->row_from + sc->n_rows; i++)
		bitmap_set(rows, xs->trace_rows[i] - sc->row_from);
	bitmap_and(bits, rows, sc->n_rows);
	return 0;
}

static bool
has_trace_rows(const struct scan *sc)
{
	uint32_t i = trace_row_at(sc->xs, sc->row_from);

	return i < sc->xs->n_trace_rows && sc->xs->trace_rows[i] < sc->row_from + sc->n_rows;
}

int
scan_candidates(struct scan *sc, struct slice s, uint64_t *bits, bool *any)
{
	struct cut k = { .sc = sc, .slice = s, .bits = bits };
	int zone, rc = 0;

	*any = true;
	/* The plain plan looks at every row, and at its time there. */
	if (!sc->ex->plan->filter.pushdown) {
		bitmap_set_range(bits, 0, sc->n_rows);
		return 0;
	}
	zone = xshard_start_zone(sc->xs, sc->group, s);
	if (zone == 0 || (sc->xs->trace_rows != NULL && !has_trace_rows(sc))) {
		*any = false;
		return 0;
	}
	if (zone > 0 && sc->xs->services == NULL)
		bitmap_set_range(bits, 0, sc->n_rows);
	else
		rc = cut_services(&k);
	chunk_put(k.starts);
	if (rc == 0 && sc->xs->trace_rows != NULL)
		rc = take_trace_rows(sc, bits);
	if (rc == 0)
		*any = bitmap_any(bits, sc->n_rows);
	return rc;
}
