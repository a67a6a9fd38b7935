/* SPDX-License-Identifier: ISC */
/*
 * span: see model/span.h. span_hash lays the span out as one run of bytes, where every
 * string and list has its count before it, so that no two spans share an image; the image is
 * gathered in a small buffer and streamed through the hash, never held whole.
 */
#include "model/span.h"

#include "base/vec.h"
#include "base/varint.h"

static const char *const kind_names[] = {
	"unspecified", "internal", "server", "client", "producer", "consumer"
};
static const char *const status_names[] = { "unset", "ok", "error" };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *
name_of(const char *const *names, size_t n, int32_t i)
{
	return i >= 0 && (size_t)i < n ? names[i] : NULL;
}

static bool
number_of(const char *const *names, size_t n, struct sv s, int32_t *out)
{
	for (size_t i = 0; i < n; i++)
		if (sv_is(s, names[i])) {
			*out = (int32_t)i;
			return true;
		}
	return false;
}

const char *
span_kind_name(int32_t kind)
{
	return name_of(kind_names, COUNT(kind_names), kind);
}

const char *
span_status_name(int32_t status)
{
	return name_of(status_names, COUNT(status_names), status);
}

bool
span_kind_parse(struct sv s, int32_t *out)
{
	return number_of(kind_names, COUNT(kind_names), s, out);
}

bool
span_status_parse(struct sv s, int32_t *out)
{
	return number_of(status_names, COUNT(status_names), s, out);
}

bool
resource_eq(const struct resource *a, const struct resource *b)
{
	return a == b || (a->dropped_attrs == b->dropped_attrs &&
	    sv_eq(a->schema_url, b->schema_url) && attrs_eq(&a->attrs, &b->attrs) &&
	    value_eq(&a->entity_refs, &b->entity_refs));
}

bool
scope_eq(const struct scope *a, const struct scope *b)
{
	return a == b || (a->dropped_attrs == b->dropped_attrs &&
	    sv_eq(a->name, b->name) && sv_eq(a->version, b->version) &&
	    sv_eq(a->schema_url, b->schema_url) && attrs_eq(&a->attrs, &b->attrs));
}

/* The image on its way into the hash. A span that fits the buffer is hashed in one call. */
struct image {
	struct hash_stream h;
	bool streaming;
	size_t n;
	uint8_t buf[2048];
};

static void
flush(struct image *m)
{
	if (!m->streaming)
		hash_stream_init(&m->h);
	m->streaming = true;
	hash_stream_add(&m->h, m->buf, m->n);
	m->n = 0;
}

/* A place for n bytes, at most ROOM; the caller moves m->n on. */
#define ROOM 256

static inline uint8_t *
room(struct image *m)
{
	if (sizeof m->buf - m->n < ROOM)
		flush(m);
	return m->buf + m->n;
}

/* Keys and values are mostly short: two moves that may overlap instead of a call. */
static inline void
copy_short(uint8_t *to, const char *from, size_t n)
{
	uint64_t a[2], b[2];

	if (n > 32)
		memcpy(to, from, n);
	else if (n >= 16) {
		memcpy(a, from, 16);
		memcpy(b, from + n - 16, 16);
		memcpy(to, a, 16);
		memcpy(to + n - 16, b, 16);
	} else if (n >= 8) {
		memcpy(a, from, 8);
		memcpy(b, from + n - 8, 8);
		memcpy(to, a, 8);
		memcpy(to + n - 8, b, 8);
	} else
		for (size_t i = 0; i < n; i++)
			to[i] = (uint8_t)from[i];
}

static inline void
put_u64(struct image *m, uint64_t v)
{
	m->n += varint_encode(room(m), v);
}

static inline void
put_sv(struct image *m, struct sv s)
{
	uint8_t *p = room(m);
	size_t n = varint_encode(p, s.n);

	m->n += n;
	if (s.n <= ROOM - VARINT_MAX) {
		copy_short(p + n, s.p, s.n);
		m->n += s.n;
		return;
	}
	flush(m);
	hash_stream_add(&m->h, s.p, s.n);
}

static void
put_value(struct image *m, const struct value *v)
{
	uint64_t bits;

	put_u64(m, (uint64_t)v->type);
	switch (v->type) {
	case VAL_EMPTY:
		break;
	case VAL_BOOL:
		put_u64(m, v->b);
		break;
	case VAL_INT:
		put_u64(m, (uint64_t)v->i);
		break;
	case VAL_DOUBLE:
		memcpy(&bits, &v->d, 8);
		put_u64(m, bits);
		break;
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		put_sv(m, v->s);
		break;
	}
}

static void
put_attrs(struct image *m, const struct attrs *a, uint32_t dropped)
{
	put_u64(m, dropped);
	put_u64(m, a->n);
	for (uint32_t i = 0; i < a->n; i++) {
		put_sv(m, a->v[i].key);
		put_value(m, &a->v[i].val);
	}
}

static void
put_trace_id(struct image *m, struct trace_id id)
{
	trace_id_to_bytes(id, room(m));
	m->n += 16;
}

static void
put_events(struct image *m, const struct span *s)
{
	put_u64(m, s->n_events);
	for (uint32_t i = 0; i < s->n_events; i++) {
		const struct event *e = &s->events[i];

		put_u64(m, e->time_ns);
		put_sv(m, e->name);
		put_attrs(m, &e->attrs, e->dropped_attrs);
	}
}

static void
put_links(struct image *m, const struct span *s)
{
	put_u64(m, s->n_links);
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct link *l = &s->links[i];

		put_trace_id(m, l->trace_id);
		put_u64(m, l->span_id);
		put_sv(m, l->trace_state);
		put_u64(m, l->flags);
		put_attrs(m, &l->attrs, l->dropped_attrs);
	}
}

static void
put_origin(struct image *m, const struct resource *r, const struct scope *sc)
{
	put_attrs(m, &r->attrs, r->dropped_attrs);
	put_sv(m, r->schema_url);
	put_value(m, &r->entity_refs);
	put_sv(m, sc->name);
	put_sv(m, sc->version);
	put_sv(m, sc->schema_url);
	put_attrs(m, &sc->attrs, sc->dropped_attrs);
}

struct hash128
span_hash(const struct span *s)
{
	struct image m;

	m.streaming = false;
	m.n = 0;
	put_trace_id(&m, s->trace_id);
	put_u64(&m, s->span_id);
	put_u64(&m, s->parent_span_id);
	put_u64(&m, s->start_ns);
	put_u64(&m, s->end_ns);
	put_u64(&m, (uint32_t)s->kind);
	put_u64(&m, (uint32_t)s->status);
	put_u64(&m, s->flags);
	put_u64(&m, s->dropped_events);
	put_u64(&m, s->dropped_links);
	put_sv(&m, s->name);
	put_sv(&m, s->status_message);
	put_sv(&m, s->trace_state);
	put_attrs(&m, &s->attrs, s->dropped_attrs);
	put_events(&m, s);
	put_links(&m, s);
	put_origin(&m, s->resource, s->scope);
	if (!m.streaming)
		return hash128(m.buf, m.n);
	flush(&m);
	return hash_stream_end(&m.h);
}

void
span_batch_init(struct span_batch *b)
{
	*b = (struct span_batch){ .n = 0 };
	arena_init(&b->arena);
}

void
span_batch_release(struct span_batch *b)
{
	arena_release(&b->arena);
	free(b->spans);
	*b = (struct span_batch){ .n = 0 };
}

void
span_batch_reset(struct span_batch *b)
{
	arena_reset(&b->arena);
	b->n = 0;
}

struct span *
span_batch_add(struct span_batch *b)
{
	struct span *s;

	if (b->n == b->cap &&
	    !vec_grow((void **)&b->spans, &b->cap, b->n + 1, sizeof *b->spans))
		return NULL;
	s = &b->spans[b->n++];
	memset(s, 0, sizeof *s);
	return s;
}
