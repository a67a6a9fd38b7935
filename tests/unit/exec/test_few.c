/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of rows that indexes name: what is looked at is they and no row group beside, and
 * trees of conditions over them mean what they mean over bitmaps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/exec_rig.h"
#include "lib/plan_builder.h"
#include "lib/span_rows.h"

#define PER_SHARD 4096
#define N_HOURS 3
#define GROUP 512
#define N_USERS 700
#define HOUR 3600000000000u
#define FIRST_HOUR UINT64_C(1795183200000000000)

static struct exec_rig w;
static struct arena arena;

/* Span i of an hour: user i * 37 % 700, number i, error every tenth; user 5 in one hour only. */
static void
fill(struct span_batch *b, unsigned hour)
{
	const struct resource *r = resource_of(&b->arena, "alpha");

	for (unsigned i = 0; i < PER_SHARD; i++) {
		struct span *x = span_batch_add(b);
		uint64_t no = (uint64_t)hour * PER_SHARD + i;
		unsigned user = i * 37 % N_USERS;

		assert_non_null(x);
		if (user == 5 && hour != 1)
			user = 6;
		*x = *span_min(&b->arena, no + 1, "alpha");
		x->resource = r;
		x->trace_id = (struct trace_id){ 9, no + 1 };
		x->start_ns = FIRST_HOUR + hour * (uint64_t)HOUR + i * UINT64_C(500000000);
		x->end_ns = x->start_ns + i * 1000u;
		x->status = i % 10 == 9 ? STATUS_ERROR : STATUS_UNSET;
		x->attrs = attrs_of(&b->arena, "n", val_int(i % 64), "user",
		    val_str(arena_printf(&b->arena, "user-%u", user)), NULL);
	}
}

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	arena_init(&arena);
	store_rig_init(&store, 1, 0, 1, 0, GROUP);
	store.now_ns = FIRST_HOUR + N_HOURS * (uint64_t)HOUR;
	for (unsigned h = 0; h < N_HOURS; h++) {
		struct span_batch b;

		span_batch_init(&b);
		fill(&b, h);
		store_rig_add(&store, &b, GROUP);
		span_batch_release(&b);
	}
	exec_rig_open(&w, &store);
	assert_int_equal(w.snap->n_shards, N_HOURS);
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

/* Runs it with and without indexes: the same rows; the profile with. */
static struct profile
check(const struct pred *filter, enum row_kind kind, struct time_range range, size_t *n)
{
	struct exec_rows rows[2];

	for (int i = 0; i < 2; i++) {
		struct plan *p = plan_columns(w.snap, kind);
		struct plan_shard *s = (struct plan_shard *)(uintptr_t)p->scan.shards;

		p->filter.pred = filter;
		p->filter.range = range;
		p->scan.indexes = i == 0;
		for (size_t k = 0; k < p->scan.n_shards; k++)
			s[k].index_leaves = i == 0 ? plan_index_leaves(filter) : 0;
		rows[i] = exec_rig_ids(&w, p);
	}
	assert_int_equal(rows[0].n, rows[1].n);
	for (size_t i = 0; i < rows[0].n; i++)
		assert_int_equal(rows[0].ids[i], rows[1].ids[i]);
	assert_int_equal(rows[0].prof.rows_matched, rows[1].prof.rows_matched);
	*n = rows[0].n;
	for (int i = 1; i >= 0; i--)
		exec_rows_release(&rows[i]);
	return rows[0].prof;
}

static const struct pred *
user(const char *name)
{
	return leaf_of(&arena, "span.user", OP_EQ, name);
}

static void
only_the_rows_named_are_looked_at(void **state)
{
	size_t n;
	struct profile f = check(user("user-100"), ROW_SPAN, TIME_RANGE_ALL, &n);

	(void)state;
	assert_true(n >= 15);
	assert_int_equal(f.rows_scanned, n);
	assert_true(f.row_groups_visited <= n);
	assert_int_equal(f.row_groups_visited + f.row_groups_pruned,
	    N_HOURS * PER_SHARD / GROUP);
}

/* What postings name has the value; beside another condition it is still looked at. */
static void
rows_of_postings_are_not_tested_again(void **state)
{
	const struct pred *slow = leaf_of(&arena, "duration", OP_GE, "1ms");
	const struct pred *two = or_of(&arena, user("user-1"), user("user-2"));
	size_t n, some;
	struct profile f = check(user("user-100"), ROW_SPAN, TIME_RANGE_ALL, &n);

	(void)state;
	assert_int_equal(f.values_tested, 0);
	assert_int_equal(f.rows_matched, n);
	f = check(and_of(&arena, user("user-100"), slow), ROW_SPAN, TIME_RANGE_ALL, &some);
	assert_true(some > 0 && some < n);
	assert_true(f.values_tested >= n);
	f = check(two, ROW_SPAN, TIME_RANGE_ALL, &n);
	assert_true(n >= 30);
	assert_int_equal(f.values_tested, 0);
	f = check(and_of(&arena, two, user("user-1")), ROW_SPAN, TIME_RANGE_ALL, &some);
	assert_true(some > 0 && some < n);
	assert_int_equal(f.values_tested, 0);
	f = check(and_of(&arena, slow, two), ROW_SPAN, TIME_RANGE_ALL, &some);
	assert_true(some > 0 && some < n);
	assert_true(f.values_tested >= some);
}

static void
a_shard_without_the_value_costs_no_row_group(void **state)
{
	size_t n;
	struct profile f = check(user("user-5"), ROW_SPAN, TIME_RANGE_ALL, &n);

	(void)state;
	assert_true(n >= 5 && n <= PER_SHARD / GROUP);
	assert_int_equal(f.rows_scanned, n);
	assert_true(f.row_groups_visited <= n);
	f = check(user("nobody"), ROW_SPAN, TIME_RANGE_ALL, &n);
	assert_int_equal(n, 0);
	assert_int_equal(f.rows_scanned + f.row_groups_visited, 0);
}

static void
the_range_cuts_the_list(void **state)
{
	struct time_range r = { FIRST_HOUR + 700 * UINT64_C(500000000), FIRST_HOUR + HOUR +
	    900 * UINT64_C(500000000) };
	size_t all, n;
	struct profile f;

	(void)state;
	(void)check(user("user-100"), ROW_SPAN, TIME_RANGE_ALL, &all);
	f = check(user("user-100"), ROW_SPAN, r, &n);
	assert_true(n > 0 && n < all);
	assert_int_equal(f.rows_scanned, n);
}

static void
trees_mean_the_same(void **state)
{
	const struct pred *errors = leaf_of(&arena, "status", OP_EQ, "error");
	const struct pred *slow = leaf_of(&arena, "duration", OP_GE, "1ms");
	const struct pred *bare = leaf_of(&arena, "n", OP_IN, "3,7,37");
	const struct pred *either = or_of(&arena, user("user-1"), user("user-2"));
	const struct pred *const trees[] = {
		either,
		or_of(&arena, user("user-1"), user("nobody")),
		and_of(&arena, either, errors),
		and_of(&arena, errors, and_of(&arena, either, bare)),
		and_of(&arena, slow, or_of(&arena, user("user-3"), and_of(&arena, errors, bare))),
		and_of(&arena, user("user-1"), user("user-2")),
		or_of(&arena, and_of(&arena, user("user-1"), slow), user("user-9")),
		and_of(&arena, user("user-8"), leaf_of(&arena, "span.n", OP_NE, "8")),
		and_of(&arena, user("user-8"), leaf_of(&arena, "name", OP_HAS, "")),
	};
	static const enum row_kind kinds[] = { ROW_SPAN, ROW_TRACE, ROW_COUNT };

	(void)state;
	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
		for (size_t k = 0; k < 3; k++) {
			struct pred not = { .kind = PRED_NOT, .n_kids = 1, .kids = &trees[i] };
			size_t n;

			(void)check(trees[i], kinds[k], TIME_RANGE_ALL, &n);
			(void)check(and_of(&arena, user("user-2"), &not), kinds[k],
			    TIME_RANGE_ALL, &n);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_rows_named_are_looked_at),
		cmocka_unit_test(rows_of_postings_are_not_tested_again),
		cmocka_unit_test(a_shard_without_the_value_costs_no_row_group),
		cmocka_unit_test(the_range_cuts_the_list),
		cmocka_unit_test(trees_mean_the_same),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
