/* SPDX-License-Identifier: ISC */
/*
 * group_parts: groups put together from what shards gave before. A shard never changes, so the groups
 * of its spans that pass a filter are kept (parts/part_store.h) and merged the next time that they are
 * asked for, in whatever range; only what is new is read. Of a shard that lies in the range:
 *
 *   whole   all its groups
 *   body    of one that the range cuts: all of them, by slices of time (agg_table_sliced), of which
 *           those that the range holds whole are taken
 *   fringe  of the slice that the cut is in: each span by its own instant, so that a range that moves
 *           on reads nothing of that slice again. Its neighbours are made with it, since they are in the
 *           same row groups; and where a range moves with the clock, the next one is made ahead
 *
 * Not for groups of traces, nor for what a trace as a whole says of its spans.
 */
#ifndef PARTS_GROUP_PARTS_H
#define PARTS_GROUP_PARTS_H

#include "agg/agg.h"
#include "exec/exec.h"
#include "parts/part_store.h"

struct group_parts_ask {
	const struct part_store *store;
	const struct plan *plan;
	const struct pred *filter;	/* the query's: what the plan's means */
	uint64_t settings;		/* hash of what of them the groups depend on */
	struct agg_table *table;	/* of these groups */
	enum agg_side side;		/* that the plan's spans go to */
	double least_cost;		/* estimated, of a shard whose groups are worth keeping */
	uint64_t slice_spans;		/* about so many of an hour are in a slice at most */
	bool moves;			/* the range does, with the clock */
	size_t memory;			/* bytes that groups may take until they are merged */
};

struct group_parts_host {
	/* Runs a plan, its spans into the table, but for those that go to the parts (may be NULL). */
	int (*run)(void *arg, const struct plan *, const struct exec_parts *, struct err *);
	void *arg;
};

/* All groups into the table. */
int group_parts_run(const struct group_parts_ask *, const struct group_parts_host *,
    struct parts_told *, struct err *) WARN_UNUSED;
/* Of how many shards nothing would be read, of how many of which something may be kept. */
int group_parts_count(const struct group_parts_ask *, size_t *there, size_t *of, struct err *)
    WARN_UNUSED;

#endif
