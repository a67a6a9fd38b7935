/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of engine/decisioncache: what is remembered, for how long, who decides, who waits,
 * and what goes when there is no room. Decisions here are of one leaf: a decision of `sel`
 * holds for values of sel / 2 to sel * 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "decisions/decisioncache.h"

static struct decisioncache *cache;

struct query_of_test {
	float sel;
	unsigned sleep_us;	/* deciding takes as long */
	int fails;
	bool drops;		/* the cache, while it decides */
	bool worthless;
	atomic_uint computed, hits;
};

static struct decision *
decision_of(float sel)
{
	struct {
		struct decision d;
		struct decision_leaf leaf;
	} *x = calloc(1, sizeof *x);

	assert_non_null(x);
	x->leaf = (struct decision_leaf){ sel, sel / 2, sel * 2 };
	/* No classes, and arrays one after the other behind the struct, as opt makes them. */
	x->d = (struct decision){ .n_bytes = sizeof *x, .n_leaves = 1, .leaves = &x->leaf,
	    .classes = (struct decision_class *)&x->leaf,
	    .order = (uint8_t *)(&x->leaf + 1), .est_cost = 10 };
	/* So that two are seldom alike, and joined. */
	x->d.shape = (uint64_t)(sel * 1e9f);
	return &x->d;
}

static int
by(void *arg, const struct decision *const *v, size_t n, size_t *which, struct err *e)
{
	struct query_of_test *q = arg;

	(void)e;
	for (size_t i = 0; i < n; i++)
		if (q->sel >= v[i]->leaves[0].lo && q->sel <= v[i]->leaves[0].hi) {
			*which = i;
			atomic_fetch_add(&q->hits, 1);
			return 0;
		}
	return DECISION_SELECTIVITY;
}

static int
anew(void *arg, struct decision **d, struct err *e)
{
	struct query_of_test *q = arg;

	if (q->sleep_us != 0)
		usleep(q->sleep_us);
	if (q->drops)
		decisioncache_drop(cache);
	if (q->fails != 0)
		return err_set(e, q->fails, -1, "as told");
	atomic_fetch_add(&q->computed, 1);
	*d = q->worthless ? NULL : decision_of(q->sel);
	return 0;
}

static void
describe(void *arg, struct buf *b)
{
	(void)arg;
	BUF_LIT(b, "spans: x eq ?\033[2J");
}

static struct decision_call
call_of(const char *key, struct query_of_test *q)
{
	return (struct decision_call){ .key = sv_cstr(key), .by = by, .anew = anew,
	    .describe = describe, .arg = q };
}

static struct decision_use
plan(const char *key, struct query_of_test *q)
{
	struct decision_call call = call_of(key, q);
	struct decision_use use = { 0 };
	struct err e = ERR_INIT;

	if (decisioncache_plan(cache, &call, &use, &e) < 0)
		fail_msg("%s", e.msg);
	return use;
}

static void
open_cache(size_t max_entries, uint64_t ttl_ns)
{
	struct decisioncache_limits limits = { max_entries, 1 << 20, ttl_ns };

	decisioncache_free(cache);
	assert_int_equal(decisioncache_new(&limits, &cache, NULL), 0);
}

static int
setup(void **state)
{
	(void)state;
	open_cache(100, UINT64_C(3600000000000));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	decisioncache_free(cache);
	cache = NULL;
	return 0;
}

static void
a_decision_is_used_again(void **state)
{
	struct query_of_test q = { .sel = 0.1f };
	struct decision_use use;

	(void)state;
	use = plan("a", &q);
	assert_int_equal(use.how, DECISION_COMPUTED);
	assert_int_equal(use.id, 1);
	for (uint64_t i = 0; i < 3; i++) {
		use = plan("a", &q);
		assert_int_equal(use.how, DECISION_HIT);
		assert_int_equal(use.id, 1);
		assert_int_equal(use.n_used, i);
	}
	assert_int_equal(plan("b", &q).how, DECISION_COMPUTED);
	assert_int_equal(atomic_load(&q.computed), 2);
	assert_int_equal(decisioncache_stats(cache).hits, 3);
	assert_int_equal(decisioncache_stats(cache).misses, 2);
	assert_int_equal(decisioncache_stats(cache).n_templates, 2);
}

static void
a_template_has_a_decision_for_each_selectivity(void **state)
{
	struct query_of_test often = { .sel = 0.5f }, rare = { .sel = 0.001f };

	(void)state;
	plan("a", &often);
	assert_int_equal(plan("a", &rare).how, DECISION_COMPUTED);
	assert_int_equal(decisioncache_stats(cache).missed_selectivity, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(plan("a", &often).id, 1);
		assert_int_equal(plan("a", &rare).id, 2);
	}
	assert_int_equal(decisioncache_stats(cache).n_templates, 1);
	assert_int_equal(decisioncache_stats(cache).n_entries, 2);
}

static void
a_template_has_no_more_than_a_few(void **state)
{
	struct query_of_test q = { .sel = 1 };

	(void)state;
	for (int i = 0; i < 30; i++, q.sel /= 8)
		plan("a", &q);
	assert_true(decisioncache_stats(cache).n_entries <= 8);
}

static void
cost_settings_make_it_invalid(void **state)
{
	struct query_of_test q = { .sel = 0.1f };
	struct decision_call call = call_of("a", &q);
	struct decision_use use;

	(void)state;
	plan("a", &q);
	call.cost_version = 1;
	assert_int_equal(decisioncache_plan(cache, &call, &use, NULL), 0);
	assert_int_equal(use.how, DECISION_COMPUTED);
	assert_int_equal(decisioncache_stats(cache).invalid_cost, 1);
	assert_int_equal(decisioncache_stats(cache).n_entries, 1);
	assert_int_equal(decisioncache_plan(cache, &call, &use, NULL), 0);
	assert_int_equal(use.how, DECISION_HIT);
}

static void
its_time_runs_out(void **state)
{
	struct query_of_test q = { .sel = 0.1f };

	(void)state;
	open_cache(100, 1000000);
	plan("a", &q);
	usleep(2000);
	assert_int_equal(plan("a", &q).how, DECISION_COMPUTED);
	assert_int_equal(decisioncache_stats(cache).invalid_ttl, 1);
}

static void
what_is_worth_nothing_is_not_kept(void **state)
{
	struct query_of_test q = { .sel = 0.1f, .worthless = true };

	(void)state;
	assert_int_equal(plan("a", &q).id, 0);
	assert_int_equal(plan("a", &q).how, DECISION_COMPUTED);
	assert_int_equal(decisioncache_stats(cache).n_templates, 0);
	assert_int_equal(decisioncache_stats(cache).n_bytes, 0);
	assert_int_equal(decisioncache_stats(cache).not_kept, 2);
}

static void
dropping_forgets_also_what_is_being_decided(void **state)
{
	struct query_of_test q = { .sel = 0.1f }, dropping = { .sel = 0.2f, .drops = true };

	(void)state;
	plan("a", &q);
	plan("b", &dropping);
	assert_int_equal(decisioncache_stats(cache).n_entries, 0);
	assert_int_equal(decisioncache_stats(cache).n_templates, 0);
	assert_int_equal(decisioncache_stats(cache).n_bytes, 0);
	assert_int_equal(plan("a", &q).how, DECISION_COMPUTED);
}

static void
a_failure_is_nobody_elses(void **state)
{
	struct query_of_test bad = { .sel = 0.1f, .fails = ERR_NOMEM }, q = { .sel = 0.1f };
	struct decision_call call = call_of("a", &bad);
	struct decision_use use;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(decisioncache_plan(cache, &call, &use, &e), ERR_NOMEM);
	assert_string_equal(e.msg, "as told");
	assert_int_equal(plan("a", &q).how, DECISION_COMPUTED);
	assert_int_equal(decisioncache_stats(cache).waits, 0);
}

static void
what_is_used_stays(void **state)
{
	struct query_of_test q = { .sel = 0.1f };
	char key[16];

	(void)state;
	open_cache(8, UINT64_C(3600000000000));
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof key, "k%d", i);
		plan(key, &q);
		for (int k = 0; k < 20; k++)
			plan("hot", &q);
	}
	/* Once for itself, and never again. */
	assert_int_equal(atomic_load(&q.computed), 201);
	assert_int_equal(decisioncache_stats(cache).n_entries, 8);
	assert_int_equal(decisioncache_stats(cache).evicted, 201 - 8);
}

static void
what_was_used_long_ago_goes(void **state)
{
	struct query_of_test q = { .sel = 0.1f }, slow = { .sel = 0.1f, .sleep_us = 20 };
	struct decision_use use;
	char key[16];

	(void)state;
	open_cache(8, UINT64_C(3600000000000));
	for (int k = 0; k < 50; k++)
		plan("old", &q);
	/* Slower to decide, so that no stall while deciding the old one can weigh it up. */
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof key, "k%d", i);
		plan(key, &slow);
	}
	use = plan("old", &q);
	assert_int_equal(use.how, DECISION_COMPUTED);
}

static void
limits_shrink(void **state)
{
	struct decisioncache_limits few = { 3, 1 << 20, 1000000000 }, tiny = { 100, 100, 1000000000 };
	struct query_of_test q = { .sel = 0.1f };
	char key[16];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof key, "k%d", i);
		plan(key, &q);
	}
	decisioncache_limit(cache, &few);
	assert_int_equal(decisioncache_stats(cache).n_entries, 3);
	decisioncache_limit(cache, &tiny);
	assert_int_equal(decisioncache_stats(cache).n_entries, 0);
	assert_int_equal(decisioncache_stats(cache).n_bytes, 0);
}

/* ---- threads ---- */

#define N_THREADS 8

struct caller {
	pthread_t thread;
	struct query_of_test *q;
	struct decision_call call;
	struct decision_use use;
	int code;
};

static void *
call_main(void *arg)
{
	struct caller *c = arg;

	c->code = decisioncache_plan(cache, &c->call, &c->use, NULL);
	return NULL;
}

static void
call_at_once(struct caller *v, size_t n, struct query_of_test *q)
{
	for (size_t i = 0; i < n; i++) {
		v[i].q = q;
		v[i].call = call_of("a", q);
		assert_int_equal(pthread_create(&v[i].thread, NULL, call_main, &v[i]), 0);
	}
	for (size_t i = 0; i < n; i++) {
		pthread_join(v[i].thread, NULL);
		assert_int_equal(v[i].code, 0);
	}
}

static void
one_decides_and_the_others_wait(void **state)
{
	struct query_of_test q = { .sel = 0.1f, .sleep_us = 8000 };
	struct caller v[N_THREADS];
	struct decisioncache_stats s;

	(void)state;
	call_at_once(v, N_THREADS, &q);
	s = decisioncache_stats(cache);
	/* On a machine that stalls for DECISION_WAIT_NS some go on alone, and say so. */
	assert_int_equal(atomic_load(&q.computed), 1 + s.waits_given_up);
	assert_int_equal(s.hits + s.misses, N_THREADS);
}

static void
nobody_waits_for_long(void **state)
{
	struct query_of_test q = { .sel = 0.1f, .sleep_us = 80000 };
	struct caller v[2];

	(void)state;
	call_at_once(v, 2, &q);
	assert_int_equal(atomic_load(&q.computed), 2);
	assert_int_equal(decisioncache_stats(cache).waits_given_up, 1);
	assert_int_equal(decisioncache_stats(cache).n_entries, 1);
}

static void
a_cancelled_query_does_not_wait(void **state)
{
	struct query_of_test slow = { .sel = 0.1f, .sleep_us = 100000 }, q = { .sel = 0.1f };
	struct caller first = { .q = &slow, .call = call_of("a", &slow) };
	struct decision_call call = call_of("a", &q);
	atomic_bool cancel = true;
	struct decision_use use;

	(void)state;
	assert_int_equal(pthread_create(&first.thread, NULL, call_main, &first), 0);
	while (decisioncache_stats(cache).misses == 0)
		usleep(100);
	call.cancel = &cancel;
	assert_int_equal(decisioncache_plan(cache, &call, &use, NULL), 0);
	assert_int_equal(use.how, DECISION_COMPUTED);
	assert_int_equal(use.id, 0);
	call.cancel = NULL;
	call.deadline_mono_ns = clock_mono_ns();
	assert_int_equal(decisioncache_plan(cache, &call, &use, NULL), 0);
	assert_int_equal(decisioncache_stats(cache).waits_given_up, 2);
	pthread_join(first.thread, NULL);
}

static void *
hammer_main(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	struct decision_use use;
	char key[16];

	for (int i = 0; i < 3000; i++) {
		struct query_of_test q = { .sel = 0.1f };
		struct decision_call call;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		q.sel = (float)((seed >> 40) % 7 + 1) / 8;
		q.fails = (seed >> 33) % 50 == 0 ? ERR_NOMEM : 0;
		q.worthless = (seed >> 34) % 20 == 0;
		snprintf(key, sizeof key, "k%d", (int)((seed >> 50) % 30));
		call = call_of(key, &q);
		call.cost_version = (uint64_t)i / 1000;
		(void)!decisioncache_plan(cache, &call, &use, NULL);
		if (i % 500 == 0)
			decisioncache_drop(cache);
		if (i % 100 == 0) {
			struct buf b = BUF_INIT;

			decisioncache_print(cache, &b);
			buf_release(&b);
		}
	}
	return NULL;
}

static void
threads_share_it(void **state)
{
	struct decisioncache_limits limits = { 20, 1 << 20, UINT64_C(3600000000000) };
	pthread_t v[4];

	(void)state;
	decisioncache_limit(cache, &limits);
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&v[i], NULL, hammer_main, (void *)(i + 1)), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(v[i], NULL);
	assert_true(decisioncache_stats(cache).n_entries <= 20);
	decisioncache_drop(cache);
	assert_int_equal(decisioncache_stats(cache).n_bytes, 0);
	assert_int_equal(decisioncache_stats(cache).n_templates, 0);
}

static void
people_can_read_it(void **state)
{
	struct query_of_test q = { .sel = 0.1f };
	struct buf b = BUF_INIT;

	(void)state;
	plan("a", &q);
	plan("a", &q);
	plan("b", &q);
	decisioncache_print(cache, &b);
	assert_non_null(strstr(buf_cstr(&b), "# 2 decisions of 2 templates"));
	assert_non_null(strstr(buf_cstr(&b), "# 1 hits, 2 computed"));
	/* The most used first; nothing that a terminal would act on. */
	assert_non_null(strstr(buf_cstr(&b), "\ttemplate\n1\t1\t0\t"));
	assert_non_null(strstr(buf_cstr(&b), "\tby rules\t0.1(0.05-0.2)\tspans: x eq ?\\x1b[2J\n2\t0\t"));
	assert_null(strchr(buf_cstr(&b), '\033'));
	buf_release(&b);
}

/* What the cache holds, as bytes, and then an empty one. */
static struct buf
encoded(uint64_t cost_version)
{
	struct buf b = BUF_INIT;

	decisioncache_encode(cache, cost_version, &b);
	assert_false(b.oom);
	open_cache(100, UINT64_C(3600000000000));
	return b;
}

static void
what_was_decided_serves_the_next_program(void **state)
{
	struct query_of_test q = { .sel = 0.1f }, far = { .sel = 0.9f }, other = { .sel = 0.5f };
	struct decision_use use;
	struct buf b;

	(void)state;
	(void)plan("a", &q);
	(void)plan("a", &q);
	(void)plan("a", &far);
	(void)plan("b", &other);
	b = encoded(0);
	assert_int_equal(decisioncache_decode(cache, buf_view(&b), 0, UINT64_C(60000000000), NULL), 0);
	assert_int_equal(decisioncache_stats(cache).taken_over, 3);
	assert_int_equal(decisioncache_stats(cache).n_templates, 2);
	q.computed = far.computed = other.computed = 0;
	use = plan("a", &q);
	assert_int_equal(use.how, DECISION_HIT);
	assert_int_equal(use.n_used, 1);
	assert_true(use.age_ns >= UINT64_C(60000000000));
	assert_int_equal(plan("a", &far).how, DECISION_HIT);
	assert_int_equal(plan("b", &other).how, DECISION_HIT);
	assert_int_equal(q.computed + far.computed + other.computed, 0);
	buf_release(&b);
}

static void
what_is_too_old_is_not_taken_over(void **state)
{
	struct query_of_test q = { .sel = 0.1f };
	struct decision_use use;
	struct buf b;

	(void)state;
	(void)plan("a", &q);
	/* Of costs that are in force no more. */
	b = encoded(1);
	assert_int_equal(decisioncache_decode(cache, buf_view(&b), 1, 0, NULL), 0);
	assert_int_equal(decisioncache_stats(cache).taken_over, 0);
	buf_release(&b);
	(void)plan("a", &q);
	b = encoded(0);
	assert_int_equal(decisioncache_decode(cache, buf_view(&b), 0, UINT64_C(3600000000000),
	    NULL), 0);
	assert_int_equal(decisioncache_stats(cache).taken_over, 0);
	/* What was decided meanwhile is fresher. */
	(void)plan("a", &q);
	assert_int_equal(decisioncache_decode(cache, buf_view(&b), 0, 1000, NULL), 0);
	assert_int_equal(decisioncache_stats(cache).taken_over, 0);
	use = plan("a", &q);
	assert_int_equal(use.how, DECISION_HIT);
	assert_true(use.age_ns < UINT64_C(1000000000));
	buf_release(&b);
}

static void
no_more_are_taken_over_than_there_is_room_for(void **state)
{
	struct query_of_test q = { .sel = 0.1f };
	char key[16];
	struct buf b;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(key, sizeof key, "k%u", i);
		(void)plan(key, &q);
		if (i == 7)
			for (unsigned k = 0; k < 50; k++)
				(void)plan(key, &q);
	}
	b = encoded(0);
	open_cache(10, UINT64_C(3600000000000));
	assert_int_equal(decisioncache_decode(cache, buf_view(&b), 0, 0, NULL), 0);
	assert_int_equal(decisioncache_stats(cache).n_entries, 10);
	/* The one that is used most is among them. */
	assert_int_equal(plan("k7", &q).how, DECISION_HIT);
	buf_release(&b);
}

static void
malformed_bytes_give_nothing(void **state)
{
	struct query_of_test q = { .sel = 0.1f }, other = { .sel = 0.5f };
	struct buf b;

	(void)state;
	(void)plan("a", &q);
	(void)plan("b", &other);
	b = encoded(0);
	for (size_t i = 0; i < b.n; i++) {
		assert_int_equal(decisioncache_decode(cache, sv_new(b.p, i), 0, 0, NULL),
		    ERR_CORRUPT);
		assert_int_equal(decisioncache_stats(cache).n_entries, 0);
	}
	buf_putc(&b, 0);
	assert_int_equal(decisioncache_decode(cache, buf_view(&b), 0, 0, NULL), ERR_CORRUPT);
	assert_int_equal(decisioncache_stats(cache).n_entries, 0);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_decision_is_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_template_has_a_decision_for_each_selectivity, setup, teardown),
		cmocka_unit_test_setup_teardown(a_template_has_no_more_than_a_few, setup, teardown),
		cmocka_unit_test_setup_teardown(cost_settings_make_it_invalid, setup, teardown),
		cmocka_unit_test_setup_teardown(its_time_runs_out, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_worth_nothing_is_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(dropping_forgets_also_what_is_being_decided, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_is_nobody_elses, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_used_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_used_long_ago_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_shrink, setup, teardown),
		cmocka_unit_test_setup_teardown(one_decides_and_the_others_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits_for_long, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_query_does_not_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_share_it, setup, teardown),
		cmocka_unit_test_setup_teardown(people_can_read_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_decided_serves_the_next_program, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_old_is_not_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_are_taken_over_than_there_is_room_for, setup, teardown),
		cmocka_unit_test_setup_teardown(malformed_bytes_give_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
