/* SPDX-License-Identifier: ISC */
/*
 * test_ch_old: a real server that is eight years old, Debian's 18.16. It has no Map, so it can hold no
 * table of spans; what is asked of it is the wire: users, settings that it doesn't know, errors
 * before and behind the first row, queries that are left, and a server that goes and comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "chsql/ch_schema.h"
#include "chsql/ch_sql_i.h"
#include "clickhouse/ch_schema_read.h"
#include "lib/ch_server.h"

#define S 1000000000ull
#define ENDLESS "SELECT number FROM system.numbers WHERE NOT ignore(sipHash64(number), "

static struct ch_server server;

static int
start(void **state)
{
	(void)state;
	ch_old_server_start(&server);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_old_server_stop(&server);
	return 0;
}

static void
it_is_that_server(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 10 * S);
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	struct ch_outcome o;

	(void)state;
	/* With settings that it does not have, the newest first: asked again without. */
	if (ch_rows(c, SV("SELECT version()"), NULL, 0, "TabSeparated", &rows, &o, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(sv_starts(buf_view(&rows), SV("18.")));
	assert_int_equal(o.tries, 4);
	rows.n = 0;
	assert_int_equal(ch_rows(c, SV("SELECT 7"), NULL, 0, "RowBinary", &rows, &o, &e), 0);
	assert_true(sv_is(buf_view(&rows), "\7") && o.tries == 1);
	buf_release(&rows);
	ch_client_free(c);
}

/* ---- values ---- */

static void
values_are_written_as_hex(void **state)
{
	static const char evil[] = "'; DROP TABLE t; --\\'\0{p0:String}`\"\n\xff\xfe\xc3\x28%27&=+";
	struct ch_client *c = ch_server_connect(&server, 10 * S);
	struct arena a;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	for (size_t from = 0; from < sizeof evil; from++) {
		struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = &a, .hex = true, .exact = true };
		struct sv value = { evil + from, sizeof evil - from };
		struct buf rows = BUF_INIT;

		W(&w, "SELECT ");
		w_text(&w, value);
		W(&w, ", ");
		w_u64(&w, UINT64_MAX);
		if (ch_rows(c, buf_view(&w.b), NULL, 0, "RowBinary", &rows, NULL, &e) != 0)
			fail_msg("%s", e.msg);
		assert_int_equal((unsigned char)rows.p[0], value.n);
		assert_memory_equal(rows.p + 1, value.p, value.n);
		assert_memory_equal(rows.p + 1 + value.n, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
		buf_release(&rows);
		buf_release(&w.b);
		vec_release(&w.params);
	}
	arena_release(&a);
	ch_client_free(c);
}

/* ---- errors ---- */

static void
errors_have_the_servers_words(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 5 * S);

	(void)state;
	ch_rows_refused(c, "SELEC 1", ERR_IO, 62, "Syntax error");
	ch_rows_refused(c, "SELECT nope", ERR_IO, 47, "nope");
	ch_rows_refused(c, "SELECT 1 FROM nope", ERR_IO, 60, "nope");
	ch_rows_refused(c, "CREATE TABLE w (a UInt8) ENGINE = Memory", ERR_IO, 164, "readonly");
	ch_rows_refused(c, "SELECT count() FROM system.numbers WHERE number % 10 = 1 SETTINGS max_rows_to_read = 10", ERR_LIMIT,
	    158, "rows");
	ch_client_free(c);
}

/* Whether it fails before the first byte is sent, or behind megabytes of rows that look well. */
static void
an_error_behind_rows_is_no_end(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 20 * S);
	static const unsigned at[] = { 0, 1, 1000, 100000, 3000000 };

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct buf rows = BUF_INIT;
		struct err e = ERR_INIT;
		struct ch_outcome o;
		char sql[160];

		snprintf(sql, sizeof sql, "SELECT number, throwIf(number = %u), toUInt8(1) FROM numbers(10000000) "
		    "SETTINGS max_block_size = 1000", at[i]);
		int rc = ch_rows(c, sv_cstr(sql), NULL, 0, "RowBinary", &rows, &o, &e);
		if (rc != ERR_IO || strstr(e.msg, "throwIf") == NULL)
			fail_msg("at %u: %d after %zu bytes: %s", at[i], rc, rows.n, e.msg);
		assert_true(rows.n <= 10u * at[i] + 10000);
		buf_release(&rows);
	}
	ch_client_free(c);
}

/* ---- answers that are compressed ---- */

static int
packed_rows(enum ch_packing p, const char *sql, struct buf *rows, uint64_t *received, struct err *e)
{
	const struct ch_options o = { .url = sv_cstr(server.url), .timeout_ns = 20 * S, .packing = p };
	struct ch_question q = { .sql = sv_cstr(sql), .format = SV("RowBinary"), .packs = true };
	struct ch_reply *r = NULL;
	struct ch_client *c;
	struct ch_counts counts;
	struct sv piece;
	int rc;

	assert_int_equal(ch_client_new(&o, &c, e), 0);
	rows->n = 0;
	rc = ch_ask(c, &q, NULL, &r, e);
	while (rc == 0 && (rc = ch_read(r, &piece, e)) == 0)
		buf_sv(rows, piece);
	ch_close(r);
	ch_client_counts(c, &counts);
	*received = counts.received;
	ch_client_free(c);
	return rc > 0 ? 0 : rc;
}

/* It has gzip and no zstd. */
static void
rows_come_in_gzip(void **state)
{
	static const char sql[] = "SELECT number, toString(number % 100), toUInt8(1) FROM numbers(300000)";
	struct buf plain = BUF_INIT, packed = BUF_INIT;
	struct err e = ERR_INIT;
	uint64_t all, some;

	(void)state;
	assert_int_equal(packed_rows(CH_PACK_NONE, sql, &plain, &all, &e), 0);
	for (unsigned p = CH_PACK_GZIP; p <= CH_PACK_ZSTD; p++) {
		if (packed_rows(p, sql, &packed, &some, &e) != 0)
			fail_msg("%s", e.msg);
		assert_true(sv_eq(buf_view(&packed), buf_view(&plain)));
		assert_true(some < all / 2);
	}
	buf_release(&plain);
	buf_release(&packed);
}

static void
errors_are_told_in_gzip(void **state)
{
	static const unsigned at[] = { 0, 1, 1000, 100000, 3000000 };
	struct buf rows = BUF_INIT;
	uint64_t received;

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct err e = ERR_INIT;
		char sql[160];
		int rc;

		snprintf(sql, sizeof sql, "SELECT number, throwIf(number = %u), toUInt8(1) FROM numbers(10000000) "
		    "SETTINGS max_block_size = 1000", at[i]);
		rc = packed_rows(CH_PACK_GZIP, sql, &rows, &received, &e);
		if (rc != ERR_IO || strstr(e.msg, "throwIf") == NULL)
			fail_msg("at %u: %d after %zu bytes: %s", at[i], rc, rows.n, e.msg);
		assert_true(rows.n <= 10u * at[i] + 10000);
	}
	buf_release(&rows);
}

static void
users(void **state)
{
	struct ch_outcome o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ch_server_as(&server, "u", "secret", &o, &e), 0);
	assert_int_equal(ch_server_as(&server, "u", "wr0ng", &o, &e), ERR_ACCESS);
	assert_int_equal(o.status, 401);
	assert_null(strstr(e.msg, "wr0ng"));
	assert_int_equal(ch_server_as(&server, "nobody", "x", &o, &e), ERR_ACCESS);
	if (ch_server_as(&server, "ro", "pw", &o, &e) != 0)
		fail_msg("%s", e.msg);
}

/* It knows neither Map nor the format of typed rows: said at once, and never taken for a table. */
static void
no_table_of_spans(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 5 * S);
	struct ch_schema *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	ch_server_do(&server, SV("CREATE TABLE otel_traces (Timestamp DateTime, TraceId String) ENGINE = MergeTree "
	    "PARTITION BY toDate(Timestamp) ORDER BY Timestamp"));
	assert_true(ch_schema_read(c, (struct ch_table){ SV_EMPTY, SV("otel_traces") }, &s, &e) != 0);
	if (strstr(e.msg, "18.16") == NULL)
		fail_msg("%s", e.msg);
	assert_null(s);
	ch_client_free(c);
}

/* ---- queries that are left ---- */

static bool
runs(struct ch_client *c, const char *mark)
{
	char sql[160];
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	bool yes;

	/* The asking query has the mark in it, too. */
	snprintf(sql, sizeof sql, "SELECT count() > 1 FROM system.processes WHERE position(query, %s) > 0", mark);
	if (ch_rows(c, sv_cstr(sql), NULL, 0, "TabSeparated", &rows, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	yes = sv_is(buf_view(&rows), "1\n");
	buf_release(&rows);
	return yes;
}

static void
check_stopped(struct ch_client *c, const char *mark)
{
	uint64_t begin = clock_mono_ns();
	const struct timespec ten_ms = { 0, 10000000 };

	while (runs(c, mark)) {
		assert_true(clock_mono_ns() - begin < 10 * S);
		nanosleep(&ten_ms, NULL);
	}
}

static void
a_query_that_is_left_stops_on_the_server(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 60 * S), *d = ch_server_connect(&server, 5 * S);
	struct ch_question q = { .sql = SV(ENDLESS "'left')"), .format = SV("RowBinary") };
	struct ch_reply *r = NULL;
	struct err e = ERR_INIT;
	struct sv piece;

	(void)state;
	if (ch_ask(c, &q, NULL, &r, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t got = 0; got < 2000000; got += piece.n)
		assert_int_equal(ch_read(r, &piece, &e), 0);
	assert_true(runs(d, "'left'"));
	ch_close(r);
	check_stopped(d, "'left'");
	ch_client_free(c);
	ch_client_free(d);
}

static void
a_query_past_its_deadline_stops_on_the_server(void **state)
{
	struct ch_client *c = ch_server_connect(&server, S / 2), *d = ch_server_connect(&server, 5 * S);
	uint64_t begin = clock_mono_ns();

	(void)state;
	ch_rows_refused(c, "SELECT count() FROM system.numbers WHERE NOT ignore(sipHash64(number), 'late')", ERR_TIMEOUT, 0,
	    "[clickhouse] timeout");
	assert_true(clock_mono_ns() - begin < 5 * S);
	check_stopped(d, "'late'");
	ch_client_free(c);
	ch_client_free(d);
}

/* ---- a server that goes, and comes back ---- */

static void
a_server_that_came_back_needs_no_new_client(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 60 * S);
	struct ch_question q = { .sql = SV(ENDLESS "'gone')"), .format = SV("RowBinary") };
	struct ch_reply *r = NULL;
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	struct sv piece;
	int rc = 0;

	(void)state;
	if (ch_ask(c, &q, NULL, &r, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t got = 0; got < 2000000; got += piece.n)
		assert_int_equal(ch_read(r, &piece, &e), 0);
	ch_old_server_end(&server);
	while (rc == 0)
		rc = ch_read(r, &piece, &e);
	assert_int_equal(rc, ERR_IO);
	ch_close(r);
	assert_int_equal(ch_rows(c, SV("SELECT 1"), NULL, 0, "RowBinary", &rows, NULL, &e), ERR_IO);
	if (strstr(e.msg, "127.0.0.1") == NULL)
		fail_msg("%s", e.msg);
	ch_old_server_again(&server);
	if (ch_rows(c, SV("SELECT 1"), NULL, 0, "RowBinary", &rows, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(sv_is(buf_view(&rows), "\1"));
	buf_release(&rows);
	ch_client_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_that_server),
		cmocka_unit_test(values_are_written_as_hex),
		cmocka_unit_test(errors_have_the_servers_words),
		cmocka_unit_test(an_error_behind_rows_is_no_end),
		cmocka_unit_test(rows_come_in_gzip),
		cmocka_unit_test(errors_are_told_in_gzip),
		cmocka_unit_test(users),
		cmocka_unit_test(no_table_of_spans),
		cmocka_unit_test(a_query_that_is_left_stops_on_the_server),
		cmocka_unit_test(a_query_past_its_deadline_stops_on_the_server),
		cmocka_unit_test(a_server_that_came_back_needs_no_new_client),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
