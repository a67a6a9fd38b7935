/* SPDX-License-Identifier: ISC */
/*
 * grouped: groups of a store whose shards have a key in every way it may stand in one (user_store.h:
 * several types, arrays, of resources, a rest column), made of columns where that is possible and
 * of spans by the plain plan: the same bytes. Where it is not possible, rows are put together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "lib/user_store.h"
#include "lib/way.h"

#define SHARDS 6

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;
static uint64_t fetched, scanned;

static void
see(void *arg, const struct way *way, const struct plan *p, const struct run_info *info)
{
	(void)arg;
	(void)p;
	if (way->rules_off != 0)
		return;
	fetched = info->profile.rows_fetched;
	scanned = info->profile.rows_scanned;
}

/* How many rows were put together as spans. */
static uint64_t
same_by_columns(const char *path)
{
	const struct way plain = { .name = "plain", .rules_off = way_all_rules(), .threads = 1 };
	const struct way columns = { .name = "columns", .threads = 1 };
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct err err = ERR_INIT;

	fetched = UINT64_MAX;
	if (way_answer(en, path, &plain, &want, see, NULL, &err) != 0 ||
	    way_answer(en, path, &columns, &got, see, NULL, &err) != 0)
		fail_msg("%s: %s", path, err.msg);
	if (want.n <= 12)
		fail_msg("%s: %s", path, buf_cstr(&want));
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	buf_release(&want);
	buf_release(&got);
	return fetched;
}

static void
columns_give_what_spans_give(void **state)
{
	static const char *const fields[] = { "service", "name", "kind", "status", "user",
		"span.user", "host", "mixed", "span.mixed", "only", "resource.host",
		"resource.service.name", "event.note", "link.peer", "depth", "parent:service",
		"parent:user", "parent:duration", "parent:event.note" };
	char path[160];

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		for (size_t k = 0; k < 3; k++) {
			static const char *const shapes[] = {
				"/group/%s/agg/count,p50:duration,distinct:name/groups.jsonl",
				"/bucket/20m/group/%s/agg/errors,sum:duration/groups.csv",
				"/group/name,%s/agg/max:end,distinct:user/groups.jsonl",
			};

			snprintf(path, sizeof path, shapes[k], fields[i]);
			(void)same_by_columns(path);
		}
}

static void
what_has_one_value_a_row_is_not_put_together(void **state)
{
	(void)state;
	assert_int_equal(same_by_columns("/group/service,name,status/agg/p99:duration/groups.csv"), 0);
	assert_int_equal(same_by_columns("/group/span.user/agg/count/groups.csv"), 0);
	/* An array in one shard, of two types in another. */
	assert_int_equal(same_by_columns("/group/span.mixed/agg/count/groups.csv"),
	    2 * USER_STORE_SPANS);
	/* The resource's in one shard, the span's in another. */
	assert_int_equal(same_by_columns("/group/host/agg/count/groups.csv"), 0);
	assert_int_equal(same_by_columns("/group/event.note/agg/count/groups.csv"),
	    SHARDS * USER_STORE_SPANS + 1);
}

/* Shards whose groups are in the footer or a dictionary; of those that the range cuts rows are read. */
static void
what_footers_and_dictionaries_tell_is_not_read(void **state)
{
	static const char *const told[] = {
		"/group/service/agg/count,errors,error_rate,rate/groups.jsonl",
		"/group/name,service/agg/count/groups.jsonl", "/group/service,name/agg/errors/groups.csv",
		"/not/status/error/group/name/agg/count/groups.jsonl", "/distinct/name/groups.jsonl",
		"/where/name/ne/x/group/service/agg/count/groups.jsonl",
		"/bucket/1h/group/service/agg/count,rate/groups.jsonl",
		"/group/name,service/sort/count:desc/limit/30/groups.jsonl",
	};

	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		(void)same_by_columns(told[i]);
		if (scanned != 0)
			fail_msg("%s: %llu rows were looked at", told[i], (unsigned long long)scanned);
	}
	(void)same_by_columns("/distinct/user/groups.jsonl");
	(void)same_by_columns("/distinct/span.user/groups.jsonl");
	(void)same_by_columns("/group/span.only/agg/count,rate/groups.jsonl");
	(void)same_by_columns("/distinct/mixed/groups.jsonl");
	(void)same_by_columns("/bucket/7m/group/service/agg/count/groups.jsonl");
	assert_int_not_equal(scanned, 0);
}

/* A key of one span, in a column or among the rare ones. */
static void
rare_attributes_are_found(void **state)
{
	unsigned of_columns = 0, of_spans = 0;
	char path[80];

	(void)state;
	for (unsigned i = 0; i < LIMIT_SHARD_COLUMNS + 50; i += 13) {
		snprintf(path, sizeof path, "/group/span.k%05u/agg/count/groups.csv", i);
		*(same_by_columns(path) == 0 ? &of_columns : &of_spans) += 1;
	}
	assert_int_not_equal(of_columns, 0);
	assert_int_not_equal(of_spans, 0);
}

static int
setup(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	user_store_init(&rig, SHARDS, true);
	if (conf_load(NULL, NULL, 0, &conf, &err) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &err) < 0)
		fail_msg("%s", err.msg);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_close(en);
	conf_free(conf);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_give_what_spans_give),
		cmocka_unit_test(what_has_one_value_a_row_is_not_put_together),
		cmocka_unit_test(rare_attributes_are_found),
		cmocka_unit_test(what_footers_and_dictionaries_tell_is_not_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
