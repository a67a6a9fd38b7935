/* SPDX-License-Identifier: ISC */
/*
 * sink_traces: the rows of traces.*: one for each trace with a matching span. All matches
 * are counted first, by shard and ordinal; counts of traces that may be in several shards are
 * added up by trace id. Then each trace's facts give what it is ordered by, from summaries
 * where they are whole; then the rows that the page asks for are put together. Held in memory:
 * an id, a count and the keys for each trace. The plain plan counts by trace id.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

/* Ordinals (ids, in the plain plan) of the traces of matched rows of one shard. */
struct some_traces {
	struct trace_id *ids;		/* or NULL */
	uint64_t *ordinals;		/* or NULL */
	size_t n;
	uint32_t shard;			/* in exec->shards */
};

struct traces_local {
	VEC(struct some_traces) v;
};

struct traces {
	struct map by_id;		/* matches by trace id */
	uint32_t **counts;		/* matches by shard and ordinal */
	struct trace_sum *sums;		/* in order, once the scan is finished */
	size_t n_sums, at;		/* at: next to hand out */
	struct lent lent;
};

/* ---- counting ---- */

static int
consume_ordinals(struct scan *sc, const struct found *f, struct some_traces *t)
{
	const uint32_t *rows = found_rows(sc, f);
	const struct chunk *c = NULL;
	int rc;

	t->ordinals = malloc(((size_t)f->n + 1) * sizeof *t->ordinals);
	if (rows == NULL || t->ordinals == NULL)
		return err_nomem(sc->e);
	if ((rc = scan_chunk(sc, COL_TRACE, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, rows, f->n, t->ordinals);
	chunk_put(c);
	t->n = f->n;
	return 0;
}

static int
consume_ids(struct scan *sc, const struct found *f, struct some_traces *t)
{
	if ((t->ids = malloc(f->n * sizeof *t->ids)) == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < f->n; i++)
		t->ids[i] = f->spans[i]->trace_id;
	t->n = f->n;
	return 0;
}

static int
sums_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	struct some_traces t = { .shard = sc->part };
	struct traces_local *l = local;
	int rc;

	(void)s;
	rc = f->spans != NULL ? consume_ids(sc, f, &t) : consume_ordinals(sc, f, &t);
	if (rc == 0 && vec_push(&l->v, t))
		return 0;
	free(t.ids);
	free(t.ordinals);
	return rc < 0 ? rc : err_nomem(sc->e);
}

static void
sums_drop(struct row_sink *s, void *local)
{
	struct traces_local *l = local;

	(void)s;
	for (size_t i = 0; i < l->v.n; i++) {
		free(l->v.v[i].ids);
		free(l->v.v[i].ordinals);
	}
	vec_release(&l->v);
}

static size_t
sum_bytes(const struct exec *ex)
{
	return sizeof(struct trace_sum) + ex->plan->order.n_keys * sizeof(struct skey);
}

static int
count_id(struct exec *ex, struct traces *x, struct trace_id id, uint64_t matched, struct err *e)
{
	struct sv key = { (const char *)&id, sizeof id };
	uint64_t *n;
	bool fresh;
	int rc;

	if ((n = map_put(&x->by_id, key, &fresh)) == NULL)
		return err_nomem(e);
	/* A slot, a key, and later a sum. */
	if (fresh && (rc = mem_take(ex, sizeof(struct map_slot) * 2 + 16 + sum_bytes(ex),
	    e)) < 0)
		return rc;
	*n += matched;
	return 0;
}

static int
count_ids(struct exec *ex, struct traces *x, const struct some_traces *t, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		int rc = count_id(ex, x, t->ids[i], 1, e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
count_ordinals(struct exec *ex, struct traces *x, const struct some_traces *t, struct err *e)
{
	uint32_t **counts = &x->counts[t->shard];
	size_t n = shard_info(ex->local->shards[t->shard].s)->n_traces;
	int rc;

	if (*counts == NULL) {
		if ((rc = mem_take(ex, n * sizeof **counts, e)) < 0)
			return rc;
		if ((*counts = calloc(n + 1, sizeof **counts)) == NULL)
			return err_nomem(e);
	}
	for (size_t i = 0; i < t->n; i++)
		(*counts)[t->ordinals[i]]++;
	return 0;
}

/* Now and then: what the locals hold grows with the rows, the counts only with the traces. */
static int
sums_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	struct traces_local *l = local;
	int rc = 0;

	(void)last;
	for (size_t i = 0; rc == 0 && i < l->v.n; i++)
		rc = l->v.v[i].ids != NULL ? count_ids(s->ex, s->state, &l->v.v[i], e) :
		    count_ordinals(s->ex, s->state, &l->v.v[i], e);
	sums_drop(s, local);
	return rc;
}

/* ---- listing ---- */

struct lister {
	struct exec *ex;
	struct traces *x;
	VEC(struct trace_sum) sums;
	struct err *e;
};

/* The traces of one shard: those that are in it alone are listed, others go by their id. */
static int
list_shard(struct lister *l, size_t i, const struct traceids *t, size_t n_traces)
{
	const uint32_t *counts = l->x->counts[i];
	uint32_t shard = l->ex->local->shards[i].plan->shard;
	const uint64_t *split;
	size_t n = 0;
	int rc;

	for (size_t o = 0; o < n_traces; o++)
		n += counts[o] != 0;
	if ((rc = trace_split_of(l->ex, shard, n, &split, l->e)) < 0 ||
	    (rc = mem_take(l->ex, n * sum_bytes(l->ex), l->e)) < 0)
		return rc;
	if (!vec_reserve(&l->sums, l->sums.n + n))
		return err_nomem(l->e);
	for (uint32_t o = 0; o < n_traces && rc == 0; o++) {
		if (counts[o] == 0)
			continue;
		if (split == NULL || bitmap_get(split, o))
			rc = count_id(l->ex, l->x, traceids_at(t, o), counts[o], l->e);
		else
			l->sums.v[l->sums.n++] = (struct trace_sum){ .id = traceids_at(t, o),
				.n_matched = counts[o], .shard = shard, .ordinal = o };
	}
	return rc;
}

static int
list_shards(struct lister *l)
{
	int rc = 0;

	for (size_t i = 0; i < source_parts(l->ex) && rc == 0; i++) {
		struct shard *s = l->ex->local->shards[i].s;
		const struct traceids *t;

		if (l->x->counts[i] == NULL)
			continue;
		if ((rc = exec_check(l->ex, l->e)) < 0 ||
		    (rc = traceids_get(s, &t, l->e)) < 0)
			return rc;
		rc = list_shard(l, i, t, shard_info(s)->n_traces);
		traceids_put(t);
		free(l->x->counts[i]);
		l->x->counts[i] = NULL;
		mem_give(l->ex, shard_info(s)->n_traces * sizeof(uint32_t));
	}
	return rc;
}

static int
list_sums(struct exec *ex, struct traces *x, struct err *e)
{
	struct lister l = { .ex = ex, .x = x, .sums = VEC_INIT, .e = e };
	const struct map_slot *slot;
	int rc = list_shards(&l);

	if (rc == 0 && !vec_reserve(&l.sums, l.sums.n + x->by_id.n + 1))
		rc = err_nomem(e);
	for (size_t i = 0; rc == 0 && (slot = map_next(&x->by_id, &i)) != NULL; l.sums.n++) {
		struct trace_sum *t = &l.sums.v[l.sums.n];

		*t = (struct trace_sum){ .n_matched = slot->val, .shard = ANY_PART };
		memcpy(&t->id, slot->key, sizeof t->id);
	}
	x->sums = l.sums.v;
	x->n_sums = l.sums.n;
	map_release(&x->by_id);
	return rc;
}

static int
sums_finish(struct row_sink *s, struct err *e)
{
	struct traces *x = s->state;
	struct exec *ex = s->ex;
	uint64_t t0;
	int rc;

	if ((rc = list_sums(ex, x, e)) < 0)
		return rc;
	t0 = clock_mono_ns();
	rc = trace_sums_order(ex, x->sums, x->n_sums, e);
	ex->prof.sort_ns += clock_mono_ns() - t0;
	return rc;
}

/* ---- handing out ---- */

static int
take_row(struct exec *ex, struct traces *x, const struct trace_sum *s, struct trace_row *row,
    struct err *e)
{
	struct trace_pin pin;
	int rc;

	if ((rc = trace_get_in(ex, s->id, s->shard, &pin, e)) < 0)
		return rc;
	if (!vec_push(&x->lent.pins, pin)) {
		trace_put(ex, &pin);
		return err_nomem(e);
	}
	row->facts = pin.t->facts;
	row->n_matched = s->n_matched;
	return 0;
}

/* How many rows of the page come in the next batch. */
static size_t
batch_size(struct exec *ex, struct traces *x)
{
	struct page *page = &ex->page;
	size_t n = x->n_sums - x->at, skip = page->skip < n ? (size_t)page->skip : n;

	x->at += skip;
	page->skip = 0;
	n -= skip;
	n = n < ex->batch_rows ? n : ex->batch_rows;
	return n < page->left ? n : (size_t)page->left;
}

static int
sums_next(struct row_sink *s, struct batch *b, struct err *e)
{
	uint64_t t0 = clock_mono_ns();
	struct exec *ex = s->ex;
	struct traces *x = s->state;
	struct trace_row *rows;
	size_t n = batch_size(ex, x);
	struct reads before;
	int rc = 0;

	lent_end(ex, &x->lent);
	if (n == 0)
		return 1;
	if ((rows = arena_array(&x->lent.mem, n, struct trace_row)) == NULL)
		return err_nomem(e);
	before = reads_begin(ex);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take_row(ex, x, &x->sums[x->at + i], &rows[i], e);
	reads_end(&before, &ex->prof);
	ex->prof.fetch_ns += clock_mono_ns() - t0;
	x->at += n;
	ex->page.left -= n;
	*b = (struct batch){ .kind = ROW_TRACE, .n = n, .traces = rows };
	return rc;
}

/* ---- the state ---- */

static int
sums_open(struct row_sink *s, struct err *e)
{
	struct traces *x = calloc(1, sizeof *x);

	if ((s->state = x) == NULL)
		return err_nomem(e);
	map_init(&x->by_id);
	lent_init(&x->lent);
	x->counts = calloc(source_parts(s->ex) + 1, sizeof *x->counts);
	return x->counts == NULL ? err_nomem(e) : 0;
}

static void
sums_close(struct row_sink *s)
{
	struct traces *x = s->state;

	if (x == NULL)
		return;
	lent_release(s->ex, &x->lent);
	map_release(&x->by_id);
	for (size_t i = 0; x->counts != NULL && i < source_parts(s->ex); i++)
		free(x->counts[i]);
	free(x->counts);
	free(x->sums);
	free(x);
}

const struct sink_ops sink_traces = {
	.name = "traces",
	.local_bytes = sizeof(struct traces_local),
	.open = sums_open,
	.consume = sums_consume,
	.combine = sums_combine,
	.finish = sums_finish,
	.next = sums_next,
	.drop = sums_drop,
	.close = sums_close,
};
