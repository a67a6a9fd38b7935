/* SPDX-License-Identifier: ISC */
/*
 * slabs: blocks of one size, that many use in turn. Those given back are kept for the next, a few of
 * them, so that a use touches no page that the system has to clear first. Thread-safe.
 */
#ifndef BASE_SLABS_H
#define BASE_SLABS_H

#include <pthread.h>

#include "base/err.h"
#include "base/quota.h"

#define SLABS_KEPT 4

struct slabs {
	pthread_mutex_t lock;	/* a leaf; guards what follows */
	size_t bytes;		/* of one */
	struct quota *quota;	/* of which those in use take; or NULL */
	void *kept[SLABS_KEPT];
	size_t n_kept, n_used;
	uint64_t n_fresh, n_again;	/* given out so far: asked of the system, used before */
};

void slabs_init(struct slabs *, size_t bytes, struct quota *);
void slabs_release(struct slabs *);	/* none is in use */
/* NULL: the quota has no room, or there is no memory. */
void *slabs_get(struct slabs *);
void slabs_put(struct slabs *, void *);	/* NULL is allowed */
/* Those kept go. */
void slabs_give_back(struct slabs *);

struct slabs_counts {
	size_t kept, used;
	uint64_t fresh, again;
};
struct slabs_counts slabs_counted(struct slabs *);

#endif
