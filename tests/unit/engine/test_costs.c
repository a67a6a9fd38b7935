/* SPDX-License-Identifier: ISC */
/*
 * costs: a reload that changes a cost changes the choice for a query at the border, and the plan
 * says so; what is learned is shown, moves the version, and can be forgotten; load takes threads.
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
#include "lib/store_rig.h"

static struct store_rig rig;
static struct engine *en;
static struct conf *confs[16];	/* all that were in force: they outlive the engine */
static size_t n_confs;
static struct buf out;

static struct conf *
conf_with(const char *set)
{
	const char *sets[] = { "query.threads=2", set };
	struct err e = ERR_INIT;

	assert_true(n_confs < 16);
	if (conf_load(NULL, sets, set == NULL ? 1 : 2, &confs[n_confs], &e) < 0)
		fail_msg("%s", e.msg);
	return confs[n_confs++];
}

static const char *
explain(const char *path)
{
	struct err e = ERR_INIT;

	out.n = 0;
	if (engine_explain(en, sv_cstr(path), &out, &e) < 0)
		fail_msg("%s", e.msg);
	return buf_cstr(&out);
}

static const char *
decisions(void)
{
	out.n = 0;
	assert_int_equal(engine_control_file(en, SV("decisions"), (struct requester){ 0 }, &out, NULL), 0);
	return buf_cstr(&out);
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("lacks \"%s\":\n%s", part, text);
}

/*
 * The index of names leaves a row or two a shard; a scan looks at 3,000, for little more. An
 * entry of an index is set so that this is just above, and just below, the cost of asking it.
 */
#define BORDER "/name/op-1/spans.jsonl"
#define BELOW "cost_model.cpu_index_tuple_cost=0.01"
#define ABOVE "cost_model.cpu_index_tuple_cost=0.5"

static void
a_reload_of_costs_changes_the_choice_and_says_so(void **state)
{
	(void)state;
	engine_reload(en, conf_with(BELOW));
	has(explain(BORDER), "decision computed");
	has(buf_cstr(&out), "; costs of version 1\n");
	has(buf_cstr(&out), "    * zone, indexes 0 ");
	has(buf_cstr(&out), "      zone  ");
	has(explain(BORDER), "decision hit");
	/* The same settings again: nothing moves. */
	engine_reload(en, conf_with(BELOW));
	has(explain(BORDER), "; costs of version 1\n");
	engine_reload(en, conf_with(ABOVE));
	has(explain(BORDER), "; costs of version 2\n");
	has(buf_cstr(&out), "decision computed");
	has(buf_cstr(&out), "    * zone  ");
	has(buf_cstr(&out), "      zone, indexes 0 ");
	assert_null(strstr(buf_cstr(&out), "    * zone, indexes 0 "));
	engine_reload(en, conf_with(BELOW));
	has(explain(BORDER), "    * zone, indexes 0 ");
}

static void
what_is_learned_is_shown_and_forgotten(void **state)
{
	struct requester me = { 0, 0 };
	struct err e = ERR_INIT;
	unsigned before = atomic_load(&en->cost_version);
	struct cost_params set, now;

	(void)state;
	has(decisions(), "corrected by 0 queries (in force, learned): page x1.00 x1.00, "
	    "tuple x1.00 x1.00, index tuple x1.00 x1.00, operator x1.00 x1.00\n");
	en->costs.adapt.used[COST_PAGE] = 2;
	engine_cost_params(en->conf, &set);
	assert_int_equal(costs_now(en, &now), before);
	assert_true(now.seq_page_cost > 1.9 * set.seq_page_cost);
	has(decisions(), "page x2.00");
	assert_int_equal(engine_control(en, SV("reset-costs\n"), me, &e), 0);
	assert_int_equal(costs_now(en, &now), before + 1);
	assert_memory_equal(&now, &set, sizeof set);
	has(decisions(), "page x1.00");
	engine_reload(en, conf_with("cost_model.adaptive=no"));
	has(decisions(), ", as set\n");
}

static void
finished_queries_teach(void **state)
{
	struct profile p = { .scan_ns = 100000000, .decoded_bytes = 1000000,
		.rows_scanned = 1000000, .complete = true };
	struct run_info info = { .profile = p };
	struct request *r;
	struct path *path;
	struct outcome o = { .info = &info };
	struct err e = ERR_INIT;
	struct sv file;
	unsigned before;

	(void)state;
	engine_reload(en, conf_with(NULL));
	before = atomic_load(&en->cost_version);
	assert_int_equal(path_parse(SV(BORDER), engine_known_file, &path, &file, &e), 0);
	assert_int_equal(request_new(en, path, file, &r, &e), 0);
	assert_int_equal(request_plan(r, &e), 0);
	assert_int_equal(r->plan->scan.threads, 1);
	o.plan = r->plan;
	for (int i = 0; i < 200; i++)
		costs_note(en, &o);
	assert_true(atomic_load(&en->cost_version) > before);
	assert_true(en->costs.adapt.used[COST_OPERATOR] > COST_ADAPT_STEP);
	request_free(r);
	path_unref(path);
}

static int
setup(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 5, 20000, 2, 2, 4096);

	return engine_open(conf_with(NULL), rig.dir, false, &en, &e);
}

static int
teardown(void **state)
{
	(void)state;
	engine_close(en);
	for (size_t i = 0; i < n_confs; i++)
		conf_free(confs[i]);
	buf_release(&out);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reload_of_costs_changes_the_choice_and_says_so),
		cmocka_unit_test(what_is_learned_is_shown_and_forgotten),
		cmocka_unit_test(finished_queries_teach),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
