/* SPDX-License-Identifier: ISC */
/* Unit tests of counts put together: what the plan has counted is in the sum, whoever tells the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "parts/count_parts.h"

#define SUMMED 40
#define FOUND 2

static unsigned runs;

static int
run(void *arg, const struct plan *p, atomic_ullong *counts, uint64_t *n, struct err *e)
{
	(void)arg;
	(void)e;
	runs++;
	*n = p->scan.summed;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		atomic_store(&counts[i], FOUND);
		*n += FOUND;
	}
	return 0;
}

static void
what_was_summed_up_is_counted_once(void **state)
{
	static const struct pred all = { .kind = PRED_TRUE };
	char file[] = "a.shard";
	const struct shard_entry entry = { .file = file, .min_start = 5, .max_start = 9, .n_rows = 7 };
	const struct snapshot snap = { .shards = &entry, .n_shards = 1 };
	const struct plan_shard shard = { .access = ACCESS_FULL, .est_rows = 7, .est_cost = 1 };
	struct plan p = { .output = ROW_COUNT, .page = { .limit = UINT64_MAX },
		.filter = { .pred = &all, .range = TIME_RANGE_ALL },
		.scan = { .shards = &shard, .n_shards = 1, .summed = SUMMED } };
	struct part_store store = { .snap = &snap };
	const struct count_parts_ask ask = { .store = &store, .plan = &p, .filter = &all };
	const struct count_parts_host host = { run, NULL };

	(void)state;
	assert_int_equal(partcache_new(1 << 20, &store.cache, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct parts_told told = { 0 };
		struct err e = ERR_INIT;
		uint64_t n;

		assert_int_equal(count_parts_run(&ask, &host, &told, &n, &e), 0);
		assert_int_equal(n, SUMMED + FOUND);
		assert_int_equal(told.parts, i == 0 ? 0 : 1);
	}
	assert_int_equal(runs, 1);
	partcache_free(store.cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_summed_up_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
