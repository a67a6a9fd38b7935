/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/card: estimates of rows. */
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
	s = stats_add_shard(&c.stats, 0, 1000);
	stats_add_service(&c.stats, s, "a", 900, 9);
	stats_add_service(&c.stats, s, "b", 100, 50);
	col = stats_add_column(&c.stats, s, "span.k", VAL_STRING, 500, 12);
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING, .s = SV("x/1") }, 300);
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING, .s = SV("y/2") }, 100);
	stats_set_ints(stats_add_column(&c.stats, s, "span.i", VAL_INT, 1000, 100), 0, 100);
	stats_set_ints(stats_add_column(&c.stats, s, "duration", VAL_INT, 1000, 900), 0, 999999);
	return 0;
}

static double
rows(const struct pred *p)
{
	return card_rows(s, p, TIME_RANGE_ALL);
}

#define LEAF(field, op, values) test_leaf(&c.arena, field, op, values)
#define ABOUT(x, y) assert_true(fabs((x) - (y)) < (y) * 0.02 + 0.01)

static void
services_are_exact(void **state)
{
	(void)state;
	stats_add_column(&c.stats, s, "service", VAL_STRING, 1000, 2);
	ABOUT(rows(test_and(&c.arena, LEAF("service", OP_EQ, "b"),
	    LEAF("status", OP_EQ, "error"))), 50.0);
	ABOUT(rows(test_and(&c.arena, LEAF("service", OP_IN, "a,b"),
	    LEAF("status", OP_EQ, "error"))), 59.0);
	ABOUT(card_service_rows(s, LEAF("service", OP_EQ, "b")), 100.0);
}

static void
frequent_values_are_known_and_others_share_the_rest(void **state)
{
	(void)state;
	ABOUT(rows(LEAF("span.k", OP_EQ, "x/1")), 300.0);
	ABOUT(rows(LEAF("span.k", OP_EQ, "z")), 10.0);
	ABOUT(rows(LEAF("span.k", OP_IN, "x/1,y/2")), 400.0);
	ABOUT(rows(LEAF("span.k", OP_NE, "x/1")), 200.0);
	ABOUT(rows(LEAF("span.k", OP_HAS, "")), 500.0);
	ABOUT(rows(LEAF("span.k", OP_STARTS, "x")), 375.0);
	ABOUT(rows(LEAF("k", OP_EQ, "x/1")), 300.0);
}

static void
numbers_are_spread_evenly_and_durations_by_logarithm(void **state)
{
	(void)state;
	ABOUT(rows(LEAF("span.i", OP_LT, "25")), 250.0);
	ABOUT(rows(LEAF("span.i", OP_BETWEEN, "25,75")), 500.0);
	assert_true(rows(LEAF("span.i", OP_GT, "1000")) < 1);
	assert_true(rows(LEAF("duration", OP_GT, "999us")) < 1);
	ABOUT(rows(LEAF("duration", OP_GT, "999ns")), 500.0);
}

static void
no_estimate_is_zero_or_more_than_all(void **state)
{
	static const char *const fields[] = { "span.k", "k", "span.i", "nope", "span.nope",
	    "duration", "start", "name", "trace_id", "event.z", "root_name" };

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		for (int op = 0; op <= OP_HAS; op++) {
			const char *v = strcmp(fields[i], "duration") == 0 ? "1s,2s" : "1,2";
			double r = rows(LEAF(fields[i], (enum pred_op)op, v));

			assert_true(r > 0 && r <= 1000);
			r = rows(pred_not(&c.arena, LEAF(fields[i], (enum pred_op)op, v)));
			assert_true(r > 0 && r <= 1000);
		}
}

static void
or_and_not_combine(void **state)
{
	(void)state;
	ABOUT(rows(test_or(&c.arena, LEAF("span.k", OP_EQ, "x/1"),
	    LEAF("span.i", OP_LT, "50"))), 650.0);
	ABOUT(rows(pred_not(&c.arena, LEAF("span.k", OP_EQ, "x/1"))), 700.0);
}

static void
a_part_of_the_hour_has_its_share(void **state)
{
	struct time_range half = { STATS_T0, STATS_T0 + NS_PER_HOUR / 2 };
	static const struct pred all = { .kind = PRED_TRUE };

	(void)state;
	ABOUT(card_rows(s, &all, half), 500.0);
	ABOUT(card_rows(s, &all, TIME_RANGE_ALL), 1000.0);
	assert_true(card_rows(s, &all, (struct time_range){ 0, 1 }) < 1);
	((struct service_stats *)(uintptr_t)s->services)[1].max_start = STATS_T0 + 5;
	ABOUT(card_rows(s, LEAF("service", OP_EQ, "b"), half) /
	    card_rows(s, LEAF("service", OP_EQ, "b"), TIME_RANGE_ALL), 1.0);
}

static void
more_data_never_costs_less(void **state)
{
	double before, after;

	(void)state;
	opt_case_where(&c, "span.k", OP_EQ, "x/1");
	before = opt_case_run(&c, "all")->est_cost;
	s = stats_add_shard(&c.stats, 1, 1000);
	after = opt_case_run(&c, "all")->est_cost;
	assert_true(after > before && before > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(services_are_exact, setup_shard, teardown),
		cmocka_unit_test_setup_teardown(frequent_values_are_known_and_others_share_the_rest,
		    setup_shard, teardown),
		cmocka_unit_test_setup_teardown(
		    numbers_are_spread_evenly_and_durations_by_logarithm, setup_shard, teardown),
		cmocka_unit_test_setup_teardown(no_estimate_is_zero_or_more_than_all, setup_shard,
		    teardown),
		cmocka_unit_test_setup_teardown(or_and_not_combine, setup_shard, teardown),
		cmocka_unit_test_setup_teardown(a_part_of_the_hour_has_its_share, setup_shard,
		    teardown),
		cmocka_unit_test_setup_teardown(more_data_never_costs_less, setup_shard, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
