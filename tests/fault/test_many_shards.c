/* SPDX-License-Identifier: ISC */
/*
 * A store with more shards than the process may have descriptors: import, queries, check and
 * results of a mount go on as ever. MANY_SHARDS sets how many there are (default 1,500, with 64
 * descriptors; 100000 is what is promised with 256).
 *
 * Memory: what a program that stays takes comes back down when its results have become old.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "catalog/catalog_i.h"
#include "check/check.h"
#include "engine/engine_i.h"
#include "intake/intake.h"
#include "lib/many_shards.h"
#include "lib/otlp_lines.h"

#define PER_SHARD 3

static char dir[64];
static size_t n_shards = 1500;
static const struct requester me = { 0, 1 };

static int
make_store(void **state)
{
	const char *env = getenv("MANY_SHARDS");
	struct rlimit low = { 64, 64 };

	(void)state;
	if (env != NULL)
		n_shards = (size_t)strtoul(env, NULL, 10);
	if (n_shards > 10000)
		low.rlim_cur = low.rlim_max = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	snprintf(dir, sizeof dir, "/tmp/spanfs-many-XXXXXX");
	assert_non_null(mkdtemp(dir));
	many_shards(dir, n_shards, PER_SHARD);
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
remove_store(void **state)
{
	(void)state;
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static struct conf *
settings(const char *const *sets, size_t n)
{
	struct err e = ERR_INIT;
	struct conf *conf;

	if (conf_load(NULL, sets, n, &conf, &e) < 0)
		fail_msg("%s", e.msg);
	return conf;
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static void
answers(struct engine *en, const char *path, const char *want)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (engine_query(en, sv_cstr(path), me, append, &out, NULL, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	assert_string_equal(buf_cstr(&out), want);
	buf_release(&out);
}

static struct engine *
open_engine(const struct conf *conf)
{
	struct err e = ERR_INIT;
	struct engine *en;

	if (engine_open(conf, dir, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
	return en;
}

static void
queries_read_more_shards_than_there_are_descriptors(void **state)
{
	struct conf *conf = settings(NULL, 0);
	struct engine *en = open_engine(conf);
	char want[32];

	(void)state;
	for (int round = 0; round < 2; round++) {
		snprintf(want, sizeof want, "%zu\n", n_shards * PER_SHARD);
		answers(en, "/count", want);
		answers(en, "/duration/ge/1us/count", want);
		snprintf(want, sizeof want, "%zu\n", (n_shards + 6) / 7 * PER_SHARD);
		answers(en, "/service/s0/duration/ge/1us/count", want);
		answers(en, "/trace/10000000000000001/count", "3\n");
		assert_int_equal(engine_control(en, SV("drop-caches"), me, NULL), 0);
	}
	engine_close(en);
	conf_free(conf);
}

static size_t
n_open(struct engine *en)
{
	struct world *w;
	size_t n;

	assert_int_equal(engine_world(en, &w, NULL), 0);
	n = atomic_load(&snap_of(w->snap)->n_open);
	world_unref(w);
	return n;
}

static double metric(struct engine *, const char *);

/* Answered by an engine that has just been opened; tells how long it took. */
static void
answers_by(const char *path, const char *want, size_t most_footers)
{
	struct conf *conf = settings(NULL, 0);
	uint64_t t0 = clock_mono_ns(), t1;
	struct engine *en = open_engine(conf);

	t1 = clock_mono_ns();
	answers(en, path, want);
	print_message("%zu shards: opened in %.1f ms, %s in %.1f ms, %zu footers, %.0f MiB\n",
	    n_shards, (double)(t1 - t0) / 1e6, path, (double)(clock_mono_ns() - t1) / 1e6,
	    n_open(en), metric(en, "memory_allocated_bytes") / (1 << 20));
	assert_true(n_open(en) <= most_footers);
	assert_true(metric(en, "memory_allocated_bytes") < 256 << 20);
	engine_close(en);
	conf_free(conf);
}

static void
bounded_questions_read_few_footers(void **state)
{
	char want[32];

	(void)state;
	answers_by("/trace/10000000000000001/count", "3\n", 1);
	answers_by("/service/s3/limit/10/count", "10\n", 0);
	answers_by("/service/s3/limit/2/select/kind/spans.csv", "kind\nunspecified\nunspecified\n",
	    2);
	answers_by("/limit/1/select/kind/spans.csv", "kind\nunspecified\n", 1);
	answers_by("/on/2004-11-09T13/count", "3\n", 0);
	snprintf(want, sizeof want, "%zu\n", n_shards * PER_SHARD);
	answers_by("/count", want, 0);
	snprintf(want, sizeof want, "%zu\n", (n_shards + 6) / 7 * PER_SHARD);
	answers_by("/service/s0/count", want, 0);
}

static size_t
shards_planned(struct engine *en, const char *text)
{
	struct err e = ERR_INIT;
	struct request *r;
	struct path *p;
	struct sv file;
	size_t n;

	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, &e) < 0 ||
	    request_new(en, p, file, &r, &e) < 0 || request_plan(r, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	n = r->plan->scan.n_shards;
	request_free(r);
	path_unref(p);
	return n;
}

/* Of a count neither plan nor run grows with the shards that lie in its range. */
static void
a_count_looks_at_no_shard_by_itself(void **state)
{
	static const char *const paths[] = { "", "/service/s3", "/service/s3/limit/10",
		"/since/2004-11-10T00:30", "/service/s1/since/2004-11-10T00:30/until/2005-01-01T03:10",
		"/until/2004-12-24T12:00", "/since/2004-11-11/limit/400/offset/17",
		"/on/2004-11-20T07" };
	static const char *const sets[] = { "query.rules_off=catalog" };
	struct conf *conf = settings(NULL, 0), *plain_conf = settings(sets, 1);
	struct engine *en = open_engine(conf), *plain = open_engine(plain_conf);
	size_t n;
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct buf want = BUF_INIT;
		struct err e = ERR_INIT;

		snprintf(path, sizeof path, "%s/count", paths[i]);
		if (engine_query(plain, sv_cstr(path), me, append, &want, NULL, &e) < 0)
			fail_msg("%s: %s", path, e.msg);
		answers(en, path, buf_cstr(&want));
		buf_release(&want);
		n = shards_planned(en, path);
		if (n > 1)
			fail_msg("%s: %zu shards are looked at", path, n);
	}
	engine_close(plain);
	engine_close(en);
	conf_free(plain_conf);
	conf_free(conf);
}

/* And of groups it is how many there are, not how many spans are in them. */
static void
a_count_of_groups_is_made_of_rows(void **state)
{
	static const char range[] = "/since/2004-11-10T00:30/until/2004-11-15";
	struct conf *conf = settings(NULL, 0);
	struct engine *en = open_engine(conf);
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s/agg/count/count", range);
	answers(en, path, "1\n");
	snprintf(path, sizeof path, "%s/service/s3/distinct/service/count", range);
	answers(en, path, "1\n");
	snprintf(path, sizeof path, "%s/service/s1,s3/group/service/limit/5/count", range);
	answers(en, path, "2\n");
	engine_close(en);
	conf_free(conf);
}

static void
bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)arg;
	fail_msg("%s at %lld: %s", file, (long long)off, why);
}

static void
check_reads_them_all(void **state)
{
	struct catalog_options o = { .cache_bytes = 1 << 20 };
	struct check_result res;
	struct err e = ERR_INIT;
	struct catalog *c;

	(void)state;
	assert_int_equal(catalog_open(dir, &o, &c, &e), 0);
	if (catalog_check(c, bad, NULL, &res, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(res.n_bad, 0);
	assert_int_equal(res.n_shards, n_shards);
	catalog_close(c);
}

/* Of the hours [from, to): how many spans were new, how many not. */
static struct intake_counts
import(size_t from, size_t to)
{
	static const char *const sets[] = { "store.sync=no" };
	struct conf *conf = settings(sets, 1);
	struct intake_options o = { .conf = conf, .store = dir, .threads = 2 };
	struct intake_counts counts = { 0 };
	struct buf text = BUF_INIT;
	struct text_source t = { .chunk = 65536 };
	struct source_bytes src;
	struct err e = ERR_INIT;
	struct intake *in;

	many_shards_otlp(&text, from, to, PER_SHARD);
	t.text = buf_view(&text);
	src = text_source(&t);
	if (intake_open(&o, &in, &e) != 0 || intake_read(in, "input", &src, &e) != 0 ||
	    intake_close(in, &counts, &e) != 0)
		fail_msg("%s", e.msg);
	buf_release(&text);
	conf_free(conf);
	return counts;
}

static void
one_import_writes_and_compares_many_partitions(void **state)
{
	struct intake_counts c = import(0, n_shards);

	(void)state;
	assert_int_equal(c.n_spans, 0);
	assert_int_equal(c.n_duplicates, n_shards * PER_SHARD);
	c = import(n_shards - 100, n_shards + 900);
	assert_int_equal(c.n_spans, 900 * PER_SHARD);
	assert_int_equal(c.n_duplicates, 100 * PER_SHARD);
	assert_int_equal(c.n_shards, 900);
	n_shards += 900;
	check_reads_them_all(NULL);
}

/* With what an import compares, no more than a thousand shards are open at a time. */
static void
a_bounded_catalog_begins_anew(void **state)
{
	struct catalog_options o = { .cache_bytes = 1 << 20, .max_open_shards = 10 };
	const struct snapshot *s, *next, *held;
	struct shard *shard, *other;
	struct catalog *c;

	(void)state;
	assert_int_equal(catalog_open(dir, &o, &c, NULL), 0);
	assert_int_equal(catalog_snapshot(c, &s, NULL), 0);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(snapshot_shard(s, i, &shard, NULL), 0);
	assert_int_equal(catalog_snapshot(c, &next, NULL), 0);
	assert_ptr_equal(s, next);
	assert_int_equal(snapshot_shard(s, 10, &shard, NULL), 0);
	snapshot_unref(next);
	assert_int_equal(catalog_snapshot(c, &next, NULL), 0);
	assert_ptr_not_equal(s, next);
	assert_int_equal(next->n_shards, s->n_shards);
	assert_int_equal(snapshot_shard(next, 10, &other, NULL), 0);
	assert_ptr_not_equal(shard, other);
	assert_int_equal(catalog_snapshot(c, &held, NULL), 0);
	assert_ptr_equal(held, next);
	snapshot_unref(held);
	snapshot_unref(next);
	snapshot_unref(s);
	catalog_close(c);
}

/* ---- memory ---- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool called;
};

static void
on_call(void *arg, int code, const void *data, size_t n)
{
	struct waiter *w = arg;

	(void)data;
	(void)n;
	assert_int_equal(code, 0);
	pthread_mutex_lock(&w->lock);
	w->called = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/* stat: the result is made for its size, and stays for the ttl. */
static void
stat_file(struct engine *en, const char *text)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	struct err e = ERR_INIT;
	struct result *r;
	struct path *p;
	struct sv file;

	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, &e) < 0 ||
	    engine_result(en, p, file, me, &r, &e) < 0 ||
	    result_stat(r, on_call, &w, NULL, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	pthread_mutex_lock(&w.lock);
	while (!w.called)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	path_unref(p);
	result_unref(r);
}

static double
metric(struct engine *en, const char *name)
{
	struct buf out = BUF_INIT;
	char line[96];
	const char *at;
	double v;

	assert_int_equal(engine_control_file(en, SV("metrics"), me, &out, NULL), 0);
	snprintf(line, sizeof line, "\nspanfs_%s ", name);
	assert_non_null(at = strstr(buf_cstr(&out), line));
	v = strtod(at + strlen(line), NULL);
	buf_release(&out);
	return v;
}

static void
results_count_what_they_take_and_go_when_told(void **state)
{
	static const char *const sets[] = { "result_cache.ttl=1h", "mount.stat_budget=60s" };
	enum { N = 2000 };
	struct conf *conf = settings(sets, 2);
	struct engine *en = open_engine(conf);
	struct buf words = BUF_INIT;
	double before, after, counted;
	char path[96];

	(void)state;
	assert_int_equal(engine_info(en, &words, NULL), 0);	/* every footer is read */
	buf_release(&words);
	stat_file(en, "/on/2004-11-09T13/limit/1/count");
	before = metric(en, "memory_allocated_bytes");
	for (int i = 0; i < N; i++) {
		snprintf(path, sizeof path, "/on/2004-11-09T13/limit/%d/count", i + 2);
		stat_file(en, path);
	}
	after = metric(en, "memory_allocated_bytes");
	counted = metric(en, "result_cache_memory_bytes");
	assert_true(metric(en, "results_kept") == N + 1);
	assert_true(counted > N * 1000.0 && counted < N * 8000.0);
	if (after - before > 1.5 * counted + (4 << 20))
		fail_msg("%.0f bytes more, %.0f counted", after - before, counted);
	assert_int_equal(engine_control(en, SV("flush"), me, NULL), 0);
	assert_true(metric(en, "results_kept") == 0);
	memory_give_back();
	assert_true(metric(en, "result_cache_memory_bytes") == 0);
	assert_true(metric(en, "memory_allocated_bytes") < before + (2 << 20));
	assert_true(metric(en, "memory_resident_bytes") >= metric(en, "memory_allocated_bytes") / 4);
	engine_close(en);
	conf_free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounded_questions_read_few_footers),
		cmocka_unit_test(a_count_looks_at_no_shard_by_itself),
		cmocka_unit_test(a_count_of_groups_is_made_of_rows),
		cmocka_unit_test(queries_read_more_shards_than_there_are_descriptors),
		cmocka_unit_test(check_reads_them_all),
		cmocka_unit_test(a_bounded_catalog_begins_anew),
		cmocka_unit_test(results_count_what_they_take_and_go_when_told),
		cmocka_unit_test(one_import_writes_and_compares_many_partitions),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
