/* SPDX-License-Identifier: ISC */
/*
 * otlp_json_value: the fields that OTLP messages are made of, as JSON: numbers of exact
 * width, text, enums, attribute lists, AnyValue. Nested values are packed on the way (see
 * maker_i.h). Recursion is as deep as arrays and maps nest, at most LIMIT_VALUE_DEPTH.
 */
#include "base/base64.h"
#include "otlp_json_i.h"

#include <math.h>

#include "base/limits.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof *(a)))
#define SHOWN(s) ((s).n < 24 ? (int)(s).n : 24), (s).n ? (s).p : ""

enum { KV_KEY, KV_VALUE };
static const struct json_name key_value_names[] = {
	JSON_NAME("key", "key"),
	JSON_NAME("value", "value"),
};

enum { V_STRING, V_INT, V_BOOL, V_DOUBLE, V_ARRAY, V_KVLIST, V_BYTES };
static const struct json_name value_names[] = {
	JSON_NAME("stringValue", "string_value"),
	JSON_NAME("intValue", "int_value"),
	JSON_NAME("boolValue", "bool_value"),
	JSON_NAME("doubleValue", "double_value"),
	JSON_NAME("arrayValue", "array_value"),
	JSON_NAME("kvlistValue", "kvlist_value"),
	JSON_NAME("bytesValue", "bytes_value"),
};

static const struct json_name values_names[] = {
	JSON_NAME("values", "values"),
};

int
otlp_json_open(struct otlp_json *o, char open, const char *what)
{
	char c = json_peek(&o->j);

	if (c == open) {
		o->j.p++;
		return 1;
	}
	if (!json_skip(&o->j))
		return -1;
	if (c != 'n')
		maker_complain(&o->m, "%s is not %s", what,
		    open == '{' ? "an object" : "a list");
	return 0;
}

bool
otlp_json_text(struct otlp_json *o, const char *what, struct sv *out)
{
	struct json_scalar t;

	if (!json_scalar(&o->j, &t))
		return false;
	switch (t.type) {
	case JSON_NULL:
		break;
	case JSON_STRING:
		*out = t.s;
		break;
	case JSON_COMPOUND:
		maker_complain(&o->m, "%s is not a string", what);
		break;
	default:
		o->m.repaired = true;
		*out = t.s;
	}
	return true;
}

/* From "123", "-5", and, when it loses nothing, "1e3": some print every number as a double. */
bool
json_whole(struct sv s, bool *neg, uint64_t *mag)
{
	struct sv digits = s;
	double d;

	*neg = s.n > 0 && s.p[0] == '-';
	if (*neg)
		digits = sv_sub(s, 1, s.n);
	if (sv_u64(digits, mag))
		return true;
	if (sv_chr(s, '.') < 0 && sv_chr(s, 'e') < 0 && sv_chr(s, 'E') < 0)
		return false;
	if (!sv_double(s, &d) || d != trunc(d) || fabs(d) >= 0x1p64)
		return false;
	*mag = (uint64_t)fabs(d);
	return true;
}

/* Reads a whole number; false in *got for null and, with a complaint, for what isn't one. */
static bool
read_whole(struct otlp_json *o, const char *what, bool *got, bool *neg, uint64_t *mag)
{
	struct json_scalar t;

	*got = false;
	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_NULL)
		return true;
	if ((t.type == JSON_NUMBER || t.type == JSON_STRING) && json_whole(t.s, neg, mag))
		*got = true;
	else if (t.type == JSON_NUMBER || t.type == JSON_STRING)
		maker_complain(&o->m, "%s '%.*s' is not a whole number in range", what,
		    SHOWN(t.s));
	else
		maker_complain(&o->m, "%s is not a number", what);
	return true;
}

bool
otlp_json_u64(struct otlp_json *o, const char *what, uint64_t *out)
{
	uint64_t mag;
	bool got, neg;

	if (!read_whole(o, what, &got, &neg, &mag))
		return false;
	if (got && neg && mag != 0)
		maker_complain(&o->m, "%s is negative", what);
	else if (got)
		*out = mag;
	return true;
}

bool
otlp_json_u32(struct otlp_json *o, const char *what, uint32_t *out)
{
	uint64_t v = *out;

	if (!otlp_json_u64(o, what, &v))
		return false;
	if (v > UINT32_MAX)
		maker_complain(&o->m, "%s is out of range", what);
	else
		*out = (uint32_t)v;
	return true;
}

bool
otlp_json_enum(struct otlp_json *o, const char *what, bool (*word)(struct sv, int32_t *),
    int32_t *out)
{
	struct json_scalar t;
	int64_t v;

	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_NULL)
		return true;
	if (t.type == JSON_STRING && word(t.s, out))
		return true;
	if ((t.type == JSON_NUMBER || t.type == JSON_STRING) && sv_i64(t.s, &v) &&
	    v >= INT32_MIN && v <= INT32_MAX)
		*out = (int32_t)v;
	else
		maker_complain(&o->m, "%s '%.*s' is unknown", what, SHOWN(t.s));
	return true;
}

static bool
int_value(struct otlp_json *o, struct value *out)
{
	uint64_t mag;
	bool got, neg;

	if (!read_whole(o, "intValue", &got, &neg, &mag))
		return false;
	if (!got)
		return true;
	if (mag > (uint64_t)INT64_MAX + neg) {
		maker_complain(&o->m, "intValue is out of range");
		return true;
	}
	*out = (struct value){ .type = VAL_INT,
	    .i = neg ? (int64_t)(0 - mag) : (int64_t)mag };
	return true;
}

/* The words are protobuf's JSON for what JSON's numbers can't say. */
bool
json_read_double(struct sv s, double *out)
{
	if (sv_is(s, "NaN"))
		*out = NAN;
	else if (sv_is(s, "Infinity"))
		*out = INFINITY;
	else if (sv_is(s, "-Infinity"))
		*out = -INFINITY;
	else
		return sv_double(s, out) && isfinite(*out);
	return true;
}

static bool
double_value(struct otlp_json *o, struct value *out)
{
	struct json_scalar t;
	double d;

	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_NULL)
		return true;
	if (t.type != JSON_NUMBER && t.type != JSON_STRING)
		maker_complain(&o->m, "doubleValue is not a number");
	else if (json_read_double(t.s, &d))
		*out = (struct value){ .type = VAL_DOUBLE, .d = d };
	else
		maker_complain(&o->m, "doubleValue '%.*s' is not a number in range",
		    SHOWN(t.s));
	return true;
}

static bool
bool_value(struct otlp_json *o, struct value *out)
{
	struct json_scalar t;

	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_TRUE || (t.type == JSON_STRING && sv_is(t.s, "true")))
		*out = (struct value){ .type = VAL_BOOL, .b = true };
	else if (t.type == JSON_FALSE || (t.type == JSON_STRING && sv_is(t.s, "false")))
		*out = (struct value){ .type = VAL_BOOL, .b = false };
	else if (t.type != JSON_NULL)
		maker_complain(&o->m, "boolValue is neither true nor false");
	return true;
}

static bool
bytes_value(struct otlp_json *o, struct value *out)
{
	struct json_scalar t;
	uint8_t *p;
	int64_t n;

	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_NULL)
		return true;
	if (t.type != JSON_STRING) {
		maker_complain(&o->m, "bytesValue is not a string");
		return true;
	}
	p = arena_alloc(&o->m.batch->arena, t.s.n / 4 * 3 + 3);
	if (p == NULL)
		return maker_nomem(&o->m);
	if ((n = base64_decode(t.s, p)) < 0)
		maker_complain(&o->m, "bytesValue is not base64");
	else
		*out = (struct value){ .type = VAL_BYTES, .s = sv_new(p, (size_t)n) };
	return true;
}

static bool
string_value(struct otlp_json *o, struct value *out)
{
	struct sv s = SV_EMPTY;
	bool null = json_peek(&o->j) == 'n';

	if (!otlp_json_text(o, "stringValue", &s))
		return false;
	if (!null)
		*out = (struct value){ .type = VAL_STRING, .s = s };
	return true;
}

static bool any_value(struct otlp_json *, unsigned depth, struct value *out);

static bool
elements(struct otlp_json *o, unsigned depth)
{
	bool begun = false;
	int r = otlp_json_open(o, '[', "values");

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&o->j, &begun)) > 0) {
		size_t start = o->m.pack.n;
		struct value v;

		if (!any_value(o, depth, &v) || !maker_pack(&o->m, start, &v))
			return false;
	}
	return r == 0;
}

/* One KeyValue: of a map under construction if in_map, else of an attribute list. */
static bool
key_value(struct otlp_json *o, size_t mark, unsigned depth, bool in_map)
{
	struct json_object obj = { false, 0 };
	struct value v = { .type = VAL_EMPTY };
	struct sv key = SV_EMPTY;
	size_t start = o->m.pack.n;
	uint64_t complaints = o->m.n_complaints;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "an attribute");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, key_value_names,
	    COUNT(key_value_names))) >= 0) {
		if (f == KV_KEY)
			ok = otlp_json_text(o, "key", &key);
		else {
			o->m.pack.n = start;
			ok = any_value(o, depth, &v);
		}
	}
	if (!ok || f != JSON_END)
		return false;
	if (in_map)
		return maker_pack_entry(&o->m, mark, start, key, &v);
	/* A resource or scope goes on without the attribute; a span is lost by now. */
	if (o->m.n_complaints != complaints) {
		o->m.pack.n = start;
		return true;
	}
	return maker_take(&o->m, start, &v) && maker_attr(&o->m, mark, key, &v);
}

static bool
entries(struct otlp_json *o, unsigned depth)
{
	size_t mark = o->m.attrs.n, start = o->m.pack.n;
	bool begun = false;
	int r = otlp_json_open(o, '[', "values");

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&o->j, &begun)) > 0)
		if (!key_value(o, mark, depth, true))
			return false;
	return r == 0 && maker_map_end(&o->m, mark, start);
}

/* arrayValue and kvlistValue: {"values":[...]}. The content is left in pack. */
static bool
compound(struct otlp_json *o, unsigned depth, enum value_type type, struct value *out)
{
	struct json_object obj = { false, 0 };
	size_t start = o->m.pack.n;
	bool ok = true;
	int f, r;

	if (depth == LIMIT_VALUE_DEPTH) {
		maker_complain(&o->m, "a value is nested more than %d deep",
		    LIMIT_VALUE_DEPTH);
		return json_skip(&o->j);
	}
	r = otlp_json_open(o, '{', type == VAL_ARRAY ? "arrayValue" : "kvlistValue");
	if (r <= 0)
		return r == 0;
	*out = (struct value){ .type = type };
	while (ok && (f = json_member(&o->j, &obj, values_names, 1)) >= 0) {
		o->m.pack.n = start;
		ok = type == VAL_ARRAY ? elements(o, depth + 1) : entries(o, depth + 1);
	}
	return ok && f == JSON_END;
}

/*
 * A value inside `depth` arrays and maps. If it is one itself its content is in pack, from
 * where pack ended before. Of several members the last that isn't null wins.
 */
static bool
any_value(struct otlp_json *o, unsigned depth, struct value *out)
{
	struct json_object obj = { false, 0 };
	size_t start = o->m.pack.n;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a value");

	*out = (struct value){ .type = VAL_EMPTY };
	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, value_names, COUNT(value_names))) >= 0) {
		if (json_peek(&o->j) != 'n')
			o->m.pack.n = start;
		switch (f) {
		case V_STRING:
			ok = string_value(o, out);
			break;
		case V_INT:
			ok = int_value(o, out);
			break;
		case V_BOOL:
			ok = bool_value(o, out);
			break;
		case V_DOUBLE:
			ok = double_value(o, out);
			break;
		case V_ARRAY:
			ok = compound(o, depth, VAL_ARRAY, out);
			break;
		case V_KVLIST:
			ok = compound(o, depth, VAL_MAP, out);
			break;
		case V_BYTES:
			ok = bytes_value(o, out);
			break;
		}
	}
	return ok && f == JSON_END;
}

/* Whether the next n bytes are those of the literal; they are consumed then. */
#define TAKE(p, end, lit) \
	((size_t)((end) - (p)) >= sizeof(lit) - 1 && \
	    memcmp((p), (lit), sizeof(lit) - 1) == 0 && ((p) += sizeof(lit) - 1, true))

/* A string that has no escapes, up to its closing quote, which is consumed. */
static bool
plain_string(const char **p, const char *end, struct sv *out)
{
	const char *stop = json_scan(*p, end);

	if (stop == end || *stop != '"')
		return false;
	*out = sv_new(*p, (size_t)(stop - *p));
	*p = stop + 1;
	return true;
}

/*
 * Nine attributes in ten are {"key":"K","value":{"stringValue":"V"}} or the same with an
 * intValue, byte for byte, without white space or escapes. Returns 1 if one was taken, 0 if
 * it must be read in full (nothing is consumed then), -1 out of memory.
 */
static int
usual_attr(struct otlp_json *o, size_t mark)
{
	const char *p = o->j.p, *end = o->j.end;
	struct value v;
	struct sv key, s;

	if (o->j.raw || !TAKE(p, end, "{\"key\":\"") || !plain_string(&p, end, &key) || key.n == 0 ||
	    !TAKE(p, end, ",\"value\":{\""))
		return 0;
	if (TAKE(p, end, "stringValue\":\"")) {
		v.type = VAL_STRING;
		if (!plain_string(&p, end, &v.s))
			return 0;
	} else if (TAKE(p, end, "intValue\":\"")) {
		v.type = VAL_INT;
		if (!plain_string(&p, end, &s) || !sv_i64(s, &v.i))
			return 0;
	} else
		return 0;
	if (!TAKE(p, end, "}}"))
		return 0;
	o->j.p = p;
	return maker_attr(&o->m, mark, key, &v) ? 1 : -1;
}

bool
otlp_json_attrs(struct otlp_json *o, struct attrs *out)
{
	size_t mark = o->m.attrs.n;
	bool begun = false;
	int r = otlp_json_open(o, '[', "attributes"), usual;

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&o->j, &begun)) > 0) {
		if ((usual = usual_attr(o, mark)) == 0 && !key_value(o, mark, 0, false))
			return false;
		if (usual < 0)
			return false;
	}
	return r == 0 && maker_attrs_end(&o->m, mark, out);
}
