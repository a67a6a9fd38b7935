/* SPDX-License-Identifier: ISC */
/*
 * otlp_proto_value: attributes of OTLP protobuf, and their values. Recursion is as deep as arrays and
 * maps nest, at most LIMIT_VALUE_DEPTH.
 */
#include "base/limits.h"
#include "otlp_proto_i.h"

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

bool
otlp_proto_attribute(struct otlp_proto *o, const struct wire_field *f, size_t mark)
{
	return !is(o, f, WIRE_BYTES) || key_value(o, f->s, mark, 0, false);
}
