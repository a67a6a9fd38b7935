/* SPDX-License-Identifier: ISC */
/* Unit tests of parts and settings: what was kept under other prices is no answer under these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/ask.h"
#include "lib/span_rows.h"
#include "lib/store_rig.h"

#define N_SPANS 300

static struct store_rig rig;

/* Of 1 million tokens each, by two models. */
static void
add_spans(void)
{
	struct span_batch b;

	span_batch_init(&b);
	for (uint64_t i = 0; i < N_SPANS; i++) {
		struct span *s = span_batch_add(&b);
		struct attr *a = arena_array(&b.arena, 2, struct attr);

		assert_non_null(s);
		assert_non_null(a);
		*s = *span_min(&b.arena, i + 1, "a");
		s->trace_id = (struct trace_id){ 1, i + 1 };
		a[0] = (struct attr){ SV("gen_ai.request.model"), { .type = VAL_STRING,
			.s = i % 3 == 0 ? SV("large") : SV("small") } };
		a[1] = (struct attr){ SV("gen_ai.usage.input_tokens"), { .type = VAL_INT, .i = 1000000 } };
		s->attrs = (struct attrs){ .v = a, .n = 2 };
	}
	store_rig_add(&rig, &b, 64);
	span_batch_release(&b);
}

static struct conf *
conf_of(const char *large, const char *small)
{
	const char *sets[] = { "mount.now=2026-11-22T04:00:00Z", large, small };
	struct conf *c;
	struct err e = ERR_INIT;

	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, &c, &e) < 0)
		fail_msg("%s", e.msg);
	return c;
}

static void
ask_all(struct engine *en, struct buf *out)
{
	static const char *const asked[] = { "where/cost/gt/5/count",
		"compare/where/cost/gt/5/end/compare.jsonl",
		"where/cost/gt/5/group/service/agg/sum:cost/groups.jsonl",
		"where/cost/gt/5/select/cost/spans.csv" };
	struct buf one = BUF_INIT;

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		one.n = 0;
		assert_int_equal(ask_kept(en, asked[i], &one), 0);
		buf_sv(out, buf_view(&one));
	}
	buf_release(&one);
}

static void
other_prices_make_other_parts(void **state)
{
	struct conf *dear = conf_of("price large.input=9", "price small.input=1");
	struct conf *cheap = conf_of("price large.input=1", "price small.input=7");
	struct buf before = BUF_INIT, after = BUF_INIT, want = BUF_INIT;
	struct engine *en, *fresh;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(engine_open(dear, rig.dir, false, &en, &e), 0);
	assert_int_equal(engine_open(cheap, rig.dir, false, &fresh, &e), 0);
	en->parts_least_cost = 0;
	ask_all(en, &before);
	assert_true(partcache_stats(en->parts).n > 2);
	engine_reload(en, cheap);
	ask_all(en, &after);
	ask_all(fresh, &want);
	assert_string_not_equal(buf_cstr(&before), buf_cstr(&want));
	assert_string_equal(buf_cstr(&after), buf_cstr(&want));
	engine_close(en);
	engine_close(fresh);
	conf_free(dear);
	conf_free(cheap);
	buf_release(&before);
	buf_release(&after);
	buf_release(&want);
}

/* What was bound before a reload, and runs after it, is of the prices that it was bound with. */
static void
parts_are_of_the_prices_of_their_filter(void **state)
{
	static const char asked[] = "where/cost/gt/5/count";
	struct conf *dear = conf_of("price large.input=9", "price small.input=1");
	struct conf *cheap = conf_of("price large.input=1", "price small.input=7");
	struct buf got = BUF_INIT;
	struct result *r;
	struct engine *en;
	struct path *p;
	struct sv file;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(engine_open(dear, rig.dir, false, &en, &e), 0);
	en->parts_least_cost = 0;
	assert_int_equal(path_parse(sv_cstr(asked), engine_known_file, &p, &file, &e), 0);
	assert_int_equal(engine_result(en, p, file, (struct requester){ 0, 1 }, &r, &e), 0);
	path_unref(p);
	engine_reload(en, cheap);
	assert_int_equal(ask_read(r, &got), 0);
	assert_string_equal(buf_cstr(&got), "100\n");
	result_unref(r);
	assert_int_equal(ask_kept(en, asked, &got), 0);
	assert_string_equal(buf_cstr(&got), "200\n");
	engine_close(en);
	conf_free(dear);
	conf_free(cheap);
	buf_release(&got);
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 1, 0, 1, 0, 64);
	add_spans();
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
		cmocka_unit_test(other_prices_make_other_parts),
		cmocka_unit_test(parts_are_of_the_prices_of_their_filter),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
