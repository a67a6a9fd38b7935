/* SPDX-License-Identifier: ISC */
/* partcache: see cache/partcache.h. A table of chains under one lock; bytes are copied outside it. */
#include "cache/partcache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cache/gdsf.h"

#define BUCKETS 4096
/* About what one takes beside its bytes. */
#define ENTRY_BYTES 128
/* One may take this share of the whole at most. */
#define LARGEST_SHARE 8

struct entry {
	struct gdsf_item worth;
	struct hash128 key;
	struct cached_part *part;
	struct entry *same;	/* in the bucket */
};

struct partcache {
	pthread_mutex_t lock;	/* guards what follows */
	uint64_t max_bytes;
	uint64_t hits, misses;
	struct gdsf worth;
	struct entry *bucket[BUCKETS];
};

int
partcache_new(uint64_t max_bytes, struct partcache **out, struct err *e)
{
	struct partcache *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(e);
	pthread_mutex_init(&c->lock, NULL);
	c->max_bytes = max_bytes;
	*out = c;
	return 0;
}

void
cached_part_ref(struct cached_part *p)
{
	atomic_fetch_add(&p->refs, 1);
}

void
cached_part_put(struct cached_part *p)
{
	if (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1)
		free(p);
}

/* ---- under the lock ---- */

static struct entry **
place_of(struct partcache *c, struct hash128 key)
{
	struct entry **p = &c->bucket[key.lo % BUCKETS];

	while (*p != NULL && ((*p)->key.lo != key.lo || (*p)->key.hi != key.hi))
		p = &(*p)->same;
	return p;
}

static void
free_entry(struct entry *x)
{
	cached_part_put(x->part);
	free(x);
}

static void
evict_to(struct partcache *c, uint64_t max_bytes)
{
	struct gdsf_item *least;

	while (c->worth.bytes > max_bytes && (least = gdsf_evict(&c->worth)) != NULL) {
		/* The item is an entry's first member. */
		struct entry *x = (struct entry *)(void *)least, **p = place_of(c, x->key);

		*p = x->same;
		free_entry(x);
	}
}

/* Takes over the entry, unless there is one of its key. */
static bool
take_in(struct partcache *c, struct entry *x)
{
	struct entry **p = place_of(c, x->key);

	if (*p != NULL || !gdsf_reserve(&c->worth, c->worth.heap.n + 1))
		return false;
	x->same = NULL;
	*p = x;
	gdsf_add(&c->worth, &x->worth);
	evict_to(c, c->max_bytes);
	return true;
}

/* ---- the whole ---- */

void
partcache_limit(struct partcache *c, uint64_t max_bytes)
{
	pthread_mutex_lock(&c->lock);
	c->max_bytes = max_bytes;
	evict_to(c, max_bytes);
	pthread_mutex_unlock(&c->lock);
}

void
partcache_drop(struct partcache *c)
{
	pthread_mutex_lock(&c->lock);
	evict_to(c, 0);
	pthread_mutex_unlock(&c->lock);
}

void
partcache_free(struct partcache *c)
{
	if (c == NULL)
		return;
	partcache_drop(c);
	gdsf_release(&c->worth);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct partcache_stats
partcache_stats(struct partcache *c)
{
	struct partcache_stats s;

	pthread_mutex_lock(&c->lock);
	s = (struct partcache_stats){ c->worth.heap.n, c->worth.bytes, c->max_bytes, c->hits,
		c->misses };
	pthread_mutex_unlock(&c->lock);
	return s;
}

struct cached_part *
partcache_get(struct partcache *c, struct hash128 key)
{
	struct cached_part *p = NULL;
	struct entry *x;

	pthread_mutex_lock(&c->lock);
	gdsf_ask(&c->worth, key.lo);
	if ((x = *place_of(c, key)) != NULL) {
		p = x->part;
		atomic_fetch_add(&p->refs, 1);
		gdsf_update(&c->worth, &x->worth, x->worth.bytes, x->worth.cost_ns);
		c->hits++;
	} else
		c->misses++;
	pthread_mutex_unlock(&c->lock);
	return p;
}

bool
partcache_has(struct partcache *c, struct hash128 key)
{
	bool has;

	pthread_mutex_lock(&c->lock);
	has = *place_of(c, key) != NULL;
	pthread_mutex_unlock(&c->lock);
	return has;
}

unsigned
partcache_asked(struct partcache *c, struct hash128 key)
{
	unsigned n;

	pthread_mutex_lock(&c->lock);
	n = freq_of(&c->worth.freq, key.lo);
	pthread_mutex_unlock(&c->lock);
	return n;
}

struct cached_part *
cached_part_new(struct sv bytes)
{
	struct cached_part *p = malloc(sizeof *p + bytes.n);

	if (p == NULL)
		return NULL;
	atomic_init(&p->refs, 1);
	p->n = bytes.n;
	if (bytes.n != 0)
		memcpy(p->bytes, bytes.p, bytes.n);
	return p;
}

static bool
is_too_large(struct partcache *c, size_t n)
{
	bool too_large;

	pthread_mutex_lock(&c->lock);
	too_large = n > c->max_bytes / LARGEST_SHARE;
	pthread_mutex_unlock(&c->lock);
	return too_large;
}

bool
partcache_add_part(struct partcache *c, struct hash128 key, struct cached_part *p, uint64_t cost_ns)
{
	struct entry *x;
	bool taken;

	if (is_too_large(c, p->n) || (x = calloc(1, sizeof *x)) == NULL)
		return false;
	atomic_fetch_add(&p->refs, 1);
	x->part = p;
	x->key = key;
	x->worth = (struct gdsf_item){ .hash = key.lo, .bytes = p->n + ENTRY_BYTES,
		.cost_ns = cost_ns };
	pthread_mutex_lock(&c->lock);
	taken = take_in(c, x);
	pthread_mutex_unlock(&c->lock);
	if (!taken)
		free_entry(x);
	return true;
}

bool
partcache_add(struct partcache *c, struct hash128 key, struct sv bytes, uint64_t cost_ns)
{
	struct cached_part *p;
	bool added;

	if (is_too_large(c, bytes.n) || (p = cached_part_new(bytes)) == NULL)
		return false;
	added = partcache_add_part(c, key, p, cost_ns);
	cached_part_put(p);
	return added;
}
