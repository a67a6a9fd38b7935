/* SPDX-License-Identifier: ISC */
/*
 * contrast_parts: a comparison put together from what shards gave before: the contrast of each shard that
 * lies in the range whole is kept (parts/part_store.h). Not where a trace as a whole is asked about.
 */
#ifndef PARTS_CONTRAST_PARTS_H
#define PARTS_CONTRAST_PARTS_H

#include "agg/contrast.h"
#include "parts/part_store.h"

struct contrast_parts_ask {
	const struct part_store *store;
	const struct plan *plan;
	const struct pred *filter, *compared;	/* the query's: what the plan's mean */
	uint64_t settings;		/* of those that its answer depends on, a hash */
	struct contrast *table;
	double least_cost;		/* estimated, of a shard whose contrast is worth keeping */
};

struct contrast_parts_host {
	int (*run)(void *arg, const struct plan *, struct contrast *, struct err *);
	void *arg;
};

/* All into the table. */
int contrast_parts_run(const struct contrast_parts_ask *, const struct contrast_parts_host *,
    struct parts_told *, struct err *) WARN_UNUSED;

#endif
