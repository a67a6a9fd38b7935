/* SPDX-License-Identifier: ISC */
/* span_check: see span_check.h. */
#include "lib/span_check.h"

#include "base/utf8.h"

static const char *
check_attrs(const struct attrs *a)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const struct value *v = &a->v[i].val;

		if (a->v[i].key.n == 0)
			return "an empty key";
		if (i > 0 && sv_cmp(a->v[i - 1].key, a->v[i].key) >= 0)
			return "keys out of order";
		if ((unsigned)v->type >= VAL_TYPES)
			return "a type that isn't";
		if ((v->type == VAL_ARRAY || v->type == VAL_MAP) && !value_check(v->type, v->s))
			return "a malformed array or map";
	}
	return NULL;
}

static const char *
check_origin(const struct span *s)
{
	const struct value *v, *refs;
	const char *why;

	if (s->resource == NULL || s->scope == NULL)
		return "no resource or scope";
	if ((why = check_attrs(&s->resource->attrs)) != NULL ||
	    (why = check_attrs(&s->scope->attrs)) != NULL)
		return why;
	refs = &s->resource->entity_refs;
	if (refs->type != VAL_EMPTY && (refs->type != VAL_ARRAY ||
	    !value_check(VAL_ARRAY, refs->s)))
		return "malformed entity references";
	v = attrs_find(&s->resource->attrs, SV("service.name"));
	if (!sv_eq(s->resource->service, v != NULL && v->type == VAL_STRING ? v->s : SV_EMPTY))
		return "service is not service.name";
	return NULL;
}

const char *
span_check(const struct span *s)
{
	const char *why;

	if (trace_id_zero(s->trace_id) || s->span_id == 0)
		return "a zero id";
	if (s->parent_span_id == s->span_id)
		return "its own parent";
	if ((why = check_attrs(&s->attrs)) != NULL || (why = check_origin(s)) != NULL)
		return why;
	for (uint32_t i = 0; i < s->n_events; i++)
		if ((why = check_attrs(&s->events[i].attrs)) != NULL)
			return why;
	for (uint32_t i = 0; i < s->n_links; i++)
		if ((why = check_attrs(&s->links[i].attrs)) != NULL)
			return why;
	/* The hash touches every byte, for a sanitizer to see. */
	return span_hash(s).lo == 0 && span_hash(s).hi == 0 ? "a zero hash" : NULL;
}

/* Whether the texts of a value are UTF-8, all the way down. */
static bool
value_texts(const struct value *v)
{
	struct cursor c;
	struct value sub;
	struct sv key;

	if (v->type == VAL_STRING)
		return utf8_valid(v->s);
	if (v->type != VAL_ARRAY && v->type != VAL_MAP)
		return true;
	c = cursor_new(v->s.p, v->s.n);
	if (v->type == VAL_ARRAY) {
		while (value_array_next(&c, &sub))
			if (!value_texts(&sub))
				return false;
	} else
		while (value_map_next(&c, &key, &sub))
			if (!utf8_valid(key) || !value_texts(&sub))
				return false;
	return true;
}

static bool
attrs_texts(const struct attrs *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		if (!utf8_valid(a->v[i].key) || !value_texts(&a->v[i].val))
			return false;
	return true;
}

bool
span_texts_utf8(const struct span *s)
{
	const struct resource *r = s->resource;
	const struct scope *c = s->scope;
	bool ok = utf8_valid(s->name) && utf8_valid(s->status_message) &&
	    utf8_valid(s->trace_state) && attrs_texts(&s->attrs) &&
	    attrs_texts(&r->attrs) && utf8_valid(r->schema_url) && utf8_valid(r->service) &&
	    value_texts(&r->entity_refs) && utf8_valid(c->name) && utf8_valid(c->version) &&
	    attrs_texts(&c->attrs) && utf8_valid(c->schema_url);

	for (uint32_t i = 0; i < s->n_events; i++)
		ok &= utf8_valid(s->events[i].name) && attrs_texts(&s->events[i].attrs);
	for (uint32_t i = 0; i < s->n_links; i++)
		ok &= utf8_valid(s->links[i].trace_state) && attrs_texts(&s->links[i].attrs);
	return ok;
}
