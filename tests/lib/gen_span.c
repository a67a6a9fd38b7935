/* SPDX-License-Identifier: ISC */
/* gen_span: see gen_span.h. The generator of numbers is SplitMix64. */
#include "lib/gen_span.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define LONG_BYTES (1u << 20)

void
gen_span_init(struct gen_span *g, const struct gen_span_options *opts)
{
	*g = (struct gen_span){ .opts = *opts, .state = opts->seed * 2 + 1 };
	if (g->opts.range_ns == 0)
		g->opts.range_ns = 3600 * UINT64_C(1000000000);
	if (g->opts.n_services == 0)
		g->opts.n_services = 5;
	if (g->opts.n_traces == 0)
		g->opts.n_traces = 100;
	if (g->opts.n_keys == 0)
		g->opts.n_keys = 40;
}

uint64_t
gen_span_random(struct gen_span *g)
{
	uint64_t z = g->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t
gen_span_below(struct gen_span *g, uint64_t n)
{
	return gen_span_random(g) % n;
}

static bool
one_in(struct gen_span *g, uint64_t n)
{
	return gen_span_below(g, n) == 0;
}

/* Random bytes, or of a small alphabet so that values repeat and share prefixes. */
static struct sv
bytes(struct gen_span *g, size_t n)
{
	bool wild = one_in(g, 10);
	char *p = arena_alloc(&g->batch->arena, n + 1);

	if (p == NULL)
		return SV_EMPTY;
	for (size_t i = 0; i < n; i++)
		p[i] = wild ? (char)(gen_span_random(g) & (g->opts.ascii ? 0x7f : 0xff)) : (char)('a' + gen_span_below(g, 3));
	return sv_new(p, n);
}

static struct sv
string(struct gen_span *g)
{
	switch (gen_span_below(g, 8)) {
	case 0:
		return sv_new("", 0);
	case 1:
		return sv_new("nul\0inside", 10);
	case 2:
		return bytes(g, gen_span_below(g, 300));
	case 3:		/* nearly always another one */
		return bytes(g, 24);
	default:
		return bytes(g, gen_span_below(g, 4));
	}
}

static int64_t
integer(struct gen_span *g)
{
	static const int64_t edge[] = { 0, 1, -1, INT64_MIN, INT64_MAX, 255, 256, INT32_MIN };

	switch (gen_span_below(g, 3)) {
	case 0:
		return edge[gen_span_below(g, sizeof edge / sizeof *edge)];
	case 1:
		return (int64_t)gen_span_random(g);
	default:
		return (int64_t)gen_span_below(g, 20);
	}
}

static double
real(struct gen_span *g)
{
	static const double edge[] = { 0.0, -0.0, 1.5, -1.5, DBL_MAX, DBL_MIN, INFINITY,
	    -INFINITY, NAN };

	if (one_in(g, 2))
		return edge[gen_span_below(g, sizeof edge / sizeof *edge)];
	return (double)integer(g) / 1000;
}

static struct value any_value(struct gen_span *g, unsigned depth);

/* The content of an array or map: entries in key order by construction. */
static struct sv
packed(struct gen_span *g, enum value_type type, unsigned depth)
{
	struct buf b = BUF_INIT;
	struct sv out;
	size_t n = gen_span_below(g, 4);

	for (size_t i = 0; i < n; i++) {
		struct value v = any_value(g, depth + 1);

		if (type == VAL_MAP) {
			buf_varint(&b, 2);
			buf_putc(&b, 'k');
			buf_putc(&b, (char)('0' + i));
		}
		value_pack(&b, &v);
	}
	out = arena_sv(&g->batch->arena, buf_view(&b));
	buf_release(&b);
	return out;
}

static struct value
any_value(struct gen_span *g, unsigned depth)
{
	struct value v = { .type = (enum value_type)gen_span_below(g, depth < 3 ? 8 : 6) };

	switch (v.type) {
	case VAL_EMPTY:
		break;
	case VAL_BOOL:
		v.b = one_in(g, 2);
		break;
	case VAL_INT:
		v.i = integer(g);
		break;
	case VAL_DOUBLE:
		v.d = real(g);
		break;
	case VAL_STRING:
	case VAL_BYTES:
		v.s = string(g);
		break;
	case VAL_ARRAY:
	case VAL_MAP:
		v.s = packed(g, v.type, depth);
		break;
	}
	return v;
}

/* Up to n attributes; a key mostly has one type. */
static struct attrs
attributes(struct gen_span *g, uint32_t n)
{
	struct attrs out = { arena_array(&g->batch->arena, n + 1, struct attr), 0 };

	if (out.v == NULL)
		return out;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t key = gen_span_below(g, g->opts.n_keys);
		struct attr *a = &out.v[out.n++];

		a->key = key == 0 ? sv_new("", 0) : sv_cstr(arena_printf(&g->batch->arena,
		    "key.%llu", (unsigned long long)key));
		a->val = any_value(g, 0);
		if (a->val.type != key % 8 && !one_in(g, 10))
			a->val = (struct value){ .type = VAL_STRING, .s = string(g) };
	}
	if (g->opts.long_values && n > 0 && one_in(g, 1000))
		out.v[0].val = (struct value){ .type = VAL_STRING,
		    .s = bytes(g, LONG_BYTES + gen_span_below(g, LONG_BYTES)) };
	attrs_normalize(&out);
	return out;
}

static void
next_resource(struct gen_span *g)
{
	struct resource *r = arena_new(&g->batch->arena, struct resource);
	uint64_t which = gen_span_below(g, g->opts.n_services);
	struct attr *a = arena_array(&g->batch->arena, 3, struct attr);

	if (r == NULL || a == NULL)
		return;
	r->attrs.v = a;
	a[0] = (struct attr){ SV("host.name"), { .type = VAL_INT, .i = (int64_t)(which / 2) } };
	a[1] = (struct attr){ SV("service.name"), { .type = VAL_STRING } };
	a[2] = (struct attr){ SV("zone"), any_value(g, 0) };
	/* Service 0 has no name, or none that is a string. */
	if (which == 0)
		a[1].val = any_value(g, 0);
	else
		a[1].val.s = sv_cstr(arena_printf(&g->batch->arena, "service-%llu",
		    (unsigned long long)which));
	r->attrs.n = one_in(g, 2) ? 3 : 2;
	r->service = a[1].val.type == VAL_STRING ? a[1].val.s : sv_new("", 0);
	r->dropped_attrs = one_in(g, 5) ? UINT32_MAX : 0;
	r->schema_url = one_in(g, 2) ? SV("https://example.org/schema") : sv_new("", 0);
	if (one_in(g, 3))
		r->entity_refs = (struct value){ .type = VAL_ARRAY,
		    .s = packed(g, VAL_ARRAY, 2) };
	g->resource = r;
}

static void
next_scope(struct gen_span *g)
{
	struct scope *s = arena_new(&g->batch->arena, struct scope);

	if (s == NULL)
		return;
	s->name = one_in(g, 4) ? sv_new("", 0) : SV("scope");
	s->version = one_in(g, 2) ? SV("1.2") : sv_new("", 0);
	s->schema_url = one_in(g, 2) ? SV("https://example.org/schema") : sv_new("", 0);
	if (one_in(g, 3))
		s->attrs = attributes(g, 2);
	s->dropped_attrs = one_in(g, 5) ? 3 : 0;
	g->scope = s;
}

static uint64_t
start_time(struct gen_span *g)
{
	static const uint64_t edge[] = { 0, 1, UINT64_MAX, UINT64_MAX - 1, INT64_MAX };

	if (g->opts.wild_times && one_in(g, 20))
		return one_in(g, 2) ? gen_span_random(g) :
		    edge[gen_span_below(g, sizeof edge / sizeof *edge)];
	/* Some start at the same moment. */
	return g->opts.start_ns + gen_span_below(g, g->opts.range_ns) /
	    (one_in(g, 4) ? g->opts.range_ns / 7 + 1 : 1);
}

static void
ids(struct gen_span *g, struct span *s)
{
	uint64_t trace = gen_span_below(g, g->opts.n_traces) + 1;

	s->trace_id = (struct trace_id){ trace % 3 == 0 ? 0 : hash_u64(trace), trace };
	s->span_id = ++g->n << 20 | (gen_span_random(g) >> 44);
	if (!g->opts.unique_ids && one_in(g, 50))
		s->span_id = g->n % 7 + 1;
	switch (gen_span_below(g, 6)) {
	case 0:
		break;
	case 1:
		s->parent_span_id = gen_span_random(g) | 1;
		break;
	case 2:
		s->parent_span_id = s->span_id;
		break;
	default:	/* of the same trace, mostly */
		s->parent_span_id = g->last_id[trace % 16];
		break;
	}
	g->last_id[trace % 16] = s->span_id;
}

static void
children(struct gen_span *g, struct span *s)
{
	struct event *ev;
	struct link *l;

	s->n_events = one_in(g, 5) ? (uint32_t)gen_span_below(g, 5) : 0;
	s->n_links = one_in(g, 8) ? (uint32_t)gen_span_below(g, 3) : 0;
	ev = arena_array(&g->batch->arena, s->n_events + 1, struct event);
	l = arena_array(&g->batch->arena, s->n_links + 1, struct link);
	if (ev == NULL || l == NULL) {
		s->n_events = s->n_links = 0;
		return;
	}
	for (uint32_t i = 0; i < s->n_events; i++) {
		ev[i].time_ns = one_in(g, 5) ? gen_span_random(g) : s->start_ns + i;
		ev[i].name = string(g);
		ev[i].attrs = attributes(g, (uint32_t)gen_span_below(g, 4));
		ev[i].dropped_attrs = one_in(g, 9) ? (uint32_t)gen_span_random(g) : 0;
	}
	for (uint32_t i = 0; i < s->n_links; i++) {
		if (!one_in(g, 5))
			l[i].trace_id = (struct trace_id){ gen_span_random(g), 7 };
		l[i].span_id = one_in(g, 5) ? 0 : gen_span_random(g);
		l[i].trace_state = string(g);
		l[i].attrs = attributes(g, (uint32_t)gen_span_below(g, 3));
		l[i].dropped_attrs = one_in(g, 9) ? (uint32_t)gen_span_random(g) : 0;
		l[i].flags = one_in(g, 3) ? (uint32_t)gen_span_random(g) : 0;
	}
	s->events = ev;
	s->links = l;
}

static void
one(struct gen_span *g, struct span *s)
{
	static const int32_t edge[] = { INT32_MIN, -1, 6, INT32_MAX };

	ids(g, s);
	s->start_ns = start_time(g);
	s->end_ns = one_in(g, 20) ? gen_span_random(g) :
	    s->start_ns + gen_span_below(g, 1000000000);
	s->kind = one_in(g, 20) ? edge[gen_span_below(g, 4)] : (int32_t)gen_span_below(g, 6);
	s->status = one_in(g, 40) ? edge[gen_span_below(g, 4)] : (int32_t)gen_span_below(g, 3);
	s->flags = one_in(g, 2) ? 257 : one_in(g, 10) ? UINT32_MAX : 0;
	s->dropped_attrs = one_in(g, 20) ? (uint32_t)gen_span_random(g) : 0;
	s->dropped_events = one_in(g, 20) ? 1 : 0;
	s->dropped_links = one_in(g, 20) ? UINT32_MAX : 0;
	s->name = one_in(g, 3) ? string(g) : SV("GET /");
	s->status_message = one_in(g, 10) ? string(g) : sv_new("", 0);
	s->trace_state = one_in(g, 10) ? string(g) : sv_new("", 0);
	s->attrs = attributes(g, (uint32_t)gen_span_below(g, 13));
	children(g, s);
	s->resource = g->resource;
	s->scope = g->scope;
}

bool
gen_span_add(struct gen_span *g, struct span_batch *batch, size_t n)
{
	g->batch = batch;
	g->resource = NULL;
	for (size_t i = 0; i < n; i++) {
		struct span *s = span_batch_add(batch);

		if (s == NULL)
			return false;
		if (g->resource == NULL || one_in(g, 10))
			next_resource(g);
		if (i == 0 || one_in(g, 5))
			next_scope(g);
		if (g->resource == NULL || g->scope == NULL)
			return false;
		one(g, s);
	}
	return true;
}
