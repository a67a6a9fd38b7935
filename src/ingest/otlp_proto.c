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
 * Functions return false only for want of memory. Recursion is as deep as arrays and maps
 * nest, at most LIMIT_VALUE_DEPTH.
 */
#include "base/limits.h"
#include "maker_i.h"
#include "wire_i.h"

struct otlp_proto {
	struct maker m;
	struct sv body;
};

/* A field of OTLP before 0.19, with messages of the same shape as ScopeSpans. */
#define INSTRUMENTATION_LIBRARY_SPANS 1000

static size_t
offset(const struct otlp_proto *o, const struct wire *w)
{
	return (size_t)((const char *)w->p - o->body.p);
}

/* After a loop over a message that holds spans: what follows in it is lost if malformed. */
static void
check_outer(struct otlp_proto *o, const struct wire *w, const char *what)
{
	if (w->why != NULL)
		maker_broken(&o->m, "byte %zu: %s in %s; what follows in it is lost",
		    offset(o, w), w->why, what);
}

/* The same for any other message: costs the span, if this is one's. */
static void
check_inner(struct otlp_proto *o, const struct wire *w, const char *what)
{
	if (w->why != NULL)
		maker_complain(&o->m, "byte %zu: %s in %s", offset(o, w), w->why, what);
}

static inline bool
is(struct otlp_proto *o, const struct wire_field *f, enum wire_type type)
{
	if (f->type == type)
		return true;
	o->m.repaired = true;
	return false;
}

/* Want of memory shows in m.nomem. */
static void
text(struct otlp_proto *o, const struct wire_field *f, struct sv *out)
{
	if (is(o, f, WIRE_BYTES))
		(void)maker_text(&o->m, f->s, out);
}

static void
number(struct otlp_proto *o, const struct wire_field *f, enum wire_type type, uint64_t *out)
{
	if (is(o, f, type))
		*out = f->u;
}

/* Numbers too large for 32 bits lose their upper half, as protobuf has it. */
static void
number32(struct otlp_proto *o, const struct wire_field *f, enum wire_type type, uint32_t *out)
{
	if (is(o, f, type))
		*out = (uint32_t)f->u;
}

/*
 * A value under construction; its sub-message may come in parts. Compound content lies in
 * pack from `start`, a map's entries on the attribute stack from `mark`.
 */
struct partial {
	struct value v;
	size_t start, mark;
};

static struct partial
value_begin(const struct otlp_proto *o)
{
	return (struct partial){ { .type = VAL_EMPTY }, o->m.pack.n, o->m.attrs.n };
}

/* A oneof: a new member puts the old one away. */
static void
value_set(struct otlp_proto *o, struct partial *p, struct value v)
{
	o->m.pack.n = p->start;
	o->m.attrs.n = p->mark;
	p->v = v;
}

static bool
value_end(struct otlp_proto *o, struct partial *p)
{
	return p->v.type != VAL_MAP || maker_map_end(&o->m, p->mark, p->start);
}

static bool value_part(struct otlp_proto *, struct partial *, struct sv, unsigned depth);
static bool key_value(struct otlp_proto *, struct sv, size_t mark, unsigned depth, bool in_map);

static bool
element(struct otlp_proto *o, struct sv s, unsigned depth)
{
	struct partial p = value_begin(o);

	return value_part(o, &p, s, depth) && value_end(o, &p) &&
	    maker_pack(&o->m, p.start, &p.v);
}

/* An ArrayValue or KeyValueList: field 1 again and again. */
static bool
compound(struct otlp_proto *o, struct partial *p, enum value_type type, struct sv s,
    unsigned depth)
{
	struct wire w = wire_new(s);
	struct wire_field f;

	if (depth == LIMIT_VALUE_DEPTH) {
		maker_complain(&o->m, "a value is nested more than %d deep",
		    LIMIT_VALUE_DEPTH);
		return true;
	}
	if (p->v.type != type)
		value_set(o, p, (struct value){ .type = type });
	while (wire_next(&w, &f)) {
		if (f.num != 1 || !is(o, &f, WIRE_BYTES))
			continue;
		if (type == VAL_ARRAY ? !element(o, f.s, depth + 1)
		    : !key_value(o, f.s, p->mark, depth + 1, true))
			return false;
	}
	check_inner(o, &w, type == VAL_ARRAY ? "an array" : "a map");
	return true;
}

static void
double_value(struct otlp_proto *o, struct partial *p, uint64_t bits)
{
	struct value v = { .type = VAL_DOUBLE };

	memcpy(&v.d, &bits, 8);
	value_set(o, p, v);
}

/* One more part of an AnyValue that is inside `depth` arrays and maps. */
static bool
value_part(struct otlp_proto *o, struct partial *p, struct sv s, unsigned depth)
{
	struct wire w = wire_new(s);
	struct wire_field f;

	while (wire_next(&w, &f))
		switch (f.num) {
		case 1:
			text(o, &f, &f.s);
			if (f.type == WIRE_BYTES)
				value_set(o, p, (struct value){ .type = VAL_STRING, .s = f.s });
			break;
		case 2:
			if (is(o, &f, WIRE_VARINT))
				value_set(o, p, (struct value){ .type = VAL_BOOL,
				    .b = f.u != 0 });
			break;
		case 3:
			if (is(o, &f, WIRE_VARINT))
				value_set(o, p, (struct value){ .type = VAL_INT,
				    .i = (int64_t)f.u });
			break;
		case 4:
			if (is(o, &f, WIRE_FIXED64))
				double_value(o, p, f.u);
			break;
		case 5:
		case 6:
			if (is(o, &f, WIRE_BYTES) && !compound(o, p,
			    f.num == 5 ? VAL_ARRAY : VAL_MAP, f.s, depth))
				return false;
			break;
		case 7:
			if (is(o, &f, WIRE_BYTES))
				value_set(o, p, (struct value){ .type = VAL_BYTES, .s = f.s });
			break;
		case 8:		/* an index into a table that only profiles have */
			value_set(o, p, (struct value){ .type = VAL_EMPTY });
			break;
		}
	check_inner(o, &w, "a value");
	return true;
}

static bool
key_value(struct otlp_proto *o, struct sv s, size_t mark, unsigned depth, bool in_map)
{
	struct wire w = wire_new(s);
	struct wire_field f;
	struct partial p = value_begin(o);
	struct sv key = SV_EMPTY;
	uint64_t complaints = o->m.n_complaints;

	while (wire_next(&w, &f)) {
		if (f.num == 1)
			text(o, &f, &key);
		else if (f.num == 2 && is(o, &f, WIRE_BYTES) &&
		    !value_part(o, &p, f.s, depth))
			return false;
	}
	check_inner(o, &w, "an attribute");
	if (!value_end(o, &p))
		return false;
	if (in_map)
		return maker_pack_entry(&o->m, mark, p.start, key, &p.v);
	/* A resource or scope goes on without the attribute; a span is lost by now. */
	if (o->m.n_complaints != complaints) {
		o->m.pack.n = p.start;
		return true;
	}
	return maker_take(&o->m, p.start, &p.v) && maker_attr(&o->m, mark, key, &p.v);
}

static bool
attribute(struct otlp_proto *o, const struct wire_field *f, size_t mark)
{
	return !is(o, f, WIRE_BYTES) || key_value(o, f->s, mark, 0, false);
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
			if (!attribute(o, &f, mark))
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
			if (!attribute(o, &f, mark))
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
			if (!attribute(o, &f, mark))
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
			if (!attribute(o, &f, mark))
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
		return attribute(o, f, 0);
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
