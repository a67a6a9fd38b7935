/* SPDX-License-Identifier: ISC */
/* The encoding of values: total, injective, byte-exact, harmless on a terminal. */
#include "query/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/utf8.h"

static void
assert_encoded(struct sv item, const char *want)
{
	struct buf b = BUF_INIT;

	name_encode(&b, item);
	assert_non_null(buf_cstr(&b));
	assert_string_equal(b.p, want);
	buf_release(&b);
}

static void
encodes_what_would_mean_something_else(void **state)
{
	(void)state;
	assert_encoded(SV(""), "%");
	assert_encoded(SV("checkout"), "checkout");
	assert_encoded(SV("GET /api/{id}"), "GET %2Fapi%2F{id}");
	assert_encoded(SV("100%"), "100%25");
	assert_encoded(SV("%41"), "%2541");
	assert_encoded(SV("a,b:c"), "a%2Cb%3Ac");
	assert_encoded(SV(".git"), "%2Egit");
	assert_encoded(SV("..."), "%2E..");
	assert_encoded(SV("-rf"), "%2Drf");
	assert_encoded(SV("a.b-c"), "a.b-c");
	assert_encoded(SV("%"), "%25");
	assert_encoded(sv_new("a\0b", 3), "a%00b");
	assert_encoded(SV("\x1b[2J\r\n\x7f"), "%1B[2J%0D%0A%7F");
	assert_encoded(SV("\xc2\x85"), "%C2%85");
	assert_encoded(SV("\xe2\x80\xae" "abc"), "%E2%80%AEabc");
	assert_encoded(SV("\xe2\x80\x8b"), "%E2%80%8B");
	assert_encoded(SV("\xef\xbb\xbf"), "%EF%BB%BF");
	assert_encoded(SV("\xff\xc3"), "%FF%C3");
	assert_encoded(SV("\xed\xa0\x80"), "%ED%A0%80");
	assert_encoded(SV("\xc0\xaf"), "%C0%AF");
	assert_encoded(SV("caf\xc3\xa9 \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xf0\x9f\x98\x80");
	assert_encoded(SV("A b~!@#$^&*()_+=[]{}|\\;'\"<>?`"), "A b~!@#$^&*()_+=[]{}|\\;'\"<>?`");
}

static void
decodes_any_escape_once(void **state)
{
	static const struct { const char *text; struct sv want; } v[] = {
		{ "%", { "", 0 } }, { "a", { "a", 1 } }, { "%2f", { "/", 1 } },
		{ "%2F", { "/", 1 } }, { "%2541", { "%41", 3 } }, { "%41%42", { "AB", 2 } },
		{ "%00", { "\0", 1 } }, { "a,b", { "a,b", 3 } }, { ".x", { ".x", 2 } },
		{ "%25", { "%", 1 } }, { "%ff", { "\xff", 1 } },
	};
	struct arena a;
	struct sv item;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		assert_int_equal(name_decode(&a, sv_cstr(v[i].text), &item, NULL), 0);
		assert_true(sv_eq(item, v[i].want));
	}
	arena_release(&a);
}

static void
refuses_broken_escapes_with_their_place(void **state)
{
	static const struct { const char *text; int off; } v[] = {
		{ "", 0 }, { "%%", 0 }, { "%4", 0 }, { "%g0", 0 }, { "%0g", 0 }, { "a%", 1 },
		{ "%41%", 3 }, { "ab%2", 2 }, { "% 1", 0 }, { "%+1", 0 }, { "%~", 0 },
	};
	struct err e = ERR_INIT;
	struct arena a;
	struct sv item;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		if (name_decode(&a, sv_cstr(v[i].text), &item, &e) != ERR_SYNTAX)
			fail_msg("'%s' was taken", v[i].text);
		assert_int_equal(e.off, v[i].off);
	}
	arena_release(&a);
}

static void
splits_lists_before_decoding(void **state)
{
	struct err e = ERR_INIT;
	struct sv *items;
	struct arena a;
	size_t n;

	(void)state;
	arena_init(&a);
	assert_int_equal(name_decode_list(&a, SV("a,%2C,%,b%2Cc"), &items, &n, &e), 0);
	assert_int_equal(n, 4);
	assert_true(sv_is(items[0], "a") && sv_is(items[1], ",") && sv_is(items[2], "") &&
	    sv_is(items[3], "b,c"));
	assert_int_equal(name_decode_list(&a, SV("a,,b"), &items, &n, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 2);
	assert_int_equal(name_decode_list(&a, SV("a,"), &items, &n, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 2);
	assert_int_equal(name_decode_list(&a, SV(""), &items, &n, &e), ERR_SYNTAX);
	assert_int_equal(name_decode_list(&a, SV("a,b%4,c"), &items, &n, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 3);
	arena_release(&a);
}

static void
bounds_the_items_of_a_list(void **state)
{
	struct buf b = BUF_INIT;
	struct sv *items;
	struct arena a;
	size_t n;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < LIMIT_LIST_ITEMS; i++)
		buf_str(&b, i == 0 ? "x" : ",x");
	assert_int_equal(name_decode_list(&a, buf_view(&b), &items, &n, NULL), 0);
	assert_int_equal(n, LIMIT_LIST_ITEMS);
	BUF_LIT(&b, ",x");
	assert_int_equal(name_decode_list(&a, buf_view(&b), &items, &n, NULL), ERR_TOOBIG);
	arena_release(&a);
	buf_release(&b);
}

/* What ls shows: no byte that ends a segment, starts an option or moves a cursor. */
static void
assert_harmless(struct sv s)
{
	uint32_t cp;
	size_t n;

	assert_true(s.n > 0 && s.p[0] != '.' && s.p[0] != '-');
	for (size_t i = 0; i < s.n; i += n) {
		n = utf8_decode(s.p + i, s.p + s.n, &cp);
		assert_true(n > 0);
		assert_false(utf8_unprintable(cp));
		assert_true(cp != '/' && cp != ',' && cp != ':');
	}
}

static void
assert_round_trip(struct sv item)
{
	struct buf b = BUF_INIT;
	struct arena a;
	struct sv back;

	arena_init(&a);
	name_encode(&b, item);
	assert_false(b.oom);
	assert_harmless(buf_view(&b));
	assert_int_equal(name_decode(&a, buf_view(&b), &back, NULL), 0);
	assert_true(sv_eq(item, back));
	arena_release(&a);
	buf_release(&b);
}

static void
round_trips_every_name_of_one_and_two_bytes(void **state)
{
	char raw[2];

	(void)state;
	for (int i = 0; i < 256; i++) {
		raw[0] = (char)i;
		assert_round_trip(sv_new(raw, 1));
		for (int k = 0; k < 256; k++) {
			raw[1] = (char)k;
			assert_round_trip(sv_new(raw, 2));
		}
	}
}

static uint64_t seed = 88172645463325252ull;

static unsigned
dice(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void
round_trips_random_bytes(void **state)
{
	static const char *const pieces[] = {
		"%", "%2", "%41", "/", ",", ":", ".", "-", "\xe2\x80\xae", "\xc3\xa9", "\xc2\x9b",
		"a", "\xf0\x9f\x98\x80", "\xef\xbf\xbe", "\xf4\x90\x80\x80",
	};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char raw[64];
		size_t n = 0, want = dice(50);

		while (n < want) {
			const char *piece = pieces[dice(15)];
			size_t k = strlen(piece);

			if (dice(2) == 0)
				raw[n++] = (char)dice(256);
			else if (n + k <= sizeof raw) {
				memcpy(raw + n, piece, k);
				n += k;
			}
		}
		assert_round_trip(sv_new(raw, n));
	}
}

static void
encodes_different_names_differently(void **state)
{
	struct map seen;
	bool fresh;

	(void)state;
	map_init(&seen);
	for (int i = -1; i < 256; i++)
		for (int k = -1; k < 256; k++) {
			char raw[2] = { (char)i, (char)k };
			struct buf b = BUF_INIT;

			if (i < 0 && k >= 0)
				continue;
			name_encode(&b, sv_new(raw, (size_t)(i >= 0) + (k >= 0)));
			assert_non_null(map_put(&seen, buf_view(&b), &fresh));
			assert_true(fresh);
			buf_release(&b);
		}
	map_release(&seen);
}

static void
names_long_items_by_their_hash(void **state)
{
	struct buf b = BUF_INIT;
	uint64_t hi, lo, hi2, lo2;
	struct arena a;
	struct sv item;

	(void)state;
	/* XXH3-128 of the empty string, from the algorithm's specification. */
	name_alias(&b, SV_EMPTY);
	assert_true(sv_is(buf_view(&b), "%~99aa06d3014798d86001c324468d497f"));
	b.n = 0;
	name_alias(&b, SV("a long name"));
	assert_int_equal(b.n, 34);
	assert_true(name_is_alias(buf_view(&b), &hi, &lo));
	name_alias(&b, SV("another"));
	assert_true(name_is_alias(sv_sub(buf_view(&b), 34, 68), &hi2, &lo2));
	assert_true(hi != hi2 && lo != lo2);
	/* No item is ever encoded like that. */
	arena_init(&a);
	assert_int_equal(name_decode(&a, sv_sub(buf_view(&b), 0, 34), &item, NULL), ERR_SYNTAX);
	arena_release(&a);
	assert_true(name_is_alias(SV("%~0123456789ABCDEF0123456789abcdef"), &hi, &lo));
	assert_true(hi == 0x0123456789abcdef && lo == 0x0123456789abcdef);
	assert_false(name_is_alias(SV("%~0123456789abcdef0123456789abcde"), &hi, &lo));
	assert_false(name_is_alias(SV("%~0123456789abcdef0123456789abcdefa"), &hi, &lo));
	assert_false(name_is_alias(SV("%~0123456789abcdef0123456789abcdeg"), &hi, &lo));
	assert_false(name_is_alias(SV(""), &hi, &lo));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_what_would_mean_something_else),
		cmocka_unit_test(decodes_any_escape_once),
		cmocka_unit_test(refuses_broken_escapes_with_their_place),
		cmocka_unit_test(splits_lists_before_decoding),
		cmocka_unit_test(bounds_the_items_of_a_list),
		cmocka_unit_test(round_trips_every_name_of_one_and_two_bytes),
		cmocka_unit_test(round_trips_random_bytes),
		cmocka_unit_test(encodes_different_names_differently),
		cmocka_unit_test(names_long_items_by_their_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
