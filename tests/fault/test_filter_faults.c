/* SPDX-License-Identifier: ISC */
/*
 * Value filters without memory: each allocation of a load fails in turn, once or for good, and
 * so does each of a plan that needs filters. Then there is an error and nothing is left behind,
 * or the answer is that of a load with memory. Links with --wrap: see tests/lib/fault_malloc.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/fault_malloc.h"
#include "lib/user_store.h"

#define SHARDS 6

static struct store_rig rig;

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

/* user_store.h: 3 has no indexes, 4 a rest column. */
static void
whole(const struct value_filter *v)
{
	const struct shard_filter *f = value_filter_stats(v)->shards;

	for (size_t i = 0; i < SHARDS; i++) {
		assert_int_equal(f[i].kind, i == 4 ? FILTER_UNKNOWN : FILTER_COLUMN);
		assert_int_equal(f[i].bloom != NULL, f[i].kind == FILTER_COLUMN && i != 3);
	}
}

struct loading {
	struct catalog *c;
	const struct snapshot *snap;
	const struct stats *st;
	struct field field;
};

static int
load(struct loading *l, uint64_t nth, bool persist, struct value_filter **v, struct err *e)
{
	chunkcache_drop(catalog_cache(l->c));
	fault_malloc_start(nth, persist);
	return value_filter_load(l->snap, l->st, &l->field, SIZE_MAX, NULL, v, e);
}

static void
loads_fail_or_are_whole(void **state)
{
	struct catalog_options o = { .cache_bytes = 1 << 22 };
	struct value_filter *v;
	struct err e = ERR_INIT;
	struct loading l;
	struct arena a;
	uint64_t n;
	size_t failed = 0;

	(void)state;
	arena_init(&a);
	assert_true(field_parse(SV("user"), &l.field));
	ok(catalog_open(rig.dir, &o, &l.c, &e), &e);
	ok(catalog_snapshot(l.c, &l.snap, &e), &e);
	ok(stats_load(l.snap, TIME_RANGE_ALL, NULL, &a, &l.st, &e), &e);
	ok(load(&l, 0, false, &v, &e), &e);
	n = fault_malloc_stop();
	assert_true(n > 8);
	whole(v);
	value_filter_free(v);
	for (int persist = 0; persist < 2; persist++)
		for (uint64_t nth = 1; nth <= n; nth++) {
			int rc = load(&l, nth, persist, &v, &e);

			(void)fault_malloc_stop();
			if (rc == 0) {
				whole(v);
				value_filter_free(v);
			} else {
				assert_int_equal(rc, ERR_NOMEM);
				failed++;
			}
		}
	assert_true(failed > 8);
	snapshot_unref(l.snap);
	catalog_close(l.c);
	arena_release(&a);
}

/* The pruned shards, as bits; or the code. */
static int
plan(struct engine *en, uint64_t nth, bool persist, uint64_t *pruned)
{
	struct request *r = NULL;
	struct err e = ERR_INIT;
	struct path *p;
	struct sv file;
	int rc;

	*pruned = 0;
	ok(path_parse(SV("where/user/eq/u-1-3/where/span.host/in/h-1,h-2/spans.jsonl"),
	    engine_known_file, &p, &file, &e), &e);
	fault_malloc_start(nth, persist);
	if ((rc = request_new(en, p, file, &r, &e)) == 0)
		rc = request_plan(r, &e);
	/* Who asks again gets it. */
	if (rc == ERR_NOMEM && r != NULL && !persist)
		rc = request_plan(r, &e);
	for (size_t i = 0; rc == 0 && i < r->plan->scan.n_shards; i++)
		*pruned |= (uint64_t)(r->plan->scan.shards[i].access == ACCESS_PRUNED) << i;
	request_free(r);
	(void)fault_malloc_stop();
	path_unref(p);
	return rc;
}

#define MOST 400		/* more allocations than such a plan has */

static void
plans_fail_or_are_sharp(void **state)
{
	const char *sets[] = { "query.threads=1", "decision_cache.enabled=no" };
	struct err e = ERR_INIT;
	struct engine *en;
	struct conf *conf;
	uint64_t got;
	size_t failed = 0;

	(void)state;
	ok(conf_load(NULL, sets, 2, &conf, &e), &e);
	for (int persist = 0; persist < 2; persist++)
		for (uint64_t nth = 0; nth <= MOST; nth++) {
			int rc;

			/* Anew: nothing is in memory yet. */
			ok(engine_open(conf, rig.dir, false, &en, &e), &e);
			rc = plan(en, nth, persist, &got);
			/* All but that of the rest column. */
			if (rc == 0)
				assert_int_equal(got, 0x2f);
			else
				assert_int_equal(rc, ERR_NOMEM);
			assert_true(rc == 0 || nth != 0);
			failed += rc != 0;
			engine_close(en);
		}
	assert_true(failed > 50);
	conf_free(conf);
}

static int
setup(void **state)
{
	(void)state;
	user_store_init(&rig, SHARDS, true);
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
		cmocka_unit_test(loads_fail_or_are_whole),
		cmocka_unit_test(plans_fail_or_are_sharp),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
