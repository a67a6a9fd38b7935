/* SPDX-License-Identifier: ISC */
/* matrix: see matrix.h. */
#include "lib/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/span_rows.h"
#include "query/name.h"

#define N_SPANS 360
#define SHOWN 20
#define PER_TRACE 6
#define TRACE_HI 7
#define T0 UINT64_C(1795183200000000000)	/* 2026-11-20T14:00:00Z */
#define S UINT64_C(1000000000)

/* ---- the spans ---- */

static struct value
mixed(struct arena *a, size_t i)
{
	const struct value in[] = { val_int(500), val_str("a"), val_empty() };

	switch (i % 13) {
	case 0:
		return val_int(500);
	case 1:
		return val_str("a");
	case 2:
		return val_bool(true);
	case 3:
		return val_array(a, in, 3);
	case 4:
		return val_str("500");
	case 5:
		return val_double(500);
	case 6:
		return val_double((double)NAN);
	case 7:
		return val_empty();
	case 8:
		return val_bytes(SV("a"));
	case 9:
		return val_map(a, &(struct attr){ SV("a"), val_str("a") }, 1);
	case 10:
		return val_array(a, NULL, 0);
	case 11:
		return val_int(-3);
	default:
		return val_str("");
	}
}

static const struct attr *
sorted_after(struct attrs *at, const char *key, struct value v)
{
	at->v[at->n] = (struct attr){ sv_cstr(key), v };
	return &at->v[at->n++];
}

/* In byte order of the keys. */
static struct attrs
attrs_of_span(struct arena *a, size_t i)
{
	struct attrs at = { arena_array(a, 16, struct attr), 0 };

	assert_non_null(at.v);
	if (i % 3 != 0)
		sorted_after(&at, "b", val_bool(i % 2));
	sorted_after(&at, "f", val_double((double)(i % 11) * 0.5));
	if (i % 6 == 2)
		sorted_after(&at, "gen_ai.request.model", val_str(i % 18 == 2 ? "other" : "m-1"));
	if (i % 6 == 2 || i % 6 == 3)
		sorted_after(&at, "gen_ai.usage.input_tokens", i % 12 == 8 ? val_str("7") :
		    val_int((int64_t)(i % 10) * 100 - 100));
	if (i % 9 == 2)
		sorted_after(&at, "gen_ai.usage.output_tokens", val_int((int64_t)(i % 5) * 10));
	if (i % 7 != 3)
		sorted_after(&at, "k", mixed(a, i));
	if (i % 6 == 2)
		sorted_after(&at, "llm.usage.prompt_tokens", val_int(42));
	sorted_after(&at, "n", val_int((int64_t)(i % 7) * 100));
	if (i % 4 == 1)
		sorted_after(&at, "rk", i % 8 == 1 ? val_empty() : val_str("mine"));
	sorted_after(&at, "t", val_str(arena_printf(a, "alpha-%u", (unsigned)(i % 5))));
	sorted_after(&at, "u", val_str(arena_printf(a, "user-%03u", (unsigned)i % 90)));
	return at;
}

static const struct resource *
resource_no(struct arena *a, size_t no)
{
	static const char *const names[] = { "alpha", "beta", NULL, "" };
	struct resource *r = resource_of(a, no < 4 ? names[no] : NULL);

	if (no == 0)
		r->attrs = attrs_of(a, "rk", val_str("theirs"), "service.name", val_str("alpha"), NULL);
	if (no == 4)
		r->attrs = attrs_of(a, "service.name", val_int(500), NULL);
	return r;
}

static const struct scope *
scope_no(struct arena *a, size_t no)
{
	struct scope *s = arena_new(a, struct scope);

	assert_non_null(s);
	if (no > 0) {
		s->name = no == 1 ? SV("lib") : SV("alpha");
		s->version = no == 1 ? SV("1.5") : SV("");
		s->attrs = attrs_of(a, "sk", no == 1 ? val_str("a") : val_int(500), NULL);
	}
	return s;
}

static void
events_of(struct arena *a, struct span *s, size_t i)
{
	struct event *v = arena_array(a, 3, struct event);

	assert_non_null(v);
	memset(v, 0, 3 * sizeof *v);
	s->n_events = i % 4;
	for (uint32_t k = 0; k < s->n_events; k++) {
		v[k].time_ns = s->start_ns + k * 10;
		v[k].name = (i + k) % 5 == 0 ? SV("") : (i + k) % 3 == 0 ? SV("exception") : SV("alpha");
		if ((i + k) % 3 != 2)
			v[k].attrs = attrs_of(a, "ek", mixed(a, i + k), NULL);
		if ((i + k) % 5 == 3) {
			v[k].name = SV("gen_ai.evaluation.result");
			v[k].attrs = attrs_of(a, "gen_ai.evaluation.name",
			    val_str(i % 2 ? "relevance" : "alpha"), "gen_ai.evaluation.score.label",
			    i % 4 == 0 ? mixed(a, i) : val_str("pass"),
			    "gen_ai.evaluation.score.value", val_double((double)(i % 8) / 8), NULL);
		}
	}
	s->events = v;
}

static void
links_of(struct arena *a, struct span *s, size_t i)
{
	struct link *v = arena_array(a, 2, struct link);

	assert_non_null(v);
	memset(v, 0, 2 * sizeof *v);
	s->n_links = i % 5 == 0 ? 2 : i % 5 == 1;
	for (uint32_t k = 0; k < s->n_links; k++) {
		if ((i + k) % 3 != 0)
			v[k].trace_id = (struct trace_id){ TRACE_HI, i / PER_TRACE + 1 };
		v[k].span_id = (i + k) % 4 == 0 ? 0 : i + 1;
		if (k == 0)
			v[k].attrs = attrs_of(a, "lk", mixed(a, i + 3), NULL);
	}
	s->links = v;
}

static void
add_span(struct span_batch *b, size_t i, const struct resource *const *resources,
    const struct scope *const *scopes)
{
	struct arena *a = &b->arena;
	struct span *s = span_batch_add(b);
	size_t in = i % PER_TRACE;

	assert_non_null(s);
	s->trace_id = (struct trace_id){ TRACE_HI, i / PER_TRACE + 1 };
	s->span_id = i + 1;
	s->parent_span_id = in == 0 ? 0 : i - in + (in > 3 ? 2 : 1);
	/* Two spans have one start, in two services; traces reach over the hour. */
	s->start_ns = T0 + i / 2 * 15 * S + in / 2 * 300 * S;
	s->end_ns = i % 17 == 5 ? s->start_ns - 5 : s->start_ns + i % 10 * 100000000;
	s->kind = i % 19 == 7 ? 9 : (int32_t)(i % 6);
	s->status = i % 23 == 9 ? 7 : (int32_t)(i % 3);
	s->flags = i % 4 == 0 ? 0 : i % 4 == 1 ? 257 : (uint32_t)(i % 4 * 3 - 4);
	s->name = i % 12 == 5 ? SV("") : sv_cstr(arena_printf(a, "alpha %u", (unsigned)(i % 8)));
	s->status_message = i % 3 == 2 ? SV("alpha failed") : SV("");
	s->trace_state = i % 6 == 1 ? SV("alpha=1") : SV("");
	s->resource = resources[i % 5];
	s->scope = scopes[i / 3 % 3];
	s->attrs = attrs_of_span(a, i);
	events_of(a, s, i);
	links_of(a, s, i);
}

static void
make_spans(struct span_batch *b)
{
	const struct resource *resources[5];
	const struct scope *scopes[3];

	span_batch_init(b);
	for (size_t i = 0; i < 5; i++)
		resources[i] = resource_no(&b->arena, i);
	for (size_t i = 0; i < 3; i++)
		scopes[i] = scope_no(&b->arena, i);
	for (size_t i = 0; i < N_SPANS; i++)
		add_span(b, i, resources, scopes);
}

/* Two commits, each with spans of every hour. */
void
matrix_open(struct matrix *m)
{
	const char *sets[] = { "browse.strict_names=no", "query.threads=1", "price m-*.input=2",
	    "price m-*.output=10" };
	struct err err = ERR_INIT;
	struct span_batch part;

	memset(m, 0, sizeof *m);
	make_spans(&m->batch);
	m->judge = (struct judge){ m->batch.spans, m->batch.n };
	store_rig_init(&m->rig, 1, 0, 1, 0, 16);
	m->rig.now_ns = T0 + 7200 * S;
	part = m->batch;
	part.n = N_SPANS / 2;
	store_rig_add(&m->rig, &part, 16);
	part.spans += part.n;
	store_rig_add(&m->rig, &part, 16);
	if (conf_load(NULL, sets, 4, &m->conf, &err) < 0 ||
	    engine_open(m->conf, m->rig.dir, false, &m->en, &err) < 0)
		fail_msg("%s", err.msg);
}

void
matrix_close(struct matrix *m)
{
	engine_close(m->en);
	conf_free(m->conf);
	store_rig_release(&m->rig);
	span_batch_release(&m->batch);
}

/* ---- the cells ---- */

/* Values of eq and its kin and of texts; a range; what stands in a list beside the first. */
static const struct matrix_column {
	const char *field, *values[5], *lo, *hi, *other;
} columns[] = {
	{ "service", { "alpha", "%", "500", "al" }, "alpha", "b", "beta" },
	{ "name", { "alpha 1", "%", "alpha", "1" }, "alpha 1", "alpha 4", "alpha 3" },
	{ "kind", { "server", "9", "client" }, NULL, NULL, "9" },
	{ "status", { "error", "7", "ok", "e" }, NULL, NULL, "unset" },
	{ "status_message", { "alpha failed", "%", "failed" }, "a", "b", "x" },
	{ "scope", { "lib", "%", "alpha", "l" }, "a", "b", "alpha" },
	{ "scope_version", { "1.5", "%", "5" }, "a", "b", "x" },
	{ "trace_id", { "00000000000000070000000000000004", "0000000000000007000000000000ffff" },
	    "00000000000000070000000000000004", "00000000000000070000000000000009",
	    "00000000000000070000000000000006" },
	{ "span_id", { "0000000000000011", "000000000000ffff" }, "0000000000000011",
	    "0000000000000031", "0000000000000021" },
	{ "parent_span_id", { "0000000000000013", "000000000000ffff" }, "0000000000000013",
	    "0000000000000031", "000000000000001a" },
	{ "trace_state", { "alpha=1", "%", "=" }, "a", "b", "x" },
	{ "flags", { "257", "2", "0" }, "1", "300", "6" },
	{ "start", { "2026-11-20T14:15:00Z", "2026-11-20T14:00:00Z" }, "2026-11-20T14:10:00Z",
	    "2026-11-20T14:30:00Z", "2026-11-20T14:00:45Z" },
	{ "end", { "2026-11-20T14:15:00Z", "2026-11-20T14:00:00Z" }, "2026-11-20T14:10:00Z",
	    "2026-11-20T14:30:00Z", "2026-11-20T14:00:45Z" },
	{ "duration", { "0ns", "500ms", "7h" }, "100ms", "500ms", "300ms" },
	{ "root_service", { "alpha", "%", "500" }, "alpha", "b", "beta" },
	{ "root_name", { "alpha 0", "%", "alpha" }, "alpha 0", "alpha 4", "alpha 4" },
	{ "trace_start", { "2026-11-20T14:02:15Z", "2026-11-20T14:00:00Z" }, "2026-11-20T14:02:15Z",
	    "2026-11-20T14:20:00Z", "2026-11-20T14:04:30Z" },
	{ "trace_duration", { "630.5s", "7h" }, "630s", "630.5s", "630.9s" },
	{ "trace_spans", { "6", "2" }, "1", "6", "7" },
	{ "trace_errors", { "2", "0" }, "1", "2", "3" },
	{ "child_count", { "0", "2", "3" }, "1", "2", "1" },
	{ "event:name", { "exception", "%", "alpha", "x" }, "a", "b", "%" },
	{ "event:time", { "2026-11-20T14:15:00Z", "2026-11-20T14:00:00Z" }, "2026-11-20T14:10:00Z",
	    "2026-11-20T14:30:00Z", "2026-11-20T14:00:45Z" },
	{ "link:trace_id", { "00000000000000070000000000000001", "00000000000000000000000000000000" },
	    "00000000000000070000000000000001", "00000000000000070000000000000009",
	    "00000000000000070000000000000006" },
	{ "link:span_id", { "0000000000000002", "0000000000000000" }, "0000000000000001",
	    "0000000000000031", "0000000000000007" },
	{ "depth", { "0", "2", "9" }, "1", "2", "1" },
	{ "self_duration", { "0ns", "500ms", "7h" }, "100ms", "500ms", "300ms" },
	{ "score:name", { "relevance", "%", "500" }, "a", "b", "alpha" },
	{ "score:value", { "0.5", "0", "x" }, "0.125", "0.5", "0.875" },
	{ "score:label", { "pass", "500", "%", "true" }, "a", "z", "a" },
	{ "tokens:input", { "42", "300", "0" }, "100", "300", "700" },
	{ "tokens:output", { "20", "0", "7" }, "10", "30", "40" },
	{ "tokens:total", { "320", "42", "1" }, "100", "400", "700" },
	{ "cost", { "0.000084", "0.0008", "x" }, "0.0001", "0.001", "0.0012" },
	{ "span.b", { "true", "false", "x" }, "a", "z", "true" },
	{ "span.f", { "2.5", "2", "x" }, "0.5", "2.5", "3" },
	{ "span.k", { "500", "a", "%", "true", "nothing" }, "0", "1000", "a" },
	{ "k", { "500", "a", "%", "500.0" }, "a", "b", "true" },
	{ "span.n", { "300", "300.0", "x" }, "100", "300", "500" },
	{ "rk", { "mine", "theirs", "%" }, "a", "o", "x" },
	{ "resource.rk", { "theirs", "mine" }, "a", "z", "x" },
	{ "span.t", { "alpha-1", "alpha", "%" }, "alpha-1", "alpha-3", "alpha-2" },
	{ "span.u", { "user-017", "user-09", "nobody" }, "user-010", "user-020", "user-081" },
	{ "resource.service.name", { "alpha", "%", "500" }, "alpha", "b", "beta" },
	{ "service.name", { "alpha", "500" }, "alpha", "b", "beta" },
	{ "scope.sk", { "a", "500" }, "400", "600", "500" },
	{ "event.ek", { "500", "a", "%" }, "0", "1000", "a" },
	{ "link.lk", { "500", "a", "true" }, "0", "1000", "a" },
	{ "nowhere", { "a", "500" }, "0", "1", "b" },
	{ "span.nowhere", { "a", "500" }, "0", "1", "b" },
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

static const char *const ops[] = { "has", "eq", "ne", "lt", "le", "gt", "ge", "contains",
	"notcontains", "starts", "ends", "in", "notin", "between", "re", "nre" };
#define N_OPS (sizeof ops / sizeof *ops)

static const char *const patterns[] = { "a.*", ".*", ".*(1|e)", "(alpha|500)", "%" };
#define N_PATTERNS (sizeof patterns / sizeof *patterns)

/* In front of the cell, ANDed to it. */
enum front { FRONT_NONE, FRONT_SERVICE, FRONT_TRACE, FRONT_RANGE, N_FRONTS };
static const char *const fronts[N_FRONTS] = { "", "/service/alpha",
	"/trace/00000000000000070000000000000004", "/since/2026-11-20T14:20:00Z" };

static bool
in_front(enum front f, const struct span *s)
{
	switch (f) {
	case FRONT_SERVICE:
		return sv_is(s->resource->service, "alpha");
	case FRONT_TRACE:
		return s->trace_id.lo == 4;
	case FRONT_RANGE:
		return s->start_ns >= T0 + 1200 * S;
	default:
		return true;
	}
}

/* ---- what should come out ---- */

enum matrix_file { FILE_COUNT, FILE_SPANS, FILE_PAGE, FILE_TRACES, FILE_EVENTS, FILE_LINKS, FILE_OTLP,
	N_FILES };

/* Behind the cell. */
static const char *const files[N_FILES] = { "/count", "/select/span_id/spans.csv",
	"/offset/1/limit/6/select/span_id/spans.csv", "/select/trace_id/traces.csv",
	"/events.jsonl", "/links.jsonl", "/otlp.jsonl" };

struct found {
	const struct span *v[N_SPANS];
	size_t n;
};

/* Newest first, then trace id, span id: ids are unique here. */
static int
newest_first(const void *pa, const void *pb)
{
	const struct span *a = *(const struct span *const *)pa;
	const struct span *b = *(const struct span *const *)pb;

	if (a->start_ns != b->start_ns)
		return a->start_ns > b->start_ns ? -1 : 1;
	if (a->trace_id.lo != b->trace_id.lo)
		return a->trace_id.lo < b->trace_id.lo ? -1 : 1;
	return a->span_id < b->span_id ? -1 : a->span_id > b->span_id;
}

static void
find(const struct matrix *m, const struct judge_cell *c, enum front front, struct found *f)
{
	f->n = 0;
	for (size_t i = 0; i < m->judge.n; i++)
		if (in_front(front, &m->judge.spans[i]) &&
		    judge_holds(&m->judge, c, &m->judge.spans[i]))
			f->v[f->n++] = &m->judge.spans[i];
	qsort(f->v, f->n, sizeof f->v[0], newest_first);
}

struct matrix_trace {
	uint64_t id, start;
};

static int
newest_trace(const void *pa, const void *pb)
{
	const struct matrix_trace *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start > b->start ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void
expect_traces(const struct matrix *m, const struct found *f, struct buf *out)
{
	struct matrix_trace v[N_SPANS];
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		size_t k = 0;

		while (k < n && v[k].id != f->v[i]->trace_id.lo)
			k++;
		if (k == n)
			v[n++] = (struct matrix_trace){ f->v[i]->trace_id.lo,
			    judge_trace_start(&m->judge, f->v[i]) };
	}
	qsort(v, n, sizeof *v, newest_trace);
	buf_str(out, "trace_id\n");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%016x%016llx\n", TRACE_HI, (unsigned long long)v[i].id);
}

static void
expect_spans(const struct found *f, size_t from, size_t n, struct buf *out)
{
	buf_str(out, "span_id\n");
	for (size_t i = from; i < f->n && i - from < n; i++)
		buf_printf(out, "%016llx\n", (unsigned long long)f->v[i]->span_id);
}

/* The bytes of a file; false: only how many lines, *lines. */
static bool
expect(const struct matrix *m, const struct found *f, enum matrix_file file, struct buf *out,
    size_t *lines)
{
	*lines = 0;
	out->n = 0;
	switch (file) {
	case FILE_COUNT:
		buf_printf(out, "%zu\n", f->n);
		return true;
	case FILE_SPANS:
		expect_spans(f, 0, f->n, out);
		return true;
	case FILE_PAGE:
		expect_spans(f, 1, 6, out);
		return true;
	case FILE_TRACES:
		expect_traces(m, f, out);
		return true;
	case FILE_EVENTS:
		for (size_t i = 0; i < f->n; i++)
			*lines += f->v[i]->n_events;
		return false;
	case FILE_LINKS:
		for (size_t i = 0; i < f->n; i++)
			*lines += f->v[i]->n_links;
		return false;
	default:
		*lines = SIZE_MAX;	/* against the plain plan only */
		return false;
	}
}

/* ---- answers ---- */

struct run {
	struct matrix *m;
	struct matrix_result *r;
	size_t step;
	bool stop;
	struct buf path, got, want, plain;
	double est;		/* of the plan that answered last */
};

static void
seen(void *arg, const struct way *way, const struct plan *p, const struct run_info *info)
{
	struct run *r = arg;

	(void)way;
	(void)info;
	r->est = p == NULL ? -1 : p->filter.node.est_rows;
}

static void
wrong(struct run *r, const struct way *way, const char *what)
{
	char *out = r->r->first;

	if (!r->stop && r->r->n_wrong < SHOWN)
		print_message("%s, %s: %s\n", buf_cstr(&r->path), way->name, what);
	if (r->r->n_wrong++ == 0)
		snprintf(out, sizeof r->r->first, "%s, %s: %s; got '%.*s'",
		    buf_cstr(&r->path), way->name, what, (int)(r->got.n < 300 ? r->got.n : 300),
		    r->got.n == 0 ? "" : r->got.p);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
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
ask(struct run *r, const struct way *way, bool bytes, size_t lines)
{
	struct err err = ERR_INIT;
	int code = way_answer(r->m->en, buf_cstr(&r->path), way, &r->got, seen, r, &err);

	r->r->n_answers++;
	if (code < 0) {
		r->got.n = 0;
		buf_str(&r->got, err.msg);
		wrong(r, way, "an error");
	} else if (bytes && !same(&r->got, &r->want))
		wrong(r, way, "not what the judge says");
	else if (!bytes && lines != SIZE_MAX && count_lines(&r->got) != lines)
		wrong(r, way, "another number of lines than the judge says");
	if (code == 0 && way == &way_table[0]) {
		r->plain.n = 0;
		buf_sv(&r->plain, buf_view(&r->got));
	} else if (code == 0 && !same(&r->got, &r->plain))
		wrong(r, way, "not what the plain plan says");
}

static void
refused(struct run *r, const struct way *way)
{
	struct err err = ERR_INIT;

	r->r->n_answers++;
	if (way_answer(r->m->en, buf_cstr(&r->path), way, &r->got, NULL, NULL, &err) >= 0)
		wrong(r, way, "should be refused");
}

/* Decoded items as a path spells them; '%' alone stays, it is the empty one. */
static void
put_value(struct buf *b, const char *value, bool list)
{
	struct sv rest = sv_cstr(value), item;

	for (bool first = true;; first = false) {
		int64_t at = list ? sv_chr(rest, ',') : -1;

		item = at < 0 ? rest : sv_sub(rest, 0, (size_t)at);
		if (!first)
			buf_putc(b, ',');
		if (sv_is(item, "%"))
			buf_putc(b, '%');
		else if (sv_find(item, SV("T14:")) > 0)
			buf_sv(b, item);
		else
			name_encode(b, item);
		if (at < 0)
			return;
		rest = sv_sub(rest, (size_t)at + 1, rest.n);
	}
}

static void
put_cell(struct buf *b, const struct judge_cell *c)
{
	bool list = strcmp(c->op, "in") == 0 || strcmp(c->op, "notin") == 0 ||
	    strcmp(c->op, "between") == 0;

	if (c->not)
		buf_str(b, "/not");
	if (strcmp(c->op, "has") == 0) {
		buf_printf(b, "/has/%s", c->field);
		return;
	}
	buf_printf(b, "/where/%s/%s/", c->field, c->op);
	put_value(b, c->value, list);
}

/* The footers know all values of these: the estimate is the number of rows. */
static bool
counted(const struct judge_cell *c)
{
	return !c->not && (strcmp(c->op, "eq") == 0 || strcmp(c->op, "ne") == 0 ||
	    strcmp(c->op, "in") == 0 || strcmp(c->op, "has") == 0) &&
	    (strcmp(c->field, "span.t") == 0 || strcmp(c->field, "span.n") == 0 ||
	    strcmp(c->field, "span.b") == 0);
}

static void
ask_file(struct run *r, const struct judge_cell *c, enum front front, enum matrix_file file,
    const struct found *f, size_t salt)
{
	size_t lines;
	bool bytes = expect(r->m, f, file, &r->want, &lines);

	r->path.n = 0;
	buf_str(&r->path, fronts[front]);
	put_cell(&r->path, c);
	buf_str(&r->path, files[file]);
	for (size_t w = 0; w < n_ways && (r->r->n_wrong == 0 || !r->stop); w++) {
		if (w > 0 && (file != FILE_COUNT || front != FRONT_NONE) &&
		    (salt + w) % r->step != 0)
			continue;
		ask(r, &way_table[w], bytes, lines);
		if (file == FILE_SPANS && front == FRONT_NONE && w == 1 && counted(c) &&
		    fabs(r->est - (double)f->n) > 0.6)
			wrong(r, &way_table[w], "an estimate of what is counted");
	}
}

/* ---- the cell between compare and end ---- */

/* Whether the answer has just these numbers of spans of a kind. */
static bool
says_kind(const struct run *r, const struct found *f, int32_t kind)
{
	char head[120], tail[60];
	size_t all = 0, in = 0;
	struct sv rest = buf_view(&r->got), line;

	for (size_t i = 0; i < r->m->judge.n; i++)
		all += r->m->judge.spans[i].kind == kind;
	for (size_t i = 0; i < f->n; i++)
		in += f->v[i]->kind == kind;
	snprintf(head, sizeof head, "{\"field\":\"kind\",\"value\":\"%s\",\"selection\":%zu,",
	    span_kind_name(kind), in);
	snprintf(tail, sizeof tail, ",\"baseline\":%zu,", all - in);
	while (sv_cut(&rest, '\n', &line))
		if (sv_starts(line, sv_cstr(head)) && sv_find(line, sv_cstr(tail)) > 0)
			return true;
	return false;
}

static void
ask_compare(struct run *r, const struct judge_cell *c, const struct found *f, size_t salt)
{
	r->path.n = 0;
	buf_str(&r->path, "/compare");
	put_cell(&r->path, c);
	buf_str(&r->path, "/end/limit/100000/compare.jsonl");
	for (size_t w = 0; w < n_ways && (r->r->n_wrong == 0 || !r->stop); w++) {
		if (w > 0 && (salt + w) % r->step != 0)
			continue;
		ask(r, &way_table[w], false, SIZE_MAX);
		for (int32_t kind = 0; w == 0 && kind < 6; kind++)
			if (!says_kind(r, f, kind))
				wrong(r, &way_table[w], "other numbers of a kind than the judge's");
	}
}

static void
ask_cell(struct run *r, const struct judge_cell *c)
{
	struct found f;

	r->r->n_cells++;
	if (!judge_allows(c)) {
		r->path.n = 0;
		put_cell(&r->path, c);
		buf_str(&r->path, "/count");
		refused(r, &way_table[1]);
		return;
	}
	for (unsigned front = 0; front < N_FRONTS; front++) {
		find(r->m, c, (enum front)front, &f);
		for (unsigned file = 0; file < N_FILES; file++) {
			size_t salt = hash_u64(r->r->n_cells * 64 + front * 8 + file);

			if (r->stop && r->r->n_wrong != 0)
				return;
			if (file != FILE_COUNT && front != FRONT_NONE && salt % r->step != 0)
				continue;
			ask_file(r, c, (enum front)front, (enum matrix_file)file, &f, salt);
		}
		if (front == FRONT_NONE && !c->not && (r->r->n_wrong == 0 || !r->stop))
			ask_compare(r, c, &f, hash_u64(r->r->n_cells));
	}
}

static void
ask_both(struct run *r, const struct matrix_column *col, const char *op, const char *value)
{
	for (int not = 0; not < 2 && (r->r->n_wrong == 0 || !r->stop); not++) {
		const struct judge_cell c = { col->field, op, value, not != 0 };

		ask_cell(r, &c);
	}
}

static void
ask_op(struct run *r, const struct matrix_column *col, const char *op)
{
	char list[200];

	if (strcmp(op, "has") == 0) {
		ask_both(r, col, op, "");
	} else if (strcmp(op, "between") == 0) {
		snprintf(list, sizeof list, "%s,%s", col->lo == NULL ? "a" : col->lo,
		    col->hi == NULL ? "b" : col->hi);
		ask_both(r, col, op, list);
	} else if (strcmp(op, "re") == 0 || strcmp(op, "nre") == 0) {
		for (size_t i = 0; i < N_PATTERNS; i++)
			ask_both(r, col, op, patterns[i]);
	} else {
		for (size_t i = 0; i < 5 && col->values[i] != NULL; i++) {
			snprintf(list, sizeof list, "%s,%s", col->values[i], col->other);
			ask_both(r, col, op, strcmp(op, "in") == 0 || strcmp(op, "notin") == 0 ?
			    list : col->values[i]);
		}
	}
}

/* ---- order ---- */

struct sort_by {
	const struct matrix *m;
	const char *field;
	bool desc;
};

static int
in_order(const void *pa, const void *pb, void *arg)
{
	const struct sort_by *by = arg;
	int c = judge_order(&by->m->judge, by->field, by->desc, *(const struct span *const *)pa,
	    *(const struct span *const *)pb);

	return c != 0 ? c : newest_first(pa, pb);
}

/* What arrays and maps are ordered by is no matter here. */
static bool
has_order(const char *field)
{
	return strcmp(field, "k") != 0 && strcmp(field, "span.k") != 0;
}

/* Fields of events and links give spans no order, but the rows that are such. */
static bool
one_of_span(const char *field)
{
	return strncmp(field, "event", 5) != 0 && strncmp(field, "link", 4) != 0 &&
	    strncmp(field, "score", 5) != 0;
}

/* As many as there are; in which order, all ways agree. */
static void
ask_part_order(struct run *r, const struct matrix_column *col, bool desc, size_t limit)
{
	bool event = strncmp(col->field, "link", 4) != 0;
	size_t lines = 0;

	for (size_t i = 0; i < r->m->judge.n; i++)
		lines += event ? r->m->judge.spans[i].n_events : r->m->judge.spans[i].n_links;
	r->path.n = 0;
	buf_printf(&r->path, "/sort/%s:%s", col->field, desc ? "desc" : "asc");
	if (limit < N_SPANS)
		buf_printf(&r->path, "/limit/%zu", limit);
	buf_str(&r->path, event ? "/events.jsonl" : "/links.jsonl");
	for (size_t w = 0; w < 4 && (r->r->n_wrong == 0 || !r->stop); w++)
		ask(r, &way_table[w], false, lines < limit || limit == N_SPANS ? lines : limit);
	r->path.n = 0;
	buf_printf(&r->path, "/sort/%s/%s", col->field, event ? "links.jsonl" : "spans.csv");
	refused(r, &way_table[1]);
}

static void
ask_order(struct run *r, const struct matrix_column *col, bool desc, size_t limit)
{
	struct sort_by by = { r->m, col->field, desc };
	struct found f = { .n = 0 };

	for (size_t i = 0; i < r->m->judge.n; i++)
		f.v[f.n++] = &r->m->judge.spans[i];
	qsort_r(f.v, f.n, sizeof f.v[0], in_order, &by);
	r->want.n = 0;
	expect_spans(&f, 0, limit, &r->want);
	r->path.n = 0;
	buf_printf(&r->path, "/sort/%s:%s", col->field, desc ? "desc" : "asc");
	if (limit < f.n)
		buf_printf(&r->path, "/limit/%zu", limit);
	buf_str(&r->path, "/select/span_id/spans.csv");
	for (size_t w = 0; w < 4 && (r->r->n_wrong == 0 || !r->stop); w++)
		ask(r, &way_table[w], has_order(col->field), SIZE_MAX);
}

void
matrix_run(struct matrix *m, const char *field, size_t step, bool stop,
    struct matrix_result *out)
{
	struct run r = { .m = m, .r = out, .step = step, .stop = stop };

	*out = (struct matrix_result){ .n_cells = 0 };
	for (size_t i = 0; i < N_COLUMNS; i++) {
		if (field != NULL && strcmp(field, columns[i].field) != 0)
			continue;
		for (size_t k = 0; k < N_OPS && (out->n_wrong == 0 || !stop); k++)
			ask_op(&r, &columns[i], ops[k]);
		for (unsigned k = 0; k < 4 && (out->n_wrong == 0 || !stop); k++)
			(one_of_span(columns[i].field) ? ask_order : ask_part_order)(&r,
			    &columns[i], k % 2 != 0, k < 2 ? N_SPANS : 9);
	}
	buf_release(&r.path);
	buf_release(&r.got);
	buf_release(&r.want);
	buf_release(&r.plain);
}
