/* SPDX-License-Identifier: ISC */
/* sv: searching, cutting, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sv.h"

static void
cuts_at_every_separator(void **state)
{
	static const char *const want[] = { "a", "", "b", "" };
	struct sv s = SV("a,,b,"), h;
	size_t i = 0;

	(void)state;
	while (sv_cut(&s, ',', &h))
		assert_true(sv_is(h, want[i++]));
	assert_int_equal(i, 4);
}

static void
numbers_are_exact_or_refused(void **state)
{
	uint64_t u;
	int64_t i;
	double d;

	(void)state;
	assert_true(sv_u64(SV("18446744073709551615"), &u) && u == UINT64_MAX);
	assert_false(sv_u64(SV("18446744073709551616"), &u));
	assert_false(sv_u64(SV(""), &u));
	assert_true(sv_u64(SV("000000000000000000000000000018446744073709551615"), &u) &&
	    u == UINT64_MAX);
	assert_true(sv_u64(SV("0000000000000000000000"), &u) && u == 0);
	assert_false(sv_u64(SV("+1"), &u));
	assert_false(sv_u64(SV("1 "), &u));
	assert_true(sv_i64(SV("-9223372036854775808"), &i) && i == INT64_MIN);
	assert_false(sv_i64(SV("9223372036854775808"), &i));
	assert_false(sv_i64(SV("-"), &i));
	assert_true(sv_double(SV("-1.5e3"), &d) && d == -1500);
	assert_false(sv_double(SV("nan"), &d));
	assert_false(sv_double(SV("0x10"), &d));
	assert_false(sv_double(SV("1e"), &d));
	assert_false(sv_double(SV("."), &d));
	assert_false(sv_double(SV("1\0"), &d));
	assert_false(sv_double(SV("1\0e5"), &d));
}

static void
finds_and_compares(void **state)
{
	(void)state;
	assert_int_equal(sv_find(SV("haystack"), SV("stack")), 3);
	assert_int_equal(sv_find(SV("hay"), SV("haystack")), -1);
	assert_int_equal(sv_find(SV("hay"), SV("")), 0);
	assert_true(sv_cmp(SV("a"), SV("ab")) < 0);
	assert_true(sv_cmp(SV("b"), SV("ab")) > 0);
	assert_int_equal(sv_cmp(SV_EMPTY, SV("")), 0);
	assert_true(sv_starts(SV("abc"), SV("ab")) && sv_ends(SV("abc"), SV("bc")));
	assert_false(sv_starts(SV("a"), SV("ab")) || sv_ends(SV("c"), SV("bc")));
	assert_true(sv_is(sv_sub(SV("abcdef"), 2, 4), "cd"));
	assert_int_equal(sv_sub(SV("abc"), 3, 9).n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_every_separator),
		cmocka_unit_test(numbers_are_exact_or_refused),
		cmocka_unit_test(finds_and_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
