/* SPDX-License-Identifier: ISC */
/* Unit tests of agg_given: groups that were made elsewhere, in pieces, are those of their spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg_bytes.h"
#include "agg/agg_given.h"

#define N_SPANS 3000
#define PIECE 700
#define STEP 1000000000ull
#define LONG ((UINT64_C(1) << 62) + 5)	/* a few of them are over 64 bits together */

static const struct field by_name[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_NAME } };
static const struct sv typed[] = { SV("name") };
#define OF_DURATION .typed = SV("duration"), .field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION }
static const struct aggregate aggs[] = {
	{ .kind = AGG_COUNT, .name = SV("count") },
	{ .kind = AGG_ERRORS, .name = SV("errors") },
	{ .kind = AGG_SUM, .name = SV("sum"), OF_DURATION },
	{ .kind = AGG_MIN, .name = SV("min"), OF_DURATION },
	{ .kind = AGG_MAX, .name = SV("max"), OF_DURATION },
	{ .kind = AGG_QUANTILE, .name = SV("p95"), .part = 95, .whole = 100, OF_DURATION },
	{ .kind = AGG_DISTINCT, .name = SV("distinct"), OF_DURATION },
};
static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false } };

static struct grouping
grouping_of(const struct aggregate *v, size_t n)
{
	return (struct grouping){ .keys = by_name, .keys_typed = typed, .n_keys = 1,
		.has_bucket = true, .step = { STEP_NS, STEP, false }, .aggs = v, .n_aggs = n,
		.n_shown = n, .columns = columns, .n_columns = 2 };
}

static struct agg_table *
table_of(const struct grouping *g)
{
	struct agg_options o = { .groups = g, .step = g->step, .range = TIME_RANGE_ALL,
		.memory = 64u << 20, .exact = true };
	struct agg_table *t;
	struct err e = ERR_INIT;

	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	return t;
}

/* Two names, three buckets. */
static struct span
span_at(size_t i)
{
	return (struct span){ .start_ns = i * STEP * 3 / N_SPANS,
		.end_ns = i * STEP * 3 / N_SPANS + (i % 50 == 0 ? LONG : i * 7919 % 1000),
		.status = i % 7 == 0 ? STATUS_ERROR : STATUS_OK,
		.name = i % 2 != 0 ? SV("odd") : SV("even") };
}

/* The spans [from, to) of one name and bucket, as one. */
static void
give_group(struct agg_table *t, size_t from, size_t to, size_t first)
{
	struct span like = span_at(first);
	struct span_row row = { .span = &like };
	struct agg_given_want want;
	struct agg_given_figures f = { .least = UINT64_MAX };
	struct agg_given x = { .like = &row, .first_ns = like.start_ns, .figures = &f, .want = &want };
	unsigned char *all = malloc((to - from) * 8);
	struct err e = ERR_INIT;

	assert_non_null(all);
	for (size_t i = first; i < to; i += 2) {
		struct span s = span_at(i);
		uint64_t d = span_duration(&s);

		if (s.start_ns / STEP != like.start_ns / STEP)
			break;
		memcpy(all + f.n++ * 8, &d, 8);
		x.errors += s.status == STATUS_ERROR;
		x.last_ns = s.start_ns;
		f.sum += d;
		f.least = d < f.least ? d : f.least;
		f.most = d > f.most ? d : f.most;
	}
	x.count = f.n;
	f.all = all;
	assert_true(agg_takes_given(t, &want));
	assert_int_equal(want.n_fields, 1);
	assert_int_equal(agg_add_given(t, SIDE_NOW, &x, &e), 0);
	free(all);
}

static void
save(struct agg_table *t, struct buf *b)
{
	struct err e = ERR_INIT;

	assert_int_equal(agg_save(t, b, &e), 0);
	agg_table_free(t);
}

static void
pieces_are_their_spans(void **state)
{
	const struct grouping g = grouping_of(aggs, 6);
	struct agg_table *one = table_of(&g), *given = table_of(&g);
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N_SPANS; i++) {
		struct span s = span_at(i);
		struct span_row row = { .span = &s };

		assert_int_equal(agg_add(one, SIDE_NOW, &row, 1, &e), 0);
	}
	for (size_t from = 0; from < N_SPANS; from += PIECE) {
		size_t to = from + PIECE < N_SPANS ? from + PIECE : N_SPANS;
		uint64_t bucket = UINT64_MAX;

		for (size_t i = from; i < to; i++)
			if (span_at(i).start_ns / STEP != bucket) {
				bucket = span_at(i).start_ns / STEP;
				give_group(given, from, to, i);
				if (i + 1 < to)
					give_group(given, from, to, i + 1);
			}
	}
	save(one, &a);
	save(given, &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	buf_release(&a);
	buf_release(&b);
}

/* Percentiles that were found elsewhere come out as they went in, and nothing goes to them. */
static void
ranks_are_of_one_piece(void **state)
{
	static const unsigned char number[8] = { 0x39, 0x30 };
	const struct grouping g = grouping_of(aggs + 5, 1);
	struct agg_table *t = table_of(&g), *other = table_of(&g);
	struct span like = span_at(0);
	const struct span_row row = { .span = &like };
	struct agg_given_want want;
	const struct agg_given_figures f = { .n = 9, .ranks = number };
	const struct agg_given x = { .like = &row, .count = 9, .figures = &f, .want = &want };
	struct group_cell cells[2];
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(agg_takes_given(t, &want));
	assert_int_equal(want.n_ranks, 1);
	assert_true(want.ranks[0].part == 95 && want.ranks[0].whole == 100);
	assert_int_equal(agg_add_given(other, SIDE_NOW, &x, &e), 0);
	assert_int_equal(agg_add_given(other, SIDE_NOW, &x, &e), ERR_UNSUPPORTED);
	agg_table_free(other);
	other = table_of(&g);
	assert_int_equal(agg_add_given(other, SIDE_NOW, &x, &e), 0);
	assert_int_equal(agg_merge(t, other, &e), 0);
	agg_table_free(other);
	assert_int_equal(agg_add(t, SIDE_NOW, &row, 1, &e), ERR_UNSUPPORTED);
	agg_table_free(t);
	t = table_of(&g);
	assert_int_equal(agg_add_given(t, SIDE_NOW, &x, &e), 0);
	assert_false(agg_can_save(t));
	assert_int_equal(agg_save(t, &b, &e), ERR_UNSUPPORTED);
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_n_rows(t), 1);
	assert_int_equal(agg_cells(t, 0, 1, cells, &e), 0);
	assert_true(cells[1].kind == GROUP_UINT && cells[1].u == 12345);
	assert_true(agg_is_exact(t));
	buf_release(&b);
	agg_table_free(t);
}

/* versus: each side comes in a table of its own, where nothing is of the other one. */
static void
sides_come_apart(void **state)
{
	static const unsigned char number[8] = { 0x39, 0x30 };
	static const struct aggregate of_both[] = {
		{ .kind = AGG_QUANTILE, .name = SV("p95"), .part = 95, .whole = 100, OF_DURATION },
		{ .kind = AGG_DISTINCT, .name = SV("distinct"), OF_DURATION },
	};
	struct grouping g = grouping_of(of_both, 2);
	struct agg_table *t, *other;
	struct span like = span_at(0);
	const struct span_row row = { .span = &like };
	struct agg_given_want want;
	const struct agg_given_figures f = { .n = 9, .ranks = number, .distinct = 4 };
	const struct agg_given x = { .like = &row, .count = 9, .figures = &f, .want = &want };
	struct err e = ERR_INIT;

	(void)state;
	g.versus = true;
	t = table_of(&g);
	assert_true(agg_takes_given(t, &want));
	for (int side = SIDE_NOW; side <= SIDE_BEFORE; side++) {
		other = table_of(&g);
		assert_int_equal(agg_add_given(other, (enum agg_side)side, &x, &e), 0);
		assert_int_equal(agg_merge(t, other, &e), 0);
		agg_table_free(other);
	}
	/* Another of a side that has one is still refused. */
	other = table_of(&g);
	assert_int_equal(agg_add_given(other, SIDE_BEFORE, &x, &e), 0);
	assert_int_equal(agg_merge(t, other, &e), ERR_UNSUPPORTED);
	agg_table_free(other);
	agg_table_free(t);
}

/* The number of different values that was found elsewhere, and attributes' integers, of which some are below 0. */
static void
other_fields_are_given(void **state)
{
	static const struct field n = { .scope = FIELD_SPAN, .key = SV("n") };
	const struct aggregate of_n[] = { { .kind = AGG_DISTINCT, .field = n }, { .kind = AGG_SUM, .field = n },
		{ .kind = AGG_MIN, .field = n }, { .kind = AGG_QUANTILE, .part = 1, .whole = 2, .field = n } };
	static const struct group_ref all[] = { { REF_AGG, 0, false }, { REF_AGG, 1, false }, { REF_AGG, 2, false },
		{ REF_AGG, 3, false } };
	static const unsigned char median[8] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct grouping g = grouping_of(of_n, 4);
	struct agg_table *t, *other;
	struct span like = span_at(0);
	const struct span_row row = { .span = &like };
	struct agg_given_want want;
	struct agg_given_figures f = { .n = 3, .sum = -7, .least = (uint64_t)-5, .ranks = median, .distinct = 4 };
	const struct agg_given x = { .like = &row, .count = 9, .figures = &f, .want = &want };
	struct group_cell cells[4];
	struct err e = ERR_INIT;

	(void)state;
	g.columns = all;
	g.n_columns = 4;
	t = table_of(&g);
	other = table_of(&g);
	assert_true(agg_takes_given(t, &want));
	assert_true(want.n_fields == 1 && want.distinct && want.all && !want.fields[0].is_unsigned);
	assert_int_equal(agg_add_given(t, SIDE_NOW, &x, &e), 0);
	assert_int_equal(agg_add_given(other, SIDE_NOW, &x, &e), 0);
	assert_false(agg_can_save(t));
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_cells(t, 0, 1, cells, &e), 0);
	assert_true(cells[0].value.i == 4 && cells[1].value.i == -7 && cells[2].value.i == -5 &&
	    cells[3].value.i == -2);
	agg_table_free(t);
	/* Nothing goes to them, from wherever. */
	assert_int_equal(agg_add_given(other, SIDE_NOW, &x, &e), ERR_UNSUPPORTED);
	agg_table_free(other);
	g.aggs = of_n;
	g.n_aggs = g.n_shown = g.n_columns = 1;
	t = table_of(&g);
	other = table_of(&g);
	assert_true(agg_takes_given(t, &want));
	assert_int_equal(agg_add_given(t, SIDE_NOW, &x, &e), 0);
	assert_int_equal(agg_add_given(other, SIDE_NOW, &x, &e), 0);
	assert_int_equal(agg_merge(t, other, &e), ERR_UNSUPPORTED);
	agg_table_free(t);
	agg_table_free(other);
}

static void
what_spans_alone_tell_is_not_given(void **state)
{
	const struct aggregate hist = { .kind = AGG_HIST, OF_DURATION };
	const struct grouping none = grouping_of(aggs, 2), all = grouping_of(aggs, 6),
	    distinct = grouping_of(aggs + 6, 1), bars = grouping_of(&hist, 1);
	struct agg_table *t = table_of(&none);
	struct agg_given_want want;

	(void)state;
	assert_true(agg_takes_given(t, &want));
	assert_int_equal(want.n_fields, 0);
	agg_table_free(t);
	t = table_of(&all);
	assert_true(agg_takes_given(t, &want));
	assert_true(want.n_fields == 1 && want.fields[0].sum && want.fields[0].ends && want.fields[0].all);
	agg_table_free(t);
	t = table_of(&distinct);
	assert_true(agg_takes_given(t, &want));
	assert_true(want.distinct && !want.all);
	agg_table_free(t);
	t = table_of(&bars);
	assert_false(agg_takes_given(t, &want));
	agg_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_their_spans),
		cmocka_unit_test(ranks_are_of_one_piece),
		cmocka_unit_test(sides_come_apart),
		cmocka_unit_test(other_fields_are_given),
		cmocka_unit_test(what_spans_alone_tell_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
