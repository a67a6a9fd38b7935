/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_union: values of one field under OR become one list. */
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
	opt_case_run(&c, "union");
	opt_case_expect_filter(&c, text);
}

static void
values_of_one_field_become_a_list(void **state)
{
	(void)state;
	becomes(OR(W("a", OP_EQ, "1"), W("a", OP_EQ, "2")), "a in (1, 2)");
	becomes(OR(W("a", OP_IN, "1,2"), OR(W("b", OP_EQ, "3"), W("a", OP_EQ, "4"))),
	    "a in (1, 2, 4) OR b = 3");
	becomes(OR(W("service", OP_EQ, "x"), W("service", OP_EQ, "y")), "service in (x, y)");
	becomes(OR(W("event.a", OP_EQ, "1"), W("event.a", OP_EQ, "2")), "event.a in (1, 2)");
}

static void
others_stay(void **state)
{
	(void)state;
	becomes(OR(W("a", OP_EQ, "1"), W("b", OP_EQ, "1")), "a = 1 OR b = 1");
	becomes(OR(W("a", OP_EQ, "1"), W("span.a", OP_EQ, "2")), "a = 1 OR span.a = 2");
	becomes(OR(W("a", OP_EQ, "1"), W("a", OP_NE, "2")), "a = 1 OR a != 2");
	becomes(AND(W("a", OP_EQ, "1"), W("a", OP_EQ, "2")), "a = 1 AND a = 2");
	becomes(OR(W("a", OP_EQ, "1"), NOT(W("a", OP_EQ, "2"))), "a = 1 OR NOT a = 2");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
lists_deep_inside_are_found(void **state)
{
	const struct pred *ab = OR(W("a", OP_EQ, "1"), W("a", OP_EQ, "2"));

	(void)state;
	becomes(AND(W("b", OP_EQ, "3"), NOT(ab)), "b = 3 AND NOT a in (1, 2)");
	becomes(OR(AND(ab, W("b", OP_EQ, "3")), W("a", OP_EQ, "9")),
	    "(a in (1, 2) AND b = 3) OR a = 9");
}

static const struct pred *
numbers(unsigned from, unsigned n)
{
	struct literal *l = arena_array(&c.arena, n, struct literal);
	struct field f = { .scope = FIELD_SPAN, .key = SV("a") };
	struct buf b = BUF_INIT;

	assert_non_null(l);
	for (unsigned i = 0; i < n; i++) {
		b.n = 0;
		buf_printf(&b, "%u", from + i);
		l[i] = literal_of(arena_sv(&c.arena, buf_view(&b)));
	}
	buf_release(&b);
	return pred_leaf(&c.arena, OP_IN, f, l, n);
}

static void
a_list_never_outgrows_what_a_path_may_hold(void **state)
{
	(void)state;
	c.query.filter = OR(numbers(0, 600), numbers(600, 400));
	assert_int_equal(opt_case_run(&c, "union")->filter.pred->kind, PRED_LEAF);
	assert_int_equal(c.plan->filter.pred->n_lits, 1000);
	c.query.filter = OR(numbers(0, 600), numbers(600, 401));
	assert_int_equal(opt_case_run(&c, "union")->filter.pred->kind, PRED_OR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_of_one_field_become_a_list, setup, teardown),
		cmocka_unit_test_setup_teardown(others_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_deep_inside_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_list_never_outgrows_what_a_path_may_hold, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
