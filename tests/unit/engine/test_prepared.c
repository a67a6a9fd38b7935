/* SPDX-License-Identifier: ISC */
/*
 * prepared: without the cache of results the same path is bound and planned once, as the counter of
 * plans that served again shows; and anew after all that it depends on has changed. Each answer is
 * that of engine_query, which knows of none of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/result_i.h"
#include "lib/gen_span.h"
#include "lib/rounds.h"
#include "lib/store_rig.h"

#define SPANS "/where/kind/eq/server/limit/20/spans.jsonl"
#define COUNT "/status/error/count"

static struct store_rig rig;
static const struct requester me = { 1000, 1 };

/* What a mount has: settings that may be changed, an engine, and the paths of its nodes. */
struct mounted {
	struct conf *conf[16];
	size_t n_conf;
	struct engine *en;
};

static const struct conf *
conf_with(struct mounted *m, const char *set)
{
	const char *sets[] = { "query.threads=1", "result_cache.enabled=no", set };
	struct err e = ERR_INIT;

	if (conf_load(NULL, sets, set == NULL ? 2 : 3, &m->conf[m->n_conf], &e) < 0)
		fail_msg("%s: %s", set, e.msg);
	return m->conf[m->n_conf++];
}

static void
mount_with(struct mounted *m, const char *set)
{
	struct err e = ERR_INIT;

	*m = (struct mounted){ .n_conf = 0 };
	if (engine_open(conf_with(m, set), rig.dir, false, &m->en, &e) < 0)
		fail_msg("%s", e.msg);
}

static void
unmount(struct mounted *m)
{
	engine_close(m->en);
	while (m->n_conf > 0)
		conf_free(m->conf[--m->n_conf]);
}

struct asked {
	struct path *path;
	struct sv name;
};

static struct asked
file_of(const char *text)
{
	struct err e = ERR_INIT;
	struct asked f;

	if (path_parse(sv_cstr(text), engine_known_file, &f.path, &f.name, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return f;
}

/* A wait as a blocking call. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool called;
	int code;
	struct buf bytes;
};

static void
on_call(void *arg, int code, const void *data, size_t n)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->called = true;
	w->code = code;
	buf_put(&w->bytes, data, n);
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static int
finish(struct waiter *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->called)
		pthread_cond_wait(&w->cond, &w->lock);
	w->called = false;
	pthread_mutex_unlock(&w->lock);
	return w->code;
}

/* Who made it may be another thread, which keeps what it has made after its readers are answered. */
static void
until_settled(struct result *r)
{
	bool settled = false;

	while (!settled) {
		pthread_mutex_lock(&r->lock);
		settled = r->settled;
		pthread_mutex_unlock(&r->lock);
		if (!settled)
			usleep(100);
	}
}

/* Opens it, reads it whole and closes it: what it ended with. */
static int
read_file(struct engine *en, const struct asked *f, struct buf *out)
{
	struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, BUF_INIT };
	struct result *r;
	int code = engine_result(en, f->path, f->name, me, &r, NULL);

	if (code < 0)
		return code;
	assert_int_equal(result_open(r, on_call, &w, NULL, NULL), 0);
	code = finish(&w);
	while (code == 0) {
		size_t before = w.bytes.n;

		assert_int_equal(result_read(r, before, RESULT_READ_MAX, on_call, &w, NULL, NULL), 0);
		code = finish(&w);
		if (w.bytes.n == before)
			break;
	}
	until_settled(r);
	result_unref(r);
	buf_sv(out, buf_view(&w.bytes));
	buf_release(&w.bytes);
	return code;
}

static int
put(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

/* Opens the file and compares; whether a plan that was there served. */
static bool
serves(struct mounted *m, const struct asked *f, const char *text)
{
	unsigned long long kept = atomic_load(&m->en->counters.plans_kept);
	struct buf got = BUF_INIT, want = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(read_file(m->en, f, &got), 0);
	kept = atomic_load(&m->en->counters.plans_kept) - kept;
	if (engine_query(m->en, sv_cstr(text), me, put, &want, NULL, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	assert_true(sv_eq(buf_view(&got), buf_view(&want)));
	buf_release(&got);
	buf_release(&want);
	assert_true(kept <= 1);
	return kept != 0;
}

/* Asked twice, it is there for the third. */
static void
prepare(struct mounted *m, const struct asked *f, const char *text)
{
	(void)serves(m, f, text);
	(void)serves(m, f, text);
	assert_true(serves(m, f, text));
}

static void
control(struct mounted *m, const char *line)
{
	struct err e = ERR_INIT;

	if (engine_control(m->en, sv_cstr(line), me, &e) < 0)
		fail_msg("%s: %s", line, e.msg);
}

static void
import(uint64_t seed)
{
	struct gen_span_options o = { .seed = seed, .start_ns = STORE_RIG_START, .range_ns = NS_PER_HOUR,
		.n_services = 5, .n_traces = 50, .n_keys = 24 };
	struct span_batch b;
	struct gen_span g;

	span_batch_init(&b);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &b, 300));
	store_rig_add(&rig, &b, 256);
	span_batch_release(&b);
}

static unsigned long long
n_planned(const struct mounted *m)
{
	return atomic_load(&m->en->counters.decisions_made) +
	    atomic_load(&m->en->counters.decisions_hit);
}

static void
the_same_path_is_planned_once(void **state)
{
	struct asked f = file_of(SPANS);
	unsigned long long planned;
	struct buf out = BUF_INIT;
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	prepare(&m, &f, SPANS);
	planned = n_planned(&m);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(read_file(m.en, &f, &out), 0);
	assert_int_equal(n_planned(&m), planned);
	assert_int_equal(atomic_load(&m.en->counters.plans_kept), 12);
	buf_release(&out);
	path_unref(f.path);
	unmount(&m);
}

/* Two who ask at once don't share one: the second has its own. */
static void
one_at_a_time_has_it(void **state)
{
	struct asked f = file_of(SPANS);
	struct result *a, *b;
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	prepare(&m, &f, SPANS);
	assert_int_equal(engine_result(m.en, f.path, f.name, me, &a, NULL), 0);
	assert_int_equal(engine_result(m.en, f.path, f.name, me, &b, NULL), 0);
	result_unref(a);
	result_unref(b);
	/* Neither was run, so neither is there any more. */
	assert_false(serves(&m, &f, SPANS));
	assert_true(serves(&m, &f, SPANS));
	path_unref(f.path);
	unmount(&m);
}

/* The ticker may be at them, too. */
static size_t
bytes_kept(struct mounted *m)
{
	size_t bytes;

	pthread_mutex_lock(&m->en->lock);
	bytes = m->en->prepared.bytes;
	pthread_mutex_unlock(&m->en->lock);
	return bytes;
}

static void
an_import_ends_it(void **state)
{
	struct asked f = file_of(COUNT);
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	for (unsigned i = 0; i < 3; i++) {
		prepare(&m, &f, COUNT);
		import(100 + i);
		assert_false(serves(&m, &f, COUNT));	/* with what came, as serves compares */
	}
	path_unref(f.path);
	unmount(&m);
}

/* It would hold the files of its state: they go with the next query, whichever that is. */
static void
none_of_a_state_that_is_over_is_held(void **state)
{
	struct asked f = file_of(COUNT), other = file_of("/group/service/groups.csv");
	struct buf out = BUF_INIT;
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	prepare(&m, &f, COUNT);
	assert_true(bytes_kept(&m) != 0);
	import(200);
	assert_int_equal(read_file(m.en, &other, &out), 0);
	assert_int_equal(bytes_kept(&m), 0);
	buf_release(&out);
	path_unref(other.path);
	path_unref(f.path);
	unmount(&m);
}

/* Nor where names are looked up and nothing is read. */
static void
a_look_up_lets_go_of_it(void **state)
{
	struct asked f = file_of(COUNT);
	struct err e = ERR_INIT;
	struct mounted m;
	struct world *w;

	(void)state;
	mount_with(&m, NULL);
	prepare(&m, &f, COUNT);
	assert_true(bytes_kept(&m) != 0);
	import(201);
	for (unsigned i = 0; bytes_kept(&m) != 0; i++) {
		assert_true(i < 5000);
		assert_int_equal(engine_world(m.en, &w, &e), 0);
		world_unref(w);
		usleep(1000);
	}
	path_unref(f.path);
	unmount(&m);
}

static void
what_control_changes_ends_it(void **state)
{
	static const char *const lines[] = { "analyze", "reset-costs", "drop-caches",
		"drop-caches decisions" };
	struct asked f = file_of(SPANS);
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		prepare(&m, &f, SPANS);
		control(&m, lines[i]);
		if (serves(&m, &f, SPANS))
			fail_msg("%s: the plan of before served", lines[i]);
	}
	path_unref(f.path);
	unmount(&m);
}

static void
settings_end_it(void **state)
{
	static const char *const sets[] = { "query.max_rows=5", "query.rules_off=index",
		"cost_model.seq_page_cost=7", NULL };
	struct asked f = file_of(SPANS);
	struct buf out = BUF_INIT;
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		prepare(&m, &f, SPANS);
		engine_reload(m.en, conf_with(&m, sets[i]));
		if (i == 0)	/* a limit of 20 rows is too high now; it was not when it was bound */
			assert_int_equal(read_file(m.en, &f, &out), ERR_SYNTAX);
		else
			assert_false(serves(&m, &f, SPANS));
		engine_reload(m.en, conf_with(&m, NULL));
	}
	buf_release(&out);
	path_unref(f.path);
	unmount(&m);
}

static void
never(const char *set, const char *text)
{
	struct asked f = file_of(text);
	struct mounted m;

	mount_with(&m, set);
	for (unsigned i = 0; i < 4; i++)
		if (serves(&m, &f, text))
			fail_msg("%s, %s: a plan of before served", text, set == NULL ? "" : set);
	assert_int_equal(m.en->prepared.bytes, 0);
	path_unref(f.path);
	unmount(&m);
}

static void
what_moves_is_not_kept(void **state)
{
	(void)state;
	never(NULL, "/since/1h/count");
	never("mount.now=latest", "/since/1h/count");
	never(NULL, "/mark/m2/count");
	never(NULL, "/group/service/groups.csv");
	never("decision_cache.enabled=no", SPANS);
	never("log.trace=plan", SPANS);
}

static void
what_is_older_than_a_decision_may_be_goes(void **state)
{
	struct asked f = file_of(SPANS);
	struct mounted m;

	(void)state;
	mount_with(&m, "decision_cache.ttl=1ms");
	for (unsigned i = 0; i < 4; i++) {
		assert_false(serves(&m, &f, SPANS));
		usleep(1500);
	}
	path_unref(f.path);
	unmount(&m);
}

/* The cache of results answers, and needs no plan. */
static void
with_a_cache_there_is_none(void **state)
{
	struct asked f = file_of(SPANS);
	struct mounted m;

	(void)state;
	mount_with(&m, "result_cache.enabled=yes");
	for (unsigned i = 0; i < 4; i++)
		assert_false(serves(&m, &f, SPANS));
	assert_int_equal(m.en->prepared.bytes, 0);
	path_unref(f.path);
	unmount(&m);
}

static void
a_range_that_moves_moves(void **state)
{
	struct asked f = file_of("/since/30m/count");
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	atomic_store(&m.en->now, rig.now_ns);
	assert_int_equal(read_file(m.en, &f, &a), 0);
	atomic_store(&m.en->now, rig.now_ns - 2 * NS_PER_HOUR);
	assert_int_equal(read_file(m.en, &f, &b), 0);
	assert_false(sv_eq(buf_view(&a), buf_view(&b)));
	buf_release(&a);
	buf_release(&b);
	path_unref(f.path);
	unmount(&m);
}

/* However many paths there are. */
static void
they_take_a_bounded_room(void **state)
{
	struct asked v[4 * PREPARED_SLOTS];
	struct buf out = BUF_INIT;
	struct mounted m;
	size_t there = 0;

	(void)state;
	mount_with(&m, NULL);
	for (size_t i = 0; i < 4 * PREPARED_SLOTS; i++) {
		char text[64];

		snprintf(text, sizeof text, "/offset/%zu/limit/1/spans.csv", i);
		v[i] = file_of(text);
		assert_int_equal(read_file(m.en, &v[i], &out), 0);
	}
	for (size_t i = 0; i < PREPARED_SLOTS; i++)
		there += m.en->prepared.slot[i] != NULL;
	assert_true(there > 0);
	assert_true(bytes_kept(&m) > 0 && bytes_kept(&m) <= (size_t)4 << 20);
	prepared_drop(m.en);
	assert_int_equal(bytes_kept(&m), 0);
	for (size_t i = 0; i < 4 * PREPARED_SLOTS; i++)
		path_unref(v[i].path);
	buf_release(&out);
	unmount(&m);
}

static unsigned long long
taken(struct mounted *m)
{
	return atomic_load(&m->en->quota.used);
}

/* They are of what all queries may take together, a small part; where that is taken none is kept. */
static void
they_count_as_memory_of_queries(void **state)
{
	struct asked f = file_of(SPANS);
	struct mounted m;
	size_t one;

	(void)state;
	mount_with(&m, NULL);
	assert_int_equal(taken(&m), 0);
	prepare(&m, &f, SPANS);
	assert_true(bytes_kept(&m) > 0);
	assert_int_equal(taken(&m), bytes_kept(&m));
	prepared_drop(m.en);
	assert_int_equal(taken(&m), 0);
	/* The next plan is made by a decision, and is as large as those that follow it. */
	prepare(&m, &f, SPANS);
	one = bytes_kept(&m);
	prepared_drop(m.en);
	/* Others have nearly all of it. */
	assert_true(quota_take(&m.en->quota, atomic_load(&m.en->quota.max) - 2 * one));
	for (int i = 0; i < 3; i++)
		(void)serves(&m, &f, SPANS);
	assert_int_equal(bytes_kept(&m), one);
	assert_true(quota_take(&m.en->quota, one));
	prepared_drop(m.en);
	assert_true(quota_take(&m.en->quota, 1));
	for (int i = 0; i < 3; i++)
		assert_false(serves(&m, &f, SPANS));
	assert_int_equal(bytes_kept(&m), 0);
	quota_give(&m.en->quota, atomic_load(&m.en->quota.max) - one + 1);
	assert_int_equal(taken(&m), 0);
	/* The part of it that they may take has room for one, or not. */
	atomic_store(&m.en->quota.max, 64 * one);
	for (int i = 0; i < 3; i++)
		(void)serves(&m, &f, SPANS);
	assert_int_equal(bytes_kept(&m), one);
	prepared_drop(m.en);
	atomic_store(&m.en->quota.max, 64 * one - 1);
	for (int i = 0; i < 3; i++)
		assert_false(serves(&m, &f, SPANS));
	assert_int_equal(bytes_kept(&m), 0);
	assert_int_equal(taken(&m), 0);
	path_unref(f.path);
	unmount(&m);
}

static void
what_is_idle_goes(void **state)
{
	struct asked f = file_of(SPANS);
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	pthread_mutex_lock(&m.en->lock);
	m.en->idle_ns = 1;
	m.en->spare_bytes = 0;
	pthread_mutex_unlock(&m.en->lock);
	(void)serves(&m, &f, SPANS);
	for (unsigned i = 0; bytes_kept(&m) != 0; i++) {
		assert_true(i < 5000);
		usleep(1000);
	}
	path_unref(f.path);
	unmount(&m);
}

/* ---- many at once, beside what ends it ---- */

struct reader {
	struct mounted *m;
	const struct asked *f;
	struct sv want;
	pthread_t thread;
	unsigned rounds, wrong;
};

static void *
read_on(void *arg)
{
	struct reader *r = arg;

	for (unsigned i = 0; i < r->rounds; i++) {
		struct buf got = BUF_INIT;

		r->wrong += read_file(r->m->en, r->f, &got) != 0 ||
		    !sv_eq(buf_view(&got), r->want);
		buf_release(&got);
	}
	return NULL;
}

static void
readers_beside_changes_get_the_same_bytes(void **state)
{
	struct asked f = file_of(SPANS);
	struct reader v[4];
	struct buf want = BUF_INIT;
	struct mounted m;

	(void)state;
	mount_with(&m, NULL);
	prepare(&m, &f, SPANS);
	assert_int_equal(read_file(m.en, &f, &want), 0);
	for (size_t i = 0; i < 4; i++) {
		v[i] = (struct reader){ &m, &f, buf_view(&want), 0, rounds_of(400), 0 };
		assert_int_equal(pthread_create(&v[i].thread, NULL, read_on, &v[i]), 0);
	}
	for (unsigned i = 0; i < rounds_of(60); i++) {
		control(&m, i % 2 == 0 ? "drop-caches" : "reset-costs");
		usleep(500);
	}
	engine_reload(m.en, m.conf[0]);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(v[i].thread, NULL);
		assert_int_equal(v[i].wrong, 0);
	}
	assert_true(atomic_load(&m.en->counters.plans_kept) > 1);
	buf_release(&want);
	path_unref(f.path);
	unmount(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_path_is_planned_once),
		cmocka_unit_test(one_at_a_time_has_it),
		cmocka_unit_test(an_import_ends_it),
		cmocka_unit_test(none_of_a_state_that_is_over_is_held),
		cmocka_unit_test(a_look_up_lets_go_of_it),
		cmocka_unit_test(what_control_changes_ends_it),
		cmocka_unit_test(settings_end_it),
		cmocka_unit_test(what_moves_is_not_kept),
		cmocka_unit_test(what_is_older_than_a_decision_may_be_goes),
		cmocka_unit_test(with_a_cache_there_is_none),
		cmocka_unit_test(a_range_that_moves_moves),
		cmocka_unit_test(they_take_a_bounded_room),
		cmocka_unit_test(they_count_as_memory_of_queries),
		cmocka_unit_test(what_is_idle_goes),
		cmocka_unit_test(readers_beside_changes_get_the_same_bytes),
	};
	int failed;

	store_rig_init(&rig, 7, 3000, 4, 3, 256);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	store_rig_release(&rig);
	return failed;
}
