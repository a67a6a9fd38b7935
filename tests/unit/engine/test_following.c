/* SPDX-License-Identifier: ISC */
/*
 * following: commits that came before anybody looked are given one after the other, each as
 * spans.jsonl has its spans; the limit counts them all; a mark is asked once; what a stream can't
 * have is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/file_watch.h"
#include "catalog/marks.h"
#include "engine/engine_i.h"
#include "lib/gen_span.h"
#include "lib/store_rig.h"

#define COMMITS 4

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;
static const struct requester me = { 1000, 1 };

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	buf_put(arg, p, n);
	return buf_ok(arg, e);
}

static void
ask(const char *path, struct buf *out)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	out->n = 0;
	buf_printf(&text, "%s/spans.jsonl", path);
	if (engine_query(en, buf_view(&text), me, append, out, NULL, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	buf_release(&text);
}

/* A commit of n spans, hours before those that there are. */
static void
commit(unsigned k, size_t n)
{
	struct gen_span_options o = { .seed = 1000 + k, .range_ns = 3600 * UINT64_C(1000000000),
		.start_ns = STORE_RIG_START - k * 7 * 3600 * UINT64_C(1000000000), .unique_ids = true };
	struct span_batch batch;
	struct gen_span g;

	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, n));
	store_rig_add(&rig, &batch, 64);
	span_batch_release(&batch);
}

static bool
has_line(const struct buf *text, struct sv line)
{
	struct sv rest = buf_view(text), one;

	while (sv_cut(&rest, '\n', &one))
		if (sv_eq(one, line))
			return true;
	return false;
}

/* Lines of `after` that `before` has not. */
static void
fresh(const struct buf *before, const struct buf *after, struct buf *out)
{
	struct sv rest = buf_view(after), line;

	while (sv_cut(&rest, '\n', &line))
		if (line.n != 0 && !has_line(before, line)) {
			buf_sv(out, line);
			buf_putc(out, '\n');
		}
}

static size_t
lines(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == '\n';
	return n;
}

static int
try_open(const char *text, struct following **out, struct err *e)
{
	const struct follow_hook hook = { 0 };
	struct buf full = BUF_INIT;
	struct path *path;
	struct sv file;
	int code;

	buf_printf(&full, "%s/follow.jsonl", text);
	code = path_parse(buf_view(&full), engine_known_file, &path, &file, e);
	assert_int_equal(code, 0);
	assert_true(engine_is_followed(file));
	buf_release(&full);
	code = following_open(en, path, me, &hook, out, e);
	path_unref(path);
	return code;
}

static struct following *
open_following(const char *text)
{
	struct err e = ERR_INIT;
	struct following *f;

	if (try_open(text, &f, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return f;
}

static int
next(struct following *f, struct buf *got)
{
	const struct follow_out out = { append, NULL, got };
	struct err e = ERR_INIT;
	int code;

	got->n = 0;
	if ((code = following_next(f, &out, &e)) < 0)
		fail_msg("%s", e.msg);
	return code;
}

static void
same(const struct buf *got, const struct buf *want)
{
	assert_int_equal(got->n, want->n);
	if (got->n != 0)
		assert_memory_equal(got->p, want->p, got->n);
}

static void
commits_come_in_their_order_however_late_it_looks(void **state)
{
	static const char *const paths[] = { "", "/status/error", "/kind/server,client", "/root",
		"/since/2026-11-20", "/limit/100000" };
	enum { N = sizeof paths / sizeof *paths };
	struct buf want[N][COMMITS] = { 0 }, before = BUF_INIT, after = BUF_INIT, got = BUF_INIT;
	struct following *f[N];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		f[i] = open_following(paths[i]);
		assert_int_equal(next(f[i], &got), FOLLOW_WAIT);
	}
	for (unsigned k = 0; k < COMMITS; k++) {
		struct buf old[N] = { 0 };

		for (size_t i = 0; i < N; i++)
			ask(paths[i], &old[i]);
		commit(k + 1, 200 + 10 * k);
		for (size_t i = 0; i < N; i++) {
			ask(paths[i], &after);
			fresh(&old[i], &after, &want[i][k]);
			buf_release(&old[i]);
		}
	}
	for (size_t i = 0; i < N; i++) {
		for (unsigned k = 0; k < COMMITS; k++) {
			assert_int_equal(next(f[i], &got), 0);
			same(&got, &want[i][k]);
			n += lines(&got);
			buf_release(&want[i][k]);
		}
		assert_int_equal(next(f[i], &got), FOLLOW_WAIT);
		assert_int_equal(got.n, 0);
		following_close(f[i]);
	}
	assert_true(n > N * 100);
	buf_release(&before);
	buf_release(&after);
	buf_release(&got);
}

static void
a_limit_counts_all_commits(void **state)
{
	struct following *f = open_following("/limit/25"), *none = open_following("/limit/0");
	struct buf got = BUF_INIT;

	(void)state;
	commit(11, 20);
	commit(12, 20);
	assert_int_equal(next(none, &got), FOLLOW_END);
	assert_int_equal(next(f, &got), 0);
	assert_int_equal(lines(&got), 20);
	assert_int_equal(next(f, &got), 0);
	assert_int_equal(lines(&got), 5);
	assert_int_equal(next(f, &got), FOLLOW_END);
	following_close(f);
	following_close(none);
	buf_release(&got);
}

/* A follower that is behind: the commits before the mark's new place are not lost to it. */
static void
a_mark_is_asked_once(void **state)
{
	struct following *f;
	struct buf got = BUF_INIT;
	struct fsys *fs;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(file_real(rig.dir, false, &fs, NULL), 0);
	assert_int_equal(try_open("/mark/here", &f, &e), ERR_UNKNOWN);
	assert_int_equal(mark_set(fs, SV("here"), 0, NULL), 0);
	f = open_following("/mark/here");
	commit(21, 20);
	commit(22, 30);
	assert_int_equal(mark_set(fs, SV("here"), f->generation + 2, NULL), 0);
	assert_int_equal(next(f, &got), 0);
	assert_int_equal(lines(&got), 20);
	assert_int_equal(mark_delete(fs, SV("here"), NULL), 0);
	assert_int_equal(next(f, &got), 0);
	assert_int_equal(lines(&got), 30);
	assert_int_equal(next(f, &got), FOLLOW_WAIT);
	following_close(f);
	fsys_free(fs);
	buf_release(&got);
}

static void
what_a_stream_can_not_have_is_refused(void **state)
{
	static const char *const paths[] = { "/sort/duration", "/offset/1", "/group/service",
		"/agg/count", "/distinct/name", "/bucket/1h", "/compare/status/error/end",
		"/expect/rows/1", "/expect/fresh/1d" };
	struct following *f;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct err e = ERR_INIT;

		assert_int_equal(try_open(paths[i], &f, &e), ERR_UNSUPPORTED);
		assert_non_null(strstr(e.msg, "can't be used with follow.jsonl"));
	}
	following_close(open_following("/select/name,duration/offset/0"));
}

static void
one_that_is_cancelled_fails(void **state)
{
	struct following *f = open_following("");
	struct buf got = BUF_INIT, list = BUF_INIT, line = BUF_INIT;
	const struct follow_out out = { append, NULL, &got };
	struct err e = ERR_INIT;

	(void)state;
	commit(13, 10);
	assert_int_equal(engine_control_file(en, SV("queries"), me, &list, NULL), 0);
	assert_int_equal(lines(&list), 2);
	buf_printf(&line, "cancel %llu", (unsigned long long)f->id);
	assert_int_equal(engine_control(en, buf_view(&line), (struct requester){ 7, 1 }, NULL),
	    ERR_ACCESS);
	assert_int_equal(engine_control(en, buf_view(&line), me, NULL), 0);
	assert_int_equal(following_next(f, &out, &e), ERR_CANCELLED);
	assert_int_equal(got.n, 0);
	following_close(f);
	list.n = 0;
	assert_int_equal(engine_control_file(en, SV("queries"), me, &list, NULL), 0);
	assert_int_equal(lines(&list), 1);
	buf_release(&got);
	buf_release(&list);
	buf_release(&line);
}

static void
it_is_no_answer_to_a_mark(void **state)
{
	struct answer a = { .of_rows = true, .has_mark = true };
	struct buf got = BUF_INIT;

	(void)state;
	assert_int_equal(engine_answer(en, SV("/limit/0/follow.jsonl"), me, append, &got, NULL, &a,
	    NULL), 0);
	assert_false(a.of_rows);
	assert_false(a.has_mark);
	assert_int_equal(got.n, 0);
}

static void *
commit_soon(void *arg)
{
	(void)arg;
	commit(14, 10);
	return NULL;
}

static void
a_commit_ends_the_wait(void **state)
{
	struct following *f = open_following("");
	struct buf got = BUF_INIT;
	struct commit_watch *w;
	pthread_t t;
	int code;

	(void)state;
	assert_int_equal(commit_watch_open(en, &w, NULL), 0);
	assert_int_equal(pthread_create(&t, NULL, commit_soon, NULL), 0);
	while ((code = next(f, &got)) == FOLLOW_WAIT)
		commit_watch_wait(w, -1);
	assert_int_equal(code, 0);
	assert_int_equal(lines(&got), 10);
	pthread_join(t, NULL);
	commit_watch_close(w);
	following_close(f);
	buf_release(&got);
}

static void
without_being_told_a_wait_ends_by_the_clock(void **state)
{
	struct file_watch w;

	(void)state;
	file_watch_init(&w, "/nonexistent/at/all");
	assert_int_equal(w.fd, -1);
	file_watch_wait(&w, -1);
	file_watch_release(&w);
}

static int
setup(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 5, 400, 6, 2, 64);
	if (conf_load(NULL, NULL, 0, &conf, &e) < 0 || engine_open(conf, rig.dir, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_close(en);
	conf_free(conf);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commits_come_in_their_order_however_late_it_looks),
		cmocka_unit_test(a_limit_counts_all_commits),
		cmocka_unit_test(a_mark_is_asked_once),
		cmocka_unit_test(what_a_stream_can_not_have_is_refused),
		cmocka_unit_test(one_that_is_cancelled_fails),
		cmocka_unit_test(it_is_no_answer_to_a_mark),
		cmocka_unit_test(a_commit_ends_the_wait),
		cmocka_unit_test(without_being_told_a_wait_ends_by_the_clock),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
