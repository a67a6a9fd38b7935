/* SPDX-License-Identifier: ISC */
/* Unit tests of agg: tables of groups stop at their deadline and when they are cancelled, shown or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg.h"

#define N_SPANS 5000

/* A group a span: each has a start of its own. */
static const struct field by_start[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_START } };
static const struct sv typed[] = { SV("start") };
static const struct grouping grouping = { .keys = by_start, .keys_typed = typed, .n_keys = 1,
	.columns = &(const struct group_ref){ REF_KEY, 0, false }, .n_columns = 1 };

static struct agg_table *
table_new(uint64_t deadline, const atomic_bool *cancel)
{
	struct agg_options o = { .groups = &grouping, .memory = SIZE_MAX,
		.deadline_mono_ns = deadline, .cancel = cancel };
	struct agg_table *t;
	struct err e;

	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	return t;
}

static int
add_spans(struct agg_table *t, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < N_SPANS; i++) {
		struct span s = { .start_ns = N_SPANS - i };
		struct span_row row = { .span = &s };

		code = agg_add(t, SIDE_NOW, &row, 1, e);
	}
	return code;
}

static void
a_table_stops_at_its_deadline(void **state)
{
	struct agg_table *t = table_new(1, NULL);
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, &e), ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "[query] timeout"));
	agg_table_free(t);
}

static void
a_table_that_is_cancelled_takes_no_more(void **state)
{
	atomic_bool cancel = true;
	struct agg_table *t = table_new(0, &cancel);
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, &e), ERR_CANCELLED);
	agg_table_free(t);
}

static void
the_end_of_a_table_is_cancelled_too(void **state)
{
	atomic_bool cancel = false;
	struct agg_table *t = table_new(0, &cancel), *all = table_new(0, &cancel);
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, &e), 0);
	assert_int_equal(agg_merge(all, t, &e), 0);
	agg_table_free(t);
	atomic_store(&cancel, true);
	assert_int_equal(agg_finish(all, &e), ERR_CANCELLED);
	agg_table_free(all);
}

static void
a_table_in_time_has_all_rows(void **state)
{
	atomic_bool cancel = false;
	struct agg_table *t = table_new(UINT64_MAX, &cancel);
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, &e), 0);
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_n_rows(t), N_SPANS);
	agg_table_free(t);
}

static void
rows_that_are_shown_stop_too(void **state)
{
	static struct group_cell cells[N_SPANS];
	atomic_bool cancel = false;
	struct agg_table *t = table_new(0, &cancel);
	struct err e;

	(void)state;
	assert_int_equal(add_spans(t, &e), 0);
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_cells(t, 0, N_SPANS, cells, &e), 0);
	atomic_store(&cancel, true);
	assert_int_equal(agg_cells(t, 0, N_SPANS, cells, &e), ERR_CANCELLED);
	agg_table_free(t);
}

static void
what_their_reader_holds_counts(void **state)
{
	struct agg_options o = { .groups = &grouping, .memory = 10000000 };
	struct agg_table *t;
	size_t used;
	struct err e;

	(void)state;
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	assert_int_equal(add_spans(t, &e), 0);
	assert_int_equal(agg_finish(t, &e), 0);
	used = agg_memory_used(t);
	assert_int_equal(agg_reader_holds(t, 10000000 - used, &e), 0);
	assert_int_equal(agg_reader_holds(t, 10000001 - used, &e), ERR_NOMEM);
	assert_non_null(strstr(e.msg, "[query] memory"));
	assert_int_equal(agg_memory_used(t), used);
	agg_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_stops_at_its_deadline),
		cmocka_unit_test(a_table_that_is_cancelled_takes_no_more),
		cmocka_unit_test(the_end_of_a_table_is_cancelled_too),
		cmocka_unit_test(a_table_in_time_has_all_rows),
		cmocka_unit_test(rows_that_are_shown_stop_too),
		cmocka_unit_test(what_their_reader_holds_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
