/* SPDX-License-Identifier: ISC */
/*
 * test_ch_limits: what holds for queries of a store holds for those of a server: limits of rows, memory and time,
 * with the setting to change in the words; answers that are kept; and the server's log says whose its queries are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ask.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"

#define ROWS "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, StatusMessage) SELECT " \
	"toDateTime64('2026-11-20 00:00:00', 9) + number, lower(hex(sipHash128(number))), " \
	"lower(leftPad(hex(number + 1), 16, '0')), concat('op ', toString(number % 700)), 'Server', " \
	"concat('s', toString(number % 20)), repeat('text ', 20) FROM numbers(20000)"
#define HEAVY "CREATE VIEW heavy AS SELECT o.* FROM otel_traces AS o CROSS JOIN numbers(100000000000) AS n " \
	"WHERE sipHash64(o.SpanId, n.number) = 1"

static struct ch_server server;
static struct conf *conf;
static struct engine *en;
static char log_name[96];

static int
start(void **state)
{
	const char *const options[] = { "--log", log_name, NULL };
	char dir[] = "/tmp/spanfs-limits.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(log_name, sizeof log_name, "%s/log", dir);
	ch_server_start(&server, "http", options);
	ch_server_do(&server, SV("CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree "
	    "PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"));
	ch_server_do(&server, SV(ROWS));
	ch_server_do(&server, SV(HEAVY));
	return 0;
}

static int
stop(void **state)
{
	char command[128];

	(void)state;
	ch_server_stop(&server);
	*strrchr(log_name, '/') = '\0';
	snprintf(command, sizeof command, "rm -rf '%s'", log_name);
	assert_int_equal(system(command), 0);
	return 0;
}

static void
open_with(const char *one, const char *two)
{
	char url[96];
	const char *const sets[] = { url, "mount.now=2026-11-22", "query.threads=1", one, two };
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	if (conf_load(NULL, sets, two == NULL ? 4 : 5, &conf, &e) < 0 ||
	    engine_open(conf, ENGINE_CLICKHOUSE, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
}

static void
close_it(void)
{
	engine_close(en);
	conf_free(conf);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

/* The path ends in this error, with these words. */
static void
fails(const char *path, int want, const char *words)
{
	const struct requester me = { 0, 1 };
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	int rc = engine_query(en, sv_cstr(path), me, append, &out, NULL, &e);

	if (rc != want || strstr(e.msg, words) == NULL)
		fail_msg("%s: %d after %zu bytes: %s", path, rc, out.n, e.msg);
	buf_release(&out);
}

static uint64_t
questions(void)
{
	struct ch_counts c;

	ch_client_counts(ch_server_client(en->server), &c);
	return c.asked;
}

static void
rows_are_limited(void **state)
{
	(void)state;
	open_with("query.max_rows=100", NULL);
	fails("/spans.jsonl", ERR_LIMIT, "max_rows");
	fails("/group/name/groups.jsonl", ERR_LIMIT, "max_rows");
	close_it();
}

static void
memory_is_limited(void **state)
{
	(void)state;
	open_with("query.memory=1MiB", "query.aggregates=exact");
	fails("/sort/status_message,name/spans.jsonl", ERR_NOMEM, "memory");
	close_it();
}

static void
time_is_limited_here_and_there(void **state)
{
	(void)state;
	open_with("query.timeout=500ms", "clickhouse.table=heavy");
	fails("/count", ERR_TIMEOUT, "[query] timeout");
	close_it();
	open_with("clickhouse.timeout=700ms", "clickhouse.table=heavy");
	fails("/count", ERR_TIMEOUT, "[clickhouse] timeout");
	close_it();
	open_with("clickhouse.max_memory=2MiB", "clickhouse.table=heavy");
	fails("/group/span_id/agg/distinct:name/groups.jsonl", ERR_NOMEM, "[clickhouse] max_memory");
	close_it();
}

static void
answers_are_kept_for_a_while(void **state)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	uint64_t before;

	(void)state;
	open_with("result_cache.ttl=1h", NULL);
	assert_int_equal(ask_kept(en, "/service/s3/count", &a), 0);
	before = questions();
	assert_int_equal(ask_kept(en, "/service/s3/count", &b), 0);
	assert_int_equal(questions(), before);
	assert_true(sv_is(buf_view(&a), "1000\n") && sv_eq(buf_view(&a), buf_view(&b)));
	close_it();
	open_with("result_cache.ttl=0s", NULL);
	assert_int_equal(ask_kept(en, "/service/s3/count", &a), 0);
	before = questions();
	assert_int_equal(ask_kept(en, "/service/s3/count", &b), 0);
	assert_true(questions() > before);
	close_it();
	buf_release(&a);
	buf_release(&b);
}

static void
the_servers_log_has_the_path(void **state)
{
	struct buf out = BUF_INIT;
	FILE *f;
	char *line = NULL;
	size_t cap = 0;
	unsigned found = 0;

	(void)state;
	open_with("result_cache.ttl=0s", NULL);
	assert_int_equal(ask_kept(en, "/name/op%2077/service/s17/count", &out), 0);
	/* Any question after it: the first is in the log then. */
	assert_int_equal(ask_kept(en, "/service/s1/count", &out), 0);
	close_it();
	assert_non_null(f = fopen(log_name, "r"));
	while (getline(&line, &cap, f) > 0)
		found += strstr(line, "\"comment\": \"/service/s17/name/op 77") != NULL;
	fclose(f);
	free(line);
	assert_int_equal(found, 1);
	buf_release(&out);
}

/* Did all answers to the questions of a path come so, and were there any, as the log has it? */
static bool
came_as(const char *comment, const char *packed)
{
	FILE *f = fopen(log_name, "r");
	char *line = NULL, what[64];
	size_t cap = 0;
	unsigned met = 0, others = 0;

	assert_non_null(f);
	snprintf(what, sizeof what, "\"packed\": \"%s\"", packed);
	while (getline(&line, &cap, f) > 0)
		if (strstr(line, comment) != NULL) {
			met++;
			others += strstr(line, what) == NULL;
		}
	fclose(f);
	free(line);
	return met != 0 && others == 0;
}

/* Of a server that knows `known` alone, and puts each piece in a frame of its own. */
static void
rows_that_may_be_many_come_compressed(void **state)
{
	static const struct {
		const char *word, *known, *packed;
	} hows[] = { { "zstd", "all", "zstd" }, { "zstd", "gzip", "gzip" }, { "zstd", "none", "" }, { "gzip", "all", "gzip" },
		{ "gzip", "zstd", "" }, { "none", "all", "" }, { "auto", "all", "" } };
	static const struct {
		const char *rest;
		bool many;
	} files[] = { { "spans.jsonl", true }, { "traces.jsonl", true }, { "limit/5000/spans.jsonl", true },
		{ "limit/1000/spans.jsonl", false }, { "sort/duration:desc/limit/9/spans.jsonl", false },
		{ "count", false }, { "group/service/groups.jsonl", false } };
	struct buf plain = BUF_INIT, out = BUF_INIT, tell = BUF_INIT;

	(void)state;
	for (size_t h = 0; h < sizeof hows / sizeof *hows; h++) {
		char set[64];

		snprintf(set, sizeof set, "clickhouse.compression=%s", hows[h].word);
		tell.n = 0;
		buf_printf(&tell, "/test/known/%s", hows[h].known);
		ch_server_tell(&server, buf_cstr(&tell));
		ch_server_tell(&server, h % 2 == 0 ? "/test/frames/1" : "/test/frames/0");
		for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
			char path[96], same[96], comment[64];

			/* A name that no other question has. */
			snprintf(path, sizeof path, "/service/s3,h%zuf%zu/%s", h, f, files[f].rest);
			snprintf(same, sizeof same, "/service/s3/%s", files[f].rest);
			snprintf(comment, sizeof comment, "\"comment\": \"/service/h%zuf%zu,s3", h, f);
			open_with("clickhouse.compression=none", "result_cache.ttl=0s");
			assert_int_equal(ask_kept(en, same, &plain), 0);
			close_it();
			open_with(set, "result_cache.ttl=0s");
			assert_int_equal(ask_kept(en, path, &out), 0);
			/* Any question after it: the others are in the log then. */
			assert_int_equal(ask_kept(en, "/service/s1/count", &tell), 0);
			close_it();
			assert_true(out.n != 0 && sv_eq(buf_view(&out), buf_view(&plain)));
			if (!came_as(comment, files[f].many ? hows[h].packed : ""))
				fail_msg("%s with %s of a server with %s", path, hows[h].word, hows[h].known);
		}
	}
	ch_server_tell(&server, "/test/known/all");
	ch_server_tell(&server, "/test/frames/0");
	buf_release(&plain);
	buf_release(&out);
	buf_release(&tell);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_limited),
		cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(time_is_limited_here_and_there),
		cmocka_unit_test(answers_are_kept_for_a_while),
		cmocka_unit_test(the_servers_log_has_the_path),
		cmocka_unit_test(rows_that_may_be_many_come_compressed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
