/* SPDX-License-Identifier: ISC */
/*
 * shadow_wrong: an optimizer with a wrong rule is caught. This program brings its own
 * rule_bloom, which the linker takes in place of the one in libopt.a: it leaves out the newest
 * shard of every query for a service. Nothing of the kind is in the shipped programs.
 */
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
#include "opt/opt_i.h"
#include "query/name.h"

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;
static bool wrong;

int
rule_bloom(struct opt *o, bool *changed, struct err *e)
{
	size_t n = o->plan->scan.n_shards;

	(void)e;
	if (!wrong || n == 0 || plan_top_leaf(o->plan->filter.pred, IN_SERVICE) == NULL)
		return 0;
	o->shards[n - 1].access = ACCESS_PRUNED;
	o->shards[n - 1].why = "planted";
	o->shards[n - 1].pruned_by = "bloom";
	*changed = true;
	return 0;
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static void
on_open(void *arg, int code, const void *data, size_t n)
{
	(void)data;
	(void)n;
	__atomic_store_n((int *)arg, code, __ATOMIC_RELEASE);
}

static void
open_result(const char *text)
{
	struct result *r;
	struct path *p;
	struct sv file;
	int code = 1;

	assert_int_equal(path_parse(sv_cstr(text), engine_known_file, &p, &file, NULL), 0);
	assert_int_equal(engine_result(en, p, file, (struct requester){ 7, 9 }, &r, NULL), 0);
	path_unref(p);
	assert_int_equal(result_open(r, on_open, &code, NULL, NULL), 0);
	while (__atomic_load_n(&code, __ATOMIC_ACQUIRE) == 1)
		usleep(200);
	assert_int_equal(code, 0);
	result_unref(r);
	shadow_drain(&en->shadow);
}

/* The service that has most spans in the newest shard. */
static void
a_service(char *out, size_t n)
{
	const struct service_stats *best = NULL;
	const struct shard_stats *s;
	const struct stats *st;
	struct buf b = BUF_INIT;
	struct world *w;

	assert_int_equal(engine_world(en, &w, NULL), 0);
	assert_int_equal(world_all(en, w, &st, NULL), 0);
	s = &st->shards[st->n_shards - 1];
	for (size_t i = 0; i < s->n_services; i++)
		if (best == NULL || s->services[i].n_rows > best->n_rows)
			best = &s->services[i];
	assert_non_null(best);
	name_encode(&b, best->service);
	snprintf(out, n, "/service/%.*s/", (int)b.n, b.p);
	buf_release(&b);
	world_unref(w);
}

static void
shadow_text(struct buf *b)
{
	b->n = 0;
	assert_int_equal(engine_control_file(en, SV("shadow"), (struct requester){ 0 }, b, NULL), 0);
	assert_non_null(buf_cstr(b));
}

static void
in_the_background(void **state)
{
	char dir[256], path[300];
	struct buf b = BUF_INIT;

	(void)state;
	a_service(dir, sizeof dir);
	wrong = false;
	snprintf(path, sizeof path, "%sspans.jsonl", dir);
	open_result(path);
	assert_int_equal(atomic_load(&en->shadow.same), 1);
	wrong = true;
	open_result("/limit/3/spans.csv");
	assert_int_equal(atomic_load(&en->shadow.same), 2);
	snprintf(path, sizeof path, "%scount", dir);
	open_result(path);
	assert_int_equal(atomic_load(&en->shadow.different), 1);
	shadow_text(&b);
	assert_non_null(strstr(b.p, "\ndifferent   1\n"));
	assert_non_null(strstr(b.p, " uid 7 pid 9: 1 rows, not all the same; the first in row 1\n"));
	assert_non_null(strstr(b.p, path));
	assert_non_null(strstr(b.p, "\n  chosen: "));
	assert_non_null(strstr(b.p, "\n  plain:  "));
	assert_non_null(strstr(b.p, "planted"));
	assert_non_null(strstr(b.p, "every row is looked at"));
	/* Too long a text to keep: its row is fetched again. */
	snprintf(path, sizeof path, "%sspans.jsonl", dir);
	assert_int_equal(engine_control(en, SV("flush"), (struct requester){ 0, 0 }, NULL), 0);
	open_result(path);
	assert_int_equal(atomic_load(&en->shadow.different), 2);
	shadow_text(&b);
	assert_non_null(strstr(b.p, "\n  plain:  {\"trace_id\":\""));
	assert_null(strstr(b.p, "not kept"));
	/* Newest first. */
	assert_true(strstr(b.p, "spans.jsonl") < strstr(b.p, "count\n"));
	buf_release(&b);
}

static void
in_the_foreground(void **state)
{
	struct verification v = { .words = BUF_INIT };
	struct buf out = BUF_INIT, same = BUF_INIT;
	struct requester me = { 1, 1 };
	char dir[256], path[300];

	(void)state;
	a_service(dir, sizeof dir);
	snprintf(path, sizeof path, "%sspans.jsonl", dir);
	wrong = false;
	assert_int_equal(engine_verify(en, sv_cstr(path), me, append, &same, NULL, &v, NULL), 0);
	assert_int_equal(v.verdict, VERDICT_SAME);
	assert_string_equal(buf_cstr(&v.words), "verified: the plain plan gives the same bytes\n");
	wrong = true;
	v.words.n = 0;
	assert_int_equal(engine_verify(en, sv_cstr(path), me, append, &out, NULL, &v, NULL), 0);
	assert_int_equal(v.verdict, VERDICT_DIFFERENT);
	assert_non_null(buf_cstr(&v.words));
	assert_memory_equal(v.words.p, "DIFFERENT: ", 11);
	assert_non_null(strstr(v.words.p, "planted"));
	/* What is written is the answer as it is, wrong or not. */
	assert_true(out.n < same.n);
	buf_release(&v.words);
	buf_release(&out);
	buf_release(&same);
}

static int
setup(void **state)
{
	const char *sets[] = { "shadow.sample_rate=1", "result_cache.ttl=1h" };
	struct err err = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 5, 3000, 3, 1, 256);
	if (conf_load(NULL, sets, 2, &conf, &err) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &err) < 0) {
		print_message("%s\n", err.msg);
		return -1;
	}
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
		cmocka_unit_test(in_the_background),
		cmocka_unit_test(in_the_foreground),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
