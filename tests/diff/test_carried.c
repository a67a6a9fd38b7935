/* SPDX-License-Identifier: ISC */
/*
 * carried: results that are kept over commits. A set of generated paths is asked again and again
 * while commits come, each in some hours only, with spans of old traces and of new ones; each
 * answer must be that of an engine that keeps nothing. And some must have been kept, else this
 * shows nothing. Alike groups that are put together from what shards gave before.
 * SPANFS_DIFF_QUERIES: how often to ask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/engine_i.h"
#include "lib/ask.h"
#include "lib/gen_path.h"
#include "lib/gen_span.h"
#include "lib/matrix.h"
#include "lib/store_rig.h"
#include "lib/store_vocab.h"
#include "parts/count_parts.h"

#define SPANS 1500
#define HOURS 40
#define N_PATHS 120
#define HOUR_NS UINT64_C(3600000000000)

static struct store_rig rig;
static struct engine *keeps, *none;	/* one keeps what it gave, one nothing */
static struct conf *kc, *nc;
static struct vocab words;
static struct arena vocab_arena;
static unsigned n_commits;
static struct buf paths[N_PATHS];

/* ---- the store, and what is asked of it ---- */

static void
open_engine(struct engine **en, struct conf **conf, bool keep)
{
	const char *sets[] = { "mount.now=2026-11-22T04:00:00Z", "result_cache.ttl=1h",
		"query.threads=2", keep ? "result_cache.enabled=yes" : "result_cache.enabled=no",
		"browse.strict_names=no" };
	struct err e = ERR_INIT;

	assert_int_equal(conf_load(NULL, sets, sizeof sets / sizeof *sets, conf, &e), 0);
	if (engine_open(*conf, rig.dir, false, en, &e) < 0)
		fail_msg("%s", e.msg);
}

/* Commit k: of some hour, with spans of traces that there are and, by turns, of others. */
static void
commit(unsigned k)
{
	struct gen_span_options o = { .seed = 77 + k, .range_ns = HOUR_NS / 2,
		.start_ns = STORE_RIG_START + hash_u64(k) % HOURS * HOUR_NS, .n_services = k % 3 + 1,
		.n_traces = k % 2 != 0 ? SPANS / 6 : 4000, .n_keys = 24 };
	struct span_batch batch;
	struct gen_span g;

	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 5));
	store_rig_add(&rig, &batch, 64);
	span_batch_release(&batch);
}

static struct buf kept, anew;

static long
questions(long usual)
{
	const char *env = getenv("SPANFS_DIFF_QUERIES");

	return env != NULL ? strtol(env, NULL, 10) : usual;
}

/* Questions between two commits, so that these are few: each makes all that follow dearer. */
static long
step(long n, long commits)
{
	return n / commits > 20 ? n / commits : 20;
}

static void
compare_answers(long i, const char *path, int a, int b)
{
	if (a != b || (a == 0 && !sv_eq(buf_view(&kept), buf_view(&anew))))
		fail_msg("question %ld, %s: %d, %zu bytes are kept; %d, %zu now: %.*s | %.*s", i, path,
		    a, kept.n, b, anew.n, (int)(kept.n < 500 ? kept.n : 500), buf_cstr(&kept),
		    (int)(anew.n < 500 ? anew.n : 500), buf_cstr(&anew));
}

static void
every_answer_is_of_its_state(void **state)
{
	long n = questions(2000);

	(void)state;
	for (long i = 0; i < n; i++) {
		uint64_t r = hash_u64((uint64_t)i);
		const char *path;
		int a, b;

		/* Some are asked far more often than others. */
		path = paths[r % (r >> 32 & 1 ? N_PATHS : N_PATHS / 8)].p;
		if (i % step(n, 100) == 19)
			commit(++n_commits);
		a = ask_kept(keeps, path, &kept);
		b = ask_anew(none, path, &anew);
		compare_answers(i, path, a, b);
	}
	print_message("%llu answers of %ld were made, %llu carried over commits\n",
	    (unsigned long long)atomic_load(&keeps->counters.cache_misses), n,
	    (unsigned long long)atomic_load(&keeps->counters.cache_carried));
	assert_true(atomic_load(&keeps->counters.cache_carried) > (unsigned long)n / 50);
	assert_true(atomic_load(&keeps->counters.cache_misses) > (unsigned long)n / 50);
}

/* Back from a now that moves on, by less than a minute or by some. */
static void
put_recent(struct buf *path, uint64_t r)
{
	static uint64_t now = STORE_RIG_START + HOURS / 2 * HOUR_NS;

	now += r % (r >> 20 & 1 ? 20 : 400) * 1000000000;
	atomic_store(&keeps->now, now);
	atomic_store(&none->now, now);
	buf_printf(path, "/since/%lluh", (unsigned long long)(1 + r / HOURS % 18));
}

/* The range's ends: at whole hours, at whole minutes, anywhere. */
static void
put_range(struct buf *path, uint64_t r)
{
	uint64_t from = r % HOURS, to = from + 1 + r / HOURS % HOURS;
	uint64_t cut = (r >> 44) % 3 == 0 ? 0 : hash_u64(r) % HOUR_NS, cut_to = hash_u64(r + 1) % HOUR_NS;

	if ((r >> 44) % 3 == 1) {
		cut -= cut % (HOUR_NS / 60);
		cut_to -= cut_to % (HOUR_NS / 60);
	}
	buf_printf(path, "/since/%llu/until/%llu",
	    (unsigned long long)(STORE_RIG_START + from * HOUR_NS + cut),
	    (unsigned long long)(STORE_RIG_START + to * HOUR_NS + (cut == 0 ? 0 : cut_to)));
}

/* The same questions over ranges that move. */
static struct partcache_stats
ask_over_ranges(struct buf *asked, size_t n_asked, const char *const files[2])
{
	struct buf path = BUF_INIT;
	long n = questions(600);

	partcache_drop(keeps->parts);
	for (long i = 0; i < n; i++) {
		uint64_t r = hash_u64((uint64_t)i + 99);
		int a, b;

		path.n = 0;
		if (i % 4 == 1)
			put_recent(&path, r);
		else if (i % 4 != 0)
			put_range(&path, r);
		buf_sv(&path, buf_view(&asked[(r >> 32) % n_asked]));
		buf_printf(&path, path.p[path.n - 1] == '/' ? "%s" : "/%s", files[r >> 40 & 1]);
		buf_putc(&path, '\0');
		if (i % step(n, 50) == 19)
			commit(++n_commits);
		a = ask_anew(keeps, path.p, &kept);
		b = ask_anew(none, path.p, &anew);
		compare_answers(i, path.p, a, b);
	}
	buf_release(&path);
	for (size_t i = 0; i < n_asked; i++)
		buf_release(&asked[i]);
	return partcache_stats(keeps->parts);
}

static void
groups_are_put_together(uint64_t slice_spans)
{
	static const char *const files[2] = { "groups.jsonl", "groups.jsonl" };
	struct buf groups[16] = { BUF_INIT };
	struct partcache_stats before = partcache_stats(keeps->parts), st;
	uint64_t seed = 11 + slice_spans;

	keeps->slice_spans = slice_spans;
	words.flags = GEN_PATH_GROUPS | GEN_PATH_TRACE | GEN_PATH_PAGE;
	for (size_t i = 0; i < 16; i++)
		gen_path(&seed, &words, &groups[i]);
	st = ask_over_ranges(groups, 16, files);
	st.hits -= before.hits;
	st.misses -= before.misses;
	print_message("%llu times groups of a shard were there, %llu times not\n",
	    (unsigned long long)st.hits, (unsigned long long)st.misses);
	assert_true(st.hits > st.misses);
}

static void
groups_are_put_together_from_those_of_shards(void **state)
{
	(void)state;
	groups_are_put_together(SLICE_SPANS);
}

static void
counts_are_put_together_from_those_of_shards(void **state)
{
	static const char *const files[2] = { "count", "count" };
	struct buf counts[16] = { BUF_INIT };
	struct partcache_stats before = partcache_stats(keeps->parts), st;
	uint64_t seed = 13;

	(void)state;
	words.flags = GEN_PATH_TRACE | GEN_PATH_PAGE;
	for (size_t i = 0; i < 16; i++)
		gen_path(&seed, &words, &counts[i]);
	st = ask_over_ranges(counts, 16, files);
	st.hits -= before.hits;
	st.misses -= before.misses;
	print_message("%llu times the count of a shard was there, %llu times not\n",
	    (unsigned long long)st.hits, (unsigned long long)st.misses);
	assert_true(st.hits > st.misses);
}

static void
comparisons_are_put_together_from_those_of_shards(void **state)
{
	static const char *const files[2] = { "compare.jsonl", "compare.jsonl" };
	struct buf asked[16] = { BUF_INIT };
	struct partcache_stats before = partcache_stats(keeps->parts), st;
	uint64_t seed = 14;

	(void)state;
	words.flags = GEN_PATH_TRACE;
	for (size_t i = 0; i < 16; i++) {
		gen_path(&seed, &words, &asked[i]);
		buf_printf(&asked[i], i % 2 == 0 ? "/compare/status/error/end" :
		    "/compare/kind/server/duration/gt/1ms/end");
	}
	st = ask_over_ranges(asked, 16, files);
	st.hits -= before.hits;
	st.misses -= before.misses;
	print_message("%llu times the contrast of a shard was there, %llu times not\n",
	    (unsigned long long)st.hits, (unsigned long long)st.misses);
	assert_true(st.hits > st.misses);
}

/* Bodies and fringes: so few spans in a slice that an hour has many. */
static void
groups_are_put_together_from_those_of_slices(void **state)
{
	(void)state;
	groups_are_put_together(2);
}

static void
rows_are_put_together_from_those_of_hours(void **state)
{
	static const char *const files[2] = { "spans.jsonl", "spans.csv" };
	struct buf rows[16] = { BUF_INIT };
	struct partcache_stats before = partcache_stats(keeps->parts), st;
	uint64_t seed = 12;

	(void)state;
	words.flags = GEN_PATH_TRACE | GEN_PATH_SELECT;
	BUF_LIT(&rows[0], "/");
	BUF_LIT(&rows[1], "/select/start,name,span.key.3");
	BUF_LIT(&rows[2], "/status/error");
	for (size_t i = 3; i < 16; i++)
		gen_path(&seed, &words, &rows[i]);
	st = ask_over_ranges(rows, 16, files);
	st.hits -= before.hits;
	st.misses -= before.misses;
	print_message("%llu times rows of an hour were there, %llu times not\n",
	    (unsigned long long)st.hits, (unsigned long long)st.misses);
	assert_true(st.hits > st.misses);
}

static uint64_t
chunks_used(void)
{
	return atomic_load(&keeps->counters.chunks_read) + atomic_load(&keeps->counters.chunks_cached);
}

/* After a small commit the same question reads what that brought, and little else. */
static void
only_what_is_new_is_read(void **state)
{
	static const char path[] =
	    "/since/2026-11-20T12:00:00Z/bucket/5m/group/service/agg/count,p99:duration/groups.jsonl";
	uint64_t at, first, second;

	(void)state;
	/* So many shards that one more is little, however few the questions before were. */
	for (int i = 0; i < 60; i++)
		commit(++n_commits);
	at = chunks_used();
	assert_int_equal(ask_anew(keeps, path, &kept), 0);
	first = chunks_used() - at;
	commit(++n_commits);
	at = chunks_used();
	assert_int_equal(ask_anew(keeps, path, &kept), 0);
	second = chunks_used() - at;
	assert_int_equal(ask_anew(none, path, &anew), 0);
	compare_answers(0, path, 0, 0);
	print_message("%llu chunks, then %llu\n", (unsigned long long)first,
	    (unsigned long long)second);
	assert_true(second > 0 && second * 100 <= first * 3);
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	open_engine(&keeps, &kc, true);
	open_engine(&none, &nc, false);
	keeps->parts_least_cost = 0;
	arena_init(&vocab_arena);
	store_vocab(none, &rig, &vocab_arena, &words);
	ask_paths_make(none, &rig, HOURS, paths, N_PATHS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_close(keeps);
	engine_close(none);
	conf_free(kc);
	conf_free(nc);
	store_rig_release(&rig);
	arena_release(&vocab_arena);
	buf_release(&kept);
	buf_release(&anew);
	ask_paths_release(paths, N_PATHS);
	return 0;
}

/* Of shards that were left out the plan has the spans as a number, and there is nothing to run. */
static void
what_a_plan_knows_needs_no_run(void **state)
{
	const struct part_store store = { .cache = keeps->parts };
	struct plan plan = { .output = ROW_COUNT, .page = { .limit = UINT64_MAX }, .scan = { .summed = 5 } };
	const struct count_parts_ask ask = { .store = &store, .plan = &plan };
	const struct count_parts_host none_runs = { NULL, NULL };
	struct parts_told told = { 0 };
	uint64_t n = 0;

	(void)state;
	assert_int_equal(count_parts_run(&ask, &none_runs, &told, &n, NULL), 0);
	assert_int_equal(n, 5);
}

/* ---- settings that change ---- */

/* A shard's parts are there by then: each path is asked twice. What tokens cost is another matter then. */
static void
parts_are_of_the_prices_in_force(void **state)
{
	static const char *const paths_of_cost[] = { "/where/cost/gt/0.0001/count",
		"/status/error/compare/where/cost/gt/0.0001/end/compare.jsonl",
		"/where/cost/gt/0.0001/group/service/agg/count/groups.jsonl",
		"/where/cost/gt/0.0001/spans.jsonl" };
	const char *sets[] = { "browse.strict_names=no", "price m-*.input=200", "price m-*.output=10" };
	struct err e = ERR_INIT;
	struct conf *dear;
	struct matrix m;
	struct buf cheap = BUF_INIT;

	(void)state;
	assert_int_equal(conf_load(NULL, sets, 3, &dear, &e), 0);
	matrix_open(&m);
	m.en->parts_least_cost = 0;
	for (size_t i = 0; i < sizeof paths_of_cost / sizeof *paths_of_cost; i++) {
		const char *path = paths_of_cost[i];
		struct engine *fresh;
		uint64_t hits;

		cheap.n = 0;
		if (ask_anew(m.en, path, &cheap) < 0)
			fail_msg("%s", path);
		hits = partcache_stats(m.en->parts).hits;
		assert_int_equal(ask_anew(m.en, path, &kept), 0);
		assert_true(partcache_stats(m.en->parts).hits > hits);
		assert_true(sv_eq(buf_view(&cheap), buf_view(&kept)));
		engine_reload(m.en, dear);
		assert_int_equal(ask_anew(m.en, path, &kept), 0);
		assert_int_equal(engine_open(dear, m.rig.dir, false, &fresh, &e), 0);
		assert_int_equal(ask_anew(fresh, path, &anew), 0);
		compare_answers((long)i, path, 0, 0);
		assert_false(sv_eq(buf_view(&cheap), buf_view(&kept)));
		engine_close(fresh);
		engine_reload(m.en, m.conf);
	}
	buf_release(&cheap);
	matrix_close(&m);
	conf_free(dear);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_is_of_its_state),
		cmocka_unit_test(groups_are_put_together_from_those_of_shards),
		cmocka_unit_test(groups_are_put_together_from_those_of_slices),
		cmocka_unit_test(counts_are_put_together_from_those_of_shards),
		cmocka_unit_test(comparisons_are_put_together_from_those_of_shards),
		cmocka_unit_test(rows_are_put_together_from_those_of_hours),
		cmocka_unit_test(only_what_is_new_is_read),
		cmocka_unit_test(what_a_plan_knows_needs_no_run),
		cmocka_unit_test(parts_are_of_the_prices_in_force),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
