/* SPDX-License-Identifier: ISC */
/* extract_name: dates in names of files, and the names that have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/extract_name.h"

#define AT UINT64_C(1795183509000000000)	/* 2026-11-20T14:05:09Z */

static void
dates_are_filled_in(void **state)
{
	static const struct { const char *pattern, *name; bool dated; } v[] = {
		{ "r.csv", "r.csv", false }, { "r-%Y-%m-%d.csv", "r-2026-11-20.csv", true },
		{ "%F", "2026-11-20", true }, { "%Y%j", "2026324", true },
		{ "%H%M%S", "140509", true }, { "100%%", "100%", false },
		{ "%F_%H.x%%y", "2026-11-20_14.x%y", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct buf b = BUF_INIT;
		struct name_time t;
		bool dated;

		assert_int_equal(extract_name_check(sv_cstr(v[i].pattern), &dated, NULL), 0);
		assert_int_equal(dated, v[i].dated);
		extract_name_print(&b, sv_cstr(v[i].pattern), AT);
		assert_string_equal(buf_cstr(&b), v[i].name);
		assert_true(extract_name_match(sv_cstr(v[i].pattern), buf_view(&b), &t));
		buf_release(&b);
	}
}

static void
other_conversions_are_refused(void **state)
{
	static const char *const v[] = { "%", "a%", "%q", "%T", "%-d", "%%%", "% Y" };
	bool dated;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		assert_int_equal(extract_name_check(sv_cstr(v[i]), &dated, NULL), ERR_SYNTAX);
}

static int
order(const char *pattern, const char *a, const char *b)
{
	struct name_time x, y;

	assert_true(extract_name_match(sv_cstr(pattern), sv_cstr(a), &x));
	assert_true(extract_name_match(sv_cstr(pattern), sv_cstr(b), &y));
	for (size_t i = 0; i < 6; i++)
		if (x.v[i] != y.v[i])
			return x.v[i] < y.v[i] ? -1 : 1;
	return 0;
}

static void
names_are_in_the_order_of_their_times(void **state)
{
	(void)state;
	assert_int_equal(order("%d.%m.%Y", "31.12.2025", "01.01.2026"), -1);
	assert_int_equal(order("%d.%m.%Y", "30.11.2026", "01.12.2026"), -1);
	assert_int_equal(order("%F-%H", "2026-11-20-09", "2026-11-20-10"), -1);
	assert_int_equal(order("%F-%H", "2026-11-20-10", "2026-11-20-10"), 0);
	assert_int_equal(order("%Y-%j", "2026-324", "2026-123"), 1);
}

static void
other_names_do_not_match(void **state)
{
	static const char *const v[] = { "", "r-", "r-2026-11-20", "r-2026-11-2.csv",
		"r-2026-11-20.csv.gz", "xr-2026-11-20.csv", "r-2026-aa-20.csv", "r-%F.csv",
		".r-2026-11-20.csv", "r-2026-11-200.csv" };
	struct name_time t;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		assert_false(extract_name_match(SV("r-%F.csv"), sv_cstr(v[i]), &t));
	assert_false(extract_name_match(SV("a%%b"), SV("a%%b"), &t));
	assert_true(extract_name_match(SV("a%%b"), SV("a%b"), &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_filled_in),
		cmocka_unit_test(other_conversions_are_refused),
		cmocka_unit_test(names_are_in_the_order_of_their_times),
		cmocka_unit_test(other_names_do_not_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
