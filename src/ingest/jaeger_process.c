/* SPDX-License-Identifier: ISC */
/*
 * jaeger_process: the tags of Jaeger's JSON, attributes of the types that they claim, and the
 * processes that have them. A process becomes a resource; hostname is host.name.
 */
#include "base/base64.h"
#include "jaeger_i.h"
#include "tags_i.h"

enum { P_SERVICE, P_TAGS, P_TAG };
static const struct json_name process_names[] = {
	JSON_NAME("serviceName", "serviceName"),
	JSON_NAME("tags", "tags"),
	JSON_NAME("tag", "tag"),
};

enum { KV_KEY, KV_TYPE, KV_VALUE };
static const struct json_name key_value_names[] = {
	JSON_NAME("key", "key"),
	JSON_NAME("type", "type"),
	JSON_NAME("value", "value"),
};

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Documents have bytes as hex, the API as base64. What is neither stays a text. */
static bool
binary(struct jaeger *jg, struct sv s, struct value *out)
{
	uint8_t *p = arena_alloc(&jg->o->m.batch->arena, s.n + 3);
	int64_t n = 0;

	if (p == NULL)
		return maker_nomem(&jg->o->m);
	if (jg->document && s.n % 2 == 0) {
		for (size_t i = 0; i + 1 < s.n; i += 2) {
			int hi = hex_digit(s.p[i]), lo = hex_digit(s.p[i + 1]);

			if (hi < 0 || lo < 0) {
				n = -1;
				break;
			}
			p[n++] = (uint8_t)(hi << 4 | lo);
		}
	} else
		n = base64_decode(s, p);
	if (n >= 0)
		*out = (struct value){ .type = VAL_BYTES, .s = sv_new(p, (size_t)n) };
	return true;
}

/* Gives a value the type that the tag claims; what can't have it stays as it is. */
static bool
convert(struct jaeger *jg, struct sv type, struct value *v)
{
	struct value number;

	if (v->type != VAL_STRING)
		return true;
	if (sv_is(type, "bool") && (sv_is(v->s, "true") || sv_is(v->s, "false")))
		*v = (struct value){ .type = VAL_BOOL, .b = sv_is(v->s, "true") };
	else if (sv_is(type, "int64") || sv_is(type, "float64")) {
		number = json_plain_number(v->s);
		if (number.type == VAL_INT && sv_is(type, "float64"))
			number = (struct value){ .type = VAL_DOUBLE, .d = (double)number.i };
		*v = number;
	} else if (sv_is(type, "binary"))
		return binary(jg, v->s, v);
	return true;
}

/* A KeyValue into the list that began at mark. */
static bool
key_value(struct jaeger *jg, size_t mark)
{
	struct otlp_json *o = jg->o;
	struct json_object obj = { false, 0 };
	struct value v = { .type = VAL_EMPTY };
	struct sv key = SV_EMPTY, type = SV_EMPTY;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a tag");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, key_value_names,
	    COUNT(key_value_names))) >= 0)
		ok = f == KV_KEY ? otlp_json_text(o, "key", &key) :
		    f == KV_TYPE ? otlp_json_text(o, "type", &type) : json_plain_value(o, &v);
	if (!ok || f != JSON_END || !convert(jg, type, &v))
		return false;
	if (v.type == VAL_INT && sv_is(type, "float64"))
		v = (struct value){ .type = VAL_DOUBLE, .d = (double)v.i };
	return maker_attr(&o->m, mark, key, &v);
}

bool
jaeger_tags(struct jaeger *jg, const char *what, size_t mark)
{
	bool begun = false;
	int r = otlp_json_open(jg->o, '[', what);

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&jg->o->j, &begun)) > 0)
		if (!key_value(jg, mark))
			return false;
	return r == 0;
}

/* hostname is what host.name was called. */
static void
rename_host(struct attrs *a)
{
	struct value v;

	if (attrs_find(a, SV("host.name")) != NULL || !tags_take(a, SV("hostname"), &v))
		return;
	/* One has just gone: there is room. */
	a->v[a->n++] = (struct attr){ SV("host.name"), v };
	attrs_normalize(a);
}

bool
jaeger_process(struct jaeger *jg, struct resource **out)
{
	struct otlp_json *o = jg->o;
	struct maker *m = &o->m;
	struct json_object obj = { false, 0 };
	struct value service = { .type = VAL_STRING, .s = SV_EMPTY };
	size_t mark = m->attrs.n;
	struct resource *res;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "a process");

	if (r <= 0)
		return r == 0;
	if ((res = arena_new(&m->batch->arena, struct resource)) == NULL)
		return maker_nomem(m);
	while (ok && (f = json_member(&o->j, &obj, process_names, COUNT(process_names))) >= 0)
		ok = f == P_SERVICE ? otlp_json_text(o, "serviceName", &service.s) :
		    f == P_TAGS ? jaeger_tags(jg, "tags", mark) :
		    json_plain_members(o, "tag", mark, '@');
	if (!ok || f != JSON_END ||
	    (service.s.n != 0 && !maker_attr(m, mark, SV("service.name"), &service)) ||
	    !maker_attrs_end(m, mark, &res->attrs))
		return false;
	rename_host(&res->attrs);
	m->resource = res;
	m->resource_used = true;	/* not to be used for another */
	maker_resource_end(m);
	*out = res;
	return true;
}

bool
jaeger_processes(struct jaeger *jg)
{
	bool begun = false;
	int r = otlp_json_open(jg->o, '{', "processes");

	if (r <= 0)
		return r == 0;
	for (;;) {
		struct resource *res = NULL;
		struct sv id;
		uint64_t *at;
		bool fresh;

		if ((r = json_any_member(&jg->o->j, &begun, &id)) <= 0)
			return r == 0;
		if (!jaeger_process(jg, &res))
			return false;
		if (res == NULL)
			continue;
		if ((at = map_put(&jg->processes, id, &fresh)) == NULL)
			return maker_nomem(&jg->o->m);
		*at = (uint64_t)(uintptr_t)res;
	}
}

struct resource *
jaeger_find_process(const struct jaeger *jg, struct sv id)
{
	const uint64_t *at = map_get(&jg->processes, id);

	return at == NULL ? NULL : (struct resource *)(uintptr_t)*at;
}
