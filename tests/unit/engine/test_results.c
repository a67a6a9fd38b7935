/* SPDX-License-Identifier: ISC */
/* Unit tests of the table of results: who is found, who stays and who goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/engine_i.h"

#define N 3000

static struct results table;
static struct result *all;
static struct request *requests;
#define HERE 3
#define ELSEWHERE 4

/* Result i: key i / 2, made at i + 1, used by one. */
static int
setup(void **state)
{
	(void)state;
	all = calloc(N, sizeof *all);
	requests = calloc(N, sizeof *requests);
	assert_non_null(all);
	assert_non_null(requests);
	gdsf_release(&table.worth);
	table = (struct results){ .n = 0 };
	for (unsigned i = 0; i < N; i++) {
		all[i].world_id = HERE;
		buf_u64(&requests[i].key, i / 2);
		all[i].request = &requests[i];
		all[i].made_mono_ns = i + 1;
		all[i].users = 1;
		assert_true(results_add(&table, &all[i]));
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N; i++)
		buf_release(&requests[i].key);
	free(requests);
	free(all);
	return 0;
}

static size_t
count(void)
{
	size_t n = 0;

	for (struct result *r = results_first(&table); r != NULL; r = results_after(&table, r))
		n++;
	return n;
}

static size_t
chain_length(const struct result *r)
{
	size_t n = 0;

	for (; r != NULL; r = r->next) {
		assert_false(r->listed);
		n++;
	}
	return n;
}

static void
the_latest_of_a_key_is_found(void **state)
{
	struct sv key = buf_view(&requests[7].key);

	(void)state;
	assert_int_equal(count(), N);
	assert_ptr_equal(results_find(&table, key, 0, HERE, 0), &all[7]);
	assert_null(results_find(&table, key, 8, HERE, 0));
	assert_null(results_find(&table, key, 0, ELSEWHERE, 0));
	assert_null(results_find(&table, key, 0, HERE, 1));	/* now has moved on */
	assert_null(results_find(&table, key, 0, 0, 0));
	/* Made for its size: whatever the world. */
	atomic_store(&all[6].by_stat, true);
	assert_ptr_equal(results_find(&table, key, 0, 0, 0), &all[6]);
	results_remove(&table, &all[7]);
	assert_ptr_equal(results_find(&table, key, 0, HERE, 0), &all[6]);
	assert_int_equal(count(), N - 1);
}

static void
what_is_in_use_stays(void **state)
{
	(void)state;
	assert_null(results_expire(&table, UINT64_MAX, 0));
	for (unsigned i = 0; i < N; i += 2)
		assert_true(results_leave(&table, &all[i], 10));
	assert_int_equal(count(), N);
	assert_int_equal(table.worth.bytes, N / 2 * 10);
	/* Used again: it counts no more. */
	results_join(&table, &all[0]);
	results_join(&table, &all[0]);
	assert_int_equal(table.worth.bytes, (N / 2 - 1) * 10);
	assert_int_equal(chain_length(results_expire(&table, UINT64_MAX, 0)), N / 2 - 1);
	assert_int_equal(count(), N / 2 + 1);
	assert_int_equal(table.worth.bytes, 0);
	assert_false(results_leave(&table, &all[0], 10));
	assert_true(results_leave(&table, &all[0], 10));
}

static void
the_oldest_go_first(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N; i++)
		assert_true(results_leave(&table, &all[i], 100));
	assert_int_equal(chain_length(results_expire(&table, 1000, UINT64_MAX)), 1000);
	assert_false(all[999].listed);
	assert_true(all[1000].listed);
	assert_int_equal(chain_length(results_expire(&table, 0, 500)), N - 1000 - 5);
	assert_true(all[N - 5].listed);
	assert_int_equal(table.n, 5);
	assert_int_equal(count(), 5);
}

static bool
no_file(struct sv s)
{
	return sv_is(s, "count");
}

static struct path *
path_of(const char *text)
{
	struct path *p;
	struct sv file;

	assert_int_equal(path_parse(sv_cstr(text), no_file, &p, &file, NULL), 0);
	return p;
}

static struct result *
again(const struct path *p, const char *file, uint64_t world_id, uint64_t made_after)
{
	return results_again(&table, p, sv_cstr(file), world_id, 0, made_after);
}

static void
what_a_path_was_bound_to_is_found_without_binding(void **state)
{
	struct path *p = path_of("/service/a/count"), *q = path_of("/service/a/count");
	struct world here = { .id = HERE };
	struct query marked = { .has_mark = true };
	struct request rq = { .world = &here, .file = "count" };

	(void)state;
	for (unsigned i = 0; i < N; i++)
		all[i].id = i + 1;
	assert_false(results_may_know(&table, p, SV("count")));
	results_bound(&table, &rq, p, &all[7]);
	assert_true(results_may_know(&table, p, SV("count")));
	assert_ptr_equal(again(p, "count", HERE, 0), &all[7]);
	/* Another path object, file, world or set of rules; too old; no longer listed. */
	assert_null(again(q, "count", HERE, 0));
	assert_null(again(p, "spans.csv", HERE, 0));
	assert_null(again(p, "count", ELSEWHERE, 0));
	assert_null(results_again(&table, p, SV("count"), HERE, 1, 0));
	assert_null(again(p, "count", HERE, 8));
	all[7].lasting = true;
	assert_ptr_equal(again(p, "count", HERE, 8), &all[7]);
	all[7].world_id = ELSEWHERE;
	assert_null(again(p, "count", HERE, 0));
	all[7].world_id = HERE;
	results_remove(&table, &all[7]);
	assert_null(again(p, "count", HERE, 0));
	results_bound(&table, &rq, p, &all[6]);
	assert_ptr_equal(again(p, "count", HERE, 0), &all[6]);
	/* What depends on more than the world is bound each time. */
	rq.now = 5;
	results_bound(&table, &rq, q, &all[5]);
	rq.now = 0;
	rq.query = &marked;
	results_bound(&table, &rq, q, &all[5]);
	assert_false(results_may_know(&table, q, SV("count")));
	results_forget_paths(&table);
	assert_null(again(p, "count", HERE, 0));
	path_unref(p);
	path_unref(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_latest_of_a_key_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_in_use_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(the_oldest_go_first, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_path_was_bound_to_is_found_without_binding,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
