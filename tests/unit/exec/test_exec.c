/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of exec as a whole: the plain plan and every faster one give the same rows in
 * the same order, whatever the batch size and the number of threads; limits, deadlines and
 * cancelling are errors with the right words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/exec_rig.h"
#include "lib/gen_pred.h"
#include "lib/plan_builder.h"
#include "lib/rounds.h"

#define N_SPANS 4000
#define GROUP_ROWS 300

static struct exec_rig w;

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	store_rig_init(&store, 11, N_SPANS, 6, 3, GROUP_ROWS);
	exec_rig_open(&w, &store);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	exec_rig_close(&w);
	return 0;
}

static void
print_plan(const struct plan *p, const char *what)
{
	struct buf b = BUF_INIT;

	pred_print(&b, p->filter.pred);
	print_error("%s: %s (range %llu-%llu limit %llu offset %llu sort %zu)\n", what,
	    buf_cstr(&b), (unsigned long long)p->filter.range.from,
	    (unsigned long long)p->filter.range.to,
	    (unsigned long long)p->page.limit, (unsigned long long)p->page.offset, p->order.n_keys);
	buf_release(&b);
}

static void
expect_same(const struct plan *p, const struct exec_rows *a, const struct exec_rows *b,
    const char *what)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n && a->v[i] == b->v[i]; i++)
		;
	if (i == a->n && i == b->n)
		return;
	print_plan(p, what);
	fail_msg("%s: rows differ at %zu of %zu and %zu", what, i, a->n, b->n);
}

/* ---- plans ---- */

struct asked {
	const struct pred *filter;
	struct time_range range;
	uint64_t limit, offset;
	struct field sort[2];
	bool desc[2];
	size_t n_sort;
	enum row_kind output;
};

static struct plan *
plan_of(const struct asked *q, bool columns)
{
	struct plan *p = columns ? plan_columns(w.snap, q->output) :
	    plan_plain(w.snap, q->output);
	struct sort_key *s = arena_array(&p->arena, 2, struct sort_key);

	assert_non_null(s);
	for (size_t i = 0; i < q->n_sort; i++)
		s[i] = (struct sort_key){ q->sort[i], q->desc[i] };
	p->order.keys = s;
	p->order.n_keys = q->n_sort;
	p->filter.pred = q->filter;
	p->filter.range = q->range;
	plan_page(p, q->limit, q->offset);
	return p;
}

static void
compare(const struct asked *q, const struct exec_rows *want, bool columns, enum access access,
    bool early, bool topn, size_t batch, unsigned threads, const char *what)
{
	struct plan *p = plan_of(q, columns);
	struct exec_rows got;

	plan_access(p, access);
	p->scan.early_stop = early;
	p->order.topn = topn;
	got = exec_rig_run(&w, p, batch, threads);
	expect_same(p, want, &got, what);
	exec_rows_release(&got);
	plan_free(p);
}

/* The plain plan against the others. */
static size_t
check(const struct asked *q)
{
	bool limited = q->limit != UINT64_MAX;
	struct plan *p = plan_of(q, false);
	struct exec_rows want = exec_rig_run(&w, p, 0, 1);
	size_t n = want.n;

	plan_free(p);
	compare(q, &want, true, ACCESS_ZONE, false, false, 0, 1, "columns");
	compare(q, &want, true, ACCESS_FULL, false, false, 7, 1, "columns without zones");
	compare(q, &want, true, ACCESS_SERVICE, false, false, 1000, 3, "by service, threads");
	compare(q, &want, true, ACCESS_TRACE, limited, limited && q->n_sort != 0, 1, 2,
	    "by trace");
	if (limited) {
		compare(q, &want, true, ACCESS_ZONE, q->n_sort == 0, q->n_sort != 0, 0, 1,
		    "early or best k");
		compare(q, &want, false, ACCESS_FULL, q->n_sort == 0, false, 0, 3, "rows, early");
	}
	if (q->output == ROW_COUNT)
		compare(q, &want, true, ACCESS_CATALOG, false, false, 0, 1, "by catalog");
	exec_rows_release(&want);
	return n;
}

static struct time_range
some_range(struct gen_pred *g)
{
	uint64_t a = w.spans[gen_pred_below(g, w.n_spans)].start_ns;
	uint64_t b = w.spans[gen_pred_below(g, w.n_spans)].start_ns;

	switch (gen_pred_below(g, 4)) {
	case 0:
		return (struct time_range){ a < b ? a : b, a < b ? b : a };
	case 1:
		return (struct time_range){ a, WHEN_MAX };
	default:
		return TIME_RANGE_ALL;
	}
}

static void
random_query(struct gen_pred *g, enum row_kind output, unsigned depth, struct asked *q)
{
	*q = (struct asked){ .output = output, .limit = UINT64_MAX };
	q->filter = gen_tree(g, depth);
	q->range = some_range(g);
	if (gen_pred_below(g, 2) == 0)
		q->limit = gen_pred_below(g, 60);
	if (gen_pred_below(g, 3) == 0)
		q->offset = gen_pred_below(g, 30);
}

static void
random_sort(struct gen_pred *g, struct asked *q)
{
	q->n_sort = 1 + gen_pred_below(g, 2);
	for (size_t i = 0; i < q->n_sort; i++) {
		q->sort[i] = gen_field(g);
		q->desc[i] = gen_pred_below(g, 2) == 0;
	}
}

static void
agree(enum row_kind output, unsigned rounds, unsigned depth, bool sorted, uint64_t seed)
{
	size_t n = 0;

	rounds = rounds_of(rounds);
	for (unsigned i = 0; i < rounds; i++) {
		struct arena a;
		struct gen_pred g = { .arena = &a, .spans = w.spans, .n_spans = w.n_spans,
			.state = seed * 1000 + i };
		struct asked q;

		arena_init(&a);
		random_query(&g, output, depth == 0 ? 0 : i % (depth + 1), &q);
		if (sorted)
			random_sort(&g, &q);
		n += check(&q) != 0;
		arena_release(&a);
	}
	/* Rows were compared, not only empty answers. */
	assert_true(n > rounds / 4);
}

static void
leaves_agree(void **state)
{
	(void)state;
	agree(ROW_SPAN, 400, 0, false, 1);
}

static void
trees_agree(void **state)
{
	(void)state;
	agree(ROW_SPAN, 100, 3, false, 2);
}

static void
sorts_agree(void **state)
{
	(void)state;
	agree(ROW_SPAN, 100, 1, true, 3);
}

static void
events_agree(void **state)
{
	(void)state;
	agree(ROW_EVENT, 40, 1, false, 4);
	agree(ROW_EVENT, 40, 1, true, 5);
}

static void
links_agree(void **state)
{
	(void)state;
	agree(ROW_LINK, 40, 1, false, 6);
	agree(ROW_LINK, 40, 1, true, 7);
}

static void
traces_agree(void **state)
{
	(void)state;
	agree(ROW_TRACE, 40, 1, false, 8);
}

static void
counts_agree(void **state)
{
	(void)state;
	agree(ROW_COUNT, 60, 1, false, 9);
}

/* ---- against the spans themselves ---- */

static int
newest_first(const void *pa, const void *pb)
{
	const struct span *a = *(const struct span *const *)pa;
	const struct span *b = *(const struct span *const *)pb;
	struct hash128 x, y;
	int c;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? 1 : -1;
	if ((c = trace_id_cmp(a->trace_id, b->trace_id)) != 0)
		return c;
	if (a->span_id != b->span_id)
		return a->span_id < b->span_id ? -1 : 1;
	x = span_hash(a);
	y = span_hash(b);
	if (x.hi != y.hi)
		return x.hi < y.hi ? -1 : 1;
	return (x.lo > y.lo) - (x.lo < y.lo);
}

static void
the_default_order_is_newest_first_then_ids_then_content(void **state)
{
	const struct span **v = calloc(w.n_spans, sizeof *v);
	struct exec_rows got = exec_rig_ids(&w, plan_columns(w.snap, ROW_SPAN));

	(void)state;
	assert_non_null(v);
	assert_int_equal(got.n, w.n_spans);
	for (size_t i = 0; i < w.n_spans; i++)
		v[i] = &w.spans[i];
	qsort(v, w.n_spans, sizeof *v, newest_first);
	for (size_t i = 0; i < w.n_spans; i++)
		assert_int_equal(got.ids[i], v[i]->span_id);
	exec_rows_release(&got);
	free(v);
}

static void
pages_are_parts_of_the_whole(void **state)
{
	struct exec_rows all = exec_rig_ids(&w, plan_columns(w.snap, ROW_SPAN));

	(void)state;
	for (uint64_t at = 0; at < 4200; at += 700) {
		struct plan *p = plan_columns(w.snap, ROW_SPAN);
		struct exec_rows page;

		plan_page(p, 700, at);
		p->scan.early_stop = true;
		page = exec_rig_ids(&w, p);
		assert_int_equal(page.n, at >= all.n ? 0 : all.n - at < 700 ? all.n - at : 700);
		for (size_t i = 0; i < page.n; i++)
			assert_int_equal(page.v[i], all.v[at + i]);
		exec_rows_release(&page);
	}
	exec_rows_release(&all);
}

/* ---- bounds ---- */

static int
try_with(struct plan *p, struct exec_env env, struct exec_rows *rows, struct err *e)
{
	int rc;

	env.snapshot = w.snap;
	*e = (struct err)ERR_INIT;
	rc = exec_rig_try(p, &env, rows, e);
	exec_rows_release(rows);
	plan_free(p);
	return rc;
}

static void
the_deadline_fails_the_query_and_names_the_setting(void **state)
{
	struct exec_rows rows;
	struct err e;

	(void)state;
	assert_int_equal(try_with(plan_columns(w.snap, ROW_SPAN),
	    (struct exec_env){ .deadline_mono_ns = clock_mono_ns() }, &rows, &e), ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "[query] timeout"));
	assert_int_equal(rows.n, 0);
	assert_int_equal(try_with(plan_plain(w.snap, ROW_COUNT),
	    (struct exec_env){ .deadline_mono_ns = clock_mono_ns() + 60000000000u }, &rows, &e),
	    0);
}

static void
cancelling_ends_the_query(void **state)
{
	atomic_bool cancel = true;
	struct exec_rows rows;
	struct err e;

	(void)state;
	assert_int_equal(try_with(plan_columns(w.snap, ROW_TRACE),
	    (struct exec_env){ .cancel = &cancel }, &rows, &e), ERR_CANCELLED);
}

static void
a_reader_can_cancel_between_batches(void **state)
{
	atomic_bool cancel = false;
	struct exec_env env = { .snapshot = w.snap, .cancel = &cancel, .batch_rows = 10 };
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct err e = ERR_INIT;
	struct exec *ex;
	struct batch b;

	(void)state;
	assert_int_equal(exec_open(p, &env, &ex, &e), 0);
	assert_int_equal(exec_next(ex, &b, &e), 0);
	atomic_store(&cancel, true);
	assert_int_equal(exec_next(ex, &b, &e), ERR_CANCELLED);
	assert_false(exec_profile(ex)->complete);
	exec_close(ex);
	plan_free(p);
}

static void
memory_is_bounded_and_the_setting_named(void **state)
{
	static const enum row_kind kinds[] = { ROW_SPAN, ROW_TRACE, ROW_EVENT };
	struct exec_rows rows;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct plan *p = plan_columns(w.snap, kinds[i]);

		if (kinds[i] == ROW_SPAN)
			plan_sort_by(p, "name");
		assert_int_equal(try_with(p, (struct exec_env){ .memory = 16 << 10 }, &rows, &e),
		    ERR_NOMEM);
		assert_non_null(strstr(e.msg, "memory limit of 16KiB ([query] memory)"));
	}
}

static void
the_best_few_need_little_memory(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct exec_rows rows;
	struct err e;

	(void)state;
	plan_sort_by(p, "duration:desc");
	plan_page(p, 5, 0);
	p->order.topn = true;
	assert_int_equal(try_with(p, (struct exec_env){ .memory = 2 << 20 }, &rows, &e), 0);
	assert_int_equal(rows.n, 5);
}

static void
more_rows_than_allowed_fail(void **state)
{
	struct exec_rows rows;
	struct plan *p;
	struct err e;

	(void)state;
	assert_int_equal(try_with(plan_columns(w.snap, ROW_SPAN),
	    (struct exec_env){ .max_rows = 1000 }, &rows, &e), ERR_LIMIT);
	assert_non_null(strstr(e.msg, "[query] max_rows"));
	p = plan_columns(w.snap, ROW_SPAN);
	plan_page(p, 1000, 0);
	p->scan.early_stop = true;
	assert_int_equal(try_with(p, (struct exec_env){ .max_rows = 1000 }, &rows, &e), 0);
	assert_int_equal(rows.n, 1000);
	assert_int_equal(try_with(plan_columns(w.snap, ROW_COUNT),
	    (struct exec_env){ .max_rows = 1 }, &rows, &e), 0);
}

static void
a_plan_that_knows_it_is_empty_reads_nothing(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_COUNT);
	struct exec_rows rows;

	(void)state;
	p->filter.never = true;
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.ids[0], 0);
	assert_int_equal(rows.prof.shards_opened, 0);
	exec_rows_release(&rows);
	p = plan_columns(w.snap, ROW_SPAN);
	p->filter.range = (struct time_range){ 5, 5 };
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.n, 0);
	assert_int_equal(rows.prof.shards_opened, 0);
	exec_rows_release(&rows);
}

static void
a_limit_of_nothing_gives_nothing(void **state)
{
	static const enum row_kind kinds[] = { ROW_SPAN, ROW_TRACE, ROW_EVENT, ROW_LINK };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct plan *p = plan_columns(w.snap, kinds[i]);
		struct exec_rows rows;

		plan_page(p, 0, 0);
		rows = exec_rig_ids(&w, p);
		assert_int_equal(rows.n, 0);
		exec_rows_release(&rows);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_agree),
		cmocka_unit_test(trees_agree),
		cmocka_unit_test(sorts_agree),
		cmocka_unit_test(events_agree),
		cmocka_unit_test(links_agree),
		cmocka_unit_test(traces_agree),
		cmocka_unit_test(counts_agree),
		cmocka_unit_test(the_default_order_is_newest_first_then_ids_then_content),
		cmocka_unit_test(pages_are_parts_of_the_whole),
		cmocka_unit_test(the_deadline_fails_the_query_and_names_the_setting),
		cmocka_unit_test(cancelling_ends_the_query),
		cmocka_unit_test(a_reader_can_cancel_between_batches),
		cmocka_unit_test(memory_is_bounded_and_the_setting_named),
		cmocka_unit_test(the_best_few_need_little_memory),
		cmocka_unit_test(more_rows_than_allowed_fail),
		cmocka_unit_test(a_plan_that_knows_it_is_empty_reads_nothing),
		cmocka_unit_test(a_limit_of_nothing_gives_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
