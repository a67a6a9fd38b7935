/* SPDX-License-Identifier: ISC */
/*
 * test_ch_shadow: what a server counts and groups is checked by [shadow] against the rows that it
 * sends for the plain plan, and groups of one level against those of two: of generated aggregates none
 * differs, and wrong rewrites are caught. The wrong ones are this program's own: the linker puts them
 * before ch_sql_groups and sums_write (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chsql/ch_sql_i.h"
#include "clickhouse/ch_groups.h"
#include "lib/ask.h"
#include "lib/export_rig.h"
#include "lib/rounds.h"
#include "lib/store_vocab.h"

#define N_SPANS 1500
#define N_PATHS 3800	/* with SPANFS_TEST_ALL: over 2,000 have two forms */
#define N_USUALLY 600
#define TABLE "otel_traces"

static struct ch_server server;
static struct export_rig rig;
static struct arena words;
static struct vocab vocab;
static struct conf *conf;
static struct engine *en;
static bool wrong, wrong_sums;

int __real_ch_sql_groups(const struct ch_select *, const struct agg_table *, struct arena *,
    struct ch_sql *, struct err *);
int __wrap_ch_sql_groups(const struct ch_select *, const struct agg_table *, struct arena *,
    struct ch_sql *, struct err *);

/* It forgets the filter. */
int
__wrap_ch_sql_groups(const struct ch_select *q, const struct agg_table *t, struct arena *a,
    struct ch_sql *out, struct err *e)
{
	static const struct pred all = { .kind = PRED_TRUE };
	struct ch_select other = *q;

	if (wrong)
		other.filter = &all;
	return __real_ch_sql_groups(&other, t, a, out, e);
}

void __real_sums_write(struct writer *, const struct agg_given_want *, struct figures_how);
void __wrap_sums_write(struct writer *, const struct agg_given_want *, struct figures_how);

/* It has of a group the spans of one trace: fewer than errors, if all are. */
void
__wrap_sums_write(struct writer *w, const struct agg_given_want *want, struct figures_how how)
{
	size_t from = w->b.n;
	int64_t at;

	__real_sums_write(w, want, how);
	if (!wrong_sums)
		return;
	at = sv_find(sv_sub(buf_view(&w->b), from, w->b.n), SV("sum(spanfs_c)"));
	assert_true(at >= 0);
	memcpy(w->b.p + from + (size_t)at, "max", 3);
}

#define COUNT(what) ((unsigned long)atomic_load(&en->shadow.what))

static void
show(void)
{
	struct buf b = BUF_INIT;

	shadow_print(&en->shadow, &b);
	print_message("%.*s\n", (int)b.n, b.p);
	buf_release(&b);
}

static int
asked(const char *path)
{
	struct buf out = BUF_INIT;
	int rc = ask_kept(en, path, &out);

	buf_release(&out);
	return rc;
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static void
no_generated_aggregate_differs(void **state)
{
	static const char *const files[] = { "groups.jsonl", "groups.csv", "groups.jsonl", "groups.csv",
		"groups.jsonl", "groups.csv", "groups.jsonl", "count", "compare.jsonl", "compare.jsonl" };
	unsigned n = rounds_of_all(N_USUALLY, N_PATHS), ran = 0;
	struct buf path = BUF_INIT;
	uint64_t seed = 20261130;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		const char *file = files[i % 10];

		path.n = 0;
		vocab.flags = strncmp(file, "groups", 6) != 0 ? vocab_file_flags(file) :
		    GEN_PATH_GROUPS | GEN_PATH_TIME | (i % 6 == 0 ? GEN_PATH_TRACE : 0);
		gen_path(&seed, &vocab, &path);
		if (path.n > 1)
			buf_putc(&path, '/');
		buf_str(&path, file);
		ran += asked(buf_cstr(&path)) == 0;
		if (i % 32 == 31)
			shadow_drain(&en->shadow);
	}
	shadow_drain(&en->shadow);
	show();
	assert_true(ran > n / 3);
	assert_int_equal(COUNT(different), 0);
	assert_int_equal(COUNT(undecided), 0);
	assert_int_equal(COUNT(dropped), 0);
	assert_int_equal(COUNT(same), COUNT(sampled));
	/* Of groups of spans two forms of the server's are compared, too. */
	assert_true(COUNT(further) > n / 2);
	buf_release(&path);
}

/* What of it the server made, and so was compared with something else. */
static void
most_of_them_are_the_servers(void **state)
{
	struct buf plan = BUF_INIT;

	(void)state;
	assert_int_equal(ask_kept(en, "/group/service/agg/count,p95:duration/plan", &plan), 0);
	assert_non_null(strstr(buf_cstr(&plan), "handed   counts and groups\n"));
	assert_non_null(strstr(buf_cstr(&plan), " GROUP BY spanfs_k0"));
	buf_release(&plan);
}

static void
reported(const char *path, const char *what)
{
	struct buf text = BUF_INIT;

	shadow_print(&en->shadow, &text);
	assert_non_null(strstr(buf_cstr(&text), path));
	assert_non_null(strstr(text.p, what));
	buf_release(&text);
}

/* The form of two levels is run beside that of one, and beside the rows. */
static void
a_wrong_rewrite_of_two_levels_is_caught(void **state)
{
	unsigned long before = COUNT(different), further = COUNT(further);
	struct verification v = { .words = BUF_INIT };
	struct requester me = { 1, 1 };
	struct buf out = BUF_INIT;
	static const char path[] = "/status/unset/group/kind/agg/count,sum:duration/groups.jsonl";

	(void)state;
	wrong_sums = true;
	assert_int_equal(asked(path), 0);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(different), before + 1);
	assert_int_equal(COUNT(further), further + 1);
	reported(path, "other plan");
	reported(path, "levels   two, by way of traces: cost ");
	reported(path, "levels   one: cost ");
	reported(path, "two levels: what each trace adds, and that put together");
	assert_int_equal(engine_verify(en, SV("status/unset/group/name/groups.jsonl"), me, append, &out, NULL,
	    &v, NULL), 0);
	assert_int_equal(v.verdict, VERDICT_DIFFERENT);
	wrong_sums = false;
	assert_int_equal(asked("/status/unset/group/scope/groups.jsonl"), 0);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(different), before + 1);
	buf_release(&v.words);
	buf_release(&out);
}

static void
a_wrong_rewrite_is_caught(void **state)
{
	unsigned long before = COUNT(different);
	struct verification v = { .words = BUF_INIT };
	struct requester me = { 1, 1 };
	struct buf out = BUF_INIT, text = BUF_INIT;
	static const char path[] = "/status/error/group/name/agg/count,sum:duration/groups.jsonl";

	(void)state;
	wrong = true;
	assert_int_equal(asked(path), 0);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(different), before + 1);
	shadow_print(&en->shadow, &text);
	assert_non_null(strstr(buf_cstr(&text), path));
	assert_non_null(strstr(text.p, "plan chosen"));
	assert_non_null(strstr(text.p, "handed   the filter, counts and groups"));
	assert_non_null(strstr(text.p, "handed   nothing"));
	/* The same where somebody asks for it. */
	assert_int_equal(engine_verify(en, SV("status/error/group/name/groups.jsonl"), me, append, &out, NULL,
	    &v, NULL), 0);
	assert_int_equal(v.verdict, VERDICT_DIFFERENT);
	wrong = false;
	assert_int_equal(asked("/status/error/group/kind/groups.jsonl"), 0);
	shadow_drain(&en->shadow);
	assert_int_equal(COUNT(different), before + 1);
	buf_release(&v.words);
	buf_release(&out);
	buf_release(&text);
}

/* A second run that fails says nothing, and its reader has the answer. */
static void
a_second_run_that_fails_is_undecided(void **state)
{
	unsigned long undecided = COUNT(undecided), different = COUNT(different);

	(void)state;
	/* As if a reader's query ran all the time: the second one waits. */
	atomic_fetch_add(&en->counters.running, 1);
	assert_int_equal(asked("/group/service/agg/count,max:duration/groups.csv"), 0);
	ch_server_tell(&server, "/test/gone/1");
	atomic_fetch_sub(&en->counters.running, 1);
	shadow_drain(&en->shadow);
	ch_server_tell(&server, "/test/gone/0");
	assert_int_equal(COUNT(undecided), undecided + 1);
	assert_int_equal(COUNT(different), different);
}

static void
open_on_the_server(void)
{
	char url[96], now[64];
	const char *const sets[] = { url, now, "clickhouse.database=otel", "clickhouse.table=" TABLE,
		"shadow.sample_rate=1", "shadow.timeout=10m", "query.timeout=10m", "result_cache.ttl=1h",
		"query.threads=1" };
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	snprintf(now, sizeof now, "mount.now=%llu", (unsigned long long)rig.store.now_ns);
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, &conf, &e) < 0 ||
	    engine_open(conf, ENGINE_CLICKHOUSE, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
}

static int
start(void **state)
{
	const struct export_how how = { .table = TABLE };
	struct export_counts c;
	struct err e = ERR_INIT;
	struct conf *local;
	struct engine *store;

	(void)state;
	ch_server_start(&server, "http", NULL);
	export_rig_init(&rig, &server, 12, N_SPANS, 0);
	if (export_rig_run(&rig, &how, &c, &e) != 0 || conf_load(NULL, NULL, 0, &local, &e) < 0 ||
	    engine_open(local, rig.store.dir, false, &store, &e) < 0)
		fail_msg("%s", e.msg);
	arena_init(&words);
	store_vocab(store, &rig.store, &words, &vocab);
	vocab.marks.n = 0;		/* a server has none */
	engine_close(store);
	conf_free(local);
	open_on_the_server();
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	engine_close(en);
	conf_free(conf);
	arena_release(&words);
	export_rig_release(&rig);
	ch_server_stop(&server);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_generated_aggregate_differs),
		cmocka_unit_test(most_of_them_are_the_servers),
		cmocka_unit_test(a_wrong_rewrite_is_caught),
		cmocka_unit_test(a_wrong_rewrite_of_two_levels_is_caught),
		cmocka_unit_test(a_second_run_that_fails_is_undecided),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
