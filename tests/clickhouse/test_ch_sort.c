/* SPDX-License-Identifier: ISC */
/*
 * test_ch_sort: the first spans of a sort, which a server is asked for, are the first of all spans as
 * they are sorted here: by columns and attributes of every kind, whatever texts look like numbers, are
 * not UTF-8, equal, or missing; with every limit, filter and second key.
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
#include "lib/hostile.h"
#include "lib/rounds.h"

#define N 600
#define SOME_SORTS 50
#define ALL_SORTS 400

/* Texts of attributes: the first ones are never in doubt. */
static const char clear_texts[] =
    "'', '0', '-1', '1', '2', '10', '9', '007', '+5', '5', '5.0', '5.5', '-5.5', '5.50', '.5', '5.', '1.10', '1.1', "
    "'9223372036854775807', '9223372036854775806', '-9223372036854775808', '9223372036854775808', "
    "'9007199254740992', '9007199254740993', '-9007199254740993', '-9007199254740992', '99999999999999999999', "
    "'0.0', '0.5', '0.0001', '0.00001', '1.5e-05', '2e-05', '1e-5', '1.5e-99', '12345678901.5', '12345678901', '12345678902', "
    "'true', 'false', 'True', 'nan', 'NaN', 'inf', '-Infinity', '-', '2026-11-20', '10.0.0.1', 'a', 'b', 'B', "
    "'\\xc3\\xa9', '\\xf0\\x9f\\x98\\x80', 'a b', '0x10', '1e', '1_000', ' 5', '5 ', '5\\n', '\\0', '1,5'";
static const char doubtful_texts[] =
    "'-0.0', '1e+20', '1.5e+15', '1e+300', '1e-300', '1e-323', '1e+309', '0.30000000000000004', '0.1234567890123', "
    "'123456789012345.5', '12345678901234567.0', '1234567890123456.0', '100000000000000.0', '1.7976931348623157e+308', "
    "'0.12345678901234567', '0.123456789012345678', '2.2250738585072014e-308', '4503599627370496.5', '9007199254740993.0', "
    "'\\xff', 'a\\xff', 'a\\xfe', '5\\xff', '\\xed\\xa0\\x80', '\\xef\\xbf\\xbd', 'zzz\\xc3', "
    "'1e22', '1e+22', '1e+21', '-1e+22', '1e16', '1e+16'";

static struct ch_server server;
static struct ch_engine x;
static uint64_t seed = 7;

static void
table(const char *name, const char *values, const char *texts, const char *duration)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "CREATE TABLE %s (" CH_TABLE(CH_MAP, "%s") ") ENGINE = MergeTree PARTITION BY toDate(Timestamp) "
	    "ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))", name, duration);
	ch_server_do(&server, buf_view(&b));
	b.n = 0;
	/* Times in fours, some attributes missing; of "r" the resource has what the span has not. */
	buf_printf(&b, "INSERT INTO %s (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ScopeName, "
	    "Duration, StatusCode, StatusMessage, SpanAttributes, ResourceAttributes) WITH [%s] AS v, [%s] AS t, "
	    "sipHash64(number) AS h, v[h %% length(v) + 1] AS a, intHash64(number + 5) AS g, v[g %% length(v) + 1] AS c "
	    "SELECT toDateTime64('2026-11-20 00:00:00', 9) + intDiv(number, 4), lower(hex(sipHash128(intDiv(number, 2)))), "
	    "lower(leftPad(hex(intDiv(number, 2) * 2 + "
	    "if(number %% 16 = 1, 0, number %% 2) + 1), 16, '0')), "
	    "['', '0000000000000000', '00000000000000ff', '00000000000000a1'][h %% 4 + 1], t[g %% length(t) + 1], "
	    "['Server', 'SPAN_KIND_CLIENT', 'Client', 'Internal', 'what'][h %% 5 + 1], "
	    "concat('s', toString(g %% 3)), t[h %% length(t) + 1], [number, h, 0, 7, 9223372036854775807][g %% 5 + 1], "
	    "['Ok', 'Error', 'STATUS_CODE_ERROR', 'Unset', ''][g %% 5 + 1], t[(h + g) %% length(t) + 1], "
	    "if(h %% 7 = 0, map('x', '1'), map('a', a, 'x', '1', 'n', toString(h %% 50), 'd', toString(h %% 40 / 8))), "
	    "if(g %% 3 = 0, map('x', '2'), map('a', c, 'r', a)) FROM numbers(%d)", name, values, texts, N);
	ch_server_do(&server, buf_view(&b));
	buf_release(&b);
}

static size_t
lines(struct sv s, size_t n)
{
	size_t at = 0;

	while (n != 0 && at < s.n)
		n -= s.p[at++] == '\n';
	return at;
}

static uint64_t
asked(void)
{
	struct ch_counts c;

	ch_client_counts(ch_server_client(x.en->server), &c);
	return c.asked;
}

static void
ask(const char *path, struct buf *out)
{
	int rc = ask_anew(x.en, path, out);

	if (rc != 0)
		fail_msg("%s: %d", path, rc);
}

/* Questions that the first `limit` took, and the rows that came; they are the first of all. */
static uint64_t
first_ones(const char *where, const char *sort, unsigned limit)
{
	struct buf all = BUF_INIT, some = BUF_INIT;
	char path[256];
	uint64_t before;

	snprintf(path, sizeof path, "%s/sort/%s/spans.jsonl", where, sort);
	ask(path, &all);
	before = asked();
	snprintf(path, sizeof path, "%s/sort/%s/limit/%u/spans.jsonl", where, sort, limit);
	ask(path, &some);
	before = asked() - before;
	all.n = lines(buf_view(&all), limit);
	if (!sv_eq(buf_view(&some), buf_view(&all)))
		fail_msg("%s: other rows than the first of all", path);
	buf_release(&all);
	buf_release(&some);
	return before;
}

static const char *const fields[] = { "service", "name", "kind", "status", "status_message", "scope", "scope_version",
	"trace_id", "span_id", "parent_span_id", "trace_state", "flags", "start", "end", "duration", "span.a", "resource.a",
	"a", "r", "span.n", "d", "x", "span.r", "scope.k", "service.name", "tokens:total" };
#define N_FIELDS (sizeof fields / sizeof *fields)

static void
drawn(const char *name)
{
	static const char *const wheres[] = { "", "", "/service/s1", "/where/x/eq/y", "/where/span.a/ne/b",
		"/not/where/a/eq/a", "/where/r/in/a,b,true", "/where/span.n/gt/20",
		/* Of a filter in two parts, with single keys of maps. */
		"/where/r/in/a,b,true/select/span_id,a", "/has/r/select/name,resource.a", "/where/a/ne/a/select/trace_id,r" };
	static const char *const ways[] = { "", ":desc", ":asc" };
	unsigned rounds = rounds_of_all(SOME_SORTS, ALL_SORTS);
	char sort[128];

	ch_engine_open(&x, &server, name, "20s");
	for (unsigned i = 0; i < rounds; i++) {
		const char *a = fields[hostile_random(&seed, N_FIELDS)], *b = fields[hostile_random(&seed, N_FIELDS)];
		bool two = hostile_random(&seed, 2) == 0;

		snprintf(sort, sizeof sort, "%s%s%s%s%s", a, ways[hostile_random(&seed, 3)], two ? "," : "",
		    two ? b : "", two ? ways[hostile_random(&seed, 3)] : "");
		first_ones(wheres[hostile_random(&seed, sizeof wheres / sizeof *wheres)], sort,
		    (unsigned)hostile_random(&seed, hostile_random(&seed, 4) == 0 ? N + 9 : 40));
	}
	ch_engine_close(&x);
}

static void
texts_without_doubt(void **state)
{
	(void)state;
	drawn("clear");
}

static void
texts_in_doubt(void **state)
{
	(void)state;
	drawn("doubtful");
}

static void
signed_durations(void **state)
{
	(void)state;
	drawn("signed");
}

/* Every field alone, both ways: with a limit at which some rows are equal. */
static void
every_field_both_ways(void **state)
{
	(void)state;
	ch_engine_open(&x, &server, "doubtful", "20s");
	for (size_t i = 0; i < N_FIELDS; i++)
		for (unsigned desc = 0; desc < 2; desc++) {
			char sort[64];

			snprintf(sort, sizeof sort, "%s%s", fields[i], desc ? ":desc" : "");
			first_ones("", sort, 17);
		}
	ch_engine_close(&x);
}

/* How often it is asked tells that the server does sort. */
static void
one_question_where_it_tells(void **state)
{
	unsigned thrice = 0;

	(void)state;
	ch_engine_open(&x, &server, "clear", "20s");
	assert_int_equal(first_ones("", "a", 1), 1);
	assert_int_equal(first_ones("", "span.n:desc,span_id,trace_id", 20), 1);
	assert_int_equal(first_ones("", "service,name", N + 1), 1);
	/* Four of one start: by ids, once more. */
	assert_int_equal(first_ones("", "start:desc,kind", 6), 2);
	assert_int_equal(first_ones("", "x,start", 5), 2);
	/* Of a span that is there twice nothing tells but its content: both come. */
	for (unsigned limit = 1; limit < 34; limit++)
		thrice += first_ones("", "x,start:desc", limit) == 3;
	assert_in_range(thrice, 1, 4);
	ch_engine_close(&x);
}

static int
start(void **state)
{
	struct buf both = BUF_INIT;

	(void)state;
	ch_server_start(&server, "http", NULL);
	buf_printf(&both, "%s, %s", clear_texts, doubtful_texts);
	buf_putc(&both, '\0');
	table("clear", clear_texts, "'a', 'b', '', 'c', '\\xc3\\xa9', 'GET /'", "UInt64");
	table("doubtful", both.p, "'a', 'b', '', '\\xff', 'a\\xff', '\\xef\\xbf\\xbd'", "UInt64");
	table("signed", both.p, "'a', 'b', ''", "Int64");
	buf_release(&both);
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
		cmocka_unit_test(every_field_both_ways),
		cmocka_unit_test(one_question_where_it_tells),
		cmocka_unit_test(texts_without_doubt),
		cmocka_unit_test(texts_in_doubt),
		cmocka_unit_test(signed_durations),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
