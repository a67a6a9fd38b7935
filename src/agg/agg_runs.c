/* SPDX-License-Identifier: ISC */
/*
 * agg_runs: where the sorted runs end that many numbers consist of: what was kept is sorted (agg_save), so
 * of numbers that are put together of it a rank is found by halving the range of values, and counting
 * in each run how many are below: nothing is moved, or looked at twice.
 */
#include <stdlib.h>

#include "agg_i.h"
#include "base/search.h"

#define RUNS_LEAST 1024		/* of fewer numbers a rank is found as quickly by itself */

struct runs {
	size_t n, cap;
	size_t end[];
};

size_t
runs_bytes(const struct runs *r)
{
	return r == NULL ? 0 : sizeof *r + r->cap * sizeof r->end[0];
}

void
runs_drop(struct agg_memory *m, struct quantile *q)
{
	m->used -= runs_bytes(q->runs);
	free(q->runs);
	q->runs = NULL;
}

static size_t
count(const struct quantile *q)
{
	return q->n_ints + q->n_doubles;
}

/* All of them, put together, are integers, or all are doubles. */
static bool
one_kind(const struct quantile *q, const struct quantile *from)
{
	return q->n_ints + from->n_ints == 0 || q->n_doubles + from->n_doubles == 0;
}

static bool
in_runs(const struct quantile *q)
{
	return count(q) == 0 || q->sorted || q->runs != NULL;
}

bool
runs_may(const struct quantile *q, const struct quantile *from)
{
	return one_kind(q, from) && count(q) + count(from) >= RUNS_LEAST && in_runs(q) &&
	    (in_runs(from) || count(q) >= RUNS_LEAST);
}

/* False: there is no memory, and so no runs. */
static bool
push(struct agg_memory *m, struct quantile *q, size_t end)
{
	struct runs *r = q->runs, *more;
	size_t cap = r == NULL ? 8 : r->cap * 2, bytes;

	if (r == NULL || r->n == r->cap) {
		bytes = sizeof *r + cap * sizeof r->end[0];
		if (agg_take(m, bytes - runs_bytes(r), NULL) < 0)
			return false;
		if ((more = realloc(r, bytes)) == NULL) {
			m->used -= bytes - runs_bytes(r);
			return false;
		}
		more->n = r == NULL ? 0 : more->n;
		more->cap = cap;
		q->runs = r = more;
	}
	r->end[r->n++] = end;
	return true;
}

void
runs_append(struct agg_memory *m, struct quantile *q, size_t before, const struct quantile *from)
{
	bool all = true;

	if (q->runs == NULL && before != 0)
		all = push(m, q, before);
	for (size_t i = 0; all && from->runs != NULL && i < from->runs->n; i++)
		all = push(m, q, before + from->runs->end[i]);
	if (all && from->runs == NULL && count(from) != 0)
		all = push(m, q, before + count(from));
	if (!all)
		runs_drop(m, q);
}

/* How many of v[from, to), which rise, are at most x. */
static size_t
at_most(const uint64_t *v, size_t from, size_t to, uint64_t x)
{
	size_t first = from;

	LOWER_BOUND(from, to, i, v[i] <= x);
	return from - first;
}

static size_t
all_at_most(const uint64_t *v, const struct runs *r, uint64_t x)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += at_most(v, i == 0 ? 0 : r->end[i - 1], r->end[i], x);
	return n;
}

uint64_t
runs_select(const uint64_t *v, const struct runs *r, size_t rank)
{
	uint64_t lo = UINT64_MAX, hi = 0;

	for (size_t i = 0; i < r->n; i++) {
		uint64_t least = v[i == 0 ? 0 : r->end[i - 1]], most = v[r->end[i] - 1];

		lo = least < lo ? least : lo;
		hi = most > hi ? most : hi;
	}
	/* The least value with more than `rank` at or below it. */
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (all_at_most(v, r, mid) > rank)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}
