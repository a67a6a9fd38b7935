/* SPDX-License-Identifier: ISC */
/*
 * split_traces: which traces of a shard have spans in other shards too. One bit a trace, made
 * when first asked for and kept as long as the snapshot: which shards there are doesn't change
 * in it.
 *
 * For the first few shards each id is asked for in every other shard's Bloom filter, and where
 * that says maybe, in its trace table. Once more are asked for, all shards' ids go through one
 * hash table, in as many passes as keep it small: a key that is met twice is a split trace.
 * Ids that only have the same key are taken for split as well, which is safe.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/bloom.h"
#include "catalog_i.h"
#include "shard/chunk.h"

struct asked {
	const struct snapshot *snap;
	const struct split_look *look;
	size_t shard;
	const struct traceids *traces;
	uint32_t n;
	uint64_t *hashes;	/* of the ids */
	uint32_t *maybe;	/* ordinals that a filter lets through */
	uint64_t *split;
	struct err *e;
};

/* ---- singly ---- */

static int
ask_table(struct asked *k, struct shard *s, const uint32_t *maybe, uint32_t n)
{
	const struct traceids *t;
	uint32_t at;
	int rc;

	if ((rc = traceids_get(s, &t, k->e)) < 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		if (traceids_find(t, traceids_at(k->traces, maybe[i]), &at))
			bitmap_set(k->split, maybe[i]);
	traceids_put(t);
	return 0;
}

static int
ask_shard(struct asked *k, size_t i)
{
	const uint8_t *bloom;
	struct shard *s;
	uint32_t n = 0;
	size_t bytes;
	int rc;

	if (i == k->shard || k->snap->shards[i].n_rows == 0)
		return 0;
	if ((rc = k->look->fn(k->look->arg, k->e)) < 0 ||
	    (rc = snapshot_shard(k->snap, i, &s, k->e)) < 0 ||
	    (rc = shard_bloom(s, &bloom, &bytes, k->e)) < 0)
		return rc;
	for (uint32_t t = 0; t < k->n; t++)
		if (bloom_may_have(bloom, bytes, k->hashes[t]) && !bitmap_get(k->split, t))
			k->maybe[n++] = t;
	return n == 0 ? 0 : ask_table(k, s, k->maybe, n);
}

static int
ask_all(struct asked *k)
{
	int rc = 0;

	k->hashes = malloc(k->n * sizeof *k->hashes);
	k->maybe = malloc(k->n * sizeof *k->maybe);
	k->split = calloc(BITMAP_WORDS(k->n) + 1, sizeof *k->split);
	if (k->hashes == NULL || k->maybe == NULL || k->split == NULL)
		rc = err_nomem(k->e);
	for (uint32_t t = 0; t < k->n && rc == 0; t++)
		k->hashes[t] = trace_id_hash(traceids_at(k->traces, t));
	for (size_t i = 0; i < k->snap->n_shards && rc == 0; i++)
		rc = ask_shard(k, i);
	free(k->hashes);
	free(k->maybe);
	if (rc != 0) {
		free(k->split);
		k->split = NULL;
	}
	return rc;
}

/* ---- all at once ---- */

#define SINGLY 4			/* shards before that */
#define PASS_TRACES (1u << 20)
#define LEAST_BITS 10			/* of the table's size */

struct seen {
	uint64_t key;			/* 0: free */
	uint32_t shard, ordinal;
};

struct together {
	const struct snapshot *snap;
	const struct split_look *look;
	uint64_t **split;
	struct seen *table;
	uint64_t pass, n_passes;
	unsigned bits;			/* of the table's size: about half full */
	struct err *e;
};

static uint64_t
key_of(struct trace_id id)
{
	uint64_t k = (id.hi ^ id.lo * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

	k ^= k >> 32;
	return k == 0 ? 1 : k;
}

static void
see(struct together *k, uint64_t key, uint32_t shard, uint32_t ordinal)
{
	uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - k->bits));

	for (uint32_t i = 0; i < 1u << k->bits; i++) {
		struct seen *s = &k->table[(at + i) & ((1u << k->bits) - 1)];

		if (s->key == 0) {
			*s = (struct seen){ key, shard, ordinal };
			return;
		}
		if (s->key == key) {
			bitmap_set(k->split[shard], ordinal);
			bitmap_set(k->split[s->shard], s->ordinal);
			return;
		}
	}
	/* Full: nothing is known of this one. */
	bitmap_set(k->split[shard], ordinal);
}

static int
see_shard(struct together *k, uint32_t i)
{
	const struct traceids *t;
	struct shard *s;
	uint32_t n;
	int rc;

	if (k->snap->shards[i].n_rows == 0)
		return 0;
	if ((rc = k->look->fn(k->look->arg, k->e)) < 0 ||
	    (rc = snapshot_shard(k->snap, i, &s, k->e)) < 0 ||
	    (rc = traceids_get(s, &t, k->e)) < 0)
		return rc;
	n = (uint32_t)shard_info(s)->n_traces;
	if (k->split[i] == NULL &&
	    (k->split[i] = calloc(BITMAP_WORDS(n) + 1, sizeof **k->split)) == NULL)
		rc = err_nomem(k->e);
	for (uint32_t o = 0; o < n && rc == 0; o++) {
		uint64_t key = key_of(traceids_at(t, o));

		if (k->n_passes == 1 || key % k->n_passes == k->pass)
			see(k, key, i, o);
	}
	traceids_put(t);
	return rc;
}

static int
count_traces(struct together *k)
{
	uint64_t n = 0;
	struct shard *s;
	int rc;

	for (size_t i = 0; i < k->snap->n_shards; i++) {
		if ((rc = k->look->fn(k->look->arg, k->e)) < 0 || (rc = snapshot_shard(k->snap, i, &s, k->e)) < 0)
			return rc;
		n += shard_info(s)->n_traces;
	}
	k->n_passes = n / PASS_TRACES + 1;
	for (k->bits = LEAST_BITS; n / k->n_passes * 2 > (uint64_t)1 << k->bits;)
		k->bits++;
	return 0;
}

static int
see_all(struct together *k)
{
	int rc = count_traces(k);

	if (rc < 0)
		return rc;
	if ((k->split = calloc(k->snap->n_shards + 1, sizeof *k->split)) == NULL ||
	    (k->table = calloc((size_t)1 << k->bits, sizeof *k->table)) == NULL)
		return err_nomem(k->e);
	for (k->pass = 0; k->pass < k->n_passes && rc == 0; k->pass++) {
		if (k->pass != 0)
			memset(k->table, 0, sizeof *k->table << k->bits);
		for (uint32_t i = 0; i < k->snap->n_shards && rc == 0; i++)
			rc = see_shard(k, i);
	}
	return rc;
}

/* Another thread may have been quicker. */
static const uint64_t *
publish(struct snap *s, size_t i, uint64_t *mine)
{
	uint64_t *none = NULL;

	if (atomic_compare_exchange_strong(&s->split[i], &none, mine))
		return mine;
	free(mine);
	return none;
}

static int
make_all(struct snap *s, const struct split_look *look, struct err *e)
{
	struct together k = { .snap = &s->pub, .look = look, .e = e };
	int rc = see_all(&k);

	for (size_t i = 0; k.split != NULL && i < s->list.n; i++) {
		if (rc == 0 && k.split[i] != NULL)
			(void)publish(s, i, k.split[i]);
		else
			free(k.split[i]);
	}
	free(k.split);
	free(k.table);
	return rc;
}

/* ---- one ---- */

static int
make(const struct snapshot *snap, size_t i, const struct split_look *look, uint64_t **out,
    struct err *e)
{
	struct asked k = { .snap = snap, .look = look, .shard = i, .e = e };
	struct shard *s;
	int rc;

	if ((rc = snapshot_shard(snap, i, &s, e)) < 0 ||
	    (rc = traceids_get(s, &k.traces, e)) < 0)
		return rc;
	k.n = (uint32_t)shard_info(s)->n_traces;
	rc = ask_all(&k);
	traceids_put(k.traces);
	*out = k.split;
	return rc;
}

int
snapshot_split_traces(const struct snapshot *p, size_t i, const struct split_look *look,
    const uint64_t **out, struct err *e)
{
	struct snap *s = (struct snap *)(uintptr_t)snap_of(p);
	uint64_t *mine;
	int rc;

	*out = atomic_load_explicit(&s->split[i], memory_order_acquire);
	if (*out != NULL)
		return 0;
	if (atomic_fetch_add(&s->n_split, 1) >= SINGLY) {
		if ((rc = make_all(s, look, e)) < 0)
			return rc;
		*out = atomic_load_explicit(&s->split[i], memory_order_acquire);
		return 0;
	}
	if ((rc = make(p, i, look, &mine, e)) == 0)
		*out = publish(s, i, mine);
	return rc;
}
