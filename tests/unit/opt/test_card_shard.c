/* SPDX-License-Identifier: ISC */
/*
 * Tests of opt/card_shard: how many rows of a shard an equality is estimated at, where a Bloom
 * filter says whether the shard has the value, and where none does.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/stats_builder.h"
#include "opt/card_i.h"

/*
 * Two shards of 100 rows with 31 users each, "everybody" with 40 rows of both; the store has
 * 91 users.
 */
struct two {
	struct arena arena;
	struct stats_builder stats;
	struct stats_summary summary;
	struct stats_field field;
	struct column_stats *col[2];
	struct shard_filter *filter;
};

static struct two t;

static int
setup(void **state)
{
	(void)state;
	t = (struct two){ .summary = { .n_rows = 200, .n_shards = 2, .n_fields = 1 } };
	arena_init(&t.arena);
	stats_builder_init(&t.stats);
	for (unsigned i = 0; i < 2; i++) {
		t.col[i] = stats_add_column(&t.stats, stats_add_shard(&t.stats, i, 100),
		    "span.user", VAL_STRING, 100, 31);
		stats_add_top(&t.stats, t.col[i],
		    (struct value){ .type = VAL_STRING, .s = SV("everybody") }, 40);
	}
	t.field = (struct stats_field){ .type = VAL_STRING, .n_present = 200, .n_distinct = 91 };
	assert_true(field_parse(SV("span.user"), &t.field.field));
	t.summary.fields = &t.field;
	t.stats.stats.summary = &t.summary;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	stats_builder_release(&t.stats);
	arena_release(&t.arena);
	return 0;
}

/* Of the first shard only. */
static void
with_filter(const char *values)
{
	t.filter = stats_add_filter(&t.stats, "span.user");
	stats_set_filter(&t.stats, &t.filter[0], t.col[0], values);
}

static double
rows(size_t shard, enum pred_op op, const char *values)
{
	const struct stats *st = stats_done(&t.stats);
	struct card_leaf l;
	struct err e = ERR_INIT;
	double n;

	if (card_leaf_make(&l, st, test_leaf(&t.arena, "span.user", op, values), &t.arena,
	    &e) != 0)
		fail_msg("%s", e.msg);
	n = card_leaf_in_shard(&l, st, &st->shards[shard]) * 100;
	card_leaf_release(&l);
	return n;
}

#define ABOUT(x, y) assert_true(fabs((x) - (y)) < 0.01)

static void
without_a_filter_a_value_may_be_any_of_the_store(void **state)
{
	(void)state;
	ABOUT(rows(0, OP_EQ, "ann"), 60.0 / 90);
	ABOUT(rows(0, OP_EQ, "everybody"), 40);
	with_filter(NULL);
	ABOUT(rows(0, OP_EQ, "ann"), 60.0 / 90);
	ABOUT(rows(1, OP_EQ, "ann"), 60.0 / 90);
}

static void
a_value_that_the_filter_has_is_one_of_the_shard(void **state)
{
	(void)state;
	with_filter("ann,bob,everybody");
	ABOUT(rows(0, OP_EQ, "ann"), 60.0 / 30);
	ABOUT(rows(0, OP_IN, "ann,bob"), 60.0 / 30 * 2);
	ABOUT(rows(0, OP_NE, "ann"), 100 - 60.0 / 30);
	/* The filter is of the other shard. */
	ABOUT(rows(1, OP_EQ, "ann"), 60.0 / 90);
}

static void
a_value_that_the_filter_lacks_has_no_rows(void **state)
{
	(void)state;
	with_filter("ann,bob");
	ABOUT(rows(0, OP_EQ, "nobody"), 0);
	ABOUT(rows(0, OP_IN, "nobody,ann"), 60.0 / 30);
	ABOUT(rows(0, OP_NE, "nobody"), 100);
	/* What the footer lists counts whatever the filter says. */
	ABOUT(rows(0, OP_EQ, "everybody"), 40);
	ABOUT(rows(1, OP_EQ, "nobody"), 60.0 / 90);
}

static void
a_filter_of_another_column_says_nothing(void **state)
{
	(void)state;
	with_filter("bob");
	t.filter[0].column = t.col[1];
	ABOUT(rows(0, OP_EQ, "ann"), 60.0 / 90);
	t.filter[0] = (struct shard_filter){ .kind = FILTER_UNKNOWN };
	ABOUT(rows(0, OP_EQ, "ann"), 60.0 / 90);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(without_a_filter_a_value_may_be_any_of_the_store),
		T(a_value_that_the_filter_has_is_one_of_the_shard),
		T(a_value_that_the_filter_lacks_has_no_rows),
		T(a_filter_of_another_column_says_nothing),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
