/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_service: shards without the services, service access. */
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

/* Shard 0: a, b. Shard 1: b, c. Shard 2: nothing known. Shard 3: damaged. */
static void
four_shards(void)
{
	struct shard_stats *s;

	for (uint64_t h = 0; h < 4; h++) {
		s = stats_add_shard(&c.stats, h, 100);
		if (h >= 2)
			continue;
		stats_add_service(&c.stats, s, h == 0 ? "a" : "b", 50, 5);
		stats_add_service(&c.stats, s, h == 0 ? "b" : "c", 50, 0);
		stats_add_column(&c.stats, s, "start", VAL_INT, 100, 100);
	}
	s->damaged = true;
}

static void
expect(const char *access)
{
	opt_case_run(&c, "service");
	assert_string_equal(opt_case_access(&c), access);
}

static void
shards_without_the_service_go(void **state)
{
	(void)state;
	four_shards();
	opt_case_where(&c, "service", OP_EQ, "a");
	expect("SPFF");
	assert_string_equal(c.plan->scan.shards[1].pruned_by, "service");
	c.query.filter = test_leaf(&c.arena, "service", OP_IN, "c,zz");
	expect("PSFF");
	c.query.filter = test_leaf(&c.arena, "service", OP_EQ, "zz");
	expect("PPFF");
}

static void
other_operators_prune_but_give_no_access(void **state)
{
	(void)state;
	four_shards();
	opt_case_where(&c, "service", OP_STARTS, "c");
	expect("PFFF");
	c.query.filter = test_leaf(&c.arena, "service", OP_NE, "b");
	expect("FFFF");
	c.query.filter = test_leaf(&c.arena, "service", OP_NOTIN, "a,b");
	expect("PFFF");
	c.query.filter = test_leaf(&c.arena, "service", OP_RE, "q.*");
	expect("FFFF");
}

static void
or_and_not_are_conservative(void **state)
{
	const struct pred *a = test_leaf(&c.arena, "service", OP_EQ, "a");

	(void)state;
	four_shards();
	c.query.filter = test_or(&c.arena, a, test_leaf(&c.arena, "k", OP_EQ, "1"));
	expect("FFFF");
	c.query.filter = test_or(&c.arena, a, test_leaf(&c.arena, "service", OP_EQ, "zz"));
	expect("FPFF");
	c.query.filter = pred_not(&c.arena, a);
	expect("FFFF");
	c.query.filter = pred_not(&c.arena, test_leaf(&c.arena, "service", OP_EQ, "zz"));
	expect("FFFF");
}

static void
a_service_without_spans_in_the_range_is_not_there(void **state)
{
	struct shard_stats *s = stats_add_shard(&c.stats, 0, 100);
	struct service_stats *v = stats_add_service(&c.stats, s, "a", 50, 5);

	(void)state;
	stats_add_service(&c.stats, s, "b", 50, 5);
	stats_add_column(&c.stats, s, "start", VAL_INT, 100, 100);
	v->max_start = STATS_T0 + 10;
	c.query.range = (struct time_range){ STATS_T0 + 11, WHEN_MAX };
	opt_case_where(&c, "service", OP_EQ, "a");
	expect("P");
	c.query.range.from = STATS_T0 + 10;
	expect("S");
}

static void
no_service_asked_for_changes_nothing(void **state)
{
	(void)state;
	four_shards();
	opt_case_where(&c, "name", OP_EQ, "a");
	expect("FFFF");
	assert_int_equal(c.plan->n_fired, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shards_without_the_service_go, setup, teardown),
		cmocka_unit_test_setup_teardown(other_operators_prune_but_give_no_access, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(or_and_not_are_conservative, setup, teardown),
		cmocka_unit_test_setup_teardown(a_service_without_spans_in_the_range_is_not_there,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(no_service_asked_for_changes_nothing, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
