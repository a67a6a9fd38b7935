/* SPDX-License-Identifier: ISC */
/*
 * otlp_json: one OTLP JSON request into spans. A function a message, each a loop over the
 * message's members in whatever order they come; names and their usual order are tables.
 *
 * Taken: what the specification says and what the Collector reads besides: snake_case, enum
 * names, numbers as strings and the reverse, null for absent, unknown members. Also ids with
 * 0x, dashes or in base64, short words for kinds and status, instrumentationLibrarySpans,
 * Tempo's "batches" and "trace", Jaeger's "result", a bare ResourceSpans as the request, and
 * several requests one after the other.
 * Doubled members: scalars and attribute lists, the last wins; lists of resources, scopes
 * and spans are joined, since spans are never dropped in silence.
 *
 * A value that can't be taken costs its span (maker_complain), a breach of JSON's structure
 * costs the rest of the record: functions return false and everything unwinds.
 */
#include "otlp_json_i.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof *(a)))

enum { ROOT_SPANS, ROOT_BATCHES, ROOT_TRACE, ROOT_RESULT, ROOT_METRICS, ROOT_LOGS, ROOT_PROFILES,
    ROOT_RESOURCE, ROOT_SCOPES, ROOT_LIBRARIES };
static const struct json_name root_names[] = {
	JSON_NAME("resourceSpans", "resource_spans"),
	JSON_NAME("batches", "batches"),
	JSON_NAME("trace", "trace"),
	JSON_NAME("result", "result"),
	JSON_NAME("resourceMetrics", "resource_metrics"),
	JSON_NAME("resourceLogs", "resource_logs"),
	JSON_NAME("resourceProfiles", "resource_profiles"),
	JSON_NAME("resource", "resource"),
	JSON_NAME("scopeSpans", "scope_spans"),
	JSON_NAME("instrumentationLibrarySpans", "instrumentation_library_spans"),
};

enum { RS_RESOURCE, RS_SCOPES, RS_LIBRARIES, RS_SCHEMA };
static const struct json_name resource_spans_names[] = {
	JSON_NAME("resource", "resource"),
	JSON_NAME("scopeSpans", "scope_spans"),
	JSON_NAME("instrumentationLibrarySpans", "instrumentation_library_spans"),
	JSON_NAME("schemaUrl", "schema_url"),
};

enum { SS_SCOPE, SS_LIBRARY, SS_SPANS, SS_SCHEMA };
static const struct json_name scope_spans_names[] = {
	JSON_NAME("scope", "scope"),
	JSON_NAME("instrumentationLibrary", "instrumentation_library"),
	JSON_NAME("spans", "spans"),
	JSON_NAME("schemaUrl", "schema_url"),
};

enum { S_TRACE, S_SPAN, S_STATE, S_PARENT, S_FLAGS, S_NAME, S_KIND, S_START, S_END, S_ATTRS,
    S_DROPPED_ATTRS, S_EVENTS, S_DROPPED_EVENTS, S_LINKS, S_DROPPED_LINKS, S_STATUS };
static const struct json_name span_names[] = {
	JSON_NAME("traceId", "trace_id"),
	JSON_NAME("spanId", "span_id"),
	JSON_NAME("traceState", "trace_state"),
	JSON_NAME("parentSpanId", "parent_span_id"),
	JSON_NAME("flags", "flags"),
	JSON_NAME("name", "name"),
	JSON_NAME("kind", "kind"),
	JSON_NAME("startTimeUnixNano", "start_time_unix_nano"),
	JSON_NAME("endTimeUnixNano", "end_time_unix_nano"),
	JSON_NAME("attributes", "attributes"),
	JSON_NAME("droppedAttributesCount", "dropped_attributes_count"),
	JSON_NAME("events", "events"),
	JSON_NAME("droppedEventsCount", "dropped_events_count"),
	JSON_NAME("links", "links"),
	JSON_NAME("droppedLinksCount", "dropped_links_count"),
	JSON_NAME("status", "status"),
};

enum { EV_TIME, EV_NAME, EV_ATTRS, EV_DROPPED };
static const struct json_name event_names[] = {
	JSON_NAME("timeUnixNano", "time_unix_nano"),
	JSON_NAME("name", "name"),
	JSON_NAME("attributes", "attributes"),
	JSON_NAME("droppedAttributesCount", "dropped_attributes_count"),
};

enum { L_TRACE, L_SPAN, L_STATE, L_ATTRS, L_DROPPED, L_FLAGS };
static const struct json_name link_names[] = {
	JSON_NAME("traceId", "trace_id"),
	JSON_NAME("spanId", "span_id"),
	JSON_NAME("traceState", "trace_state"),
	JSON_NAME("attributes", "attributes"),
	JSON_NAME("droppedAttributesCount", "dropped_attributes_count"),
	JSON_NAME("flags", "flags"),
};

enum { ST_MESSAGE, ST_CODE };
static const struct json_name status_names[] = {
	JSON_NAME("message", "message"),
	JSON_NAME("code", "code"),
};

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
		switch (f) {
		case EV_TIME:
			ok = otlp_json_u64(o, "timeUnixNano", &e.time_ns);
			break;
		case EV_NAME:
			ok = otlp_json_text(o, "name", &e.name);
			break;
		case EV_ATTRS:
			ok = otlp_json_attrs(o, &e.attrs);
			break;
		case EV_DROPPED:
			ok = otlp_json_u32(o, "droppedAttributesCount", &e.dropped_attrs);
			break;
		}
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
		switch (f) {
		case L_TRACE:
			ok = json_trace_id(o, "traceId", false, &l.trace_id);
			break;
		case L_SPAN:
			ok = json_span_id(o, "spanId", false, &l.span_id);
			break;
		case L_STATE:
			ok = otlp_json_text(o, "traceState", &l.trace_state);
			break;
		case L_ATTRS:
			ok = otlp_json_attrs(o, &l.attrs);
			break;
		case L_DROPPED:
			ok = otlp_json_u32(o, "droppedAttributesCount", &l.dropped_attrs);
			break;
		case L_FLAGS:
			ok = otlp_json_u32(o, "flags", &l.flags);
			break;
		}
	return ok && f == JSON_END && maker_link(&o->m, &l);
}

static bool
status(struct otlp_json *o, struct span *s)
{
	struct json_object obj = { false, 0 };
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "status");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, status_names, COUNT(status_names))) >= 0)
		switch (f) {
		case ST_MESSAGE:
			ok = otlp_json_text(o, "message", &s->status_message);
			break;
		case ST_CODE:
			ok = otlp_json_enum(o, "status code", json_status_word, &s->status);
			break;
		}
	return ok && f == JSON_END;
}

/* Events or links: each by `one`. A doubled list starts anew. */
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

static bool
span_member(struct otlp_json *o, int field)
{
	struct span *s = o->m.span;

	switch (field) {
	case S_TRACE:
		return json_trace_id(o, "traceId", false, &s->trace_id);
	case S_SPAN:
		return json_span_id(o, "spanId", false, &s->span_id);
	case S_STATE:
		return otlp_json_text(o, "traceState", &s->trace_state);
	case S_PARENT:
		return json_span_id(o, "parentSpanId", false, &s->parent_span_id);
	case S_FLAGS:
		return otlp_json_u32(o, "flags", &s->flags);
	case S_NAME:
		return otlp_json_text(o, "name", &s->name);
	case S_KIND:
		return otlp_json_enum(o, "kind", json_kind_word, &s->kind);
	case S_START:
		return otlp_json_u64(o, "startTimeUnixNano", &s->start_ns);
	case S_END:
		return otlp_json_u64(o, "endTimeUnixNano", &s->end_ns);
	case S_ATTRS:
		return otlp_json_attrs(o, &s->attrs);
	case S_DROPPED_ATTRS:
		return otlp_json_u32(o, "droppedAttributesCount", &s->dropped_attrs);
	case S_EVENTS:
		o->m.events.n = 0;
		return list(o, "events", event);
	case S_DROPPED_EVENTS:
		return otlp_json_u32(o, "droppedEventsCount", &s->dropped_events);
	case S_LINKS:
		o->m.links.n = 0;
		return list(o, "links", span_link);
	case S_DROPPED_LINKS:
		return otlp_json_u32(o, "droppedLinksCount", &s->dropped_links);
	default:
		return status(o, s);
	}
}

static bool
span(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	bool ok = true;
	int f, r;

	if (!maker_span(&o->m))
		return false;
	o->j.repaired = false;
	r = otlp_json_open(o, '{', "the span");
	if (r < 0)
		return false;
	if (r == 0)
		return maker_span_end(&o->m);
	while (ok && (f = json_member(&o->j, &obj, span_names, COUNT(span_names))) >= 0)
		ok = span_member(o, f);
	if (!ok || f != JSON_END)
		return false;
	o->m.repaired |= o->j.repaired;
	return maker_span_end(&o->m);
}

static bool
scope_spans(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	struct scope *sc;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "an element of scopeSpans");

	if (r <= 0)
		return r == 0;
	if (!maker_scope(&o->m))
		return false;
	sc = o->m.scope;
	while (ok && (f = json_member(&o->j, &obj, scope_spans_names,
	    COUNT(scope_spans_names))) >= 0)
		switch (f) {
		case SS_SCOPE:
		case SS_LIBRARY:
			ok = otlp_json_scope(o, sc);
			break;
		case SS_SPANS:
			ok = list(o, "spans", span);
			break;
		case SS_SCHEMA:
			ok = otlp_json_text(o, "schemaUrl", &sc->schema_url);
			break;
		}
	return ok && f == JSON_END;
}

/*
 * A ResourceSpans, its opening brace already read. The spans share its resource by pointer,
 * so that it may as well come after them, and is filled in however this ends.
 */
static bool
resource_spans_rest(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	struct resource *res;
	bool ok = true;
	int f = JSON_BROKEN;

	if (!maker_resource(&o->m))
		return false;
	res = o->m.resource;
	while (ok && (f = json_member(&o->j, &obj, resource_spans_names,
	    COUNT(resource_spans_names))) >= 0)
		switch (f) {
		case RS_RESOURCE:
			ok = otlp_json_resource(o, res);
			break;
		case RS_SCOPES:
		case RS_LIBRARIES:
			ok = list(o, "scopeSpans", scope_spans);
			break;
		case RS_SCHEMA:
			ok = otlp_json_text(o, "schemaUrl", &res->schema_url);
			break;
		}
	maker_resource_end(&o->m);
	return ok && f == JSON_END;
}

static bool
resource_spans(struct otlp_json *o)
{
	int r = otlp_json_open(o, '{', "an element of resourceSpans");

	return r <= 0 ? r == 0 : resource_spans_rest(o);
}

/* What a top-level object turned out to be. */
struct root {
	bool spans, foreign;
};

static bool
root_object(struct otlp_json *o, struct root *seen, bool inner)
{
	struct json_object obj = { false, 0 };
	const char *start;
	int f;

	if (!json_enter(&o->j, '{'))
		return false;
	start = o->j.p;
	while ((f = json_member(&o->j, &obj, root_names, COUNT(root_names))) >= 0)
		switch (f) {
		case ROOT_SPANS:
		case ROOT_BATCHES:
			seen->spans = true;
			if (!list(o, "resourceSpans", resource_spans))
				return false;
			break;
		case ROOT_TRACE:
		case ROOT_RESULT:
			if (inner || json_peek(&o->j) != '{' ? !json_skip(&o->j)
			    : !root_object(o, seen, true))
				return false;
			break;
		case ROOT_RESOURCE:
		case ROOT_SCOPES:
		case ROOT_LIBRARIES:
			/* Some loggers write each ResourceSpans as a line of its own. */
			seen->spans = true;
			o->j.p = start;
			return resource_spans_rest(o);
		default:
			seen->foreign = true;
			if (!json_skip(&o->j))
				return false;
		}
	if (!obj.begun && !inner)
		seen->spans = true;	/* {} is an empty request */
	return f == JSON_END;
}

bool
otlp_json_object(struct otlp_json *o)
{
	struct root seen = { false, false };
	char c = json_peek(&o->j);

	if (c != '{') {
		maker_broken(&o->m, "byte %zu: not a JSON object",
		    (size_t)(o->j.p - o->j.body));
		return false;
	}
	if (!root_object(o, &seen, false)) {
		if (o->j.why != NULL)
			maker_broken(&o->m, "byte %zu: %s; what follows is lost",
			    (size_t)(o->j.p - o->j.body), o->j.why);
		return false;
	}
	if (!seen.spans && seen.foreign)
		o->m.result->n_foreign++;
	else if (!seen.spans)
		maker_broken(&o->m, "an object without resourceSpans: not OTLP");
	return true;
}

int
otlp_json_parse(struct sv body, uint64_t line, struct span_batch *batch,
    struct ingest_result *result, struct err *err)
{
	struct otlp_json o;
	bool nomem;

	if (body.n >= 3 && memcmp(body.p, "\xef\xbb\xbf", 3) == 0)
		body = sv_sub(body, 3, body.n);
	maker_init(&o.m, batch, result, line, body.n);
	json_init(&o.j, body, &batch->arena);
	while (json_peek(&o.j), o.j.p < o.j.end)
		if (!otlp_json_object(&o))
			break;
	maker_span_drop(&o.m);
	result->n_mended += o.j.n_mended;
	nomem = o.m.nomem || o.j.nomem;
	maker_release(&o.m);
	return nomem ? err_nomem(err) : 0;
}
