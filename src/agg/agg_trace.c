/* SPDX-License-Identifier: ISC */
/*
 * agg_trace: per/trace. The spans that are selected are kept by their trace, each as the packed
 * values of its fields; when all are there, each trace is one item: what is its own from its facts,
 * the values of other fields from all its spans.
 */
#include <stdlib.h>

#include "agg/agg_columns.h"
#include "agg_i.h"
#include "base/map.h"

/* A span's values: for each slot a count and packed values. */
struct trace_span {
	struct trace_span *next;
	struct sv packed;
};

struct trace_item {
	struct trace_id id;
	uint64_t start_ns, duration_ns;
	struct sv service, name;
	bool error;
	struct trace_span *spans;
};

struct trace_items {
	struct map by_id;		/* place */
	VEC(struct trace_item *) v;
	struct arena arena;
	VEC(struct arena) taken;	/* of tables that were merged into this one */
	size_t bytes;			/* counted */
};

void
trace_items_free(struct trace_items *x)
{
	if (x == NULL)
		return;
	map_release(&x->by_id);
	vec_release(&x->v);
	arena_release(&x->arena);
	for (size_t i = 0; i < x->taken.n; i++)
		arena_release(&x->taken.v[i]);
	vec_release(&x->taken);
	free(x);
}

static int
items_of(struct agg_table *t, enum agg_side side, struct trace_items **out, struct err *e)
{
	struct trace_items *x = t->traces[side];

	if (x == NULL) {
		if ((x = calloc(1, sizeof *x)) == NULL)
			return err_nomem(e);
		map_init(&x->by_id);
		arena_init(&x->arena);
		t->traces[side] = x;
	}
	*out = x;
	return 0;
}

static bool
keep(struct arena *a, struct sv s, struct sv *out)
{
	*out = arena_sv(a, s);
	return s.n == 0 || out->p != NULL;
}

static int
item_new(struct trace_items *x, const struct span_row *row, struct trace_item **out, struct err *e)
{
	struct trace_item *it = arena_new(&x->arena, struct trace_item);
	const struct trace_facts *f = row->trace;

	if (it == NULL || !keep(&x->arena, f->root_service, &it->service) ||
	    !keep(&x->arena, f->root_name, &it->name) || !vec_push(&x->v, it))
		return err_nomem(e);
	it->id = row->span->trace_id;
	it->start_ns = f->start_ns;
	it->duration_ns = trace_duration(f);
	it->error = f->n_errors != 0;
	*out = it;
	return 0;
}

static int
item_get(struct agg_table *t, struct trace_items *x, const struct span_row *row,
    struct trace_item **out, struct err *e)
{
	struct trace_id id = row->span->trace_id;
	uint64_t *place;
	size_t bytes;
	bool fresh;
	int code;

	if ((place = map_put(&x->by_id, sv_new(&id, sizeof id), &fresh)) == NULL)
		return err_nomem(e);
	if (!fresh) {
		*out = x->v.v[*place];
		return 0;
	}
	bytes = sizeof **out + 100 + row->trace->root_name.n + row->trace->root_service.n;
	if ((code = agg_take(&t->mem, bytes, e)) < 0)
		return code;
	x->bytes += bytes;
	*place = x->v.n;
	return item_new(x, row, out, e);
}

static void
pack_slot(struct buf *b, const struct agg_slot *s)
{
	uint32_t n = (uint32_t)s->v.n;

	buf_put(b, &n, sizeof n);
	for (size_t i = 0; i < s->v.n; i++)
		value_pack(b, &s->v.v[i]);
}

int
trace_items_add(struct agg_table *t, enum agg_side side, const struct span_row *row, struct err *e)
{
	const struct field_row r = field_row_of(row);
	struct trace_items *x = NULL;
	struct trace_item *it = NULL;
	struct trace_span *span;
	int code;

	if (row->trace == NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "spans without facts of their traces");
	if ((code = items_of(t, side, &x, e)) < 0 || (code = item_get(t, x, row, &it, e)) < 0)
		return code;
	slots_clear(t);
	t->key.n = 0;
	for (size_t i = 0; i < t->n_slots; i++) {
		if (!t->slots[i].of_trace &&
		    (code = slot_add_span(&t->slots[i], &r, &t->item, e)) < 0)
			return code;
		pack_slot(&t->key, &t->slots[i]);
	}
	if ((code = buf_ok(&t->key, e)) < 0 ||
	    (code = agg_take(&t->mem, sizeof *span + t->key.n, e)) < 0)
		return code;
	if ((span = arena_new(&x->arena, struct trace_span)) == NULL ||
	    !keep(&x->arena, buf_view(&t->key), &span->packed))
		return err_nomem(e);
	x->bytes += sizeof *span + t->key.n;
	span->next = it->spans;
	it->spans = span;
	return 0;
}

/* ---- the end ---- */

static struct value
own_value(const struct trace_item *it, enum intrinsic i)
{
	switch (i) {
	case IN_SERVICE:
		return (struct value){ .type = VAL_STRING, .s = it->service };
	case IN_NAME:
		return (struct value){ .type = VAL_STRING, .s = it->name };
	case IN_START:
		return (struct value){ .type = VAL_INT, .i = (int64_t)it->start_ns };
	default:
		return (struct value){ .type = VAL_INT, .i = (int64_t)it->duration_ns };
	}
}

static int
unpack_span(struct agg_table *t, const struct trace_span *s, struct err *e)
{
	struct cursor c = cursor_new(s->packed.p, s->packed.n);
	const uint8_t *bytes;
	struct value v;
	uint32_t n;

	for (size_t i = 0; i < t->n_slots; i++) {
		if (!cursor_take(&c, sizeof n, &bytes))
			return err_set(e, ERR_CORRUPT, -1, "values of a trace don't read back");
		memcpy(&n, bytes, sizeof n);
		for (uint32_t k = 0; k < n; k++)
			if (!value_unpack(&c, &v) || !vec_push(&t->slots[i].v, v))
				return err_nomem(e);
	}
	return 0;
}

static int
add_item(struct agg_table *t, enum agg_side side, const struct trace_item *it, struct err *e)
{
	int code = 0;

	slots_clear(t);
	for (const struct trace_span *s = it->spans; code == 0 && s != NULL; s = s->next)
		code = unpack_span(t, s, e);
	for (size_t i = 0; code == 0 && i < t->n_slots; i++)
		if (t->slots[i].of_trace && !vec_push(&t->slots[i].v,
		    own_value(it, t->slots[i].field.intrinsic)))
			code = err_nomem(e);
	return code < 0 ? code : table_add_item(t, side, it->start_ns, it->error, e);
}

/* What was counted for traces is for groups and rows from here on. */
static void
give_back(struct agg_table *t, size_t bytes)
{
	t->mem.used -= bytes;
	t->kept_bytes -= bytes < t->kept_bytes ? bytes : t->kept_bytes;
}

int
trace_items_end(struct agg_table *t, struct err *e)
{
	int code = 0;

	for (int side = 0; side < 2; side++) {
		struct trace_items *x = t->traces[side];

		for (size_t i = 0; x != NULL && code == 0 && i < x->v.n; i++)
			code = add_item(t, (enum agg_side)side, x->v.v[i], e);
		if (x != NULL)
			give_back(t, x->bytes);
		trace_items_free(x);
		t->traces[side] = NULL;
	}
	return code;
}

/* ---- another table's ---- */

/* The spans of an item go to those of the same trace. */
static int
merge_item(struct trace_items *x, struct trace_item *it, struct err *e)
{
	uint64_t *place;
	bool fresh;

	if ((place = map_put(&x->by_id, sv_new(&it->id, sizeof it->id), &fresh)) == NULL)
		return err_nomem(e);
	if (fresh) {
		*place = x->v.n;
		return vec_push(&x->v, it) ? 0 : err_nomem(e);
	}
	for (struct trace_span *s = it->spans, *next; s != NULL; s = next) {
		next = s->next;
		s->next = x->v.v[*place]->spans;
		x->v.v[*place]->spans = s;
	}
	return 0;
}

static int
merge_side(struct agg_table *t, struct trace_items *x, struct agg_table *ft,
    struct trace_items *from, struct err *e)
{
	int code = agg_take(&t->mem, from->bytes, e);

	if (code < 0)
		return code;
	/* The memory of its items goes over whole. */
	if (!vec_push(&x->taken, from->arena))
		return err_nomem(e);
	arena_init(&from->arena);
	x->bytes += from->bytes;
	ft->mem.used -= from->bytes;
	from->bytes = 0;
	for (size_t i = 0; i < from->taken.n; i++)
		if (!vec_push(&x->taken, from->taken.v[i]))
			return err_nomem(e);
		else
			arena_init(&from->taken.v[i]);
	for (size_t i = 0; i < from->v.n && code == 0; i++)
		if ((code = agg_check(t, e)) == 0)
			code = merge_item(x, from->v.v[i], e);
	from->v.n = 0;
	return code;
}

int
trace_items_merge(struct agg_table *t, struct agg_table *from, struct err *e)
{
	int code = 0;

	for (int side = 0; side < 2 && code == 0; side++) {
		struct trace_items *f = from->traces[side], *x = NULL;

		if (f != NULL && (code = items_of(t, (enum agg_side)side, &x, e)) == 0)
			code = merge_side(t, x, from, f, e);
		trace_items_free(f);
		from->traces[side] = NULL;
	}
	return code;
}

/* ---- without spans ---- */

bool
agg_asks_traces_only(const struct agg_table *t)
{
	for (size_t i = 0; i < t->n_slots; i++)
		if (!t->slots[i].of_trace)
			return false;
	return t->g->per_trace;
}

int
agg_add_trace(struct agg_table *t, enum agg_side side, const struct trace_facts *f, struct err *e)
{
	const struct trace_item it = { .id = f->trace_id, .start_ns = f->start_ns,
		.duration_ns = trace_duration(f), .service = f->root_service, .name = f->root_name,
		.error = f->n_errors != 0 };

	return add_item(t, side, &it, e);
}
