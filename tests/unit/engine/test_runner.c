/* SPDX-License-Identifier: ISC */
/*
 * Whose turn it is. Jobs note the order in which they start; one that holds its place waits until
 * it is let go, so that the others queue behind it.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/engine_i.h"

#define MS UINT64_C(1000000)
#define LONG_NS (2000 * MS)
#define MIB (UINT64_C(1) << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static char order[64];		/* the names of the jobs, as they started */
static size_t n_started, n_ended;
static bool open_gate;

struct named {
	char name;
	bool holds;		/* its place, until the gate opens */
};

static void
job(void *arg)
{
	const struct named *j = arg;

	pthread_mutex_lock(&lock);
	order[n_started++] = j->name;
	order[n_started] = '\0';
	pthread_cond_broadcast(&moved);
	while (j->holds && !open_gate)
		pthread_cond_wait(&moved, &lock);
	n_ended++;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

static void
wait_started(size_t n)
{
	pthread_mutex_lock(&lock);
	while (n_started < n)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

static void
let_go(size_t n)
{
	pthread_mutex_lock(&lock);
	open_gate = true;
	pthread_cond_broadcast(&moved);
	while (n_ended < n)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

static struct runner *
fresh(unsigned max_active, uint64_t wait_ns, struct quota *q)
{
	struct runner_limits lim = { .max_active = max_active, .wait_ns = wait_ns };
	struct runner *r;

	n_started = n_ended = 0;
	open_gate = false;
	assert_int_equal(runner_new(&lim, q, &r, NULL), 0);
	return r;
}

static void
submit(struct runner *r, struct named *j, struct turn t)
{
	assert_int_equal(runner_submit(r, job, j, &t, NULL), 0);
}

static void
a_short_one_passes_a_long_one(void **state)
{
	struct runner *r = fresh(1, 60000 * MS, NULL);
	struct named holder = { 'h', true }, lng = { 'l', false }, shrt = { 's', false };

	(void)state;
	submit(r, &holder, (struct turn){ .uid = 1 });
	wait_started(1);
	submit(r, &lng, (struct turn){ .uid = 1, .cost_ns = LONG_NS });
	submit(r, &shrt, (struct turn){ .uid = 1, .cost_ns = MS });
	let_go(3);
	assert_string_equal(order, "hsl");
	runner_free(r);
}

static void
a_long_one_that_has_waited_for_its_length_is_not_passed(void **state)
{
	struct runner *r = fresh(1, 60000 * MS, NULL);
	struct named holder = { 'h', true }, lng = { 'l', false }, shrt = { 's', false };

	(void)state;
	submit(r, &holder, (struct turn){ .uid = 1 });
	wait_started(1);
	submit(r, &lng, (struct turn){ .uid = 1, .cost_ns = LONG_NS,
	    .since_ns = clock_mono_ns() - LONG_NS });
	submit(r, &shrt, (struct turn){ .uid = 1, .cost_ns = MS });
	let_go(3);
	assert_string_equal(order, "hls");
	runner_free(r);
}

static void
users_take_turns(void **state)
{
	struct runner *r = fresh(2, 60000 * MS, NULL);
	struct named h[2] = { { 'g', true }, { 'h', true } }, a = { 'a', true }, b = { 'b', true };

	(void)state;
	/* User 1 has one running and one more in front; the place that gets free is user 2's. */
	submit(r, &h[0], (struct turn){ .uid = 1 });
	wait_started(1);
	submit(r, &h[1], (struct turn){ .uid = 1 });
	wait_started(2);
	submit(r, &a, (struct turn){ .uid = 1 });
	submit(r, &b, (struct turn){ .uid = 2 });
	runner_resize(r, &(struct runner_limits){ .max_active = 3, .wait_ns = 60000 * MS });
	wait_started(3);
	let_go(4);
	assert_string_equal(order, "ghba");
	runner_free(r);
}

static void
long_ones_leave_a_place(void **state)
{
	struct runner *r = fresh(2, 60000 * MS, NULL);
	struct named l1 = { '1', true }, l2 = { '2', false }, s = { 's', false };

	(void)state;
	submit(r, &l1, (struct turn){ .uid = 1, .cost_ns = LONG_NS });
	wait_started(1);
	submit(r, &l2, (struct turn){ .uid = 1, .cost_ns = LONG_NS });
	submit(r, &s, (struct turn){ .uid = 1, .cost_ns = MS });
	wait_started(2);	/* beside the first long one, which goes on */
	let_go(3);
	assert_string_equal(order, "1s2");
	runner_free(r);
}

static void
memory_is_waited_for(void **state)
{
	struct quota q = { 0, 100 * MIB };
	struct runner *r = fresh(4, 60000 * MS, &q);
	struct named a = { 'a', true }, b = { 'b', false }, c = { 'c', false };

	(void)state;
	submit(r, &a, (struct turn){ .uid = 1, .memory = 80 * MIB });
	wait_started(1);
	submit(r, &b, (struct turn){ .uid = 1, .memory = 30 * MIB });
	submit(r, &c, (struct turn){ .uid = 1, .memory = 20 * MIB });
	wait_started(2);
	let_go(3);
	assert_string_equal(order, "acb");
	runner_free(r);
}

static void
one_that_wants_more_than_there_is_runs_alone(void **state)
{
	struct quota q = { 0, 100 * MIB };
	struct runner *r = fresh(4, 60000 * MS, &q);
	struct named a = { 'a', false };

	(void)state;
	submit(r, &a, (struct turn){ .uid = 1, .memory = 800 * MIB });
	let_go(1);
	runner_free(r);
}

static void
what_is_cancelled_ends_at_once(void **state)
{
	struct runner *r = fresh(1, 60000 * MS, NULL);
	struct named h = { 'h', true }, a = { 'a', false };
	atomic_bool cancel = false;

	(void)state;
	submit(r, &h, (struct turn){ .uid = 1 });
	wait_started(1);
	submit(r, &a, (struct turn){ .uid = 1, .cancel = &cancel });
	atomic_store(&cancel, true);
	runner_look(r);
	wait_started(2);	/* though the only place is taken */
	let_go(2);
	runner_free(r);
}

static void
nobody_waits_longer_than_the_limit(void **state)
{
	struct runner *r = fresh(1, 20 * MS, NULL);
	struct named h = { 'h', true }, a = { 'a', false };

	(void)state;
	submit(r, &h, (struct turn){ .uid = 1 });
	wait_started(1);
	submit(r, &a, (struct turn){ .uid = 1 });
	wait_started(2);
	let_go(2);
	runner_free(r);
}

/* Threads of this process. */
static size_t
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;	/* . and .. */
}

static void *
nothing(void *arg)
{
	return arg;
}

static void
threads_without_work_go(void **state)
{
	struct runner_limits lim = { .max_active = 4, .wait_ns = 60000 * MS, .keep_ns = 20 * MS };
	struct named j[4] = { { 'a', true }, { 'b', true }, { 'c', true }, { 'd', true } };
	struct runner *r = fresh(4, 60000 * MS, NULL);
	pthread_t t;
	size_t n;

	(void)state;
	/* With the first thread a sanitizer may begin one of its own. */
	assert_int_equal(pthread_create(&t, NULL, nothing, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	n = threads();
	runner_resize(r, &lim);
	for (size_t i = 0; i < 4; i++)
		submit(r, &j[i], (struct turn){ .uid = 1 });
	wait_started(4);
	assert_true(threads() >= n + 3);	/* the one before may not be gone yet */
	let_go(4);
	for (int i = 0; i < 5000 && threads() > n; i++)
		usleep(1000);
	assert_true(threads() <= n);
	/* And come again. */
	n_started = n_ended = 0;
	submit(r, &j[0], (struct turn){ .uid = 1 });
	let_go(1);
	runner_free(r);
}

/* When those of before are gone. */
static size_t
threads_at_rest(void)
{
	size_t n = threads();

	for (int same = 0; same < 10; same++) {
		usleep(5000);
		if (threads() != n)
			same = 0;
		n = threads();
	}
	return n;
}

/* Whichever it is: of several that wait the one that is called is not the one that waits longest. */
static void
one_thread_is_kept_for_longer(void **state)
{
	struct runner_limits lim = { .max_active = 4, .wait_ns = 60000 * MS, .keep_ns = 20 * MS,
		.keep_one_ns = 3600000 * MS };
	struct named j[4] = { { 'a', true }, { 'b', true }, { 'c', true }, { 'd', true } };
	size_t n = threads_at_rest();
	struct runner *r = fresh(4, 60000 * MS, NULL);

	(void)state;
	runner_resize(r, &lim);
	for (int round = 0; round < 3; round++) {
		n_started = n_ended = 0;
		for (size_t i = 0; i < 4; i++)
			submit(r, &j[i], (struct turn){ .uid = 1 });
		wait_started(4);
		let_go(4);
		for (int i = 0; i < 5000 && threads() > n + 1; i++)
			usleep(1000);
		assert_int_equal(threads(), n + 1);
	}
	usleep(60 * 1000);
	assert_int_equal(threads(), n + 1);
	runner_free(r);
	for (int i = 0; i < 5000 && threads() > n; i++)
		usleep(1000);
	assert_int_equal(threads(), n);
}

static void *
go_on_later(void *arg)
{
	(void)arg;
	wait_started(2);
	let_go(1);
	return NULL;
}

static struct runner *pausing;

static void
steps_aside(void *arg)
{
	job(arg);
	runner_pause(pausing);
	wait_started(2);
	runner_resume(pausing);
}

static void
one_that_steps_aside_lets_another_run(void **state)
{
	struct runner *r = pausing = fresh(1, 60000 * MS, NULL);
	struct named a = { 'a', false }, b = { 'b', false };
	struct turn t = { .uid = 1, .cost_ns = LONG_NS };
	pthread_t other;

	(void)state;
	assert_int_equal(runner_submit(r, steps_aside, &a, &t, NULL), 0);
	submit(r, &b, t);
	assert_int_equal(pthread_create(&other, NULL, go_on_later, NULL), 0);
	pthread_join(other, NULL);
	runner_free(r);
}

/* Both may count on the one thread that is idle. */
static void
two_that_come_at_once_both_run(void **state)
{
	(void)state;
	for (int round = 0; round < 100; round++) {
		struct runner *r = fresh(4, 60000 * MS, NULL);
		struct named x = { 'x', false }, a = { 'a', true }, b = { 'b', true };

		submit(r, &x, (struct turn){ .uid = 1 });
		wait_started(1);
		submit(r, &a, (struct turn){ .uid = 1 });
		submit(r, &b, (struct turn){ .uid = 1 });
		wait_started(3);
		let_go(3);
		runner_free(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_without_work_go),
		cmocka_unit_test(one_thread_is_kept_for_longer),
		cmocka_unit_test(a_short_one_passes_a_long_one),
		cmocka_unit_test(a_long_one_that_has_waited_for_its_length_is_not_passed),
		cmocka_unit_test(users_take_turns),
		cmocka_unit_test(long_ones_leave_a_place),
		cmocka_unit_test(memory_is_waited_for),
		cmocka_unit_test(one_that_wants_more_than_there_is_runs_alone),
		cmocka_unit_test(what_is_cancelled_ends_at_once),
		cmocka_unit_test(nobody_waits_longer_than_the_limit),
		cmocka_unit_test(one_that_steps_aside_lets_another_run),
		cmocka_unit_test(two_that_come_at_once_both_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
