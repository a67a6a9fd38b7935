/* SPDX-License-Identifier: ISC */
/*
 * part_store: where parts of answers are kept: in memory (cache/partcache.h), and perhaps where other
 * programs find them, too. Two levels, asked in this order, the second for all that the first lacks at
 * once. A key says all that a part's bytes depend on; in memory it names shards, and outside of it their
 * bytes, too, so that a copy of the store never answers for another one.
 */
#ifndef PARTS_PART_STORE_H
#define PARTS_PART_STORE_H

#include "base/buf.h"
#include "cache/partcache.h"
#include "catalog/catalog.h"
#include "plan/plan.h"

struct part_sharing {
	/* found[i]: bytes of keys[i] were appended to outs[i]. */
	void (*get)(void *arg, const struct hash128 *keys, size_t n, struct buf *outs, bool *found);
	/* Takes the bytes. */
	void (*put)(void *arg, struct hash128 key, struct buf *bytes);
	void *arg;
};

struct part_store {
	struct partcache *cache;
	const struct snapshot *snap;
	struct part_sharing sharing;	/* all NULL: with nobody */
};

/* A part that is wanted. */
struct part_slot {
	struct hash128 key;
	const struct plan_shard *shards;	/* that it is of */
	size_t n_shards;
	struct cached_part *part;	/* a reference; NULL: it is not there */
	bool shared;			/* others made it */
};

/* How much came of what. */
struct parts_told {
	uint64_t shards;		/* of which nothing was read */
	uint64_t parts, shared;		/* all that were there; of these, by others */
};

int part_store_find(const struct part_store *, struct part_slot *, size_t n, struct err *) WARN_UNUSED;
void part_slots_release(struct part_slot *, size_t n);
/* Making it took so long. False: it is not kept, at least not in memory. */
bool part_store_keep(const struct part_store *, const struct part_slot *, struct sv bytes,
    uint64_t cost_ns);

#endif
