/* SPDX-License-Identifier: ISC */
/* Unit tests of format/json: strings of every length and alignment, escapes, values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/span_rows.h"

static void
json_of_string(struct sv s, const char *json)
{
	struct buf b = BUF_INIT;

	json_string(&b, s);
	assert_string_equal(buf_cstr(&b), json);
	buf_release(&b);
}

static void
json_of_value(struct value v, const char *json)
{
	struct buf b = BUF_INIT;

	json_value(&b, &v);
	assert_string_equal(buf_cstr(&b), json);
	buf_release(&b);
}

static void
plain_strings_are_copied(void **state)
{
	(void)state;
	json_of_string(SV_EMPTY, "\"\"");
	json_of_string(SV("a"), "\"a\"");
	json_of_string(SV("GET /api/cart?x=1&y=~"), "\"GET /api/cart?x=1&y=~\"");
	json_of_string(SV("\x7f"), "\"\x7f\"");
}

static void
specials_are_escaped(void **state)
{
	(void)state;
	json_of_string(SV("\"\\/"), "\"\\\"\\\\/\"");
	json_of_string(SV("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
	json_of_string(sv_new("\0\x01\x1f", 3), "\"\\u0000\\u0001\\u001f\"");
}

static void
utf8_is_kept_and_other_bytes_are_replaced(void **state)
{
	(void)state;
	json_of_string(SV("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80!"),
	    "\"na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80!\"");
	json_of_string(SV("a\xff" "b"), "\"a\xef\xbf\xbd" "b\"");
	json_of_string(SV("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	json_of_string(SV("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	json_of_string(SV("\xc3\xa9\xc3"), "\"\xc3\xa9\xef\xbf\xbd\"");
}

/* The copy runs 16, 8 and 1 bytes at a time: a special byte at every place of every length. */
static void
a_special_byte_is_found_at_every_place(void **state)
{
	static const char specials[] = { '"', '\\', '\n', '\x01', '\xff', '\x80' };
	char src[80], want[120];

	(void)state;
	for (size_t n = 1; n <= 70; n++)
		for (size_t at = 0; at < n; at++)
			for (size_t k = 0; k < sizeof specials; k++) {
				struct buf b = BUF_INIT, one = BUF_INIT;
				size_t len;

				memset(src, 'x', n);
				src[at] = specials[k];
				json_string(&one, sv_new(&specials[k], 1));
				len = one.n - 2;
				memset(want, 'x', sizeof want);
				want[0] = '"';
				memcpy(want + 1 + at, one.p + 1, len);
				want[n + len] = '"';
				json_string(&b, sv_new(src, n));
				assert_int_equal(b.n, n + len + 1);
				assert_memory_equal(b.p, want, b.n);
				buf_release(&b);
				buf_release(&one);
			}
}

static void
values_keep_their_types(void **state)
{
	(void)state;
	json_of_value(val_str("1"), "\"1\"");
	json_of_value(val_int(INT64_MAX), "9223372036854775807");
	json_of_value(val_int(INT64_MIN), "-9223372036854775808");
	json_of_value(val_double(1), "1.0");
	json_of_value(val_double(0.1), "0.1");
	json_of_value(val_double(1e22), "1e+22");
	json_of_value(val_double((double)NAN), "\"NaN\"");
	json_of_value(val_double((double)INFINITY), "\"Infinity\"");
	json_of_value(val_double(-(double)INFINITY), "\"-Infinity\"");
	json_of_value(val_bool(true), "true");
	json_of_value(val_bool(false), "false");
	json_of_value(val_bytes(sv_new("\x00\xff", 2)), "{\"@bytes\":\"AP8=\"}");
	json_of_value(val_bytes(SV_EMPTY), "{\"@bytes\":\"\"}");
	json_of_value(val_empty(), "null");
}

static void
arrays_and_maps_nest(void **state)
{
	struct value in[3], map;
	struct attr at[2];
	struct arena a;

	(void)state;
	arena_init(&a);
	in[0] = val_int(1);
	in[1] = val_str("x");
	in[2] = val_empty();
	at[0] = (struct attr){ SV("a"), val_array(&a, in, 3) };
	at[1] = (struct attr){ SV("b\n"), val_map(&a, NULL, 0) };
	map = val_map(&a, at, 2);
	json_of_value(map, "{\"a\":[1,\"x\",null],\"b\\n\":{}}");
	json_of_value(val_array(&a, NULL, 0), "[]");
	arena_release(&a);
}

static void
damaged_values_end_early_and_stay_json(void **state)
{
	(void)state;
	/* An element whose length runs past the end; a type that isn't. */
	json_of_value((struct value){ .type = VAL_ARRAY, .s = SV("\x02\x01\x01\x09zz") },
	    "[true]");
	json_of_value((struct value){ .type = VAL_MAP, .s = SV("\x01k\x63") }, "{}");
}

static void
values_deeper_than_the_limit_are_null(void **state)
{
	struct arena a;
	struct value v;
	struct buf b = BUF_INIT;

	(void)state;
	arena_init(&a);
	v = val_int(1);
	for (int i = 0; i < 80; i++)
		v = val_array(&a, &v, 1);
	json_value(&b, &v);
	/* Depths 0 to 64 are shown, in brackets; what is deeper is not. */
	assert_int_equal(b.n, 65 + 4 + 65);
	assert_memory_equal(b.p + 65, "null", 4);
	buf_release(&b);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_strings_are_copied),
		cmocka_unit_test(specials_are_escaped),
		cmocka_unit_test(utf8_is_kept_and_other_bytes_are_replaced),
		cmocka_unit_test(a_special_byte_is_found_at_every_place),
		cmocka_unit_test(values_keep_their_types),
		cmocka_unit_test(arrays_and_maps_nest),
		cmocka_unit_test(damaged_values_end_early_and_stay_json),
		cmocka_unit_test(values_deeper_than_the_limit_are_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
