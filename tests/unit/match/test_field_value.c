/* SPDX-License-Identifier: ISC */
/* Unit tests of match/field_value: what is there, what is missing, and values in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/span_rows.h"
#include "match/field_value.h"
#include "model/price.h"

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

static size_t
count(const char *name, const struct field_row *r, struct field_value *last)
{
	struct field_value v;
	struct field f;
	struct field_at at = { 0, 0 };
	size_t n = 0;

	assert_true(field_parse(sv_cstr(name), &f));
	for (; field_value_next(&f, r, &at, &v); n++)
		*last = v;
	return n;
}

static void
what_files_leave_out_is_missing(void **state)
{
	static const char *const missing[] = { "status_message", "scope", "scope_version",
		"parent_span_id", "trace_state", "flags", "event:name", "event:time",
		"link:trace_id", "trace_spans", "root_name", "child_count", "a", "span.a",
		"resource.a", "scope.a", "event.a", "link.a" };
	static const char *const there[] = { "service", "name", "kind", "status", "trace_id",
		"span_id", "start", "end", "duration" };
	const struct field_row r = { .span = span_min(&arena, 1, NULL) };
	struct field_value v;

	(void)state;
	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		assert_int_equal(count(missing[i], &r, &v), 0);
	for (size_t i = 0; i < sizeof there / sizeof *there; i++)
		assert_int_equal(count(there[i], &r, &v), 1);
	assert_int_equal(count("service", &r, &v), 1);
	assert_int_equal(v.kind, FIELD_VALUE_TEXT);
	assert_int_equal(v.s.n, 0);
}

static void
events_and_links_give_one_each(void **state)
{
	const struct event events[] = { { .time_ns = 5 },
		{ .time_ns = 6, .name = SV("b"), .attrs = attrs_of(&arena, "k", val_int(1), NULL) } };
	const struct link links[] = { { .span_id = 0 }, { .span_id = 9 } };
	struct span *s = span_min(&arena, 1, "x");
	struct field_row r = { .span = s };
	struct field_value v;

	(void)state;
	s->events = events;
	s->links = links;
	s->n_events = s->n_links = 2;
	assert_int_equal(count("event:name", &r, &v), 2);
	assert_true(sv_is(v.s, "b"));
	assert_int_equal(count("event.k", &r, &v), 1);
	assert_int_equal(v.attr->i, 1);
	assert_int_equal(count("link:span_id", &r, &v), 2);
	assert_int_equal(v.u, 9);
	r.event = &events[0];
	r.link = &links[0];
	assert_int_equal(count("event:time", &r, &v), 1);
	assert_int_equal(v.u, 5);
	assert_int_equal(count("event.k", &r, &v), 0);
	assert_int_equal(count("link:span_id", &r, &v), 1);
	assert_int_equal(v.u, 0);
}

static void
tokens_are_read_under_every_name_they_had(void **state)
{
	const struct price v[] = { { SV("gpt-4*"), 1, 1, 1 }, { SV("gpt-4o*"), 2, 1, 10 },
	    { SV("*"), 100, 100, 100 } };
	const struct prices prices = { v, 3 };
	struct field cost = { .scope = FIELD_INTRINSIC, .intrinsic = IN_COST, .prices = &prices };
	struct span *s = span_min(&arena, 1, "x");
	struct field_row r = { .span = s };
	struct field_value x;

	(void)state;
	assert_int_equal(count("tokens:total", &r, &x), 0);
	s->attrs = attrs_of(&arena, "gen_ai.request.model", val_str("gpt-4o-mini"),
	    "gen_ai.usage.cache_read.input_tokens", val_int(400), "gen_ai.usage.input_tokens",
	    val_int(1000), "gen_ai.usage.output_tokens", val_double(100),
	    "llm.usage.prompt_tokens", val_int(9), NULL);
	assert_int_equal(count("tokens:input", &r, &x), 1);
	assert_int_equal(x.u, 1000);
	assert_int_equal(count("tokens:total", &r, &x), 1);
	assert_int_equal(x.u, 1100);
	assert_true(field_value_first(&cost, &r, &x) && x.kind == FIELD_VALUE_DOUBLE);
	assert_true(x.d == (600 * 2. + 400 * 1. + 100 * 10.) / 1e6);
	assert_int_equal(count("cost", &r, &x), 0);	/* nobody said what it costs */
	s->attrs = attrs_of(&arena, "gen_ai.usage.input_tokens", val_int(-1),
	    "llm.usage.prompt_tokens", val_str("9"), "llm.usage.total_tokens", val_int(12), NULL);
	assert_int_equal(count("tokens:input", &r, &x), 0);
	assert_int_equal(count("tokens:total", &r, &x), 1);
	assert_int_equal(x.u, 12);
	assert_false(field_value_first(&cost, &r, &x));
}

static void
scores_are_of_evaluation_events_alone(void **state)
{
	const struct event events[] = { { .name = SV("x"),
		.attrs = attrs_of(&arena, SCORE_NAME_KEY, val_str("no"), NULL) },
		{ .name = SV(SCORE_EVENT), .attrs = attrs_of(&arena, SCORE_NAME_KEY, val_str("rel"),
		SCORE_VALUE_KEY, val_double(0.5), NULL) } };
	struct span *s = span_min(&arena, 1, "x");
	struct field_row r = { .span = s };
	struct field_value v;

	(void)state;
	s->events = events;
	s->n_events = 2;
	assert_int_equal(count("score:name", &r, &v), 1);
	assert_true(sv_is(v.attr->s, "rel"));
	assert_int_equal(count("score:value", &r, &v), 1);
	assert_int_equal(count("score:label", &r, &v), 0);
}

static void
globs_match_as_in_a_shell(void **state)
{
	(void)state;
	assert_true(glob_match(SV("gpt-*"), SV("gpt-")) && glob_match(SV("*"), SV("")));
	assert_true(glob_match(SV("a*b*c"), SV("axbxbc")) && glob_match(SV("a?c"), SV("abc")));
	assert_false(glob_match(SV("a?c"), SV("ac")) || glob_match(SV(""), SV("a")));
	assert_false(glob_match(SV("a*b"), SV("abx")) || glob_match(SV("GPT*"), SV("gpt-4")));
}

static void
a_bare_name_is_the_spans_else_the_resources(void **state)
{
	struct span *s = span_min(&arena, 1, NULL);
	struct resource *res = resource_of(&arena, NULL);
	struct field_row r = { .span = s };
	struct field_value v;

	(void)state;
	res->attrs = attrs_of(&arena, "k", val_int(1), NULL);
	s->resource = res;
	assert_int_equal(count("k", &r, &v), 1);
	assert_int_equal(v.attr->i, 1);
	s->attrs = attrs_of(&arena, "k", val_empty(), NULL);
	assert_int_equal(count("k", &r, &v), 1);
	assert_int_equal(v.attr->type, VAL_EMPTY);
}

static void
facts_come_without_a_span(void **state)
{
	const struct trace_facts t = { .trace_id = { 1, 2 }, .first_ns = 10, .last_ns = 30,
		.n_spans = 3 };
	const struct field_row r = { .trace = &t };
	struct field_value v;

	(void)state;
	assert_int_equal(count("trace_duration", &r, &v), 1);
	assert_int_equal(v.u, 20);
	assert_int_equal(count("trace_id", &r, &v), 1);
	assert_int_equal(count("child_count", &r, &v), 0);
	assert_int_equal(count("name", &r, &v), 0);
	assert_int_equal(count("a", &r, &v), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_files_leave_out_is_missing),
		cmocka_unit_test(events_and_links_give_one_each),
		cmocka_unit_test(tokens_are_read_under_every_name_they_had),
		cmocka_unit_test(scores_are_of_evaluation_events_alone),
		cmocka_unit_test(globs_match_as_in_a_shell),
		cmocka_unit_test(a_bare_name_is_the_spans_else_the_resources),
		cmocka_unit_test(facts_come_without_a_span),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
