/* SPDX-License-Identifier: ISC */
/*
 * logs: the query log (lines, rights, rotation, faults that no query feels), the slow queries, and
 * what planning logs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/log.h"
#include "engine/engine_i.h"
#include "lib/store_rig.h"

static struct store_rig rig;
static const struct requester me = { 1000, 77 };

struct bench {
	struct conf *conf;
	struct engine *en;
	char log[128], setting[160];
};

static void
open_engine(struct bench *b, const char *log, const char *slow)
{
	const char *sets[] = { b->setting, slow };
	struct err err = ERR_INIT;

	snprintf(b->log, sizeof b->log, "%s/%s", rig.dir, log);
	snprintf(b->setting, sizeof b->setting, "log.query_log=%s", log[0] ? b->log : "");
	assert_int_equal(conf_load(NULL, sets, 2, &b->conf, &err), 0);
	if (engine_open(b->conf, rig.dir, false, &b->en, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
close_engine(struct bench *b)
{
	engine_close(b->en);
	conf_free(b->conf);
	unlink(b->log);
}

static int
drop(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

static int
run(struct bench *b, const char *path)
{
	return engine_query(b->en, sv_cstr(path), me, drop, NULL, NULL, NULL);
}

static void
slurp(const char *file, struct buf *out)
{
	FILE *f = fopen(file, "r");
	char piece[4096];
	size_t n;

	out->n = 0;
	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_put(out, piece, n);
	fclose(f);
	assert_non_null(buf_cstr(out));
}

static size_t
count_lines(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == '\n';
	return n;
}

static void
a_query_is_a_line(void **state)
{
	struct buf text = BUF_INIT;
	struct bench b;
	struct stat st;

	(void)state;
	open_engine(&b, "q.log", "log.slow_query=0");
	assert_int_equal(run(&b, "/.kind/server/kind/server/limit/3/select/name/spans.csv"), 0);
	slurp(b.log, &text);
	assert_int_equal(count_lines(&text), 1);
	assert_memory_equal(text.p, "{\"time\":\"20", 11);
	assert_string_equal(text.p + text.n - 15, "\"result\":\"ok\"}\n");
	assert_non_null(strstr(text.p,
	    "\"path\":\"/kind/server/kind/server/limit/3/select/name/spans.csv\","
	    "\"query\":\"/kind/server/limit/3/select/name\",\"uid\":1000,\"pid\":77,"
	    "\"decision\":\"computed\",\"estimated_rows\":"));
	assert_non_null(strstr(text.p, ",\"rows\":3,\"bytes\":"));
	assert_int_equal(stat(b.log, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* What runs no query is no line; what is refused before it runs neither. */
	assert_int_equal(run(&b, "/plan"), 0);
	assert_int_equal(run(&b, "/query"), 0);
	assert_true(run(&b, "/service/nobody/count") < 0);
	slurp(b.log, &text);
	assert_int_equal(count_lines(&text), 1);
	assert_int_equal(run(&b, "/profile.json"), 0);
	slurp(b.log, &text);
	assert_int_equal(count_lines(&text), 2);
	assert_int_equal(atomic_load(&b.en->querylog.lines), 2);
	close_engine(&b);
	buf_release(&text);
}

static void
a_failure_is_logged_in_words(void **state)
{
	const char *sets[] = { "", "query.max_rows=5" };
	struct buf text = BUF_INIT;
	struct bench b;

	(void)state;
	open_engine(&b, "q.log", "log.slow_query=0");
	sets[0] = b.setting;
	engine_close(b.en);
	conf_free(b.conf);
	assert_int_equal(conf_load(NULL, sets, 2, &b.conf, NULL), 0);
	assert_int_equal(engine_open(b.conf, rig.dir, false, &b.en, NULL), 0);
	assert_int_equal(run(&b, "/spans.jsonl"), ERR_LIMIT);
	slurp(b.log, &text);
	assert_int_equal(count_lines(&text), 1);
	assert_non_null(strstr(text.p, "\"result\":\"limit\",\"error\":\""));
	assert_non_null(strstr(text.p, "[query] max_rows"));
	close_engine(&b);
	buf_release(&text);
}

static void
a_reload_opens_the_file_anew(void **state)
{
	struct buf text = BUF_INIT;
	struct bench b;
	struct conf *off;
	char old[140];

	(void)state;
	open_engine(&b, "q.log", "log.slow_query=0");
	assert_int_equal(run(&b, "/count"), 0);
	snprintf(old, sizeof old, "%s.1", b.log);
	assert_int_equal(rename(b.log, old), 0);
	assert_int_equal(run(&b, "/count"), 0);
	engine_reload(b.en, b.conf);
	assert_int_equal(run(&b, "/count"), 0);
	slurp(old, &text);
	assert_int_equal(count_lines(&text), 2);
	slurp(b.log, &text);
	assert_int_equal(count_lines(&text), 1);
	/* Off, and on again. */
	assert_int_equal(conf_load(NULL, NULL, 0, &off, NULL), 0);
	engine_reload(b.en, off);
	assert_int_equal(run(&b, "/count"), 0);
	engine_reload(b.en, b.conf);
	assert_int_equal(run(&b, "/count"), 0);
	slurp(b.log, &text);
	assert_int_equal(count_lines(&text), 2);
	unlink(old);
	close_engine(&b);
	conf_free(off);
	buf_release(&text);
}

static void
no_query_feels_a_log_that_fails(void **state)
{
	struct bench b;

	(void)state;
	open_engine(&b, "nowhere/q.log", "log.slow_query=0");
	assert_int_equal(atomic_load(&b.en->querylog.errors), 1);
	assert_int_equal(run(&b, "/count"), 0);
	assert_int_equal(run(&b, "/count"), 0);
	assert_int_equal(atomic_load(&b.en->querylog.errors), 3);
	close_engine(&b);
	/* A pipe that nobody reads must not hold anybody up. */
	snprintf(b.log, sizeof b.log, "%s/pipe", rig.dir);
	assert_int_equal(mkfifo(b.log, 0600), 0);
	open_engine(&b, "pipe", "log.slow_query=0");
	assert_int_equal(run(&b, "/count"), 0);
	assert_int_equal(atomic_load(&b.en->querylog.errors), 2);
	assert_int_equal(atomic_load(&b.en->querylog.lines), 0);
	close_engine(&b);
}

static void
a_torn_line_is_ended(void **state)
{
	struct buf text = BUF_INIT;
	struct bench b;

	(void)state;
	open_engine(&b, "q.log", "log.slow_query=0");
	b.en->querylog.torn = true;
	assert_int_equal(run(&b, "/count"), 0);
	assert_int_equal(run(&b, "/count"), 0);
	slurp(b.log, &text);
	assert_int_equal(text.p[0], '\n');
	assert_int_equal(count_lines(&text), 3);
	close_engine(&b);
	buf_release(&text);
}

static void
slow_queries_are_kept_newest_first(void **state)
{
	struct buf text = BUF_INIT;
	const char *first, *second;
	struct bench b;
	char path[64];

	(void)state;
	open_engine(&b, "", "log.slow_query=1ns");
	assert_int_equal(run(&b, "/limit/1/spans.jsonl"), 0);
	assert_int_equal(run(&b, "/status/error/limit/2/name/a%E2%80%AEb%1B/spans.jsonl"), 0);
	assert_int_equal(run(&b, "/plan"), 0);
	assert_int_equal(engine_control_file(b.en, SV("slow"), (struct requester){ 0 }, &text, NULL), 0);
	assert_non_null(buf_cstr(&text));
	second = strstr(text.p, "  /status/error/limit/2/name/");
	first = strstr(text.p, "  /limit/1/spans.jsonl\n");
	assert_true(second != NULL && first != NULL && second < first);
	assert_non_null(strstr(text.p, " uid 1000 pid 77: "));
	assert_non_null(strstr(text.p, " rows scanned ("));
	assert_null(strchr(text.p, '\x1b'));
	assert_null(strstr(text.p, "/plan"));
	assert_int_equal(count_lines(&text), 6);
	for (int i = 0; i < LIMIT_SLOW_KEPT; i++) {
		snprintf(path, sizeof path, "/limit/%d/count", i + 1);
		assert_int_equal(run(&b, path), 0);
	}
	text.n = 0;
	assert_int_equal(engine_control_file(b.en, SV("slow"), (struct requester){ 0 }, &text, NULL), 0);
	assert_int_equal(count_lines(&text), 3 * LIMIT_SLOW_KEPT);
	assert_non_null(buf_cstr(&text));
	assert_null(strstr(text.p, "spans.jsonl"));
	close_engine(&b);
	buf_release(&text);
}

static void
no_query_is_slow_if_none_may_be(void **state)
{
	struct buf text = BUF_INIT;
	struct bench b;

	(void)state;
	open_engine(&b, "", "log.slow_query=0");
	assert_int_equal(run(&b, "/count"), 0);
	assert_int_equal(engine_control_file(b.en, SV("slow"), (struct requester){ 0 }, &text, NULL), 0);
	assert_int_equal(text.n, 0);
	close_engine(&b);
	buf_release(&text);
}

/* Two queries of one template, with what that logs. */
static void
plan_two(const char *trace, struct buf *out)
{
	struct buf file = BUF_INIT;
	struct bench b;

	buf_printf(&file, "%s/plans.log", rig.dir);
	assert_int_equal(log_open(LOG_TO_FILE, buf_cstr(&file), LOG_LV_INFO, NULL), 0);
	open_engine(&b, "", trace);
	assert_int_equal(run(&b, "/kind/server/sort/duration/limit/7/spans.csv"), 0);
	assert_int_equal(run(&b, "/kind/client/sort/duration/limit/7/spans.csv"), 0);
	close_engine(&b);
	assert_int_equal(log_open(LOG_TO_STDERR, NULL, LOG_LV_INFO, NULL), 0);
	slurp(buf_cstr(&file), out);
	unlink(buf_cstr(&file));
	buf_release(&file);
}

static void
has(const struct buf *text, const char *part)
{
	if (strstr(text->p, part) == NULL)
		fail_msg("lacks \"%s\":\n%s", part, text->p);
}

static void
planning_is_logged_if_asked_for(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	plan_two("log.trace=off", &text);
	assert_null(strstr(text.p, "plan 1: "));
	plan_two("log.trace=plan", &text);
	has(&text, " plan 1: path     /kind/server/sort/duration/limit/7\n");
	has(&text, " plan 1: template ");
	has(&text, " plan 1: rules    ");
	has(&text, " plan 1: choices\n");
	has(&text, "; cheapest\n");
	has(&text, " plan 1: decision computed, kept as 1; ");
	has(&text, " plan 1: planned  in ");
	has(&text, " plan 2: path     /kind/client/sort/duration/limit/7\n");
	has(&text, " plan 2: decision hit (1), ");
	assert_null(strstr(text.p, "plan 3: "));
	buf_release(&text);
}

static int
setup(void **state)
{
	(void)state;
	store_rig_init(&rig, 5, 1000, 2, 1, 256);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_a_line),
		cmocka_unit_test(a_failure_is_logged_in_words),
		cmocka_unit_test(a_reload_opens_the_file_anew),
		cmocka_unit_test(no_query_feels_a_log_that_fails),
		cmocka_unit_test(a_torn_line_is_ended),
		cmocka_unit_test(slow_queries_are_kept_newest_first),
		cmocka_unit_test(no_query_is_slow_if_none_may_be),
		cmocka_unit_test(planning_is_logged_if_asked_for),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
