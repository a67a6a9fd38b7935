/* SPDX-License-Identifier: ISC */
/*
 * Look-ups of a value that few shards have: only those are opened, in a program that asks one
 * question and in one that stays; answers are those of rule bloom left out; what is kept for
 * further questions is bounded.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/user_store.h"

#define SHARDS 7

static struct store_rig rig;

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

struct asking {
	struct conf *conf;
	struct engine *en;
	struct buf out;
	struct run_info info;
	size_t n_pruned, n_own, n_kept, n_wrong;
	double est_rows;
};

static void
asking_init(struct asking *a, const char *set)
{
	const char *sets[] = { "query.threads=2", "result_cache.enabled=no",
	    "browse.strict_names=no", set };
	struct err e = ERR_INIT;

	*a = (struct asking){ .out = BUF_INIT };
	ok(conf_load(NULL, sets, set != NULL ? 4 : 3, &a->conf, &e), &e);
	ok(engine_open(a->conf, rig.dir, false, &a->en, &e), &e);
}

static void
asking_release(struct asking *a)
{
	engine_close(a->en);
	conf_free(a->conf);
	buf_release(&a->out);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static void
ask(struct asking *a, const char *path)
{
	struct sink sink = { .put = append, .arg = &a->out };
	struct err e = ERR_INIT;
	struct request *r;
	struct path *p;
	struct sv file;

	a->out.n = 0;
	ok(path_parse(sv_cstr(path), engine_known_file, &p, &file, &e), &e);
	ok(request_new(a->en, p, file, &r, &e), &e);
	ok(run_request(r, &sink, 0, NULL, &a->info, &e), &e);
	a->n_pruned = 0;
	for (size_t i = 0; i < r->plan->scan.n_shards; i++)
		a->n_pruned += r->plan->scan.shards[i].access == ACCESS_PRUNED;
	a->n_own = r->n_own_filters;
	pthread_mutex_lock(&r->world->lock);
	a->n_kept = r->world->n_filters;
	pthread_mutex_unlock(&r->world->lock);
	a->est_rows = r->plan->est_rows;
	request_free(r);
	path_unref(p);
}

static size_t
lines(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == '\n';
	return n;
}

static void
expect(struct asking *a, const char *path, size_t n_rows, size_t n_opened)
{
	ask(a, path);
	assert_int_equal(lines(&a->out), n_rows);
	if (a->info.profile.shards_opened != n_opened)
		fail_msg("%s: %d shards opened, not %d", path,
		    (int)a->info.profile.shards_opened, (int)n_opened);
}

static void
one_question_opens_the_shards_that_have_the_value(void **state)
{
	struct asking a;

	(void)state;
	for (unsigned h = 0; h < SHARDS; h++) {
		char path[100];

		snprintf(path, sizeof path, "where/user/eq/u-%u-%u/spans.jsonl", h, h + 3);
		asking_init(&a, NULL);
		expect(&a, path, 3, 1);
		assert_int_equal(a.n_pruned, SHARDS - 1);
		assert_true(a.info.profile.index_lists <= 1);
		asking_release(&a);
	}
	asking_init(&a, NULL);
	expect(&a, "where/user/eq/nobody/spans.jsonl", 0, 0);
	asking_release(&a);
}

static void
a_part_of_the_time_has_filters_of_the_request(void **state)
{
	struct asking a;

	(void)state;
	asking_init(&a, NULL);
	expect(&a, "until/2026-11-20T14:00:00Z/where/user/eq/u-1-5/spans.jsonl", 3, 1);
	assert_int_equal(a.n_own, 0);	/* planned: they are gone */
	assert_int_equal(a.n_kept, 0);
	expect(&a, "until/2026-11-20T14:00:00Z/where/user/eq/u-4-5/spans.jsonl", 0, 0);
	asking_release(&a);
}

static void
who_stays_keeps_the_filters(void **state)
{
	struct asking a;
	const char *user = "where/user/eq/u-2-7/spans.jsonl";

	(void)state;
	asking_init(&a, NULL);
	for (int i = 0; i < 8; i++) {
		expect(&a, user, 3, 1);
		assert_int_equal(a.n_own, 0);
		assert_int_equal(a.n_kept, 1);
		user = i % 2 ? "where/user/eq/u-2-7/spans.jsonl" :
		    "where/user/in/u-2-7,nobody/spans.jsonl";
	}
	expect(&a, "where/user/in/u-1-1,u-4-39,nobody/spans.jsonl", 6, 2);
	expect(&a, "where/span.user/eq/u-5-1/spans.jsonl", 3, 1);
	assert_int_equal(a.n_kept, 2);
	expect(&a, "where/user/eq/everybody/spans.jsonl", SHARDS, SHARDS);
	ask(&a, "not/where/user/eq/u-1-1/count");
	assert_string_equal(buf_cstr(&a.out), "837\n");
	asking_release(&a);
}

/* The same bytes, with more shards opened if there were any to prune. */
static void
equal_without_the_rule(struct asking *with, struct asking *without, const char *path)
{
	ask(with, path);
	ask(without, path);
	assert_int_equal(without->n_own + without->n_kept, 0);
	if (with->out.n != without->out.n ||
	    memcmp(with->out.p, without->out.p, with->out.n) != 0)
		fail_msg("%s: other bytes without the rule", path);
	assert_true(with->info.profile.shards_opened <= without->info.profile.shards_opened);
}

static void
answers_are_those_without_the_rule(void **state)
{
	static const char *const paths[] = {
		"where/user/eq/u-3-9/spans.jsonl", "where/user/eq/nobody/spans.jsonl",
		"where/user/in/u-3-9,u-0-0,everybody/spans.csv", "where/user/ne/everybody/count",
		"any/where/user/eq/u-6-1/where/user/eq/u-5-1/end/spans.jsonl",
		"not/where/user/eq/nobody/count", "where/event.user/eq/u-1-1/count",
		"where/user/eq/u-1-9/where/user/eq/u-2-9/count",
	};
	struct asking with, without, plain;

	(void)state;
	asking_init(&with, NULL);
	asking_init(&without, "query.rules_off=bloom,zone,index");
	asking_init(&plain, "query.rules_off=all");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		equal_without_the_rule(&with, &without, paths[i]);
		equal_without_the_rule(&with, &plain, paths[i]);
	}
	ask(&without, paths[0]);
	assert_int_equal(without.info.profile.shards_opened, SHARDS);
	ask(&with, paths[0]);
	assert_int_equal(with.info.profile.shards_opened, 1);
	asking_release(&with);
	asking_release(&without);
	asking_release(&plain);
}

static void
fields_of_any_name_are_kept_up_to_a_bound(void **state)
{
	struct asking a;

	(void)state;
	asking_init(&a, NULL);
	for (unsigned i = 0; i < 200; i++) {
		char path[100];

		snprintf(path, sizeof path, "where/span.no%u/eq/x/spans.jsonl", i);
		expect(&a, path, 0, 0);
		assert_int_equal(a.n_kept, i < 64 ? i + 1 : 64);
		assert_int_equal(a.n_own, 0);
	}
	/* Those that have filters are counted by themselves. */
	expect(&a, "where/user/eq/u-1-1/spans.jsonl", 3, 1);
	assert_int_equal(a.n_kept, 65);
	asking_release(&a);
}

static void *
ask_on(void *arg)
{
	struct asking *a = arg;

	for (unsigned i = 0; i < 60; i++) {
		char path[100];

		snprintf(path, sizeof path, "where/%s/in/u-%u-3,u-%u-4/spans.jsonl",
		    i % 3 == 0 ? "user" : i % 3 == 1 ? "span.user" : "event.user",
		    i % SHARDS, (i + 1) % SHARDS);
		ask(a, path);
		a->n_wrong += lines(&a->out) != (i % 3 == 2 ? 0 : 6);
	}
	return NULL;
}

static void
several_ask_at_once(void **state)
{
	struct asking a, of[4];
	pthread_t threads[4];

	(void)state;
	asking_init(&a, NULL);
	for (size_t i = 0; i < 4; i++) {
		of[i] = (struct asking){ .en = a.en, .out = BUF_INIT };
		assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &of[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(of[i].n_wrong, 0);
		buf_release(&of[i].out);
	}
	ask(&a, "where/user/eq/u-1-3/spans.jsonl");
	assert_int_equal(a.n_kept, 3);
	asking_release(&a);
}

static void
estimates_are_those_of_the_shard_that_is_left(void **state)
{
	struct analysis an;
	struct asking a;
	struct err e = ERR_INIT;

	(void)state;
	asking_init(&a, "decision_cache.enabled=no");
	ok(engine_analyze(a.en, &an, &e), &e);
	ask(&a, "where/user/eq/u-4-11/spans.jsonl");
	assert_true(a.est_rows > 2 && a.est_rows < 4.5);
	ask(&a, "where/user/in/u-4-11,u-1-2,u-1-3/spans.jsonl");
	assert_true(a.est_rows > 6 && a.est_rows < 13);
	ask(&a, "where/user/eq/nobody/spans.jsonl");
	assert_true(a.est_rows < 0.5);
	asking_release(&a);
}

static int
setup(void **state)
{
	(void)state;
	user_store_init(&rig, SHARDS, false);
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
		cmocka_unit_test(one_question_opens_the_shards_that_have_the_value),
		cmocka_unit_test(a_part_of_the_time_has_filters_of_the_request),
		cmocka_unit_test(who_stays_keeps_the_filters),
		cmocka_unit_test(answers_are_those_without_the_rule),
		cmocka_unit_test(fields_of_any_name_are_kept_up_to_a_bound),
		cmocka_unit_test(several_ask_at_once),
		cmocka_unit_test(estimates_are_those_of_the_shard_that_is_left),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
