/* SPDX-License-Identifier: ISC */
/*
 * Tests of estimates, from paths to rows: each operator, and conditions that go together, are
 * near the rows that there are; without a summary nothing breaks; more data never lowers an
 * estimate; .spanfs/stats and `analyze`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/engine_i.h"
#include "lib/span_rows.h"
#include "lib/store_rig.h"

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;

/*
 * Service db reads and writes, web lists and shows: color, size and duration follow from the
 * name; users and orders are many; one in eight spans has an event.
 */
static void
fill(struct span *s, struct arena *a, size_t i)
{
	static const char *const names[] = { "read table", "write table", "list items",
		"show item" };
	static const char *const colors[] = { "red", "green", "blue", "blue" };
	struct attr *v = arena_array(a, 4, struct attr), *x = arena_array(a, 1, struct attr);
	struct event *ev = arena_array(a, 1, struct event);
	size_t k = i * 7 % 4;

	assert_true(v != NULL && x != NULL && ev != NULL);
	s->trace_id = (struct trace_id){ 1 + i / 8, 7 };
	s->parent_span_id = i % 8 == 0 ? 0 : i / 8 * 8 + 1;
	s->start_ns = STORE_RIG_START + i * 100000000;
	s->end_ns = s->start_ns + (1000 + i % 97 * 10) * (k < 2 ? 1 : 1000);
	s->status = i % 16 == 0 ? STATUS_ERROR : STATUS_UNSET;
	s->kind = k < 2 ? KIND_CLIENT : KIND_SERVER;
	s->name = sv_cstr(names[k]);
	v[0] = (struct attr){ SV("color"), { .type = VAL_STRING, .s = sv_cstr(colors[k]) } };
	v[1] = (struct attr){ SV("order"), { .type = VAL_STRING,
		.s = sv_cstr(arena_printf(a, "order-%zu", i)) } };
	v[2] = (struct attr){ SV("size"), { .type = VAL_INT,
		.i = (int64_t)(i * 31 % 1000 * (k + 1)) } };
	v[3] = (struct attr){ SV("user"), { .type = VAL_STRING,
		.s = sv_cstr(arena_printf(a, "user-%zu", i / 3 % 500)) } };
	s->attrs = (struct attrs){ v, k == 3 ? 4 : 3 };
	x[0] = (struct attr){ SV("cause"), { .type = VAL_STRING, .s = SV("time out") } };
	*ev = (struct event){ .time_ns = s->start_ns, .name = SV("retry"),
		.attrs = { x, 1 } };
	if (i % 8 == 1) {
		s->events = ev;
		s->n_events = 1;
	}
}

static void
add_spans(size_t from, size_t n)
{
	struct span_batch b;

	span_batch_init(&b);
	for (size_t i = from; i < from + n; i++) {
		struct span *s = span_batch_add(&b);
		const struct span *min = span_min(&b.arena, i + 1, i * 7 % 4 < 2 ? "db" : "web");

		assert_true(s != NULL && min != NULL);
		*s = *min;
		fill(s, &b.arena, i);
	}
	store_rig_add(&rig, &b, 512);
	span_batch_release(&b);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static double
estimate(const char *filter, bool count)
{
	struct buf path = BUF_INIT, out = BUF_INIT;
	struct sink sink = { .put = append, .arg = &out };
	struct request *r = NULL;
	struct path *p = NULL;
	struct run_info info;
	struct err e = ERR_INIT;
	struct sv file;
	double got;

	buf_printf(&path, "%s/%s", filter, count ? "count" : "spans.jsonl");
	if (path_parse(sv_cstr(buf_cstr(&path)), engine_known_file, &p, &file, &e) != 0 ||
	    request_new(en, p, file, &r, &e) != 0 || request_plan(r, &e) != 0)
		fail_msg("%s: %s", filter, e.msg);
	got = r->plan->est_rows;
	if (count) {
		if (run_request(r, &sink, 0, NULL, &info, &e) != 0)
			fail_msg("%s: %s", filter, e.msg);
		got = strtod(buf_cstr(&out), NULL);
	}
	request_free(r);
	path_unref(p);
	buf_release(&path);
	buf_release(&out);
	return got;
}

static const struct {
	const char *path;
	double most;		/* q-error */
} cases[] = {
	{ "", 1.01 }, { "/service/db", 1.01 }, { "/name/show item", 1.01 }, { "/status/error", 1.01 },
	{ "/kind/client", 1.01 }, { "/where/color/eq/blue", 1.01 }, { "/where/color/ne/blue", 1.01 },
	{ "/where/color/in/red,green", 1.01 }, { "/where/color/notin/red,green", 1.01 },
	{ "/where/color/contains/re", 1.01 }, { "/where/color/notcontains/re", 1.01 },
	{ "/where/color/starts/b", 1.01 }, { "/where/color/ends/n", 1.01 },
	{ "/where/color/re/%2E*r.*", 1.01 }, { "/where/color/nre/gr.*", 1.01 },
	{ "/where/order/eq/order-77", 1.5 }, { "/where/user/eq/user-33", 4 },
	{ "/has/user", 1.01 }, { "/not/has/user", 1.01 }, { "/where/size/gt/1000", 1.3 },
	{ "/where/size/between/100,900", 1.3 }, { "/where/size/lt/50", 1.5 },
	{ "/duration/gt/1ms", 1.1 }, { "/where/duration/between/1500ns,1800ns", 1.4 },
	{ "/text/table", 1.1 }, { "/text/out", 1.2 }, { "/where/event:name/eq/retry", 1.01 },
	{ "/where/event.cause/contains/time", 1.01 }, { "/has/parent_span_id", 1.01 },
	{ "/where/trace_spans/ge/8", 1.01 }, { "/where/child_count/ge/3", 1.3 },
	{ "/where/trace_duration/gt/500ms", 1.5 }, { "/where/root_service/eq/db", 1.3 },
	/* Together: what cells know. */
	{ "/service/db/where/color/eq/red", 1.01 }, { "/service/web/where/color/eq/red", 1.01 },
	{ "/service/db/name/list items", 1.01 }, { "/service/web/name/list items", 1.01 },
	{ "/service/db/duration/gt/1ms", 1.01 }, { "/service/web/not/has/user", 1.01 },
	{ "/name/show item/has/user", 1.01 }, { "/name/read table/where/size/gt/900", 1.3 },
	{ "/where/color/eq/red/duration/gt/1ms", 1.01 }, { "/kind/server/where/color/eq/red", 1.01 },
	{ "/any/where/color/eq/red/name/read table/end", 1.4 },
	{ "/service/web/where/event:name/eq/retry", 1.3 },
};

static double
q_error(double est, double act)
{
	est = est < 1 ? 1 : est;
	act = act < 1 ? 1 : act;
	return est > act ? est / act : act / est;
}

static void
analyze(void)
{
	struct analysis a;
	struct err e = ERR_INIT;

	if (engine_analyze(en, &a, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
estimates_are_near_the_rows(void **state)
{
	size_t n_off = 0;

	(void)state;
	analyze();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double est = estimate(cases[i].path, false), act = estimate(cases[i].path, true);

		if (q_error(est, act) <= cases[i].most)
			continue;
		print_message("%s: %.1f rows, estimated %.1f\n", cases[i].path, act, est);
		n_off++;
	}
	assert_int_equal(n_off, 0);
}

static void
more_data_never_lowers_an_estimate(void **state)
{
	double before[sizeof cases / sizeof *cases];

	(void)state;
	analyze();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		before[i] = estimate(cases[i].path, false);
	add_spans(4000, 4000);
	/* With a summary that does not know of them, and with one that does. */
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			double after = estimate(cases[i].path, false);

			/* Of sketches and samples a few percent are noise. */
			if (after < before[i] * 0.93 - 1)
				fail_msg("%s: %.1f, then %.1f", cases[i].path, before[i], after);
		}
		analyze();
	}
}

static void
put_file(const char *name, struct buf *out)
{
	struct err e = ERR_INIT;

	out->n = 0;
	if (engine_control_file(en, sv_cstr(name), (struct requester){ 0 }, out, &e) != 0)
		fail_msg("%s: %s", name, e.msg);
}

static void
statistics_can_be_read(void **state)
{
	struct buf b = BUF_INIT;
	struct requester who = { 0, 1 };
	struct err e = ERR_INIT;

	(void)state;
	put_file("stats/services", &b);
	assert_true(sv_find(buf_view(&b), SV("# not made yet")) > 0);
	assert_int_equal(engine_control(en, SV("analyze\n"), who, &e), 0);
	put_file("stats/services", &b);
	assert_string_equal(buf_cstr(&b), "service\trows\terrors\tnames\n"
	    "db\t2000\t250\t2\nweb\t2000\t0\t2\n");
	put_file("stats/fields", &b);
	assert_true(sv_find(buf_view(&b), SV("\nspan.color\tstring\t4000\t3\t4\t3\t4000\n")) > 0);
	put_file("stats/values", &b);
	assert_true(sv_find(buf_view(&b), SV("\nspan.color\tstring\t2000\tblue\n")) > 0);
	put_file("stats/cells", &b);
	assert_true(sv_find(buf_view(&b), SV("\ndb\tread table\t1000\t")) > 0);
	assert_int_equal(engine_control_file(en, SV("stats/none"), (struct requester){ 0 }, &b, &e), ERR_UNKNOWN);
	for (size_t i = 0; engine_stats_name(i) != NULL; i++)
		assert_int_equal(engine_control(en, SV("analyze all"), who, &e), ERR_SYNTAX);
	buf_release(&b);
}

/* Queries go on with what there is while the first summary is made in the background. */
static void
a_program_that_stays_gets_a_summary(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 8; i++)
		(void)estimate("/service/db/where/color/eq/red", true);
	put_file("stats/services", &b);
	assert_true(sv_find(buf_view(&b), SV("# not made yet")) > 0);
	engine_warm(en);
	for (int i = 0; i < 2000 && sv_find(buf_view(&b), SV("\ndb\t")) < 0; i++) {
		struct timespec t = { 0, 5000000 };

		(void)estimate("/service/db/where/color/eq/red", true);
		nanosleep(&t, NULL);
		put_file("stats/services", &b);
	}
	assert_true(sv_find(buf_view(&b), SV("\ndb\t")) > 0);
	buf_release(&b);
}

static int
setup(void **state)
{
	const char *sets[] = { "query.threads=2", "decision_cache.enabled=no" };
	struct err e = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 1, 0, 1, 0, 512);
	add_spans(0, 2000);
	add_spans(2000, 2000);
	if (conf_load(NULL, sets, 2, &conf, &e) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &e) < 0) {
		print_message("%s\n", e.msg);
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
		cmocka_unit_test_setup_teardown(estimates_are_near_the_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(more_data_never_lowers_an_estimate, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(statistics_can_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_program_that_stays_gets_a_summary, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
