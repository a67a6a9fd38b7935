/* SPDX-License-Identifier: ISC */
/*
 * agg: rows of spans into groups. A table is made from what a query asks for (struct grouping),
 * takes spans in any order, and finishes as rows of cells, sorted and cut.
 *
 *   span --slots--> values of each field --keys--> group --measures--> states --finish--> cells
 *
 * A span counts once in each group of the product of its fields' different values. Two sides: the
 * spans of the range asked for, and (versus) those of the earlier one, whose buckets are moved by
 * the distance. With per/trace a row is a trace: its spans are kept until the side ends.
 *
 * Not thread-safe; tables of one plan merge.
 */
#ifndef AGG_AGG_H
#define AGG_AGG_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/quota.h"
#include "model/aggregate.h"
#include "model/batch.h"
#include "model/when.h"

struct agg_options {
	const struct grouping *groups;	/* borrowed while the table lives */
	struct bucket_step step;	/* of groups->step; auto is decided */
	/* The range asked for; an open end is that of the first or last span. */
	struct time_range range;
	bool open_begin, open_end;
	uint64_t shift;			/* versus: how much earlier the other side is */
	uint64_t slice_ns;		/* agg_table_sliced: in place of buckets; 0: none */
	size_t memory;			/* bytes; passing it: ERR_NOMEM, "[query] memory" named */
	struct quota *quota;		/* that it shares with others, "[query] total_memory"; or NULL */
	uint64_t keep;			/* only so many of the first rows are wanted, and no fill; 0: all */
	/* Where groups go that `memory` has no room for (base/spillfile.h); NULL: nowhere. Borrowed. */
	const char *spill_dir;
	uint64_t spill_max;
	size_t spill_from;		/* bytes of groups, from which they go; 0: when memory is short */
	/* Passing it doesn't make percentiles and counts of different values approximate. */
	bool exact;
	/* One span may make millions of groups, and the end sorts them: looked at on the way. */
	uint64_t deadline_mono_ns;	/* 0: none; passing it: ERR_TIMEOUT */
	const atomic_bool *cancel;	/* ERR_CANCELLED; or NULL */
	/* Percentiles of large groups are found by so many threads at the end; NULL: by the caller's. */
	struct pool *pool;
	unsigned threads;
};

enum agg_side { SIDE_NOW, SIDE_BEFORE };

struct agg_table;

int agg_table_new(const struct agg_options *, struct agg_table **, struct err *) WARN_UNUSED;
/* An empty one with the same options, to be merged into it. */
int agg_table_like(const struct agg_table *, struct agg_table **, struct err *) WARN_UNUSED;
/*
 * The same whose groups stay in memory, for what may turn out to be no good: what of the other's goes to
 * the file they share, and is in the answer though the table is freed and not merged.
 */
int agg_table_apart(const struct agg_table *, struct agg_table **, struct err *) WARN_UNUSED;
/*
 * The same whose spans are kept apart by slices of so many ns of their starts, whole ones from 1970
 * on, wherever buckets begin: so that groups of a shorter range can be had of it. Of a length for which
 * agg_can_slice says that each slice lies in one bucket; one of 1 ns is as good as the spans.
 */
bool agg_can_slice(const struct agg_table *, uint64_t ns);
/* How long its buckets are; 0: there are none, or of months or weeks. */
uint64_t agg_step_ns(const struct agg_table *);
int agg_table_sliced(const struct agg_table *, uint64_t ns, struct agg_table **, struct err *)
    WARN_UNUSED;
/* Bytes that count against its budget. */
size_t agg_memory_used(const struct agg_table *);
void agg_table_free(struct agg_table *);
/* The fields that its spans need to have: keys and measures, start and status; in the table. */
const struct field *agg_fields(const struct agg_table *, size_t *n);
int agg_add(struct agg_table *, enum agg_side, const struct span_row *, size_t n,
    struct err *) WARN_UNUSED;
/* Takes over what `from` has of the same options; `from` is to be freed. */
int agg_merge(struct agg_table *, struct agg_table *from, struct err *) WARN_UNUSED;
/*
 * The same of a sliced one with spans of one side: its slices that begin in the range, whole. Again for
 * other slices, unless it borrows (agg/agg_bytes.h): what it borrows of is the table's then.
 */
int agg_merge_slices(struct agg_table *, struct agg_table *from, struct time_range, struct err *)
    WARN_UNUSED;
/* No more spans; having, fill, sort. ERR_TOOBIG if fill makes too many rows. */
int agg_finish(struct agg_table *, struct err *) WARN_UNUSED;
/*
 * After that: rows, and their cells from row `from` on, row by row; valid until the next call. In turn
 * they are had quickly; of rows in a file going back begins anew.
 * ERR_TIMEOUT, ERR_CANCELLED: whoever shows them takes long.
 */
size_t agg_n_rows(const struct agg_table *);
int agg_cells(struct agg_table *, size_t from, size_t n, struct group_cell *, struct err *) WARN_UNUSED;
/* A step of showing them: at times a look at the deadline and at cancel. */
int agg_check(struct agg_table *, struct err *) WARN_UNUSED;
/* ERR_NOMEM if whoever shows them holds more bytes than the table leaves of its budget. */
int agg_reader_holds(struct agg_table *, size_t bytes, struct err *) WARN_UNUSED;
/* What the cells are. */
int agg_columns(struct agg_table *, struct group_column **, size_t *n, struct err *) WARN_UNUSED;
size_t agg_n_groups(const struct agg_table *);
/* How often two rows were compared, to be put in order. */
uint64_t agg_n_compared(const struct agg_table *);
/* Where costs are asked for: spans (of the range itself) that have tokens, and no price. */
uint64_t agg_n_unpriced(const struct agg_table *);
/* False: memory was short, and some are from a sketch (within 1 %) or HyperLogLog (2 %). */
bool agg_is_exact(const struct agg_table *);
/* Bytes that it and those that are alike put into a file. */
uint64_t agg_spilled_bytes(const struct agg_table *);
/* Its groups are of spans one by one, or of parts that add up, and here: agg_save (agg_bytes.h) takes them. */
bool agg_can_save(const struct agg_table *);
/* True if it has aggregates that may be approximate. */
bool agg_can_shrink(const struct grouping *);

#define AGG_MAX_FILLED 1000000	/* rows, with those that fill makes */

#endif
