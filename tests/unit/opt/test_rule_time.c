/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_time: which shards a range takes out. */
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
shards_outside_the_range_go(void **state)
{
	(void)state;
	for (uint64_t h = 0; h < 4; h++)
		stats_add_shard(&c.stats, h, 100);
	c.query.range = (struct time_range){ STATS_T0 + NS_PER_HOUR, STATS_T0 + 2 * NS_PER_HOUR };
	opt_case_run(&c, "time");
	assert_string_equal(opt_case_access(&c), "PFPP");
	assert_string_equal(c.plan->scan.shards[0].pruned_by, "time");
	assert_string_equal(c.plan->fired[0], "time");
}

static void
edges_are_half_open(void **state)
{
	struct shard_stats *s = stats_add_shard(&c.stats, 0, 100);

	(void)state;
	s->min_start = 100;
	s->max_start = 200;
	c.query.range = (struct time_range){ 200, 300 };
	opt_case_run(&c, "time");
	assert_string_equal(opt_case_access(&c), "F");
	c.query.range = (struct time_range){ 201, 300 };
	opt_case_run(&c, "time");
	assert_string_equal(opt_case_access(&c), "P");
	c.query.range = (struct time_range){ 0, 100 };
	opt_case_run(&c, "time");
	assert_string_equal(opt_case_access(&c), "P");
	c.query.range = (struct time_range){ 0, 101 };
	opt_case_run(&c, "time");
	assert_string_equal(opt_case_access(&c), "F");
}

static void
all_of_the_store_takes_none_out(void **state)
{
	struct shard_stats *s = stats_add_shard(&c.stats, 0, 100);

	(void)state;
	s->max_start = UINT64_MAX;
	opt_case_run(&c, "time");
	assert_string_equal(opt_case_access(&c), "F");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
damaged_shards_outside_go_too(void **state)
{
	(void)state;
	stats_add_shard(&c.stats, 0, 100)->damaged = true;
	c.query.range = (struct time_range){ 0, 100 };
	opt_case_run(&c, "time");
	assert_string_equal(opt_case_access(&c), "P");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shards_outside_the_range_go, setup, teardown),
		cmocka_unit_test_setup_teardown(edges_are_half_open, setup, teardown),
		cmocka_unit_test_setup_teardown(all_of_the_store_takes_none_out, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_shards_outside_go_too, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
