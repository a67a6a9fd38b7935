/* SPDX-License-Identifier: ISC */
/* wire_write: see wire_write.h. Out of memory is not handled: buf_ok is for the caller. */
#include "lib/wire_write.h"

static void
tag(struct buf *b, uint32_t num, unsigned type)
{
	buf_varint(b, (uint64_t)num << 3 | type);
}

void
wire_varint(struct buf *b, uint32_t num, uint64_t v)
{
	tag(b, num, 0);
	buf_varint(b, v);
}

static void
little_endian(struct buf *b, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

void
wire_fixed64(struct buf *b, uint32_t num, uint64_t v)
{
	tag(b, num, 1);
	little_endian(b, v, 8);
}

void
wire_fixed32(struct buf *b, uint32_t num, uint32_t v)
{
	tag(b, num, 5);
	little_endian(b, v, 4);
}

void
wire_bytes(struct buf *b, uint32_t num, struct sv s)
{
	tag(b, num, 2);
	buf_varint(b, s.n);
	buf_sv(b, s);
}

void
wire_text(struct buf *b, uint32_t num, const char *s)
{
	wire_bytes(b, num, sv_cstr(s));
}

void
wire_message(struct buf *b, uint32_t num, struct buf *from)
{
	wire_bytes(b, num, buf_view(from));
	buf_release(from);
}

static void
text_if(struct buf *b, uint32_t num, struct sv s)
{
	if (s.n != 0)
		wire_bytes(b, num, s);
}

static void
number_if(struct buf *b, uint32_t num, uint64_t v)
{
	if (v != 0)
		wire_varint(b, num, v);
}

static void any_value(struct buf *, const struct value *);

static void
key_value(struct buf *b, uint32_t num, struct sv key, const struct value *v)
{
	struct buf kv = BUF_INIT, any = BUF_INIT;

	wire_bytes(&kv, 1, key);
	any_value(&any, v);
	wire_message(&kv, 2, &any);
	wire_message(b, num, &kv);
}

static void
compound(struct buf *b, const struct value *v)
{
	struct cursor c = cursor_new(v->s.p, v->s.n);
	struct buf list = BUF_INIT, any = BUF_INIT;
	struct value x;
	struct sv key;

	if (v->type == VAL_ARRAY)
		while (value_array_next(&c, &x)) {
			any_value(&any, &x);
			wire_message(&list, 1, &any);
		}
	else
		while (value_map_next(&c, &key, &x))
			key_value(&list, 1, key, &x);
	wire_message(b, v->type == VAL_ARRAY ? 5 : 6, &list);
}

static void
any_value(struct buf *b, const struct value *v)
{
	uint64_t bits;

	switch (v->type) {
	case VAL_EMPTY:
		break;
	case VAL_STRING:
		wire_bytes(b, 1, v->s);
		break;
	case VAL_BOOL:
		wire_varint(b, 2, v->b);
		break;
	case VAL_INT:
		wire_varint(b, 3, (uint64_t)v->i);
		break;
	case VAL_DOUBLE:
		memcpy(&bits, &v->d, 8);
		wire_fixed64(b, 4, bits);
		break;
	case VAL_BYTES:
		wire_bytes(b, 7, v->s);
		break;
	case VAL_ARRAY:
	case VAL_MAP:
		compound(b, v);
		break;
	}
}

static void
attributes(struct buf *b, uint32_t num, const struct attrs *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		key_value(b, num, a->v[i].key, &a->v[i].val);
}

static void
ids(struct buf *b, struct trace_id trace_id, uint64_t span_id)
{
	uint8_t raw[16];

	trace_id_to_bytes(trace_id, raw);
	wire_bytes(b, 1, sv_new(raw, 16));
	span_id_to_bytes(span_id, raw);
	wire_bytes(b, 2, sv_new(raw, 8));
}

static void
events_and_links(struct buf *b, const struct span *s)
{
	for (uint32_t i = 0; i < s->n_events; i++) {
		const struct event *e = &s->events[i];
		struct buf m = BUF_INIT;

		wire_fixed64(&m, 1, e->time_ns);
		text_if(&m, 2, e->name);
		attributes(&m, 3, &e->attrs);
		number_if(&m, 4, e->dropped_attrs);
		wire_message(b, 11, &m);
	}
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct link *l = &s->links[i];
		struct buf m = BUF_INIT;

		ids(&m, l->trace_id, l->span_id);
		text_if(&m, 3, l->trace_state);
		attributes(&m, 4, &l->attrs);
		number_if(&m, 5, l->dropped_attrs);
		wire_fixed32(&m, 6, l->flags);
		wire_message(b, 13, &m);
	}
}

void
wire_span(struct buf *b, const struct span *s)
{
	struct buf status = BUF_INIT;
	uint8_t parent[8];

	ids(b, s->trace_id, s->span_id);
	text_if(b, 3, s->trace_state);
	span_id_to_bytes(s->parent_span_id, parent);
	if (s->parent_span_id != 0)
		wire_bytes(b, 4, sv_new(parent, 8));
	text_if(b, 5, s->name);
	number_if(b, 6, (uint64_t)(int64_t)s->kind);
	wire_fixed64(b, 7, s->start_ns);
	wire_fixed64(b, 8, s->end_ns);
	attributes(b, 9, &s->attrs);
	number_if(b, 10, s->dropped_attrs);
	events_and_links(b, s);
	number_if(b, 12, s->dropped_events);
	number_if(b, 14, s->dropped_links);
	text_if(&status, 2, s->status_message);
	number_if(&status, 3, (uint64_t)(int64_t)s->status);
	wire_message(b, 15, &status);
	wire_fixed32(b, 16, s->flags);
}

static void
resource(struct buf *b, const struct resource *r)
{
	attributes(b, 1, &r->attrs);
	number_if(b, 2, r->dropped_attrs);
}

static void
scope(struct buf *b, const struct scope *sc)
{
	text_if(b, 1, sc->name);
	text_if(b, 2, sc->version);
	attributes(b, 3, &sc->attrs);
	number_if(b, 4, sc->dropped_attrs);
}

void
wire_request(struct buf *b, const struct span *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		const struct resource *r = s[i].resource;
		struct buf rs = BUF_INIT, m = BUF_INIT;

		resource(&m, r);
		wire_message(&rs, 1, &m);
		while (i < n && s[i].resource == r) {
			const struct scope *sc = s[i].scope;
			struct buf ss = BUF_INIT;

			scope(&m, sc);
			wire_message(&ss, 1, &m);
			for (; i < n && s[i].resource == r && s[i].scope == sc; i++) {
				wire_span(&m, &s[i]);
				wire_message(&ss, 2, &m);
			}
			text_if(&ss, 3, sc->schema_url);
			wire_message(&rs, 2, &ss);
		}
		text_if(&rs, 3, r->schema_url);
		wire_message(b, 1, &rs);
	}
}
