/* SPDX-License-Identifier: ISC */
/* test_repeats: spans that are the one before once more are counted, wherever batches end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/repeats.h"

#define N 12

static struct span spans[N];
static struct span_row rows[N];

/* In order: 0 1 1 1 2 3 3' 3' 4 5 5 6; 3' has the ids of 3, and another name. */
static void
make(void)
{
	static const unsigned char which[N] = { 0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 6 };
	static const struct resource resource;
	static const struct scope scope;

	memset(spans, 0, sizeof spans);
	for (size_t i = 0; i < N; i++) {
		spans[i] = (struct span){ .trace_id = { 7, which[i] / 2 }, .span_id = 1u + which[i] % 2,
			.start_ns = 100, .end_ns = 200, .name = i == 6 || i == 7 ? SV("other") : SV("name"),
			.resource = &resource, .scope = &scope };
		rows[i] = (struct span_row){ .span = &spans[i] };
	}
	spans[11].start_ns = 101;
}

static void
repeats_are_counted_across_batches(void **state)
{
	(void)state;
	make();
	for (size_t a = 0; a <= N; a++)
		for (size_t b = a; b <= N; b++) {
			struct repeats r = { 0 };

			repeats_add(&r, rows, a);
			repeats_add(&r, rows + a, b - a);
			repeats_add(&r, rows + b, N - b);
			assert_int_equal(r.n, 4);
		}
}

/* What a batch had is not looked at when it is gone. */
static void
batches_may_go(void **state)
{
	struct repeats r = { 0 };

	(void)state;
	make();
	for (size_t i = 0; i < N; i++) {
		struct span one = spans[i];
		const struct span_row row = { .span = &one };

		repeats_add(&r, &row, 1);
		memset(&one, 0xa5, sizeof one);
	}
	assert_int_equal(r.n, 4);
}

static void
each_thing_of_a_span_tells_it_apart(void **state)
{
	(void)state;
	for (size_t what = 0; what < 6; what++) {
		struct repeats r = { 0 };

		make();
		spans[1] = spans[0];
		if (what == 1)
			spans[1].trace_id.lo++;
		else if (what == 2)
			spans[1].span_id++;
		else if (what == 3)
			spans[1].start_ns++;
		else if (what == 4)
			spans[1].end_ns++;
		else if (what == 5)
			spans[1].status_message = SV("x");
		repeats_add(&r, rows, 2);
		assert_int_equal(r.n, what == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats_are_counted_across_batches),
		cmocka_unit_test(batches_may_go),
		cmocka_unit_test(each_thing_of_a_span_tells_it_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
