/* SPDX-License-Identifier: ISC */
/* Unit tests of rule_covering: counts that footers and indexes tell, and those that they don't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/opt_case.h"

static struct opt_case c;

static struct shard_stats *
known_shard(uint64_t hour)
{
	struct shard_stats *s = stats_add_shard(&c.stats, hour, 1000);
	struct column_stats *col;

	stats_add_service(&c.stats, s, "a", 600, 5);
	stats_add_service(&c.stats, s, "b", 400, 0);
	col = stats_add_column(&c.stats, s, "span.user", VAL_STRING, 900, 100);
	col->indexes = STAT_INDEX_POSTINGS;
	col = stats_add_column(&c.stats, s, "span.request", VAL_STRING, 900, 900);
	col->indexes = STAT_INDEX_HASH | STAT_INDEX_TEXT;
	col = stats_add_column(&c.stats, s, "span.flag", VAL_BOOL, 7, 1);
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_BOOL, .b = true }, 7);
	(void)stats_add_column(&c.stats, s, "name", VAL_STRING, 1000, 30);
	(void)stats_add_column(&c.stats, s, "status", VAL_INT, 1000, 3);
	(void)stats_add_column(&c.stats, s, "resource.host", VAL_STRING, 1000, 3);
	s->all_keys = true;
	s->trace_summaries = true;
	return s;
}

static int
setup(void **state)
{
	(void)state;
	opt_case_init(&c);
	c.options.output = ROW_COUNT;
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
expect(const struct pred *filter, const char *access)
{
	c.query.filter = filter;
	opt_case_run(&c, "pushdown,covering");
	assert_string_equal(opt_case_access(&c), access);
}

static void
what_is_told_is_covered(void **state)
{
	struct arena *a = &c.arena;
	const struct pred *user = test_leaf(a, "span.user", OP_EQ, "x");
	const struct pred *service = test_leaf(a, "service", OP_NE, "a");
	const struct pred *name = test_leaf(a, "name", OP_RE, "x");

	(void)state;
	known_shard(0);
	expect(user, "X");
	expect(test_leaf(a, "user", OP_STARTS, "x"), "X");
	expect(pred_not(a, test_or(a, user, service)), "X");
	expect(test_and(a, service, test_and(a, name, test_leaf(a, "status", OP_EQ, "error"))), "X");
	expect(test_leaf(a, "root_service", OP_EQ, "a"), "X");
	expect(test_leaf(a, "trace_id", OP_EQ, "00000000000000090000000000000021"), "X");
	/* Few values: alone only. */
	expect(test_leaf(a, "span.flag", OP_EQ, "true"), "X");
	expect(test_and(a, user, test_leaf(a, "span.flag", OP_EQ, "true")), "F");
	expect(test_leaf(a, "span.request", OP_HAS, ""), "X");
}

static void
what_is_not_told_is_read(void **state)
{
	struct arena *a = &c.arena;
	const struct pred *user = test_leaf(a, "span.user", OP_EQ, "x");
	struct shard_stats *s = known_shard(0);

	(void)state;
	expect(test_leaf(a, "span.request", OP_EQ, "x"), "F");
	expect(test_leaf(a, "duration", OP_GT, "1s"), "F");
	expect(test_leaf(a, "host", OP_EQ, "x"), "F");
	expect(test_leaf(a, "resource.host", OP_EQ, "x"), "F");
	expect(test_leaf(a, "status", OP_EQ, "ok"), "F");
	expect(test_and(a, user, test_leaf(a, "name", OP_EQ, "x")), "F");
	expect(test_and(a, user, test_leaf(a, "child_count", OP_EQ, "1")), "F");
	s->all_keys = false;
	expect(user, "F");
	s->trace_summaries = false;
	expect(test_leaf(a, "trace_spans", OP_EQ, "1"), "F");
	c.options.output = ROW_SPAN;
	expect(test_leaf(a, "service", OP_NE, "a"), "F");
}

static void
shards_at_the_edge_of_the_range_are_read(void **state)
{
	(void)state;
	known_shard(0);
	known_shard(1);
	c.query.range.from = STATS_T0 + 1;
	expect(test_leaf(&c.arena, "span.user", OP_EQ, "x"), "FX");
	expect(test_leaf(&c.arena, "name", OP_EQ, "x"), "FX");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_told_is_covered, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_told_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(shards_at_the_edge_of_the_range_are_read, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
