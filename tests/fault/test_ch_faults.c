/* SPDX-License-Identifier: ISC */
/*
 * Questions to ClickHouse without memory: each allocation of reading a schema, making a statement,
 * asking, and reading rows, plain or compressed, as spans fails in turn, once or for good. Then there is an error that
 * says so, or all went well; nothing is left behind, and no row is lost in silence. Links with --wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "chsql/ch_schema.h"
#include "chsql/ch_sql.h"
#include "clickhouse/ch_span.h"
#include "lib/canned.h"
#include "lib/fault_malloc.h"
#include "rowbinary/ch_rows.h"

#define N_ROWS 300
#define MAP "Map(LowCardinality(String), String)"
#define COLUMN(name, type) { { name, sizeof name - 1 }, { type, sizeof type - 1 }, { NULL, 0 } }

static const struct column_row columns[] = {
	COLUMN("Timestamp", "DateTime64(9)"), COLUMN("TraceId", "String"), COLUMN("SpanId", "String"),
	COLUMN("ParentSpanId", "String"), COLUMN("SpanName", "LowCardinality(String)"),
	COLUMN("SpanKind", "LowCardinality(String)"), COLUMN("ServiceName", "LowCardinality(String)"),
	COLUMN("ResourceAttributes", MAP), COLUMN("SpanAttributes", MAP), COLUMN("Duration", "UInt64"),
	COLUMN("StatusCode", "LowCardinality(String)"), COLUMN("Events.Timestamp", "Array(DateTime64(9))"),
	COLUMN("Events.Name", "Array(LowCardinality(String))"), COLUMN("Events.Attributes", "Array(" MAP ")"),
	{ { "made", 4 }, { "String", 6 }, { "SpanAttributes['k']", 19 } },
};
static const enum ch_span_column asked[] = { CHC_TIMESTAMP, CHC_TRACE_ID, CHC_SPAN_ID, CHC_ATTRS, CHC_EVENT_TIME,
	CHC_EVENT_NAME, CHC_EVENT_ATTRS };

static const enum ch_packing packings[] = { CH_PACK_NONE, CH_PACK_GZIP, CH_PACK_ZSTD };
static struct buf answers[3];	/* of HTTP, in these */
static _Atomic size_t packing;	/* that is answered in */
static unsigned port;

static void
put_str(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

static void
make_answer(void)
{
	static const char *const names[] = { "Timestamp", "TraceId", "SpanId", "SpanAttributes", "Events.Timestamp",
		"Events.Name", "Events.Attributes", CH_END };
	static const char *const types[] = { "DateTime64(9)", "String", "String", MAP, "Array(DateTime64(9))",
		"Array(LowCardinality(String))", "Array(" MAP ")", "UInt8" };
	struct buf b = BUF_INIT;

	buf_varint(&b, 8);
	for (size_t i = 0; i < 8; i++)
		put_str(&b, sv_cstr(names[i]));
	for (size_t i = 0; i < 8; i++)
		put_str(&b, sv_cstr(types[i]));
	for (size_t i = 0; i < N_ROWS; i++) {
		buf_put(&b, "\1\2\3\4\5\6\7\1", 8);
		put_str(&b, SV("0123456789abcdef0123456789abcdef"));
		put_str(&b, SV("0123456789abcdef"));
		buf_varint(&b, 1);
		put_str(&b, SV("k\xff"));
		put_str(&b, SV("12.5"));
		for (size_t k = 0; k < 3; k++) {
			buf_varint(&b, 1);
			if (k == 0)
				buf_put(&b, "\1\2\3\4\5\6\7\1", 8);
			else if (k == 1)
				put_str(&b, SV("event"));
			else
				buf_put(&b, "\0", 1);
		}
		buf_put(&b, "\1", 1);
	}
	for (size_t i = 0; i < 3; i++) {
		struct buf packed = BUF_INIT;
		char line[64] = "";

		if (packings[i] != CH_PACK_NONE)
			snprintf(line, sizeof line, "Content-Encoding: %s\r\n", ch_packing_name(packings[i]));
		assert_int_equal(ch_pack(packings[i], buf_view(&b), &packed, NULL), 0);
		canned_answer(&answers[i], 200, line, buf_view(&packed));
		buf_release(&packed);
	}
	buf_release(&b);
}

static void
serve(struct canned *c, int fd, unsigned nth, void *arg)
{
	/* Of libc's memory, which is not that of the test. */
	static char in[65536];

	(void)c;
	(void)nth;
	(void)arg;
	if (recv(fd, in, sizeof in, 0) > 0)
		canned_send(fd, answers[packing].p, answers[packing].n);
}

static int
next_piece(void *arg, struct sv *out, struct err *e)
{
	return ch_read(arg, out, e);
}

static int
read_rows(struct ch_reply *reply, const struct ch_sql *sql, size_t *n, struct err *e)
{
	struct ch_rows *rows = NULL;
	struct ch_span_reader rd;
	const struct sv *cells;
	struct span_batch b;
	int rc = ch_rows_open(next_piece, reply, &rows, e);

	span_batch_init(&b);
	if (rc == 0)
		rc = ch_span_reader_init(&rd, sql, rows, e);
	while (rc == 0 && (rc = ch_rows_next(rows, &cells, e)) == 0) {
		struct span *s = span_batch_add(&b);

		rc = s == NULL ? err_nomem(e) : ch_span_read(&rd, cells, &b.arena, s, e);
		*n += rc == 0 && s->attrs.n == 1 && s->attrs.v[0].val.type == VAL_DOUBLE && s->n_events == 1;
	}
	span_batch_release(&b);
	ch_rows_close(rows);
	return rc > 0 ? 0 : rc;
}

static int
ask(const struct ch_sql *sql, size_t *n, struct err *e)
{
	char url[64];
	struct ch_options o = { .user = SV("u"), .password = SV("p"), .timeout_ns = 5000000000ull,
		.packing = packings[packing] };
	struct ch_question q = { .sql = sql->text, .params = sql->params, .n_params = sql->n_params,
		.format = SV("RowBinaryWithNamesAndTypes"), .packs = true };
	struct ch_client *c = NULL;
	struct ch_reply *reply = NULL;
	int rc;

	snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
	o.url = sv_cstr(url);
	if ((rc = ch_client_new(&o, &c, e)) == 0 && (rc = ch_ask(c, &q, NULL, &reply, e)) == 0)
		rc = read_rows(reply, sql, n, e);
	ch_close(reply);
	ch_client_free(c);
	return rc;
}

static int
statement(const struct ch_schema *s, struct arena *a, struct ch_sql *sql, struct err *e)
{
	struct field f = { .scope = FIELD_BARE, .key = SV("k") };
	struct literal *lits = arena_array(a, 2, struct literal);
	struct ch_select q = { .schema = s, .range = { 1, 2 }, .newest = true, .limit = 7 };

	if (lits == NULL)
		return err_nomem(e);
	lits[0] = literal_of(SV("it's"));
	lits[1] = literal_of(SV("5"));
	q.filter = pred_leaf(a, OP_IN, f, lits, 2);
	if (q.filter == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		q.columns |= 1ull << asked[i];
	return ch_sql_select(&q, a, sql, e);
}

/* All of it. */
static int
run(size_t *n, struct err *e)
{
	static const struct table_row table = { { "MergeTree", 9 }, { NULL, 0 }, { "ServiceName", 11 } };
	struct ch_schema s;
	struct ch_sql sql;
	struct arena a;
	int rc;

	memset(&s, 0, sizeof s);
	arena_init(&s.a);
	arena_init(&a);
	s.table.name = SV("t");
	*n = 0;
	if ((rc = schema_columns(&s, columns, sizeof columns / sizeof *columns, e)) == 0 &&
	    (rc = schema_engine(&s, &table, e)) == 0 && (rc = statement(&s, &a, &sql, e)) == 0)
		rc = ask(&sql, n, e);
	arena_release(&a);
	arena_release(&s.a);
	return rc;
}

static void
each_allocation_fails(bool persist)
{
	uint64_t asked_for, failed = 0;

	for (uint64_t nth = 1;; nth++) {
		struct err e = ERR_INIT;
		size_t n;
		int rc;

		fault_malloc_start(nth, persist);
		rc = run(&n, &e);
		asked_for = fault_malloc_stop();
		if (rc == 0)
			assert_int_equal(n, N_ROWS);
		else
			assert_int_equal(rc, ERR_NOMEM);
		failed += rc != 0;
		if (nth > asked_for)
			break;
	}
	assert_true(failed > 20);
}

static void
once(void **state)
{
	(void)state;
	for (packing = 0; packing < 3; packing++)
		each_allocation_fails(false);
}

static void
for_good(void **state)
{
	(void)state;
	for (packing = 0; packing < 3; packing++)
		each_allocation_fails(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(once), cmocka_unit_test(for_good) };
	struct canned *c;
	int failed;

	make_answer();
	c = canned_open(serve, NULL);
	port = canned_port(c);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	canned_close(c);
	for (size_t i = 0; i < 3; i++)
		buf_release(&answers[i]);
	return failed;
}
