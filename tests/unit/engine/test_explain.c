/* SPDX-License-Identifier: ISC */
/* explain: what is said of a path that is refused or asks for what is not there; two plans; profile.json. */
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
static struct conf *conf;
static struct engine *en;
static struct buf out;

static const char *
explain(const char *path, int want)
{
	struct err err = ERR_INIT;

	out.n = 0;
	assert_int_equal(engine_explain(en, sv_cstr(path), &out, &err), want);
	return buf_cstr(&out);
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("lacks \"%s\":\n%s", part, text);
}

static void
a_mistyped_word_is_set_right(void **state)
{
	(void)state;
	has(explain("/sevrice/x", ERR_UNKNOWN), "did you mean 'service'?\n  /sevrice/x\n   ^\n");
	/* The store has service-0 to service-4 and others. */
	has(explain("/service/sevrice-2/count", ERR_UNKNOWN),
	    "error: no service 'sevrice-2' in the store; did you mean 'service-2'?\n");
	has(explain("/service/nothing-like-it/count", ERR_UNKNOWN),
	    "error: no service 'nothing-like-it' in the store\n");
	/* The place is the segment's, and the first of several is told. */
	has(explain("/limit/5/service/nobody/service/service-9/count", ERR_UNKNOWN),
	    "'nobody' in the store\n  /limit/5/service/nobody/service/service-9/count\n"
	    "                   ^\n");
	has(explain("/sort/no%0Athing/count", ERR_UNKNOWN), "no field 'no\\x0athing'");
	has(explain("/has/span.kind/count", ERR_UNKNOWN), "did you mean 'kind'?\n");
	has(explain("/sort/-duration/count", ERR_UNKNOWN), "did you mean 'duration:desc'?\n");
	has(explain("/sort/duration:Asc/count", ERR_UNKNOWN), "did you mean 'duration'?\n");
	has(explain("/name/GET /cart/count", ERR_UNKNOWN), "a slash is written %2F\n");
}

static void
fields_that_are_not_there_are_noted(void **state)
{
	(void)state;
	has(explain("/not/any/where/servce/eq/x/has/name/end/spans.jsonl", 0),
	    "\nnote     the store has no field 'servce'; did you mean 'service'?\n");
	has(explain("/not/has/no%0Athing/spans.csv", 0),
	    "\nnote     the store has no field 'no\\x0athing'\n");
	has(explain("/not/has/event.no-such/select/no-such,name/spans.csv", 0),
	    "\nnote     the store has no field 'event.no-such'\n"
	    "note     the store has no field 'no-such'\n");
	assert_null(strstr(explain("/has/resource.service.name/sort/duration/count", 0),
	    "note "));
}

static void
two_paths_are_compared(void **state)
{
	const char *t;

	(void)state;
	out.n = 0;
	assert_int_equal(engine_explain_compare(en, SV("/limit/3/spans.csv"), en,
	    SV("/limit/4/spans.csv"), &out, NULL), 0);
	t = buf_cstr(&out);
	has(t, "- query    /limit/3\n");
	has(t, "+ query    /limit/4\n");
	has(t, "\n  range    all of the store\n");
	has(t, "  older than the rows asked for (rule limit)\n");
	has(t, "- estimate 3.00 rows");
	has(t, "+ estimate 4.00 rows");
	out.n = 0;
	assert_int_equal(engine_explain_compare(en, SV("/limit/3/spans.csv"), en,
	    SV("/limit/3/spans.csv"), &out, NULL), 0);
	has(buf_cstr(&out), "the plans are the same\n");
	out.n = 0;
	assert_int_equal(engine_explain_compare(en, SV("/limit/3/spans.csv"), en,
	    SV("/nothing"), &out, NULL), ERR_UNKNOWN);
	has(buf_cstr(&out), "error: unknown keyword 'nothing'");
}

static void
two_settings_are_compared(void **state)
{
	const char *sets[] = { "cost_model.seq_page_cost=50" };
	struct engine *other;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(NULL, sets, 1, &c, NULL), 0);
	assert_int_equal(engine_open(c, rig.dir, false, &other, NULL), 0);
	out.n = 0;
	assert_int_equal(engine_explain_compare(en, SV("/spans.csv"), other, SV("/spans.csv"),
	    &out, NULL), 0);
	has(buf_cstr(&out), "\n- estimate ");
	has(buf_cstr(&out), "\n+ estimate ");
	engine_close(other);
	conf_free(c);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static void
a_profile_has_estimates_and_actuals_by_node(void **state)
{
	const char *t;

	(void)state;
	out.n = 0;
	assert_int_equal(engine_query(en, SV("/sort/duration/limit/7/profile.json"),
	    (struct requester){ 1, 1 }, append, &out, NULL, NULL), 0);
	t = buf_cstr(&out);
	has(t, ",\"decision\":\"computed\",\"nodes\":[{\"node\":\"scan\",\"estimated_rows\":");
	has(t, "},{\"node\":\"order\",\"estimated_rows\":7,\"rows\":7,\"estimated_cost\":");
	has(t, "},{\"node\":\"fetch\",\"estimated_rows\":7,\"rows\":7,\"estimated_cost\":");
	has(t, "},{\"node\":\"format\",\"estimated_rows\":7,\"rows\":7,\"time_ns\":");
	has(t, "\"complete\":true}\n");
	/* One object, and none of the rows that it formatted. */
	assert_ptr_equal(strchr(t, '\n'), t + out.n - 1);
	assert_null(strstr(t, "\"bytes\":0"));
}

static int
setup(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 5, 2000, 3, 2, 256);
	if (conf_load(NULL, NULL, 0, &conf, &err) < 0 ||
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
	buf_release(&out);
	engine_close(en);
	conf_free(conf);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistyped_word_is_set_right),
		cmocka_unit_test(fields_that_are_not_there_are_noted),
		cmocka_unit_test(two_paths_are_compared),
		cmocka_unit_test(two_settings_are_compared),
		cmocka_unit_test(a_profile_has_estimates_and_actuals_by_node),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
