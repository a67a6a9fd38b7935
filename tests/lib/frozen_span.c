/* SPDX-License-Identifier: ISC */
/*
 * frozen_span: see frozen_span.h. Plain arithmetic on the span's number, so that every encoding
 * and presence of a chunk occurs: constants, runs, rising times, random ids, few and many
 * different strings, attributes of every type on all, some, few and one span.
 */
#include "frozen_span.h"

#define MAX_ATTRS 32

/* Of its own, so that it never changes. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct maker {
	struct arena *a;
	struct attr v[MAX_ATTRS];
	uint32_t n;
};

static void
put(struct maker *m, const char *key, struct value val)
{
	m->v[m->n++] = (struct attr){ sv_cstr(key), val };
}

static struct value
text(const char *s)
{
	return (struct value){ .type = VAL_STRING, .s = sv_cstr(s) };
}

static struct value
number(int64_t i)
{
	return (struct value){ .type = VAL_INT, .i = i };
}

/* An array of two numbers, or a map of two levels. */
static struct value
nested(struct arena *a, unsigned i, bool map)
{
	struct value x = number(i % 4), y = text(i % 2 ? "odd" : "even"), in, out;
	struct buf b = BUF_INIT, c = BUF_INIT;

	value_pack(&b, &x);
	value_pack(&b, &y);
	in = (struct value){ .type = VAL_ARRAY, .s = arena_sv(a, buf_view(&b)) };
	if (map) {
		buf_varint(&c, 1);
		BUF_LIT(&c, "a");
		value_pack(&c, &in);
		buf_varint(&c, 1);
		BUF_LIT(&c, "b");
		value_pack(&c, &x);
		out = (struct value){ .type = VAL_MAP, .s = arena_sv(a, buf_view(&c)) };
	} else
		out = in;
	buf_release(&b);
	buf_release(&c);
	return out;
}

static struct attrs
done(struct maker *m)
{
	struct attrs out = { arena_array(m->a, m->n, struct attr), m->n };

	if (out.v != NULL)
		memcpy(out.v, m->v, m->n * sizeof *m->v);
	attrs_normalize(&out);
	return out;
}

static struct attrs
span_attrs(struct arena *a, unsigned i)
{
	static const char *const route[] = { "/", "/cart", "/cart/checkout", "/product/{id}" };
	static const char raw[] = "\0\1\2\377\376";
	struct maker m = { .a = a };

	put(&m, "http.route", text(route[i * 7 % 4]));
	put(&m, "http.request.id", text(arena_printf(a, "req-%08x", i * 2654435761u)));
	put(&m, "http.response.status_code", number(i % 13 == 0 ? 500 : 200));
	if (i % 3 == 0)
		put(&m, "ratio", (struct value){ .type = VAL_DOUBLE, .d = (double)i / 7 });
	if (i % 2 == 0)
		put(&m, "ok", (struct value){ .type = VAL_BOOL, .b = i % 4 == 0 });
	if (i % 17 == 0)
		put(&m, "empty", (struct value){ .type = VAL_EMPTY });
	if (i % 5 == 1)
		put(&m, "raw", (struct value){ .type = VAL_BYTES, .s = { raw, i % 6 } });
	if (i % 5 == 2)
		put(&m, "tags", nested(a, i, false));
	if (i % 6 == 3)
		put(&m, "meta", nested(a, i, true));
	put(&m, "mixed", i % 2 ? number((int64_t)i * -1000000007) : text("word"));
	if (i == 100)
		put(&m, "once", text("only here"));
	return done(&m);
}

/* One span has more keys than the shard has columns: some go to the rest column. */
static struct attrs
many_attrs(struct arena *a)
{
	struct attrs out = { arena_array(a, FROZEN_REST_KEYS, struct attr), 0 };

	for (; out.v != NULL && out.n < FROZEN_REST_KEYS; out.n++)
		out.v[out.n] = (struct attr){
			sv_cstr(arena_printf(a, "key.%04u", out.n)), number(out.n % 3) };
	return out;
}

static struct event *
events_of(struct arena *a, unsigned i, uint32_t n)
{
	struct event *ev = arena_array(a, n, struct event);

	for (uint32_t k = 0; ev != NULL && k < n; k++) {
		struct maker m = { .a = a };

		put(&m, "exception.type", text(k % 2 ? "IOError" : "ValueError"));
		if (k == 0)
			put(&m, "attempt", number(i));
		ev[k] = (struct event){ .time_ns = FROZEN_HOUR + i * 1000 + k,
		    .name = k == 0 ? SV("exception") : SV("retry"), .attrs = done(&m),
		    .dropped_attrs = k };
	}
	return ev;
}

static struct link *
links_of(struct arena *a, unsigned i, uint32_t n)
{
	struct link *ln = arena_array(a, n, struct link);

	for (uint32_t k = 0; ln != NULL && k < n; k++) {
		struct maker m = { .a = a };

		put(&m, "why", text("follows"));
		ln[k] = (struct link){ .trace_id = { 7, i }, .span_id = 1000 + k,
		    .trace_state = k == 0 ? SV("a=b") : SV_EMPTY, .attrs = done(&m),
		    .dropped_attrs = k, .flags = 256 + k };
	}
	return ln;
}

static struct resource *
resource_of(struct arena *a, unsigned service)
{
	static const char *const name[] = { "cart", "checkout", "frontend" };
	struct resource *r = arena_new(a, struct resource);
	struct maker m = { .a = a };

	if (r == NULL)
		return NULL;
	put(&m, "service.name", text(name[service]));
	put(&m, "host.name", text("node-1"));
	put(&m, "process.pid", number(4000 + service));
	r->attrs = done(&m);
	r->service = sv_cstr(name[service]);
	r->dropped_attrs = service;
	if (service == 2) {
		r->schema_url = SV("https://opentelemetry.io/schemas/1.37.0");
		r->entity_refs = nested(a, 1, false);
	}
	return r;
}

static void
fill(struct arena *a, struct span *s, unsigned i)
{
	static const char *const name[] = { "GET /", "POST /cart", "render", "SELECT", "work" };
	uint64_t id = mix(i + 1);

	s->trace_id = (struct trace_id){ mix(i / 6 + 1), i / 6 + 1 };
	s->span_id = id;
	s->parent_span_id = i % 6 == 0 ? (i % 12 == 0 ? 0 : 0xabcd0000 + i) : mix(i);
	s->start_ns = FROZEN_HOUR + i * UINT64_C(3999999000);
	s->end_ns = s->start_ns + (i % 50 == 7 ? UINT64_C(0) - 5 : id % 90000000);
	s->kind = i % 50 == 9 ? 17 : (int32_t)(i % 6);
	s->status = i % 13 == 0 ? STATUS_ERROR : (int32_t)(i / 300 % 2);
	s->flags = i % 4 == 0 ? 0x101 : 0;
	s->name = sv_cstr(name[i * 3 % 5]);
	s->attrs = i == 555 ? many_attrs(a) : span_attrs(a, i);
	if (i % 13 == 0) {
		s->status_message = SV("it failed");
		s->n_events = 1 + i % 3;
		s->events = events_of(a, i, s->n_events);
	}
	if (i % 31 == 0) {
		s->trace_state = SV("vendor=1");
		s->n_links = 1 + i % 2;
		s->links = links_of(a, i, s->n_links);
		s->dropped_attrs = i;
		s->dropped_events = 1;
		s->dropped_links = 2;
	}
}

bool
frozen_spans(struct span_batch *b)
{
	struct resource *r[3];
	struct scope *sc = arena_array(&b->arena, 2, struct scope);

	for (unsigned i = 0; i < 3; i++)
		r[i] = resource_of(&b->arena, i);
	if (sc == NULL || r[0] == NULL || r[1] == NULL || r[2] == NULL)
		return false;
	sc[1] = (struct scope){ .name = SV("lib"), .version = SV("1.2"), .attrs = r[0]->attrs,
		.dropped_attrs = 3, .schema_url = SV("https://example.com/schema") };
	for (unsigned i = 0; i < FROZEN_SPANS; i++) {
		struct span *s = span_batch_add(b);

		if (s == NULL)
			return false;
		fill(&b->arena, s, i);
		s->resource = r[i * 7 / 11 % 3];
		s->scope = &sc[i / 50 % 2];
	}
	return true;
}
