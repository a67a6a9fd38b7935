/* SPDX-License-Identifier: ISC */
/*
 * engine: one, two and four threads of a query. Bytes are equal in every file of rows, and what
 * ends a run in the middle ends it alike: the same code, and what was given by then are whole lines,
 * the first ones. Built with -fsanitize=thread it also says that nothing is read and written at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/store_rig.h"
#include "lib/way.h"

#define N_SPANS 6000
#define SELECT "/select/start,trace_id,span_id,service,name,duration,status"

static const unsigned threads[] = { 1, 2, 4 };
static struct store_rig rig;
static struct conf *conf;
static struct engine *en;

static void
open_engine(const char *const *sets, size_t n)
{
	struct err err = ERR_INIT;

	if (conf_load(NULL, sets, n, &conf, &err) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &err) < 0)
		fail_msg("%s", err.msg);
}

static int
setup(void **state)
{
	static const char *const sets[] = { "mount.now=2026-11-20T18:00:00Z", "query.threads=4",
	    "result_cache.enabled=no" };

	(void)state;
	store_rig_init(&rig, 11, N_SPANS, 4, 3, 512);
	open_engine(sets, 3);
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

/* ---- the bytes ---- */

static void
bytes_are_the_same_with_any_number_of_threads(void **state)
{
	static const char *const paths[] = {
		"/spans.jsonl", "/spans.csv", SELECT "/spans.jsonl", SELECT "/spans.csv",
		"/sort/duration:desc/spans.jsonl", "/sort/name/spans.csv", "/limit/4000/spans.jsonl",
		"/offset/700/limit/3000/spans.csv", "/duration/gt/5us" SELECT "/spans.jsonl",
		"/any/where/name/contains/a/status/error/end/spans.jsonl",
		"/select/name,trace.duration/spans.jsonl", "/otlp.jsonl", "/events.jsonl",
		"/links.jsonl", "/traces.jsonl", "/traces.csv", "/spans.txt", "/count",
	};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct buf want = BUF_INIT, got = BUF_INIT;
		struct err err = ERR_INIT;

		for (size_t k = 0; k < 3; k++) {
			const struct way way = { .threads = threads[k] };

			if (way_answer(en, paths[i], &way, k == 0 ? &want : &got, NULL, NULL,
			    &err) < 0)
				fail_msg("%s: %s", paths[i], err.msg);
			if (k != 0 && (got.n != want.n || memcmp(got.p, want.p, want.n) != 0))
				fail_msg("%s: others with %u threads", paths[i], threads[k]);
		}
		assert_true(want.n > 0);
		buf_release(&want);
		buf_release(&got);
	}
}

/* ---- the ends ---- */

struct run {
	struct buf out;
	size_t cancel_at, fail_at;	/* bytes; 0: never */
	atomic_bool cancel;
	uint64_t memory, deadline;
	int code;
	struct err err;
};

static int
put(void *arg, const void *p, size_t n, struct err *e)
{
	struct run *x = arg;

	buf_put(&x->out, p, n);
	if (x->cancel_at != 0 && x->out.n >= x->cancel_at)
		atomic_store(&x->cancel, true);
	if (x->fail_at != 0 && x->out.n >= x->fail_at)
		return err_set(e, ERR_IO, -1, "no more room");
	return 0;
}

static void
run(const char *text, unsigned n_threads, struct run *x)
{
	const struct sink sink = { .put = put, .arg = x };
	struct request *r;
	struct run_info info;
	struct path *p;
	struct sv file;

	x->err = (struct err)ERR_INIT;
	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, &x->err) < 0 ||
	    request_new(en, p, file, &r, &x->err) < 0)
		fail_msg("%s: %s", text, x->err.msg);
	r->threads = n_threads;
	r->memory = x->memory;
	r->decide_alone = true;
	x->code = run_request(r, &sink, x->deadline, &x->cancel, &info, &x->err);
	request_free(r);
	path_unref(p);
}

/* Runs it to the end, and then as `how` says, with one thread and with more. */
static void
ends_alike(const char *path, const struct run *how, int code, const char *words)
{
	struct run whole = { .out = BUF_INIT };

	run(path, 1, &whole);
	assert_int_equal(whole.code, 0);
	for (size_t k = 0; k < 3; k++) {
		struct run x = { .out = BUF_INIT, .cancel_at = how->cancel_at,
			.fail_at = how->fail_at, .memory = how->memory,
			.deadline = how->deadline };

		run(path, threads[k], &x);
		assert_int_equal(x.code, code);
		assert_non_null(strstr(x.err.msg, words));
		assert_true(x.out.n < whole.out.n);
		assert_true(x.out.n >= how->cancel_at && x.out.n >= how->fail_at);
		if (x.out.n != 0) {
			assert_memory_equal(x.out.p, whole.out.p, x.out.n);
			assert_int_equal(x.out.p[x.out.n - 1], '\n');
		}
		buf_release(&x.out);
		assert_int_equal(atomic_load(&en->quota.used), 0);
	}
	buf_release(&whole.out);
}

static const char *const shared[] = { "/spans.jsonl", "/spans.csv", SELECT "/spans.jsonl",
    "/sort/duration:desc/spans.jsonl" };

static void
being_cancelled_ends_it_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		ends_alike(shared[i], &(struct run){ .cancel_at = 1 }, ERR_CANCELLED, "cancelled");
		ends_alike(shared[i], &(struct run){ .cancel_at = 300000 }, ERR_CANCELLED,
		    "cancelled");
	}
}

static void
a_sink_that_fails_ends_it_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		ends_alike(shared[i], &(struct run){ .fail_at = 1 }, ERR_IO, "no more room");
		ends_alike(shared[i], &(struct run){ .fail_at = 500000 }, ERR_IO, "no more room");
	}
}

static void
a_deadline_ends_it_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		ends_alike(shared[i], &(struct run){ .deadline = 1 }, ERR_TIMEOUT,
		    "[query] timeout");
}

static void
too_little_memory_ends_it_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		ends_alike(shared[i], &(struct run){ .memory = 64 << 10 }, ERR_NOMEM,
		    "[query] memory");
}

/* Rows may be had, but no buffers for formatters: then one does it all. */
static void
short_of_memory_one_formatter_does_it(void **state)
{
	struct run whole = { .out = BUF_INIT }, x = { .out = BUF_INIT };
	uint64_t max = atomic_load(&en->quota.max);

	(void)state;
	run("/spans.jsonl", 1, &whole);
	atomic_store(&en->quota.max, 1 << 20);
	run("/spans.jsonl", 4, &x);
	atomic_store(&en->quota.max, max);
	assert_int_equal(whole.code, 0);
	if (x.code < 0)
		fail_msg("%s", x.err.msg);
	assert_int_equal(x.out.n, whole.out.n);
	assert_memory_equal(x.out.p, whole.out.p, whole.out.n);
	assert_int_equal(atomic_load(&en->quota.used), 0);
	buf_release(&x.out);
	buf_release(&whole.out);
}

/* Larger batches let no fewer rows go out before the one too many. */
static void
too_many_rows_end_it_alike(void **state)
{
	static const char *const sets[] = { "query.threads=4", "query.max_rows=4500" };
	struct engine *usual = en;
	struct conf *usual_conf = conf;
	size_t first = 0;

	(void)state;
	open_engine(sets, 2);
	for (size_t k = 0; k < 3; k++) {
		struct run x = { .out = BUF_INIT };

		run("/sort/duration:desc/spans.jsonl", threads[k], &x);
		assert_int_equal(x.code, ERR_LIMIT);
		if (k == 0)
			first = x.out.n;
		assert_true(first > 0);
		assert_int_equal(x.out.n, first);
		buf_release(&x.out);
	}
	engine_close(en);
	conf_free(conf);
	en = usual;
	conf = usual_conf;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_the_same_with_any_number_of_threads),
		cmocka_unit_test(being_cancelled_ends_it_alike),
		cmocka_unit_test(a_sink_that_fails_ends_it_alike),
		cmocka_unit_test(a_deadline_ends_it_alike),
		cmocka_unit_test(too_little_memory_ends_it_alike),
		cmocka_unit_test(short_of_memory_one_formatter_does_it),
		cmocka_unit_test(too_many_rows_end_it_alike),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
