/* SPDX-License-Identifier: ISC */
/*
 * map: hash map from bytes to a 64-bit value, open addressing, keys copied. The hash is
 * XXH3 with a per-process random seed, so chosen keys can't make it slow. Not thread-safe.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/arena.h"

struct map_slot {
	const char *key;
	uint32_t len, hash;
	uint64_t val;
};

struct map {
	struct map_slot *slots;	/* key == NULL: free */
	size_t n, cap;		/* cap is a power of two */
	struct arena keys;
};

void map_init(struct map *);
void map_release(struct map *);
/* The value's place, or NULL if absent. Valid until the next map_put. */
uint64_t *map_get(const struct map *, struct sv key);
/*
 * The value's place, made (as 0) if absent; *fresh tells. NULL when out of memory.
 * Valid until the next map_put.
 */
uint64_t *map_put(struct map *, struct sv key, bool *fresh);
/* for (size_t i = 0; (s = map_next(m, &i)) != NULL; ) visits every slot once, in no order. */
const struct map_slot *map_next(const struct map *, size_t *i);

#endif
