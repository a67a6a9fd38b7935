/* SPDX-License-Identifier: ISC */
/*
 * contrast: fields that have too many values are dropped, whatever the order and however they are
 * shared out among tables; memory is counted and given back; deadline and cancel end it; rows are
 * the first of their order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agg/contrast.h"
#include "base/clock.h"

static const struct field by_k = { .scope = FIELD_SPAN, .key = SV("k") };
static const struct field by_r = { .scope = FIELD_RESOURCE, .key = SV("r") };

static struct contrast *
table(struct quota *q)
{
	const struct contrast_options o = { .memory = SIZE_MAX / 2, .quota = q };
	struct contrast *c = NULL;

	assert_int_equal(contrast_new(&o, &c, NULL), 0);
	return c;
}

/* One span with an integer. 1: the field is dropped. */
static int
add(struct contrast *c, const struct field *name, int64_t k, enum contrast_side side)
{
	const struct value v = { .type = VAL_INT, .i = k };
	struct contrast_field *f;
	uint32_t no;
	int code;

	assert_int_equal(contrast_field(c, name, &f, NULL), 0);
	if ((code = contrast_value(c, f, &v, &no, NULL)) == 0)
		contrast_count(f, no, side == SIDE_SELECTION, side == SIDE_BASELINE);
	contrast_add_spans(c, side == SIDE_SELECTION, side == SIDE_BASELINE);
	return code;
}

static size_t
finished(struct contrast *c)
{
	assert_int_equal(contrast_finish(c, NULL, 0, UINT64_MAX, NULL), 0);
	return contrast_n_rows(c);
}

static void
assert_note(const struct contrast *c, const char *want)
{
	struct buf b = BUF_INIT;

	assert_int_equal(contrast_note(c, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
}

static void
too_many_values_drop_the_field(void **state)
{
	struct quota q = { 0 };
	struct contrast *c = table(&q);

	(void)state;
	assert_int_equal(add(c, &by_r, 1, SIDE_BASELINE), 0);
	for (int i = 0; i < CONTRAST_MOST_VALUES; i++)
		assert_int_equal(add(c, &by_k, i, SIDE_SELECTION), 0);
	assert_int_equal(add(c, &by_k, 5, SIDE_BASELINE), 0);
	assert_int_equal(finished(c), CONTRAST_MOST_VALUES + 1);
	assert_note(c, "left out: trace_id, span_id, parent_span_id (ids)");
	assert_int_equal(add(c, &by_k, -1, SIDE_BASELINE), 1);
	assert_int_equal(add(c, &by_k, 5, SIDE_BASELINE), 1);
	assert_int_equal(finished(c), 1);
	assert_note(c, "left out: span.k (over 10000 values); "
	    "trace_id, span_id, parent_span_id (ids)");
	contrast_free(c);
	assert_int_equal(atomic_load(&q.used), 0);
}

/* Each part has less than are too many, and all of them more. */
static void
parts_are_dropped_as_the_whole(void **state)
{
	struct contrast *c = table(NULL), *parts[3];

	(void)state;
	for (int p = 0; p < 3; p++) {
		assert_int_equal(contrast_like(c, &parts[p], NULL), 0);
		for (int i = 0; i < 4000; i++)
			assert_int_equal(add(parts[p], &by_k, p * 4000 + i, SIDE_BASELINE), 0);
		assert_int_equal(add(parts[p], &by_r, 7, SIDE_SELECTION), 0);
	}
	for (int p = 0; p < 3; p++) {
		assert_int_equal(contrast_merge(c, parts[p], NULL), 0);
		contrast_free(parts[p]);
	}
	assert_int_equal(finished(c), 1);
	assert_int_equal(contrast_spans(c, SIDE_BASELINE), 12000);
	assert_int_equal(contrast_spans(c, SIDE_SELECTION), 3);
	contrast_free(c);
}

static void
one_that_drops_tells_the_others(void **state)
{
	struct contrast *a = table(NULL), *b = NULL;
	struct contrast_field *f;

	(void)state;
	assert_int_equal(contrast_like(a, &b, NULL), 0);
	for (int i = 0; i <= CONTRAST_MOST_VALUES; i++)
		assert_int_equal(add(a, &by_k, i, SIDE_BASELINE), i == CONTRAST_MOST_VALUES);
	assert_int_equal(add(b, &by_k, 1, SIDE_BASELINE), 0);
	assert_int_equal(contrast_share_drops(b, a, NULL), 0);
	assert_int_equal(contrast_field(b, &by_k, &f, NULL), 0);
	assert_true(contrast_dropped(f));
	contrast_free(b);
	contrast_free(a);
}

static void
memory_is_bounded_by_both_settings(void **state)
{
	const struct contrast_options o = { .memory = 64 << 10 };
	struct quota q = { .max = 64 << 10 };
	struct contrast *c[2] = { NULL, table(&q) };
	const char *words[] = { "[query] memory", "[query] total_memory" };

	(void)state;
	assert_int_equal(contrast_new(&o, &c[0], NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct contrast_field *f;
		struct err e = ERR_INIT;
		int code = contrast_field(c[i], &by_k, &f, &e);
		uint32_t no;

		for (int k = 0; code == 0 && k < CONTRAST_MOST_VALUES; k++)
			code = contrast_value(c[i], f, &(struct value){ .type = VAL_INT, .i = k },
			    &no, &e);
		assert_int_equal(code, ERR_NOMEM);
		assert_non_null(strstr(e.msg, words[i]));
		contrast_free(c[i]);
	}
	assert_int_equal(atomic_load(&q.used), 0);
}

static void
ends_when_it_is_told(void **state)
{
	atomic_bool cancel = true;
	const struct contrast_options late = { .memory = SIZE_MAX / 2, .deadline_mono_ns = 1 };
	const struct contrast_options off = { .memory = SIZE_MAX / 2, .cancel = &cancel };
	const struct contrast_options *o[] = { &late, &off };
	const int want[] = { ERR_TIMEOUT, ERR_CANCELLED };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct contrast *c = NULL;

		assert_int_equal(contrast_new(o[i], &c, NULL), 0);
		for (int k = 0; k < CONTRAST_MOST_VALUES; k++)
			assert_int_equal(add(c, &by_k, k, SIDE_BASELINE), 0);
		assert_int_equal(contrast_finish(c, NULL, 0, 10, NULL), want[i]);
		contrast_free(c);
	}
}

/* ---- rows ---- */

static void
assert_row(const struct contrast *c, size_t i, const char *field, int64_t value, uint64_t n)
{
	struct group_cell cells[N_CONTRAST_COLUMNS];

	contrast_cells(c, i, 1, cells);
	assert_true(sv_is(cells[CONTRAST_FIELD].value.s, field));
	assert_int_equal(cells[CONTRAST_VALUE].value.i, value);
	assert_int_equal(cells[CONTRAST_SELECTION].u, n);
}

/* As many as are asked for, the first ones of the same order. */
static void
a_page_is_the_beginning(void **state)
{
	struct contrast *c = table(NULL);

	(void)state;
	for (int i = 0; i < 50; i++)
		for (int n = 0; n < 1 + i * 7 % 50; n++)
			assert_int_equal(add(c, i % 2 ? &by_k : &by_r, i, SIDE_SELECTION), 0);
	contrast_add_spans(c, 0, 1);
	for (uint64_t most = 0; most <= 60; most++) {
		const struct contrast_sort down = { CONTRAST_SELECTION, true };

		assert_int_equal(contrast_finish(c, most % 2 ? &down : NULL, most % 2, most, NULL), 0);
		assert_int_equal(contrast_n_rows(c), most < 50 ? most : 50);
		/* 1 + i * 7 % 50 takes each number from 1 to 50 once. */
		for (size_t i = 0; i < contrast_n_rows(c); i++) {
			int64_t v = (int64_t)((49 - i) * 43 % 50);

			assert_row(c, i, v % 2 ? "span.k" : "resource.r", v, 50 - i);
		}
	}
	contrast_free(c);
}

static void
equal_ones_go_by_field_then_value(void **state)
{
	struct contrast *c = table(NULL);

	(void)state;
	for (int i = 3; i > 0; i--) {
		assert_int_equal(add(c, &by_k, i, SIDE_SELECTION), 0);
		assert_int_equal(add(c, &by_r, i, SIDE_SELECTION), 0);
	}
	assert_int_equal(finished(c), 6);
	for (int i = 0; i < 6; i++)
		assert_row(c, (size_t)i, i < 3 ? "resource.r" : "span.k", i % 3 + 1, 1);
	contrast_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_values_drop_the_field),
		cmocka_unit_test(parts_are_dropped_as_the_whole),
		cmocka_unit_test(one_that_drops_tells_the_others),
		cmocka_unit_test(memory_is_bounded_by_both_settings),
		cmocka_unit_test(ends_when_it_is_told),
		cmocka_unit_test(a_page_is_the_beginning),
		cmocka_unit_test(equal_ones_go_by_field_then_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
