/* SPDX-License-Identifier: ISC */
/*
 * cachelist: what caches hold, for people: a line with the totals of each level, then what is kept
 * of results, the most valuable first: what making one takes, by how often it was asked for, for
 * each byte.
 */
#ifndef WATCH_CACHELIST_H
#define WATCH_CACHELIST_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/vec.h"

struct cache_level {
	const char *name;	/* "l1" */
	const char *what;	/* it holds: "results" */
	uint64_t n, bytes, max_bytes;
	uint64_t hits, misses;	/* since the program started */
};

/* The share of what was asked for that was there; 0 if nothing was. */
double cache_level_ratio(const struct cache_level *);
void cache_level_print(struct buf *, const struct cache_level *);

struct cache_line {
	const char *level;
	uint64_t hits, bytes, cost_ns, age_ns;
	unsigned asked;		/* about how often lately */
	struct hash128 version;	/* zero: it has none */
	size_t path, path_n;	/* in the list's texts */
};

/* All zero: empty. */
struct cachelist {
	VEC(struct cache_line) v;
	struct buf paths;
	bool oom;
};

void cachelist_add(struct cachelist *, const struct cache_line *, struct sv path);
/* A header, and a line for each. */
void cachelist_print(struct cachelist *, struct buf *);
void cachelist_release(struct cachelist *);

#endif
