/* SPDX-License-Identifier: ISC */
/*
 * json_plain: JSON values that are what they are ("a": 1), as attribute values, for the forms
 * that have no {"intValue": ...} around them. Whole numbers are integers, others doubles;
 * lists and objects are packed as arrays and maps, at most LIMIT_VALUE_DEPTH deep.
 */
#include "otlp_json_i.h"

#include "base/limits.h"

static bool plain(struct otlp_json *, unsigned depth, struct value *out);

struct value
json_plain_number(struct sv s)
{
	struct value v = { .type = VAL_STRING, .s = s };
	int64_t i;
	double d;

	if (sv_i64(s, &i))
		v = (struct value){ .type = VAL_INT, .i = i };
	else if (json_read_double(s, &d))
		v = (struct value){ .type = VAL_DOUBLE, .d = d };
	return v;
}

static bool
list(struct otlp_json *o, unsigned depth)
{
	bool begun = false;
	int r;

	if (!json_enter(&o->j, '['))
		return false;
	while ((r = json_element(&o->j, &begun)) > 0) {
		size_t start = o->m.pack.n;
		struct value v;

		if (!plain(o, depth, &v) || !maker_pack(&o->m, start, &v))
			return false;
	}
	return r == 0;
}

static bool
object(struct otlp_json *o, unsigned depth)
{
	size_t mark = o->m.attrs.n, start = o->m.pack.n;
	bool begun = false;
	struct sv name;
	int r;

	if (!json_enter(&o->j, '{'))
		return false;
	while ((r = json_any_member(&o->j, &begun, &name)) > 0) {
		size_t at = o->m.pack.n;
		struct value v;

		if (!plain(o, depth, &v) || !maker_pack_entry(&o->m, mark, at, name, &v))
			return false;
	}
	return r == 0 && maker_map_end(&o->m, mark, start);
}

/* Inside `depth` lists and objects; compound content is left in pack. */
static bool
plain(struct otlp_json *o, unsigned depth, struct value *out)
{
	struct json_scalar t;
	char c = json_peek(&o->j);

	*out = (struct value){ .type = VAL_EMPTY };
	if (c == '[' || c == '{') {
		if (depth == LIMIT_VALUE_DEPTH) {
			maker_complain(&o->m, "a value is nested more than %d deep",
			    LIMIT_VALUE_DEPTH);
			return json_skip(&o->j);
		}
		*out = (struct value){ .type = c == '[' ? VAL_ARRAY : VAL_MAP };
		return c == '[' ? list(o, depth + 1) : object(o, depth + 1);
	}
	if (!json_scalar(&o->j, &t))
		return false;
	if (t.type == JSON_STRING)
		*out = (struct value){ .type = VAL_STRING, .s = t.s };
	else if (t.type == JSON_TRUE || t.type == JSON_FALSE)
		*out = (struct value){ .type = VAL_BOOL, .b = t.type == JSON_TRUE };
	else if (t.type == JSON_NUMBER)
		*out = json_plain_number(t.s);
	return true;
}

bool
json_plain_value(struct otlp_json *o, struct value *out)
{
	size_t start = o->m.pack.n;

	return plain(o, 0, out) && maker_take(&o->m, start, out);
}

bool
json_plain_members(struct otlp_json *o, const char *what, size_t mark, char dot)
{
	bool begun = false;
	struct sv name;
	int r = otlp_json_open(o, '{', what);

	if (r <= 0)
		return r == 0;
	while ((r = json_any_member(&o->j, &begun, &name)) > 0) {
		struct value v;

		if (dot != '\0') {
			char *p = arena_alloc(&o->m.batch->arena, name.n + 1);

			if (p == NULL)
				return maker_nomem(&o->m);
			for (size_t i = 0; i < name.n; i++)
				p[i] = name.p[i] == dot ? '.' : name.p[i];
			name.p = p;
		}
		if (!json_plain_value(o, &v) || !maker_attr(&o->m, mark, name, &v))
			return false;
	}
	return r == 0;
}

bool
json_plain_attrs(struct otlp_json *o, const char *what, struct attrs *out)
{
	size_t mark = o->m.attrs.n;

	return json_plain_members(o, what, mark, '\0') && maker_attrs_end(&o->m, mark, out);
}
