/* SPDX-License-Identifier: ISC */
/* part_key: what the kinds of parts share: which shards are worth it. */
#ifndef PARTS_PART_KEY_H
#define PARTS_PART_KEY_H

#include "catalog/catalog.h"
#include "plan/plan.h"

/* What a span costs that is put together or goes into groups, roughly, beside finding it. */
#define PART_ROW_COST 0.01

static inline double
part_cost(const struct plan_shard *s)
{
	return s->access == ACCESS_PRUNED ? 0 : s->est_cost + s->est_rows * PART_ROW_COST;
}

/* All its spans lie in the range. */
static inline bool
part_is_whole(const struct shard_entry *s, struct time_range r)
{
	return s->min_start >= r.from && (s->max_start < r.to || r.to == WHEN_MAX);
}

#endif
