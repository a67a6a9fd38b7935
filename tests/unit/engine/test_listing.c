/* SPDX-License-Identifier: ISC */
/*
 * listing: what a directory shows, that what it shows can be typed, and what showing it costs:
 * the calls of query_bind, query_print and catalog_snapshot are counted on their way
 * (ld's --wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "engine/engine_i.h"
#include "lib/store_rig.h"
#include "lib/store_spans.h"

static struct store_rig rig;
static struct arena arena;
static struct entry *entries;
static size_t n_entries;

/* ---- counters ---- */

static unsigned binds, prints, snapshots;

int __real_query_bind(const struct path *, const struct query_env *, struct arena *,
    const struct query **, struct err *);
int __wrap_query_bind(const struct path *, const struct query_env *, struct arena *,
    const struct query **, struct err *);
void __real_query_print(struct buf *, const struct query *);
void __wrap_query_print(struct buf *, const struct query *);
int __real_catalog_snapshot(struct catalog *, const struct snapshot **, struct err *);
int __wrap_catalog_snapshot(struct catalog *, const struct snapshot **, struct err *);

int
__wrap_query_bind(const struct path *p, const struct query_env *env, struct arena *a,
    const struct query **q, struct err *e)
{
	binds++;
	return __real_query_bind(p, env, a, q, e);
}

void
__wrap_query_print(struct buf *b, const struct query *q)
{
	prints++;
	__real_query_print(b, q);
}

int
__wrap_catalog_snapshot(struct catalog *c, const struct snapshot **s, struct err *e)
{
	snapshots++;
	return __real_catalog_snapshot(c, s, e);
}

/* ---- the store ---- */

static struct engine *
opened(struct conf **conf, const char *set)
{
	struct err e = ERR_INIT;
	struct engine *en;

	if (conf_load(NULL, &set, set != NULL, conf, &e) < 0 ||
	    engine_open(*conf, rig.dir, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
	return en;
}

static struct path *
parsed(const char *text)
{
	struct err e = ERR_INIT;
	struct path *p;
	struct sv file;

	if (path_parse(sv_cstr(text), NULL, &p, &file, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return p;
}

static int
list(struct engine *en, const char *text, struct err *e)
{
	struct path *p = parsed(text);
	int code;

	arena_reset(&arena);
	binds = prints = snapshots = 0;
	code = engine_list(en, p, &arena, &entries, &n_entries, e);
	path_unref(p);
	return code;
}

static void
listed(struct engine *en, const char *text)
{
	struct err e = ERR_INIT;

	if (list(en, text, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
}

static bool
shows(const char *name)
{
	for (size_t i = 0; i < n_entries; i++)
		if (sv_is(entries[i].name, name))
			return true;
	return false;
}

static void
a_listing_binds_once_and_asks_the_catalog_once(void **state)
{
	static const char *const paths[] = {
		"/service/service-1", "/service/service-1/limit/5", "/service/service-1/name",
		"/service/service-1/where", "/limit/3/where/service/eq", "/service/service-1/on",
		"/any/service/service-1/kind", "/any/kind/server/name",
	};
	struct conf *conf;
	struct engine *en = opened(&conf, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		listed(en, paths[i]);
		if (binds > 1 || prints > 1 || snapshots != 1)
			fail_msg("%s: bound %u times, printed %u, asked %u", paths[i], binds,
			    prints, snapshots);
	}
	listed(en, "/service/service-1");
	assert_true(binds == 1 && shows("spans.jsonl") && shows("plan") && shows("traces.csv"));
	engine_close(en);
	conf_free(conf);
}

static void
a_request_binds_and_prints_once(void **state)
{
	static const char *const files[] = { "spans.jsonl", "traces.csv", "count", "query" };
	struct path *p = parsed("/service/service-1/sort/start/limit/4");
	struct err e = ERR_INIT;
	struct request *r;
	struct conf *conf;
	struct engine *en = opened(&conf, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		binds = prints = snapshots = 0;
		if (request_new(en, p, sv_cstr(files[i]), &r, &e) < 0)
			fail_msg("%s: %s", files[i], e.msg);
		assert_true(sv_is(buf_view(&r->canonical),
		    "/service/service-1/sort/start/limit/4"));
		request_free(r);
		if (binds != 1 || prints != 1 || snapshots != 1)
			fail_msg("%s: bound %u times, printed %u, asked %u", files[i], binds,
			    prints, snapshots);
	}
	path_unref(p);
	engine_close(en);
	conf_free(conf);
}

/* Every name that is listed steps, and as a list stands in byte order. */
static void
assert_all_step(const char *text)
{
	struct path *p = parsed(text), *child;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n_entries; i++) {
		if (entries[i].kind == ENTRY_FILE)
			continue;
		if (path_step(p, entries[i].name, &child, &e) < 0)
			fail_msg("%s/%.*s: %s", text, SV_ARG(entries[i].name), e.msg);
		path_unref(child);
		assert_true(i == 0 || sv_cmp(entries[i - 1].name, entries[i].name) < 0);
	}
	path_unref(p);
}

static void
fields_are_listed_as_people_type_them(void **state)
{
	static const char *const where[] = { "/where", "/has", "/sort", "/select" };
	struct conf *conf;
	struct engine *en = opened(&conf, NULL);

	(void)state;
	for (size_t k = 0; k < sizeof where / sizeof *where; k++) {
		listed(en, where[k]);
		assert_all_step(where[k]);
		assert_true(shows("duration") && shows("trace_id"));
		assert_true(shows("plain.key") && !shows("span.plain.key"));
		/* Bare, these would be something else. */
		assert_true(shows("span.name") && shows("span.event.odd"));
		assert_true(shows("resource.host.name"));
		assert_true(shows("event.why"));
	}
	listed(en, "/sort/event.why");
	assert_true(shows("events.jsonl") && shows("query"));
	assert_false(shows("spans.jsonl") || shows("count") || shows("links.jsonl"));
	engine_close(en);
	conf_free(conf);
}

/* Those of the parent stand where they may be asked: as keys of groups and of sort. */
static void
fields_of_the_parent_are_listed(void **state)
{
	struct conf *conf;
	struct engine *en = opened(&conf, NULL);

	(void)state;
	listed(en, "/group");
	assert_all_step("/group");
	assert_true(shows("parent%3Aservice") && shows("parent%3Aduration"));
	assert_true(shows("parent%3Aplain.key"));
	/* Of the whole trace it is the span's own; a parent's parent is none. */
	assert_false(shows("parent%3Aroot_service") || shows("parent%3Aparent%3Aservice"));
	listed(en, "/sort");
	assert_true(shows("parent%3Aservice"));
	listed(en, "/where");
	assert_false(shows("parent%3Aservice"));
	listed(en, "/group/parent:service");
	assert_true(shows("groups.jsonl") && !shows("spans.jsonl"));
	engine_close(en);
	conf_free(conf);
}

/* A key of 300 bytes is listed by its hash, and that name stands for it wherever a field can. */
static void
long_keys_resolve_as_they_are_listed(void **state)
{
	static const char *const paths[] = {
		"/where/%.*s/eq/deep", "/has/%.*s", "/where/%.*s/.eq/.=deep",
		"/has/%.*s/sort/%.*s/select/name,%.*s",
	};
	struct err e = ERR_INIT;
	struct conf *conf;
	struct engine *en = opened(&conf, NULL);
	char text[300], alias[64] = "";

	(void)state;
	listed(en, "/has");
	for (size_t i = 0; i < n_entries; i++)
		if (sv_starts(entries[i].name, SV("%~")))
			snprintf(alias, sizeof alias, "%.*s", SV_ARG(entries[i].name));
	assert_int_equal(strlen(alias), 34);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct request *r;
		struct path *p;

		snprintf(text, sizeof text, paths[i], 34, alias, 34, alias, 34, alias);
		p = parsed(text);
		if (request_new(en, p, SV("spans.csv"), &r, &e) < 0)
			fail_msg("%s: %s", text, e.msg);
		assert_non_null(strstr(buf_cstr(&r->canonical), "kkkkkkkkkk"));
		assert_null(strstr(buf_cstr(&r->canonical), alias));
		request_free(r);
		path_unref(p);
	}
	snprintf(text, sizeof text, "/where/%s/eq", alias);
	listed(en, text);
	assert_true(shows("deep"));
	alias[5] = alias[5] == '0' ? '1' : '0';
	snprintf(text, sizeof text, "/has/%s", alias);
	{
		struct path *p = parsed(text);
		struct request *r;

		assert_int_equal(request_new(en, p, SV("count"), &r, &e), ERR_UNKNOWN);
		path_unref(p);
	}
	engine_close(en);
	conf_free(conf);
}

static void
on_lists_the_days_that_have_spans(void **state)
{
	struct conf *conf;
	struct engine *en = opened(&conf, NULL);

	(void)state;
	listed(en, "/on");
	assert_all_step("/on");
	assert_true(shows("2026-11-20") && shows("2026-11-23") && !shows("2026-11-22"));
	assert_false(shows("today"));
	listed(en, "/service/odd-one/on");
	assert_true(n_entries == 1 && shows("2026-11-23"));
	listed(en, "/until/2026-11-21/on");
	assert_true(shows("2026-11-20") && !shows("2026-11-23"));
	engine_close(en);
	conf_free(conf);
}

static void
a_cut_list_says_so_in_the_end(void **state)
{
	struct conf *conf;
	struct engine *en = opened(&conf, "browse.values_max=3");

	(void)state;
	listed(en, "/service");
	assert_int_equal(n_entries, 4);
	assert_true(sv_is(entries[3].name, "~%more") && entries[3].kind == ENTRY_FILE);
	engine_close(en);
	conf_free(conf);
	en = opened(&conf, "browse.values_max=2");
	listed(en, "/mark");
	assert_int_equal(n_entries, 3);
	assert_true(sv_is(entries[2].name, "~%more") && sv_is(entries[0].name, "m0"));
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

/* It stands where nothing was cut, too: a program may have remembered it. */
static void
more_says_how_many_are_listed(void **state)
{
	struct buf out = BUF_INIT;
	struct conf *conf;
	struct engine *en = opened(&conf, "browse.values_max=3");

	(void)state;
	assert_int_equal(engine_query(en, SV("/service/~%more"), (struct requester){ 0 }, append,
	    &out, NULL, NULL), 0);
	assert_non_null(strstr(buf_cstr(&out), "3 of "));
	engine_close(en);
	conf_free(conf);
	en = opened(&conf, NULL);
	out.n = 0;
	assert_int_equal(engine_query(en, SV("/service/~%more"), (struct requester){ 0 }, append,
	    &out, NULL, NULL), 0);
	assert_string_equal(buf_cstr(&out), "All values are listed.\n");
	buf_release(&out);
	engine_close(en);
	conf_free(conf);
}

/* Of traces the newest are listed, and all shards tell of how many; of fields all aggregates count. */
static void
more_says_which_are_listed(void **state)
{
	static const struct {
		const char *path, *words;
	} cases[] = {
		{ "/service/~%more", " values are listed, the most frequent;" },
		{ "/trace/~%more", "2 of at most " },
		{ "/trace/~%more", " values are listed, the newest;" },
		{ "/mark/~%more", " values are listed, the first by name;" },
	};
	unsigned shown, total, fields, all;
	struct buf out = BUF_INIT;
	struct conf *conf;
	struct engine *en = opened(&conf, "browse.values_max=2");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		out.n = 0;
		assert_int_equal(engine_query(en, sv_cstr(cases[i].path), (struct requester){ 0 },
		    append, &out, NULL, NULL), 0);
		assert_non_null(strstr(buf_cstr(&out), cases[i].words));
	}
	out.n = 0;
	assert_int_equal(engine_query(en, SV("/where/~%more"), (struct requester){ 0 }, append,
	    &out, NULL, NULL), 0);
	assert_int_equal(sscanf(buf_cstr(&out), "%u of %u ", &shown, &fields), 2);
	assert_true(fields > shown);
	out.n = 0;
	assert_int_equal(engine_query(en, SV("/agg/~%more"), (struct requester){ 0 }, append,
	    &out, NULL, NULL), 0);
	assert_int_equal(sscanf(buf_cstr(&out), "%u of %u ", &total, &all), 2);
	assert_true(all >= total + (fields - shown));
	buf_release(&out);
	engine_close(en);
	conf_free(conf);
}

static void
directories_of_unknown_names_are_not_there(void **state)
{
	struct err e = ERR_INIT;
	struct conf *conf;
	struct engine *en = opened(&conf, NULL);

	(void)state;
	assert_int_equal(list(en, "/service/nobody", &e), ERR_UNKNOWN);
	assert_int_equal(list(en, "/where/no.such.key", &e), ERR_UNKNOWN);
	assert_int_equal(list(en, "/sort/no.such.key/service", &e), ERR_UNKNOWN);
	listed(en, "/service/nobody,service-1");
	listed(en, "/not/service/nobody");
	listed(en, "/any/where/no.such.key");
	engine_close(en);
	conf_free(conf);
	en = opened(&conf, "browse.strict_names=no");
	listed(en, "/service/nobody");
	engine_close(en);
	conf_free(conf);
}

/* One span of the service `odd-one`, three days later, with odd keys. */
static void
put_odd_span(struct buf *b)
{
	BUF_LIT(b, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
	    "\"value\":{\"stringValue\":\"odd-one\"}},{\"key\":\"host.name\",\"value\":"
	    "{\"stringValue\":\"h\"}}]},\"scopeSpans\":[{\"spans\":[{\"traceId\":"
	    "\"0123456789abcdef0123456789abcdef\",\"spanId\":\"0123456789abcdef\",\"name\":\"n\","
	    "\"startTimeUnixNano\":\"1795435200000000000\",\"endTimeUnixNano\":"
	    "\"1795435200000000005\",\"events\":[{\"timeUnixNano\":\"1795435200000000001\","
	    "\"name\":\"e\",\"attributes\":[{\"key\":\"why\",\"value\":{\"intValue\":\"1\"}}]}],"
	    "\"attributes\":[");
	for (size_t i = 0; i < 4; i++) {
		static const char *const keys[] = { "plain.key", "name", "event.odd", "" };

		buf_printf(b, "%s{\"key\":\"%s", i > 0 ? "," : "", keys[i]);
		for (int k = 0; i == 3 && k < 300; k++)
			buf_putc(b, 'k');
		BUF_LIT(b, "\",\"value\":{\"stringValue\":\"deep\"}}");
	}
	BUF_LIT(b, "]}]}]}]}\n");
}

static int
setup(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct fsys *fs;

	(void)state;
	store_rig_init(&rig, 5, 600, 3, 2, 64);
	arena_init(&arena);
	put_odd_span(&b);
	if (b.oom || file_real(rig.dir, false, &fs, &e) < 0 ||
	    store_add_lines(fs, buf_view(&b), &e) < 0)
		fail_msg("%s", e.msg);
	fsys_free(fs);
	buf_release(&b);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listing_binds_once_and_asks_the_catalog_once),
		cmocka_unit_test(a_request_binds_and_prints_once),
		cmocka_unit_test(fields_are_listed_as_people_type_them),
		cmocka_unit_test(fields_of_the_parent_are_listed),
		cmocka_unit_test(long_keys_resolve_as_they_are_listed),
		cmocka_unit_test(on_lists_the_days_that_have_spans),
		cmocka_unit_test(a_cut_list_says_so_in_the_end),
		cmocka_unit_test(more_says_how_many_are_listed),
		cmocka_unit_test(more_says_which_are_listed),
		cmocka_unit_test(directories_of_unknown_names_are_not_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
