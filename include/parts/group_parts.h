/* SPDX-License-Identifier: ISC */
/*
 * group_parts: groups put together from what shards gave before. A shard never changes, so the
 * groups of all its spans that pass a filter are kept (cache/partcache.h) and merged the next time
 * that they are asked for, in whatever range: only shards that a range cuts, and new ones, are
 * read. Not for groups of traces, nor for what a trace as a whole says of its spans.
 *
 *   begin   merges what there is into the table, and takes those shards out of the plan
 *   run     gp->plan, with env.parts = &gp->parts
 *   end     keeps the groups of each shard that was read, and merges them
 */
#ifndef PARTS_GROUP_PARTS_H
#define PARTS_GROUP_PARTS_H

#include "agg/agg.h"
#include "cache/partcache.h"
#include "catalog/catalog.h"
#include "exec/exec.h"
#include "plan/plan.h"

struct group_parts_ask {
	struct partcache *cache;
	const struct plan *plan;
	const struct pred *filter;	/* the query's: what the plan's means */
	const struct snapshot *snap;
	uint64_t settings;		/* hash of what of them the groups depend on */
	struct agg_table *table;	/* of these groups */
	enum agg_side side;		/* that the plan's spans go to */
	double least_cost;		/* estimated, of a shard whose groups are worth keeping */
	size_t memory;			/* bytes that groups may take until they are merged */
};

struct group_parts {
	struct plan plan;		/* what is left to be run; borrows from the asker's */
	struct exec_parts parts;
	uint64_t n_kept, n_rows_kept;	/* shards whose groups were there, and their rows */
	/* Its own. */
	struct group_parts_ask ask;
	struct plan_shard *shards;
	struct hash128 *keys;		/* of plan.scan.shards, where they are wanted */
	bool *wanted;
	struct agg_table **made;	/* alike */
	size_t held;			/* bytes of these */
};

/* *out is NULL, and 0, where nothing may be kept or it is not worth while. */
int group_parts_begin(const struct group_parts_ask *, struct group_parts **out, struct err *)
    WARN_UNUSED;
/* Of how many shards groups would be there, of how many that are worth it. */
int group_parts_count(const struct group_parts_ask *, size_t *there, size_t *of, struct err *)
    WARN_UNUSED;
/* The run has ended well, and took so long. */
int group_parts_end(struct group_parts *, uint64_t run_ns, struct err *) WARN_UNUSED;
void group_parts_free(struct group_parts *);

#endif
