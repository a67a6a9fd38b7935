/* SPDX-License-Identifier: ISC */
/*
 * engine: what happens at once. Each test lets two or more kinds of callers loose on one engine
 * and then looks that every answer was whole; built with -fsanitize=thread it also says that
 * nothing is read and written at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/marks.h"
#include "engine/engine_i.h"
#include "lib/gen_span.h"
#include "lib/store_rig.h"

#define ROUNDS 120
#define N_PATHS 6
#define OTHER_MAX_ROWS 1000000

static struct store_rig rig;
static const struct requester me = { 0, 1 };

static const char *const paths[N_PATHS] = {
	"/on/2026-11-20T13/duration/gt/5us/count", "/status/error/limit/3/spans.jsonl",
	"/on/2026-11-20T12/plan", "/sort/duration:desc/limit/5/spans.csv", "/kind/server/count",
	"/profile.json",
};

struct bench {
	struct conf *conf, *other;
	struct engine *en;
	atomic_bool stop;
	atomic_uint n_answers;
};

static void
open_bench(struct bench *b)
{
	static const char *const sets[] = { "mount.now=2026-11-20T18:00:00Z", "query.threads=2" };
	static const char *const others[] = { "mount.now=latest", "query.threads=2",
	    "query.max_concurrent=1", "decision_cache.enabled=no", "result_cache.enabled=no",
	    "cost_model.random_page_cost=9", "query.max_rows=1000000" };
	struct err err = ERR_INIT;

	*b = (struct bench){ .stop = false };
	assert_int_equal(conf_load(NULL, sets, 2, &b->conf, &err), 0);
	if (conf_load(NULL, others, 7, &b->other, &err) < 0 ||
	    engine_open(b->conf, rig.dir, false, &b->en, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
close_bench(struct bench *b)
{
	engine_close(b->en);
	conf_free(b->conf);
	conf_free(b->other);
}

static struct result *
result_of(struct bench *b, const char *text)
{
	struct err err = ERR_INIT;
	struct result *r;
	struct path *p;
	struct sv file;

	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, &err) < 0 ||
	    engine_result(b->en, p, file, me, &r, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	path_unref(p);
	return r;
}

/* ---- a wait as a call ---- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool called;
	int code;
	size_t n;
};

#define WAITER_INIT { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER }

static void
on_call(void *arg, int code, const void *data, size_t n)
{
	struct waiter *w = arg;

	(void)data;
	pthread_mutex_lock(&w->lock);
	w->called = true;
	w->code = code;
	w->n = n;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static int
wait_for(struct waiter *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->called)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
	return w->code;
}

/* ---- the callers ---- */

static void
ask(struct bench *b, unsigned i)
{
	struct waiter open = WAITER_INIT, read = WAITER_INIT, size = WAITER_INIT;
	struct result *r = result_of(b, paths[i % N_PATHS]);

	if (i % 3 == 0) {
		assert_int_equal(result_stat(r, on_call, &size, NULL, NULL), 0);
		assert_int_equal(wait_for(&size), 0);
	}
	assert_int_equal(result_open(r, on_call, &open, NULL, NULL), 0);
	assert_int_equal(wait_for(&open), 0);
	assert_int_equal(result_read(r, 0, 100, on_call, &read, NULL, NULL), 0);
	assert_int_equal(wait_for(&read), 0);
	/* On a slow machine a result may be a stream by then, of size 0 for now. */
	assert_true(read.n > 0 || result_info(r).size == 0);
	result_unref(r);
	atomic_fetch_add(&b->n_answers, 1);
}

static void *
asker(void *arg)
{
	struct bench *b = arg;

	for (unsigned i = 0; i < ROUNDS; i++)
		ask(b, i + (unsigned)(uintptr_t)pthread_self() % N_PATHS);
	return NULL;
}

static void *
scraper(void *arg)
{
	static const char *const files[] = { "metrics", "queries", "decisions", "slow", "errors",
	    "stats/fields", "shadow", "config" };
	struct bench *b = arg;

	for (unsigned i = 0; !atomic_load(&b->stop); i++) {
		struct buf out = BUF_INIT;

		assert_int_equal(engine_control_file(b->en, sv_cstr(files[i % 8]), (struct requester){ 0 },
		    &out, NULL), 0);
		if (i % 16 == 0)
			assert_int_equal(engine_control(b->en, SV("drop-caches"), me, NULL), 0);
		buf_release(&out);
	}
	return NULL;
}

static void *
reloader(void *arg)
{
	struct bench *b = arg;

	for (unsigned i = 0; !atomic_load(&b->stop); i++)
		engine_reload(b->en, i % 2 == 0 ? b->other : b->conf);
	return NULL;
}

static void *
canceller(void *arg)
{
	struct bench *b = arg;

	for (unsigned id = 0; !atomic_load(&b->stop); id = (id + 1) % (2 * ROUNDS)) {
		char line[32];
		int code;

		snprintf(line, sizeof line, "cancel %u", id);
		code = engine_control(b->en, sv_cstr(line), me, NULL);
		assert_true(code == 0 || code == ERR_SYNTAX);	/* there, or gone */
	}
	return NULL;
}

/* Asks and gives up, or is cancelled: whichever comes first is final. */
static void *
leaver(void *arg)
{
	struct bench *b = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct waiter w = WAITER_INIT;
		struct result *r = result_of(b, paths[i % N_PATHS]);
		struct result_wait *token;
		int code = 0;

		assert_int_equal(result_open(r, on_call, &w, &token, NULL), 0);
		if (i % 2 == 0 || !result_wait_cancel(r, token))
			code = wait_for(&w);
		else
			assert_false(w.called);
		assert_true(code == 0 || code == ERR_CANCELLED);
		result_unref(r);
		atomic_fetch_add(&b->n_answers, 1);
	}
	return NULL;
}

/* A name is looked up, its result taken by two, and forgotten, as the kernel's forgets come. */
static void *
forgetter(void *arg)
{
	struct bench *b = arg;

	for (unsigned i = 0; i < 4 * ROUNDS; i++) {
		struct result *r = result_of(b, paths[i % 2]);

		result_ref(r);
		(void)result_info(r);
		result_unref(r);
		result_unref(r);
		atomic_fetch_add(&b->n_answers, 1);
	}
	return NULL;
}

static void
commit_some(void)
{
	static const struct gen_span_options o = {
		.seed = 9, .start_ns = STORE_RIG_START, .range_ns = UINT64_C(3600000000000),
		.n_services = 3, .n_traces = 20, .n_keys = 8,
	};
	struct span_batch more;
	struct gen_span g;

	gen_span_init(&g, &o);
	span_batch_init(&more);
	assert_true(gen_span_add(&g, &more, 40));
	store_rig_add(&rig, &more, 256);
	span_batch_release(&more);
}

static void *
committer(void *arg)
{
	struct bench *b = arg;

	for (unsigned i = 0; i < 12 && !atomic_load(&b->stop); i++)
		commit_some();
	return NULL;
}

/* n threads of one kind that end by themselves, one beside them until they have. */
static void
run(struct bench *b, void *(*kind)(void *), unsigned n, void *(*beside)(void *))
{
	pthread_t v[4], other;

	assert_int_equal(pthread_create(&other, NULL, beside, b), 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(pthread_create(&v[i], NULL, kind, b), 0);
	for (unsigned i = 0; i < n; i++)
		pthread_join(v[i], NULL);
	atomic_store(&b->stop, true);
	pthread_join(other, NULL);
}

static void
planning_against_metrics(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	run(&b, asker, 3, scraper);
	assert_int_equal(b.n_answers, 3 * ROUNDS);
	close_bench(&b);
}

static void
reload_against_queries(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	run(&b, asker, 2, reloader);
	assert_int_equal(b.n_answers, 2 * ROUNDS);
	close_bench(&b);
}

static void
cancel_against_finish(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	run(&b, leaver, 3, canceller);
	assert_int_equal(b.n_answers, 3 * ROUNDS);
	close_bench(&b);
}

static void
forget_against_lookup(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	run(&b, forgetter, 4, scraper);
	assert_int_equal(b.n_answers, 16 * ROUNDS);
	assert_null(results_first(&b.en->results));	/* none was asked for more than its name */
	close_bench(&b);
}

static void
commits_against_queries(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	run(&b, asker, 3, committer);
	assert_int_equal(b.n_answers, 3 * ROUNDS);
	close_bench(&b);
}

/* ---- a mark that moves on, and settings that change, while it is read ---- */

static const struct fsys_ops *real_ops;
static struct bench *hooked;
static uint64_t stands_at;

/* Once: between the state that was taken and the mark. */
static int
open_later(struct fsys *fs, const char *path, struct file **out, struct err *e)
{
	if (strstr(path, "moves-on") != NULL && fs->ops != real_ops) {
		fs->ops = real_ops;
		commit_some();
		assert_int_equal(mark_set(fs, SV("moves-on"), stands_at + 1, NULL), 0);
		engine_reload(hooked->en, hooked->other);
	}
	return real_ops->open_read(fs, path, out, e);
}

static void
a_mark_that_passes_the_state_brings_its_settings(void **state)
{
	static struct fsys_ops ops;
	struct err err = ERR_INIT;
	struct request *r;
	struct world *w;
	struct path *path;
	struct bench b;
	struct fsys *fs;
	struct sv file;

	(void)state;
	open_bench(&b);
	assert_int_equal(engine_world(b.en, &w, &err), 0);
	stands_at = w->snap->generation;
	world_unref(w);
	fs = catalog_fsys(b.en->catalog);
	assert_int_equal(mark_set(fs, SV("moves-on"), stands_at, &err), 0);
	assert_int_equal(path_parse(SV("/mark/moves-on/count"), engine_known_file, &path, &file,
	    &err), 0);
	hooked = &b;
	real_ops = fs->ops;
	ops = *real_ops;
	ops.open_read = open_later;
	fs->ops = &ops;
	if (request_new(b.en, path, file, &r, &err) < 0)
		fail_msg("%s", err.msg);
	assert_ptr_equal(fs->ops, real_ops);
	assert_int_equal(r->query->after.generation, stands_at + 1);
	assert_int_equal(r->world->snap->generation, stands_at + 1);
	assert_int_equal(r->max_rows, OTHER_MAX_ROWS);
	request_free(r);
	path_unref(path);
	close_bench(&b);
}

static int
make_store(void **state)
{
	(void)state;
	store_rig_init(&rig, 5, 2000, 6, 2, 256);
	return 0;
}

static int
remove_store(void **state)
{
	(void)state;
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planning_against_metrics),
		cmocka_unit_test(reload_against_queries),
		cmocka_unit_test(cancel_against_finish),
		cmocka_unit_test(forget_against_lookup),
		cmocka_unit_test(commits_against_queries),
		cmocka_unit_test(a_mark_that_passes_the_state_brings_its_settings),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
