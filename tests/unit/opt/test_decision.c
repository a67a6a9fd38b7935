/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of opt/decision: a plan by a decision is the plan of a fresh one, nothing is
 * costed for it, and a decision that does not hold is not used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/opt_case.h"
#include "opt/decision.h"

#define N_SHARDS 64

static struct opt_case c;
static const char *const routes[] = { "/a", "/b", "/c", "/d" };

/* In each shard half of the spans have route /a, an 8th /b, a 50th /c, one /d; 20 of 900 users. */
static void
add_shard(uint64_t hour)
{
	struct shard_stats *s = stats_add_shard(&c.stats, hour, 10000);
	static const uint64_t n[] = { 5000, 1250, 200, 1 };
	struct column_stats *col;

	stats_add_service(&c.stats, s, "cart", 4000, 40);
	stats_add_service(&c.stats, s, "checkout", 6000, 60);
	stats_add_column(&c.stats, s, "service", VAL_STRING, 10000, 2);
	col = stats_add_column(&c.stats, s, "span.route", VAL_STRING, 6451, 4);
	for (size_t i = 0; i < 4; i++)
		stats_add_top(&c.stats, col, (struct value){ .type = VAL_STRING,
		    .s = sv_cstr(routes[i]) }, n[i]);
	stats_add_column(&c.stats, s, "span.user", VAL_STRING, 10000, 900);
	stats_set_bloom(&c.stats, s, hour, 10);
}

static int
setup(void **state)
{
	(void)state;
	opt_case_init(&c);
	for (uint64_t h = 0; h < N_SHARDS; h++)
		add_shard(h);
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
ask(const char *service, const char *route, const char *user)
{
	static const struct pred everything = { .kind = PRED_TRUE };

	c.query.filter = &everything;
	opt_case_where(&c, "service", OP_EQ, service);
	if (route != NULL)
		opt_case_where(&c, "span.route", OP_EQ, route);
	if (user != NULL)
		opt_case_where(&c, "span.user", OP_EQ, user);
}

static struct plan *
decide(struct decision **d)
{
	struct plan *p = NULL;
	struct err e = ERR_INIT;

	*d = NULL;
	if (opt_plan_decide(&c.query, stats_done(&c.stats), &c.options, &p, d, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static int
decided(const struct decision *d, struct plan **p)
{
	struct err e = ERR_INIT;
	size_t which = 9;
	int code = opt_plan_decided(&c.query, stats_done(&c.stats), &c.options, &d, 1, &which,
	    p, &e);

	if (code < 0)
		fail_msg("%s", e.msg);
	if (code == 0)
		assert_int_equal(which, 0);
	return code;
}

/* All that exec goes by. */
static void
expect_same(const struct plan *p, const struct plan *q)
{
	assert_true(pred_eq(p->filter.pred, q->filter.pred));
	assert_int_equal(p->filter.range.from, q->filter.range.from);
	assert_int_equal(p->filter.range.to, q->filter.range.to);
	assert_int_equal(p->scan.n_shards, q->scan.n_shards);
	assert_int_equal(p->scan.indexes, q->scan.indexes);
	assert_int_equal(p->scan.early_stop, q->scan.early_stop);
	assert_int_equal(p->order.topn, q->order.topn);
	assert_int_equal(p->filter.never, q->filter.never);
	assert_int_equal(p->scan.threads, q->scan.threads);
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		assert_int_equal(p->scan.shards[i].access, q->scan.shards[i].access);
		assert_int_equal(p->scan.shards[i].index_leaves, q->scan.shards[i].index_leaves);
	}
}

static void
a_hit_is_the_plan_of_a_fresh_decision(void **state)
{
	struct plan *p, *fresh, *hit = NULL;
	struct decision *d, *other;

	(void)state;
	ask("cart", "/a", "u1");
	p = decide(&d);
	assert_non_null(d);
	assert_true(p->n_costed > 0);
	ask("checkout", "/b", "u2");
	fresh = decide(&other);
	assert_int_equal(decided(d, &hit), 0);
	expect_same(hit, fresh);
	assert_int_equal(hit->n_costed, 0);
	/* The estimate knows the other values. */
	assert_true(hit->est_rows > fresh->est_rows / 2 && hit->est_rows < fresh->est_rows * 2);
	assert_true(hit->est_cost > 0);
	plan_free(p);
	plan_free(fresh);
	plan_free(hit);
	decision_free(d);
	decision_free(other);
}

static void
the_order_of_conditions_is_kept(void **state)
{
	struct plan *p, *hit = NULL;
	struct decision *d;
	char *text;

	(void)state;
	c.query.filter = test_and(&c.arena, test_or(&c.arena,
	    test_leaf(&c.arena, "span.user", OP_EQ, "u1"),
	    test_leaf(&c.arena, "span.user", OP_RE, "x.*")),
	    test_leaf(&c.arena, "span.route", OP_EQ, "/c"));
	p = decide(&d);
	text = test_pred_text(p->filter.pred);
	assert_string_equal(text, "span.route = /c AND (span.user =~ x.* OR span.user = u1)");
	free(text);
	assert_int_equal(d->n_order, 4);
	c.query.filter = test_and(&c.arena, test_or(&c.arena,
	    test_leaf(&c.arena, "span.user", OP_EQ, "u2"),
	    test_leaf(&c.arena, "span.user", OP_RE, "y.*")),
	    test_leaf(&c.arena, "span.route", OP_EQ, "/c"));
	assert_int_equal(decided(d, &hit), 0);
	text = test_pred_text(hit->filter.pred);
	assert_string_equal(text, "span.route = /c AND (span.user =~ y.* OR span.user = u2)");
	free(text);
	plan_free(p);
	plan_free(hit);
	decision_free(d);
}

static void
does_not_hold_for_much_rarer_values(void **state)
{
	struct plan *p, *none = NULL;
	struct decision *d;

	(void)state;
	ask("cart", "/a", NULL);
	p = decide(&d);
	ask("cart", "/c", NULL);
	assert_int_equal(decided(d, &none), DECISION_SELECTIVITY);
	assert_null(none);
	ask("cart", "/b", NULL);
	assert_int_equal(decided(d, &none), 0);
	plan_free(none);
	plan_free(p);
	decision_free(d);
}

static void
the_one_that_holds_is_found(void **state)
{
	struct plan *p, *q, *hit = NULL;
	const struct decision *both[2];
	struct decision *d, *other;
	struct err e = ERR_INIT;
	size_t which = 9;

	(void)state;
	ask("cart", "/a", NULL);
	p = decide(&d);
	ask("cart", "/d", NULL);
	q = decide(&other);
	both[0] = d;
	both[1] = other;
	assert_int_equal(opt_plan_decided(&c.query, stats_done(&c.stats), &c.options, both, 2,
	    &which, &hit, &e), 0);
	assert_int_equal(which, 1);
	plan_free(p);
	plan_free(q);
	plan_free(hit);
	decision_free(d);
	decision_free(other);
}

static void
shards_may_come_and_go(void **state)
{
	struct plan *p, *hit = NULL;
	struct decision *d;

	(void)state;
	ask("cart", "/a", NULL);
	p = decide(&d);
	add_shard(N_SHARDS);
	add_shard(N_SHARDS + 1);
	assert_int_equal(decided(d, &hit), 0);
	assert_int_equal(hit->scan.n_shards, N_SHARDS + 2);
	plan_free(p);
	plan_free(hit);
	decision_free(d);
}

static void
values_prune_on_a_hit_too(void **state)
{
	struct plan *p, *hit = NULL;
	struct decision *d;
	const struct pred *id;

	(void)state;
	for (uint64_t hour = 3; hour < 8; hour += 4) {
		struct literal l = { .hi = hour, .lo = 1, .text = SV("x") };
		struct field f = { .scope = FIELD_INTRINSIC, .intrinsic = IN_TRACE_ID };
		struct literal *v = arena_new(&c.arena, struct literal);

		*v = l;
		id = pred_leaf(&c.arena, OP_EQ, f, v, 1);
		c.query.filter = id;
		if (hour == 3) {
			p = decide(&d);
			assert_int_equal(p->scan.shards[3].access, ACCESS_TRACE);
			continue;
		}
		assert_int_equal(decided(d, &hit), 0);
		assert_int_equal(hit->scan.shards[7].access, ACCESS_TRACE);
		assert_int_equal(hit->scan.shards[3].access, ACCESS_PRUNED);
	}
	plan_free(p);
	plan_free(hit);
	decision_free(d);
}

static void
a_contradiction_needs_no_decision(void **state)
{
	struct plan *p, *hit = NULL;
	struct decision *d, *none;

	(void)state;
	ask("cart", "/a", NULL);
	p = decide(&d);
	plan_free(p);
	opt_case_where(&c, "service", OP_EQ, "checkout");
	p = decide(&none);
	assert_null(none);
	assert_int_equal(decided(d, &hit), 0);
	assert_true(hit->filter.never);
	plan_free(p);
	plan_free(hit);
	decision_free(d);
}

static void
another_shape_does_not_hold(void **state)
{
	struct plan *p, *none = NULL;
	struct decision *d;

	(void)state;
	ask("cart", "/a", NULL);
	p = decide(&d);
	ask("cart", "/a", "u1");
	assert_int_equal(decided(d, &none), DECISION_SHAPE);
	plan_free(p);
	decision_free(d);
}

static void
is_small(void **state)
{
	struct plan *p;
	struct decision *d;

	(void)state;
	ask("cart", "/a", "u1");
	p = decide(&d);
	print_message("decision %u bytes, plan %zu bytes\n", d->n_bytes, p->arena.used);
	assert_true(d->n_bytes * 10 <= p->arena.used);
	plan_free(p);
	decision_free(d);
}

static void
decisions_that_agree_are_joined(void **state)
{
	struct plan *p, *q;
	struct decision *d, *other, *joined;

	(void)state;
	ask("cart", "/a", NULL);
	p = decide(&d);
	ask("cart", "/b", NULL);
	q = decide(&other);
	assert_true(decision_same(d, other));
	joined = decision_joined(d, other);
	assert_non_null(joined);
	for (size_t i = 0; i < joined->n_leaves; i++) {
		assert_true(joined->leaves[i].lo <= d->leaves[i].lo &&
		    joined->leaves[i].lo <= other->leaves[i].lo);
		assert_true(joined->leaves[i].hi >= d->leaves[i].hi &&
		    joined->leaves[i].hi >= other->leaves[i].hi);
	}
	assert_int_equal(joined->shape, d->shape);
	assert_true(decision_replaces(d, other));
	plan_free(p);
	plan_free(q);
	decision_free(d);
	decision_free(other);
	decision_free(joined);
}

/* Among few rows of a service its index would look at fewer still: that is no reason to ask it. */
static void
of_few_rows_the_cheapest_way_is_kept(void **state)
{
	struct value x = { .type = VAL_STRING, .s = SV("x") };
	struct decision *d;
	struct plan *p;

	(void)state;
	opt_case_init(&c);
	for (uint64_t h = 0; h < 8; h++) {
		struct shard_stats *s = stats_add_shard(&c.stats, h, 20000);
		struct column_stats *col;

		stats_add_service(&c.stats, s, "few", 190, 5);
		stats_add_service(&c.stats, s, "most", 19810, 600);
		col = stats_add_column(&c.stats, s, "span.code", VAL_STRING, 20000, 3);
		col->indexes = STAT_INDEX_POSTINGS;
		col->postings_bytes = 1000;
		stats_add_top(&c.stats, col, x, 600);
	}
	c.query.filter = test_and(&c.arena, test_leaf(&c.arena, "service", OP_EQ, "few"),
	    test_leaf(&c.arena, "span.code", OP_EQ, "x"));
	p = decide(&d);
	assert_int_equal(p->scan.n_classes, 1);
	assert_int_equal(p->scan.classes[0].access, ACCESS_SERVICE);
	assert_int_equal(p->scan.classes[0].index_leaves, 0);
	assert_int_equal(d->classes[0].access, ACCESS_SERVICE);
	assert_int_equal(d->classes[0].index_leaves, 0);
	plan_free(p);
	decision_free(d);
	opt_case_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hit_is_the_plan_of_a_fresh_decision, setup, teardown),
		cmocka_unit_test_setup_teardown(the_order_of_conditions_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_hold_for_much_rarer_values, setup, teardown),
		cmocka_unit_test_setup_teardown(the_one_that_holds_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(shards_may_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(values_prune_on_a_hit_too, setup, teardown),
		cmocka_unit_test_setup_teardown(a_contradiction_needs_no_decision, setup, teardown),
		cmocka_unit_test_setup_teardown(another_shape_does_not_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(is_small, setup, teardown),
		cmocka_unit_test_setup_teardown(decisions_that_agree_are_joined, setup, teardown),
		cmocka_unit_test(of_few_rows_the_cheapest_way_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
