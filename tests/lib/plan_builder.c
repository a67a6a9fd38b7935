/* SPDX-License-Identifier: ISC */
/* plan_builder: see plan_builder.h. */
#include "lib/plan_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/span.h"

static const struct pred everything = { .kind = PRED_TRUE };

struct plan *
plan_plain(const struct snapshot *snap, enum row_kind output)
{
	struct plan *p = plan_new();
	struct plan_shard *v;

	assert_non_null(p);
	v = arena_array(&p->arena, snap->n_shards, struct plan_shard);
	assert_non_null(v);
	for (size_t i = 0; i < snap->n_shards; i++) {
		v[i].shard = (uint32_t)i;
		v[i].access = ACCESS_FULL;
		v[i].why = "test";
	}
	p->scan.shards = v;
	p->scan.n_shards = snap->n_shards;
	p->output = output;
	p->filter.pred = &everything;
	p->filter.range = TIME_RANGE_ALL;
	p->page.limit = UINT64_MAX;
	p->fetch.projection.all = true;
	plan_link(p);
	return p;
}

void
plan_access(struct plan *p, enum access a)
{
	for (size_t i = 0; i < p->scan.n_shards; i++)
		((struct plan_shard *)(uintptr_t)p->scan.shards)[i].access = a;
}

struct plan *
plan_columns(const struct snapshot *snap, enum row_kind output)
{
	struct plan *p = plan_plain(snap, output);

	p->filter.pushdown = true;
	plan_access(p, ACCESS_ZONE);
	return p;
}

void
plan_page(struct plan *p, uint64_t limit, uint64_t offset)
{
	p->page.limit = limit;
	p->page.offset = offset;
	plan_link(p);
}

void
plan_sort_by(struct plan *p, const char *key)
{
	struct sv s = sv_cstr(arena_cstr(&p->arena, sv_cstr(key)));
	struct sort_key *v = arena_array(&p->arena, p->order.n_keys + 1, struct sort_key);

	assert_non_null(v);
	if (p->order.n_keys != 0)
		memcpy(v, p->order.keys, p->order.n_keys * sizeof *v);
	if (sv_ends(s, SV(":desc"))) {
		v[p->order.n_keys].desc = true;
		s.n -= 5;
	}
	assert_true(field_parse(s, &v[p->order.n_keys].field));
	p->order.keys = v;
	p->order.n_keys++;
}

struct literal
literal_for(const struct field *f, struct sv text)
{
	struct literal l = literal_of(text);
	struct trace_id id;
	int32_t v;

	if (f->scope != FIELD_INTRINSIC)
		return l;
	switch (intrinsics[f->intrinsic].type) {
	case FT_ATTR:
		break;
	case FT_KIND:
		l.u = span_kind_parse(text, &v) ? (uint64_t)v : (uint64_t)l.i;
		break;
	case FT_STATUS:
		l.u = span_status_parse(text, &v) ? (uint64_t)v : (uint64_t)l.i;
		break;
	case FT_TRACE_ID:
		if (trace_id_parse(text, &id)) {
			l.hi = id.hi;
			l.lo = id.lo;
		}
		break;
	case FT_SPAN_ID:
		(void)span_id_parse(text, &l.lo);
		break;
	case FT_DURATION:
		if (!duration_parse(text, &l.u))
			(void)sv_u64(text, &l.u);
		break;
	case FT_INT:
	case FT_TIME:
		(void)sv_u64(text, &l.u);
		break;
	case FT_STRING:
		break;
	}
	return l;
}

static struct field
field_of(struct arena *a, const char *name)
{
	struct field f;

	assert_true(field_parse(sv_cstr(arena_cstr(a, sv_cstr(name))), &f));
	return f;
}

const struct pred *
leaf_text(struct arena *a, const char *field, enum pred_op op, struct sv text)
{
	struct field f = field_of(a, field);
	struct literal *l = arena_array(a, 1, struct literal);
	const struct pred *p;

	assert_non_null(l);
	*l = literal_for(&f, arena_sv(a, text));
	p = pred_leaf(a, op, f, l, op == OP_HAS ? 0 : 1);
	assert_non_null(p);
	return p;
}

const struct pred *
leaf_of(struct arena *a, const char *field, enum pred_op op, const char *values)
{
	struct field f = field_of(a, op == OP_TEXT ? "text" : field);
	struct sv rest = sv_cstr(arena_cstr(a, sv_cstr(values))), item;
	struct literal *l = arena_array(a, strlen(values) + 1, struct literal);
	const struct pred *p;
	size_t n = 0;

	assert_non_null(l);
	if (op == OP_RE || op == OP_NRE)
		return leaf_text(a, field, op, sv_cstr(values));
	while (op != OP_HAS && sv_cut(&rest, ',', &item))
		l[n++] = literal_for(&f, item);
	p = pred_leaf(a, op, f, l, n);
	assert_non_null(p);
	return p;
}

const struct pred *
and_of(struct arena *a, const struct pred *x, const struct pred *y)
{
	const struct pred *kids[] = { x, y };
	const struct pred *p = pred_and(a, kids, 2);

	assert_non_null(p);
	return p;
}

const struct pred *
or_of(struct arena *a, const struct pred *x, const struct pred *y)
{
	const struct pred *kids[] = { x, y };
	const struct pred *p = pred_or(a, kids, 2);

	assert_non_null(p);
	return p;
}
