/* SPDX-License-Identifier: ISC */
/* Unit tests of model/value: packing, checking of hostile bytes, order images. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/limits.h"
#include "model/value.h"

static void
pack_round_trips_every_type(void **state)
{
	static const struct value vals[] = {
		{ .type = VAL_EMPTY },
		{ .type = VAL_STRING, .s = { "", 0 } },
		{ .type = VAL_STRING, .s = { "hello", 5 } },
		{ .type = VAL_BOOL, .b = false },
		{ .type = VAL_BOOL, .b = true },
		{ .type = VAL_INT, .i = INT64_MIN },
		{ .type = VAL_INT, .i = 42 },
		{ .type = VAL_DOUBLE, .d = -0.0 },
		{ .type = VAL_DOUBLE, .d = 1e300 },
		{ .type = VAL_BYTES, .s = { "\0\xff", 2 } },
		{ .type = VAL_ARRAY, .s = { "\x02\x01", 2 } },
		{ .type = VAL_MAP, .s = { "\x01" "a\x00", 3 } },
	};
	size_t n = sizeof vals / sizeof *vals;
	struct buf b = BUF_INIT;
	struct cursor c;
	struct value v;

	(void)state;
	for (size_t i = 0; i < n; i++)
		value_pack(&b, &vals[i]);
	c = cursor_new(b.p, b.n);
	for (size_t i = 0; i < n; i++) {
		assert_true(value_unpack(&c, &v));
		assert_true(value_eq(&v, &vals[i]));
	}
	assert_int_equal(cursor_left(&c), 0);
	assert_true(value_check(VAL_ARRAY, buf_view(&b)));
	/* Cut anywhere, the list is malformed or shorter; nothing is read past the end. */
	for (size_t cut = 0; cut < b.n; cut++) {
		size_t got = 0;

		c = cursor_new(b.p, cut);
		while (value_array_next(&c, &v))
			got++;
		assert_true(got < n);
	}
	buf_release(&b);
}

static void
equality_is_of_type_and_content(void **state)
{
	struct value i = { .type = VAL_INT, .i = 0 }, d = { .type = VAL_DOUBLE, .d = 0 };
	struct value neg = { .type = VAL_DOUBLE, .d = -0.0 };
	struct value s = { .type = VAL_STRING, .s = { "a", 1 } };
	struct value y = { .type = VAL_BYTES, .s = { "a", 1 } };
	struct value nan = { .type = VAL_DOUBLE, .d = NAN };

	(void)state;
	assert_false(value_eq(&i, &d));
	assert_false(value_eq(&d, &neg));
	assert_false(value_eq(&s, &y));
	assert_true(value_eq(&nan, &nan));
	assert_true(value_eq(&s, &s));
}

static void
check_refuses_malformed_bytes(void **state)
{
	static const struct {
		enum value_type t;
		const char *p;
		size_t n;
		bool ok;
	} cases[] = {
		{ VAL_ARRAY, "", 0, true },
		{ VAL_MAP, "", 0, true },
		{ VAL_STRING, "", 0, false },
		{ VAL_ARRAY, "\x08", 1, false },		/* no such type */
		{ VAL_ARRAY, "\x02\x02", 2, false },		/* a bool of 2 */
		{ VAL_ARRAY, "\x02", 1, false },
		{ VAL_ARRAY, "\x03\0\0\0\0\0\0\0", 8, false },	/* an int of 7 bytes */
		{ VAL_ARRAY, "\x01\x05" "abcd", 6, false },	/* length past the end */
		{ VAL_ARRAY, "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, false },
		{ VAL_ARRAY, "\x06\x02\x02\x01", 4, true },
		{ VAL_ARRAY, "\x06\x02\x02\x03", 4, false },	/* bad inside */
		{ VAL_MAP, "\x01" "a\x00\x01" "b\x00", 6, true },
		{ VAL_MAP, "\x01" "b\x00\x01" "a\x00", 6, false },	/* not in order */
		{ VAL_MAP, "\x01" "a\x00\x01" "a\x00", 6, false },	/* a key twice */
		{ VAL_MAP, "\x00\x00\x01" "a\x00", 5, true },
		{ VAL_MAP, "\x01" "a", 2, false },
		{ VAL_MAP, "\x01" "a\x07\x03\x01" "c\x00", 7, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(value_check(cases[i].t, sv_new(cases[i].p, cases[i].n)),
		    cases[i].ok);
}

/* Arrays within each other, `depth` levels in all. */
static void
nest(struct buf *out, size_t depth)
{
	struct buf in = BUF_INIT;

	out->n = 0;
	for (size_t i = 1; i < depth; i++) {
		struct value v = { .type = VAL_ARRAY, .s = buf_view(out) };

		in.n = 0;
		value_pack(&in, &v);
		out->n = 0;
		buf_sv(out, buf_view(&in));
	}
	buf_release(&in);
}

static void
check_bounds_depth(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	nest(&b, LIMIT_VALUE_DEPTH);
	assert_true(value_check(VAL_ARRAY, buf_view(&b)));
	nest(&b, LIMIT_VALUE_DEPTH + 1);
	assert_false(value_check(VAL_ARRAY, buf_view(&b)));
	buf_release(&b);
}

static void
images_keep_order(void **state)
{
	static const int64_t ints[] = { INT64_MIN, -2, -1, 0, 1, INT64_MAX };
	const double doubles[] = { -INFINITY, -DBL_MAX, -1.5, -DBL_MIN, -0.0, 0.0, DBL_MIN,
	    1, 1.5, DBL_MAX, INFINITY, NAN };

	(void)state;
	for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
		assert_int_equal(value_i64_of(value_image_i64(ints[i])), ints[i]);
		if (i > 0)
			assert_true(value_image_i64(ints[i - 1]) < value_image_i64(ints[i]));
	}
	for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
		double back = value_double_of(value_image_double(doubles[i]));

		assert_memory_equal(&back, &doubles[i], sizeof back);
		if (i > 0)
			assert_true(value_image_double(doubles[i - 1]) <
			    value_image_double(doubles[i]));
	}
	assert_true(value_image_double(-(double)NAN) < value_image_double(-INFINITY));
}

static void
names_types(void **state)
{
	(void)state;
	assert_string_equal(value_type_name(VAL_MAP), "map");
	assert_string_equal(value_type_name(VAL_EMPTY), "empty");
	assert_string_equal(value_type_name((enum value_type)99), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pack_round_trips_every_type),
		cmocka_unit_test(equality_is_of_type_and_content),
		cmocka_unit_test(check_refuses_malformed_bytes),
		cmocka_unit_test(check_bounds_depth),
		cmocka_unit_test(images_keep_order),
		cmocka_unit_test(names_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
