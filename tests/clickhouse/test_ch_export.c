/* SPDX-License-Identifier: ISC */
/*
 * test_ch_export: spans of a store come into ClickHouse's engine each once: whole, whatever is in
 * them, and whatever the server does while they come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/ingest.h"
#include "lib/ch_span_check.h"
#include "lib/export_rig.h"

#define N_SPANS 2000
#define BATCH 500

static struct ch_server server;
static struct export_rig rig;
static char log_name[] = "/tmp/spanfs-ch-log.XXXXXX";

static int
start(void **state)
{
	const char *const options[] = { "--log", log_name, NULL };
	int fd = mkstemp(log_name);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	ch_server_start(&server, "http", options);
	export_rig_init(&rig, &server, 3, N_SPANS, RIG_TWINS);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	export_rig_release(&rig);
	ch_server_stop(&server);
	unlink(log_name);
	return 0;
}

/* Must go well. */
static struct export_counts
run(const struct export_rig *r, const struct export_how *h)
{
	struct export_counts c;
	struct err e = ERR_INIT;

	if (export_rig_run(r, h, &c, &e) != 0)
		fail_msg("%s: %s", h->table, e.msg);
	return c;
}

/* Must fail so, with these words among others. */
static struct export_counts
fails(const struct export_rig *r, const struct export_how *h, int code, const char *words)
{
	struct export_counts c;
	struct err e = ERR_INIT;
	int rc = export_rig_run(r, h, &c, &e);

	if (rc != code || strstr(e.msg, words) == NULL)
		fail_msg("%s: %d, %s", h->table, rc, e.msg);
	return c;
}

/* ---- whole ---- */

static const struct span *
original(const struct export_rig *r, uint64_t span_id)
{
	for (size_t i = 0; i < r->spans.n; i++)
		if (r->spans.spans[i].span_id == span_id)
			return &r->spans.spans[i];
	fail_msg("no such span");
	return NULL;
}

static void
hostile_spans_come_whole(void **state)
{
	const struct export_how how = { .table = "hostile", .batch_rows = BATCH };
	struct export_rig r;
	struct span_batch there;
	struct export_counts c;

	(void)state;
	export_rig_init(&r, &server, 5, N_SPANS, RIG_HOSTILE | RIG_WILD);
	c = run(&r, &how);
	assert_int_equal(c.n_sent, N_SPANS);
	assert_int_equal(c.n_there, 0);
	export_rig_table(&r, "hostile", &there);
	assert_int_equal(there.n, N_SPANS);
	for (size_t i = 0; i < there.n; i++)
		ch_span_check(original(&r, there.spans[i].span_id), &there.spans[i]);
	span_batch_release(&there);
	/* All of them are known again, those too that start in other centuries. */
	c = run(&r, &how);
	assert_int_equal(c.n_sent, 0);
	assert_int_equal(c.n_there, N_SPANS);
	assert_int_equal(export_rig_count(&r, "hostile"), N_SPANS);
	export_rig_release(&r);
}

static void
the_table_of_times_has_every_trace(void **state)
{
	const struct export_how how = { .table = "timed", .batch_rows = BATCH };
	struct ch_client *client = ch_server_connect(&server, 30000000000ull);
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	run(&rig, &how);
	assert_int_equal(ch_rows(client, SV("SELECT (SELECT uniqExact(TraceId) FROM otel.timed) = "
	    "(SELECT uniqExact(TraceId) FROM otel.timed_trace_id_ts), "
	    "(SELECT toDateTime(min(Timestamp)) FROM otel.timed) = "
	    "(SELECT min(Start) FROM otel.timed_trace_id_ts)"), NULL, 0, "TabSeparated", &rows, NULL, &e), 0);
	assert_string_equal(buf_cstr(&rows), "1\t1\n");
	buf_release(&rows);
	ch_client_free(client);
}

/* ---- batches ---- */

static unsigned
lines_with(const char *log, const char *what, const char *also)
{
	unsigned n = 0;

	for (struct sv rest = sv_cstr(log), line; sv_cut(&rest, '\n', &line);)
		n += sv_find(line, sv_cstr(what)) >= 0 && sv_find(line, sv_cstr(also)) >= 0;
	return n;
}

static char *
read_log(struct buf *b)
{
	char some[4096];
	FILE *f = fopen(log_name, "r");
	size_t n;

	assert_non_null(f);
	while ((n = fread(some, 1, sizeof some, f)) != 0)
		buf_put(b, some, n);
	fclose(f);
	return (char *)(uintptr_t)buf_cstr(b);
}

static void
batches_are_large_and_compressed(void **state)
{
	static const char *const words[] = { "none", "gzip", "zstd" };
	struct export_rig r;
	struct buf log = BUF_INIT;
	const char *text;

	(void)state;
	export_rig_init(&r, &server, 8, 21000, 0);
	for (size_t i = 0; i < 3; i++) {
		char set[64], table[16];
		const struct export_how how = { .table = table, .set = set };
		struct export_counts c;

		snprintf(set, sizeof set, "clickhouse.compression=%s", words[i]);
		snprintf(table, sizeof table, "packed_%s", words[i]);
		c = run(&r, &how);
		assert_int_equal(c.n_batches, 1);
		assert_int_equal(c.n_sent, 21000);
		assert_true(i == 0 ? c.n_packed == c.n_bytes : c.n_packed < c.n_bytes);
		assert_int_equal(export_rig_count(&r, table), 21000);
	}
	export_rig_same(&r, "packed_zstd");
	text = read_log(&log);
	assert_int_equal(lines_with(text, "INSERT INTO `otel`.`packed_none`", "\"encoding\": \"\""), 1);
	assert_int_equal(lines_with(text, "INSERT INTO `otel`.`packed_gzip`", "\"encoding\": \"gzip\""), 1);
	assert_int_equal(lines_with(text, "INSERT INTO `otel`.`packed_zstd`", "\"encoding\": \"zstd\""), 1);
	assert_int_equal(lines_with(text, "`packed_zstd`", "\"async_insert\": \"0\""), 1);
	assert_int_equal(lines_with(text, "`packed_zstd`", "\"insert_deduplication_token\""), 1);
	assert_int_equal(lines_with(text, "INSERT", "\"readonly\""), 0);
	buf_release(&log);
	export_rig_release(&r);
}

/* ---- what a server does ---- */

static void
a_server_that_fails_gets_each_span_once(void **state)
{
	static const char *const plans[] = { "ok,refuse", "ok,busy", "ok,reset", "ok,lose", "lose,lose,lose",
		"reset,ok,refuse,busy,lose,ok,lose" };

	(void)state;
	for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
		char path[128], table[16];
		const struct export_how how = { .table = table, .batch_rows = BATCH };
		struct export_counts c;

		snprintf(path, sizeof path, "/test/inserts/%s", plans[i]);
		snprintf(table, sizeof table, "fails_%zu", i);
		ch_server_tell(&server, path);
		c = run(&rig, &how);
		assert_int_equal(c.n_sent, N_SPANS);
		assert_int_equal(c.n_there, 0);
		export_rig_same(&rig, table);
	}
}

/* The INSERT is still at work when its time is over: it is stopped, and nothing of it comes later. */
static void
a_slow_insert_is_stopped_before_it_is_sent_again(void **state)
{
	const struct export_how how = { .table = "slow", .batch_rows = BATCH, .set = "clickhouse.timeout=1s" };

	(void)state;
	ch_server_tell(&server, "/test/inserts/ok,slow");
	run(&rig, &how);
	export_rig_same(&rig, "slow");
	sleep(3);
	export_rig_same(&rig, "slow");
}

static void
go_away(void *arg, const char *words)
{
	(void)arg;
	(void)words;
	ch_server_tell(&server, "/test/gone/1");
}

static void
a_server_that_is_gone_is_an_error_and_then_it_goes_on(void **state)
{
	struct export_how how = { .table = "gone", .batch_rows = BATCH, .tries = 3, .say = go_away };
	struct export_counts c;

	(void)state;
	ch_server_tell(&server, "/test/inserts/ok,lose");
	c = fails(&rig, &how, ERR_IO, "ClickHouse");
	assert_int_equal(c.n_sent, BATCH);
	how.say = NULL;
	fails(&rig, &how, ERR_IO, "ClickHouse is out of reach");
	ch_server_tell(&server, "/test/gone/0");
	c = run(&rig, &how);
	assert_int_equal(c.n_before, BATCH);
	assert_int_equal(c.n_there, BATCH);
	assert_int_equal(c.n_sent, N_SPANS - 2 * BATCH);
	export_rig_same(&rig, "gone");
}

/* ---- again ---- */

static void
again_it_sends_what_is_new(void **state)
{
	const struct export_how how = { .table = "again", .batch_rows = BATCH };
	struct export_rig r;
	struct export_counts c;

	(void)state;
	export_rig_init(&r, &server, 9, N_SPANS, RIG_TWINS);
	run(&r, &how);
	c = run(&r, &how);
	assert_true(c.n_sent == 0 && c.n_there == N_SPANS);
	export_rig_add(&r, 300);
	c = run(&r, &how);
	assert_true(c.n_sent == 300 && c.n_there == N_SPANS);
	export_rig_same(&r, "again");
	export_rig_release(&r);
}

/* Where it would go on there are other spans now. */
static void
spans_that_came_meanwhile_are_not_passed_over(void **state)
{
	struct export_how how = { .table = "meanwhile", .batch_rows = BATCH, .tries = 1 };
	struct export_rig r;

	(void)state;
	export_rig_init(&r, &server, 10, N_SPANS, RIG_TWINS);
	ch_server_tell(&server, "/test/inserts/ok,ok,lose");
	fails(&r, &how, ERR_IO, "ClickHouse");
	export_rig_add(&r, 700);
	/* And once more on the way. */
	ch_server_tell(&server, "/test/inserts/ok,reset");
	fails(&r, &how, ERR_IO, "ClickHouse");
	export_rig_add(&r, 100);
	run(&r, &how);
	export_rig_same(&r, "meanwhile");
	export_rig_release(&r);
}

static void
missing_ones_are_asked_for_without_a_record(void **state)
{
	struct export_how how = { .table = "missing", .batch_rows = BATCH, .path = "/kind/server" };
	struct export_counts c = run(&rig, &how), all;

	(void)state;
	assert_true(c.n_sent > 0 && c.n_sent < N_SPANS);
	how.path = NULL;
	how.missing = true;
	all = run(&rig, &how);
	assert_true(all.n_there == c.n_sent && all.n_sent == N_SPANS - c.n_sent);
	export_rig_same(&rig, "missing");
}

static void
a_table_that_was_made_anew_gets_everything(void **state)
{
	struct export_how how = { .table = "anew", .batch_rows = BATCH, .tries = 1 };
	struct export_counts c;

	(void)state;
	ch_server_tell(&server, "/test/inserts/ok,ok,reset");
	fails(&rig, &how, ERR_IO, "ClickHouse");
	ch_server_do(&server, SV("DROP TABLE otel.anew SYNC"));
	c = run(&rig, &how);
	assert_true(c.n_before == 0 && c.n_sent == N_SPANS);
	export_rig_same(&rig, "anew");
}

/* ---- tables ---- */

#define MAP "Map(LowCardinality(String), String)"
#define BEGIN(time) "(Timestamp " time ", TraceId String, SpanId String, ParentSpanId String, TraceState String, " \
	"SpanName String, SpanKind String, ServiceName String, "
#define END(attrs) "ScopeName String, ScopeVersion String, SpanAttributes " attrs ", ResourceAttributes " attrs \
	", Duration UInt64, StatusCode String, " \
	"Events Nested (Timestamp DateTime64(9), Name String, Attributes " attrs "), " \
	"Links Nested (TraceId String, SpanId String, TraceState String, Attributes " attrs ")"
#define TAIL ") ENGINE = MergeTree ORDER BY Timestamp"

static void
tables_that_can_not_hold_a_span_are_refused(void **state)
{
	struct export_how how = { .table = "nothing", .no_create = true };

	(void)state;
	ch_server_do(&server, SV("CREATE DATABASE IF NOT EXISTS otel"));
	fails(&rig, &how, ERR_UNKNOWN, "--create makes it");
	ch_server_do(&server, SV("CREATE TABLE otel.other (a UInt8) ENGINE = Memory"));
	how.table = "other";
	fails(&rig, &how, ERR_UNSUPPORTED, "missing: Timestamp, TraceId");
	ch_server_do(&server, SV("CREATE TABLE otel.less " BEGIN("DateTime64(9)") END(MAP) TAIL));
	how.table = "less";
	fails(&rig, &how, ERR_UNSUPPORTED, "it lacks StatusMessage");
	ch_server_do(&server, SV("CREATE TABLE otel.coarse " BEGIN("DateTime64(6)") END(MAP) ", StatusMessage String" TAIL));
	how.table = "coarse";
	fails(&rig, &how, ERR_UNSUPPORTED, "DateTime64(9), in Timestamp");
	assert_int_equal(export_rig_count(&rig, "less") + export_rig_count(&rig, "coarse"), 0);
}

/* With columns that are not spans', computed and not, and in another order. */
static void
further_columns_are_left_to_the_server(void **state)
{
	const struct export_how how = { .table = "wider", .no_create = true, .batch_rows = BATCH };

	(void)state;
	ch_server_do(&server, SV("CREATE TABLE otel.wider " BEGIN("DateTime64(9)") "Own UInt8 DEFAULT 7, StatusMessage "
	    "String, made String MATERIALIZED SpanAttributes['k0'], aside String ALIAS SpanName, " END(MAP) TAIL));
	run(&rig, &how);
	export_rig_same(&rig, "wider");
}

static void
attributes_in_json_keep_their_types(void **state)
{
	const struct export_how how = { .table = "typed", .no_create = true };
	struct ch_client *client = ch_server_connect(&server, 30000000000ull);
	static const char lines[] = "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
	    "{\"stringValue\":\"x\"}}]},\"scopeSpans\":[{\"spans\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\","
	    "\"spanId\":\"0102030405060708\",\"name\":\"n\",\"startTimeUnixNano\":\"1795175000000000001\","
	    "\"endTimeUnixNano\":\"1795175000000000002\",\"attributes\":["
	    "{\"key\":\"i\",\"value\":{\"intValue\":\"5\"}},{\"key\":\"s\",\"value\":{\"stringValue\":\"5\"}},"
	    "{\"key\":\"b\",\"value\":{\"boolValue\":true}},{\"key\":\"d.e\",\"value\":{\"doubleValue\":0.5}}]}]}]}]}\n";
	struct span_batch one;
	struct ingest_result got = { 0 };
	struct export_rig r;
	struct buf rows = BUF_INIT;
	struct export_counts c;
	struct err e = ERR_INIT;

	(void)state;
	span_batch_init(&one);
	assert_int_equal(otlp_json_parse(SV(lines), 1, &one, &got, &e), 0);
	assert_int_equal(one.n, 1);
	memset(&r, 0, sizeof r);
	r.server = &server;
	store_rig_init(&r.store, 1, 0, 1, 1, 64);
	store_rig_add(&r.store, &one, 64);
	ch_server_do(&server, SV("CREATE DATABASE IF NOT EXISTS otel"));
	ch_server_do(&server, SV("CREATE TABLE otel.typed " BEGIN("DateTime64(9)") END("JSON") ", StatusMessage String" TAIL));
	c = run(&r, &how);
	assert_int_equal(c.n_sent, 1);
	if (ch_rows(client, SV("SELECT SpanAttributes.i, SpanAttributes.s, SpanAttributes.b, SpanAttributes.d.e, "
	    "dynamicType(SpanAttributes.i), dynamicType(SpanAttributes.s), ResourceAttributes.service.name FROM otel.typed"),
	    NULL, 0, "TabSeparated", &rows, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(buf_cstr(&rows), "5\t5\ttrue\t0.5\tInt64\tString\tx\n");
	c = run(&r, &how);
	assert_true(c.n_sent == 0 && c.n_there == 1);
	buf_release(&rows);
	span_batch_release(&one);
	store_rig_release(&r.store);
	ch_client_free(client);
}

/* ---- what is asked wrongly ---- */

static void
a_bad_path_is_the_paths_and_a_damaged_record_is_named(void **state)
{
	struct export_how how = { .table = "named", .path = "/nothing/like/this", .batch_rows = BATCH };
	struct export_counts c = fails(&rig, &how, ERR_UNKNOWN, "nothing");
	char command[256];

	(void)state;
	assert_true(c.of_path);
	how.path = "/service/x/group/name";
	assert_true(fails(&rig, &how, ERR_UNKNOWN, "x").of_path);
	how.path = NULL;
	run(&rig, &how);
	snprintf(command, sizeof command, "sed -i 's/sent/went/' %s/export/*.export", rig.store.dir);
	assert_int_equal(system(command), 0);
	assert_false(fails(&rig, &how, ERR_CORRUPT, ".export is damaged").of_path);
	how.missing = true;
	c = run(&rig, &how);
	assert_true(c.n_sent == 0 && c.n_there == N_SPANS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_spans_come_whole),
		cmocka_unit_test(the_table_of_times_has_every_trace),
		cmocka_unit_test(batches_are_large_and_compressed),
		cmocka_unit_test(a_server_that_fails_gets_each_span_once),
		cmocka_unit_test(a_slow_insert_is_stopped_before_it_is_sent_again),
		cmocka_unit_test(a_server_that_is_gone_is_an_error_and_then_it_goes_on),
		cmocka_unit_test(again_it_sends_what_is_new),
		cmocka_unit_test(spans_that_came_meanwhile_are_not_passed_over),
		cmocka_unit_test(missing_ones_are_asked_for_without_a_record),
		cmocka_unit_test(a_table_that_was_made_anew_gets_everything),
		cmocka_unit_test(tables_that_can_not_hold_a_span_are_refused),
		cmocka_unit_test(further_columns_are_left_to_the_server),
		cmocka_unit_test(attributes_in_json_keep_their_types),
		cmocka_unit_test(a_bad_path_is_the_paths_and_a_damaged_record_is_named),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
