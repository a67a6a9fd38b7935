/* SPDX-License-Identifier: ISC */
/*
 * engine: results from outside, as the mount uses them: one result for two opens, sizes that
 * are exact, streams that can be read again, cancelling, errors, what a commit changes.
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
#include "engine/engine_i.h"
#include "lib/gen_span.h"
#include "opt/opt.h"
#include "lib/store_rig.h"
#include "lib/span_rows.h"
#include "lib/store_spans.h"

static struct store_rig rig;
static const struct requester me = { 1000, 1 };

struct bench {
	struct conf *conf;
	struct engine *en;
};

static void
open_engine(struct bench *b, const char *const *sets, size_t n)
{
	struct err err = ERR_INIT;

	assert_int_equal(conf_load(NULL, sets, n, &b->conf, &err), 0);
	if (engine_open(b->conf, rig.dir, false, &b->en, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
close_engine(struct bench *b)
{
	engine_close(b->en);
	conf_free(b->conf);
}

static struct path *
path_of(const char *text, struct sv *file)
{
	struct err err = ERR_INIT;
	struct path *p;

	if (path_parse(sv_cstr(text), engine_known_file, &p, file, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return p;
}

static int
result_of(struct bench *b, const char *text, struct result **r, struct err *e)
{
	struct sv file;
	struct path *p = path_of(text, &file);
	int code = engine_result(b->en, p, file, me, r, e);

	path_unref(p);
	return code;
}

/* A wait as a blocking call. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool called;
	int code;
	char *data;
	size_t n;
};

static void
on_call(void *arg, int code, const void *data, size_t n)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	assert_false(w->called);
	w->called = true;
	w->code = code;
	w->n = n;
	w->data = malloc(n + 1);
	if (n != 0)
		memcpy(w->data, data, n);
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

#define WAITER_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, NULL, 0 }

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
open_and_wait(struct result *r)
{
	struct waiter w = WAITER_INIT;
	int code;

	assert_int_equal(result_open(r, on_call, &w, NULL, NULL), 0);
	code = finish_wait(&w);
	free(w.data);
	return code;
}

/* All bytes of a result, read in pieces. */
static void
read_all(struct result *r, struct buf *out, size_t piece)
{
	for (;;) {
		struct waiter w = WAITER_INIT;

		assert_int_equal(result_read(r, out->n, piece, on_call, &w, NULL, NULL), 0);
		assert_int_equal(finish_wait(&w), 0);
		buf_put(out, w.data, w.n);
		free(w.data);
		if (w.n == 0)
			return;
	}
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static void
query_bytes(struct bench *b, const char *text, struct buf *out)
{
	struct err err = ERR_INIT;

	if (engine_query(b->en, sv_cstr(text), me, append, out, NULL, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
}

static void
same_bytes(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->p, b->p, a->n);
}

static void
two_opens_share_one_result(void **state)
{
	struct result *x, *y;
	struct bench b;

	(void)state;
	open_engine(&b, NULL, 0);
	assert_int_equal(result_of(&b, "/limit/20/spans.jsonl", &x, NULL), 0);
	assert_int_equal(open_and_wait(x), 0);
	assert_int_equal(result_of(&b, "/limit/20/spans.jsonl", &y, NULL), 0);
	assert_int_equal(result_info(x).id, result_info(y).id);
	assert_true(result_info(y).done);
	result_unref(x);
	result_unref(y);
	close_engine(&b);
}

static void
without_the_cache_each_open_runs(void **state)
{
	const char *sets[] = { "result_cache.enabled=no" };
	struct result *x, *y;
	struct bench b;

	(void)state;
	open_engine(&b, sets, 1);
	assert_int_equal(result_of(&b, "/limit/20/spans.jsonl", &x, NULL), 0);
	assert_int_equal(open_and_wait(x), 0);
	assert_int_equal(result_of(&b, "/limit/20/spans.jsonl", &y, NULL), 0);
	assert_int_not_equal(result_info(x).id, result_info(y).id);
	result_unref(x);
	result_unref(y);
	close_engine(&b);
}

static void
size_and_bytes_are_those_of_the_query(void **state)
{
	static const char *const files[] = { "/spans.jsonl", "/spans.csv", "/traces.jsonl",
		"/otlp.jsonl", "/count", "/query", "/plan", "/events.jsonl", "/links.jsonl" };
	/* A plan says whether its decision was remembered. */
	const char *sets[] = { "decision_cache.enabled=no" };
	struct bench b;

	(void)state;
	open_engine(&b, sets, 1);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct buf want = BUF_INIT, got = BUF_INIT;
		struct result *r;

		query_bytes(&b, files[i], &want);
		assert_int_equal(result_of(&b, files[i], &r, NULL), 0);
		assert_int_equal(open_and_wait(r), 0);
		read_all(r, &got, 4096);
		same_bytes(&want, &got);
		assert_true(result_info(r).done);
		assert_int_equal(result_info(r).size, want.n);
		result_unref(r);
		buf_release(&want);
		buf_release(&got);
	}
	close_engine(&b);
}

static void
a_large_result_streams_and_can_be_read_again(void **state)
{
	const char *sets[] = { "mount.sizes=lazy", "mount.stream_above=8KiB",
		"result_cache.entry_max_bytes=4KiB", "mount.spill_dir=/tmp" };
	struct buf want = BUF_INIT, got = BUF_INIT, again = BUF_INIT;
	struct result *r;
	struct bench b;

	(void)state;
	open_engine(&b, sets, 4);
	query_bytes(&b, "/spans.jsonl", &want);
	assert_true(want.n > 100000);
	assert_int_equal(result_of(&b, "/spans.jsonl", &r, NULL), 0);
	assert_int_equal(open_and_wait(r), 0);
	assert_true(result_info(r).streaming);
	read_all(r, &got, 10000);
	read_all(r, &again, 65536);
	same_bytes(&want, &got);
	same_bytes(&want, &again);
	result_unref(r);
	buf_release(&want);
	buf_release(&got);
	buf_release(&again);
	close_engine(&b);
}

/* However large it is, and however soon a stream would begin. */
static void
a_size_is_known_before_open_returns(void **state)
{
	const char *sets[] = { "mount.stream_above=8KiB", "mount.stream_after=0",
		"mount.stat_budget=0", "result_cache.entry_max_bytes=4KiB", "mount.spill_dir=/tmp" };
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct waiter w = WAITER_INIT;
	struct result *r;
	struct bench b;

	(void)state;
	open_engine(&b, sets, 5);
	query_bytes(&b, "/spans.jsonl", &want);
	assert_int_equal(result_of(&b, "/spans.jsonl", &r, NULL), 0);
	assert_int_equal(open_and_wait(r), 0);
	assert_true(result_info(r).done);
	assert_int_equal(result_info(r).size, want.n);
	read_all(r, &got, 10000);
	same_bytes(&want, &got);
	result_unref(r);
	assert_int_equal(result_of(&b, "/offset/1/spans.jsonl", &r, NULL), 0);
	assert_int_equal(result_size(r, on_call, &w, NULL, NULL), 0);
	assert_int_equal(finish_wait(&w), 0);
	free(w.data);
	assert_true(result_info(r).done);
	assert_true(result_info(r).size > 0);
	result_unref(r);
	buf_release(&want);
	buf_release(&got);
	close_engine(&b);
}

static void
a_full_spill_is_an_error_of_the_open(void **state)
{
	const char *sets[] = { "result_cache.entry_max_bytes=4KiB", "mount.spill_dir=/tmp",
		"mount.spill_max=16KiB" };
	struct result *r;
	struct bench b;

	(void)state;
	open_engine(&b, sets, 3);
	assert_int_equal(result_of(&b, "/spans.jsonl", &r, NULL), 0);
	assert_int_equal(open_and_wait(r), ERR_NOSPC);
	result_unref(r);
	close_engine(&b);
}

/* What stat told of is what open finds, though `now` has moved on. */
static void
a_size_holds_for_ranges_back_from_now(void **state)
{
	const char *sets[] = { "result_cache.ttl=1s", "mount.now=wall" };
	struct waiter w = WAITER_INIT;
	struct result *x, *y;
	struct bench b;
	uint64_t made;

	(void)state;
	open_engine(&b, sets, 2);
	assert_int_equal(result_of(&b, "/since/1h/count", &x, NULL), 0);
	assert_int_equal(result_size(x, on_call, &w, NULL, NULL), 0);
	assert_int_equal(finish_wait(&w), 0);
	free(w.data);
	/* Across a step of now mostly, and within the time that it is kept. */
	for (made = clock_mono_ns(); clock_mono_ns() - made < NS_PER_S / 2; usleep(100000)) {
		assert_int_equal(result_of(&b, "/since/1h/count", &y, NULL), 0);
		assert_int_equal(result_info(y).id, result_info(x).id);
		result_unref(y);
	}
	usleep(600000);
	assert_int_equal(result_of(&b, "/since/1h/count", &y, NULL), 0);
	assert_int_not_equal(result_info(y).id, result_info(x).id);
	result_unref(y);
	result_unref(x);
	close_engine(&b);
}

static void
a_full_spill_is_an_error_of_the_read(void **state)
{
	const char *sets[] = { "mount.sizes=lazy", "mount.stream_above=8KiB",
		"result_cache.entry_max_bytes=4KiB", "mount.spill_dir=/tmp", "mount.spill_max=16KiB" };
	struct waiter w = WAITER_INIT;
	struct result *r;
	struct bench b;

	(void)state;
	open_engine(&b, sets, 5);
	assert_int_equal(result_of(&b, "/spans.jsonl", &r, NULL), 0);
	assert_int_equal(result_read(r, 1 << 20, 10, on_call, &w, NULL, NULL), 0);
	assert_int_equal(finish_wait(&w), ERR_NOSPC);
	free(w.data);
	result_unref(r);
	close_engine(&b);
}

static void
limits_name_their_setting(void **state)
{
	static const struct {
		const char *set, *path, *words;
		int code;
	} v[] = {
		{ "query.max_rows=10", "/spans.jsonl", "max_rows", ERR_LIMIT },
		{ "query.max_rows=10", "/limit/11/spans.jsonl", "max_rows", ERR_SYNTAX },
		/* Lines, and not the spans that they count. */
		{ "query.max_rows=10", "/errors.txt", "max_rows", ERR_LIMIT },
		{ "query.max_rows=10", "/limit/10/errors.txt", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct err err = ERR_INIT;
		struct result *r;
		struct bench b;
		int code;

		open_engine(&b, &v[i].set, 1);
		if ((code = result_of(&b, v[i].path, &r, &err)) == 0) {
			code = open_and_wait(r);
			result_error(r, &err);
			result_unref(r);
		}
		assert_int_equal(code, v[i].code);
		assert_non_null(strstr(err.msg, v[i].words));
		close_engine(&b);
	}
}

/* A store of 9 MB in 3,000 errors, opened. */
static void
open_large(struct bench *b, struct store_rig *big, const char *const *sets, size_t n)
{
	struct store_rig was = rig;
	struct span_batch rows;

	span_batch_init(&rows);
	store_rig_init(big, 1, 0, 1, 0, 64);
	for (unsigned i = 0; i < 3000; i++) {
		struct span *s = span_batch_add(&rows);
		char *text = arena_alloc(&rows.arena, 3000);

		memset(text, 'e', 3000);
		snprintf(text, 3000, "%u", i);
		text[strlen(text)] = ' ';
		*s = (struct span){ .trace_id = { 1, i }, .span_id = i + 1,
		    .start_ns = STORE_RIG_START + i, .end_ns = STORE_RIG_START + i,
		    .name = SV("work"), .status = STATUS_ERROR,
		    .status_message = sv_new(text, 3000),
		    .resource = resource_of(&rows.arena, "web"),
		    .scope = arena_calloc(&rows.arena, 1, sizeof(struct scope)) };
	}
	store_rig_add(big, &rows, 64);
	span_batch_release(&rows);
	rig = *big;
	open_engine(b, sets, n);
	rig = was;
}

/* What a file holds of its rows until its end counts as memory of the query. */
static void
lines_that_wait_are_memory_of_the_query(void **state)
{
	const char *set = "query.memory=8MiB";
	struct store_rig big;
	struct err err = ERR_INIT;
	struct result *r;
	struct bench b;

	(void)state;
	open_large(&b, &big, &set, 1);
	assert_int_equal(result_of(&b, "/spans.jsonl", &r, &err), 0);
	assert_int_equal(open_and_wait(r), 0);
	result_unref(r);
	assert_int_equal(result_of(&b, "/errors.txt", &r, &err), 0);
	assert_int_equal(open_and_wait(r), ERR_NOMEM);
	result_error(r, &err);
	assert_non_null(strstr(err.msg, "8MiB ([query] memory)"));
	result_unref(r);
	close_engine(&b);
	store_rig_release(&big);
}

/* Results go to the spill file, queries end with words; what was taken comes back. */
static void
all_queries_together_have_a_bound(void **state)
{
	const char *set = "result_cache.enabled=no";
	struct store_rig big;
	struct err err = ERR_INIT;
	struct result *r;
	struct bench b;

	(void)state;
	open_large(&b, &big, &set, 1);
	atomic_store(&b.en->quota.max, 4 << 20);
	assert_int_equal(result_of(&b, "/spans.csv", &r, &err), 0);
	assert_int_equal(open_and_wait(r), 0);
	assert_true(r->blob.fd >= 0);
	assert_int_equal(atomic_load(&r->progress.rows_all), 3000);
	assert_int_equal(atomic_load(&r->progress.rows_done), 3000);
	assert_true(result_info(r).size > 9000000);
	result_unref(r);
	assert_int_equal(result_of(&b, "/errors.txt", &r, &err), 0);
	assert_int_equal(open_and_wait(r), ERR_NOMEM);
	result_error(r, &err);
	assert_non_null(strstr(err.msg, "4MiB (what [query] total_memory leaves"));
	result_unref(r);
	assert_int_equal(result_of(&b, "/group/trace_id/agg/p50:duration/groups.csv", &r, &err), 0);
	atomic_store(&b.en->quota.max, 256 << 10);
	assert_int_equal(open_and_wait(r), ERR_NOMEM);
	result_error(r, &err);
	assert_non_null(strstr(err.msg, "[query] total_memory"));
	result_unref(r);
	assert_int_equal(atomic_load(&b.en->quota.used), 0);
	close_engine(&b);
	store_rig_release(&big);
}

/* Of errors.txt these are its lines, and not the spans that they count. */
static void
rows_that_are_expected_are_those_of_the_file(void **state)
{
	static const struct {
		const char *path;
		int code;
	} v[] = {
		{ "/expect/rows/2/errors.txt", 0 },
		{ "/limit/1/expect/rows/1/errors.txt", 0 },
		{ "/limit/1/expect/rows/2/errors.txt", ERR_NODATA },
		{ "/limit/2/expect/rows/2/spans.jsonl", 0 },
		{ "/limit/2/expect/rows/3/spans.jsonl", ERR_NODATA },
		{ "/limit/2/expect/rows/3/count", ERR_NODATA },
	};
	struct bench b;

	(void)state;
	open_engine(&b, NULL, 0);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct buf out = BUF_INIT;

		assert_int_equal(engine_query(b.en, sv_cstr(v[i].path), me, append, &out, NULL,
		    NULL), v[i].code);
		assert_int_equal(out.n == 0, v[i].code < 0);
		buf_release(&out);
	}
	close_engine(&b);
}

static void
giving_up_a_wait_is_final(void **state)
{
	const char *sets[] = { "query.max_concurrent=1" };
	struct bench b;

	(void)state;
	open_engine(&b, sets, 1);
	for (int i = 0; i < 50; i++) {
		struct waiter w = WAITER_INIT;
		struct result_wait *token;
		struct result *r;
		char path[64];

		snprintf(path, sizeof path, "/offset/%d/spans.jsonl", i);
		assert_int_equal(result_of(&b, path, &r, NULL), 0);
		assert_int_equal(result_open(r, on_call, &w, &token, NULL), 0);
		if (i % 3 == 0)
			usleep((useconds_t)i * 100);
		if (!result_wait_cancel(r, token))
			finish_wait(&w);
		else
			assert_false(w.called);
		free(w.data);
		result_unref(r);
	}
	close_engine(&b);
}

static void
unknown_services_and_files_are_refused(void **state)
{
	struct err err = ERR_INIT;
	struct result *r;
	struct path *p = path_of("/service/x", &(struct sv){ 0 });
	struct bench b;

	(void)state;
	open_engine(&b, NULL, 0);
	assert_int_equal(result_of(&b, "/service/no-such-service/count", &r, &err), ERR_UNKNOWN);
	assert_int_equal(engine_result(b.en, p, SV("nope.jsonl"), me, &r, &err), ERR_UNKNOWN);
	assert_int_equal(result_of(&b, "/not/service/no-such-service/count", &r, &err), 0);
	result_unref(r);
	assert_int_equal(result_of(&b, "/tree.txt", &r, &err), ERR_UNSUPPORTED);
	assert_int_equal(result_of(&b, "/select/name/otlp.jsonl", &r, &err), ERR_UNSUPPORTED);
	path_unref(p);
	close_engine(&b);
}

static size_t
loaded_shards(const struct stats *st)
{
	size_t n = 0;

	for (size_t i = 0; i < st->n_shards; i++)
		n += st->shards[i].n_columns != 0;
	return n;
}

static void
the_first_queries_load_what_their_range_touches(void **state)
{
	struct time_range r = { STORE_RIG_START, STORE_RIG_START + 1000 };
	const struct stats *st, *all;
	struct arena a;
	struct world *w;
	struct bench b;
	size_t n;

	(void)state;
	open_engine(&b, NULL, 0);
	arena_init(&a);
	assert_int_equal(engine_world(b.en, &w, NULL), 0);
	n = snapshot_touched(w->snap, r);
	assert_true(n > 0 && n <= w->snap->n_shards / 2);
	assert_int_equal(world_stats(b.en, w, r, &a, &st, NULL), 0);
	assert_int_equal(loaded_shards(st), n);
	assert_null(atomic_load(&w->all));
	/* Who asks on gets everything. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(world_stats(b.en, w, r, &a, &st, NULL), 0);
	assert_int_equal(world_all(b.en, w, &all, NULL), 0);
	assert_ptr_equal(st, all);
	assert_int_equal(loaded_shards(all), w->snap->n_shards);
	world_unref(w);
	arena_release(&a);
	close_engine(&b);
}

/* A service may stand in none of the shards that a query loads, and be known all the same. */
static void
every_service_is_known_whatever_the_range(void **state)
{
	struct err err = ERR_INIT;
	const struct stats *all;
	struct result *r;
	struct world *w;
	struct bench b;
	char path[512];

	(void)state;
	open_engine(&b, NULL, 0);
	assert_int_equal(engine_world(b.en, &w, NULL), 0);
	assert_int_equal(world_all(b.en, w, &all, NULL), 0);
	for (size_t i = 0; i < all->n_shards; i++) {
		struct sv s = all->shards[i].services[0].service;
		struct bench fresh;

		if (s.n == 0 || s.n > 64 || s.p[0] < 'a' || s.p[0] > 'z')
			continue;
		open_engine(&fresh, NULL, 0);
		snprintf(path, sizeof path, "/service/%.*s/since/2001-01-01/until/2001-01-02/"
		    "count", SV_ARG(s));
		assert_int_equal(result_of(&fresh, path, &r, &err), 0);
		result_unref(r);
		assert_int_equal(result_of(&fresh, "/service/no-such-service/since/2001-01-01/"
		    "until/2001-01-02/count", &r, &err), ERR_UNKNOWN);
		close_engine(&fresh);
	}
	world_unref(w);
	close_engine(&b);
}

static void
a_commit_is_seen_by_the_next_query(void **state)
{
	struct buf one = BUF_INIT, two = BUF_INIT;
	struct gen_span_options o = { .seed = 99, .start_ns = STORE_RIG_START,
		.range_ns = 1000000000 };
	struct span_batch batch;
	struct gen_span g;
	struct result *held;
	struct bench b;

	(void)state;
	open_engine(&b, NULL, 0);
	assert_int_equal(result_of(&b, "/count", &held, NULL), 0);
	assert_int_equal(open_and_wait(held), 0);
	query_bytes(&b, "/count", &one);
	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 1));
	store_rig_add(&rig, &batch, 256);
	span_batch_release(&batch);
	query_bytes(&b, "/count", &two);
	assert_int_equal(atoi(buf_cstr(&two)), atoi(buf_cstr(&one)) + 1);
	/* Who holds the old result reads the old bytes. */
	two.n = 0;
	read_all(held, &two, 100);
	same_bytes(&one, &two);
	result_unref(held);
	buf_release(&one);
	buf_release(&two);
	close_engine(&b);
}

/* The path is bound once in a world, and anew after a commit or other settings. */
static void
a_path_that_is_asked_again_meets_the_newest_commit(void **state)
{
	struct gen_span_options o = { .seed = 98, .start_ns = STORE_RIG_START,
		.range_ns = 1000000000 };
	struct result *one, *two, *three, *four;
	struct span_batch batch;
	struct gen_span g;
	struct sv file;
	struct path *p = path_of("/count", &file);
	struct bench b;

	(void)state;
	open_engine(&b, NULL, 0);
	assert_int_equal(engine_result(b.en, p, file, me, &one, NULL), 0);
	assert_int_equal(open_and_wait(one), 0);
	assert_true(results_may_know(&b.en->results, p, file));
	assert_int_equal(engine_result(b.en, p, file, me, &two, NULL), 0);
	assert_ptr_equal(two, one);
	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 1));
	store_rig_add(&rig, &batch, 256);
	span_batch_release(&batch);
	assert_int_equal(engine_result(b.en, p, file, me, &three, NULL), 0);
	assert_ptr_not_equal(three, one);
	assert_int_equal(open_and_wait(three), 0);
	engine_reload(b.en, b.conf);
	assert_int_equal(engine_result(b.en, p, file, me, &four, NULL), 0);
	assert_int_equal(result_info(four).size, result_info(three).size);
	assert_int_equal(engine_control(b.en, SV("flush"), me, NULL), 0);
	result_unref(four);
	result_unref(three);
	result_unref(two);
	result_unref(one);
	path_unref(p);
	close_engine(&b);
}

/* What was bound before a reload is made as it was bound, and answers nobody who is bound after it. */
static void
what_is_made_over_a_reload_is_of_the_settings_before(void **state)
{
	static const char path[] = "/offset/1/spans.jsonl";
	static const char *const few[] = { "query.max_rows=3" };
	struct result *before, *after;
	struct buf bytes = BUF_INIT;
	struct err err = ERR_INIT;
	struct conf *less;
	struct bench b;
	bool settled;

	(void)state;
	open_engine(&b, NULL, 0);
	assert_int_equal(conf_load(NULL, few, 1, &less, NULL), 0);
	assert_int_equal(result_of(&b, path, &before, &err), 0);
	engine_reload(b.en, less);
	assert_int_equal(open_and_wait(before), 0);
	read_all(before, &bytes, 65536);
	assert_true(bytes.n != 0);
	do {
		pthread_mutex_lock(&before->lock);
		settled = before->settled;
		pthread_mutex_unlock(&before->lock);
	} while (!settled);
	assert_int_equal(result_of(&b, path, &after, &err), 0);
	assert_ptr_not_equal(after, before);
	assert_int_equal(open_and_wait(after), ERR_LIMIT);
	result_unref(after);
	result_unref(before);
	buf_release(&bytes);
	close_engine(&b);
	conf_free(less);
}

static uint64_t
generation_of(struct bench *b, const char *path)
{
	struct buf text = BUF_INIT;
	struct result *r;
	uint64_t n = 0;

	assert_int_equal(result_of(b, path, &r, NULL), 0);
	assert_int_equal(result_xattr(r, SV("generation"), &text, NULL), 0);
	assert_true(sv_u64(buf_view(&text), &n));
	result_unref(r);
	buf_release(&text);
	return n;
}

static void
a_result_says_of_which_commit_it_is(void **state)
{
	struct gen_span_options o = { .seed = 99, .start_ns = STORE_RIG_START,
		.range_ns = 1000000000 };
	struct span_batch batch;
	struct gen_span g;
	struct bench b;
	uint64_t n;

	(void)state;
	open_engine(&b, NULL, 0);
	n = generation_of(&b, "/count");
	assert_int_equal(generation_of(&b, "/query"), n);
	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 1));
	store_rig_add(&rig, &batch, 256);
	span_batch_release(&batch);
	assert_int_equal(generation_of(&b, "/count"), n + 1);
	close_engine(&b);
}

static void
an_empty_result_says_what_is_not_there(void **state)
{
	static const struct {
		const char *path, *note;
	} c[] = {
		{ "/service/nobody-has-this/spans.jsonl", "no service 'nobody-has-this' in the store" },
		{ "/where/span.nothing-at-all/eq/1/spans.csv", "no field 'span.nothing-at-all'" },
		{ "/status/ok/has/nothing-at-all/traces.jsonl", "no field 'nothing-at-all'" },
		{ "/name/none-of-it/spans.jsonl", NULL },
	};
	const char *sets[] = { "browse.strict_names=no" };
	struct bench b;

	(void)state;
	open_engine(&b, sets, 1);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct buf note = BUF_INIT;
		struct result *r;
		int code;

		assert_int_equal(result_of(&b, c[i].path, &r, NULL), 0);
		assert_int_equal(open_and_wait(r), 0);
		assert_int_equal(result_info(r).size != 0, i == 1);	/* the header */
		code = result_xattr(r, SV("note"), &note, NULL);
		assert_int_equal(code, c[i].note != NULL ? 0 : ERR_UNKNOWN);
		if (c[i].note != NULL && strstr(buf_cstr(&note), c[i].note) == NULL)
			fail_msg("%s: %s", c[i].path, buf_cstr(&note));
		result_unref(r);
		buf_release(&note);
	}
	close_engine(&b);
}

static void
a_result_made_for_its_size_stays_for_the_ttl(void **state)
{
	struct gen_span_options o = { .seed = 98, .start_ns = STORE_RIG_START,
		.range_ns = 1000000000 };
	struct waiter w = WAITER_INIT;
	struct span_batch batch;
	struct gen_span g;
	struct result *x, *y;
	struct bench b;

	(void)state;
	open_engine(&b, NULL, 0);
	assert_int_equal(result_of(&b, "/count", &x, NULL), 0);
	assert_int_equal(result_stat(x, on_call, &w, NULL, NULL), 0);
	assert_int_equal(finish_wait(&w), 0);
	free(w.data);
	assert_true(result_info(x).done);
	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 1));
	store_rig_add(&rig, &batch, 256);
	span_batch_release(&batch);
	assert_int_equal(result_of(&b, "/count", &y, NULL), 0);
	assert_int_equal(result_info(x).id, result_info(y).id);
	result_unref(x);
	result_unref(y);
	close_engine(&b);
}

static void
control_files_and_commands_work(void **state)
{
	static const char *const bad[] = { "cancel", "cancel x", "cancel 999", "nonsense", "flush now" };
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct bench b;

	(void)state;
	open_engine(&b, NULL, 0);
	for (size_t i = 0; engine_control_name(i) != NULL; i++)
		assert_int_equal(engine_control_file(b.en, sv_cstr(engine_control_name(i)), (struct requester){ 0 }, &out,
		    &err), 0);
	assert_int_equal(engine_control_file(b.en, SV("nope"), (struct requester){ 0 }, &out, &err), ERR_UNKNOWN);
	assert_int_equal(engine_control(b.en, SV("flush\n"), me, &err), 0);
	assert_int_equal(engine_control(b.en, SV("drop-caches"), me, &err), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(engine_control(b.en, sv_cstr(bad[i]), me, &err), ERR_SYNTAX);
	err_set(&err, ERR_SYNTAX, 9, "expected something");
	engine_note_error(b.en, SV("/service/\x1b[2J"), me, &err);
	out.n = 0;
	assert_int_equal(engine_control_file(b.en, SV("errors"), (struct requester){ 0 }, &out, NULL), 0);
	assert_non_null(strstr(buf_cstr(&out), "expected something"));
	assert_non_null(strstr(buf_cstr(&out), "  /service/\\x1b[2J\n           ^\n"));
	assert_null(memchr(out.p, 0x1b, out.n));
	buf_release(&out);
	close_engine(&b);
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 5, 3000, 3, 3, 256);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_rig_release(&rig);
	return 0;
}

static bool
plan_shows(struct bench *b, const char *path, const char *what)
{
	struct buf plan = BUF_INIT;
	struct result *r;
	bool has;

	assert_int_equal(result_of(b, path, &r, NULL), 0);
	assert_int_equal(open_and_wait(r), 0);
	read_all(r, &plan, 4096);
	result_unref(r);
	has = strstr(buf_cstr(&plan), what) != NULL;
	buf_release(&plan);
	return has;
}

/* More than a stream may be ahead of its reader, in spans that cost nothing by the settings. */
static void
who_makes_a_large_result_itself_waits_for_nobody(void **state)
{
	const char *sets[] = { "mount.sizes=lazy", "mount.stream_above=8KiB", "mount.spill_dir=/tmp",
		"cost_model.adaptive=no", "cost_model.seq_page_cost=0",
		"cost_model.random_page_cost=0", "cost_model.cpu_tuple_cost=0",
		"cost_model.cpu_index_tuple_cost=0", "cost_model.cpu_operator_cost=0",
		"cost_model.trace_hop_cost=0" };
	struct store_rig usual = rig;
	struct buf lines = BUF_INIT;
	struct err err = ERR_INIT;
	struct result *r;
	struct fsys *fs;
	struct bench b;

	(void)state;
	alarm(120);
	store_rig_init(&rig, 6, 10, 1, 1, 64);
	for (unsigned i = 0; i < 70; i++) {
		buf_printf(&lines, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
		    "\"0123456789abcdef0123456789abcdef\",\"spanId\":\"0123456789abcd%02x\","
		    "\"name\":\"n\",\"startTimeUnixNano\":\"1795435200000000000\","
		    "\"endTimeUnixNano\":\"1795435200000000005\",\"attributes\":[{\"key\":\"k\","
		    "\"value\":{\"stringValue\":\"", i);
		for (unsigned k = 0; k < 1 << 20; k++)
			buf_putc(&lines, 'x');
		BUF_LIT(&lines, "\"}}]}]}]}]}\n");
	}
	assert_false(lines.oom);
	if (file_real(rig.dir, false, &fs, &err) < 0 ||
	    store_add_lines(fs, buf_view(&lines), &err) < 0)
		fail_msg("%s", err.msg);
	fsys_free(fs);
	buf_release(&lines);
	open_engine(&b, sets, sizeof sets / sizeof *sets);
	assert_int_equal(result_of(&b, "/has/k/spans.jsonl", &r, NULL), 0);
	assert_int_equal(open_and_wait(r), 0);
	assert_true(result_info(r).available > 70u << 20);
	result_unref(r);
	close_engine(&b);
	store_rig_release(&rig);
	rig = usual;
	alarm(0);
}

static size_t
results_there(struct engine *en, bool *idle)
{
	size_t n;

	pthread_mutex_lock(&en->lock);
	n = en->results.n;
	*idle = en->idle;
	pthread_mutex_unlock(&en->lock);
	return n;
}

static void
what_was_held_for_long_goes_though_nobody_asks_on(void **state)
{
	const char *sets[] = { "result_cache.ttl=1ms" };
	struct result *r;
	struct bench b;
	bool idle = false;

	(void)state;
	open_engine(&b, sets, 1);
	/* What is said of the store as it is, is not for long. */
	assert_int_equal(result_of(&b, "/limit/20/plan", &r, NULL), 0);
	assert_int_equal(open_and_wait(r), 0);
	while (!idle) {
		usleep(10000);
		assert_int_equal(results_there(b.en, &idle), 1);
	}
	result_unref(r);
	for (int i = 0; i < 500 && results_there(b.en, &idle) != 0; i++)
		usleep(10000);
	assert_int_equal(results_there(b.en, &idle), 0);
	close_engine(&b);
}

static void
rules_are_left_out_by_name_and_a_reload_brings_them_back(void **state)
{
	static const char *const off[] = { "query.rules_off=topn,order", "mount.now=latest" };
	static const char path[] = "/sort/duration:desc/limit/3/plan";
	struct conf *all;
	struct bench b;

	(void)state;
	open_engine(&b, off, 2);
	assert_false(plan_shows(&b, path, "topn"));
	assert_int_equal(conf_load(NULL, &off[1], 1, &all, NULL), 0);
	engine_reload(b.en, all);
	assert_true(plan_shows(&b, path, "topn"));
	close_engine(&b);
	conf_free(all);
}

static void
a_name_that_is_no_rule_stops_the_start(void **state)
{
	static const char *const bad[] = { "query.rules_off=index,nope" };
	struct err err = ERR_INIT;
	struct engine *en;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(NULL, bad, 1, &c, NULL), 0);
	assert_int_equal(engine_open(c, rig.dir, false, &en, &err), ERR_SYNTAX);
	assert_non_null(strstr(err.msg, "-o: [query] rules_off: no optimizer rule 'nope'; "
	    "expected all or some of "));
	assert_non_null(strstr(err.msg, opt_rule_name(0)));
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_opens_share_one_result),
		cmocka_unit_test(without_the_cache_each_open_runs),
		cmocka_unit_test(size_and_bytes_are_those_of_the_query),
		cmocka_unit_test(a_large_result_streams_and_can_be_read_again),
		cmocka_unit_test(a_size_is_known_before_open_returns),
		cmocka_unit_test(a_full_spill_is_an_error_of_the_open),
		cmocka_unit_test(a_size_holds_for_ranges_back_from_now),
		cmocka_unit_test(a_full_spill_is_an_error_of_the_read),
		cmocka_unit_test(limits_name_their_setting),
		cmocka_unit_test(lines_that_wait_are_memory_of_the_query),
		cmocka_unit_test(all_queries_together_have_a_bound),
		cmocka_unit_test(rows_that_are_expected_are_those_of_the_file),
		cmocka_unit_test(giving_up_a_wait_is_final),
		cmocka_unit_test(unknown_services_and_files_are_refused),
		cmocka_unit_test(the_first_queries_load_what_their_range_touches),
		cmocka_unit_test(every_service_is_known_whatever_the_range),
		cmocka_unit_test(a_commit_is_seen_by_the_next_query),
		cmocka_unit_test(a_path_that_is_asked_again_meets_the_newest_commit),
		cmocka_unit_test(what_is_made_over_a_reload_is_of_the_settings_before),
		cmocka_unit_test(a_result_says_of_which_commit_it_is),
		cmocka_unit_test(an_empty_result_says_what_is_not_there),
		cmocka_unit_test(a_result_made_for_its_size_stays_for_the_ttl),
		cmocka_unit_test(who_makes_a_large_result_itself_waits_for_nobody),
		cmocka_unit_test(what_was_held_for_long_goes_though_nobody_asks_on),
		cmocka_unit_test(rules_are_left_out_by_name_and_a_reload_brings_them_back),
		cmocka_unit_test(a_name_that_is_no_rule_stops_the_start),
		cmocka_unit_test(control_files_and_commands_work),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
