/* SPDX-License-Identifier: ISC */
/*
 * test_ch_hostile: hostile values in every place that a path has, asked of a store and of a server with
 * the same spans. Each is EINVAL with words for both, or has a canonical form that means the
 * same, and both give the same bytes. And the server's log shows that it went there as a parameter
 * only: no statement has a word that the statements of harmless values don't have.
 * Usually 1,500 of the cases are run, spread over all places; with SPANFS_TEST_ALL all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "engine/engine.h"
#include "lib/ch_server.h"
#include "lib/export_rig.h"
#include "lib/hostile.h"
#include "lib/rounds.h"
#include "lib/sql_words.h"
#include "query/name.h"

#define CASES 10000
#define RUN_USUALLY 1500
#define HARMLESS 6			/* values for each place */
#define SHOWN 12			/* differences, in words */
#define N_VALUES 64		/* that spans have */
#define N_SPANS 256
#define SECOND 1000000000ull

/* '@' is the value, '~' another one. */
enum { NOT_KNOWN = 1, NOT_HELD = 2, NO_ROWS = 4 };
struct place {
	const char *path;
	unsigned errors;	/* besides EINVAL */
};

#define IDS "/select/span_id/spans.csv"
#define WHERE(field) \
	{ "/where/" field "/eq/@" IDS, 0 }, { "/where/" field "/ne/@/count", 0 }, { "/where/" field "/in/@,~" IDS, 0 }, \
	{ "/where/" field "/notin/@,~/count", 0 }
#define WHERE_TEXT(field) WHERE(field), \
	{ "/where/" field "/lt/@/count", 0 }, { "/where/" field "/ge/@/count", 0 }, \
	{ "/where/" field "/between/@,~" IDS, 0 }, { "/where/" field "/contains/@" IDS, 0 }, \
	{ "/where/" field "/notcontains/@/count", 0 }, { "/where/" field "/starts/@" IDS, 0 }, \
	{ "/where/" field "/ends/@/count", 0 }, { "/where/" field "/re/@" IDS, 0 }, \
	{ "/where/" field "/re/.*(@).*/count", 0 }, { "/where/" field "/nre/@/count", 0 }

static const struct place places[] = {
	{ "/service/@/spans.jsonl", 0 }, { "/service/@,~/count", 0 }, { "/not/service/@/count", 0 },
	{ "/name/@/spans.jsonl", 0 }, { "/name/~,@/count", 0 }, { "/scope/@/spans.jsonl", 0 }, { "/scope/@,~/count", 0 },
	{ "/kind/@/count", 0 }, { "/kind/server,@/count", 0 }, { "/status/@/count", 0 }, { "/status/error,@/count", 0 },
	{ "/trace/@/count", 0 }, { "/trace/1,@/count", 0 }, { "/span/@/count", 0 },
	{ "/duration/gt/@/count", 0 }, { "/duration/@/1s/count", 0 }, { "/duration/between/1ms,@/count", 0 },
	{ "/trace-duration/ge/@/count", 0 },
	{ "/root/service/@/traces.txt", 0 }, { "/any/service/@/name/~/end/count", 0 },
	{ "/not/all/service/@/name/~/end/count", 0 },

	WHERE_TEXT("service"), WHERE_TEXT("name"), WHERE_TEXT("status_message"), WHERE_TEXT("span.kk"), WHERE_TEXT("kk"),
	WHERE_TEXT("resource.rk"), WHERE_TEXT("event.ek"), WHERE("scope"), WHERE("scope_version"), WHERE("trace_state"),
	WHERE("kind"), WHERE("status"), WHERE("trace_id"), WHERE("span_id"), WHERE("parent_span_id"), WHERE("flags"),
	WHERE("start"), WHERE("end"), WHERE("duration"), WHERE("root_service"), WHERE("root_name"),
	WHERE("trace_start"), WHERE("trace_duration"), WHERE("trace_spans"), WHERE("child_count"), WHERE("depth"),
	WHERE("self_duration"), WHERE("tokens:input"), WHERE("cost"), WHERE("score:name"), WHERE("score:value"),
	WHERE("event:name"), WHERE("event:time"), WHERE("link:trace_id"), WHERE("link:span_id"), WHERE("link.lk"),
	WHERE("scope.sk"), WHERE("duration_ns"),

	{ "/where/@/eq/~" IDS, 0 }, { "/where/span.@/eq/~" IDS, 0 }, { "/where/resource.@/in/x,~" IDS, 0 },
	{ "/where/event.@/ne/~" IDS, 0 }, { "/where/link.@/eq/~/count", 0 }, { "/where/scope.@/eq/~/count", 0 },
	{ "/where/span.@/gt/5/count", 0 }, { "/where/span.@/re/a.*/count", 0 }, { "/where/kk/@/x/count", 0 },
	{ "/where/@:name/eq/x/count", 0 }, { "/has/@" IDS, 0 }, { "/not/has/@/count", 0 }, { "/has/span.@/count", 0 },
	{ "/has/resource.@" IDS, 0 }, { "/has/event.@/count", 0 }, { "/has/link.@/count", 0 }, { "/text/@" IDS, 0 },
	{ "/text/@ ~/count", 0 },

	{ "/since/@/count", 0 }, { "/until/@/count", 0 }, { "/on/@/count", 0 }, { "/mark/@/count", NOT_KNOWN },
	{ "/limit/@" IDS, 0 }, { "/offset/@/limit/3" IDS, 0 }, { "/sort/@" IDS, 0 }, { "/sort/@:desc/limit/9" IDS, 0 },
	{ "/sort/span.@,span_id:desc" IDS, 0 }, { "/sort/name:@" IDS, 0 }, { "/sort/parent:@" IDS, 0 },
	{ "/sort/event.@/events.jsonl", 0 }, { "/select/@/spans.jsonl", 0 }, { "/select/span.@,resource.~/spans.jsonl", 0 },
	{ "/select/event.@/spans.csv", 0 }, { "/select/@,trace_id/traces.csv", 0 },
	{ "/group/@/groups.jsonl", 0 }, { "/group/span.@,name/groups.jsonl", 0 }, { "/group/resource.@/groups.csv", 0 },
	{ "/group/event.@/groups.jsonl", 0 }, { "/group/parent:@/groups.jsonl", 0 }, { "/bucket/@/groups.jsonl", 0 },
	{ "/group/kk/service/@/groups.jsonl", 0 }, { "/group/span.kk/name/@/agg/count,p95:duration/groups.jsonl", 0 },
	{ "/group/service/agg/@/groups.jsonl", 0 }, { "/group/service/agg/sum:@/groups.jsonl", 0 },
	{ "/group/service/agg/distinct:span.@/groups.jsonl", 0 }, { "/group/name/agg/p50:@,count/groups.jsonl", 0 },
	{ "/group/name/agg/p@:duration/groups.jsonl", 0 }, { "/bucket/1h/fill/@/groups.jsonl", 0 },
	{ "/group/name/having/count/gt/@/groups.jsonl", 0 }, { "/group/name/having/@/gt/1/groups.jsonl", 0 },
	{ "/group/name/having/max:@/gt/1/groups.jsonl", 0 }, { "/group/name/having/count/@/1/groups.jsonl", 0 },
	{ "/group/name/sort/@:desc/groups.jsonl", 0 }, { "/group/name/limit/@/groups.jsonl", 0 },
	{ "/per/@/group/service/groups.jsonl", 0 }, { "/per/trace/group/@/groups.jsonl", 0 },
	{ "/per/trace/service/@/group/root_service/groups.jsonl", 0 }, { "/distinct/@/groups.jsonl", 0 },
	{ "/distinct/span.@/count", 0 }, { "/group/service/versus/@/groups.jsonl", 0 },
	{ "/compare/service/@/end/compare.jsonl", 0 }, { "/compare/where/span.kk/eq/@/end/compare.jsonl", 0 },
	{ "/compare/has/@/end/limit/5/compare.jsonl", 0 }, { "/compare/duration/gt/@/end/compare.jsonl", 0 },
	{ "/compare/status/error/end/sort/@/compare.jsonl", 0 },
	{ "/expect/rows/@/count", NOT_HELD }, { "/expect/fresh/@/count", NOT_HELD }, { "/expect/@/1/count", 0 },
	{ "/shards/@/00/count", NOT_KNOWN }, { "/shards/2026-11-20/@/count", NOT_KNOWN },
	{ "/@/count", NOT_KNOWN }, { "/service/x/@", NOT_KNOWN },
};
#define N_PLACES (sizeof places / sizeof *places)

static const char *const harmless[] = {
	"plain", "x", "12", "-5", "1.5", "1e3", "true", "false", "", "a b", "a.b", "x*", "[a-f]+z?", "(a|b)c{2}",
	"\\.x\\d", "é", "\xff", "1s",
	"1h", "day", "month", "auto", "2026-11-20", "2026-11-20T12", "server",
	"error", "count", "duration", "desc", "trace", "zero", "name", "start",
	"1763640000", "5b8aa5a2", "max:duration", "span_id", "event:name", "kk", "rk", "rows", "median", "week", "null",
	"root_service", "trace_duration", "eq", "nre", "between", "status_message", ".*x", "x.*", "[^a]", "^x$", "a+?",
};

static struct ch_server server;
static struct export_rig rig;
static struct conf *conf_here, *conf_there;
static struct engine *here, *there;
static char log_name[96];
static FILE *statements;
static struct sql_words words;
static struct sv values[N_VALUES];
static struct arena memory;
static uint64_t seed = 42;
static unsigned n_wrong;

/* ---- spans ---- */

static void
make_values(void)
{
	for (size_t i = 0; i < N_VALUES; i++) {
		struct buf b = BUF_INIT;
		char *p;

		hostile_value(&seed, &b);
		/* No number, and not like another. */
		buf_printf(&b, "v%zu", i);
		hostile_value(&seed, &b);
		p = arena_alloc(&memory, UTF8_REPAIR_MAX * b.n);
		assert_non_null(p);
		values[i] = sv_new(p, utf8_repair(p, buf_view(&b)));
		buf_release(&b);
	}
}

static struct sv
value_of(size_t i)
{
	return values[i % N_VALUES];
}

static struct attrs
attrs_of(const char *key, struct sv value, struct sv more, struct sv of_more)
{
	struct attr *v = arena_array(&memory, 2, struct attr);
	struct attrs a = { v, more.n == 0 ? 1 : 2 };

	assert_non_null(v);
	v[0] = (struct attr){ sv_cstr(key), { .type = VAL_STRING, .s = value } };
	v[1] = (struct attr){ more, { .type = VAL_STRING, .s = of_more } };
	attrs_normalize(&a);
	return a;
}

static const struct resource *
resource_of(size_t i)
{
	struct resource *r = arena_array(&memory, 1, struct resource);
	struct attr *v = arena_array(&memory, 3, struct attr);

	assert_true(r != NULL && v != NULL);
	memset(r, 0, sizeof *r);
	v[0] = (struct attr){ SV("service.name"), { .type = VAL_STRING, .s = value_of(i) } };
	v[1] = (struct attr){ SV("rk"), { .type = VAL_STRING, .s = value_of(i + 3) } };
	v[2] = (struct attr){ value_of(i + 7), { .type = VAL_STRING, .s = value_of(i + 9) } };
	r->attrs = (struct attrs){ v, 3 };
	attrs_normalize(&r->attrs);
	r->service = value_of(i);
	return r;
}

static void
make_span(struct span *s, size_t i)
{
	struct scope *scope = arena_array(&memory, 1, struct scope);
	struct event *event = arena_array(&memory, 1, struct event);
	struct link *link = arena_array(&memory, 1, struct link);

	assert_true(scope != NULL && event != NULL && link != NULL);
	memset(scope, 0, sizeof *scope);
	memset(event, 0, sizeof *event);
	memset(link, 0, sizeof *link);
	scope->name = value_of(i / 2);
	scope->version = value_of(i / 3);
	event->time_ns = STORE_RIG_START + i * SECOND;
	event->name = value_of(5 * i);
	event->attrs = attrs_of("ek", value_of(i + 11), value_of(i + 12), value_of(i));
	link->trace_id = (struct trace_id){ 9, i + 1 };
	link->span_id = i + 1;
	link->trace_state = value_of(i);
	link->attrs = attrs_of("lk", value_of(i + 13), SV_EMPTY, SV_EMPTY);
	s->trace_id = (struct trace_id){ 7, i / 4 + 1 };
	s->span_id = i + 1;
	s->parent_span_id = i % 4 == 0 ? 0 : i - i % 4 + 1;
	s->start_ns = STORE_RIG_START + i * 7 * SECOND;
	s->end_ns = s->start_ns + (1 + i % 50) * 100000000;
	s->kind = (int32_t)(i % 6);
	s->status = (int32_t)(i % 3);
	s->name = value_of(3 * i + i / N_VALUES);
	s->status_message = i % 2 ? value_of(i + 2) : SV_EMPTY;
	s->trace_state = i % 5 ? SV_EMPTY : value_of(i + 4);
	s->attrs = attrs_of("kk", value_of(i + 5), value_of(i + 6), value_of(i + 8));
	s->events = event;
	s->n_events = i % 3 == 0;
	s->links = link;
	s->n_links = i % 7 == 0;
	s->resource = resource_of(i % 40);
	s->scope = scope;
}

static void
make_spans(void)
{
	const struct export_how how = { .table = "otel_traces" };
	struct export_counts counts;
	struct span_batch b;
	struct err e = ERR_INIT;

	export_rig_init(&rig, &server, 1, 0, 0);
	span_batch_init(&b);
	for (size_t i = 0; i < N_SPANS; i++) {
		struct span *s = span_batch_add(&b);

		assert_non_null(s);
		make_span(s, i);
	}
	store_rig_add(&rig.store, &b, 1024);
	span_batch_release(&b);
	if (export_rig_run(&rig, &how, &counts, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(export_rig_count(&rig, "otel_traces"), N_SPANS);
}

static struct engine *
opened(const char *store, struct conf **c)
{
	char url[96];
	const char *const sets[] = { url, "clickhouse.database=otel", "mount.now=2026-11-20T13:00:00Z", "query.threads=1",
		"browse.strict_names=no", "result_cache.ttl=0s", "result_cache.enabled=no", "statistics.refresh=0s" };
	struct engine *en = NULL;
	struct err e = ERR_INIT;

	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, c, &e) < 0 || engine_open(*c, store, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
	return en;
}

static int
start(void **state)
{
	const char *const options[] = { "--log", log_name, NULL };
	char dir[] = "/tmp/spanfs-hostile.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(log_name, sizeof log_name, "%s/log", dir);
	arena_init(&memory);
	sql_words_init(&words);
	make_values();
	ch_server_start(&server, "http", options);
	make_spans();
	here = opened(rig.store.dir, &conf_here);
	there = opened(ENGINE_CLICKHOUSE, &conf_there);
	statements = fopen(log_name, "r");
	assert_non_null(statements);
	return 0;
}

static int
stop(void **state)
{
	char command[160];

	(void)state;
	engine_close(here);
	engine_close(there);
	conf_free(conf_here);
	conf_free(conf_there);
	export_rig_release(&rig);
	ch_server_stop(&server);
	fclose(statements);
	*strrchr(log_name, '/') = '\0';
	snprintf(command, sizeof command, "rm -rf '%s'", log_name);
	assert_int_equal(system(command), 0);
	sql_words_release(&words);
	arena_release(&memory);
	return 0;
}

/* ---- the server's log ---- */

/* The text that a line of JSON has behind `before`, without its escapes. */
static bool
text_of(struct sv line, const char *before, struct buf *out)
{
	int64_t at = sv_find(line, sv_cstr(before));
	struct sv s = sv_sub(line, (size_t)at + strlen(before), line.n);

	out->n = 0;
	if (at < 0)
		return false;
	for (size_t i = 0; i < s.n && s.p[i] != '"'; i++) {
		char hex[5] = "";

		if (s.p[i] != '\\') {
			buf_putc(out, s.p[i]);
			continue;
		}
		switch (s.p[++i]) {
		case 'n':
			buf_putc(out, '\n');
			break;
		case 't':
			buf_putc(out, '\t');
			break;
		case 'u':
			memcpy(hex, s.p + i + 1, 4);
			buf_putc(out, (char)strtoul(hex, NULL, 16));
			i += 4;
			break;
		default:
			buf_putc(out, s.p[i]);
		}
	}
	return true;
}

/* What the server was asked since; with `place`, it must all be known. Returns how many. */
static unsigned
look_at_statements(const char *place)
{
	struct buf sql = BUF_INIT;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	unsigned seen = 0;
	struct sv stranger;

	clearerr(statements);
	while ((n = getline(&line, &cap, statements)) > 0 && line[n - 1] == '\n') {
		int64_t at = sv_find(sv_new(line, (size_t)n), SV("\"settings\": "));
		struct sv settings = sv_sub(sv_new(line, (size_t)n), (size_t)at, (size_t)n);

		assert_true(at > 0 && text_of(sv_new(line, (size_t)n), "{\"query\": \"", &sql));
		seen++;
		if (place == NULL) {
			sql_words_learn(&words, buf_view(&sql));
			sql_words_learn(&words, settings);
		} else if (!sql_words_know(&words, buf_view(&sql), &stranger) ||
		    !sql_words_know(&words, settings, &stranger)) {
			if (n_wrong++ < SHOWN)
				print_error("%s: '%.*s' in a statement: %s", place, SV_ARG(stranger), line);
		}
	}
	/* A line that is being written is read again. */
	if (n > 0)
		fseek(statements, -(long)n, SEEK_CUR);
	free(line);
	buf_release(&sql);
	return seen;
}

/* ---- paths ---- */

/* As a shell or a person may type it: only what must be is encoded, or as ls shows it, or all. */
static void
put_typed(struct buf *b, struct sv v)
{
	uint64_t how = hostile_random(&seed, 3);

	if (v.n == 0 || how == 0) {
		name_encode(b, v);
		return;
	}
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool must = c == '/' || c == '%' || c == ',' || c == '\0' || (i == 0 && c == '.');

		if (must || (how == 2 && !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))))
			buf_printf(b, "%%%02X", (unsigned char)c);
		else
			buf_putc(b, c);
	}
}

static void
put_path(struct buf *b, const char *text, struct sv value, struct sv other)
{
	b->n = 0;
	for (; *text != '\0'; text++) {
		if (*text == '@')
			put_typed(b, value);
		else if (*text == '~')
			put_typed(b, other);
		else
			buf_putc(b, *text);
	}
}

/* One that spans have, the beginning of one, or any. */
static struct sv
draw(struct buf *b)
{
	struct sv v = values[hostile_random(&seed, N_VALUES)];

	b->n = 0;
	switch (hostile_random(&seed, 4)) {
	case 0:
	case 1:
		buf_sv(b, v);
		break;
	case 2:
		buf_sv(b, sv_sub(v, 0, hostile_random(&seed, v.n + 1)));
		break;
	default:
		hostile_value(&seed, b);
	}
	return buf_view(b);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static int
ask(struct engine *en, struct sv path, struct buf *out, struct err *e)
{
	const struct requester me = { 0, 1 };

	out->n = 0;
	*e = (struct err)ERR_INIT;
	return engine_query(en, path, me, append, out, NULL, e);
}

static bool
may_fail(const struct place *p, int code)
{
	return code == ERR_SYNTAX || code == ERR_UNSUPPORTED || (code == ERR_UNKNOWN && (p->errors & NOT_KNOWN)) ||
	    (code == ERR_NODATA && (p->errors & NOT_HELD));
}

/* The canonical form is one, and the same file of it is the same. */
static void
check_canonical(struct sv path, struct sv bytes)
{
	struct buf form = BUF_INIT, again = BUF_INIT, out = BUF_INIT;
	size_t file = path.n;
	struct err e;

	while (path.p[file - 1] != '/')
		file--;
	buf_sv(&form, sv_sub(path, 0, file));
	BUF_LIT(&form, "query");
	if (ask(here, buf_view(&form), &out, &e) < 0)
		fail_msg("%.*s: %s", SV_ARG(buf_view(&form)), e.msg);
	form.n = 0;
	buf_sv(&form, sv_sub(buf_view(&out), 0, out.n - 1));
	if (!sv_ends(buf_view(&form), SV("/")))
		buf_putc(&form, '/');
	buf_sv(&again, buf_view(&form));
	BUF_LIT(&again, "query");
	if (ask(here, buf_view(&again), &out, &e) < 0)
		fail_msg("%.*s: %s", SV_ARG(buf_view(&again)), e.msg);
	again.n = 0;
	buf_sv(&again, sv_sub(buf_view(&out), 0, out.n - 1));
	if (!sv_ends(buf_view(&again), SV("/")))
		buf_putc(&again, '/');
	assert_true(sv_eq(buf_view(&form), buf_view(&again)));
	buf_sv(&form, sv_sub(path, file, path.n));
	if (ask(here, buf_view(&form), &out, &e) < 0 || !sv_eq(buf_view(&out), bytes))
		fail_msg("%.*s means other than %.*s", SV_ARG(buf_view(&form)), SV_ARG(path));
	buf_release(&form);
	buf_release(&again);
	buf_release(&out);
}

static unsigned n_refused, n_empty, n_asked;

static void
check(const struct place *p, struct sv path)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct err ea, eb;
	int ca = ask(here, path, &a, &ea), cb = ask(there, path, &b, &eb);

	/* A server has no marks at all. */
	if (ca == ERR_UNKNOWN && cb == ERR_UNSUPPORTED && strcmp(p->path, "/mark/@/count") == 0)
		cb = ca;
	if (ca != cb || (ca == 0 && !sv_eq(buf_view(&a), buf_view(&b)))) {
		if (n_wrong++ < SHOWN)
			print_error("%s: %.*s\nof the store: %d %s\n%.*s\nof the server: %d %s\n%.*s\n", p->path,
			    SV_ARG(path), ca, ea.msg, SV_ARG(sv_sub(buf_view(&a), 0, 700)), cb, eb.msg,
			    SV_ARG(sv_sub(buf_view(&b), 0, 700)));
	} else if (ca < 0) {
		if ((!may_fail(p, ca) || ea.msg[0] == '\0' || eb.msg[0] == '\0') && n_wrong++ < SHOWN)
			print_error("%s: %.*s: %d %s\n", p->path, SV_ARG(path), ca, ea.msg);
		n_refused++;
	} else {
		n_empty += a.n == 0 || sv_is(buf_view(&a), "0\n") || sv_is(buf_view(&a), "span_id\n");
		check_canonical(path, buf_view(&a));
	}
	n_asked++;
	buf_release(&a);
	buf_release(&b);
}

/* ---- listings ---- */

static const char *const listed[] = {
	"/where/span.@/eq", "/where/@/in", "/where/resource.@/eq", "/where/event.@/eq", "/service/@/name", "/shards/@",
	"/service/@",
	/* A store lists values and fields that other spans have, too. */
	"/name/@/service", "/where/kk/eq/@/where/kk/eq", "/service/@/where/span.kk/eq", "/any/name/@/end/scope",
	"/where/kk/re/@/service", "/since/@/service", "/text/@/name", "/service/@/where", "/name/@/has", "/has/@/group",
	"/where/span.@/eq/x/sort",
};
#define N_LISTED (sizeof listed / sizeof *listed)
#define N_ALIKE 7

static int
list(struct engine *en, struct sv text, struct buf *out, struct err *e)
{
	struct entry *v;
	struct arena a;
	struct path *p;
	struct sv file;
	size_t n;
	int rc;

	out->n = 0;
	*e = (struct err)ERR_INIT;
	if ((rc = path_parse(text, engine_known_file, &p, &file, e)) < 0)
		return rc;
	arena_init(&a);
	rc = engine_list(en, p, &a, &v, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		buf_sv(out, v[i].name);
		buf_putc(out, '\n');
	}
	path_unref(p);
	arena_release(&a);
	return rc;
}

static bool
all_among(struct sv lines, struct sv of)
{
	struct map m;
	struct sv line;
	bool fresh, all = true;

	map_init(&m);
	while (sv_cut(&of, '\n', &line))
		assert_non_null(map_put(&m, line, &fresh));
	while (sv_cut(&lines, '\n', &line))
		all = all && map_get(&m, line) != NULL;
	map_release(&m);
	return all;
}

static void
check_listing(const char *place, bool alike, struct sv path)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct err ea, eb;
	int ca = list(here, path, &a, &ea), cb = list(there, path, &b, &eb);

	/* Of a key that was perhaps repaired nothing is listed. */
	if (strstr(eb.msg, "is not asked for") != NULL)
		alike = false;
	if ((ca != cb || (alike && !all_among(buf_view(&a), buf_view(&b)))) && n_wrong++ < SHOWN)
		print_error("%s: %.*s\nof the store: %d %s\n%.*s\nof the server: %d %s\n%.*s\n", place, SV_ARG(path),
		    ca, ea.msg, SV_ARG(sv_sub(buf_view(&a), 0, 700)), cb, eb.msg, SV_ARG(sv_sub(buf_view(&b), 0, 700)));
	buf_release(&a);
	buf_release(&b);
}

static void
words_of_harmless_values(void **state)
{
	struct buf path = BUF_INIT, out = BUF_INIT;
	size_t n = sizeof harmless / sizeof *harmless;
	struct err e;

	(void)state;
	for (size_t i = 0; i < N_PLACES; i++)
		for (size_t k = i * HARMLESS; k < (i + 1) * HARMLESS; k++) {
			put_path(&path, places[i].path, sv_cstr(harmless[k % n]), sv_cstr(harmless[(k + i) % n]));
			(void)ask(there, buf_view(&path), &out, &e);
		}
	assert_true(look_at_statements(NULL) > 500);
	buf_release(&path);
	buf_release(&out);
}

static void
listings_are_the_same(void **state)
{
	struct buf path = BUF_INIT, one = BUF_INIT;
	unsigned each = rounds_of_all(RUN_USUALLY, CASES) / 10 / N_LISTED + 1, seen = 0;

	(void)state;
	n_wrong = 0;
	for (size_t i = 0; i < N_LISTED; i++) {
		for (size_t k = i * HARMLESS; k < (i + 1) * HARMLESS; k++) {
			struct err e;

			put_path(&path, listed[i], sv_cstr(harmless[k % (sizeof harmless / sizeof *harmless)]), SV_EMPTY);
			(void)list(there, buf_view(&path), &one, &e);
		}
		(void)look_at_statements(NULL);
	}
	for (size_t i = 0; i < N_LISTED; i++) {
		for (unsigned k = 0; k < each; k++) {
			put_path(&path, listed[i], draw(&one), SV_EMPTY);
			check_listing(listed[i], i < N_ALIKE, buf_view(&path));
		}
		seen += look_at_statements(listed[i]);
	}
	assert_int_equal(n_wrong, 0);
	assert_true(seen > each * N_LISTED / 2);
	buf_release(&path);
	buf_release(&one);
}

static void
a_value_in_a_statement_is_seen(void **state)
{
	static const char *const spliced[] = { "SELECT 1 FROM t WHERE a = 'x'", "SELECT 1 FROM t WHERE a = {p0:String} OR b",
		"SELECT 1 FROM t WHERE a = {p0:String} -- {", "SELECT 1 FROM `t'` WHERE a = {p0:String}", "SELECT '" };
	struct sql_words k;
	struct sv stranger;

	(void)state;
	sql_words_init(&k);
	sql_words_learn(&k, SV("SELECT 1 FROM t WHERE a = {p0:String}"));
	assert_true(sql_words_know(&k, SV("SELECT 77 FROM t WHERE a = {p12:String} WHERE a = {p1:String}"), &stranger));
	for (size_t i = 0; i < sizeof spliced / sizeof *spliced; i++)
		assert_false(sql_words_know(&k, sv_cstr(spliced[i]), &stranger));
	sql_words_release(&k);
}

static void
values_are_parameters_and_mean_the_same(void **state)
{
	struct buf path = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
	unsigned each = rounds_of_all(RUN_USUALLY, CASES) / N_PLACES + 1, seen = 0;

	(void)state;
	n_wrong = 0;
	for (size_t i = 0; i < N_PLACES; i++) {
		for (unsigned k = 0; k < each; k++) {
			put_path(&path, places[i].path, draw(&one), draw(&two));
			check(&places[i], buf_view(&path));
		}
		seen += look_at_statements(places[i].path);
	}
	print_message("%u paths, %u of them refused, %u answers empty; %u statements\n", n_asked, n_refused, n_empty, seen);
	assert_int_equal(n_wrong, 0);
	assert_true(seen > n_asked / 4 && n_refused < n_asked / 2 && n_empty < n_asked / 2);
	buf_release(&path);
	buf_release(&one);
	buf_release(&two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_in_a_statement_is_seen),
		cmocka_unit_test(words_of_harmless_values),
		cmocka_unit_test(listings_are_the_same),
		cmocka_unit_test(values_are_parameters_and_mean_the_same),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
