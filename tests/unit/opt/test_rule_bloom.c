/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_bloom: trace ids against the shards' filters. */
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

/* Shards 0, 1, 2 hold ids of hi 0xa, 0xb and, unknown, 0xc. */
static void
three_shards(void)
{
	stats_set_bloom(&c.stats, stats_add_shard(&c.stats, 0, 100), 0xa, 50);
	stats_set_bloom(&c.stats, stats_add_shard(&c.stats, 1, 100), 0xb, 50);
	stats_add_shard(&c.stats, 2, 100);
}

#define ID_A "000000000000000a0000000000000007"
#define ID_B "000000000000000b0000000000000032"
#define ID_NONE "000000000000000f0000000000000001"

static void
expect(const char *access)
{
	opt_case_run(&c, "bloom");
	assert_string_equal(opt_case_access(&c), access);
}

static void
shards_without_the_id_go(void **state)
{
	(void)state;
	three_shards();
	opt_case_where(&c, "trace_id", OP_EQ, ID_A);
	expect("TPT");
	assert_string_equal(c.plan->shards[1].pruned_by, "bloom");
	c.query.filter = test_leaf(&c.arena, "trace_id", OP_IN, ID_B "," ID_NONE);
	expect("PTT");
	c.query.filter = test_leaf(&c.arena, "trace_id", OP_EQ, ID_NONE);
	expect("PPT");
}

static void
other_conditions_do_not_matter(void **state)
{
	(void)state;
	three_shards();
	opt_case_where(&c, "name", OP_EQ, "x");
	opt_case_where(&c, "trace_id", OP_EQ, ID_A);
	expect("TPT");
	c.query.filter = test_leaf(&c.arena, "link:trace_id", OP_EQ, ID_NONE);
	expect("FFF");
	c.query.filter = test_leaf(&c.arena, "trace_id", OP_NE, ID_A);
	expect("FFF");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
or_and_not_are_conservative(void **state)
{
	const struct pred *a = test_leaf(&c.arena, "trace_id", OP_EQ, ID_A);

	(void)state;
	three_shards();
	c.query.filter = pred_not(&c.arena, a);
	expect("FFF");
	c.query.filter = test_or(&c.arena, a, test_leaf(&c.arena, "name", OP_EQ, "x"));
	expect("FFF");
	c.query.filter = test_or(&c.arena, a, test_leaf(&c.arena, "trace_id", OP_EQ, ID_NONE));
	expect("FPF");
}

static void
damaged_shards_stay(void **state)
{
	(void)state;
	stats_add_shard(&c.stats, 0, 100)->damaged = true;
	opt_case_where(&c, "trace_id", OP_EQ, ID_A);
	expect("F");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shards_without_the_id_go, setup, teardown),
		cmocka_unit_test_setup_teardown(other_conditions_do_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(or_and_not_are_conservative, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_shards_stay, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
