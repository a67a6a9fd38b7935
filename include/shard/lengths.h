/* SPDX-License-Identifier: ISC */
/*
 * lengths: how long the line of each row in spans.jsonl is, without a look at the row. Of one row
 * group, read into the chunk cache, validated once and pinned from get to put; whoever holds
 * one also holds the shard.
 */
#ifndef SHARD_LENGTHS_H
#define SHARD_LENGTHS_H

#include "shard/shard.h"

struct lengths;

/* Does the shard have them? Costs no read. */
bool lengths_made(const struct shard *);
/* NULL in *out, and 0 returned, if the shard was written without. */
int lengths_get(struct shard *, uint32_t row_group, const struct lengths **, struct err *)
    WARN_UNUSED;
void lengths_put(const struct lengths *);	/* NULL is allowed */
/*
 * Which version of the line they are of (render/span_line.h). Of another one than the reader's own
 * they are not true.
 */
unsigned lengths_version(const struct lengths *);
/* Of a row, counted from the row group's first; 0: not told. */
uint32_t lengths_at(const struct lengths *, uint32_t row);
/* Of all rows together; false: of one at least it is not told. */
bool lengths_all(const struct lengths *, uint64_t *);

/*
 * The same added up, so that of whole services no length is looked at: once in a shard, alike
 * validated, pinned and of a version.
 */
struct line_totals;

/* NULL in *out, and 0 returned, if the shard was written without. */
int line_totals_get(struct shard *, const struct line_totals **, struct err *) WARN_UNUSED;
void line_totals_put(const struct line_totals *);	/* NULL is allowed */
unsigned line_totals_version(const struct line_totals *);
/* Of all rows of a service, by its place in the footer; 0: not told. */
uint64_t line_totals_at(const struct line_totals *, size_t service);

#endif
