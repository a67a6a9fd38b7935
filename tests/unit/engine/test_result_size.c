/* SPDX-License-Identifier: ISC */
/*
 * engine: results whose size is told before their bytes are made: true and at no row's cost, bytes
 * that follow wherever they are read first, errors where they belong, and work that stops with
 * its readers and begins again with the next.
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
#include "base/memory.h"
#include "catalog/catalog_i.h"
#include "engine/engine_i.h"
#include "engine/result_i.h"
#include "lib/store_rig.h"

#define ALL "/spans.jsonl"
#define AHEAD 20000

static struct store_rig rig;
static const struct requester me = { 1000, 1 };
static struct conf *conf;
static struct engine *en;

static void
open_engine(const char *const *sets, size_t n)
{
	struct err err = ERR_INIT;

	assert_int_equal(conf_load(NULL, sets, n, &conf, &err), 0);
	if (engine_open(conf, rig.dir, false, &en, &err) < 0)
		fail_msg("%s", err.msg);
	en->size_ahead = 1;
	en->stream_ahead = AHEAD;
}

static void
close_engine(void)
{
	engine_close(en);
	conf_free(conf);
}

static struct result *
result_of(const char *text)
{
	struct err err = ERR_INIT;
	struct result *r;
	struct path *p;
	struct sv file;

	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, &err) < 0 ||
	    engine_result(en, p, file, me, &r, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	path_unref(p);
	return r;
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

/* What spanctl would print. */
static struct buf
bytes_of(const char *path)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	if (engine_query(en, sv_cstr(path), me, append, &b, NULL, &err) < 0)
		fail_msg("%s: %s", path, err.msg);
	return b;
}

/* A wait as a blocking call. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool called;
	int code;
	struct buf data;
};

#define WAITER_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, BUF_INIT }

static void
on_call(void *arg, int code, const void *data, size_t n)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->called = true;
	w->code = code;
	buf_put(&w->data, data, n);
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static int
finish_wait(struct waiter *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->called)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
	return w->code;
}

static int
size_of(struct result *r)
{
	struct waiter w = WAITER_INIT;
	int code;

	assert_int_equal(result_size(r, on_call, &w, NULL, NULL), 0);
	code = finish_wait(&w);
	buf_release(&w.data);
	return code;
}

static int
read_at(struct result *r, uint64_t off, size_t n, struct buf *out)
{
	struct waiter w = WAITER_INIT;
	int code;

	out->n = 0;
	assert_int_equal(result_read(r, off, n, on_call, &w, NULL, NULL), 0);
	if ((code = finish_wait(&w)) == 0)
		buf_put(out, w.data.p, w.data.n);
	buf_release(&w.data);
	return code;
}

static void
read_is(struct result *r, uint64_t off, size_t n, const struct buf *whole)
{
	size_t want = off >= whole->n ? 0 : n < whole->n - off ? n : (size_t)(whole->n - off);
	struct buf got = BUF_INIT;

	assert_int_equal(read_at(r, off, n, &got), 0);
	assert_int_equal(got.n, want);
	if (want != 0)
		assert_memory_equal(got.p, whole->p + off, want);
	buf_release(&got);
}

static void
all_is(struct result *r, size_t piece, const struct buf *whole)
{
	for (uint64_t off = 0; off < whole->n; off += piece)
		read_is(r, off, piece, whole);
}

/* It comes to be, within a second or some. */
#define COMES(cond) do { \
	for (unsigned tries_ = 0; !(cond); tries_++) { \
		assert_true(tries_ < 5000); \
		usleep(1000); \
	} \
} while (0)

static enum result_state
state_of(struct result *r)
{
	enum result_state s;

	pthread_mutex_lock(&r->lock);
	s = r->state;
	pthread_mutex_unlock(&r->lock);
	return s;
}

/* ---- what is told ---- */

static void
a_size_is_told_and_no_row_made(void **state)
{
	static const char *const paths[] = { ALL, "/duration/gt/1ns" ALL, "/sort/duration" ALL,
		"/limit/2500" ALL, "/offset/17/limit/1900" ALL, "/expect/rows/100" ALL };

	(void)state;
	open_engine(NULL, 0);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct buf whole = bytes_of(paths[i]);
		struct result *r = result_of(paths[i]);
		struct buf rows = BUF_INIT;
		struct result_info info;

		assert_int_equal(size_of(r), 0);
		info = result_info(r);
		if (info.done)
			fail_msg("%s: made whole", paths[i]);
		assert_true(info.known && !info.done && info.code == 0);
		assert_int_equal(info.size, whole.n);
		assert_int_equal(info.available, 0);
		assert_int_equal(state_of(r), RESULT_SIZED);
		assert_int_equal(r->info.profile.rows_fetched, 0);
		assert_int_equal(result_xattr(r, SV("rows"), &rows, NULL), 0);
		/* Past the end there is nothing to make, either. */
		read_is(r, whole.n, 100, &whole);
		assert_int_equal(state_of(r), RESULT_SIZED);
		all_is(r, 7000, &whole);
		COMES(result_info(r).done);
		assert_int_equal(result_info(r).size, whole.n);
		result_unref(r);
		buf_release(&rows);
		buf_release(&whole);
	}
	assert_int_equal(atomic_load(&en->counters.sized), sizeof paths / sizeof *paths);
	close_engine();
}

/* The manifest tells of whole services: there is no plan, and no shard is opened. */
static void
of_whole_services_it_is_told_without_a_plan(void **state)
{
	static const char *const paths[] = { ALL, "/service/service-1" ALL, "/limit/1000000" ALL,
		"/expect/rows/100" ALL, "/mark/m1" ALL };
	static const char *const others[] = { "/limit/10" ALL, "/offset/3" ALL,
		"/sort/duration" ALL, "/status/error" ALL, "/kind/server/service/service-1" ALL,
		"/since/2026-11-20T12:50:00Z" ALL };
	const size_t n = sizeof paths / sizeof *paths, m = sizeof others / sizeof *others;

	(void)state;
	for (size_t i = 0; i < n + m; i++) {
		const char *path = i < n ? paths[i] : others[i - n];
		struct result *r;
		struct buf whole;

		open_engine(NULL, 0);
		r = result_of(path);
		assert_int_equal(size_of(r), 0);
		/* Of a small one that is done the request holds nothing any more. */
		if (i < n && (r->request->plan != NULL ||
		    atomic_load(&snap_of(r->request->world->snap)->n_open) != 0))
			fail_msg("%s: planned, or a shard opened", path);
		if (i >= n && !result_info(r).done && r->request->plan == NULL)
			fail_msg("%s: not planned", path);
		whole = bytes_of(path);
		assert_true(whole.n != 0);
		assert_int_equal(result_info(r).size, whole.n);
		all_is(r, 7000, &whole);
		COMES(result_info(r).done);
		result_unref(r);
		buf_release(&whole);
		close_engine();
	}
}

static void
what_lengths_do_not_tell_is_made_whole(void **state)
{
	static const char *const paths[] = { "/select/name" ALL, "/spans.csv", "/traces.jsonl",
		"/group/service/groups.jsonl", "/otlp.jsonl", "/count" };

	(void)state;
	open_engine(NULL, 0);
	for (size_t i = 0; i <= sizeof paths / sizeof *paths; i++) {
		const char *path = i == 0 ? ALL : paths[i - 1];
		struct result *r = result_of(path);

		/* A small one, whatever it is of. */
		en->size_ahead = i == 0 ? UINT64_MAX : 1;
		assert_int_equal(size_of(r), 0);
		assert_true(result_info(r).known && result_info(r).done);
		assert_int_equal(result_info(r).size, result_info(r).available);
		result_unref(r);
	}
	assert_int_equal(atomic_load(&en->counters.sized), 0);
	close_engine();
}

static void
reads_are_right_in_any_order(void **state)
{
	const char *sets[] = { "result_cache.entry_max_bytes=64KiB", "mount.spill_dir=/nowhere",
		"mount.spill_max=64KiB" };
	uint64_t x = 5;
	struct buf whole;

	(void)state;
	/* One that would be spilled needs no room on a disk. */
	for (int large = 0; large < 2; large++) {
		struct result *r;

		open_engine(sets, large ? 3 : 0);
		whole = bytes_of(ALL);
		assert_true(whole.n > 4 * AHEAD && whole.n > 128 * 1024);
		r = result_of(ALL);
		assert_int_equal(size_of(r), 0);
		assert_int_equal(r->windowed, large);
		/* The end, the begin, and here and there. */
		read_is(r, whole.n - 99, 4096, &whole);
		read_is(r, 0, 4096, &whole);
		for (unsigned i = 0; i < 300; i++) {
			x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
			read_is(r, (x >> 20) % whole.n, 1 + (x >> 50), &whole);
		}
		result_unref(r);
		buf_release(&whole);
		close_engine();
	}
}

/* ---- errors ---- */

static void
what_open_tells_of_it_tells_still(void **state)
{
	static const struct {
		const char *path, *set[2];
		int code;
	} c[] = {
		{ "/expect/rows/1000000" ALL, { NULL, NULL }, ERR_NODATA },
		{ ALL, { "query.max_rows=5", NULL }, ERR_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct result *r;

		open_engine(c[i].set, c[i].set[0] == NULL ? 0 : c[i].set[1] == NULL ? 1 : 2);
		r = result_of(c[i].path);
		assert_int_equal(size_of(r), c[i].code);
		assert_false(result_info(r).known);
		assert_int_equal(result_info(r).available, 0);
		result_unref(r);
		close_engine();
	}
}

/* Bytes that are not as many as was told: what there is can be read, what is wrong is an error. */
static void
a_false_length_is_an_error_where_it_shows(void **state)
{
	(void)state;
	for (int more = -1; more <= 1; more += 2) {
		struct buf whole, got = BUF_INIT;
		struct result *r, *again;
		struct err err = ERR_INIT;

		open_engine(NULL, 0);
		whole = bytes_of(ALL);
		r = result_of(ALL);
		assert_int_equal(size_of(r), 0);
		pthread_mutex_lock(&r->lock);
		r->size += (uint64_t)(int64_t)more;
		pthread_mutex_unlock(&r->lock);
		read_is(r, 0, 4096, &whole);
		read_is(r, 4096, 4096, &whole);
		assert_int_equal(read_at(r, whole.n - 50, 100, &got), ERR_CORRUPT);
		result_error(r, &err);
		assert_non_null(strstr(err.msg, more < 0 ? "longer" : "shorter"));
		/* It keeps its size, and is nobody else's. */
		assert_true(result_info(r).known);
		assert_int_equal(result_info(r).size, whole.n + (size_t)(ssize_t)more);
		assert_int_equal(read_at(r, whole.n - 50, 100, &got), ERR_CORRUPT);
		read_is(r, 0, 4096, &whole);
		/* It is out of the table in a moment. */
		again = result_of(ALL);
		for (unsigned i = 0; i < 5000 && result_info(again).id == result_info(r).id; i++) {
			result_unref(again);
			usleep(1000);
			again = result_of(ALL);
		}
		assert_int_not_equal(result_info(again).id, result_info(r).id);
		result_unref(again);
		result_unref(r);
		buf_release(&got);
		buf_release(&whole);
		close_engine();
	}
}

static void
cancelled_by_hand_it_is_an_error(void **state)
{
	struct buf whole, got = BUF_INIT;
	struct err err = ERR_INIT;
	char line[40];
	struct result *r;

	(void)state;
	open_engine(NULL, 0);
	whole = bytes_of(ALL);
	r = result_of(ALL);
	assert_int_equal(size_of(r), 0);
	snprintf(line, sizeof line, "cancel %llu", (unsigned long long)result_info(r).id);
	/* Nothing is at work: nothing is cancelled. */
	assert_int_equal(engine_control(en, sv_cstr(line), me, &err), 0);
	read_is(r, 0, 100, &whole);
	COMES(result_info(r).available > AHEAD);
	assert_int_equal(engine_control(en, sv_cstr(line), me, &err), 0);
	assert_int_equal(read_at(r, whole.n - 50, 50, &got), ERR_CANCELLED);
	result_unref(r);
	buf_release(&got);
	buf_release(&whole);
	close_engine();
}

/* ---- readers come and go ---- */

static void
who_leaves_stops_it_and_the_next_goes_on(void **state)
{
	struct buf whole;
	struct result *r;
	uint64_t id, made;

	(void)state;
	open_engine(NULL, 0);
	whole = bytes_of(ALL);
	r = result_of(ALL);
	assert_int_equal(size_of(r), 0);
	id = result_info(r).id;
	for (unsigned i = 0; i < 5; i++) {
		read_is(r, i * 3000, 100, &whole);
		/* It is made a bit ahead, and no further. */
		COMES(result_info(r).available > AHEAD);
		usleep(20000);
		made = result_info(r).available;
		assert_true(made < whole.n);
		result_unref(r);
		COMES(atomic_load(&en->counters.running) == 0);
		r = result_of(ALL);
		assert_int_equal(result_info(r).id, id);
		assert_int_equal(result_info(r).size, whole.n);
		COMES(state_of(r) == RESULT_SIZED);
		assert_true(result_info(r).available >= made);
	}
	all_is(r, 5000, &whole);
	COMES(result_info(r).done);
	assert_int_equal(result_info(r).id, id);
	result_unref(r);
	buf_release(&whole);
	close_engine();
}

/* A pager left open holds no thread. */
static void
a_reader_that_rests_lets_it_go(void **state)
{
	struct buf whole;
	struct result *r;

	(void)state;
	open_engine(NULL, 0);
	en->rest_ns = 30000000;
	whole = bytes_of(ALL);
	r = result_of(ALL);
	assert_int_equal(size_of(r), 0);
	for (uint64_t off = 0; off < whole.n; off += 2 * AHEAD) {
		read_is(r, off, AHEAD / 2, &whole);
		COMES(state_of(r) == RESULT_SIZED || result_info(r).done);
		COMES(atomic_load(&en->counters.running) == 0);
	}
	all_is(r, 100000, &whole);
	/* One query, whatever it was made in. */
	COMES(result_info(r).done);
	assert_int_equal(atomic_load(&en->counters.cancelled), 0);
	assert_int_equal(atomic_load(&en->counters.queries), 2);
	result_unref(r);
	buf_release(&whole);
	close_engine();
}

/* As cat does: it reads all, and leaves. */
static void
who_leaves_with_the_last_byte_cancels_nothing(void **state)
{
	struct buf whole;

	(void)state;
	open_engine(NULL, 0);
	whole = bytes_of(ALL);
	for (unsigned i = 0; i < 50; i++) {
		struct result *r = result_of(ALL);

		assert_int_equal(size_of(r), 0);
		all_is(r, whole.n / 3, &whole);
		result_unref(r);
		assert_int_equal(engine_control(en, SV("flush"), me, NULL), 0);
	}
	COMES(atomic_load(&en->counters.running) == 0);
	COMES(atomic_load(&en->counters.queries) == 51);
	assert_int_equal(atomic_load(&en->counters.cancelled), 0);
	buf_release(&whole);
	close_engine();
}

static void
without_the_cache_what_stat_told_of_is_what_open_finds(void **state)
{
	const char *sets[] = { "result_cache.enabled=no" };
	struct buf whole;
	struct result *r;
	uint64_t id;

	(void)state;
	open_engine(sets, 1);
	whole = bytes_of(ALL);
	r = result_of(ALL);
	assert_int_equal(size_of(r), 0);
	id = result_info(r).id;
	result_unref(r);
	r = result_of(ALL);
	assert_int_equal(result_info(r).id, id);
	all_is(r, 50000, &whole);
	result_unref(r);
	buf_release(&whole);
	close_engine();
}

/* ---- results that are not kept: the window ---- */

struct crowd {
	const struct buf *whole;
	atomic_uint wrong;
	uint64_t seed;
};

#define BLOCK 65536
#define NOT_KEPT { "result_cache.entry_max_bytes=4KiB" }

static void
open_small_window(const char *const *sets, size_t n)
{
	open_engine(sets, n);
	slabs_release(&en->slabs);
	slabs_init(&en->slabs, BLOCK, &en->quota);
}

/* Whatever is read, so much is there at most, and it is of one block that is used again. */
static void
a_large_result_is_read_through_a_window(void **state)
{
	const char *sets[] = NOT_KEPT;
	struct slabs_counts c;
	struct buf whole, text = BUF_INIT;

	(void)state;
	open_small_window(sets, 1);
	whole = bytes_of(ALL);
	assert_true(whole.n > 10 * BLOCK);
	for (unsigned i = 0; i < 4; i++) {
		struct result *r = result_of(ALL);

		assert_int_equal(size_of(r), 0);
		assert_true(r->windowed);
		for (uint64_t off = 0; off < whole.n; off += 5000) {
			read_is(r, off, 5000, &whole);
			assert_int_equal(blob_memory(&r->blob), 0);
			assert_true(window_memory(&r->window) <= BLOCK);
		}
		/* When all was read, no block is held, whoever has it open. */
		COMES(state_of(r) == RESULT_SIZED);
		assert_int_equal(window_memory(&r->window), 0);
		text.n = 0;
		assert_int_equal(result_xattr(r, SV("complete"), &text, NULL), 0);
		assert_true(sv_is(buf_view(&text), "yes"));
		result_unref(r);
		assert_int_equal(engine_control(en, SV("flush"), me, NULL), 0);
	}
	COMES(atomic_load(&en->counters.running) == 0);
	c = slabs_counted(&en->slabs);
	assert_int_equal(c.used, 0);
	assert_int_equal(c.fresh, 1);
	assert_true(c.again >= 3);
	assert_int_equal(atomic_load(&en->quota.used), 0);
	assert_int_equal(c.kept, 1);
	/* One query each, and the one for `whole`. */
	assert_int_equal(atomic_load(&en->counters.queries), 5);
	assert_int_equal(atomic_load(&en->counters.cancelled), 0);
	buf_release(&text);
	buf_release(&whole);
	close_engine();
}

static uint64_t
give_back_at(void)
{
	uint64_t at;

	pthread_mutex_lock(&en->lock);
	at = en->give_back_at_ns;
	pthread_mutex_unlock(&en->lock);
	return at;
}

#define HOUR_NS UINT64_C(3600000000000)

/* What is free goes back to the system, but not while somebody asks every moment, and little not soon. */
static void
an_idle_block_goes_back_after_a_while(void **state)
{
	const char *sets[] = NOT_KEPT;
	struct buf whole;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct result *r;
		bool little = i == 2 && memory_idle() != UINT64_MAX;	/* a sanitizer's malloc does not tell */
		bool stays = i == 0 || little;

		open_small_window(sets, 1);
		en->idle_ns = i == 0 ? HOUR_NS : 20000000;
		en->spare_bytes = i < 2 ? 0 : UINT64_MAX;
		en->spare_ns = i == 2 ? HOUR_NS : 40000000;
		whole = bytes_of(ALL);
		r = result_of(ALL);
		all_is(r, 5000, &whole);
		result_unref(r);
		COMES(atomic_load(&en->counters.running) == 0);
		if (little)
			COMES(give_back_at() > clock_mono_ns() + HOUR_NS / 2);
		COMES(slabs_counted(&en->slabs).kept == stays);
		COMES(atomic_load(&en->n_given_back) == !stays);
		buf_release(&whole);
		close_engine();
	}
}

/* Also where what was free before was little, and stays. */
static void
a_large_one_goes_soon_after_a_small_one(void **state)
{
	const char *sets[] = NOT_KEPT;
	struct result *r;

	(void)state;
	open_small_window(sets, 1);
	en->idle_ns = 20000000;
	en->spare_bytes = UINT64_MAX;
	en->spare_ns = HOUR_NS;
	result_unref(result_of("/limit/1" ALL));
	if (memory_idle() != UINT64_MAX)
		COMES(give_back_at() > clock_mono_ns() + HOUR_NS / 2);
	pthread_mutex_lock(&en->lock);
	en->spare_bytes = 0;
	pthread_mutex_unlock(&en->lock);
	r = result_of("/limit/2" ALL);
	result_unref(r);
	COMES(atomic_load(&en->n_given_back) > 0);
	close_engine();
}

/* Rows before a byte are not put together, and of whole hours not looked for. */
static void
a_jump_passes_over_what_lies_before(void **state)
{
	static const char *const paths[] = { ALL, "/duration/gt/1ns" ALL,
		"/sort/duration" ALL, "/offset/700" ALL, "/offset/3/limit/2900" ALL };
	const char *sets[] = NOT_KEPT;

	(void)state;
	open_small_window(sets, 1);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct buf whole = bytes_of(paths[i]);
		struct result *r = result_of(paths[i]);
		uint64_t before = atomic_load(&en->counters.rows_fetched), after;

		assert_int_equal(size_of(r), 0);
		read_is(r, whole.n - 2000, 2000, &whole);
		result_unref(r);
		COMES(atomic_load(&en->counters.running) == 0);
		after = atomic_load(&en->counters.rows_fetched);
		assert_true(after > before);
		if (after - before > 300)
			fail_msg("%s: %llu rows put together", paths[i],
			    (unsigned long long)(after - before));
		buf_release(&whole);
	}
	close_engine();
}

/* Two that read far apart: each comes to its end, and all of it is right. */
static void *
read_all_of_it(void *arg)
{
	struct crowd *c = arg;
	struct buf got = BUF_INIT;
	uint64_t from = atomic_fetch_add((atomic_ullong *)&c->seed, 1) % 2 * (c->whole->n / 2);
	struct result *r = result_of(ALL);

	if (size_of(r) != 0)
		atomic_fetch_add(&c->wrong, 1);
	for (uint64_t off = from; off < c->whole->n; off += got.n) {
		if (read_at(r, off, 3000, &got) != 0 || got.n == 0 ||
		    memcmp(got.p, c->whole->p + off, got.n) != 0) {
			atomic_fetch_add(&c->wrong, 1);
			break;
		}
	}
	result_unref(r);
	buf_release(&got);
	return NULL;
}

static void *
come_and_go(void *arg)
{
	struct crowd *c = arg;
	struct buf got = BUF_INIT;
	uint64_t x = atomic_fetch_add((atomic_ullong *)&c->seed, 1);

	for (unsigned i = 0; i < 60; i++) {
		struct result *r = result_of(ALL);

		for (unsigned k = 0; k < i % 4; k++) {
			uint64_t off;

			x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
			off = (x >> 20) % c->whole->n;
			if (size_of(r) != 0 || read_at(r, off, 500, &got) != 0 ||
			    memcmp(got.p, c->whole->p + off, got.n) != 0 ||
			    (got.n != 500 && off + got.n != c->whole->n))
				atomic_fetch_add(&c->wrong, 1);
		}
		result_unref(r);
	}
	buf_release(&got);
	return NULL;
}

static void
run_crowd(void *(*fn)(void *))
{
	struct buf whole = bytes_of(ALL);
	struct crowd c = { .whole = &whole, .seed = 1 };
	pthread_t t[6];

	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&t[i], NULL, fn, &c), 0);
	for (size_t i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&c.wrong), 0);
	COMES(atomic_load(&en->counters.running) == 0);
	buf_release(&whole);
}

static void
many_come_and_go(void **state)
{
	const char *sets[] = NOT_KEPT;

	(void)state;
	open_engine(NULL, 0);
	run_crowd(come_and_go);
	close_engine();
	open_small_window(sets, 1);
	run_crowd(come_and_go);
	COMES(atomic_load(&en->quota.used) == 0);
	close_engine();
}

static void
readers_far_apart_come_to_the_end(void **state)
{
	const char *sets[] = NOT_KEPT;

	(void)state;
	open_small_window(sets, 1);
	run_crowd(read_all_of_it);
	COMES(slabs_counted(&en->slabs).used == 0);
	close_engine();
}

/* A read that comes between the look whether a piece may be written over and the writing. */
static void
what_is_about_to_go_is_there_no_more(void **state)
{
	const char *sets[] = NOT_KEPT;
	struct run_ctx x = { 0 };
	uint64_t from, to;
	struct buf whole;

	(void)state;
	open_small_window(sets, 1);
	whole = bytes_of(ALL);
	x.r = result_of(ALL);
	assert_int_equal(size_of(x.r), 0);
	read_is(x.r, whole.n / 2, 100, &whole);
	pthread_mutex_lock(&x.r->lock);
	x.r->read_up_to = x.r->size;
	window_range(&x.r->window, &from, &to);
	assert_true(to > from && result_has(x.r, from, from + 1));
	pthread_mutex_unlock(&x.r->lock);
	assert_int_equal(result_hold_back(&x, en->slabs.bytes - (size_t)(to - from) + 1, NULL), 0);
	pthread_mutex_lock(&x.r->lock);
	assert_false(result_has(x.r, from, from + 1));
	assert_true(result_has(x.r, from + 1, from + 2));
	pthread_mutex_unlock(&x.r->lock);
	result_unref(x.r);
	buf_release(&whole);
	close_engine();
}

/* Where there is no block, a read says why, and the next open may have one. */
static void
without_memory_a_read_fails_in_words(void **state)
{
	const char *sets[] = NOT_KEPT;
	struct buf whole, got = BUF_INIT;
	struct err err = ERR_INIT;
	struct result *r;

	(void)state;
	open_small_window(sets, 1);
	whole = bytes_of(ALL);
	r = result_of(ALL);
	assert_int_equal(size_of(r), 0);
	assert_true(quota_take(&en->quota, (size_t)(atomic_load(&en->quota.max) - BLOCK / 2)));
	assert_int_equal(read_at(r, 0, 100, &got), ERR_NOMEM);
	result_error(r, &err);
	assert_non_null(strstr(err.msg, "total_memory"));
	result_unref(r);
	quota_give(&en->quota, (size_t)(atomic_load(&en->quota.max) - BLOCK / 2));
	COMES(atomic_load(&en->counters.running) == 0);
	r = result_of(ALL);
	assert_int_equal(size_of(r), 0);
	read_is(r, 0, 100, &whole);
	result_unref(r);
	buf_release(&got);
	buf_release(&whole);
	close_engine();
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 21, 3000, 3, 2, 128);
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
		cmocka_unit_test(a_size_is_told_and_no_row_made),
		cmocka_unit_test(of_whole_services_it_is_told_without_a_plan),
		cmocka_unit_test(what_lengths_do_not_tell_is_made_whole),
		cmocka_unit_test(reads_are_right_in_any_order),
		cmocka_unit_test(what_open_tells_of_it_tells_still),
		cmocka_unit_test(a_false_length_is_an_error_where_it_shows),
		cmocka_unit_test(cancelled_by_hand_it_is_an_error),
		cmocka_unit_test(who_leaves_stops_it_and_the_next_goes_on),
		cmocka_unit_test(a_reader_that_rests_lets_it_go),
		cmocka_unit_test(who_leaves_with_the_last_byte_cancels_nothing),
		cmocka_unit_test(without_the_cache_what_stat_told_of_is_what_open_finds),
		cmocka_unit_test(a_large_result_is_read_through_a_window),
		cmocka_unit_test(an_idle_block_goes_back_after_a_while),
		cmocka_unit_test(a_large_one_goes_soon_after_a_small_one),
		cmocka_unit_test(a_jump_passes_over_what_lies_before),
		cmocka_unit_test(readers_far_apart_come_to_the_end),
		cmocka_unit_test(what_is_about_to_go_is_there_no_more),
		cmocka_unit_test(without_memory_a_read_fails_in_words),
		cmocka_unit_test(many_come_and_go),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
