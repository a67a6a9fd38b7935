/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/rule_nnf: where NOT goes, and where it may not become an operator. */
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
	opt_case_run(&c, "nnf");
	opt_case_expect_filter(&c, text);
}

static void
not_goes_down_to_the_leaves(void **state)
{
	const struct pred *a = W("a", OP_EQ, "1"), *b = W("b", OP_GT, "2");

	(void)state;
	becomes(NOT(AND(a, b)), "NOT a = 1 OR NOT b > 2");
	becomes(NOT(OR(a, b)), "NOT a = 1 AND NOT b > 2");
	becomes(NOT(OR(a, AND(b, NOT(a)))), "NOT a = 1 AND (NOT b > 2 OR a = 1)");
	becomes(AND(a, b), "a = 1 AND b > 2");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
what_every_span_has_takes_the_opposite(void **state)
{
	(void)state;
	becomes(NOT(W("service", OP_EQ, "x")), "service != x");
	becomes(NOT(W("status", OP_IN, "ok,error")), "status not in (ok, error)");
	becomes(NOT(W("duration", OP_GT, "1s")), "duration <= 1s");
	becomes(NOT(W("duration", OP_LE, "1s")), "duration > 1s");
	becomes(NOT(W("name", OP_RE, "^a")), "name !~ \"^a\"");
	becomes(NOT(W("name", OP_LT, "m")), "name >= m");
	becomes(NOT(W("kind", OP_NE, "server")), "kind = server");
}

static void
what_may_be_missing_keeps_its_not(void **state)
{
	(void)state;
	becomes(NOT(W("status_message", OP_EQ, "x")), "NOT status_message = x");
	becomes(NOT(W("flags", OP_GT, "1")), "NOT flags > 1");
	becomes(NOT(W("resource.a", OP_EQ, "x")), "NOT resource.a = x");
	becomes(NOT(W("event.a", OP_EQ, "x")), "NOT event.a = x");
	becomes(NOT(W("event:name", OP_EQ, "x")), "NOT event:name = x");
}

static void
what_has_no_opposite_keeps_its_not(void **state)
{
	(void)state;
	becomes(NOT(W("name", OP_STARTS, "a")), "NOT name starts a");
	/* Neither < nor >= holds between a string and a number. */
	becomes(NOT(W("name", OP_LT, "5")), "NOT name < 5");
	/* Text operators never hold on numbers, nor do their opposites. */
	becomes(NOT(W("duration", OP_CONTAINS, "5ms")), "NOT duration contains 5ms");
	becomes(NOT(W("kind", OP_LT, "server")), "NOT kind < server");
}

static struct shard_stats *
shard_with(uint64_t hour, enum value_type t, uint64_t present)
{
	struct shard_stats *s = stats_add_shard(&c.stats, hour, 100);

	stats_add_service(&c.stats, s, "svc", 100, 0);
	stats_add_column(&c.stats, s, "span.a", t, present, 10);
	return s;
}

static void
an_attribute_on_every_row_takes_the_opposite(void **state)
{
	(void)state;
	shard_with(0, VAL_STRING, 100);
	shard_with(1, VAL_STRING, 100);
	becomes(NOT(W("a", OP_EQ, "x")), "a != x");
	becomes(NOT(W("span.a", OP_CONTAINS, "x")), "span.a not contains x");
	becomes(NOT(W("a", OP_LT, "x")), "NOT a < x");
	becomes(NOT(W("b", OP_EQ, "x")), "NOT b = x");
}

static void
one_row_without_it_in_range_forbids_that(void **state)
{
	(void)state;
	shard_with(0, VAL_STRING, 99);
	shard_with(1, VAL_STRING, 100);
	becomes(NOT(W("a", OP_EQ, "x")), "NOT a = x");
	c.query.range.from = STATS_T0 + NS_PER_HOUR;
	becomes(NOT(W("a", OP_EQ, "x")), "a != x");
}

static void
values_of_any_types_will_do_but_empty_ones(void **state)
{
	struct shard_stats *s;

	(void)state;
	shard_with(0, VAL_ARRAY, 100);
	becomes(NOT(W("a", OP_EQ, "x")), "a != x");
	stats_builder_release(&c.stats);
	stats_builder_init(&c.stats);
	s = shard_with(0, VAL_INT, 60);
	becomes(NOT(W("a", OP_EQ, "7")), "NOT a = 7");
	stats_add_column(&c.stats, s, "span.a", VAL_STRING, 40, 4);
	becomes(NOT(W("a", OP_EQ, "x")), "a != x");
	becomes(NOT(W("a", OP_CONTAINS, "x")), "a not contains x");
	becomes(NOT(W("a", OP_GT, "7")), "NOT a > 7");
	stats_builder_release(&c.stats);
	stats_builder_init(&c.stats);
	s = shard_with(0, VAL_INT, 60);
	stats_add_column(&c.stats, s, "span.a", VAL_EMPTY, 40, 1);
	becomes(NOT(W("a", OP_EQ, "7")), "NOT a = 7");
}

static void
an_unknown_shard_forbids_it(void **state)
{
	(void)state;
	shard_with(0, VAL_STRING, 100);
	shard_with(1, VAL_STRING, 100)->damaged = true;
	becomes(NOT(W("a", OP_EQ, "x")), "NOT a = x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(not_goes_down_to_the_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(what_every_span_has_takes_the_opposite, setup, teardown),
		cmocka_unit_test_setup_teardown(what_may_be_missing_keeps_its_not, setup, teardown),
		cmocka_unit_test_setup_teardown(what_has_no_opposite_keeps_its_not, setup, teardown),
		cmocka_unit_test_setup_teardown(an_attribute_on_every_row_takes_the_opposite, setup, teardown),
		cmocka_unit_test_setup_teardown(one_row_without_it_in_range_forbids_that, setup, teardown),
		cmocka_unit_test_setup_teardown(values_of_any_types_will_do_but_empty_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unknown_shard_forbids_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
