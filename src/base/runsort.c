/* SPDX-License-Identifier: ISC */
/*
 * runsort: see base/runsort.h. Runs are sorted by qsort_r, then merged two by two from one buffer to
 * the other. Runs that follow each other already are copied as a whole, and if all do, that is all.
 */
#include "base/runsort.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LOOK 16384		/* elements merged between two looks */

struct merging {
	const struct runsort *s;
	size_t since;			/* elements since the last look */
};

static bool
is_over(struct merging *m, size_t n)
{
	if ((m->since += n) < LOOK)
		return false;
	m->since = 0;
	return m->s->over(m->s->over_arg);
}

/* [a, b) and [b, end), each in order, to `to`. False: it is over. */
static bool
merge(struct merging *m, const char *a, const char *b, const char *end, char *to)
{
	const struct runsort *s = m->s;
	const char *mid = b;

	if (b != end && s->cmp(b - s->size, b, s->arg) > 0) {
		while (a != mid && b != end) {
			const char **least = s->cmp(a, b, s->arg) <= 0 ? &a : &b;

			memcpy(to, *least, s->size);
			*least += s->size;
			to += s->size;
			if (is_over(m, 1))
				return false;
		}
	}
	memcpy(to, a, (size_t)(mid - a));
	memcpy(to + (mid - a), b, (size_t)(end - b));
	return !is_over(m, (size_t)(mid - a + (end - b)) / s->size);
}

/* All pairs of runs of so many bytes. */
static bool
merge_all(struct merging *m, const char *v, char *to, size_t bytes, size_t run)
{
	for (size_t at = 0; at < bytes;) {
		size_t mid = bytes - at > run ? at + run : bytes;
		size_t end = bytes - mid > run ? mid + run : bytes;

		if (!merge(m, v + at, v + mid, v + end, to + at))
			return false;
		at = end;
	}
	return true;
}

static bool
all_follow(const struct runsort *s, const char *v, size_t n)
{
	for (size_t at = RUNSORT_RUN; at < n; at += RUNSORT_RUN)
		if (s->cmp(v + (at - 1) * s->size, v + at * s->size, s->arg) > 0)
			return false;
	return true;
}

bool
runsort(const struct runsort *s, void *v, void *tmp, size_t n)
{
	struct merging m = { s, 0 };
	size_t bytes = n * s->size;
	char *from = v, *to = tmp;

	for (size_t at = 0; at < n; at += RUNSORT_RUN) {
		size_t k = n - at < RUNSORT_RUN ? n - at : RUNSORT_RUN;

		if (at != 0 && s->over(s->over_arg))
			return false;
		qsort_r(from + at * s->size, k, s->size, s->cmp, s->arg);
	}
	if (all_follow(s, from, n))
		return true;
	for (size_t run = RUNSORT_RUN * s->size; run < bytes; run *= 2) {
		char *was = from;

		if (!merge_all(&m, from, to, bytes, run))
			return false;
		from = to;
		to = was;
	}
	if (from != v)
		memcpy(v, from, bytes);
	return true;
}
