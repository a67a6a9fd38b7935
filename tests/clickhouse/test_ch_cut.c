/* SPDX-License-Identifier: ISC */
/*
 * test_ch_cut: a profile of the server by which answers are cut and do not say so. What is asked is whole
 * or an error all the same; a user who may not set that otherwise is refused with the setting's name.
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

#define SPANS "20000"
#define ROWS "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName) SELECT " \
	"toDateTime64('2026-11-20 00:00:00', 9) + number, lower(hex(sipHash128(number))), " \
	"lower(leftPad(hex(number + 1), 16, '0')), concat('op ', toString(number % 700)), 'Server', " \
	"concat('s', toString(number % 20)) FROM numbers(" SPANS ")"

/* Each cuts one of the answers below, if it is let. */
static const char *const profiles[] = {
	"max_rows_to_read=5000:read_overflow_mode=break", "max_bytes_to_read=50000:read_overflow_mode=break",
	"max_result_rows=100:max_block_size=50:result_overflow_mode=break",
	"max_rows_to_group_by=10:group_by_overflow_mode=any", "max_rows_to_group_by=10:group_by_overflow_mode=break",
	"max_rows_to_sort=100:max_block_size=50:sort_overflow_mode=break",
	"max_rows_to_read_leaf=5000:read_overflow_mode_leaf=break",
	"max_execution_time_leaf=1:timeout_overflow_mode_leaf=break",
	"limit=3", "limit=20", "offset=1", "offset=3", "skip_unavailable_shards=1",
};
#define N_PROFILES (sizeof profiles / sizeof *profiles)

static const char *const paths[] = {
	"/count", "/group/name/agg/count/groups.jsonl", "/select/span_id/spans.csv", "/where/name/re/op.*/count",
	"/sort/name/limit/500/select/span_id/spans.csv", "/distinct/name/count", "/limit/1000/traces.csv",
};
#define N_PATHS (sizeof paths / sizeof *paths)

static struct ch_server server;
static struct buf whole[N_PATHS];

static int
opened(const char *user, struct conf **c, struct engine **en, struct err *e)
{
	char url[96], as[64];
	const char *const sets[] = { url, as, "mount.now=2026-11-22", "result_cache.enabled=no",
		"query.threads=1" };
	int rc;

	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	snprintf(as, sizeof as, "clickhouse.user=%s", user);
	assert_int_equal(conf_load(NULL, sets, sizeof sets / sizeof *sets, c, e), 0);
	if ((rc = engine_open(*c, ENGINE_CLICKHOUSE, false, en, e)) < 0)
		conf_free(*c);
	return rc;
}

static int
start(void **state)
{
	static char names[2 * N_PROFILES][160];
	const char *options[4 * N_PROFILES + 1] = { NULL };
	struct engine *en;
	struct conf *c;
	struct err e = ERR_INIT;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N_PROFILES; i++) {
		snprintf(names[2 * i], sizeof *names, "u%zu::%s", i, profiles[i]);
		snprintf(names[2 * i + 1], sizeof *names, "ro%zu::%s:readonly=1", i, profiles[i]);
		options[n++] = "--user";
		options[n++] = names[2 * i];
		options[n++] = "--user";
		options[n++] = names[2 * i + 1];
	}
	ch_server_start(&server, "http", options);
	ch_server_do(&server, SV("CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree "
	    "PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"));
	ch_server_do(&server, SV(ROWS));
	if (opened("", &c, &en, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < N_PATHS; i++)
		assert_int_equal(ask_anew(en, paths[i], &whole[i]), 0);
	assert_true(sv_is(buf_view(&whole[0]), SPANS "\n"));
	engine_close(en);
	conf_free(c);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PATHS; i++)
		buf_release(&whole[i]);
	ch_server_stop(&server);
	return 0;
}

static void
no_answer_is_cut(void **state)
{
	struct buf out = BUF_INIT;
	struct engine *en;
	struct conf *c;
	char user[16];
	unsigned refused = 0;

	(void)state;
	for (size_t i = 0; i < N_PROFILES; i++) {
		struct err e = ERR_INIT;

		snprintf(user, sizeof user, "u%zu", i);
		if (opened(user, &c, &en, &e) < 0)
			fail_msg("%s: %s", profiles[i], e.msg);
		for (size_t k = 0; k < N_PATHS; k++) {
			int rc = ask_anew(en, paths[k], &out);

			refused += rc < 0;
			if (rc == 0 && !sv_eq(buf_view(&out), buf_view(&whole[k])))
				fail_msg("%s: %s: %zu bytes of %zu", profiles[i], paths[k], out.n, whole[k].n);
			if (rc < 0 && rc != ERR_LIMIT && rc != ERR_IO)
				fail_msg("%s: %s: error %d", profiles[i], paths[k], rc);
		}
		engine_close(en);
		conf_free(c);
	}
	assert_true(refused > 10);
	buf_release(&out);
}

static void
who_may_set_nothing_is_told_the_setting(void **state)
{
	struct engine *en;
	struct conf *c;
	char user[16];

	(void)state;
	for (size_t i = 0; i < N_PROFILES; i++) {
		const char *setting = strrchr(profiles[i], ':') == NULL ? profiles[i] : strrchr(profiles[i], ':') + 1;
		struct err e = ERR_INIT;
		char name[64];

		snprintf(user, sizeof user, "ro%zu", i);
		snprintf(name, sizeof name, "%.*s", (int)strcspn(setting, "="), setting);
		if (opened(user, &c, &en, &e) == 0)
			fail_msg("%s: not refused", profiles[i]);
		if (strstr(e.msg, name) == NULL)
			fail_msg("%s: %s", profiles[i], e.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_is_cut),
		cmocka_unit_test(who_may_set_nothing_is_told_the_setting),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
