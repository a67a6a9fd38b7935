/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of agg_finish: percentiles of large groups that several threads look for are those that
 * one finds; where it does not pay, or only some groups turn out to be rows, nobody looks ahead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg_i.h"
#include "base/pool.h"

#define N_GROUPS 6
#define MOST_COLUMNS 16

static const struct field keys[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_NAME } };
static const struct sv typed[] = { SV("name") };
#define FIELD(id) { .scope = FIELD_INTRINSIC, .intrinsic = id }
#define RANK(p, w) { .kind = AGG_QUANTILE, .name = SV("p"), .field = FIELD(IN_DURATION), \
	.typed = SV("duration"), .part = p, .whole = w }
static const struct aggregate aggs[] = {
	RANK(50, 100), RANK(95, 100), RANK(0, 100), RANK(100, 100),
	{ .kind = AGG_QUANTILE, .name = SV("p10"), .field = FIELD(IN_START), .typed = SV("start"),
	    .part = 10, .whole = 100 },
	{ .kind = AGG_COUNT, .name = SV("count") },
	RANK(1, 10), RANK(2, 10), RANK(3, 10), RANK(4, 10), RANK(6, 10), RANK(7, 10),
};
static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false },
	{ REF_AGG, 1, false }, { REF_AGG, 2, false }, { REF_AGG, 3, false }, { REF_AGG, 4, false },
	{ REF_AGG, 5, false }, { REF_AGG, 6, false }, { REF_AGG, 7, false }, { REF_AGG, 8, false },
	{ REF_AGG, 9, false }, { REF_AGG, 10, false }, { REF_AGG, 11, false } };

static struct pool *pool;

/* Group k has (k + 1) * n spans, those of the last one in rising order. */
static int
add_spans(struct agg_table *t, size_t n)
{
	struct err e = ERR_INIT;
	int code = 0;

	for (uint64_t k = 0; k < N_GROUPS && code == 0; k++)
		for (uint64_t i = 0; i < (k + 1) * n && code == 0; i++) {
			char name[2] = { 'a', (char)('0' + k) };
			struct span s = { .start_ns = 1000 + i % 977, .name = sv_new(name, 2) };
			struct span_row row = { .span = &s };

			s.end_ns = s.start_ns + (k == N_GROUPS - 1 ? i :
			    (i * 0x9e3779b97f4a7c15 >> 40) % 100000);
			code = agg_add(t, SIDE_NOW, &row, 1, &e);
		}
	return code;
}

struct seen {
	uint64_t v[N_GROUPS * MOST_COLUMNS];
	size_t n;
	uint64_t apart;
};

static void
run(const struct grouping *g, struct agg_options o, size_t n, struct seen *s)
{
	static struct group_cell cells[N_GROUPS * MOST_COLUMNS];
	struct err e = ERR_INIT;
	struct agg_table *t;

	o.groups = g;
	*s = (struct seen){ .n = 0 };
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	assert_int_equal(add_spans(t, n), 0);
	assert_int_equal(agg_finish(t, &e), 0);
	s->n = agg_n_rows(t) * g->n_columns;
	assert_true(s->n <= N_GROUPS * MOST_COLUMNS);
	assert_int_equal(agg_cells(t, 0, agg_n_rows(t), cells, &e), 0);
	for (size_t i = 0; i < s->n; i++)
		if (cells[i].kind == GROUP_TIME)
			s->v[i] = (uint64_t)cells[i].time;
		else if (cells[i].kind == GROUP_VALUE)
			s->v[i] = cells[i].value.type == VAL_STRING ? 0 : (uint64_t)cells[i].value.i;
		else
			s->v[i] = cells[i].u;
	s->apart = t->n_apart;
	agg_table_free(t);
}

/* With and without threads: how many were looked for ahead. */
static uint64_t
check(const struct grouping *g, struct agg_options o, size_t n)
{
	struct seen one, many;

	run(g, o, n, &one);
	assert_int_equal(one.apart, 0);
	o.pool = pool;
	o.threads = 3;
	run(g, o, n, &many);
	assert_int_equal(many.n, one.n);
	assert_true(one.n != 0);
	assert_memory_equal(many.v, one.v, one.n * sizeof *one.v);
	return many.apart;
}

static struct grouping
grouping(size_t n_aggs)
{
	return (struct grouping){ .keys = keys, .keys_typed = typed, .n_keys = 1, .aggs = aggs,
		.n_aggs = n_aggs, .columns = columns, .n_columns = n_aggs + 1 };
}

static void
threads_find_what_one_does(void **state)
{
	const struct agg_options o = { .memory = SIZE_MAX };

	(void)state;
	for (size_t n = 1; n <= sizeof aggs / sizeof *aggs; n++) {
		struct grouping g = grouping(n);

		/* Of durations, and from the fifth aggregate on of starts. */
		assert_int_equal(check(&g, o, 5000), n < 5 ? N_GROUPS : 2 * N_GROUPS);
	}
}

static void
few_numbers_are_left_to_one(void **state)
{
	const struct agg_options o = { .memory = SIZE_MAX };
	struct grouping g = grouping(2);

	(void)state;
	assert_int_equal(check(&g, o, 1000), 0);
	/* Small groups beside large ones. */
	assert_int_equal(check(&g, o, 4000), N_GROUPS - 1);
}

/* Percentiles of groups that are no rows would be found for nothing, unless these are judged by them. */
static void
groups_that_may_be_no_rows_are_not_looked_at_ahead(void **state)
{
	const struct literal ten = { .u = 10, .i = 10, .is_int = true };
	const struct having by_count = { .agg = aggs[5], .op = OP_GT, .lits = &ten, .n_lits = 1 };
	const struct having by_rank = { .agg = aggs[0], .op = OP_GT, .lits = &ten, .n_lits = 1 };
	const size_t count_at[] = { 5 }, rank_at[] = { 0 };
	struct agg_options o = { .memory = SIZE_MAX };
	struct grouping g = grouping(6);

	(void)state;
	g.n_having = 1;
	g.having = &by_count;
	g.having_agg = count_at;
	assert_int_equal(check(&g, o, 5000), 0);
	g = grouping(1);
	g.n_having = 1;
	g.having = &by_rank;
	g.having_agg = rank_at;
	assert_int_equal(check(&g, o, 5000), N_GROUPS);
	g = grouping(2);
	o.keep = 2;
	assert_int_equal(check(&g, o, 5000), 0);
}

/* Ranks take memory; without it they are found when they are asked for. */
static void
what_has_no_memory_is_found_later(void **state)
{
	struct agg_options o = { .memory = SIZE_MAX, .pool = pool, .threads = 3 };
	struct grouping g = grouping(2);
	struct err e = ERR_INIT;
	struct agg_table *t;

	(void)state;
	o.groups = &g;
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	assert_int_equal(add_spans(t, 5000), 0);
	/* Little is left, until the first groups have become rows. */
	t->mem.limit = t->mem.used + 250;
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_n_rows(t), N_GROUPS);
	assert_true(t->n_apart < N_GROUPS);
	agg_table_free(t);
}

static void
an_end_that_is_cancelled_says_so(void **state)
{
	atomic_bool cancel = false;
	struct agg_options o = { .memory = SIZE_MAX, .pool = pool, .threads = 3, .cancel = &cancel };
	struct grouping g = grouping(2);
	struct err e = ERR_INIT;
	struct agg_table *t;

	(void)state;
	o.groups = &g;
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	assert_int_equal(add_spans(t, 5000), 0);
	atomic_store(&cancel, true);
	assert_int_equal(agg_finish(t, &e), ERR_CANCELLED);
	agg_table_free(t);
}

static int
setup(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return pool_new(2, 0, &pool, &e);
}

static int
teardown(void **state)
{
	(void)state;
	pool_free(pool);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_find_what_one_does),
		cmocka_unit_test(few_numbers_are_left_to_one),
		cmocka_unit_test(groups_that_may_be_no_rows_are_not_looked_at_ahead),
		cmocka_unit_test(what_has_no_memory_is_found_later),
		cmocka_unit_test(an_end_that_is_cancelled_says_so),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
