/* SPDX-License-Identifier: ISC */
/*
 * The path language as a whole: tables of good paths with their canonical form and of bad
 * ones with the error and its place (tests/data/), the examples of spanfs-path(7), the
 * grammar's state as seen by a directory, and properties over generated paths.
 */
#include "query/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "lib/testdata.h"
#include "query/name.h"
#include "query/query.h"

#define NOW 1795262400000000000ull	/* 2026-11-21T12:00:00Z */

static bool
known_file(struct sv s)
{
	return sv_is(s, "spans.jsonl") || sv_is(s, "count") || sv_is(s, "plan") ||
	    sv_is(s, "traces.csv") || sv_is(s, "traces.jsonl") || sv_is(s, "info.json") || sv_is(s, "~%more") ||
	    sv_is(s, "query") || sv_is(s, "tree.txt") || sv_is(s, "spans.csv") ||
	    sv_is(s, "spans.txt") || sv_is(s, "compare.jsonl") || sv_is(s, "compare.txt");
}

/* The store has one, and one that is damaged. */
static int
find_mark(void *arg, struct sv name, struct query_mark *m, struct err *e)
{
	(void)arg;
	if (sv_is(name, "broken"))
		return err_set(e, ERR_CORRUPT, 7, "marks/broken.mark: wrong checksum at offset 7");
	if (!sv_is(name, "nightly") && !sv_is(name, "a-b_c.9"))
		return err_set(e, ERR_UNKNOWN, -1, "no mark '%.*s' in the store", SV_ARG(name));
	*m = (struct query_mark){ 3, 1 };
	return 0;
}

/* Parses and binds; the canonical path in `out`. */
static int
canonical(struct sv text, struct buf *out, struct err *e)
{
	struct query_env env = { .now = NOW, .max_rows = 1000000, .mark = find_mark };
	const struct query *q;
	struct path *p = NULL;
	struct arena a;
	struct sv file;
	int code;

	if ((code = path_parse(text, NULL, &p, &file, e)) < 0)
		return code;
	arena_init(&a);
	if ((code = query_bind(p, &env, &a, &q, e)) == 0)
		query_print(out, q);
	arena_release(&a);
	path_unref(p);
	return code;
}

/* Bounds a limit of the tables that max_rows would refuse. */
static int
canonical_any_limit(struct sv text, struct buf *out, struct err *e)
{
	struct query_env env = { .now = NOW, .mark = find_mark };
	const struct query *q;
	struct path *p = NULL;
	struct arena a;
	struct sv file;
	int code;

	if ((code = path_parse(text, NULL, &p, &file, e)) < 0)
		return code;
	arena_init(&a);
	if ((code = query_bind(p, &env, &a, &q, e)) == 0)
		query_print(out, q);
	arena_release(&a);
	path_unref(p);
	return code;
}

/* Calls fn for each line of a table that is no comment; returns how many. */
static unsigned
each_row(const char *name, void (*fn)(struct sv *cols, size_t n))
{
	struct buf b = BUF_INIT;
	struct sv rest, line;
	unsigned rows = 0;

	testdata_read(&b, name);
	rest = buf_view(&b);
	while (sv_cut(&rest, '\n', &line)) {
		struct sv cols[4];
		size_t n = 0;

		if (line.n == 0 || line.p[0] == '#')
			continue;
		while (n < 4 && sv_cut(&line, '\t', &cols[n]))
			n++;
		fn(cols, n);
		rows++;
	}
	buf_release(&b);
	return rows;
}

static void
check_valid(struct sv *cols, size_t n)
{
	struct buf path = BUF_INIT, want = BUF_INIT, got = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(n, 2);
	testdata_expand(&path, cols[0]);
	testdata_expand(&want, cols[1]);
	if (canonical_any_limit(buf_view(&path), &got, &e) < 0)
		fail_msg("%.*s: %s", SV_ARG(cols[0]), e.msg);
	if (!sv_eq(buf_view(&got), buf_view(&want)))
		fail_msg("%.*s: canonical path is %.*s, not %.*s", SV_ARG(cols[0]),
		    SV_ARG(buf_view(&got)), SV_ARG(buf_view(&want)));
	if (canonical_any_limit(buf_view(&got), &again, &e) < 0)
		fail_msg("%.*s: canonical path is refused: %s", SV_ARG(cols[0]), e.msg);
	if (!sv_eq(buf_view(&got), buf_view(&again)))
		fail_msg("%.*s: not a fixed point: %.*s", SV_ARG(cols[0]),
		    SV_ARG(buf_view(&again)));
	buf_release(&path);
	buf_release(&want);
	buf_release(&got);
	buf_release(&again);
}

static void
gives_each_valid_path_its_canonical_form(void **state)
{
	(void)state;
	assert_true(each_row("tests/data/paths_valid.tsv", check_valid) >= 250);
}

static int
class_of(struct sv name)
{
	if (sv_is(name, "syntax"))
		return ERR_SYNTAX;
	if (sv_is(name, "unknown"))
		return ERR_UNKNOWN;
	if (sv_is(name, "unsupported"))
		return ERR_UNSUPPORTED;
	if (sv_is(name, "toobig"))
		return ERR_TOOBIG;
	if (sv_is(name, "nametoolong"))
		return ERR_NAMETOOLONG;
	if (sv_is(name, "corrupt"))
		return ERR_CORRUPT;
	fail_msg("no such error: %.*s", SV_ARG(name));
	return 0;
}

static void
check_invalid(struct sv *cols, size_t n)
{
	struct buf path = BUF_INIT, got = BUF_INIT;
	struct err e = ERR_INIT;
	int code;
	int64_t off;

	assert_int_equal(n, 4);
	testdata_expand(&path, cols[0]);
	assert_true(sv_i64(cols[2], &off));
	code = canonical(buf_view(&path), &got, &e);
	if (code >= 0)
		fail_msg("%.*s: taken as %.*s", SV_ARG(cols[0]), SV_ARG(buf_view(&got)));
	if (code != class_of(cols[1]) || e.code != code || e.off != off ||
	    sv_find(sv_cstr(e.msg), cols[3]) < 0)
		fail_msg("%.*s: %s at %lld: '%s', not %.*s at %lld: '%.*s'", SV_ARG(cols[0]),
		    err_name(code), (long long)e.off, e.msg, SV_ARG(cols[1]), (long long)off,
		    SV_ARG(cols[3]));
	assert_int_equal(canonical(buf_view(&path), &got, NULL), code);
	buf_release(&path);
	buf_release(&got);
}

static void
refuses_each_invalid_path_at_its_place(void **state)
{
	(void)state;
	assert_true(each_row("tests/data/paths_invalid.tsv", check_invalid) >= 160);
}

/* Lines ".Dl /..." of the manual are paths, with or without a file. */
static void
takes_every_example_of_the_manual(void **state)
{
	struct buf man = BUF_INIT, out = BUF_INIT;
	struct sv rest, line;
	unsigned n = 0;

	(void)state;
	testdata_read(&man, "man/spanfs-path.7");
	rest = buf_view(&man);
	while (sv_cut(&rest, '\n', &line)) {
		struct err e = ERR_INIT;
		struct sv file;
		struct path *p;

		if (!sv_starts(line, SV(".Dl /")))
			continue;
		line = sv_sub(line, 4, line.n);
		if (path_parse(line, known_file, &p, &file, &e) < 0)
			fail_msg("%.*s: %s", SV_ARG(line), e.msg);
		path_unref(p);
		if (file.n != 0)
			line.n -= file.n;
		if (canonical(line, &out, &e) < 0)
			fail_msg("%.*s: %s", SV_ARG(line), e.msg);
		n++;
	}
	assert_true(n >= 30);
	buf_release(&man);
	buf_release(&out);
}

static struct path *
parsed(const char *text)
{
	struct err e = ERR_INIT;
	struct sv file;
	struct path *p;

	if (path_parse(sv_cstr(text), NULL, &p, &file, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	assert_int_equal(file.n, 0);
	return p;
}

static struct path_view
view_of(const char *text)
{
	struct path *p = parsed(text);
	struct path_view v = path_view(p);

	path_unref(p);
	return v;
}

static void
tells_complete_paths_from_open_ones(void **state)
{
	static const char *const complete[] = {
		"/", "/service/a", "/any/service/a/end", "/not/service/a", "/limit/5",
		"/shards/2026-11-20/14",
	};
	static const char *const open[] = {
		"/service", "/any", "/any/service/a", "/not", "/where/x/eq", "/service/a/not",
		"/shards", "/shards/2026-11-20", "/all/any/service/a/end",
	};

	(void)state;
	for (size_t i = 0; i < sizeof complete / sizeof *complete; i++)
		if (!view_of(complete[i]).complete)
			fail_msg("%s is open", complete[i]);
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (view_of(open[i]).complete)
			fail_msg("%s is complete", open[i]);
}

static void
counts_clauses_and_groups(void **state)
{
	struct path_view v = view_of("/service/a/not/any/kind/server/all");

	(void)state;
	assert_int_equal(v.state, PATH_CLAUSE);
	assert_int_equal(v.depth, 2);
	assert_int_equal(v.n_clauses, 4);
	assert_false(v.is_root);
	v = view_of("/any/service/a/end");
	assert_int_equal(v.depth, 0);
	assert_int_equal(v.n_clauses, 2);
	assert_true(view_of("/").is_root);
}

static void
shows_the_shard_directory(void **state)
{
	struct path *p = parsed("/shards/2026-11-20/14");
	struct path_view v = path_view(p);

	(void)state;
	assert_int_equal(v.state, PATH_CLAUSE);
	assert_true(v.in_shards && v.complete);
	assert_true(sv_is(v.shard_day, "2026-11-20"));
	assert_true(sv_is(v.shard_hour, "14"));
	path_unref(p);
	p = parsed("/shards/2026-11-20");
	v = path_view(p);
	assert_int_equal(v.arg_kind, ARG_SHARD_HOURS);
	assert_int_equal(v.arg, 1);
	assert_string_equal(v.keyword, "shards");
	assert_true(v.in_shards);
	assert_true(sv_is(v.shard_day, "2026-11-20"));
	assert_int_equal(v.shard_hour.n, 0);
	path_unref(p);
	v = view_of("/shards");
	assert_int_equal(v.arg_kind, ARG_SHARD_DAYS);
	assert_true(v.in_shards);
	assert_int_equal(v.shard_day.n, 0);
	assert_false(view_of("/shards/2026-11-20/14/service/a").in_shards);
	assert_false(view_of("/shards/2026-11-20/14/service").in_shards);
	assert_false(view_of("/").in_shards);
}

static void
finds_the_file_at_the_end(void **state)
{
	static const struct { const char *text, *file, *path; } v[] = {
		{ "/spans.jsonl", "spans.jsonl", "/" },
		{ "spans.jsonl", "spans.jsonl", "/" },
		{ "/service/a/count", "count", "/service/a" },
		{ "/service/count", "", "/service/count" },
		{ "/service/count/count", "count", "/service/count" },
		{ "/.service/a/.limit/5/plan", "plan", "/service/a/limit/5" },
		{ "/any/service/a/plan", "plan", "/any/service/a" },
		{ "/service/~%more", "~%more", "/service" },
		{ "/where/x/eq/~%more", "~%more", "/where/x/eq" },
		{ "/service/%", "", "/service/%" },
		{ "/shards/info.json", "info.json", "/shards" },
		{ "/shards/2026-11-20/14/info.json", "info.json", "/shards/2026-11-20/14" },
		{ "/where/x/ne/plan", "", "/where/x/ne/plan" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct err e = ERR_INIT;
		struct buf b = BUF_INIT;
		struct path *p;
		struct sv file;

		if (path_parse(sv_cstr(v[i].text), known_file, &p, &file, &e) < 0)
			fail_msg("%s: %s", v[i].text, e.msg);
		assert_true(sv_is(file, v[i].file));
		path_print(&b, p);
		if (!sv_is(buf_view(&b), v[i].path))
			fail_msg("%s: %.*s", v[i].text, SV_ARG(buf_view(&b)));
		path_unref(p);
		buf_release(&b);
	}
}

static void
refuses_a_file_where_a_value_is_awaited(void **state)
{
	struct err e = ERR_INIT;
	struct path *p;
	struct sv file;

	(void)state;
	assert_int_equal(path_parse(SV("/since/plan"), known_file, &p, &file, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 7);
	assert_int_equal(path_parse(SV("/spans.jsonl/count"), known_file, &p, &file, &e),
	    ERR_UNKNOWN);
	assert_int_equal(e.off, 1);
}

static void
prints_a_path_as_typed_without_link_dots(void **state)
{
	static const struct { const char *text, *want; } v[] = {
		{ "/", "/" },
		{ "/service/%41%2e", "/service/%41%2e" },
		{ "/.where/.x/.eq/.y", "/where/.x/eq/.y" },
		{ "/.where/x/.eq/.=y", "/where/x/eq/y" },
		{ "/where/x/eq/.=.y", "/where/x/eq/.y" },
		{ "/where/x/eq/.=.=y", "/where/x/eq/%2E=y" },
		{ "/where/x/in/b,a/service/.b", "/where/x/in/b,a/service/.b" },
		{ "/any/service/a/.end", "/any/service/a/end" },
	};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct path *p = parsed(v[i].text);

		b.n = 0;
		path_print(&b, p);
		if (!sv_is(buf_view(&b), v[i].want))
			fail_msg("%s: %.*s", v[i].text, SV_ARG(buf_view(&b)));
		path_unref(p);
	}
	buf_release(&b);
}

static void
refuses_segments_no_kernel_would_pass(void **state)
{
	struct path *p = parsed("/service"), *child;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(path_step(p, SV_EMPTY, &child, &e), ERR_SYNTAX);
	assert_int_equal(path_step(p, SV("a/b"), &child, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 1);
	assert_int_equal(path_step(p, SV("."), &child, &e), ERR_SYNTAX);
	assert_int_equal(path_step(p, SV(".."), &child, NULL), ERR_SYNTAX);
	path_unref(p);
}

static void
shares_parents_and_frees_in_any_order(void **state)
{
	struct path *root = path_root(), *a, *b, *c;
	struct buf text = BUF_INIT;

	(void)state;
	assert_int_equal(path_step(root, SV("service"), &a, NULL), 0);
	assert_int_equal(path_step(a, SV("x"), &b, NULL), 0);
	assert_int_equal(path_step(a, SV("y"), &c, NULL), 0);
	path_unref(root);
	path_unref(a);
	path_print(&text, b);
	assert_true(sv_is(buf_view(&text), "/service/x"));
	path_unref(path_ref(b));
	path_unref(b);
	text.n = 0;
	path_print(&text, c);
	assert_true(sv_is(buf_view(&text), "/service/y"));
	path_unref(c);
	path_unref(NULL);
	buf_release(&text);
}

/* The longest chain there is: nothing may recurse along it. */
static void
takes_a_path_at_every_limit(void **state)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 15; i++) {
		testdata_expand(&text, SV("/service/{a}*4000"));
		buf_printf(&text, "%d", i);
	}
	n = text.n;
	assert_int_equal(canonical(buf_view(&text), &out, &e), 0);
	/* A list in many clauses whose ids grow to 32 digits: canonical bytes count too. */
	text.n = 0;
	for (int i = 0; i < 60; i++)
		testdata_expand(&text, SV("/trace/{1,}*100f"));
	assert_true(text.n < n);
	assert_int_equal(canonical(buf_view(&text), &out, &e), 0);
	text.n = 0;
	for (int i = 0; i < 60; i++) {
		BUF_LIT(&text, "/trace/0");
		for (int k = 1; k < 120; k++)
			buf_printf(&text, ",%x", 16 * k + i);
	}
	assert_int_equal(canonical(buf_view(&text), &out, &e), ERR_NAMETOOLONG);
	assert_true(sv_find(sv_cstr(e.msg), SV("canonical")) >= 0);
	buf_release(&text);
	buf_release(&out);
}

/* ---- generated paths ---- */

static uint64_t seed = 88172645463325252ull;

static unsigned
dice(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static const char *const filters[] = {
	"service/a", "service/b,a", "name/%2Fx", "scope/s", "kind/server,client", "status/2",
	"trace/A", "span/7,3", "duration/gt/1000ms", "trace-duration/in/1s,2s", "where/x/eq/1",
	"where/x/in/z,y,%", "where/resource.service.name/eq/q", "where/name/eq/n",
	"where/duration/between/1s,60s", "where/start/lt/60m", "has/k", "has/event:name",
	"text/One two", "where/kind/ne/3", "where/x/re/a.*", "not/service/a", "not/has/k",
	"not/any/service/a/kind/client/end",
};

static void
put_filters(struct buf *b, unsigned depth)
{
	unsigned n = 1 + dice(3);

	for (unsigned i = 0; i < n; i++) {
		unsigned k = depth < 4 ? dice(30) : dice(24);

		buf_putc(b, '/');
		if (k < 24) {
			buf_str(b, filters[k]);
			continue;
		}
		buf_str(b, k % 2 != 0 ? "any" : dice(3) == 0 ? "not/all" : "all");
		put_filters(b, depth + 1);
		BUF_LIT(b, "/end");
	}
}

static void
canonical_form_is_a_fixed_point_of_generated_paths(void **state)
{
	struct buf text = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		int code;

		text.n = one.n = two.n = 0;
		put_filters(&text, 0);
		code = canonical(buf_view(&text), &one, &e);
		if (code == ERR_TOOBIG)
			continue;
		if (code < 0)
			fail_msg("%.*s: %s", SV_ARG(buf_view(&text)), e.msg);
		if (canonical(buf_view(&one), &two, &e) < 0)
			fail_msg("%.*s: %s", SV_ARG(buf_view(&one)), e.msg);
		if (!sv_eq(buf_view(&one), buf_view(&two)))
			fail_msg("%.*s: %.*s, then %.*s", SV_ARG(buf_view(&text)),
			    SV_ARG(buf_view(&one)), SV_ARG(buf_view(&two)));
	}
	buf_release(&text);
	buf_release(&one);
	buf_release(&two);
}

static const char *const clauses[] = {
	"service/b,a", "name/x", "kind/client", "not/status/error", "duration/gt/1s",
	"any/service/z/kind/server/end", "where/x/eq/1", "where/x/eq/2", "has/k", "text/b a",
	"since/2h", "until/1h", "on/today", "sort/duration:desc,name", "limit/10", "offset/5",
	"select/b,a", "all/has/p/has/q/end", "service/c", "not/all/has/p/has/q/end",
};
#define N_CLAUSES (sizeof clauses / sizeof *clauses)

static void
permuted_clauses_have_one_canonical_path(void **state)
{
	struct buf text = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
	const char *v[N_CLAUSES];
	struct err e = ERR_INIT;

	(void)state;
	memcpy(v, clauses, sizeof v);
	for (int i = 0; i < 1000; i++) {
		text.n = got.n = 0;
		for (size_t k = 0; k < N_CLAUSES; k++)
			buf_printf(&text, "/%s", v[k]);
		if (canonical(buf_view(&text), i == 0 ? &want : &got, &e) < 0)
			fail_msg("%.*s: %s", SV_ARG(buf_view(&text)), e.msg);
		if (i > 0 && !sv_eq(buf_view(&want), buf_view(&got)))
			fail_msg("%.*s: %.*s", SV_ARG(buf_view(&text)),
			    SV_ARG(buf_view(&got)));
		for (size_t k = N_CLAUSES - 1; k > 0; k--) {
			size_t j = dice((unsigned)k + 1);
			const char *t = v[k];

			v[k] = v[j];
			v[j] = t;
		}
	}
	buf_release(&text);
	buf_release(&want);
	buf_release(&got);
}

/* What the encoder writes is taken by every argument that holds a value. */
static void
takes_any_encoded_bytes_as_a_value(void **state)
{
	static const char *const before[] = { "/service/", "/where/x/eq/", "/name/a," };
	struct buf text = BUF_INIT, out = BUF_INIT;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char raw[24];
		size_t n = dice(sizeof raw + 1);
		struct err e = ERR_INIT;
		struct buf enc = BUF_INIT;

		for (size_t k = 0; k < n; k++)
			raw[k] = dice(4) == 0 ? ".-/%,:\x1b\x7f"[dice(8)] : (char)dice(256);
		name_encode(&enc, sv_new(raw, n));
		text.n = out.n = 0;
		buf_str(&text, before[i % 3]);
		buf_sv(&text, buf_view(&enc));
		if (canonical(buf_view(&text), &out, &e) < 0)
			fail_msg("%.*s: %s", SV_ARG(buf_view(&text)), e.msg);
		if (i % 3 < 2)
			assert_true(sv_eq(buf_view(&text), buf_view(&out)));
		buf_release(&enc);
	}
	buf_release(&text);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_valid_path_its_canonical_form),
		cmocka_unit_test(refuses_each_invalid_path_at_its_place),
		cmocka_unit_test(takes_every_example_of_the_manual),
		cmocka_unit_test(tells_complete_paths_from_open_ones),
		cmocka_unit_test(counts_clauses_and_groups),
		cmocka_unit_test(shows_the_shard_directory),
		cmocka_unit_test(finds_the_file_at_the_end),
		cmocka_unit_test(refuses_a_file_where_a_value_is_awaited),
		cmocka_unit_test(prints_a_path_as_typed_without_link_dots),
		cmocka_unit_test(refuses_segments_no_kernel_would_pass),
		cmocka_unit_test(shares_parents_and_frees_in_any_order),
		cmocka_unit_test(takes_a_path_at_every_limit),
		cmocka_unit_test(canonical_form_is_a_fixed_point_of_generated_paths),
		cmocka_unit_test(permuted_clauses_have_one_canonical_path),
		cmocka_unit_test(takes_any_encoded_bytes_as_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
