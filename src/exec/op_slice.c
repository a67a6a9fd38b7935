/* SPDX-License-Identifier: ISC */
/*
 * op_slice: the time of a query, cut into slices from the newest back, so that a result in the
 * default order streams: a slice is scanned, sorted and handed out before the next is touched.
 *
 * Slices end where partitions do, since a partition's shards hold no other times; what lies
 * between partitions (only shards of `outside` have spans there) is one slice. A slice that
 * is likely to hold more rows than wanted is halved until it doesn't. The first ones are
 * small, for a reader that waits or leaves early; each later one may hold twice as many, up
 * to what memory allows.
 */
#include "exec_i.h"
#include "model/when.h"

#define FIRST_ROWS 65536
#define LEAST_ROWS 65536
#define MOST_ROWS (8u << 20)

/* A shard that the query reads, with rows in [first, last]. */
static bool
touches(const struct xshard *xs, uint64_t first, uint64_t last)
{
	return xs->plan->access != ACCESS_PRUNED && xs->entry->n_rows != 0 &&
	    xs->entry->min_start <= last && xs->entry->max_start >= first;
}

/* The newest start at or before `last` that a shard may have. */
static bool
newest_start(const struct exec *ex, uint64_t first, uint64_t last, uint64_t *out)
{
	bool any = false;

	for (size_t i = 0; i < ex->n_shards; i++) {
		const struct xshard *xs = &ex->shards[i];
		uint64_t t = xs->entry->max_start < last ? xs->entry->max_start : last;

		if (!touches(xs, first, last))
			continue;
		if (!any || t > *out)
			*out = t;
		any = true;
	}
	return any;
}

/* The latest start or end of a partition that is at or before t; 0 if none. */
static uint64_t
boundary_before(const struct exec *ex, uint64_t t)
{
	uint64_t best = 0;

	for (size_t i = 0; i < ex->n_shards; i++) {
		uint64_t p = ex->shards[i].entry->partition;

		if (p == PARTITION_OUTSIDE)
			continue;
		if (p <= t && p > best)
			best = p;
		if (p < UINT64_MAX - NS_PER_HOUR && p + NS_PER_HOUR <= t &&
		    p + NS_PER_HOUR > best)
			best = p + NS_PER_HOUR;
	}
	return best;
}

/* Rows before the filter, taking each shard's to be spread evenly over its time. */
static double
rows_about(const struct exec *ex, struct slice s)
{
	double sum = 0;

	for (size_t i = 0; i < ex->n_shards; i++) {
		const struct shard_entry *x = ex->shards[i].entry;
		uint64_t from, to;

		if (!touches(&ex->shards[i], s.first, s.last))
			continue;
		from = x->min_start > s.first ? x->min_start : s.first;
		to = x->max_start < s.last ? x->max_start : s.last;
		sum += (double)x->n_rows * ((double)(to - from) + 1) /
		    ((double)(x->max_start - x->min_start) + 1);
	}
	return sum;
}

static double
most_rows(const struct exec *ex)
{
	double by_memory = (double)ex->env.memory / 8 / (double)sizeof(struct ref);

	if (ex->env.memory == 0 || by_memory > MOST_ROWS)
		return MOST_ROWS;
	return by_memory < LEAST_ROWS ? LEAST_ROWS : by_memory;
}

bool
slice_next(struct exec *ex, struct slice *out)
{
	uint64_t from = ex->plan->range.from;
	struct slice s;

	if (ex->slices_done || !newest_start(ex, from, ex->next_last, &s.last)) {
		ex->slices_done = true;
		return false;
	}
	s.first = boundary_before(ex, s.last);
	if (s.first < from)
		s.first = from;
	if (ex->slice_rows == 0)
		ex->slice_rows = FIRST_ROWS;
	/* Without pushdown every row is read again for every slice of its shard. */
	while (ex->plan->pushdown && s.first < s.last && rows_about(ex, s) > ex->slice_rows)
		s.first += (s.last - s.first) / 2 + 1;
	ex->slice_rows *= 2;
	if (ex->slice_rows > most_rows(ex))
		ex->slice_rows = most_rows(ex);
	ex->slices_done = s.first == 0 || s.first <= from;
	ex->next_last = s.first - 1;
	*out = s;
	return true;
}
