/* SPDX-License-Identifier: ISC */
/* Unit tests of the rules about output: order, catalog, project, limit, topn, pushdown. */
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
known_shard(uint64_t hour)
{
	struct shard_stats *s = stats_add_shard(&c.stats, hour, 1000);
	struct column_stats *col;

	stats_add_service(&c.stats, s, "a", 990, 5);
	stats_add_service(&c.stats, s, "b", 10, 0);
	(void)stats_add_column(&c.stats, s, "name", VAL_STRING, 1000, 200);
	col = stats_add_column(&c.stats, s, "span.k", VAL_STRING, 1000, 2);
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING, .s = SV("often") }, 999);
	stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING, .s = SV("rare") }, 1);
}

static void
order_puts_cheap_and_sharp_conditions_first(void **state)
{
	(void)state;
	known_shard(0);
	opt_case_where(&c, "name", OP_RE, "x.*");
	opt_case_where(&c, "span.k", OP_EQ, "often");
	opt_case_where(&c, "service", OP_EQ, "b");
	opt_case_where(&c, "span.k", OP_EQ, "rare");
	opt_case_run(&c, "order");
	opt_case_expect_filter(&c,
	    "service = b AND span.k = rare AND name =~ x.* AND span.k = often");
	opt_case_run(&c, "order");
	assert_int_equal(c.plan->n_fired, 1);
}

static void
order_keeps_what_is_in_order(void **state)
{
	(void)state;
	known_shard(0);
	opt_case_where(&c, "service", OP_EQ, "b");
	opt_case_where(&c, "name", OP_RE, "x.*");
	opt_case_run(&c, "order");
	assert_int_equal(c.plan->n_fired, 0);
}

static void
order_reaches_into_groups(void **state)
{
	const struct pred *a = test_leaf(&c.arena, "name", OP_RE, "x");
	const struct pred *b = test_leaf(&c.arena, "span.k", OP_EQ, "often");

	(void)state;
	known_shard(0);
	c.query.filter = pred_not(&c.arena, test_or(&c.arena, a, b));
	opt_case_run(&c, "order");
	opt_case_expect_filter(&c, "NOT (span.k = often OR name =~ x)");
}

static void
counts_come_from_footers(void **state)
{
	(void)state;
	known_shard(0);
	known_shard(1);
	stats_add_shard(&c.stats, 2, 10);
	c.options.output = ROW_COUNT;
	opt_case_run(&c, "catalog");
	assert_string_equal(opt_case_access(&c), "CCF");
	c.query.range = (struct time_range){ STATS_T0 + 1, WHEN_MAX };
	opt_case_run(&c, "catalog");
	assert_string_equal(opt_case_access(&c), "FCF");
	opt_case_where(&c, "service", OP_IN, "a,zz");
	opt_case_run(&c, "catalog");
	assert_string_equal(opt_case_access(&c), "FCF");
	opt_case_run(&c, "service,zone,catalog");
	assert_string_equal(opt_case_access(&c), "SCF");
	opt_case_where(&c, "span.k", OP_EQ, "rare");
	opt_case_run(&c, "catalog");
	assert_string_equal(opt_case_access(&c), "FFF");
	c.query.filter = test_leaf(&c.arena, "service", OP_NE, "a");
	opt_case_run(&c, "catalog");
	assert_string_equal(opt_case_access(&c), "FFF");
}

static void
rows_do_not_come_from_footers(void **state)
{
	(void)state;
	known_shard(0);
	opt_case_run(&c, "catalog");
	assert_string_equal(opt_case_access(&c), "F");
}

static void
select_projects_its_fields(void **state)
{
	static const char *const typed[] = { "name", "k", "span.j", "resource.r", "event:name",
	    "scope.s", "flags", "link.l", "event.e" };
	struct field f[9];
	const struct projection *pr;

	(void)state;
	for (size_t i = 0; i < 9; i++)
		assert_true(field_parse(sv_cstr(typed[i]), &f[i]));
	c.query.select = f;
	c.query.n_select = 3;
	pr = &opt_case_run(&c, "project")->fetch.projection;
	assert_false(pr->all);
	assert_int_equal(pr->n_fields, 2);
	assert_int_equal(pr->intrinsics, 1u << IN_NAME);
	assert_true(pr->resource);	/* k may be the resource's */
	assert_false(pr->events || pr->links || pr->scope || pr->rest || pr->attrs);
	c.query.n_select = 9;
	pr = &opt_case_run(&c, "project")->fetch.projection;
	assert_true(pr->events && pr->links && pr->scope && pr->rest && !pr->attrs);
	opt_case_run(&c, "");
	assert_true(c.plan->fetch.projection.all);
}

static void
without_select_the_file_says_what_it_needs(void **state)
{
	(void)state;
	opt_case_run(&c, "project");
	assert_true(c.plan->fetch.projection.all);
	assert_int_equal(c.plan->n_fired, 0);
	c.options.projection = (struct projection){ .events = true };
	opt_case_run(&c, "project");
	assert_true(c.plan->fetch.projection.events);
	assert_false(c.plan->fetch.projection.all);
	assert_int_equal(c.plan->n_fired, 1);
}

static void
groups_that_ask_about_traces_may_gather(void **state)
{
	struct field f[2];
	const struct plan_fetch *got;

	(void)state;
	assert_true(field_parse(SV("name"), &f[0]));
	assert_true(field_parse(SV("parent:service"), &f[1]));
	(void)stats_add_shard(&c.stats, 0, 1000);
	(void)stats_add_shard(&c.stats, 1, 20000);
	c.query.select = f;
	c.options.output = ROW_GROUP;
	c.options.gathers = true;
	c.query.n_select = 1;
	got = &opt_case_run(&c, "all")->fetch;
	assert_false(got->want_trace || got->may_gather || got->by_columns);
	c.query.n_select = 2;
	got = &opt_case_run(&c, "all")->fetch;
	assert_true(got->want_trace && got->may_gather && got->by_columns && got->joins);
	assert_true(got->columns_cost < got->spans_cost);
	got = &opt_case_run(&c, "gather")->fetch;
	assert_false(got->may_gather || got->by_columns);	/* not without pushdown */
	got = &opt_case_run(&c, "pushdown")->fetch;
	assert_false(got->may_gather || got->by_columns || got->joins);
	/* A field of the groups is in no columns; and spans are handed out one by one. */
	c.options.gathers = false;
	got = &opt_case_run(&c, "all")->fetch;
	assert_true(got->want_trace && !got->may_gather && !got->by_columns);
	c.options.gathers = true;
	c.options.output = ROW_SPAN;
	got = &opt_case_run(&c, "all")->fetch;
	assert_true(got->want_trace && !got->may_gather && !got->by_columns);
}

static void
limit_stops_early_in_the_default_order(void **state)
{
	static const struct sort_item key = { .by = { .field = { .scope = FIELD_INTRINSIC,
	    .intrinsic = IN_DURATION }, .desc = true } };

	(void)state;
	opt_case_run(&c, "limit");
	assert_false(c.plan->scan.early_stop);
	c.query.has_limit = true;
	c.query.limit = 10;
	opt_case_run(&c, "limit,topn");
	assert_true(c.plan->scan.early_stop);
	assert_false(c.plan->order.topn);
	c.options.output = ROW_TRACE;
	opt_case_run(&c, "limit");
	assert_false(c.plan->scan.early_stop);
	c.options.output = ROW_SPAN;
	c.query.sort = &key;
	c.query.n_sort = 1;
	opt_case_run(&c, "limit,topn");
	assert_false(c.plan->scan.early_stop);
	assert_true(c.plan->order.topn);
	c.query.offset = UINT64_MAX;
	opt_case_run(&c, "topn");
	assert_false(c.plan->order.topn);
	c.query.offset = 0;
	c.options.output = ROW_COUNT;
	opt_case_run(&c, "limit,topn");
	assert_true(c.plan->scan.early_stop);
	assert_false(c.plan->order.topn);
}

static void
pushdown_is_a_switch(void **state)
{
	(void)state;
	assert_false(opt_case_run(&c, "")->filter.pushdown);
	assert_true(opt_case_run(&c, "pushdown")->filter.pushdown);
}

/* ---- what the source takes over ---- */

static void
a_source_is_handed_no_more_than_it_takes(void **state)
{
	struct plan_caps caps = plan_caps_local;

	(void)state;
	stats_add_shard(&c.stats, 0, 1000);
	c.options.caps = &caps;
	c.options.projection = (struct projection){ .attrs = true };
	c.query.has_limit = true;
	c.query.limit = 3;
	opt_case_where(&c, "span.i", OP_GE, "5");
	assert_true(opt_case_run(&c, "all")->filter.pushdown);
	assert_true(opt_case_run(&c, "all")->scan.early_stop);
	assert_false(opt_case_run(&c, "all")->fetch.projection.all);
	/* Leaf by leaf: one that it doesn't test leaves all of them to rows. */
	caps.ops[FIELD_SPAN] &= ~(1u << OP_GE);
	assert_false(opt_case_run(&c, "all")->filter.pushdown);
	caps.ops[FIELD_SPAN] = 1u << OP_GE;
	assert_true(opt_case_run(&c, "all")->filter.pushdown);
	opt_case_where(&c, "name", OP_EQ, "n");
	assert_true(opt_case_run(&c, "all")->filter.pushdown);
	caps.intrinsics &= ~((uint64_t)1 << IN_NAME);
	assert_false(opt_case_run(&c, "all")->filter.pushdown);
	caps = plan_caps_local;
	caps.time = false;
	assert_false(opt_case_run(&c, "all")->filter.pushdown);
	caps.newest = caps.projection = false;
	assert_false(opt_case_run(&c, "all")->scan.early_stop);
	assert_true(opt_case_run(&c, "all")->fetch.projection.all);
}

static void
a_source_that_does_not_count_is_scanned(void **state)
{
	struct plan_caps caps = plan_caps_local;

	(void)state;
	known_shard(0);
	c.options.output = ROW_COUNT;
	c.options.caps = &caps;
	opt_case_run(&c, "all");
	assert_string_equal(opt_case_access(&c), "C");
	caps.counts = false;
	opt_case_run(&c, "all");
	assert_string_equal(opt_case_access(&c), "F");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order_puts_cheap_and_sharp_conditions_first,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(order_keeps_what_is_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(order_reaches_into_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_come_from_footers, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_do_not_come_from_footers, setup, teardown),
		cmocka_unit_test_setup_teardown(select_projects_its_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(without_select_the_file_says_what_it_needs, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(groups_that_ask_about_traces_may_gather, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(limit_stops_early_in_the_default_order, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(pushdown_is_a_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_is_handed_no_more_than_it_takes, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_source_that_does_not_count_is_scanned, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
