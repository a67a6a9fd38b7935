/* SPDX-License-Identifier: ISC */
/* Unit tests of ordering: keys of every type against each other, missing ones, ties, the best k. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "exec/exec_i.h"
#include "lib/exec_rig.h"
#include "lib/plan_builder.h"
#include "lib/span_rows.h"

static struct exec_rig w;
static struct arena arena;

/* Spans 1, 2, 3...: the attribute k of each is a step up in the order; the last two have none. */
static size_t n_steps;

static void
add_span(struct span_batch *b, uint64_t id, struct attrs attrs)
{
	struct span *x = span_batch_add(b);

	assert_non_null(x);
	*x = *span_min(&b->arena, id, "s");
	x->attrs = attrs;
}

static void
fill(struct span_batch *b)
{
	struct arena *a = &b->arena;
	struct value one = val_int(1);
	const struct value steps[] = {
		val_double(-INFINITY), val_int(INT64_MIN), val_double(-1.5), val_int(-1),
		val_double(0.0), val_double(0.5), val_int(1), val_double(1.5),
		val_int(9007199254740993), val_int(INT64_MAX), val_double(0x1p63),
		val_double(INFINITY), val_double(NAN),
		val_str(""), val_str("A"), val_str("a"), val_str("aa"), val_str("aaaaaaaa"),
		val_str("aaaaaaaab"), val_str("aaaaaaaac"), val_str("b"),
		val_bool(false), val_bool(true),
		/* By their JSON: [1] {"@bytes":"eA=="} {"B":1} {"b":1} */
		val_array(a, &one, 1), val_bytes(SV("x")),
		val_map(a, &(struct attr){ SV("B"), one }, 1),
		val_map(a, &(struct attr){ SV("b"), one }, 1),
	};

	n_steps = sizeof steps / sizeof *steps;
	for (size_t i = 0; i < n_steps; i++)
		add_span(b, i + 1, attrs_of(a, "k", steps[i], NULL));
	add_span(b, n_steps + 1, (struct attrs){ NULL, 0 });
	/* Empty is missing. */
	add_span(b, n_steps + 2, attrs_of(a, "k", val_empty(), NULL));
}

static int
setup(void **state)
{
	struct store_rig store;
	struct span_batch b;

	(void)state;
	arena_init(&arena);
	store_rig_init(&store, 1, 0, 1, 0, 8);
	store.now_ns = SPAN_START;
	span_batch_init(&b);
	fill(&b);
	store_rig_add(&store, &b, 8);
	span_batch_release(&b);
	exec_rig_open(&w, &store);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	exec_rig_close(&w);
	arena_release(&arena);
	return 0;
}

static struct exec_rows
sorted(const char *key, uint64_t limit, bool columns)
{
	struct plan *p = columns ? plan_columns(w.snap, ROW_SPAN) : plan_plain(w.snap, ROW_SPAN);

	plan_sort_by(p, key);
	plan_page(p, limit, 0);
	p->order.topn = limit != UINT64_MAX;
	return exec_rig_ids(&w, p);
}

static void
values_of_all_types_have_one_order(void **state)
{
	(void)state;
	for (int columns = 0; columns < 2; columns++) {
		struct exec_rows up = sorted("span.k", UINT64_MAX, columns);
		struct exec_rows down = sorted("span.k:desc", UINT64_MAX, columns);

		assert_int_equal(up.n, n_steps + 2);
		for (size_t i = 0; i < n_steps; i++) {
			assert_int_equal(up.ids[i], i + 1);
			assert_int_equal(down.ids[i], n_steps - i);
		}
		/* Missing last, both ways. */
		assert_int_equal(up.ids[n_steps], n_steps + 1);
		assert_int_equal(down.ids[n_steps], n_steps + 1);
		assert_int_equal(up.ids[n_steps + 1], n_steps + 2);
		assert_int_equal(down.ids[n_steps + 1], n_steps + 2);
		exec_rows_release(&up);
		exec_rows_release(&down);
	}
}

static void
the_best_few_are_the_first_of_all(void **state)
{
	(void)state;
	for (uint64_t k = 1; k < n_steps + 4; k += 3) {
		struct exec_rows few = sorted("span.k:desc", k, true);

		assert_int_equal(few.n, k < n_steps + 2 ? k : n_steps + 2);
		for (size_t i = 0; i < few.n && i < n_steps; i++)
			assert_int_equal(few.ids[i], n_steps - i);
		exec_rows_release(&few);
	}
}

static void
ties_go_by_ids(void **state)
{
	struct exec_rows rows = sorted("name", UINT64_MAX, true);

	(void)state;
	for (size_t i = 0; i < rows.n; i++)
		assert_int_equal(rows.ids[i], i + 1);
	exec_rows_release(&rows);
}

static void
a_second_key_decides_where_the_first_is_equal(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct exec_rows rows;

	(void)state;
	plan_sort_by(p, "service");
	plan_sort_by(p, "span_id:desc");
	rows = exec_rig_ids(&w, p);
	for (size_t i = 0; i < rows.n; i++)
		assert_int_equal(rows.ids[i], n_steps + 2 - i);
	exec_rows_release(&rows);
}

static void
integers_of_both_signs_and_widths_compare(void **state)
{
	struct skey minus = { .cls = KEY_NUMBER, .sub = FORM_I64, .u = (uint64_t)-1 };
	struct skey one = { .cls = KEY_NUMBER, .sub = FORM_I64, .u = 1 };
	struct skey huge;

	(void)state;
	skey_number(&huge, UINT64_MAX);
	assert_true(skey_cmp(&minus, &one) < 0);
	assert_true(skey_cmp(&minus, &huge) < 0);
	assert_true(skey_cmp(&huge, &one) > 0);
	assert_int_equal(skey_cmp(&huge, &huge), 0);
}

#define N_TIMES 5000

/* The i-th of N_TIMES times, all different: over an hour, close together but for one, in heaps, in order. */
static uint64_t
time_of(int shape, uint64_t i)
{
	uint64_t x = i * 7919 % N_TIMES;

	switch (shape) {
	case 0:
		return x * 720000000;
	case 1:
		return x == 77 ? UINT64_C(1) << 45 : x;
	case 2:
		return x / 8 * 1000000000 + x % 8;
	}
	return N_TIMES - i;
}

static void
newest_come_first_however_times_lie(void **state)
{
	static struct plan plan;
	static struct exec ex = { .plan = &plan };

	(void)state;
	for (int shape = 0; shape < 4; shape++) {
		struct err err = ERR_INIT;
		uint64_t sum = 0;
		struct refs r;

		refs_init(&r, 0, UINT64_MAX);
		assert_int_equal(refs_reserve(&ex, &r, N_TIMES, &err), 0);
		for (uint32_t i = 0; i < N_TIMES; i++)
			(void)refs_add(&r, time_of(shape, i), 0, i, 0);
		assert_int_equal(refs_sort(&ex, &r, &err), 0);
		assert_int_equal(r.n, N_TIMES);
		for (size_t i = 0; i < N_TIMES; i++) {
			const struct ref *x = refs_at(&r, i);

			assert_true(x->at == time_of(shape, x->row));
			assert_true(i == 0 || x->at < refs_at(&r, i - 1)->at);
			sum += x->row;
		}
		assert_int_equal(sum, (uint64_t)N_TIMES * (N_TIMES - 1) / 2);
		refs_release(&ex, &r);
	}
	assert_int_equal(atomic_load(&ex.held), 0);
}

#define N_REFS 300000

/* A sort of many ends with the query: a look now and then, and no order any more after it. */
static void
a_cancelled_sort_ends(void **state)
{
	static struct plan plan;
	static struct sort_key key;
	atomic_bool cancel = false;
	struct exec ex = { .plan = &plan, .env.cancel = &cancel };
	struct err err = ERR_INIT;

	(void)state;
	plan.order.keys = &key;
	plan.order.n_keys = 1;
	for (int cancelled = 0; cancelled < 2; cancelled++) {
		struct refs r;

		refs_init(&r, 1, UINT64_MAX);
		assert_int_equal(refs_reserve(&ex, &r, N_REFS, &err), 0);
		for (uint64_t i = 0; i < N_REFS; i++) {
			struct ref *x = refs_add(&r, i, 0, (uint32_t)i, 0);

			skey_number(&x->key[0], i * 7919 % N_REFS);
		}
		atomic_store(&cancel, cancelled);
		assert_int_equal(refs_sort(&ex, &r, &err), cancelled ? ERR_CANCELLED : 0);
		for (size_t i = 1; i < r.n && !cancelled; i++)
			assert_true(skey_cmp(refs_at(&r, i - 1)->key, refs_at(&r, i)->key) < 0);
		refs_release(&ex, &r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_all_types_have_one_order),
		cmocka_unit_test(the_best_few_are_the_first_of_all),
		cmocka_unit_test(ties_go_by_ids),
		cmocka_unit_test(a_second_key_decides_where_the_first_is_equal),
		cmocka_unit_test(integers_of_both_signs_and_widths_compare),
		cmocka_unit_test(newest_come_first_however_times_lie),
		cmocka_unit_test(a_cancelled_sort_ends),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
