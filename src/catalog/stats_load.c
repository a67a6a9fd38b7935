/* SPDX-License-Identifier: ISC */
/*
 * stats_load: the statistics of a snapshot for the optimizer. Those of one shard are made
 * once, from its footer and the tables of its resources and scopes, and stay in the shard's
 * slot; so after a commit only the new shards cost anything. Bloom filters are read for the
 * newest shards, up to BLOOM_BYTES: a store may have gigabytes of them, and without one a
 * plan is as right, only less sharp.
 *
 * Opening a shard takes most of the time, so what is not in the slots yet is fetched first,
 * by all threads of the pool side by side. What fails there fails again, and is reported, in
 * the pass that follows.
 */
#include <stdlib.h>

#include "stats_i.h"

/* At about 10 bits a trace: the filters of 50 million traces. */
#define BLOOM_BYTES ((uint64_t)64 << 20)

static int
make_facts(struct shard *shard, struct shard_facts **out, struct err *e)
{
	struct shard_facts *f = calloc(1, sizeof *f);
	int rc;

	if (f == NULL)
		return err_nomem(e);
	arena_init(&f->arena);
	if ((rc = shard_facts_fill(shard, f, e)) != 0)
		shard_facts_free(f);
	else
		*out = f;
	return rc;
}

int
snapshot_facts(const struct snapshot *s, size_t i, const struct shard_stats **out,
    struct err *e)
{
	struct shard_slot *slot = snap_of(s)->slots[i];
	struct shard_facts *f;
	struct shard *shard;
	int rc;

	if ((rc = snapshot_shard(s, i, &shard, e)) != 0)
		return rc;
	f = atomic_load_explicit(&slot->facts, memory_order_acquire);
	if (f == NULL) {
		pthread_mutex_lock(&slot->lock);
		f = atomic_load_explicit(&slot->facts, memory_order_relaxed);
		if (f == NULL && (rc = make_facts(shard, &f, e)) == 0)
			atomic_store_explicit(&slot->facts, f, memory_order_release);
		pthread_mutex_unlock(&slot->lock);
	}
	if (rc == 0)
		*out = &f->stats;
	return rc;
}

/* ---- ahead of the pass, by several threads ---- */

struct warming {
	const struct snapshot *snap;
	uint32_t *shards;	/* those to look at */
	size_t n;
};

static void
warm_facts(void *arg, size_t i)
{
	const struct warming *w = arg;
	const struct shard_stats *st;

	if (snapshot_facts(w->snap, w->shards[i], &st, NULL) != 0)
		return;		/* seen again by who needs it */
}

static void
warm_bloom(void *arg, size_t i)
{
	const struct warming *w = arg;
	const uint8_t *bloom;
	struct shard *shard;
	size_t n;

	if (snapshot_shard(w->snap, w->shards[i], &shard, NULL) != 0 ||
	    shard_bloom(shard, &bloom, &n, NULL) != 0)
		return;
}

static int
warm(const struct snapshot *s, struct time_range range, struct pool *pool, struct err *e)
{
	struct warming w = { .snap = s };
	const struct snap *snap = snap_of(s);

	if (pool == NULL)
		return 0;
	if ((w.shards = malloc((s->n_shards + 1) * sizeof *w.shards)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < s->n_shards; i++)
		if (entry_touches(&s->shards[i], range) &&
		    atomic_load_explicit(&snap->slots[i]->facts, memory_order_relaxed) == NULL)
			w.shards[w.n++] = (uint32_t)i;
	pool_each(pool, pool_threads(pool) + 1, w.n, warm_facts, &w);
	free(w.shards);
	return 0;
}

/* What CATALOG alone says. */
static void
from_entry(const struct shard_entry *en, struct shard_stats *st)
{
	*st = (struct shard_stats){
		.file = en->file, .partition = en->partition, .n_rows = en->n_rows,
		.n_bytes = en->n_bytes, .min_start = en->min_start, .max_start = en->max_start,
	};
}

static int
load_one(const struct snapshot *s, size_t i, struct shard_stats *st, struct err *e)
{
	const struct shard_stats *facts;
	struct err own = ERR_INIT;
	int rc = snapshot_facts(s, i, &facts, &own);

	from_entry(&s->shards[i], st);
	if (rc == 0)
		*st = *facts;
	else if (passed_over(rc))
		st->damaged = true;
	else
		return err_set(e, rc, own.off, "%s", own.msg);
	return 0;
}

/*
 * The shards whose filters are wanted, newest first: partitions rise. Sizes are told before the
 * read: about as many bytes as bloom_bytes gives.
 */
static void
choose_blooms(const struct shard_stats *v, struct warming *w)
{
	uint64_t left = BLOOM_BYTES;

	for (size_t i = w->snap->n_shards; i-- > 0;) {
		uint64_t n = v[i].n_traces * 10 / 8;

		if (v[i].n_columns == 0)
			continue;
		if (n > left)
			break;
		left -= n;
		w->shards[w->n++] = (uint32_t)i;
	}
}

static int
load_blooms(const struct snapshot *s, struct shard_stats *v, struct pool *pool, struct err *e)
{
	struct warming w = { .snap = s };
	int rc = 0;

	if ((w.shards = malloc((s->n_shards + 1) * sizeof *w.shards)) == NULL)
		return err_nomem(e);
	choose_blooms(v, &w);
	if (pool != NULL)
		pool_each(pool, pool_threads(pool) + 1, w.n, warm_bloom, &w);
	for (size_t k = 0; k < w.n && rc == 0; k++) {
		struct shard_stats *st = &v[w.shards[k]];
		struct shard *shard;

		if ((rc = snapshot_shard(s, w.shards[k], &shard, e)) == 0)
			rc = shard_bloom(shard, &st->bloom, &st->bloom_bytes, e);
		if (passed_over(rc))
			rc = 0;
	}
	free(w.shards);
	return rc;
}

size_t
snapshot_touched(const struct snapshot *s, struct time_range range)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_shards; i++)
		n += entry_touches(&s->shards[i], range);
	return n;
}

int
stats_load(const struct snapshot *s, struct time_range range, struct pool *pool,
    struct arena *a, const struct stats **out, struct err *e)
{
	struct stats *st = arena_new(a, struct stats);
	struct shard_stats *v = arena_array(a, s->n_shards + 1, struct shard_stats);
	int rc;

	if (st == NULL || v == NULL)
		return err_nomem(e);
	if ((rc = warm(s, range, pool, e)) != 0)
		return rc;
	for (size_t i = 0; i < s->n_shards; i++) {
		if (!entry_touches(&s->shards[i], range))
			from_entry(&s->shards[i], &v[i]);
		else if ((rc = load_one(s, i, &v[i], e)) != 0)
			return rc;
	}
	if ((rc = load_blooms(s, v, pool, e)) != 0)
		return rc;
	*st = (struct stats){
		.version = s->generation, .shards = v, .n_shards = s->n_shards,
		.n_rows = s->n_rows, .n_bytes = s->n_bytes,
	};
	*out = st;
	return 0;
}
