/* SPDX-License-Identifier: ISC */
/*
 * assembly: a whole trace, as it is put together of its spans: op_traces.c brings those of shards,
 * give.c those that a source of whole rows has. assembly_end makes the entry.
 */
#ifndef EXEC_ASSEMBLY_H
#define EXEC_ASSEMBLY_H

#include "exec_i.h"

/* A span of the trace; where a shard's table has the sums, only what may be the root. */
struct member {
	uint64_t start, over, id, parent;	/* parent: of a table's, only whether there is one */
	uint32_t shard, row, name;	/* name: code in the shard's dictionary */
	bool has_id;			/* else it is read when it decides */
	struct sv service;		/* of the shard's footer, or the span's */
	const struct span *span;	/* that it is, or NULL: of a shard */
};

struct assembly {
	struct exec *ex;
	struct trace_id id;
	VEC(struct member) rows;
	VEC(struct sv) services;	/* unsorted, with doubles */
	uint64_t first_ns, last_ns, n_spans, n_errors;
	bool partial;			/* not every span is a member */
	bool tree;			/* depths, parents and the like are asked for */
	struct err *e;
};

/* A row's value of a column, 0 if it has none. */
static inline uint64_t
assembly_value(const struct chunk *c, uint32_t row)
{
	return c != NULL && chunk_present(c, row) ? chunk_u64_at(c, chunk_rank(c, row)) : 0;
}

void assembly_begin(struct assembly *, struct exec *, struct trace_id, struct err *);
/* The bounds and numbers of some of its spans. */
void assembly_sum(struct assembly *, uint64_t first, uint64_t last, uint64_t n, uint64_t n_errors);
/* One more that is row `row` of a part of the source. */
int assembly_add(struct assembly *, const struct span *, uint32_t part, uint32_t row) WARN_UNUSED;
/* One block of memory of so many bytes, to be freed. */
int assembly_end(struct assembly *, struct trace_entry **, size_t *bytes) WARN_UNUSED;
void assembly_release(struct assembly *);

#endif
