/* SPDX-License-Identifier: ISC */
/* span_pack: see model/span_pack.h. What is put is read in the same order, function beside function. */
#include "model/span_pack.h"

#include "base/varint.h"

struct reader {
	struct cursor *c;
	struct arena *a;
	bool oom;
};

static void
put_text(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

/* An array of so many; of more than there are bytes left there is none. */
static void *
room(struct reader *r, uint64_t n, size_t size)
{
	void *p = NULL;

	if (n > cursor_left(r->c))
		r->c->bad = true;
	if (!r->c->bad && (p = arena_calloc(r->a, (size_t)n + 1, size)) == NULL)
		r->oom = true;
	return p;
}

static bool
fine(const struct reader *r)
{
	return !r->c->bad && !r->oom;
}

static void
put_attrs(struct buf *b, const struct attrs *a, uint32_t dropped)
{
	buf_varint(b, dropped);
	buf_varint(b, a->n);
	for (uint32_t i = 0; i < a->n; i++) {
		put_text(b, a->v[i].key);
		value_pack(b, &a->v[i].val);
	}
}

static void
get_attrs(struct reader *r, struct attrs *a, uint32_t *dropped)
{
	uint64_t n;

	*dropped = (uint32_t)cursor_varint(r->c);
	n = cursor_varint(r->c);
	a->v = room(r, n, sizeof *a->v);
	a->n = 0;
	for (uint64_t i = 0; i < n && fine(r); i++) {
		a->v[i].key = cursor_str(r->c);
		if (value_unpack(r->c, &a->v[i].val))
			a->n++;
	}
}

static void
put_events(struct buf *b, const struct span *s)
{
	buf_varint(b, s->n_events);
	for (uint32_t i = 0; i < s->n_events; i++) {
		const struct event *v = &s->events[i];

		buf_varint(b, v->time_ns);
		put_text(b, v->name);
		put_attrs(b, &v->attrs, v->dropped_attrs);
	}
}

static void
get_events(struct reader *r, struct span *s)
{
	uint64_t n = cursor_varint(r->c);
	struct event *v = room(r, n, sizeof *v);

	s->events = v;
	for (uint64_t i = 0; i < n && fine(r); i++, s->n_events++) {
		v[i].time_ns = cursor_varint(r->c);
		v[i].name = cursor_str(r->c);
		get_attrs(r, &v[i].attrs, &v[i].dropped_attrs);
	}
}

static void
put_trace_id(struct buf *b, struct trace_id id)
{
	buf_le(b, id.hi, 8);
	buf_le(b, id.lo, 8);
}

static struct trace_id
get_trace_id(struct cursor *c)
{
	struct trace_id id;

	id.hi = cursor_u64(c);
	id.lo = cursor_u64(c);
	return id;
}

static void
put_links(struct buf *b, const struct span *s)
{
	buf_varint(b, s->n_links);
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct link *v = &s->links[i];

		put_trace_id(b, v->trace_id);
		buf_le(b, v->span_id, 8);
		put_text(b, v->trace_state);
		buf_varint(b, v->flags);
		put_attrs(b, &v->attrs, v->dropped_attrs);
	}
}

static void
get_links(struct reader *r, struct span *s)
{
	uint64_t n = cursor_varint(r->c);
	struct link *v = room(r, n, sizeof *v);

	s->links = v;
	for (uint64_t i = 0; i < n && fine(r); i++, s->n_links++) {
		v[i].trace_id = get_trace_id(r->c);
		v[i].span_id = cursor_u64(r->c);
		v[i].trace_state = cursor_str(r->c);
		v[i].flags = (uint32_t)cursor_varint(r->c);
		get_attrs(r, &v[i].attrs, &v[i].dropped_attrs);
	}
}

static void
put_origin(struct buf *b, const struct resource *r, const struct scope *s)
{
	put_text(b, r->service);
	put_text(b, r->schema_url);
	value_pack(b, &r->entity_refs);
	put_attrs(b, &r->attrs, r->dropped_attrs);
	put_text(b, s->name);
	put_text(b, s->version);
	put_text(b, s->schema_url);
	put_attrs(b, &s->attrs, s->dropped_attrs);
}

static void
get_origin(struct reader *r, struct span *out)
{
	struct resource *of = room(r, 0, sizeof *of);
	struct scope *s = room(r, 0, sizeof *s);

	if (!fine(r))
		return;
	out->resource = of;
	out->scope = s;
	of->service = cursor_str(r->c);
	of->schema_url = cursor_str(r->c);
	if (!value_unpack(r->c, &of->entity_refs))
		return;
	get_attrs(r, &of->attrs, &of->dropped_attrs);
	s->name = cursor_str(r->c);
	s->version = cursor_str(r->c);
	s->schema_url = cursor_str(r->c);
	get_attrs(r, &s->attrs, &s->dropped_attrs);
}

void
span_pack(struct buf *b, const struct span *s)
{
	put_trace_id(b, s->trace_id);
	buf_le(b, s->span_id, 8);
	buf_le(b, s->parent_span_id, 8);
	buf_le(b, s->start_ns, 8);
	buf_le(b, s->end_ns, 8);
	buf_varint(b, (uint32_t)s->kind);
	buf_varint(b, (uint32_t)s->status);
	buf_varint(b, s->flags);
	buf_varint(b, s->dropped_events);
	buf_varint(b, s->dropped_links);
	buf_varint(b, s->line_bytes);
	put_text(b, s->name);
	put_text(b, s->status_message);
	put_text(b, s->trace_state);
	put_attrs(b, &s->attrs, s->dropped_attrs);
	put_events(b, s);
	put_links(b, s);
	put_origin(b, s->resource, s->scope);
}

static size_t
list_room(size_t n, size_t size)
{
	return (n + 1) * size + 16;
}

static size_t
attrs_room(const struct attrs *a)
{
	return list_room(a->n, sizeof *a->v);
}

size_t
span_unpack_room(const struct span *s)
{
	size_t n = attrs_room(&s->attrs) + list_room(s->n_events, sizeof *s->events) +
	    list_room(s->n_links, sizeof *s->links) + list_room(0, sizeof *s->resource) +
	    list_room(0, sizeof *s->scope) + attrs_room(&s->resource->attrs) +
	    attrs_room(&s->scope->attrs);

	for (uint32_t i = 0; i < s->n_events; i++)
		n += attrs_room(&s->events[i].attrs);
	for (uint32_t i = 0; i < s->n_links; i++)
		n += attrs_room(&s->links[i].attrs);
	return n;
}

static int
none(struct err *e)
{
	return err_set(e, ERR_IO, -1, "spilled spans don't read back");
}

int
span_unpack_ids(struct cursor *c, struct trace_id *trace, uint64_t *span_id, struct err *e)
{
	*trace = get_trace_id(c);
	*span_id = cursor_u64(c);
	return c->bad ? none(e) : 0;
}

int
span_unpack(struct cursor *c, struct arena *a, struct span *out, struct err *e)
{
	struct reader r = { .c = c, .a = a };
	int rc;

	memset(out, 0, sizeof *out);
	if ((rc = span_unpack_ids(c, &out->trace_id, &out->span_id, e)) < 0)
		return rc;
	out->parent_span_id = cursor_u64(c);
	out->start_ns = cursor_u64(c);
	out->end_ns = cursor_u64(c);
	out->kind = (int32_t)cursor_varint(c);
	out->status = (int32_t)cursor_varint(c);
	out->flags = (uint32_t)cursor_varint(c);
	out->dropped_events = (uint32_t)cursor_varint(c);
	out->dropped_links = (uint32_t)cursor_varint(c);
	out->line_bytes = (uint32_t)cursor_varint(c);
	out->name = cursor_str(c);
	out->status_message = cursor_str(c);
	out->trace_state = cursor_str(c);
	get_attrs(&r, &out->attrs, &out->dropped_attrs);
	get_events(&r, out);
	get_links(&r, out);
	get_origin(&r, out);
	if (r.oom)
		return err_nomem(e);
	return c->bad || cursor_left(c) != 0 ? none(e) : 0;
}
