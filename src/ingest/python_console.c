/* SPDX-License-Identifier: ISC */
/*
 * python_console: one span as the Python SDK's ConsoleSpanExporter prints it: attributes as
 * plain JSON, ids with 0x, times as RFC 3339, enumerations by their Python names, the trace
 * state as the repr() of its pairs. The scope is not printed. Before 1.13 the resource was its
 * attributes alone. A list of values in attributes is an array.
 */
#include "json_form_i.h"
#include "model/when.h"
#include "otlp_json_i.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof *(a)))

enum { S_NAME, S_CONTEXT, S_KIND, S_PARENT, S_START, S_END, S_STATUS, S_ATTRS, S_EVENTS, S_LINKS,
    S_RESOURCE };
static const struct json_name span_names[] = {
	JSON_NAME("name", "name"),
	JSON_NAME("context", "context"),
	JSON_NAME("kind", "kind"),
	JSON_NAME("parent_id", "parent_id"),
	JSON_NAME("start_time", "start_time"),
	JSON_NAME("end_time", "end_time"),
	JSON_NAME("status", "status"),
	JSON_NAME("attributes", "attributes"),
	JSON_NAME("events", "events"),
	JSON_NAME("links", "links"),
	JSON_NAME("resource", "resource"),
};

enum { C_TRACE, C_SPAN, C_STATE };
static const struct json_name context_names[] = {
	JSON_NAME("trace_id", "trace_id"),
	JSON_NAME("span_id", "span_id"),
	JSON_NAME("trace_state", "trace_state"),
};

enum { ST_CODE, ST_DESCRIPTION };
static const struct json_name status_names[] = {
	JSON_NAME("status_code", "canonical_code"),
	JSON_NAME("description", "description"),
};

enum { E_NAME, E_TIME, E_ATTRS };
static const struct json_name event_names[] = {
	JSON_NAME("name", "name"),
	JSON_NAME("timestamp", "timestamp"),
	JSON_NAME("attributes", "attributes"),
};

enum { L_CONTEXT, L_ATTRS };
static const struct json_name link_names[] = {
	JSON_NAME("context", "context"),
	JSON_NAME("attributes", "attributes"),
};

enum { R_ATTRS, R_SCHEMA };
static const struct json_name resource_names[] = {
	JSON_NAME("attributes", "attributes"),
	JSON_NAME("schema_url", "schema_url"),
};

static bool
read_time(struct otlp_json *o, const char *what, uint64_t *out)
{
	struct json_scalar t;
	struct when w;

	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_NULL)
		return true;
	if (t.type == JSON_STRING && when_parse(t.s, &w) && w.kind == WHEN_ABSOLUTE &&
	    w.ns >= 0 && w.ns <= UINT64_MAX)
		*out = (uint64_t)w.ns;
	else
		maker_complain(&o->m, "%s is not a time", what);
	return true;
}

/*
 * The pairs of a trace state out of the repr() of their list, "['{key=a, value=b}', ...]",
 * as the header has them: a=b,c=d.
 */
static bool
trace_state(struct otlp_json *o, struct sv s, struct sv *out)
{
	static const struct sv key = SV("{key="), value = SV(", value=");
	char *p = arena_alloc(&o->m.batch->arena, s.n + 1);
	size_t n = 0;
	int64_t at;

	if (p == NULL)
		return maker_nomem(&o->m);
	while ((at = sv_find(s, key)) >= 0) {
		int64_t eq, end;

		s = sv_sub(s, (size_t)at + key.n, s.n);
		eq = sv_find(s, value);
		end = sv_chr(s, '}');
		if (eq < 0 || end < eq)
			break;
		if (n != 0)
			p[n++] = ',';
		memcpy(p + n, s.p, (size_t)eq);
		n += (size_t)eq;
		p[n++] = '=';
		eq += (int64_t)value.n;
		if (end > eq)
			memcpy(p + n, s.p + eq, (size_t)(end - eq));
		n += (size_t)(end > eq ? end - eq : 0);
		s = sv_sub(s, (size_t)end, s.n);
	}
	*out = sv_new(p, n);
	return true;
}

static bool
context(struct otlp_json *o, struct trace_id *trace, uint64_t *span, struct sv *state)
{
	struct json_object obj = { false, 0 };
	struct sv text = SV_EMPTY;
	bool ok = true, repaired;
	int f, r = otlp_json_open(o, '{', "context");

	if (r <= 0)
		return r == 0;
	/* The 0x is this form's own: no repair. */
	repaired = o->m.repaired;
	while (ok && (f = json_member(&o->j, &obj, context_names, COUNT(context_names))) >= 0)
		ok = f == C_TRACE ? json_trace_id(o, "trace_id", false, trace) :
		    f == C_SPAN ? json_span_id(o, "span_id", false, span) :
		    otlp_json_text(o, "trace_state", &text);
	o->m.repaired = repaired;
	return ok && f == JSON_END && (text.n == 0 || trace_state(o, text, state));
}

static bool
status(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	struct span *s = o->m.span;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "status");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, status_names, COUNT(status_names))) >= 0)
		ok = f == ST_CODE ? otlp_json_enum(o, "status", json_status_word, &s->status) :
		    otlp_json_text(o, "description", &s->status_message);
	return ok && f == JSON_END;
}

static bool
event(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	struct event e = { .time_ns = 0 };
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "an event");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, event_names, COUNT(event_names))) >= 0)
		ok = f == E_NAME ? otlp_json_text(o, "name", &e.name) :
		    f == E_TIME ? read_time(o, "timestamp", &e.time_ns) :
		    json_plain_attrs(o, "attributes", &e.attrs);
	return ok && f == JSON_END && maker_event(&o->m, &e);
}

static bool
span_link(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	struct link l = { .span_id = 0 };
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a link");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, link_names, COUNT(link_names))) >= 0)
		ok = f == L_CONTEXT ? context(o, &l.trace_id, &l.span_id, &l.trace_state) :
		    json_plain_attrs(o, "attributes", &l.attrs);
	return ok && f == JSON_END && maker_link(&o->m, &l);
}

static bool
list(struct otlp_json *o, const char *what, bool (*one)(struct otlp_json *))
{
	bool begun = false;
	int r = otlp_json_open(o, '[', what);

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&o->j, &begun)) > 0)
		if (!one(o))
			return false;
	return r == 0;
}

/* {"attributes": {...}, "schema_url": ...}, or the attributes themselves. */
static bool
resource(struct otlp_json *o)
{
	struct resource *res = o->m.resource;
	struct json_object obj = { false, 0 };
	bool ok = true, nested = false;
	const char *start;
	int f, r;

	json_peek(&o->j);
	start = o->j.p;
	if ((r = otlp_json_open(o, '{', "resource")) <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, resource_names, COUNT(resource_names))) >= 0)
		if (f == R_ATTRS && json_peek(&o->j) == '{') {
			nested = true;
			ok = json_plain_attrs(o, "attributes", &res->attrs);
		} else
			ok = f == R_SCHEMA ? otlp_json_text(o, "schema_url", &res->schema_url) :
			    json_skip(&o->j);
	if (!ok || f != JSON_END)
		return false;
	if (!nested) {
		o->j.p = start;
		res->schema_url = SV_EMPTY;
		ok = json_plain_attrs(o, "resource", &res->attrs);
	}
	maker_resource_end(&o->m);
	return ok;
}

static bool
span_member(struct otlp_json *o, int field)
{
	struct span *s = o->m.span;
	bool repaired, ok;

	switch (field) {
	case S_NAME:
		return otlp_json_text(o, "name", &s->name);
	case S_CONTEXT:
		return context(o, &s->trace_id, &s->span_id, &s->trace_state);
	case S_KIND:
		return otlp_json_enum(o, "kind", json_kind_word, &s->kind);
	case S_PARENT:
		repaired = o->m.repaired;
		ok = json_span_id(o, "parent_id", false, &s->parent_span_id);
		o->m.repaired = repaired;
		return ok;
	case S_START:
		return read_time(o, "start_time", &s->start_ns);
	case S_END:
		return read_time(o, "end_time", &s->end_ns);
	case S_STATUS:
		return status(o);
	case S_ATTRS:
		return json_plain_attrs(o, "attributes", &s->attrs);
	case S_EVENTS:
		o->m.events.n = 0;
		return list(o, "events", event);
	case S_LINKS:
		o->m.links.n = 0;
		return list(o, "links", span_link);
	default:
		return resource(o);
	}
}

bool
python_console_span(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	bool ok = json_enter(&o->j, '{');
	int f = JSON_BROKEN;

	if (!ok || !maker_resource(&o->m) || !maker_scope(&o->m) || !maker_span(&o->m))
		return false;
	o->j.repaired = false;
	while (ok && (f = json_member(&o->j, &obj, span_names, COUNT(span_names))) >= 0)
		ok = span_member(o, f);
	if (!ok || f != JSON_END)
		return false;
	o->m.repaired |= o->j.repaired;
	return maker_span_end(&o->m);
}
