/* SPDX-License-Identifier: ISC */
/* Unit tests of format/fmt_tree: shapes of traces, sane and insane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/span_rows.h"

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

static struct span *
node(uint64_t id, uint64_t parent, uint64_t at_us, const char *name)
{
	struct span *s = span_min(&arena, id, "svc");

	s->parent_span_id = parent;
	s->start_ns = SPAN_START + at_us * 1000;
	s->end_ns = s->start_ns + 1000;
	s->name = sv_cstr(name);
	return s;
}

static void
expect(struct span *const *s, size_t n, const char *want)
{
	char *got = render_spans("tree.txt", NULL, s, n, 2);
	const char *body = strchr(got, '\n');

	assert_non_null(body);
	assert_string_equal(body + 1, want);
	free(got);
}

static void
children_hang_below_their_parents_by_start(void **state)
{
	struct span *s[5] = { node(4, 2, 3, "d"), node(3, 1, 4, "c"), node(2, 1, 1, "b"),
	    node(5, 2, 2, "e"), node(1, 0, 0, "a") };
	char *got;

	(void)state;
	s[4]->kind = KIND_SERVER;
	s[1]->status = STATUS_ERROR;
	s[1]->status_message = SV("it\nbroke");
	got = render_spans("tree.txt", NULL, s, 5, 2);
	assert_string_equal(got,
	    "trace 00000000000000000000000000000001  2026-11-20T14:00:00.123456789Z  5us"
	    "  5 spans  1 error\n"
	    "svc: a [server]  1us  +0ns\n"
	    "├── svc: b  1us  +1us\n"
	    "│   ├── svc: e  1us  +2us\n"
	    "│   └── svc: d  1us  +3us\n"
	    "└── svc: c  1us  +4us  ERROR: it\\u{a}broke\n");
	free(got);
}

static void
an_empty_trace_is_an_empty_file(void **state)
{
	char *got = render_spans("tree.txt", NULL, NULL, 0, 1);

	(void)state;
	assert_string_equal(got, "");
	free(got);
}

static void
orphans_stand_under_their_missing_parents(void **state)
{
	struct span *s[5] = { node(1, 0, 5, "root"), node(2, 0xbb, 1, "o1"),
	    node(3, 0xaa, 2, "o2"), node(4, 0xbb, 3, "o3"), node(5, 4, 4, "kid") };

	(void)state;
	expect(s, 5, "svc: root  1us  +4us\n"
	    "(missing parent 00000000000000bb)\n"
	    "├── svc: o1  1us  +0ns\n"
	    "└── svc: o3  1us  +2us\n"
	    "    └── svc: kid  1us  +3us\n"
	    "(missing parent 00000000000000aa)\n"
	    "└── svc: o2  1us  +1us\n");
}

static void
a_span_that_is_its_own_parent_is_a_root(void **state)
{
	struct span *s[2] = { node(1, 1, 0, "self"), node(2, 1, 1, "kid") };

	(void)state;
	expect(s, 2, "svc: self  1us  +0ns\n└── svc: kid  1us  +1us\n");
}

static void
cycles_are_cut_once(void **state)
{
	struct span *s[5] = { node(1, 3, 0, "a"), node(2, 1, 1, "b"), node(3, 2, 2, "c"),
	    node(4, 3, 3, "tail"), node(9, 0, 9, "root") };

	(void)state;
	expect(s, 5, "svc: root  1us  +9us\n"
	    "svc: a  1us  +0ns  (cycle)\n"
	    "└── svc: b  1us  +1us\n"
	    "    └── svc: c  1us  +2us\n"
	    "        └── svc: tail  1us  +3us\n");
}

static void
a_shared_id_is_resolved_by_kind(void **state)
{
	struct span *s[4] = { node(1, 0, 0, "root"), node(2, 1, 1, "client"),
	    node(2, 1, 2, "server"), node(3, 2, 3, "inner") };

	(void)state;
	s[1]->kind = KIND_CLIENT;
	s[2]->kind = KIND_SERVER;
	expect(s, 4, "svc: root  1us  +0ns\n"
	    "└── svc: client [client]  1us  +1us\n"
	    "    └── svc: server [server]  1us  +2us\n"
	    "        └── svc: inner  1us  +3us\n");
}

static void
depth_and_twins_cost_no_more_than_linear(void **state)
{
	enum { N = 20000 };
	struct span **s = calloc(N, sizeof *s);
	char *got;

	(void)state;
	assert_non_null(s);
	for (uint64_t i = 0; i < N; i++)
		s[i] = node(i + 1, i, i, "deep");
	got = render_spans("tree.txt", NULL, s, N, 1000);
	assert_non_null(strstr(got, "… depth 19999: svc: deep"));
	assert_true(strlen(got) < N * 500);
	free(got);
	for (uint64_t i = 0; i < N; i++) {
		s[i] = node(7, 7 + (i & 1), i, "twin");
		s[i]->kind = KIND_SERVER;
	}
	got = render_spans("tree.txt", NULL, s, N, 1000);
	free(got);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_hang_below_their_parents_by_start),
		cmocka_unit_test(an_empty_trace_is_an_empty_file),
		cmocka_unit_test(orphans_stand_under_their_missing_parents),
		cmocka_unit_test(a_span_that_is_its_own_parent_is_a_root),
		cmocka_unit_test(cycles_are_cut_once),
		cmocka_unit_test(a_shared_id_is_resolved_by_kind),
		cmocka_unit_test(depth_and_twins_cost_no_more_than_linear),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
