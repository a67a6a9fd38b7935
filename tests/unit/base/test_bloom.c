/* SPDX-License-Identifier: ISC */
/* bloom: never a false negative, few false positives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bloom.h"
#include "base/hash.h"

static void
has_what_was_added(void **state)
{
	size_t n = 20000, bytes = bloom_bytes(n), wrong = 0;
	uint8_t *f = calloc(1, bytes);

	(void)state;
	assert_non_null(f);
	for (uint64_t i = 0; i < n; i++)
		bloom_add(f, bytes, hash_u64(i + 1));
	for (uint64_t i = 0; i < n; i++)
		assert_true(bloom_may_have(f, bytes, hash_u64(i + 1)));
	for (uint64_t i = n; i < 11 * n; i++)
		wrong += bloom_may_have(f, bytes, hash_u64(i + 1));
	assert_true(wrong < 10 * n / 50);
	assert_true(bloom_may_have(NULL, 0, 7));
	free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_what_was_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
