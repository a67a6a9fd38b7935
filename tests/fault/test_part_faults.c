/* SPDX-License-Identifier: ISC */
/*
 * Groups, counts and comparisons put together from those of shards and rows from those of hours, without memory: each
 * allocation of a query fails in turn, once or for good, with some of them there. Then there is an error, or the answer is
 * that with memory; and the one after it, of what was kept meanwhile, is. Links with --wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/fault_malloc.h"
#include "lib/gen_span.h"
#include "lib/store_rig.h"

/* Some ten minutes into the first hour, which is cut. */
#define FROM "since/2026-11-20T11:10:01Z/"
#define HALF FROM "until/2026-11-20T14:00:00Z/"
#define ALL FROM "until/2026-11-21T00:00:00Z/"

static struct store_rig rig;
static struct engine *en;

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	buf_put(arg, p, n);
	return buf_ok(arg, e);
}

static int
ask(const char *path, struct buf *out, struct err *e)
{
	out->n = 0;
	out->oom = false;
	return engine_query(en, sv_cstr(path), (struct requester){ 0, 1 }, append, out, NULL, e);
}

/* Of the earlier half of the hours they are there, of the others not. */
static void
keep_half(const char *asked)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	char path[256];

	snprintf(path, sizeof path, "%s%s", HALF, asked + strlen(ALL));
	partcache_drop(en->parts);
	assert_int_equal(ask(path, &out, &e), 0);
	buf_release(&out);
}

static void
each_allocation_fails(const char *asked, const struct buf *want, bool persist)
{
	struct buf got = BUF_INIT;
	uint64_t n = 1;
	struct err e;
	bool failed;
	int code;

	do {
		keep_half(asked);
		e = (struct err)ERR_INIT;
		buf_release(&got);
		buf_init(&got);
		fault_malloc_start(n, persist);
		code = ask(asked, &got, &e);
		failed = fault_malloc_stop() >= n;
		if (code < 0)
			assert_int_equal(code, ERR_NOMEM);
		else
			assert_true(sv_eq(buf_view(&got), buf_view(want)));
		assert_int_equal(ask(asked, &got, &e), 0);
		assert_true(sv_eq(buf_view(&got), buf_view(want)));
		n += n < 300 ? 1 : 3;
	} while (failed);
	assert_true(n > 50);
	buf_release(&got);
}

static void
fail_or_are_whole(const char *asked, size_t least)
{
	struct buf want = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(ask(asked, &want, &e), 0);
	assert_true(want.n > least);
	keep_half(asked);
	assert_true(partcache_stats(en->parts).n > 2);
	each_allocation_fails(asked, &want, false);
	each_allocation_fails(asked, &want, true);
	buf_release(&want);
}

static void
groups_fail_or_are_whole(void **state)
{
	(void)state;
	fail_or_are_whole(ALL "bucket/1h/group/service/"
	    "agg/count,sum:duration,p90:duration,distinct:name/groups.jsonl", 1000);
}

/* Bodies and fringes: it is cut at both ends, and slices are short. */
static void
slices_fail_or_are_whole(void **state)
{
	(void)state;
	en->slice_spans = 8;
	fail_or_are_whole(ALL "group/service/agg/count,p90:duration/groups.jsonl", 50);
	en->slice_spans = SLICE_SPANS;
}

static void
comparisons_fail_or_are_whole(void **state)
{
	(void)state;
	fail_or_are_whole(ALL "compare/status/error/end/compare.jsonl", 1000);
}

static void
counts_fail_or_are_whole(void **state)
{
	(void)state;
	fail_or_are_whole(ALL "duration/gt/1us/count", 1);
}

static void
rows_fail_or_are_whole(void **state)
{
	(void)state;
	fail_or_are_whole(ALL "select/start,name,duration/spans.csv", 1000);
}

/* None of another time, which would stand between those of the hours. */
static void
add_spans(void)
{
	const struct gen_span_options o = { .seed = 3, .start_ns = STORE_RIG_START,
		.range_ns = 6 * 3600 * UINT64_C(1000000000), .n_keys = 12 };
	struct span_batch batch;
	struct gen_span g;

	span_batch_init(&batch);
	gen_span_init(&g, &o);
	if (!gen_span_add(&g, &batch, 240))
		abort();
	store_rig_add(&rig, &batch, 32);
	span_batch_release(&batch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_fail_or_are_whole),
		cmocka_unit_test(slices_fail_or_are_whole),
		cmocka_unit_test(comparisons_fail_or_are_whole),
		cmocka_unit_test(counts_fail_or_are_whole),
		cmocka_unit_test(rows_fail_or_are_whole),
	};
	const char *sets[] = { "query.threads=1", "query.aggregates=exact" };
	struct err e = ERR_INIT;
	struct conf *conf;
	int failed;

	store_rig_init(&rig, 3, 0, 6, 1, 32);
	add_spans();
	if (conf_load(NULL, sets, 2, &conf, &e) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &e) < 0)
		return 1;
	en->parts_least_cost = 0;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_close(en);
	conf_free(conf);
	store_rig_release(&rig);
	return failed;
}
