/* SPDX-License-Identifier: ISC */
/*
 * spilled: generated queries of groups, asked of an engine that has memory for them, and of two whose
 * groups go to a file after the first few, the one by one thread and the other by two: the same bytes.
 * Most must have been spilled, else this shows nothing. SPANFS_DIFF_QUERIES: how many (200).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/gen_path.h"
#include "lib/rounds.h"
#include "lib/store_rig.h"
#include "lib/store_vocab.h"
#include "lib/way.h"

#define SPANS 3000
#define N_SPILLING 2

static struct store_rig rig;
static struct engine *whole, *spilling[N_SPILLING];
static struct conf *conf[1 + N_SPILLING];
static struct arena words;
static struct vocab vocab;
static uint64_t n_spilled, n_asked;

static void
open_engine(struct engine **en, struct conf **c, const char *group_memory, const char *threads)
{
	const char *sets[] = { "mount.now=2026-11-22T04:00:00Z", "result_cache.enabled=no",
		"browse.strict_names=no", group_memory, threads };
	struct err e = ERR_INIT;

	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, c, &e) < 0 ||
	    engine_open(*c, rig.dir, false, en, &e) < 0)
		fail_msg("%s", e.msg);
}

static void
see(void *arg, const struct way *way, const struct plan *p, const struct run_info *info)
{
	(void)way;
	(void)p;
	*(uint64_t *)arg = info->profile.spilled_bytes;
}

static void
same(const char *path)
{
	static const struct way ways[] = { { .name = "one thread", .threads = 1 },
		{ .name = "two threads", .threads = 2 } };
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct err e = ERR_INIT;
	uint64_t bytes = 0;
	int code = way_answer(whole, path, &ways[0], &want, NULL, NULL, &e);

	for (size_t i = 0; i < N_SPILLING; i++) {
		struct err ei = ERR_INIT;

		got.n = 0;
		if (way_answer(spilling[i], path, &ways[i], &got, see, &bytes, &ei) != code)
			fail_msg("%s: %s | %s", path, code < 0 ? e.msg : "whole", ei.msg);
		if (code == 0 && !sv_eq(buf_view(&got), buf_view(&want)))
			fail_msg("%s: by %s\n%s\nis not\n%s", path, ways[i].name, buf_cstr(&got),
			    buf_cstr(&want));
		n_spilled += bytes != 0;
		n_asked++;
	}
	buf_release(&want);
	buf_release(&got);
}

static void
generated_groups_are_the_same(void **state)
{
	static const char *const files[] = { "groups.jsonl", "groups.csv", "groups.txt", "count" };
	const char *of = getenv("SPANFS_DIFF_QUERIES");
	unsigned n = rounds_of(of == NULL ? 200 : (unsigned)atoi(of));
	uint64_t seed = 4;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct buf path = BUF_INIT;

		gen_path(&seed, &vocab, &path);
		if (path.n > 1)
			buf_putc(&path, '/');
		buf_str(&path, files[i % 4]);
		same(buf_cstr(&path));
		buf_release(&path);
	}
	print_message("%llu of %llu answers were spilled\n", (unsigned long long)n_spilled,
	    (unsigned long long)n_asked);
	assert_true(n_spilled * 8 > n_asked);
}

/* Each shape of an answer, over groups by the hundred. */
static void
shapes_are_the_same(void **state)
{
	static const char *const paths[] = {
		"/group/span_id/groups.jsonl", "/group/span_id/groups.csv", "/group/span_id/count",
		"/group/span_id/agg/count,hist:duration,p50:duration,distinct:name/groups.jsonl",
		"/group/span_id,name/agg/max:duration/sort/max:duration:desc/limit/7/groups.jsonl",
		"/group/span_id/agg/hist:duration/sort/count,span_id:desc/limit/400/offset/90/groups.csv",
		"/group/span_id/limit/900/offset/100/groups.jsonl",
		"/group/span_id/offset/1700/groups.jsonl",
		"/group/trace_id/agg/count,errors/having/count/gt/1/sort/errors:desc/groups.txt",
		"/group/trace_id/agg/sum:duration/having/count/gt/1000000/groups.jsonl",
		"/distinct/trace_id/groups.jsonl", "/distinct/start/sort/start:desc/limit/5/groups.csv",
		"/on/2026-11-20/bucket/1h/group/name/fill/zero/groups.jsonl",
		"/on/2026-11-20/bucket/1h/group/name,kind/agg/count,p90:duration/fill/previous/groups.csv",
		"/since/2026-11-20T20:00:00Z/versus/6h/group/name,kind/groups.jsonl",
		"/since/2026-11-20T20:00:00Z/versus/6h/bucket/30m/group/name/fill/null/groups.jsonl",
		"/per/trace/group/name,span_id/agg/count,avg:duration/groups.jsonl",
		"/per/trace/bucket/10m/group/service/agg/rate,error_rate/groups.csv",
	};
	uint64_t before = n_spilled;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		same(paths[i]);
	assert_int_equal(n_spilled - before, N_SPILLING * sizeof paths / sizeof *paths);
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 21, SPANS, 30, 5, 128);
	open_engine(&whole, &conf[0], "query.group_memory=0", "query.threads=1");
	open_engine(&spilling[0], &conf[1], "query.group_memory=6000", "query.threads=1");
	open_engine(&spilling[1], &conf[2], "query.group_memory=2500", "query.threads=2");
	arena_init(&words);
	store_vocab(whole, &rig, &words, &vocab);
	vocab.flags = GEN_PATH_TRACE | GEN_PATH_TIME | GEN_PATH_PAGE | GEN_PATH_GROUPS;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_close(whole);
	for (size_t i = 0; i < N_SPILLING; i++)
		engine_close(spilling[i]);
	for (size_t i = 0; i < 1 + N_SPILLING; i++)
		conf_free(conf[i]);
	store_rig_release(&rig);
	arena_release(&words);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_are_the_same),
		cmocka_unit_test(generated_groups_are_the_same),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
