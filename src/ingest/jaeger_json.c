/* SPDX-License-Identifier: ISC */
/*
 * jaeger_json: what Jaeger's query API and UI write, {"data":[TRACE, ...]}, a trace on its own,
 * and the documents that Jaeger keeps in Elasticsearch: a span each, its process inside it, all
 * values texts, with or without the hit around it.
 *
 * A trace names its processes by letters and lists them after its spans, so its object is read
 * twice: first for the processes, the spans passed over, then for the spans. A process becomes
 * a resource (hostname is host.name), a tag an attribute of its type, a log an event whose field
 * `event` is its name; the first CHILD_OF reference within the trace is the parent, all others
 * are links with opentracing.ref_type. Some tags mean more (tags_i.h). Times are microseconds.
 * A warning of Jaeger's is kept as the attribute jaeger.warnings.
 */
#include "jaeger_i.h"
#include "tags_i.h"

enum { T_ID, T_SPANS, T_PROCESSES };
static const struct json_name trace_names[] = {
	JSON_NAME("traceID", "traceID"),
	JSON_NAME("spans", "spans"),
	JSON_NAME("processes", "processes"),
};

enum { S_TRACE, S_SPAN, S_PARENT, S_FLAGS, S_NAME, S_REFERENCES, S_START, S_DURATION, S_TAGS,
    S_TAG, S_LOGS, S_PROCESS_ID, S_PROCESS, S_WARNINGS };
static const struct json_name span_names[] = {
	JSON_NAME("traceID", "traceID"),
	JSON_NAME("spanID", "spanID"),
	JSON_NAME("parentSpanID", "parentSpanID"),
	JSON_NAME("flags", "flags"),
	JSON_NAME("operationName", "operationName"),
	JSON_NAME("references", "references"),
	JSON_NAME("startTime", "startTime"),
	JSON_NAME("duration", "duration"),
	JSON_NAME("tags", "tags"),
	JSON_NAME("tag", "tag"),
	JSON_NAME("logs", "logs"),
	JSON_NAME("processID", "processID"),
	JSON_NAME("process", "process"),
	JSON_NAME("warnings", "warnings"),
};

enum { L_TIME, L_FIELDS };
static const struct json_name log_names[] = {
	JSON_NAME("timestamp", "timestamp"),
	JSON_NAME("fields", "fields"),
};

enum { R_TYPE, R_TRACE, R_SPAN };
static const struct json_name reference_names[] = {
	JSON_NAME("refType", "refType"),
	JSON_NAME("traceID", "traceID"),
	JSON_NAME("spanID", "spanID"),
};

static bool
micros(struct jaeger *jg, const char *what, uint64_t *ns)
{
	uint64_t us = 0;

	if (!otlp_json_u64(jg->o, what, &us))
		return false;
	*ns = tags_micros(jg->o, what, us);
	return true;
}

static bool
log_entry(struct jaeger *jg)
{
	struct otlp_json *o = jg->o;
	struct json_object obj = { false, 0 };
	struct event e = { .time_ns = 0 };
	const struct value *name;
	struct value taken;
	size_t mark = o->m.attrs.n;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a log");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, log_names, COUNT(log_names))) >= 0)
		ok = f == L_TIME ? micros(jg, "timestamp", &e.time_ns) :
		    jaeger_tags(jg, "fields", mark);
	if (!ok || f != JSON_END || !maker_attrs_end(&o->m, mark, &e.attrs))
		return false;
	name = attrs_find(&e.attrs, SV("event"));
	if (name != NULL && name->type == VAL_STRING &&
	    tags_take(&e.attrs, SV("event"), &taken))
		e.name = taken.s;
	return maker_event(&o->m, &e);
}

/* The attributes of links; one reference may be three bytes, and there may be many. */
static bool
ref_types(struct jaeger *jg)
{
	static const struct sv key = SV("opentracing.ref_type");

	if (jg->ref_types != NULL)
		return true;
	jg->ref_types = arena_alloc(&jg->o->m.batch->arena, 2 * sizeof *jg->ref_types);
	if (jg->ref_types == NULL)
		return maker_nomem(&jg->o->m);
	jg->ref_types[0] = (struct attr){ key, { .type = VAL_STRING, .s = SV("child_of") } };
	jg->ref_types[1] = (struct attr){ key, { .type = VAL_STRING, .s = SV("follows_from") } };
	return true;
}

/* A reference, as a link for now: its parent is chosen when all are there. */
static bool
reference(struct jaeger *jg)
{
	struct otlp_json *o = jg->o;
	struct json_object obj = { false, 0 };
	struct link l = { .span_id = 0 };
	struct sv type = SV_EMPTY;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a reference");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, reference_names,
	    COUNT(reference_names))) >= 0)
		ok = f == R_TYPE ? otlp_json_text(o, "refType", &type) :
		    f == R_TRACE ? json_trace_id(o, "traceID", true, &l.trace_id) :
		    json_span_id(o, "spanID", true, &l.span_id);
	if (!ok || f != JSON_END)
		return false;
	if (!ref_types(jg))
		return false;
	l.attrs = (struct attrs){ &jg->ref_types[sv_is(type, "FOLLOWS_FROM")], 1 };
	return maker_link(&o->m, &l);
}

/* The first CHILD_OF within the trace is the parent. */
static void
choose_parent(struct jaeger *jg)
{
	struct maker *m = &jg->o->m;

	for (size_t i = 0; i < m->links.n; i++) {
		const struct link *l = &m->links.v[i];

		if (!trace_id_eq(l->trace_id, m->span->trace_id) ||
		    !sv_is(l->attrs.v[0].val.s, "child_of"))
			continue;
		m->span->parent_span_id = l->span_id;
		m->links.n--;
		memmove(&m->links.v[i], &m->links.v[i + 1],
		    (m->links.n - i) * sizeof *m->links.v);
		return;
	}
}

static bool
list(struct jaeger *jg, const char *what, bool (*one)(struct jaeger *))
{
	bool begun = false;
	int r = otlp_json_open(jg->o, '[', what);

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&jg->o->j, &begun)) > 0)
		if (!one(jg))
			return false;
	return r == 0;
}

static bool
warnings(struct jaeger *jg)
{
	struct value v;

	if (!json_plain_value(jg->o, &v))
		return false;
	if (v.type != VAL_ARRAY || v.s.n == 0)
		return true;
	return maker_attr(&jg->o->m, 0, SV("jaeger.warnings"), &v);
}

/* What a span's members say that only fits together at its end. */
struct loose {
	uint64_t duration_ns;
	uint32_t flags;
	struct sv process_id;
	struct resource *process;
};

static bool
span_member(struct jaeger *jg, int field, struct loose *l)
{
	struct otlp_json *o = jg->o;
	struct span *s = o->m.span;

	switch (field) {
	case S_TRACE:
		return json_trace_id(o, "traceID", true, &s->trace_id);
	case S_SPAN:
		return json_span_id(o, "spanID", true, &s->span_id);
	case S_PARENT:
		return json_span_id(o, "parentSpanID", true, &s->parent_span_id);
	case S_FLAGS:
		return otlp_json_u32(o, "flags", &l->flags);
	case S_NAME:
		return otlp_json_text(o, "operationName", &s->name);
	case S_REFERENCES:
		return list(jg, "references", reference);
	case S_START:
		return micros(jg, "startTime", &s->start_ns);
	case S_DURATION:
		return micros(jg, "duration", &l->duration_ns);
	case S_TAGS:
		return jaeger_tags(jg, "tags", 0);
	case S_TAG:
		return json_plain_members(o, "tag", 0, '@');
	case S_LOGS:
		return list(jg, "logs", log_entry);
	case S_PROCESS_ID:
		return otlp_json_text(o, "processID", &l->process_id);
	case S_PROCESS:
		return jaeger_process(jg, &l->process);
	default:
		return warnings(jg);
	}
}

static bool
finish(struct jaeger *jg, const struct loose *l)
{
	struct otlp_json *o = jg->o;
	struct span *s = o->m.span;

	if (trace_id_zero(s->trace_id))
		s->trace_id = jg->trace_id;
	if (__builtin_add_overflow(s->start_ns, l->duration_ns, &s->end_ns))
		maker_complain(&o->m, "its end is out of range");
	s->flags = l->flags & 0xff;
	choose_parent(jg);
	if (l->process != NULL)
		s->resource = l->process;
	else if (l->process_id.n != 0 || jg->processes.n != 0) {
		s->resource = jaeger_find_process(jg, l->process_id);
		if (s->resource == NULL) {
			maker_complain(&o->m, "its process is not in the trace");
			s->resource = o->m.resource;
		}
	}
	return maker_attrs_end(&o->m, 0, &s->attrs) && tags_apply(o);
}

static bool
one_span(struct jaeger *jg)
{
	struct otlp_json *o = jg->o;
	struct json_object obj = { false, 0 };
	struct loose l = { 0 };
	bool ok = true;
	int f, r;

	if (!maker_span(&o->m))
		return false;
	o->j.repaired = false;
	r = otlp_json_open(o, '{', "the span");
	if (r <= 0)
		return r == 0 && maker_span_end(&o->m);
	while (ok && (f = json_member(&o->j, &obj, span_names, COUNT(span_names))) >= 0)
		ok = span_member(jg, f, &l);
	if (!ok || f != JSON_END || !finish(jg, &l))
		return false;
	o->m.repaired |= o->j.repaired;
	return maker_span_end(&o->m);
}

/* The trace's object but for its spans: how many lists of them it has, and where the last is. */
static bool
around_spans(struct jaeger *jg, const char **spans, unsigned *n_lists)
{
	struct otlp_json *o = jg->o;
	struct json_object obj = { false, 0 };
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a trace");

	*n_lists = 0;
	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, trace_names, COUNT(trace_names))) >= 0)
		switch (f) {
		case T_ID:
			ok = json_trace_id(o, "traceID", true, &jg->trace_id);
			break;
		case T_SPANS:
			*spans = (json_peek(&o->j), o->j.p);
			*n_lists += *n_lists < 2;
			ok = json_skip(&o->j);
			break;
		case T_PROCESSES:
			ok = jaeger_processes(jg);
			break;
		}
	return ok && f == JSON_END;
}

/* The spans of a trace whose key for them is doubled: nobody says that the last is meant. */
static bool
all_lists(struct jaeger *jg)
{
	struct otlp_json *o = jg->o;
	struct json_object obj = { false, 0 };
	bool ok = json_enter(&o->j, '{');
	int f = JSON_BROKEN;

	while (ok && (f = json_member(&o->j, &obj, trace_names, COUNT(trace_names))) >= 0)
		ok = f == T_SPANS ? list(jg, "spans", one_span) : json_skip(&o->j);
	return ok && f == JSON_END;
}

static bool
trace(struct jaeger *jg)
{
	struct otlp_json *o = jg->o;
	const char *begin = (json_peek(&o->j), o->j.p), *spans, *end;
	unsigned n_lists;

	map_release(&jg->processes);
	map_init(&jg->processes);
	jg->trace_id = (struct trace_id){ 0, 0 };
	if (!around_spans(jg, &spans, &n_lists))
		return false;
	if (n_lists == 0) {
		maker_broken(&o->m, "a trace without spans: not Jaeger's");
		return true;
	}
	end = o->j.p;
	o->j.p = n_lists == 1 ? spans : begin;
	if (!maker_resource(&o->m) || !maker_scope(&o->m) ||
	    !(n_lists == 1 ? list(jg, "spans", one_span) : all_lists(jg)))
		return false;
	o->j.p = end;
	return true;
}

bool
jaeger_json_answer(struct otlp_json *o)
{
	static const struct json_name names[] = { JSON_NAME("data", "data") };
	struct jaeger jg = { .o = o };
	struct json_object obj = { false, 0 };
	bool ok = json_enter(&o->j, '{');
	int f = JSON_BROKEN;

	map_init(&jg.processes);
	while (ok && (f = json_member(&o->j, &obj, names, 1)) >= 0)
		ok = list(&jg, "data", trace);
	map_release(&jg.processes);
	return ok && f == JSON_END;
}

bool
jaeger_json_trace(struct otlp_json *o)
{
	struct jaeger jg = { .o = o };
	bool ok;

	map_init(&jg.processes);
	ok = trace(&jg);
	map_release(&jg.processes);
	return ok;
}

static bool
document(struct jaeger *jg)
{
	return maker_resource(&jg->o->m) && maker_scope(&jg->o->m) && one_span(jg);
}

bool
jaeger_json_document(struct otlp_json *o)
{
	struct jaeger jg = { .o = o, .document = true };
	bool ok;

	map_init(&jg.processes);
	ok = document(&jg);
	map_release(&jg.processes);
	return ok;
}

static bool
hit(struct jaeger *jg)
{
	static const struct json_name names[] = { JSON_NAME("_source", "_source") };
	struct otlp_json *o = jg->o;
	struct json_object obj = { false, 0 };
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a hit");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, names, 1)) >= 0)
		ok = document(jg);
	return ok && f == JSON_END;
}

bool
jaeger_json_hit(struct otlp_json *o)
{
	struct jaeger jg = { .o = o, .document = true };
	bool ok;

	map_init(&jg.processes);
	ok = hit(&jg);
	map_release(&jg.processes);
	return ok;
}

/* {"hits":{"hits":[HIT, ...]}} */
bool
jaeger_json_hits(struct otlp_json *o)
{
	static const struct json_name names[] = { JSON_NAME("hits", "hits") };
	struct jaeger jg = { .o = o, .document = true };
	struct json_object outer = { false, 0 }, inner = { false, 0 };
	bool ok = json_enter(&o->j, '{');
	int f = JSON_BROKEN, g, r;

	map_init(&jg.processes);
	while (ok && (f = json_member(&o->j, &outer, names, 1)) >= 0) {
		if ((r = otlp_json_open(o, '{', "hits")) <= 0) {
			ok = r == 0;
			continue;
		}
		inner = (struct json_object){ false, 0 };
		while (ok && (g = json_member(&o->j, &inner, names, 1)) >= 0)
			ok = list(&jg, "hits", hit);
		ok = ok && g == JSON_END;
	}
	map_release(&jg.processes);
	return ok && f == JSON_END;
}
