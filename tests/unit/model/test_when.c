/* SPDX-License-Identifier: ISC */
/* Times and durations: every written form, its edges, and that what is printed reads back. */
#include "model/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define MAX_TEXT "2554-07-21T23:34:33.709551615Z"

static void
assert_text(struct buf *b, const char *want)
{
	const char *got = buf_cstr(b);

	assert_non_null(got);
	assert_string_equal(got, want);
	b->n = 0;
}

static void
assert_duration(const char *text, uint64_t want)
{
	uint64_t ns = 0;

	if (!duration_parse(sv_cstr(text), &ns))
		fail_msg("'%s' was refused", text);
	if (ns != want)
		fail_msg("'%s' is %llu", text, (unsigned long long)ns);
}

static void
parses_durations(void **state)
{
	(void)state;
	assert_duration("0s", 0);
	assert_duration("1ns", 1);
	assert_duration("300us", 300000);
	assert_duration("150ms", 150000000);
	assert_duration("1.5s", 1500000000);
	assert_duration("2m", 120 * NS_PER_S);
	assert_duration("1h30m", 5400 * NS_PER_S);
	assert_duration("1d12h", 36 * NS_PER_HOUR);
	assert_duration("2w", 14 * NS_PER_DAY);
	assert_duration("1h0.5s", NS_PER_HOUR + NS_PER_S / 2);
	assert_duration("0.000000001s", 1);
	assert_duration("1.500us", 1500);
	assert_duration("1.0ns", 1);
	assert_duration("0.25w", 7 * NS_PER_DAY / 4);
	assert_duration(".5h", 30 * NS_PER_MIN);
	assert_duration("1h.5m", NS_PER_HOUR + 30 * NS_PER_S);
	assert_duration("30min", 30 * NS_PER_MIN);
	assert_duration("1h30min", 90 * NS_PER_MIN);
	assert_duration("2min5s", 125 * NS_PER_S);
	assert_duration("0.0000152587890625w", 9228515625ull);
	assert_duration("18446744073709551615ns", UINT64_MAX);
	assert_duration("1w2d3h4m5s6ms7us8ns", 7 * NS_PER_DAY + 2 * NS_PER_DAY +
	    3 * NS_PER_HOUR + 4 * NS_PER_MIN + 5 * NS_PER_S + 6007008);
}

static void
refuses_malformed_durations(void **state)
{
	static const char *const bad[] = {
		"", "5", "s", "ms", "1x", "1S", "1 s", " 1s", "1s ", "-1s", "+1s", "1.s",
		".s", ".", "5.", ".5", "1m1min", "1mins", "1.5", "1.5s3ms", "1.5ns", "0.0000000001s", "1h1h", "30m1h", "1e3s",
		"1,5s", "18446744073709551616ns", "30501w", "18446744073709551615ns1ns",
		"1ss", "1hr", "0x1s", "1..5s", "1h30", "18446744073s709551616ns",
		"0.00000000000000000000000000000000000001s",
	};
	uint64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (duration_parse(sv_cstr(bad[i]), &ns))
			fail_msg("'%s' was taken as %llu", bad[i], (unsigned long long)ns);
	assert_false(duration_parse(sv_new("1\0s", 3), &ns));
	assert_int_equal(ns, 42);
}

static void
prints_durations_in_the_largest_exact_unit(void **state)
{
	static const struct { uint64_t ns; const char *text; } v[] = {
		{ 0, "0s" }, { 1, "1ns" }, { 1000, "1us" }, { 1001, "1001ns" },
		{ 1500000, "1500us" }, { 90 * NS_PER_MIN, "90m" }, { NS_PER_DAY, "1d" },
		{ 7 * NS_PER_DAY, "1w" }, { 8 * NS_PER_DAY, "8d" },
		{ UINT64_MAX, "18446744073709551615ns" },
	};
	struct buf b = BUF_INIT;
	uint64_t back;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		duration_print(&b, v[i].ns);
		assert_true(duration_parse(buf_view(&b), &back));
		assert_true(back == v[i].ns);
		assert_text(&b, v[i].text);
	}
	buf_release(&b);
}

static void
prints_short_durations_for_people(void **state)
{
	static const struct { uint64_t ns; const char *text; } v[] = {
		{ 0, "0ns" }, { 999, "999ns" }, { 1000, "1us" }, { 45000, "45us" },
		{ 1234567, "1.23ms" }, { 12345678, "12.3ms" }, { 123456789, "123ms" },
		{ 1050000, "1.05ms" }, { 999499, "999us" }, { 999500, "1ms" },
		{ 999999999, "1s" }, { 59949999999, "59.9s" }, { 59950000000, "1m" },
		{ 60 * NS_PER_S, "1m" }, { 123 * NS_PER_S, "2m3s" },
		{ 3599 * NS_PER_S, "59m59s" }, { 3599600000000, "1h" },
		{ NS_PER_HOUR + 90 * NS_PER_S, "1h2m" }, { NS_PER_DAY - 1, "1d" },
		{ 50 * NS_PER_HOUR, "2d2h" }, { UINT64_MAX, "213504d" },
	};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		duration_print_short(&b, v[i].ns);
		assert_text(&b, v[i].text);
	}
	buf_release(&b);
}

static void
assert_when(const char *text, enum when_kind kind, uint64_t ns)
{
	struct when w = { WHEN_ABSOLUTE, 7 };

	if (!when_parse(sv_cstr(text), &w))
		fail_msg("'%s' was refused", text);
	if (w.kind != kind || w.ns != (__int128)ns)
		fail_msg("'%s' is kind %d, %llu", text, (int)w.kind, (unsigned long long)w.ns);
}

static void
parses_prefixes_of_rfc_3339_as_their_first_instant(void **state)
{
	const uint64_t day = 20777 * NS_PER_DAY;	/* 2026-11-20 */

	(void)state;
	assert_when("2026-11", WHEN_ABSOLUTE, day - 19 * NS_PER_DAY);
	assert_when("2026-11-20", WHEN_ABSOLUTE, day);
	assert_when("2026-11-20T14", WHEN_ABSOLUTE, day + 14 * NS_PER_HOUR);
	assert_when("2026-11-20T14:05", WHEN_ABSOLUTE, day + 845 * NS_PER_MIN);
	assert_when("2026-11-20T14:05Z", WHEN_ABSOLUTE, day + 845 * NS_PER_MIN);
	assert_when("2026-11-20t14:05z", WHEN_ABSOLUTE, day + 845 * NS_PER_MIN);
	assert_when("2026-11-20T14:05:06", WHEN_ABSOLUTE, day + 845 * NS_PER_MIN + 6 * NS_PER_S);
	assert_when("2026-11-20T14:05:06.5Z", WHEN_ABSOLUTE,
	    day + 845 * NS_PER_MIN + 6500000000);
	assert_when("2026-11-20T00:00:00.000000001Z", WHEN_ABSOLUTE, day + 1);
	assert_when("2026-11-20T00:00:00.0000000010Z", WHEN_ABSOLUTE, day + 1);
	assert_when("2026-11-20T14:00+02:00", WHEN_ABSOLUTE, day + 12 * NS_PER_HOUR);
	assert_when("2026-11-20T14:00:00-05:30", WHEN_ABSOLUTE, day + 1170 * NS_PER_MIN);
	assert_when("1969-12-31T23:00-01:00", WHEN_ABSOLUTE, 0);
	assert_when("1970-01", WHEN_ABSOLUTE, 0);
	assert_when("2024-02-29", WHEN_ABSOLUTE, 19782 * NS_PER_DAY);
	assert_when("2000-02-29", WHEN_ABSOLUTE, 11016 * NS_PER_DAY);
	assert_when(MAX_TEXT, WHEN_ABSOLUTE, UINT64_MAX);
}

static void
parses_unix_times_by_their_digits(void **state)
{
	(void)state;
	assert_when("000000000", WHEN_ABSOLUTE, 0);
	assert_when("179500000", WHEN_ABSOLUTE, 179500000 * NS_PER_S);
	assert_when("1795000000", WHEN_ABSOLUTE, 1795000000 * NS_PER_S);
	assert_when("17950000000", WHEN_ABSOLUTE, 17950000000 * NS_PER_S);
	assert_when("179500000000", WHEN_ABSOLUTE, 179500000000 * 1000000);
	assert_when("17950000000001", WHEN_ABSOLUTE, 17950000000001ull * 1000000);
	assert_when("179500000000001", WHEN_ABSOLUTE, 179500000000001 * 1000);
	assert_when("17950000000000001", WHEN_ABSOLUTE, 17950000000000001ull * 1000);
	assert_when("179500000000000001", WHEN_ABSOLUTE, 179500000000000001);
	assert_when("1795000000000000001", WHEN_ABSOLUTE, 1795000000000000001);
	assert_when("18446744073709551615", WHEN_ABSOLUTE, UINT64_MAX);
}

static void
parses_relative_times(void **state)
{
	(void)state;
	assert_when("15m", WHEN_AGO, 15 * NS_PER_MIN);
	assert_when("1h30m", WHEN_AGO, 90 * NS_PER_MIN);
	assert_when(".5h", WHEN_AGO, 30 * NS_PER_MIN);
	assert_when("30min", WHEN_AGO, 30 * NS_PER_MIN);
	assert_when("30501w", WHEN_AGO, UINT64_MAX);
	assert_when("99999999999999999999w", WHEN_AGO, UINT64_MAX);
	assert_when("00:00", WHEN_CLOCK, 0);
	assert_when("10:30", WHEN_CLOCK, 630 * NS_PER_MIN);
	assert_when("23:59:59", WHEN_CLOCK, NS_PER_DAY - NS_PER_S);
	assert_when("now", WHEN_NOW, 0);
	assert_when("today", WHEN_TODAY, 0);
	assert_when("yesterday", WHEN_YESTERDAY, 0);
}

static void
refuses_malformed_times(void **state)
{
	static const char *const bad[] = {
		"", "1x", "2026-", "2026-1", "2026-13", "2026-00", "2026-11-", "2026-11-31",
		"2026-02-29", "1900-02-29", "2100-02-29", "2026-11-00", "2026-11-1",
		"2026-11-20T", "2026-11-20T2", "2026-11-20T24", "2026-11-20T14:",
		"2026-11-20T14:60", "2026-11-20T14:5", "2026-11-20T14Z", "2026-11-20T14+01:00",
		"2026-11-20T14:00+1", "2026-11-20T14:00+01", "2026-11-20T14:00+0100",
		"2026-11-20T14:00+24:00", "2026-11-20T14:00+01:60", "2026-11-20T14:00:60",
		"2026-11-20T14:00:61", "2026-11-20T14:00:00.", "2026-11-20T14:00:00.Z",
		"2026-11-20T14:00:00.0000000001Z", "2026-11-20T14:00ZZ", "2026-11-20 14:00",
		"2026-11-20Z", "0", "2026", "20261120", "12345678", "10:3", "1:30", "24:00",
		"10:60", "10:30:60", "10:30:", "10:30:1", "10:30Z", "10:30+01:00", "10:30:00.5",
		"T10:30", ":30", "-1", "+1", "Now", "TODAY", "tomorrow", "26-11-20", "02026-11-20", "2026/11/20",
	};
	struct when w;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (when_parse(sv_cstr(bad[i]), &w))
			fail_msg("'%s' was taken as %llu", bad[i], (unsigned long long)w.ns);
	assert_false(when_parse(sv_new("2026-11\0", 8), &w));
}

static void
parses_days_and_hours_of_on(void **state)
{
	static const char *const bad[] = {
		"", "2026-11", "2026-11-20T14:00", "now", "1h", "1795000000", "2026-11-20T",
		"10:30", "2026",
	};
	struct when w;
	uint64_t len;

	(void)state;
	assert_true(when_parse_on(SV("2026-11-20"), &w, &len));
	assert_true(w.kind == WHEN_ABSOLUTE && w.ns == 20777 * NS_PER_DAY && len == NS_PER_DAY);
	assert_true(when_parse_on(SV("2026-11-20T23"), &w, &len));
	assert_true(w.ns == 20777 * NS_PER_DAY + 23 * NS_PER_HOUR && len == NS_PER_HOUR);
	assert_true(when_parse_on(SV("today"), &w, &len));
	assert_true(w.kind == WHEN_TODAY && len == NS_PER_DAY);
	assert_true(when_parse_on(SV("yesterday"), &w, &len));
	assert_true(w.kind == WHEN_YESTERDAY && len == NS_PER_DAY);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (when_parse_on(sv_cstr(bad[i]), &w, &len))
			fail_msg("'%s' was taken", bad[i]);
}

static void
resolves_relative_times_at_now(void **state)
{
	const uint64_t now = 20777 * NS_PER_DAY + 5;

	(void)state;
	assert_true(when_resolve((struct when){ WHEN_ABSOLUTE, 9 }, now) == 9);
	assert_true(when_resolve((struct when){ WHEN_NOW, 0 }, now) == now);
	assert_true(when_resolve((struct when){ WHEN_AGO, 6 }, now) == now - 6);
	assert_true(when_resolve((struct when){ WHEN_AGO, UINT64_MAX }, now) == 0);
	assert_true(when_resolve((struct when){ WHEN_TODAY, 0 }, now) == now - 5);
	assert_true(when_resolve((struct when){ WHEN_YESTERDAY, 0 }, now) ==
	    20776 * NS_PER_DAY);
	assert_true(when_resolve((struct when){ WHEN_YESTERDAY, 0 }, 5) == 0);
	assert_true(when_resolve((struct when){ WHEN_CLOCK, 7 }, now) == now - 5 + 7);
	assert_true(when_resolve((struct when){ WHEN_CLOCK, NS_PER_DAY - 1 }, UINT64_MAX) ==
	    UINT64_MAX);
}

/* What lies outside what spans can have keeps its text and its order, and is cut late. */
static void
keeps_times_outside_the_range_as_typed(void **state)
{
	static const struct { const char *text, *canonical; uint64_t point; } v[] = {
		{ "1969-12-31", "1969-12-31T00:00:00Z", 0 },
		{ "1969-12", "1969-12-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00+00:01", "1969-12-31T23:59:00Z", 0 },
		{ "0000-01", "0000-01-01T00:00:00Z", 0 },
		{ "0000-01-01T00:00+23:59", "0000-01-01T00:00:00Z", 0 },
		{ "1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z", 0 },
		{ "2554-07-21T23:34:33.709551616Z", "2554-07-21T23:34:33.709551616Z", UINT64_MAX },
		{ "2555-01", "2555-01-01T00:00:00Z", UINT64_MAX },
		{ "18446744073709551616", "2554-07-21T23:34:33.709551616Z", UINT64_MAX },
		{ "18446744074", "2554-07-21T23:34:34Z", UINT64_MAX },
		{ "99999999999999", "5138-11-16T09:46:39.999Z", UINT64_MAX },
		{ "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z", UINT64_MAX },
		{ "99999999999999999999999999999999999999999999",
		    "9999-12-31T23:59:59.999999999Z", UINT64_MAX },
	};
	struct buf b = BUF_INIT;
	struct when w, again;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		if (!when_parse(sv_cstr(v[i].text), &w))
			fail_msg("'%s' was refused", v[i].text);
		if (when_resolve(w, 0) != v[i].point)
			fail_msg("'%s' is %llu", v[i].text,
			    (unsigned long long)when_resolve(w, 0));
		when_print_canonical(&b, w);
		assert_true(when_parse(buf_view(&b), &again));
		assert_true(again.kind == w.kind && again.ns == w.ns);
		assert_text(&b, v[i].canonical);
	}
	assert_true(when_parse(SV("30501w"), &w));
	assert_true(when_resolve(w, UINT64_MAX - 1) == 0);
	when_print_day(&b, -1);
	assert_text(&b, "1969-12-31");
	when_print_hour(&b, -1);
	assert_text(&b, "1969-12-31T23");
	buf_release(&b);
}

static void
says_what_a_time_should_have_been(void **state)
{
	(void)state;
	assert_non_null(strstr(when_expected(SV("2026")), "2026-11"));
	assert_non_null(strstr(when_expected(SV("1")), "9 digits"));
	assert_null(strstr(when_expected(SV("2026-13")), "digits"));
	assert_null(strstr(when_expected(SV("")), "digits"));
}

static void
prints_times(void **state)
{
	const uint64_t t = 20777 * NS_PER_DAY + 14 * NS_PER_HOUR + 120;
	struct buf b = BUF_INIT;

	(void)state;
	when_print(&b, t);
	assert_text(&b, "2026-11-20T14:00:00.000000120Z");
	when_print(&b, UINT64_MAX);
	assert_text(&b, MAX_TEXT);
	when_print(&b, 0);
	assert_text(&b, "1970-01-01T00:00:00.000000000Z");
	when_print_day(&b, t);
	assert_text(&b, "2026-11-20");
	when_print_hour(&b, t);
	assert_text(&b, "2026-11-20T14");
	when_print_canonical(&b, (struct when){ WHEN_ABSOLUTE, t });
	assert_text(&b, "2026-11-20T14:00:00.00000012Z");
	when_print_canonical(&b, (struct when){ WHEN_ABSOLUTE, t - 120 });
	assert_text(&b, "2026-11-20T14:00:00Z");
	when_print_canonical(&b, (struct when){ WHEN_AGO, 90 * NS_PER_MIN });
	assert_text(&b, "90m");
	when_print_canonical(&b, (struct when){ WHEN_NOW, 0 });
	assert_text(&b, "now");
	when_print_canonical(&b, (struct when){ WHEN_TODAY, 0 });
	assert_text(&b, "today");
	when_print_canonical(&b, (struct when){ WHEN_YESTERDAY, 0 });
	assert_text(&b, "yesterday");
	when_print_canonical(&b, (struct when){ WHEN_CLOCK, 630 * NS_PER_MIN });
	assert_text(&b, "10:30");
	when_print_canonical(&b, (struct when){ WHEN_CLOCK, 630 * NS_PER_MIN + NS_PER_S });
	assert_text(&b, "10:30:01");
	buf_release(&b);
}

/* Every day of the range against the C library's calendar, and there and back. */
static void
agrees_with_the_c_library_on_every_day(void **state)
{
	const int64_t last = (int64_t)(UINT64_MAX / NS_PER_DAY);

	(void)state;
	for (int64_t day = 0; day <= last; day++) {
		time_t t = (time_t)(day * 86400);
		struct tm tm;
		unsigned m, d;
		int y;

		assert_non_null(gmtime_r(&t, &tm));
		civil_from_days(day, &y, &m, &d);
		if (y != tm.tm_year + 1900 || (int)m != tm.tm_mon + 1 || (int)d != tm.tm_mday)
			fail_msg("day %lld is %d-%u-%u", (long long)day, y, m, d);
		assert_true(days_from_civil(y, m, d) == day);
	}
	for (int64_t day = -800000; day < 0; day += 17) {
		unsigned m, d;
		int y;

		civil_from_days(day, &y, &m, &d);
		assert_true(days_from_civil(y, m, d) == day);
	}
}

static void
reads_back_what_it_prints(void **state)
{
	uint64_t x = 88172645463325252ull;
	struct buf b = BUF_INIT;
	struct when w;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t ns, back;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		ns = i % 3 == 0 ? x : x - x % (i % 3 == 1 ? NS_PER_S : 1000000);
		b.n = 0;
		when_print_canonical(&b, (struct when){ WHEN_ABSOLUTE, ns });
		assert_true(when_parse(buf_view(&b), &w));
		assert_true(w.kind == WHEN_ABSOLUTE && w.ns == (__int128)ns);
		b.n = 0;
		when_print(&b, ns);
		assert_true(when_parse(buf_view(&b), &w));
		assert_true(w.ns == (__int128)ns);
		b.n = 0;
		duration_print(&b, ns);
		assert_true(duration_parse(buf_view(&b), &back));
		assert_true(back == ns);
	}
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_durations),
		cmocka_unit_test(refuses_malformed_durations),
		cmocka_unit_test(prints_durations_in_the_largest_exact_unit),
		cmocka_unit_test(prints_short_durations_for_people),
		cmocka_unit_test(parses_prefixes_of_rfc_3339_as_their_first_instant),
		cmocka_unit_test(parses_unix_times_by_their_digits),
		cmocka_unit_test(parses_relative_times),
		cmocka_unit_test(refuses_malformed_times),
		cmocka_unit_test(parses_days_and_hours_of_on),
		cmocka_unit_test(resolves_relative_times_at_now),
		cmocka_unit_test(keeps_times_outside_the_range_as_typed),
		cmocka_unit_test(says_what_a_time_should_have_been),
		cmocka_unit_test(prints_times),
		cmocka_unit_test(agrees_with_the_c_library_on_every_day),
		cmocka_unit_test(reads_back_what_it_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
