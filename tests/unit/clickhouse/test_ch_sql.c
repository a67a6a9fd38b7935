/* SPDX-License-Identifier: ISC */
/*
 * test_ch_sql: the statements that paths become, against tests/data/ch_sql.txt. With
 * SPANFS_CH_SQL_UPDATE set to that file's name it is written anew: look at the diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/visible.h"
#include "chsql/ch_schema.h"
#include "chsql/ch_sql.h"
#include "clickhouse/ch_contrast.h"
#include "clickhouse/ch_groups.h"
#include "query/query.h"

#define SORTS_MOST 8
#define NOW 1795262400000000000ull	/* 2026-11-21T12:00:00Z */
#define MAP "Map(LowCardinality(String), String)"

static const struct column_row exporter[] = {
#define COLUMN(name, type) { { name, sizeof name - 1 }, { type, sizeof type - 1 }, { NULL, 0 } }
	COLUMN("Timestamp", "DateTime64(9)"), COLUMN("TraceId", "String"), COLUMN("SpanId", "String"),
	COLUMN("ParentSpanId", "String"), COLUMN("TraceState", "String"), COLUMN("SpanName", "LowCardinality(String)"),
	COLUMN("SpanKind", "LowCardinality(String)"), COLUMN("ServiceName", "LowCardinality(String)"),
	COLUMN("ResourceAttributes", MAP), COLUMN("ScopeName", "String"), COLUMN("ScopeVersion", "String"),
	COLUMN("SpanAttributes", MAP), COLUMN("Duration", "UInt64"), COLUMN("StatusCode", "LowCardinality(String)"),
	COLUMN("StatusMessage", "String"), COLUMN("Events.Timestamp", "Array(DateTime64(9))"),
	COLUMN("Events.Name", "Array(LowCardinality(String))"), COLUMN("Events.Attributes", "Array(" MAP ")"),
	COLUMN("Links.TraceId", "Array(String)"), COLUMN("Links.SpanId", "Array(String)"),
	COLUMN("Links.TraceState", "Array(String)"), COLUMN("Links.Attributes", "Array(" MAP ")"),
	/* What richer tables have beside it. */
	COLUMN("SpanAttributeItems", "Array(String)"),
	{ { "it's `made`", 11 }, { "String", 6 }, { "SpanAttributes['http.route']", 28 } },
};
#define N_PLAIN 22
#define N_RICH 24

static const struct table_row merge_tree = { { "ReplicatedMergeTree", 19 }, { NULL, 0 },
	{ "ServiceName, SpanName, toDateTime(Timestamp)", 44 } };
static const struct table_row memory = { { "Memory", 6 }, { NULL, 0 }, { NULL, 0 } };

static const struct table_row distributed = { { "Distributed", 11 },
	{ "Distributed('all', 'otel', 'otel_traces_local')", 46 }, { NULL, 0 } };

static struct ch_schema plain, rich, bare, spread, json;

static struct column_row in_json[N_PLAIN];

/* The same with JSON for Map. */
static const struct column_row *
of_json(void)
{
	for (size_t i = 0; i < N_PLAIN; i++) {
		in_json[i] = exporter[i];
		if (sv_is(in_json[i].type, MAP))
			in_json[i].type = SV("JSON(max_dynamic_types=16, max_dynamic_paths=256)");
		else if (sv_is(in_json[i].type, "Array(" MAP ")"))
			in_json[i].type = SV("Array(JSON)");
	}
	return in_json;
}

static int
make(struct ch_schema *s, const char *name, size_t n, const struct table_row *t)
{
	struct err e = ERR_INIT;

	memset(s, 0, sizeof *s);
	arena_init(&s->a);
	s->table = (struct ch_table){ SV("otel"), sv_cstr(name) };
	if (schema_columns(s, s == &json ? of_json() : exporter, n, &e) != 0 || schema_engine(s, t, &e) != 0)
		return -1;
	s->trace_ts = (struct ch_table){ SV("otel"), SV("otel_traces_trace_id_ts") };
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return make(&plain, "otel_traces", N_PLAIN, &merge_tree) | make(&rich, "ri`ch", N_RICH, &merge_tree) |
	    make(&bare, "bare", N_PLAIN, &memory) |
	    make(&spread, "otel_traces", N_PLAIN, &distributed) | make(&json, "json", N_PLAIN, &merge_tree);
}

static int
teardown(void **state)
{
	(void)state;
	arena_release(&plain.a);
	arena_release(&rich.a);
	arena_release(&bare.a);
	arena_release(&spread.a);
	arena_release(&json.a);
	return 0;
}

enum what { ROWS, COUNT, HEX, TRACES, LONGEST, APART, SPARE, TIMED, WHOLE, KEYS, COMPARE, GROUPS, RANKED, LEVELS, OWN };

static const struct {
	struct ch_schema *schema;
	const char *path;
	enum what what;
} cases[] = {
	{ &plain, "/", ROWS },
	{ &plain, "/", COUNT },
	{ &plain, "/service/checkout/since/1h/limit/100", ROWS },
	{ &plain, "/service/a,b/name/GET%20%2F/status/error/kind/server", ROWS },
	{ &plain, "/kind/unspecified/not/status/unset", COUNT },
	{ &plain, "/on/2026-11-20/duration/gt/150ms", COUNT },
	{ &plain, "/where/span.http.route/eq/%2Fcart", COUNT },
	{ &rich, "/where/span.http.route/eq/%2Fcart", COUNT },
	{ &rich, "/where/span.http.method/eq/GET", COUNT },
	{ &plain, "/where/http.route/eq/%2Fcart", ROWS },
	{ &plain, "/where/http.status_code/ge/500/limit/10", ROWS },
	{ &plain, "/where/http.status_code/ge/500/limit/10", APART },
	{ &plain, "/since/1h/any/where/http.status_code/ge/500/where/db.rows/gt/9/where/span.n/eq/7/end", APART },
	{ &spread, "/service/cart/where/http.status_code/ge/500", APART },
	{ &rich, "/where/http.status_code/ge/500/where/a%EF%BF%BD/eq/x", APART },
	{ &plain, "/where/span.n/between/1,2", ROWS },
	{ &plain, "/where/resource.k8s.pod/in/a,b,7", ROWS },
	{ &plain, "/where/span.x/ne/y/not/has/resource.z", COUNT },
	{ &plain, "/not/where/span.n/gt/5", ROWS },
	{ &plain, "/any/where/span.a/contains/x/service/b/end", ROWS },
	{ &plain, "/any/where/span.a/re/x.*/service/b/end/status/ok", ROWS },
	{ &plain, "/where/name/re/%5E(GET%7CPOST)%20%2F%5Ba-z-%5D+$", ROWS },
	{ &plain, "/where/name/re/%5E(GET%7CPOST)%20%2F%5Ba-z-%5D+$", COUNT },
	{ &plain, "/not/where/status_message/nre/a.b/where/name/re/(%3Fi)a", ROWS },
	{ &plain, "/where/http.status_code/ge/500", COUNT },
	{ &plain, "/where/resource.service.name/contains/7", ROWS },
	{ &plain, "/where/span.service.name/contains/7", COUNT },
	{ &plain, "/service/a/since/1h/where/http.route/eq/x/not/has/resource.z/limit/5", ROWS },
	{ &plain, "/any/has/a/service/b/end/has/c", COUNT },
	{ &plain, "/not/where/http.route/eq/x", COUNT },
	{ &plain, "/any/where/http.route/eq/x/text/b/end", ROWS },
	{ &plain, "/service/a/distinct/http.route", GROUPS },
	{ &bare, "/service/a/where/http.route/eq/x/group/http.route,zone/agg/count", GROUPS },
	{ &rich, "/not/where/span.n/in/5,x/where/span.http.method/notcontains/GE", COUNT },
	{ &plain, "/where/span.a/re/x+/where/span.n/between/1,2/group/name/agg/count", GROUPS },
	{ &plain, "/text/error/where/name/starts/GET", ROWS },
	{ &plain, "/trace/4bf92f3577b34da6a3ce929d0e0e4736", COUNT },
	{ &plain, "/span/00f067aa0ba902b7/root", ROWS },
	{ &plain, "/where/event.exception.type/eq/IOError/where/event:name/eq/exception", COUNT },
	{ &plain, "/where/link:trace_id/eq/4bf92f3577b34da6a3ce929d0e0e4736", COUNT },
	{ &plain, "/where/status_message/ne/x/where/scope.a/eq/b", COUNT },
	{ &plain, "/where/trace_duration/gt/1s/service/a", ROWS },
	{ &plain, "/where/span.q/eq/'%3B%20DROP%20TABLE%20otel_traces%3B%20--%20%5C%00%0A%7Bp0:String%7D", COUNT },
	{ &plain, "/where/span.%60'%5C/eq/%FF/where/span.u/eq/%EF%BF%BD", ROWS },
	{ &bare, "/service/checkout/since/1h", COUNT },
	{ &plain, "/service/it's/where/span.n/gt/5/since/1h/limit/3", HEX },
	{ &plain, "/where/trace_duration/gt/1s/service/a/since/1h", TRACES },
	{ &spread, "/where/depth/gt/3/service/a", TRACES },
	{ &plain, "/service/a/duration/gt/1s/sort/duration:desc/limit/20", LONGEST },
	{ &plain, "/service/a/duration/gt/1s/sort/duration:desc/limit/20", SPARE },
	{ &plain, "/where/span.n/gt/7/sort/duration:desc/limit/20", SPARE },
	{ &plain, "/service/a/sort/start:asc/limit/20", SPARE },
	{ &plain, "/sort/name,duration:desc/limit/50", TIMED },
	{ &plain, "/sort/kind,status:asc,end,parent_span_id,trace_id:asc,flags,scope.a/limit/50", TIMED },
	{ &plain, "/sort/status_message:asc,service/limit/50", LONGEST },
	{ &plain, "/sort/http.route/limit/100", TIMED },
	{ &plain, "/service/a/where/zone/eq/b/sort/span.n:desc/limit/100", TIMED },
	{ &plain, "/sort/span.n:asc,resource.k8s.pod/limit/100", WHOLE },
	{ &plain, "/since/1h/sort/span.n/limit/100", LONGEST },
	{ &bare, "/sort/span.n/limit/100", LONGEST },
	{ &rich, "/sort/http.route,span.http.route:asc/limit/1", TIMED },
	{ &plain, "/where/http.method/eq/GET/sort/zone:asc,name/limit/9", TIMED },
	{ &plain, "/where/http.method/eq/GET/sort/zone:asc,name/limit/9", LONGEST },
	{ &plain, "/where/span.n/gt/7/sort/zone/limit/20", TIMED },
	{ &plain, "/sort/span.n/limit/100", HEX },
	/* Of the maps two keys each; spans that pass by themselves need nothing of their resources. */
	{ &plain, "/service/a/since/1h", KEYS },
	{ &plain, "/has/http.route/since/1h", KEYS },
	{ &plain, "/since/1h/group/service,http.route/bucket/5m/agg/count,errors,p95:duration", GROUPS },
	{ &plain, "/status/error/group/kind,resource.host.name/bucket/week/agg/avg:duration,max:duration", GROUPS },
	{ &spread, "/agg/count", GROUPS },
	{ &plain, "/group/resource.service.name,service.name,trace_id/agg/count", GROUPS },
	{ &plain, "/group/kind/agg/sum:span.n,min:resource.n,avg:n,distinct:user.id,distinct:trace_id,max:start,distinct:parent_span_id", GROUPS },
	{ &rich, "/where/http.route/eq/a/group/name/agg/p50:span.n,distinct:span.http.route,distinct:http.route,distinct:trace_state", RANKED },
	{ &plain, "/group/trace_id/agg/count/sort/count:desc/limit/20", GROUPS },
	{ &plain, "/group/name,http.route/agg/p95:duration,sum:span.n,error_rate/having/p95:duration/gt/1s/having/min:span.n/in/1,2/"
	  "sort/sum:span.n:desc,error_rate,http.route/limit/3", RANKED },
	{ &plain, "/where/http.route/eq/x/group/name/bucket/1h/agg/count,avg:duration/having/avg:duration/gt/1s/having/count/ge/2/limit/9", GROUPS },
	{ &plain, "/group/parent_span_id,status_message/bucket/1h/agg/count/limit/9", GROUPS },
	/* Of these all come: of words, rates and means it can't be told which are the first. */
	{ &plain, "/group/kind/agg/count/having/count/gt/2/sort/count/limit/1", GROUPS },
	{ &plain, "/group/name/agg/rate/having/count/gt/2/limit/1", GROUPS },
	{ &plain, "/group/name/agg/avg:duration/sort/avg:duration/limit/1", GROUPS },
	{ &plain, "/per/trace/group/service,name/agg/count,errors,p95:duration", RANKED },
	{ &spread, "/status/error/since/1h/per/trace/group/name/bucket/1h/agg/max:duration,distinct:service/sort/max:duration:desc/limit/5", GROUPS },
	{ &plain, "/group/service/bucket/week/agg/p0:duration,p50:duration,p99.99:duration,p100:duration", RANKED },
	/* On two levels, by way of traces. */
	{ &plain, "/group/name,http.route/bucket/1h/agg/count,errors,p95:duration,min:span.n,distinct:user.id", LEVELS },
	{ &spread, "/service/a/agg/avg:duration", LEVELS },
	{ &plain, "/where/http.route/eq/x/group/trace_id/agg/count,sum:duration/sort/sum:duration:desc/limit/20", LEVELS },
	/* Bare names that no resource has; the first one is asked for in parts all the same. */
	{ &plain, "/where/http.route/eq/x/group/zone/agg/count", OWN },
	{ &plain, "/since/1h/bucket/1h/group/zone/agg/distinct:user.id,sum:span.n,max:n", OWN },
	{ &bare, "/since/1h/group/zone,kind/agg/count/sort/count:desc/limit/3", OWN },
	/* Fields of parents: of all spans; of some, whose traces are looked for; of parts; on several servers. */
	{ &plain, "/group/parent:service,service/agg/count,sum:duration", GROUPS },
	{ &plain, "/status/error/since/1h/group/parent:http.route,kind,parent:scope/bucket/1h/agg/sum:parent:duration,min:parent:n,"
	    "distinct:parent:name,p50:duration", GROUPS },
	{ &plain, "/where/http.route/eq/x/group/parent:name,http.route/agg/avg:parent:span.n,distinct:user.id/sort/avg:parent:span.n/limit/3",
	    GROUPS },
	{ &spread, "/service/a/group/parent:resource.service.name/agg/p95:parent:duration,max:parent:start", RANKED },
	{ &bare, "/since/1h/group/zone,parent:zone/agg/count", OWN },
	/* Columns of JSON, whose paths are keys. */
	{ &json, "/service/a/where/http.route/eq/%2Fcart", ROWS },
	{ &json, "/where/span.n/in/5,x,2.5/where/resource.k/contains/a/where/span.n/between/1,2/where/span.n/gt/x", ROWS },
	{ &json, "/not/where/span.a/ne/b/any/has/a/where/span.b/lt/5/end/where/span.c/starts/x", ROWS },
	{ &json, "/where/span.a:b/eq/c/where/span.a..b/eq/c/where/span.%60/eq/c/where/event.k/eq/v/name/x", ROWS },
	{ &json, "/sort/span.a/limit/5", TIMED },
	{ &json, "/sort/name,kind/limit/5", TIMED },
	{ &plain, "/service/a/since/1h/compare/status/error/end", COMPARE },
	{ &spread, "/where/span.n/gt/5/compare/where/name/re/a+/where/http.route/eq/x/end", COMPARE },
};

static void
print_sql(struct buf *b, const struct ch_sql *sql)
{
	buf_str(b, sql->exact ? "exact\n" : "with more\n");
	if (sql->limited)
		BUF_LIT(b, "limited\n");
	if (sql->doubts)
		BUF_LIT(b, "doubts\n");
	if (sql->told_doubts)
		BUF_LIT(b, "doubts of rows\n");
	buf_sv(b, sql->text);
	buf_putc(b, '\n');
	for (size_t i = 0; i < sql->n_params; i++) {
		buf_printf(b, "  %s = ", sql->params[i].name.p);
		visible_text(b, sql->params[i].value, 0);
		buf_putc(b, '\n');
	}
}

/* As the engine makes the table of groups. */
static void
groups(struct buf *b, const struct ch_select *s, const struct query *q, struct arena *a, struct ch_sql *sql)
{
	struct agg_options o = { .groups = &q->groups, .range = q->range, .step = q->groups.step,
		.memory = SIZE_MAX, .keep = q->has_limit ? q->limit : 0 };
	struct agg_table *t;
	struct err e = ERR_INIT;

	if (agg_table_new(&o, &t, &e) < 0)
		fail_msg("%s", e.msg);
	if (s->own && ch_sql_others(s, t, a, sql, &e) == 0)
		print_sql(b, sql);
	if (ch_sql_groups(s, t, a, sql, &e) < 0)
		fail_msg("%s", e.msg);
	agg_table_free(t);
}

static void
one(struct buf *b, size_t i, struct arena *a)
{
	static const char *const words[] = { "", "count ", "hex ", "traces ", "longest ", "apart ", "spare ", "timed ", "whole ",
		"keys ", "compare ", "groups ", "ranked ", "levels ", "own " };
	static const struct sv some_keys[] = { { "http.route", 10 }, { "it's", 4 }, { "k8s.pod", 7 } };
	struct query_env env = { .now = NOW };
	const struct query *q;
	struct sort_key keys[SORTS_MOST];
	struct path *path;
	struct ch_sql sql;
	struct sv file;
	struct err e = ERR_INIT;

	buf_printf(b, "%s%.*s %s%s\n", i == 0 ? "" : "\n", SV_ARG(cases[i].schema->table.name),
	    words[cases[i].what], cases[i].path);
	if (path_parse(sv_cstr(cases[i].path), NULL, &path, &file, &e) < 0 || query_bind(path, &env, a, &q, &e) < 0)
		fail_msg("%s: %s", cases[i].path, e.msg);
	assert_true(q->n_sort <= SORTS_MOST);
	for (size_t k = 0; k < q->n_sort && cases[i].what < GROUPS; k++)
		keys[k] = q->sort[k].by;
	struct ch_select s = { .schema = cases[i].schema, .filter = q->filter, .range = q->range, .newest = true,
		.columns = i == 0 ? (1ull << N_CHC) - 1 : 1ull << CHC_TRACE_ID | 1ull << CHC_ATTRS,
		.limit = q->has_limit ? q->limit : UINT64_MAX, .count = cases[i].what == COUNT,
		.hex = cases[i].what == HEX, .whole_traces = cases[i].what == TRACES,
		.ranked = cases[i].what == RANKED,
		.by_trace = cases[i].what == LEVELS, .own = cases[i].what == OWN,
		.shift = cases[i].what == RANKED ? 3600000000000 : 0,
		.sort = keys, .n_sort = cases[i].what < GROUPS ? q->n_sort : 0,
		.first = cases[i].what == SPARE ? CH_BY_KEY : cases[i].what == TIMED ? CH_BY_TIME :
		cases[i].what == WHOLE ? CH_BY_IDS : CH_TIES, .there = cases[i].what == TIMED && q->n_sort == 1 };
	if (cases[i].what == APART) {
		s.own_columns = s.columns;
		s.columns |= 1ull << CHC_RESOURCE;
	}
	if (cases[i].what == KEYS) {
		s.told = true;
		s.own_columns = s.columns;
		s.columns |= 1ull << CHC_RESOURCE;
		s.keys = some_keys;
		s.resource_keys = &some_keys[1];
		s.n_keys = s.n_resource_keys = 2;
	}
	if (cases[i].what == COMPARE && ch_sql_contrast(&s, q->compare, a, &sql, &e) < 0)
		fail_msg("%s: %s", cases[i].path, e.msg);
	else if (cases[i].what == COMPARE)
		;
	else if (cases[i].what >= GROUPS)
		groups(b, &s, q, a, &sql);
	else if (ch_sql_select(&s, a, &sql, &e) != 0)
		fail_msg("%s: %s", cases[i].path, e.msg);
	print_sql(b, &sql);
	if (cases[i].what == RANKED && sql.parents && ch_sql_parents_times(&s, a, &sql, &e) == 0) {
		print_sql(b, &sql);
		s.has_parents_times = true;
		s.parents_first_s = NOW / 1000000000 - 60;
		s.parents_last_s = NOW / 1000000000;
		groups(b, &s, q, a, &sql);
		print_sql(b, &sql);
	}
	if (ch_sql_names_traces(q->filter)) {
		assert_int_equal(ch_sql_trace_times(s.schema, q->filter, false, a, &sql, &e), 0);
		print_sql(b, &sql);
		s.has_times = true;
		s.first_s = NOW / 1000000000 - 60;
		s.last_s = NOW / 1000000000;
		assert_int_equal(ch_sql_select(&s, a, &sql, &e), 0);
		print_sql(b, &sql);
	}
	path_unref(path);
}

/* A service called 7 is text, which stands there as an integer does: who could tell is another column. */
static void
a_service_that_looks_like_a_number_is_not_counted_there(void **state)
{
	static const char *const paths[] = { "/where/resource.service.name/contains/7", "/where/service.name/lt/8",
		"/not/where/service.name/re/%5B0-9%5D+", "/where/service.name/in/7,08" };
	struct query_env env = { .now = NOW };
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const struct query *q;
		struct path *path;
		struct ch_sql sql;
		struct sv file;
		struct err e = ERR_INIT;

		assert_int_equal(path_parse(sv_cstr(paths[i]), NULL, &path, &file, &e), 0);
		assert_int_equal(query_bind(path, &env, &a, &q, &e), 0);
		struct ch_select s = { .schema = &plain, .filter = q->filter, .range = q->range, .count = true,
			.limit = UINT64_MAX };
		assert_int_equal(ch_sql_select(&s, &a, &sql, &e), ERR_UNSUPPORTED);
		path_unref(path);
	}
	arena_release(&a);
}

static void
read_file(struct buf *b, const char *path)
{
	FILE *f = fopen(path, "re");
	char some[4096];
	size_t n;

	if (f == NULL)
		return;
	while ((n = fread(some, 1, sizeof some, f)) > 0)
		buf_put(b, some, n);
	fclose(f);
}

static void
paths_become_these_statements(void **state)
{
	const char *update = getenv("SPANFS_CH_SQL_UPDATE");
	struct buf is = BUF_INIT, want = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		one(&is, i, &a);
	if (update != NULL) {
		FILE *f = fopen(update, "we");

		assert_true(f != NULL && fwrite(is.p, 1, is.n, f) == is.n && fclose(f) == 0);
	}
	read_file(&want, TESTDIR "/data/ch_sql.txt");
	assert_string_equal(buf_cstr(&is), buf_cstr(&want));
	buf_release(&is);
	buf_release(&want);
	arena_release(&a);
}

/* Whatever values and names there are: the text has none of them. */
static void
no_value_is_part_of_a_text(void **state)
{
	static const char evil[] = "EVIL'`\\{}";
	const struct pred *leaf;
	struct literal l = literal_of(SV("EVIL'`\\{}"));
	struct arena a;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	for (unsigned scope = FIELD_INTRINSIC; scope <= FIELD_SCOPE; scope++)
		for (unsigned op = 0; op < N_PRED_OPS; op++) {
			struct field f = { .scope = scope, .intrinsic = IN_NAME, .key = sv_cstr(evil) };
			struct literal two[2] = { l, l };
			struct ch_sql sql;

			leaf = pred_leaf(&a, op, f, two, op == OP_BETWEEN || op == OP_IN ? 2 : op == OP_HAS ? 0 : 1);
			struct ch_select s = { .schema = &rich, .filter = leaf, .range = TIME_RANGE_ALL, .limit = UINT64_MAX };
			assert_int_equal(ch_sql_select(&s, &a, &sql, &e), 0);
			assert_true(sv_find(sql.text, SV("EVIL")) < 0);
			s.hex = true;
			assert_int_equal(ch_sql_select(&s, &a, &sql, &e), 0);
			assert_true(sql.n_params == 0 && sv_find(sql.text, SV("EVIL")) < 0);
		}
	arena_release(&a);
}

static void
what_is_not_exact_is_not_counted(void **state)
{
	struct field f = { .scope = FIELD_SPAN, .key = SV("n") };
	struct literal five = literal_of(SV("5")), half = literal_of(SV("5.5"));
	struct arena a;
	struct ch_sql sql;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	struct ch_select s = { .schema = &plain, .filter = pred_leaf(&a, OP_GT, f, &half, 1), .range = TIME_RANGE_ALL,
		.count = true };
	assert_int_equal(ch_sql_select(&s, &a, &sql, &e), ERR_UNSUPPORTED);
	s.filter = pred_leaf(&a, OP_GT, f, &five, 1);
	assert_int_equal(ch_sql_select(&s, &a, &sql, &e), 0);
	assert_true(sql.doubts);
	arena_release(&a);
}

/* The value of a bare key is told as the span's own, which another key may ask for alone. */
static void
keys_that_would_be_one_are_not_grouped_there(void **state)
{
	static const char *const paths[] = { "/group/zone,span.zone", "/group/parent:span.zone,name,parent:zone",
		"/group/zone,resource.zone", "/group/zone,parent:span.zone" };
	struct query_env env = { .now = NOW };
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const struct query *q;
		struct agg_table *t;
		struct path *path;
		struct ch_sql sql;
		struct sv file;
		struct err e = ERR_INIT;

		assert_int_equal(path_parse(sv_cstr(paths[i]), NULL, &path, &file, &e), 0);
		assert_int_equal(query_bind(path, &env, &a, &q, &e), 0);
		struct agg_options o = { .groups = &q->groups, .range = q->range, .memory = SIZE_MAX };
		struct ch_select s = { .schema = &plain, .filter = q->filter, .range = q->range };

		assert_int_equal(agg_table_new(&o, &t, &e), 0);
		assert_int_equal(ch_sql_groups(&s, t, &a, &sql, &e), i < 2 ? ERR_UNSUPPORTED : 0);
		agg_table_free(t);
		path_unref(path);
	}
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_become_these_statements),
		cmocka_unit_test(a_service_that_looks_like_a_number_is_not_counted_there),
		cmocka_unit_test(no_value_is_part_of_a_text),
		cmocka_unit_test(what_is_not_exact_is_not_counted),
		cmocka_unit_test(keys_that_would_be_one_are_not_grouped_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
