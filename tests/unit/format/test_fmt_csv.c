/* SPDX-License-Identifier: ISC */
/* Unit tests of format/fmt_csv: header, quoting, nested values, select. */
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
	got = render_spans("spans.csv", &o, s, n, 3);
	assert_string_equal(got, want);
	free(got);
}

#define HEADER "trace_id,span_id,parent_span_id,name,kind,service,start,duration_ns,status," \
	"status_message,attributes,resource,scope,events,links,trace_state,flags,dropped\n"

static void
full_span_has_nested_json(void **state)
{
	struct span *s = span_full(&arena);

	(void)state;
	expect(&s, 1, NULL, HEADER
	    "0123456789abcdeffedcba9876543210,1122334455667788,0000000000000099,POST /pay,"
	    "server,checkout,2026-11-20T14:00:00.123456789Z,1234567,error,"
	    "\"no, \"\"money\"\"\","
	    "\"{\"\"big\"\":-9223372036854775808,\"\"d\"\":0.5,\"\"s\"\":\"\"v\"\"}\","
	    "\"{\"\"host.name\"\":\"\"n1\"\",\"\"service.name\"\":\"\"checkout\"\"}\","
	    "\"{\"\"name\"\":\"\"lib\"\",\"\"version\"\":\"\"1.2\"\","
	    "\"\"attributes\"\":{\"\"x\"\":true}}\","
	    "\"[{\"\"time\"\":\"\"2026-11-20T14:00:00.123457789Z\"\","
	    "\"\"name\"\":\"\"exception\"\",\"\"attributes\"\":"
	    "{\"\"exception.type\"\":\"\"E\\\"\"1\\\"\"\"\"}},"
	    "{\"\"time\"\":\"\"2026-11-20T14:00:00.123458789Z\"\",\"\"name\"\":\"\"retry\"\"}]\","
	    "\"[{\"\"trace_id\"\":\"\"0000000000000abc0000000000000def\"\","
	    "\"\"span_id\"\":\"\"0000000000000077\"\",\"\"trace_state\"\":\"\"v=1\"\","
	    "\"\"attributes\"\":{\"\"k\"\":1}}]\","
	    "t=1,257,"
	    "\"{\"\"attributes\"\":1,\"\"events\"\":2,\"\"links\"\":3}\"\n");
}

static void
missing_members_are_empty_fields(void **state)
{
	struct span *s = span_min(&arena, 5, NULL);

	(void)state;
	expect(&s, 1, NULL, HEADER "00000000000000000000000000000001,0000000000000005,,work,"
	    "unspecified,,2026-11-20T14:00:00.123456789Z,1234567,unset,,,,,,,,,\n");
	expect(NULL, 0, NULL, HEADER);
}

static void
fields_are_quoted_where_they_must(void **state)
{
	struct span *s = span_min(&arena, 5, "a");

	(void)state;
	s->attrs = attrs_of(&arena, "a", val_str("x,y"), "b", val_str("say \"hi\""), "c",
	    val_str("two\nlines"), "d", val_str("cr\r"), "e", val_str("=1+1"), "f",
	    val_str(" blank "), "g", val_str("bad\xff"), "h", val_str("\""), NULL);
	expect(&s, 1, "a,b,c,d,e,f,g,h", "a,b,c,d,e,f,g,h\n"
	    "\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\",\"cr\r\",=1+1, blank ,"
	    "bad\xef\xbf\xbd,\"\"\"\"\n");
}

static void
selected_values_are_plain(void **state)
{
	struct span *s = span_full(&arena);
	struct value in[2] = { val_int(1), val_str("x") };

	(void)state;
	s->attrs = attrs_of(&arena, "arr", val_array(&arena, in, 2), "b", val_bool(false), "by",
	    val_bytes(SV("hi")), "d", val_double(2), "e", val_empty(), "i", val_int(-3), NULL);
	expect(&s, 1, "duration,arr,b,by,d,e,i,nope,event:name,start",
	    "duration_ns,arr,b,by,d,e,i,nope,event:name,start\n"
	    "1234567,\"[1,\"\"x\"\"]\",false,\"{\"\"@bytes\"\":\"\"aGk=\"\"}\",2.0,,-3,,"
	    "\"[\"\"exception\"\",\"\"retry\"\"]\",2026-11-20T14:00:00.123456789Z\n");
}

static void
an_empty_single_column_is_no_blank_line(void **state)
{
	struct span *s[3] = { span_min(&arena, 5, "a"), span_min(&arena, 6, "b"),
	    span_min(&arena, 7, "c") };

	(void)state;
	s[1]->attrs = attrs_of(&arena, "k", val_str("v"), NULL);
	expect(s, 3, "k", "k\n\"\"\nv\n\"\"\n");
	expect(s, 2, "k,l", "k,l\n,\nv,\n");
}

static void
headers_are_quoted_too(void **state)
{
	struct span *s = span_min(&arena, 5, "a");

	(void)state;
	expect(&s, 1, "a\"b", "\"a\"\"b\"\n\"\"\n");
}

static void
traces_have_a_row_each(void **state)
{
	struct sv services[] = { SV("a"), SV("b") };
	struct trace_row t = { .facts = { .trace_id = { 0, 7 }, .root_service = SV("a"),
	    .root_name = SV("GET /"), .start_ns = SPAN_START, .first_ns = 10, .last_ns = 100,
	    .n_spans = 52, .n_errors = 1, .services = services, .n_services = 2 },
	    .n_matched = 3 };
	struct batch b = { ROW_TRACE, 1, { .traces = &t } };
	struct format_options o = select_of(&arena, "root_name,trace_duration");
	char *got = render_batches("traces.csv", NULL, &b, 1);

	(void)state;
	assert_string_equal(got, "trace_id,root_service,root_name,start,duration_ns,spans,"
	    "errors,services,matched\n00000000000000000000000000000007,a,GET /,"
	    "2026-11-20T14:00:00.123456789Z,90,52,1,\"[\"\"a\"\",\"\"b\"\"]\",3\n");
	free(got);
	got = render_batches("traces.csv", &o, &b, 1);
	assert_string_equal(got, "root_name,trace_duration_ns\nGET /,90\n");
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_span_has_nested_json),
		cmocka_unit_test(missing_members_are_empty_fields),
		cmocka_unit_test(fields_are_quoted_where_they_must),
		cmocka_unit_test(selected_values_are_plain),
		cmocka_unit_test(an_empty_single_column_is_no_blank_line),
		cmocka_unit_test(headers_are_quoted_too),
		cmocka_unit_test(traces_have_a_row_each),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
