/* SPDX-License-Identifier: ISC */
/*
 * gdsf: what goes first when there is too much: GreedyDual-Size with Frequency (Cherkasova, 1998).
 * An item's worth is what it saves for each byte that it takes, times how often it is asked for,
 * above a floor that rises to the worth of whatever was given up last; so what is not asked for
 * any more sinks. What was asked for but once raises the floor less: a crawl, or one large export,
 * goes before what many ask for. How often is counted of what is not kept, too (freq.h): who
 * comes back is known.
 *
 * Items are their owner's, and are of one set at most. Not thread-safe.
 */
#ifndef CACHE_GDSF_H
#define CACHE_GDSF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "cache/freq.h"

/* So many that were asked for but once make the others as old as one that was asked for more often. */
#define GDSF_CRAWL 64

struct gdsf_item {
	uint64_t hash;		/* of its key */
	uint64_t bytes;		/* that it takes */
	uint64_t cost_ns;	/* that making it took */
	/* gdsf's own. */
	double worth;
	size_t place;		/* in the heap, counted from 1; 0: it is in none */
};

/* All zero: empty. */
struct gdsf {
	VEC(struct gdsf_item *) heap;
	double floor;
	uint64_t bytes;		/* of all */
	struct freq freq;
};

void gdsf_release(struct gdsf *);
/* Room for n items: then gdsf_add of so many can't fail. False: out of memory. */
bool gdsf_reserve(struct gdsf *, size_t n);
/* The key was asked for. */
void gdsf_ask(struct gdsf *, uint64_t hash);
void gdsf_add(struct gdsf *, struct gdsf_item *);
void gdsf_remove(struct gdsf *, struct gdsf_item *);
/* It takes so many bytes now, and took so long. */
void gdsf_update(struct gdsf *, struct gdsf_item *, uint64_t bytes, uint64_t cost_ns);
/* The one of least worth, taken out; NULL: there is none. */
struct gdsf_item *gdsf_evict(struct gdsf *);

#endif
