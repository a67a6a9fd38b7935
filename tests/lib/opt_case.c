/* SPDX-License-Identifier: ISC */
/* opt_case: see opt_case.h. */
#include "lib/opt_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct pred everything = { .kind = PRED_TRUE };

void
opt_case_init(struct opt_case *c)
{
	memset(c, 0, sizeof *c);
	arena_init(&c->arena);
	stats_builder_init(&c->stats);
	c->query.filter = &everything;
	c->query.range = TIME_RANGE_ALL;
	c->query.limit = UINT64_MAX;
	c->options.output = ROW_SPAN;
	c->options.projection.all = true;
	c->options.cost = cost_params_default;
}

void
opt_case_release(struct opt_case *c)
{
	plan_free(c->plan);
	stats_builder_release(&c->stats);
	arena_release(&c->arena);
}

void
opt_case_where(struct opt_case *c, const char *field, enum pred_op op, const char *values)
{
	const struct pred *p = test_leaf(&c->arena, field, op, values);

	c->query.filter = c->query.filter->kind == PRED_TRUE ? p :
	    test_and(&c->arena, c->query.filter, p);
}

/* All that a rule may change, as text. */
static void
snapshot(const struct plan *p, struct buf *b)
{
	b->n = 0;
	pred_print(b, p->filter.pred);
	buf_printf(b, "\n%llu %llu %d%d%d%d %zu %016llx %zu\n",
	    (unsigned long long)p->filter.range.from,
	    (unsigned long long)p->filter.range.to, p->filter.never, p->filter.pushdown,
	    p->scan.early_stop, p->order.topn,
	    p->n_fired, (unsigned long long)p->fetch.projection.intrinsics,
	    p->fetch.projection.n_fields);
	buf_printf(b, "%d%d%d\n", p->scan.handed.filter, p->scan.handed.page, p->scan.may_group);
	buf_printf(b, "%d%d%d%d%d%d%d\n", p->fetch.projection.all, p->fetch.projection.attrs,
	    p->fetch.projection.resource, p->fetch.projection.scope, p->fetch.projection.events,
	    p->fetch.projection.links, p->fetch.projection.rest);
	for (size_t i = 0; i < p->scan.n_shards; i++)
		buf_printf(b, "%s %llx %s %s\n", access_name(p->scan.shards[i].access),
		    (unsigned long long)p->scan.shards[i].index_leaves, p->scan.shards[i].why,
		    p->scan.shards[i].pruned_by ? p->scan.shards[i].pruned_by : "-");
}

static void
run_twice(struct opt_case *c, size_t i)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(opt_run_rule(&c->opt, i, &e), 0);
	if (plan_verify(c->plan, &c->stats.stats, &e) < 0)
		fail_msg("after rule %s: %s", opt_rule_name(i), e.msg);
	snapshot(c->plan, &once);
	assert_int_equal(opt_run_rule(&c->opt, i, &e), 0);
	snapshot(c->plan, &twice);
	assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
	buf_release(&once);
	buf_release(&twice);
}

static const char *accesses(struct opt_case *);

struct plan *
opt_case_run(struct opt_case *c, const char *rules)
{
	struct err e = ERR_INIT;
	uint64_t mask, all;

	assert_int_equal(opt_rules_parse(sv_cstr(rules), &mask, &e), 0);
	assert_int_equal(opt_rules_parse(SV("all"), &all, &e), 0);
	plan_free(c->plan);
	c->plan = NULL;
	c->options.rules_off = all & ~mask;
	assert_int_equal(opt_begin(&c->opt, &c->query, stats_done(&c->stats), &c->options,
	    &e), 0);
	c->plan = c->opt.plan;
	for (size_t i = 0; opt_rule_name(i) != NULL; i++)
		if (mask >> i & 1)
			run_twice(c, i);
	c->access = accesses(c);
	assert_int_equal(opt_choose(&c->opt, &e), 0);
	assert_int_equal(plan_verify(c->plan, &c->stats.stats, &e), 0);
	return c->plan;
}

static const char *
accesses(struct opt_case *c)
{
	char *s = arena_calloc(&c->arena, 1, c->plan->scan.n_shards + 1);

	assert_non_null(s);
	for (size_t i = 0; i < c->plan->scan.n_shards; i++)
		s[i] = "PFZSTCX"[c->plan->scan.shards[i].access];
	return s;
}

const char *
opt_case_access(struct opt_case *c)
{
	return c->access;
}

void
opt_case_expect_filter(struct opt_case *c, const char *text)
{
	char *got = test_pred_text(c->plan->filter.pred);

	assert_string_equal(got, text);
	free(got);
}
