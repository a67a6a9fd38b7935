/* SPDX-License-Identifier: ISC */
/* Unit tests of model/id: hex in and out, bytes, order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "model/id.h"

static void
parses_full_ids_of_either_case(void **state)
{
	struct trace_id t;
	uint64_t s;

	(void)state;
	assert_true(trace_id_parse(SV("5b8aa5a2d2c872e8321cf37308d69df2"), &t));
	assert_int_equal(t.hi, 0x5b8aa5a2d2c872e8);
	assert_int_equal(t.lo, 0x321cf37308d69df2);
	assert_true(trace_id_parse(SV("5B8AA5A2D2C872E8321CF37308D69DF2"), &t));
	assert_int_equal(t.hi, 0x5b8aa5a2d2c872e8);
	assert_true(span_id_parse(SV("051581bF3cB55C13"), &s));
	assert_int_equal(s, 0x051581bf3cb55c13);
}

static void
pads_short_ids_on_the_left(void **state)
{
	struct trace_id t;
	uint64_t s;

	(void)state;
	assert_true(trace_id_parse(SV("f"), &t));
	assert_int_equal(t.hi, 0);
	assert_int_equal(t.lo, 15);
	assert_true(trace_id_parse(SV("1ffffffffffffffff"), &t));
	assert_int_equal(t.hi, 1);
	assert_int_equal(t.lo, UINT64_MAX);
	assert_true(span_id_parse(SV("0"), &s));
	assert_int_equal(s, 0);
}

static void
refuses_what_is_not_hex_or_too_long(void **state)
{
	static const char *const bad[] = { "", "g", "0x1", " 1", "-1", "1 ", "\xff", "/", ":",
	    "@", "`", "G" };
	struct trace_id t = { 1, 2 };
	uint64_t s = 3;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(trace_id_parse(sv_cstr(bad[i]), &t));
		assert_false(span_id_parse(sv_cstr(bad[i]), &s));
	}
	assert_false(trace_id_parse(SV("123456789012345678901234567890123"), &t));
	assert_false(span_id_parse(SV("12345678901234567"), &s));
	assert_false(trace_id_parse(SV("x0000000000000000000000000000000"), &t));
	assert_int_equal(t.hi, 1);
	assert_int_equal(t.lo, 2);
	assert_int_equal(s, 3);
}

static void
bytes_and_text_round_trip(void **state)
{
	uint8_t raw[16], back[16];
	struct buf b = BUF_INIT;
	struct trace_id t, u;

	(void)state;
	for (size_t i = 0; i < 16; i++)
		raw[i] = (uint8_t)(0xf0 - 7 * i);
	t = trace_id_from_bytes(raw);
	trace_id_to_bytes(t, back);
	assert_memory_equal(raw, back, 16);
	assert_int_equal(t.hi >> 56, raw[0]);
	trace_id_print(&b, t);
	assert_int_equal(b.n, 32);
	assert_true(trace_id_parse(buf_view(&b), &u));
	assert_true(trace_id_eq(t, u));
	b.n = 0;
	span_id_print(&b, 0xab);
	assert_true(sv_is(buf_view(&b), "00000000000000ab"));
	span_id_to_bytes(0x0102030405060708, back);
	assert_int_equal(back[0], 1);
	assert_int_equal(span_id_from_bytes(back), 0x0102030405060708);
	buf_release(&b);
}

static void
orders_as_the_text_does(void **state)
{
	struct trace_id a = { 1, UINT64_MAX }, b = { 2, 0 }, c = { 2, 1 };

	(void)state;
	assert_true(trace_id_cmp(a, b) < 0);
	assert_true(trace_id_cmp(c, b) > 0);
	assert_int_equal(trace_id_cmp(b, b), 0);
	assert_true(trace_id_zero((struct trace_id){ 0, 0 }));
	assert_false(trace_id_zero(c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_full_ids_of_either_case),
		cmocka_unit_test(pads_short_ids_on_the_left),
		cmocka_unit_test(refuses_what_is_not_hex_or_too_long),
		cmocka_unit_test(bytes_and_text_round_trip),
		cmocka_unit_test(orders_as_the_text_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
