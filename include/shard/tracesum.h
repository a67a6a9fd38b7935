/* SPDX-License-Identifier: ISC */
/*
 * tracesum: what a shard knows of each of its traces without a look at their rows: when its
 * spans there begin and end, how many are errors, and which one leads: the root, of several
 * the earliest, without one the earliest span. Read into the chunk cache, validated once and
 * pinned from get to put; whoever holds one also holds the shard. Only spans of this shard
 * count: a trace may have more of them in others.
 *
 * Of spans that start at the same time the lower span id leads, then the lesser name, then
 * the lesser service.
 */
#ifndef SHARD_TRACESUM_H
#define SHARD_TRACESUM_H

#include "shard/chunk.h"

struct tracesum;

struct trace_part {
	uint64_t first_ns, last_ns;	/* earliest start, latest end */
	uint64_t lead_ns;		/* start of the leading span */
	uint32_t n_spans, n_errors;
	uint32_t lead_row;		/* of the shard */
	uint32_t lead_name;		/* code in COL_NAME's dictionary */
	bool has_root;			/* the leading span has no parent */
};

/* NULL in *out, and 0 returned, if the shard was written without. */
int tracesum_get(struct shard *, const struct tracerows *, const struct tracesum **,
    struct err *) WARN_UNUSED;
void tracesum_put(const struct tracesum *);	/* NULL is allowed */
/* The tracerows are the same shard's. */
void tracesum_at(const struct tracesum *, const struct tracerows *, uint32_t ordinal,
    struct trace_part *);
/* Does the shard have one? Costs no read. */
bool tracesum_there(const struct shard *);

#endif
