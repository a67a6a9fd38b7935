/* SPDX-License-Identifier: ISC */
/* contrast: fields and counts of their values, see agg/contrast.h. */
#include <stdlib.h>

#include "agg_i.h"
#include "base/clock.h"
#include "contrast_i.h"

/* ---- bounds ---- */

int
contrast_take(struct contrast *c, size_t bytes, struct err *e)
{
	size_t used = atomic_fetch_add_explicit(c->used, bytes, memory_order_relaxed) + bytes;

	if (used <= c->opt.memory && quota_take(c->opt.quota, bytes))
		return 0;
	atomic_fetch_sub_explicit(c->used, bytes, memory_order_relaxed);
	if (used > c->opt.memory)
		return err_set(e, ERR_NOMEM, -1, "the values that are compared need more than "
		    "%zu bytes ([query] memory)", c->opt.memory);
	return err_set(e, ERR_NOMEM, -1, "the values that are compared need more memory than all "
	    "queries may take ([query] total_memory)");
}

void
contrast_give(struct contrast *c, size_t bytes)
{
	atomic_fetch_sub_explicit(c->used, bytes, memory_order_relaxed);
	quota_give(c->opt.quota, bytes);
}

#define STEPS 4096		/* between two looks at the clock */

int
contrast_check(struct contrast *c, struct err *e)
{
	const struct contrast_options *o = &c->opt;

	if (++c->steps < STEPS)
		return 0;
	c->steps = 0;
	if (o->cancel != NULL && atomic_load_explicit(o->cancel, memory_order_relaxed))
		return err_set(e, ERR_CANCELLED, -1, "cancelled");
	if (o->deadline_mono_ns == 0 || clock_mono_ns() < o->deadline_mono_ns)
		return 0;
	return err_set(e, ERR_TIMEOUT, -1, "over the time limit ([query] timeout)");
}

/* ---- tables ---- */

int
contrast_new(const struct contrast_options *o, struct contrast **out, struct err *e)
{
	struct contrast *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(e);
	c->opt = *o;
	if (c->opt.memory == 0)
		c->opt.memory = SIZE_MAX / 2;
	atomic_init(&c->own_used, 0);
	c->used = &c->own_used;
	arena_init(&c->arena);
	map_init(&c->index);
	buf_init(&c->key);
	*out = c;
	return 0;
}

int
contrast_like(struct contrast *parent, struct contrast **out, struct err *e)
{
	int code = contrast_new(&parent->opt, out, e);

	if (code == 0)
		(*out)->used = parent->used;
	return code;
}

void
contrast_free(struct contrast *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->fields.n; i++)
		contrast_drop(c, c->fields.v[i]);
	contrast_give(c, c->rows_held);
	vec_release(&c->fields);
	vec_release(&c->rows);
	map_release(&c->index);
	buf_release(&c->key);
	arena_release(&c->arena);
	free(c);
}

void
contrast_add_spans(struct contrast *c, uint64_t selection, uint64_t baseline)
{
	c->n_spans[SIDE_SELECTION] += selection;
	c->n_spans[SIDE_BASELINE] += baseline;
}

uint64_t
contrast_spans(const struct contrast *c, enum contrast_side side)
{
	return c->n_spans[side];
}

uint64_t
contrast_stamps(struct contrast *c, uint64_t n)
{
	uint64_t first = c->last_stamp + 1;

	c->last_stamp += n;
	return first;
}

/* ---- fields ---- */

void
contrast_drop(struct contrast *c, struct contrast_field *f)
{
	contrast_give(c, f->held);
	f->held = 0;
	map_release(&f->index);
	map_init(&f->index);
	vec_release(&f->values);
	f->dropped = true;
}

bool
contrast_dropped(const struct contrast_field *f)
{
	return f->dropped;
}

static const char *
prefix_of(enum field_scope s)
{
	switch (s) {
	case FIELD_RESOURCE:
		return "resource.";
	case FIELD_SCOPE:
		return "scope.";
	case FIELD_EVENT:
		return "event.";
	default:
		return "span.";
	}
}

static int
field_new(struct contrast *c, const struct field *f, struct contrast_field **out, struct err *e)
{
	struct contrast_field *x = arena_new(&c->arena, struct contrast_field);
	size_t bytes = sizeof *x + 2 * f->key.n + 64;
	int code;

	if (x == NULL)
		return err_nomem(e);
	if ((code = contrast_take(c, bytes, e)) < 0)
		return code;
	x->held = bytes;
	map_init(&x->index);
	x->field = *f;
	c->key.n = 0;
	if (f->scope == FIELD_INTRINSIC)
		buf_str(&c->key, intrinsics[f->intrinsic].name);
	else {
		buf_str(&c->key, prefix_of(f->scope));
		buf_sv(&c->key, f->key);
	}
	x->name = arena_sv(&c->arena, buf_view(&c->key));
	if (c->key.oom || x->name.p == NULL || !vec_push(&c->fields, x)) {
		contrast_drop(c, x);
		return err_nomem(e);
	}
	x->field.key = f->scope == FIELD_INTRINSIC ? SV_EMPTY :
	    sv_sub(x->name, x->name.n - f->key.n, x->name.n);
	*out = x;
	return 0;
}

int
contrast_field(struct contrast *c, const struct field *f, struct contrast_field **out,
    struct err *e)
{
	uint64_t *at;
	bool fresh;
	int code;

	c->key.n = 0;
	buf_putc(&c->key, (char)f->scope);
	if (f->scope == FIELD_INTRINSIC)
		buf_putc(&c->key, (char)f->intrinsic);
	else
		buf_sv(&c->key, f->key);
	if (c->key.oom || (at = map_put(&c->index, buf_view(&c->key), &fresh)) == NULL)
		return err_nomem(e);
	/* Not there yet: 0. So a failure leaves nothing that points beyond. */
	if (*at == 0) {
		if ((code = field_new(c, f, out, e)) < 0)
			return code;
		*at = c->fields.n;
	}
	*out = c->fields.v[*at - 1];
	return 0;
}

/* ---- values ---- */

/* What a value takes, about: its count, a slot of the map with room, its bytes. */
#define VALUE_BYTES (2 * sizeof(struct contrast_count) + 3 * sizeof(struct map_slot))

static int
value_new(struct contrast *c, struct contrast_field *f, uint64_t *at, size_t bytes, struct err *e)
{
	const struct map_slot *slot = (const struct map_slot *)(const void *)
	    ((const char *)at - offsetof(struct map_slot, val));
	struct contrast_count x = { .key = sv_new(slot->key, slot->len) };
	int code;

	if ((code = contrast_take(c, bytes + VALUE_BYTES, e)) < 0)
		return code;
	f->held += bytes + VALUE_BYTES;
	if (!vec_push(&f->values, x))
		return err_nomem(e);
	*at = f->values.n;
	return 0;
}

int
contrast_value(struct contrast *c, struct contrast_field *f, const struct value *v, uint32_t *no,
    struct err *e)
{
	uint64_t *at;
	bool fresh;
	int code;

	if (f->dropped)
		return 1;
	c->key.n = 0;
	value_pack_key(&c->key, v);
	if (c->key.oom || (at = map_put(&f->index, buf_view(&c->key), &fresh)) == NULL)
		return err_nomem(e);
	if (*at == 0) {
		if (f->values.n == CONTRAST_MOST_VALUES) {
			contrast_drop(c, f);
			return 1;
		}
		if ((code = value_new(c, f, at, c->key.n, e)) < 0)
			return code;
	}
	*no = (uint32_t)*at - 1;
	return 0;
}

void
contrast_count(struct contrast_field *f, uint32_t no, uint64_t selection, uint64_t baseline)
{
	struct contrast_count *x = &f->values.v[no];

	x->n[SIDE_SELECTION] += selection;
	x->n[SIDE_BASELINE] += baseline;
}

void
contrast_count_once(struct contrast_field *f, uint32_t no, enum contrast_side side, uint64_t stamp)
{
	struct contrast_count *x = &f->values.v[no];

	if (x->stamp == stamp)
		return;
	x->stamp = stamp;
	x->n[side]++;
}

/* ---- two tables ---- */

static int
merge_field(struct contrast *c, struct contrast_field *from, struct err *e)
{
	struct contrast_field *f;
	struct value v;
	uint32_t no;
	int code = contrast_field(c, &from->field, &f, e);

	if (code < 0)
		return code;
	if (from->dropped && !f->dropped)
		contrast_drop(c, f);
	for (size_t i = 0; code == 0 && i < from->values.n; i++) {
		const struct contrast_count *x = &from->values.v[i];
		struct cursor at = cursor_new(x->key.p, x->key.n);

		if ((code = contrast_check(c, e)) < 0)
			return code;
		(void)value_unpack(&at, &v);
		if ((code = contrast_value(c, f, &v, &no, e)) == 0)
			contrast_count(f, no, x->n[SIDE_SELECTION], x->n[SIDE_BASELINE]);
	}
	return code < 0 ? code : 0;
}

int
contrast_merge(struct contrast *c, struct contrast *from, struct err *e)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < from->fields.n; i++)
		code = merge_field(c, from->fields.v[i], e);
	contrast_add_spans(c, from->n_spans[SIDE_SELECTION], from->n_spans[SIDE_BASELINE]);
	return code;
}

int
contrast_share_drops(struct contrast *a, struct contrast *b, struct err *e)
{
	struct contrast_field *f;
	int code = 0;

	for (size_t i = 0; code == 0 && i < b->fields.n; i++) {
		struct contrast_field *x = b->fields.v[i];

		if (!x->dropped)
			continue;
		if ((code = contrast_field(a, &x->field, &f, e)) == 0 && !f->dropped)
			contrast_drop(a, f);
	}
	for (size_t i = 0; code == 0 && i < a->fields.n; i++) {
		struct contrast_field *x = a->fields.v[i];

		if (!x->dropped)
			continue;
		if ((code = contrast_field(b, &x->field, &f, e)) == 0 && !f->dropped)
			contrast_drop(b, f);
	}
	return code;
}
