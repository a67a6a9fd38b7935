/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of rows that come by columns, many at a time: percentiles, sums and counts are those that
 * the values have when they are sorted and added up here, however they are spread, in one batch or
 * many, with holes, and also when memory gets short on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg/agg_columns.h"

#define N 30000
#define N_GROUPS 3

static const struct field keys[] = { { .scope = FIELD_SPAN, .key = SV("k") } };
static const struct sv typed[] = { SV("k") };
#define MEASURED { .scope = FIELD_SPAN, .key = SV("x") }
#define RANK(p, w) { .kind = AGG_QUANTILE, .name = SV("p"), .field = MEASURED, \
	.typed = SV("x"), .part = p, .whole = w }
static const struct aggregate aggs[] = {
	{ .kind = AGG_COUNT, .name = SV("count") },
	{ .kind = AGG_ERRORS, .name = SV("errors") },
	{ .kind = AGG_SUM, .name = SV("sum"), .field = MEASURED, .typed = SV("x") },
	RANK(0, 100), RANK(1, 1000), RANK(50, 100), RANK(95, 100), RANK(99, 100), RANK(999, 1000),
	RANK(100, 100),
};
#define N_AGGS (sizeof aggs / sizeof *aggs)
#define FIRST_RANK 3
static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false },
	{ REF_AGG, 1, false }, { REF_AGG, 2, false }, { REF_AGG, 3, false }, { REF_AGG, 4, false },
	{ REF_AGG, 5, false }, { REF_AGG, 6, false }, { REF_AGG, 7, false }, { REF_AGG, 8, false },
	{ REF_AGG, 9, false } };
static const struct group_ref by_key[] = { { REF_KEY, 0, false } };
static const struct grouping grouping = { .keys = keys, .keys_typed = typed, .n_keys = 1,
	.aggs = aggs, .n_aggs = N_AGGS, .n_shown = N_AGGS, .sort = by_key, .n_sort = 1,
	.columns = columns, .n_columns = 1 + N_AGGS };

struct rows {
	uint32_t code[N];
	uint64_t number[N], start[N];
	uint8_t present[N], error[N];
	bool holes;
};

static uint64_t
draw(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* What percentiles are hard of: far apart, all the same, around zero, next to the ends, ties. */
static int64_t
spread(unsigned how, uint32_t i)
{
	switch (how) {
	case 0:
		return (int64_t)(draw() >> (draw() % 64));
	case 1:
		return 7;
	case 2:
		return (int64_t)(draw() % 41) - 20;
	case 3:
		return INT64_MIN + (int64_t)(i % 3);
	case 4:
		return i == 17 ? INT64_MAX : (int64_t)1000000 + (int64_t)(draw() % 5);
	case 5:
		return (int64_t)((uint64_t)1 << draw() % 63) - (int64_t)(draw() % 2);
	case 6:
		return (int64_t)i;
	default:
		return (int64_t)draw();
	}
}
#define N_SPREADS 8

static void
make(struct rows *r, unsigned how, bool holes)
{
	r->holes = holes;
	for (uint32_t i = 0; i < N; i++) {
		uint64_t g = draw() % 100;

		r->code[i] = g < 40 ? 1 : g < 70 ? 3 : g < 97 ? 4 : AGG_NO_CODE;
		r->number[i] = (uint64_t)spread(how, i);
		r->present[i] = draw() % 5 != 0;
		r->error[i] = draw() % 50 == 0;
		r->start[i] = 1000 + i;
	}
}

/* Two codes may be of one value, as two resources of a service. */
static int64_t
value_of(uint32_t code)
{
	return code == 3 ? 1 : code == AGG_NO_CODE ? -1 : (int64_t)code;
}

static void
code_value(const void *arg, uint32_t code, struct value *v)
{
	(void)arg;
	*v = (struct value){ .type = VAL_INT, .i = value_of(code) };
}

/* Rows [from, from + n) as a batch. */
static int
add(struct agg_table *t, const struct rows *r, uint32_t from, uint32_t n, struct err *e)
{
	struct agg_column v[2] = {
		{ .kind = AGG_COLUMN_CODES, .codes = r->code + from, .n_codes = 6,
		    .value = code_value },
		{ .kind = AGG_COLUMN_NUMBERS, .type = VAL_INT, .numbers = r->number + from,
		    .present = r->holes ? r->present + from : NULL },
	};
	struct agg_batch b = { .n = n, .first_ns = r->start[from], .last_ns = r->start[from + n - 1],
		.error = r->error + from, .columns = v };
	struct arena mem;
	int code;

	arena_init(&mem);
	code = agg_add_columns(t, SIDE_NOW, &b, &mem, e);
	arena_release(&mem);
	return code;
}

static int
by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct expected {
	int64_t v[N];
	size_t n, count, errors;
	__int128 sum;
};

static void
work_out(const struct rows *r, uint32_t code, struct expected *x)
{
	*x = (struct expected){ .n = 0 };
	for (uint32_t i = 0; i < N; i++) {
		if (value_of(r->code[i]) != value_of(code))
			continue;
		x->count++;
		x->errors += r->error[i];
		if (r->holes && r->present[i] == 0)
			continue;
		x->v[x->n++] = (int64_t)r->number[i];
		x->sum += (int64_t)r->number[i];
	}
	qsort(x->v, x->n, sizeof *x->v, by_number);
}

static void
is_number(const struct group_cell *c, int64_t v)
{
	assert_int_equal(c->kind, GROUP_VALUE);
	assert_int_equal(c->value.type, VAL_INT);
	assert_int_equal(c->value.i, v);
}

/* The group of code 1, of 4, and of none: null is last. */
static const uint32_t groups_of[N_GROUPS] = { 1, 4, AGG_NO_CODE };

static void
finish_and_compare(struct agg_table *t, const struct rows *r)
{
	static struct expected x;
	struct group_cell cells[N_GROUPS * (1 + N_AGGS)];
	struct err e = ERR_INIT;

	assert_int_equal(agg_finish(t, &e), 0);
	assert_true(agg_is_exact(t));
	assert_int_equal(agg_n_rows(t), N_GROUPS);
	assert_int_equal(agg_cells(t, 0, N_GROUPS, cells, &e), 0);
	for (size_t g = 0; g < N_GROUPS; g++) {
		const struct group_cell *c = cells + g * (1 + N_AGGS);

		work_out(r, groups_of[g], &x);
		is_number(&c[1], (int64_t)x.count);
		is_number(&c[2], (int64_t)x.errors);
		if (x.sum >= INT64_MIN && x.sum <= INT64_MAX)
			is_number(&c[3], (int64_t)x.sum);
		for (size_t i = FIRST_RANK; i < N_AGGS; i++) {
			size_t rank = (size_t)((aggs[i].part * x.n + aggs[i].whole - 1) / aggs[i].whole);

			is_number(&c[1 + i], x.v[rank == 0 ? 0 : rank - 1]);
		}
	}
}

static struct rows rows;

static void
columns_give_what_sorting_gives(void **state)
{
	static const uint32_t batches[] = { N, 7000, 64, 1 };
	struct agg_options o = { .groups = &grouping, .memory = SIZE_MAX };
	struct err e = ERR_INIT;
	struct agg_table *t;

	(void)state;
	for (unsigned how = 0; how < N_SPREADS; how++)
		for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
			make(&rows, how, (how + b) % 2 != 0);
			assert_int_equal(agg_table_new(&o, &t, &e), 0);
			for (uint32_t at = 0, n; at < N; at += n) {
				n = N - at < batches[b] ? N - at : batches[b];
				assert_int_equal(add(t, &rows, at, n, &e), 0);
			}
			finish_and_compare(t, &rows);
			agg_table_free(t);
		}
}

static void
two_tables_merge(void **state)
{
	struct agg_options o = { .groups = &grouping, .memory = SIZE_MAX };
	struct err e = ERR_INIT;
	struct agg_table *t, *other;

	(void)state;
	for (unsigned how = 0; how < N_SPREADS; how++) {
		make(&rows, how, how % 2 == 0);
		assert_int_equal(agg_table_new(&o, &t, &e), 0);
		assert_int_equal(agg_table_like(t, &other, &e), 0);
		assert_int_equal(add(t, &rows, 0, N / 3, &e), 0);
		assert_int_equal(add(other, &rows, N / 3, N - N / 3, &e), 0);
		assert_int_equal(agg_merge(t, other, &e), 0);
		agg_table_free(other);
		finish_and_compare(t, &rows);
		agg_table_free(t);
	}
}

/* It goes over to a sketch, and says so; counts and sums stay exact. */
static void
short_memory_is_told(void **state)
{
	static struct expected x;
	struct agg_options o = { .groups = &grouping, .memory = 100000 };
	struct group_cell cells[N_GROUPS * (1 + N_AGGS)];
	struct err e = ERR_INIT;
	struct agg_table *t;

	(void)state;
	make(&rows, 0, true);
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	for (uint32_t at = 0; at < N; at += 3000)
		assert_int_equal(add(t, &rows, at, 3000, &e), 0);
	assert_int_equal(agg_finish(t, &e), 0);
	assert_false(agg_is_exact(t));
	assert_int_equal(agg_cells(t, 0, N_GROUPS, cells, &e), 0);
	work_out(&rows, 1, &x);
	is_number(&cells[1], (int64_t)x.count);
	is_number(&cells[2], (int64_t)x.errors);
	agg_table_free(t);
	/* Where that is not wanted it fails, by the setting's name. */
	o.exact = true;
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	assert_int_equal(add(t, &rows, 0, N, &e), ERR_NOMEM);
	assert_non_null(strstr(e.msg, "[query] memory"));
	agg_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_give_what_sorting_gives),
		cmocka_unit_test(two_tables_merge),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
