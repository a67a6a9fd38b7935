/* SPDX-License-Identifier: ISC */
/* Predicate trees: building, order, copying, printing, and the readings of a literal. */
#include "model/pred_walk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

static const struct pred *
leaf(enum pred_op op, const char *field, const char *value)
{
	struct literal *l = arena_new(&arena, struct literal);
	struct field f = { .scope = FIELD_BARE };

	assert_non_null(l);
	if (field != NULL)
		assert_true(field_parse(sv_cstr(field), &f));
	if (value != NULL)
		*l = literal_of(sv_cstr(value));
	return pred_leaf(&arena, op, f, l, value != NULL);
}

static void
assert_printed(const struct pred *p, const char *want)
{
	struct buf b = BUF_INIT;

	pred_print(&b, p);
	assert_non_null(buf_cstr(&b));
	assert_string_equal(b.p, want);
	buf_release(&b);
}

static void
names_and_parses_operators(void **state)
{
	enum pred_op op;

	(void)state;
	for (unsigned i = 0; i < OP_HAS; i++) {
		assert_true(pred_op_parse(sv_cstr(pred_op_name((enum pred_op)i)), &op));
		assert_int_equal(op, i);
	}
	assert_string_equal(pred_op_name(OP_HAS), "has");
	assert_string_equal(pred_op_name(OP_TEXT), "text");
	assert_false(pred_op_parse(SV("has"), &op));
	assert_false(pred_op_parse(SV("text"), &op));
	assert_false(pred_op_parse(SV("EQ"), &op));
	assert_false(pred_op_parse(SV(""), &op));
}

static void
reads_a_literal_as_number_and_word(void **state)
{
	struct literal l = literal_of(SV("500"));

	(void)state;
	assert_true(l.is_int && l.i == 500 && l.d == 500 && !l.is_double && !l.is_bool);
	l = literal_of(SV("-9223372036854775808"));
	assert_true(l.is_int && l.i == INT64_MIN);
	l = literal_of(SV("+9223372036854775807"));
	assert_true(l.is_int && l.i == INT64_MAX);
	l = literal_of(SV("+-5"));
	assert_true(!l.is_int && !l.is_double);
	l = literal_of(SV("9223372036854775808"));
	assert_true(!l.is_int && l.is_double && l.d == 9223372036854775808.0);
	l = literal_of(SV("1.5e3"));
	assert_true(!l.is_int && l.is_double && l.d == 1500);
	l = literal_of(SV("true"));
	assert_true(l.is_bool && l.b && !l.is_int && !l.is_double);
	l = literal_of(SV("false"));
	assert_true(l.is_bool && !l.b);
	l = literal_of(SV("1x"));
	assert_true(!l.is_int && !l.is_double && !l.is_bool && sv_is(l.text, "1x"));
	l = literal_of(SV(""));
	assert_true(!l.is_int && !l.is_double && !l.is_bool);
	l = literal_of(SV("nan"));
	assert_false(l.is_double);
}

static void
flattens_junctions(void **state)
{
	const struct pred *a = leaf(OP_EQ, "a", "1"), *b = leaf(OP_EQ, "b", "2");
	const struct pred *c = leaf(OP_EQ, "c", "3");
	const struct pred *ab[] = { a, b }, *mixed[3];
	const struct pred *and2 = pred_and(&arena, ab, 2), *or2 = pred_or(&arena, ab, 2), *p;

	(void)state;
	mixed[0] = c;
	mixed[1] = and2;
	mixed[2] = or2;
	p = pred_and(&arena, mixed, 3);
	assert_int_equal(p->kind, PRED_AND);
	assert_int_equal(p->n_kids, 4);
	assert_ptr_equal(p->kids[1], a);
	assert_printed(p, "c = 3 AND a = 1 AND b = 2 AND (a = 1 OR b = 2)");
	p = pred_or(&arena, mixed, 3);
	assert_printed(p, "c = 3 OR (a = 1 AND b = 2) OR a = 1 OR b = 2");
	assert_ptr_equal(pred_and(&arena, &a, 1), a);
	assert_int_equal(pred_or(&arena, &and2, 1)->kind, PRED_AND);
	assert_int_equal(pred_and(&arena, NULL, 0)->kind, PRED_TRUE);
	assert_int_equal(pred_or(&arena, NULL, 0)->kind, PRED_FALSE);
}

static void
compares_by_structure(void **state)
{
	const struct pred *v[8];

	(void)state;
	v[0] = leaf(OP_EQ, "name", "x");
	v[1] = leaf(OP_EQ, "a", "1");
	v[2] = leaf(OP_EQ, "a", "2");
	v[3] = leaf(OP_NE, "a", "1");
	v[4] = leaf(OP_EQ, "b", "1");
	v[5] = pred_and(&arena, v, 2);
	v[6] = pred_or(&arena, v, 2);
	v[7] = pred_not(&arena, v[1]);
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 8; j++) {
			assert_int_equal(pred_eq(v[i], v[j]), i == j);
			assert_int_equal(pred_cmp(v[i], v[j]) < 0, pred_cmp(v[j], v[i]) > 0);
		}
	assert_true(pred_eq(v[1], leaf(OP_EQ, "a", "1")));
}

static void
copies_deeply(void **state)
{
	struct arena other;
	const struct pred *kids[3], *p, *c;
	char *text = arena_cstr(&arena, SV("checkout"));

	(void)state;
	kids[0] = leaf(OP_EQ, "service", text);
	kids[1] = pred_not(&arena, leaf(OP_HAS, "resource.x", NULL));
	kids[2] = leaf(OP_TEXT, NULL, "w");
	p = pred_and(&arena, kids, 3);
	arena_init(&other);
	c = pred_copy(&other, p);
	assert_non_null(c);
	assert_true(pred_eq(p, c));
	text[0] = 'X';
	assert_false(pred_eq(p, c));
	assert_printed(c, "service = checkout AND NOT has resource.x AND text w");
	arena_release(&other);
}

static void
knows_whether_a_trace_is_needed(void **state)
{
	const struct pred *kids[2] = {
		leaf(OP_EQ, "service", "a"), leaf(OP_GT, "trace_duration", "1s")
	};

	(void)state;
	assert_false(pred_needs_trace(kids[0]));
	assert_true(pred_needs_trace(kids[1]));
	assert_true(pred_needs_trace(pred_not(&arena, pred_or(&arena, kids, 2))));
	assert_false(pred_needs_trace(leaf(OP_TEXT, NULL, "w")));
	assert_false(pred_needs_trace(pred_and(&arena, NULL, 0)));
}

static void
prints_for_people(void **state)
{
	const struct pred *p;
	struct literal two[2] = { literal_of(SV("a")), literal_of(SV("b c")) };
	struct field f = { .scope = FIELD_BARE, .key = SV("k") };

	(void)state;
	assert_printed(leaf(OP_GT, "a.b", "3"), "a.b > 3");
	assert_printed(leaf(OP_EQ, "a", ""), "a = \"\"");
	assert_printed(leaf(OP_EQ, "a", "x y"), "a = \"x y\"");
	assert_printed(leaf(OP_EQ, "a", "q\"\\"), "a = \"q\\\"\\\\\"");
	assert_printed(leaf(OP_EQ, "a b", "\x1b[2J\n"), "\"a b\" = \"\\x1b[2J\\x0a\"");
	assert_printed(leaf(OP_EQ, "a", "\xff"), "a = \"\\xff\"");
	assert_printed(leaf(OP_EQ, "a", "\xe2\x80\xae" "x"), "a = \"\\xe2\\x80\\xaex\"");
	assert_printed(leaf(OP_EQ, "a", "\xc3\xa9"), "a = \"\xc3\xa9\"");
	p = pred_leaf(&arena, OP_IN, f, two, 2);
	assert_printed(p, "k in (a, \"b c\")");
	assert_printed(pred_leaf(&arena, OP_BETWEEN, f, two, 2), "k between a and \"b c\"");
	assert_printed(pred_not(&arena, pred_or(&arena, &p, 1)), "NOT k in (a, \"b c\")");
	assert_printed(pred_and(&arena, NULL, 0), "TRUE");
	assert_printed(pred_or(&arena, NULL, 0), "FALSE");
}

static void
takes_letters_digits_and_non_ascii_as_word_bytes(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++)
		assert_int_equal(text_word_byte((char)c), c >= 0x80 || c == '_' ||
		    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_parses_operators),
		cmocka_unit_test(reads_a_literal_as_number_and_word),
		cmocka_unit_test(flattens_junctions),
		cmocka_unit_test(compares_by_structure),
		cmocka_unit_test(copies_deeply),
		cmocka_unit_test(knows_whether_a_trace_is_needed),
		cmocka_unit_test(prints_for_people),
		cmocka_unit_test(takes_letters_digits_and_non_ascii_as_word_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
