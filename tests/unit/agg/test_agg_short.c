/* SPDX-License-Identifier: ISC */
/* Unit tests of agg: what tables of groups do when their memory is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg.h"
#include "base/hash.h"

#define N_SPANS 60000

static const struct field by_name[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_NAME } };
static const struct sv typed[] = { SV("name") };
static const struct aggregate aggs[] = {
	{ .kind = AGG_QUANTILE, .name = SV("p95"), .part = 95, .whole = 100, .typed = SV("duration"),
	  .field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION } },
	{ .kind = AGG_DISTINCT, .name = SV("distinct"), .typed = SV("start"),
	  .field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_START } },
	{ .kind = AGG_COUNT, .name = SV("count") },
	{ .kind = AGG_SUM, .name = SV("sum"), .typed = SV("duration"),
	  .field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION } },
};
static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false },
	{ REF_AGG, 1, false }, { REF_AGG, 2, false }, { REF_AGG, 3, false } };
static const struct grouping approximate = { .keys = by_name, .keys_typed = typed, .n_keys = 1,
	.aggs = aggs, .n_aggs = 4, .n_shown = 4, .columns = columns, .n_columns = 5 };
/* A group a span, and nothing that could be made smaller. */
static const struct field by_start[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_START } };
static const struct grouping many = { .keys = by_start, .keys_typed = typed, .n_keys = 1,
	.aggs = aggs + 2, .n_aggs = 2, .n_shown = 2 };

static struct agg_table *
table_new(const struct grouping *g, size_t memory, bool exact)
{
	struct agg_options o = { .groups = g, .memory = memory, .exact = exact };
	struct agg_table *t;
	struct err e;

	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	return t;
}

/* The durations are 1 to n, in disorder; of three groups. */
static int
add_spans(struct agg_table *t, size_t from, size_t n, struct err *e)
{
	static const struct sv names[] = { SV("a"), SV("b"), SV("few") };
	int code = 0;

	for (size_t i = from; code == 0 && i < from + n; i++) {
		struct span s = { .start_ns = i * 1000003, .end_ns = i * 1000003 + i * 7919 % N_SPANS + 1,
			.name = names[i % 1000 == 0 ? 2 : i % 2] };
		struct span_row row = { .span = &s };

		code = agg_add(t, SIDE_NOW, &row, 1, e);
	}
	return code;
}

static int64_t
cell_int(const struct group_cell *c)
{
	return c->kind == GROUP_UINT ? (int64_t)c->u : c->value.i;
}

static void
assert_within(const struct group_cell *want, const struct group_cell *got, double most)
{
	double w = (double)cell_int(want), g = (double)cell_int(got);

	assert_int_equal(want->kind, got->kind);
	if (fabs(w - g) > most * w)
		fail_msg("%g is not %g", g, w);
}

/* The rows of both: counts and sums the same, the rest within what is promised. */
static void
compare(struct agg_table *t, struct agg_table *exact)
{
	struct group_cell want[3][5], got[3][5];
	struct err e;

	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_finish(exact, &e), 0);
	assert_int_equal(agg_n_rows(t), 3);
	assert_int_equal(agg_n_rows(exact), 3);
	assert_int_equal(agg_cells(t, 0, 3, got[0], &e), 0);
	assert_int_equal(agg_cells(exact, 0, 3, want[0], &e), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_true(sv_eq(want[i][0].value.s, got[i][0].value.s));
		assert_within(&want[i][1], &got[i][1], 0.01);
		assert_within(&want[i][2], &got[i][2], 0.02);
		assert_within(&want[i][3], &got[i][3], 0);
		assert_within(&want[i][4], &got[i][4], 0);
	}
}

static struct agg_table *
exact_table(void)
{
	struct agg_table *t = table_new(&approximate, SIZE_MAX, false);
	struct err e;

	assert_int_equal(add_spans(t, 0, N_SPANS, &e), 0);
	return t;
}

static void
with_memory_all_is_exact(void **state)
{
	struct agg_table *t = exact_table(), *same = exact_table();

	(void)state;
	compare(t, same);
	assert_true(agg_is_exact(t));
	agg_table_free(t);
	agg_table_free(same);
}

static void
short_of_memory_values_are_near(void **state)
{
	struct agg_table *t = table_new(&approximate, 400000, false), *exact = exact_table();
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, 0, N_SPANS, &e), 0);
	assert_true(agg_memory_used(t) <= 400000);
	assert_false(agg_is_exact(t));
	compare(t, exact);
	agg_table_free(t);
	agg_table_free(exact);
}

/* The whole is short, a part is, both are, or neither until they come together. */
static void
parts_come_together_short_of_memory(void **state)
{
	static const size_t memory[][2] = { { 500000, SIZE_MAX }, { SIZE_MAX, 400000 },
		{ 400000, 400000 }, { 2000000, 2000000 }, { 300000, 2000000 } };

	(void)state;
	for (size_t k = 0; k < sizeof memory / sizeof *memory; k++) {
		struct agg_table *t = table_new(&approximate, memory[k][0], false), *part,
		    *exact = exact_table();
		struct err e;

		for (size_t i = 0; i < 4; i++) {
			part = table_new(&approximate, memory[k][1], false);
			assert_int_equal(add_spans(part, i * N_SPANS / 4, N_SPANS / 4, &e), 0);
			assert_int_equal(agg_merge(t, part, &e), 0);
			agg_table_free(part);
		}
		assert_true(agg_memory_used(t) <= memory[k][0]);
		assert_false(agg_is_exact(t));
		compare(t, exact);
		agg_table_free(t);
		agg_table_free(exact);
	}
}

static void
what_is_to_be_exact_fails_and_says_so(void **state)
{
	struct agg_table *t = table_new(&approximate, 400000, true);
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, 0, N_SPANS, &e), ERR_NOMEM);
	assert_non_null(strstr(e.msg, "[query] memory"));
	assert_non_null(strstr(e.msg, "[query] aggregates"));
	agg_table_free(t);
}

static void
what_can_not_be_smaller_fails(void **state)
{
	struct agg_table *t = table_new(&many, 400000, false);
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, 0, N_SPANS, &e), ERR_NOMEM);
	assert_non_null(strstr(e.msg, "[query] memory"));
	assert_null(strstr(e.msg, "[query] aggregates"));
	assert_true(agg_memory_used(t) <= 400000);
	agg_table_free(t);
}

static void
too_little_memory_fails_all_the_same(void **state)
{
	struct err e;

	(void)state;
	for (size_t memory = 0; memory < 60000; memory += 500) {
		struct agg_table *t = table_new(&approximate, memory, false);

		assert_int_equal(add_spans(t, 0, N_SPANS, &e), ERR_NOMEM);
		agg_table_free(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_memory_all_is_exact),
		cmocka_unit_test(short_of_memory_values_are_near),
		cmocka_unit_test(parts_come_together_short_of_memory),
		cmocka_unit_test(what_is_to_be_exact_fails_and_says_so),
		cmocka_unit_test(what_can_not_be_smaller_fails),
		cmocka_unit_test(too_little_memory_fails_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
