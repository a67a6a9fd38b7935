/* SPDX-License-Identifier: ISC */
/* maker: see maker_i.h. */
#include "maker_i.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/utf8.h"

#define ROOM_LEAST ((size_t)1 << 20)

void
maker_init(struct maker *m, struct span_batch *batch, struct ingest_result *result,
    uint64_t line, size_t n_bytes)
{
	memset(m, 0, sizeof *m);
	m->room = n_bytes > SIZE_MAX / LIMIT_RECORD_GROWTH - ROOM_LEAST ? SIZE_MAX :
	    n_bytes * LIMIT_RECORD_GROWTH + ROOM_LEAST;
	m->batch = batch;
	m->result = result;
	m->line = line;
}

void
maker_release(struct maker *m)
{
	vec_release(&m->attrs);
	vec_release(&m->events);
	vec_release(&m->links);
	buf_release(&m->pack);
	buf_release(&m->spare);
}

bool
maker_nomem(struct maker *m)
{
	m->nomem = true;
	return false;
}

static void
report(struct maker *m, uint64_t n_spans, const char *what, const char *why)
{
	struct reject r = { .line = m->line, .n_spans = n_spans };

	m->result->n_rejected += n_spans;
	if (m->result->reject == NULL)
		return;
	snprintf(r.why, sizeof r.why, "%s%s", what, why);
	m->result->reject(m->result->reject_arg, &r);
}

void
maker_complain(struct maker *m, const char *fmt, ...)
{
	char why[sizeof m->bad];
	va_list ap;

	m->n_complaints++;
	if (m->span != NULL && m->bad[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	/* Outside a span, what was said last is not said again for the next of a long list. */
	if (m->span == NULL && strcmp(why, m->bad) != 0)
		report(m, 0, "", why);
	memcpy(m->bad, why, sizeof why);
}

void
maker_broken(struct maker *m, const char *fmt, ...)
{
	char why[sizeof m->bad];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	m->result->n_broken++;
	report(m, 0, "", why);
}

/*
 * Resources and scopes that no span was kept for are used again, so that many empty ones in
 * a row cost no memory.
 */
bool
maker_resource(struct maker *m)
{
	if (m->resource == NULL || m->resource_used)
		m->resource = arena_new(&m->batch->arena, struct resource);
	else
		memset(m->resource, 0, sizeof *m->resource);
	m->resource_used = false;
	return m->resource != NULL || maker_nomem(m);
}

bool
maker_scope(struct maker *m)
{
	if (m->scope == NULL || m->scope_used)
		m->scope = arena_new(&m->batch->arena, struct scope);
	else
		memset(m->scope, 0, sizeof *m->scope);
	m->scope_used = false;
	return m->scope != NULL || maker_nomem(m);
}

void
maker_resource_end(struct maker *m)
{
	const struct value *v = attrs_find(&m->resource->attrs, SV("service.name"));

	m->resource->service = v != NULL && v->type == VAL_STRING ? v->s : SV_EMPTY;
}

bool
maker_span(struct maker *m)
{
	m->span = span_batch_add(m->batch);
	if (m->span == NULL)
		return maker_nomem(m);
	m->span->resource = m->resource;
	m->span->scope = m->scope;
	m->n_seen++;
	m->repaired = false;
	m->bad[0] = '\0';
	m->attrs.n = m->events.n = m->links.n = 0;
	m->pack.n = 0;
	return true;
}

void
maker_span_drop(struct maker *m)
{
	if (m->span != NULL)
		m->batch->n--;
	m->span = NULL;
}

/* "span 051581bf3cb55c13 (GET /cart): ", as far as it is known. */
static void
print_who(const struct maker *m, char *out, size_t n)
{
	const struct span *s = m->span;
	char name[49];
	size_t len = s->name.n < sizeof name ? s->name.n : sizeof name - 1;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s->name.p[i];

		name[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	/* A character cut in half at the end goes. */
	if (len < s->name.n) {
		while (len > 0 && ((unsigned char)name[len - 1] & 0xc0) == 0x80)
			len--;
		if (len > 0 && (unsigned char)name[len - 1] >= 0xc0)
			len--;
	}
	name[len] = '\0';
	if (s->span_id != 0)
		snprintf(out, n, "span %016llx%s%s%s: ", (unsigned long long)s->span_id,
		    len ? " (" : "", name, len ? ")" : "");
	else
		snprintf(out, n, "span %llu of the record%s%s%s: ",
		    (unsigned long long)m->n_seen, len ? " (" : "", name, len ? ")" : "");
}

static bool
copy_lists(struct maker *m)
{
	struct arena *a = &m->batch->arena;
	size_t ne = m->events.n, nl = m->links.n;
	struct event *e = ne == 0 ? NULL : arena_alloc(a, ne * sizeof *e);
	struct link *l = nl == 0 ? NULL : arena_alloc(a, nl * sizeof *l);

	if ((ne != 0 && e == NULL) || (nl != 0 && l == NULL))
		return maker_nomem(m);
	if (ne != 0)
		memcpy(e, m->events.v, ne * sizeof *e);
	if (nl != 0)
		memcpy(l, m->links.v, nl * sizeof *l);
	m->span->events = e;
	m->span->links = l;
	m->span->n_events = (uint32_t)ne;
	m->span->n_links = (uint32_t)nl;
	return true;
}

bool
maker_span_end(struct maker *m)
{
	struct span *s = m->span;
	char who[112];

	if (trace_id_zero(s->trace_id))
		maker_complain(m, "its trace id is missing or all zero");
	if (s->span_id == 0)
		maker_complain(m, "its span id is missing or all zero");
	if (m->bad[0] != '\0') {
		print_who(m, who, sizeof who);
		report(m, 1, who, m->bad);
		maker_span_drop(m);
		return true;
	}
	if (s->parent_span_id == s->span_id) {
		s->parent_span_id = 0;
		m->repaired = true;
	}
	if (!copy_lists(m))
		return false;
	m->resource_used = m->scope_used = true;
	m->result->n_spans++;
	m->result->n_repaired += m->repaired;
	m->span = NULL;
	return true;
}

/* Room for one more on the stack; false with a complaint if the list is full. */
static bool
attrs_room(struct maker *m, size_t mark)
{
	if (m->attrs.n - mark < LIMIT_SPAN_ATTRS)
		return true;
	if (m->attrs.n - mark == LIMIT_SPAN_ATTRS)
		maker_complain(m, "a list has more than %d attributes", LIMIT_SPAN_ATTRS);
	return false;
}

bool
maker_text(struct maker *m, struct sv s, struct sv *out)
{
	char *to;

	if (utf8_valid(s)) {
		*out = s;
		return true;
	}
	if ((to = arena_alloc(&m->batch->arena, UTF8_REPAIR_MAX * s.n)) == NULL)
		return maker_nomem(m);
	*out = sv_new(to, utf8_repair(to, s));
	m->repaired = true;
	m->result->n_mended++;
	return true;
}

bool
maker_attr(struct maker *m, size_t mark, struct sv key, const struct value *v)
{
	struct attr a = { key, *v };

	if (key.n == 0) {
		m->repaired = true;
		return true;
	}
	if (!attrs_room(m, mark))
		return true;
	return vec_push(&m->attrs, a) || maker_nomem(m);
}

bool
maker_attrs_end(struct maker *m, size_t mark, struct attrs *out)
{
	struct attrs a = { NULL, (uint32_t)(m->attrs.n - mark) };
	uint32_t n = a.n;

	*out = (struct attrs){ NULL, 0 };
	if (n == 0)
		return true;
	a.v = m->attrs.v + mark;
	attrs_normalize(&a);
	if (a.n != n)
		m->repaired = true;
	m->attrs.n = mark;
	out->v = arena_alloc(&m->batch->arena, a.n * sizeof *a.v);
	if (out->v == NULL)
		return maker_nomem(m);
	memcpy(out->v, a.v, a.n * sizeof *a.v);
	out->n = a.n;
	return true;
}

/* Empty ones ("{}", two bytes of protobuf) take many times their bytes. */
static bool
has_room(struct maker *m, size_t n_bytes)
{
	if (n_bytes <= m->room) {
		m->room -= n_bytes;
		return true;
	}
	maker_complain(m, "there are more empty events and links than a record of its size may have");
	return false;
}

bool
maker_event(struct maker *m, const struct event *e)
{
	if (m->events.n == LIMIT_SPAN_EVENTS) {
		maker_complain(m, "it has more than %d events", LIMIT_SPAN_EVENTS);
		return true;
	}
	return !has_room(m, sizeof *e) || vec_push(&m->events, *e) || maker_nomem(m);
}

bool
maker_link(struct maker *m, const struct link *l)
{
	if (m->links.n == LIMIT_SPAN_EVENTS) {
		maker_complain(m, "it has more than %d links", LIMIT_SPAN_EVENTS);
		return true;
	}
	return !has_room(m, sizeof *l) || vec_push(&m->links, *l) || maker_nomem(m);
}

/* Opens a gap of n bytes in pack at `at` and puts p there. */
static bool
pack_insert(struct maker *m, size_t at, const void *p, size_t n)
{
	struct buf *b = &m->pack;

	if (!buf_reserve(b, n))
		return maker_nomem(m);
	memmove(b->p + at + n, b->p + at, b->n - at);
	if (n != 0)
		memcpy(b->p + at, p, n);
	b->n += n;
	return true;
}

bool
maker_pack(struct maker *m, size_t start, const struct value *v)
{
	uint8_t head[1 + VARINT_MAX];

	if (v->type == VAL_ARRAY || v->type == VAL_MAP) {
		head[0] = (uint8_t)v->type;
		return pack_insert(m, start, head,
		    1 + varint_encode(head + 1, m->pack.n - start));
	}
	value_pack(&m->pack, v);
	return !m->pack.oom || maker_nomem(m);
}

bool
maker_pack_entry(struct maker *m, size_t mark, size_t start, struct sv key,
    const struct value *v)
{
	struct attr entry = { key, { .type = VAL_INT, .i = (int64_t)start } };
	uint8_t head[VARINT_MAX];

	if (!attrs_room(m, mark)) {
		m->pack.n = start;
		return true;
	}
	return maker_pack(m, start, v) &&
	    pack_insert(m, start, key.p, key.n) &&
	    pack_insert(m, start, head, varint_encode(head, key.n)) &&
	    (vec_push(&m->attrs, entry) || maker_nomem(m));
}

bool
maker_map_end(struct maker *m, size_t mark, size_t start)
{
	size_t n = m->attrs.n - mark, i, end = m->pack.n;
	struct attr *e = n == 0 ? NULL : m->attrs.v + mark;
	struct attrs list = { e, (uint32_t)n };

	m->attrs.n = mark;
	for (i = 1; i < n && sv_cmp(e[i - 1].key, e[i].key) < 0; i++)
		;
	if (i >= n)
		return true;
	/* Offsets become the entries' bytes, which are then put down anew in order. */
	for (i = n; i-- > 0; ) {
		size_t at = (size_t)e[i].val.i;

		e[i].val.s = sv_new(m->pack.p + at, end - at);
		e[i].val.type = VAL_BYTES;
		end = at;
	}
	attrs_normalize(&list);
	if (list.n != n)
		m->repaired = true;
	m->spare.n = 0;
	for (i = 0; i < list.n; i++)
		buf_sv(&m->spare, e[i].val.s);
	if (m->spare.oom)
		return maker_nomem(m);
	memcpy(m->pack.p + start, m->spare.p, m->spare.n);
	m->pack.n = start + m->spare.n;
	return true;
}

bool
maker_take(struct maker *m, size_t start, struct value *v)
{
	struct sv s = { "", 0 };

	if (v->type != VAL_ARRAY && v->type != VAL_MAP)
		return true;
	if (m->pack.n > start) {
		s = arena_sv(&m->batch->arena, sv_new(m->pack.p + start, m->pack.n - start));
		if (s.p == NULL)
			return maker_nomem(m);
	}
	m->pack.n = start;
	v->s = s;
	return true;
}

bool
maker_entity_key(struct maker *m, size_t mark, struct sv key, int64_t which)
{
	struct attr a = { key, { .type = VAL_INT, .i = which } };

	if (!attrs_room(m, mark))
		return true;
	return vec_push(&m->attrs, a) || maker_nomem(m);
}

/* Appends a map's entry with a list of the stack's keys, unless there are none. */
static void
pack_keys(struct maker *m, size_t from, size_t to, int64_t which, struct sv name)
{
	struct value v = { .type = VAL_ARRAY };

	m->spare.n = 0;
	for (size_t i = from; i < to; i++)
		if (m->attrs.v[i].val.i == which)
			value_pack(&m->spare, &(struct value){ .type = VAL_STRING,
			    .s = m->attrs.v[i].key });
	if (m->spare.n == 0)
		return;
	v.s = buf_view(&m->spare);
	buf_varint(&m->pack, name.n);
	buf_sv(&m->pack, name);
	value_pack(&m->pack, &v);
}

static void
pack_text(struct maker *m, struct sv name, struct sv text)
{
	if (text.n == 0)
		return;
	buf_varint(&m->pack, name.n);
	buf_sv(&m->pack, name);
	value_pack(&m->pack, &(struct value){ .type = VAL_STRING, .s = text });
}

bool
maker_pack_entity(struct maker *m, size_t mark, struct sv schema_url, struct sv type)
{
	struct value v = { .type = VAL_MAP };
	size_t start = m->pack.n, n = m->attrs.n;

	pack_keys(m, mark, n, ENTITY_DESCRIPTION_KEY, SV("description_keys"));
	pack_keys(m, mark, n, ENTITY_ID_KEY, SV("id_keys"));
	pack_text(m, SV("schema_url"), schema_url);
	pack_text(m, SV("type"), type);
	m->attrs.n = mark;
	if (m->pack.oom || m->spare.oom)
		return maker_nomem(m);
	return maker_pack(m, start, &v);
}
