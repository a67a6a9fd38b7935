/* SPDX-License-Identifier: ISC */
/* utf8: what is valid, what is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void
accepts_only_strict_utf8(void **state)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(utf8_valid(sv_cstr(bad[i])));
	for (uint32_t cp = 0; cp < 0x110000; cp += cp < 0x3000 ? 1 : 97) {
		char s[4];
		size_t n = utf8_encode(s, cp);
		uint32_t back;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		assert_int_equal(utf8_decode(s, s + n, &back), n);
		assert_int_equal(back, cp);
		assert_int_equal(utf8_decode(s, s + n - 1, &back), 0);
	}
	assert_true(utf8_valid(SV("plain ASCII, longer than eight bytes")));
	assert_true(utf8_valid(SV("\xe2\x98\x85 \xf0\x9f\x98\x80")));
}

/* The examples of the Unicode standard, and each way of being ill-formed. */
static void
repairs_each_maximal_part(void **state)
{
#define R "\xef\xbf\xbd"
	static const struct { const char *in, *out; } t[] = {
		{ "", "" }, { "plain", "plain" }, { "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "n\xff", "n" R }, { "\xff\xfe", R R }, { "a\xc3", "a" R }, { "\xc3(", R "(" },
		{ "\x80\x80", R R }, { "\xc0\x80", R R }, { "\xe0\x80\x80", R R R },
		{ "\xe0\xa0", R }, { "\xe0\xa0z", R "z" }, { "\xed\xa0\x80", R R R },
		{ "\xf0\x80\x80", R R R }, { "\xf0\x90\x80", R }, { "\xf4\x90\x80", R R R },
		{ "\xf5\x80", R R }, { "\xe2\x82\xe2\x82\xac", R "\xe2\x82\xac" },
		{ "a\xf1\x80\x80\xe1\x80\xc2" "b\x80" "c\x80\xbf" "d",
		    "a" R R R "b" R "c" R R "d" },
		{ "sixty-four bytes of ASCII and then something else, in each place of it: \xf0\x9f\x98.",
		    "sixty-four bytes of ASCII and then something else, in each place of it: " R "." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct sv s = sv_cstr(t[i].in);
		char out[256];
		size_t n = utf8_repair(out, s);

		assert_int_equal(n, strlen(t[i].out));
		assert_memory_equal(out, t[i].out, n);
		assert_int_equal(utf8_valid(s), strcmp(t[i].in, t[i].out) == 0);
		assert_true(utf8_valid(sv_new(out, n)));
	}
#undef R
}

/* A bad byte is found wherever it stands in a long text. */
static void
finds_a_bad_byte_anywhere(void **state)
{
	char s[200];

	(void)state;
	for (size_t i = 0; i < sizeof s; i++) {
		memset(s, 'a', sizeof s);
		assert_true(utf8_valid(sv_new(s, sizeof s)));
		s[i] = '\xc3';
		assert_false(utf8_valid(sv_new(s, sizeof s)));
		if (i + 1 < sizeof s) {
			s[i + 1] = '\xa9';
			assert_true(utf8_valid(sv_new(s, sizeof s)));
		}
	}
}

static void
knows_what_moves_a_terminal(void **state)
{
	static const uint32_t hidden[] = { 0, 0x1b, 0x7f, 0x85, 0x9b, 0x200b, 0x202e, 0x2066, 0xfeff };

	(void)state;
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		assert_true(utf8_unprintable(hidden[i]));
	assert_false(utf8_unprintable('a') || utf8_unprintable(0xe9) || utf8_unprintable(0x4e2d));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_only_strict_utf8),
		cmocka_unit_test(finds_a_bad_byte_anywhere),
		cmocka_unit_test(repairs_each_maximal_part),
		cmocka_unit_test(knows_what_moves_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
