/* SPDX-License-Identifier: ISC */
/*
 * Tests of value filters: what each shard of a store lets an equality conclude, which filters
 * fit a budget, and filters that can't be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bloom.h"
#include "base/hash.h"
#include "lib/user_store.h"
#include "shard/shard_i.h"
#include "catalog/value_filter.h"

#define SHARDS 7
#define DAMAGED 6		/* its file is cut */

struct fix {
	struct store_rig rig;
	struct catalog *c;
	const struct snapshot *snap;
	struct arena a;
	const struct stats *st;
	struct value_filter *v;
};

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

static FILE *
open_file(struct fix *x, size_t shard)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", x->rig.dir, x->snap->shards[shard].file);
	assert_non_null(f = fopen(path, "r+b"));
	return f;
}

static void
overwrite(struct fix *x, size_t shard, long at, int whence)
{
	FILE *f = open_file(x, shard);

	assert_int_equal(fseek(f, at, whence), 0);
	assert_int_equal(fwrite("broken!!", 1, 8, f), 8);
	assert_int_equal(fclose(f), 0);
}

static void
open_store(struct fix *x)
{
	struct catalog_options o = { .cache_bytes = 1 << 22 };
	struct err e = ERR_INIT;

	ok(catalog_open(x->rig.dir, &o, &x->c, &e), &e);
	ok(catalog_snapshot(x->c, &x->snap, &e), &e);
}

static int
setup(void **state)
{
	struct fix *x = calloc(1, sizeof *x);
	struct err e = ERR_INIT;

	assert_non_null(x);
	user_store_init(&x->rig, SHARDS, true);
	arena_init(&x->a);
	open_store(x);
	assert_int_equal(x->snap->n_shards, SHARDS);
	overwrite(x, DAMAGED, -8, SEEK_END);
	ok(stats_load(x->snap, TIME_RANGE_ALL, NULL, &x->a, &x->st, &e), &e);
	assert_true(x->st->shards[DAMAGED].damaged);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *x = *state;

	value_filter_free(x->v);
	snapshot_unref(x->snap);
	catalog_close(x->c);
	arena_release(&x->a);
	store_rig_release(&x->rig);
	free(x);
	return 0;
}

static const struct stats_filter *
load(struct fix *x, const char *field, size_t max_bytes)
{
	struct err e = ERR_INIT;
	struct field f;
	char *name = strdup(field);

	assert_non_null(name);
	assert_true(field_parse(sv_cstr(name), &f));
	value_filter_free(x->v);
	x->v = NULL;
	ok(value_filter_load(x->snap, x->st, &f, max_bytes, NULL, &x->v, &e), &e);
	free(name);
	assert_true(field_parse(sv_cstr(field), &f));
	assert_true(field_eq(&value_filter_stats(x->v)->field, &f));
	return value_filter_stats(x->v);
}

/*
 * One letter a shard: ? unknown, - absent, s i b a a column (strings, numbers, ...) without a
 * filter, and in capitals with one.
 */
static const char *
states(const struct stats_filter *f)
{
	static const char letters[] = {
		[VAL_STRING] = 's', [VAL_INT] = 'i', [VAL_BOOL] = 'b', [VAL_ARRAY] = 'a',
	};
	static char text[SHARDS + 1];

	for (size_t i = 0; i < SHARDS; i++) {
		const struct shard_filter *s = &f->shards[i];

		assert_int_equal(s->bloom != NULL, s->bloom_bytes != 0);
		text[i] = s->kind == FILTER_UNKNOWN ? '?' : s->kind == FILTER_ABSENT ? '-' :
		    letters[s->column->type];
		if (s->bloom != NULL) {
			assert_int_equal(s->kind, FILTER_COLUMN);
			text[i] = (char)(text[i] - 'a' + 'A');
		}
	}
	return text;
}

static void
expect(struct fix *x, const char *field, const char *want)
{
	assert_string_equal(states(load(x, field, SIZE_MAX)), want);
}

static bool
may_have(const struct shard_filter *f, const char *value)
{
	return bloom_may_have(f->bloom, f->bloom_bytes, hash64(value, strlen(value)));
}

static void
says_of_each_shard_what_it_lets_conclude(void **state)
{
	struct fix *x = *state;

	/* 3 has no indexes, 4 a rest column, 6 is damaged. */
	expect(x, "span.user", "SSSs?S?");
	expect(x, "user", "SSSs?S?");
	expect(x, "span.only", "--s-?-?");
	expect(x, "only", "--s-?-?");
	expect(x, "span.nowhere", "----?-?");
	expect(x, "nowhere", "----?-?");
}

static void
a_bare_field_that_a_resource_has_is_unknown(void **state)
{
	struct fix *x = *state;

	expect(x, "span.host", "S---?-?");
	expect(x, "host", "S?--?-?");
	expect(x, "service.name", "???????");
}

static void
several_types_of_one_key_are_unknown(void **state)
{
	struct fix *x = *state;

	expect(x, "span.mixed", "s?ia?-?");
	expect(x, "mixed", "s?ia?-?");
}

static void
events_and_links_have_columns_of_their_own(void **state)
{
	struct fix *x = *state;

	expect(x, "event.note", "S---?-?");
	expect(x, "link.peer", "-S--?-?");
	expect(x, "event.peer", "----?-?");
	expect(x, "event.user", "----?-?");
	expect(x, "span.note", "----?-?");
	expect(x, "note", "----?-?");
}

static void
filters_know_the_values_of_their_shard(void **state)
{
	struct fix *x = *state;
	const struct stats_filter *f = load(x, "span.user", SIZE_MAX);
	unsigned others = 0;

	for (unsigned i = 0; i < SHARDS; i++) {
		if (f->shards[i].bloom == NULL)
			continue;
		assert_true(may_have(&f->shards[i], "everybody"));
		for (unsigned h = 0; h < SHARDS; h++)
			for (unsigned k = 1; k < USER_STORE_USERS; k++) {
				char user[32];

				snprintf(user, sizeof user, "u-%u-%u", h, k);
				if (h == i)
					assert_true(may_have(&f->shards[i], user));
				else
					others += may_have(&f->shards[i], user);
			}
	}
	assert_true(others < 4 * SHARDS * USER_STORE_USERS / 20);
}

static void
shards_outside_the_statistics_are_unknown(void **state)
{
	struct fix *x = *state;
	struct time_range r = { USER_STORE_HOUR, USER_STORE_HOUR + 2 * NS_PER_HOUR };
	struct err e = ERR_INIT;

	ok(stats_load(x->snap, r, NULL, &x->a, &x->st, &e), &e);
	expect(x, "span.user", "SS?????");
	expect(x, "only", "--?????");
}

static void
the_newest_shards_come_first(void **state)
{
	struct fix *x = *state;
	size_t one, all;

	expect(x, "span.user", "SSSs?S?");
	all = value_filter_bytes(x->v);
	assert_true(all > 0 && all % 32 == 0);
	assert_string_equal(states(load(x, "span.user", 0)), "ssss?s?");
	assert_int_equal(value_filter_bytes(x->v), 0);
	/* Each has as many users. */
	one = all / 4;
	assert_string_equal(states(load(x, "span.user", one)), "ssss?S?");
	assert_string_equal(states(load(x, "span.user", one * 3 - 1)), "ssSs?S?");
	assert_int_equal(value_filter_bytes(x->v), one * 2);
	assert_string_equal(states(load(x, "span.user", all)), "SSSs?S?");
}

static void
several_threads_load_the_same(void **state)
{
	struct fix *x = *state;
	struct value_filter *v;
	struct err e = ERR_INIT;
	struct pool *pool;
	struct field f;

	assert_true(field_parse(SV("user"), &f));
	ok(pool_new(3, 0, &pool, &e), &e);
	ok(value_filter_load(x->snap, x->st, &f, SIZE_MAX, pool, &v, &e), &e);
	assert_string_equal(states(value_filter_stats(v)), "SSSs?S?");
	expect(x, "user", "SSSs?S?");
	/* The same bytes of the cache. */
	assert_ptr_equal(value_filter_stats(v)->shards[0].bloom,
	    value_filter_stats(x->v)->shards[0].bloom);
	value_filter_free(v);
	pool_free(pool);
}

static void
a_filter_that_is_damaged_is_passed_over(void **state)
{
	struct fix *x = *state;
	const struct column *c;
	struct err e = ERR_INIT;
	struct shard *s;

	ok(snapshot_shard(x->snap, 1, &s, &e), &e);
	assert_int_equal(shard_attr(s, ATTR_SPAN, SV("user"), &c), 1);
	overwrite(x, 1, (long)s->sections[s->bloom_section[c->index]].off, SEEK_SET);
	expect(x, "span.user", "SsSs?S?");
	expect(x, "span.host", "S---?-?");
}

static void
a_shard_that_is_gone_is_unknown(void **state)
{
	struct fix *x = *state;
	struct err e = ERR_INIT;
	char path[512];

	snapshot_unref(x->snap);
	catalog_close(x->c);
	open_store(x);
	snprintf(path, sizeof path, "%s/%s", x->rig.dir, x->snap->shards[2].file);
	assert_int_equal(remove(path), 0);
	ok(stats_load(x->snap, TIME_RANGE_ALL, NULL, &x->a, &x->st, &e), &e);
	expect(x, "span.user", "SS?s?S?");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(says_of_each_shard_what_it_lets_conclude),
		T(a_bare_field_that_a_resource_has_is_unknown),
		T(several_types_of_one_key_are_unknown),
		T(events_and_links_have_columns_of_their_own),
		T(filters_know_the_values_of_their_shard),
		T(shards_outside_the_statistics_are_unknown),
		T(the_newest_shards_come_first),
		T(several_threads_load_the_same),
		T(a_filter_that_is_damaged_is_passed_over),
		T(a_shard_that_is_gone_is_unknown),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
