/* SPDX-License-Identifier: ISC */
/* test_ch_schema: tables of spans in all shapes that are known, made in ClickHouse's engine and read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "chsql/ch_schema.h"
#include "clickhouse/ch_schema_read.h"
#include "lib/ch_server.h"

#define S 1000000000ull
#define MAP "Map(LowCardinality(String), String)"
#define IDS "Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, TraceState String, "
#define NAMES "SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String), "
#define REST ", StatusCode LowCardinality(String), StatusMessage String"
#define EVENTS(attrs) ", Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes " attrs ")" \
	", Links Nested (TraceId String, SpanId String, TraceState String, Attributes " attrs ")"
#define TAIL " ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY "
#define SHAPE(attrs, duration) IDS NAMES "ResourceAttributes " attrs ", ScopeName String, ScopeVersion String, " \
	"SpanAttributes " attrs ", Duration " duration REST EVENTS(attrs)

static struct ch_server server;
static struct ch_client *client;

static int
start(void **state)
{
	(void)state;
	ch_server_start(&server, "http", NULL);
	client = ch_server_connect(&server, 10 * S);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_client_free(client);
	ch_server_stop(&server);
	return 0;
}

static uint64_t
asked(void)
{
	struct ch_counts c;

	ch_client_counts(client, &c);
	return c.asked;
}

/* In one question, or two if the table behind it is looked at, too. */
static struct ch_schema *
read_it(const char *table)
{
	uint64_t before = asked();
	struct ch_schema *s = NULL;
	struct err e = ERR_INIT;

	if (ch_schema_read(client, (struct ch_table){ SV_EMPTY, sv_cstr(table) }, &s, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(asked() - before, s->distributed ? 2 : 1);
	return s;
}

static void
check(const char *table, const char *want)
{
	struct ch_schema *s = read_it(table);
	struct buf b = BUF_INIT;

	ch_schema_print(&b, s);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
	ch_schema_free(s);
}

static void
refused(const char *table, int code, const char *words)
{
	struct ch_schema *s = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(ch_schema_read(client, (struct ch_table){ SV_EMPTY, sv_cstr(table) }, &s, &e), code);
	if (strstr(e.msg, words) == NULL)
		fail_msg("%s", e.msg);
}

#define HEAD(table, engine) "table " table "\nengine " engine "\n"
#define COLUMNS(attrs, duration) \
	"column Timestamp DateTime64(9)\ncolumn TraceId String\ncolumn SpanId String\n" \
	"column ParentSpanId String\ncolumn TraceState String\ncolumn SpanName String\n" \
	"column SpanKind String\ncolumn ServiceName String\ncolumn ResourceAttributes " attrs "\n" \
	"column ScopeName String\ncolumn ScopeVersion String\ncolumn SpanAttributes " attrs "\n" \
	"column Duration " duration "\ncolumn StatusCode String\ncolumn StatusMessage String\n" \
	"column Events.Timestamp Array(DateTime64(9))\ncolumn Events.Name Array(String)\n" \
	"column Events.Attributes Array(" attrs ")\ncolumn Links.TraceId Array(String)\n" \
	"column Links.SpanId Array(String)\ncolumn Links.TraceState Array(String)\n" \
	"column Links.Attributes Array(" attrs ")\n"

static void
the_exporters_table(void **state)
{
	(void)state;
	ch_server_do(&server, SV("CREATE TABLE otel_traces (" SHAPE(MAP, "UInt64") ", INDEX i TraceId TYPE "
	    "bloom_filter(0.001) GRANULARITY 1)" TAIL "(ServiceName, SpanName, toDateTime(Timestamp))"));
	ch_server_do(&server, SV("CREATE TABLE otel_traces_trace_id_ts (TraceId String, Start DateTime, End DateTime) "
	    "ENGINE = MergeTree ORDER BY (TraceId, Start)"));
	check("otel_traces", HEAD("otel_traces", "MergeTree") COLUMNS("Map(String, String)", "UInt64")
	    "key ServiceName\nkey SpanName\nkey Timestamp\ntimes of traces otel_traces_trace_id_ts\n");
}

static void
an_old_table(void **state)
{
	struct ch_schema *s;

	(void)state;
	ch_server_do(&server, SV("CREATE TABLE old (" IDS NAMES "ResourceAttributes " MAP ", SpanAttributes " MAP
	    ", Duration Int64" REST EVENTS(MAP) ")" TAIL "(ServiceName, SpanName, toUnixTimestamp(Timestamp), TraceId)"));
	s = read_it("old");
	assert_true(s->signed_duration && !s->json && s->prewhere);
	assert_int_equal(s->columns[CHC_SCOPE].name.n, 0);
	assert_int_equal(s->trace_ts.name.n, 0);
	assert_int_equal(s->n_key, 4);
	assert_int_equal(s->key[3], CHC_TRACE_ID);
	ch_schema_free(s);
}

static void
json_columns(void **state)
{
	struct ch_schema *s;

	(void)state;
	ch_server_do(&server, SV("CREATE TABLE js (" SHAPE("JSON", "UInt64") ")" TAIL
	    "(ServiceName, SpanName, toDateTime(Timestamp), Timestamp)"));
	check("js", HEAD("js", "MergeTree") COLUMNS("JSON", "UInt64")
	    "key ServiceName\nkey SpanName\nkey Timestamp\nkey Timestamp\n");
	s = read_it("js");
	assert_true(s->json);
	ch_schema_free(s);
}

static void
computed_columns_and_items(void **state)
{
	(void)state;
	ch_server_do(&server, SV("CREATE TABLE more (" SHAPE(MAP, "UInt64") ", "
	    "`__hdx_materialized_http.route` LowCardinality(String) MATERIALIZED SpanAttributes['http.route'], "
	    "`it's` String ALIAS ResourceAttributes['a\\'b'], upper String ALIAS upper(SpanAttributes['x']), "
	    "plain String, "
	    "SpanAttributeItems Array(String) ALIAS arrayMap((k, v) -> concat(k, '=', v), mapKeys(SpanAttributes), mapValues(SpanAttributes)), "
	    "ResourceAttributeItems Array(String) ALIAS arrayMap((k, v) -> concat(k, '=', v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)))"
	    TAIL "(ServiceName, lower(SpanName), Timestamp)"));
	check("more", HEAD("more", "MergeTree") COLUMNS("Map(String, String)", "UInt64")
	    "items of spans SpanAttributeItems\nitems of resources ResourceAttributeItems\n"
	    "computed span.http.route by __hdx_materialized_http.route\ncomputed resource.a'b by it's\nkey ServiceName\n");
}

/* The engine has no clusters: by what system.tables would say. */
static int
engine_of(const char *full, struct ch_schema *s, struct err *e)
{
	struct table_row t = { SV("Distributed"), sv_cstr(full), SV("") };

	memset(s, 0, sizeof *s);
	arena_init(&s->a);
	s->table.name = SV("spread");
	return schema_engine(s, &t, e);
}

static void
a_distributed_table(void **state)
{
	static const char *const no[] = { "Distributed", "Distributed('a'", "Distributed('a', 'b", "Distributed('a', 'b\\'', 'c')", "" };
	struct ch_schema s;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(engine_of("Distributed('main', 'otel', 'otel_traces', cityHash64(TraceId))", &s, &e), 0);
	assert_true(s.distributed && s.prewhere);
	assert_true(sv_is(s.cluster, "main") && sv_is(s.local.database, "otel") && sv_is(s.local.name, "otel_traces"));
	schema_key(&s, SV("ServiceName, SpanName, toDateTime(Timestamp)"));
	assert_int_equal(s.n_key, 3);
	arena_release(&s.a);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		assert_int_equal(engine_of(no[i], &s, &e), ERR_UNSUPPORTED);
		arena_release(&s.a);
	}
}

static void
others_are_refused_with_what_is_missing(void **state)
{
	(void)state;
	refused("nowhere", ERR_UNKNOWN, "no table nowhere");
	ch_server_do(&server, SV("CREATE TABLE logs (Timestamp DateTime64(9), TraceId String, Body String) "
	    "ENGINE = MergeTree ORDER BY Timestamp"));
	refused("logs", ERR_UNSUPPORTED, "missing: SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, "
	    "ResourceAttributes, SpanAttributes, Duration, StatusCode");
	ch_server_do(&server, SV("CREATE TABLE odd (" IDS NAMES "ResourceAttributes " MAP ", SpanAttributes Map(String, UInt8), "
	    "Duration Float64" REST ")" TAIL "Timestamp"));
	refused("odd", ERR_UNSUPPORTED, ": SpanAttributes is Map(String, UInt8) and not Map(String, String) or JSON, "
	    "Duration is Float64 and not UInt64 or Int64");
	ch_server_do(&server, SV("CREATE TABLE unknown (" IDS NAMES "ResourceAttributes " MAP ", SpanAttributes " MAP
	    ", Duration Decimal(18, 2)" REST ")" TAIL "Timestamp"));
	refused("unknown", ERR_UNSUPPORTED, "Duration is Decimal(18, 2)");
	ch_server_do(&server, SV("CREATE TABLE mixed (" IDS NAMES "ResourceAttributes " MAP ", SpanAttributes JSON"
	    ", Duration UInt64" REST ")" TAIL "Timestamp"));
	refused("mixed", ERR_UNSUPPORTED, "ResourceAttributes is of another form");
	ch_server_do(&server, SV("CREATE TABLE half (" IDS NAMES "ResourceAttributes " MAP ", SpanAttributes " MAP
	    ", Duration UInt64" REST ", Events Nested(Timestamp DateTime64(9), Name String))" TAIL "Timestamp"));
	refused("half", ERR_UNSUPPORTED, "missing: Events.Attributes");
	ch_server_do(&server, SV("CREATE TABLE deep (" IDS NAMES "ResourceAttributes " MAP ", SpanAttributes " MAP
	    ", Duration UInt64" REST ", Events Array(Tuple(Timestamp DateTime64(9), Name String)))" TAIL "Timestamp"));
	refused("deep", ERR_UNSUPPORTED, "Events is one column");
}

static void
names_are_never_part_of_a_statement(void **state)
{
	static const char *const names[] = { "x' OR 1 = 1 --", "`", "{t:String}", "a\nb", "\\'", "" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		refused(names[i], ERR_UNKNOWN, "no table");
}

static void
the_fingerprint_is_of_everything(void **state)
{
	struct ch_schema *a, *b, *c;

	(void)state;
	a = read_it("otel_traces");
	b = read_it("otel_traces");
	ch_server_do(&server, SV("ALTER TABLE otel_traces ADD COLUMN more String"));
	c = read_it("otel_traces");
	assert_true(a->fingerprint == b->fingerprint && a->fingerprint != c->fingerprint);
	ch_schema_free(a);
	ch_schema_free(b);
	ch_schema_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exporters_table),
		cmocka_unit_test(an_old_table),
		cmocka_unit_test(json_columns),
		cmocka_unit_test(computed_columns_and_items),
		cmocka_unit_test(a_distributed_table),
		cmocka_unit_test(others_are_refused_with_what_is_missing),
		cmocka_unit_test(names_are_never_part_of_a_statement),
		cmocka_unit_test(the_fingerprint_is_of_everything),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
