/* SPDX-License-Identifier: ISC */
/*
 * decisiontable: what a cache of decisions holds. Templates are in a chained hash table; each has up
 * to VARIANTS decisions, the last used first. All decisions are in a heap by worth:
 *
 *   worth = floor + times used * time it took to decide / bytes
 *
 * When there is no room the least worth goes, and its worth is the new floor: what is used
 * now counts above what was used long ago (GreedyDual with size and frequency). A hit moves
 * its entry in the heap: O(log n).
 *
 * Entries are refcounted. All is called with the lock held, but entry_unref.
 */
#ifndef DECISIONS_DECISIONTABLE_I_H
#define DECISIONS_DECISIONTABLE_I_H

#include <pthread.h>

#include "base/vec.h"
#include "decisions/decisioncache.h"

#define VARIANTS 8
#define BUCKETS 1024

struct kept {
	atomic_uint refs;
	struct decision *decision;
	/* Under the lock: */
	struct template *of;		/* NULL: no longer in the cache */
	uint64_t id, made_mono_ns, used_mono_ns, n_used, decide_ns;
	uint64_t cost_version;
	double worth;
	size_t at;			/* in the heap */
};

struct template {
	struct template *next;		/* of its bucket */
	uint64_t hash;
	struct buf key, text;
	struct kept *v[VARIANTS];
	size_t n;
	bool deciding;			/* a thread does */
	unsigned waiting;
};

struct decisioncache {
	pthread_mutex_t lock;		/* guards all */
	pthread_cond_t decided;
	struct decisioncache_limits limits;
	struct template *buckets[BUCKETS];
	VEC(struct kept *) heap;	/* the least worth first */
	double floor;
	uint64_t next_id, epoch;	/* epoch: of drops */
	struct decisioncache_stats stats;
};

struct template *template_find(struct decisioncache *, struct sv key, uint64_t hash);
/* NULL: no memory. */
struct template *template_add(struct decisioncache *, struct sv key, uint64_t hash);
/* Goes if nobody needs it. */
void template_tidy(struct decisioncache *, struct template *);

/* First of its template's, and into the heap, in which there is room. */
void entry_add(struct decisioncache *, struct template *, struct kept *);
/* It was used: to the front of its template's, if it is still there. */
void entry_used(struct decisioncache *, struct kept *);
/* Out of the cache; its template stays. */
void entry_remove(struct decisioncache *, struct kept *);
void entry_unref(struct kept *);
size_t entry_bytes(const struct kept *);
/* What is worth the least goes until the rest is within the limits. */
void make_room(struct decisioncache *);

#endif
