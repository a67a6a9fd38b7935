/* SPDX-License-Identifier: ISC */
/*
 * test_ch_repeats: rows that came twice. A table of spans, and one that has some of them again, as an exporter
 * leaves it that delivers at least once: files of spans, counts, groups and traces say the same of it, each row
 * being a span, and files of spans note how many are repeats; without these they are the first table's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/vec.h"
#include "lib/ask.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"

#define TABLE(name) "CREATE TABLE " name " (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree " \
	"PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"
/* Of one start three spans; the last two have the same ids, and differ. */
#define ROWS "INSERT INTO once SELECT toDateTime64('2026-11-20 12:00:00', 9) + intDiv(number, 3), " \
	"lower(hex(sipHash128(intDiv(number, 10)))), lower(hex(cityHash64(number - (number = 299)))), '', '', " \
	"concat('op ', toString(number % 5)), 'Server', ['cart', 'checkout', 'payment'][number % 3 + 1 - (number = 299)], " \
	"map('service.name', ['cart', 'checkout', 'payment'][number % 3 + 1 - (number = 299)]), 'lib', '1.0', " \
	"map('n', toString(number), 'k', 'v'), 1000000 * number, multiIf(number % 4 = 0, 'Error', 'Unset'), '', " \
	"[], [], [], [], [], [], [] FROM numbers(300)"
#define AGAIN(cond) "INSERT INTO otel_traces SELECT * FROM once WHERE toUInt32(SpanAttributes['n']) " cond

static struct ch_server server;
static struct conf *conf;

typedef VEC(struct sv) lines_t;

static int
start(void **state)
{
	(void)state;
	ch_server_start(&server, "http", NULL);
	ch_server_do(&server, SV(TABLE("once")));
	ch_server_do(&server, SV(TABLE("otel_traces")));
	ch_server_do(&server, SV(ROWS));
	ch_server_do(&server, SV(AGAIN(">= 0")));
	/* A batch that was sent again, and some a third time. */
	ch_server_do(&server, SV(AGAIN("BETWEEN 40 AND 99")));
	ch_server_do(&server, SV(AGAIN("BETWEEN 90 AND 120")));
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_server_stop(&server);
	conf_free(conf);
	return 0;
}

/* One at a time: the settings are kept until the next. */
static struct engine *
engine_on(const char *table)
{
	char url[96], name[64];
	const char *const sets[] = { url, name, "mount.now=2026-11-22", "query.threads=1" };
	struct engine *en = NULL;
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	snprintf(name, sizeof name, "clickhouse.table=%s", table);
	conf_free(conf);
	conf = NULL;
	if (conf_load(NULL, sets, 4, &conf, &e) < 0 || engine_open(conf, ENGINE_CLICKHOUSE, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
	return en;
}

static void
must_ask(struct engine *en, const char *path, struct buf *out)
{
	out->n = 0;
	if (ask_anew(en, path, out) < 0)
		fail_msg("%s fails", path);
}

static int
by_bytes(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

/* Sorted; `once`: without those that are there already. */
static size_t
lines_of(struct sv text, bool once, lines_t *out)
{
	struct sv line;
	size_t n = 0;

	out->n = 0;
	while (text.n != 0) {
		sv_cut(&text, '\n', &line);
		assert_non_null(vec_push(out, line));
	}
	if (out->n != 0)
		qsort(out->v, out->n, sizeof *out->v, by_bytes);
	for (size_t i = 0; i < out->n; i++)
		if (!once || n == 0 || !sv_eq(out->v[n - 1], out->v[i]))
			out->v[n++] = out->v[i];
	out->n = n;
	return n;
}

/* The number that a note begins with; 0: there is none. */
static uint64_t
noted(struct engine *en, const char *path)
{
	struct buf bytes = BUF_INIT, note = BUF_INIT;
	struct result *r = NULL;
	uint64_t n = 0;

	assert_int_equal(ask_result(en, path, &bytes, &r), 0);
	if (result_xattr(r, SV("note"), &note, NULL) == 0) {
		assert_non_null(strstr(buf_cstr(&note), " a span that the table has already"));
		n = strtoull(note.p, NULL, 10);
		assert_true(n != 0);
	}
	result_unref(r);
	buf_release(&bytes);
	buf_release(&note);
	return n;
}

/* Told exactly or tested here; in windows, first ones, sorted, in pages. */
static const char *const filters[] = { "", "service/cart/", "service/cart,payment/status/error/", "where/n/ge/95/",
	"where/k/re/v%2B/", "where/n/gt/44.5/", "text/v/", "trace-duration/gt/1ns/", "root/", "duration/ge/90ms/",
	"until/2026-11-20T12:00:33/", "not/service/cart/" };
#define N_FILTERS (sizeof filters / sizeof *filters)
static const char *const pages[] = { "", "limit/30/", "limit/110/offset/70/", "sort/duration/", "sort/duration:desc/limit/260/",
	"sort/duration/limit/95/", "sort/start/limit/170/", "sort/name/", "sort/name/limit/200/", "offset/350/" };

static void
files_counts_and_notes_agree(void **state)
{
	struct engine *en = engine_on("otel_traces");
	struct buf a = BUF_INIT, b = BUF_INIT;
	lines_t v = VEC_INIT;
	uint64_t all = 0;

	(void)state;
	for (size_t f = 0; f < N_FILTERS; f++)
		for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
			char path[256];
			size_t rows, apart;
			uint64_t n;

			snprintf(path, sizeof path, "%s%sspans.jsonl", filters[f], pages[p]);
			must_ask(en, path, &a);
			rows = lines_of(buf_view(&a), false, &v);
			apart = lines_of(buf_view(&a), true, &v);
			n = noted(en, path);
			if (n != rows - apart)
				fail_msg("%s: %zu lines, %zu different, noted %llu", path, rows, apart, (unsigned long long)n);
			snprintf(path, sizeof path, "%s%scount", filters[f], pages[p]);
			must_ask(en, path, &b);
			if (strtoull(buf_cstr(&b), NULL, 10) != rows)
				fail_msg("%s: %s of %zu lines", path, buf_cstr(&b), rows);
			all += n;
		}
	assert_true(all > 1000);
	vec_release(&v);
	buf_release(&a);
	buf_release(&b);
	engine_close(en);
}

static void
without_repeats_it_is_the_other_table(void **state)
{
	struct buf twice[N_FILTERS], b = BUF_INIT;
	lines_t v = VEC_INIT, w = VEC_INIT;
	struct engine *en = engine_on("otel_traces");
	char path[256];

	(void)state;
	for (size_t f = 0; f < N_FILTERS; f++) {
		buf_init(&twice[f]);
		snprintf(path, sizeof path, "%sspans.jsonl", filters[f]);
		must_ask(en, path, &twice[f]);
	}
	must_ask(en, "count", &b);
	assert_string_equal(buf_cstr(&b), "391\n");
	engine_close(en);
	en = engine_on("once");
	must_ask(en, "count", &b);
	assert_string_equal(buf_cstr(&b), "300\n");
	for (size_t f = 0; f < N_FILTERS; f++) {
		snprintf(path, sizeof path, "%sspans.jsonl", filters[f]);
		must_ask(en, path, &b);
		lines_of(buf_view(&twice[f]), true, &v);
		assert_int_equal(lines_of(buf_view(&b), false, &w), v.n);
		for (size_t i = 0; i < v.n; i++)
			if (!sv_eq(v.v[i], w.v[i]))
				fail_msg("%s: %.*s", path, SV_ARG(v.v[i]));
		assert_int_equal(noted(en, path), 0);
		buf_release(&twice[f]);
	}
	vec_release(&v);
	vec_release(&w);
	buf_release(&b);
	engine_close(en);
}

/* The numbers behind a key, added up. */
static uint64_t
sum_of(struct engine *en, const char *path, const char *key)
{
	struct buf b = BUF_INIT;
	uint64_t sum = 0;

	must_ask(en, path, &b);
	for (const char *p = buf_cstr(&b); (p = strstr(p, key)) != NULL; p += strlen(key))
		sum += strtoull(p + strlen(key), NULL, 10);
	buf_release(&b);
	return sum;
}

static void
groups_and_traces_add_up_to_the_count(void **state)
{
	static const char *const groups[] = { "group/service/agg/count/", "bucket/10s/agg/count/", "group/n/agg/count/",
		"group/service/agg/count,p95:duration/", "group/parent:name/agg/count/", "agg/count/" };
	struct engine *en = engine_on("otel_traces");
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
		char path[256];

		snprintf(path, sizeof path, "%sgroups.jsonl", groups[g]);
		assert_int_equal(sum_of(en, path, "\"count\":"), 391);
		snprintf(path, sizeof path, "where/n/gt/44.5/%sgroups.jsonl", groups[g]);
		must_ask(en, "where/n/gt/44.5/count", &b);
		assert_int_equal(sum_of(en, path, "\"count\":"), strtoull(buf_cstr(&b), NULL, 10));
	}
	assert_int_equal(sum_of(en, "traces.jsonl", "\"spans\":"), 391);
	assert_int_equal(sum_of(en, "traces.jsonl", "\"matched\":"), 391);
	buf_release(&b);
	engine_close(en);
}

/* No row is lost between two pages, and none comes twice that is not there twice. */
static void
pages_are_the_whole(void **state)
{
	struct engine *en = engine_on("otel_traces");
	struct buf whole = BUF_INIT, page = BUF_INIT, all = BUF_INIT;

	(void)state;
	must_ask(en, "spans.jsonl", &whole);
	for (unsigned i = 0; i < 400; i += 7) {
		char path[64];

		snprintf(path, sizeof path, "offset/%u/limit/7/spans.jsonl", i);
		must_ask(en, path, &page);
		buf_sv(&all, buf_view(&page));
	}
	assert_true(sv_eq(buf_view(&whole), buf_view(&all)));
	buf_release(&whole);
	buf_release(&page);
	buf_release(&all);
	engine_close(en);
}

/* The note of what a table has not is there as well. */
static void
notes_of_a_table_are_both_there(void **state)
{
	struct engine *en = engine_on("otel_traces");
	struct buf bytes = BUF_INIT, note = BUF_INIT;
	struct result *r = NULL;

	(void)state;
	assert_int_equal(ask_result(en, "otlp.jsonl", &bytes, &r), 0);
	assert_int_equal(result_xattr(r, SV("note"), &note, NULL), 0);
	assert_non_null(strstr(buf_cstr(&note), "91 rows repeat a span that the table has already"));
	assert_non_null(strstr(buf_cstr(&note), "no flags"));
	result_unref(r);
	buf_release(&bytes);
	buf_release(&note);
	engine_close(en);
}

/* What the manual says of leaving them out for good; the last test. */
static void
deduplicated_there_none_is_left(void **state)
{
	struct engine *en;
	struct buf b = BUF_INIT;

	(void)state;
	ch_server_do(&server, SV("OPTIMIZE TABLE otel_traces FINAL DEDUPLICATE"));
	en = engine_on("otel_traces");
	must_ask(en, "count", &b);
	assert_string_equal(buf_cstr(&b), "300\n");
	assert_int_equal(noted(en, "spans.jsonl"), 0);
	buf_release(&b);
	engine_close(en);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_counts_and_notes_agree),
		cmocka_unit_test(without_repeats_it_is_the_other_table),
		cmocka_unit_test(groups_and_traces_add_up_to_the_count),
		cmocka_unit_test(pages_are_the_whole),
		cmocka_unit_test(notes_of_a_table_are_both_there),
		cmocka_unit_test(deduplicated_there_none_is_left),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
