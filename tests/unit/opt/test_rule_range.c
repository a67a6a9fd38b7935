/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_range: bounds of start, merged durations, edges of 64 bits. */
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

static void
starts_become_the_range(void **state)
{
	struct plan *p;

	(void)state;
	c.query.range = (struct time_range){ 100, 900 };
	opt_case_where(&c, "start", OP_GE, "200");
	opt_case_where(&c, "a", OP_EQ, "1");
	opt_case_where(&c, "start", OP_LE, "300");
	p = opt_case_run(&c, "range");
	assert_int_equal(p->filter.range.from, 200);
	assert_int_equal(p->filter.range.to, 301);
	opt_case_expect_filter(&c, "a = 1");
	assert_int_equal(p->n_fired, 1);
	assert_string_equal(p->fired[0], "range");
}

static void
every_operator_has_its_bounds(void **state)
{
	static const struct {
		enum pred_op op;
		const char *values;
		uint64_t from, to;
	} cases[] = {
		{ OP_EQ, "5", 5, 6 }, { OP_LT, "5", 0, 5 }, { OP_LE, "5", 0, 6 },
		{ OP_GT, "5", 6, WHEN_MAX }, { OP_GE, "5", 5, WHEN_MAX },
		{ OP_BETWEEN, "5,7", 5, 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		c.query.filter = test_leaf(&c.arena, "start", cases[i].op, cases[i].values);
		opt_case_run(&c, "range");
		assert_int_equal(c.plan->filter.range.from, cases[i].from);
		assert_int_equal(c.plan->filter.range.to, cases[i].to);
		opt_case_expect_filter(&c, "TRUE");
	}
}

static void
bounds_that_the_range_can_not_say_stay(void **state)
{
	(void)state;
	c.query.filter = test_leaf(&c.arena, "start", OP_LT, "18446744073709551615");
	opt_case_run(&c, "range");
	assert_int_equal(c.plan->filter.range.to, WHEN_MAX);
	assert_int_equal(c.plan->n_fired, 0);
	c.query.filter = test_leaf(&c.arena, "start", OP_GE, "18446744073709551615");
	opt_case_run(&c, "range");
	assert_int_equal(c.plan->filter.range.from, 0);
	assert_false(c.plan->filter.never);
}

static void
starts_under_or_and_not_stay(void **state)
{
	const struct pred *s = test_leaf(&c.arena, "start", OP_GE, "200");

	(void)state;
	c.query.filter = test_or(&c.arena, s, test_leaf(&c.arena, "a", OP_EQ, "1"));
	opt_case_run(&c, "range");
	assert_int_equal(c.plan->filter.range.from, 0);
	c.query.filter = pred_not(&c.arena, s);
	opt_case_run(&c, "range");
	assert_int_equal(c.plan->filter.range.from, 0);
	assert_int_equal(c.plan->n_fired, 0);
}

static void
an_empty_range_is_never(void **state)
{
	(void)state;
	stats_add_shard(&c.stats, 0, 10);
	c.query.range = (struct time_range){ 0, 100 };
	opt_case_where(&c, "start", OP_GE, "200");
	opt_case_run(&c, "range");
	assert_true(c.plan->filter.never);
	assert_string_equal(opt_case_access(&c), "P");
}

static void
durations_are_merged(void **state)
{
	(void)state;
	opt_case_where(&c, "duration", OP_GT, "1s");
	opt_case_where(&c, "a", OP_EQ, "1");
	opt_case_where(&c, "duration", OP_LE, "3s");
	opt_case_where(&c, "duration", OP_LE, "2s");
	opt_case_run(&c, "range");
	opt_case_expect_filter(&c, "duration between 1000000001ns and 2s AND a = 1");
	c.query.filter = test_and(&c.arena, test_leaf(&c.arena, "trace_duration", OP_GE, "1s"),
	    test_leaf(&c.arena, "trace_duration", OP_GE, "2s"));
	opt_case_run(&c, "range");
	opt_case_expect_filter(&c, "trace_duration >= 2s");
	c.query.filter = test_and(&c.arena, test_leaf(&c.arena, "duration", OP_GE, "1s"),
	    test_leaf(&c.arena, "duration", OP_LE, "1s"));
	opt_case_run(&c, "range");
	opt_case_expect_filter(&c, "duration = 1s");
}

static void
contradictions_are_left_to_fold(void **state)
{
	(void)state;
	opt_case_where(&c, "duration", OP_LT, "0s");
	opt_case_where(&c, "duration", OP_GE, "1s");
	opt_case_run(&c, "range");
	assert_int_equal(c.plan->n_fired, 0);
	opt_case_expect_filter(&c, "duration < 0s AND duration >= 1s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(starts_become_the_range, setup, teardown),
		cmocka_unit_test_setup_teardown(every_operator_has_its_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_that_the_range_can_not_say_stay, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(starts_under_or_and_not_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_range_is_never, setup, teardown),
		cmocka_unit_test_setup_teardown(durations_are_merged, setup, teardown),
		cmocka_unit_test_setup_teardown(contradictions_are_left_to_fold, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
