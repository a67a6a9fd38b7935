/* SPDX-License-Identifier: ISC */
/*
 * kept plans: an engine that is opened after another one has its statistics and decisions: its
 * first plan is by a decision, the same plan, and nothing is gathered for it. Whatever is wrong
 * with what is kept, or can't be written, answers are as without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "catalog/kept.h"
#include "engine/engine_i.h"
#include "lib/fsys_fault.h"
#include "lib/rounds.h"
#include "lib/span_rows.h"
#include "lib/store_rig.h"

#define N_PATHS 4
static const char *const paths[N_PATHS] = {
	"/service/service-1/name/op-1/spans.jsonl", "/duration/gt/5ms/count",
	"/where/resource.host.name/eq/h1/group/service/groups.csv", "/status/error/limit/10/spans.csv",
};

static struct store_rig rig;
static struct conf *conf;

static struct conf *
conf_with(const char *set)
{
	const char *sets[] = { "query.threads=2", set };
	struct conf *c;

	assert_int_equal(conf_load(NULL, sets, set == NULL ? 1 : 2, &c, NULL), 0);
	return c;
}

static struct engine *
open_on(const struct conf *c, struct fsys *fs)
{
	struct err e = ERR_INIT;
	struct engine *en;

	if (engine_open_on(c, rig.dir, fs, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
	return en;
}

/* Until the background is done. */
static void
warm(struct engine *en)
{
	bool making = true;

	engine_warm(en);
	while (making) {
		usleep(1000);
		pthread_mutex_lock(&en->statistics.state);
		making = en->statistics.making;
		pthread_mutex_unlock(&en->statistics.state);
	}
}

/* The plan, and in *decision (malloced) the line that says how it came about. */
static struct buf
plan_of(struct engine *en, const char *path, char **decision)
{
	struct buf out = BUF_INIT;
	char *line;

	assert_int_equal(engine_explain(en, sv_cstr(path), &out, NULL), 0);
	buf_putc(&out, '\0');
	assert_false(out.oom);
	assert_non_null(line = strstr(out.p, "\ndecision "));
	assert_non_null(*decision = strdup(line + 1));
	/* It says how old it is, and how often it was used: no part of the plan. */
	*line = '\0';
	return out;
}

static int
put(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static struct buf
answer_of(struct engine *en, const char *path)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (engine_query(en, sv_cstr(path), (struct requester){ 0, 1 }, put, &out, NULL, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	return out;
}

/* As a mount does: the statistics are made, and queries decided; then it ends. */
static void
run_a_mount(struct fsys *fs, struct buf plans[N_PATHS])
{
	struct engine *en = open_on(conf, fs);
	char *decision;

	warm(en);
	for (size_t i = 0; i < N_PATHS; i++) {
		struct buf b = plan_of(en, paths[i], &decision);

		free(decision);
		buf_release(&b);
		plans[i] = plan_of(en, paths[i], &decision);
		assert_non_null(strstr(decision, "decision hit"));
		free(decision);
	}
	engine_close(en);
}

static void
release_plans(struct buf plans[N_PATHS])
{
	for (size_t i = 0; i < N_PATHS; i++)
		buf_release(&plans[i]);
}

static void
forget(void)
{
	char path[128];

	for (unsigned k = KEPT_SUMMARY; k <= N_KEPT_KINDS; k++) {
		snprintf(path, sizeof path, "%s/%s", rig.dir, kept_file(k));
		(void)unlink(path);
	}
}

/* Expects of an engine's first plans that they are those of the one before. */
static void
expect_plans(struct engine *en, struct buf plans[N_PATHS], const char *how)
{
	for (size_t i = 0; i < N_PATHS; i++) {
		char *decision;
		struct buf b = plan_of(en, paths[i], &decision);

		if (strstr(decision, how) == NULL)
			fail_msg("%s: %s", paths[i], decision);
		if (strcmp(how, "decision hit") == 0)
			assert_string_equal(b.p, plans[i].p);
		free(decision);
		buf_release(&b);
	}
}

static void
the_first_plan_after_a_restart_is_the_old_one(void **state)
{
	struct buf plans[N_PATHS];
	struct engine *en;

	(void)state;
	run_a_mount(NULL, plans);
	en = open_on(conf, NULL);
	expect_plans(en, plans, "decision hit");
	assert_int_equal(decisioncache_stats(en->decisions).computed, 0);
	assert_non_null(en->statistics.newest);
	/* Nothing was gathered: nor is it when the program stays. */
	assert_null(en->statistics.maker);
	warm(en);
	assert_null(en->statistics.maker);
	engine_close(en);
	/* Once it is gone, all is made anew. */
	forget();
	en = open_on(conf, NULL);
	expect_plans(en, plans, "decision computed");
	assert_null(en->statistics.newest);
	engine_close(en);
	release_plans(plans);
}

static void
files_are_the_owners_alone(void **state)
{
	struct buf plans[N_PATHS];
	char path[128];
	struct stat st;

	(void)state;
	run_a_mount(NULL, plans);
	for (unsigned k = KEPT_SUMMARY; k <= N_KEPT_KINDS; k++) {
		snprintf(path, sizeof path, "%s/%s", rig.dir, kept_file(k));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	release_plans(plans);
}

static void
other_settings_throw_decisions_away(void **state)
{
	struct conf *other = conf_with("cost_model.cpu_tuple_cost=0.02");
	struct buf plans[N_PATHS];
	struct engine *en;

	(void)state;
	run_a_mount(NULL, plans);
	en = open_on(other, NULL);
	expect_plans(en, plans, "decision computed");
	/* The statistics know no costs. */
	assert_non_null(en->statistics.newest);
	engine_close(en);
	conf_free(other);
	other = conf_with("decision_cache.enabled=no");
	en = open_on(other, NULL);
	expect_plans(en, plans, "decision off");
	engine_close(en);
	conf_free(other);
	release_plans(plans);
}

/* What is learned of the costs is kept with the decisions that were made under it. */
static void
what_was_learned_of_costs_goes_with_them(void **state)
{
	struct conf *quiet = conf_with("statistics.refresh=0");
	struct buf b, again;
	struct engine *en;
	char *decision;

	(void)state;
	forget();
	en = open_on(quiet, NULL);
	en->statistics.kept = true;
	atomic_store(&en->cost_version, 3);
	en->costs.adapt.n = 40;
	en->costs.adapt.used[COST_PAGE] = en->costs.adapt.factor[COST_PAGE] = 1.5;
	b = plan_of(en, paths[0], &decision);
	assert_non_null(strstr(decision, "costs of version 3"));
	free(decision);
	buf_release(&b);
	/* As a decision gives it: estimates are then those of its classes. */
	b = plan_of(en, paths[0], &decision);
	free(decision);
	engine_close(en);
	en = open_on(quiet, NULL);
	again = plan_of(en, paths[0], &decision);
	assert_non_null(strstr(decision, "decision hit"));
	assert_non_null(strstr(decision, "costs of version 3"));
	assert_true(en->costs.adapt.used[COST_PAGE] > 1.4);
	assert_string_equal(again.p, b.p);
	free(decision);
	engine_close(en);
	conf_free(quiet);
	buf_release(&again);
	buf_release(&b);
}

/* A program that asks one small question does not read it, a larger one does. */
static void
one_query_looks_only_where_it_pays(void **state)
{
	struct buf plans[N_PATHS];
	struct engine *en;

	(void)state;
	run_a_mount(NULL, plans);
	en = open_on(conf, NULL);
	engine_once(en);
	expect_plans(en, plans, "decision computed");
	assert_false(en->statistics.looked);
	engine_close(en);
	en = open_on(conf, NULL);
	engine_once(en);
	en->once_rows = 1;
	expect_plans(en, plans, "decision hit");
	assert_null(en->statistics.maker);
	engine_close(en);
	release_plans(plans);
}

static void
an_older_summary_serves_until_there_is_a_newer_one(void **state)
{
	struct buf plans[N_PATHS];
	struct span_batch batch;
	struct engine *en;
	struct buf b;
	uint64_t was;

	(void)state;
	run_a_mount(NULL, plans);
	en = open_on(conf, NULL);
	b = answer_of(en, "/count");
	buf_release(&b);
	was = en->statistics.newest->stats.generation;
	engine_close(en);
	span_batch_init(&batch);
	for (unsigned i = 0; i < 10; i++)
		*span_batch_add(&batch) = *span_min(&batch.arena, i + 1, "service-1");
	store_rig_add(&rig, &batch, 256);
	span_batch_release(&batch);
	en = open_on(conf, NULL);
	b = answer_of(en, "/count");
	assert_int_equal(en->statistics.newest->stats.generation, was);
	assert_int_equal(en->world->snap->generation, was + 1);
	/* Made not long ago, so it stays for [statistics] refresh; analyze does not wait. */
	warm(en);
	assert_null(en->statistics.maker);
	assert_int_equal(engine_control(en, SV("analyze"), (struct requester){ 0 }, NULL), 0);
	assert_int_equal(en->statistics.newest->stats.generation, was + 1);
	engine_close(en);
	en = open_on(conf, NULL);
	buf_release(&b);
	b = answer_of(en, "/count");
	assert_int_equal(en->statistics.newest->stats.generation, was + 1);
	engine_close(en);
	buf_release(&b);
	release_plans(plans);
}

/* ---- faults ---- */

static void
expect_answers(struct engine *en, struct buf answers[N_PATHS])
{
	for (size_t i = 0; i < N_PATHS; i++) {
		struct buf b = answer_of(en, paths[i]);

		assert_true(sv_eq(buf_view(&b), buf_view(&answers[i])));
		buf_release(&b);
	}
}

/* An engine that begins with what the one before left, decides, makes statistics and ends. */
static uint64_t
run_with(struct fsys *real, const struct fault_plan *plan, struct buf answers[N_PATHS])
{
	struct fsys *fs = fsys_fault(real);
	struct engine *en;
	uint64_t n;

	assert_non_null(fs);
	en = open_on(conf, fs);
	en->statistics.kept = true;
	fsys_fault_set(fs, plan);
	expect_answers(en, answers);
	/* Of what it reads nothing fails: then it would not be whether it is kept. */
	assert_int_equal(engine_control(en, SV("analyze"), (struct requester){ 0 }, NULL), 0);
	assert_int_equal(engine_control(en, SV("drop-caches"), (struct requester){ 0 }, NULL), 0);
	expect_answers(en, answers);
	engine_close(en);
	n = fsys_fault_calls(fs);
	fsys_free(fs);
	return n;
}

static void
whatever_can_not_be_written_costs_only_the_keeping(void **state)
{
	const unsigned kinds = FAULT_WRITES | FAULT_BIT(FAULT_LOCK);
	struct buf plans[N_PATHS], answers[N_PATHS];
	struct fsys *real;
	struct engine *en;
	uint64_t n;

	(void)state;
	assert_int_equal(file_real(rig.dir, false, &real, NULL), 0);
	run_a_mount(NULL, plans);
	en = open_on(conf, NULL);
	for (size_t i = 0; i < N_PATHS; i++)
		answers[i] = answer_of(en, paths[i]);
	engine_close(en);
	n = run_with(real, &(struct fault_plan){ .kinds = kinds }, answers);
	/* Two files, each locked, created, written, closed and renamed. */
	assert_true(n >= 10);
	for (uint64_t i = 1; i <= n; i += rounds_step())
		for (unsigned persist = 0; persist < 2; persist++) {
			(void)run_with(real, &(struct fault_plan){ kinds, i, i % 2 == 0 ? ERR_NOSPC :
			    ERR_ACCESS, persist != 0, false }, answers);
			en = open_on(conf, NULL);
			expect_answers(en, answers);
			engine_close(en);
		}
	release_plans(answers);
	release_plans(plans);
	fsys_free(real);
}

/* One file cut or changed anywhere: it is not there, and that is all. */
static void
whatever_is_damaged_is_not_used(void **state)
{
	struct buf plans[N_PATHS], whole = BUF_INIT, b;
	const size_t n = rounds_of(24);
	struct arena a;
	struct fsys *fs;
	struct sv bytes;

	(void)state;
	run_a_mount(NULL, plans);
	assert_int_equal(file_real(rig.dir, false, &fs, NULL), 0);
	arena_init(&a);
	for (unsigned k = KEPT_SUMMARY; k <= N_KEPT_KINDS; k++) {
		assert_int_equal(file_read_all(fs, kept_file(k), 1 << 26, &a, &bytes, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			size_t at = bytes.n * i / n;
			struct engine *en;

			whole.n = 0;
			buf_sv(&whole, i % 2 == 0 ? bytes : sv_sub(bytes, 0, at));
			assert_false(whole.oom);
			if (i % 2 == 0)
				whole.p[at] ^= 4;
			assert_int_equal(file_replace(fs, "cache", kept_file(k),
			    buf_view(&whole), NULL), 0);
			en = open_on(conf, NULL);
			b = answer_of(en, paths[0]);
			buf_release(&b);
			if (k == KEPT_SUMMARY)
				assert_null(en->statistics.newest);
			else
				assert_int_equal(decisioncache_stats(en->decisions).taken_over, 0);
			engine_close(en);
		}
	}
	arena_release(&a);
	buf_release(&whole);
	fsys_free(fs);
	release_plans(plans);
}

static int
make_store(void **state)
{
	(void)state;
	store_rig_init(&rig, 7, 3000, 6, 3, 256);
	conf = conf_with(NULL);
	return 0;
}

static int
remove_store(void **state)
{
	(void)state;
	conf_free(conf);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_plan_after_a_restart_is_the_old_one),
		cmocka_unit_test(files_are_the_owners_alone),
		cmocka_unit_test(other_settings_throw_decisions_away),
		cmocka_unit_test(what_was_learned_of_costs_goes_with_them),
		cmocka_unit_test(one_query_looks_only_where_it_pays),
		cmocka_unit_test(whatever_can_not_be_written_costs_only_the_keeping),
		cmocka_unit_test(whatever_is_damaged_is_not_used),
		cmocka_unit_test(an_older_summary_serves_until_there_is_a_newer_one),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
