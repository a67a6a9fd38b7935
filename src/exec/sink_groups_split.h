/* SPDX-License-Identifier: ISC */
/*
 * sink_groups_split.h: the spans of all traces that have some in several shards, as sink_groups_split.c
 * has them.
 */
#ifndef EXEC_SINK_GROUPS_SPLIT_H
#define EXEC_SINK_GROUPS_SPLIT_H

#include "base/map.h"
#include "sink_groups_i.h"

struct split_node {
	uint64_t id, parent_id;
	uint64_t start, over;
	uint32_t trace, shard, row;	/* shard: of the snapshot */
	uint32_t parent;		/* a node, or GATHER_NOBODY */
};

/* Those of one shard. */
struct split_shard {
	uint32_t *rows, n;		/* rising */
	uint32_t *node;			/* of each row */
	uint32_t *ordinals, n_ordinals;	/* of its split traces, rising */
	uint32_t *no;			/* their numbers */
	struct trace_part *parts;	/* alike */
	/* By row, until the nodes are there. */
	uint32_t *trace;		/* place in the ordinals */
	uint64_t *id, *how, *parent_id, *start, *duration;
	struct profile prof;
	struct err err;
	int code;
};

/* What is known of a trace, so far. */
struct summed {
	struct gather_facts f;
	uint64_t first, last;		/* the earliest start; when the last span is over */
	uint64_t id;			/* of the span that leads it */
	bool has_root;
};

struct split_traces {
	struct exec *ex;
	bool places;
	atomic_bool poor;		/* no memory for all of them */
	struct split_shard *shards;
	size_t n_shards;
	atomic_size_t held;
	struct split_node *nodes;	/* by trace */
	struct gather_place *place;	/* of each, if places are asked for */
	uint32_t *first;		/* of each trace: its first node; one more at the end */
	uint8_t *twins;			/* alike */
	struct gather_facts *facts;
	uint32_t n_nodes, n_traces;
	VEC(struct sv) texts;
	struct map numbers, codes;	/* of trace ids; of texts */
	VEC(struct summed) sums;
};

/* ---- sink_groups_split_read.c ---- */

/* A task of pool_each: shard i of the split_traces, by columns. */
void split_read(void *split_traces, size_t i);
/* The place of the first of its rows that is not before `row`. */
uint32_t split_place(const struct split_shard *, uint32_t row);

#endif
