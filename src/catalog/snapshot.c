/* SPDX-License-Identifier: ISC */
/*
 * snapshot: one committed list of shards, immutable and counted. The shards themselves are
 * opened when first asked for, and live in slots of their own, which the next snapshot takes
 * over for every file that it still lists: a commit opens nothing again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "manifest_i.h"
#include "stats_i.h"

static struct shard_slot *
slot_new(void)
{
	struct shard_slot *s = malloc(sizeof *s);

	if (s == NULL)
		return NULL;
	atomic_init(&s->refs, 1);
	atomic_init(&s->shard, NULL);
	atomic_init(&s->facts, NULL);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void
slot_unref(struct shard_slot *s)
{
	struct shard *shard;

	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* The facts borrow from the shard. */
	shard_facts_free(atomic_load_explicit(&s->facts, memory_order_relaxed));
	shard = atomic_load_explicit(&s->shard, memory_order_relaxed);
	if (shard != NULL)
		shard_unref(shard);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* The same file with the same in it: of a store that was put in another's place names may be equal. */
static bool
same_shard(const struct shard_entry *a, const struct shard_entry *b)
{
	return shard_entry_cmp(a, b) == 0 && a->n_rows == b->n_rows && a->n_bytes == b->n_bytes &&
	    a->min_start == b->min_start && a->max_start == b->max_start;
}

/* Both lists are in the same order: one pass finds what they share. */
static void
take_slots(struct snap *s, const struct snap *prev)
{
	size_t j = 0, n_prev = prev == NULL ? 0 : prev->list.n;

	for (size_t i = 0; i < s->list.n && j < n_prev; i++) {
		const struct shard_entry *e = &s->list.shards[i];
		struct shard_slot *slot;
		int c = -1;

		while (j < n_prev && (c = shard_entry_cmp(&prev->list.shards[j], e)) < 0)
			j++;
		if (c != 0 || j == n_prev || !same_shard(&prev->list.shards[j], e) ||
		    (slot = atomic_load(&prev->slots[j])) == NULL)
			continue;
		atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
		atomic_store_explicit(&s->slots[i], slot, memory_order_relaxed);
		if (atomic_load_explicit(&slot->shard, memory_order_relaxed) != NULL)
			atomic_fetch_add_explicit(&s->n_open, 1, memory_order_relaxed);
	}
}

struct shard_slot *
snap_slot(const struct snapshot *p, size_t i)
{
	struct snap *s = (struct snap *)(uintptr_t)snap_of(p);
	struct shard_slot *slot = atomic_load_explicit(&s->slots[i], memory_order_acquire);
	struct shard_slot *none = NULL;

	if (slot != NULL || (slot = slot_new()) == NULL)
		return slot;
	if (atomic_compare_exchange_strong(&s->slots[i], &none, slot))
		return slot;
	slot_unref(slot);
	return none;
}

/* A shard of time lies in the hour that its partition is. */
static bool
in_hour(const struct shard_entry *e)
{
	return e->partition == PARTITION_OUTSIDE || (e->min_start >= e->partition &&
	    e->max_start - e->partition < NS_PER_HOUR);
}

static void
sum_up(struct snap *s)
{
	struct snapshot *p = &s->pub;
	bool inside = s->list.n > 0 && s->list.shards[0].partition != PARTITION_OUTSIDE;

	p->generation = s->list.generation;
	p->commit_ns = s->list.commit_ns;
	p->shards = s->list.shards;
	p->n_shards = s->list.n;
	p->min_start = UINT64_MAX;
	p->max_start = 0;
	s->in_hours = true;
	for (size_t i = 0; i < p->n_shards; i++) {
		const struct shard_entry *e = &p->shards[i];

		s->in_hours = s->in_hours && in_hour(e);
		s->rows_before[i + 1] = s->rows_before[i] + e->n_rows;
		p->n_rows += e->n_rows;
		p->n_bytes += e->n_bytes;
		if (inside && e->partition == PARTITION_OUTSIDE)
			continue;
		if (e->min_start < p->min_start)
			p->min_start = e->min_start;
		if (e->max_start > p->max_start)
			p->max_start = e->max_start;
	}
}

static void
snap_free(struct snap *s)
{
	for (size_t i = 0; s->slots != NULL && i < s->list.n; i++)
		slot_unref(atomic_load_explicit(&s->slots[i], memory_order_relaxed));
	for (size_t i = 0; s->split != NULL && i < s->list.n; i++)
		free(atomic_load_explicit(&s->split[i], memory_order_relaxed));
	manifest_release(&s->manifest);
	free(s->rows_before);
	free(s->split);
	free(s->slots);
	arena_release(&s->arena);
	free(s);
}

static int
make_tables(struct snap *s, const struct snap *prev, struct err *e)
{
	size_t n = s->list.n + 1;

	s->slots = calloc(n, sizeof *s->slots);
	s->split = calloc(n, sizeof *s->split);
	s->rows_before = calloc(n, sizeof *s->rows_before);
	if (s->slots == NULL || s->split == NULL || s->rows_before == NULL)
		return err_nomem(e);
	if (prev != NULL)
		take_slots(s, prev);
	return manifest_load(s->fs, &s->list, prev == NULL ? NULL : &prev->manifest,
	    &s->manifest, e);
}

int
snapshot_make(struct fsys *fs, struct chunkcache *cache, struct sv bytes,
    const struct snap *prev, struct snap **out, struct err *e)
{
	struct snap *s = calloc(1, sizeof *s);
	char name[512];
	int rc;

	if (s == NULL)
		return err_nomem(e);
	atomic_init(&s->refs, 1);
	s->fs = fs;
	s->cache = cache;
	arena_init(&s->arena);
	snprintf(name, sizeof name, "%s/" CATALOG_FILE, fs->root);
	if ((rc = catalog_decode(bytes, name, &s->arena, &s->list, e)) == 0)
		rc = make_tables(s, prev, e);
	if (rc != 0) {
		snap_free(s);
		return rc;
	}
	sum_up(s);
	*out = s;
	return 0;
}

const struct snapshot *
snapshot_ref(const struct snapshot *p)
{
	struct snap *s = (struct snap *)(uintptr_t)p;

	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return p;
}

void
snapshot_unref(const struct snapshot *p)
{
	struct snap *s = (struct snap *)(uintptr_t)p;

	if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		snap_free(s);
}

static int
stranger(const struct shard_entry *en, const char *what, unsigned long long has,
    unsigned long long listed, struct err *e)
{
	return err_set(e, ERR_CORRUPT, -1, "%s: not the shard that the catalog lists: %s %llu, "
	    "listed as %llu", en->file, what, has, listed);
}

static int
missing(const struct shard_entry *en, struct err *e)
{
	return err_set(e, ERR_CORRUPT, -1, "%s: the shard is missing", en->file);
}

/* Two shards may have changed places, or one come from another store: each is whole in itself. */
static int
check_entry(const struct shard_entry *en, const struct shard_info *i, struct err *e)
{
	if (i->partition != en->partition)
		return stranger(en, "partition", i->partition, en->partition, e);
	if (i->n_rows != en->n_rows)
		return stranger(en, "spans", i->n_rows, en->n_rows, e);
	if (i->n_bytes != en->n_bytes)
		return stranger(en, "bytes", i->n_bytes, en->n_bytes, e);
	if (i->min_start != en->min_start)
		return stranger(en, "first start", i->min_start, en->min_start, e);
	if (i->max_start != en->max_start)
		return stranger(en, "last start", i->max_start, en->max_start, e);
	return 0;
}

int
snapshot_open_listed(struct fsys *fs, struct chunkcache *cache, const struct shard_entry *en,
    struct shard **out, struct err *e)
{
	struct shard *shard;
	int rc = shard_open(fs, en->file, cache, &shard, e);

	if (rc == ERR_UNKNOWN)
		return missing(en, e);
	if (rc == 0 && (rc = check_entry(en, shard_info(shard), e)) != 0)
		shard_unref(shard);
	if (rc == 0)
		*out = shard;
	return rc;
}

/* Shards may have been left out by what the manifest says: it has to be of these shards. */
static int
check_manifest(const struct snap *s, size_t i, const struct shard_info *info, struct err *e)
{
	const struct mseg *seg;
	const struct mrow *r = manifest_row(&s->manifest, i, &seg);

	if (r == NULL || r->footer_hash == info->footer_hash)
		return 0;
	return err_set(e, ERR_CORRUPT, -1, "%s: not the shard that %s tells of: its footer is "
	    "another; if the shard is right, remove %s: it is made again",
	    s->list.shards[i].file, MANIFEST_FILE, MANIFEST_FILE);
}

static int
open_slot(const struct snap *s, size_t i, struct shard **out, struct err *e)
{
	struct shard *shard;
	int rc = snapshot_open_listed(s->fs, s->cache, &s->list.shards[i], &shard, e);

	if (rc == 0 && (rc = check_manifest(s, i, shard_info(shard), e)) != 0)
		shard_unref(shard);
	if (rc == 0)
		*out = shard;
	return rc;
}

int
snapshot_shard(const struct snapshot *p, size_t i, struct shard **out, struct err *e)
{
	struct snap *s = (struct snap *)(uintptr_t)snap_of(p);
	struct shard_slot *slot = snap_slot(p, i);
	struct shard *shard;
	int rc = 0;

	if (slot == NULL)
		return err_nomem(e);
	shard = atomic_load_explicit(&slot->shard, memory_order_acquire);
	if (shard == NULL) {
		pthread_mutex_lock(&slot->lock);
		shard = atomic_load_explicit(&slot->shard, memory_order_relaxed);
		if (shard == NULL && (rc = open_slot(s, i, &shard, e)) == 0) {
			atomic_store_explicit(&slot->shard, shard, memory_order_release);
			atomic_fetch_add_explicit(&s->n_open, 1, memory_order_relaxed);
		}
		pthread_mutex_unlock(&slot->lock);
	}
	if (rc == 0)
		*out = shard;
	return rc;
}

int
snapshot_shard_there(const struct snapshot *p, size_t i, struct err *e)
{
	const struct snap *s = snap_of(p);
	const struct shard_entry *en = &p->shards[i];
	struct file_id id;
	int rc = s->fs->ops->stat(s->fs, en->file, &id, e);

	if (rc == ERR_UNKNOWN)
		return missing(en, e);
	return rc == 0 && id.size != en->n_bytes ?
	    stranger(en, "bytes", id.size, en->n_bytes, e) : rc;
}

int
snapshot_shard_hash(const struct snapshot *p, size_t i, uint64_t *out, struct err *e)
{
	const struct mseg *seg;
	const struct mrow *r = manifest_row(&snap_of(p)->manifest, i, &seg);
	struct shard *shard;
	int rc;

	if (r != NULL) {
		*out = r->footer_hash;
		return 0;
	}
	if ((rc = snapshot_shard(p, i, &shard, e)) == 0)
		*out = shard_info(shard)->footer_hash;
	return rc;
}
