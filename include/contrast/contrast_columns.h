/* SPDX-License-Identifier: ISC */
/*
 * contrast_columns: rows of a row group into a contrast (agg/contrast.h), by the codes of their
 * columns, without putting a span together.
 *
 *   contrast_columns  column by column: spans', resources' and scopes'
 *   contrast_events   events, and rare attributes
 *   contrast_memo     what is known of a shard's values by their codes
 */
#ifndef CONTRAST_CONTRAST_COLUMNS_H
#define CONTRAST_CONTRAST_COLUMNS_H

#include "agg/contrast.h"
#include "filter/scan.h"

struct memo;

/* A thread's. */
struct contrast_local {
	struct contrast *table;		/* NULL until it is needed */
	/* The numbers of values by their codes in the columns of the shard that it was at last. */
	const struct shard *shard;
	struct memo *memos;		/* by column */
	size_t n_memos;
	/*
	 * Of one column at a time: ordinals of its values as bits (all, and of the selection), as a
	 * list, and what stands there. Kept, since a row group may have hundreds of columns.
	 */
	uint64_t *all, *selected, *values;
	uint32_t *ords;
	size_t room;
};

/* The scan's row group: the rows `all`, of which those in `selected` are the selection. */
int contrast_columns(struct contrast_local *, struct scan *, const uint64_t *all,
    const uint64_t *selected) WARN_UNUSED;
/* Drops what is known of the shard, and all room. Before the table goes. */
void contrast_local_end(struct contrast_local *);

#endif
