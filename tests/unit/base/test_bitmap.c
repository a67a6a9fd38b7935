/* SPDX-License-Identifier: ISC */
/* bitmap: ranges, ranks, lists and logic against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bitmap.h"

#define N 333

static void
agrees_with_an_array(void **state)
{
	uint64_t a[BITMAP_WORDS(N)], b[BITMAP_WORDS(N)];
	bool x[N];
	uint32_t list[N];
	size_t n = 0, k = 0;

	(void)state;
	for (size_t from = 0; from < N; from += 29)
		for (size_t to = from; to <= N; to += 31) {
			bitmap_zero(a, N);
			bitmap_set_range(a, from, to);
			for (size_t i = 0; i < N; i++)
				assert_int_equal(bitmap_get(a, i), i >= from && i < to);
			assert_int_equal(bitmap_count(a, N), to - from);
			assert_int_equal(bitmap_rank(a, (from + to) / 2), (from + to) / 2 - from);
		}
	bitmap_zero(a, N);
	for (size_t i = 0; i < N; i++) {
		x[i] = i * i % 7 < 3;
		if (x[i])
			bitmap_set(a, i);
		n += x[i];
	}
	assert_int_equal(bitmap_list(a, N, 1000, list), n);
	BITMAP_EACH(a, N, i) {
		assert_true(x[i]);
		assert_int_equal(list[k++], 1000 + i);
	}
	assert_int_equal(k, n);
	bitmap_fill(b, N);
	bitmap_andnot(b, a, N);
	bitmap_not(b, N);
	assert_memory_equal(a, b, sizeof a);
	bitmap_not(b, N);
	bitmap_or(b, a, N);
	assert_int_equal(bitmap_count(b, N), N);
	bitmap_and(b, a, N);
	assert_memory_equal(a, b, sizeof a);
	bitmap_clear(a, list[0] - 1000);
	assert_int_equal(bitmap_count(a, N), n - 1);
	bitmap_zero(a, N);
	assert_false(bitmap_any(a, N));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
