/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of match/matcher: what product.md says of values, operator by operator; and
 * of pred_eval: fields, missing ones, trees. Ranges of images are held against the matcher.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "match/kernel.h"
#include "lib/plan_builder.h"
#include "lib/span_rows.h"
#include "match/matcher.h"
#include "match/pred_eval.h"
#include "match/words.h"

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

static bool
holds_leaf(const struct pred *p, struct value v)
{
	struct matcher *m;
	struct err e = ERR_INIT;
	int rc;

	assert_int_equal(matcher_new(p, &m, &e), 0);
	rc = matcher_value(m, &v, &e);
	matcher_free(m);
	assert_true(rc == 0 || rc == 1);
	return rc == 1;
}

/* `values` may be a list; an attribute called a. */
static bool
holds(struct value v, enum pred_op op, const char *values)
{
	return holds_leaf(leaf_of(&arena, "span.a", op, values), v);
}

static struct value
array2(struct value a, struct value b)
{
	struct value v[] = { a, b };

	return val_array(&arena, v, 2);
}

static void
equality_is_numeric_on_numbers_and_bytewise_on_strings(void **state)
{
	(void)state;
	assert_true(holds(val_int(500), OP_EQ, "500"));
	assert_true(holds(val_str("500"), OP_EQ, "500"));
	assert_true(holds(val_double(500), OP_EQ, "500"));
	assert_true(holds(val_int(500), OP_EQ, "500.0"));
	assert_true(holds(val_int(500), OP_EQ, "5e2"));
	assert_false(holds(val_str("500.0"), OP_EQ, "500"));
	assert_false(holds(val_str("Ab"), OP_EQ, "ab"));
	assert_false(holds(val_int(500), OP_EQ, "501"));
	assert_true(holds(val_double(-0.0), OP_EQ, "0"));
	assert_true(holds(val_str(""), OP_EQ, ""));
}

static void
booleans_equal_true_and_false_only(void **state)
{
	(void)state;
	assert_true(holds(val_bool(true), OP_EQ, "true"));
	assert_false(holds(val_bool(true), OP_EQ, "false"));
	assert_false(holds(val_bool(true), OP_EQ, "1"));
	assert_true(holds(val_bool(true), OP_NE, "false"));
	assert_true(holds(val_bool(true), OP_NE, "1"));
	assert_false(holds(val_bool(true), OP_NE, "true"));
	assert_false(holds(val_bool(true), OP_GT, "false"));
}

static void
negatives_hold_on_any_value_but_an_empty_one(void **state)
{
	(void)state;
	assert_true(holds(val_str("x"), OP_NE, "y"));
	assert_true(holds(val_str("x"), OP_NE, "5"));
	assert_true(holds(val_int(4), OP_NE, "5"));
	assert_true(holds(val_int(4), OP_NE, "y"));
	assert_false(holds(val_int(4), OP_NE, "4.0"));
	assert_true(holds(val_int(4), OP_NOTIN, "y,5"));
	assert_false(holds(val_int(4), OP_NOTIN, "y,4"));
	assert_true(holds(val_int(4), OP_NOTIN, "y,z"));
	assert_false(holds(val_empty(), OP_NE, "y"));
	assert_false(holds(val_empty(), OP_NRE, "y"));
	assert_true(holds(val_bytes(SV("x")), OP_NE, "x"));
	assert_false(holds(val_bytes(SV("x")), OP_EQ, "x"));
	assert_true(holds(val_str("x"), OP_NOTCONTAINS, "y"));
	assert_true(holds(val_int(4), OP_NOTCONTAINS, "4"));
	assert_true(holds(val_int(4), OP_NRE, "4"));
	assert_false(holds(val_int(4), OP_CONTAINS, "4"));
	assert_true(holds(val_double(NAN), OP_NE, "5"));
}

static void
order_sees_numbers_or_strings_by_the_literal(void **state)
{
	(void)state;
	assert_true(holds(val_int(9), OP_LT, "10"));
	assert_false(holds(val_str("9"), OP_LT, "10"));
	assert_false(holds(val_str("1"), OP_LT, "10"));
	assert_true(holds(val_str("a"), OP_LT, "b"));
	assert_false(holds(val_int(1), OP_LT, "b"));
	assert_true(holds(val_str("a"), OP_LE, "a"));
	assert_true(holds(val_str("a\xff"), OP_GT, "a~"));
	assert_true(holds(val_int(5), OP_BETWEEN, "5,7"));
	assert_true(holds(val_int(7), OP_BETWEEN, "5,7"));
	assert_false(holds(val_double(7.0001), OP_BETWEEN, "5,7"));
	assert_true(holds(val_str("b"), OP_BETWEEN, "a,c"));
	assert_false(holds(val_str("b"), OP_BETWEEN, "1,c"));
	assert_false(holds(val_double(NAN), OP_LT, "5"));
	assert_false(holds(val_double(NAN), OP_GE, "5"));
}

static void
integers_against_doubles_are_exact(void **state)
{
	(void)state;
	/* 2^53 + 1 is no double; 2^63 - 1 rounds to 2^63. */
	assert_false(holds(val_int(9007199254740993), OP_EQ, "9007199254740992.0"));
	assert_true(holds(val_int(9007199254740993), OP_GT, "9007199254740992.0"));
	assert_false(holds(val_double(9007199254740992.0), OP_EQ, "9007199254740993"));
	assert_true(holds(val_double(9007199254740992.0), OP_LT, "9007199254740993"));
	assert_false(holds(val_int(INT64_MAX), OP_EQ, "9223372036854775808"));
	assert_true(holds(val_int(INT64_MAX), OP_LT, "9223372036854775808"));
	assert_true(holds(val_double(0x1p63), OP_GT, "9223372036854775807"));
	assert_true(holds(val_int(INT64_MIN), OP_EQ, "-9223372036854775808"));
	assert_true(holds(val_int(5), OP_LT, "5.5"));
	assert_true(holds(val_int(-5), OP_GT, "-5.5"));
	assert_true(holds(val_double(INFINITY), OP_GT, "9223372036854775807"));
	assert_true(holds(val_double(-INFINITY), OP_LT, "-9223372036854775808"));
}

static void
text_operators_see_strings_only(void **state)
{
	(void)state;
	assert_true(holds(val_str("checkout"), OP_CONTAINS, "eck"));
	assert_true(holds(val_str("checkout"), OP_STARTS, "check"));
	assert_true(holds(val_str("checkout"), OP_ENDS, "out"));
	assert_false(holds(val_str("checkout"), OP_STARTS, "out"));
	assert_true(holds(val_str("checkout"), OP_RE, "c.*t"));
	assert_true(holds(val_str("checkout"), OP_NRE, "c.*k"));
	assert_false(holds(val_int(500), OP_CONTAINS, "50"));
	assert_false(holds(val_int(500), OP_RE, "50."));
	assert_true(holds(val_str("x"), OP_CONTAINS, ""));
}

static void
arrays_match_when_any_element_does(void **state)
{
	struct value v = array2(val_str("a"), val_int(3));
	struct value nested = array2(v, val_str("z"));
	struct value none = val_array(&arena, NULL, 0);

	(void)state;
	assert_true(holds(v, OP_EQ, "a"));
	assert_true(holds(v, OP_EQ, "3"));
	assert_true(holds(v, OP_GT, "2"));
	assert_false(holds(v, OP_GT, "3"));
	assert_true(holds(v, OP_RE, "[a-c]"));
	assert_true(holds(v, OP_IN, "q,a"));
	assert_false(holds(v, OP_NE, "a"));
	assert_true(holds(v, OP_NE, "b"));
	assert_false(holds(v, OP_NOTIN, "q,3"));
	assert_true(holds(v, OP_NRE, "x"));
	assert_false(holds(v, OP_NOTCONTAINS, "a"));
	/* Elements of elements are not looked at; an empty array has none that matches. */
	assert_false(holds(nested, OP_EQ, "a"));
	assert_true(holds(nested, OP_EQ, "z"));
	assert_true(holds(none, OP_NE, "a"));
	assert_false(holds(none, OP_EQ, "a"));
	assert_true(holds(none, OP_HAS, ""));
}

static void
lists_match_any_literal(void **state)
{
	(void)state;
	assert_true(holds(val_str("b"), OP_IN, "d,c,b,a"));
	assert_false(holds(val_str("e"), OP_IN, "d,c,b,a"));
	assert_true(holds(val_int(7), OP_IN, "x,7.0"));
	assert_true(holds(val_str("e"), OP_NOTIN, "d,c,b,a"));
	assert_false(holds(val_str("c"), OP_NOTIN, "d,c,b,a"));
}

/* ---- ranges ---- */

static void
ranges_say_what_the_matcher_says(void **state)
{
	static const double doubles[] = { 0.0, -0.0, 1, 1.5, -1.5, DBL_MAX, -DBL_MAX, INFINITY,
		-INFINITY, NAN, 0x1p53, 0x1p63, -0x1p63, 4.9e-324, 3 };
	static const int64_t ints[] = { 0, 1, -1, 2, 3, INT64_MAX, INT64_MIN, INT64_MAX - 1,
		9007199254740993, 9007199254740992 };
	static const char *const lits[] = { "0", "1", "1.5", "-1.5", "3", "9223372036854775807",
		"-9223372036854775808", "9223372036854775808", "9007199254740993", "true",
		"x", "9007199254740992.5", "1e308", "1e999", "-1e999", "-0.0", "false" };
	static const enum pred_op ops[] = { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN,
		OP_NOTIN, OP_BETWEEN, OP_HAS };

	(void)state;
	for (size_t o = 0; o < 10; o++)
		for (size_t a = 0; a < 17; a++)
			for (size_t b = 0; b < 17; b++) {
				char text[64];
				const struct pred *p;
				struct ranges r;

				snprintf(text, sizeof text, "%s,%s", lits[a], lits[b]);
				p = leaf_of(&arena, "span.a", ops[o], o < 6 ? lits[a] : text);
				assert_int_equal(ranges_of_leaf(p, VAL_INT, &r, NULL), 0);
				for (size_t i = 0; i < 10; i++)
					assert_int_equal(ranges_have(&r,
					    value_image_i64(ints[i])),
					    holds_leaf(p, val_int(ints[i])));
				free(r.v);
				assert_int_equal(ranges_of_leaf(p, VAL_DOUBLE, &r, NULL), 0);
				for (size_t i = 0; i < 15; i++)
					assert_int_equal(ranges_have(&r,
					    value_image_double(doubles[i])),
					    holds_leaf(p, val_double(doubles[i])));
				free(r.v);
				assert_int_equal(ranges_of_leaf(p, VAL_BOOL, &r, NULL), 0);
				for (uint64_t i = 0; i < 2; i++)
					assert_int_equal(ranges_have(&r, i),
					    holds_leaf(p, val_bool(i != 0)));
				free(r.v);
			}
}

static void
ranges_tell_zones_apart(void **state)
{
	const struct pred *p = leaf_of(&arena, "flags", OP_IN, "10,20,30");
	struct ranges r;
	uint64_t v[130], words[3] = { 0 };

	(void)state;
	assert_int_equal(ranges_of_number(p, &r, NULL), 0);
	assert_false(ranges_touch(&r, 0, 9));
	assert_true(ranges_touch(&r, 0, 10));
	assert_false(ranges_touch(&r, 11, 19));
	assert_true(ranges_cover(&r, 20, 20));
	assert_false(ranges_cover(&r, 10, 20));
	for (size_t i = 0; i < 130; i++)
		v[i] = i;
	range_test(v, 130, &r, words);
	assert_int_equal(words[0], UINT64_C(1) << 10 | 1 << 20 | 1 << 30);
	assert_int_equal(words[1] | words[2], 0);
	free(r.v);
}

static uint64_t
near_an_edge(uint64_t *seed)
{
	static const uint64_t edges[] = { 0, 1, 100, INT64_MAX, (uint64_t)INT64_MAX + 1,
		UINT64_MAX - 1, UINT64_MAX };

	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	if (*seed >> 60 & 1)
		return *seed ^ *seed << 31;
	return edges[(*seed >> 33) % 7] + (*seed >> 40 & 3) - 1;
}

static void
every_variant_of_the_range_test_agrees(void **state)
{
	uint64_t v[300], words[5], seed = 3;
	struct range x[6];
	struct ranges r = { x, 0 };

	(void)state;
	for (int round = 0; round < 4000; round++) {
		size_t n = (size_t)(round % 300) + 1;

		for (size_t i = 0; i < n; i++)
			v[i] = near_an_edge(&seed);
		r.n = 0;
		for (uint32_t k = 0; k <= (uint32_t)round % 6; k++) {
			uint64_t lo = near_an_edge(&seed), hi = near_an_edge(&seed);

			if (lo > hi || (r.n != 0 && lo <= x[r.n - 1].hi))
				continue;
			x[r.n++] = (struct range){ lo, hi };
		}
		for (int all = 0; all < 2; all++) {
			cpu_limit(all ? CPU_ALL : 0);
			memset(words, 0, sizeof words);
			range_test(v, n, &r, words);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(bitmap_get(words, i), ranges_have(&r, v[i]));
		}
	}
	cpu_limit(CPU_ALL);
}

/* ---- words ---- */

static void
words_are_whole_tokens(void **state)
{
	struct value inner = val_str("Deep Water");
	struct value v = val_array(&arena, &inner, 1);

	(void)state;
	assert_true(text_has_word(SV("connection refused"), SV("refused")));
	assert_true(text_has_word(SV("Connection-Refused!"), SV("connection")));
	assert_false(text_has_word(SV("connections"), SV("connection")));
	assert_false(text_has_word(SV("re_fused"), SV("fused")));
	assert_true(text_has_word(SV("a_b.c9"), SV("c9")));
	assert_true(text_has_word(SV("na\xc3\xafve \xe4\xb8\x96"), SV("na\xc3\xafve")));
	assert_false(text_has_word(SV("na\xc3\xafve"), SV("na")));
	assert_false(text_has_word(SV(""), SV("x")));
	assert_true(text_has_word(SV("GET /api/Cart"), SV("cart")));
	assert_false(text_has_word(SV("go_cart"), SV("cart")));
	assert_true(value_has_word(&v, SV("water")));
	assert_false(value_has_word(&v, SV("eep")));
}

/* ---- spans ---- */

static bool
span_holds(const struct span *s, const struct pred *p)
{
	struct pred_eval *pe;
	struct err e = ERR_INIT;
	int rc;

	assert_int_equal(pred_eval_new(p, &pe, &e), 0);
	rc = pred_eval_row(pe, &(struct field_row){ .span = s }, &e);
	pred_eval_free(pe);
	assert_true(rc == 0 || rc == 1);
	return rc == 1;
}

static bool
asks(const struct span *s, const char *field, enum pred_op op, const char *values)
{
	return span_holds(s, leaf_of(&arena, field, op, values));
}

static void
a_bare_name_is_the_spans_attribute_else_the_resources(void **state)
{
	struct span *s = span_min(&arena, 1, "shop");
	struct resource r = *s->resource;

	(void)state;
	r.attrs = attrs_of(&arena, "a", val_int(1), "b", val_int(2), NULL);
	s->resource = &r;
	s->attrs = attrs_of(&arena, "a", val_str("x"), NULL);
	assert_true(asks(s, "a", OP_EQ, "x"));
	assert_false(asks(s, "a", OP_EQ, "1"));
	assert_false(asks(s, "a", OP_GE, "0"));
	assert_true(asks(s, "b", OP_EQ, "2"));
	assert_true(asks(s, "resource.a", OP_EQ, "1"));
	assert_false(asks(s, "span.b", OP_HAS, ""));
	assert_true(asks(s, "b", OP_HAS, ""));
}

static void
missing_fields_satisfy_nothing_but_not(void **state)
{
	struct span *s = span_min(&arena, 1, "shop");
	const struct pred *ne = leaf_of(&arena, "span.none", OP_NE, "x");
	static const char *const empty[] = { "status_message", "scope", "scope_version",
		"parent_span_id", "trace_state", "flags", "event:name", "link:span_id" };

	(void)state;
	assert_false(span_holds(s, ne));
	assert_true(span_holds(s, pred_not(&arena, ne)));
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		assert_false(asks(s, empty[i], OP_HAS, ""));
		assert_false(asks(s, empty[i], OP_NE, "77"));
		assert_false(asks(s, empty[i], OP_EQ, ""));
	}
	assert_true(asks(s, "service", OP_HAS, ""));
	assert_true(asks(span_min(&arena, 2, NULL), "service", OP_EQ, ""));
}

static void
intrinsics_are_compared_by_their_type(void **state)
{
	struct span *s = span_min(&arena, 0xabc, "shop");

	(void)state;
	s->kind = KIND_SERVER;
	s->status = STATUS_ERROR;
	s->flags = 257;
	s->parent_span_id = 0xf00;
	assert_true(asks(s, "kind", OP_IN, "client,server"));
	assert_true(asks(s, "kind", OP_RE, "serv.*"));
	assert_true(asks(s, "status", OP_EQ, "error"));
	assert_true(asks(s, "status", OP_NE, "ok"));
	assert_true(asks(s, "span_id", OP_EQ, "abc"));
	assert_true(asks(s, "span_id", OP_ENDS, "0abc"));
	assert_true(asks(s, "parent_span_id", OP_GT, "eff"));
	assert_true(asks(s, "trace_id", OP_EQ, "1"));
	assert_true(asks(s, "flags", OP_GE, "257"));
	assert_true(asks(s, "duration", OP_EQ, "1234567ns"));
	assert_true(asks(s, "start", OP_EQ, "1795183200123456789"));
	assert_true(asks(s, "end", OP_GT, "1795183200123456789"));
	assert_true(asks(s, "service", OP_STARTS, "sh"));
	s->end_ns = s->start_ns - 1;
	assert_true(asks(s, "duration", OP_EQ, "0ns"));
	s->kind = -3;
	assert_true(asks(s, "kind", OP_CONTAINS, "-3"));
}

static void
any_event_or_link_will_do(void **state)
{
	struct span *s = span_min(&arena, 1, "shop");
	struct event ev[2] = { { .time_ns = 5, .name = SV("one") },
		{ .time_ns = 9, .name = SV("two") } };
	struct link l = { .trace_id = { 0, 0xaa }, .span_id = 3 };

	(void)state;
	ev[1].attrs = attrs_of(&arena, "k", val_int(4), NULL);
	s->events = ev;
	s->n_events = 2;
	s->links = &l;
	s->n_links = 1;
	assert_true(asks(s, "event:name", OP_EQ, "two"));
	assert_true(asks(s, "event:name", OP_NE, "two"));
	assert_false(asks(s, "event:name", OP_NOTIN, "one,two"));
	assert_true(asks(s, "event:time", OP_LT, "6"));
	assert_true(asks(s, "event.k", OP_GT, "3"));
	assert_false(asks(s, "event.k", OP_NE, "4"));
	assert_true(asks(s, "link:trace_id", OP_EQ, "aa"));
	assert_true(asks(s, "link:span_id", OP_EQ, "3"));
	assert_false(asks(s, "link.k", OP_HAS, ""));
}

static void
text_is_looked_for_everywhere(void **state)
{
	struct span *s = span_full(&arena);

	(void)state;
	assert_false(asks(s, "x", OP_TEXT, "surely_absent"));
	s->name = SV("Order PLACED");
	assert_true(asks(s, "x", OP_TEXT, "placed"));
	s->status_message = SV("no stock");
	assert_true(asks(s, "x", OP_TEXT, "stock,order"));
	assert_false(asks(s, "x", OP_TEXT, "stock,surely_absent"));
}

static void
a_malformed_pattern_is_refused(void **state)
{
	struct matcher *m;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(matcher_new(leaf_of(&arena, "a", OP_RE, "(a"), &m, &e), ERR_SYNTAX);
	assert_non_null(strstr(e.msg, "malformed regular expression"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_is_numeric_on_numbers_and_bytewise_on_strings),
		cmocka_unit_test(booleans_equal_true_and_false_only),
		cmocka_unit_test(negatives_hold_on_any_value_but_an_empty_one),
		cmocka_unit_test(order_sees_numbers_or_strings_by_the_literal),
		cmocka_unit_test(integers_against_doubles_are_exact),
		cmocka_unit_test(text_operators_see_strings_only),
		cmocka_unit_test(arrays_match_when_any_element_does),
		cmocka_unit_test(lists_match_any_literal),
		cmocka_unit_test(ranges_say_what_the_matcher_says),
		cmocka_unit_test(ranges_tell_zones_apart),
		cmocka_unit_test(every_variant_of_the_range_test_agrees),
		cmocka_unit_test(words_are_whole_tokens),
		cmocka_unit_test(a_bare_name_is_the_spans_attribute_else_the_resources),
		cmocka_unit_test(missing_fields_satisfy_nothing_but_not),
		cmocka_unit_test(intrinsics_are_compared_by_their_type),
		cmocka_unit_test(any_event_or_link_will_do),
		cmocka_unit_test(text_is_looked_for_everywhere),
		cmocka_unit_test(a_malformed_pattern_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
