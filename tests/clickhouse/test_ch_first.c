/* SPDX-License-Identifier: ISC */
/*
 * test_ch_first: the first spans by one key, of which a server is asked for one more than are wanted:
 * they are those of the whole order, whatever is equal at the border and however durations lie, and
 * a second question is asked where one did not tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ask.h"
#include "lib/ch_engine_open.h"
#include "lib/ch_tables.h"

#define N 240
#define CREATE(name, duration) "CREATE TABLE " name " (" CH_TABLE(CH_MAP, duration) ") ENGINE = MergeTree " \
	"PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"
#define ROWS(name, duration) "INSERT INTO " name " (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, " \
	"Duration, StatusCode) SELECT toDateTime64('2026-11-20 00:00:00', 9) + intDiv(number, 2), " \
	"lower(hex(sipHash128(number))), lower(leftPad(hex(number + 1), 16, '0')), 'op', 'Server', 's', " \
	duration ", 'Unset' FROM numbers(240)"	/* N */

static struct ch_server server;
static struct ch_engine x;

static void
read_it(struct buf *out, const char *sort, unsigned limit)
{
	char path[96];

	if (limit == 0)
		snprintf(path, sizeof path, "/sort/%s/spans.jsonl", sort);
	else
		snprintf(path, sizeof path, "/sort/%s/limit/%u/spans.jsonl", sort, limit);
	out->n = 0;
	assert_int_equal(ask_anew(x.en, path, out), 0);
}

static size_t
lines(struct sv s, unsigned n)
{
	size_t at = 0;

	while (n != 0 && at < s.n)
		n -= s.p[at++] == '\n';
	return at;
}

/* Questions that the first `limit` took; they are the first of all. */
static uint64_t
first_ones(const char *sort, unsigned limit)
{
	struct buf all = BUF_INIT, some = BUF_INIT;
	struct ch_counts before, after;

	read_it(&all, sort, 0);
	ch_client_counts(ch_server_client(x.en->server), &before);
	read_it(&some, sort, limit);
	ch_client_counts(ch_server_client(x.en->server), &after);
	assert_int_equal(lines(buf_view(&all), N + 1), all.n);
	all.n = lines(buf_view(&all), limit);
	assert_int_equal(some.n, all.n);
	assert_memory_equal(some.p, all.p, all.n);
	buf_release(&all);
	buf_release(&some);
	return after.asked - before.asked;
}

static void
what_is_equal_at_the_border_is_asked_for(void **state)
{
	(void)state;
	ch_engine_open(&x, &server, "plain", "5s");
	/* By threes of one duration, and pairs of one start. */
	assert_int_equal(first_ones("duration:desc", 3), 1);
	assert_int_equal(first_ones("duration:desc", 60), 1);
	assert_int_equal(first_ones("duration:desc", 2), 2);
	assert_int_equal(first_ones("duration:desc", 61), 2);
	assert_int_equal(first_ones("duration:desc,start", 9), 1);
	assert_int_equal(first_ones("start", 8), 1);
	assert_int_equal(first_ones("start", 7), 2);
	assert_int_equal(first_ones("duration:desc", N), 1);
	assert_int_equal(first_ones("duration:desc", N + 1), 1);
	/* From the wrong end: by time, too. */
	assert_int_equal(first_ones("duration", 3), 1);
	assert_int_equal(first_ones("duration", 4), 2);
	ch_engine_close(&x);
}

/* Rows that are no spans, for want of ids, lie before all others in each order; "v" has two spans. */
static void
rows_without_ids_take_no_place(void **state)
{
	static const char *const ids[] = { "''", "'0000000000000000'", "'0000000000000001'" };
	static const char *const traces[] = { "''", "'00000000000000000000000000000000'",
		"'0123456789abcdef0123456789abcdef'" };
	char sql[1024];

	(void)state;
	ch_server_do(&server, SV(CREATE("idless", "UInt64")));
	for (int i = 0; i < 9; i++) {
		snprintf(sql, sizeof sql, "INSERT INTO idless (Timestamp, TraceId, SpanId, SpanName, SpanKind, "
		    "ServiceName, Duration, StatusCode) SELECT toDateTime64('2026-11-20 00:01:00', 9) - %d, %s, %s, "
		    "'op', 'Server', 'v', %d - number, 'Unset' FROM numbers(%d)", i, traces[i % 3], ids[i / 3],
		    1000 - i, i == 8 ? 2 : 1);
		ch_server_do(&server, sv_cstr(sql));
	}
	ch_engine_open(&x, &server, "idless", "5s");
	for (unsigned limit = 1; limit < 4; limit++) {
		static const char *const sorts[] = { "start:desc", "start", "duration:desc", "duration" };

		for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
			unsigned want = limit < 2 ? limit : 2;
			struct buf out = BUF_INIT;

			read_it(&out, sorts[i], limit);
			assert_int_equal(lines(buf_view(&out), want), out.n);
			assert_true(lines(buf_view(&out), want - 1) < out.n);
			buf_release(&out);
		}
	}
	ch_engine_close(&x);
}

static void
durations_past_63_bits_are_none(void **state)
{
	(void)state;
	ch_engine_open(&x, &server, "wrapped", "5s");
	for (unsigned n = 1; n < N; n += 17)
		assert_int_equal(first_ones("duration:desc", n), 2);
	assert_int_equal(first_ones("duration", 5), 1);
	assert_int_equal(first_ones("duration:desc", N), 1);
	ch_engine_close(&x);
}

static void
negative_durations_are_none(void **state)
{
	uint64_t twice = 0;

	(void)state;
	ch_engine_open(&x, &server, "negative", "5s");
	for (unsigned n = 1; n < N; n += 7) {
		twice += first_ones("duration:desc", n) == 2;
		twice += first_ones("duration", n) == 2;
	}
	/* A fifth is none, and so equal. */
	assert_int_equal(first_ones("duration", 10), 2);
	assert_int_equal(first_ones("duration:desc", N - 10), 2);
	assert_in_range(twice, 10, 60);
	ch_engine_close(&x);
}

static int
start(void **state)
{
	(void)state;
	ch_server_start(&server, "http", NULL);
	ch_server_do(&server, SV(CREATE("plain", "UInt64")));
	ch_server_do(&server, SV(ROWS("plain", "intDiv(number, 3)")));
	ch_server_do(&server, SV(CREATE("wrapped", "UInt64")));
	ch_server_do(&server, SV(ROWS("wrapped", "if(number % 50 = 7, 18446744073709551615 - number, number)")));
	ch_server_do(&server, SV(CREATE("negative", "Int64")));
	ch_server_do(&server, SV(ROWS("negative", "if(number % 5 = 0, -toInt64(number), toInt64(intDiv(number, 3)))")));
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
		cmocka_unit_test(what_is_equal_at_the_border_is_asked_for),
		cmocka_unit_test(rows_without_ids_take_no_place),
		cmocka_unit_test(durations_past_63_bits_are_none),
		cmocka_unit_test(negative_durations_are_none),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
