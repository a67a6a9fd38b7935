/* SPDX-License-Identifier: ISC */
/* Unit tests of base/pool: order, width, nesting, and that nothing is lost at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "base/pool.h"

#define N 1000

static struct pool *
make_pool(unsigned n)
{
	struct pool *p = NULL;

	assert_int_equal(pool_new(n, 5, &p, NULL), 0);
	assert_int_equal(pool_threads(p), n == 0 ? 1 : n);
	return p;
}

static void
nap(void)
{
	struct timespec ts = { 0, 1000000 };

	nanosleep(&ts, NULL);
}

struct seen {
	atomic_int count[N];
	atomic_size_t n, last;
	atomic_int inside, most;
	atomic_bool fell;
};

static void
see(void *arg, size_t i)
{
	struct seen *s = arg;

	atomic_fetch_add(&s->count[i], 1);
	atomic_fetch_add(&s->n, 1);
}

static void
each_index_is_seen_once(void **state)
{
	struct pool *p = make_pool(4);

	(void)state;
	for (unsigned width = 0; width < 7; width++) {
		struct seen s = { .n = 0 };

		pool_each(p, width, N, see, &s);
		assert_int_equal(s.n, N);
		for (size_t i = 0; i < N; i++)
			assert_int_equal(s.count[i], 1);
	}
	pool_each(p, 4, 0, see, NULL);
	pool_free(p);
}

static void
each_without_a_pool_runs_on_the_caller(void **state)
{
	struct seen s = { .n = 0 };

	(void)state;
	pool_each(NULL, 8, N, see, &s);
	assert_int_equal(s.n, N);
}

static void
count_inside(void *arg, size_t i)
{
	struct seen *s = arg;
	int now = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);

	(void)i;
	while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
		;
	nap();
	atomic_fetch_sub(&s->inside, 1);
}

static void
each_keeps_to_its_width(void **state)
{
	struct pool *p = make_pool(6);
	struct seen s = { .n = 0 };

	(void)state;
	pool_each(p, 3, 60, count_inside, &s);
	assert_true(s.most <= 3);
	assert_true(s.most >= 2);
	pool_free(p);
}

struct nest {
	struct pool *p;
	atomic_size_t n;
};

static void
add_one(void *arg, size_t i)
{
	struct nest *x = arg;

	(void)i;
	atomic_fetch_add(&x->n, 1);
}

static void
nest_inner(void *arg, size_t i)
{
	struct nest *x = arg;

	(void)i;
	pool_each(x->p, 4, 50, add_one, x);
}

static void
nest_task(void *arg)
{
	struct nest *x = arg;

	pool_each(x->p, 4, 10, nest_inner, x);
}

static void
each_works_inside_each_and_inside_tasks(void **state)
{
	struct nest x = { make_pool(2), 0 };

	(void)state;
	/* More tasks than threads, each with loops in loops: only the callers keep it going. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(pool_submit(x.p, nest_task, &x, NULL), 0);
	pool_each(x.p, 4, 10, nest_inner, &x);
	pool_free(x.p);
	assert_int_equal(x.n, 8 * 500 + 500);
}

struct order {
	pthread_mutex_t lock;
	int next;
	bool wrong;
};

struct ordered_task {
	struct order *o;
	int i;
};

static void
check_order(void *arg)
{
	struct ordered_task *t = arg;

	pthread_mutex_lock(&t->o->lock);
	t->o->wrong |= t->o->next++ != t->i;
	pthread_mutex_unlock(&t->o->lock);
}

static void
tasks_run_in_the_order_submitted(void **state)
{
	static struct ordered_task t[N];
	struct order o = { PTHREAD_MUTEX_INITIALIZER, 0, false };
	struct pool *p = make_pool(1);

	(void)state;
	for (int i = 0; i < N; i++) {
		t[i] = (struct ordered_task){ &o, i };
		assert_int_equal(pool_submit(p, check_order, &t[i], NULL), 0);
	}
	pool_free(p);
	assert_int_equal(o.next, N);
	assert_false(o.wrong);
}

static void
slow_add(void *arg)
{
	nap();
	atomic_fetch_add((atomic_size_t *)arg, 1);
}

static void
free_runs_what_is_queued(void **state)
{
	struct pool *p = make_pool(2);
	atomic_size_t n = 0;

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(pool_submit(p, slow_add, &n, NULL), 0);
	pool_free(p);
	assert_int_equal(n, 50);
	pool_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_index_is_seen_once),
		cmocka_unit_test(each_without_a_pool_runs_on_the_caller),
		cmocka_unit_test(each_keeps_to_its_width),
		cmocka_unit_test(each_works_inside_each_and_inside_tasks),
		cmocka_unit_test(tasks_run_in_the_order_submitted),
		cmocka_unit_test(free_runs_what_is_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
