/* SPDX-License-Identifier: ISC */
/*
 * test_ch_json: conditions on attributes in columns of JSON, which the server tests as far as it can:
 * what comes is what passes here, whatever types the values of a key have, and where a server keeps
 * dots of keys apart.
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

#define N 200
#define SOME 24
#define ALL 300

static const char *const values[] = { "\"x\"", "\"xy\"", "\"\"", "\"5\"", "\"5.0\"", "5", "5.0", "5.5", "-5", "6", "4", "0",
	"9223372036854775807", "18446744073709551615", "9007199254740993", "1e300", "1e-7", "-0.0", "true", "false", "\"true\"",
	"null", "[]", "[\"x\",\"y\"]", "[5,6]", "[5.5,\"x\",null,true]", "[{\"q\":1}]", "{\"q\":\"x\"}", "{}",
	"\"2026-11-20\"", "\"2026-11-20 00:00:00\"", "\"2026-11-20T00:00:00Z\"", "\"a\\u0000b\"", "\"it's \\\\\\\"`\"", "\"\\u00e9\"",
	"\"nan\"", "\"inf\"", "\"127.0.0.1\"", "\"61f0c404-5cb3-11e7-907b-a6006ad3dba0\"" };
#define N_VALUES (sizeof values / sizeof *values)
static const char *const words[] = { "x", "xy", "5", "5.0", "5.5", "05", "6", "true", "false", "2026-11-20", "2026", "1",
	"9223372036854775807", "18446744073709551615", "9007199254740992", "9007199254740993", "1e300", "-0", "0", "a%00b", "it's", "%C3%A9",
	"nan", "q", "-", "0.0000001" };
#define N_WORDS (sizeof words / sizeof *words)
static const char *const keys[] = { "span.a", "a", "resource.a", "span.b.c", "b.c", "b.c.q", "span.d", "r", "span.a.q", "never", "span.b",
	"span.e%2Ef", "span.e%252Ef", "span.odd:key", "span.x..y" };
#define N_KEYS (sizeof keys / sizeof *keys)
static const char *const orders[] = { "lt", "le", "gt", "ge" };
static const char *const lists[] = { "eq", "ne", "in", "notin", "contains", "notcontains", "starts", "ends" };

static struct ch_server server;
static struct ch_engine x;
static uint64_t seed = 11;

static const char *
one(const char *const *of, size_t n)
{
	return of[hostile_random(&seed, n)];
}

static void
object(struct buf *b, bool resource)
{
	buf_printf(b, "{\"%s\":%s,\"b.c\":%s", resource && hostile_random(&seed, 2) == 0 ? "r" : "a", one(values, N_VALUES),
	    one(values, N_VALUES));
	if (hostile_random(&seed, 3) != 0)
		buf_printf(b, ",\"d\":\"%s\",\"e.f\":\"x\",\"odd:key\":5,\"x..y\":\"x\"", hostile_random(&seed, 2) == 0 ? "x" : "y");
	buf_putc(b, '}');
}

static void
table(const char *name, const char *type, const char *settings)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "CREATE TABLE %s (" CH_TABLE("%s", "UInt64") ") ENGINE = MergeTree ORDER BY (ServiceName, Timestamp)",
	    name, type, type, type, type);
	ch_server_do(&server, buf_view(&b));
	b.n = 0;
	buf_printf(&b, "INSERT INTO %s (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode, "
	    "SpanAttributes, ResourceAttributes) %s FORMAT JSONEachRow\n", name, settings);
	for (unsigned i = 0; i < N; i++) {
		buf_printf(&b, "{\"Timestamp\":\"2026-11-20 00:00:%02u\",\"TraceId\":\"%032x\",\"SpanId\":\"%016x\",\"SpanName\":\"op\","
		    "\"SpanKind\":\"Server\",\"ServiceName\":\"s\",\"Duration\":%u,\"StatusCode\":\"Ok\",\"SpanAttributes\":", i % 60, i + 1,
		    i + 1, i);
		object(&b, false);
		BUF_LIT(&b, ",\"ResourceAttributes\":");
		object(&b, true);
		BUF_LIT(&b, "}\n");
	}
	ch_server_do(&server, buf_view(&b));
	buf_release(&b);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

/* A condition of any kind. */
static void
condition(struct buf *b)
{
	const char *key = one(keys, N_KEYS);

	switch (hostile_random(&seed, 8)) {
	case 0:
		buf_printf(b, "/has/%s", key);
		break;
	case 1:
		buf_printf(b, "/where/%s/between/%s,%s", key, one(words, N_WORDS), one(words, N_WORDS));
		break;
	case 2:
	case 3:
		buf_printf(b, "/where/%s/%s/%s", key, one(orders, sizeof orders / sizeof *orders), one(words, N_WORDS));
		break;
	default:
		buf_printf(b, "/where/%s/%s/%s", key, one(lists, sizeof lists / sizeof *lists), one(words, N_WORDS));
	}
}

/* Spans that pass; -1: the path is none (bounds the wrong way round). */
static long
same_spans(struct sv path)
{
	struct verification v = { .words = BUF_INIT };
	const struct requester me = { 1, 1 };
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	long n = 0;
	int rc = engine_verify(x.en, path, me, append, &out, NULL, &v, &e);

	if (rc == 0 && v.verdict != VERDICT_SAME)
		fail_msg("%.*s: %.*s", SV_ARG(path), SV_ARG(buf_view(&v.words)));
	if (rc != 0 && rc != ERR_SYNTAX && rc != ERR_UNKNOWN)
		fail_msg("%.*s: %s", SV_ARG(path), e.msg);
	for (size_t i = 0; i < out.n; i++)
		n += out.p[i] == '\n';
	buf_release(&v.words);
	buf_release(&out);
	return rc != 0 ? -1 : n;
}

static void
drawn(const char *name)
{
	unsigned rounds = rounds_of_all(SOME, ALL);
	unsigned long some = 0;

	ch_engine_open(&x, &server, name, "60s");
	for (unsigned i = 0; i < rounds; i++) {
		struct buf b = BUF_INIT;

		if (hostile_random(&seed, 4) == 0)
			BUF_LIT(&b, "/not");
		condition(&b);
		if (hostile_random(&seed, 3) == 0)
			condition(&b);
		BUF_LIT(&b, "/spans.jsonl");
		some += same_spans(buf_view(&b)) > 0;
		buf_release(&b);
	}
	assert_in_range(some, rounds / 5, rounds);
	ch_engine_close(&x);
}

static void
whatever_values_are(void **state)
{
	(void)state;
	drawn("js");
}

static void
where_dots_of_keys_were_kept(void **state)
{
	(void)state;
	drawn("kept");
}

static void
where_paths_have_types(void **state)
{
	(void)state;
	ch_engine_open(&x, &server, "typed", "60s");
	assert_true(same_spans(SV("/where/span.d/eq/x/spans.jsonl")) > 0);
	ch_engine_close(&x);
}

/* What the server leaves out does not come. */
static void
others_do_not_come(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	ch_engine_open(&x, &server, "js", "60s");
	assert_int_equal(engine_explain(x.en, SV("/where/span.d/eq/x/spans.jsonl"), &out, NULL), 0);
	assert_non_null(strstr(buf_cstr(&out), "`SpanAttributes`.`d`.:String IN"));
	buf_release(&out);
	ch_engine_close(&x);
}

static int
start(void **state)
{
	(void)state;
	ch_server_start(&server, "http", NULL);
	table("js", "JSON", "");
	table("kept", "JSON(max_dynamic_paths=2)", "SETTINGS json_type_escape_dots_in_keys = 1");
	table("typed", "JSON(d String)", "");
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
		cmocka_unit_test(others_do_not_come),
		cmocka_unit_test(where_paths_have_types),
		cmocka_unit_test(whatever_values_are),
		cmocka_unit_test(where_dots_of_keys_were_kept),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
