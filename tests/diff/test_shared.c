/* SPDX-License-Identifier: ISC */
/*
 * shared: results that engines share in a Redis, a real one. Generated paths are asked of two
 * engines on one store, while commits come; of stores that are equal but for their identity; of a
 * copy of a store that others wrote to; and while a proxy spoils what the Redis says, or the Redis
 * itself is killed, stopped, flushed and full. Each answer must be that of an engine that keeps
 * nothing. SPANFS_DIFF_QUERIES: how often to ask, 300 to 1,200 times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "lib/ask.h"
#include "lib/gen_span.h"
#include "lib/redis_rig.h"
#include "lib/store_rig.h"

#define SPANS 1500
#define HOURS 40
#define N_PATHS 120
#define HOUR_NS UINT64_C(3600000000000)
#define MS 1000000ull
#define PATIENCE (20000 * MS)

static struct buf paths[N_PATHS];

static long
n_queries(void)
{
	const char *env = getenv("SPANFS_DIFF_QUERIES");
	long n = env != NULL ? strtol(env, NULL, 10) : 1200;

	/* Of fewer than 300 some are asked when every kind of trouble has not yet come. */
	return n < 300 ? 300 : n < 1200 ? n : 1200;
}

/* ---- engines ---- */

struct asker {
	struct engine *en;
	struct conf *conf;
};

static const char *timeout = "redis.timeout=10s";
static double least_cost = PARTS_LEAST_COST;	/* of parts */

/* url NULL: one that keeps nothing. Threads of the kernel's make nothing: all may be shared. */
static struct asker
open_asker(const char *dir, const char *url, const char *more)
{
	char redis[128];
	const char *sets[] = { "mount.now=2026-11-22T04:00:00Z", "query.threads=2",
		"browse.strict_names=no", timeout, redis,
		url != NULL ? "result_cache.enabled=yes" : "result_cache.enabled=no", more };
	struct err e = ERR_INIT;
	struct asker a;

	snprintf(redis, sizeof redis, "redis.url=%s", url != NULL ? url : "");
	assert_int_equal(conf_load(NULL, sets, more == NULL ? 6 : 7, &a.conf, &e), 0);
	if (engine_open(a.conf, dir, false, &a.en, &e) < 0)
		fail_msg("%s", e.msg);
	atomic_store(&a.en->n_inline, 1000);
	a.en->parts_least_cost = least_cost;
	a.en->slice_spans = 4;
	return a;
}

static void
close_asker(struct asker *a)
{
	engine_close(a->en);
	conf_free(a->conf);
}

static struct redis_counts
counts(const struct asker *a)
{
	struct redis_counts c;

	redis_counts(a->en->redis, &c);
	return c;
}

static void
nap(void)
{
	struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

/* What it put is written. */
static void
settle(const struct asker *a)
{
	uint64_t end = clock_mono_ns() + PATIENCE;
	struct redis_counts c;

	do {
		c = counts(a);
		assert_true(clock_mono_ns() < end);
		nap();
	} while (c.puts != c.written + c.dropped + c.too_large + c.refused);
}

static void
commit(struct store_rig *rig, unsigned k)
{
	struct gen_span_options o = { .seed = 77 + k, .range_ns = HOUR_NS / 2,
		.start_ns = STORE_RIG_START + hash_u64(k) % HOURS * HOUR_NS, .n_services = k % 3 + 1,
		.n_traces = k % 2 != 0 ? SPANS / 6 : 4000, .n_keys = 24 };
	struct span_batch batch;
	struct gen_span g;

	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 5));
	store_rig_add(rig, &batch, 64);
	span_batch_release(&batch);
}

/* The same, of a path, from both. */
static void
compare(const struct asker *shares, const struct asker *none, const char *path, long at)
{
	struct buf kept = BUF_INIT, anew = BUF_INIT;
	int a = ask_kept(shares->en, path, &kept), b = ask_anew(none->en, path, &anew);

	if (a != b || (a == 0 && !sv_eq(buf_view(&kept), buf_view(&anew))))
		fail_msg("question %ld, %s: %d, %zu bytes are shared; %d, %zu now", at, path, a,
		    kept.n, b, anew.n);
	buf_release(&kept);
	buf_release(&anew);
}

static void
facts(struct engine *en, const char *path, struct buf *bytes, struct buf *out)
{
	static const char *const names[] = { "query", "rows", "complete", "exact", "generation", "note",
	    "error" };
	struct result *r;

	(void)ask_result(en, path, bytes, &r);
	if (r == NULL)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		buf_printf(out, "\n%s=", names[i]);
		if (result_xattr(r, sv_cstr(names[i]), out, NULL) < 0)
			BUF_LIT(out, "-");
	}
	result_unref(r);
}

/* ---- the tests ---- */

static void
the_second_answers_from_what_the_first_made(void **state)
{
	struct store_rig rig;
	struct redis_rig redis;
	struct asker none, a, b;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	redis_rig_open(&redis, NULL);
	none = open_asker(rig.dir, NULL, NULL);
	a = open_asker(rig.dir, redis.url, NULL);
	b = open_asker(rig.dir, redis.url, NULL);
	ask_paths_make(none.en, &rig, HOURS, paths, N_PATHS);
	for (long i = 0; i < N_PATHS; i++)
		compare(&a, &none, paths[i].p, i);
	settle(&a);
	assert_true(counts(&a).written > N_PATHS / 2);
	for (long i = 0; i < N_PATHS; i++)
		compare(&b, &none, paths[i].p, i);
	print_message("%llu of %d answers were shared\n", (unsigned long long)counts(&b).hits, N_PATHS);
	assert_int_equal(counts(&b).hits, counts(&a).written + counts(&a).hits);
	assert_int_equal(counts(&b).damaged + counts(&b).failed, 0);
	close_asker(&none);
	close_asker(&a);
	close_asker(&b);
	ask_paths_release(paths, N_PATHS);
	redis_rig_close(&redis);
	store_rig_release(&rig);
}

static void
what_is_said_of_it_is_the_same_too(void **state)
{
	static const char *const some[] = {
		"/group/service/agg/count,p95:duration/groups.jsonl", "/status/error/spans.jsonl",
		"/compare/status/error/end/compare.jsonl", "/service/nobody/count", "/traces.csv",
		"/expect/rows/1/agg/count/groups.csv", "/expect/rows/99999999/agg/count/groups.csv",
		"/not/has/service/spans.jsonl",
	};
	struct store_rig rig;
	struct redis_rig redis;
	struct asker none, a, b;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	redis_rig_open(&redis, NULL);
	none = open_asker(rig.dir, NULL, NULL);
	a = open_asker(rig.dir, redis.url, NULL);
	b = open_asker(rig.dir, redis.url, NULL);
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		struct buf bytes[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
		struct buf said[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
		uint64_t before = counts(&b).hits, made = counts(&a).puts;

		facts(none.en, some[i], &bytes[0], &said[0]);
		facts(a.en, some[i], &bytes[1], &said[1]);
		settle(&a);
		facts(b.en, some[i], &bytes[2], &said[2]);
		assert_int_equal(counts(&b).hits - before, counts(&a).puts - made);
		for (int k = 1; k < 3; k++) {
			assert_true(sv_eq(buf_view(&bytes[0]), buf_view(&bytes[k])));
			assert_string_equal(buf_cstr(&said[0]), buf_cstr(&said[k]));
		}
		for (int k = 0; k < 3; k++) {
			buf_release(&bytes[k]);
			buf_release(&said[k]);
		}
	}
	assert_true(counts(&b).hits >= 4);
	close_asker(&none);
	close_asker(&a);
	close_asker(&b);
	redis_rig_close(&redis);
	store_rig_release(&rig);
}

/* Levels, as people see them. */
static void
expect_level(const struct asker *a, const char *path, const char *level)
{
	struct buf bytes = BUF_INIT, cache = BUF_INIT;
	struct result *r;

	assert_int_equal(ask_result(a->en, path, &bytes, &r), 0);
	assert_int_equal(result_xattr(r, SV("cache"), &cache, NULL), 0);
	if (strcmp(buf_cstr(&cache), level) != 0)
		fail_msg("%s: %s, not %s", path, buf_cstr(&cache), level);
	result_unref(r);
	buf_release(&bytes);
	buf_release(&cache);
}

static void
its_level_is_told(void **state)
{
	static const char path[] = "/group/service/agg/count/groups.jsonl";
	struct store_rig rig;
	struct redis_rig redis;
	struct asker a, b;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	redis_rig_open(&redis, NULL);
	a = open_asker(rig.dir, redis.url, NULL);
	b = open_asker(rig.dir, redis.url, NULL);
	expect_level(&a, path, "miss");
	settle(&a);
	expect_level(&b, path, "l2");
	expect_level(&b, path, "l1");
	expect_level(&a, path, "l1");
	commit(&rig, 1);
	expect_level(&a, path, "miss");
	settle(&a);
	expect_level(&b, path, "l2");
	close_asker(&a);
	close_asker(&b);
	redis_rig_close(&redis);
	store_rig_release(&rig);
}

/* What was committed makes another answer of it, of which most is there. */
static void
parts_are_shared(void **state)
{
	static const char *const some[] = {
		"/since/2026-11-20T12:10:00Z/bucket/1h/group/service/agg/count,p95:duration/groups.jsonl",
		"/since/2026-11-20T12:10:00Z/group/service/versus/3h/agg/count,rate/groups.csv",
	};
	struct store_rig rig;
	struct redis_rig redis;
	struct asker none, a, b;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	redis_rig_open(&redis, NULL);
	least_cost = 0;
	none = open_asker(rig.dir, NULL, NULL);
	a = open_asker(rig.dir, redis.url, NULL);
	b = open_asker(rig.dir, redis.url, NULL);
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		compare(&a, &none, some[i], (long)i);
		settle(&a);
		commit(&rig, (unsigned)i + 1);
		expect_level(&b, some[i], "part");
		compare(&b, &none, some[i], (long)i);
	}
	assert_true(counts(&b).hits > 20);
	assert_true(partcache_stats(b.en->parts).n > 20);
	assert_int_equal(counts(&b).damaged + counts(&b).failed, 0);
	least_cost = PARTS_LEAST_COST;
	close_asker(&none);
	close_asker(&a);
	close_asker(&b);
	redis_rig_close(&redis);
	store_rig_release(&rig);
}

static void
commits_leave_nothing_stale(void **state)
{
	long n = n_queries();
	struct store_rig rig;
	struct redis_rig redis;
	struct asker none, both[2];
	uint64_t hits;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	redis_rig_open(&redis, NULL);
	least_cost = 0;
	none = open_asker(rig.dir, NULL, NULL);
	for (int k = 0; k < 2; k++)
		both[k] = open_asker(rig.dir, redis.url, k == 0 ? NULL : "result_cache.max_bytes=0");
	ask_paths_make(none.en, &rig, HOURS, paths, N_PATHS);
	for (long i = 0; i < n; i++) {
		uint64_t r = hash_u64((uint64_t)i);

		if (i % 40 == 39)
			commit(&rig, (unsigned)(i / 40));
		compare(&both[r >> 40 & 1], &none, paths[r % (r >> 32 & 1 ? N_PATHS : N_PATHS / 8)].p, i);
	}
	hits = counts(&both[0]).hits + counts(&both[1]).hits;
	print_message("%llu of %ld answers were shared\n", (unsigned long long)hits, n);
	assert_true(hits > (uint64_t)n / 20);
	least_cost = PARTS_LEAST_COST;
	assert_int_equal(counts(&both[0]).damaged + counts(&both[1]).damaged, 0);
	close_asker(&none);
	close_asker(&both[0]);
	close_asker(&both[1]);
	ask_paths_release(paths, N_PATHS);
	redis_rig_close(&redis);
	store_rig_release(&rig);
}

/* The same spans, in the same files, of two stores. */
static void
two_stores_never_meet(void **state)
{
	struct store_rig one, two;
	struct redis_rig redis;
	struct asker none, a, b;

	(void)state;
	store_rig_init(&one, 9, SPANS, HOURS, 3, 64);
	store_rig_init(&two, 9, SPANS, HOURS, 3, 64);
	redis_rig_open(&redis, NULL);
	none = open_asker(one.dir, NULL, NULL);
	a = open_asker(one.dir, redis.url, NULL);
	b = open_asker(two.dir, redis.url, NULL);
	ask_paths_make(none.en, &one, HOURS, paths, N_PATHS);
	for (long i = 0; i < N_PATHS; i++)
		compare(&a, &none, paths[i].p, i);
	settle(&a);
	assert_true(counts(&a).written > N_PATHS / 2);
	for (long i = 0; i < N_PATHS; i++)
		compare(&b, &none, paths[i].p, i);
	assert_true(counts(&b).gets > N_PATHS / 2);
	assert_int_equal(counts(&b).misses, counts(&b).gets);
	assert_int_equal(counts(&b).hits + counts(&b).damaged, 0);
	close_asker(&none);
	close_asker(&a);
	close_asker(&b);
	ask_paths_release(paths, N_PATHS);
	redis_rig_close(&redis);
	store_rig_release(&one);
	store_rig_release(&two);
}

static void
add_one_span(struct store_rig *rig, const char *name)
{
	struct gen_span_options o = { .seed = 1, .range_ns = 1, .start_ns = STORE_RIG_START,
	    .n_services = 1, .n_traces = 1, .n_keys = 1 };
	struct span_batch batch;
	struct gen_span g;

	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 1));
	batch.spans[0].name = sv_cstr(name);
	store_rig_add(rig, &batch, 64);
	span_batch_release(&batch);
}

/* It is the same store, but for one span, of which only the name differs, in as many bytes. */
static void
a_copy_that_others_wrote_to_is_another(void **state)
{
	static const char path[] = "/group/name/agg/count/groups.jsonl";
	struct store_rig one, two = { .dir = "/tmp/spanfs-shared-XXXXXX" };
	char cmd[256];
	struct redis_rig redis;
	struct asker none, a, b;

	(void)state;
	store_rig_init(&one, 9, SPANS, HOURS, 3, 64);
	assert_non_null(mkdtemp(two.dir));
	snprintf(cmd, sizeof cmd, "cp -rp %s/. %s", one.dir, two.dir);
	assert_int_equal(system(cmd), 0);
	redis_rig_open(&redis, NULL);
	a = open_asker(one.dir, redis.url, NULL);
	b = open_asker(two.dir, redis.url, NULL);
	expect_level(&a, path, "miss");
	settle(&a);
	expect_level(&b, path, "l2");
	add_one_span(&one, "gladly");
	add_one_span(&two, "kindly");
	expect_level(&a, path, "miss");
	settle(&a);
	expect_level(&b, path, "miss");
	none = open_asker(two.dir, NULL, NULL);
	compare(&b, &none, path, 0);
	close_asker(&none);
	close_asker(&a);
	close_asker(&b);
	redis_rig_close(&redis);
	store_rig_release(&one);
	store_rig_release(&two);
}

/* No identity: no sharing; and with the next commit there is one. */
static void
a_store_without_identity_shares_nothing_yet(void **state)
{
	static const char path[] = "/group/service/agg/count/groups.jsonl";
	struct buf text = BUF_INIT;
	struct store_rig rig;
	struct redis_rig redis;
	char file[96];
	struct asker a;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	snprintf(file, sizeof file, "%s/IDENTITY", rig.dir);
	assert_int_equal(remove(file), 0);
	redis_rig_open(&redis, NULL);
	a = open_asker(rig.dir, redis.url, NULL);
	expect_level(&a, path, "miss");
	assert_int_equal(counts(&a).puts, 0);
	assert_int_equal(engine_control_file(a.en, SV("cache"), (struct requester){ 0, 1 }, &text, NULL), 0);
	assert_true(sv_find(buf_view(&text), SV("l2.state\toff\n")) >= 0);
	assert_true(sv_find(buf_view(&text), SV("no identity yet")) >= 0);
	commit(&rig, 1);
	expect_level(&a, path, "miss");
	assert_int_equal(counts(&a).puts, 1);
	close_asker(&a);
	redis_rig_close(&redis);
	store_rig_release(&rig);
	buf_release(&text);
}

/* ---- a Redis that does what it likes ---- */

struct trouble {
	struct redis_rig redis;
	struct redis_proxy proxy;
	unsigned k;
};

/* Another kind of it. */
static void
make_trouble(struct trouble *t)
{
	static const enum spoil kinds[] = { SPOIL_NOT, SPOIL_LATE, SPOIL_NOT, SPOIL_SHIFT, SPOIL_CUT,
	    SPOIL_NOT, SPOIL_HANG, SPOIL_FLIP, SPOIL_SILENT, SPOIL_DRIP, SPOIL_NOT, SPOIL_ENDLESS,
	    SPOIL_TEXT };
	unsigned k = t->k++;

	redis_proxy_spoil(&t->proxy, kinds[k % (sizeof kinds / sizeof *kinds)], (unsigned)hash_u64(k) % 100,
	    k % 2 == 0 ? "$900000000\r\n" : "$5\r\nwrong\r\n");
	switch (k % 7) {
	case 0:
		redis_rig_ask(&t->redis, "FLUSHALL", NULL);
		break;
	case 1:
		redis_rig_ask(&t->redis, "CONFIG SET maxmemory 1", NULL);
		break;
	case 2:
		redis_rig_ask(&t->redis, "CONFIG SET maxmemory 0", NULL);
		break;
	case 3:
		redis_rig_signal(&t->redis, SIGSTOP);
		break;
	case 4:
		redis_rig_signal(&t->redis, SIGCONT);
		break;
	case 5:
		redis_rig_kill(&t->redis);
		break;
	case 6:
		redis_rig_start(&t->redis, NULL);
		break;
	}
}

static void
add_counts(struct redis_counts *sum, const struct asker *a)
{
	struct redis_counts c = counts(a);

	sum->hits += c.hits;
	sum->failed += c.failed + c.busy;
	sum->damaged += c.damaged;
}

static void
nothing_that_a_redis_does_changes_an_answer(void **state)
{
	long n = n_queries() / 2;
	struct trouble t = { .k = 0 };
	struct redis_counts sum = { 0 };
	struct store_rig rig;
	struct asker none, a;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	timeout = "redis.timeout=50ms";
	least_cost = 0;
	redis_rig_open(&t.redis, NULL);
	redis_proxy_open(&t.proxy, &t.redis);
	none = open_asker(rig.dir, NULL, NULL);
	a = open_asker(rig.dir, t.proxy.url, "result_cache.max_bytes=0");
	ask_paths_make(none.en, &rig, HOURS, paths, N_PATHS);
	for (long i = 0; i < n; i++) {
		if (i % 15 == 14)
			make_trouble(&t);
		/* One that has seen no trouble yet. */
		if (i % 100 == 99) {
			add_counts(&sum, &a);
			close_asker(&a);
			a = open_asker(rig.dir, t.proxy.url, "result_cache.max_bytes=0");
		}
		compare(&a, &none, paths[hash_u64((uint64_t)i) % (N_PATHS / 4)].p, i);
	}
	add_counts(&sum, &a);
	print_message("of %ld answers %llu were shared, %llu gets failed, %llu values were damaged\n", n,
	    (unsigned long long)sum.hits, (unsigned long long)sum.failed,
	    (unsigned long long)sum.damaged);
	assert_true(sum.hits != 0);
	assert_true(sum.failed != 0);
	if (t.redis.pid > 0)
		redis_rig_signal(&t.redis, SIGCONT);
	close_asker(&none);
	close_asker(&a);
	timeout = "redis.timeout=10s";
	least_cost = PARTS_LEAST_COST;
	ask_paths_release(paths, N_PATHS);
	redis_proxy_close(&t.proxy);
	redis_rig_close(&t.redis);
	store_rig_release(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_answers_from_what_the_first_made),
		cmocka_unit_test(what_is_said_of_it_is_the_same_too),
		cmocka_unit_test(its_level_is_told),
		cmocka_unit_test(parts_are_shared),
		cmocka_unit_test(commits_leave_nothing_stale),
		cmocka_unit_test(two_stores_never_meet),
		cmocka_unit_test(a_copy_that_others_wrote_to_is_another),
		cmocka_unit_test(a_store_without_identity_shares_nothing_yet),
		cmocka_unit_test(nothing_that_a_redis_does_changes_an_answer),
	};

	return cmocka_run_group_tests_name("shared", tests, NULL, NULL);
}
