/* SPDX-License-Identifier: ISC */
/*
 * chunkcache: each section of an open shard has a slot; filled slots form three rings. What is read is
 * on trial first, in a small ring that is left in the order of coming: most of it, all that a scan
 * of much data comes by, is not asked for a second time. What is, by another reader while it is
 * on trial or by anybody not too long after, is kept: in a ring that a clock hand goes round,
 * which passes over a slot used since its last visit, and empties one that is unpinned and unused.
 *
 * "Not too long" is by bytes: of what comes back after more than the cache has room for was read, none
 * would be there if all were kept, nor will be the next time. So whoever reads all of a large store
 * again and again takes no more of the cache than who does it once. What is pinned when its time on
 * trial is over, as filters for planning are for long, waits in a third ring.
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
/*
 * The room of what is on trial: a tenth of all, but no less than the chunks of the few row groups
 * that are at work, since a scan comes back to each of them until it is done with the row group.
 */
#define TRIAL_SHARE 10
#define TRIAL_LEAST ((size_t)16 << 20)
#define HELD_LOOKS 2		/* each time that something is read */
#define CLOCK_UNIT 4096		/* bytes; 32 bits of it go round after 16 TiB */

_Thread_local uint32_t cache_reader;

struct ring {
	struct cache_slot *hand;	/* the first to go; NULL: empty */
	size_t n;
};

struct chunkcache {
	pthread_mutex_t lock;
	struct ring rings[N_CACHE_RINGS];
	_Atomic size_t bytes, max_bytes;
	_Atomic size_t ring_bytes[N_CACHE_RINGS];	/* of them */
	size_t most_bytes;		/* what max_bytes may grow to */
	uint64_t read_bytes;		/* filled so far: the clock of what is given up */
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
	for (int i = 0; i < N_CACHE_RINGS; i++)
		atomic_init(&c->ring_bytes[i], 0);
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

/* The last to go. */
static void
ring_add(struct chunkcache *c, struct cache_slot *s, enum cache_ring to)
{
	struct ring *r = &c->rings[to];

	s->ring = to;
	atomic_fetch_add_explicit(&c->ring_bytes[to], s->bytes, memory_order_relaxed);
	if (r->n++ == 0) {
		r->hand = s->prev = s->next = s;
		return;
	}
	s->next = r->hand;
	s->prev = r->hand->prev;
	s->prev->next = s;
	r->hand->prev = s;
}

static void
ring_remove(struct chunkcache *c, struct cache_slot *s)
{
	struct ring *r = &c->rings[s->ring];

	atomic_fetch_sub_explicit(&c->ring_bytes[s->ring], s->bytes, memory_order_relaxed);
	if (r->hand == s)
		r->hand = s->next;
	s->prev->next = s->next;
	s->next->prev = s->prev;
	r->n--;
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

/* Alike, for want of room. */
static bool
give_up(struct chunkcache *c, struct cache_slot *s)
{
	if (!empty(c, s))
		return false;
	s->given_up = true;
	s->given_up_at = (uint32_t)(c->read_bytes / CLOCK_UNIT);
	c->stats.evictions++;
	return true;
}

static bool
too_full(const struct chunkcache *c)
{
	return atomic_load_explicit(&c->bytes, memory_order_relaxed) >
	    atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
}

/* Where all is too full, half of it is left to what is kept, however small it is. */
static bool
trial_too_full(const struct chunkcache *c)
{
	size_t n = atomic_load_explicit(&c->ring_bytes[RING_TRIAL], memory_order_relaxed);
	size_t max = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
	size_t room = max / TRIAL_SHARE > TRIAL_LEAST ? max / TRIAL_SHARE : TRIAL_LEAST;

	return n > room || (n > max / 2 && too_full(c));
}

static void
move(struct chunkcache *c, struct cache_slot *s, enum cache_ring to)
{
	ring_remove(c, s);
	ring_add(c, s, to);
}

/* The first of a ring: what another reader asked for is kept, what is pinned held, the rest goes. */
static void
judge(struct chunkcache *c, enum cache_ring of)
{
	struct cache_slot *s = c->rings[of].hand;

	if (atomic_exchange_explicit(&s->used, false, memory_order_relaxed))
		move(c, s, RING_KEPT);
	else if (!give_up(c, s))
		move(c, s, RING_HELD);
}

/* What is held takes no room from what is on trial; whether it still is, is seen by and by. */
static void
shrink_trial(struct chunkcache *c)
{
	while (c->rings[RING_TRIAL].n != 0 && trial_too_full(c))
		judge(c, RING_TRIAL);
	for (int n = HELD_LOOKS; n > 0 && c->rings[RING_HELD].n != 0; n--)
		judge(c, RING_HELD);
}

/* At most two rounds: the first may do no more than take away `used`. */
static void
shrink_ring(struct chunkcache *c, struct ring *r)
{
	for (size_t n = 2 * r->n; n > 0 && r->n != 0 && too_full(c); n--) {
		struct cache_slot *s = r->hand;

		r->hand = s->next;
		if (!atomic_exchange_explicit(&s->used, false, memory_order_relaxed))
			(void)give_up(c, s);
	}
}

static void
shrink(struct chunkcache *c)
{
	shrink_trial(c);
	shrink_ring(c, &c->rings[RING_KEPT]);
	shrink_ring(c, &c->rings[RING_TRIAL]);
	shrink_ring(c, &c->rings[RING_HELD]);
}

void
cache_unpin(struct chunkcache *c, struct cache_slot *s)
{
	if (atomic_fetch_sub_explicit(&s->pins, 1, memory_order_release) == 1 &&
	    (too_full(c) || trial_too_full(c))) {
		pthread_mutex_lock(&c->lock);
		shrink(c);
		pthread_mutex_unlock(&c->lock);
	}
}

/* What was given up too early is back: makes room for GROWTH times that. */
static void
grow(struct chunkcache *c, size_t bytes)
{
	size_t max = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
	size_t left = max < c->most_bytes ? c->most_bytes - max : 0;

	atomic_store_explicit(&c->max_bytes, bytes < left / GROWTH ? max + bytes * GROWTH :
	    max + left, memory_order_relaxed);
}

/* Is it back while it would still be there if nothing had been given up? */
static bool
back_soon(const struct chunkcache *c, const struct cache_slot *s)
{
	uint32_t since = (uint32_t)(c->read_bytes / CLOCK_UNIT) - s->given_up_at;

	return s->given_up && since <= c->most_bytes / CLOCK_UNIT;
}

void
cache_fill(struct chunkcache *c, struct cache_slot *s, struct cached *val, size_t bytes)
{
	bool back;

	pthread_mutex_lock(&c->lock);
	if ((back = back_soon(c, s)))
		grow(c, bytes);
	s->given_up = false;
	s->val = val;
	s->bytes = bytes;
	s->reader = cache_reader;
	atomic_store_explicit(&s->used, false, memory_order_relaxed);
	/* From SLOT_EMPTY (and late pinners, who will take theirs back) to one pin. */
	atomic_fetch_sub_explicit(&s->pins, SLOT_EMPTY - 1, memory_order_release);
	ring_add(c, s, back ? RING_KEPT : RING_TRIAL);
	atomic_fetch_add_explicit(&c->bytes, bytes, memory_order_relaxed);
	c->read_bytes += bytes;
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
	for (int i = 0; i < N_CACHE_RINGS; i++) {
		struct ring *r = &c->rings[i];

		for (size_t n = r->n; n > 0; n--) {
			struct cache_slot *s = r->hand;

			r->hand = s->next;
			(void)empty(c, s);
		}
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
	struct lru_stats out;

	pthread_mutex_lock(&c->lock);
	out = c->stats;
	out.n_bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed);
	for (int i = 0; i < N_CACHE_RINGS; i++) {
		const struct cache_slot *s = c->rings[i].hand;

		for (size_t n = c->rings[i].n; n > 0; n--, s = s->next)
			out.hits += atomic_load_explicit(&s->hits, memory_order_relaxed);
	}
	pthread_mutex_unlock(&c->lock);
	return out;
}

size_t
chunkcache_kept_bytes(const struct chunkcache *c)
{
	return atomic_load_explicit(&c->ring_bytes[RING_KEPT], memory_order_relaxed);
}
