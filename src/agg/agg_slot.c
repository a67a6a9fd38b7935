/* SPDX-License-Identifier: ISC */
/*
 * agg_slot: what an item has in a field that is asked for: its values one by one, an array giving
 * its elements, each event its own; nothing for null. So keys, numbers and different values are all
 * of the same list.
 */
#include <math.h>

#include "agg_i.h"

static int
push(struct agg_slot *s, struct value v, struct err *e)
{
	return vec_push(&s->v, v) ? 0 : err_nomem(e);
}

static int
push_id(struct agg_slot *s, struct trace_id id, bool trace, struct arena *a, struct err *e)
{
	struct buf b = BUF_INIT;
	struct value v = { .type = VAL_STRING };
	int code;

	if (trace)
		trace_id_print(&b, id);
	else
		span_id_print(&b, id.lo);
	v.s = arena_sv(a, buf_view(&b));
	code = b.oom || v.s.p == NULL ? err_nomem(e) : push(s, v, e);
	buf_release(&b);
	return code;
}

static int
push_elements(struct agg_slot *s, struct sv packed, struct err *e)
{
	struct cursor c = cursor_new(packed.p, packed.n);
	struct value x;
	int code = 0;

	while (code == 0 && value_array_next(&c, &x))
		if (x.type != VAL_EMPTY)
			code = push(s, x, e);
	return code;
}

static int
push_attr(struct agg_slot *s, const struct value *v, struct err *e)
{
	if (v->type == VAL_EMPTY)
		return 0;
	return v->type == VAL_ARRAY ? push_elements(s, v->s, e) : push(s, *v, e);
}

static int
push_field(struct agg_slot *s, const struct field_value *v, struct arena *a, struct err *e)
{
	switch (v->kind) {
	case FIELD_VALUE_TEXT:
		return push(s, (struct value){ .type = VAL_STRING, .s = v->s }, e);
	case FIELD_VALUE_ENUM:
		return push(s, (struct value){ .type = VAL_INT, .i = v->number }, e);
	case FIELD_VALUE_NUMBER:
	case FIELD_VALUE_TIME:
	case FIELD_VALUE_DURATION:
		return push(s, (struct value){ .type = VAL_INT, .i = (int64_t)v->u }, e);
	case FIELD_VALUE_TRACE_ID:
		return push_id(s, v->trace_id, true, a, e);
	case FIELD_VALUE_SPAN_ID:
		return push_id(s, (struct trace_id){ .lo = v->u }, false, a, e);
	case FIELD_VALUE_ATTR:
		return push_attr(s, v->attr, e);
	case FIELD_VALUE_DOUBLE:
		return push(s, (struct value){ .type = VAL_DOUBLE, .d = v->d }, e);
	}
	return 0;
}

int
slot_add_span(struct agg_slot *s, const struct field_row *r, struct arena *a, struct err *e)
{
	struct field_value v;
	struct field_at at = { 0, 0 };
	int code = 0;

	while (code == 0 && field_value_next(&s->field, r, &at, &v))
		code = push_field(s, &v, a, e);
	return code;
}

struct number
slot_number(const struct agg_slot *s, const struct value *v)
{
	if (v->type == VAL_DOUBLE)
		return number_double(v->d);
	if (v->type != VAL_INT || s->is_word)
		return (struct number){ .kind = NUMBER_NONE };
	return s->is_unsigned ? number_u64((uint64_t)v->i) : number_i64(v->i);
}

void
value_pack_key(struct buf *b, const struct value *v)
{
	struct value nan = { .type = VAL_DOUBLE, .d = (double)NAN };

	value_pack(b, v->type == VAL_DOUBLE && isnan(v->d) ? &nan : v);
}

bool
key_valid(const struct agg_table *t, struct sv key)
{
	struct cursor c = cursor_new(key.p, key.n);
	struct value v;

	for (size_t i = 0; i < t->g->n_keys; i++)
		if (c.p < c.end && *c.p == (uint8_t)KEY_NULL)
			c.p++;
		else if (!value_unpack(&c, &v) || v.type == VAL_EMPTY ||
		    ((v.type == VAL_ARRAY || v.type == VAL_MAP) && !value_check(v.type, v.s)))
			return false;
	return c.p == c.end;
}
