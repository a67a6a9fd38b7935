/* SPDX-License-Identifier: ISC */
/* test_ch_rows: types and rows of ClickHouse's answers: what is whole is read, all else refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rowbinary/ch_rows.h"

/* ---- types ---- */

static void
types_are_read(void **state)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{ "String", "String" }, { "LowCardinality(String)", "String" }, { "FixedString(16)", "FixedString(16)" },
		{ "LowCardinality(Nullable(String))", "Nullable(String)" }, { "UInt8", "UInt8" }, { "Int64", "Int64" },
		{ "Float32", "Float32" }, { "Bool", "Bool" }, { "UUID", "UUID" }, { "DateTime", "DateTime" },
		{ "DateTime('Europe/Berlin')", "DateTime" }, { "DateTime64(9)", "DateTime64(9)" },
		{ "DateTime64(3, 'UTC')", "DateTime64(3)" }, { "Enum8('a' = 1, 'b\\'c' = -128)", "Enum8" },
		{ "Enum16('x'=32767)", "Enum16" }, { "Array(Nullable(UInt32))", "Array(Nullable(UInt32))" },
		{ "Map(LowCardinality(String), String)", "Map(String, String)" },
		{ "Tuple(UInt8, `a b` String, c Array(Int8))", "Tuple(UInt8, String, Array(Int8))" },
		{ "Nested(Timestamp DateTime64(9), Name LowCardinality(String))", "Array(Tuple(DateTime64(9), String))" },
		{ "SimpleAggregateFunction(min, DateTime)", "DateTime" }, { "JSON", "JSON" }, { "Array(Nothing)", "Array(Nothing)" },
		{ "JSON(max_dynamic_paths=4, `a.b` String, SKIP REGEXP 'x)\\'')", "JSON" },
	};
	struct arena a;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct ch_type *t;
		struct buf b = BUF_INIT;

		if (ch_type_parse(sv_cstr(rows[i].text), &a, &t, &e) != 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		ch_type_print(&b, t);
		assert_string_equal(buf_cstr(&b), rows[i].printed);
		buf_release(&b);
	}
	arena_release(&a);
}

static void
others_are_refused_by_name(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *words;
	} rows[] = {
		{ "Decimal(10, 2)", ERR_UNSUPPORTED, "Decimal" }, { "Array(IPv6)", ERR_UNSUPPORTED, "IPv6" },
		{ "Map(String, Variant(String, UInt8))", ERR_UNSUPPORTED, "Variant" },
		{ "AggregateFunction(sum, UInt8)", ERR_UNSUPPORTED, "AggregateFunction" },
		{ "", ERR_CORRUPT, "a type" }, { "String)", ERR_CORRUPT, "the end" }, { "Array(", ERR_CORRUPT, "a type" },
		{ "Array(String", ERR_CORRUPT, "')'" }, { "Map(String)", ERR_CORRUPT, "','" }, { "Tuple()", ERR_CORRUPT, "a type" },
		{ "FixedString(0)", ERR_CORRUPT, "a length" }, { "FixedString(99999999999)", ERR_CORRUPT, "a number" },
		{ "DateTime64(10)", ERR_CORRUPT, "a number" }, { "Enum8('a' = 128)", ERR_CORRUPT, "a number" },
		{ "Enum8('a", ERR_CORRUPT, "the end of a text" }, { "Enum8('a\\", ERR_CORRUPT, "the end of a text" },
		{ "JSON(a", ERR_CORRUPT, "')'" }, { "Nested(String)", ERR_CORRUPT, "a type" },
	};
	struct buf deep = BUF_INIT;
	const struct ch_type *t;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = ERR_INIT;

		if (ch_type_parse(sv_cstr(rows[i].text), &a, &t, &e) != rows[i].code || strstr(e.msg, rows[i].words) == NULL)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_true(e.off >= 0 && (size_t)e.off <= strlen(rows[i].text));
	}
	for (int i = 0; i < 10000; i++)
		BUF_LIT(&deep, "Array(");
	assert_int_equal(ch_type_parse(buf_view(&deep), &a, &t, NULL), ERR_CORRUPT);
	for (int i = 0; i < 10000; i++)
		BUF_LIT(&deep, "String");
	assert_int_equal(ch_type_parse(buf_view(&deep), &a, &t, NULL), ERR_TOOBIG);
	buf_release(&deep);
	arena_release(&a);
}

/* ---- rows ---- */

/* An answer, in pieces of a size. */
struct source {
	struct sv all;
	size_t at, piece;
	int fail;	/* at the end, instead of it */
};

static int
next_piece(void *arg, struct sv *out, struct err *e)
{
	struct source *s = arg;
	size_t n = s->all.n - s->at;

	if (n == 0)
		return s->fail != 0 ? err_set(e, s->fail, -1, "the server failed") : 1;
	n = n < s->piece ? n : s->piece;
	*out = sv_sub(s->all, s->at, s->at + n);
	s->at += n;
	return 0;
}

static void
put_str(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

#define N_ROWS 40

/* Two names and types that a table of spans has, and rows. */
static void
make(struct buf *b, size_t *head)
{
	static const char *const names[] = { "Name", "Attrs", "When", "Null", "Kind", CH_END };
	static const char *const types[] = { "LowCardinality(String)", "Map(LowCardinality(String), String)",
		"Array(Tuple(DateTime64(9), Bool))", "Nullable(UInt64)", "Enum8('a' = 1)", "UInt8" };

	buf_varint(b, 6);
	for (size_t i = 0; i < 6; i++)
		put_str(b, sv_cstr(names[i]));
	for (size_t i = 0; i < 6; i++)
		put_str(b, sv_cstr(types[i]));
	*head = b->n;
	for (size_t i = 0; i < N_ROWS; i++) {
		put_str(b, sv_sub(SV("the name of a span, which may be long"), 0, i));
		buf_varint(b, i % 3);
		for (size_t k = 0; k < i % 3; k++) {
			put_str(b, SV("key"));
			put_str(b, SV("value"));
		}
		buf_varint(b, i % 2);
		if (i % 2 != 0)
			buf_put(b, "\1\2\3\4\5\6\7\10\1", 9);
		buf_put(b, i % 2 ? "\1" : "\0\1\1\1\1\1\1\1\1", i % 2 ? 1 : 9);
		buf_put(b, "\1\1", 2);
	}
}

/* Rows read, or the error; the bytes of all cells are counted. */
static int
read_all(struct sv all, size_t piece, int fail, size_t *n_rows, size_t *cell_bytes, struct err *e)
{
	struct source s = { all, 0, piece, fail };
	struct ch_rows *r;
	const struct sv *cells;
	size_t n;
	int rc = ch_rows_open(next_piece, &s, &r, e);

	*n_rows = *cell_bytes = 0;
	if (rc < 0)
		return rc;
	(void)ch_rows_columns(r, &n);
	while ((rc = ch_rows_next(r, &cells, e)) == 0) {
		++*n_rows;
		for (size_t i = 0; i < n; i++)
			*cell_bytes += cells[i].n;
	}
	ch_rows_close(r);
	return rc > 0 ? 0 : rc;
}

static void
rows_come_whole_in_pieces_of_any_size(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 100000 };
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t head, n, bytes;

	(void)state;
	make(&b, &head);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (read_all(buf_view(&b), sizes[i], 0, &n, &bytes, &e) != 0)
			fail_msg("%s", e.msg);
		assert_int_equal(n, N_ROWS);
		assert_int_equal(bytes, b.n - head);
	}
	/* Only names and types are an answer, too. */
	assert_int_equal(read_all(sv_new(b.p, head), 5, 0, &n, &bytes, &e), 0);
	assert_int_equal(n, 0);
	/* What the source says comes through. */
	assert_int_equal(read_all(buf_view(&b), 5, ERR_TIMEOUT, &n, &bytes, &e), ERR_TIMEOUT);
	buf_release(&b);
}

static void
cut_at_every_byte_is_an_error_but_between_rows(void **state)
{
	struct buf b = BUF_INIT;
	size_t head, n, bytes, between = 0;

	(void)state;
	make(&b, &head);
	for (size_t i = 0; i < b.n; i++) {
		struct err e = ERR_INIT;
		int rc = read_all(sv_new(b.p, i), 16, 0, &n, &bytes, &e);

		if (rc == 0)
			between++;
		else
			assert_true(rc == ERR_CORRUPT && strstr(e.msg, "ends within") != NULL);
		assert_true(i >= head || rc != 0);
		assert_true(bytes <= b.n - head);
	}
	assert_int_equal(between, N_ROWS);
	buf_release(&b);
}

/* Every other value of every byte: another answer, or an error, and never more than there is. */
static void
changed_at_every_byte(void **state)
{
	struct buf b = BUF_INIT;
	size_t head, n, bytes, refused = 0;

	(void)state;
	make(&b, &head);
	for (size_t i = 0; i < b.n; i++)
		for (unsigned v = 1; v < 256; v += 2) {
			struct err e = ERR_INIT;
			int rc;

			b.p[i] ^= (char)v;
			rc = read_all(buf_view(&b), 1000, 0, &n, &bytes, &e);
			b.p[i] ^= (char)v;
			refused += rc < 0;
			if (rc < 0)
				assert_true(rc == ERR_CORRUPT || rc == ERR_UNSUPPORTED || rc == ERR_TOOBIG);
		}
	assert_true(refused > b.n * 20);
	buf_release(&b);
}

static int
one(const char *type, struct sv value, struct err *e)
{
	struct buf b = BUF_INIT;
	size_t n, bytes;
	int rc;

	buf_varint(&b, 1);
	put_str(&b, SV("c"));
	put_str(&b, sv_cstr(type));
	buf_sv(&b, value);
	rc = read_all(buf_view(&b), 3, 0, &n, &bytes, e);
	if (rc == 0)
		assert_int_equal(n, 1);
	buf_release(&b);
	return rc;
}

static void
what_is_no_value_is_refused(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(one("Bool", SV("\2"), &e), ERR_CORRUPT);
	assert_int_equal(one("Nullable(UInt8)", SV("\2\1"), &e), ERR_CORRUPT);
	assert_int_equal(one("Enum8('a' = 1)", SV("\3"), &e), ERR_CORRUPT);
	assert_int_equal(one("Enum16('a' = -2)", SV("\xfe\xff"), &e), 0);
	assert_int_equal(one("Array(Nothing)", SV("\0"), &e), 0);
	assert_int_equal(one("Array(Nothing)", SV("\1\0"), &e), ERR_CORRUPT);
	assert_int_equal(one("Nullable(Nothing)", SV("\1"), &e), 0);
	assert_int_equal(one("String", SV("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), &e), ERR_CORRUPT);
	assert_int_equal(one("Array(String)", SV("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), &e), ERR_CORRUPT);
	assert_int_equal(one("FixedString(3)", SV("ab"), &e), ERR_CORRUPT);
	assert_int_equal(one("UUID", SV("0123456789abcdef"), &e), 0);
	assert_int_equal(one("IPv4", SV("1234"), &e), ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "column c"));
	assert_non_null(strstr(e.msg, "IPv4"));
}

static void
rows_must_have_their_end(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t head, n, bytes;

	(void)state;
	make(&b, &head);
	b.p[b.n - 1] = 2;
	assert_int_equal(read_all(buf_view(&b), 100, 0, &n, &bytes, &e), ERR_CORRUPT);
	assert_int_equal(n, N_ROWS - 1);
	assert_non_null(strstr(e.msg, "no end"));
	buf_release(&b);
}

/* A row that never ends is given up; one that is long is not read over and over. */
static int
endless(void *arg, struct sv *out, struct err *e)
{
	static char zeros[65536];
	size_t *given = arg;

	(void)e;
	if (*given == 0) {
		static const char head[] = "\1\1c\6String\xff\xff\xff\xff\x0f";

		*out = sv_new(head, sizeof head - 1);
	} else {
		*out = sv_new(zeros, sizeof zeros);
	}
	*given += out->n;
	return 0;
}

static void
a_row_without_an_end_is_given_up(void **state)
{
	struct ch_rows *r;
	const struct sv *cells;
	struct err e = ERR_INIT;
	size_t given = 0;

	(void)state;
	assert_int_equal(ch_rows_open(endless, &given, &r, &e), 0);
	assert_int_equal(ch_rows_next(r, &cells, &e), ERR_TOOBIG);
	assert_true(given <= 2u * CH_ROW_BYTES + 200000);
	ch_rows_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_read),
		cmocka_unit_test(others_are_refused_by_name),
		cmocka_unit_test(rows_come_whole_in_pieces_of_any_size),
		cmocka_unit_test(cut_at_every_byte_is_an_error_but_between_rows),
		cmocka_unit_test(changed_at_every_byte),
		cmocka_unit_test(what_is_no_value_is_refused),
		cmocka_unit_test(rows_must_have_their_end),
		cmocka_unit_test(a_row_without_an_end_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
