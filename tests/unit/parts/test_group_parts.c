/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of groups by shards: those of very many shards are kept for memory of a few tables, and are
 * the same from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/ask.h"
#include "lib/many_shards.h"
#include "lib/store_rig.h"

#define N_SHARDS 700
#define PER_SHARD 3
#define TABLE ((uint64_t)1 << 18)	/* of the quota, at least */

static const char asked[] = "group/service/agg/count,p95:duration/groups.jsonl";

static struct store_rig rig;

static void
many_shards_take_few_tables(void **state)
{
	static const char *const sets[] = { "mount.now=2026-11-22T04:00:00Z", "query.threads=2" };
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct engine *en, *plain;
	struct conf *c;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(conf_load(NULL, sets, 2, &c, &e), 0);
	assert_int_equal(engine_open(c, rig.dir, false, &plain, &e), 0);
	assert_int_equal(engine_open(c, rig.dir, false, &en, &e), 0);
	assert_int_equal(ask_kept(plain, asked, &want), 0);
	assert_int_equal(partcache_stats(plain->parts).n, 0);

	/* Of two threads as many as morsels of a wave, the answer's and some beside; not one a shard. */
	en->parts_least_cost = 0;
	atomic_store(&en->quota.max, 300 * TABLE);
	assert_int_equal(ask_kept(en, asked, &got), 0);
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	assert_int_equal(partcache_stats(en->parts).n, N_SHARDS);

	got.n = 0;
	assert_int_equal(ask_anew(en, asked, &got), 0);
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	assert_int_equal(partcache_stats(en->parts).n, N_SHARDS);
	engine_close(en);
	engine_close(plain);
	conf_free(c);
	buf_release(&want);
	buf_release(&got);
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 1, 0, 1, 0, 64);
	many_shards(rig.dir, N_SHARDS, PER_SHARD);
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
		cmocka_unit_test(many_shards_take_few_tables),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
