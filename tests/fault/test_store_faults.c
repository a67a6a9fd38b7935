/* SPDX-License-Identifier: ISC */
/*
 * Stores whose files are not those that the catalog lists: two shards in each other's place,
 * one that is gone. A query that needs one fails and names it, others go on, and the check
 * finds it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "check/check.h"
#include "engine/engine_i.h"
#include "lib/store_rig.h"

static struct store_rig rig;

static int
make_store(void **state)
{
	(void)state;
	store_rig_init(&rig, 5, 2000, 6, 2, 256);
	return 0;
}

static int
remove_store(void **state)
{
	(void)state;
	store_rig_release(&rig);
	return 0;
}

/* Tells one answer from another. */
static int
sum_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	size_t *sum = arg;

	(void)e;
	for (size_t i = 0; i < n; i++)
		*sum = *sum * 33 + ((const uint8_t *)p)[i];
	return 0;
}

/* One query, by an engine of its own. */
static int
query(const char *path, size_t *n, struct err *e)
{
	struct conf *conf;
	struct engine *en;
	int rc;

	*n = 0;
	assert_int_equal(conf_load(NULL, NULL, 0, &conf, NULL), 0);
	assert_int_equal(engine_open(conf, rig.dir, false, &en, NULL), 0);
	rc = engine_query(en, sv_cstr(path), (struct requester){ 0, 1 }, sum_bytes, n, NULL, e);
	engine_close(en);
	conf_free(conf);
	return rc;
}

/* ---- the files ---- */

struct two {
	char a[96], b[96];	/* of the store's list: relative */
};

static void
real_path(char *out, size_t n, const char *file)
{
	snprintf(out, n, "%s/%s", rig.dir, file);
}

static void
move(const char *from, const char *to)
{
	char a[256], b[256];

	real_path(a, sizeof a, from);
	real_path(b, sizeof b, to);
	assert_int_equal(rename(a, b), 0);
}

static void
swap(const struct two *t)
{
	move(t->a, "aside");
	move(t->b, t->a);
	move("aside", t->b);
}

static struct catalog *
catalog(void)
{
	struct catalog_options o = { .cache_bytes = 1 << 20 };
	struct catalog *c;

	assert_int_equal(catalog_open(rig.dir, &o, &c, NULL), 0);
	return c;
}

/* Two shards of one partition, or of two. */
static void
choose(bool same_partition, struct two *out)
{
	struct catalog *c = catalog();
	const struct snapshot *s;
	size_t i = 0;

	assert_int_equal(catalog_snapshot(c, &s, NULL), 0);
	while (i + 1 < s->n_shards &&
	    (s->shards[i].partition == s->shards[i + 1].partition) != same_partition)
		i++;
	assert_true(i + 1 < s->n_shards);
	snprintf(out->a, sizeof out->a, "%s", s->shards[i].file);
	snprintf(out->b, sizeof out->b, "%s", s->shards[i + 1].file);
	snapshot_unref(s);
	catalog_close(c);
}

struct found {
	const struct two *t;
	unsigned a, b, others;
};

static void
note(void *arg, const char *file, int64_t off, const char *why)
{
	struct found *f = arg;

	(void)off;
	(void)why;
	if (strcmp(file, f->t->a) == 0)
		f->a++;
	else if (strcmp(file, f->t->b) == 0)
		f->b++;
	else
		f->others++;
}

static struct found
check(const struct two *t)
{
	struct found f = { .t = t };
	struct check_result res;
	struct catalog *c = catalog();

	assert_int_equal(catalog_check(c, note, &f, &res, NULL), 0);
	assert_int_equal(res.n_bad, f.a + f.b + f.others);
	catalog_close(c);
	return f;
}

/* ---- what must hold ---- */

static void
fails_naming(const char *path, const char *file, const char *other)
{
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(query(path, &n, &e), ERR_CORRUPT);
	if (strstr(e.msg, file) == NULL && strstr(e.msg, other) == NULL)
		fail_msg("%s: %s", path, e.msg);
}

static void
in_each_others_place(bool same_partition)
{
	static const char counted[] = "/service/service-1,service-2,service-3/count";
	struct err e = ERR_INIT;
	struct found f;
	struct two t;
	size_t n, all, some;

	choose(same_partition, &t);
	assert_int_equal(query("/count", &all, &e), 0);
	assert_int_equal(query(counted, &some, &e), 0);
	swap(&t);
	fails_naming("/spans.jsonl", t.a, t.b);
	fails_naming("/duration/gt/5us/count", t.a, t.b);
	/* What the catalog counts needs no shard, and is as right as before. */
	assert_int_equal(query("/count", &n, &e), 0);
	assert_int_equal(n, all);
	assert_int_equal(query(counted, &n, &e), 0);
	assert_int_equal(n, some);
	/* Without the manifest it is counted from footers. */
	move("MANIFEST", "aside");
	fails_naming(counted, t.a, t.b);
	fails_naming("/count", t.a, t.b);
	move("aside", "MANIFEST");
	assert_int_equal(query("/on/2031-01-01/spans.jsonl", &n, &e), 0);
	f = check(&t);
	assert_int_equal(f.a, 1);
	assert_int_equal(f.b, 1);
	assert_int_equal(f.others, 0);
	swap(&t);
	assert_int_equal(query("/spans.jsonl", &n, &e), 0);
	assert_int_equal(check(&t).a, 0);
}

static void
shards_of_two_partitions_in_each_others_place_are_noticed(void **state)
{
	(void)state;
	in_each_others_place(false);
}

static void
shards_of_one_partition_in_each_others_place_are_noticed(void **state)
{
	(void)state;
	in_each_others_place(true);
}

static void
a_missing_shard_is_damage_and_not_an_unknown_path(void **state)
{
	struct err e = ERR_INIT;
	struct found f;
	struct two t;
	size_t n;

	(void)state;
	choose(false, &t);
	move(t.a, "aside");
	fails_naming("/spans.jsonl", t.a, t.a);
	fails_naming("/duration/gt/5us/count", t.a, t.a);
	f = check(&t);
	assert_int_equal(f.a, 1);
	assert_int_equal(f.b + f.others, 0);
	/* What does not need it goes on. */
	assert_int_equal(query("/on/2031-01-01/spans.jsonl", &n, &e), 0);
	move("aside", t.a);
	assert_int_equal(query("/spans.jsonl", &n, &e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shards_of_two_partitions_in_each_others_place_are_noticed),
		cmocka_unit_test(shards_of_one_partition_in_each_others_place_are_noticed),
		cmocka_unit_test(a_missing_shard_is_damage_and_not_an_unknown_path),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
