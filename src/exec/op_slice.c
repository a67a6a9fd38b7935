/* SPDX-License-Identifier: ISC */
/*
 * op_slice: the time of a query, cut into slices from the newest back, so that a result in the
 * default order streams: a slice is scanned, sorted and handed out before the next is touched.
 *
 * A slice reaches as far back as its load allows: the rows that may match, and a share of
 * those that must be looked at, both as the plan and the catalog tell. It ends where a
 * partition does, since a partition's shards hold no other times, unless that takes off more
 * than half. The first slice is small, for a reader that waits or leaves early; each later one
 * may hold twice as many, up to what memory allows. Where a limit ends the query, a slice need
 * not hold many more matches than are wanted; op_newest then counts them.
 */
#include "exec_i.h"
#include "model/when.h"

#define FIRST_LOAD 65536
#define LOOK_SHARE 16		/* a row looked at weighs so much less than one that matches */
#define LEAST_ROWS 65536
#define MOST_ROWS (8u << 20)
#define MOST_MATCHES 262144	/* whose refs take 8 MiB, and sorted twice that */
#define SPARE_MATCHES 2		/* times the rows wanted: estimates err */
#define BISECTIONS 40

/* The newest start at or before `last` that a shard may have. */
static bool
newest_start(const struct exec *ex, uint64_t first, uint64_t last, uint64_t *out)
{
	bool any = false;

	for (size_t i = 0; i < ex->local->n_shards; i++) {
		const struct xshard *xs = &ex->local->shards[i];
		uint64_t t = xs->entry->max_start < last ? xs->entry->max_start : last;

		if (!xshard_in(xs, (struct slice){ first, last }))
			continue;
		if (!any || t > *out)
			*out = t;
		any = true;
	}
	return any;
}

/* The earliest start or end of a partition in [t, last]; false if there is none. */
static bool
boundary_after(const struct exec *ex, uint64_t t, uint64_t last, uint64_t *out)
{
	bool any = false;

	*out = last;
	for (size_t i = 0; i < ex->local->n_shards; i++) {
		uint64_t p = ex->local->shards[i].entry->partition;

		if (p == PARTITION_OUTSIDE || p >= UINT64_MAX - NS_PER_HOUR)
			continue;
		if (p < t)
			p += NS_PER_HOUR;
		if (p >= t && p <= last && (!any || p < *out)) {
			*out = p;
			any = true;
		}
	}
	return any;
}

/* The latest start or end of a partition that is at or before t; 0 if none. */
static uint64_t
boundary_before(const struct exec *ex, uint64_t t)
{
	uint64_t best = 0;

	for (size_t i = 0; i < ex->local->n_shards; i++) {
		uint64_t p = ex->local->shards[i].entry->partition;

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

struct load {
	double rows, matches;
};

/* The part of a shard's time that lies in [first, last], as a number of instants. */
static double
overlap(const struct shard_entry *x, uint64_t first, uint64_t last)
{
	uint64_t from = x->min_start > first ? x->min_start : first;
	uint64_t to = x->max_start < last ? x->max_start : last;

	return from > to ? 0 : (double)(to - from) + 1;
}

/* Taking each shard's rows to be spread evenly over its time. */
static struct load
load_of(const struct exec *ex, struct slice s)
{
	uint64_t from = ex->plan->filter.range.from, last = exec_last(ex->plan);
	struct load l = { 0, 0 };

	for (size_t i = 0; i < ex->local->n_shards; i++) {
		const struct xshard *xs = &ex->local->shards[i];
		double in, rows, matches;

		if (!xshard_in(xs, s))
			continue;
		in = overlap(xs->entry, s.first, s.last);
		rows = (double)xs->entry->n_rows * in /
		    overlap(xs->entry, xs->entry->min_start, xs->entry->max_start);
		/* The estimate is of the rows in the range. */
		matches = xs->plan->est_rows * in / overlap(xs->entry, from, last);
		l.rows += rows;
		if (matches > rows || ex->plan->filter.pred->kind == PRED_TRUE)
			matches = rows;
		l.matches += matches;
	}
	return l;
}

static double
most_rows(const struct exec *ex)
{
	double by_memory = (double)ex->env.memory / 8 / (double)sizeof(struct ref);

	if (ex->env.memory == 0 || by_memory > MOST_ROWS)
		return MOST_ROWS;
	return by_memory < LEAST_ROWS ? LEAST_ROWS : by_memory;
}

/*
 * How many matches a slice may hold: what is wanted and some more, if there is a limit. Larger
 * slices than of some hours save nothing, but their refs are all there at once.
 */
static double
most_matches(const struct exec *ex)
{
	uint64_t wanted = exec_wanted(ex);

	double most;

	if (!ex->plan->scan.early_stop || wanted == UINT64_MAX)
		return MOST_MATCHES;
	most = (double)wanted * SPARE_MATCHES * ex->local->slices.grow;
	return most < MOST_MATCHES ? most : MOST_MATCHES;
}

static bool
fits(const struct exec *ex, struct slice s)
{
	struct load l = load_of(ex, s);

	return l.rows <= most_rows(ex) && l.matches <= most_matches(ex) &&
	    l.matches + l.rows / LOOK_SHARE <= ex->local->slices.load;
}

/* The earliest first instant, about, with which the slice fits; at worst the last. */
static uint64_t
reach_back(const struct exec *ex, uint64_t from, uint64_t last)
{
	uint64_t no = from, yes = last, at;

	if (fits(ex, (struct slice){ from, last }))
		return from;
	for (int i = 0; i < BISECTIONS && yes - no > 1; i++) {
		uint64_t mid = no + (yes - no) / 2;

		if (fits(ex, (struct slice){ mid, last }))
			yes = mid;
		else
			no = mid;
	}
	if (boundary_after(ex, yes, last, &at) && last - at >= (last - yes) / 2)
		return at;
	return yes;
}

bool
slice_partition(const struct exec *ex, struct slice *s)
{
	uint64_t from = ex->plan->filter.range.from;

	if (ex->local->slices.done || !newest_start(ex, from, ex->local->slices.last, &s->last))
		return false;
	s->first = boundary_before(ex, s->last);
	s->first = s->first < from ? from : s->first;
	return true;
}

void
slice_leave_out(struct exec *ex, struct slice s)
{
	ex->local->slices.done = s.first == 0 || s.first <= ex->plan->filter.range.from;
	ex->local->slices.last = s.first - 1;
}

int
slice_next(struct exec *ex, struct slice *out, struct err *e)
{
	uint64_t from = ex->plan->filter.range.from;
	struct slice s;
	int rc;

	if (ex->local->slices.done || !newest_start(ex, from, ex->local->slices.last, &s.last)) {
		ex->local->slices.done = true;
		return 1;
	}
	if (ex->local->slices.load == 0) {
		ex->local->slices.load = FIRST_LOAD;
		ex->local->slices.grow = 1;
	}
	/* Without pushdown every row is read again for every slice of its shard. */
	if (ex->plan->filter.pushdown)
		s.first = reach_back(ex, from, s.last);
	else if ((s.first = boundary_before(ex, s.last)) < from)
		s.first = from;
	if (ex->plan->filter.pushdown && ex->plan->scan.early_stop &&
	    exec_wanted(ex) != UINT64_MAX &&
	    (rc = slice_newest(ex, &s, load_of(ex, s).matches, e)) < 0)
		return rc;
	ex->local->slices.load *= 2;
	ex->local->slices.grow *= 2;
	slice_leave_out(ex, s);
	*out = s;
	return 0;
}
