/* SPDX-License-Identifier: ISC */
/*
 * test_ch_parents: groups by fields of parents that the server makes are those of the spans: answers
 * worked out by hand, what is in doubt is told and comes of the rows, and many more paths each asked
 * both ways; a server without memory for a join is asked for the rows; a wrong join is caught. Whether
 * the server made them ch_groups says, before which, and before parents_join, the linker puts ours (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chsql/ch_sql_i.h"
#include "clickhouse/ch_groups.h"
#include "lib/ask.h"
#include "lib/ch_proxy.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"
#include "lib/rounds.h"

#define N_MANY 2400
#define N_USUALLY 150

static struct ch_server server;
static struct conf *conf;
static struct engine *en;
static unsigned made, doubted;
static bool wrong, timed;

int __real_ch_groups(struct ch_client *, const struct ch_select *, const struct ch_scan_opts *, struct agg_table *,
    enum agg_side, struct ch_outcome *, struct err *);
int __wrap_ch_groups(struct ch_client *, const struct ch_select *, const struct ch_scan_opts *, struct agg_table *,
    enum agg_side, struct ch_outcome *, struct err *);

int
__wrap_ch_groups(struct ch_client *c, const struct ch_select *q, const struct ch_scan_opts *o, struct agg_table *t,
    enum agg_side side, struct ch_outcome *outcome, struct err *e)
{
	int rc = __real_ch_groups(c, q, o, t, side, outcome, e);

	made += rc == 0;
	doubted += rc > 0;
	return rc;
}

int __real_ch_parents_times(struct ch_client *, struct ch_select *, const struct ch_scan_opts *, struct ch_outcome *,
    struct err *);
int __wrap_ch_parents_times(struct ch_client *, struct ch_select *, const struct ch_scan_opts *, struct ch_outcome *,
    struct err *);

int
__wrap_ch_parents_times(struct ch_client *c, struct ch_select *q, const struct ch_scan_opts *o, struct ch_outcome *outcome,
    struct err *e)
{
	int rc = __real_ch_parents_times(c, q, o, outcome, e);

	if (rc < 0 && rc != ERR_UNSUPPORTED)
		fail_msg("%s", e == NULL ? "times" : e->msg);
	timed = rc == 0 && q->has_parents_times;
	return rc;
}

void __real_parents_join(struct writer *, const struct ch_select *, const struct grouping *, const struct agg_given_want *);
void __wrap_parents_join(struct writer *, const struct ch_select *, const struct grouping *, const struct agg_given_want *);

/* Every span is its own parent. */
void
__wrap_parents_join(struct writer *w, const struct ch_select *q, const struct grouping *g, const struct agg_given_want *want)
{
	static const char right[] = "`ParentSpanId` = spanfs_rs", other[] = "      `SpanId` = spanfs_rs";

	__real_parents_join(w, q, g, want);
	if (!wrong)
		return;
	assert_true(sv_ends(buf_view(&w->b), SV(right)));
	memcpy(w->b.p + w->b.n - (sizeof right - 1), other, sizeof right - 1);
}

/* ---- spans ---- */

#define INTO "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, ServiceName, SpanName, Duration, " \
	"StatusCode, SpanAttributes, ResourceAttributes, ScopeName) "
#define T(h) "toDateTime64('2026-11-20 0" #h ":00:00', 9, 'UTC')"
/* A trace and a span by one digit each. */
#define I32(x) "'0000000000000000000000000000000" #x "'"
#define I16(x) "'000000000000000" #x "'"
#define ROW(h, t, s, p, service, name, ms, attrs, resource) "(" T(h) ", " I32(t) ", " I16(s) ", " p ", '" service "', '" name \
	"', " #ms "000000, 'Unset', map(" attrs "), map(" resource "), '')"
#define NONE "''"

static const char rows[] = INTO "VALUES "
	/* One above the other, the root hours before; another trace has the same ids. */
	ROW(1, 1, 1, NONE, "a", "root", 10, "'k', '1', 'r', 'own'", "'r', 'res'") ", "
	ROW(3, 1, 2, I16(1), "a", "mid", 20, "'k', '7'", "'r', 'res'") ", "
	ROW(3, 1, 3, I16(2), "b", "leaf", 30, "", "") ", "
	ROW(3, 1, 4, I16(2), "b", "leaf", 40, "", "") ", "
	ROW(1, 2, 1, "'0000000000000000'", "c", "root", 50, "'k', 'true'", "") ", "
	ROW(3, 2, 2, I16(1), "b", "leaf", 60, "", "") ", "
	/* Its parent is nowhere; it is its own; a circle. */
	ROW(3, 3, 2, I16(9), "b", "lost", 70, "", "") ", "
	ROW(3, 4, 5, I16(5), "s", "self", 80, "'k', '5'", "") ", "
	ROW(3, 5, 6, I16(7), "o", "circle", 90, "", "") ", "
	ROW(3, 5, 7, I16(6), "o", "other", 100, "", "");

/* Of each service that begins with d something is in doubt. */
static const char dubious[] = INTO "VALUES "
	/* The parent's id is borne twice; by the same row twice. */
	ROW(3, 6, 1, NONE, "p", "one", 1, "", "") ", " ROW(3, 6, 1, NONE, "p", "two", 2, "", "") ", "
	ROW(3, 6, 2, I16(1), "d-twice", "x", 3, "", "") ", "
	ROW(3, 6, 4, NONE, "p", "same", 1, "", "") ", " ROW(3, 6, 4, NONE, "p", "same", 1, "", "") ", "
	ROW(3, 6, 3, I16(4), "d-same", "x", 3, "", "") ", "
	/* A trace of zeros relates nothing, and is none; nor is a row without an id a span, nor a parent. */
	ROW(3, 0, 1, NONE, "p", "zero", 1, "", "") ", " ROW(3, 0, 2, I16(1), "d-zero", "x", 3, "", "") ", "
	"(" T(3) ", " I32(7) ", '', '', 'd-noid', 'x', 1, 'Unset', map(), map(), ''), "
	ROW(3, 7, 3, NONE, "root", "x", 3, "", "") ", "
	/* A number that may be a double, and a text that is none. */
	ROW(3, 8, 1, NONE, "p", "1e3", 1, "'k', '1e3', 'raw', unhex('ff')", "") ", "
	ROW(3, 8, 2, I16(1), "d-k", "x", 3, "'k', '2'", "");

/* Spans by the thousand in some hundred traces; of the parents some are there, and of no id two. */
static const char many[] = INTO "SELECT toDateTime64('2026-11-21 00:00:00', 9, 'UTC') + number * 30, "
	"leftPad(lower(hex(1000 + number % 101)), 32, '0'), leftPad(lower(hex(number + 1)), 16, '0'), "
	"multiIf(number % 7 = 0, '', number % 7 = 1, '0000000000000000', number % 7 = 2, leftPad(lower(hex(number + 1)), 16, '0'), "
	"number % 7 = 3, leftPad(lower(hex(number)), 16, '0'), number < 101, 'ffffffffffffffff', "
	"leftPad(lower(hex(number + 1 - 101 * (1 + number % 2))), 16, '0')), concat('m', toString(cityHash64(number) % 5)), "
	"concat('n', toString(cityHash64(1, number) % 4)), cityHash64(2, number) % 1000000, "
	"['Unset', 'Ok', 'Error', 'STATUS_CODE_ERROR'][1 + cityHash64(3, number) % 4], "
	"mapFilter((k, v) -> v != '-', map('k', ['1', '20', '-3', 'x', '-'][1 + cityHash64(4, number) % 5], "
	"'r', ['own', '-', '-'][1 + cityHash64(5, number) % 3])), "
	"mapFilter((k, v) -> v != '-', map('service.name', concat('m', toString(cityHash64(number) % 5)), "
	"'r', ['res', '-'][1 + cityHash64(6, number) % 2])), ['', 'lib'][1 + cityHash64(7, number) % 2] FROM numbers(2400)";

static void
open_on(unsigned port, struct conf **c, struct engine **out)
{
	char url[96];
	const char *const sets[] = { url, "query.timeout=2m", "clickhouse.timeout=2m", "result_cache.enabled=no", "query.threads=1",
		"mount.now=2026-11-22T00:00:00Z" };
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=http://127.0.0.1:%u", port);
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, c, &e) < 0 ||
	    engine_open(*c, ENGINE_CLICKHOUSE, false, out, &e) < 0)
		fail_msg("%s", e.msg);
}

static int
start(void **state)
{
	(void)state;
	ch_server_start(&server, "http", NULL);
	ch_server_do(&server, SV("CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree "
	    "ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"));
	ch_server_do(&server, sv_cstr(rows));
	ch_server_do(&server, sv_cstr(dubious));
	ch_server_do(&server, sv_cstr(many));
	ch_server_do(&server, SV("CREATE TABLE otel_traces_trace_id_ts (TraceId String, Start DateTime, End DateTime) ENGINE = "
	    "MergeTree ORDER BY (TraceId, Start)"));
	ch_server_do(&server, SV("INSERT INTO otel_traces_trace_id_ts SELECT TraceId, min(Timestamp), max(Timestamp) FROM otel_traces "
	    "WHERE TraceId != '' GROUP BY TraceId"));
	open_on(server.port, &conf, &en);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	engine_close(en);
	conf_free(conf);
	ch_server_stop(&server);
	return 0;
}

/* ---- asking ---- */

static void
ask(const char *path, struct buf *out)
{
	int rc;

	out->n = 0;
	if ((rc = ask_kept(en, path, out)) != 0)
		fail_msg("%s: %d", path, rc);
}

/* Both ways; how the server's ended is in made and doubted. */
static void
same_both_ways(const char *path, struct buf *out)
{
	struct buf plain = BUF_INIT;

	made = doubted = 0;
	ask(path, out);
	atomic_store(&en->rules_off, en->rules.all);
	ask(path, &plain);
	atomic_store(&en->rules_off, 0);
	if (!sv_eq(buf_view(out), buf_view(&plain)))
		fail_msg("%s:\n%s\n%s", path, buf_cstr(out), buf_cstr(&plain));
	buf_release(&plain);
}

/* ---- by hand ---- */

#define HOUR "since/2026-11-20T03:00/until/2026-11-20T04:00/service/a,b,c,o,s/"
#define ALL "service/a,b,c,o,s/until/2026-11-21/"

static const struct {
	const char *path, *want;
} hand[] = {
	/* The root lies before the hour, and is a parent all the same. */
	{ HOUR "group/parent:service,service/agg/count/groups.csv", "parent:service,service,count\n"
	    "a,a,1\na,b,2\nc,b,1\no,o,2\ns,s,1\n,b,1\n" },
	{ ALL "group/parent:k/agg/count,sum:duration/groups.jsonl",
	    "{\"parent:k\":1,\"count\":1,\"sum_duration_ns\":20000000}\n{\"parent:k\":5,\"count\":1,\"sum_duration_ns\":80000000}\n"
	    "{\"parent:k\":7,\"count\":2,\"sum_duration_ns\":70000000}\n{\"parent:k\":true,\"count\":1,\"sum_duration_ns\":60000000}\n"
	    "{\"parent:k\":null,\"count\":5,\"sum_duration_ns\":320000000}\n" },
	/* A span's own before its resource's, of parents too; without a value and without a parent is one group. */
	{ ALL "group/parent:r/agg/count,distinct:parent:name/groups.csv",
	    "parent:r,count,distinct_parent:name\nown,1,1\nres,2,1\n,7,4\n" },
	{ ALL "group/parent:scope,parent:status/agg/count,p50:duration/groups.csv",
	    "parent:scope,parent:status,count,p50_duration_ns\n,unset,7,60000000\n,,3,50000000\n" },
	{ ALL "agg/count,sum:parent:duration,min:parent:duration,max:parent:duration,p50:parent:duration,avg:parent:k,"
	    "distinct:parent:k,max:parent:start/groups.csv",
	    "count,sum_parent:duration_ns,min_parent:duration_ns,max_parent:duration_ns,p50_parent:duration_ns,avg_parent:k,"
	    "distinct_parent:k,max_parent:start\n10,370000000,10000000,100000000,50000000,5.0,4,2026-11-20T03:00:00.000000000Z\n" },
	{ ALL "group/parent:parent_span_id/agg/count/groups.csv", "parent:parent_span_id,count\n"
	    "0000000000000001,2\n0000000000000005,1\n0000000000000006,1\n0000000000000007,1\n,5\n" },
	{ "service/b/until/2026-11-21/distinct/parent:service/groups.csv", "parent:service\na\nc\n" },
	{ ALL "group/parent:service/agg/count/having/count/ge/2/sort/count:desc/limit/2/groups.csv",
	    "parent:service,count\na,3\n,3\n" },
	{ ALL "status/error/group/parent:service/agg/count/groups.csv", "parent:service,count\n" },
};

static void
answers_are_those_by_hand(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof hand / sizeof *hand; i++) {
		same_both_ways(hand[i].path, &out);
		if (!sv_eq(buf_view(&out), sv_cstr(hand[i].want)))
			fail_msg("%s:\n%s", hand[i].path, buf_cstr(&out));
		if (made != 1)
			fail_msg("%s: the server did not make it", hand[i].path);
	}
	buf_release(&out);
}

/* ---- in doubt ---- */

static void
what_is_in_doubt_comes_of_the_rows(void **state)
{
	static const char *const paths[] = {
		"service/d-twice/group/parent:name/agg/count,sum:parent:duration/groups.csv",
		"service/d-twice/agg/distinct:parent:name/groups.csv",
		"service/d-same/group/parent:name/agg/count/groups.csv",
		"service/d-zero/group/parent:service/agg/count/groups.csv",
		"service/d-noid/group/parent:service/agg/count/groups.csv",
		"service/d-k/group/service/agg/sum:parent:k/groups.csv",
		"service/d-k/group/service/agg/distinct:parent:raw/groups.csv",
		"until/2026-11-21/group/parent:service/agg/count/sort/count/limit/1/groups.csv",
	};
	/* Of the same spans nothing is, where it is not asked for; a name that reads as a double is text. */
	static const char *const sure[] = {
		"service/d-k/group/parent:name,parent:k/agg/count,sum:k,distinct:parent:name/groups.csv",
		"service/root/group/parent:service/agg/count/groups.csv",
	};
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		same_both_ways(paths[i], &out);
		if (doubted != 1)
			fail_msg("%s is not in doubt", paths[i]);
	}
	for (size_t i = 0; i < sizeof sure / sizeof *sure; i++) {
		same_both_ways(sure[i], &out);
		if (made != 1)
			fail_msg("%s is in doubt", sure[i]);
	}
	buf_release(&out);
}

/* ---- many ---- */

static const char *const keys[] = { "", "parent:service", "parent:name,service", "parent:k", "parent:span.k,k",
	"parent:resource.service.name", "parent:service.name", "parent:r,parent:scope", "parent:status,parent:kind",
	"parent:parent_span_id", "parent:trace_id,parent:r", "parent:resource.r,r", "name" };
static const char *const aggs[] = { "count", "count,errors,error_rate", "sum:parent:duration,avg:duration",
	"p95:parent:duration,p50:duration", "min:parent:k,max:parent:k,sum:parent:k,avg:k", "p0:parent:k,p100:parent:span.k",
	"distinct:parent:service,distinct:parent:r", "distinct:parent:k,distinct:service", "min:parent:start,max:parent:start",
	"rate,distinct:parent:trace_id,count", "sum:parent:resource.r,p99:parent:start" };
static const char *const filters[] = { "service/m*/", "", "status/error/", "where/k/gt/0/", "has/r/name/n1,n2/",
	"since/2026-11-21T03:00/until/2026-11-21T04:00/", "where/k/eq/20/on/2026-11-21T02/", "not/where/r/eq/own/",
	"any/where/k/eq/x/status/ok/end/" };
static const char *const tails[] = { "", "sort/count:desc/limit/3/", "bucket/1h/", "having/count/gt/20/",
	"bucket/day/sort/count/" };

static void
many_are_the_same_both_ways(void **state)
{
	unsigned total = sizeof keys / sizeof *keys * (sizeof aggs / sizeof *aggs) * (sizeof filters / sizeof *filters),
	    n = rounds_of_all(N_USUALLY, total / 3), asked = 0, of_server = 0;
	struct buf path = BUF_INIT, out = BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		unsigned k = (unsigned)((uint64_t)i * total / n) + i % 3, f = k % (sizeof filters / sizeof *filters),
		    a = k / (sizeof filters / sizeof *filters) % (sizeof aggs / sizeof *aggs),
		    g = k / (sizeof filters / sizeof *filters) / (sizeof aggs / sizeof *aggs) % (sizeof keys / sizeof *keys);

		/* One that asks for no parent is another test's. */
		if (strstr(keys[g], "parent:") == NULL && strstr(aggs[a], "parent:") == NULL)
			continue;
		path.n = 0;
		buf_printf(&path, "%s%s%s%s%sagg/%s/%sgroups.jsonl", f == 0 ? "service/m0,m1,m2,m3,m4/" : filters[f],
		    f == 5 || f == 6 ? "" : "since/2026-11-21/", keys[g][0] == '\0' ? "" : "group/", keys[g],
		    keys[g][0] == '\0' ? "" : "/", aggs[a], tails[(f + a + g) % (sizeof tails / sizeof *tails)]);
		same_both_ways(buf_cstr(&path), &out);
		asked++;
		of_server += made;
	}
	print_message("%u paths, of which the server made %u\n", asked, of_server);
	assert_true(asked > n / 2 && of_server > asked * 3 / 4);
	buf_release(&path);
	buf_release(&out);
}

/* The root lies before the hour; a table of times that lacks a trace of the spans, or one of all time, is of no use. */
static void
times_of_traces_are_asked_first(void **state)
{
	static const char hour[] = HOUR "group/parent:service,service/agg/count/groups.csv",
	    other[] = "service/d-late/since/2026-11-20T03:00/until/2026-11-20T04:00/group/parent:service/agg/count/groups.csv";
	struct buf out = BUF_INIT;

	(void)state;
	timed = false;
	same_both_ways(hour, &out);
	assert_true(timed && made == 1);
	assert_true(sv_eq(buf_view(&out), sv_cstr(hand[0].want)));
	timed = false;
	same_both_ways(ALL "group/parent:service,service/agg/count/groups.csv", &out);
	assert_true(!timed && made == 1);
	ch_server_do(&server, SV(INTO "VALUES " ROW(1, 9, 1, NONE, "early", "x", 1, "", "") ", "
	    ROW(3, 9, 2, I16(1), "d-late", "x", 1, "", "")));
	timed = true;
	same_both_ways(other, &out);
	assert_true(!timed && made == 1);
	assert_true(sv_is(buf_view(&out), "parent:service,count\nearly,1\n"));
	buf_release(&out);
}

static void
without_memory_for_it_the_rows_are_asked_for(void **state)
{
	const struct ch_fault full = { .kind = FAULT_STATUS, .more = 500, .only = "spanfs_pd",
		.text = SV("Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)\n") };
	static const char path[] = ALL "group/parent:service/agg/count,p50:duration/groups.csv";
	struct ch_proxy *proxy = ch_proxy_open(&server);
	struct buf out = BUF_INIT, want = BUF_INIT;
	struct engine *direct = en;
	struct conf *c;

	(void)state;
	ask(path, &want);
	open_on(ch_proxy_port(proxy), &c, &en);
	ch_proxy_set(proxy, &full);
	same_both_ways(path, &out);
	assert_int_equal(doubted, 1);
	assert_int_equal(ch_proxy_met(proxy), 1);
	assert_true(sv_eq(buf_view(&out), buf_view(&want)));
	engine_close(en);
	en = direct;
	conf_free(c);
	ch_proxy_close(proxy);
	buf_release(&out);
	buf_release(&want);
}

static int
to_nowhere(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

static void
a_wrong_join_is_caught(void **state)
{
	const struct requester me = { 1, 1 };
	struct verification v = { .words = BUF_INIT };

	(void)state;
	for (int i = 0; i < 2; i++) {
		wrong = i == 1;
		assert_int_equal(engine_verify(en, SV(ALL "group/parent:name/groups.jsonl"), me, to_nowhere, NULL, NULL, &v,
		    NULL), 0);
		assert_int_equal(v.verdict, wrong ? VERDICT_DIFFERENT : VERDICT_SAME);
	}
	wrong = false;
	buf_release(&v.words);
}

static void
plans_show_the_statement(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	ask("since/2026-11-21/group/parent:service/agg/count/plan", &out);
	assert_non_null(strstr(buf_cstr(&out), "spans beside their parents"));
	assert_non_null(strstr(out.p, "ALL LEFT JOIN (SELECT `TraceId` AS spanfs_rt"));
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_by_hand),
		cmocka_unit_test(what_is_in_doubt_comes_of_the_rows),
		cmocka_unit_test(many_are_the_same_both_ways),
		cmocka_unit_test(times_of_traces_are_asked_first),
		cmocka_unit_test(without_memory_for_it_the_rows_are_asked_for),
		cmocka_unit_test(a_wrong_join_is_caught),
		cmocka_unit_test(plans_show_the_statement),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
