/* SPDX-License-Identifier: ISC */
/*
 * tracetree: how the spans of a shard hang together, by columns alone, of all its traces in one
 * pass: how deep each lies, how many children it has, and how much of its time no child covers. Only
 * spans of this shard count, and a parent that is in no row of it is nowhere: for a trace that has
 * spans in other shards, too, it tells nothing. Nor does it for one in which two spans bear one id,
 * since the shard names one parent of a span.
 *
 * A span's depth is the steps up to one without a parent; one in a circle, or below it, has none.
 */
#ifndef SHARD_TRACETREE_H
#define SHARD_TRACETREE_H

#include "shard/chunk.h"

struct tracetree {
	uint64_t *twins;		/* by ordinal: two spans bear one id; NULL: in no trace */
	/* By row; NULL unless asked for. What stands there for rows of twins is not to be used. */
	uint32_t *depth, *n_children;	/* depth: NO_DEPTH */
	uint64_t *self_ns;
};

/* The header says that no two spans of a trace bear one id. */
bool shard_ids_single(const struct shard *);
/* What tracetree_make takes at most; what it has in the end is about a half. */
size_t tracetree_bytes(const struct shard *, bool places);
/* The check is asked at times: <0 ends the work. To be freed with tracetree_free. */
int tracetree_make(struct shard *, bool places, int (*check)(void *arg, struct err *), void *arg,
    struct tracetree **, struct err *) WARN_UNUSED;
void tracetree_free(struct tracetree *);		/* NULL is allowed */

#endif
