/* SPDX-License-Identifier: ISC */
/* arena: alignment, growth, reset, overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void
hands_out_aligned_zeroed_memory(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t n = 0; n < 3000; n += 7) {
		unsigned char *p = arena_calloc(&a, 1, n);
		struct sv s = arena_sv(&a, sv_new("xxxxxxxxxxxxxxxxxxxxxxxxx", n % 20));

		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
		assert_true(s.n == n % 20);
	}
	assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(&a, SIZE_MAX));
	arena_reset(&a);
	assert_int_equal(a.used, 0);
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(arena_cstr(&a, SV("abc")), "abc");
	assert_true(arena_footprint(&a) > 0);
	arena_release(&a);
}

static void
what_is_expected_comes_from_one_block(void **state)
{
	static const size_t sizes[] = { 1000, 5 << 20 };

	(void)state;
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		struct arena a;
		size_t held;
		char *first, *p;

		arena_init(&a);
		assert_true(arena_expect(&a, sizes[k]));
		held = arena_footprint(&a);
		assert_non_null(first = arena_alloc(&a, 16));
		*first = 'a';
		for (size_t n = 16; n + 48 <= sizes[k]; n += 48) {
			assert_non_null(p = arena_alloc(&a, 41));
			memset(p, 'b', 41);
		}
		assert_int_equal(arena_footprint(&a), held);
		assert_true(arena_expect(&a, 1));
		assert_int_equal(*first, 'a');
		assert_int_equal((uintptr_t)first % 16, 0);
		arena_release(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_expected_comes_from_one_block),
		cmocka_unit_test(hands_out_aligned_zeroed_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
