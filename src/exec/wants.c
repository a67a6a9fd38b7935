/* SPDX-License-Identifier: ISC */
/* wants: rows to be fetched, in the order in which they lie. */
#include "base/radix.h"
#include "exec_i.h"

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)
#define RUN 8			/* rows that are put in order one by one */
#define RADIX_LEAST 512		/* rows from which sorting by digits is shorter */

static uint64_t
want_key(const struct want *w)
{
	return (uint64_t)w->shard << 32 | w->row;
}

static void
sort_run(struct want *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct want x = v[i];
		size_t at = i;

		for (; at > 0 && want_key(&v[at - 1]) > want_key(&x); at--)
			v[at] = v[at - 1];
		v[at] = x;
	}
}

/* Two runs beside each other, [0, m) and [m, n), become one. */
static void
merge_runs(const struct want *v, size_t m, size_t n, struct want *to)
{
	size_t i = 0, j = m;

	for (size_t k = 0; k < n; k++)
		to[k] = j == n || (i < m && want_key(&v[i]) <= want_key(&v[j])) ? v[i++] : v[j++];
}

/* Of few: a call for each comparison would take longer than the rest. */
static struct want *
sort_few(struct want *v, struct want *tmp, size_t n)
{
	for (size_t i = 0; i < n; i += RUN)
		sort_run(v + i, n - i < RUN ? n - i : RUN);
	for (size_t run = RUN; run < n; run *= 2) {
		struct want *x = v;

		for (size_t i = 0; i < n; i += 2 * run)
			merge_runs(v + i, n - i < run ? n - i : run, n - i < 2 * run ? n - i :
			    2 * run, tmp + i);
		v = tmp;
		tmp = x;
	}
	return v;
}

/* As many digits as the keys differ in. */
struct want *
wants_sort(struct want *v, struct want *tmp, size_t n)
{
	uint64_t differ = 0;
	bool rising = true;

	for (size_t i = 1; i < n; i++) {
		differ |= want_key(&v[i]) ^ want_key(&v[0]);
		rising &= want_key(&v[i]) >= want_key(&v[i - 1]);
	}
	if (rising)
		return v;
	if (n < RADIX_LEAST)
		return sort_few(v, tmp, n);
	for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
		struct want *x = v;

		if ((differ >> shift & (DIGITS - 1)) == 0)
			continue;
		RADIX_PASS(DIGIT_BITS, v, tmp, n, i, want_key(&v[i]) >> shift);
		v = tmp;
		tmp = x;
	}
	return v;
}
