/* SPDX-License-Identifier: ISC */
/* Unit tests of tests/lib/gen_path: every path is valid, and every clause comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/gen_path.h"
#include "query/query.h"

#define LIST(a) { (a), sizeof(a) / sizeof *(a) }

static const struct sv services[] = { { "checkout", 8 }, { "a b,c", 5 }, { "", 0 }, { "7", 1 } };
static const struct sv names[] = { { "GET /api/cart", 13 }, { "\xc3\xa9t\xc3\xa9 \x1b%", 8 },
    { "na/me", 5 }, { "\xff\xfe", 2 } };
static const struct sv scopes[] = { { "@otel/http", 10 } };
static const struct sv trace_ids[] = { { "0123456789abcdef0123456789abcdef", 32 } };
static const struct sv span_ids[] = { { "0123456789abcdef", 16 }, { "1", 1 } };
static const struct sv values[] = { { "500", 3 }, { "x", 1 }, { "true", 4 }, { "1.5", 3 },
    { "-3", 2 }, { "", 0 }, { "~%41", 4 } };
static const struct vocab_attr attrs[] = {
	{ { "http.route", 10 }, LIST(values) }, { { "span.k", 6 }, LIST(values) },
	{ { "resource.host.name", 18 }, LIST(values) }, { { "event.k", 7 }, LIST(values) },
	{ { "link.k/l", 8 }, LIST(values) }, { { "scope.s", 7 }, LIST(values) },
};
static const struct sv marks[] = { { "m0", 2 }, { "nightly.x", 9 } };
static const struct vocab vocab = {
	.services = LIST(services), .names = LIST(names), .scopes = LIST(scopes),
	.marks = LIST(marks), .trace_ids = LIST(trace_ids), .span_ids = LIST(span_ids), .attrs = attrs,
	.n_attrs = sizeof attrs / sizeof *attrs, .min_start = 1795183200000000000u,
	.max_start = 1795190400000000000u, .flags = GEN_PATH_ALL,
};

static int
any_mark(void *arg, struct sv name, struct query_mark *m, struct err *e)
{
	(void)arg;
	(void)name;
	(void)e;
	*m = (struct query_mark){ 1, 1 };
	return 0;
}

static bool
no_file(struct sv s)
{
	(void)s;
	return false;
}

static void
canonical(struct sv text, struct buf *out)
{
	struct query_env env = { .now = vocab.max_start, .mark = any_mark };
	const struct query *q = NULL;
	struct err e = ERR_INIT;
	struct path *p = NULL;
	struct arena a;
	struct sv file;

	arena_init(&a);
	if (path_parse(text, no_file, &p, &file, &e) < 0)
		fail_msg("%.*s: %s", SV_ARG(text), e.msg);
	if (query_bind(p, &env, &a, &q, &e) < 0)
		fail_msg("%.*s: %s", SV_ARG(text), e.msg);
	out->n = 0;
	query_print(out, q);
	path_unref(p);
	arena_release(&a);
}

/* It binds, and its canonical path is the canonical path of that. */
static void
bind_path(struct sv text)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;

	canonical(text, &once);
	canonical(buf_view(&once), &twice);
	if (!sv_eq(buf_view(&once), buf_view(&twice)))
		fail_msg("%.*s: canonical %.*s, then %.*s", SV_ARG(text),
		    SV_ARG(buf_view(&once)), SV_ARG(buf_view(&twice)));
	buf_release(&once);
	buf_release(&twice);
}

static void
every_path_binds_and_every_word_comes(void **state)
{
	static const char *const words[] = { "service/", "name/", "scope/", "kind/", "status/",
	    "trace/", "span/", "duration/", "trace-duration/", "where/", "has/", "text/",
	    "since/", "until/", "on/", "mark/", "not/", "any/", "all/", "/end", "sort/", "limit/",
	    "offset/", "select/", "/eq/", "/ne/", "/lt/", "/le/", "/gt/", "/ge/", "/in/",
	    "/notin/", "/contains/", "/notcontains/", "/starts/", "/ends/", "/re/", "/nre/",
	    "/between/", ":desc", "%2C", "/root", "ERROR", "Client", "expect/rows/" };
	size_t seen[sizeof words / sizeof *words] = { 0 };
	struct buf b = BUF_INIT;
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		b.n = 0;
		gen_path(&seed, &vocab, &b);
		bind_path(buf_view(&b));
		assert_non_null(buf_cstr(&b));
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			seen[k] += strstr(b.p, words[k]) != NULL;
	}
	for (size_t k = 0; k < sizeof words / sizeof *words; k++)
		if (seen[k] < 20)
			fail_msg("%s came %zu times", words[k], seen[k]);
	buf_release(&b);
}

static void
an_empty_vocabulary_is_enough(void **state)
{
	struct vocab none = { .min_start = 5, .max_start = 5, .flags = GEN_PATH_ALL };
	struct buf b = BUF_INIT;
	uint64_t seed = 9;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		b.n = 0;
		gen_path(&seed, &none, &b);
		bind_path(buf_view(&b));
	}
	buf_release(&b);
}

static void
the_same_seed_gives_the_same_path(void **state)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	uint64_t a = 77, b = 77;

	(void)state;
	for (int i = 0; i < 100; i++) {
		gen_path(&a, &vocab, &x);
		gen_path(&b, &vocab, &y);
	}
	assert_string_equal(buf_cstr(&x), buf_cstr(&y));
	buf_release(&x);
	buf_release(&y);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_binds_and_every_word_comes),
		cmocka_unit_test(an_empty_vocabulary_is_enough),
		cmocka_unit_test(the_same_seed_gives_the_same_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
