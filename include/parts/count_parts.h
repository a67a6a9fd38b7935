/* SPDX-License-Identifier: ISC */
/*
 * count_parts: a count put together from those that shards gave before: of each shard that lies in the
 * range whole, how many of its spans pass a filter is kept (parts/part_store.h). Not under a limit, which
 * ends a count early, nor where a trace as a whole is asked about.
 */
#ifndef PARTS_COUNT_PARTS_H
#define PARTS_COUNT_PARTS_H

#include <stdatomic.h>

#include "parts/part_store.h"

struct count_parts_ask {
	const struct part_store *store;
	const struct plan *plan;
	const struct pred *filter;	/* the query's: what the plan's means */
	uint64_t settings;		/* of those that its answer depends on, a hash */
	double least_cost;		/* estimated, of a shard whose count is worth keeping */
};

struct count_parts_host {
	/* Runs a plan without a page: how many spans pass in all, and (counts) of each of its shards. */
	int (*run)(void *arg, const struct plan *, atomic_ullong *counts, uint64_t *n, struct err *);
	void *arg;
};

/* Of how many shards counts would be there, of how many that are worth it (0: run the plan as it is). */
int count_parts_count(const struct count_parts_ask *, size_t *there, size_t *of, struct err *)
    WARN_UNUSED;
/* How many spans pass in all; the plan's offset is not taken off. */
int count_parts_run(const struct count_parts_ask *, const struct count_parts_host *,
    struct parts_told *, uint64_t *n, struct err *) WARN_UNUSED;

#endif
