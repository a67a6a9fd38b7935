/* SPDX-License-Identifier: ISC */
/* Unit tests of what goes first when there is too much (gdsf.h), and of counting in little room (freq.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "cache/gdsf.h"

#define N 2000

static struct gdsf g;
static struct gdsf_item items[N];

static int
setup(void **state)
{
	(void)state;
	g = (struct gdsf){ .bytes = 0 };
	assert_true(gdsf_reserve(&g, N));
	for (size_t i = 0; i < N; i++)
		items[i] = (struct gdsf_item){ .hash = hash_u64(i + 1), .bytes = 1000,
			.cost_ns = 1000000 };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gdsf_release(&g);
	return 0;
}

static void
ask(size_t i, unsigned times)
{
	while (times-- > 0)
		gdsf_ask(&g, items[i].hash);
}

static void
what_saves_least_a_byte_goes_first(void **state)
{
	double last = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		items[i].cost_ns = hash_u64(i) % 100000;
		items[i].bytes = 1 + hash_u64(i + N) % 500;
		gdsf_add(&g, &items[i]);
	}
	/* Some leave from the middle, some change. */
	for (size_t i = 0; i < N; i += 7)
		gdsf_remove(&g, &items[i]);
	for (size_t i = 1; i < N; i += 7)
		gdsf_update(&g, &items[i], items[i].bytes * 3, items[i].cost_ns + 17);
	for (size_t i = 0; i < N - (N + 6) / 7; i++) {
		struct gdsf_item *x = gdsf_evict(&g);
		double saves = (double)x->cost_ns / (double)x->bytes;

		assert_int_equal(x->place, 0);
		assert_true(saves >= last);
		last = saves;
	}
	assert_null(gdsf_evict(&g));
	assert_int_equal(g.bytes, 0);
}

/* Room for ten; nine are asked for often, then come many that are asked for once. */
static void
a_crawl_does_not_flush_what_is_asked_for(void **state)
{
	size_t left = 0;

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		ask(i, 40);
		gdsf_add(&g, &items[i]);
	}
	for (size_t i = 9; i < 300; i++) {
		ask(i, 1);
		gdsf_add(&g, &items[i]);
		if (g.heap.n > 10)
			(void)gdsf_evict(&g);
	}
	for (size_t i = 0; i < 9; i++)
		left += items[i].place != 0;
	assert_int_equal(left, 9);
}

static void
a_large_export_goes_before_small_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < 100; i++) {
		ask(i, 1);
		gdsf_add(&g, &items[i]);
	}
	ask(100, 1);
	items[100].bytes = 50000000;
	items[100].cost_ns = 500000000;
	gdsf_add(&g, &items[100]);
	assert_ptr_equal(gdsf_evict(&g), &items[100]);
}

/* What was asked for often an age ago goes in the end. */
static void
what_is_not_asked_for_any_more_sinks(void **state)
{
	size_t i = 1;

	(void)state;
	ask(0, 60);
	gdsf_add(&g, &items[0]);
	for (; i < N && items[0].place != 0; i++) {
		ask(i, 20);
		gdsf_add(&g, &items[i]);
		if (g.heap.n > 5)
			(void)gdsf_evict(&g);
	}
	assert_int_equal(items[0].place, 0);
}

/* Who comes back after it went is known by how often it was asked for. */
static void
the_past_of_what_went_counts(void **state)
{
	(void)state;
	ask(0, 30);
	ask(1, 1);
	gdsf_add(&g, &items[0]);
	assert_ptr_equal(gdsf_evict(&g), &items[0]);
	gdsf_add(&g, &items[1]);
	ask(0, 1);
	gdsf_add(&g, &items[0]);
	assert_ptr_equal(gdsf_evict(&g), &items[1]);
}

static void
counts_are_near_and_age(void **state)
{
	static struct freq f;
	unsigned off = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		for (uint64_t k = 0; k <= i % 20; k++)
			freq_add(&f, hash_u64(i));
	for (uint64_t i = 0; i < 1000; i++) {
		unsigned is = (unsigned)(i % 20) + 1, says = freq_of(&f, hash_u64(i));

		assert_true(says >= is);
		off += says - is;
	}
	assert_true(off < 200);
	assert_true(freq_of(&f, hash_u64(123456)) <= 1);
	for (uint64_t i = 0; i < 4 * (uint64_t)FREQ_AGE; i++)
		freq_add(&f, hash_u64(1000000 + i));
	assert_true(freq_of(&f, hash_u64(19)) < 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_saves_least_a_byte_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(a_crawl_does_not_flush_what_is_asked_for, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_large_export_goes_before_small_answers, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(what_is_not_asked_for_any_more_sinks, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(the_past_of_what_went_counts, setup, teardown),
		cmocka_unit_test(counts_are_near_and_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
