/* SPDX-License-Identifier: ISC */
/* Unit tests of format/fmt_jsonl: exact bytes of spans, traces, events, links and select. */
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
expect_span(struct span *s, const char *select, const char *want)
{
	struct format_options o = { .n_select = 0 };
	char *got;

	if (select != NULL)
		o = select_of(&arena, select);
	got = render_spans("spans.jsonl", &o, &s, 1, 1);
	assert_string_equal(got, want);
	free(got);
}

static void
full_span_has_every_key_in_order(void **state)
{
	(void)state;
	expect_span(span_full(&arena), NULL,
	    "{\"trace_id\":\"0123456789abcdeffedcba9876543210\","
	    "\"span_id\":\"1122334455667788\",\"parent_span_id\":\"0000000000000099\","
	    "\"name\":\"POST /pay\",\"kind\":\"server\",\"service\":\"checkout\","
	    "\"start\":\"2026-11-20T14:00:00.123456789Z\",\"duration_ns\":1234567,"
	    "\"status\":\"error\",\"status_message\":\"no, \\\"money\\\"\","
	    "\"attributes\":{\"big\":-9223372036854775808,\"d\":0.5,\"s\":\"v\"},"
	    "\"resource\":{\"host.name\":\"n1\",\"service.name\":\"checkout\"},"
	    "\"scope\":{\"name\":\"lib\",\"version\":\"1.2\",\"attributes\":{\"x\":true}},"
	    "\"events\":[{\"time\":\"2026-11-20T14:00:00.123457789Z\","
	    "\"name\":\"exception\",\"attributes\":{\"exception.type\":\"E\\\"1\\\"\"}},"
	    "{\"time\":\"2026-11-20T14:00:00.123458789Z\",\"name\":\"retry\"}],"
	    "\"links\":[{\"trace_id\":\"0000000000000abc0000000000000def\","
	    "\"span_id\":\"0000000000000077\",\"trace_state\":\"v=1\","
	    "\"attributes\":{\"k\":1}}],"
	    "\"trace_state\":\"t=1\",\"flags\":257,"
	    "\"dropped\":{\"attributes\":1,\"events\":2,\"links\":3}}\n");
}

static void
empty_members_are_left_out(void **state)
{
	struct span *s = span_min(&arena, 5, NULL);

	(void)state;
	s->name = SV_EMPTY;
	expect_span(s, NULL, "{\"trace_id\":\"00000000000000000000000000000001\","
	    "\"span_id\":\"0000000000000005\",\"name\":\"\",\"kind\":\"unspecified\","
	    "\"service\":\"\",\"start\":\"2026-11-20T14:00:00.123456789Z\","
	    "\"duration_ns\":1234567,\"status\":\"unset\"}\n");
}

static void
unknown_enum_numbers_are_integers(void **state)
{
	struct span *s = span_min(&arena, 5, NULL);

	(void)state;
	s->kind = 9;
	s->status = -1;
	s->dropped_events = 8;
	s->end_ns = 3;
	expect_span(s, NULL, "{\"trace_id\":\"00000000000000000000000000000001\","
	    "\"span_id\":\"0000000000000005\",\"name\":\"work\",\"kind\":9,"
	    "\"service\":\"\",\"start\":\"2026-11-20T14:00:00.123456789Z\","
	    "\"duration_ns\":0,\"end\":\"1970-01-01T00:00:00.000000003Z\",\"status\":-1,\"dropped\":{\"events\":8}}\n");
}

static void
times_span_the_whole_range(void **state)
{
	struct span *s = span_min(&arena, 5, NULL);

	(void)state;
	s->start_ns = 0;
	s->end_ns = UINT64_MAX;
	expect_span(s, "start,end,duration", "{\"start\":\"1970-01-01T00:00:00.000000000Z\","
	    "\"end\":\"2554-07-21T23:34:33.709551615Z\","
	    "\"duration_ns\":18446744073709551615}\n");
}

static void
select_fixes_keys_and_order(void **state)
{
	(void)state;
	expect_span(span_full(&arena),
	    "duration,resource.host.name,s,name,span.d,scope,scope_version,scope.x,kind",
	    "{\"duration_ns\":1234567,\"resource.host.name\":\"n1\",\"s\":\"v\","
	    "\"name\":\"POST /pay\",\"span.d\":0.5,\"scope\":\"lib\","
	    "\"scope_version\":\"1.2\",\"scope.x\":true,\"kind\":\"server\"}\n");
}

static void
select_leaves_out_what_is_missing(void **state)
{
	struct span *s = span_min(&arena, 5, NULL);

	(void)state;
	expect_span(s, "parent_span_id,flags,status_message,nope,resource.x,event.k,"
	    "event:name,link:span_id,root_name,trace_state", "{}\n");
	expect_span(s, "nope,name,service", "{\"name\":\"work\",\"service\":\"\"}\n");
}

static void
bare_field_is_the_spans_then_the_resources(void **state)
{
	struct span *s = span_full(&arena);

	(void)state;
	expect_span(s, "host.name", "{\"host.name\":\"n1\"}\n");
	s->attrs = attrs_of(&arena, "host.name", val_int(3), NULL);
	expect_span(s, "host.name", "{\"host.name\":3}\n");
	s->attrs = attrs_of(&arena, "host.name", val_empty(), NULL);
	expect_span(s, "host.name", "{\"host.name\":null}\n");
}

static void
fields_of_events_and_links_are_arrays(void **state)
{
	(void)state;
	expect_span(span_full(&arena),
	    "event:name,event:time,event.exception.type,link:trace_id,link:span_id,link.k",
	    "{\"event:name\":[\"exception\",\"retry\"],"
	    "\"event:time\":[\"2026-11-20T14:00:00.123457789Z\","
	    "\"2026-11-20T14:00:00.123458789Z\"],"
	    "\"event.exception.type\":[\"E\\\"1\\\"\"],"
	    "\"link:trace_id\":[\"0000000000000abc0000000000000def\"],"
	    "\"link:span_id\":[\"0000000000000077\"],\"link.k\":[1]}\n");
}

static struct trace_row
trace_row(void)
{
	static struct sv services[] = { { "a", 1 }, { "b", 1 } };

	return (struct trace_row){ .facts = {
		.trace_id = { 0, 7 }, .root_service = SV("a"), .root_name = SV("GET /"),
		.start_ns = SPAN_START, .first_ns = SPAN_START, .last_ns = SPAN_START + 90,
		.n_spans = 52, .n_errors = 1, .has_root = true,
		.services = services, .n_services = 2,
	    }, .n_matched = 3 };
}

static void
select_takes_fields_of_the_trace(void **state)
{
	struct trace_row t = trace_row();
	struct span_row row = { .span = span_min(&arena, 5, NULL), .trace = &t.facts,
	    .place = { 4, 2, 60 } };
	struct batch b = { ROW_SPAN, 1, { .spans = &row } };
	struct format_options o = select_of(&arena,
	    "root_service,root_name,trace_start,trace_duration,trace_spans,trace_errors,"
	    "child_count,depth,self_duration");
	char *got = render_batches("spans.jsonl", &o, &b, 1);

	(void)state;
	assert_string_equal(got, "{\"root_service\":\"a\",\"root_name\":\"GET /\","
	    "\"trace_start\":\"2026-11-20T14:00:00.123456789Z\",\"trace_duration_ns\":90,"
	    "\"trace_spans\":52,\"trace_errors\":1,\"child_count\":4,\"depth\":2,"
	    "\"self_duration_ns\":60}\n");
	free(got);
}

static void
traces_have_their_figures(void **state)
{
	struct trace_row t[2] = { trace_row(), trace_row() };
	struct batch b = { ROW_TRACE, 2, { .traces = t } };
	struct format_options o = select_of(&arena, "trace_spans,trace_id");
	char *got;

	(void)state;
	t[1].facts.root_name = t[1].facts.root_service = SV_EMPTY;
	got = render_batches("traces.jsonl", NULL, &b, 1);
	assert_string_equal(got, "{\"trace_id\":\"00000000000000000000000000000007\","
	    "\"root_service\":\"a\",\"root_name\":\"GET /\","
	    "\"start\":\"2026-11-20T14:00:00.123456789Z\",\"duration_ns\":90,\"spans\":52,"
	    "\"errors\":1,\"services\":[\"a\",\"b\"],\"matched\":3}\n"
	    "{\"trace_id\":\"00000000000000000000000000000007\","
	    "\"start\":\"2026-11-20T14:00:00.123456789Z\",\"duration_ns\":90,\"spans\":52,"
	    "\"errors\":1,\"services\":[\"a\",\"b\"],\"matched\":3}\n");
	free(got);
	b.n = 1;
	got = render_batches("traces.jsonl", &o, &b, 1);
	assert_string_equal(got,
	    "{\"trace_spans\":52,\"trace_id\":\"00000000000000000000000000000007\"}\n");
	free(got);
}

static void
events_and_links_name_their_span(void **state)
{
	struct span *s = span_full(&arena);
	struct event_row ev = { s, &s->events[0] };
	struct link_row ln = { s, &s->links[0] };
	struct batch be = { ROW_EVENT, 1, { .events = &ev } };
	struct batch bl = { ROW_LINK, 1, { .links = &ln } };
	char *got = render_batches("events.jsonl", NULL, &be, 1);

	(void)state;
	assert_string_equal(got, "{\"trace_id\":\"0123456789abcdeffedcba9876543210\","
	    "\"span_id\":\"1122334455667788\",\"service\":\"checkout\","
	    "\"span_name\":\"POST /pay\",\"time\":\"2026-11-20T14:00:00.123457789Z\","
	    "\"name\":\"exception\",\"attributes\":{\"exception.type\":\"E\\\"1\\\"\"}}\n");
	free(got);
	got = render_batches("links.jsonl", NULL, &bl, 1);
	assert_string_equal(got, "{\"trace_id\":\"0123456789abcdeffedcba9876543210\","
	    "\"span_id\":\"1122334455667788\",\"service\":\"checkout\","
	    "\"span_name\":\"POST /pay\","
	    "\"linked_trace_id\":\"0000000000000abc0000000000000def\","
	    "\"linked_span_id\":\"0000000000000077\",\"attributes\":{\"k\":1}}\n");
	free(got);
}

static void
resources_that_collide_in_the_cache_stay_apart(void **state)
{
	struct span *spans[600];
	char *one, *many;
	char *line;

	(void)state;
	for (size_t i = 0; i < 600; i++)
		spans[i] = span_min(&arena, i + 1, arena_printf(&arena, "s%zu", i));
	one = render_spans("spans.jsonl", NULL, spans, 600, 1);
	many = render_spans("spans.jsonl", NULL, spans, 600, 600);
	assert_string_equal(one, many);
	line = strstr(many, "\"service\":\"s599\"");
	assert_non_null(line);
	assert_non_null(strstr(line, "\"resource\":{\"service.name\":\"s599\"}"));
	free(one);
	free(many);
}

static void
select_is_refused_where_it_has_no_meaning(void **state)
{
	struct format_options o = select_of(&arena, "name");
	struct formatter *f;
	size_t n;

	(void)state;
	assert_int_equal(formatter_new(format_find(SV("otlp.jsonl")), &o, &f, NULL),
	    ERR_UNSUPPORTED);
	assert_int_equal(formatter_new(format_find(SV("count")), &o, &f, NULL),
	    ERR_UNSUPPORTED);
	assert_null(format_find(SV("spans.xml")));
	assert_null(format_find(SV("")));
	for (n = 0; format_at(n) != NULL; n++)
		assert_ptr_equal(format_find(sv_cstr(format_at(n)->file)), format_at(n));
	assert_int_equal(n, 18);
}

static void
count_is_a_number_and_a_newline(void **state)
{
	struct batch b[2] = { { ROW_COUNT, 1, { .count = 40 } }, { ROW_COUNT, 1, { .count = 2 } } };
	char *got = render_batches("count", NULL, b, 2);

	(void)state;
	assert_string_equal(got, "42\n");
	free(got);
	got = render_batches("count", NULL, b, 0);
	assert_string_equal(got, "0\n");
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_span_has_every_key_in_order),
		cmocka_unit_test(empty_members_are_left_out),
		cmocka_unit_test(unknown_enum_numbers_are_integers),
		cmocka_unit_test(times_span_the_whole_range),
		cmocka_unit_test(select_fixes_keys_and_order),
		cmocka_unit_test(select_leaves_out_what_is_missing),
		cmocka_unit_test(bare_field_is_the_spans_then_the_resources),
		cmocka_unit_test(fields_of_events_and_links_are_arrays),
		cmocka_unit_test(select_takes_fields_of_the_trace),
		cmocka_unit_test(traces_have_their_figures),
		cmocka_unit_test(events_and_links_name_their_span),
		cmocka_unit_test(resources_that_collide_in_the_cache_stay_apart),
		cmocka_unit_test(select_is_refused_where_it_has_no_meaning),
		cmocka_unit_test(count_is_a_number_and_a_newline),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
