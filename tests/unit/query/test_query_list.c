/* SPDX-License-Identifier: ISC */
/* What a directory shows: keywords that may follow, argument kinds, examples that parse. */
#include "query/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FILTERS "service name scope kind status trace span duration trace-duration where has text "
#define GROUPS "not any all "
#define END "end "
#define ROOT "root "
#define MARK "mark "
#define SHAPE "group bucket agg compare distinct "

static struct path *
parsed(const char *text)
{
	struct err e = ERR_INIT;
	struct sv file;
	struct path *p;

	if (path_parse(sv_cstr(text), NULL, &p, &file, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return p;
}

static void
collect(void *arg, const char *keyword)
{
	buf_str(arg, keyword);
	buf_putc(arg, ' ');
}

static void
assert_keywords(const char *text, const char *want)
{
	struct path *p = parsed(text);
	struct buf b = BUF_INIT;

	path_keywords(p, collect, &b);
	if (!sv_is(buf_view(&b), want))
		fail_msg("%s: %.*s", text, SV_ARG(buf_view(&b)));
	buf_release(&b);
	path_unref(p);
}

static void
lists_keywords_that_may_follow(void **state)
{
	(void)state;
	assert_keywords("/", FILTERS "since until on " GROUPS ROOT MARK SHAPE "sort limit offset select expect ");
	assert_keywords("/service/a", FILTERS "since until on " GROUPS ROOT MARK SHAPE
	    "sort limit offset select expect ");
	assert_keywords("/since/1h", FILTERS "until on " GROUPS ROOT MARK SHAPE "sort limit offset select expect ");
	assert_keywords("/since/1h/until/30m/on/today/sort/a/limit/1/offset/1/select/a",
	    FILTERS GROUPS ROOT MARK SHAPE "expect ");
	assert_keywords("/expect/rows/1/sort/a/limit/1/offset/1/select/a", FILTERS
	    "since until on " GROUPS ROOT MARK SHAPE "expect ");
	assert_keywords("/expect/rows/1/expect/fresh/1h/limit/1", FILTERS "since until on "
	    GROUPS ROOT MARK SHAPE "sort offset select ");
	assert_keywords("/any", FILTERS GROUPS ROOT);
	assert_keywords("/any/service/a", FILTERS GROUPS END ROOT);
	assert_keywords("/any/service/a/not", FILTERS "any all " ROOT);
	assert_keywords("/any/service/a/all", FILTERS GROUPS ROOT);
	assert_keywords("/any/service/a/all/service/b/end", FILTERS GROUPS END ROOT);
	assert_keywords("/not", FILTERS "any all " ROOT);
	assert_keywords("/shards/2026-11-20/14", FILTERS "since until " GROUPS ROOT MARK SHAPE
	    "sort limit offset select expect ");
	assert_keywords("/group/a/sort/a/limit/1/offset/1/select/a/expect/rows/1/expect/fresh/1h",
	    FILTERS "since until on " GROUPS ROOT MARK "bucket agg having per ");
	assert_keywords("/compare", FILTERS GROUPS ROOT);
	assert_keywords("/compare/service/a", FILTERS GROUPS END ROOT);
	assert_keywords("/compare/service/a/end/limit/1", FILTERS "since until on " GROUPS ROOT MARK
	    "sort offset expect ");
	assert_keywords("/bucket/1h/since/1h/sort/a/limit/1/offset/1/select/a/expect/rows/1"
	    "/expect/fresh/1h", FILTERS "until on " GROUPS ROOT MARK
	    "group agg fill having per versus ");
	assert_keywords("/distinct/a/on/today/sort/a/limit/1/offset/1/select/a/expect/rows/1"
	    "/expect/fresh/1h", FILTERS "since until " GROUPS ROOT MARK "per ");
}

static void
lists_no_keyword_that_a_limit_forbids(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	for (int i = 0; i < 16; i++)
		BUF_LIT(&text, "/any/service/a");
	assert_keywords(buf_cstr(&text), FILTERS "not " END ROOT);
	text.n = 0;
	for (int i = 0; i < 63; i++)
		BUF_LIT(&text, "/service/a");
	BUF_LIT(&text, "/any");
	assert_keywords(buf_cstr(&text), "not ");
	buf_release(&text);
}

/* Every keyword listed can be stepped to, dotted or not. */
static struct path *stepping;

static void
step_keyword(void *arg, const char *keyword)
{
	struct buf dotted = BUF_INIT;
	struct path *child;

	(void)arg;
	assert_int_equal(path_step(stepping, sv_cstr(keyword), &child, NULL), 0);
	path_unref(child);
	buf_printf(&dotted, ".%s", keyword);
	assert_int_equal(path_step(stepping, buf_view(&dotted), &child, NULL), 0);
	path_unref(child);
	buf_release(&dotted);
}

static void
takes_every_keyword_it_lists(void **state)
{
	static const char *const v[] = {
		"/", "/any", "/any/service/a", "/not", "/limit/5", "/shards/2026-11-20/14",
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		stepping = parsed(v[i]);
		path_keywords(stepping, step_keyword, NULL);
		path_unref(stepping);
	}
}

static const struct {
	const char *path;
	unsigned arg;
	enum arg_kind kind;
	const char *field;	/* NULL: none */
	const char *first;	/* of the examples; NULL: none */
	size_t n;
} args[] = {
	{ "/service", 0, ARG_VALUES, "service", NULL, 0 },
	{ "/name", 0, ARG_VALUES, "name", NULL, 0 },
	{ "/scope", 0, ARG_VALUES, "scope", NULL, 0 },
	{ "/kind", 0, ARG_KINDS, "kind", "client", 6 },
	{ "/status", 0, ARG_STATUSES, "status", "error", 3 },
	{ "/trace", 0, ARG_VALUES, "trace_id", NULL, 0 },
	{ "/span", 0, ARG_VALUES, "span_id", NULL, 0 },
	{ "/duration", 0, ARG_DURATION_OPS, "duration", "between", 9 },
	{ "/duration/gt", 1, ARG_DURATIONS, "duration", "100ms", 4 },
	{ "/trace-duration", 0, ARG_DURATION_OPS, "trace_duration", "between", 9 },
	{ "/trace-duration/in", 1, ARG_DURATIONS, "trace_duration", "100ms", 4 },
	{ "/where", 0, ARG_FIELDS, NULL, NULL, 0 },
	{ "/where/a%2Fb", 1, ARG_OPS, "a/b", "between", 15 },
	{ "/where/a%2Fb/eq", 2, ARG_VALUES, "a/b", NULL, 0 },
	{ "/where/resource.k/in", 2, ARG_VALUES, "resource.k", NULL, 0 },
	{ "/where/x/contains", 2, ARG_VALUES, "x", NULL, 0 },
	{ "/where/x/re", 2, ARG_WORDS, "x", NULL, 0 },
	{ "/where/kind", 1, ARG_OPS, "kind", "contains", 10 },
	{ "/where/kind/ne", 2, ARG_KINDS, "kind", "client", 6 },
	{ "/where/kind/starts", 2, ARG_WORDS, "kind", NULL, 0 },
	{ "/where/status/in", 2, ARG_STATUSES, "status", "error", 3 },
	{ "/where/trace_id", 1, ARG_OPS, "trace_id", "between", 15 },
	{ "/where/trace_id/ne", 2, ARG_VALUES, "trace_id", NULL, 0 },
	{ "/where/duration", 1, ARG_DURATION_OPS, "duration", "between", 9 },
	{ "/where/duration/gt", 2, ARG_DURATIONS, "duration", "100ms", 4 },
	{ "/where/start", 1, ARG_DURATION_OPS, "start", "between", 9 },
	{ "/where/start/ge", 2, ARG_TIMES, "start", "15m", 8 },
	{ "/where/flags/eq", 2, ARG_NUMBERS, "flags", "10", 3 },
	{ "/has", 0, ARG_FIELDS, NULL, NULL, 0 },
	{ "/text", 0, ARG_WORDS, NULL, NULL, 0 },
	{ "/since", 0, ARG_TIMES, NULL, "15m", 8 },
	{ "/until", 0, ARG_TIMES, NULL, "15m", 8 },
	{ "/on", 0, ARG_DAYS, NULL, "today", 2 },
	{ "/mark", 0, ARG_MARKS, NULL, NULL, 0 },
	{ "/sort", 0, ARG_FIELDS, NULL, NULL, 0 },
	{ "/limit", 0, ARG_NUMBERS, NULL, "10", 3 },
	{ "/offset", 0, ARG_NUMBERS, NULL, "10", 3 },
	{ "/select", 0, ARG_FIELDS, NULL, NULL, 0 },
	{ "/expect", 0, ARG_EXPECTS, NULL, "fresh", 2 },
	{ "/expect/rows", 1, ARG_NUMBERS, NULL, "10", 3 },
	{ "/expect/fresh", 1, ARG_DURATIONS, NULL, "100ms", 4 },
	{ "/shards", 0, ARG_SHARD_DAYS, NULL, NULL, 0 },
	{ "/shards/2026-11-20", 1, ARG_SHARD_HOURS, NULL, NULL, 0 },
	{ "/not/any/where/x/eq", 2, ARG_VALUES, "x", NULL, 0 },
};

static void
tells_what_an_argument_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
		struct path *p = parsed(args[i].path);
		struct path_view v = path_view(p);
		struct buf b = BUF_INIT;

		assert_int_equal(v.state, PATH_ARG);
		if (v.arg_kind != args[i].kind || v.arg != args[i].arg)
			fail_msg("%s: argument %u of kind %d", args[i].path, v.arg,
			    (int)v.arg_kind);
		assert_int_equal(v.has_field, args[i].field != NULL);
		if (v.has_field) {
			field_print(&b, &v.field);
			assert_true(sv_is(buf_view(&b), args[i].field));
		}
		buf_release(&b);
		path_unref(p);
	}
}

static void
gives_examples_in_byte_order_that_all_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
		struct path *p = parsed(args[i].path), *child;
		const char *const *words;
		size_t n = path_examples(p, &words);

		if (n != args[i].n)
			fail_msg("%s: %zu examples", args[i].path, n);
		if (n > 0)
			assert_string_equal(words[0], args[i].first);
		for (size_t k = 0; k < n; k++) {
			struct err e = ERR_INIT;

			assert_true(k == 0 || strcmp(words[k - 1], words[k]) < 0);
			if (path_step(p, sv_cstr(words[k]), &child, &e) < 0)
				fail_msg("%s/%s: %s", args[i].path, words[k], e.msg);
			path_unref(child);
		}
		path_unref(p);
	}
}

/* The operators listed are exactly those that are taken. */
static void
lists_exactly_the_operators_taken(void **state)
{
	static const char *const all[] = {
		"eq", "ne", "lt", "le", "gt", "ge", "in", "notin", "contains", "notcontains",
		"starts", "ends", "re", "nre", "between",
	};

	(void)state;
	for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
		struct path *p = parsed(args[i].path), *child;
		const char *const *words;
		size_t n = path_examples(p, &words), taken = 0;

		if (args[i].kind == ARG_OPS || args[i].kind == ARG_DURATION_OPS) {
			for (size_t k = 0; k < sizeof all / sizeof *all; k++)
				if (path_step(p, sv_cstr(all[k]), &child, NULL) == 0) {
					taken++;
					path_unref(child);
				}
			if (taken != n)
				fail_msg("%s: %zu taken, %zu listed", args[i].path, taken, n);
		}
		path_unref(p);
	}
}

static void
has_no_examples_between_clauses(void **state)
{
	struct path *p = parsed("/service/a");
	const char *const *words;

	(void)state;
	assert_int_equal(path_examples(p, &words), 0);
	path_unref(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_keywords_that_may_follow),
		cmocka_unit_test(lists_no_keyword_that_a_limit_forbids),
		cmocka_unit_test(takes_every_keyword_it_lists),
		cmocka_unit_test(tells_what_an_argument_is),
		cmocka_unit_test(gives_examples_in_byte_order_that_all_parse),
		cmocka_unit_test(lists_exactly_the_operators_taken),
		cmocka_unit_test(has_no_examples_between_clauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
