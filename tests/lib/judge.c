/* SPDX-License-Identifier: ISC */
/* judge: see judge.h. */
#include "lib/judge.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what fields yield ---- */

enum jtype { J_TEXT, J_NUMBER, J_REAL, J_BOOL, J_NULL, J_OTHER, J_LIST };

/* A value: of intrinsics texts, numbers; ids and enumerations have both a number and a text. */
struct jval {
	enum jtype type;
	char text[300];		/* TEXT; ids and enumerations: as files show them */
	size_t n;
	bool shown;		/* text holds it, though it is a number */
	__int128 i;		/* NUMBER, BOOL */
	double d;		/* REAL */
	const struct value *list;
};

struct jvals {
	struct jval v[8];
	size_t n;
};

static struct jval *
more(struct jvals *out)
{
	struct jval *v = &out->v[out->n++];

	if (out->n > sizeof out->v / sizeof *out->v)
		abort();
	memset(v, 0, sizeof *v);
	return v;
}

static void
yield_text(struct jvals *out, struct sv s, bool even_empty)
{
	struct jval *v;

	if (s.n == 0 && !even_empty)
		return;
	v = more(out);
	v->type = J_TEXT;
	v->n = s.n;
	if (s.n >= sizeof v->text)
		abort();
	if (s.n != 0)
		memcpy(v->text, s.p, s.n);
}

static void
yield_number(struct jvals *out, uint64_t u)
{
	struct jval *v = more(out);

	v->type = J_NUMBER;
	v->i = u;
}

static void
yield_shown(struct jvals *out, __int128 order, const char *text)
{
	struct jval *v = more(out);

	v->type = J_NUMBER;
	v->i = order;
	v->shown = true;
	v->n = strlen(text);
	memcpy(v->text, text, v->n);
}

static void
yield_id(struct jvals *out, uint64_t hi, uint64_t lo, bool wide)
{
	char text[40];

	if (wide)
		snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)hi,
		    (unsigned long long)lo);
	else
		snprintf(text, sizeof text, "%016llx", (unsigned long long)lo);
	/* In order of the bytes; ids of the tests are small. */
	yield_shown(out, (__int128)(hi & INT64_MAX) << 64 | lo, text);
}

static const char *const kinds[] = { "unspecified", "internal", "server", "client", "producer",
	"consumer" };
static const char *const states[] = { "unset", "ok", "error" };

static void
yield_word(struct jvals *out, int32_t v, const char *const *words, int n)
{
	char text[20];

	snprintf(text, sizeof text, "%d", (int)v);
	yield_shown(out, v, v >= 0 && v < n ? words[v] : text);
}

static void
one_value(struct jvals *out, const struct value *x)
{
	struct jval *v;

	switch (x->type) {
	case VAL_STRING:
		yield_text(out, x->s, true);
		return;
	case VAL_INT:
		v = more(out);
		v->type = J_NUMBER;
		v->i = x->i;
		return;
	case VAL_DOUBLE:
		v = more(out);
		v->type = J_REAL;
		v->d = x->d;
		return;
	case VAL_BOOL:
		v = more(out);
		v->type = J_BOOL;
		v->i = x->b;
		return;
	case VAL_EMPTY:
		more(out)->type = J_NULL;
		return;
	case VAL_ARRAY:
		v = more(out);
		v->type = J_LIST;
		v->list = x;
		return;
	case VAL_BYTES:
	case VAL_MAP:
		v = more(out);
		v->type = J_OTHER;
		v->list = x;
		return;
	}
}

static bool
yield_attr(struct jvals *out, const struct attrs *a, const char *key)
{
	for (uint32_t i = 0; i < a->n; i++)
		if (sv_is(a->v[i].key, key)) {
			one_value(out, &a->v[i].val);
			return true;
		}
	return false;
}

/* ---- traces ---- */

static bool
same_trace(const struct span *a, const struct span *b)
{
	return a->trace_id.hi == b->trace_id.hi && a->trace_id.lo == b->trace_id.lo;
}

/* The first span of its trace. */
static const struct span *
trace_begin(const struct judge *j, const struct span *s)
{
	while (s > j->spans && same_trace(s - 1, s))
		s--;
	return s;
}

/* The tests' traces have one root at most. */
static const struct span *
root_of(const struct judge *j, const struct span *s)
{
	const struct span *first = s, *x = trace_begin(j, s);

	for (; x < j->spans + j->n && same_trace(x, s); x++) {
		if (x->parent_span_id == 0)
			return x;
		if (x->start_ns < first->start_ns)
			first = x;
	}
	return first;
}

uint64_t
judge_trace_start(const struct judge *j, const struct span *s)
{
	return root_of(j, s)->start_ns;
}

struct jtrace {
	uint64_t first, last, spans, errors, children;
};

static struct jtrace
trace_of(const struct judge *j, const struct span *s)
{
	struct jtrace t = { UINT64_MAX, 0, 0, 0, 0 };
	const struct span *x = trace_begin(j, s);

	for (; x < j->spans + j->n && same_trace(x, s); x++) {
		t.first = x->start_ns < t.first ? x->start_ns : t.first;
		t.last = x->end_ns > t.last ? x->end_ns : t.last;
		t.spans++;
		t.errors += x->status == STATUS_ERROR;
		t.children += x->parent_span_id == s->span_id;
	}
	return t;
}

/* ---- trees ---- */

static uint64_t
over(const struct span *s)
{
	return s->end_ns > s->start_ns ? s->end_ns : s->start_ns;
}

/* The tests' ids are borne by one span each. */
static const struct span *
parent_of(const struct judge *j, const struct span *s)
{
	for (const struct span *x = trace_begin(j, s); x < j->spans + j->n && same_trace(x, s); x++)
		if (x->span_id == s->parent_span_id)
			return x;
	return NULL;
}

/* Of the span's time, from left to right, what a child covers. */
static uint64_t
covered(const struct judge *j, const struct span *s)
{
	uint64_t at = s->start_ns, sum = 0;

	for (;;) {
		uint64_t from = UINT64_MAX, to = 0;

		for (const struct span *x = trace_begin(j, s); x < j->spans + j->n &&
		    same_trace(x, s); x++) {
			uint64_t lo = x->start_ns > at ? x->start_ns : at;
			uint64_t hi = over(x) < over(s) ? over(x) : over(s);

			if (x->parent_span_id == s->span_id && hi > lo && lo < from) {
				from = lo;
				to = hi;
			}
		}
		if (from == UINT64_MAX)
			return sum;
		sum += to - from;
		at = to;
	}
}

/* ---- models ---- */

static const char *const inputs[] = { "gen_ai.usage.input_tokens", "llm.usage.prompt_tokens", NULL };
static const char *const outputs[] = { "gen_ai.usage.output_tokens", NULL };

static bool
yield_count(struct jvals *o, const struct span *s, const char *const *names)
{
	for (; *names != NULL; names++)
		for (uint32_t i = 0; i < s->attrs.n; i++)
			if (sv_is(s->attrs.v[i].key, *names) &&
			    s->attrs.v[i].val.type == VAL_INT && s->attrs.v[i].val.i >= 0) {
				yield_number(o, (uint64_t)s->attrs.v[i].val.i);
				return true;
			}
	return false;
}

static void
yield_score(struct jvals *o, const struct span *s, const char *key)
{
	for (uint32_t i = 0; i < s->n_events; i++)
		if (sv_is(s->events[i].name, "gen_ai.evaluation.result"))
			(void)yield_attr(o, &s->events[i].attrs, key);
}

/* ---- the table of fields ---- */

/* Which operators and which values a field takes. */
enum jclass { C_TEXT, C_ID, C_ENUM, C_COUNT, C_TIME, C_DURATION, C_ATTR };

#define GET(name) static void name(const struct judge *j, const struct span *s, struct jvals *o)

GET(get_service) { (void)j; yield_text(o, s->resource->service, true); }
GET(get_name) { (void)j; yield_text(o, s->name, true); }
GET(get_kind) { (void)j; yield_word(o, s->kind, kinds, 6); }
GET(get_status) { (void)j; yield_word(o, s->status, states, 3); }
GET(get_message) { (void)j; yield_text(o, s->status_message, false); }
GET(get_scope) { (void)j; yield_text(o, s->scope->name, false); }
GET(get_version) { (void)j; yield_text(o, s->scope->version, false); }
GET(get_trace_id) { (void)j; yield_id(o, s->trace_id.hi, s->trace_id.lo, true); }
GET(get_span_id) { (void)j; yield_id(o, 0, s->span_id, false); }
GET(get_parent) { (void)j; if (s->parent_span_id != 0) yield_id(o, 0, s->parent_span_id, false); }
GET(get_state) { (void)j; yield_text(o, s->trace_state, false); }
GET(get_flags) { (void)j; if (s->flags != 0) yield_number(o, s->flags); }
GET(get_start) { (void)j; yield_number(o, s->start_ns); }
GET(get_end) { (void)j; yield_number(o, s->end_ns); }
GET(get_duration)
{
	(void)j;
	yield_number(o, s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0);
}
GET(get_root_service) { yield_text(o, root_of(j, s)->resource->service, true); }
GET(get_root_name) { yield_text(o, root_of(j, s)->name, true); }
GET(get_trace_start) { yield_number(o, judge_trace_start(j, s)); }
GET(get_trace_duration)
{
	struct jtrace t = trace_of(j, s);

	yield_number(o, t.last > t.first ? t.last - t.first : 0);
}
GET(get_trace_spans) { yield_number(o, trace_of(j, s).spans); }
GET(get_trace_errors) { yield_number(o, trace_of(j, s).errors); }
GET(get_child_count) { yield_number(o, trace_of(j, s).children); }
GET(get_depth)
{
	uint64_t n = 0;

	for (const struct span *x = s; (x = parent_of(j, x)) != NULL;)
		n++;
	yield_number(o, n);
}
GET(get_self) { yield_number(o, (over(s) - s->start_ns) - covered(j, s)); }
GET(get_tokens_input) { (void)j; (void)yield_count(o, s, inputs); }
GET(get_tokens_output) { (void)j; (void)yield_count(o, s, outputs); }
GET(get_tokens_total)
{
	struct jvals in = { .n = 0 }, out = { .n = 0 };
	bool has = yield_count(&in, s, inputs);

	(void)j;
	if (yield_count(&out, s, outputs) || has)
		yield_number(o, (uint64_t)((in.n != 0 ? in.v[0].i : 0) +
		    (out.n != 0 ? out.v[0].i : 0)));
}
/* As matrix.c prices its models: input 2, from a cache 2, output 10. */
GET(get_cost)
{
	struct jvals in = { .n = 0 }, out = { .n = 0 }, model = { .n = 0 };
	bool has = yield_count(&in, s, inputs);
	struct value v = { .type = VAL_DOUBLE };

	(void)j;
	has |= yield_count(&out, s, outputs);
	if (!yield_attr(&model, &s->attrs, "gen_ai.request.model") || !has ||
	    model.v[0].text[0] != 'm')
		return;
	v.d = ((double)(in.n != 0 ? in.v[0].i : 0) * 2 +
	    (double)(out.n != 0 ? out.v[0].i : 0) * 10) / 1e6;
	one_value(o, &v);
}
GET(get_score_name) { (void)j; yield_score(o, s, "gen_ai.evaluation.name"); }
GET(get_score_value) { (void)j; yield_score(o, s, "gen_ai.evaluation.score.value"); }
GET(get_score_label) { (void)j; yield_score(o, s, "gen_ai.evaluation.score.label"); }
GET(get_event_name)
{
	(void)j;
	for (uint32_t i = 0; i < s->n_events; i++)
		yield_text(o, s->events[i].name, true);
}
GET(get_event_time)
{
	(void)j;
	for (uint32_t i = 0; i < s->n_events; i++)
		yield_number(o, s->events[i].time_ns);
}
GET(get_link_trace)
{
	(void)j;
	for (uint32_t i = 0; i < s->n_links; i++)
		yield_id(o, s->links[i].trace_id.hi, s->links[i].trace_id.lo, true);
}
GET(get_link_span)
{
	(void)j;
	for (uint32_t i = 0; i < s->n_links; i++)
		yield_id(o, 0, s->links[i].span_id, false);
}

static const struct jfield {
	const char *name;
	enum jclass cls;
	void (*get)(const struct judge *, const struct span *, struct jvals *);
} fields[] = {
	{ "service", C_TEXT, get_service }, { "name", C_TEXT, get_name },
	{ "kind", C_ENUM, get_kind }, { "status", C_ENUM, get_status },
	{ "status_message", C_TEXT, get_message }, { "scope", C_TEXT, get_scope },
	{ "scope_version", C_TEXT, get_version }, { "trace_id", C_ID, get_trace_id },
	{ "span_id", C_ID, get_span_id }, { "parent_span_id", C_ID, get_parent },
	{ "trace_state", C_TEXT, get_state }, { "flags", C_COUNT, get_flags },
	{ "start", C_TIME, get_start }, { "end", C_TIME, get_end },
	{ "duration", C_DURATION, get_duration }, { "root_service", C_TEXT, get_root_service },
	{ "root_name", C_TEXT, get_root_name }, { "trace_start", C_TIME, get_trace_start },
	{ "trace_duration", C_DURATION, get_trace_duration },
	{ "trace_spans", C_COUNT, get_trace_spans }, { "trace_errors", C_COUNT, get_trace_errors },
	{ "child_count", C_COUNT, get_child_count }, { "event:name", C_TEXT, get_event_name },
	{ "event:time", C_TIME, get_event_time }, { "link:trace_id", C_ID, get_link_trace },
	{ "link:span_id", C_ID, get_link_span },
	{ "depth", C_COUNT, get_depth }, { "self_duration", C_DURATION, get_self },
	{ "score:name", C_ATTR, get_score_name }, { "score:value", C_ATTR, get_score_value },
	{ "score:label", C_ATTR, get_score_label }, { "cost", C_ATTR, get_cost },
	{ "tokens:input", C_COUNT, get_tokens_input },
	{ "tokens:output", C_COUNT, get_tokens_output },
	{ "tokens:total", C_COUNT, get_tokens_total },
};

static const struct jfield *
field_of(const char *name)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static enum jclass
class_of(const char *field)
{
	const struct jfield *f = field_of(field);

	return f == NULL ? C_ATTR : f->cls;
}

static void
values_of(const struct judge *j, const char *name, const struct span *s, struct jvals *out)
{
	const struct jfield *f = field_of(name);
	const char *dot = strchr(name, '.');

	out->n = 0;
	if (f != NULL)
		f->get(j, s, out);
	else if (strncmp(name, "resource.", 9) == 0)
		(void)yield_attr(out, &s->resource->attrs, dot + 1);
	else if (strncmp(name, "span.", 5) == 0)
		(void)yield_attr(out, &s->attrs, dot + 1);
	else if (strncmp(name, "scope.", 6) == 0)
		(void)yield_attr(out, &s->scope->attrs, dot + 1);
	else if (strncmp(name, "event.", 6) == 0)
		for (uint32_t i = 0; i < s->n_events; i++)
			(void)yield_attr(out, &s->events[i].attrs, dot + 1);
	else if (strncmp(name, "link.", 5) == 0)
		for (uint32_t i = 0; i < s->n_links; i++)
			(void)yield_attr(out, &s->links[i].attrs, dot + 1);
	else if (!yield_attr(out, &s->attrs, name))
		(void)yield_attr(out, &s->resource->attrs, name);
}

/* ---- values that are typed ---- */

struct jlit {
	char text[300];
	size_t n;
	bool is_int, is_real;
	__int128 i;
	double d;
};

/* 2026-11-20T14:00:00Z, or a duration; else a number. -1: unreadable. */
static __int128
typed_number(enum jclass c, const char *text)
{
	static const struct { const char *unit; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 6e10 }, { "h", 3.6e12 },
	};
	char *end;
	double d;

	if (c == C_TIME) {
		unsigned y, mo, da, h, mi, sec, ns = 0;

		if (sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u.%9uZ", &y, &mo, &da, &h, &mi, &sec, &ns) < 6)
			return -1;
		/* All of the tests is in November 2026; its first day is day 20758. */
		return ((((__int128)20758 + da - 1) * 24 + h) * 60 + mi) * 60 * 1000000000 +
		    (__int128)sec * 1000000000 + ns;
	}
	d = strtod(text, &end);
	if (c != C_DURATION)
		return (__int128)strtoull(text, NULL, 10);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].unit) == 0)
			return (__int128)(d * units[i].ns);
	return -1;
}

static __int128
typed_word(const char *text, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return strtol(text, NULL, 10);
}

static struct jlit
literal(const char *field, const char *text, size_t n)
{
	enum jclass c = class_of(field);
	struct jlit l = { .n = n };
	char *end;

	if (n == 1 && text[0] == '%')
		l.n = 0;
	memcpy(l.text, text, l.n);
	if (l.n == 0)
		return l;
	if (c == C_ENUM) {
		l.i = strcmp(field, "kind") == 0 ? typed_word(l.text, kinds, 6) :
		    typed_word(l.text, states, 3);
	} else if (c == C_ID) {
		l.i = (__int128)strtoull(l.text + (l.n > 16 ? l.n - 16 : 0), NULL, 16);
		if (l.n > 16) {
			char high[17] = { 0 };

			memcpy(high, l.text, l.n - 16);
			l.i |= (__int128)strtoull(high, NULL, 16) << 64;
		}
	} else if (c == C_COUNT || c == C_TIME || c == C_DURATION) {
		l.i = typed_number(c, l.text);
	} else {
		long long v = strtoll(l.text, &end, 10);

		l.is_int = *end == '\0';
		l.i = v;
		l.d = strtod(l.text, &end);
		l.is_real = !l.is_int && *end == '\0';
	}
	return l;
}

/* ---- operators on one value ---- */

/* A number that is not NaN against a literal that is one; exact in the tests' range. */
static int
order_number(const struct jval *v, const struct jlit *l)
{
	if (v->type == J_NUMBER && (l->is_int || !l->is_real))
		return (v->i > l->i) - (v->i < l->i);
	if (v->type == J_NUMBER) {
		long double x = (long double)v->i, y = l->d;

		return (x > y) - (x < y);
	} else {
		long double x = v->d, y = l->is_int ? (long double)l->i : (long double)l->d;

		return (x > y) - (x < y);
	}
}

static int
order_text(const struct jval *v, const struct jlit *l)
{
	size_t n = v->n < l->n ? v->n : l->n;
	int c = memcmp(v->text, l->text, n);

	return c != 0 ? c : (v->n > l->n) - (v->n < l->n);
}

static bool
equal(enum jclass c, const struct jval *v, const struct jlit *l)
{
	switch (v->type) {
	case J_TEXT:
		return order_text(v, l) == 0;
	case J_BOOL:
		return v->i ? strcmp(l->text, "true") == 0 : strcmp(l->text, "false") == 0;
	case J_NUMBER:
		return (c != C_ATTR || l->is_int || l->is_real) && order_number(v, l) == 0;
	case J_REAL:
		return (l->is_int || l->is_real) && !isnan(v->d) && order_number(v, l) == 0;
	default:
		return false;
	}
}

/* Is it comparable at all? Then *o is the order. */
static bool
ordered(enum jclass c, const struct jval *v, const struct jlit *l, int *o)
{
	bool number = l->is_int || l->is_real;

	if (v->type == J_TEXT) {
		*o = order_text(v, l);
		return !number;
	}
	if (v->type != J_NUMBER && (v->type != J_REAL || isnan(v->d)))
		return false;
	*o = order_number(v, l);
	return c != C_ATTR || number;
}

/* The whole text; the pattern asked last is kept. */
static bool
pattern_holds(const char *pattern, const char *text)
{
	static char last[400];
	static regex_t re;
	char anchored[400];

	snprintf(anchored, sizeof anchored, "^(%s)$", pattern);
	if (strcmp(anchored, last) != 0) {
		if (last[0] != '\0')
			regfree(&re);
		if (regcomp(&re, anchored, REG_EXTENDED | REG_NOSUB) != 0)
			abort();
		memcpy(last, anchored, sizeof last);
	}
	return regexec(&re, text, 0, NULL, 0) == 0;
}

static bool
text_holds(const char *op, const struct jval *v, const struct jlit *l)
{
	if (v->type != J_TEXT && !v->shown)
		return false;
	if (strcmp(op, "contains") == 0)
		return memmem(v->text, v->n, l->text, l->n) != NULL;
	if (strcmp(op, "starts") == 0)
		return v->n >= l->n && memcmp(v->text, l->text, l->n) == 0;
	if (strcmp(op, "ends") == 0)
		return v->n >= l->n && memcmp(v->text + v->n - l->n, l->text, l->n) == 0;
	return l->n == 0 ? v->n == 0 : pattern_holds(l->text, v->text);
}

/* A positive operator on a value that is no list. */
static bool
scalar(enum jclass c, const char *op, const struct jval *v, const struct jlit *l, size_t n)
{
	int o = 0, o2 = 0;

	if (strcmp(op, "eq") == 0 || strcmp(op, "in") == 0) {
		for (size_t i = 0; i < n; i++)
			if (equal(c, v, &l[i]))
				return true;
		return false;
	}
	if (strcmp(op, "between") == 0)
		return ordered(c, v, &l[0], &o) && ordered(c, v, &l[1], &o2) && o >= 0 && o2 <= 0;
	if (strlen(op) == 2 && strcmp(op, "re") != 0) {
		if (!ordered(c, v, &l[0], &o))
			return false;
		return op[0] == 'l' ? o < (op[1] == 'e') : op[1] == 'e' ? o >= 0 : o > 0;
	}
	return text_holds(op, v, &l[0]);
}

static bool
positive(enum jclass c, const char *op, const struct jval *v, const struct jlit *l, size_t n)
{
	struct cursor at;
	struct value x;

	if (v->type != J_LIST)
		return scalar(c, op, v, l, n);
	at = cursor_new(v->list->s.p, v->list->s.n);
	while (value_array_next(&at, &x)) {
		struct jvals one = { .n = 0 };

		one_value(&one, &x);
		if (one.v[0].type != J_LIST && scalar(c, op, &one.v[0], l, n))
			return true;
	}
	return false;
}

static const struct {
	const char *op, *denies;
} negatives[] = {
	{ "ne", "eq" }, { "notin", "in" }, { "notcontains", "contains" }, { "nre", "re" },
};

static const char *
denied(const char *op)
{
	for (size_t i = 0; i < sizeof negatives / sizeof *negatives; i++)
		if (strcmp(negatives[i].op, op) == 0)
			return negatives[i].denies;
	return NULL;
}

/* ---- cells ---- */

static size_t
literals(const struct judge_cell *c, struct jlit *l, size_t most)
{
	bool list = strcmp(c->op, "in") == 0 || strcmp(c->op, "notin") == 0 ||
	    strcmp(c->op, "between") == 0;
	const char *p = c->value;
	size_t n = 0;

	while (n < most) {
		const char *end = list ? strchr(p, ',') : NULL;

		l[n++] = literal(c->field, p, end != NULL ? (size_t)(end - p) : strlen(p));
		if (end == NULL)
			break;
		p = end + 1;
	}
	return n;
}

bool
judge_holds(const struct judge *j, const struct judge_cell *c, const struct span *s)
{
	const char *op = c->op, *no = denied(op);
	enum jclass cls = class_of(c->field);
	struct jlit l[4];
	struct jvals v;
	bool yes = false;
	size_t n = strcmp(op, "has") == 0 ? 0 : literals(c, l, 4);

	values_of(j, c->field, s, &v);
	for (size_t i = 0; i < v.n && !yes; i++) {
		if (strcmp(op, "has") == 0)
			yes = true;
		else if (v.v[i].type == J_NULL)
			continue;
		else if (no != NULL)
			yes = !positive(cls, no, &v.v[i], l, n);
		else
			yes = positive(cls, op, &v.v[i], l, n);
	}
	return yes != c->not;
}

static bool
on_text(const char *op)
{
	return strcmp(op, "contains") == 0 || strcmp(op, "notcontains") == 0 ||
	    strcmp(op, "starts") == 0 || strcmp(op, "ends") == 0 || strcmp(op, "re") == 0 ||
	    strcmp(op, "nre") == 0;
}

/* One of the words of an enumeration, or a number. */
static bool
is_word(const char *field, const struct jlit *l)
{
	return l->i != 0 || strcmp(l->text, "0") == 0 ||
	    strcmp(l->text, strcmp(field, "kind") == 0 ? kinds[0] : states[0]) == 0;
}

static bool
on_order(const char *op)
{
	return strcmp(op, "between") == 0 || (strlen(op) == 2 && (op[0] == 'l' || op[0] == 'g'));
}

bool
judge_allows(const struct judge_cell *c)
{
	enum jclass cls = class_of(c->field);
	struct jlit l[4];
	size_t n;

	if (strcmp(c->op, "has") == 0)
		return true;
	n = literals(c, l, 4);
	if (strcmp(c->op, "between") == 0) {
		if (n != 2)
			return false;
		/* One is a number, the other a text: nothing lies between. */
		if ((l[0].is_int || l[0].is_real) != (l[1].is_int || l[1].is_real))
			return false;
	}
	switch (cls) {
	case C_ENUM:
		return !on_order(c->op) && (on_text(c->op) || (is_word(c->field, &l[0]) &&
		    is_word(c->field, &l[n - 1])));
	case C_COUNT:
	case C_TIME:
	case C_DURATION:
		return !on_text(c->op);
	case C_TEXT:
		return !on_order(c->op) || !(l[0].is_int || l[0].is_real);
	default:
		return true;
	}
}

/* ---- order ---- */

/* Numbers, texts, booleans, the rest, what is missing. */
static int
rank(const struct jvals *v)
{
	if (v->n == 0 || v->v[0].type == J_NULL)
		return 5;
	switch (v->v[0].type) {
	case J_NUMBER:
	case J_REAL:
		return 0;
	case J_TEXT:
		return 1;
	case J_BOOL:
		return 2;
	default:
		return 3;
	}
}

static int
order_first(const struct jval *a, const struct jval *b)
{
	long double x, y;
	struct jlit l;

	switch (a->type) {
	case J_TEXT:
		l = (struct jlit){ .n = b->n };
		memcpy(l.text, b->text, b->n);
		return order_text(a, &l);
	case J_NUMBER:
		if (b->type == J_NUMBER)
			return (a->i > b->i) - (a->i < b->i);
		/* FALLTHROUGH */
	case J_REAL:
		x = a->type == J_REAL ? (long double)a->d : (long double)a->i;
		y = b->type == J_REAL ? (long double)b->d : (long double)b->i;
		if (isnan(x) || isnan(y))
			return (isnan(x) != 0) - (isnan(y) != 0);
		return (x > y) - (x < y);
	case J_BOOL:
		return (a->i > b->i) - (a->i < b->i);
	default:
		return 0;
	}
}

int
judge_order(const struct judge *j, const char *field, bool desc, const struct span *s,
    const struct span *t)
{
	struct jvals a, b;
	int x, y, c;

	values_of(j, field, s, &a);
	values_of(j, field, t, &b);
	x = rank(&a);
	y = rank(&b);
	if (x == 5 || y == 5)
		return (x > y) - (x < y);
	c = x != y ? (x > y) - (x < y) : order_first(&a.v[0], &b.v[0]);
	return desc ? -c : c;
}
