/* SPDX-License-Identifier: ISC */
/* test_ch_types: what ClickHouse's engine writes of each type is what ch_rows reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rowbinary/ch_rows.h"
#include "lib/ch_server.h"

#define S 1000000000ull

static struct ch_server server;

static int
start(void **state)
{
	(void)state;
	ch_server_start(&server, "http", NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_server_stop(&server);
	return 0;
}

static int
next_piece(void *arg, struct sv *out, struct err *e)
{
	return ch_read(arg, out, e);
}

struct want {
	const char *value;	/* in SQL */
	const char *type;	/* as read */
	const char *bytes;
	size_t n;
};
#define W(value, type, bytes) { value, type, bytes, sizeof bytes - 1 }

static const struct want wants[] = {
	W("'text'", "String", "\4text"),
	W("'a\\0b'", "String", "\3a\0b"),
	W("toFixedString('ab', 3)", "FixedString(3)", "ab\0"),
	W("toLowCardinality('x')", "String", "\1x"),
	W("CAST(NULL AS LowCardinality(Nullable(String)))", "Nullable(String)", "\1"),
	W("CAST(7 AS Nullable(UInt8))", "Nullable(UInt8)", "\0\7"),
	W("toUInt16(258)", "UInt16", "\2\1"),
	W("toUInt32(1)", "UInt32", "\1\0\0\0"),
	W("toUInt64(18446744073709551615)", "UInt64", "\xff\xff\xff\xff\xff\xff\xff\xff"),
	W("toInt8(-1)", "Int8", "\xff"),
	W("toInt16(-2)", "Int16", "\xfe\xff"),
	W("toInt32(-1)", "Int32", "\xff\xff\xff\xff"),
	W("toInt64(-2)", "Int64", "\xfe\xff\xff\xff\xff\xff\xff\xff"),
	W("toFloat32(1)", "Float32", "\0\0\x80\x3f"),
	W("toFloat64(-2)", "Float64", "\0\0\0\0\0\0\0\xc0"),
	W("true", "Bool", "\1"),
	W("toDateTime(1, 'UTC')", "DateTime", "\1\0\0\0"),
	W("toDateTime64('1970-01-01 00:00:01', 9, 'UTC')", "DateTime64(9)", "\0\xca\x9a\x3b\0\0\0\0"),
	W("toDateTime64('1970-01-01 00:00:01', 3, 'UTC')", "DateTime64(3)", "\xe8\3\0\0\0\0\0\0"),
	W("CAST('b', 'Enum8(\\'a\\' = 1, \\'b\\' = -2)')", "Enum8", "\xfe"),
	W("CAST('a', 'Enum16(\\'a\\' = 300)')", "Enum16", "\x2c\1"),
	W("toUUID('00112233-4455-6677-8899-aabbccddeeff')", "UUID",
	    "\x77\x66\x55\x44\x33\x22\x11\0\xff\xee\xdd\xcc\xbb\xaa\x99\x88"),
	W("['a', 'b']", "Array(String)", "\2\1a\1b"),
	W("[]", "Array(Nothing)", "\0"),
	W("CAST(map('k', 'v'), 'Map(LowCardinality(String), String)')", "Map(String, String)", "\1\1k\1v"),
	W("(1, 'x')", "Tuple(UInt8, String)", "\1\1x"),
	W("CAST([(1, 'x')], 'Nested(a UInt8, b String)')", "Array(Tuple(UInt8, String))", "\1\1\1x"),
	W("CAST('{\"a\":{\"b\":1}}', 'JSON')", "JSON", "\x0f{\"a\":{\"b\":\"1\"}}"),
	W("CAST(toDateTime(1, 'UTC') AS SimpleAggregateFunction(min, DateTime))", "DateTime", "\1\0\0\0"),
};
#define N_WANTS (sizeof wants / sizeof *wants)

static void
check_column(const struct ch_column *c, struct sv cell, const struct want *w)
{
	struct buf b = BUF_INIT;

	ch_type_print(&b, c->type);
	assert_string_equal(buf_cstr(&b), w->type);
	buf_release(&b);
	/* How JSON is spelled is the server's: that it is text is ours. */
	if (c->type->kind == CH_JSON)
		assert_true(cell.n > 2 && cell.p[1] == '{');
	else if (!sv_eq(cell, sv_new(w->bytes, w->n)))
		fail_msg("%s: other bytes", w->value);
}

static void
each_type_is_read_as_it_is_written(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 10 * S);
	struct buf sql = BUF_INIT;
	struct ch_question q = { .format = SV("RowBinaryWithNamesAndTypes") };
	const struct ch_column *columns;
	const struct sv *cells;
	struct ch_reply *reply;
	struct ch_rows *rows;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	BUF_LIT(&sql, "SELECT ");
	for (size_t i = 0; i < N_WANTS; i++)
		buf_printf(&sql, "%s, ", wants[i].value);
	BUF_LIT(&sql, "toUInt8(1) AS " CH_END " FROM numbers(70000)");
	q.sql = buf_view(&sql);
	if (ch_ask(c, &q, NULL, &reply, &e) != 0 || ch_rows_open(next_piece, reply, &rows, &e) != 0)
		fail_msg("%s", e.msg);
	columns = ch_rows_columns(rows, &n);
	assert_int_equal(n, N_WANTS + 1);
	for (size_t row = 0; row < 70000; row++) {
		if (ch_rows_next(rows, &cells, &e) != 0)
			fail_msg("row %zu: %s", row, e.msg);
		for (size_t i = 0; i < N_WANTS && row % 10000 == 0; i++)
			check_column(&columns[i], cells[i], &wants[i]);
	}
	assert_true(ch_rows_next(rows, &cells, &e) > 0);
	ch_rows_close(rows);
	ch_close(reply);
	ch_client_free(c);
	buf_release(&sql);
}

static void
unknown_types_are_refused_by_name(void **state)
{
	struct ch_client *c = ch_server_connect(&server, 10 * S);
	struct ch_question q = { .sql = SV("SELECT toDecimal32(1, 2) AS d"), .format = SV("RowBinaryWithNamesAndTypes") };
	struct ch_reply *reply;
	struct ch_rows *rows;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ch_ask(c, &q, NULL, &reply, &e), 0);
	assert_int_equal(ch_rows_open(next_piece, reply, &rows, &e), ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "column d"));
	assert_non_null(strstr(e.msg, "Decimal"));
	ch_close(reply);
	ch_client_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_is_read_as_it_is_written),
		cmocka_unit_test(unknown_types_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
