/* SPDX-License-Identifier: ISC */
/* Unit tests of opt/cost_adapt, with made-up queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <cmocka.h>

#include "opt/cost_adapt.h"

static const struct cost_params *const set = &cost_params_default;

/* A query of pages and operators whose kinds take `page` and `op` times what is set. */
static struct cost_work
query(double pages, double ops, double page, double op)
{
	struct cost_work w = { .n = { [COST_PAGE] = pages, [COST_OPERATOR] = ops } };

	w.ns = COST_UNIT_NS * (pages * set->seq_page_cost * page +
	    ops * set->cpu_operator_cost * op);
	return w;
}

static unsigned
learn(struct cost_adapt *a, unsigned n, double page, double op)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < n; i++) {
		struct cost_work w = i % 2 ? query(20000, 100000, page, op) :
		    query(500, 20000000, page, op);

		moved += cost_adapt_note(a, set, &w);
	}
	return moved;
}

static void
what_is_as_predicted_changes_nothing(void **state)
{
	struct cost_params c = *set;
	struct cost_adapt a;

	(void)state;
	cost_adapt_init(&a);
	assert_int_equal(learn(&a, 1000, 1, 1), 0);
	cost_adapt_apply(&a, &c);
	assert_memory_equal(&c, set, sizeof c);
}

static void
each_kind_finds_its_own_factor(void **state)
{
	struct cost_params c = *set;
	struct cost_adapt a;

	(void)state;
	cost_adapt_init(&a);
	assert_true(learn(&a, 2000, 0.5, 3) > 0);
	assert_true(fabs(a.factor[COST_PAGE] - 0.5) < 0.05);
	assert_true(fabs(a.factor[COST_OPERATOR] - 3) < 0.2);
	assert_true(a.factor[COST_TUPLE] >= 1 && a.factor[COST_TUPLE] <= 1);
	cost_adapt_apply(&a, &c);
	assert_true(c.cpu_operator_cost > 2 * set->cpu_operator_cost);
	/* What isn't learned keeps its relation to what it competes with. */
	assert_true(fabs(c.trace_hop_cost / c.cpu_operator_cost /
	    (set->trace_hop_cost / set->cpu_operator_cost) - 1) < 1e-9);
	assert_true(c.random_page_cost < set->random_page_cost * 0.7);
}

static void
it_goes_slowly_and_within_bounds(void **state)
{
	struct cost_adapt a;

	(void)state;
	cost_adapt_init(&a);
	assert_int_equal(learn(&a, COST_ADAPT_QUERIES - 1, 100, 100), 0);
	assert_true(a.factor[COST_PAGE] > 1 && a.used[COST_PAGE] <= 1);
	(void)learn(&a, 10000, 100, 100);
	assert_true(a.factor[COST_PAGE] <= COST_ADAPT_MAX);
	(void)learn(&a, 10000, 0.001, 0.001);
	assert_true(a.factor[COST_PAGE] >= COST_ADAPT_MIN);
	assert_true(a.used[COST_OPERATOR] >= COST_ADAPT_MIN);
}

static void
nonsense_and_short_queries_say_nothing(void **state)
{
	struct cost_work w = query(1000, 1000, 10, 10);
	struct cost_adapt a;

	(void)state;
	cost_adapt_init(&a);
	w.ns = COST_ADAPT_LEAST_NS - 1;
	assert_false(cost_adapt_note(&a, set, &w));
	w.ns = NAN;
	assert_false(cost_adapt_note(&a, set, &w));
	w.ns = INFINITY;
	assert_false(cost_adapt_note(&a, set, &w));
	w = (struct cost_work){ .ns = 1e9 };
	assert_false(cost_adapt_note(&a, set, &w));
	assert_int_equal(a.n, 0);
	for (unsigned k = 0; k < N_COST_KINDS; k++)
		assert_non_null(cost_kind_name((enum cost_kind)k));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_as_predicted_changes_nothing),
		cmocka_unit_test(each_kind_finds_its_own_factor),
		cmocka_unit_test(it_goes_slowly_and_within_bounds),
		cmocka_unit_test(nonsense_and_short_queries_say_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
