/* SPDX-License-Identifier: ISC */
/*
 * otlp_proto: one OTLP protobuf request into spans. A function a message, each a loop over
 * its fields, which may come in any order, more than once (scalars: the last wins; messages
 * and lists: joined) and with strangers between them (skipped). A known field of the wrong
 * wire type is a stranger too, and counts as a repair.
 *
 * A ResourceSpans is read twice, first for what its spans share, since that may come after
 * them; so is a ScopeSpans. Lengths keep damage local: malformed bytes inside a span cost
 * the span, inside a ScopeSpans what follows in it, and so on outwards.
 * Functions return false only for want of memory.
 */
#include "otlp_proto_i.h"

/* A field of OTLP before 0.19, with messages of the same shape as ScopeSpans. */
#define INSTRUMENTATION_LIBRARY_SPANS 1000

/* After a loop over a message that holds spans: what follows in it is lost if malformed. */
static void
check_outer(struct otlp_proto *o, const struct wire *w, const char *what)
{
	if (w->why != NULL)
		maker_broken(&o->m, "byte %zu: %s in %s; what follows in it is lost",
		    offset(o, w), w->why, what);
}

static bool
entity_ref(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;
	struct sv schema = SV_EMPTY, type = SV_EMPTY;
	size_t mark = o->m.attrs.n;

	while (wire_next(&w, &f))
		switch (f.num) {
		case 1:
			text(o, &f, &schema);
			break;
		case 2:
			text(o, &f, &type);
			break;
		case ENTITY_ID_KEY:
		case ENTITY_DESCRIPTION_KEY:
			text(o, &f, &f.s);
			if (f.type == WIRE_BYTES &&
			    !maker_entity_key(&o->m, mark, f.s, (int64_t)f.num))
				return false;
		}
	check_inner(o, &w, "an entity reference");
	return maker_pack_entity(&o->m, mark, schema, type);
}

/* One more part of a Resource: attributes from mark, entity references in pack. */
static bool
resource(struct otlp_proto *o, struct sv s, size_t mark)
{
	struct wire w = wire_new(s);
	struct wire_field f;

	while (wire_next(&w, &f))
		switch (f.num) {
		case 1:
			if (!otlp_proto_attribute(o, &f, mark))
				return false;
			break;
		case 2:
			number32(o, &f, WIRE_VARINT, &o->m.resource->dropped_attrs);
			break;
		case 3:
			if (is(o, &f, WIRE_BYTES) && !entity_ref(o, f.s))
				return false;
		}
	check_inner(o, &w, "a resource");
	return true;
}

static bool
scope(struct otlp_proto *o, struct sv s, size_t mark)
{
	struct wire w = wire_new(s);
	struct wire_field f;
	struct scope *sc = o->m.scope;

	while (wire_next(&w, &f))
		switch (f.num) {
		case 1:
			text(o, &f, &sc->name);
			break;
		case 2:
			text(o, &f, &sc->version);
			break;
		case 3:
			if (!otlp_proto_attribute(o, &f, mark))
				return false;
			break;
		case 4:
			number32(o, &f, WIRE_VARINT, &sc->dropped_attrs);
		}
	check_inner(o, &w, "a scope");
	return true;
}

/* Reads an id's `n` bytes; hand-written exporters put the hex digits there instead. */
static bool
read_id(struct otlp_proto *o, const struct wire_field *f, const char *what, size_t n,
    uint8_t *out)
{
	struct trace_id id = { 0, 0 };

	if (!is(o, f, WIRE_BYTES))
		return false;
	memset(out, 0, n);
	if (f->s.n == 0)
		return true;
	if (f->s.n == n) {
		memcpy(out, f->s.p, n);
		return true;
	}
	if (f->s.n == 2 * n && (n == 16 ? trace_id_parse(f->s, &id)
	    : span_id_parse(f->s, &id.hi))) {
		span_id_to_bytes(id.hi, out);
		if (n == 16)
			span_id_to_bytes(id.lo, out + 8);
		o->m.repaired = true;
		return true;
	}
	maker_complain(&o->m, "%s has %zu bytes and not %zu", what, f->s.n, n);
	return false;
}

static void
trace_id(struct otlp_proto *o, const struct wire_field *f, struct trace_id *out)
{
	uint8_t raw[16];

	if (read_id(o, f, "trace_id", 16, raw))
		*out = trace_id_from_bytes(raw);
}

static void
span_id(struct otlp_proto *o, const struct wire_field *f, const char *what, uint64_t *out)
{
	uint8_t raw[8];

	if (read_id(o, f, what, 8, raw))
		*out = span_id_from_bytes(raw);
}

static bool
event(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;
	struct event e = { .time_ns = 0 };
	size_t mark = o->m.attrs.n;

	while (wire_next(&w, &f))
		switch (f.num) {
		case 1:
			number(o, &f, WIRE_FIXED64, &e.time_ns);
			break;
		case 2:
			text(o, &f, &e.name);
			break;
		case 3:
			if (!otlp_proto_attribute(o, &f, mark))
				return false;
			break;
		case 4:
			number32(o, &f, WIRE_VARINT, &e.dropped_attrs);
		}
	check_inner(o, &w, "an event");
	return maker_attrs_end(&o->m, mark, &e.attrs) && maker_event(&o->m, &e);
}

static bool
span_link(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;
	struct link l = { .span_id = 0 };
	size_t mark = o->m.attrs.n;

	while (wire_next(&w, &f))
		switch (f.num) {
		case 1:
			trace_id(o, &f, &l.trace_id);
			break;
		case 2:
			span_id(o, &f, "span_id", &l.span_id);
			break;
		case 3:
			text(o, &f, &l.trace_state);
			break;
		case 4:
			if (!otlp_proto_attribute(o, &f, mark))
				return false;
			break;
		case 5:
			number32(o, &f, WIRE_VARINT, &l.dropped_attrs);
			break;
		case 6:
			number32(o, &f, WIRE_FIXED32, &l.flags);
		}
	check_inner(o, &w, "a link");
	return maker_attrs_end(&o->m, mark, &l.attrs) && maker_link(&o->m, &l);
}

static void
status(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;

	while (wire_next(&w, &f)) {
		if (f.num == 2)
			text(o, &f, &o->m.span->status_message);
		else if (f.num == 3)
			number32(o, &f, WIRE_VARINT, (uint32_t *)&o->m.span->status);
	}
	check_inner(o, &w, "a status");
}

static bool
span_field(struct otlp_proto *o, const struct wire_field *f)
{
	struct span *s = o->m.span;

	switch (f->num) {
	case 1:
		trace_id(o, f, &s->trace_id);
		return true;
	case 2:
		span_id(o, f, "span_id", &s->span_id);
		return true;
	case 3:
		text(o, f, &s->trace_state);
		return true;
	case 4:
		span_id(o, f, "parent_span_id", &s->parent_span_id);
		return true;
	case 5:
		text(o, f, &s->name);
		return true;
	case 6:
		number32(o, f, WIRE_VARINT, (uint32_t *)&s->kind);
		return true;
	case 7:
		number(o, f, WIRE_FIXED64, &s->start_ns);
		return true;
	case 8:
		number(o, f, WIRE_FIXED64, &s->end_ns);
		return true;
	case 9:
		return otlp_proto_attribute(o, f, 0);
	case 10:
		number32(o, f, WIRE_VARINT, &s->dropped_attrs);
		return true;
	case 11:
		return !is(o, f, WIRE_BYTES) || event(o, f->s);
	case 12:
		number32(o, f, WIRE_VARINT, &s->dropped_events);
		return true;
	case 13:
		return !is(o, f, WIRE_BYTES) || span_link(o, f->s);
	case 14:
		number32(o, f, WIRE_VARINT, &s->dropped_links);
		return true;
	case 15:
		if (is(o, f, WIRE_BYTES))
			status(o, f->s);
		return true;
	case 16:
		number32(o, f, WIRE_FIXED32, &s->flags);
		return true;
	}
	return true;
}

static bool
span(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;

	if (!maker_span(&o->m))
		return false;
	while (wire_next(&w, &f))
		if (!span_field(o, &f))
			return false;
	check_inner(o, &w, "the span");
	return maker_attrs_end(&o->m, 0, &o->m.span->attrs) && maker_span_end(&o->m);
}

static bool
scope_spans(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;
	size_t mark = o->m.attrs.n;

	if (!maker_scope(&o->m))
		return false;
	while (wire_next(&w, &f)) {
		if (f.num == 1 && is(o, &f, WIRE_BYTES) && !scope(o, f.s, mark))
			return false;
		if (f.num == 3)
			text(o, &f, &o->m.scope->schema_url);
	}
	if (!maker_attrs_end(&o->m, mark, &o->m.scope->attrs))
		return false;
	for (w = wire_new(s); wire_next(&w, &f); )
		if (f.num == 2 && is(o, &f, WIRE_BYTES) && !span(o, f.s))
			return false;
	check_outer(o, &w, "a ScopeSpans");
	return true;
}

/* What the spans share; the parts of a split Resource are joined. */
static bool
shared_resource(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;
	struct resource *r = o->m.resource;
	struct value refs = { .type = VAL_ARRAY };
	size_t mark = o->m.attrs.n, start = o->m.pack.n;

	while (wire_next(&w, &f)) {
		if (f.num == 1 && is(o, &f, WIRE_BYTES) && !resource(o, f.s, mark))
			return false;
		if (f.num == 3)
			text(o, &f, &r->schema_url);
	}
	if (o->m.pack.n > start) {
		if (!maker_take(&o->m, start, &refs))
			return false;
		r->entity_refs = refs;
	}
	if (!maker_attrs_end(&o->m, mark, &r->attrs))
		return false;
	maker_resource_end(&o->m);
	return true;
}

static bool
resource_spans(struct otlp_proto *o, struct sv s)
{
	struct wire w = wire_new(s);
	struct wire_field f;

	if (!maker_resource(&o->m) || !shared_resource(o, s))
		return false;
	while (wire_next(&w, &f))
		if ((f.num == 2 || f.num == INSTRUMENTATION_LIBRARY_SPANS) &&
		    is(o, &f, WIRE_BYTES) && !scope_spans(o, f.s))
			return false;
	check_outer(o, &w, "a ResourceSpans");
	return true;
}

/* The first field `num` with bytes in a message. */
static bool
first(struct sv s, uint32_t num, struct sv *out)
{
	struct wire w = wire_new(s);
	struct wire_field f;

	while (wire_next(&w, &f))
		if (f.num == num && f.type == WIRE_BYTES) {
			*out = f.s;
			return true;
		}
	return false;
}

/*
 * Requests of the other signals have the same outer layers, so what tells them is their
 * innermost message: a span has two ids of known length or two times in fields 7 and 8; a
 * log record, metric or profile has something else in those places.
 */
static bool
is_foreign(struct sv body)
{
	struct sv s = body;
	struct wire w;
	struct wire_field f;
	bool trace = false, parent = false, time = false, other = false;

	if (!first(s, 1, &s) || !first(s, 2, &s) || !first(s, 2, &s))
		return false;
	for (w = wire_new(s); wire_next(&w, &f); ) {
		bool bytes = f.type == WIRE_BYTES, fixed = f.type == WIRE_FIXED64;

		trace |= f.num == 1 && bytes && (f.s.n == 16 || f.s.n == 32);
		parent |= f.num == 2 && bytes && (f.s.n == 8 || f.s.n == 16);
		time |= (f.num == 7 || f.num == 8) && fixed;
		/* a log's times, a profile's time, a log's severity, a metric's data */
		other |= (f.num == 1 || f.num == 3 || f.num == 11) && fixed;
		other |= f.num == 2 && f.type == WIRE_VARINT;
		other |= (f.num == 5 || f.num == 7 || f.num == 9 || f.num == 10 ||
		    f.num == 11) && bytes;
	}
	return other && !time && !(trace && parent);
}

static bool
request(struct otlp_proto *o)
{
	struct wire w = wire_new(o->body);
	struct wire_field f;
	bool seen = false;

	while (wire_next(&w, &f))
		if (f.num == 1 && f.type == WIRE_BYTES) {
			seen = true;
			if (!resource_spans(o, f.s))
				return false;
		}
	if (w.why != NULL)
		check_outer(o, &w, "the request");
	else if (!seen && o->body.n != 0)
		maker_broken(&o->m, "a message without ResourceSpans: not OTLP");
	return true;
}

int
otlp_proto_parse(struct sv body, uint64_t line, struct span_batch *batch,
    struct ingest_result *result, struct err *err)
{
	struct otlp_proto o;
	bool ok = true;

	o.body = body;
	maker_init(&o.m, batch, result, line, body.n);
	if (is_foreign(body))
		result->n_foreign++;
	else
		ok = request(&o);
	maker_span_drop(&o.m);
	maker_release(&o.m);
	return ok && !o.m.nomem ? 0 : err_nomem(err);
}
