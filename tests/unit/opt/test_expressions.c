/* SPDX-License-Identifier: ISC */
/*
 * The rules that rewrite the filter, on random trees: each alone and all in rounds leave the
 * meaning as it is on every span, and a second run changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "match/matcher.h"
#include "match/pred_eval.h"
#include "lib/gen_pred.h"
#include "lib/gen_span.h"
#include "lib/opt_case.h"

#define N_SPANS 200
#define N_TREES 1500

static struct span_batch batch;
static const char *const rules[] = { "fold", "nnf", "union", "factor", "range",
	"fold,nnf,union,factor,range" };

static int
setup(void **state)
{
	struct gen_span_options o = { .seed = 7, .start_ns = STATS_T0, .range_ns = NS_PER_HOUR };
	struct gen_span g;

	(void)state;
	gen_span_init(&g, &o);
	span_batch_init(&batch);
	g.batch = &batch;
	return gen_span_add(&g, &batch, N_SPANS) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	span_batch_release(&batch);
	return 0;
}

static bool
holds(const struct pred_eval *pe, const struct span *s)
{
	struct err e = ERR_INIT;
	int rc = pred_eval_row(pe, &(struct field_row){ .span = s }, &e);

	assert_true(rc >= 0);
	return rc > 0;
}

static void
same_meaning(const struct pred *before, const struct plan *p, const char *rule)
{
	struct pred_eval *a, *b;
	struct err e = ERR_INIT;

	assert_int_equal(pred_eval_new(before, &a, &e), 0);
	assert_int_equal(pred_eval_new(p->filter.pred, &b, &e), 0);
	for (size_t i = 0; i < batch.n; i++) {
		const struct span *s = &batch.spans[i];
		bool in = s->start_ns >= p->filter.range.from &&
		    (p->filter.range.to == WHEN_MAX || s->start_ns < p->filter.range.to);

		if (holds(a, s) != (in && holds(b, s)))
			fail_msg("%s: %s is not %s on span %zu", rule, test_pred_text(before),
			    test_pred_text(p->filter.pred), i);
	}
	pred_eval_free(a);
	pred_eval_free(b);
}

static void
random_filters_keep_their_meaning(void **state)
{
	struct opt_case c;
	struct gen_pred g;

	(void)state;
	for (unsigned i = 0; i < N_TREES; i++) {
		opt_case_init(&c);
		g = (struct gen_pred){ &c.arena, batch.spans, batch.n, 1000 + i, true };
		c.query.filter = gen_tree(&g, 1 + i % 4);
		for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
			same_meaning(c.query.filter, opt_case_run(&c, rules[k]), rules[k]);
		opt_case_release(&c);
	}
}

/* The rounds of opt_plan end where no rule of them has anything left to do. */
static void
rounds_end_at_a_fixed_point(void **state)
{
	struct opt_case c;
	struct gen_pred g;
	struct err e = ERR_INIT;
	struct plan *p;

	(void)state;
	for (unsigned i = 0; i < N_TREES; i++) {
		opt_case_init(&c);
		g = (struct gen_pred){ &c.arena, batch.spans, batch.n, 90000 + i, true };
		c.query.filter = gen_tree(&g, 1 + i % 5);
		assert_int_equal(opt_rules_parse(SV("order"), &c.options.rules_off, &e), 0);
		assert_int_equal(opt_plan(&c.query, stats_done(&c.stats), &c.options, &p, &e), 0);
		c.query.filter = p->filter.pred;
		c.query.range = p->filter.range;
		opt_case_run(&c, "fold,nnf,union,factor,range");
		/* A plan that is known to be empty says so each time. */
		if (c.plan->n_fired != 0 && !p->filter.never)
			fail_msg("%s is left to %s", test_pred_text(p->filter.pred),
			    c.plan->fired[0]);
		plan_free(p);
		opt_case_release(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_filters_keep_their_meaning),
		cmocka_unit_test(rounds_end_at_a_fixed_point),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
