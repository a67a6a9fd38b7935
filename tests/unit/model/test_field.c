/* SPDX-License-Identifier: ISC */
/* Field names: the three readings, and that a name prints as it was typed. */
#include "model/field.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct field
parsed(const char *text)
{
	struct field f;

	assert_true(field_parse(sv_cstr(text), &f));
	return f;
}

static void
reads_every_intrinsic_by_its_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_INTRINSICS; i++) {
		struct field f = parsed(intrinsics[i].name);

		assert_int_equal(f.scope, FIELD_INTRINSIC);
		assert_int_equal(f.intrinsic, i);
	}
}

static void
reads_scope_prefixes(void **state)
{
	static const struct { const char *text; enum field_scope scope; const char *key; } v[] = {
		{ "resource.host.name", FIELD_RESOURCE, "host.name" },
		{ "span.name", FIELD_SPAN, "name" },
		{ "scope.name", FIELD_SCOPE, "name" },
		{ "event.exception.type", FIELD_EVENT, "exception.type" },
		{ "link.a", FIELD_LINK, "a" },
		{ "span.", FIELD_SPAN, "" },
		{ "span.span.a", FIELD_SPAN, "span.a" },
		{ "http.route", FIELD_BARE, "http.route" },
		{ "spanner", FIELD_BARE, "spanner" },
		{ "span", FIELD_BARE, "span" },
		{ "event:nam", FIELD_BARE, "event:nam" },
		{ "Service", FIELD_BARE, "Service" },
		{ "duration_ns", FIELD_BARE, "duration_ns" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct field f = parsed(v[i].text);

		assert_int_equal(f.scope, v[i].scope);
		assert_true(sv_is(f.key, v[i].key));
	}
}

static void
refuses_the_empty_name(void **state)
{
	struct field f;

	(void)state;
	assert_false(field_parse(SV_EMPTY, &f));
}

static void
prints_what_it_parsed(void **state)
{
	static const char *const v[] = {
		"service", "event:name", "trace_duration", "resource.a", "span.name", "scope.",
		"event.x.y", "link.z", "bare", "a b", "resource", ".", "resource.resource.x",
	};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct field f = parsed(v[i]);

		b.n = 0;
		field_print(&b, &f);
		assert_true(sv_is(buf_view(&b), v[i]));
	}
	buf_release(&b);
}

static void
names_the_json_key(void **state)
{
	struct buf b = BUF_INIT;
	struct field f = parsed("duration");

	(void)state;
	field_print_json(&b, &f);
	assert_true(sv_is(buf_view(&b), "duration_ns"));
	b.n = 0;
	f = parsed("span.duration");
	field_print_json(&b, &f);
	assert_true(sv_is(buf_view(&b), "span.duration"));
	buf_release(&b);
}

static void
orders_fields_totally(void **state)
{
	/* Rising. */
	static const char *const v[] = {
		"service", "name", "start", "link:span_id", "a", "b", "resource.a", "resource.b",
		"span.a", "event.a", "link.a", "scope.a",
	};
	const size_t n = sizeof v / sizeof *v;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			struct field a = parsed(v[i]), b = parsed(v[j]);
			int c = field_cmp(&a, &b);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
			assert_int_equal(field_eq(&a, &b), i == j);
		}
}

static void
knows_which_fields_need_the_whole_trace(void **state)
{
	static const char *const yes[] = {
		"root_service", "root_name", "trace_start", "trace_duration", "trace_spans",
		"trace_errors", "child_count", "depth", "self_duration",
	};
	static const char *const no[] = {
		"service", "trace_id", "duration", "event:name", "link:trace_id", "a",
		"resource.root_service", "bucket", "cost", "tokens:total", "score:name",
	};
	struct field f;

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		f = parsed(yes[i]);
		assert_true(field_needs_trace(&f));
	}
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		f = parsed(no[i]);
		assert_false(field_needs_trace(&f));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_intrinsic_by_its_name),
		cmocka_unit_test(reads_scope_prefixes),
		cmocka_unit_test(refuses_the_empty_name),
		cmocka_unit_test(prints_what_it_parsed),
		cmocka_unit_test(names_the_json_key),
		cmocka_unit_test(orders_fields_totally),
		cmocka_unit_test(knows_which_fields_need_the_whole_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
