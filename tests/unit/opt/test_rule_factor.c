/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_factor: common conditions come out, implied ones go. */
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

#define W(field, op, values) test_leaf(&c.arena, field, op, values)
#define AND(x, y) test_and(&c.arena, x, y)
#define OR(x, y) test_or(&c.arena, x, y)
#define NOT(x) pred_not(&c.arena, x)

static void
becomes(const struct pred *p, const char *text)
{
	c.query.filter = p;
	opt_case_run(&c, "factor");
	opt_case_expect_filter(&c, text);
}

static void
what_all_sides_demand_stands_in_front(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1"), *b = W("b", OP_EQ, "2");
	const struct pred *d = W("d", OP_EQ, "3"), *f = W("f", OP_EQ, "4");

	(void)state;
	becomes(OR(AND(a, b), AND(d, a)), "a = 1 AND (b = 2 OR d = 3)");
	becomes(OR(AND(AND(a, b), d), AND(AND(b, a), f)),
	    "a = 1 AND b = 2 AND (d = 3 OR f = 4)");
	becomes(OR(OR(AND(a, b), AND(a, d)), AND(a, f)), "a = 1 AND (b = 2 OR d = 3 OR f = 4)");
}

static void
what_only_some_sides_demand_stays(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1"), *b = W("b", OP_EQ, "2");
	const struct pred *d = W("d", OP_EQ, "3");

	(void)state;
	becomes(OR(AND(a, b), d), "(a = 1 AND b = 2) OR d = 3");
	becomes(OR(OR(AND(a, b), AND(a, d)), W("f", OP_HAS, "")),
	    "(a = 1 AND b = 2) OR (a = 1 AND d = 3) OR has f");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
what_another_implies_goes(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1"), *b = W("b", OP_EQ, "2");
	const struct pred *d = W("d", OP_EQ, "3");

	(void)state;
	becomes(OR(a, AND(a, b)), "a = 1");
	becomes(AND(a, OR(b, a)), "a = 1");
	becomes(OR(OR(d, AND(a, b)), AND(AND(b, a), d)), "d = 3 OR (a = 1 AND b = 2)");
	becomes(OR(AND(a, b), AND(b, a)), "a = 1 AND b = 2");
	becomes(AND(OR(a, b), OR(OR(b, d), a)), "a = 1 OR b = 2");
}

static void
groups_inside_groups_are_looked_at(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1"), *b = W("b", OP_EQ, "2");
	const struct pred *d = W("d", OP_EQ, "3");

	(void)state;
	becomes(AND(d, NOT(OR(a, AND(a, b)))), "d = 3 AND NOT a = 1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_all_sides_demand_stands_in_front, setup, teardown),
		cmocka_unit_test_setup_teardown(what_only_some_sides_demand_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_another_implies_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_inside_groups_are_looked_at, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
