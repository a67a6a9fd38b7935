/* SPDX-License-Identifier: ISC */
/*
 * chunkcache: each section of an open shard has a slot; filled slots form a ring that a clock
 * hand goes round: a slot used since the last visit is passed over, an unpinned and unused
 * one is emptied. So a single scan of much data does not drive out what is used again.
 *
 * `pins` alone decides who may look at val: pinning is one atomic addition; emptying is one
 * exchange of 0 pins for SLOT_EMPTY, which fails while anybody holds the value. Late pinners
 * of an empty slot see the bit and take their addition back. `lock` guards the ring and the
 * counts and is taken when a section is filled or emptied, never for a hit. A section is read
 * by one thread, which holds no lock meanwhile; others wait for it if they want the same one.
 */
#include "chunkcache_i.h"

#include <stdlib.h>

#define LOAD_LOCKS 64		/* a power of two */

struct load_lock {
	pthread_mutex_t lock;		/* of `loading` in the slots that fall to it */
	pthread_cond_t loaded;
};
#define GROWTH 8

struct chunkcache {
	pthread_mutex_t lock;
	struct cache_slot *hand;	/* NULL: the ring is empty */
	_Atomic size_t bytes, max_bytes;
	size_t most_bytes;		/* what max_bytes may grow to */
	struct lru_stats stats;		/* hits: of slots emptied since */
	struct load_lock load[LOAD_LOCKS];
};

int
chunkcache_new(size_t max_bytes, struct chunkcache **out, struct err *e)
{
	struct chunkcache *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(e);
	pthread_mutex_init(&c->lock, NULL);
	for (size_t i = 0; i < LOAD_LOCKS; i++) {
		pthread_mutex_init(&c->load[i].lock, NULL);
		pthread_cond_init(&c->load[i].loaded, NULL);
	}
	atomic_init(&c->bytes, 0);
	atomic_init(&c->max_bytes, max_bytes);
	c->most_bytes = max_bytes;
	*out = c;
	return 0;
}

void
chunkcache_free(struct chunkcache *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->lock);
	for (size_t i = 0; i < LOAD_LOCKS; i++) {
		pthread_mutex_destroy(&c->load[i].lock);
		pthread_cond_destroy(&c->load[i].loaded);
	}
	free(c);
}

void
cached_free(struct cached *v)
{
	if (v != NULL) {
		free(v->extra);
		free(v);
	}
}

void
cache_slot_init(struct cache_slot *s)
{
	*s = (struct cache_slot){ .val = NULL };
	atomic_init(&s->pins, SLOT_EMPTY);
}

static struct load_lock *
load_lock(struct chunkcache *c, const struct cache_slot *s)
{
	return &c->load[(uintptr_t)s / sizeof *s % LOAD_LOCKS];
}

struct cached *
cache_load_begin(struct chunkcache *c, struct cache_slot *s)
{
	struct load_lock *l = load_lock(c, s);
	struct cached *v;

	pthread_mutex_lock(&l->lock);
	while ((v = cache_pin(s)) == NULL && s->loading)
		pthread_cond_wait(&l->loaded, &l->lock);
	if (v == NULL)
		s->loading = true;
	pthread_mutex_unlock(&l->lock);
	return v;
}

void
cache_load_end(struct chunkcache *c, struct cache_slot *s)
{
	struct load_lock *l = load_lock(c, s);

	pthread_mutex_lock(&l->lock);
	s->loading = false;
	pthread_cond_broadcast(&l->loaded);
	pthread_mutex_unlock(&l->lock);
}

static void
ring_add(struct chunkcache *c, struct cache_slot *s)
{
	if (c->hand == NULL) {
		c->hand = s->prev = s->next = s;
		return;
	}
	s->next = c->hand;
	s->prev = c->hand->prev;
	s->prev->next = s;
	c->hand->prev = s;
}

static void
ring_remove(struct chunkcache *c, struct cache_slot *s)
{
	if (c->hand == s)
		c->hand = s->next == s ? NULL : s->next;
	s->prev->next = s->next;
	s->next->prev = s->prev;
}

/* Empties s if nobody holds it. */
static bool
empty(struct chunkcache *c, struct cache_slot *s)
{
	uint32_t none = 0;

	if (!atomic_compare_exchange_strong_explicit(&s->pins, &none, SLOT_EMPTY,
	    memory_order_acq_rel, memory_order_relaxed))
		return false;
	ring_remove(c, s);
	atomic_fetch_sub_explicit(&c->bytes, s->bytes, memory_order_relaxed);
	c->stats.n_entries--;
	c->stats.hits += atomic_exchange_explicit(&s->hits, 0, memory_order_relaxed);
	cached_free(s->val);
	return true;
}

static bool
too_full(const struct chunkcache *c)
{
	return atomic_load_explicit(&c->bytes, memory_order_relaxed) >
	    atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
}

/* At most two rounds: the first may do no more than take away `used`. */
static void
shrink(struct chunkcache *c)
{
	for (size_t n = 2 * c->stats.n_entries; n > 0 && c->hand != NULL && too_full(c); n--) {
		struct cache_slot *s = c->hand;

		c->hand = s->next;
		if (atomic_exchange_explicit(&s->used, false, memory_order_relaxed))
			continue;
		if (empty(c, s)) {
			s->given_up = true;
			c->stats.evictions++;
		}
	}
}

void
cache_unpin(struct chunkcache *c, struct cache_slot *s)
{
	if (atomic_fetch_sub_explicit(&s->pins, 1, memory_order_release) == 1 && too_full(c)) {
		pthread_mutex_lock(&c->lock);
		shrink(c);
		pthread_mutex_unlock(&c->lock);
	}
}

/* What was given up too early is back: makes room for GROWTH times that. */
static void
grow(struct chunkcache *c, struct cache_slot *s, size_t bytes)
{
	size_t max = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
	size_t left = max < c->most_bytes ? c->most_bytes - max : 0;

	s->given_up = false;
	atomic_store_explicit(&c->max_bytes, bytes < left / GROWTH ? max + bytes * GROWTH :
	    max + left, memory_order_relaxed);
}

void
cache_fill(struct chunkcache *c, struct cache_slot *s, struct cached *val, size_t bytes)
{
	pthread_mutex_lock(&c->lock);
	if (s->given_up)
		grow(c, s, bytes);
	s->val = val;
	s->bytes = bytes;
	atomic_store_explicit(&s->used, false, memory_order_relaxed);
	/* From SLOT_EMPTY (and late pinners, who will take theirs back) to one pin. */
	atomic_fetch_sub_explicit(&s->pins, SLOT_EMPTY - 1, memory_order_release);
	ring_add(c, s);
	atomic_fetch_add_explicit(&c->bytes, bytes, memory_order_relaxed);
	c->stats.n_entries++;
	c->stats.misses++;
	shrink(c);
	pthread_mutex_unlock(&c->lock);
}

void
cache_forget(struct chunkcache *c, struct cache_slot *slots, size_t n)
{
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < n; i++)
		(void)empty(c, &slots[i]);
	pthread_mutex_unlock(&c->lock);
}

void
chunkcache_drop(struct chunkcache *c)
{
	pthread_mutex_lock(&c->lock);
	for (size_t n = c->stats.n_entries; n > 0; n--) {
		struct cache_slot *s = c->hand;

		c->hand = s->next;
		(void)empty(c, s);
	}
	pthread_mutex_unlock(&c->lock);
}

void
chunkcache_resize(struct chunkcache *c, size_t max_bytes)
{
	pthread_mutex_lock(&c->lock);
	atomic_store_explicit(&c->max_bytes, max_bytes, memory_order_relaxed);
	c->most_bytes = max_bytes;
	shrink(c);
	pthread_mutex_unlock(&c->lock);
}

size_t
chunkcache_max_bytes(const struct chunkcache *c)
{
	return atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
}

void
chunkcache_begin_small(struct chunkcache *c, size_t bytes)
{
	pthread_mutex_lock(&c->lock);
	if (bytes < c->most_bytes)
		atomic_store_explicit(&c->max_bytes, bytes, memory_order_relaxed);
	shrink(c);
	pthread_mutex_unlock(&c->lock);
}

struct lru_stats
chunkcache_stats(struct chunkcache *c)
{
	struct cache_slot *s;
	struct lru_stats out;

	pthread_mutex_lock(&c->lock);
	out = c->stats;
	out.n_bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed);
	if ((s = c->hand) != NULL)
		do
			out.hits += atomic_load_explicit(&s->hits, memory_order_relaxed);
		while ((s = s->next) != c->hand);
	pthread_mutex_unlock(&c->lock);
	return out;
}
