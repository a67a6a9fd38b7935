/* SPDX-License-Identifier: ISC */
/* user_store: see user_store.h. */
#include "lib/user_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "lib/span_rows.h"
#include "model/when.h"

struct making {
	struct span_batch b;
	unsigned hour;
	bool kinds;
	struct resource *resource;
	struct scope *scope;
};

static void *
must(void *p)
{
	assert_non_null(p);
	return p;
}

static void
add(struct arena *a, struct attrs *v, const char *key, struct value val)
{
	if (v->v == NULL)
		v->v = must(arena_array(a, 8, struct attr));
	v->v[v->n++] = (struct attr){ sv_cstr(key), val };
}

static struct value
numbered(struct arena *a, const char *prefix, size_t i)
{
	return val_str(must(arena_printf(a, "%s%zu", prefix, i)));
}

static struct value
mixed(struct arena *a, unsigned hour, size_t k)
{
	struct value seven = val_str("7");

	if (hour == 2 || (hour == 1 && k % 2 != 0))
		return val_int(7);
	return hour == 3 ? val_array(a, &seven, 1) : seven;
}

/* Keys in byte order. */
static void
attributes(struct making *m, struct span *s, size_t k)
{
	struct arena *a = &m->b.arena;
	size_t of_40 = k % USER_STORE_USERS;

	if (m->kinds && m->hour == 0)
		add(a, &s->attrs, "host", numbered(a, "h-", of_40));
	if (m->kinds && m->hour <= 3)
		add(a, &s->attrs, "mixed", mixed(a, m->hour, k));
	if (m->kinds && m->hour == 2)
		add(a, &s->attrs, "only", val_str(k % 2 ? "x" : "y"));
	add(a, &s->attrs, "user", k == 0 ? val_str("everybody") :
	    val_str(must(arena_printf(a, "u-%u-%zu", m->hour, of_40))));
}

static void
children(struct making *m, struct span *s, size_t k)
{
	struct arena *a = &m->b.arena;
	struct value v = numbered(a, "e-", k % USER_STORE_USERS);

	if (m->hour == 0) {
		struct event *ev = must(arena_calloc(a, 1, sizeof *ev));

		ev->time_ns = s->start_ns;
		ev->name = SV("said");
		add(a, &ev->attrs, "note", v);
		s->events = ev;
		s->n_events = 1;
	} else if (m->hour == 1) {
		struct link *l = must(arena_calloc(a, 1, sizeof *l));

		l->trace_id.lo = 9;
		l->span_id = 9;
		add(a, &l->attrs, "peer", v);
		s->links = l;
		s->n_links = 1;
	}
}

static struct span *
add_span(struct making *m, size_t k)
{
	struct span *s = must(span_batch_add(&m->b));

	*s = (struct span){
		.trace_id = { 1 + m->hour, 1 + k / 4 }, .span_id = 1 + k,
		.start_ns = USER_STORE_HOUR + m->hour * NS_PER_HOUR + k * NS_PER_S,
		.name = SV("work"), .resource = m->resource, .scope = m->scope,
	};
	s->end_ns = s->start_ns + 1000;
	return s;
}

/* More keys than a shard has columns: some share the rest column. */
static void
many_keys(struct making *m, struct span *s)
{
	struct arena *a = &m->b.arena;

	s->attrs.v = must(arena_array(a, LIMIT_SHARD_COLUMNS + 50, struct attr));
	for (; s->attrs.n < LIMIT_SHARD_COLUMNS + 50; s->attrs.n++)
		s->attrs.v[s->attrs.n] = (struct attr){
			sv_cstr(must(arena_printf(a, "k%05u", s->attrs.n))), val_int(1) };
}

static void
add_hour(struct store_rig *r, unsigned hour, bool kinds)
{
	struct making m = { .hour = hour, .kinds = kinds };

	span_batch_init(&m.b);
	m.resource = resource_of(&m.b.arena, "web");
	if (kinds && hour == 1)
		m.resource->attrs = attrs_of(&m.b.arena, "host", val_str("h-res"),
		    "service.name", val_str("web"), NULL);
	m.scope = must(arena_new(&m.b.arena, struct scope));
	for (size_t k = 0; k < USER_STORE_SPANS; k++) {
		struct span *s = add_span(&m, k);

		attributes(&m, s, k);
		if (kinds)
			children(&m, s, k);
	}
	if (kinds && hour == 4)
		many_keys(&m, add_span(&m, USER_STORE_SPANS));
	store_rig_add_budget(r, &m.b, 64, kinds && hour == 3 ? 0 : 100);
	span_batch_release(&m.b);
}

void
user_store_init(struct store_rig *r, unsigned hours, bool kinds)
{
	store_rig_init(r, 1, 0, hours + 1, 0, 64);
	for (unsigned h = 0; h < hours; h++)
		add_hour(r, h, kinds);
}
