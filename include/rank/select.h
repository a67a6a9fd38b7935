/* SPDX-License-Identifier: ISC */
/* select: the number at a rank of many packed runs and of sorted numbers beside them. */
#ifndef RANK_SELECT_H
#define RANK_SELECT_H

#include "rank/packed.h"

/* Borrowed. */
struct ranking {
	const struct packed_run *runs;
	size_t n_runs;
	const uint64_t *v;	/* sorted */
	size_t n;
	uint64_t *n_decoded;	/* goes up by as many as are decoded */
};

/* Which stands at `rank`, below their number, in the order of all. */
uint64_t ranking_select(const struct ranking *, size_t rank);

#endif
