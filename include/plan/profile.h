/* SPDX-License-Identifier: ISC */
/* profile: what running a plan took, counted and timed: exec fills it in, watch adds it up. */
#ifndef PLAN_PROFILE_H
#define PLAN_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct profile {
	uint64_t shards_opened, row_groups_visited, row_groups_pruned, blocks_pruned;
	uint64_t chunks_read, chunks_cached, read_bytes, unpacked_bytes, decoded_bytes;
	uint64_t rows_scanned;		/* rows looked at: what access and range left, filter or none */
	uint64_t index_lists, text_lists;	/* conditions answered by indexes, per shard; by a text index */
	uint64_t index_rows;		/* rows that these named */
	uint64_t values_tested;		/* values of chunks that conditions looked at, numbers and codes; */
	uint64_t texts_tested;		/* and those that are texts themselves */
	uint64_t rows_counted;		/* rows that indexes named, and that were only counted; of many some */
	uint64_t rows_matched;		/* rows that passed */
	uint64_t rows_fetched;		/* rows put together */
	uint64_t rows_returned;		/* output rows */
	uint64_t traces_assembled;
	uint64_t shards_kept;		/* of which groups or rows were there from before: not read */
	uint64_t parts_kept, parts_shared;	/* such parts; of these, made by other programs */
	uint64_t numbers_decoded;	/* of percentiles, of what was kept */
	uint64_t spilled_bytes;		/* groups, rows of them, and a server's spans, that went to a file */
	/* Of a server: questions, and rows and bytes that it read for them, as it says. */
	uint64_t remote_queries, remote_rows, remote_bytes;
	uint64_t plan_ns, scan_ns, sort_ns, fetch_ns;	/* by stage; plan_ns is the engine's */
	bool complete;
};

/* Adds what another run took; `complete` is that one's. */
static inline void
profile_sum(struct profile *p, const struct profile *q)
{
	uint64_t *into = (uint64_t *)(void *)p;
	const uint64_t *from = (const uint64_t *)(const void *)q;

	for (size_t i = 0; i < offsetof(struct profile, complete) / sizeof *into; i++)
		into[i] += from[i];
	p->complete = q->complete;
}

#endif
