/* SPDX-License-Identifier: ISC */
/*
 * fmt_otlp: otlp.jsonl: OTLP JSON (reference: the protocol's JSON mapping), everything that
 * the store knows of a span. One line, a request, for consecutive rows of equal resource,
 * scope and schema URLs, at most LINE_SPANS spans. Keys are lowerCamelCase in the order of
 * the protobuf fields, ids hex, 64-bit integers strings, enums integers, bytes base64;
 * members with their default value are left out ("status" as a whole, too), and so is the
 * wrapper of an empty resource or scope.
 *
 * The line at the end of a batch is held back, since the next batch may join it: resource
 * and scope are then compared by their text, for pointers only mean something in a batch.
 * JSON is UTF-8: bytes that are not come out as U+FFFD here as well.
 */
#include "base/limits.h"
#include "format_i.h"

#define LINE_SPANS 1000

struct otlp {
	const struct resource *resource;	/* of the line, if of this batch; else NULL */
	const struct scope *scope;
	struct buf head, tail;		/* what stands around the spans of the line */
	struct buf next_head, next_tail;	/* of the span at hand, if that differs */
	size_t n_spans;			/* in the line; 0: none is open */
};

/* Appends `"key":`, with a comma if the object has begun. */
static void
put_key(struct buf *b, const char *key)
{
	if (!b->oom && b->p[b->n - 1] != '{')
		buf_putc(b, ',');
	buf_putc(b, '"');
	buf_str(b, key);
	BUF_LIT(b, "\":");
}

static void
put_string(struct buf *b, const char *key, struct sv s)
{
	if (s.n == 0)
		return;
	put_key(b, key);
	json_string(b, s);
}

static void
put_u32(struct buf *b, const char *key, uint32_t v)
{
	if (v == 0)
		return;
	put_key(b, key);
	buf_u64(b, v);
}

static void
put_enum(struct buf *b, const char *key, int32_t v)
{
	if (v == 0)
		return;
	put_key(b, key);
	buf_i64(b, v);
}

static void
put_nano(struct buf *b, const char *key, uint64_t v)
{
	if (v == 0)
		return;
	put_key(b, key);
	buf_putc(b, '"');
	buf_u64(b, v);
	buf_putc(b, '"');
}

static void
put_id(struct buf *b, const char *key, uint64_t id)
{
	if (id == 0)
		return;
	put_key(b, key);
	buf_putc(b, '"');
	put_span_id(b, id);
	buf_putc(b, '"');
}

static void
put_trace(struct buf *b, struct trace_id id)
{
	if (trace_id_zero(id))
		return;
	put_key(b, "traceId");
	buf_putc(b, '"');
	put_trace_id(b, id);
	buf_putc(b, '"');
}

static void put_value(struct buf *, const struct value *, unsigned depth);

static void
put_array(struct buf *b, struct sv packed, unsigned depth)
{
	struct cursor c = cursor_new(packed.p, packed.n);
	struct value v;
	bool any = false;

	BUF_LIT(b, "{\"arrayValue\":{");
	for (; value_array_next(&c, &v); any = true) {
		buf_str(b, any ? "," : "\"values\":[");
		put_value(b, &v, depth + 1);
	}
	buf_str(b, any ? "]}}" : "}}");
}

static void
put_map(struct buf *b, struct sv packed, unsigned depth)
{
	struct cursor c = cursor_new(packed.p, packed.n);
	struct value v;
	struct sv key;
	bool any = false;

	BUF_LIT(b, "{\"kvlistValue\":{");
	for (; value_map_next(&c, &key, &v); any = true) {
		buf_str(b, any ? ",{\"key\":" : "\"values\":[{\"key\":");
		json_string(b, key);
		BUF_LIT(b, ",\"value\":");
		put_value(b, &v, depth + 1);
		buf_putc(b, '}');
	}
	buf_str(b, any ? "]}}" : "}}");
}

/* An AnyValue. What nests deeper than values may is damage and shown as the empty value. */
static void
put_value(struct buf *b, const struct value *v, unsigned depth)
{
	switch (v->type) {
	case VAL_EMPTY:
		break;
	case VAL_STRING:
		BUF_LIT(b, "{\"stringValue\":");
		json_string(b, v->s);
		buf_putc(b, '}');
		return;
	case VAL_BOOL:
		buf_str(b, v->b ? "{\"boolValue\":true}" : "{\"boolValue\":false}");
		return;
	case VAL_INT:
		BUF_LIT(b, "{\"intValue\":\"");
		buf_i64(b, v->i);
		BUF_LIT(b, "\"}");
		return;
	case VAL_DOUBLE:
		BUF_LIT(b, "{\"doubleValue\":");
		json_double(b, v->d);
		buf_putc(b, '}');
		return;
	case VAL_BYTES:
		BUF_LIT(b, "{\"bytesValue\":\"");
		buf_base64(b, v->s.p, v->s.n);
		BUF_LIT(b, "\"}");
		return;
	case VAL_ARRAY:
		if (depth > LIMIT_VALUE_DEPTH)
			break;
		put_array(b, v->s, depth);
		return;
	case VAL_MAP:
		if (depth > LIMIT_VALUE_DEPTH)
			break;
		put_map(b, v->s, depth);
		return;
	}
	BUF_LIT(b, "{}");
}

static void
put_attrs(struct buf *b, const struct attrs *a, uint32_t dropped)
{
	if (a->n != 0) {
		put_key(b, "attributes");
		for (uint32_t i = 0; i < a->n; i++) {
			buf_str(b, i == 0 ? "[{\"key\":" : ",{\"key\":");
			json_string(b, a->v[i].key);
			BUF_LIT(b, ",\"value\":");
			put_value(b, &a->v[i].val, 0);
			buf_putc(b, '}');
		}
		buf_putc(b, ']');
	}
	put_u32(b, "droppedAttributesCount", dropped);
}

/* A list of strings of an entity reference. */
static void
put_strings(struct buf *b, const char *key, const struct value *list)
{
	struct cursor c = cursor_new(list->s.p, list->s.n);
	struct value v;
	bool any = false;

	put_key(b, key);
	for (; value_array_next(&c, &v); any = true) {
		buf_putc(b, any ? ',' : '[');
		json_string(b, v.type == VAL_STRING ? v.s : SV_EMPTY);
	}
	buf_str(b, any ? "]" : "[]");
}

/* An EntityRef from its map, whose keys are those of the protobuf fields. */
static void
put_entity(struct buf *b, struct sv packed)
{
	static const struct {
		const char *field, *key;
	} names[] = {
		{ "schema_url", "schemaUrl" }, { "type", "type" }, { "id_keys", "idKeys" },
		{ "description_keys", "descriptionKeys" },
	};

	buf_putc(b, '{');
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct cursor c = cursor_new(packed.p, packed.n);
		struct value v;
		struct sv key;

		while (value_map_next(&c, &key, &v)) {
			if (!sv_is(key, names[i].field))
				continue;
			if (v.type == VAL_STRING)
				put_string(b, names[i].key, v.s);
			else if (v.type == VAL_ARRAY && v.s.n != 0)
				put_strings(b, names[i].key, &v);
		}
	}
	buf_putc(b, '}');
}

static void
put_entities(struct buf *b, const struct value *refs)
{
	struct cursor c;
	struct value v;
	bool any = false;

	if (refs->type != VAL_ARRAY || refs->s.n == 0)
		return;
	c = cursor_new(refs->s.p, refs->s.n);
	put_key(b, "entityRefs");
	for (; value_array_next(&c, &v); any = true) {
		buf_putc(b, any ? ',' : '[');
		put_entity(b, v.type == VAL_MAP ? v.s : SV_EMPTY);
	}
	buf_str(b, any ? "]" : "[]");
}

static void
put_events(struct buf *b, const struct span *s)
{
	if (s->n_events != 0)
		put_key(b, "events");
	for (uint32_t i = 0; i < s->n_events; i++) {
		const struct event *ev = &s->events[i];

		buf_str(b, i == 0 ? "[{" : ",{");
		put_nano(b, "timeUnixNano", ev->time_ns);
		put_string(b, "name", ev->name);
		put_attrs(b, &ev->attrs, ev->dropped_attrs);
		buf_putc(b, '}');
	}
	if (s->n_events != 0)
		buf_putc(b, ']');
	put_u32(b, "droppedEventsCount", s->dropped_events);
}

static void
put_links(struct buf *b, const struct span *s)
{
	if (s->n_links != 0)
		put_key(b, "links");
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct link *l = &s->links[i];

		buf_str(b, i == 0 ? "[{" : ",{");
		put_trace(b, l->trace_id);
		put_id(b, "spanId", l->span_id);
		put_string(b, "traceState", l->trace_state);
		put_attrs(b, &l->attrs, l->dropped_attrs);
		put_u32(b, "flags", l->flags);
		buf_putc(b, '}');
	}
	if (s->n_links != 0)
		buf_putc(b, ']');
	put_u32(b, "droppedLinksCount", s->dropped_links);
}

static void
put_span(struct buf *b, const struct span *s)
{
	buf_putc(b, '{');
	put_trace(b, s->trace_id);
	put_id(b, "spanId", s->span_id);
	put_string(b, "traceState", s->trace_state);
	put_id(b, "parentSpanId", s->parent_span_id);
	put_string(b, "name", s->name);
	put_enum(b, "kind", s->kind);
	put_nano(b, "startTimeUnixNano", s->start_ns);
	put_nano(b, "endTimeUnixNano", s->end_ns);
	put_attrs(b, &s->attrs, s->dropped_attrs);
	put_events(b, s);
	put_links(b, s);
	if (s->status != 0 || s->status_message.n != 0) {
		put_key(b, "status");
		buf_putc(b, '{');
		put_string(b, "message", s->status_message);
		put_enum(b, "code", s->status);
		buf_putc(b, '}');
	}
	put_u32(b, "flags", s->flags);
	buf_putc(b, '}');
}

static void
render_resource(struct buf *b, const void *key)
{
	const struct resource *r = key;

	if (r->attrs.n == 0 && r->dropped_attrs == 0 &&
	    (r->entity_refs.type != VAL_ARRAY || r->entity_refs.s.n == 0))
		return;
	BUF_LIT(b, "\"resource\":{");
	put_attrs(b, &r->attrs, r->dropped_attrs);
	put_entities(b, &r->entity_refs);
	BUF_LIT(b, "},");
}

static void
render_scope(struct buf *b, const void *key)
{
	const struct scope *s = key;

	if (s->name.n == 0 && s->version.n == 0 && s->attrs.n == 0 && s->dropped_attrs == 0)
		return;
	BUF_LIT(b, "\"scope\":{");
	put_string(b, "name", s->name);
	put_string(b, "version", s->version);
	put_attrs(b, &s->attrs, s->dropped_attrs);
	BUF_LIT(b, "},");
}

static void
render_head(struct formatter *f, struct buf *b, const struct span *s)
{
	BUF_LIT(b, "{\"resourceSpans\":[{");
	buf_sv(b, render_cached(&f->render.resources, s->resource, render_resource));
	BUF_LIT(b, "\"scopeSpans\":[{");
	buf_sv(b, render_cached(&f->render.scopes, s->scope, render_scope));
	BUF_LIT(b, "\"spans\":[");
}

static void
render_tail(struct buf *b, const struct span *s)
{
	buf_putc(b, ']');
	put_string(b, "schemaUrl", s->scope->schema_url);
	BUF_LIT(b, "}]");
	put_string(b, "schemaUrl", s->resource->schema_url);
	BUF_LIT(b, "}]}\n");
}

static void
release(struct formatter *f)
{
	struct otlp *o = f->state;

	buf_release(&o->head);
	buf_release(&o->tail);
	buf_release(&o->next_head);
	buf_release(&o->next_tail);
}

int
otlp_begin(struct formatter *f, struct buf *out, struct err *e)
{
	(void)out;
	if ((f->state = arena_new(&f->arena, struct otlp)) == NULL)
		return err_nomem(e);
	f->release = release;
	return 0;
}

/* True if the span is of the line's resource and scope; else its head and tail are in next. */
static bool
same_origin(struct formatter *f, struct otlp *o, const struct span *s)
{
	if (s->resource == o->resource && s->scope == o->scope)
		return true;
	o->resource = s->resource;
	o->scope = s->scope;
	o->next_head.n = o->next_tail.n = 0;
	render_head(f, &o->next_head, s);
	render_tail(&o->next_tail, s);
	return sv_eq(buf_view(&o->head), buf_view(&o->next_head)) &&
	    sv_eq(buf_view(&o->tail), buf_view(&o->next_tail));
}

static void
swap(struct buf *a, struct buf *b)
{
	struct buf x = *a;

	*a = *b;
	*b = x;
}

static int
check_memory(const struct formatter *f, const struct otlp *o, const struct buf *out,
    struct err *e)
{
	bool oom = out->oom || o->head.oom || o->tail.oom || o->next_head.oom ||
	    o->next_tail.oom || render_ok(&f->render, NULL) < 0;

	return oom ? err_nomem(e) : 0;
}

int
otlp_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	struct otlp *o = f->state;
	size_t line = out->n;
	int code;

	o->resource = NULL;
	o->scope = NULL;
	buf_sv(out, buf_view(&f->held));
	for (size_t i = 0; i < b->n; i++) {
		bool same = same_origin(f, o, b->spans[i].span);

		if (same && o->n_spans != 0 && o->n_spans < LINE_SPANS)
			buf_putc(out, ',');
		else {
			if (o->n_spans != 0)
				buf_sv(out, buf_view(&o->tail));
			if (!same) {
				swap(&o->head, &o->next_head);
				swap(&o->tail, &o->next_tail);
			}
			line = out->n;
			buf_sv(out, buf_view(&o->head));
			o->n_spans = 0;
		}
		put_span(out, b->spans[i].span);
		o->n_spans++;
	}
	if ((code = check_memory(f, o, out, e)) < 0)
		return code;
	f->held.n = 0;
	buf_put(&f->held, out->p + line, out->n - line);
	out->n = line;
	return 0;
}

int
otlp_end(struct formatter *f, struct buf *out, struct err *e)
{
	struct otlp *o = f->state;

	(void)e;
	if (o->n_spans == 0)
		return 0;
	buf_sv(out, buf_view(&f->held));
	buf_sv(out, buf_view(&o->tail));
	o->n_spans = 0;
	return 0;
}
