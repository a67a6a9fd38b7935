/* SPDX-License-Identifier: ISC */
/* span_check: see span_check.h. */
#include "lib/span_check.h"

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
