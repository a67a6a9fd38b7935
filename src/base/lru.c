/* SPDX-License-Identifier: ISC */
/*
 * lru: a chained hash table of entries, all of them on one list, the least recently used at
 * its tail; one mutex (`lock` guards everything but an entry's val, which is the pinner's).
 *
 * An entry leaves the table and the list at once when it is forgotten; if it is pinned then,
 * it lives on unlisted until its last pin goes. What must be dropped is collected on a chain
 * under the lock and dropped after it, so that `drop` may take long and may call back here.
 */
#include "base/lru.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"

#define FIRST_BUCKETS 64

struct lru_entry {
	struct lru_entry *prev, *next;	/* by use; next also chains what is to be dropped */
	struct lru_entry *chain;	/* of its bucket */
	void *val;
	size_t bytes, key_len;
	uint64_t hash;
	uint32_t pins;
	bool listed;			/* in table and list */
	char key[];
};

struct lru {
	pthread_mutex_t lock;
	void (*drop)(void *);
	struct lru_entry **buckets;
	size_t n_buckets;		/* a power of two */
	struct lru_entry *head, *tail;
	size_t max_bytes;
	struct lru_stats stats;
};

int
lru_new(size_t max_bytes, void (*drop)(void *), struct lru **out, struct err *e)
{
	struct lru *l = calloc(1, sizeof *l);

	if (l == NULL)
		return err_nomem(e);
	l->buckets = calloc(FIRST_BUCKETS, sizeof *l->buckets);
	if (l->buckets == NULL || pthread_mutex_init(&l->lock, NULL) != 0) {
		free(l->buckets);
		free(l);
		return err_nomem(e);
	}
	l->n_buckets = FIRST_BUCKETS;
	l->max_bytes = max_bytes;
	l->drop = drop;
	*out = l;
	return 0;
}

static void
list_add(struct lru *l, struct lru_entry *x)
{
	x->prev = NULL;
	x->next = l->head;
	if (l->head != NULL)
		l->head->prev = x;
	else
		l->tail = x;
	l->head = x;
}

static void
list_remove(struct lru *l, struct lru_entry *x)
{
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		l->head = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	else
		l->tail = x->prev;
}

static struct lru_entry **
bucket_of(struct lru *l, uint64_t hash)
{
	return &l->buckets[hash & (l->n_buckets - 1)];
}

static struct lru_entry *
find(struct lru *l, struct sv key, uint64_t hash)
{
	struct lru_entry *x;

	for (x = *bucket_of(l, hash); x != NULL; x = x->chain)
		if (x->hash == hash && sv_eq(sv_new(x->key, x->key_len), key))
			return x;
	return NULL;
}

/* A table that can't grow only gets slower. */
static void
grow(struct lru *l)
{
	size_t n = l->n_buckets * 2;
	struct lru_entry **b, *x;

	if (l->stats.n_entries < l->n_buckets || (b = calloc(n, sizeof *b)) == NULL)
		return;
	free(l->buckets);
	l->buckets = b;
	l->n_buckets = n;
	for (x = l->head; x != NULL; x = x->next) {
		x->chain = *bucket_of(l, x->hash);
		*bucket_of(l, x->hash) = x;
	}
}

/* Out of table and list; onto `dead` unless somebody holds it. */
static void
unlist(struct lru *l, struct lru_entry *x, struct lru_entry **dead)
{
	struct lru_entry **at = bucket_of(l, x->hash);

	while (*at != x)
		at = &(*at)->chain;
	*at = x->chain;
	list_remove(l, x);
	x->listed = false;
	l->stats.n_entries--;
	l->stats.n_bytes -= x->bytes;
	if (x->pins == 0) {
		x->next = *dead;
		*dead = x;
	}
}

static void
shrink(struct lru *l, struct lru_entry **dead)
{
	struct lru_entry *x, *prev;

	for (x = l->tail; x != NULL && l->stats.n_bytes > l->max_bytes; x = prev) {
		prev = x->prev;
		if (x->pins != 0)
			continue;
		unlist(l, x, dead);
		l->stats.evictions++;
	}
}

static void
drop_all(struct lru *l, struct lru_entry *dead)
{
	struct lru_entry *next;

	for (; dead != NULL; dead = next) {
		next = dead->next;
		l->drop(dead->val);
		free(dead);
	}
}

void
lru_free(struct lru *l)
{
	if (l == NULL)
		return;
	lru_forget(l, SV_EMPTY);
	pthread_mutex_destroy(&l->lock);
	free(l->buckets);
	free(l);
}

/* Pins x and makes it the most recent. */
static void *
use(struct lru *l, struct lru_entry *x, struct lru_entry **out)
{
	x->pins++;
	if (l->head != x) {
		list_remove(l, x);
		list_add(l, x);
	}
	*out = x;
	return x->val;
}

void *
lru_get(struct lru *l, struct sv key, struct lru_entry **out)
{
	uint64_t hash = hash_seeded(key.p, key.n);
	struct lru_entry *x;
	void *val = NULL;

	pthread_mutex_lock(&l->lock);
	if ((x = find(l, key, hash)) != NULL) {
		val = use(l, x, out);
		l->stats.hits++;
	} else
		l->stats.misses++;
	pthread_mutex_unlock(&l->lock);
	return val;
}

static void
insert(struct lru *l, struct lru_entry *x)
{
	grow(l);
	x->chain = *bucket_of(l, x->hash);
	*bucket_of(l, x->hash) = x;
	list_add(l, x);
	x->listed = true;
	l->stats.n_entries++;
	l->stats.n_bytes += x->bytes;
}

void *
lru_put(struct lru *l, struct sv key, void *val, size_t bytes, struct lru_entry **out)
{
	struct lru_entry *x = calloc(1, sizeof *x + key.n), *old, *dead = NULL;

	if (x == NULL) {
		l->drop(val);
		return NULL;
	}
	x->val = val;
	x->bytes = bytes;
	x->hash = hash_seeded(key.p, key.n);
	x->key_len = key.n;
	x->pins = 1;
	if (key.n != 0)
		memcpy(x->key, key.p, key.n);
	pthread_mutex_lock(&l->lock);
	if ((old = find(l, key, x->hash)) != NULL) {
		x->next = NULL;
		dead = x;
		val = use(l, old, out);
	} else {
		insert(l, x);
		shrink(l, &dead);
		*out = x;
	}
	pthread_mutex_unlock(&l->lock);
	drop_all(l, dead);
	return val;
}

void
lru_unpin(struct lru *l, struct lru_entry *x)
{
	struct lru_entry *dead = NULL;

	pthread_mutex_lock(&l->lock);
	if (--x->pins == 0) {
		if (!x->listed) {
			x->next = NULL;
			dead = x;
		} else
			shrink(l, &dead);
	}
	pthread_mutex_unlock(&l->lock);
	drop_all(l, dead);
}

void
lru_forget(struct lru *l, struct sv prefix)
{
	struct lru_entry *x, *next, *dead = NULL;

	pthread_mutex_lock(&l->lock);
	for (x = l->head; x != NULL; x = next) {
		next = x->next;
		if (sv_starts(sv_new(x->key, x->key_len), prefix))
			unlist(l, x, &dead);
	}
	pthread_mutex_unlock(&l->lock);
	drop_all(l, dead);
}

void
lru_resize(struct lru *l, size_t max_bytes)
{
	struct lru_entry *dead = NULL;

	pthread_mutex_lock(&l->lock);
	l->max_bytes = max_bytes;
	shrink(l, &dead);
	pthread_mutex_unlock(&l->lock);
	drop_all(l, dead);
}

struct lru_stats
lru_stats(struct lru *l)
{
	struct lru_stats s;

	pthread_mutex_lock(&l->lock);
	s = l->stats;
	pthread_mutex_unlock(&l->lock);
	return s;
}
