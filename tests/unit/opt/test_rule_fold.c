/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_fold: what folds, what must not, contradictions. */
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

#define W(field, op, values) test_leaf(&c.arena, field, op, values)

static const struct pred *
not(const struct pred *p)
{
	return pred_not(&c.arena, p);
}

static void
folds_to(const struct pred *p, const char *text)
{
	c.query.filter = p;
	opt_case_run(&c, "fold");
	opt_case_expect_filter(&c, text);
}

static const struct pred *
con(bool v)
{
	static const struct pred k[2] = { { .kind = PRED_FALSE }, { .kind = PRED_TRUE } };

	return &k[v];
}

#define AND(x, y) test_and(&c.arena, x, y)
#define OR(x, y) test_or(&c.arena, x, y)

static void
doubles_stand_once(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1"), *b = W("b", OP_GT, "2");

	(void)state;
	folds_to(AND(AND(a, b), W("a", OP_EQ, "1")), "a = 1 AND b > 2");
	folds_to(OR(OR(a, b), a), "a = 1 OR b > 2");
	folds_to(AND(a, b), "a = 1 AND b > 2");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
nots_cancel(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1");

	(void)state;
	folds_to(not(not(a)), "a = 1");
	folds_to(not(not(not(a))), "NOT a = 1");
	folds_to(AND(W("b", OP_HAS, ""), AND(a, not(not(a)))), "has b AND a = 1");
}

static void
constants_go(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1");

	(void)state;
	folds_to(OR(a, con(false)), "a = 1");
	folds_to(AND(a, con(true)), "a = 1");
	folds_to(not(AND(a, con(false))), "TRUE");
	folds_to(OR(a, not(con(false))), "TRUE");
}

static void
p_and_not_p_is_nothing(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1");

	(void)state;
	stats_add_shard(&c.stats, 0, 10);
	folds_to(AND(a, not(a)), "FALSE");
	assert_true(c.plan->filter.never);
	assert_string_equal(opt_case_access(&c), "P");
	assert_string_equal(c.plan->scan.shards[0].pruned_by, "fold");
	folds_to(OR(W("x", OP_HAS, ""), OR(not(a), a)), "TRUE");
	assert_false(c.plan->filter.never);
}

static void
lists_of_one_are_plain(void **state)
{
	(void)state;
	folds_to(W("a", OP_IN, "x"), "a = x");
	folds_to(W("a", OP_IN, "x,x"), "a = x");
	folds_to(W("a", OP_NOTIN, "x"), "a != x");
	folds_to(W("a", OP_IN, "x,y,x"), "a in (x, y)");
}

static void
values_of_one_intrinsic_intersect(void **state)
{
	(void)state;
	folds_to(AND(W("service", OP_IN, "a,b,c"), W("service", OP_IN, "b,c,d")),
	    "service in (b, c)");
	folds_to(AND(W("service", OP_IN, "a,b"), W("service", OP_EQ, "b")), "service = b");
	folds_to(AND(W("service", OP_EQ, "a"), W("service", OP_EQ, "b")), "FALSE");
	folds_to(AND(W("trace_id", OP_EQ, "1"), W("trace_id", OP_EQ, "0001")), "trace_id = 1");
	folds_to(AND(W("status", OP_EQ, "ok"), W("status", OP_EQ, "error")), "FALSE");
	/* Under OR nothing is wrong with two services. */
	folds_to(OR(W("service", OP_EQ, "a"), W("service", OP_EQ, "b")),
	    "service = a OR service = b");
}

static void
what_an_intersection_leaves_meets_the_rest(void **state)
{
	const struct pred *b = W("service", OP_EQ, "b");

	(void)state;
	folds_to(AND(AND(W("service", OP_IN, "a,b"), not(b)), W("service", OP_IN, "b,c")),
	    "FALSE");
}

static void
attributes_and_events_do_not_intersect(void **state)
{
	(void)state;
	/* An array of 1 and 2 is both. */
	folds_to(AND(W("a", OP_EQ, "1"), W("a", OP_EQ, "2")), "a = 1 AND a = 2");
	folds_to(AND(W("a", OP_GT, "5"), W("a", OP_LT, "3")), "a > 5 AND a < 3");
	folds_to(AND(W("event:name", OP_EQ, "x"), W("event:name", OP_EQ, "y")),
	    "event:name = x AND event:name = y");
}

static void
intervals_that_do_not_meet_are_nothing(void **state)
{
	(void)state;
	folds_to(AND(W("duration", OP_GT, "5s"), W("duration", OP_LT, "3s")), "FALSE");
	folds_to(AND(W("duration", OP_EQ, "5s"), W("duration", OP_LT, "5s")), "FALSE");
	folds_to(AND(W("duration", OP_GE, "5s"), W("duration", OP_LE, "5s")),
	    "duration >= 5s AND duration <= 5s");
	folds_to(W("duration", OP_LT, "0s"), "FALSE");
	folds_to(not(W("duration", OP_LT, "0s")), "TRUE");
	folds_to(AND(W("trace_spans", OP_GT, "5"), W("trace_spans", OP_LE, "5")), "FALSE");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(doubles_stand_once, setup, teardown),
		cmocka_unit_test_setup_teardown(nots_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(constants_go, setup, teardown),
		cmocka_unit_test_setup_teardown(p_and_not_p_is_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_of_one_are_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(values_of_one_intrinsic_intersect, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(what_an_intersection_leaves_meets_the_rest,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(attributes_and_events_do_not_intersect, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(intervals_that_do_not_meet_are_nothing, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
