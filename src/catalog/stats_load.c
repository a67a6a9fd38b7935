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
	struct shard_slot *slot;
	struct shard_facts *f;
	struct shard *shard;
	int rc;

	if ((rc = snapshot_shard(s, i, &shard, e)) != 0)
		return rc;
	slot = snap_slot(s, i);
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
	const uint32_t *shards;		/* those to look at */
	const struct bloom_want *blooms;
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

	if (snapshot_shard(w->snap, w->blooms[i].shard, &shard, NULL) != 0 ||
	    shard_bloom(shard, &bloom, &n, NULL) != 0)
		return;
}

static bool
has_facts(const struct snapshot *s, size_t i)
{
	struct shard_slot *slot = atomic_load(&snap_of(s)->slots[i]);

	return slot != NULL &&
	    atomic_load_explicit(&slot->facts, memory_order_relaxed) != NULL;
}

int
stats_warm(const struct snapshot *s, const uint32_t *shards, size_t n, struct pool *pool,
    struct err *e)
{
	uint32_t *fresh;
	size_t m = 0;

	if (pool == NULL || n == 0)
		return 0;
	if ((fresh = malloc(n * sizeof *fresh)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (!has_facts(s, shards[i]))
			fresh[m++] = shards[i];
	pool_each(pool, pool_threads(pool) + 1, m, warm_facts,
	    &(struct warming){ .snap = s, .shards = fresh });
	free(fresh);
	return 0;
}

static int
warm(const struct snapshot *s, struct time_range range, struct pool *pool, struct err *e)
{
	uint32_t *v = malloc((s->n_shards + 1) * sizeof *v);
	size_t n = 0;
	int rc;

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < s->n_shards; i++)
		if (entry_touches(&s->shards[i], range))
			v[n++] = (uint32_t)i;
	rc = stats_warm(s, v, n, pool, e);
	free(v);
	return rc;
}

/* What CATALOG alone says. */
static void
from_entry(const struct shard_entry *en, struct shard_stats *st)
{
	*st = (struct shard_stats){
		.file = en->file, .partition = en->partition, .n_rows = en->n_rows,
		.n_bytes = en->n_bytes, .min_start = en->min_start, .max_start = en->max_start,
		.generation = en->generation,
	};
}

int
stats_load_one(const struct snapshot *s, size_t i, struct shard_stats *st, struct err *e)
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
	/* No shard knows it of itself. */
	st->generation = s->shards[i].generation;
	return 0;
}

/*
 * The last of n, whose filters fit the budget: partitions rise. Sizes are told before the read:
 * about as many bytes as bloom_bytes gives.
 */
static size_t
first_in_budget(const struct bloom_want *w, size_t n)
{
	uint64_t left = BLOOM_BYTES;

	while (n > 0) {
		uint64_t bytes = w[n - 1].stats->n_traces * 10 / 8;

		if (bytes > left)
			break;
		left -= bytes;
		n--;
	}
	return n;
}

int
stats_load_blooms(const struct snapshot *s, struct bloom_want *w, size_t n, struct pool *pool,
    struct err *e)
{
	size_t known = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (w[i].stats->n_columns != 0)
			w[known++] = w[i];
	n = first_in_budget(w, known);
	if (pool != NULL)
		pool_each(pool, pool_threads(pool) + 1, known - n, warm_bloom,
		    &(struct warming){ .snap = s, .blooms = w + n });
	for (; n < known && rc == 0; n++) {
		struct shard_stats *st = w[n].stats;
		struct shard *shard;

		if ((rc = snapshot_shard(s, w[n].shard, &shard, e)) == 0)
			rc = shard_bloom(shard, &st->bloom, &st->bloom_bytes, e);
		if (passed_over(rc))
			rc = 0;
	}
	return rc;
}

static int
load_blooms(const struct snapshot *s, struct shard_stats *v, struct pool *pool, struct err *e)
{
	struct bloom_want *w = malloc((s->n_shards + 1) * sizeof *w);
	int rc;

	if (w == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < s->n_shards; i++)
		w[i] = (struct bloom_want){ (uint32_t)i, &v[i] };
	rc = stats_load_blooms(s, w, s->n_shards, pool, e);
	free(w);
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
		else if ((rc = stats_load_one(s, i, &v[i], e)) != 0)
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
