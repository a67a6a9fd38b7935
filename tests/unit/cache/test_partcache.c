/* SPDX-License-Identifier: ISC */
/* Unit tests of parts that are kept: found by key, bounded, and alive for as long as somebody has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/partcache.h"

static struct partcache *c;

static int
setup(void **state)
{
	(void)state;
	return partcache_new(1 << 20, &c, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	partcache_free(c);
	return 0;
}

static struct hash128
key(uint64_t i)
{
	return (struct hash128){ hash_u64(i + 1), i };
}

static void
add(uint64_t i, size_t n)
{
	char *v = malloc(n);

	assert_non_null(v);
	memset(v, (int)(i % 256), n);
	partcache_add(c, key(i), sv_new(v, n), 1000000);
	free(v);
}

static void
what_was_added_is_found(void **state)
{
	struct cached_part *p;

	(void)state;
	add(1, 100);
	add(2, 200);
	assert_non_null(p = partcache_get(c, key(2)));
	assert_int_equal(p->n, 200);
	assert_int_equal(p->bytes[199], 2);
	cached_part_put(p);
	assert_null(partcache_get(c, key(3)));
	/* Half a key is none. */
	assert_null(partcache_get(c, (struct hash128){ key(1).lo, 7 }));
	assert_true(partcache_has(c, key(1)));
	assert_false(partcache_has(c, key(3)));
	assert_int_equal(partcache_stats(c).hits, 1);
	assert_int_equal(partcache_stats(c).misses, 2);
	/* A second one of a key changes nothing. */
	add(1, 300);
	assert_non_null(p = partcache_get(c, key(1)));
	assert_int_equal(p->n, 100);
	cached_part_put(p);
}

static void
it_stays_within_its_bound(void **state)
{
	struct cached_part *held;

	(void)state;
	add(0, 1000);
	assert_non_null(held = partcache_get(c, key(0)));
	for (uint64_t i = 1; i < 5000; i++) {
		add(i, 1000 + i % 77);
		assert_true(partcache_stats(c).bytes <= 1 << 20);
	}
	assert_true(partcache_stats(c).bytes > 900000);
	/* One that would put out many is not taken. */
	add(9999, 1 << 18);
	assert_false(partcache_has(c, key(9999)));
	partcache_limit(c, 50000);
	assert_true(partcache_stats(c).bytes <= 50000);
	partcache_drop(c);
	assert_int_equal(partcache_stats(c).n, 0);
	assert_int_equal(held->n, 1000);
	cached_part_put(held);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_added_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(it_stays_within_its_bound, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
