/* SPDX-License-Identifier: ISC */
/*
 * test_ch_contrast: what ClickHouse's engine counts of values in two sets of spans is what is counted of the
 * same spans one by one, or it is told that something is in doubt. Each service has spans of one kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "clickhouse/ch_contrast.h"
#include "clickhouse/ch_schema_read.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"

#define ROWS 100000

static struct ch_server server;
static struct ch_client *client;
static struct ch_schema *schema;

/* Spans of a service; every third is an error. */
#define INSERT(service, resource, attrs, events, from) \
	ch_server_do(&server, SV("INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, " \
	    "StatusCode, ResourceAttributes, SpanAttributes, `Events.Timestamp`, `Events.Name`, `Events.Attributes`) " \
	    "SELECT fromUnixTimestamp64Nano(toInt64(1700000000000000000) + number), lower(hex(sipHash128(number, '" service \
	    "'))), '00000000000000aa', concat('n', toString(number % 4)), ['Client', 'SPAN_KIND_CLIENT'][number % 2 + 1], '" \
	    service "', ['Error', 'Unset', 'Unset'][number % 3 + 1], " resource ", " attrs ", " events " FROM " from))
#define NO_EVENTS "[], [], []"
#define ZERO "fromUnixTimestamp64Nano(toInt64(0))"

static void
make_table(void)
{
	ch_server_do(&server, SV("CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree "
	    "ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"));
	/* Of each type, and what is nearly that; events that say the same, and others. */
	INSERT("plain", "map('service.name', 'other', 'host', ['a', 'b', '5'][number % 3 + 1])",
	    "map('t', ['a', '', '5', '5.0', '1.5', 'true', '-0', '0', '1e3', '007', '[1,2]'][number % 11 + 1], 'u', 'x')",
	    "[" ZERO ", " ZERO ", " ZERO "], ['e', 'f', 'g'], "
	    "[map('k', 'v', 'l', toString(number % 2)), map('k', 'v'), map('k', toString(number % 5))]", "numbers(40)");
	INSERT("bare", "map()", "map()", NO_EVENTS, "numbers(7)");
	/* A service that reads as a number is text where its resource says the same. */
	INSERT("7", "map('service.name', ['7', '8'][number % 2 + 1])", "map('service.name', '7')", NO_EVENTS, "numbers(9)");
	INSERT("many", "map('r', 's')", "map('n', toString(number), 'm', toString(number % 10000))", NO_EVENTS,
	    "numbers(10001)");
	INSERT("twice", "map('r', 's')", "CAST((['a', 'a'], ['1', '2']), 'Map(LowCardinality(String), String)')", NO_EVENTS,
	    "numbers(3)");
	/* Of a resource the first one counts. */
	INSERT("resource", "CAST((['a', 'a'], ['1', '2']), 'Map(LowCardinality(String), String)')", "map('a', unhex('c3a4'))",
	    NO_EVENTS, "numbers(3)");
	INSERT("event", "map('r', 's')", "map('a', '1')", "[" ZERO "], ['e'], "
	    "[CAST((['a', 'a'], ['1', '2']), 'Map(LowCardinality(String), String)')]", "numbers(3)");
	INSERT("repaired", "map('r', 's')", "map('a', unhex(['ff', 'fe', '61'][number + 1]))", NO_EVENTS, "numbers(3)");
	INSERT("key", "map('r', 's')", "map(unhex(['ff', 'fe', '61'][number + 1]), 'x')", NO_EVENTS, "numbers(3)");
	INSERT("zero", "map('r', 's')", "map('a', 'x')", "[" ZERO ", " ZERO "], ['e', 'e'], "
	    "[map('k', '-0'), map('k', '0')]", "numbers(3)");
	INSERT("repaired resource", "map('r', unhex(['ff', 'fe', '61'][number + 1]))", "map('a', 'x')", NO_EVENTS, "numbers(3)");
}

static int
start(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	ch_server_start(&server, "http", NULL);
	make_table();
	client = ch_server_connect(&server, 60000000000ull);
	if (ch_schema_read(client, (struct ch_table){ SV(""), SV("otel_traces") }, &schema, &e) != 0)
		fail_msg("%s", e.msg);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_schema_free(schema);
	ch_client_free(client);
	ch_server_stop(&server);
	return 0;
}

static const struct ch_scan_opts opts = { .comment = SV("test") };

static struct contrast *
table(void)
{
	const struct contrast_options o = { .memory = 256u << 20 };
	struct contrast *t;
	struct err e = ERR_INIT;

	assert_int_equal(contrast_new(&o, &t, &e), 0);
	return t;
}

/* The same, span by span. */
static void
by_span(struct contrast *t, const struct ch_select *like)
{
	struct ch_select q = *like;
	struct span_batch b;
	struct ch_scan *scan;
	struct ch_outcome o;
	struct err e = ERR_INIT;
	int rc;

	q.columns = (UINT64_C(1) << N_CHC) - 1;
	if (ch_scan_open(client, &q, &opts, &o, &scan, &e) < 0)
		fail_msg("%s", e.msg);
	span_batch_init(&b);
	while ((rc = ch_scan_next(scan, &b, 1000, &e)) == 0)
		;
	assert_true(rc > 0);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(contrast_span(t, &b.spans[i], b.spans[i].status == STATUS_ERROR ? SIDE_SELECTION :
		    SIDE_BASELINE, &e), 0);
	span_batch_release(&b);
	ch_scan_close(scan);
}

static void
same(struct contrast *a, struct contrast *b, const char *name)
{
	static struct group_cell x[N_CONTRAST_COLUMNS], y[N_CONTRAST_COLUMNS];
	struct buf left = BUF_INIT, left_too = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(contrast_finish(a, NULL, 0, ROWS, &e), 0);
	assert_int_equal(contrast_finish(b, NULL, 0, ROWS, &e), 0);
	assert_int_equal(contrast_note(a, &left, &e) | contrast_note(b, &left_too, &e), 0);
	assert_string_equal(buf_cstr(&left), buf_cstr(&left_too));
	buf_release(&left);
	buf_release(&left_too);
	for (unsigned side = 0; side < 2; side++)
		assert_int_equal(contrast_spans(a, side), contrast_spans(b, side));
	assert_int_equal(contrast_n_rows(a), contrast_n_rows(b));
	for (size_t i = 0; i < contrast_n_rows(a); i++) {
		contrast_cells(a, i, 1, x);
		contrast_cells(b, i, 1, y);
		for (unsigned c = 0; c < N_CONTRAST_COLUMNS; c++)
			if (x[c].kind != y[c].kind || (x[c].kind == GROUP_UINT && x[c].u != y[c].u) ||
			    (x[c].kind == GROUP_VALUE && (x[c].value.type != y[c].value.type ||
			    !value_eq(&x[c].value, &y[c].value))))
				fail_msg("%s: row %zu, column %u", name, i, c);
	}
}

/* 0, and it was the same; 1: in doubt, and nothing was counted. */
static int
of_service(const char *name, const struct pred *selection)
{
	struct literal l = literal_of(sv_cstr(name));
	const struct pred service = { .kind = PRED_LEAF, .op = OP_EQ, .lits = &l, .n_lits = 1,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE } };
	const struct ch_select q = { .schema = schema, .filter = &service, .range = TIME_RANGE_ALL, .limit = UINT64_MAX };
	struct contrast *there = table(), *here = table();
	struct ch_outcome o;
	struct err e = ERR_INIT;
	int rc = ch_contrast(client, &q, selection, &opts, there, &o, &e);

	if (rc < 0)
		fail_msg("%s: %s", name, e.msg);
	if (rc == 0) {
		by_span(here, &q);
		same(there, here, name);
	} else {
		assert_int_equal(contrast_spans(there, SIDE_SELECTION) + contrast_spans(there, SIDE_BASELINE), 0);
	}
	contrast_free(there);
	contrast_free(here);
	return rc;
}

static void
counts_are_those_of_the_spans_or_in_doubt(void **state)
{
	struct literal error = literal_of(SV("error"));
	const struct pred errors = { .kind = PRED_LEAF, .op = OP_EQ, .lits = &error, .n_lits = 1,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_STATUS } };

	(void)state;
	error.u = STATUS_ERROR;
	assert_int_equal(of_service("plain", &errors), 0);
	assert_int_equal(of_service("bare", &errors), 0);
	assert_int_equal(of_service("7", &errors), 0);
	assert_int_equal(of_service("many", &errors), 0);
	assert_int_equal(of_service("resource", &errors), 0);
	assert_int_equal(of_service("repaired resource", &errors), 0);
	assert_int_equal(of_service("nobody", &errors), 0);
	assert_int_equal(of_service("twice", &errors), 1);
	assert_int_equal(of_service("event", &errors), 1);
	assert_int_equal(of_service("repaired", &errors), 1);
	assert_int_equal(of_service("key", &errors), 1);
	assert_int_equal(of_service("zero", &errors), 0);
}

/* 1.5 is over 1, and 5.0 a text. */
static void
a_selection_that_values_leave_in_doubt_is_told(void **state)
{
	struct literal one = literal_of(SV("1"));
	const struct pred over = { .kind = PRED_LEAF, .op = OP_GT, .lits = &one, .n_lits = 1,
		.field = { .scope = FIELD_SPAN, .key = SV("t") } };

	(void)state;
	assert_int_equal(of_service("plain", &over), 1);
}

static void
what_cannot_be_handed_over_is_not_asked_for(void **state)
{
	struct literal word = literal_of(SV("a"));
	const struct pred text = { .kind = PRED_LEAF, .op = OP_TEXT, .lits = &word, .n_lits = 1,
		.field = { .scope = FIELD_BARE } }, all = { .kind = PRED_TRUE };
	struct ch_select q = { .schema = schema, .filter = &all, .range = TIME_RANGE_ALL, .limit = UINT64_MAX };
	struct ch_sql sql;
	struct arena a;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	assert_int_equal(ch_sql_contrast(&q, &text, &a, &sql, &e), ERR_UNSUPPORTED);
	q.filter = &text;
	assert_int_equal(ch_sql_contrast(&q, &all, &a, &sql, &e), ERR_UNSUPPORTED);
	q.filter = &all;
	assert_int_equal(ch_sql_contrast(&q, &all, &a, &sql, &e), 0);
	q.hex = true;
	assert_int_equal(ch_sql_contrast(&q, &all, &a, &sql, &e), ERR_UNSUPPORTED);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_those_of_the_spans_or_in_doubt),
		cmocka_unit_test(a_selection_that_values_leave_in_doubt_is_told),
		cmocka_unit_test(what_cannot_be_handed_over_is_not_asked_for),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
