/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/force: each path by force, and where it makes no sense. */
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
	for (uint64_t i = 0; i < 3; i++)
		stats_add_shard(&c.stats, i, 100);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	opt_case_release(&c);
	return 0;
}

/* "access leaves" of the shards with all rules and a path by force; the first is pruned. */
static void
expect(enum opt_force f, uint64_t of, enum access access, uint64_t leaves)
{
	struct plan *p = NULL;
	struct err e = ERR_INIT;

	c.query.range.from = stats_done(&c.stats)->shards[1].min_start;
	c.options.force = f;
	c.options.force_leaves = of;
	assert_int_equal(opt_plan(&c.query, stats_done(&c.stats), &c.options, &p, &e), 0);
	assert_int_equal(p->scan.shards[0].access, ACCESS_PRUNED);
	for (size_t i = 1; i < 3; i++) {
		if (p->scan.shards[i].access != access || p->scan.shards[i].index_leaves != leaves)
			fail_msg("%s: %s, leaves %llx", opt_force_name(f),
			    access_name(p->scan.shards[i].access),
			    (unsigned long long)p->scan.shards[i].index_leaves);
	}
	assert_int_equal(p->scan.indexes, leaves != 0);
	plan_free(p);
}

static void
conditions_side_by_side(void **state)
{
	(void)state;
	opt_case_where(&c, "a", OP_EQ, "1");
	opt_case_where(&c, "b", OP_CONTAINS, "x");
	opt_case_where(&c, "service", OP_EQ, "s");
	/* Conditions stand in order of cost: no shard has a or b, so these cost nothing. */
	expect(OPT_FORCE_FULL, 0, ACCESS_FULL, 0);
	expect(OPT_FORCE_FULL, 7, ACCESS_FULL, 3);
	expect(OPT_FORCE_ZONE, 0, ACCESS_ZONE, 0);
	expect(OPT_FORCE_ZONE, 2, ACCESS_ZONE, 2);
	expect(OPT_FORCE_SERVICE, 2, ACCESS_SERVICE, 2);
	expect(OPT_FORCE_INDEXES, 0, ACCESS_ZONE, 3);
	expect(OPT_FORCE_TEXT, 0, ACCESS_ZONE, 2);
	expect(OPT_FORCE_INTERSECTION, 0, ACCESS_ZONE, 3);
}

static void
what_makes_no_sense_is_not_forced(void **state)
{
	(void)state;
	opt_case_where(&c, "a", OP_EQ, "1");
	expect(OPT_FORCE_NONE, 0, ACCESS_FULL, 0);
	expect(OPT_FORCE_SERVICE, 0, ACCESS_FULL, 0);
	expect(OPT_FORCE_TRACE, 0, ACCESS_FULL, 0);
	expect(OPT_FORCE_TEXT, 0, ACCESS_FULL, 0);
	expect(OPT_FORCE_UNION, 0, ACCESS_FULL, 0);
	expect(OPT_FORCE_INTERSECTION, 0, ACCESS_FULL, 0);
}

static void
unions(void **state)
{
	const struct pred *a = test_leaf(&c.arena, "a", OP_EQ, "1");
	const struct pred *b = test_leaf(&c.arena, "b", OP_EQ, "1");

	(void)state;
	opt_case_where(&c, "z", OP_EQ, "1");
	c.query.filter = test_and(&c.arena, c.query.filter, test_or(&c.arena, a, b));
	c.options.rules_off = 0;
	assert_int_equal(opt_rules_parse(SV("order"), &c.options.rules_off, NULL), 0);
	expect(OPT_FORCE_UNION, 0, ACCESS_ZONE, 6);
	expect(OPT_FORCE_INTERSECTION, 0, ACCESS_ZONE, 7);
	expect(OPT_FORCE_INDEXES, 0, ACCESS_ZONE, 7);
}

static void
every_force_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < N_OPT_FORCES; i++)
		assert_string_not_equal(opt_force_name((enum opt_force)i), "unknown");
	assert_string_equal(opt_force_name((enum opt_force)N_OPT_FORCES), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(conditions_side_by_side, setup, teardown),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_not_forced, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(unions, setup, teardown),
		cmocka_unit_test(every_force_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
