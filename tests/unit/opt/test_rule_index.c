/* SPDX-License-Identifier: ISC */
/* Unit tests of rule_index: indexes are asked where a condition may have one. */
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

/* A shard whose user ids have postings. */
static void
add_shard(uint64_t hour)
{
	struct shard_stats *s = stats_add_shard(&c.stats, hour, 20000);
	struct column_stats *col = stats_add_column(&c.stats, s, "span.user.id", VAL_STRING,
	    20000, 5000);

	col->indexes = STAT_INDEX_POSTINGS;
	col->postings_bytes = 20000;
	col->n_bytes = 40000;
	stats_add_service(&c.stats, s, "a", 20000, 0);
}

static void
asks_for_attributes_and_names(void **state)
{
	(void)state;
	add_shard(0);
	opt_case_where(&c, "user.id", OP_EQ, "42");
	assert_true(opt_case_run(&c, "pushdown,index")->scan.indexes);
}

static void
does_not_ask_for_what_has_no_index(void **state)
{
	(void)state;
	opt_case_where(&c, "flags", OP_EQ, "1");
	assert_false(opt_case_run(&c, "pushdown,index")->scan.indexes);
}

static void
marks_leaves_of_shards_that_are_read(void **state)
{
	struct plan *p;

	(void)state;
	add_shard(0);
	add_shard(1);
	opt_case_where(&c, "flags", OP_EQ, "1");
	opt_case_where(&c, "user.id", OP_EQ, "42");
	c.query.range.from = stats_done(&c.stats)->shards[1].min_start;
	p = opt_case_run(&c, "pushdown,time,index");
	assert_string_equal(opt_case_access(&c), "PF");
	assert_int_equal(p->scan.shards[0].index_leaves, 0);
	assert_int_equal(p->scan.shards[1].index_leaves, 2);
}

static void
needs_columns(void **state)
{
	(void)state;
	opt_case_where(&c, "name", OP_EQ, "x");
	assert_false(opt_case_run(&c, "index")->scan.indexes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_for_attributes_and_names, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_ask_for_what_has_no_index, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(marks_leaves_of_shards_that_are_read, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(needs_columns, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
