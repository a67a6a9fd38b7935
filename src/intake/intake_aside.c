/* SPDX-License-Identifier: ISC */
/*
 * intake_aside: deep copies of spans, for the few that must wait for a commit before it can be
 * said whether they are duplicates. Runs of spans that share a resource or scope share its copy.
 */
#include "intake_i.h"

void
aside_init(struct aside *a)
{
	span_batch_init(&a->batch);
	aside_new_batch(a);
}

void
aside_release(struct aside *a)
{
	span_batch_release(&a->batch);
}

void
aside_reset(struct aside *a)
{
	span_batch_reset(&a->batch);
	aside_new_batch(a);
}

size_t
aside_bytes(const struct aside *a)
{
	return a->batch.n == 0 ? 0 : a->batch.arena.used + a->batch.n * sizeof *a->batch.spans;
}

void
aside_new_batch(struct aside *a)
{
	a->resource = a->resource_copy = NULL;
	a->scope = a->scope_copy = NULL;
}

static bool
copy_sv(struct arena *a, struct sv *s)
{
	struct sv c;

	if (s->n == 0) {
		*s = SV_EMPTY;
		return true;
	}
	c = arena_sv(a, *s);
	*s = c;
	return c.p != NULL;
}

static bool
copy_value(struct arena *a, struct value *v)
{
	if (v->type == VAL_STRING || v->type == VAL_BYTES || v->type == VAL_ARRAY ||
	    v->type == VAL_MAP)
		return copy_sv(a, &v->s);
	return true;
}

static bool
copy_attrs(struct arena *a, struct attrs *at)
{
	struct attr *v = arena_array(a, at->n, struct attr);

	if (at->n == 0)
		return true;
	if (v == NULL)
		return false;
	memcpy(v, at->v, at->n * sizeof *v);
	at->v = v;
	for (uint32_t i = 0; i < at->n; i++)
		if (!copy_sv(a, &v[i].key) || !copy_value(a, &v[i].val))
			return false;
	return true;
}

static bool
copy_resource(struct aside *as, const struct span *s)
{
	struct arena *a = &as->batch.arena;
	struct resource *r;

	if (as->resource == s->resource && as->resource_copy != NULL)
		return true;
	if ((r = arena_new(a, struct resource)) == NULL)
		return false;
	*r = *s->resource;
	if (!copy_attrs(a, &r->attrs) || !copy_sv(a, &r->schema_url) ||
	    !copy_sv(a, &r->service) || !copy_value(a, &r->entity_refs))
		return false;
	as->resource = s->resource;
	as->resource_copy = r;
	return true;
}

static bool
copy_scope(struct aside *as, const struct span *s)
{
	struct arena *a = &as->batch.arena;
	struct scope *c;

	if (as->scope == s->scope && as->scope_copy != NULL)
		return true;
	if ((c = arena_new(a, struct scope)) == NULL)
		return false;
	*c = *s->scope;
	if (!copy_sv(a, &c->name) || !copy_sv(a, &c->version) || !copy_attrs(a, &c->attrs) ||
	    !copy_sv(a, &c->schema_url))
		return false;
	as->scope = s->scope;
	as->scope_copy = c;
	return true;
}

static bool
copy_events(struct arena *a, struct span *s)
{
	struct event *v = arena_array(a, s->n_events, struct event);

	if (s->n_events == 0)
		return true;
	if (v == NULL)
		return false;
	memcpy(v, s->events, s->n_events * sizeof *v);
	s->events = v;
	for (uint32_t i = 0; i < s->n_events; i++)
		if (!copy_sv(a, &v[i].name) || !copy_attrs(a, &v[i].attrs))
			return false;
	return true;
}

static bool
copy_links(struct arena *a, struct span *s)
{
	struct link *v = arena_array(a, s->n_links, struct link);

	if (s->n_links == 0)
		return true;
	if (v == NULL)
		return false;
	memcpy(v, s->links, s->n_links * sizeof *v);
	s->links = v;
	for (uint32_t i = 0; i < s->n_links; i++)
		if (!copy_sv(a, &v[i].trace_state) || !copy_attrs(a, &v[i].attrs))
			return false;
	return true;
}

int
aside_add(struct aside *as, const struct span *from, struct err *e)
{
	struct arena *a = &as->batch.arena;
	struct span s = *from, *to;

	if (!copy_resource(as, from) || !copy_scope(as, from) ||
	    !copy_sv(a, &s.name) || !copy_sv(a, &s.status_message) ||
	    !copy_sv(a, &s.trace_state) || !copy_attrs(a, &s.attrs) ||
	    !copy_events(a, &s) || !copy_links(a, &s) ||
	    (to = span_batch_add(&as->batch)) == NULL)
		return err_nomem(e);
	s.resource = as->resource_copy;
	s.scope = as->scope_copy;
	*to = s;
	return 0;
}
