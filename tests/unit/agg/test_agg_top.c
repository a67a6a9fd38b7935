/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of the first rows of a table: they are those of the table that keeps all, whatever they
 * are sorted by, for few comparisons and without cells of the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg.h"

#define N_GROUPS 20000
#define KEPT 10

static const struct field keys[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_NAME } };
static const struct sv typed[] = { SV("name") };
#define DURATION { .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION }
static const struct aggregate aggs[] = {
	{ .kind = AGG_COUNT, .name = SV("count") },
	{ .kind = AGG_MAX, .name = SV("max"), .field = DURATION, .typed = SV("duration") },
	{ .kind = AGG_QUANTILE, .name = SV("p50"), .field = DURATION, .typed = SV("duration"),
	    .part = 50, .whole = 100 },
};
static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false },
	{ REF_AGG, 1, false }, { REF_AGG, 2, false } };
#define N_COLUMNS 4

static const struct group_ref sorts[][2] = {
	{ { REF_AGG, 1, true }, { REF_KEY, 0, false } },
	{ { REF_AGG, 1, false }, { REF_KEY, 0, true } },
	{ { REF_AGG, 0, true }, { REF_AGG, 2, false } },
	{ { REF_KEY, 0, true }, { REF_AGG, 0, false } },
};

struct seen {
	struct arena mem;
	struct group_cell cells[N_GROUPS * N_COLUMNS];
	size_t n;
	uint64_t compared;
	size_t used;
};

/* Groups of one to three spans, in an order that has nothing to do with any sort. */
static void
add_spans(struct agg_table *t)
{
	struct err e = ERR_INIT;
	char name[16];

	for (uint64_t i = 0; i < 2 * N_GROUPS; i++) {
		uint64_t g = i * 7919 % N_GROUPS;
		struct span s = { .start_ns = 1000, .name = sv_new(name, 8) };
		struct span_row row = { .span = &s };

		s.end_ns = 1000 + g * 104729 % 99991 + i % 3;
		(void)snprintf(name, sizeof name, "%08llu", (unsigned long long)g);
		assert_int_equal(agg_add(t, SIDE_NOW, &row, 1, &e), 0);
	}
}

static void
run(const struct grouping *g, uint64_t keep, struct seen *s)
{
	struct agg_options o = { .groups = g, .memory = SIZE_MAX, .keep = keep };
	struct err e = ERR_INIT;
	struct agg_table *t;

	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	add_spans(t);
	assert_int_equal(agg_finish(t, &e), 0);
	s->n = agg_n_rows(t);
	s->compared = agg_n_compared(t);
	s->used = agg_memory_used(t);
	assert_int_equal(agg_cells(t, 0, s->n, s->cells, &e), 0);
	for (size_t i = 0; i < s->n * N_COLUMNS; i++) {
		struct value *v = &s->cells[i].value;

		if (s->cells[i].kind == GROUP_VALUE && v->type == VAL_STRING)
			v->s = arena_sv(&s->mem, v->s);
	}
	agg_table_free(t);
}

static void
same_cell(const struct group_cell *a, const struct group_cell *b)
{
	assert_int_equal(a->kind, b->kind);
	if (a->kind == GROUP_VALUE && a->value.type == VAL_STRING)
		assert_true(sv_eq(a->value.s, b->value.s));
	else if (a->kind == GROUP_VALUE)
		assert_int_equal(a->value.i, b->value.i);
	else
		assert_int_equal(a->u, b->u);
}

static void
the_first_rows_are_those_of_all(void **state)
{
	static struct seen all, some;
	static const uint64_t kept[] = { 1, KEPT, 777, N_GROUPS - 1, N_GROUPS, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
		const struct grouping g = { .keys = keys, .keys_typed = typed, .n_keys = 1,
			.aggs = aggs, .n_aggs = 3, .n_shown = 3, .sort = sorts[i], .n_sort = 2,
			.columns = columns, .n_columns = N_COLUMNS };

		arena_init(&all.mem);
		run(&g, 0, &all);
		assert_int_equal(all.n, N_GROUPS);
		for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) {
			arena_init(&some.mem);
			run(&g, kept[k], &some);
			assert_int_equal(some.n, kept[k] == 0 ? N_GROUPS : kept[k]);
			for (size_t c = 0; c < some.n * N_COLUMNS; c++)
				same_cell(&some.cells[c], &all.cells[c]);
			arena_release(&some.mem);
		}
		arena_release(&all.mem);
	}
}

static void
few_rows_cost_few_comparisons(void **state)
{
	static struct seen all, some;
	const struct grouping g = { .keys = keys, .keys_typed = typed, .n_keys = 1, .aggs = aggs,
		.n_aggs = 3, .n_shown = 3, .sort = sorts[0], .n_sort = 2, .columns = columns,
		.n_columns = N_COLUMNS };

	(void)state;
	arena_init(&all.mem);
	arena_init(&some.mem);
	run(&g, 0, &all);
	run(&g, KEPT, &some);
	/* One with the last of the best for each group, and some for those that come in. */
	assert_true(some.compared < N_GROUPS + N_GROUPS / 10);
	assert_true(all.compared > 5 * (uint64_t)N_GROUPS);
	/* Cells of the best alone. */
	assert_true(all.used > some.used + (N_GROUPS - 2 * KEPT) * 3 * sizeof(struct group_cell));
	arena_release(&some.mem);
	arena_release(&all.mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rows_are_those_of_all),
		cmocka_unit_test(few_rows_cost_few_comparisons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
