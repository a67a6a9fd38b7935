/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/opt: the table, the mask, the plain plan, rules together. */
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

static void
rules_are_named_and_switched(void **state)
{
	struct err e = ERR_INIT;
	uint64_t mask = 0;

	(void)state;
	assert_string_equal(opt_rule_name(0), "fold");
	assert_null(opt_rule_name(23));
	assert_int_equal(opt_rules_parse(SV("fold,pushdown"), &mask, &e), 0);
	assert_int_equal(mask, 0x21);
	assert_int_equal(opt_rules_parse(SV("all"), &mask, &e), 0);
	assert_int_equal(mask, 0x7fffff);
	assert_int_equal(opt_rules_parse(SV(""), &mask, &e), 0);
	assert_int_equal(mask, 0);
	assert_int_equal(opt_rules_parse(SV("fold,nope"), &mask, &e), ERR_SYNTAX);
	assert_non_null(strstr(e.msg, "nope"));
	assert_int_equal(opt_rules_parse(SV("fold,"), &mask, &e), ERR_SYNTAX);
}

static void
add_shards(void)
{
	for (uint64_t h = 0; h < 5; h++) {
		struct shard_stats *s = stats_add_shard(&c.stats, h, 1000);

		stats_add_service(&c.stats, s, h == 3 ? "x" : "a", 1000, 5);
		stats_add_column(&c.stats, s, "service", VAL_STRING, 1000, 1);
		stats_set_ints(stats_add_column(&c.stats, s, "span.i", VAL_INT, 1000, 9),
		    (int64_t)h * 10, (int64_t)h * 10 + 9);
		stats_set_bloom(&c.stats, s, h, 100);
	}
}

static void
the_plain_plan_is_plain(void **state)
{
	struct plan *p;

	(void)state;
	add_shards();
	c.query.range = (struct time_range){ STATS_T0 + 1, STATS_T0 + 2 };
	c.query.has_limit = true;
	c.query.limit = 3;
	c.query.offset = 4;
	opt_case_where(&c, "service", OP_IN, "a");
	opt_case_where(&c, "start", OP_GE, "5");
	p = opt_case_run(&c, "");
	assert_string_equal(opt_case_access(&c), "FFFFF");
	opt_case_expect_filter(&c, "service in (a) AND start >= 5");
	assert_false(p->filter.pushdown || p->scan.early_stop || p->order.topn || p->filter.never);
	assert_true(p->fetch.projection.all);
	assert_int_equal(p->filter.range.from, STATS_T0 + 1);
	assert_int_equal(p->page.limit, 3);
	assert_int_equal(p->page.offset, 4);
	assert_int_equal(p->n_fired, 0);
	assert_int_equal(p->stats_version, 7);
}

static void
an_end_at_the_last_instant_leaves_that_out(void **state)
{
	(void)state;
	add_shards();
	c.query.has_until = true;
	c.query.until = (struct when){ WHEN_ABSOLUTE, WHEN_MAX };
	opt_case_run(&c, "");
	opt_case_expect_filter(&c, "start < 2554-07-21T23:34:33.709551615Z");
	opt_case_where(&c, "service", OP_EQ, "a");
	opt_case_run(&c, "");
	opt_case_expect_filter(&c, "service = a AND start < 2554-07-21T23:34:33.709551615Z");
	opt_case_run(&c, "all");
	assert_string_equal(opt_case_access(&c), "SSSPS");
	/* Later ones are the end of all that can be. */
	c.query.until.ns++;
	opt_case_run(&c, "");
	opt_case_expect_filter(&c, "service = a");
}

static void
rules_work_together(void **state)
{
	struct plan *p;

	(void)state;
	add_shards();
	c.query.range = (struct time_range){ STATS_T0 + NS_PER_HOUR, WHEN_MAX };
	opt_case_where(&c, "service", OP_EQ, "a");
	opt_case_where(&c, "span.i", OP_GE, "25");
	p = opt_case_run(&c, "all");
	assert_string_equal(opt_case_access(&c), "PPSPS");
	assert_string_equal(p->scan.shards[0].pruned_by, "time");
	assert_string_equal(p->scan.shards[1].pruned_by, "zone");
	assert_string_equal(p->scan.shards[3].pruned_by, "service");
	assert_true(p->est_rows > 0 && p->est_rows <= 2000);
}

static void
the_plan_outlives_the_query(void **state)
{
	struct opt_options o = c.options;
	struct plan *p = NULL;
	struct arena a;
	struct query q = c.query;
	struct sort_item key;
	struct field f;

	(void)state;
	add_shards();
	arena_init(&a);
	assert_true(field_parse(arena_sv(&a, SV("span.key")), &f));
	key = (struct sort_item){ .by = { .field = f, .desc = true } };
	q.sort = &key;
	q.n_sort = 1;
	q.select = &f;
	q.n_select = 1;
	q.filter = test_leaf(&a, "k", OP_EQ, "v");
	assert_int_equal(opt_plan(&q, stats_done(&c.stats), &o, &p, NULL), 0);
	arena_release(&a);
	assert_true(sv_is(p->order.keys[0].field.key, "key"));
	assert_true(sv_is(p->fetch.projection.fields[0].key, "key"));
	assert_true(sv_is(p->filter.pred->lits[0].text, "v"));
	plan_free(p);
}

static void
facts_of_the_trace_are_wanted_where_they_are_shown(void **state)
{
	struct field f;

	(void)state;
	assert_true(field_parse(SV("root_name"), &f));
	c.query.select = &f;
	c.query.n_select = 1;
	assert_true(opt_case_run(&c, "")->fetch.want_trace);
	c.query.n_select = 0;
	assert_false(opt_case_run(&c, "")->fetch.want_trace);
}

static void
a_limit_makes_the_newest_shards_enough(void **state)
{
	double all, some;

	(void)state;
	add_shards();
	all = opt_case_run(&c, "all")->est_cost;
	c.query.has_limit = true;
	c.query.limit = 10;
	some = opt_case_run(&c, "all")->est_cost;
	assert_true(some < all / 3);
	assert_true(c.plan->est_rows <= 10);
	c.query.limit = 0;
	assert_true(opt_case_run(&c, "all")->est_rows <= 0);
}

static void
any_single_rule_may_be_off(void **state)
{
	struct buf list = BUF_INIT;

	(void)state;
	add_shards();
	c.query.has_limit = true;
	c.query.limit = 10;
	opt_case_where(&c, "service", OP_IN, "a,b");
	opt_case_where(&c, "start", OP_GE, "5");
	opt_case_where(&c, "trace_id", OP_EQ, "00000000000000010000000000000005");
	for (size_t off = 0; opt_rule_name(off) != NULL; off++) {
		list.n = 0;
		for (size_t i = 0; opt_rule_name(i) != NULL; i++)
			if (i != off)
				buf_printf(&list, "%s%s", list.n == 0 ? "" : ",",
				    opt_rule_name(i));
		opt_case_run(&c, buf_cstr(&list));
		assert_int_not_equal(c.plan->scan.shards[1].access, ACCESS_PRUNED);
	}
	buf_release(&list);
}

static void
ten_thousand_shards_are_planned_quickly_enough_for_a_test(void **state)
{
	(void)state;
	for (uint64_t h = 0; h < 4000; h++)
		stats_add_shard(&c.stats, h, 1000);
	c.query.range = (struct time_range){ STATS_T0 + 3999 * NS_PER_HOUR, WHEN_MAX };
	opt_case_run(&c, "all");
	assert_int_equal(c.plan->scan.shards[3999].access, ACCESS_FULL);
	assert_int_equal(c.plan->scan.shards[3998].access, ACCESS_PRUNED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rules_are_named_and_switched, setup, teardown),
		cmocka_unit_test_setup_teardown(the_plain_plan_is_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(an_end_at_the_last_instant_leaves_that_out, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(rules_work_together, setup, teardown),
		cmocka_unit_test_setup_teardown(the_plan_outlives_the_query, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    facts_of_the_trace_are_wanted_where_they_are_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(a_limit_makes_the_newest_shards_enough, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(any_single_rule_may_be_off, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    ten_thousand_shards_are_planned_quickly_enough_for_a_test, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
