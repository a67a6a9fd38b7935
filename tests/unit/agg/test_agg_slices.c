/* SPDX-License-Identifier: ISC */
/* Unit tests of agg_slices: groups by slices of time, of which those of a shorter range are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agg/agg_bytes.h"
#include "lib/agg_rig.h"
#include "lib/gen_span.h"

#define N 2000
#define START (400000 * NS_PER_HOUR)	/* of a rig's spans, which begin in five hours */
#define PLENTY SIZE_MAX

/* Spans of the range, to one side. */
static void
add(struct agg_table *t, enum agg_side side, struct time_range r)
{
	struct gen_span_options o = { .seed = 5, .start_ns = START, .range_ns = 5 * NS_PER_HOUR,
		.n_keys = 4, .unique_ids = true };
	struct span_batch batch;
	struct gen_span gen;
	struct err e;

	span_batch_init(&batch);
	gen_span_init(&gen, &o);
	assert_true(gen_span_add(&gen, &batch, N));
	for (size_t i = 0; i < N; i++) {
		struct span_row row = { .span = &batch.spans[i] };

		if (row.span->start_ns >= r.from && row.span->start_ns < r.to)
			assert_int_equal(agg_add(t, side, &row, 1, &e), 0);
	}
	span_batch_release(&batch);
}

/* All spans by slices, saved and loaded. */
static struct agg_table *
slices(unsigned shape, enum agg_side side, uint64_t ns)
{
	struct agg_table *like = agg_rig_table(shape, PLENTY), *t, *back;
	struct buf b = BUF_INIT;
	struct err e;

	assert_int_equal(agg_table_sliced(like, ns, &t, &e), 0);
	add(t, side, TIME_RANGE_ALL);
	assert_int_equal(agg_save(t, &b, &e), 0);
	assert_int_equal(agg_load(t, buf_view(&b), NULL, &back, &e), 0);
	buf_release(&b);
	agg_table_free(t);
	agg_table_free(like);
	return back;
}

static void
assert_slices(unsigned shape, enum agg_side side, uint64_t ns, struct time_range r)
{
	struct agg_table *want = agg_rig_table(shape, PLENTY), *got = agg_rig_table(shape, PLENTY);
	struct agg_table *all = slices(shape, side, ns);
	struct buf w = BUF_INIT, g = BUF_INIT;
	struct err e;

	add(want, side, r);
	assert_int_equal(agg_merge_slices(got, all, r, &e), 0);
	agg_table_free(all);
	assert_int_equal(agg_n_groups(got), agg_n_groups(want));
	assert_true(agg_rig_print(want, shape, &w, &e));
	assert_true(agg_rig_print(got, shape, &g, &e));
	assert_string_equal(buf_cstr(&g), buf_cstr(&w));
	buf_release(&w);
	buf_release(&g);
	agg_table_free(want);
	agg_table_free(got);
}

static void
slices_of_a_range_are_the_groups_of_its_spans(void **state)
{
	static const uint64_t lengths[] = { 1, NS_PER_S, NS_PER_MIN, NS_PER_HOUR };
	const struct time_range ranges[] = {
		TIME_RANGE_ALL, { START + NS_PER_HOUR, START + 3 * NS_PER_HOUR },
		{ 0, START + 2 * NS_PER_HOUR }, { START + 4 * NS_PER_HOUR, WHEN_MAX },
		{ START + 9 * NS_PER_HOUR, WHEN_MAX },
	};

	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++)
		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
			for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) {
				assert_slices(shape, SIDE_NOW, lengths[i], ranges[k]);
				if (shape == 2)
					assert_slices(shape, SIDE_BEFORE, lengths[i], ranges[k]);
			}
}

static void
instants_are_cut_anywhere(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < AGG_RIG_SHAPES; shape++)
		for (uint64_t i = 1; i < 6; i++)
			assert_slices(shape, SIDE_NOW, 1, (struct time_range){
			    START + i * 1234567890123, START + i * 3456789012345 });
}

/* Each slice must lie in one bucket, on either side; and which have no price is known of all alone. */
static void
some_lengths_are_none(void **state)
{
	static const struct field cost = { .scope = FIELD_INTRINSIC, .intrinsic = IN_COST };
	struct aggregate sum = { .kind = AGG_SUM, .name = SV("sum"), .typed = SV("cost"),
	    .field = cost };
	struct grouping g = { .aggs = &sum, .n_aggs = 1, .n_shown = 1 };
	struct agg_options o = { .groups = &g, .memory = PLENTY };
	struct agg_table *hours = agg_rig_table(2, PLENTY), *weeks = agg_rig_table(3, PLENTY), *t;
	struct err e;

	(void)state;
	assert_true(agg_can_slice(hours, NS_PER_MIN));
	assert_true(agg_can_slice(hours, NS_PER_HOUR));
	assert_false(agg_can_slice(hours, 7 * NS_PER_MIN));
	assert_false(agg_can_slice(hours, 2 * NS_PER_HOUR));
	assert_false(agg_can_slice(hours, 0));
	assert_true(agg_can_slice(weeks, NS_PER_DAY));
	assert_false(agg_can_slice(weeks, 7 * NS_PER_DAY));
	assert_int_equal(agg_step_ns(hours), NS_PER_HOUR);
	assert_int_equal(agg_step_ns(weeks), 0);
	agg_table_free(hours);
	agg_table_free(weeks);
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	assert_false(agg_can_slice(t, NS_PER_MIN));
	agg_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_of_a_range_are_the_groups_of_its_spans),
		cmocka_unit_test(instants_are_cut_anywhere),
		cmocka_unit_test(some_lengths_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
