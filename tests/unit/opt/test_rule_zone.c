/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_zone: what column statistics rule out, and what they must not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/opt_case.h"

static struct opt_case c;

static int
setup(void **state)
{
	(void)state;
	opt_case_init(&c);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	opt_case_release(&c);
	return 0;
}

static struct shard_stats *s;

static int
setup_shard(void **state)
{
	struct column_stats *col;

	setup(state);
	s = stats_add_shard(&c.stats, 0, 100);
	stats_add_service(&c.stats, s, "a", 100, 5);
	stats_set_ints(stats_add_column(&c.stats, s, "span.i", VAL_INT, 50, 9), 10, 20);
	stats_set_doubles(stats_add_column(&c.stats, s, "span.d", VAL_DOUBLE, 50, 9), -1.5, 2.5);
	col = stats_add_column(&c.stats, s, "span.s", VAL_STRING, 50, 2);
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING, .s = SV("x") }, 30);
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING, .s = SV("y") }, 20);
	stats_add_column(&c.stats, s, "span.b", VAL_BOOL, 50, 2);
	stats_add_column(&c.stats, s, "event.k", VAL_STRING, 50, 40);
	stats_set_ints(stats_add_column(&c.stats, s, "duration", VAL_INT, 100, 90), 1000, 5000);
	stats_set_ints(stats_add_column(&c.stats, s, "status", VAL_INT, 100, 1), 0, 1);
	stats_set_ints(stats_add_column(&c.stats, s, "kind", VAL_INT, 100, 1), 2, 3);
	return 0;
}

static char
access_of(const struct pred *p)
{
	c.query.filter = p;
	opt_case_run(&c, "zone");
	return opt_case_access(&c)[0];
}

#define PRUNED(field, op, values) \
	assert_int_equal(access_of(test_leaf(&c.arena, field, op, values)), 'P')
#define KEPT(field, op, values) \
	assert_int_equal(access_of(test_leaf(&c.arena, field, op, values)), 'Z')

static void
absent_attributes_take_the_shard_out(void **state)
{
	(void)state;
	PRUNED("span.nope", OP_HAS, "");
	PRUNED("span.nope", OP_NE, "1");
	PRUNED("event.nope", OP_EQ, "1");
	PRUNED("link.k", OP_HAS, "");
	KEPT("span.s", OP_HAS, "");
	KEPT("event.k", OP_EQ, "1");
	assert_int_equal(access_of(pred_not(&c.arena,
	    test_leaf(&c.arena, "span.nope", OP_HAS, ""))), 'Z');
}

static void
fields_without_columns_conclude_nothing(void **state)
{
	(void)state;
	KEPT("nope", OP_HAS, "");
	KEPT("resource.nope", OP_EQ, "1");
	KEPT("scope.nope", OP_EQ, "1");
	KEPT("root_name", OP_EQ, "1");
	s->all_keys = false;
	KEPT("span.nope", OP_HAS, "");
	KEPT("span.i", OP_EQ, "99");
}

static void
integers_outside_the_range_go(void **state)
{
	(void)state;
	PRUNED("span.i", OP_EQ, "9");
	KEPT("span.i", OP_EQ, "10");
	PRUNED("span.i", OP_IN, "1,2,30");
	KEPT("span.i", OP_IN, "1,15");
	KEPT("span.i", OP_LE, "10");
	PRUNED("span.i", OP_LE, "9.5");
	KEPT("span.i", OP_GE, "20");
	PRUNED("span.i", OP_GT, "20.5");
	PRUNED("span.i", OP_BETWEEN, "21,30");
	KEPT("span.i", OP_BETWEEN, "1,10");
	PRUNED("span.i", OP_GT, "abc");
	PRUNED("span.i", OP_EQ, "abc");
	KEPT("span.i", OP_NE, "15");
	KEPT("span.i", OP_CONTAINS, "1");
}

static void
doubles_outside_the_range_go_unless_nan_hides_it(void **state)
{
	struct column_stats *col = stats_add_column(&c.stats, s, "span.n", VAL_DOUBLE, 5, 5);

	(void)state;
	PRUNED("span.d", OP_GT, "3");
	KEPT("span.d", OP_LT, "-1.2");
	PRUNED("span.d", OP_LT, "-2");
	stats_set_doubles(col, 1, (double)NAN);
	KEPT("span.n", OP_GT, "1000");
	PRUNED("span.n", OP_LT, "0.5");
}

static void
strings_are_known_where_the_top_values_are_all(void **state)
{
	struct column_stats *col;

	(void)state;
	KEPT("span.s", OP_EQ, "x");
	PRUNED("span.s", OP_EQ, "z");
	PRUNED("span.s", OP_IN, "z,5");
	KEPT("span.s", OP_CONTAINS, "z");
	KEPT("span.s", OP_GT, "z");
	PRUNED("span.s", OP_GT, "5");
	col = (struct column_stats *)(uintptr_t)stats_columns(s,
	    &test_leaf(&c.arena, "span.s", OP_HAS, "")->field, &(size_t){ 0 });
	col->n_present++;
	KEPT("span.s", OP_EQ, "z");
}

static void
booleans_are_only_true_or_false(void **state)
{
	(void)state;
	KEPT("span.b", OP_EQ, "true");
	PRUNED("span.b", OP_EQ, "1");
}

static void
arrays_may_hold_anything(void **state)
{
	(void)state;
	stats_add_column(&c.stats, s, "span.i", VAL_ARRAY, 1, 1);
	KEPT("span.i", OP_EQ, "9");
}

static void
intrinsics_have_ranges(void **state)
{
	(void)state;
	PRUNED("status", OP_EQ, "error");
	KEPT("status", OP_IN, "error,ok");
	KEPT("status", OP_NE, "error");
	PRUNED("kind", OP_EQ, "producer");
	KEPT("duration", OP_GT, "4999ns");
	PRUNED("duration", OP_GT, "5us");
	PRUNED("duration", OP_LT, "1us");
	KEPT("duration", OP_LE, "1us");
	PRUNED("start", OP_LT, "5");
	KEPT("start", OP_GT, "5");
}

static void
ends_before_starts_conclude_nothing(void **state)
{
	struct column_stats *col = (struct column_stats *)(uintptr_t)stats_columns(s,
	    &test_leaf(&c.arena, "duration", OP_HAS, "")->field, &(size_t){ 0 });

	(void)state;
	stats_set_ints(col, -5, 5000);
	KEPT("duration", OP_EQ, "0ns");
	KEPT("duration", OP_GT, "1h");
}

static void
starts_beyond_63_bits_conclude_nothing_of_durations(void **state)
{
	(void)state;
	PRUNED("duration", OP_EQ, "0ns");
	/* An end at 5000 after a start at 2^64 - 1: the difference wraps to a small number. */
	s->max_start = UINT64_MAX;
	KEPT("duration", OP_EQ, "0ns");
}

static void
plain_queries_stay_full(void **state)
{
	(void)state;
	c.query.filter = test_leaf(&c.arena, "span.i", OP_EQ, "12");
	opt_case_run(&c, "");
	assert_string_equal(opt_case_access(&c), "F");
	opt_case_release(&c);
	opt_case_init(&c);
	s = stats_add_shard(&c.stats, 0, 100);
	stats_add_service(&c.stats, s, "a", 100, 5);
	stats_add_column(&c.stats, s, "span.i", VAL_INT, 50, 9);
	opt_case_run(&c, "zone");
	assert_string_equal(opt_case_access(&c), "F");
	assert_int_equal(c.plan->n_fired, 0);
	c.query.range.from = STATS_T0 + 5;
	opt_case_run(&c, "zone");
	assert_string_equal(opt_case_access(&c), "Z");
	s->damaged = true;
	c.query.filter = test_leaf(&c.arena, "span.nope", OP_EQ, "12");
	opt_case_run(&c, "zone");
	assert_string_equal(opt_case_access(&c), "F");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(absent_attributes_take_the_shard_out, setup_shard,
		    teardown),
		cmocka_unit_test_setup_teardown(fields_without_columns_conclude_nothing,
		    setup_shard, teardown),
		cmocka_unit_test_setup_teardown(integers_outside_the_range_go, setup_shard,
		    teardown),
		cmocka_unit_test_setup_teardown(doubles_outside_the_range_go_unless_nan_hides_it,
		    setup_shard, teardown),
		cmocka_unit_test_setup_teardown(strings_are_known_where_the_top_values_are_all,
		    setup_shard, teardown),
		cmocka_unit_test_setup_teardown(booleans_are_only_true_or_false, setup_shard,
		    teardown),
		cmocka_unit_test_setup_teardown(arrays_may_hold_anything, setup_shard, teardown),
		cmocka_unit_test_setup_teardown(intrinsics_have_ranges, setup_shard, teardown),
		cmocka_unit_test_setup_teardown(ends_before_starts_conclude_nothing, setup_shard,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    starts_beyond_63_bits_conclude_nothing_of_durations, setup_shard, teardown),
		cmocka_unit_test_setup_teardown(plain_queries_stay_full, setup_shard, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
