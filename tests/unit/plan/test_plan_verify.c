/* SPDX-License-Identifier: ISC */
/* Unit tests of plan/plan_verify and plan/plan: every invariant can be broken and is found. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/stats_builder.h"
#include "plan/plan.h"

static struct stats_builder sb;
static struct plan *p;
static struct plan_shard shards[2];
static const struct pred all = { .kind = PRED_TRUE };

static int
setup(void **state)
{
	(void)state;
	stats_builder_init(&sb);
	stats_add_shard(&sb, 0, 10);
	stats_add_shard(&sb, 1, 10);
	p = plan_new();
	for (uint32_t i = 0; i < 2; i++)
		shards[i] = (struct plan_shard){ .shard = i, .access = ACCESS_FULL,
		    .why = "all" };
	p->scan.shards = shards;
	p->scan.n_shards = 2;
	p->filter.pred = &all;
	p->filter.range = TIME_RANGE_ALL;
	p->page.limit = UINT64_MAX;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	plan_free(p);
	stats_builder_release(&sb);
	return 0;
}

static void
ok(void)
{
	struct err e = ERR_INIT;

	plan_link(p);
	if (plan_verify(p, &sb.stats, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
broken(const char *why)
{
	struct err e = ERR_INIT;

	plan_link(p);
	assert_int_equal(plan_verify(p, &sb.stats, &e), ERR_UNSUPPORTED);
	if (strstr(e.msg, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, e.msg);
}

static void
the_plain_plan_is_valid(void **state)
{
	(void)state;
	ok();
}

static void
shards_are_all_there_in_order(void **state)
{
	(void)state;
	p->scan.n_shards = 1;
	broken("missing");
	p->scan.n_shards = 2;
	shards[1].shard = 0;
	broken("order");
	shards[1].shard = 1;
	shards[1].why = NULL;
	broken("reason");
}

static void
pruned_shards_say_by_whom(void **state)
{
	(void)state;
	shards[0].access = ACCESS_PRUNED;
	broken("by nobody");
	shards[0].pruned_by = "time";
	ok();
	shards[0].access = ACCESS_ZONE;
	broken("was pruned");
}

static void
accesses_need_their_conditions(void **state)
{
	(void)state;
	shards[0].access = ACCESS_SERVICE;
	broken("without a service");
	p->filter.pred = test_leaf(&sb.arena, "service", OP_EQ, "a");
	ok();
	shards[0].access = ACCESS_TRACE;
	broken("without a trace id");
	p->filter.pred = test_and(&sb.arena, p->filter.pred,
	    test_leaf(&sb.arena, "trace_id", OP_IN, "1,2"));
	ok();
	p->filter.pred = pred_not(&sb.arena, p->filter.pred);
	broken("without a trace id");
	shards[0].access = (enum access)17;
	broken("unknown access");
}

static void
indexes_are_of_leaves_in_shards_that_are_read(void **state)
{
	(void)state;
	p->filter.pred = test_and(&sb.arena, test_leaf(&sb.arena, "a", OP_EQ, "1"),
	    test_leaf(&sb.arena, "b", OP_EQ, "1"));
	shards[1].index_leaves = 2;
	broken("tested on rows");
	p->filter.pushdown = true;
	broken("of no shard");
	p->scan.indexes = true;
	ok();
	shards[1].index_leaves = 4;
	broken("not there");
	shards[1].index_leaves = 1;
	shards[1].access = ACCESS_PRUNED;
	shards[1].pruned_by = "time";
	broken("not read");
}

static void
leaves_with_indexes_are_found(void **state)
{
	struct arena *a = &sb.arena;
	const struct pred *x = test_leaf(a, "a", OP_EQ, "1"), *y = test_leaf(a, "name", OP_EQ, "n");
	const struct pred *s = test_leaf(a, "service", OP_EQ, "s"), *kids[3] = { x, s, y };

	(void)state;
	assert_int_equal(plan_index_leaves(x), 1);
	assert_int_equal(plan_index_leaves(s), 0);
	assert_int_equal(plan_index_leaves(pred_and(a, kids, 3)), 5);
	assert_int_equal(plan_index_leaves(pred_or(a, kids, 3)), 0);
	kids[1] = pred_not(a, test_and(a, x, y));
	assert_int_equal(plan_n_leaves(pred_and(a, kids, 3)), 4);
	assert_int_equal(plan_index_leaves(pred_and(a, kids, 3)), 9);
	kids[1] = test_leaf(a, "span.c", OP_EQ, "1");
	assert_int_equal(plan_index_leaves(pred_or(a, kids, 3)), 7);
}

static void
footers_only_count(void **state)
{
	(void)state;
	shards[0].access = ACCESS_CATALOG;
	broken("more than a count");
	p->output = ROW_COUNT;
	ok();
	p->filter.pred = test_leaf(&sb.arena, "service", OP_IN, "a,b");
	ok();
	p->filter.pred = test_and(&sb.arena, p->filter.pred, test_leaf(&sb.arena, "k", OP_HAS, ""));
	broken("under a filter");
}

static void
never_reads_nothing(void **state)
{
	(void)state;
	p->filter.never = true;
	broken("can't match");
}

static void
pages_are_sound(void **state)
{
	static const struct sort_key key = { { .scope = FIELD_INTRINSIC,
	    .intrinsic = IN_DURATION }, true };

	(void)state;
	p->order.topn = true;
	broken("without a bound");
	p->page.limit = 5;
	broken("without a sort");
	p->order.keys = &key;
	p->order.n_keys = 1;
	ok();
	p->page.offset = UINT64_MAX;
	broken("without a bound");
	p->order.topn = false;
	p->scan.early_stop = true;
	broken("under a sort");
	p->order.n_keys = 0;
	ok();
	p->page.limit = UINT64_MAX;
	broken("without a limit");
}

static void
steps_are(const char *names)
{
	struct buf b = BUF_INIT;

	plan_link(p);
	for (const struct plan_node *n = p->root; n != NULL; n = n->input)
		buf_printf(&b, "%s%s", n == p->root ? "" : " ", plan_kind_name(n->kind));
	assert_string_equal(buf_cstr(&b), names);
	buf_release(&b);
}

static void
steps_are_those_that_the_plan_asks_for(void **state)
{
	static const struct sort_key key = { { .scope = FIELD_INTRINSIC,
	    .intrinsic = IN_TRACE_DURATION }, true };
	const struct pred *slow = test_leaf(&sb.arena, "trace_duration", OP_GT, "1s");
	struct err e = ERR_INIT;

	(void)state;
	steps_are("fetch order filter scan");
	p->fetch.want_trace = true;
	steps_are("fetch traces order filter scan");
	p->page.limit = 5;
	steps_are("fetch traces limit order filter scan");
	p->order.keys = &key;
	p->order.n_keys = 1;
	steps_are("fetch limit order traces filter scan");
	p->filter.pred = slow;
	steps_are("fetch limit order filter traces scan");
	assert_true(plan_has(p, PLAN_TRACES));
	p->output = ROW_COUNT;
	steps_are("count limit filter traces scan");
	assert_false(plan_has(p, PLAN_FETCH));
	p->page.limit = UINT64_MAX;
	p->order.n_keys = 0;
	p->filter.pred = &all;
	steps_are("count filter scan");
	p->output = ROW_TRACE;
	steps_are("fetch order traces filter scan");
	p->output = ROW_GROUP;
	steps_are("group traces filter scan");
	ok();
	p->fetch.want_trace = false;
	steps_are("group filter scan");
	ok();
	p->output = ROW_CONTRAST;
	p->contrast.pred = slow;
	steps_are("compare traces filter scan");
	ok();
	/* What is linked for another output is found. */
	p->contrast.pred = NULL;
	p->output = ROW_COUNT;
	assert_int_equal(plan_verify(p, &sb.stats, &e), ERR_UNSUPPORTED);
	ok();
}

static void
sums_are_of_all_spans(void **state)
{
	(void)state;
	p->output = ROW_GROUP;
	p->page.offset = 1;
	broken("by the page");
	p->page.offset = 0;
	p->page.limit = 1;
	broken("by the page");
	p->page.limit = UINT64_MAX;
	p->fetch.by_columns = p->fetch.want_trace = true;
	p->filter.pushdown = true;
	ok();
	p->fetch.want_trace = false;
	broken("by columns");
}

static void
filters_are_well_formed(void **state)
{
	struct pred leaf = *test_leaf(&sb.arena, "a", OP_EQ, "1");
	const struct pred *deep = &leaf;

	(void)state;
	p->filter.pred = NULL;
	broken("no filter");
	leaf.n_lits = 2;
	p->filter.pred = &leaf;
	broken("number of values");
	leaf.n_lits = 1;
	for (int i = 0; i < 200; i++)
		deep = pred_not(&sb.arena, deep);
	p->filter.pred = deep;
	broken("too deep");
}

static void
estimates_are_numbers(void **state)
{
	(void)state;
	p->est_cost = (double)NAN;
	broken("no number");
	p->est_cost = 0;
	p->order.node.est_rows = -1;
	broken("no number");
	p->order.node.est_rows = 0;
	shards[1].est_rows = -1;
	broken("no number");
}

static void
top_leaves_are_found(void **state)
{
	const struct pred *s = test_leaf(&sb.arena, "service", OP_IN, "a,b");
	const struct pred *k = test_leaf(&sb.arena, "k", OP_EQ, "1");

	(void)state;
	assert_ptr_equal(plan_top_leaf(s, IN_SERVICE), s);
	assert_ptr_equal(plan_top_leaf(test_and(&sb.arena, k, s), IN_SERVICE), s);
	assert_null(plan_top_leaf(test_or(&sb.arena, k, s), IN_SERVICE));
	assert_null(plan_top_leaf(k, IN_SERVICE));
	assert_null(plan_top_leaf(test_leaf(&sb.arena, "service", OP_NE, "a"), IN_SERVICE));
	assert_null(plan_top_leaf(&all, IN_SERVICE));
	plan_free(NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_plain_plan_is_valid), T(shards_are_all_there_in_order),
		T(pruned_shards_say_by_whom), T(accesses_need_their_conditions),
		T(footers_only_count), T(never_reads_nothing), T(pages_are_sound),
		T(filters_are_well_formed), T(estimates_are_numbers), T(top_leaves_are_found),
		T(indexes_are_of_leaves_in_shards_that_are_read),
		T(leaves_with_indexes_are_found), T(steps_are_those_that_the_plan_asks_for),
		T(sums_are_of_all_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
