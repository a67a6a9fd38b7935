/* SPDX-License-Identifier: ISC */
/* Unit tests of format/fmt_text: widths, alignment, escapes. */
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

static void
expect(struct span *const *s, size_t n, const char *select, const char *want)
{
	struct format_options o = { NULL, NULL, 0 };
	char *got;

	if (select != NULL)
		o = select_of(&arena, select);
	got = render_spans("spans.txt", &o, s, n, 2);
	assert_string_equal(got, want);
	free(got);
}

static void
columns_are_aligned(void **state)
{
	struct span *s[2] = { span_min(&arena, 5, "checkout"), span_full(&arena) };

	(void)state;
	expect(s, 2, NULL,
	    "start                     service   name       kind         status  duration  trace_id\n"
	    "2026-11-20T14:00:00.123Z  checkout  work       unspecified  unset     1.23ms  00000000000000000000000000000001\n"
	    "2026-11-20T14:00:00.123Z  checkout  POST /pay  server       error     1.23ms  0123456789abcdeffedcba9876543210\n");
}

static void
an_empty_result_has_a_header(void **state)
{
	(void)state;
	expect(NULL, 0, "name,duration", "name  duration\n");
}

static void
lines_end_without_blanks(void **state)
{
	struct span *s[2] = { span_min(&arena, 5, "a"), span_min(&arena, 6, "b") };

	(void)state;
	s[1]->attrs = attrs_of(&arena, "k", val_str("v"), "n", val_int(7), NULL);
	expect(s, 2, "service,k,n", "service  k  n\na\nb        v  7\n");
}

static void
what_a_terminal_must_not_get_is_escaped(void **state)
{
	struct span *s = span_min(&arena, 5, "a");

	(void)state;
	s->name = SV("a\x1b[31m\n\xe2\x80\xae" "b\xc2\x9b\xff \xc3\xa9");
	expect(&s, 1, "name,service",
	    "name                                service\n"
	    "a\\u{1b}[31m\\u{a}\\u{202e}b\\u{9b}\xef\xbf\xbd \xc3\xa9  a\n");
}

static void
widths_do_not_depend_on_batches(void **state)
{
	struct span *s[600];
	char *one, *many;

	(void)state;
	for (size_t i = 0; i < 600; i++)
		s[i] = span_min(&arena, i + 1, arena_printf(&arena, "service-%zu", i * i * i));
	one = render_spans("spans.txt", NULL, s, 600, 1);
	many = render_spans("spans.txt", NULL, s, 600, 599);
	assert_string_equal(one, many);
	free(one);
	free(many);
}

static void
long_cells_are_shown_whole(void **state)
{
	struct span *s[2] = { span_min(&arena, 5, "a"), span_min(&arena, 6, "b") };

	(void)state;
	s[0]->name = SV("0123456789012345678901234567890123456789012345678901234567");
	expect(s, 2, "name,service",
	    "name                                              service\n"
	    "0123456789012345678901234567890123456789012345678901234567  a\n"
	    "work                                              b\n");
}

static void
traces_have_figures_to_the_right(void **state)
{
	struct trace_row t = { .facts = { .trace_id = { 0, 7 }, .root_service = SV("a"),
	    .root_name = SV("GET /"), .start_ns = SPAN_START, .first_ns = 10, .last_ns = 1010,
	    .n_spans = 52, .n_errors = 1 }, .n_matched = 3 };
	struct batch b = { ROW_TRACE, 1, { .traces = &t } };
	char *got = render_batches("traces.txt", NULL, &b, 1);

	(void)state;
	assert_string_equal(got,
	    "trace_start               root_service  root_name  trace_spans  trace_errors  trace_duration  trace_id\n"
	    "2026-11-20T14:00:00.123Z  a             GET /               52             1             1us  00000000000000000000000000000007\n");
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(an_empty_result_has_a_header),
		cmocka_unit_test(lines_end_without_blanks),
		cmocka_unit_test(what_a_terminal_must_not_get_is_escaped),
		cmocka_unit_test(widths_do_not_depend_on_batches),
		cmocka_unit_test(long_cells_are_shown_whole),
		cmocka_unit_test(traces_have_figures_to_the_right),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
