/* SPDX-License-Identifier: ISC */
/* span_copy: a span with all that it borrows, see model/span.h. */
#include "model/span.h"

static bool
text(struct arena *a, struct sv *s)
{
	struct sv own = arena_sv(a, *s);

	if (own.p == NULL && s->n != 0)
		return false;
	*s = own;
	return true;
}

/* Those of arrays and maps are packed: one run of bytes. */
static bool
value(struct arena *a, struct value *v)
{
	switch (v->type) {
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		return text(a, &v->s);
	default:
		return true;
	}
}

static bool
attributes(struct arena *a, struct attrs *v)
{
	struct attr *own = arena_array(a, v->n, struct attr);

	if (own == NULL)
		return false;
	for (uint32_t i = 0; i < v->n; i++) {
		own[i] = v->v[i];
		if (!text(a, &own[i].key) || !value(a, &own[i].val))
			return false;
	}
	v->v = own;
	return true;
}

static bool
events(struct arena *a, struct span *s)
{
	struct event *own = arena_array(a, s->n_events, struct event);

	if (own == NULL)
		return false;
	for (uint32_t i = 0; i < s->n_events; i++) {
		own[i] = s->events[i];
		if (!text(a, &own[i].name) || !attributes(a, &own[i].attrs))
			return false;
	}
	s->events = own;
	return true;
}

static bool
links(struct arena *a, struct span *s)
{
	struct link *own = arena_array(a, s->n_links, struct link);

	if (own == NULL)
		return false;
	for (uint32_t i = 0; i < s->n_links; i++) {
		own[i] = s->links[i];
		if (!text(a, &own[i].trace_state) || !attributes(a, &own[i].attrs))
			return false;
	}
	s->links = own;
	return true;
}

static bool
resource(struct arena *a, struct span *s)
{
	struct resource *r = arena_new(a, struct resource);

	if (r == NULL)
		return false;
	*r = *s->resource;
	s->resource = r;
	return attributes(a, &r->attrs) && text(a, &r->schema_url) && text(a, &r->service) &&
	    value(a, &r->entity_refs);
}

static bool
scope(struct arena *a, struct span *s)
{
	struct scope *c = arena_new(a, struct scope);

	if (c == NULL)
		return false;
	*c = *s->scope;
	s->scope = c;
	return attributes(a, &c->attrs) && text(a, &c->name) && text(a, &c->version) &&
	    text(a, &c->schema_url);
}

bool
span_copy(struct arena *a, const struct span *from, struct span *out)
{
	*out = *from;
	return text(a, &out->name) && text(a, &out->status_message) &&
	    text(a, &out->trace_state) && attributes(a, &out->attrs) && events(a, out) &&
	    links(a, out) && resource(a, out) && scope(a, out);
}
