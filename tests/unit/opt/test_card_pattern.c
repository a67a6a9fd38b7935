/* SPDX-License-Identifier: ISC */
/* Tests of patterns on known values: what is followed matches as anchored expressions do, the rest is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "opt/card_i.h"

static void
simple_patterns_match_whole_texts(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "", "", true }, { "", "a", false }, { "abc", "abc", true },
		{ "abc", "abcd", false }, { "ab", "abc", false }, { "a.c", "axc", true },
		{ "a.c", "ac", false }, { ".*", "", true }, { ".*b.*", "abc", true },
		{ ".*b.*", "acc", false }, { "a+", "", false }, { "a+", "aaa", true },
		{ "ab?c", "ac", true }, { "ab?c", "abbc", false }, { "[a-c]+", "abcb", true },
		{ "[^a-c]+", "abd", false }, { "[]x]", "]", true }, { "\\d+", "42", true },
		{ "\\w+", "a-b", false }, { "a\\.b", "axb", false }, { "a\\.b", "a.b", true },
		{ ".*[^x]", "a", true }, { ".*[^x]", "x", false }, { "a*a*a*a*b", "aaaaaaaa", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pattern p;

		assert_true(pattern_parse(sv_cstr(cases[i].pattern), &p));
		if (pattern_match(&p, sv_cstr(cases[i].text)) != cases[i].match)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
	}
}

static void
what_is_not_followed_is_refused(void **state)
{
	static const char *const patterns[] = { "(a)", "a|b", "a{2}", "^a", "a$", "*a", "[a", "\\bx",
		"a\\", "a*?", "[[:alpha:]]", "a++" };
	char many[PATTERN_STEPS + 2];
	struct pattern p;

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		if (pattern_parse(sv_cstr(patterns[i]), &p))
			fail_msg("%s is taken", patterns[i]);
	memset(many, 'a', sizeof many - 1);
	many[sizeof many - 1] = '\0';
	assert_false(pattern_parse(sv_cstr(many), &p));
	assert_true(pattern_parse(sv_cstr(many + 1), &p));
	assert_true(pattern_match(&p, sv_cstr(many + 1)));
}

static void
words_are_whole_tokens(void **state)
{
	(void)state;
	assert_true(card_has_word(SV("GET /api/Cart"), SV("cart")));
	assert_true(card_has_word(SV("cart"), SV("cart")));
	assert_false(card_has_word(SV("cartridge"), SV("cart")));
	assert_false(card_has_word(SV(""), SV("cart")));
	assert_false(card_has_word(SV("go_cart"), SV("cart")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_patterns_match_whole_texts),
		cmocka_unit_test(what_is_not_followed_is_refused),
		cmocka_unit_test(words_are_whole_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
