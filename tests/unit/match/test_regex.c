/* SPDX-License-Identifier: ISC */
/* Unit tests of match/regex: anchoring, what needs no PCRE2, invalid UTF-8, the step limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "match/regex.h"

static struct regex *
make(const char *pattern)
{
	struct regex *r;
	struct err e = ERR_INIT;

	if (regex_new(sv_cstr(pattern), false, &r, &e) < 0)
		fail_msg("%s: %s", pattern, e.msg);
	return r;
}

/* few: of so few that it isn't compiled. */
static int
match_by(const char *pattern, bool few, struct sv s)
{
	struct regex *r;
	int rc;

	assert_int_equal(regex_new(sv_cstr(pattern), few, &r, NULL), 0);
	rc = regex_match(r, s, NULL);
	regex_free(r);
	return rc;
}

static int
match(const char *pattern, struct sv s)
{
	struct regex *r = make(pattern);
	int rc = regex_match(r, s, NULL);

	regex_free(r);
	return rc;
}

static enum regex_kind
kind(const char *pattern)
{
	struct regex *r = make(pattern);
	enum regex_kind k = regex_kind(r);

	regex_free(r);
	return k;
}

static void
patterns_are_anchored_at_both_ends(void **state)
{
	(void)state;
	assert_int_equal(match("a+", SV("aaa")), 1);
	assert_int_equal(match("a+", SV("aab")), 0);
	assert_int_equal(match("a+", SV("baa")), 0);
	assert_int_equal(match("a|ab", SV("ab")), 1);
	assert_int_equal(match("[ab]", SV("")), 0);
	assert_int_equal(match("a+", SV("aa\n")), 0);
	assert_int_equal(match("a+$", SV("aa\n")), 0);
	assert_int_equal(match("^a+$", SV("aa")), 1);
}

static void
a_dot_matches_newlines(void **state)
{
	(void)state;
	assert_int_equal(match("a.+b", SV("a\n\nb")), 1);
	assert_int_equal(match("a.*", SV("a\nb")), 1);
}

/* Compiled or not: a character of several bytes is none of \d, \s and \w, and one for each of the others. */
static void
classes_are_of_ascii(void **state)
{
	static const char *const others[] = { "\\W", "\\D", "\\S", "[\\W]", "[^\\w]", "(?:\\D)", "\\W{1}|x", "." };
	static const char *const own[] = { "\\w", "\\d", "\\s", "[^\\W]", "[\\d]" };
	static const char *const texts[] = { "\xc3\x9f", "\xe2\x80\xa8", "\xef\xbc\x99", "\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
		for (int few = 0; few < 2; few++) {
			for (size_t i = 0; i < sizeof others / sizeof *others; i++)
				assert_int_equal(match_by(others[i], few != 0, sv_cstr(texts[t])), 1);
			for (size_t i = 0; i < sizeof own / sizeof *own; i++)
				assert_int_equal(match_by(own[i], few != 0, sv_cstr(texts[t])), 0);
		}
}

static void
simple_patterns_need_no_pcre2(void **state)
{
	(void)state;
	assert_int_equal(kind("abc"), REGEX_EQ);
	assert_int_equal(kind(""), REGEX_EQ);
	assert_int_equal(kind("abc.*"), REGEX_STARTS);
	assert_int_equal(kind(".*abc"), REGEX_ENDS);
	assert_int_equal(kind(".*abc.*"), REGEX_CONTAINS);
	assert_int_equal(kind("^.*abc.*$"), REGEX_CONTAINS);
	assert_int_equal(kind(".*"), REGEX_ANY);
	assert_int_equal(kind(".*.*"), REGEX_ANY);
	assert_int_equal(kind("a\\.b"), REGEX_EQ);
	assert_int_equal(kind(".*a/b-c_d e.*"), REGEX_CONTAINS);
	assert_int_equal(kind("a\\\\.*"), REGEX_STARTS);
	assert_int_equal(kind("a\\.*"), REGEX_FULL);	/* any number of full stops */
	assert_int_equal(kind("a.b"), REGEX_FULL);
	assert_int_equal(kind("ab*"), REGEX_FULL);
	assert_int_equal(kind("a\\d"), REGEX_FULL);
	assert_int_equal(kind(".*a|b.*"), REGEX_FULL);
	assert_int_equal(kind("a$b"), REGEX_FULL);
	assert_int_equal(kind("abc\\$"), REGEX_EQ);
	assert_int_equal(kind(".*a{2}"), REGEX_FULL);
	assert_int_equal(match("a\\.b", SV("a.b")), 1);
	assert_int_equal(match("a\\.b", SV("axb")), 0);
	assert_int_equal(match("abc\\$", SV("abc$")), 1);
	assert_int_equal(match(".*b c.*", SV("ab cd")), 1);
	assert_int_equal(match("b.*", SV("ab")), 0);
	assert_int_equal(match(".*b", SV("ab")), 1);
	assert_int_equal(match("", SV("")), 1);
	assert_int_equal(match("", SV("x")), 0);
}

static void
bytes_that_are_not_utf8_do_not_fail(void **state)
{
	(void)state;
	assert_int_equal(match("a[^b]*c", SV("a\xff" "c")), 0);
	assert_int_equal(match("\xc3\xa4+", SV("\xc3\xa4\xc3\xa4")), 1);
	assert_int_equal(match("a.c", SV("a\xc3\xa4" "c")), 1);
	assert_int_equal(match(".*c", SV("a\xff" "c")), 1);
}

static void
a_runaway_pattern_is_an_error_and_never_a_non_match(void **state)
{
	struct regex *r = make("(a|aa)+(a|aa)+(a|aa)+[bc]");
	struct err e = ERR_INIT;
	char subject[4000];

	(void)state;
	memset(subject, 'a', sizeof subject);
	assert_int_equal(regex_match(r, sv_new(subject, sizeof subject), &e), ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "(a|aa)+(a|aa)+(a|aa)+[bc]"));
	/* The expression is still good. */
	assert_int_equal(regex_match(r, SV("aaab"), &e), 1);
	assert_int_equal(regex_match(r, SV("aaa"), &e), 0);
	regex_free(r);
}

static void
the_limit_grows_with_the_subject(void **state)
{
	size_t n = 200000;
	char *subject = malloc(n);
	struct regex *r = make("(x?a)*b");

	(void)state;
	assert_non_null(subject);
	memset(subject, 'a', n);
	subject[n - 1] = 'b';
	assert_int_equal(regex_match(r, sv_new(subject, n), NULL), 1);
	regex_free(r);
	free(subject);
}

static void
malformed_patterns_are_refused_with_a_place(void **state)
{
	static const char *const bad[] = { "(", "a{2,1}", "[z-a]", "*a", "\\C", "(?<n>a", "a\xff+" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct regex *r;
		struct err e = ERR_INIT;

		assert_int_equal(regex_new(sv_cstr(bad[i]), false, &r, &e), ERR_SYNTAX);
		assert_true(e.off >= 0);
	}
}

static void
match_some(void *arg, size_t i)
{
	const struct regex *r = arg;

	assert_int_equal(regex_match(r, i % 2 == 0 ? SV("xay") : SV("xy"), NULL), i % 2 == 0);
}

static void
one_expression_serves_many_threads(void **state)
{
	struct regex *r = make("x(a|b)y");
	struct pool *p;

	(void)state;
	assert_int_equal(pool_new(7, 0, &p, NULL), 0);
	pool_each(p, 8, 5000, match_some, r);
	pool_free(p);
	regex_free(r);
}

/* The texts that every match holds, as one line. */
static const char *
must(const char *pattern)
{
	static char line[200];
	struct regex *r = make(pattern);
	const struct sv *v;
	size_t n = regex_must(r, &v);

	line[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), "%s%.*s",
		    i == 0 ? "" : "|", (int)v[i].n, v[i].p);
	regex_free(r);
	return line;
}

static void
literals_that_every_match_holds(void **state)
{
	(void)state;
	assert_string_equal(must("abc"), "abc");
	assert_string_equal(must(".*abc"), "abc");
	assert_string_equal(must(".*foo.*barbar[0-9]+x"), "barbar|foo|x");
	assert_string_equal(must("abc?d"), "ab|d");
	assert_string_equal(must("abc*d"), "ab|d");
	assert_string_equal(must("abc+d"), "abc|d");
	assert_string_equal(must("abc{0}d"), "ab|d");
	assert_string_equal(must("a\\.b\\d+c"), "a.b|c");
	assert_string_equal(must("a\\.?b.*"), "a|b");
	assert_string_equal(must("(abc|de)fg.h"), "fg|h");
	assert_string_equal(must("(?:a(b)[)]\\))x.y"), "x|y");
	assert_string_equal(must("x(abc)?yy"), "yy|x");
	assert_string_equal(must("[]a]b[^]c]dd"), "dd|b");
	assert_string_equal(must("gr\xc3\xbc?n."), "gr|n");
}

static void
what_is_not_understood_holds_nothing(void **state)
{
	static const char *const patterns[] = { "abc|x.", "(?i)abc.", "(?i:ab)c.", "ab\\x41.",
	    "\\Qa.b\\E.", "a(?=b).*", "(*UTF)abc.", "[[:alpha:]]abc", "ab\\p{L}c", "a{x}b",
	    "(?<n>a)\\k<n>b", "(a)\\1b", "a.b|", "\\N{U+41}b", "" };

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		if (must(patterns[i])[0] != '\0')
			fail_msg("'%s' must not say '%s'", patterns[i], must(patterns[i]));
}

/* SplitMix64. */
static uint64_t
next(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/*
 * Random patterns of pieces that combine in odd ways, against PCRE2 by way of the same pattern
 * behind an empty option, which hides its literals: the verdicts are the same.
 */
static void
literals_lose_no_match(void **state)
{
	static const char *const pieces[] = { "a", "b", "ab", "c", ".", ".*", "?", "*", "+", "{0,1}",
	    "{2}", "|", "(", ")", "(?:", "[ab]", "[^a]", "[]a]", "\\.", "\\d", "\\b", "^", "$",
	    "(?i)", "\\Q", "\\E", "{", "}", "[[:alpha:]]", "\\x61", "\xc3\xbc", "-", " ", "(?i:",
	    "\\1", "(?=", "]", "\\\\" };
	static const char *const parts[] = { "a", "b", "ab", "c", "A", ".", "1", "\xc3\xbc", "-", " ",
	    "\\", "]", "{", "}" };
	uint64_t seed = 5;
	size_t n_compiled = 0, n_matched = 0, n_must = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		char pattern[128] = "(?:)", subject[64] = "";
		struct regex *r, *hidden;
		const struct sv *v;

		for (uint64_t k = 1 + next(&seed) % 7; k > 0; k--)
			strcat(pattern, pieces[next(&seed) % (sizeof pieces / sizeof *pieces)]);
		if (regex_new(sv_cstr(pattern + 4), false, &r, NULL) < 0)
			continue;
		memcpy(pattern, "(?-)", 4);
		if (regex_new(sv_cstr(pattern), false, &hidden, NULL) < 0) {
			regex_free(r);
			continue;
		}
		n_compiled++;
		n_must += regex_must(r, &v) != 0;
		for (int j = 0; j < 20; j++) {
			int want;

			subject[0] = '\0';
			for (uint64_t k = next(&seed) % 6; k > 0; k--)
				strcat(subject, parts[next(&seed) % (sizeof parts /
				    sizeof *parts)]);
			want = regex_match(hidden, sv_cstr(subject), NULL);
			n_matched += want == 1;
			if (regex_match(r, sv_cstr(subject), NULL) != want)
				fail_msg("'%s' on '%s' is not %d", pattern + 4, subject, want);
		}
		regex_free(r);
		regex_free(hidden);
	}
	assert_true(n_compiled > 10000 && n_matched > 5000 && n_must > 3000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_are_anchored_at_both_ends),
		cmocka_unit_test(a_dot_matches_newlines),
		cmocka_unit_test(classes_are_of_ascii),
		cmocka_unit_test(simple_patterns_need_no_pcre2),
		cmocka_unit_test(bytes_that_are_not_utf8_do_not_fail),
		cmocka_unit_test(a_runaway_pattern_is_an_error_and_never_a_non_match),
		cmocka_unit_test(the_limit_grows_with_the_subject),
		cmocka_unit_test(malformed_patterns_are_refused_with_a_place),
		cmocka_unit_test(one_expression_serves_many_threads),
		cmocka_unit_test(literals_that_every_match_holds),
		cmocka_unit_test(what_is_not_understood_holds_nothing),
		cmocka_unit_test(literals_lose_no_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
