/* SPDX-License-Identifier: ISC */
/*
 * test_ch_way: an engine over a server, and between them a proxy that spoils answers: what is asked
 * gives the same bytes as ever or an error with words, soon, and nothing is left open.
 * $SPANFS_CH_FAULTS of the cases are run, spread over all of them (300, and 100 of each encoding; 0: all).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "engine/engine.h"
#include "lib/ask.h"
#include "lib/ch_proxy.h"
#include "lib/ch_tables.h"

#define S 1000000000ull
#define SECRET "s3cret-Pa55word"
#define WITHIN (10 * S)			/* many times the timeout */
#define RUN_USUALLY 300
#define RUN_PACKED 100
#define LEAST_CASES 2000

/* What is asked: a file's path, a directory of values, or "": that the engine opens. */
struct way {
	const char *path;
	bool list;
	const char *question;		/* a text of the statement whose answer is spoiled */
	const char *other;		/* one of a statement with other columns */
	struct buf want;
	struct sv raw;			/* the answer */
	size_t body, plain;		/* its bytes, and unpacked */
};

static struct way ways[] = {
	{ .path = "count", .question = "SELECT count(), toUInt8(1)", .other = "GROUP BY" },
	{ .path = "service/cart/status/error/spans.jsonl", .question = "`Links.TraceId`",
	    .other = "SELECT count(), toUInt8(1)" },
	{ .path = "group/service/agg/count,max:duration/groups.jsonl", .question = "GROUP BY",
	    .other = "SELECT count(), toUInt8(1)" },
	{ .path = "status/error/traces.txt", .question = "ORDER BY `TraceId`", .other = "GROUP BY" },
	{ .path = "service", .list = true, .question = "`ServiceName` AS spanfs_v", .other = "`Links.TraceId`" },
	{ .path = "", .question = "spanfs_of", .other = "GROUP BY" },
};
#define N_WAYS (sizeof ways / sizeof *ways)

/* Those whose answers come compressed, if one says so. */
static struct way long_ways[] = {
	{ .path = "service/cart/status/error/spans.jsonl", .question = "`Links.TraceId`",
	    .other = "ORDER BY `TraceId`" },
	{ .path = "status/error/traces.txt", .question = "ORDER BY `TraceId`", .other = "`Links.TraceId`" },
};
#define N_LONG (sizeof long_ways / sizeof *long_ways)

static struct ch_server server;
static struct ch_proxy *proxy;
static char password_file[128], log_file[128];
static const struct requester me = { 0, 1 };

/* ---- asking ---- */

static void
must_load_packed(unsigned port, const char *table, const char *ttl, const char *packing, struct conf **c)
{
	char url[64], file[160], log[160], name[64], life[64], pack[64];
	const char *const sets[] = { url, file, log, name, life, pack, "clickhouse.user=u", "clickhouse.timeout=2s",
		"query.threads=1", "log.slow_query=1ms" };
	struct err e = ERR_INIT;

	snprintf(pack, sizeof pack, "clickhouse.compression=%s", packing);

	snprintf(log, sizeof log, "log.query_log=%s", log_file);
	snprintf(name, sizeof name, "clickhouse.table=%s", table);
	snprintf(life, sizeof life, "result_cache.ttl=%s", ttl);

	snprintf(url, sizeof url, "clickhouse.url=http://127.0.0.1:%u", port);
	snprintf(file, sizeof file, "clickhouse.password_file=%s", password_file);
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, c, &e) < 0)
		fail_msg("%s", e.msg);
}

/* By itself nothing of a server at 127.0.0.1 is compressed. */
static void
must_load(unsigned port, const char *table, const char *ttl, struct conf **c)
{
	must_load_packed(port, table, ttl, "auto", c);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static int
list(struct engine *en, const char *text, struct buf *out, struct err *e)
{
	struct entry *v;
	struct arena a;
	struct path *p;
	struct sv file;
	size_t n;
	int rc;

	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, e) < 0)
		fail_msg("%s: %s", text, e->msg);
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

static int
ask(struct engine *en, const struct way *w, struct buf *out, struct err *e)
{
	if (w->list)
		return list(en, w->path, out, e);
	return engine_query(en, sv_cstr(w->path[0] == '\0' ? "count" : w->path), me, append, out, NULL, e);
}

/* With an engine of its own: the fault before it is opened, or only while it is asked. */
static int
ask_spoilt(const struct conf *c, const struct way *w, const struct ch_fault *f, struct buf *out, struct err *e)
{
	struct engine *en = NULL;
	bool opening = w->path[0] == '\0';
	int rc;

	ch_proxy_set(proxy, opening ? f : NULL);
	rc = engine_open(c, ENGINE_CLICKHOUSE, false, &en, e);
	if (rc < 0 && !opening)
		fail_msg("not opened: %s", e->msg);
	if (rc == 0) {
		ch_proxy_set(proxy, opening ? NULL : f);
		rc = ask(en, w, out, e);
	}
	ch_proxy_set(proxy, NULL);
	engine_close(en);
	return rc;
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* ---- setting up ---- */

#define ROWS "INSERT INTO otel_traces SELECT toDateTime64('2026-11-20 12:00:00', 9) + number, " \
	"lower(hex(cityHash64(number % 13))) || lower(hex(cityHash64(7, number % 13))), lower(hex(cityHash64(1, number))), " \
	"'', '', concat('op ', toString(number % 5)), 'Server', ['cart', 'checkout', 'payment'][number % 3 + 1], " \
	"map('service.name', ['cart', 'checkout', 'payment'][number % 3 + 1], 'host.name', 'n1'), 'lib', '1.0', " \
	"map('http.route', concat('/r', toString(number % 4)), 'n', toString(number)), 1000000 * number, " \
	"multiIf(number % 4 = 0, 'Error', 'Unset'), multiIf(number % 4 = 0, 'it failed', ''), " \
	"[toDateTime64('2026-11-20 12:00:00', 9)], ['exception'], [map('exception.type', 'E')], [], [], [], [] " \
	"FROM numbers(60)"
#define CREATE "CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree " \
	"ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"

static void
learn(struct way *w, const struct conf *c)
{
	struct err e = ERR_INIT;
	struct buf again = BUF_INIT;

	buf_init(&w->want);
	if (ask_spoilt(c, w, NULL, &w->want, &e) < 0 || ask_spoilt(c, w, NULL, &again, &e) < 0)
		fail_msg("%s: %s", w->path, e.msg);
	assert_true(w->want.n > 0);
	assert_true(sv_eq(buf_view(&w->want), buf_view(&again)));
	w->raw = ch_proxy_answer(proxy, w->question, &w->body, &w->plain);
	assert_true(ch_proxy_idle(proxy));
	buf_release(&again);
}

static int
start(void **state)
{
	static const char *const options[] = { "--user", "u:" SECRET, NULL };
	FILE *f;

	(void)state;
	ch_server_start(&server, "http", options);
	ch_server_do(&server, SV(CREATE));
	ch_server_do(&server, SV(ROWS));
	snprintf(password_file, sizeof password_file, "%s/password", server.dir);
	snprintf(log_file, sizeof log_file, "%s/queries", server.dir);
	f = fopen(password_file, "w");
	assert_non_null(f);
	fputs(SECRET "\n", f);
	fclose(f);
	assert_int_equal(chmod(password_file, 0600), 0);
	proxy = ch_proxy_open(&server);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_WAYS; i++)
		buf_release(&ways[i].want);
	for (size_t i = 0; i < N_LONG; i++)
		buf_release(&long_ways[i].want);
	ch_proxy_close(proxy);
	ch_server_stop(&server);
	return 0;
}

/* ---- cases ---- */

struct spoilt {
	const struct way *way;
	struct ch_fault fault;
};

struct cases {
	struct spoilt *v;
	size_t n, cap;
};

static void
add(struct cases *cs, const struct way *w, struct ch_fault f)
{
	if (cs->n == cs->cap) {
		cs->cap = cs->cap == 0 ? 1024 : 2 * cs->cap;
		cs->v = realloc(cs->v, cs->cap * sizeof *cs->v);
		assert_non_null(cs->v);
	}
	f.only = w->question;
	cs->v[cs->n++] = (struct spoilt){ w, f };
}

/* All of a short one; else n of them. */
static void
add_at(struct cases *cs, const struct way *w, enum ch_fault_kind kind, size_t bytes, size_t n)
{
	if (bytes <= 700)
		n = bytes;
	for (size_t i = 0; i < n; i++)
		add(cs, w, (struct ch_fault){ .kind = kind, .at = i * bytes / n });
}

static const char garbage[] = "\x02\x00\xff\xff\xff\xff\x7f\x05" "count\x06" "String\x1b[2J\r\n__exception__\r\n"
	"Code: 1. DB::Exception: \x80\x81 " SECRET "\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01\x01\n";

static void
add_words(struct cases *cs, const struct way *w)
{
	static const unsigned statuses[] = { 204, 301, 400, 401, 403, 404, 408, 413, 414, 429, 500, 501, 502, 503, 504 };
	static const struct sv raws[] = {
		SV("SSH-2.0-OpenSSH_9.2\r\n"), SV("HTTP/1.1 200 OK\r\n\r\n"), SV("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		SV("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
		SV("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n\1"), SV("\r\n\r\n"), SV("HTTP/9.9 999 ?\r\n\r\n"),
		SV("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999999\r\n\r\n\1\2"),
		SV("HTTP/1.1 100 Continue\r\n\r\n"), SV("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
		SV("HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 1\r\n\r\n1"),
	};

	for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		add(cs, w, (struct ch_fault){ .kind = FAULT_STATUS, .more = statuses[i],
			.text = SV("no: " SECRET " is not it\n") });
		add(cs, w, (struct ch_fault){ .kind = FAULT_STATUS, .more = statuses[i], .times = 1 });
	}
	for (size_t i = 0; i < sizeof raws / sizeof *raws; i++)
		add(cs, w, (struct ch_fault){ .kind = FAULT_RAW, .text = raws[i] });
	for (size_t i = 0; i < sizeof garbage; i += 7)
		add(cs, w, (struct ch_fault){ .kind = FAULT_BODY, .text = sv_new(garbage + i, sizeof garbage - 1 - i) });
}

static void
add_all(struct cases *cs, const struct way *w)
{
	size_t raw = w->raw.n, body = w->body, plain = w->plain;

	add_at(cs, w, FAULT_CUT, raw, 160);
	add_at(cs, w, FAULT_SHORT, body, 160);
	for (size_t i = 0; i < 30; i++)
		add(cs, w, (struct ch_fault){ .kind = FAULT_RESET, .at = i * raw / 30 });
	for (size_t i = 0; i < 100; i++)
		add(cs, w, (struct ch_fault){ .kind = FAULT_FLIP, .at = i * raw / 100, .more = i % 8 });
	for (size_t i = 0; i <= 10; i++) {
		add(cs, w, (struct ch_fault){ .kind = FAULT_TAGGED, .at = i * plain / 10 });
		add(cs, w, (struct ch_fault){ .kind = FAULT_MARKED, .at = i * plain / 10 });
		add(cs, w, (struct ch_fault){ .kind = FAULT_APPENDED, .at = i * plain / 10 });
	}
	add_words(cs, w);
	add(cs, w, (struct ch_fault){ .kind = FAULT_OTHER, .text = sv_cstr(w->other) });
	for (unsigned times = 0; times < 2; times++) {
		add(cs, w, (struct ch_fault){ .kind = FAULT_CLOSE, .times = times });
		add(cs, w, (struct ch_fault){ .kind = FAULT_SILENT, .times = times });
		add(cs, w, (struct ch_fault){ .kind = FAULT_SLOW, .times = times });
	}
	for (size_t i = 0; i < 4; i++) {
		add(cs, w, (struct ch_fault){ .kind = FAULT_ENDLESS, .at = i * body / 4 });
		add(cs, w, (struct ch_fault){ .kind = FAULT_ENCODING, .more = (unsigned)i });
	}
}

/* The answer up to each byte, broken off and as if it were complete; to be added to all the others. */
static void
add_every_byte(struct cases *cs, const struct way *w)
{
	for (size_t i = 0; i < w->raw.n; i++)
		add(cs, w, (struct ch_fault){ .kind = FAULT_CUT, .at = i });
	for (size_t i = 0; i < w->body; i++)
		add(cs, w, (struct ch_fault){ .kind = FAULT_SHORT, .at = i });
}

/* To HTTP it is complete, and to rows it ends behind one of them, or before the first. */
static bool
ends_well(const struct spoilt *s)
{
	struct buf b = BUF_INIT;
	int64_t head = sv_find(s->way->raw, SV("\r\n\r\n"));
	struct sv rest = sv_sub(s->way->raw, (size_t)head + 4, s->way->raw.n), body;
	bool well;
	size_t n;

	/* A frame ends nowhere but at its end. */
	if (sv_find(sv_sub(s->way->raw, 0, (size_t)head), SV("Content-Encoding")) >= 0)
		return false;
	while ((n = strtoul(rest.p, NULL, 16)) != 0) {
		rest = sv_sub(rest, (size_t)sv_find(rest, SV("\r\n")) + 2, rest.n);
		buf_sv(&b, sv_sub(rest, 0, n));
		rest = sv_sub(rest, n + 2, rest.n);
	}
	body = sv_sub(buf_view(&b), 0, s->fault.at);
	well = sv_ends(body, SV("\1")) || sv_ends(body, SV("UInt8"));
	buf_release(&b);
	return well;
}

static void
describe(const struct spoilt *s, const char *what, const char *words)
{
	fail_msg("%s %s: fault %d at %zu more %u times %u: %s: %s", s->way->path, s->way->question,
	    (int)s->fault.kind, s->fault.at, s->fault.more, s->fault.times, what, words);
}

static void
judge(const struct spoilt *s, int rc, struct sv out, uint64_t took, const struct err *e)
{
	enum ch_fault_kind kind = s->fault.kind;
	bool same = sv_eq(out, buf_view(&s->way->want));

	if (took > WITHIN)
		describe(s, "it took long", e->msg);
	if (rc < 0 && (e->msg[0] == '\0' || e->code != rc))
		describe(s, "an error without words", e->msg);
	if (rc < 0 && strstr(e->msg, SECRET) != NULL)
		describe(s, "the password", e->msg);
	/* Nothing tells of a bit that became another one within a text. */
	if (kind == FAULT_FLIP)
		return;
	if (rc == 0 && !same && !(kind == FAULT_SHORT && ends_well(s)))
		describe(s, "another answer", "");
	if (rc < 0 && kind != FAULT_ENDLESS && kind != FAULT_SHORT && !sv_starts(buf_view(&s->way->want), out))
		describe(s, "it begins otherwise", "");
}

static void
run(const struct conf *c, const struct spoilt *s, size_t counts[2])
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	uint64_t begin = clock_mono_ns();
	unsigned had = descriptors();
	int rc = ask_spoilt(c, s->way, &s->fault, &out, &e);

	judge(s, rc, buf_view(&out), clock_mono_ns() - begin, &e);
	counts[rc < 0]++;
	if (!ch_proxy_idle(proxy))
		describe(s, "a connection is left open", "");
	if (descriptors() != had)
		describe(s, "descriptors are left open", "");
	buf_release(&out);
}

static void
spoil_all(const struct conf *c, const struct cases *cs, size_t usually)
{
	const char *limit = getenv("SPANFS_CH_FAULTS");
	size_t n = limit == NULL ? usually : (size_t)strtoul(limit, NULL, 10), counts[2] = { 0, 0 };
	uint64_t begin = clock_mono_ns();

	if (n == 0 || n > cs->n)
		n = cs->n;
	for (size_t i = 0; i < n; i++) {
		const struct spoilt *s = &cs->v[i * cs->n / n];
		uint64_t t = clock_mono_ns();

		run(c, s, counts);
		if (getenv("SPANFS_CH_VERBOSE") != NULL)
			printf("%s %d at %zu: %.3f s\n", s->way->question, (int)s->fault.kind, s->fault.at,
			    (double)(clock_mono_ns() - t) / 1e9);
	}
	printf("%zu of %zu faults in %.1f s: %zu errors, %zu right\n", n, cs->n,
	    (double)(clock_mono_ns() - begin) / 1e9, counts[1], counts[0]);
	free(cs->v);
}

static void
spoilt_answers_are_errors(void **state)
{
	struct cases cs = { NULL, 0, 0 };
	struct conf *c;

	(void)state;
	must_load(ch_proxy_port(proxy), "otel_traces", "0s", &c);
	for (size_t i = 0; i < N_WAYS; i++)
		learn(&ways[i], c);
	for (size_t i = 0; i < N_WAYS; i++)
		add_all(&cs, &ways[i]);
	assert_true(cs.n >= LEAST_CASES);
	spoil_all(c, &cs, RUN_USUALLY);
	conf_free(c);
}

/* The same of answers that come compressed; and they are those that come otherwise. */
static void
spoil_packed(const char *packing)
{
	char line[64];
	struct cases cs = { NULL, 0, 0 };
	struct conf *c, *plain;
	struct buf want = BUF_INIT;
	struct err e = ERR_INIT;

	snprintf(line, sizeof line, "\r\nContent-Encoding: %s\r\n", packing);
	must_load(server.port, "otel_traces", "0s", &plain);
	must_load_packed(ch_proxy_port(proxy), "otel_traces", "0s", packing, &c);
	ch_proxy_forget(proxy);
	for (size_t i = 0; i < N_LONG; i++) {
		struct way *w = &long_ways[i];

		buf_release(&w->want);
		learn(w, c);
		if (sv_find(w->raw, sv_cstr(line)) < 0)
			fail_msg("%s is not compressed", w->path);
		assert_true(w->plain > w->body);
		want.n = 0;
		assert_int_equal(ask_spoilt(plain, w, NULL, &want, &e), 0);
		assert_true(sv_eq(buf_view(&want), buf_view(&w->want)));
		add_all(&cs, w);
		add_every_byte(&cs, w);
	}
	spoil_all(c, &cs, RUN_PACKED);
	conf_free(c);
	conf_free(plain);
	buf_release(&want);
}

static void
spoilt_answers_in_zstd_are_errors(void **state)
{
	(void)state;
	spoil_packed("zstd");
}

static void
spoilt_answers_in_gzip_are_errors(void **state)
{
	(void)state;
	spoil_packed("gzip");
}

/* ---- an engine that stays ---- */

static const struct way spans = { .path = "service/cart/spans.jsonl" };
static const struct way counted = { .path = "count" };

static struct engine *
engine_on(const struct conf *c)
{
	struct engine *en;
	struct err e = ERR_INIT;

	if (engine_open(c, ENGINE_CLICKHOUSE, false, &en, &e) < 0)
		fail_msg("%s", e.msg);
	return en;
}

static void
gives(struct engine *en, const struct way *w, struct sv want)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (ask(en, w, &out, &e) < 0)
		fail_msg("%s: %s", w->path, e.msg);
	if (!sv_eq(buf_view(&out), want))
		fail_msg("%s gives %.*s", w->path, SV_ARG(buf_view(&out)));
	buf_release(&out);
}

static void
fails(struct engine *en, const struct way *w, const char *words)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (ask(en, w, &out, &e) >= 0)
		fail_msg("%s gives %.*s", w->path, SV_ARG(buf_view(&out)));
	if (strstr(e.msg, words) == NULL)
		fail_msg("%s: %s", w->path, e.msg);
	buf_release(&out);
}

#define COPY(name) "INSERT INTO " name " SELECT * FROM otel_traces"
#define TAIL ") ENGINE = MergeTree ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"

/* Is seen where a question fails for it, or fits the new columns as it is. */
static void
a_table_that_changes_is_noticed(void **state)
{
	struct conf *c;
	struct engine *en;
	struct buf want = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	ch_server_do(&server, SV("CREATE TABLE changing (" CH_TABLE(CH_MAP, "UInt64") TAIL));
	ch_server_do(&server, SV(COPY("changing")));
	must_load(server.port, "changing", "0s", &c);
	en = engine_on(c);
	assert_int_equal(ask(en, &spans, &want, &e), 0);
	assert_true(want.n > 1000);

	ch_server_do(&server, SV("ALTER TABLE changing ADD COLUMN Added String DEFAULT 'x' FIRST"));
	gives(en, &spans, buf_view(&want));
	ch_server_do(&server, SV("ALTER TABLE changing DROP COLUMN Added"));
	ch_server_do(&server, SV("ALTER TABLE changing MODIFY COLUMN Duration Int64"));
	gives(en, &spans, buf_view(&want));
	gives(en, &counted, SV("60\n"));

	ch_server_do(&server, SV("ALTER TABLE changing DROP COLUMN SpanAttributes"));
	fails(en, &spans, "SpanAttributes");
	gives(en, &counted, SV("60\n"));
	ch_server_do(&server, SV("DROP TABLE changing SYNC"));
	fails(en, &spans, "changing");

	ch_server_do(&server, SV("CREATE TABLE changing (" CH_TABLE(CH_MAP, "String") TAIL));
	fails(en, &spans, "Duration");
	ch_server_do(&server, SV("DROP TABLE changing SYNC"));
	ch_server_do(&server, SV("CREATE TABLE changing (" CH_TABLE("Map(String, String)", "Int64") TAIL));
	ch_server_do(&server, SV(COPY("changing")));
	gives(en, &spans, buf_view(&want));
	ch_server_do(&server, SV("DROP TABLE changing SYNC"));
	engine_close(en);
	conf_free(c);
	buf_release(&want);
}

static void
a_server_that_was_gone_is_asked_again(void **state)
{
	const struct timespec tenth = { 0, 100000000 };
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct conf *c;
	struct engine *en;
	uint64_t begin;
	int rc;

	(void)state;
	must_load(server.port, "otel_traces", "0s", &c);
	en = engine_on(c);
	gives(en, &counted, SV("60\n"));
	ch_server_tell(&server, "/test/gone/1");
	for (unsigned i = 0; i < 8; i++)
		fails(en, &counted, "out of reach");
	ch_server_tell(&server, "/test/gone/0");
	begin = clock_mono_ns();
	while ((rc = ask(en, &counted, &out, &e)) < 0 && clock_mono_ns() - begin < WITHIN) {
		out.n = 0;
		nanosleep(&tenth, NULL);
	}
	if (rc < 0 || !sv_is(buf_view(&out), "60\n"))
		fail_msg("%s", e.msg);
	buf_release(&out);
	engine_close(en);
	conf_free(c);
}

/* As a mount asks. */
static void
results_are_kept_for_a_while(void **state)
{
	const struct ch_fault broken = { .kind = FAULT_STATUS, .more = 500 };
	const struct timespec tenth = { 0, 100000000 };
	struct buf out = BUF_INIT;
	struct conf *c;
	struct engine *en;
	uint64_t begin;

	(void)state;
	ch_server_do(&server, SV("CREATE TABLE growing AS otel_traces"));
	ch_server_do(&server, SV(COPY("growing")));
	must_load(ch_proxy_port(proxy), "growing", "5s", &c);
	en = engine_on(c);
	ch_proxy_set(proxy, &broken);
	assert_int_equal(ask_kept(en, "count", &out), ERR_IO);
	ch_proxy_set(proxy, NULL);
	begin = clock_mono_ns();
	assert_int_equal(ask_kept(en, "count", &out), 0);
	assert_true(sv_is(buf_view(&out), "60\n"));
	ch_server_do(&server, SV(COPY("growing")));
	ch_proxy_forget(proxy);
	assert_int_equal(ask_kept(en, "count", &out), 0);
	/* A machine that stood still says nothing of it. */
	if (clock_mono_ns() - begin < 4 * S)
		assert_true(sv_is(buf_view(&out), "60\n"));
	while (!sv_is(buf_view(&out), "120\n") && clock_mono_ns() - begin < 6 * WITHIN) {
		nanosleep(&tenth, NULL);
		ch_proxy_forget(proxy);
		assert_int_equal(ask_kept(en, "count", &out), 0);
	}
	assert_true(sv_is(buf_view(&out), "120\n"));
	ch_server_do(&server, SV("DROP TABLE growing SYNC"));
	buf_release(&out);
	engine_close(en);
	conf_free(c);
}

/* ---- what is told ---- */

static uint64_t
metric(struct engine *en, const char *name)
{
	struct buf b = BUF_INIT, line = BUF_INIT;
	struct err e = ERR_INIT;
	int64_t at;
	uint64_t v;

	assert_int_equal(engine_control_file(en, SV("metrics"), me, &b, &e), 0);
	buf_printf(&line, "\nspanfs_clickhouse_%s ", name);
	at = sv_find(buf_view(&b), buf_view(&line));
	if (at < 0)
		fail_msg("no metric %s", name);
	buf_putc(&b, '\0');
	v = strtoull(b.p + at + line.n, NULL, 10);
	buf_release(&b);
	buf_release(&line);
	return v;
}

static void
metrics_count(void **state)
{
	struct ch_fault busy = { .kind = FAULT_STATUS, .more = 503, .times = 1, .only = "SELECT count(), toUInt8" };
	struct ch_fault broken = { .kind = FAULT_STATUS, .more = 500, .only = "SELECT count(), toUInt8" };
	struct conf *c;
	struct engine *en;
	uint64_t asked, received;

	(void)state;
	must_load(ch_proxy_port(proxy), "otel_traces", "0s", &c);
	en = engine_on(c);
	asked = metric(en, "queries_total");
	received = metric(en, "received_bytes_total");
	assert_true(asked > 0 && received > 0);
	assert_true(metric(en, "errors_total") == 0 && metric(en, "retries_total") == 0 && metric(en, "up") == 1);
	ch_proxy_set(proxy, &busy);
	gives(en, &counted, SV("60\n"));
	assert_int_equal(metric(en, "retries_total"), 1);
	assert_int_equal(metric(en, "errors_total"), 0);
	assert_true(metric(en, "queries_total") > asked && metric(en, "received_bytes_total") > received);
	ch_proxy_set(proxy, &broken);
	fails(en, &counted, "500");
	assert_int_equal(metric(en, "errors_total"), 1);
	ch_proxy_set(proxy, NULL);
	engine_close(en);
	conf_free(c);
}

static void
has_no_secret(const char *what, struct sv text)
{
	if (sv_find(text, SV(SECRET)) >= 0)
		fail_msg("%s has the password: %.*s", what, SV_ARG(text));
}

/* After failures of many kinds, each with the password in the words of whoever answered. */
static void
no_secret_is_told(void **state)
{
	static const unsigned statuses[] = { 400, 401, 403, 404, 408, 413, 500, 503 };
	static const char *const files[] = { "plan", "plan.json", "profile.json", "query", "info.json" };
	struct conf *c;
	struct engine *en;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	FILE *f;
	int ch;

	(void)state;
	must_load(ch_proxy_port(proxy), "otel_traces", "0s", &c);
	en = engine_on(c);
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		struct ch_fault fault = { .kind = FAULT_STATUS, .more = statuses[i],
			.text = SV("Code: 516. DB::Exception: u:" SECRET " is wrong\n") };

		ch_proxy_set(proxy, &fault);
		b.n = 0;
		assert_true(ask(en, &spans, &b, &e) < 0);
		has_no_secret("an error", sv_cstr(e.msg));
		engine_note_error(en, sv_cstr(spans.path), me, &e);
	}
	ch_proxy_set(proxy, NULL);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		b.n = 0;
		if (engine_query(en, sv_cstr(files[i]), me, append, &b, NULL, &e) < 0)
			has_no_secret("an error", sv_cstr(e.msg));
		has_no_secret(files[i], buf_view(&b));
	}
	for (size_t i = 0; engine_control_name(i) != NULL; i++) {
		b.n = 0;
		if (engine_control_file(en, sv_cstr(engine_control_name(i)), me, &b, &e) == 0)
			has_no_secret(engine_control_name(i), buf_view(&b));
	}
	engine_close(en);
	conf_free(c);
	b.n = 0;
	f = fopen(log_file, "r");
	assert_non_null(f);
	while ((ch = getc(f)) != EOF)
		buf_putc(&b, (char)ch);
	fclose(f);
	assert_true(b.n > 0);
	has_no_secret("the query log", buf_view(&b));
	buf_release(&b);
}

/* ---- what nobody waits for any more ---- */

#define HEAVY "CREATE VIEW heavy AS SELECT o.* FROM otel_traces AS o CROSS JOIN numbers(100000000000) AS n " \
	"WHERE sipHash64(o.SpanId, n.number) = 1"

static bool
runs(struct ch_client *cl)
{
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	bool yes;

	if (ch_rows(cl, SV("SELECT count() FROM system.processes WHERE match(query, 'FROM .?heavy') AND "
	    "position(query, 'processes') = 0"), NULL, 0, "TabSeparated", &rows, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	yes = !sv_is(buf_view(&rows), "0\n");
	buf_release(&rows);
	return yes;
}

struct reader {
	struct engine *en;
	const char *path;
	atomic_bool cancel;
	int rc;
};

static void *
read_it(void *arg)
{
	struct reader *r = arg;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	r->rc = engine_query(r->en, sv_cstr(r->path), me, append, &out, &r->cancel, &e);
	buf_release(&out);
	return NULL;
}

static void
a_query_that_is_cancelled_stops_there(void **state)
{
	static const char *const paths[] = { "count", "group/service/groups.jsonl", "where/n/eq/7/sort/duration/spans.jsonl",
		"status/error/traces.txt" };
	const struct timespec some = { 0, 20000000 };
	struct ch_client *cl = ch_server_connect(&server, 20 * S);
	struct conf *c;
	struct engine *en;

	(void)state;
	ch_server_do(&server, SV(HEAVY));
	must_load(server.port, "heavy", "0s", &c);
	en = engine_on(c);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct reader r = { .en = en, .path = paths[i] };
		pthread_t thread;
		uint64_t begin = clock_mono_ns();

		assert_int_equal(pthread_create(&thread, NULL, read_it, &r), 0);
		while (!runs(cl) && clock_mono_ns() - begin < S)
			nanosleep(&some, NULL);
		assert_true(runs(cl));
		atomic_store(&r.cancel, true);
		begin = clock_mono_ns();
		pthread_join(thread, NULL);
		assert_int_equal(r.rc, ERR_CANCELLED);
		while (runs(cl)) {
			if (clock_mono_ns() - begin > S)
				fail_msg("%s runs on", paths[i]);
			nanosleep(&some, NULL);
		}
	}
	assert_true(metric(en, "kills_total") >= sizeof paths / sizeof *paths);
	ch_server_do(&server, SV("DROP VIEW heavy SYNC"));
	engine_close(en);
	conf_free(c);
	ch_client_free(cl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoilt_answers_are_errors),
		cmocka_unit_test(spoilt_answers_in_zstd_are_errors),
		cmocka_unit_test(spoilt_answers_in_gzip_are_errors),
		cmocka_unit_test(a_table_that_changes_is_noticed),
		cmocka_unit_test(a_server_that_was_gone_is_asked_again),
		cmocka_unit_test(results_are_kept_for_a_while),
		cmocka_unit_test(metrics_count),
		cmocka_unit_test(no_secret_is_told),
		cmocka_unit_test(a_query_that_is_cancelled_stops_there),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
