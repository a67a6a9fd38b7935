/* SPDX-License-Identifier: ISC */
/*
 * shard_stats: what SECTION_STATS says of a shard beyond its footer (layout: shard_format.h):
 * of each column a histogram, a sketch of its distinct values and samples of its texts; and
 * cells: of the spans of one service and one name how many, how long, and which values their
 * columns have. For estimates alone: no answer depends on it. Read, checked, used, and let go;
 * nothing of it stays in memory.
 */
#ifndef SHARD_SHARD_STATS_H
#define SHARD_SHARD_STATS_H

#include "base/arena.h"
#include "shard/shard.h"

#define STATS_CELLS 1024		/* most cells of a shard; with more names: one a service */
#define STATS_BYTES_MAX (4u << 20)	/* of the section, raw; nothing is written beyond */
#define STATS_CELL_TOP 4
#define STATS_BUCKETS 32		/* of a histogram, [statistics] histogram_buckets */
#define STATS_BUCKETS_MAX 256
#define STATS_SAMPLES 16
#define STATS_TAIL_BYTES 448		/* of a cut top value that are kept beyond the cut */
#define CELL_BUCKETS STATS_LOG_BUCKETS	/* stats_bucket() */

struct cell_column {
	uint32_t cell;
	uint64_t n_present, n_distinct;
	bool has_range;
	uint64_t min, max;
	struct top_value top[STATS_CELL_TOP];
	uint64_t top_hash[STATS_CELL_TOP];
	unsigned n_top;
};

struct column_more {
	uint32_t width;			/* average bytes of a value */
	const uint64_t *bounds;		/* rising; equally many values between any two */
	size_t n_bounds;
	const uint8_t *hll;		/* base/hll.h; NULL: the top values are all there are */
	const uint64_t *top_hash;	/* of the column's top values, whole */
	const struct sv *top_text;	/* the same with more of those that are cut */
	const struct sv *samples;	/* texts from all over the column, cut */
	size_t n_samples;
	const struct cell_column *cells;
	size_t n_cells;
};

struct shard_cell {
	struct sv service, name;
	bool all;			/* of every name */
	uint64_t n_rows, n_errors;
	struct cell_bucket {
		unsigned bucket;
		uint64_t n_rows;
	} *hist[N_STATS_HIST];
	size_t n_hist[N_STATS_HIST];
};

struct shard_more {
	const struct shard_cell *cells;
	size_t n_cells;
	const struct column_more *columns;	/* as in shard_info() */
};

/* NULL in *out, and 0, for a shard without it. In the arena, borrowing also from the shard. */
int shard_more_read(struct shard *, struct arena *, const struct shard_more **, struct err *)
    WARN_UNUSED;

#endif
