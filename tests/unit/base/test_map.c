/* SPDX-License-Identifier: ISC */
/* map: put, get, growth, every slot visited once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

static void
finds_what_was_put(void **state)
{
	struct map m;
	size_t seen = 0;
	const struct map_slot *s;
	bool fresh;

	(void)state;
	map_init(&m);
	assert_null(map_get(&m, SV("x")));
	for (uint64_t i = 0; i < 5000; i++) {
		uint64_t *v = map_put(&m, sv_new(&i, sizeof i), &fresh);

		assert_true(fresh);
		*v = i * 3;
	}
	for (uint64_t i = 0; i < 5000; i++) {
		assert_int_equal(*map_get(&m, sv_new(&i, sizeof i)), i * 3);
		assert_non_null(map_put(&m, sv_new(&i, sizeof i), &fresh));
		assert_false(fresh);
	}
	for (size_t i = 0; (s = map_next(&m, &i)) != NULL;)
		seen++;
	assert_int_equal(seen, 5000);
	map_release(&m);
}

static void
empty_and_binary_keys_differ(void **state)
{
	struct map m;

	(void)state;
	map_init(&m);
	*map_put(&m, SV_EMPTY, NULL) = 1;
	*map_put(&m, SV("\0"), NULL) = 2;
	*map_put(&m, SV("\0\0"), NULL) = 3;
	assert_int_equal(*map_get(&m, SV("")), 1);
	assert_int_equal(*map_get(&m, SV("\0")), 2);
	assert_int_equal(*map_get(&m, SV("\0\0")), 3);
	assert_int_equal(m.n, 3);
	map_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_put),
		cmocka_unit_test(empty_and_binary_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
