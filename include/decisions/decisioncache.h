/* SPDX-License-Identifier: ISC */
/*
 * decisioncache: decisions of the optimizer by template (opt/decision.h), remembered: an
 * optimization that was done once is not done again for other values. A template may have a
 * few decisions, for values that select little and values that select much. At most one
 * thread decides for a template at a time; the others wait for it, a little.
 *
 * A decision is used as long as cost settings are those it was made under, and not beyond its
 * ttl; whether it holds for the query at hand is for opt to say. (Shards with other
 * indexes are other classes, of which it says nothing.)
 * What is used seldom, long ago or was quickly decided goes first when there is no room.
 */
#ifndef DECISIONS_DECISIONCACHE_H
#define DECISIONS_DECISIONCACHE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "opt/decision.h"

struct decisioncache;

struct decisioncache_limits {
	size_t max_entries, max_bytes;
	uint64_t ttl_ns;
};

/* A query to be planned. */
struct decision_call {
	struct sv key;			/* template_key */
	uint64_t cost_version;
	uint64_t deadline_mono_ns;	/* 0: none */
	const atomic_bool *cancel;	/* NULL: nobody does */
	/* Plans by one of n > 0 decisions and says which; above 0, an enum decision_miss: by none. */
	int (*by)(void *arg, const struct decision *const *v, size_t n, size_t *which,
	    struct err *);
	/* Plans anew; *d (the cache's from then on) NULL: not to be kept. */
	int (*anew)(void *arg, struct decision **d, struct err *);
	/* The template in words. */
	void (*describe)(void *arg, struct buf *);
	void *arg;
};

/* KEPT: nothing was decided, since the plan of the same path was there whole. */
enum decision_how { DECISION_OFF, DECISION_COMPUTED, DECISION_HIT, DECISION_KEPT };

/* What came of it. */
struct decision_use {
	enum decision_how how;
	uint64_t id;		/* 0: computed and not kept */
	uint64_t age_ns, n_used;	/* of a hit: since it was made; used before this */
};

/* Sums since the cache was made. */
struct decisioncache_stats {
	uint64_t hits, misses, computed;	/* a miss is computed, or planned by what it waited for */
	uint64_t not_kept;			/* computed, with nothing worth keeping */
	uint64_t invalid_cost, invalid_ttl;	/* found too old */
	uint64_t missed_shape, missed_selectivity, missed_class;	/* found not to hold */
	uint64_t evicted, dropped, waits, waits_given_up;
	uint64_t taken_over;			/* from the program before: decisioncache_decode */
	uint64_t computed_ns, hit_ns;		/* time of all, to the plan */
	double computed_cost;			/* estimated, of what was decided */
	size_t n_entries, n_templates, n_bytes;	/* now */
};

int decisioncache_new(const struct decisioncache_limits *, struct decisioncache **,
    struct err *) WARN_UNUSED;
void decisioncache_free(struct decisioncache *);	/* nobody may be in it */
/* Entries beyond the new limits go. */
void decisioncache_limit(struct decisioncache *, const struct decisioncache_limits *);
/* Forgets all; what is being decided meanwhile is not kept. */
void decisioncache_drop(struct decisioncache *);

/*
 * Plans by a remembered decision, or anew. Thread-safe; calls back with no lock held. Waits
 * for another thread that decides for the template, but no longer than the deadline, a
 * cancel, or DECISION_WAIT_NS: then it plans on its own. Fails as the callbacks do; running out
 * of memory for keeping is no failure.
 */
int decisioncache_plan(struct decisioncache *, const struct decision_call *,
    struct decision_use *, struct err *) WARN_UNUSED;
#define DECISION_WAIT_NS 20000000ull

/* ---- for the next program: decisions_file.c ---- */

/* Appends what was decided under these costs and is not beyond its ttl. */
void decisioncache_encode(struct decisioncache *, uint64_t cost_version, struct buf *);
/*
 * Takes over what decisioncache_encode wrote, as decided under these costs; `older_ns` have
 * passed since. What has been decided meanwhile stays. ERR_CORRUPT: nothing was taken over.
 */
int decisioncache_decode(struct decisioncache *, struct sv, uint64_t cost_version,
    uint64_t older_ns, struct err *) WARN_UNUSED;

struct decisioncache_stats decisioncache_stats(struct decisioncache *);
/* For .spanfs/decisions: totals, then one line a decision, the most used first. */
void decisioncache_print(struct decisioncache *, struct buf *);

#endif
