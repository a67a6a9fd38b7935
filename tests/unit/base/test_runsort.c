/* SPDX-License-Identifier: ISC */
/* Unit tests of runsort: as qsort_r orders, whatever comes; and ends when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/runsort.h"

struct thing {
	uint32_t key, no;
	uint32_t more[3];
};

static unsigned asked, most;	/* looks; how many until it is over */

static int
by_key(const void *pa, const void *pb, void *arg)
{
	const struct thing *a = pa, *b = pb;
	uint32_t mask = *(const uint32_t *)arg;
	uint32_t x = a->key & mask, y = b->key & mask;

	return x != y ? (x > y) - (x < y) : (a->no > b->no) - (a->no < b->no);
}

static bool
over(void *arg)
{
	assert_null(arg);
	return ++asked > most;
}

enum shape { MIXED, UP, DOWN, FEW };

static struct thing *
things(size_t n, enum shape shape)
{
	struct thing *v = calloc(n + 1, sizeof *v);
	uint32_t x = 1;

	assert_non_null(v);
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		v[i].no = (uint32_t)i;
		v[i].key = shape == MIXED ? x >> 4 : shape == UP ? (uint32_t)i :
		    shape == DOWN ? (uint32_t)(n - i) : x >> 30;
		v[i].more[2] = v[i].key ^ v[i].no;
	}
	return v;
}

static void
same_as_qsort(size_t n, enum shape shape)
{
	uint32_t mask = UINT32_MAX;
	struct runsort s = { sizeof(struct thing), by_key, &mask, over, NULL };
	struct thing *a = things(n, shape), *b = things(n, shape), *tmp = calloc(n + 1, sizeof *tmp);

	assert_non_null(tmp);
	asked = 0;
	most = UINT32_MAX;
	assert_true(runsort(&s, a, n > RUNSORT_RUN ? tmp : NULL, n));
	qsort_r(b, n, sizeof *b, by_key, &mask);
	assert_memory_equal(a, b, n * sizeof *a + 1);
	/* At least once a run but for the first. */
	assert_true(n == 0 || asked >= (n - 1) / RUNSORT_RUN);
	free(a);
	free(b);
	free(tmp);
}

static void
orders_as_qsort_does(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 1000, RUNSORT_RUN - 1, RUNSORT_RUN, RUNSORT_RUN + 1,
		2 * RUNSORT_RUN, 3 * RUNSORT_RUN, 3 * RUNSORT_RUN + 7, 5 * RUNSORT_RUN - 1,
		8 * RUNSORT_RUN + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (enum shape shape = MIXED; shape <= FEW; shape++)
			same_as_qsort(sizes[i], shape);
}

static void
ends_when_it_is_over(void **state)
{
	size_t n = 6 * RUNSORT_RUN;
	uint32_t mask = UINT32_MAX;
	struct runsort s = { sizeof(struct thing), by_key, &mask, over, NULL };
	struct thing *tmp = calloc(n, sizeof *tmp);

	(void)state;
	assert_non_null(tmp);
	/* In the runs, at their end, and in each of the merges. */
	for (most = 0;; most++) {
		struct thing *v = things(n, MIXED);
		bool ended;

		asked = 0;
		ended = runsort(&s, v, tmp, n);
		assert_true(ended || asked == most + 1);
		free(v);
		if (ended)
			break;
	}
	assert_true(most > 5 + 3 * 5);
	free(tmp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_as_qsort_does),
		cmocka_unit_test(ends_when_it_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
