/* SPDX-License-Identifier: ISC */
/*
 * ch_windows: rows by time, a window after the other, newest first. Each is as long as the ones before
 * let expect about WINDOW_ROWS of, or where all are wanted as many as take a share of the query's memory,
 * since a table is not ordered by time alone: each window reads most of the marks of its days. Where few
 * rows are expected in all there is one; where the first ones had few, all the rest is: what is more than
 * expected goes to the spill file.
 */
#include "ch_source_i.h"

#define WINDOW_ROWS 20000
#define LIMIT_TIMES 4			/* so many rows for each that is wanted are looked at first */
#define LEAST_WINDOW 1000
#define ONE_WINDOW 50000		/* expected spans, at most, of which all are asked for at once */
#define ONE_LIMITED 500000		/* the same, of which a limit lets few come */
#define FIRST_WINDOW_NS 60000000000ull
#define GROWTH 4
#define FEW 64			/* one in so many of the rows that are wanted */
#define MEMORY_SHARE 4			/* one in so many bytes of the query's are a window's */
#define MOST_ROWS 1000000

static uint64_t
sum_or_most(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Expected rows, as if all spans of the table were as far apart as others. */
static double
rows_between(const struct ch_span_times *t, uint64_t from, uint64_t to)
{
	double all = (double)(t->last_ns - t->first_ns) + 1;

	from = from > t->first_ns ? from : t->first_ns;
	to = to < t->last_ns ? to : t->last_ns;
	return from > to ? 0 : (double)t->rows * ((double)(to - from) + 1) / all;
}

static uint64_t
first_length(const struct ch_state *st, const struct ch_span_times *t)
{
	uint64_t want = st->q.limit;
	double ns;

	if (!t->any || t->rows == 0)
		return FIRST_WINDOW_NS;
	if (rows_between(t, st->rest.first, st->rest.last) <= (want == UINT64_MAX ? ONE_WINDOW :
	    ONE_LIMITED))
		return UINT64_MAX;
	want = want > WINDOW_ROWS / LIMIT_TIMES ? WINDOW_ROWS : want * LIMIT_TIMES + LEAST_WINDOW;
	ns = ((double)(t->last_ns - t->first_ns) + 1) * (double)want / (double)t->rows;
	return ns < 1e18 ? (uint64_t)ns + 1 : UINT64_MAX;
}

/* The first one has the newest spans, and all that came since one looked. */
static int
windows_begin(struct source *s, struct ch_state *st, struct err *e)
{
	struct ch_span_times t;
	int rc = ch_server_times(st->server, TIMES_AGE_NS, s->env->cancel, s->env->deadline_mono_ns,
	    &t, e);

	if (rc < 0)
		return rc;
	st->begun = true;
	st->first_ns = t.any ? t.first_ns : UINT64_MAX;
	st->length = first_length(st, &t);
	/* Of the first one alone: those that follow are of a time that has spans. */
	st->ahead = t.any && t.last_ns < st->rest.last && t.last_ns >= st->rest.first ?
	    st->rest.last - t.last_ns : 0;
	return 0;
}

/* Rows of the next window, if they are as wide as the last ones; of a small limit few are wanted. */
static double
rows_wanted(const struct source *s, const struct ch_state *st)
{
	double most = (double)s->env->memory / MEMORY_SHARE;

	if (st->q.limit <= WINDOW_ROWS || s->env->memory == 0 || st->window_rows == 0)
		return WINDOW_ROWS;
	most = most / ((double)st->window_bytes / (double)st->window_rows + 1);
	return most < 1 ? 1 : most > MOST_ROWS ? MOST_ROWS : most;
}

static void
next_length(const struct source *s, struct ch_state *st)
{
	double want = rows_wanted(s, st), rows = (double)st->window_rows, length, times;

	if (st->q.limit <= WINDOW_ROWS && rows >= want / GROWTH && rows <= want * GROWTH)
		return;
	/* All are wanted, and they seem few: each window more would read marks of its days again. */
	if (st->q.limit == UINT64_MAX && rows * FEW < want) {
		st->length = UINT64_MAX;
		return;
	}
	times = rows == 0 ? GROWTH * GROWTH : want / rows;
	/* Of few rows much the most are expected to be elsewhere, so many at once are not too many. */
	if (times > GROWTH)
		times = times / GROWTH > GROWTH ? times / GROWTH : GROWTH;
	length = (double)st->length * times;
	st->length = length < 1e18 ? (uint64_t)length + 1 : UINT64_MAX;
}

int
ch_window_next(struct source *s, struct slice *out, struct err *e)
{
	struct ch_state *st = s->state;
	uint64_t length;
	int rc;

	if (!st->begun) {
		st->rest = *out;
		if ((rc = windows_begin(s, st, e)) < 0)
			return rc;
	} else {
		next_length(s, st);
	}
	length = sum_or_most(st->length, st->ahead);
	st->ahead = 0;
	*out = st->rest;
	/* What is before the first span, if anything came there, goes along with the last window. */
	if (st->rest.last - st->rest.first >= length && st->rest.last - length > st->first_ns) {
		out->first = st->rest.last - length + 1;
		st->rest.last = out->first - 1;
	} else {
		st->scanned = true;
	}
	return 0;
}
