/* SPDX-License-Identifier: ISC */
/*
 * test_ch_bounded: rows of a server that are more than a query's memory. Those in the default order come
 * in windows, others go to a spill file; the bytes are those of a query that has room for all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ask.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"

#define N 120000
#define FILES 6

/* Half of them are of the last hour of a day: a window as long as all the others let expect is too long there. */
#define ROWS "INSERT INTO spans (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, " \
	"ResourceAttributes, SpanAttributes, Duration, StatusCode, Events.Timestamp, Events.Name, " \
	"Events.Attributes) SELECT toDateTime64('2026-11-20 00:00:00', 9) + multiIf(number % 2 = 0, number / 2, " \
	"82800 + number / 40), lower(hex(sipHash128(intDiv(number, 50)))), " \
	"lower(leftPad(hex(number + 1), 16, '0')), multiIf(number % 50 = 0, '', " \
	"lower(leftPad(hex(intDiv(number, 50) * 50 + 1), 16, '0'))), concat('op ', toString(number % 7)), " \
	"'Server', 's', map('service.name', 's', 'host.name', concat('node-', toString(number % 5))), " \
	"map('http.route', '/api/cart', 'number', toString(number)), number * 7919 % 100003, 'Unset', " \
	"multiIf(number % 100 = 0, [toDateTime64('2026-11-20 00:00:00', 9) + number], []), " \
	"multiIf(number % 100 = 0, ['an event'], []), multiIf(number % 100 = 0, [map('a', toString(number))], []) " \
	"FROM numbers(120000)"	/* N */

static const char *const paths[FILES] = {
	"/spans.jsonl", "/sort/duration/spans.jsonl", "/sort/name,start/select/name,span_id/spans.csv",
	"/traces.jsonl", "/events.jsonl", "/where/trace_spans/gt/1/sort/duration:desc/spans.jsonl",
};
static struct ch_server server;
static struct buf want[FILES];

struct asked {
	struct conf *conf;
	struct engine *en;
};

static void
open_with(struct asked *x, const char *memory, const char *more)
{
	char url[96], most[64];
	const char *const sets[] = { url, most, "clickhouse.table=spans", "mount.now=latest",
	    "mount.spill_dir=/tmp", "query.timeout=200s", "clickhouse.timeout=200s", more };
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	snprintf(most, sizeof most, "query.memory=%s", memory);
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, &x->conf, &e) < 0 ||
	    engine_open(x->conf, ENGINE_CLICKHOUSE, false, &x->en, &e) < 0)
		fail_msg("%s", e.msg);
}

static void
close_it(struct asked *x)
{
	engine_close(x->en);
	conf_free(x->conf);
}

/* How many questions it took. */
static uint64_t
see_same(struct asked *x, size_t i)
{
	struct ch_counts before, after;
	struct buf got = BUF_INIT;

	ch_client_counts(ch_server_client(x->en->server), &before);
	assert_int_equal(ask_anew(x->en, paths[i], &got), 0);
	ch_client_counts(ch_server_client(x->en->server), &after);
	assert_int_equal(got.n, want[i].n);
	assert_memory_equal(got.p, want[i].p, got.n);
	buf_release(&got);
	return after.asked - before.asked;
}

static void
rows_in_the_default_order_come_in_windows(void **state)
{
	struct asked x;

	(void)state;
	open_with(&x, "48MiB", "mount.spill_max=1GiB");
	assert_in_range(see_same(&x, 0), 4, 60);
	close_it(&x);
}

static void
others_go_to_a_spill_file(void **state)
{
	struct asked x;

	(void)state;
	open_with(&x, "64MiB", "mount.spill_max=1GiB");
	for (size_t i = 1; i < FILES; i++)
		assert_in_range(see_same(&x, i), 1, 60);
	close_it(&x);
}

/* Of rows, and of those that are put into groups. */
static void
profile_says_how_much_went_there(void **state)
{
	static const char *const at[] = { "/sort/duration/profile.json",
	    "/where/trace_spans/gt/1/group/name/profile.json" };
	struct asked x;

	(void)state;
	open_with(&x, "64MiB", "mount.spill_max=1GiB");
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct buf got = BUF_INIT;

		assert_int_equal(ask_anew(x.en, at[i], &got), 0);
		assert_true(buf_cstr(&got) != NULL);
		assert_non_null(strstr(got.p, "\"spilled_bytes\":"));
		assert_null(strstr(got.p, "\"spilled_bytes\":0,"));
		buf_release(&got);
	}
	close_it(&x);
}

static void
without_room_in_the_file_that_is_an_error(void **state)
{
	struct buf got = BUF_INIT;
	struct asked x;

	(void)state;
	open_with(&x, "64MiB", "mount.spill_max=1MiB");
	assert_int_equal(ask_anew(x.en, paths[1], &got), ERR_NOSPC);
	buf_release(&got);
	close_it(&x);
}

static int
start(void **state)
{
	struct asked x;

	(void)state;
	ch_server_start(&server, "http", NULL);
	ch_server_do(&server, SV("CREATE TABLE spans (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree "
	    "PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"));
	ch_server_do(&server, SV(ROWS));
	open_with(&x, "4GiB", "mount.spill_max=1MiB");
	for (size_t i = 0; i < FILES; i++) {
		assert_int_equal(ask_anew(x.en, paths[i], &want[i]), 0);
		/* Rows, of which there are many. */
		assert_true(want[i].n > 100000);
	}
	close_it(&x);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILES; i++)
		buf_release(&want[i]);
	ch_server_stop(&server);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_in_the_default_order_come_in_windows),
		cmocka_unit_test(others_go_to_a_spill_file),
		cmocka_unit_test(profile_says_how_much_went_there),
		cmocka_unit_test(without_room_in_the_file_that_is_an_error),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
