/* SPDX-License-Identifier: ISC */
/*
 * Tests of exec_size: for any filter, page and order, by columns and by the plain plan, it is what
 * the lines of the rows take, and nothing was put together for it; where a row's length is not
 * told, nothing is. And of exec_passed: what begins at a byte is the end of the whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/exec_rig.h"
#include "lib/gen_pred.h"
#include "lib/plan_builder.h"
#include "lib/rounds.h"
#include "lib/span_rows.h"
#include "render/span_line.h"

#define N_SPANS 3000
#define N_HOURS 5
#define GROUP_ROWS 128
#define N_QUERIES 300

static struct exec_rig w;
static struct arena arena;

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	arena_init(&arena);
	store_rig_init(&store, 77, N_SPANS, N_HOURS, 3, GROUP_ROWS);
	exec_rig_open(&w, &store);
	assert_true(w.snap->n_shards > 1);
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

static struct exec_env
env_of(unsigned threads)
{
	return (struct exec_env){ .snapshot = w.snap, .memory = 1u << 30, .pool = w.pool,
	    .threads = threads };
}

/* The lines of the rows that the plan gives. */
static struct exec_size
rendered(const struct plan *p)
{
	struct render *render = calloc(1, sizeof *render);
	struct exec_env env = env_of(1);
	struct exec_size n = { 0 };
	struct buf line = BUF_INIT;
	struct err e = ERR_INIT;
	struct exec *ex;
	struct batch b;
	int rc;

	assert_non_null(render);
	assert_int_equal(exec_open(p, &env, &ex, &e), 0);
	while ((rc = exec_next(ex, &b, &e)) == 0) {
		render_batch(render);
		line.n = 0;
		for (size_t i = 0; i < b.n; i++)
			span_line_put(render, &line, b.spans[i].span);
		assert_false(line.oom);
		n.bytes += line.n;
		n.rows += b.n;
	}
	assert_true(rc > 0);
	exec_close(ex);
	buf_release(&line);
	render_release(render);
	free(render);
	return n;
}

/* The lines from a byte on, about; what was passed over before them, and what was done. */
static struct exec_size
lines_from(const struct plan *p, uint64_t to, unsigned threads, struct buf *lines,
    struct profile *prof)
{
	struct render *render = calloc(1, sizeof *render);
	struct exec_env env = env_of(threads);
	struct exec_size passed;
	struct err e = ERR_INIT;
	struct exec *ex;
	struct batch b;
	int rc;

	assert_non_null(render);
	env.pass.to = to;
	env.pass.version = SPAN_LINE_VERSION;
	lines->n = 0;
	assert_int_equal(exec_open(p, &env, &ex, &e), 0);
	rc = exec_next(ex, &b, &e);
	passed = exec_passed(ex);
	for (; rc == 0; rc = exec_next(ex, &b, &e)) {
		render_batch(render);
		for (size_t i = 0; i < b.n; i++)
			span_line_put(render, lines, b.spans[i].span);
	}
	assert_true(rc > 0 && !lines->oom);
	*prof = *exec_profile(ex);
	exec_close(ex);
	render_release(render);
	free(render);
	return passed;
}

static struct exec_size
told(const struct plan *p, unsigned threads)
{
	struct exec_env env = env_of(threads);
	struct exec_size n = { 0 };
	struct err e = ERR_INIT;
	struct profile prof;

	if (exec_size(p, &env, SPAN_LINE_VERSION, &n, &prof, &e) != 0)
		fail_msg("not told: %s", e.msg);
	/* By the plain plan rows are put together to be tested. */
	if (p->filter.pushdown)
		assert_int_equal(prof.rows_fetched, 0);
	return n;
}

/* Some of the rows, in some order. */
static void
page_of(struct plan *p, struct gen_pred *g)
{
	if (gen_pred_below(g, 3) == 0)
		plan_page(p, p->page.limit, gen_pred_below(g, 200));
	if (gen_pred_below(g, 3) == 0)
		plan_page(p, gen_pred_below(g, 2000), p->page.offset);
	p->scan.early_stop = gen_pred_below(g, 2) == 0;
	if (gen_pred_below(g, 4) == 0) {
		plan_sort_by(p, gen_pred_below(g, 2) == 0 ? "duration" : "name:desc");
		p->order.topn = p->page.limit != UINT64_MAX && gen_pred_below(g, 2) == 0;
	}
}

static void
it_is_what_the_lines_take(void **state)
{
	struct gen_pred g = { .arena = &arena, .spans = w.spans, .n_spans = w.n_spans, .state = 4 };
	const unsigned n_queries = rounds_of(N_QUERIES);
	size_t n_some = 0;

	(void)state;
	for (unsigned i = 0; i < n_queries; i++) {
		struct plan *p = i % 5 == 0 ? plan_plain(w.snap, ROW_SPAN) :
		    plan_columns(w.snap, ROW_SPAN);
		struct exec_size want, got;

		if (i % 7 != 0)
			p->filter.pred = gen_tree(&g, 2);
		page_of(p, &g);
		want = rendered(p);
		got = told(p, 1 + i % 3);
		if (got.rows != want.rows || got.bytes != want.bytes)
			fail_msg("query %u: %llu bytes of %llu rows told, they are %llu of %llu", i,
			    (unsigned long long)got.bytes, (unsigned long long)got.rows,
			    (unsigned long long)want.bytes, (unsigned long long)want.rows);
		n_some += want.rows != 0 && want.rows != w.n_spans;
		plan_free(p);
	}
	assert_true(n_some > n_queries / 3);
}

/* A service, or all; some of the store's time, or all. */
static const struct pred *
services_of(struct gen_pred *g)
{
	static const char *const some[] = { "service-0", "service-1", "service-2,service-0", "nobody" };
	static const enum pred_op ops[] = { OP_IN, OP_NOTIN, OP_IN };
	static const struct pred all = { .kind = PRED_TRUE };

	if (gen_pred_below(g, 4) == 0)
		return &all;
	return leaf_of(&arena, "service", ops[gen_pred_below(g, 3)], some[gen_pred_below(g, 4)]);
}

static void
of_whole_services_no_length_is_looked_at(void **state)
{
	struct gen_pred g = { .arena = &arena, .spans = w.spans, .n_spans = w.n_spans, .state = 9 };
	const uint64_t hour = (uint64_t)NS_PER_HOUR;
	const unsigned n_queries = rounds_of(N_QUERIES);
	size_t n_spared = 0, n_cut = 0;

	(void)state;
	for (unsigned i = 0; i < n_queries; i++) {
		struct plan *p = plan_columns(w.snap, ROW_SPAN);
		struct exec_env env = env_of(1 + i % 3);
		struct err e = ERR_INIT;
		struct exec_size want, got;
		struct profile prof;

		p->filter.pred = services_of(&g);
		if (i % 2 != 0) {
			p->filter.range.from = STORE_RIG_START + gen_pred_below(&g, N_HOURS) * hour / 2;
			p->filter.range.to = p->filter.range.from + 1 +
			    gen_pred_below(&g, N_HOURS) * hour;
		}
		want = rendered(p);
		assert_int_equal(exec_size(p, &env, SPAN_LINE_VERSION, &got, &prof, &e), 0);
		assert_int_equal(got.rows, want.rows);
		assert_int_equal(got.bytes, want.bytes);
		assert_int_equal(prof.rows_matched, want.rows);
		if (i % 2 == 0) {
			assert_int_equal(prof.row_groups_visited, 0);
			assert_int_equal(prof.rows_scanned, 0);
			/* Nor at the shard: the manifest has the totals. */
			assert_int_equal(prof.shards_opened, 0);
			assert_int_equal(prof.chunks_read + prof.chunks_cached, 0);
		}
		n_spared += prof.row_groups_visited == 0 && want.rows != 0;
		n_cut += prof.row_groups_visited != 0;
		plan_free(p);
	}
	assert_true(n_spared > n_queries / 4 && n_cut > n_queries / 8);
}

static void
passed_is_what_is(const struct plan *p, const struct buf *whole, uint64_t to, unsigned threads)
{
	struct buf rest = BUF_INIT;
	struct profile prof;
	struct exec_size passed = lines_from(p, to, threads, &rest, &prof);
	const char *end = rest.n == 0 ? NULL : memchr(rest.p, '\n', rest.n);

	assert_true(passed.bytes <= to);
	assert_int_equal(passed.bytes + rest.n, whole->n);
	if (rest.n != 0) {
		assert_memory_equal(rest.p, whole->p + passed.bytes, rest.n);
		assert_non_null(end);
		/* Of the line that the byte is in, and no earlier one. */
		assert_true(passed.bytes + (size_t)(end - rest.p) + 1 > to);
	}
	if (p->filter.pushdown)
		assert_int_equal(prof.rows_fetched, prof.rows_returned);
	buf_release(&rest);
}

static void
what_begins_at_a_byte_is_the_end_of_the_whole(void **state)
{
	struct gen_pred g = { .arena = &arena, .spans = w.spans, .n_spans = w.n_spans, .state = 12 };
	const unsigned n_queries = rounds_of(N_QUERIES);
	struct buf whole = BUF_INIT;
	struct profile prof;

	(void)state;
	for (unsigned i = 0; i < n_queries; i++) {
		struct plan *p = i % 5 == 0 ? plan_plain(w.snap, ROW_SPAN) :
		    plan_columns(w.snap, ROW_SPAN);

		p->filter.pred = i % 3 == 0 ? gen_tree(&g, 2) : services_of(&g);
		if (i % 2 == 0)
			page_of(p, &g);
		assert_int_equal(lines_from(p, 0, 1, &whole, &prof).bytes, 0);
		for (unsigned k = 0; k < 4 && whole.n != 0; k++)
			passed_is_what_is(p, &whole, gen_pred_below(&g, (uint32_t)whole.n),
			    1 + k % 3);
		passed_is_what_is(p, &whole, whole.n, 2);
		plan_free(p);
	}
	buf_release(&whole);
}

/* Rows of hours before the byte are not even looked for: of shards of one hour each. */
static void
hours_before_a_byte_are_not_scanned(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct buf whole = BUF_INIT, rest = BUF_INIT;
	struct exec_env env = env_of(1);
	struct err e = ERR_INIT;
	struct exec_size n;
	struct profile all, prof;

	(void)state;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		struct plan_shard *s = (struct plan_shard *)(uintptr_t)&p->scan.shards[i];

		if (w.snap->shards[s->shard].partition == PARTITION_OUTSIDE)
			s->access = ACCESS_PRUNED;
	}
	assert_int_equal(lines_from(p, 0, 1, &whole, &all).bytes, 0);
	assert_true(lines_from(p, whole.n - 1, 1, &rest, &prof).rows == all.rows_matched - 1);
	assert_int_equal(prof.rows_fetched, 1);
	assert_true(prof.rows_matched < all.rows_matched / 2);
	assert_true(prof.row_groups_visited < all.row_groups_visited / 2);
	/* Nor are those of a page, for its size. */
	plan_page(p, all.rows_matched - 10, 0);
	lines_from(p, 0, 1, &whole, &all);
	assert_int_equal(exec_size(p, &env, SPAN_LINE_VERSION, &n, &prof, &e), 0);
	assert_int_equal(n.bytes, whole.n);
	assert_true(prof.rows_matched < all.rows_matched / 2);
	buf_release(&whole);
	buf_release(&rest);
	plan_free(p);
}

static void
lengths_of_another_line_are_not_believed(void **state)
{
	struct exec_env env = env_of(1);

	(void)state;
	for (int paged = 0; paged < 2; paged++) {
		struct plan *p = plan_columns(w.snap, ROW_SPAN);
		struct err e = ERR_INIT;
		struct exec_size n;
		struct profile prof;

		if (paged)
			plan_page(p, 10, p->page.offset);
		assert_true(exec_size(p, &env, SPAN_LINE_VERSION + 1, &n, &prof, &e) > 0);
		plan_free(p);
	}
}

static void
limits_are_those_of_the_rows(void **state)
{
	struct exec_env env = env_of(1);
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	atomic_bool cancel = true;
	struct err e = ERR_INIT;
	struct exec_size n;
	struct profile prof;

	(void)state;
	env.max_rows = N_SPANS;
	assert_int_equal(exec_size(p, &env, SPAN_LINE_VERSION, &n, &prof, &e), 0);
	env.max_rows = N_SPANS - 1;
	assert_int_equal(exec_size(p, &env, SPAN_LINE_VERSION, &n, &prof, &e), ERR_LIMIT);
	env.max_rows = 0;
	env.deadline_mono_ns = 1;
	assert_int_equal(exec_size(p, &env, SPAN_LINE_VERSION, &n, &prof, &e), ERR_TIMEOUT);
	env.deadline_mono_ns = 0;
	env.cancel = &cancel;
	assert_int_equal(exec_size(p, &env, SPAN_LINE_VERSION, &n, &prof, &e), ERR_CANCELLED);
	plan_free(p);
}

/* A span that is too large to be measured, among others. */
static void
one_length_that_is_not_told_is_enough(void **state)
{
	static const size_t bytes[] = { 10, 17u << 20, 10 };
	struct store_rig store;
	struct span_batch b;
	struct exec_env env;
	struct exec_rig r;

	(void)state;
	span_batch_init(&b);
	for (size_t i = 0; i < 3; i++) {
		struct span *s = span_batch_add(&b);
		char *text = arena_alloc(&b.arena, bytes[i]);

		assert_true(s != NULL && text != NULL);
		memset(text, 'x', bytes[i]);
		*s = *span_min(&b.arena, 1 + i, "a");
		s->start_ns = STORE_RIG_START + i;
		s->end_ns = s->start_ns;
		s->status_message = sv_new(text, bytes[i]);
	}
	store_rig_init(&store, 1, 0, 1, 0, GROUP_ROWS);
	store_rig_add(&store, &b, GROUP_ROWS);
	span_batch_release(&b);
	exec_rig_open(&r, &store);
	env = (struct exec_env){ .snapshot = r.snap, .memory = 1u << 30 };
	for (uint64_t limit = 1; limit < 5; limit++) {
		struct plan *p = plan_columns(r.snap, ROW_SPAN);
		struct err e = ERR_INIT;
		struct exec_size n;
		struct profile prof;
		int rc;

		plan_page(p, limit < 4 ? limit : UINT64_MAX, p->page.offset);
		rc = exec_size(p, &env, SPAN_LINE_VERSION, &n, &prof, &e);
		/* Newest first: the large one is the second. */
		assert_int_equal(rc, limit > 1);
		if (rc == 0)
			assert_int_equal(n.rows, 1);
		plan_free(p);
	}
	exec_rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_the_lines_take),
		cmocka_unit_test(of_whole_services_no_length_is_looked_at),
		cmocka_unit_test(what_begins_at_a_byte_is_the_end_of_the_whole),
		cmocka_unit_test(hours_before_a_byte_are_not_scanned),
		cmocka_unit_test(lengths_of_another_line_are_not_believed),
		cmocka_unit_test(limits_are_those_of_the_rows),
		cmocka_unit_test(one_length_that_is_not_told_is_enough),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
