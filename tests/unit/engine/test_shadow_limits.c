/* SPDX-License-Identifier: ISC */
/*
 * shadow_limits: second runs stay out of the readers' way and within their limits: the share
 * that is drawn, the queue's bound, giving way, memory, failures, and the end of the engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/store_rig.h"

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;

static void
begin(const char *a, const char *b)
{
	/* On a slow machine, too, an open is answered when the whole result is there. */
	const char *sets[] = { a, b, "mount.now=latest", "result_cache.enabled=no",
		"mount.stream_after=10m", "query.timeout=10m" };
	struct err err = ERR_INIT;

	if (conf_load(NULL, sets, 6, &conf, &err) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
end(void)
{
	engine_close(en);
	conf_free(conf);
}

static void
on_open(void *arg, int code, const void *data, size_t n)
{
	(void)data;
	(void)n;
	__atomic_store_n((int *)arg, code, __ATOMIC_RELEASE);
}

static struct result *
result_of(const char *text)
{
	struct result *r;
	struct path *p;
	struct sv file;

	assert_int_equal(path_parse(sv_cstr(text), engine_known_file, &p, &file, NULL), 0);
	assert_int_equal(engine_result(en, p, file, (struct requester){ 7, 9 }, &r, NULL), 0);
	path_unref(p);
	return r;
}

static int
wait_open(struct result *r)
{
	int code = 1, got;

	assert_int_equal(result_open(r, on_open, &code, NULL, NULL), 0);
	while ((got = __atomic_load_n(&code, __ATOMIC_ACQUIRE)) == 1)
		usleep(200);
	result_unref(r);
	return got;
}

static int
open_result(const char *text)
{
	return wait_open(result_of(text));
}

#define COUNT(what) ((unsigned long long)atomic_load(&en->shadow.what))

static void
the_share_that_is_asked_for_is_drawn(void **state)
{
	char path[64];

	(void)state;
	begin("shadow.sample_rate=0.25", "query.threads=1");
	for (int i = 0; i < 400; i++) {
		snprintf(path, sizeof path, "/limit/%d/count", i + 1);
		assert_int_equal(open_result(path), 0);
	}
	shadow_drain(&en->shadow);
	/* 100 on average; as far off as once in a million. */
	assert_in_range(COUNT(sampled), 57, 143);
	assert_int_equal(COUNT(same) + COUNT(dropped), COUNT(sampled));
	end();
	begin("shadow.sample_rate=0", "query.threads=1");
	assert_int_equal(open_result("/count"), 0);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(sampled), 0);
	assert_false(en->shadow.started);
	end();
}

static void
waits_for_readers_and_drops_what_does_not_fit(void **state)
{
	char path[64];

	(void)state;
	begin("shadow.sample_rate=1", "query.threads=1");
	/* As if a reader's query ran all the time. */
	atomic_fetch_add(&en->counters.running, 1);
	for (int i = 0; i < 80; i++) {
		snprintf(path, sizeof path, "/limit/%d/spans.jsonl", i + 1);
		assert_int_equal(open_result(path), 0);
	}
	while (COUNT(sampled) < 80)
		usleep(200);
	usleep(20000);
	assert_int_equal(COUNT(same), 0);
	atomic_fetch_sub(&en->counters.running, 1);
	shadow_drain(&en->shadow);
	/* 64 in the queue, and perhaps one at its turn. */
	assert_in_range(COUNT(same), 64, 65);
	assert_int_equal(COUNT(same) + COUNT(dropped), 80);
	assert_int_equal(COUNT(different) + COUNT(undecided), 0);
	/* Second runs are no queries. */
	assert_int_equal(atomic_load(&en->counters.queries), 80);
	end();
}

static void
limits_leave_it_undecided(void **state)
{
	struct store_rig small = rig;

	(void)state;
	store_rig_init(&rig, 6, 30000, 3, 1, 4096);
	begin("shadow.sample_rate=1", "shadow.memory=1MiB");
	assert_int_equal(open_result("/sort/name/spans.csv"), 0);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(undecided), 1);
	assert_int_equal(COUNT(different), 0);
	end();
	store_rig_release(&rig);
	rig = small;
}

static void
errors_are_compared_as_errors(void **state)
{
	(void)state;
	begin("shadow.sample_rate=1", "query.max_rows=5");
	assert_int_equal(open_result("/spans.jsonl"), ERR_LIMIT);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(same), 1);
	end();
}

static void
now_is_that_of_the_first_run(void **state)
{
	struct result *r;

	(void)state;
	begin("shadow.sample_rate=1", "query.threads=1");
	r = result_of("/since/1h/count");
	/* The clock goes on, to a time with other spans, before the query runs. */
	atomic_store(&en->now, STORE_RIG_START + UINT64_C(3600000000000));
	assert_int_equal(wait_open(r), 0);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(same), 1);
	end();
}

static void
the_end_of_the_engine_is_not_held_up(void **state)
{
	char path[64];

	(void)state;
	begin("shadow.sample_rate=1", "query.threads=1");
	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof path, "/limit/%d/otlp.jsonl", i + 1000);
		assert_int_equal(open_result(path), 0);
	}
	end();
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 5, 4000, 3, 2, 256);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_that_is_asked_for_is_drawn),
		cmocka_unit_test(waits_for_readers_and_drops_what_does_not_fit),
		cmocka_unit_test(limits_leave_it_undecided),
		cmocka_unit_test(errors_are_compared_as_errors),
		cmocka_unit_test(now_is_that_of_the_first_run),
		cmocka_unit_test(the_end_of_the_engine_is_not_held_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
