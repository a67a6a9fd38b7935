/* SPDX-License-Identifier: ISC */
/*
 * test_ch_catalog: what the catalog of ClickHouse's engine says of a fixed set of spans beside what
 * is in it; what bounds, rights, deadlines and broken answers do to that.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/visible.h"
#include "clickhouse/ch_catalog.h"
#include "clickhouse/ch_schema_read.h"
#include "lib/canned.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"

#define S 1000000000ull
/* Midnight of 2023-11-15; a span each 259.2 s: 1000 of them in three days. */
#define BEGIN (1700006400 * S)
#define STEP 259200000000ull
#define N_SPANS 1000
#define LAST (BEGIN + (N_SPANS - 1) * STEP)

#define PARTITIONED " PARTITION BY toDate(Timestamp)"
#define SORTED " ORDER BY (ServiceName, SpanName, toDateTime(Timestamp)) SETTINGS index_granularity = 16"

/* ' " \ ` NUL FF LF {p0:String}; the keys are the same without FF. */
#define EVIL "unhex('27225C6000FF0A7B70303A537472696E677D')"
#define EVIL_KEY "unhex('27225C60000A7B70303A537472696E677D')"
#define EVIL_KEY_BYTES "'\"\\`\0\n{p0:String}"
#define EVIL_SHOWN "'\"\\`\\x00\xef\xbf\xbd\\x0a{p0:String}"

/* Sorts of things by number: see the counts that the tests expect. */
#define ROWS "INSERT INTO %s (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, " \
	"ResourceAttributes, ScopeName, SpanAttributes, Duration, StatusCode, `Events.Timestamp`, `Events.Name`, " \
	"`Events.Attributes`, `Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes`) SELECT " \
	"fromUnixTimestamp64Nano(toInt64(1700006400000000000 + number * 259200000000)) AS t, " \
	"leftPad(lower(hex(intDiv(number, 10) + 1)), 32, '0'), leftPad(lower(hex(number + 1)), 16, '0'), " \
	"if(number %% 10 = 0, '', leftPad(lower(hex(number)), 16, '0')), " \
	"multiIf(number %% 3 = 0, unhex('61FF'), number %% 3 = 1, unhex('61FE'), 'GET /'), " \
	"['Server', 'SPAN_KIND_SERVER', 'Client', 'weird'][number %% 4 + 1], " \
	"multiIf(number %% 10 < 5, 'checkout', number %% 10 < 8, 'cart', number %% 10 = 8, " EVIL ", ''), " \
	"map('host', concat('h', toString(number %% 7)), 'k', 'of resource'), multiIf(number %% 2 = 1, 'lib', ''), " \
	"multiIf(number %% 100 = 0, map('k', '1', 'empty', '', " EVIL_KEY ", " EVIL "), number %% 2 = 0, " \
	"map('k', '1'), map('other', 'x')), 5, " \
	"['Error', 'STATUS_CODE_ERROR', 'Unset', '', 'Unset'][number %% 5 + 1], " \
	"if(number %% 50 = 0, [t, t, t], []), " \
	"if(number %% 50 = 0, ['exception', 'exception', unhex('78FF')], []), " \
	"if(number %% 50 = 0, [map('type', 'IOError'), map(), map('type', '')], []), " \
	"if(number %% 250 = 1, ['0000000000000000000000000000000a', ''], []), " \
	"if(number %% 250 = 1, ['00000000000000aa', '0000000000000000'], []), " \
	"if(number %% 250 = 1, ['', ''], []), multiIf(number %% 250 = 1, [map('why', 'retry'), map()], []) " \
	"FROM numbers(1000)"

static struct ch_server server;
static struct ch_client *client, *reader, *denied;
static struct ch_schema *plain, *memory, *slow, *json;
static struct arena arena;

static void
do_sql(const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	ch_server_do(&server, buf_view(&b));
	buf_release(&b);
}

static struct ch_client *
client_of(const char *user)
{
	struct ch_options o = { .url = sv_cstr(server.url), .user = sv_cstr(user), .timeout_ns = 30 * S };
	struct ch_client *c = NULL;
	struct err e = ERR_INIT;

	if (ch_client_new(&o, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static struct ch_schema *
schema_of(const char *table)
{
	struct ch_schema *s = NULL;
	struct err e = ERR_INIT;

	if (ch_schema_read(client, (struct ch_table){ SV_EMPTY, sv_cstr(table) }, &s, &e) != 0)
		fail_msg("%s", e.msg);
	return s;
}

static int
start(void **state)
{
	static const char *const options[] = { "--user", "reader::readonly=1", "--user", "denied::deny=system.parts",
		"--seconds", "120", NULL };

	(void)state;
	ch_server_start(&server, "http", options);
	client = client_of("");
	reader = client_of("reader");
	denied = client_of("denied");
	arena_init(&arena);
	do_sql("CREATE TABLE plain (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree" PARTITIONED SORTED);
	do_sql("CREATE TABLE memory (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = Memory");
	do_sql(ROWS, "plain");
	do_sql(ROWS, "memory");
	/* 5 ms a span: 5 s for all, on one thread. Without a column it would not wait for min and max. */
	do_sql("CREATE VIEW slow AS SELECT * FROM plain WHERE sleepEachRow(0.005) + empty(SpanId) = 0 SETTINGS max_threads = 1, "
	    "max_block_size = 50");
	do_sql("CREATE TABLE json (" CH_TABLE("JSON", "UInt64") ") ENGINE = MergeTree" PARTITIONED SORTED);
	do_sql("INSERT INTO json (Timestamp, ServiceName, ResourceAttributes, SpanAttributes, `Events.Timestamp`, "
	    "`Events.Name`, `Events.Attributes`) SELECT fromUnixTimestamp64Nano(toInt64(1700006400000000000 + number)) AS t, "
	    "'a', '{\"host\":{\"name\":\"h\"},\"n\":7}', multiIf(number %% 2 = 0, '{\"n\":1,\"a.b\":\"x\",\"it''s\":\"\"}', "
	    "'{\"n\":\"one\"}'), [t], ['e'], ['{\"q\":true}'] FROM numbers(10)");
	plain = schema_of("plain");
	memory = schema_of("memory");
	slow = schema_of("slow");
	json = schema_of("json");
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_schema_free(plain);
	ch_schema_free(memory);
	ch_schema_free(slow);
	ch_schema_free(json);
	ch_client_free(client);
	ch_client_free(reader);
	ch_client_free(denied);
	ch_server_stop(&server);
	arena_release(&arena);
	return 0;
}

/* ---- answers as text ---- */

static void
print_extent(struct buf *b, const struct ch_extent *x)
{
	if (x->has_rows)
		buf_printf(b, " %ju rows", (uintmax_t)x->rows);
	if (x->has_times) {
		buf_putc(b, ' ');
		when_print(b, x->first_ns);
		buf_putc(b, ' ');
		when_print(b, x->last_ns);
	}
	if (x->whole_seconds)
		BUF_LIT(b, " to the second");
	/* How many depends on the engine's version. */
	if (x->has_bytes)
		buf_str(b, x->bytes > 1000 ? " bytes" : " few bytes");
	buf_putc(b, '\n');
}

static void
print_answer(struct buf *b, const struct ch_want *want, const struct ch_answer *a)
{
	buf_str(b, a->complete ? "complete\n" : "not complete\n");
	if (want->topic == CH_EXTENT)
		print_extent(b, &a->extent);
	else if (want->topic != CH_ESTIMATE)
		buf_str(b, a->all ? "all\n" : "cut\n");
	if (!a->exact)
		BUF_LIT(b, "with others\n");
	for (size_t i = 0; i < a->n_partitions; i++) {
		visible_text(b, a->partitions[i].name, 0);
		print_extent(b, &a->partitions[i].extent);
	}
	for (size_t i = 0; i < a->n_values; i++) {
		visible_text(b, a->values[i].text, 0);
		buf_printf(b, " %ju\n", (uintmax_t)a->values[i].rows);
	}
	if (a->note.n != 0)
		buf_printf(b, "note: %.*s\n", SV_ARG(a->note));
}

static struct ch_asking
asking(const struct ch_schema *s)
{
	return (struct ch_asking){ .client = client, .schema = s, .rows = 1000000, .time_ns = 20 * S,
		.comment = SV("test_ch_catalog") };
}

static int
ask(const struct ch_asking *by, const struct ch_want *want, struct ch_answer *a, struct err *e)
{
	struct ch_outcome o;

	return ch_catalog_ask(by, want, &arena, a, &o, e);
}

static void
check_as(const struct ch_asking *by, const struct ch_want *want, const char *expect)
{
	struct ch_answer a;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;

	if (ask(by, want, &a, &e) != 0)
		fail_msg("%s", e.msg);
	print_answer(&b, want, &a);
	assert_string_equal(buf_cstr(&b), expect);
	buf_release(&b);
}

static void
check(const struct ch_schema *s, const struct ch_want *want, const char *expect)
{
	struct ch_asking by = asking(s);

	check_as(&by, want, expect);
}

static struct ch_want
want_topic(enum ch_topic topic)
{
	return (struct ch_want){ .topic = topic, .max = 100, .range = TIME_RANGE_ALL };
}

static struct ch_want
values_of(enum intrinsic i)
{
	struct ch_want w = want_topic(CH_VALUES);

	w.field = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = i };
	return w;
}

static struct ch_want
values_at(enum field_scope scope, struct sv key)
{
	struct ch_want w = want_topic(CH_VALUES);

	w.field = (struct field){ .scope = scope, .key = key };
	return w;
}

static struct ch_want
keys_of(enum field_scope scope)
{
	struct ch_want w = values_at(scope, SV_EMPTY);

	w.topic = CH_KEYS;
	return w;
}

static const struct pred *
service_is(const char *name)
{
	struct literal *l = arena_new(&arena, struct literal);
	struct field f = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE };

	*l = literal_of(sv_cstr(name));
	return pred_leaf(&arena, OP_EQ, f, l, 1);
}

/* ---- extent, partitions ---- */

#define FIRST_TIME "2023-11-15T00:00:00.000000000Z"
#define LAST_TIME "2023-11-17T23:55:40.800000000Z"
#define NO_PARTS "note: the bytes on disk are not known: tables of engine Memory have no parts\n"

static void
extent_and_partitions(void **state)
{
	struct ch_want extent = want_topic(CH_EXTENT), partitions = want_topic(CH_PARTITIONS);

	(void)state;
	assert_true(LAST - BEGIN == 258940800000000ull);
	check(plain, &extent, "complete\n 1000 rows " FIRST_TIME " " LAST_TIME " bytes\n");
	check(memory, &extent, "complete\n 1000 rows " FIRST_TIME " " LAST_TIME "\n" NO_PARTS);
	check(plain, &partitions, "complete\nall\n"
	    "2023-11-17 333 rows 2023-11-17T00:01:26.000000000Z 2023-11-17T23:55:40.999999999Z to the second bytes\n"
	    "2023-11-16 333 rows 2023-11-16T00:02:52.000000000Z 2023-11-16T23:57:07.999999999Z to the second bytes\n"
	    "2023-11-15 334 rows 2023-11-15T00:00:00.000000000Z 2023-11-15T23:58:33.999999999Z to the second bytes\n");
	partitions.max = 1;
	check(plain, &partitions, "complete\ncut\n"
	    "2023-11-17 333 rows 2023-11-17T00:01:26.000000000Z 2023-11-17T23:55:40.999999999Z to the second bytes\n");
	check(memory, &partitions, "complete\nall\nall 1000 rows " FIRST_TIME " " LAST_TIME "\n" NO_PARTS);
}

static void
an_empty_table(void **state)
{
	struct ch_want extent = want_topic(CH_EXTENT), partitions = want_topic(CH_PARTITIONS);
	struct ch_want services = values_of(IN_SERVICE), keys = keys_of(FIELD_SPAN);
	struct ch_schema *s;

	(void)state;
	do_sql("CREATE TABLE empty AS plain");
	s = schema_of("empty");
	check(s, &extent, "complete\n 0 rows few bytes\n");
	check(s, &partitions, "complete\nall\n");
	check(s, &services, "complete\nall\n");
	check(s, &keys, "complete\nall\n");
	ch_schema_free(s);
	do_sql("DROP TABLE empty");
}

/* Partitions by something else than time; a name that has to be quoted. */
static void
other_partitions(void **state)
{
	struct ch_want partitions = want_topic(CH_PARTITIONS);
	struct ch_schema *s;

	(void)state;
	do_sql("CREATE TABLE `o'th\\`er` (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree ORDER BY TraceId");
	do_sql("INSERT INTO `o'th\\`er` SELECT * FROM plain LIMIT 10");
	s = schema_of("o'th`er");
	check(s, &partitions, "complete\nall\ntuple() 10 rows to the second bytes\n");
	ch_schema_free(s);
	do_sql("DROP TABLE `o'th\\`er`");
}

/* Another shape of the same table: no server is behind it. */
static void
a_distributed_table_is_not_believed_to_be_here(void **state)
{
	struct ch_want extent = want_topic(CH_EXTENT), partitions = want_topic(CH_PARTITIONS);
	struct ch_schema s = *plain;

	(void)state;
	s.distributed = true;
	s.engine = SV("Distributed");
	check(&s, &extent, "complete\n 1000 rows " FIRST_TIME " " LAST_TIME
	    "\nnote: the bytes on disk are not known: the table is Distributed\n");
	check(&s, &partitions, "complete\nall\nall 1000 rows " FIRST_TIME " " LAST_TIME
	    "\nnote: the bytes on disk are not known: the table is Distributed\n");
}

/* ---- values ---- */

static void
values_of_intrinsics(void **state)
{
	struct ch_want w = values_of(IN_SERVICE);

	(void)state;
	check(plain, &w, "complete\nall\ncheckout 500\ncart 300\n 100\n" EVIL_SHOWN " 100\n");
	check(memory, &w, "complete\nall\ncheckout 500\ncart 300\n 100\n" EVIL_SHOWN " 100\n");
	w.order = CH_TEXT;
	check(plain, &w, "complete\nall\n 100\n" EVIL_SHOWN " 100\ncart 300\ncheckout 500\n");
	w.max = 2;
	check(plain, &w, "complete\ncut\n 100\n" EVIL_SHOWN " 100\n");
	w.order = CH_FREQUENT;
	check(plain, &w, "complete\ncut\ncheckout 500\ncart 300\n");
	/* Two that are repaired to one. */
	w = values_of(IN_NAME);
	check(plain, &w, "complete\nall\na\xef\xbf\xbd 667\nGET / 333\n");
	w = values_of(IN_KIND);
	check(plain, &w, "complete\nall\nserver 500\nclient 250\nunspecified 250\n");
	w.max = 1;
	check(plain, &w, "complete\ncut\nserver 500\n");
	w = values_of(IN_STATUS);
	check(plain, &w, "complete\nall\nunset 600\nerror 400\n");
	w = values_of(IN_SCOPE);
	check(plain, &w, "complete\nall\nlib 500\n");
	w = values_of(IN_STATUS_MESSAGE);
	check(plain, &w, "complete\nall\n");
	w = values_of(IN_FLAGS);
	check(plain, &w, "complete\nall\n");
	w = values_of(IN_EVENT_NAME);
	check(plain, &w, "complete\nall\nexception 20\nx\xef\xbf\xbd 20\n");
	w = values_of(IN_LINK_TRACE_ID);
	check(plain, &w, "complete\nall\n0000000000000000000000000000000a 4\n");
	w = values_of(IN_LINK_SPAN_ID);
	check(plain, &w, "complete\nall\n00000000000000aa 4\n");
}

static void
the_newest_first(void **state)
{
	struct ch_want w = values_of(IN_TRACE_ID);

	(void)state;
	w.order = CH_NEWEST;
	w.max = 2;
	check(plain, &w, "complete\ncut\n00000000000000000000000000000064 10\n00000000000000000000000000000063 10\n");
	w = values_of(IN_PARENT_SPAN_ID);
	w.order = CH_NEWEST;
	w.max = 1;
	check(plain, &w, "complete\ncut\n00000000000003e7 1\n");
	w = values_of(IN_SERVICE);
	w.order = CH_NEWEST;
	check(plain, &w, "complete\nall\n 100\n" EVIL_SHOWN " 100\ncart 300\ncheckout 500\n");
}

static void
values_of_attributes(void **state)
{
	struct ch_want w = values_at(FIELD_SPAN, SV("k"));

	(void)state;
	check(plain, &w, "complete\nall\n1 500\n");
	w = values_at(FIELD_BARE, SV("k"));
	check(plain, &w, "complete\nall\n1 500\nof resource 500\n");
	w = values_at(FIELD_RESOURCE, SV("host"));
	check(plain, &w, "complete\nall\nh0 143\nh1 143\nh2 143\nh3 143\nh4 143\nh5 143\nh6 142\n");
	w = values_at(FIELD_BARE, SV("host"));
	w.max = 1;
	check(plain, &w, "complete\ncut\nh0 143\n");
	/* Empty is a value. */
	w = values_at(FIELD_SPAN, SV("empty"));
	check(plain, &w, "complete\nall\n 10\n");
	w = values_at(FIELD_SPAN, sv_new(EVIL_KEY_BYTES, sizeof EVIL_KEY_BYTES - 1));
	check(plain, &w, "complete\nall\n" EVIL_SHOWN " 10\n");
	w = values_at(FIELD_EVENT, SV("type"));
	check(plain, &w, "complete\nall\n 20\nIOError 20\n");
	w = values_at(FIELD_LINK, SV("why"));
	check(plain, &w, "complete\nall\nretry 4\n");
	w = values_at(FIELD_SPAN, SV("'); DROP TABLE plain; --"));
	check(plain, &w, "complete\nall\n");
	w = values_at(FIELD_SCOPE, SV("k"));
	check(plain, &w, "complete\nall\n");
}

static void
of_some_spans_only(void **state)
{
	struct ch_want w = values_of(IN_NAME);
	struct literal five = literal_of(SV("5"));
	struct ch_asking by = asking(plain);

	(void)state;
	w.filter = service_is("cart");
	check(plain, &w, "complete\nall\na\xef\xbf\xbd 200\nGET / 100\n");
	/* 0 to 9: checkout 0-4. */
	w = values_of(IN_SERVICE);
	w.range = (struct time_range){ BEGIN, BEGIN + 10 * STEP };
	check(plain, &w, "complete\nall\ncheckout 5\ncart 3\n 1\n" EVIL_SHOWN " 1\n");
	w.range.from = BEGIN + 5 * STEP;
	w.filter = service_is("checkout");
	check(plain, &w, "complete\nall\n");
	/* An order of attributes is handed over with some more. */
	w.range = TIME_RANGE_ALL;
	w.filter = pred_leaf(&arena, OP_LT, (struct field){ .scope = FIELD_SPAN, .key = SV("k") }, &five, 1);
	check(plain, &w, "complete\nall\nwith others\ncheckout 300\n" EVIL_SHOWN " 100\ncart 100\n");
	/* No parameters: as old servers are asked. */
	by.hex = true;
	w = values_at(FIELD_SPAN, sv_new(EVIL_KEY_BYTES, sizeof EVIL_KEY_BYTES - 1));
	w.range.to = BEGIN + 101 * STEP;
	check_as(&by, &w, "complete\nall\n" EVIL_SHOWN " 2\n");
}

static void
keys(void **state)
{
	struct ch_want w = keys_of(FIELD_SPAN);

	(void)state;
	check(plain, &w, "complete\nall\nk 500\nother 500\n'\"\\`\\x00\\x0a{p0:String} 10\nempty 10\n");
	w.order = CH_TEXT;
	w.max = 2;
	check(plain, &w, "complete\ncut\n'\"\\`\\x00\\x0a{p0:String} 10\nempty 10\n");
	w = keys_of(FIELD_RESOURCE);
	check(plain, &w, "complete\nall\nhost 1000\nk 1000\n");
	w = keys_of(FIELD_EVENT);
	check(plain, &w, "complete\nall\ntype 20\n");
	w = keys_of(FIELD_LINK);
	check(plain, &w, "complete\nall\nwhy 4\n");
	w = keys_of(FIELD_SCOPE);
	check(plain, &w, "complete\nall\n");
	w = keys_of(FIELD_SPAN);
	w.filter = service_is("cart");
	check(plain, &w, "complete\nall\nother 200\nk 100\n");
}

static void
json_columns(void **state)
{
	struct ch_want w = keys_of(FIELD_SPAN);

	(void)state;
	check(json, &w, "complete\nall\nn 10\na.b 5\nit's 5\n");
	w = keys_of(FIELD_EVENT);
	check(json, &w, "complete\nall\nq 10\n");
	w = values_at(FIELD_SPAN, SV("n"));
	check(json, &w, "complete\nall\n1 5\none 5\n");
	w = values_at(FIELD_SPAN, SV("a.b"));
	check(json, &w, "complete\nall\nx 5\n");
	w = values_at(FIELD_SPAN, SV("it's"));
	check(json, &w, "complete\nall\n 5\n");
	w = values_at(FIELD_RESOURCE, SV("host.name"));
	check(json, &w, "complete\nall\nh 10\n");
	w = values_at(FIELD_BARE, SV("host.name"));
	check(json, &w, "complete\nall\nh 10\n");
	w = values_at(FIELD_BARE, SV("n"));
	check(json, &w, "complete\nall\n1 5\none 5\n");
	w = values_at(FIELD_EVENT, SV("q"));
	check(json, &w, "complete\nall\ntrue 10\n");
	w = values_at(FIELD_SPAN, SV("none"));
	check(json, &w, "complete\nall\n");
}

static void
what_has_no_values_is_refused(void **state)
{
	static const struct field fields[] = {
		{ .scope = FIELD_INTRINSIC, .intrinsic = IN_START },
		{ .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION },
		{ .scope = FIELD_INTRINSIC, .intrinsic = IN_TRACE_SPANS },
		{ .scope = FIELD_PARENT, .inner = FIELD_INTRINSIC, .intrinsic = IN_NAME },
		{ .scope = FIELD_SPAN },
		{ .scope = FIELD_SPAN, .key = { "\xff", 1 } },
		{ .scope = FIELD_SPAN, .key = { "\xef\xbf\xbd", 3 } },
	};
	struct ch_want w = want_topic(CH_VALUES);
	struct ch_asking by = asking(plain);
	struct ch_answer a;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		w.field = fields[i];
		assert_int_equal(ask(&by, &w, &a, &e), ERR_UNSUPPORTED);
	}
	w = keys_of(FIELD_BARE);
	assert_int_equal(ask(&by, &w, &a, &e), ERR_UNSUPPORTED);
	by.schema = json;
	w = values_at(FIELD_SPAN, SV("^a"));
	assert_int_equal(ask(&by, &w, &a, &e), ERR_UNSUPPORTED);
}

static void
long_texts_are_not_listed(void **state)
{
	struct ch_want w = values_at(FIELD_SPAN, SV("k"));
	struct buf want = BUF_INIT;
	struct ch_schema *s;

	(void)state;
	do_sql("CREATE TABLE lengths AS plain");
	do_sql("INSERT INTO lengths (SpanAttributes) SELECT map('k', repeat('x', 4095 + number)) FROM numbers(3)");
	s = schema_of("lengths");
	w.order = CH_TEXT;
	BUF_LIT(&want, "complete\ncut\n");
	for (unsigned n = 4095; n <= 4096; n++) {
		for (unsigned i = 0; i < n; i++)
			buf_putc(&want, 'x');
		BUF_LIT(&want, " 1\n");
	}
	check(s, &w, buf_cstr(&want));
	buf_release(&want);
	ch_schema_free(s);
	do_sql("DROP TABLE lengths");
}

/* ---- estimates ---- */

static void
estimates(void **state)
{
	struct ch_want w = want_topic(CH_ESTIMATE);
	struct ch_select q = { .schema = plain, .range = TIME_RANGE_ALL, .limit = UINT64_MAX };
	struct ch_asking by = asking(plain);
	struct ch_estimate x;
	struct ch_answer a;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ask(&by, &w, &a, &e), 0);
	assert_true(a.estimate.known && a.estimate.rows == N_SPANS && a.estimate.parts == 3 && a.complete);
	/* Granules of 16 spans: those of a service and some beside. */
	q.filter = service_is("cart");
	by.schema = NULL;
	assert_int_equal(ch_catalog_estimate(&by, &q, &x, NULL, &e), 0);
	assert_true(x.known && x.rows >= 300 && x.rows < 500 && x.marks >= 20);
	/* A partition of three. */
	q.filter = w.filter = pred_and(&arena, NULL, 0);
	q.range.to = w.range.to = BEGIN + 86400 * S;
	assert_int_equal(ch_catalog_estimate(&by, &q, &x, NULL, &e), 0);
	assert_true(x.known && x.rows == 334 && x.parts == 1);
	/* Nothing at all. */
	q.range = (struct time_range){ LAST + 10 * 86400 * S, WHEN_MAX };
	assert_int_equal(ch_catalog_estimate(&by, &q, &x, NULL, &e), 0);
	assert_true(x.known && x.rows == 0);
	by.schema = memory;
	assert_int_equal(ask(&by, &w, &a, &e), 0);
	assert_true(!a.estimate.known && !a.complete);
}

/* ---- bounds ---- */

static uint64_t
sum_of(const struct ch_answer *a)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < a->n_values; i++)
		sum += a->values[i].rows;
	return sum;
}

static void
bounds_of_rows(void **state)
{
	struct ch_want w = values_of(IN_SERVICE), k = keys_of(FIELD_SPAN), extent = want_topic(CH_EXTENT);
	struct ch_asking by = asking(plain);
	struct ch_schema *sight;
	struct ch_answer a;
	struct err e = ERR_INIT;

	(void)state;
	/* All may be read, or only the newest day: numbers 666 to 999. */
	by.rows = 1000;
	check_as(&by, &w, "complete\nall\ncheckout 500\ncart 300\n 100\n" EVIL_SHOWN " 100\n");
	by.rows = 700;
	check_as(&by, &w, "not complete\nall\ncheckout 165\ncart 101\n 34\n" EVIL_SHOWN " 34\n"
	    "note: only spans of the newest day were looked at\n");
	/* The day before the end of the range, which is in three partitions; one of one partition. */
	w.range.to = BEGIN + 700 * STEP;
	check_as(&by, &w, "not complete\nall\ncheckout 165\ncart 100\n 34\n" EVIL_SHOWN " 34\n"
	    "note: only spans of the newest day were looked at\n");
	w.range.to = BEGIN + 333 * STEP;
	check_as(&by, &w, "complete\nall\ncheckout 168\ncart 99\n 33\n" EVIL_SHOWN " 33\n");
	by.rows = 400;
	w.range.to = BEGIN + 600 * STEP;
	assert_int_equal(ask(&by, &w, &a, &e), 0);
	assert_true(!a.complete && a.note.n != 0 && sum_of(&a) > 0 && sum_of(&a) < 600);
	/* Not even an hour: what is read until the bound is reached. */
	by.rows = 20;
	w = values_of(IN_SERVICE);
	assert_int_equal(ask(&by, &w, &a, &e), 0);
	assert_true(!a.complete);
	assert_string_equal(a.note.n == 0 ? "" : arena_cstr(&arena, a.note),
	    "only some spans of the newest hour were looked at");
	assert_int_equal(ask(&by, &k, &a, &e), 0);
	assert_true(!a.complete && a.note.n != 0);
	/* Where nothing tells how much there is, the extent is said not to be known. */
	do_sql("CREATE VIEW sight AS SELECT * FROM plain WHERE notEmpty(SpanId)");
	by.schema = sight = schema_of("sight");
	assert_int_equal(ask(&by, &w, &a, &e), 0);
	assert_true(!a.complete && sum_of(&a) < N_SPANS);
	assert_string_equal(arena_cstr(&arena, a.note), "only some spans were looked at");
	check_as(&by, &extent, "not complete\n\nnote: the bytes on disk are not known: tables of engine View have no "
	    "parts; from when to when there are spans is not known: more would be read than is allowed\n");
	ch_schema_free(sight);
	do_sql("DROP VIEW sight");
	by.schema = plain;
	check_as(&by, &extent, "complete\n 1000 rows " FIRST_TIME " " LAST_TIME " bytes\n");
	/* No bound of ours. */
	by.rows = by.time_ns = 0;
	check_as(&by, &w, "complete\nall\ncheckout 500\ncart 300\n 100\n" EVIL_SHOWN " 100\n");
}

static void
a_bound_of_time(void **state)
{
	struct ch_want w = values_of(IN_SERVICE);
	struct ch_asking by = asking(slow);
	struct ch_answer a;
	struct err e = ERR_INIT;

	(void)state;
	by.time_ns = S;
	assert_int_equal(ask(&by, &w, &a, &e), 0);
	assert_true(!a.complete && sum_of(&a) < N_SPANS);
	assert_string_equal(arena_cstr(&arena, a.note), "the time was over before all was read, or nearly so");
	/* Of an extent no part is given. */
	w = want_topic(CH_EXTENT);
	assert_int_equal(ask(&by, &w, &a, &e), 0);
	assert_true(!a.complete && !a.extent.has_times && !a.extent.has_rows && a.note.n != 0);
}

static void *
set_later(void *flag)
{
	const struct timespec some = { 0, 200000000 };

	nanosleep(&some, NULL);
	atomic_store((atomic_bool *)flag, true);
	return NULL;
}

static void
deadlines_and_cancelling(void **state)
{
	struct ch_want w[] = { values_of(IN_SERVICE), keys_of(FIELD_SPAN), want_topic(CH_EXTENT),
		want_topic(CH_PARTITIONS) };
	struct ch_asking by = asking(slow);
	atomic_bool cancel = true;
	struct ch_answer a = { .complete = true };
	struct err e = ERR_INIT;
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		by.cancel = &cancel;
		by.deadline_ns = 0;
		assert_int_equal(ask(&by, &w[i], &a, &e), ERR_CANCELLED);
		by.cancel = NULL;
		by.deadline_ns = clock_mono_ns() + S / 5;
		assert_int_equal(ask(&by, &w[i], &a, &e), ERR_TIMEOUT);
	}
	by.deadline_ns = 0;
	by.cancel = &cancel;
	cancel = false;
	assert_int_equal(pthread_create(&thread, NULL, set_later, &cancel), 0);
	assert_int_equal(ask(&by, &w[0], &a, &e), ERR_CANCELLED);
	pthread_join(thread, NULL);
	/* Nothing was given. */
	assert_true(a.complete && a.n_values == 0);
}

/* ---- rights ---- */

static void
system_parts_is_closed(void **state)
{
	struct ch_want extent = want_topic(CH_EXTENT), partitions = want_topic(CH_PARTITIONS);
	struct ch_want services = values_of(IN_SERVICE);
	struct ch_asking by = asking(plain);
	struct ch_answer a;
	struct err e = ERR_INIT;

	(void)state;
	by.client = denied;
	assert_int_equal(ask(&by, &extent, &a, &e), 0);
	assert_true(a.complete && a.extent.rows == N_SPANS && a.extent.last_ns == LAST && !a.extent.has_bytes);
	assert_true(sv_starts(a.note, SV("the bytes on disk are not known: ClickHouse, status 403")));
	assert_int_equal(ask(&by, &partitions, &a, &e), 0);
	assert_true(a.complete && a.all && a.n_partitions == 3 && a.note.n != 0);
	assert_true(sv_is(a.partitions[0].name, "20231117") && a.partitions[0].extent.rows == 333);
	assert_true(a.partitions[0].extent.last_ns == LAST && !a.partitions[0].extent.whole_seconds);
	check_as(&by, &services, "complete\nall\ncheckout 500\ncart 300\n 100\n" EVIL_SHOWN " 100\n");
	/* A table that has gone is another matter. */
	struct ch_schema gone = *plain;
	gone.table.name = SV("gone");
	by = asking(&gone);
	assert_int_equal(ask(&by, &services, &a, &e), ERR_IO);
	struct ch_outcome o;
	assert_int_equal(ch_catalog_ask(&by, &services, &arena, &a, &o, &e), ERR_IO);
	assert_true(o.schema && o.code == 60);
}

/* A user who may set nothing. */
static void
no_limit_may_be_set(void **state)
{
	struct ch_want extent = want_topic(CH_EXTENT), partitions = want_topic(CH_PARTITIONS);
	struct ch_want services = values_of(IN_SERVICE);
	struct ch_asking by = asking(plain);
	struct ch_answer a;
	struct err e = ERR_INIT;

	(void)state;
	by.client = reader;
	check_as(&by, &extent, "complete\n 1000 rows " FIRST_TIME " " LAST_TIME " bytes\n");
	assert_int_equal(ask(&by, &partitions, &a, &e), 0);
	assert_int_equal(a.n_partitions, 3);
	check_as(&by, &services, "complete\nall\ncheckout 500\ncart 300\n 100\n" EVIL_SHOWN " 100\n");
	by.rows = 100;
	assert_int_equal(ask(&by, &services, &a, &e), 0);
	assert_true(!a.complete && sum_of(&a) == 100);
	assert_string_equal(arena_cstr(&arena, a.note), "at most 100 spans were looked at");
	by.rows = 0;
	check_as(&by, &services, "complete\nall\ncheckout 500\ncart 300\n 100\n" EVIL_SHOWN " 100\n");
}

/* ---- broken answers ---- */

struct script {
	struct buf answer, asked;
};

static void
serve(struct canned *c, int fd, unsigned nth, void *arg)
{
	struct script *s = arg;

	(void)c, (void)nth;
	while (canned_request(fd, &s->asked) && canned_send(fd, s->answer.p, s->answer.n))
		;
}

/* What becomes of a body that is whole for HTTP; what was asked is appended, if that is wanted. */
static int
told(const struct ch_asking *as, const struct ch_want *w, struct sv body, struct buf *asked,
    struct ch_answer *a, struct err *e)
{
	struct ch_asking by = *as;
	struct ch_options o = { .timeout_ns = 5 * S };
	struct ch_client *c = NULL;
	struct script script = { BUF_INIT, BUF_INIT };
	struct buf url = BUF_INIT;
	struct canned *srv;
	int rc;

	canned_answer(&script.answer, 200, "", body);
	srv = canned_open(serve, &script);
	buf_printf(&url, "http://127.0.0.1:%u", canned_port(srv));
	o.url = buf_view(&url);
	assert_int_equal(ch_client_new(&o, &c, e), 0);
	by.client = c;
	rc = ask(&by, w, a, e);
	ch_client_free(c);
	canned_close(srv);
	if (asked != NULL)
		buf_sv(asked, buf_view(&script.asked));
	buf_release(&script.asked);
	buf_release(&script.answer);
	buf_release(&url);
	return rc;
}

#define HEAD "\3\1a\1b\012spanfs_end\6String\6UInt64\5UInt8"
#define ROW "\1x\7\0\0\0\0\0\0\0"

static void
answers_that_are_none(void **state)
{
	static const struct sv bad[] = {
		{ "", 0 },
		{ "garbage", 7 },
		{ "\1\1a\6String", 9 },					/* a column */
		{ "\3\1a\1b\1c\6String\6UInt64\5UInt8", 27 },		/* no end */
		{ "\3\1a\1b\012spanfs_end\6String\6UInt32\5UInt8", 36 },	/* another type */
		{ "\3\1a\1b\012spanfs_end\6UInt64\6UInt64\5UInt8", 36 },
		{ "\3\1a\1b\012spanfs_end\6String\6UInt64\6UInt64", 37 },
		{ HEAD ROW, sizeof HEAD ROW - 1 },			/* cut within a row */
		{ HEAD ROW "\0", sizeof HEAD ROW "\0" - 1 },		/* a row without its end */
		{ HEAD ROW "\1" "\3xy", sizeof HEAD ROW "\1" "\3xy" - 1 },
	};
	struct ch_want w[] = { values_of(IN_SERVICE), keys_of(FIELD_SPAN), want_topic(CH_EXTENT),
		want_topic(CH_PARTITIONS), want_topic(CH_ESTIMATE) };
	struct ch_asking by = asking(plain);
	struct ch_answer a = { .complete = true };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (size_t k = 0; k < sizeof w / sizeof *w; k++) {
			assert_int_equal(told(&by, &w[k], bad[i], NULL, &a, &e), ERR_CORRUPT);
			assert_true(e.msg[0] != '\0' && a.complete && a.n_values == 0);
		}
	/* The form is right: of values it is an answer, of an extent it is none. */
	assert_int_equal(told(&by, &w[0], sv_new(HEAD ROW "\1", sizeof HEAD ROW "\1" - 1), NULL, &a, &e), 0);
	assert_true(a.n_values == 1 && sv_is(a.values[0].text, "x") && a.values[0].rows == 7);
	assert_int_equal(told(&by, &w[2], sv_new(HEAD ROW "\1", sizeof HEAD ROW "\1" - 1), NULL, &a, &e), ERR_CORRUPT);
	/* One row more than one, and none. */
#define SUMS "\6\1a\1b\1c\1d\1e\012spanfs_end\6String\6UInt64\6UInt64\6UInt64\6UInt64\5UInt8"
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
	assert_int_equal(told(&by, &w[2], sv_new(SUMS, sizeof SUMS - 1), NULL, &a, &e), ERR_CORRUPT);
	assert_int_equal(told(&by, &w[2], sv_new(SUMS ZEROS ZEROS, sizeof SUMS ZEROS ZEROS - 1), NULL, &a, &e), ERR_CORRUPT);
}

/* Whatever keys and filters there are: they are beside the text. */
static void
no_value_is_part_of_a_text(void **state)
{
	static const enum field_scope scopes[] = { FIELD_BARE, FIELD_RESOURCE, FIELD_SPAN, FIELD_EVENT, FIELD_LINK };
	const struct ch_schema *schemas[] = { plain, json };
	struct ch_answer a;
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct ch_want w = values_at(scopes[i % 5], SV("EVIL'`\\{}"));
		struct ch_asking by = asking(schemas[i / 5 % 2]);
		struct buf asked = BUF_INIT;
		int64_t body;

		w.filter = service_is("EVIL'`\\{}");
		by.hex = i >= 10;
		assert_int_equal(told(&by, &w, SV(HEAD ROW "\1"), &asked, &a, &e), 0);
		body = sv_find(buf_view(&asked), SV("\r\n\r\n"));
		assert_true(body > 0 && sv_find(sv_sub(buf_view(&asked), (size_t)body, asked.n), SV("SELECT")) > 0);
		assert_true(sv_find(sv_sub(buf_view(&asked), (size_t)body, asked.n), SV("EVIL")) < 0);
		assert_int_equal(sv_find(buf_view(&asked), SV("EVIL")) < 0, by.hex);
		buf_release(&asked);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extent_and_partitions),
		cmocka_unit_test(an_empty_table),
		cmocka_unit_test(other_partitions),
		cmocka_unit_test(a_distributed_table_is_not_believed_to_be_here),
		cmocka_unit_test(values_of_intrinsics),
		cmocka_unit_test(the_newest_first),
		cmocka_unit_test(values_of_attributes),
		cmocka_unit_test(of_some_spans_only),
		cmocka_unit_test(keys),
		cmocka_unit_test(json_columns),
		cmocka_unit_test(what_has_no_values_is_refused),
		cmocka_unit_test(long_texts_are_not_listed),
		cmocka_unit_test(estimates),
		cmocka_unit_test(bounds_of_rows),
		cmocka_unit_test(a_bound_of_time),
		cmocka_unit_test(deadlines_and_cancelling),
		cmocka_unit_test(system_parts_is_closed),
		cmocka_unit_test(no_limit_may_be_set),
		cmocka_unit_test(answers_that_are_none),
		cmocka_unit_test(no_value_is_part_of_a_text),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
