/* SPDX-License-Identifier: ISC */
/*
 * test_ch_plan: what a plan says of a server's spans: what is read there and sent, estimated rows
 * and cost; asked once, and never by a query that is run; given also when the server has gone. And
 * what its partitions are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/ask.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"

#define CREATE "CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree " \
	"PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"
/* 20,000 spans of two days; of 20 services, one has 5 % of them. */
#define ROWS "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, " \
	"ResourceAttributes, SpanAttributes, Duration, StatusCode) SELECT " \
	"toDateTime64('2026-11-20 00:00:00', 9) + 8 * number, lower(hex(sipHash128(number))), " \
	"lower(leftPad(hex(number + 1), 16, '0')), concat('op ', toString(number % 7)), 'Server', " \
	"concat('s', toString(number % 20)), map('service.name', concat('s', toString(number % 20))), " \
	"map('n', toString(number)), number, multiIf(number % 10 = 0, 'Error', 'Unset') FROM numbers(20000)"

static struct ch_server server;
static struct conf *conf;
static struct engine *en;

static void
open_at(const char *now, const char *user, const char *refresh)
{
	char url[96], as[64], age[64];
	const char *const sets[] = { url, as, age, now, "result_cache.ttl=1h",
		"clickhouse.timeout=5s" };
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	snprintf(as, sizeof as, "clickhouse.user=%s", user);
	snprintf(age, sizeof age, "statistics.refresh=%s", refresh);
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, &conf, &e) < 0 ||
	    engine_open(conf, ENGINE_CLICKHOUSE, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
}

static void
open_as(const char *user, const char *refresh)
{
	open_at("mount.now=latest", user, refresh);
}

static void
close_it(void)
{
	engine_close(en);
	conf_free(conf);
}

static uint64_t
questions(void)
{
	struct ch_counts c;

	ch_client_counts(ch_server_client(en->server), &c);
	return c.asked;
}

static const char *
plan(const char *path)
{
	static struct buf out;

	out.n = 0;
	assert_int_equal(ask_anew(en, path, &out), 0);
	return buf_cstr(&out);
}

/* The number behind a text. */
static double
behind(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	if (at == NULL)
		fail_msg("no '%s' in: %s", what, text);
	return strtod(at + strlen(what), NULL);
}

static void
rows_and_costs_are_estimated(void **state)
{
	const char *p;
	double rows, cost;

	(void)state;
	open_as("", "300s");
	p = plan("/service/s3/plan");
	assert_true(behind(p, "reads    there about ") >= 1000);
	assert_true(behind(p, "its table has ") == 20000);
	rows = behind(p, "\nestimate ");
	assert_true(rows > 900 && rows < 1100);
	cost = behind(p, " rows, cost ");
	p = plan("/plan");
	assert_true(behind(p, "\nestimate ") == 20000);
	assert_true(behind(p, " rows, cost ") > 2 * cost);
	p = plan("/on/2026-11-20/plan");
	rows = behind(p, "\nestimate ");
	assert_true(rows > 10000 && rows <= 11500);
	assert_true(behind(p, "reads    there about ") < 12000);	/* by partitions */
	p = plan("/service/s3/status/error/plan.json");
	rows = behind(p, "\"estimated_rows\":");
	assert_true(rows > 50 && rows < 200);
	assert_true(behind(p, "\"server_reads\":{\"spans\":") >= 1000);
	assert_true(behind(p, "\"server_spans\":") == 20000);
	assert_true(behind(p, "\"server_bytes\":") > 100000);
	assert_non_null(strstr(p, "\"handed\":{\"filter\":true,\"page\":false,\"groups\":false}"));
	close_it();
}

static void
it_says_where_groups_are_made_and_why(void **state)
{
	const char *p;

	(void)state;
	open_as("", "300s");
	p = plan("/sort/name/limit/5/plan");
	assert_non_null(strstr(p, "\nserver   ClickHouse: the first rows and one more, by key and time"));
	p = plan("/group/service/agg/count,p95:duration/plan");
	assert_non_null(strstr(p, "\nhanded   counts and groups\nmade     there: there cost "));
	assert_true(behind(p, "made     there: there cost ") < behind(p, ", here of rows cost "));
	assert_true(behind(p, ", group ") == 20);
	p = plan("/group/service/agg/count/plan.json");
	assert_non_null(strstr(p, "\"handed\":{\"filter\":false,\"page\":false,\"groups\":true}"));
	assert_true(behind(p, "\"groups_cost\":{\"there\":") > 0);
	/* An open range: the step of its buckets is known when it is run. */
	p = plan("/bucket/auto/agg/count/plan");
	assert_non_null(strstr(p, "the step of its buckets is known when it runs"));
	close_it();
}

/* What a program waits for that asks once, far from the server: its table, and then the answer. */
static void
one_answer_takes_two_round_trips(void **state)
{
	static const char *const paths[] = { "/count", "/service/s3/count", "/since/2026-11-20/until/2026-11-21/count",
		"/group/service/agg/count/groups.jsonl" };
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		open_at("mount.now=2026-11-22", "", "300s");
		assert_int_equal(questions(), 1);
		assert_int_equal(ask_anew(en, paths[i], &out), 0);
		assert_true(out.n > 1);
		assert_int_equal(questions(), 2);
		close_it();
	}
	buf_release(&out);
}

static void
what_was_asked_is_kept(void **state)
{
	uint64_t before;

	(void)state;
	open_as("", "300s");
	plan("/service/s3/plan");
	before = questions();
	plan("/service/s3/plan");
	plan("/service/s3/plan.json");
	assert_int_equal(questions(), before);
	/* Of another filter only what it would read. */
	plan("/service/s4/plan");
	assert_int_equal(questions(), before + 1);
	close_it();
	open_as("", "0s");
	plan("/service/s3/plan");
	before = questions();
	plan("/service/s3/plan");
	assert_true(questions() > before);
	close_it();
}

static void
a_query_that_is_run_asks_no_more(void **state)
{
	struct buf out = BUF_INIT;
	uint64_t before;

	(void)state;
	open_as("", "300s");
	assert_int_equal(ask_anew(en, "/service/s3/count", &out), 0);
	before = questions();
	assert_int_equal(ask_anew(en, "/service/s4/count", &out), 0);
	assert_int_equal(questions(), before + 1);
	assert_true(sv_eq(buf_view(&out), SV("1000\n")));
	buf_release(&out);
	close_it();
}

static void
without_rights_it_says_less(void **state)
{
	const char *p;

	(void)state;
	open_as("noparts", "300s");
	p = plan("/service/s3/plan");
	assert_true(behind(p, "its table has ") == 20000);
	assert_null(strstr(p, "bytes on disk"));
	close_it();
	open_as("noexplain", "300s");
	p = plan("/service/s3/plan");
	assert_non_null(strstr(p, "reads    there: it doesn't say how much"));
	assert_true(behind(p, "\nestimate ") > 900);
	close_it();
}

static void
a_server_that_has_gone_delays_no_plan(void **state)
{
	uint64_t t0;
	const char *p;

	(void)state;
	open_as("", "0s");
	plan("/service/s3/plan");
	ch_server_tell(&server, "/test/gone/1");
	t0 = clock_mono_ns();
	p = plan("/service/s5/plan");
	ch_server_tell(&server, "/test/gone/0");
	assert_non_null(strstr(p, "\nsql      SELECT "));
	/* As it was known last. */
	assert_true(behind(p, "its table has ") == 20000);
	assert_true(clock_mono_ns() - t0 < 10000000000u);
	close_it();
}

/* ---- shards/ ---- */

static void
listed(const char *path, const char *want)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	struct entry *v;
	struct arena a;
	struct path *p;
	struct sv file;
	size_t n;

	arena_init(&a);
	if (path_parse(sv_cstr(path), engine_known_file, &p, &file, &e) < 0 ||
	    engine_list(en, p, &a, &v, &n, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == ENTRY_DIR) {
			buf_sv(&got, v[i].name);
			buf_putc(&got, ' ');
		}
	assert_string_equal(buf_cstr(&got), want);
	path_unref(p);
	arena_release(&a);
	buf_release(&got);
}

#define HOURS "00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 "

static void
partitions_are_those_of_the_server(void **state)
{
	const char *p;
	uint64_t before;

	(void)state;
	open_as("", "300s");
	listed("/shards", "2026-11-20 2026-11-21 ");
	before = questions();
	/* 20,000 times 8 s: 44.4 h. */
	listed("/shards/2026-11-21", HOURS);
	listed("/shards/2026-11-22", "");
	p = plan("/shards/2026-11-20/14/info.json");
	assert_non_null(strstr(p, "{\"partition\":\"2026-11-20T14\",\"partitions\":[\"2026-11-20\"],\"files\":1,"));
	assert_true(behind(p, "\"spans\":") == 10800 && behind(p, "\"bytes\":") > 10000);
	assert_non_null(strstr(p, "\"min_start\":\"2026-11-20T00:00:00.000000000Z\""));
	assert_string_equal(plan("/shards/2027-01-01/00/info.json"),
	    "{\"partition\":\"2027-01-01T00\",\"partitions\":[],\"files\":0,\"bytes\":0,\"spans\":0}\n");
	assert_int_equal(questions(), before);
	assert_string_equal(plan("/shards/2026-11-20/14/count"), "450\n");
	close_it();
}

/* By the rows themselves: no bytes, nor files. */
static void
without_a_right_to_parts_days_are_shown(void **state)
{
	const char *p;

	(void)state;
	open_as("noparts", "300s");
	listed("/shards", "2026-11-20 2026-11-21 ");
	listed("/shards/2026-11-21", HOURS);
	p = plan("/shards/2026-11-20/14/info.json");
	assert_non_null(strstr(p, "\"spans\":10800,"));
	assert_null(strstr(p, "bytes"));
	assert_null(strstr(p, "files"));
	close_it();
}

static int
start(void **state)
{
	static const char *const options[] = { "--user", "noparts::deny=system.parts", "--user",
		"noexplain::deny=EXPLAIN", NULL };

	(void)state;
	ch_server_start(&server, "http", options);
	ch_server_do(&server, SV(CREATE));
	ch_server_do(&server, SV(ROWS));
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_server_stop(&server);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_costs_are_estimated),
		cmocka_unit_test(it_says_where_groups_are_made_and_why),
		cmocka_unit_test(one_answer_takes_two_round_trips),
		cmocka_unit_test(what_was_asked_is_kept),
		cmocka_unit_test(a_query_that_is_run_asks_no_more),
		cmocka_unit_test(without_rights_it_says_less),
		cmocka_unit_test(a_server_that_has_gone_delays_no_plan),
		cmocka_unit_test(partitions_are_those_of_the_server),
		cmocka_unit_test(without_a_right_to_parts_days_are_shown),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
