/* SPDX-License-Identifier: ISC */
/* cursor and varint: nothing is read past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"

static void
varints_round_trip_and_stop_at_the_end(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++)
		for (int d = -1; d <= 1; d++) {
			uint64_t v = ((uint64_t)1 << bit) + (uint64_t)(int64_t)d, back;
			uint8_t p[VARINT_MAX];
			size_t n = varint_encode(p, v);

			assert_int_equal(varint_decode(p, p + n, &back), n);
			assert_true(back == v);
			assert_int_equal(varint_decode(p, p + n - 1, &back), 0);
			assert_true(unzigzag(zigzag((int64_t)v)) == (int64_t)v);
		}
}

static void
over_long_varints_are_refused(void **state)
{
	uint8_t p[11];
	uint64_t v;

	(void)state;
	memset(p, 0x80, sizeof p);
	assert_int_equal(varint_decode(p, p + 11, &v), 0);
	p[9] = 2;
	assert_int_equal(varint_decode(p, p + 11, &v), 0);
	p[9] = 1;
	assert_int_equal(varint_decode(p, p + 11, &v), 10);
}

static void
a_bad_read_spoils_all_later_ones(void **state)
{
	struct cursor c = cursor_new("\x05""abc\x01\x02\x03\x04", 8);

	(void)state;
	assert_int_equal(cursor_str(&c).n, 5);
	assert_int_equal(cursor_u16(&c), 0x0403);
	assert_false(c.bad);
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(c.bad);
	c = cursor_new("\x7f""abc", 4);
	assert_int_equal(cursor_str(&c).n, 0);
	assert_true(c.bad);
	assert_int_equal(cursor_u64(&c), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(varints_round_trip_and_stop_at_the_end),
		cmocka_unit_test(over_long_varints_are_refused),
		cmocka_unit_test(a_bad_read_spoils_all_later_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
