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
	struct format_options o = { .n_select = 0 };
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
	    "start                 service   duration  trace_id                          name\n"
	    "2026-11-20T14:00:00Z  checkout    1.23ms  00000000000000000000000000000001  work\n"
	    "2026-11-20T14:00:00Z  checkout    1.23ms  0123456789abcdeffedcba9876543210  POST /pay: no, \"money\"\n");
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

/* The widest line in characters. */
static size_t
widest(const char *text)
{
	size_t most = 0, n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\n')
			n = 0;
		else if ((*text & 0xc0) != 0x80)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

static void
lines_of_our_own_end_within_120_columns(void **state)
{
	struct span *s[2] = { span_min(&arena, 5, "a-service-with-a-very-long-name-indeed"),
	    span_min(&arena, 6, "b") };
	char *got;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		s[i]->status = STATUS_ERROR;
		s[i]->name = SV("0123456789012345678901234567890123456789 \xc3\xa9\xc3\xa9\xc3\xa9"
		    "0123456789012345678901234567890123456789");
		s[i]->status_message = SV("could not\nat x.c:12");
	}
	got = render_spans("spans.txt", NULL, s, 2, 2);
	assert_int_equal(widest(got), 120);
	assert_non_null(strstr(got, "a-service-with-\xe2\x80\xa6  "));
	free(got);
	s[0]->name = s[1]->name = SV("work");
	got = render_spans("spans.txt", NULL, s, 2, 2);
	assert_non_null(strstr(got, "  work: could not\n"));
	free(got);
}

static struct span *
failing(uint64_t trace, const char *service, const char *type, const char *message)
{
	struct span *s = span_min(&arena, trace, service);
	struct event *ev = arena_new(&arena, struct event);

	s->status = STATUS_ERROR;
	s->trace_id = (struct trace_id){ 0, trace };
	s->start_ns += trace * UINT64_C(1000000000);
	if (type == NULL)
		return s;
	ev->name = SV("exception");
	ev->attrs = attrs_of(&arena, "exception.message", val_str(message), "exception.type",
	    val_str(type), NULL);
	s->events = ev;
	s->n_events = 1;
	return s;
}

static void
equal_errors_are_one_line(void **state)
{
	struct span *s[5] = { failing(9, "pay", "Declined", "no answer"),
	    failing(8, "pay", NULL, NULL), failing(7, "pay", "Declined", "no answer"),
	    failing(6, "cart", "Declined", "no answer"), failing(5, "cart", NULL, NULL) };
	char *one, *many;

	(void)state;
	s[4]->status_message = SV("lost\r\nat cart.c:7");
	one = render_spans("errors.txt", NULL, s, 5, 1);
	many = render_spans("errors.txt", NULL, s, 5, 5);
	assert_string_equal(one,
	    "time                  count  service  name  trace_id                          error\n"
	    "2026-11-20T14:00:09Z      2  pay      work  00000000000000000000000000000009  Declined: no answer\n"
	    "2026-11-20T14:00:08Z      1  pay      work  00000000000000000000000000000008  error\n"
	    "2026-11-20T14:00:06Z      1  cart     work  00000000000000000000000000000006  Declined: no answer\n"
	    "2026-11-20T14:00:05Z      1  cart     work  00000000000000000000000000000005  lost\n");
	assert_string_equal(one, many);
	free(one);
	free(many);
}

static void
many_different_errors_are_many_lines(void **state)
{
	struct span *s[2000];
	size_t lines = 0;
	char *got;

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		s[i] = failing(1, "pay", NULL, NULL);
		s[i]->status_message = sv_cstr(arena_printf(&arena, "failure %zu", i));
	}
	got = render_spans("errors.txt", NULL, s, 2000, 300);
	for (const char *p = got; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 2001);
	assert_non_null(strstr(got, "  failure 1999\n"));
	free(got);
}

static void
offset_and_limit_count_lines_of_errors(void **state)
{
	struct format_options o = { .offset = 1, .limit = 1 };
	struct span *s[4] = { failing(9, "a", NULL, NULL), failing(8, "a", NULL, NULL),
	    failing(7, "b", NULL, NULL), failing(6, "c", NULL, NULL) };
	char *got = render_spans("errors.txt", &o, s, 4, 2);

	(void)state;
	assert_string_equal(got,
	    "time                  count  service  name  trace_id                          error\n"
	    "2026-11-20T14:00:07Z      1  b        work  00000000000000000000000000000007  error\n");
	free(got);
}

static void
errors_may_all_be_different(void **state)
{
	struct span *s[1000];
	size_t n_lines = 0;
	char *got;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		s[i] = failing(1, arena_printf(&arena, "service-%zu", i), NULL, NULL);
	got = render_spans("errors.txt", NULL, s, 1000, 100);
	for (const char *p = got; *p != '\0'; p++)
		n_lines += *p == '\n';
	assert_int_equal(n_lines, 1001);
	free(got);
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
	    "start                 root_service  duration  spans  errors  trace_id                          root_name\n"
	    "2026-11-20T14:00:00Z  a                  1us     52       1  00000000000000000000000000000007  GET /\n");
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
		cmocka_unit_test(lines_of_our_own_end_within_120_columns),
		cmocka_unit_test(equal_errors_are_one_line),
		cmocka_unit_test(many_different_errors_are_many_lines),
		cmocka_unit_test(offset_and_limit_count_lines_of_errors),
		cmocka_unit_test(errors_may_all_be_different),
		cmocka_unit_test(traces_have_figures_to_the_right),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
