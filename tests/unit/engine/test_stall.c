/* SPDX-License-Identifier: ISC */
/*
 * engine: no lock is held over a read. The disk stands still in the middle of a query's
 * planning, or of its run, and everybody else is answered meanwhile; that the read still stands
 * when they have been is the proof, not a clock. A lock that is held over it hangs the test,
 * which the alarm ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/fsys_stall.h"
#include "lib/store_rig.h"

#define ALARM_S 120
#define STALLED "2026-11-20/13/"	/* the partition whose files stand still */
#define IN_STALLED "/on/2026-11-20T13"
#define ELSEWHERE "/on/2026-11-20T15"

/* Linked with --wrap=runner_submit: see Makefile.am. */
int __real_runner_submit(struct runner *, void (*)(void *), void *, const struct turn *,
    struct err *);
int __wrap_runner_submit(struct runner *, void (*)(void *), void *, const struct turn *,
    struct err *);

static atomic_bool no_runner;

int
__wrap_runner_submit(struct runner *r, void (*fn)(void *), void *arg, const struct turn *turn,
    struct err *e)
{
	return atomic_load(&no_runner) ? err_nomem(e) : __real_runner_submit(r, fn, arg, turn, e);
}

static struct store_rig rig;
static const struct requester me = { 1000, 1 };

struct bench {
	struct conf *conf;
	struct fsys *disk, *fs;
	struct engine *en;
};

static void
open_bench(struct bench *b)
{
	static const char *const sets[] = { "mount.stat_budget=10s", "mount.now=2026-11-20T18:00:00Z" };
	struct err err = ERR_INIT;

	alarm(ALARM_S);
	assert_int_equal(conf_load(NULL, sets, 2, &b->conf, &err), 0);
	assert_int_equal(file_real(rig.dir, false, &b->disk, NULL), 0);
	assert_non_null(b->fs = fsys_stall(b->disk));
	if (engine_open_on(b->conf, rig.dir, b->fs, false, &b->en, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
close_bench(struct bench *b)
{
	engine_close(b->en);
	fsys_free(b->fs);
	fsys_free(b->disk);
	conf_free(b->conf);
	alarm(0);
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

/* ---- one that waits ---- */

struct opener {
	struct result *r;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool called;
	int code;
};

static void
on_open(void *arg, int code, const void *data, size_t n)
{
	struct opener *o = arg;

	(void)data;
	(void)n;
	pthread_mutex_lock(&o->lock);
	o->called = true;
	o->code = code;
	pthread_cond_signal(&o->cond);
	pthread_mutex_unlock(&o->lock);
}

/* The call may plan and run on its own thread: it returns when the read does. */
static void *
open_main(void *arg)
{
	struct opener *o = arg;

	assert_int_equal(result_open(o->r, on_open, o, NULL, NULL), 0);
	return NULL;
}

static void
opener_start(struct opener *o, struct result *r)
{
	*o = (struct opener){ .r = r, .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER };
	assert_int_equal(pthread_create(&o->thread, NULL, open_main, o), 0);
}

static int
opener_end(struct opener *o)
{
	pthread_join(o->thread, NULL);
	pthread_mutex_lock(&o->lock);
	while (!o->called)
		pthread_cond_wait(&o->cond, &o->lock);
	pthread_mutex_unlock(&o->lock);
	return o->code;
}

static int
open_here(struct bench *b, const char *text)
{
	struct result *r = result_of(b, text);
	struct opener o;
	int code;

	opener_start(&o, r);
	code = opener_end(&o);
	assert_true(result_info(r).done);
	result_unref(r);
	return code;
}

/* ---- what others ask meanwhile ---- */

static bool
control_has(struct bench *b, const char *name, const char *text)
{
	struct buf out = BUF_INIT;
	bool has;

	assert_int_equal(engine_control_file(b->en, sv_cstr(name), (struct requester){ 0 },
	    &out, NULL), 0);
	has = strstr(buf_cstr(&out), text) != NULL;
	buf_release(&out);
	return has;
}

static void
list(struct bench *b, const char *text)
{
	struct path *p = NULL;
	struct entry *v;
	struct arena a;
	struct sv file;
	size_t n;

	arena_init(&a);
	assert_int_equal(path_parse(sv_cstr(text), engine_known_file, &p, &file, NULL), 0);
	assert_int_equal(engine_list(b->en, p, &a, &v, &n, NULL), 0);
	assert_true(n > 0);
	assert_true(engine_dir_mtime(b->en, p) != 0);
	path_unref(p);
	arena_release(&a);
}

static void
ask_everything(struct bench *b, struct result *stalled)
{
	static const char *const files[] = { "config", "decisions", "errors", "metrics", "slow",
	    "shadow" };
	struct opener other = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER };
	struct result_wait *wait = NULL;
	struct result *again;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		(void)control_has(b, files[i], "");
	assert_true(control_has(b, "queries", "T13"));
	/* The very result: what is known of it, one more who waits for its size, one who gives up. */
	assert_false(result_info(stalled).done);
	again = result_of(b, IN_STALLED "/duration/gt/7us/count");
	assert_ptr_equal(again, stalled);
	assert_int_equal(result_stat(again, on_open, &other, &wait, NULL), 0);
	assert_true(result_wait_cancel(again, wait));
	result_unref(again);
	list(b, "/");
	list(b, ELSEWHERE);
	list(b, ELSEWHERE "/.status");
	assert_int_equal(open_here(b, ELSEWHERE "/duration/gt/7us/spans.jsonl"), 0);
	assert_int_equal(open_here(b, ELSEWHERE "/count"), 0);
	assert_int_equal(open_here(b, ELSEWHERE "/plan"), 0);
	engine_reload(b->en, b->conf);
	assert_int_equal(engine_control(b->en, SV("flush"), me, NULL), 0);
}

static void
stall_and_ask(struct bench *b, unsigned n_free, const char *state)
{
	struct result *r = result_of(b, IN_STALLED "/duration/gt/7us/count");
	struct opener o;

	fsys_stall_set(b->fs, STALLED, n_free);
	opener_start(&o, r);
	assert_true(fsys_stall_wait(b->fs) > 0);
	assert_true(control_has(b, "queries", state));
	ask_everything(b, r);
	assert_true(fsys_stall_now(b->fs) > 0);
	assert_false(result_info(r).done);
	fsys_stall_end(b->fs);
	assert_int_equal(opener_end(&o), 0);
	assert_true(result_info(r).done);
	result_unref(r);
}

static void
planning_that_reads_holds_nobody_up(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	stall_and_ask(&b, 0, "planning");
	close_bench(&b);
}

static void
a_run_that_reads_holds_nobody_up(void **state)
{
	struct buf out = BUF_INIT;
	struct bench b;

	(void)state;
	open_bench(&b);
	assert_int_equal(engine_info(b.en, &out, NULL), 0);	/* every footer is read */
	buf_release(&out);
	assert_int_equal(open_here(&b, IN_STALLED "/duration/gt/7us/plan"), 0);
	stall_and_ask(&b, 0, "running");
	/* With every footer known a plan reads nothing, and a listing of values its range alone. */
	fsys_stall_set(b.fs, STALLED, 0);
	list(&b, ELSEWHERE "/.name");
	assert_int_equal(open_here(&b, IN_STALLED "/plan"), 0);
	assert_int_equal(fsys_stall_now(b.fs), 0);
	fsys_stall_end(b.fs);
	close_bench(&b);
}

static void
who_gives_up_does_not_wait_for_the_read(void **state)
{
	struct buf line = BUF_INIT;
	struct bench b;
	struct opener o;
	struct result *r;

	(void)state;
	open_bench(&b);
	r = result_of(&b, IN_STALLED "/duration/gt/7us/count");
	fsys_stall_set(b.fs, STALLED, 0);
	opener_start(&o, r);
	assert_true(fsys_stall_wait(b.fs) > 0);
	result_ref(r);
	result_unref(r);
	buf_printf(&line, "cancel %llu", (unsigned long long)result_info(r).id);
	assert_int_equal(engine_control(b.en, buf_view(&line), me, NULL), 0);
	buf_release(&line);
	assert_true(fsys_stall_now(b.fs) > 0);
	fsys_stall_end(b.fs);
	assert_int_equal(opener_end(&o), ERR_CANCELLED);
	assert_true(control_has(&b, "metrics", "spanfs_queries_cancelled_total 1"));
	result_unref(r);
	close_bench(&b);
}

static void
a_size_is_not_waited_for_beyond_its_budget(void **state)
{
	static const char *const sets[] = { "mount.stat_budget=1ms" };
	struct conf *quick;
	struct opener o, size;
	struct bench b;
	struct result *r;

	(void)state;
	open_bench(&b);
	assert_int_equal(conf_load(NULL, sets, 1, &quick, NULL), 0);
	engine_reload(b.en, quick);
	r = result_of(&b, IN_STALLED "/duration/gt/7us/count");
	fsys_stall_set(b.fs, STALLED, 0);
	opener_start(&o, r);
	assert_true(fsys_stall_wait(b.fs) > 0);
	size = (struct opener){ .r = r, .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER };
	assert_int_equal(result_stat(r, on_open, &size, NULL, NULL), 0);
	pthread_mutex_lock(&size.lock);
	while (!size.called)
		pthread_cond_wait(&size.cond, &size.lock);
	pthread_mutex_unlock(&size.lock);
	assert_int_equal(size.code, 0);
	assert_false(result_info(r).done);
	assert_true(fsys_stall_now(b.fs) > 0);
	fsys_stall_end(b.fs);
	assert_int_equal(opener_end(&o), 0);
	result_unref(r);
	engine_reload(b.en, b.conf);
	close_bench(&b);
	conf_free(quick);
}

static void
who_waits_is_told_that_no_thread_can_be_had(void **state)
{
	static const char *const sets[] = { "cost_model.seq_page_cost=1000000" };
	struct opener first, second = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER };
	struct conf *dear;
	struct result *r;
	struct bench b;

	(void)state;
	open_bench(&b);
	assert_int_equal(conf_load(NULL, sets, 1, &dear, NULL), 0);
	engine_reload(b.en, dear);
	r = result_of(&b, "/spans.jsonl");
	fsys_stall_set(b.fs, STALLED, 0);
	opener_start(&first, r);
	assert_true(fsys_stall_wait(b.fs) > 0);
	assert_int_equal(result_open(r, on_open, &second, NULL, NULL), 0);
	atomic_store(&no_runner, true);
	fsys_stall_end(b.fs);
	assert_int_equal(opener_end(&first), ERR_NOMEM);
	pthread_mutex_lock(&second.lock);
	while (!second.called)
		pthread_cond_wait(&second.cond, &second.lock);
	pthread_mutex_unlock(&second.lock);
	assert_int_equal(second.code, ERR_NOMEM);
	atomic_store(&no_runner, false);
	result_unref(r);
	engine_reload(b.en, b.conf);
	close_bench(&b);
	conf_free(dear);
}

static void *
stat_main(void *arg)
{
	struct opener *o = arg;

	assert_int_equal(result_stat(o->r, on_open, o, NULL, NULL), 0);
	return NULL;
}

static uint64_t
kept_bytes(struct engine *en)
{
	uint64_t n;

	pthread_mutex_lock(&en->lock);
	n = en->results.worth.bytes;
	pthread_mutex_unlock(&en->lock);
	return n;
}

static void
what_is_left_at_work_counts_with_its_bytes(void **state)
{
	struct opener o = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	struct result_info info;
	struct bench b;

	(void)state;
	open_bench(&b);
	o.r = result_of(&b, IN_STALLED "/spans.jsonl");
	fsys_stall_set(b.fs, STALLED, 0);
	assert_int_equal(pthread_create(&o.thread, NULL, stat_main, &o), 0);
	assert_true(fsys_stall_wait(b.fs) > 0);
	atomic_fetch_add(&o.r->refs, 1);	/* to look at it, not to use it */
	result_unref(o.r);
	assert_true(kept_bytes(b.en) > 0);
	fsys_stall_end(b.fs);
	assert_int_equal(opener_end(&o), 0);
	info = result_info(o.r);
	assert_true(info.done && info.size > 100000);
	for (int i = 0; i < 5000 && kept_bytes(b.en) < info.size; i++)
		usleep(1000);
	assert_true(kept_bytes(b.en) >= info.size);
	result_drop(o.r);
	assert_int_equal(engine_control(b.en, SV("flush"), me, NULL), 0);
	assert_int_equal(kept_bytes(b.en), 0);
	close_bench(&b);
}

static int
make_store(void **state)
{
	(void)state;
	store_rig_init(&rig, 5, 4000, 8, 2, 256);
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
		cmocka_unit_test(planning_that_reads_holds_nobody_up),
		cmocka_unit_test(a_run_that_reads_holds_nobody_up),
		cmocka_unit_test(who_gives_up_does_not_wait_for_the_read),
		cmocka_unit_test(a_size_is_not_waited_for_beyond_its_budget),
		cmocka_unit_test(who_waits_is_told_that_no_thread_can_be_had),
		cmocka_unit_test(what_is_left_at_work_counts_with_its_bytes),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
