/* SPDX-License-Identifier: ISC */
/* Unit tests of format/fmt_otlp: exact bytes, what is left out, how rows join lines. */
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
expect(struct span *const *s, size_t n, const char *want)
{
	char *got = render_spans("otlp.jsonl", NULL, s, n, 2);

	assert_string_equal(got, want);
	free(got);
}

#define TRACE1 "\"traceId\":\"00000000000000000000000000000001\""
#define TIMES "\"startTimeUnixNano\":\"1795183200123456789\"," \
	"\"endTimeUnixNano\":\"1795183200124691356\""
#define HEAD(r) "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\"," \
	"\"value\":{\"stringValue\":\"" r "\"}}]},\"scopeSpans\":[{\"spans\":["
#define SPAN(id) "{" TRACE1 ",\"spanId\":\"000000000000000" id "\",\"name\":\"work\"," TIMES "}"
#define TAIL "]}]}]}\n"

static void
full_span_has_every_field_in_protobuf_order(void **state)
{
	struct span *s = span_full(&arena);

	(void)state;
	expect(&s, 1,
	    "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
	    "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"n1\"}},"
	    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"checkout\"}}],"
	    "\"droppedAttributesCount\":6},"
	    "\"scopeSpans\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1.2\",\"attributes\":["
	    "{\"key\":\"x\",\"value\":{\"boolValue\":true}}],\"droppedAttributesCount\":7},"
	    "\"spans\":[{\"traceId\":\"0123456789abcdeffedcba9876543210\","
	    "\"spanId\":\"1122334455667788\",\"traceState\":\"t=1\","
	    "\"parentSpanId\":\"0000000000000099\",\"name\":\"POST /pay\",\"kind\":2," TIMES ","
	    "\"attributes\":[{\"key\":\"big\",\"value\":{\"intValue\":\"-9223372036854775808\"}},"
	    "{\"key\":\"d\",\"value\":{\"doubleValue\":0.5}},"
	    "{\"key\":\"s\",\"value\":{\"stringValue\":\"v\"}}],\"droppedAttributesCount\":1,"
	    "\"events\":[{\"timeUnixNano\":\"1795183200123457789\",\"name\":\"exception\","
	    "\"attributes\":[{\"key\":\"exception.type\","
	    "\"value\":{\"stringValue\":\"E\\\"1\\\"\"}}],\"droppedAttributesCount\":4},"
	    "{\"timeUnixNano\":\"1795183200123458789\",\"name\":\"retry\"}],"
	    "\"droppedEventsCount\":2,"
	    "\"links\":[{\"traceId\":\"0000000000000abc0000000000000def\","
	    "\"spanId\":\"0000000000000077\",\"traceState\":\"v=1\","
	    "\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":\"1\"}}],"
	    "\"droppedAttributesCount\":5,\"flags\":1}],\"droppedLinksCount\":3,"
	    "\"status\":{\"message\":\"no, \\\"money\\\"\",\"code\":2},\"flags\":257}],"
	    "\"schemaUrl\":\"https://s/s\"}],\"schemaUrl\":\"https://s/r\"}]}\n");
}

static void
defaults_are_left_out(void **state)
{
	struct span *s = span_min(&arena, 5, NULL);

	(void)state;
	s->start_ns = s->end_ns = 0;
	s->name = SV_EMPTY;
	expect(&s, 1, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" TRACE1
	    ",\"spanId\":\"0000000000000005\"}" TAIL);
	expect(NULL, 0, "");
}

static void
values_are_wrapped_by_type(void **state)
{
	struct span *s = span_min(&arena, 5, NULL);
	struct value in[2] = { val_empty(), val_double(-(double)__builtin_inf()) };
	struct attr at = { SV("m"), val_bytes(SV("hi")) };

	(void)state;
	s->start_ns = s->end_ns = 0;
	s->name = SV_EMPTY;
	s->attrs = attrs_of(&arena, "a", val_array(&arena, in, 2), "b",
	    val_array(&arena, NULL, 0), "c", val_map(&arena, &at, 1), "d",
	    val_map(&arena, NULL, 0), "e", val_empty(), "f", val_bool(false), "g", val_str(""),
	    NULL);
	expect(&s, 1, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" TRACE1
	    ",\"spanId\":\"0000000000000005\",\"attributes\":["
	    "{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{},"
	    "{\"doubleValue\":\"-Infinity\"}]}}},"
	    "{\"key\":\"b\",\"value\":{\"arrayValue\":{}}},"
	    "{\"key\":\"c\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"m\","
	    "\"value\":{\"bytesValue\":\"aGk=\"}}]}}},"
	    "{\"key\":\"d\",\"value\":{\"kvlistValue\":{}}},"
	    "{\"key\":\"e\",\"value\":{}},"
	    "{\"key\":\"f\",\"value\":{\"boolValue\":false}},"
	    "{\"key\":\"g\",\"value\":{\"stringValue\":\"\"}}]}" TAIL);
}

static void
entity_references_survive(void **state)
{
	struct span *s = span_min(&arena, 5, "a");
	struct resource *r = resource_of(&arena, NULL);
	struct value keys[2] = { val_str("k1"), val_str("k2") };
	struct attr at[3] = { { SV("id_keys"), val_array(&arena, keys, 2) },
	    { SV("schema_url"), val_str("u") }, { SV("type"), val_str("host") } };
	struct value ref = val_map(&arena, at, 3);

	(void)state;
	r->entity_refs = val_array(&arena, &ref, 1);
	s->resource = r;
	expect(&s, 1, "{\"resourceSpans\":[{\"resource\":{\"entityRefs\":[{\"schemaUrl\":\"u\","
	    "\"type\":\"host\",\"idKeys\":[\"k1\",\"k2\"]}]},\"scopeSpans\":[{\"spans\":["
	    SPAN("5") TAIL);
}

static void
equal_origins_share_a_line_across_batches(void **state)
{
	struct span *s[5] = { span_min(&arena, 1, "a"), span_min(&arena, 2, "a"),
	    span_min(&arena, 3, "a"), span_min(&arena, 4, "b"), span_min(&arena, 5, "a") };

	(void)state;
	expect(s, 5, HEAD("a") SPAN("1") "," SPAN("2") "," SPAN("3") TAIL
	    HEAD("b") SPAN("4") TAIL HEAD("a") SPAN("5") TAIL);
}

static void
schema_urls_keep_lines_apart(void **state)
{
	struct span *s[2] = { span_min(&arena, 1, "a"), span_min(&arena, 2, "a") };
	struct resource *r = resource_of(&arena, "a");

	(void)state;
	r->schema_url = SV("u");
	s[1]->resource = r;
	expect(s, 2, HEAD("a") SPAN("1") TAIL
	    HEAD("a") SPAN("2") "]}],\"schemaUrl\":\"u\"}]}\n");
}

static void
a_line_holds_a_thousand_spans(void **state)
{
	struct span *s[2500];
	char *got, *again, *p;
	size_t lines = 0;

	(void)state;
	for (size_t i = 0; i < 2500; i++)
		s[i] = span_min(&arena, i + 1, "a");
	got = render_spans("otlp.jsonl", NULL, s, 2500, 1024);
	again = render_spans("otlp.jsonl", NULL, s, 2500, 7);
	assert_string_equal(got, again);
	for (p = got; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 3);
	*strchr(got, '\n') = '\0';
	assert_non_null(strstr(got, "\"spanId\":\"00000000000003e8\""));
	assert_null(strstr(got, "\"spanId\":\"00000000000003e9\""));
	free(got);
	free(again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_span_has_every_field_in_protobuf_order),
		cmocka_unit_test(defaults_are_left_out),
		cmocka_unit_test(values_are_wrapped_by_type),
		cmocka_unit_test(entity_references_survive),
		cmocka_unit_test(equal_origins_share_a_line_across_batches),
		cmocka_unit_test(schema_urls_keep_lines_apart),
		cmocka_unit_test(a_line_holds_a_thousand_spans),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
