/* SPDX-License-Identifier: ISC */
/* buf: growth, numbers, and silence after memory ran out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
is(struct buf *b, const char *want)
{
	assert_string_equal(buf_cstr(b), want);
	b->n = 0;
}

static void
prints_numbers_exactly(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_u64(&b, 0);
	is(&b, "0");
	buf_u64(&b, UINT64_MAX);
	is(&b, "18446744073709551615");
	for (uint64_t v = 1, i = 0; i < 19; i++, v *= 10) {
		char want[64];

		snprintf(want, sizeof want, "%llu %llu", (unsigned long long)v,
		    (unsigned long long)(v * 10 - 1));
		buf_u64(&b, v);
		buf_putc(&b, ' ');
		buf_u64(&b, v * 10 - 1);
		is(&b, want);
	}
	buf_i64(&b, INT64_MIN);
	is(&b, "-9223372036854775808");
	buf_hex64(&b, 0x1234abcd);
	is(&b, "000000001234abcd");
	buf_release(&b);
}

static void
prints_shortest_doubles(void **state)
{
	static const struct {
		double d;
		const char *want;
	} v[] = {
		{ 0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" }, { 0.1, "0.1" }, { 1e21, "1e+21" },
		{ 0.3, "0.3" }, { 0.1 + 0.2, "0.30000000000000004" }, { 5e-324, "5e-324" },
		{ 1.0 / 3, "0.3333333333333333" }, { 123456789, "123456789.0" },
		{ 1e300 * 1e10, "Infinity" }, { -1e300 * 1e10, "-Infinity" },
		/* Powers of two whose nearest 16 digits don't read back, but those above do. */
		{ 0x1p-1017, "7.120236347223045e-307" },
		{ 0x1p-695, "6.083493012144512e-210" },
		{ 0x1p-296, "7.854549544476363e-90" },
		{ 0x1p+172, "5.986310706507379e+51" },
		{ 0x1p+534, "5.623642243178996e+160" },
		{ 0x1p+976, "6.386688990511104e+293" },
		{ -0x1p863, "-6.150157786156811e+259" },
	};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		buf_double(&b, v[i].d);
		is(&b, v[i].want);
	}
	buf_double(&b, __builtin_nan(""));
	is(&b, "NaN");
	buf_release(&b);
}

static void
doubles_read_back(void **state)
{
	struct buf b = BUF_INIT;
	uint64_t x = 88172645463325252ull;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double d, back;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(&d, &x, 8);
		if (d != d || d - d != 0)
			continue;
		buf_double(&b, d);
		back = strtod(buf_cstr(&b), NULL);
		assert_memory_equal(&back, &d, 8);
		b.n = 0;
	}
	buf_release(&b);
}

static void
base64_pads(void **state)
{
	static const char *const want[] = { "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=",
		"Zm9vYmFy" };
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		buf_base64(&b, "foobar", i);
		is(&b, want[i]);
	}
	buf_release(&b);
}

static void
stays_oom(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_str(&b, "kept");
	assert_false(buf_reserve(&b, SIZE_MAX - 1));
	buf_str(&b, "lost");
	assert_int_equal(buf_ok(&b, &e), ERR_NOMEM);
	assert_int_equal(b.n, 4);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_numbers_exactly),
		cmocka_unit_test(prints_shortest_doubles),
		cmocka_unit_test(doubles_read_back),
		cmocka_unit_test(base64_pads),
		cmocka_unit_test(stays_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
