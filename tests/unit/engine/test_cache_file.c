/* SPDX-License-Identifier: ISC */
/* .spanfs/cache: results that are kept, whose they are, in what order; and what is forgotten. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/store_rig.h"

#define ROOT ((struct requester){ 0, 1 })
#define ANN ((struct requester){ 1001, 2 })
#define BOB ((struct requester){ 1002, 3 })

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;
static struct buf out;

static void
told(void *arg, int code, const void *data, size_t n)
{
	(void)data;
	(void)n;
	atomic_store((atomic_int *)arg, code == 0 ? 1 : code);
}

static void
ask(const char *text, struct requester who)
{
	atomic_int done = 0;
	struct path *path = NULL;
	struct result *r;
	struct sv file;

	assert_int_equal(path_parse(sv_cstr(text), engine_known_file, &path, &file, NULL), 0);
	assert_int_equal(engine_result(en, path, file, who, &r, NULL), 0);
	assert_int_equal(result_open(r, told, &done, NULL, NULL), 0);
	while (atomic_load(&done) == 0)
		usleep(100);
	assert_int_equal(atomic_load(&done), 1);
	result_note_open(r);
	result_unref(r);
	path_unref(path);
}

static const char *
cache(struct requester asks)
{
	out.n = 0;
	assert_int_equal(engine_control_file(en, SV("cache"), asks, &out, NULL), 0);
	return buf_cstr(&out);
}

static int
control(const char *line, struct requester who)
{
	return engine_control(en, sv_cstr(line), who, NULL);
}

static void
lists(struct requester asks, const char *path, bool wanted)
{
	char line[256];

	snprintf(line, sizeof line, "\t%s\n", path);
	if ((strstr(cache(asks), line) != NULL) != wanted)
		fail_msg("%s is%s listed:\n%s", path, wanted ? " not" : "", buf_cstr(&out));
}

static void
each_sees_what_was_his_own(void **state)
{
	(void)state;
	ask("/service/service-1/count", ANN);
	ask("/service/service-2/count", BOB);
	lists(ANN, "/service/service-1/count", true);
	lists(ANN, "/service/service-2/count", false);
	lists(ROOT, "/service/service-1/count", true);
	lists(ROOT, "/service/service-2/count", true);
	/* And drops no other's. */
	assert_int_equal(control("drop-caches /service", ANN), 0);
	lists(ROOT, "/service/service-1/count", false);
	lists(ROOT, "/service/service-2/count", true);
}

static void
paths_are_dropped_as_typed_or_as_shown(void **state)
{
	(void)state;
	ask("/status/error/service/service-1/count", ROOT);
	ask("/status/error/service/service-2/count", ROOT);
	ask("/service/service-3/count", ROOT);
	lists(ROOT, "/service/service-1/status/error/count", true);
	assert_int_equal(control("drop-caches /service/service-", ROOT), 0);
	lists(ROOT, "/service/service-1/status/error/count", true);
	assert_int_equal(control("drop-caches /service/service-1", ROOT), 0);
	lists(ROOT, "/service/service-1/status/error/count", false);
	lists(ROOT, "/service/service-3/count", true);
	assert_int_equal(control("drop-caches /status/error/", ROOT), 0);
	lists(ROOT, "/service/service-2/status/error/count", false);
	lists(ROOT, "/service/service-3/count", true);
	assert_int_equal(control("drop-caches /service/service-3/count", ROOT), 0);
	lists(ROOT, "/service/service-3/count", false);
	ask("/status/ok/count", ROOT);
	ask("/count", ROOT);
	assert_int_equal(control("drop-caches /", ROOT), 0);
	lists(ROOT, "/status/ok/count", false);
	lists(ROOT, "/count", false);
}

static uint64_t
n_decisions(void)
{
	return decisioncache_stats(en->decisions).n_entries;
}

static void
levels_are_dropped_alone(void **state)
{
	(void)state;
	ask("/service/service-1/status/error/spans.jsonl", ROOT);
	assert_true(n_decisions() != 0);
	assert_true(chunkcache_stats(catalog_cache(en->catalog)).n_entries != 0);
	assert_int_equal(control("drop-caches chunks", ROOT), 0);
	assert_int_equal(chunkcache_stats(catalog_cache(en->catalog)).n_entries, 0);
	assert_true(n_decisions() != 0);
	assert_int_equal(control("drop-caches decisions", ROOT), 0);
	assert_int_equal(n_decisions(), 0);
	lists(ROOT, "/service/service-1/status/error/spans.jsonl", true);
	assert_int_equal(control("drop-caches l1", ROOT), 0);
	lists(ROOT, "/service/service-1/status/error/spans.jsonl", false);
	assert_int_equal(control("drop-caches l7", ROOT), ERR_SYNTAX);
	assert_int_equal(control("drop-caches service/x", ROOT), ERR_SYNTAX);
	assert_int_equal(control("drop-caches", ROOT), 0);
}

/* What took long for its bytes comes before what did not, hits are counted. */
static void
lines_stand_by_value(void **state)
{
	double last = INFINITY;
	struct sv rest, line;

	(void)state;
	assert_int_equal(control("drop-caches", ROOT), 0);
	ask("/spans.jsonl", ROOT);
	for (unsigned i = 0; i < 3; i++)
		ask("/duration/gt/1ms/text/nothing/count", ROOT);
	ask("/query", ROOT);
	(void)cache(ROOT);
	assert_non_null(strstr(buf_cstr(&out), "l1\t2\t"));
	rest = buf_view(&out);
	while (sv_cut(&rest, '\n', &line)) {
		unsigned long long hits, bytes;
		double cost;
		char text[512];

		snprintf(text, sizeof text, "%.*s", SV_ARG(line));
		if (sscanf(text, "l1\t%llu\t%llu\t%lf", &hits, &bytes, &cost) != 3)
			continue;
		/* With what it was asked for, which is told by the hits. */
		cost = cost * ((double)hits + 2) / ((double)bytes + 1);
		/* The text has tenths of milliseconds. */
		assert_true(cost <= last + 0.2);
		last = cost;
	}
	assert_true(last < INFINITY);
}

static int
open_engine(void **state)
{
	(void)state;
	store_rig_init(&rig, 3, 2000, 4, 2, 256);
	assert_int_equal(conf_load(NULL, NULL, 0, &conf, NULL), 0);
	return engine_open(conf, rig.dir, false, &en, NULL);
}

static int
close_engine(void **state)
{
	(void)state;
	engine_close(en);
	conf_free(conf);
	buf_release(&out);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sees_what_was_his_own),
		cmocka_unit_test(paths_are_dropped_as_typed_or_as_shown),
		cmocka_unit_test(levels_are_dropped_alone),
		cmocka_unit_test(lines_stand_by_value),
	};

	return cmocka_run_group_tests(tests, open_engine, close_engine);
}
