/* SPDX-License-Identifier: ISC */
/*
 * Properties of the optimizer over random queries and statistics: more data never lowers an
 * estimated cost, each rule run twice is the rule run once, and no rule undoes another: all
 * rules run in order a second time change nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/gen_pred.h"
#include "lib/gen_span.h"
#include "lib/opt_case.h"
#include "lib/rounds.h"

#define ROUNDS 4000
#define N_SPANS 60
#define N_SHARDS 6

static struct span_batch spans;
static struct gen_pred gen;

static uint64_t
below(uint64_t n)
{
	return gen_pred_below(&gen, n);
}

/* ---- random statistics: of columns that random filters name ---- */

static const struct {
	const char *field;
	enum value_type type;
} columns[] = {
	{ "name", VAL_STRING }, { "kind", VAL_INT }, { "status", VAL_INT },
	{ "duration", VAL_INT }, { "span_id", VAL_INT }, { "status_message", VAL_STRING },
	{ "span.a", VAL_STRING }, { "span.http.route", VAL_STRING }, { "span.n", VAL_INT },
	{ "span.user.id", VAL_STRING }, { "event.e", VAL_STRING }, { "span.f", VAL_DOUBLE },
};

static void
add_column(struct stats_builder *b, struct shard_stats *s, size_t i)
{
	uint64_t present = 1 + below(s->n_rows);
	struct column_stats *c = stats_add_column(b, s, columns[i].field, columns[i].type,
	    present, 1 + below(present));

	c->n_bytes = c->dict_bytes + 100 + below(s->n_rows * 8);
	if (columns[i].type == VAL_INT)
		stats_set_ints(c, (int64_t)below(10), 10 + (int64_t)below(1000000000));
	if (below(2) == 0) {
		c->indexes = STAT_INDEX_POSTINGS;
		c->postings_bytes = 50 + below(c->n_bytes);
	}
	if (c->indexes != 0 && columns[i].type == VAL_STRING && below(2) == 0) {
		c->indexes |= STAT_INDEX_TEXT;
		c->text_bytes = 50 + below(c->n_bytes);
	}
}

static void
add_shard(struct stats_builder *b, uint64_t hour)
{
	struct shard_stats *s = stats_add_shard(b, hour, 100 + below(100000));
	uint64_t a = 1 + below(s->n_rows - 1);

	s->n_bytes = s->n_rows * (20 + below(200));
	s->n_traces = 1 + s->n_rows / (1 + below(30));
	s->n_row_groups = (uint32_t)(1 + s->n_rows / 16384);
	stats_add_service(b, s, "a", a, below(a));
	stats_add_service(b, s, "service-1", s->n_rows - a, 0);
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (below(4) != 0)
			add_column(b, s, i);
	if (below(4) == 0)
		s->all_keys = false;
}

/* Everything of a shard that counts rows or bytes, times k. */
static void
grow(struct shard_stats *s, uint64_t k)
{
	s->n_rows *= k;
	s->n_bytes *= k;
	s->n_traces *= k;
	s->n_row_groups *= (uint32_t)k;
	for (size_t i = 0; i < s->n_services; i++) {
		struct service_stats *v = (struct service_stats *)(uintptr_t)&s->services[i];

		v->n_rows *= k;
		v->n_errors *= k;
	}
	for (size_t i = 0; i < s->n_columns; i++) {
		struct column_stats *c = (struct column_stats *)(uintptr_t)&s->columns[i];

		c->n_present *= k;
		c->n_bytes *= k;
		c->dict_bytes *= k;
		c->postings_bytes *= k;
		c->text_bytes *= k;
		for (size_t j = 0; j < c->n_top; j++)
			((struct top_value *)(uintptr_t)c->top)[j].n_rows *= k;
	}
}

/* ---- random queries ---- */

static void
begin(struct opt_case *c)
{
	opt_case_init(c);
	for (uint64_t i = 0; i < 1 + below(N_SHARDS); i++)
		add_shard(&c->stats, i);
	gen.arena = &c->arena;
	c->query.filter = gen_tree(&gen, (unsigned)below(4));
	c->options.output = below(3) == 0 ? ROW_COUNT : ROW_SPAN;
	c->options.threads = 2;
	if (below(3) == 0)
		c->query.range.from = STATS_T0 + below(N_SHARDS * NS_PER_HOUR);
}

static struct plan *
plan_of(struct opt_case *c)
{
	struct err e = ERR_INIT;
	struct plan *p = NULL;

	if (opt_plan(&c->query, stats_done(&c->stats), &c->options, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static void
fail_plans(const struct plan *p, double before, const char *what)
{
	char *filter = test_pred_text(p->filter.pred);

	fail_msg("%s: cost %g, before %g: %s", what, p->est_cost, before, filter);
}

/*
 * Conditions on ids. Of more data each finds as many rows as before, a smaller share: so two of
 * them, taken as independent, find fewer together.
 */
static unsigned
n_ids(const struct pred *p)
{
	unsigned n = 0;

	if (p->kind == PRED_LEAF)
		return p->op != OP_TEXT && p->field.scope == FIELD_INTRINSIC &&
		    (p->field.intrinsic == IN_TRACE_ID || p->field.intrinsic == IN_SPAN_ID);
	for (size_t i = 0; i < p->n_kids; i++)
		n += n_ids(p->kids[i]);
	return n;
}

static double
cost_and_free(struct plan *p)
{
	double cost = p->est_cost;

	plan_free(p);
	return cost;
}

#define NOT_LESS(after, before) ((after) >= (before) * (1 - 1e-9))

/*
 * In fours, so that classes of shards stay what they are; and in the same order of conditions,
 * which goes by averages, and may come to be better.
 */
static void
more_rows_never_cost_less(void **state)
{
	uint64_t order;

	(void)state;
	assert_int_equal(opt_rules_parse(SV("order"), &order, NULL), 0);
	for (int i = 0; i < (int)rounds_of(ROUNDS); i++) {
		struct opt_case c;
		double before;
		struct plan *p;

		begin(&c);
		c.options.rules_off = order;
		before = cost_and_free(plan_of(&c));
		for (size_t s = 0; s < c.stats.stats.n_shards; s++)
			grow(&c.stats.shards[s], 4);
		p = plan_of(&c);
		if (n_ids(p->filter.pred) < 2 && !NOT_LESS(p->est_cost, before))
			fail_plans(p, before, "rows");
		plan_free(p);
		opt_case_release(&c);
	}
}

static void
more_shards_never_cost_less(void **state)
{
	uint64_t order;

	(void)state;
	assert_int_equal(opt_rules_parse(SV("order"), &order, NULL), 0);
	for (int i = 0; i < (int)rounds_of(ROUNDS); i++) {
		struct opt_case c;
		double before;
		struct plan *p;

		begin(&c);
		c.options.rules_off = order;
		before = cost_and_free(plan_of(&c));
		add_shard(&c.stats, N_SHARDS);
		p = plan_of(&c);
		if (!NOT_LESS(p->est_cost, before))
			fail_plans(p, before, "shards");
		plan_free(p);
		opt_case_release(&c);
	}
}

/* What is reported is what the chosen candidates cost, and no other would be cheaper. */
static void
the_cheapest_is_chosen(void **state)
{
	(void)state;
	for (int i = 0; i < (int)rounds_of(ROUNDS); i++) {
		struct opt_case c;
		struct plan *p;

		begin(&c);
		p = plan_of(&c);
		for (size_t k = 0; k < p->scan.n_classes; k++) {
			const struct plan_class *x = &p->scan.classes[k];
			double chosen = -1, least = 1e300;

			for (size_t j = 0; j < x->n_cands; j++) {
				if (x->cands[j].chosen)
					chosen = x->cands[j].total;
				if (x->cands[j].total < least)
					least = x->cands[j].total;
				assert_true(x->cands[j].startup <= x->cands[j].total * 1.0001);
			}
			assert_true(chosen >= 0 && chosen <= least);
		}
		plan_free(p);
		opt_case_release(&c);
	}
}

/* opt_case_run runs each rule twice and compares; then all of them once more. */
static void
rules_have_nothing_left_to_do(void **state)
{
	(void)state;
	for (int i = 0; i < (int)rounds_of(ROUNDS); i++) {
		struct opt_case c;
		struct err e = ERR_INIT;
		struct plan *p;

		begin(&c);
		if (below(2) == 0)
			c.query.has_limit = true, c.query.limit = below(1000);
		(void)opt_case_run(&c, "all");
		assert_int_equal(opt_begin(&c.opt, &c.query, stats_done(&c.stats), &c.options,
		    &e), 0);
		p = c.opt.plan;
		c.options.rules_off = 0;
		/* What rewrites a filter may leave work to what stands before it. */
		for (int round = 0; round < 4; round++)
			for (size_t r = 0; opt_rule_name(r) != NULL; r++)
				assert_int_equal(opt_run_rule(&c.opt, r, &e), 0);
		for (size_t r = 0; opt_rule_name(r) != NULL; r++) {
			c.opt.changed = false;
			assert_int_equal(opt_run_rule(&c.opt, r, &e), 0);
			if (c.opt.changed)
				fail_msg("rule %s changed a plan that was done: %s",
				    opt_rule_name(r), test_pred_text(p->filter.pred));
		}
		plan_free(p);
		opt_case_release(&c);
	}
}

static int
setup(void **state)
{
	struct gen_span_options o = { .seed = 7, .start_ns = STATS_T0, .range_ns = NS_PER_HOUR };
	struct gen_span g;

	(void)state;
	span_batch_init(&spans);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &spans, N_SPANS));
	gen = (struct gen_pred){ .spans = spans.spans, .n_spans = spans.n, .state = 20261121 };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	span_batch_release(&spans);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_rows_never_cost_less),
		cmocka_unit_test(more_shards_never_cost_less),
		cmocka_unit_test(the_cheapest_is_chosen),
		cmocka_unit_test(rules_have_nothing_left_to_do),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
