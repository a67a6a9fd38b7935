/* SPDX-License-Identifier: ISC */
/*
 * The canonical path: equal questions have one, different questions do not share one. (The
 * table tests/data/paths_valid.tsv holds the single forms; test_path.c runs it.)
 */
#include "query/query.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW 1795262400000000000ull	/* 2026-11-21T12:00:00Z */

static struct arena arena;

static int
setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const struct query *
bound(const char *text)
{
	struct query_env env = { .now = NOW };
	struct err e = ERR_INIT;
	const struct query *q = NULL;
	struct path *p;
	struct sv file;

	if (path_parse(sv_cstr(text), NULL, &p, &file, &e) < 0 ||
	    query_bind(p, &env, &arena, &q, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	path_unref(p);
	return q;
}

static struct sv
canonical(const char *text)
{
	struct buf b = BUF_INIT;
	struct sv s;

	query_print(&b, bound(text));
	s = arena_sv(&arena, buf_view(&b));
	buf_release(&b);
	return s;
}

static void
equal_questions_have_one_path(void **state)
{
	static const char *const groups[][5] = {
		{ "/service/x/since/1h", "/since/1h/service/x", "/.since/60m/.service/x",
		    "/where/service/in/x/since/1h", "/where/service/eq/x/since/1h" },
		{ "/service/a,b", "/service/b,a,b", "/where/service/in/a,b",
		    "/where/resource.service.name/in/b,a", "/service/b,a/service/a,b" },
		{ "/duration/gt/90m", "/duration/gt/1h30m", "/where/duration/gt/5400s",
		    "/all/duration/gt/1h30m/end", "/not/all/not/duration/gt/90m/end" },
		{ "/any/kind/client/status/error/end", "/any/status/error/kind/client/end",
		    "/any/status/2/any/kind/3/end/end", "/any/all/status/error/end/kind/client/end",
		    "/not/all/not/any/kind/client/status/error/end/end" },
		{ "/trace/0000000000000000000000000000000a", "/trace/A", "/trace/0a,A",
		    "/where/trace_id/in/a", "/where/trace_id/eq/000A" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		for (size_t k = 1; k < 5; k++) {
			if (!sv_eq(canonical(groups[i][0]), canonical(groups[i][k])))
				fail_msg("%s and %s differ", groups[i][0], groups[i][k]);
			assert_true(pred_eq(bound(groups[i][0])->filter,
			    bound(groups[i][k])->filter));
		}
}

static void
different_questions_have_different_paths(void **state)
{
	static const char *const v[] = {
		"/", "/service/a", "/service/a,b", "/service/a/service/b", "/not/service/a",
		"/where/service/ne/a", "/any/service/a/service/b/end", "/where/service.name/eq/a",
		"/where/resource.service.name/ne/a", "/name/a", "/where/span.name/eq/a",
		"/service/A", "/service/a%2Cb", "/where/x/eq/1", "/where/x/eq/1.0",
		"/where/x/eq/01", "/has/x", "/not/has/x", "/not/where/x/eq/1", "/where/x/ne/1",
		"/since/1h", "/until/1h", "/since/2h", "/on/today", "/on/2026-11-21",
		"/since/2026-11-21", "/since/today", "/limit/1", "/offset/1", "/sort/a",
		"/sort/a:desc", "/sort/a,b", "/sort/b,a", "/select/a", "/select/a,b", "/select/b,a",
		"/duration/gt/1s", "/duration/ge/1s", "/trace-duration/gt/1s", "/text/a",
		"/text/a b", "/where/x/between/1,2", "/where/x/in/1,2", "/on/2026-11-21T00",
		"/not/any/service/a/service/b/end", "/not/all/service/a/service/b/end",
		"/all/service/a/end", "/all/service/a/end/service/b", "/all/has/x/service/a/end",
	};
	const size_t n = sizeof v / sizeof *v;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (sv_eq(canonical(v[i]), canonical(v[k])))
				fail_msg("%s and %s are both %.*s", v[i], v[k],
				    SV_ARG(canonical(v[i])));
}

static void
follows_the_order_of_the_table(void **state)
{
	(void)state;
	assert_true(sv_is(canonical("/select/s/offset/2/limit/1/sort/k/not/has/h/on/today/until/1h"
	    "/since/2h/all/has/b/any/has/b/has/c/end/end/text/t/has/a/where/x/eq/1"
	    "/trace-duration/gt/1s/duration/gt/1s/span/1/trace/1/status/ok/kind/server/scope/s"
	    "/name/n/service/v"),
	    "/service/v/name/n/scope/s/kind/server/status/ok"
	    "/trace/00000000000000000000000000000001/span/0000000000000001"
	    "/duration/gt/1s/trace-duration/gt/1s/where/x/eq/1/has/a/text/t"
	    "/since/2h/until/1h/on/today/not/has/h/any/has/b/has/c/end/all/has/b/end"
	    "/sort/k/limit/1/offset/2/select/s"));
}

static void
appends_to_what_the_buffer_holds(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	BUF_LIT(&b, "x");
	query_print(&b, bound("/"));
	assert_true(sv_is(buf_view(&b), "x/"));
	query_print(&b, bound("/service/a"));
	assert_true(sv_is(buf_view(&b), "x//service/a"));
	buf_release(&b);
}

static void
prints_a_shard_directory_as_its_hour(void **state)
{
	(void)state;
	assert_true(sv_is(canonical("/shards/2026-11-20/07/service/a"),
	    "/service/a/on/2026-11-20T07"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_questions_have_one_path),
		cmocka_unit_test(different_questions_have_different_paths),
		cmocka_unit_test(follows_the_order_of_the_table),
		cmocka_unit_test(appends_to_what_the_buffer_holds),
		cmocka_unit_test(prints_a_shard_directory_as_its_hour),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
