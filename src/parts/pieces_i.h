/* SPDX-License-Identifier: ISC */
/* pieces_i: what of a plan's shards is kept, or is to be: see parts/group_parts.h. */
#ifndef PARTS_PIECES_I_H
#define PARTS_PIECES_I_H

#include "base/vec.h"
#include "parts/group_parts.h"

struct piece {
	const struct plan_shard *shard;
	uint64_t slice;			/* ns; 0: groups as they are asked for */
	struct time_range covers;	/* the spans that it is of */
	struct time_range use;		/* of a sliced one: the slices that are merged */
	struct time_range block;	/* a run that makes it makes all slices of this, each as long as */
	uint64_t length;		/* what a fringe covers */
	bool ahead;			/* nothing of it is used now */
	struct agg_table *made;		/* by a run; or NULL */
};

struct pieces {
	VEC(struct piece) v;		/* those of a shard side by side */
	VEC(struct part_slot) slots;	/* alike */
	VEC(struct plan_shard) rest;	/* shards of which nothing is kept */
};

/* All that is not pruned; to be released, after a failure too. */
int pieces_collect(struct pieces *, const struct group_parts_ask *, struct err *) WARN_UNUSED;
void pieces_release(struct pieces *);
int piece_key(const struct group_parts_ask *, const struct piece *, struct hash128 *, struct err *)
    WARN_UNUSED;
/* An empty table as the piece's is. */
int piece_table(const struct group_parts_ask *, const struct piece *, struct agg_table **,
    struct err *) WARN_UNUSED;

#endif
