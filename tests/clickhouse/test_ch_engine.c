/* SPDX-License-Identifier: ISC */
/* test_ch_engine: the client and ClickHouse's own engine understand each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "lib/ch_server.h"
#include "lib/hostile.h"

#define S 1000000000ull
#define ENDLESS "SELECT number FROM system.numbers WHERE NOT ignore(sipHash64(number), "

static struct ch_server server;

static int
start(void **state)
{
	static const char *const options[] = { "--user", "u:secret", "--user", "ro:pw:readonly=1", NULL };

	(void)state;
	ch_server_start(&server, "http", options);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_server_stop(&server);
	return 0;
}

/* ---- hostile values ---- */

#define BATCH 250
#define VALUES 10000

static uint64_t seed = 42;

static void
values_come_back_as_they_were(struct ch_client *c, bool array)
{
	struct buf texts[BATCH], escaped[BATCH], sql = BUF_INIT, rows = BUF_INIT;
	struct sv all[BATCH];
	struct ch_param params[BATCH];
	char names[BATCH][8];
	struct err e = ERR_INIT;
	struct cursor at;

	BUF_LIT(&sql, "SELECT ");
	for (size_t i = 0; i < BATCH; i++) {
		buf_init(&texts[i]);
		buf_init(&escaped[i]);
		hostile_value(&seed, &texts[i]);
		all[i] = buf_view(&texts[i]);
		snprintf(names[i], sizeof names[i], "p%zu", i);
		if (!array || i == 0)
			buf_printf(&sql, array ? "{p%zu:Array(String)}, " : "{p%zu:String}, ", i);
		ch_param_string(&escaped[i], all[i]);
		params[i] = (struct ch_param){ sv_cstr(names[i]), buf_view(&escaped[i]) };
	}
	if (array) {
		escaped[0].n = 0;
		ch_param_strings(&escaped[0], all, BATCH);
		params[0].value = buf_view(&escaped[0]);
	}
	BUF_LIT(&sql, "1");
	if (ch_rows(c, buf_view(&sql), params, array ? 1 : BATCH, "RowBinary", &rows, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	at = cursor_new(rows.p, rows.n);
	if (array)
		assert_int_equal(cursor_varint(&at), BATCH);
	for (size_t i = 0; i < BATCH; i++)
		assert_true(sv_eq(cursor_str(&at), all[i]));
	assert_true(cursor_u8(&at) == 1 && cursor_left(&at) == 0 && !at.bad);
	for (size_t i = 0; i < BATCH; i++) {
		buf_release(&texts[i]);
		buf_release(&escaped[i]);
	}
	buf_release(&sql);
	buf_release(&rows);
}

static void
hostile_values_round_trip(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 20 * S);

	(void)state;
	for (unsigned n = 0; n < VALUES; n += BATCH)
		values_come_back_as_they_were(c, n / BATCH % 2);
	ch_client_free(c);
}

/* ---- errors ---- */

static void
errors_have_the_servers_words(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 2 * S);

	(void)state;
	ch_rows_refused(c, "SELEC 1", ERR_IO, 62, "Syntax error");
	ch_rows_refused(c, "SELECT nope", ERR_IO, 47, "nope");
	ch_rows_refused(c, "SELECT 1 FROM nope", ERR_IO, 60, "nope");
	ch_rows_refused(c, "CREATE TABLE w (a UInt8) ENGINE = Memory", ERR_IO, 164, "readonly");
	ch_rows_refused(c, "SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000", ERR_NOMEM, 241, "max_memory");
	ch_rows_refused(c, "SELECT sum(number) FROM numbers(1000000) SETTINGS max_rows_to_read = 10", ERR_LIMIT, 158,
	    "max_rows_to_read");
	ch_rows_refused(c, "SELECT number, throwIf(number = 150000) FROM numbers(2000000) "
	    "SETTINGS max_threads = 1, max_block_size = 1000", ERR_IO, 395, "throwIf");
	ch_client_free(c);
}

static void
users(void **state)
{
	struct ch_outcome o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ch_server_as(&server, "u", "secret", &o, &e), 0);
	assert_int_equal(ch_server_as(&server, "u", "wr0ng", &o, &e), ERR_ACCESS);
	assert_int_equal(o.status, 403);
	assert_null(strstr(e.msg, "wr0ng"));
	assert_int_equal(ch_server_as(&server, "", "wr0ng", &o, &e), ERR_ACCESS);
	/* One that may set nothing: asked without settings. */
	assert_int_equal(ch_server_as(&server, "ro", "pw", &o, &e), 0);
	assert_int_equal(o.tries, 2);
}

/* ---- queries that are left ---- */

static bool
runs(struct ch_client *c, const char *mark)
{
	struct ch_param m = { SV("m"), sv_cstr(mark) };
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	bool yes;

	if (ch_rows(c, SV("SELECT count() FROM system.processes WHERE position(query, {m:String}) > 0"), &m, 1,
	    "TabSeparated", &rows, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	yes = !sv_is(buf_view(&rows), "0\n");
	buf_release(&rows);
	return yes;
}

static void
check_stopped(struct ch_client *c, const char *mark)
{
	uint64_t begin = clock_mono_ns();
	const struct timespec ten_ms = { 0, 10000000 };

	while (runs(c, mark)) {
		assert_true(clock_mono_ns() - begin < S);
		nanosleep(&ten_ms, NULL);
	}
}

static void
a_query_that_is_left_stops_on_the_server(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 20 * S), *d = ch_server_connect(&server, 5 * S);
	struct ch_question q = { .sql = SV(ENDLESS "'left')"), .format = SV("RowBinary") };
	struct ch_reply *r = NULL;
	struct err e = ERR_INIT;
	struct sv piece;

	(void)state;
	assert_int_equal(ch_ask(c, &q, NULL, &r, &e), 0);
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
	assert_true(clock_mono_ns() - begin < 2 * S);
	check_stopped(d, "'late'");
	ch_client_free(c);
	ch_client_free(d);
}

static void
the_summary_tells_what_was_read(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 5 * S);
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	struct ch_outcome o;

	(void)state;
	assert_int_equal(ch_rows(c, SV("SELECT sum(number) FROM numbers(1000)"), NULL, 0, "RowBinary", &rows, &o, &e), 0);
	assert_true(o.read_rows == 1000 && o.read_bytes == 8000 && o.elapsed_ns > 0);
	assert_true(strncmp(o.id, "spanfs-", 7) == 0);
	buf_release(&rows);
	ch_client_free(c);
}

/* ---- TLS ---- */

static void
certificate(const char *dir, const char *name, const char *san)
{
	char command[512];

	snprintf(command, sizeof command, "openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:prime256v1 -nodes -keyout %s/%s.key -out %s/%s.pem "
	    "-days 2 -subj /CN=%s -addext subjectAltName=%s >/dev/null 2>&1", dir, name, dir, name, name, san);
	assert_int_equal(system(command), 0);
}

static int
by_tls(const char *url, const char *ca, struct err *e)
{
	struct ch_options opts = { .url = sv_cstr(url), .ca_file = sv_cstr(ca), .timeout_ns = 5 * S };
	struct ch_client *c = NULL;
	struct buf rows = BUF_INIT;
	int rc;

	assert_int_equal(ch_client_new(&opts, &c, e), 0);
	rc = ch_rows(c, SV("SELECT 1"), NULL, 0, "RowBinary", &rows, NULL, e);
	buf_release(&rows);
	ch_client_free(c);
	return rc;
}

static void
certificates_are_checked(void **state)
{
	char dir[] = "/tmp/spanfs-tls.XXXXXX", pem[64], key[64], other[64], url[64], command[64];
	const char *options[] = { "--tls", pem, key, NULL };
	struct ch_server s;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	certificate(dir, "right", "IP:127.0.0.1");
	certificate(dir, "other", "IP:127.0.0.1");
	snprintf(pem, sizeof pem, "%s/right.pem", dir);
	snprintf(key, sizeof key, "%s/right.key", dir);
	snprintf(other, sizeof other, "%s/other.pem", dir);
	ch_server_start(&s, "https", options);
	if (by_tls(s.url, pem, &e) != 0)
		fail_msg("%s", e.msg);
	/* Of a stranger, of nobody that the system knows, of another name. */
	assert_int_equal(by_tls(s.url, other, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "certificate"));
	assert_int_equal(by_tls(s.url, "", &e), ERR_IO);
	snprintf(url, sizeof url, "https://localhost:%u", s.port);
	assert_int_equal(by_tls(url, pem, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "localhost"));
	assert_int_equal(by_tls(s.url, "/nonexistent.pem", &e), ERR_IO);
	ch_server_stop(&s);
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_values_round_trip),
		cmocka_unit_test(errors_have_the_servers_words),
		cmocka_unit_test(users),
		cmocka_unit_test(a_query_that_is_left_stops_on_the_server),
		cmocka_unit_test(a_query_past_its_deadline_stops_on_the_server),
		cmocka_unit_test(the_summary_tells_what_was_read),
		cmocka_unit_test(certificates_are_checked),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
