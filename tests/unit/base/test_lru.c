/* SPDX-License-Identifier: ISC */
/* Tests of the bounded cache: what stays, what goes, when values are dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <cmocka.h>

#include "base/lru.h"

static _Atomic int n_dropped;

static void
drop(void *val)
{
	atomic_fetch_add(&n_dropped, 1);
	free(val);
}

static struct lru *
make(size_t max)
{
	struct lru *l;

	n_dropped = 0;
	assert_int_equal(lru_new(max, drop, &l, NULL), 0);
	return l;
}

static int *
number(int i)
{
	int *p = malloc(sizeof *p);

	assert_non_null(p);
	*p = i;
	return p;
}

static struct lru_entry *
put(struct lru *l, const char *key, int val, size_t bytes)
{
	struct lru_entry *e;

	assert_non_null(lru_put(l, sv_cstr(key), number(val), bytes, &e));
	return e;
}

/* The number under a key, or -1. */
static int
look(struct lru *l, const char *key)
{
	struct lru_entry *e;
	int *p = lru_get(l, sv_cstr(key), &e), v = p == NULL ? -1 : *p;

	if (p != NULL)
		lru_unpin(l, e);
	return v;
}

static void
gives_back_what_was_put(void **state)
{
	struct lru *l = make(1000);

	(void)state;
	assert_int_equal(look(l, "a"), -1);
	lru_unpin(l, put(l, "a", 1, 10));
	lru_unpin(l, put(l, "", 2, 10));
	assert_int_equal(look(l, "a"), 1);
	assert_int_equal(look(l, ""), 2);
	assert_int_equal(lru_stats(l).hits, 2);
	assert_int_equal(lru_stats(l).misses, 1);
	assert_int_equal(lru_stats(l).n_bytes, 20);
	lru_free(l);
	assert_int_equal(n_dropped, 2);
}

static void
evicts_the_least_recently_used_first(void **state)
{
	struct lru *l = make(30);

	(void)state;
	lru_unpin(l, put(l, "a", 1, 10));
	lru_unpin(l, put(l, "b", 2, 10));
	lru_unpin(l, put(l, "c", 3, 10));
	assert_int_equal(look(l, "a"), 1);
	lru_unpin(l, put(l, "d", 4, 10));
	assert_int_equal(look(l, "b"), -1);
	assert_int_equal(look(l, "a"), 1);
	assert_int_equal(look(l, "c"), 3);
	assert_int_equal(look(l, "d"), 4);
	assert_int_equal(lru_stats(l).evictions, 1);
	assert_int_equal(n_dropped, 1);
	lru_free(l);
}

static void
never_evicts_what_is_pinned(void **state)
{
	struct lru *l = make(10);
	struct lru_entry *a = put(l, "a", 1, 10), *b = put(l, "b", 2, 10);

	(void)state;
	assert_int_equal(lru_stats(l).n_bytes, 20);
	assert_int_equal(look(l, "a"), 1);
	lru_unpin(l, a);
	assert_int_equal(look(l, "a"), -1);
	assert_int_equal(look(l, "b"), 2);
	lru_unpin(l, b);
	assert_int_equal(look(l, "b"), 2);
	lru_free(l);
}

static void
does_not_keep_what_is_larger_than_itself(void **state)
{
	struct lru *l = make(10);
	struct lru_entry *a = put(l, "a", 1, 11);

	(void)state;
	lru_unpin(l, a);
	assert_int_equal(look(l, "a"), -1);
	assert_int_equal(lru_stats(l).n_bytes, 0);
	lru_free(l);
}

static void
keeps_the_older_value_of_a_key(void **state)
{
	struct lru *l = make(100);
	struct lru_entry *a = put(l, "a", 1, 10), *e;
	int *p = lru_put(l, SV("a"), number(2), 10, &e);

	(void)state;
	assert_int_equal(*p, 1);
	assert_ptr_equal(a, e);
	assert_int_equal(n_dropped, 1);
	lru_unpin(l, a);
	lru_unpin(l, e);
	assert_int_equal(lru_stats(l).n_entries, 1);
	lru_free(l);
}

static void
forgets_by_prefix_and_pinned_ones_when_unpinned(void **state)
{
	struct lru *l = make(100);
	struct lru_entry *a = put(l, "x/a", 1, 10);

	(void)state;
	lru_unpin(l, put(l, "x/b", 2, 10));
	lru_unpin(l, put(l, "y/a", 3, 10));
	lru_forget(l, SV("x/"));
	assert_int_equal(n_dropped, 1);
	assert_int_equal(look(l, "x/a"), -1);
	assert_int_equal(look(l, "y/a"), 3);
	/* The name is free again while the old value is still held. */
	lru_unpin(l, put(l, "x/a", 4, 10));
	lru_unpin(l, a);
	assert_int_equal(n_dropped, 2);
	assert_int_equal(look(l, "x/a"), 4);
	lru_free(l);
	assert_int_equal(n_dropped, 4);
}

static void
shrinks_when_resized(void **state)
{
	struct lru *l = make(1000);
	char key[16];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "%d", i);
		lru_unpin(l, put(l, key, i, 10));
	}
	lru_resize(l, 95);
	assert_int_equal(lru_stats(l).n_entries, 9);
	assert_int_equal(look(l, "99"), 99);
	assert_int_equal(look(l, "90"), -1);
	lru_free(l);
	assert_int_equal(n_dropped, 100);
}

static void
finds_all_of_many(void **state)
{
	struct lru *l = make(SIZE_MAX);
	char key[16];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof key, "key %d", i);
		lru_unpin(l, put(l, key, i, 1));
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof key, "key %d", i);
		assert_int_equal(look(l, key), i);
	}
	lru_free(l);
}

static void *
race(void *arg)
{
	struct lru *l = arg;
	char key[16];

	for (int i = 0; i < 20000; i++) {
		int k = i * 7919 % 60;
		struct lru_entry *e;
		int *p;

		snprintf(key, sizeof key, "%d", k);
		if ((p = lru_get(l, sv_cstr(key), &e)) == NULL)
			p = lru_put(l, sv_cstr(key), number(k), 10, &e);
		if (p == NULL || *p != k)
			return l;
		lru_unpin(l, e);
		if (i % 1000 == 0)
			lru_forget(l, SV("1"));
	}
	return NULL;
}

static void
threads_share_it(void **state)
{
	struct lru *l = make(300);
	pthread_t t[4];
	void *bad;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, race, l), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_true(lru_stats(l).n_bytes <= 300);
	lru_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_put),
		cmocka_unit_test(evicts_the_least_recently_used_first),
		cmocka_unit_test(never_evicts_what_is_pinned),
		cmocka_unit_test(does_not_keep_what_is_larger_than_itself),
		cmocka_unit_test(keeps_the_older_value_of_a_key),
		cmocka_unit_test(forgets_by_prefix_and_pinned_ones_when_unpinned),
		cmocka_unit_test(shrinks_when_resized),
		cmocka_unit_test(finds_all_of_many),
		cmocka_unit_test(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
