/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of parents: rows of spans carry those that bear their parent's id, of whatever shard,
 * of the same trace only; what that takes is looked up by trace, counted, and can be stopped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/exec_rig.h"
#include "lib/plan_builder.h"
#include "lib/span_rows.h"

#define HOUR UINT64_C(3600000000000)
#define MANY 3000

static struct field name_field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_NAME };
static const struct projection names = { .lean = true, .fields = &name_field, .n_fields = 1 };

static struct span *
add_span(struct span_batch *b, uint64_t trace, uint64_t id, uint64_t parent, const char *name,
    uint64_t start)
{
	struct span *x = span_batch_add(b);

	assert_non_null(x);
	*x = *span_min(&b->arena, id, "svc");
	x->trace_id = (struct trace_id){ 0, trace };
	x->parent_span_id = parent;
	x->start_ns = x->end_ns = start;
	x->name = sv_cstr(name);
	return x;
}

/*
 * 12 and 13 are children of 11, which is of another commit and hour; 14 of 12 beside it; 15 of
 * nobody; 22 of 21, whose number trace 3 has too; 32 of two spans that bear 31, one in each commit.
 */
static void
open_store(struct exec_rig *w)
{
	uint64_t t = SPAN_START - SPAN_START % HOUR;
	struct store_rig store;
	struct span_batch b;

	store_rig_init(&store, 1, 0, 1, 0, 4);
	store.now_ns = t + 2 * HOUR;
	span_batch_init(&b);
	add_span(&b, 1, 11, 0, "root", t + 10);
	add_span(&b, 2, 21, 0, "two", t + 20);
	add_span(&b, 3, 31, 0, "older", t + 30);
	store_rig_add(&store, &b, 4);
	span_batch_release(&b);
	span_batch_init(&b);
	add_span(&b, 1, 12, 11, "a", t + HOUR + 1);
	add_span(&b, 1, 13, 11, "b", t + HOUR + 2);
	add_span(&b, 1, 14, 12, "c", t + HOUR + 3);
	add_span(&b, 1, 15, 99, "d", t + HOUR + 4);
	add_span(&b, 2, 22, 21, "e", t + HOUR + 5);
	add_span(&b, 3, 21, 31, "f", t + HOUR + 6);
	add_span(&b, 3, 31, 0, "newer", t + HOUR + 7);
	add_span(&b, 3, 32, 31, "g", t + HOUR + 8);
	store_rig_add(&store, &b, 4);
	span_batch_release(&b);
	exec_rig_open(w, &store);
}

/* "g<older,newer f<older,newer ...": rows in order, each with its parents. */
static void
tell(const struct batch *b, struct buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct span_row *r = &b->spans[i];

		buf_str(out, out->n == 0 ? "" : " ");
		buf_sv(out, r->span->name);
		for (uint32_t k = 0; k < r->n_parents; k++) {
			buf_putc(out, k == 0 ? '<' : ',');
			buf_sv(out, r->parents[k].span->name);
		}
	}
}

static struct plan *
plan_of_parents(struct exec_rig *w, bool columns)
{
	struct plan *p = columns ? plan_columns(w->snap, ROW_SPAN) : plan_plain(w->snap, ROW_SPAN);

	p->fetch.projection.parents = &names;
	p->fetch.want_trace = true;
	return p;
}

static int
run(struct exec_rig *w, struct plan *p, struct exec_env *env, struct buf *out, struct profile *prof,
    struct err *e)
{
	struct exec *ex;
	struct batch b;
	int rc;

	env->snapshot = w->snap;
	out->n = 0;
	if ((rc = exec_open(p, env, &ex, e)) == 0) {
		while ((rc = exec_next(ex, &b, e)) == 0)
			tell(&b, out);
		*prof = *exec_profile(ex);
		exec_close(ex);
	}
	plan_free(p);
	return rc;
}

static void
parents_are_of_any_shard_and_of_one_trace(void **state)
{
	static const char want[] = "g<older,newer newer f<older,newer e<two d c<a b<root a<root";
	uint64_t t = SPAN_START - SPAN_START % HOUR;
	struct buf got = BUF_INIT;
	struct profile prof;
	struct exec_rig w;

	(void)state;
	open_store(&w);
	for (unsigned batch = 1; batch < 12; batch += 5)
		for (int columns = 0; columns < 2; columns++) {
			struct exec_env env = { .batch_rows = batch, .threads = 1 };
			struct plan *p = plan_of_parents(&w, columns != 0);
			struct err e = ERR_INIT;

			p->filter.range = (struct time_range){ t + HOUR, WHEN_MAX };
			if (run(&w, p, &env, &got, &prof, &e) < 0)
				fail_msg("%s", e.msg);
			assert_string_equal(buf_cstr(&got), want);
			assert_int_equal(prof.traces_assembled, 3);
		}
	buf_release(&got);
	exec_rig_close(&w);
}

static void
rows_are_in_order_by_their_parents(void **state)
{
	static const char *const keys[] = { "parent:name", "parent:start:desc" };
	static const char *const want[] = { "c<a g<older,newer f<older,newer b<root a<root e<two newer "
	    "d older two root", "c<a g<older,newer f<older,newer e<two b<root a<root newer d older two "
	    "root" };
	struct buf got = BUF_INIT;
	struct profile prof;
	struct exec_rig w;

	(void)state;
	open_store(&w);
	for (size_t i = 0; i < 2; i++)
		for (int columns = 0; columns < 2; columns++) {
			struct exec_env env = { .threads = 1 };
			struct plan *p = plan_of_parents(&w, columns != 0);
			struct err e = ERR_INIT;

			plan_sort_by(p, keys[i]);
			if (run(&w, p, &env, &got, &prof, &e) < 0)
				fail_msg("%s", e.msg);
			assert_string_equal(buf_cstr(&got), want[i]);
		}
	buf_release(&got);
	exec_rig_close(&w);
}

/* One trace: a root, and children of it and of each other in chains of two. */
static void
open_many(struct exec_rig *w)
{
	uint64_t t = SPAN_START - SPAN_START % HOUR;
	struct store_rig store;
	struct span_batch b;

	store_rig_init(&store, 1, 0, 1, 0, 4096);
	store.now_ns = t + HOUR;
	span_batch_init(&b);
	for (uint64_t i = 0; i < MANY; i++)
		add_span(&b, 1 + i / 100, i + 1, i % 100 == 0 ? 0 : i, "x", t + i * 1000);
	store_rig_add(&store, &b, 4096);
	span_batch_release(&b);
	exec_rig_open(w, &store);
}

static void
each_parent_is_put_together_once(void **state)
{
	struct exec_env env = { .threads = 1 };
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	struct profile prof;
	struct exec_rig w;

	(void)state;
	open_many(&w);
	if (run(&w, plan_of_parents(&w, true), &env, &got, &prof, &e) < 0)
		fail_msg("%s", e.msg);
	/* A window is looked at as a whole: not more rows than spans and parents are. */
	assert_true(prof.rows_fetched <= 2 * MANY + 100);
	assert_int_equal(prof.traces_assembled, MANY / 100);
	buf_release(&got);
	exec_rig_close(&w);
}

static void
what_parents_take_is_counted_and_stopped(void **state)
{
	atomic_bool cancel = true;
	struct exec_env small = { .threads = 1, .memory = 400000 };
	struct exec_env stopped = { .threads = 1, .cancel = &cancel };
	struct buf got = BUF_INIT;
	struct profile prof;
	struct exec_rig w;

	(void)state;
	open_many(&w);
	for (int i = 0; i < 2; i++) {
		struct plan *p = plan_of_parents(&w, true);
		struct err e = ERR_INIT;
		int rc;

		if (i == 0)
			plan_sort_by(p, "parent:name");
		rc = run(&w, p, &small, &got, &prof, &e);
		assert_int_equal(rc, ERR_NOMEM);
		assert_non_null(strstr(e.msg, "[query] memory"));
		e = (struct err)ERR_INIT;
		assert_int_equal(run(&w, plan_of_parents(&w, true), &stopped, &got, &prof, &e),
		    ERR_CANCELLED);
	}
	buf_release(&got);
	exec_rig_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents_are_of_any_shard_and_of_one_trace),
		cmocka_unit_test(rows_are_in_order_by_their_parents),
		cmocka_unit_test(each_parent_is_put_together_once),
		cmocka_unit_test(what_parents_take_is_counted_and_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
