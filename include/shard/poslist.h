/* SPDX-License-Identifier: ISC */
/*
 * poslist: the lists inside of indexes: of each of n keys the rising numbers below a limit
 * (rows of a value, values of a trigram) that it occurs in. Layout: shard_format.h, "lists".
 * A key's numbers are packed with those of the others, or a Roaring set of their own where
 * that takes less.
 */
#ifndef SHARD_POSLIST_H
#define SHARD_POSLIST_H

#include "base/vec.h"
#include "shard/enc.h"

struct poslist {
	uint32_t n, limit, n_sets;
	struct pack ends, vals;
	const uint8_t *dir, *sets;	/* of sets: 16 bytes each; their bytes */
	size_t n_bytes;			/* whole, padded */
};

/*
 * Borrows p, 8-aligned; *out can then be read unchecked. may_any: keys without numbers are
 * allowed: they may occur anywhere. ERR_CORRUPT with err->off within the bytes.
 */
int poslist_open(struct poslist *out, const uint8_t *p, size_t n_bytes, uint32_t limit,
    bool may_any, struct err *) WARN_UNUSED;
/* How many numbers a key has; 0: it may occur anywhere. */
uint32_t poslist_count(const struct poslist *, uint32_t key);
/* Sets bit v - from for each of the key's numbers in [from, to). */
void poslist_or(const struct poslist *, uint32_t key, uint32_t from, uint32_t to,
    uint64_t *words);
/* All of them, rising; returns how many. */
uint32_t poslist_list(const struct poslist *, uint32_t key, uint32_t *out);

/* The first of rising numbers in a pack that is not less than v; p->n if there is none. */
uint32_t pack_lower(const struct pack *, uint64_t v);

/*
 * Appends lists: those of key i are v[ends[i - 1], ends[i]), strictly rising. Lists of more
 * than `any_above` numbers are left out: their key may occur anywhere. tmp has room for the
 * numbers of keys and of values, v has none.
 */
void poslist_put(struct buf *, const uint32_t *ends, uint32_t n, const uint32_t *v,
    uint32_t limit, uint32_t any_above, uint64_t *tmp);

#endif
