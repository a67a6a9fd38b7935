/* SPDX-License-Identifier: ISC */
/*
 * value: see model/value.h. Packed bytes may come from a damaged file: readers check type
 * bytes and lengths, and value_check walks arrays and maps with a stack of its own, so that
 * nesting costs no C stack.
 */
#include "model/value.h"

#include "base/limits.h"

const char *
value_type_name(enum value_type t)
{
	static const char *const name[VAL_TYPES] = {
		[VAL_EMPTY] = "empty",
		[VAL_STRING] = "string",
		[VAL_BOOL] = "bool",
		[VAL_INT] = "int",
		[VAL_DOUBLE] = "double",
		[VAL_BYTES] = "bytes",
		[VAL_ARRAY] = "array",
		[VAL_MAP] = "map",
	};

	return (unsigned)t < VAL_TYPES ? name[t] : "unknown";
}

static void
put_u64(struct buf *b, uint64_t v)
{
	uint8_t p[8];

	for (size_t i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	buf_put(b, p, 8);
}

void
value_pack(struct buf *b, const struct value *v)
{
	uint64_t bits;

	buf_putc(b, (char)v->type);
	switch (v->type) {
	case VAL_EMPTY:
		break;
	case VAL_BOOL:
		buf_putc(b, v->b ? 1 : 0);
		break;
	case VAL_INT:
		put_u64(b, (uint64_t)v->i);
		break;
	case VAL_DOUBLE:
		memcpy(&bits, &v->d, 8);
		put_u64(b, bits);
		break;
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		buf_varint(b, v->s.n);
		buf_sv(b, v->s);
		break;
	}
}

bool
value_unpack(struct cursor *c, struct value *out)
{
	struct value v = { .type = VAL_EMPTY };
	uint8_t type = cursor_u8(c);
	uint64_t u;

	switch (type) {
	case VAL_EMPTY:
		break;
	case VAL_BOOL:
		u = cursor_u8(c);
		c->bad |= u > 1;
		v.b = u == 1;
		break;
	case VAL_INT:
		v.i = (int64_t)cursor_u64(c);
		break;
	case VAL_DOUBLE:
		u = cursor_u64(c);
		memcpy(&v.d, &u, 8);
		break;
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		v.s = cursor_str(c);
		break;
	default:
		c->bad = true;
	}
	if (c->bad)
		return false;
	v.type = (enum value_type)type;
	*out = v;
	return true;
}

bool
value_array_next(struct cursor *c, struct value *out)
{
	return !c->bad && cursor_left(c) != 0 && value_unpack(c, out);
}

bool
value_map_next(struct cursor *c, struct sv *key, struct value *out)
{
	struct sv k;

	if (c->bad || cursor_left(c) == 0)
		return false;
	k = cursor_str(c);
	if (!value_unpack(c, out))
		return false;
	*key = k;
	return true;
}

/* An array or map that is being walked. */
struct level {
	struct cursor c;
	struct sv key;		/* the last one seen */
	bool map, first;
};

static struct level
level_new(enum value_type t, struct sv packed)
{
	return (struct level){ cursor_new(packed.p, packed.n), SV_EMPTY, t == VAL_MAP, true };
}

/* The next value of a level; false at its end, or, with c.bad, if malformed. */
static bool
level_next(struct level *l, struct value *v)
{
	struct sv key;

	if (!l->map)
		return value_array_next(&l->c, v);
	if (!value_map_next(&l->c, &key, v))
		return false;
	if (!l->first && sv_cmp(l->key, key) >= 0) {
		l->c.bad = true;
		return false;
	}
	l->key = key;
	l->first = false;
	return true;
}

bool
value_check(enum value_type t, struct sv packed)
{
	struct level stack[LIMIT_VALUE_DEPTH];
	struct value v;
	size_t depth = 1;

	if (t != VAL_ARRAY && t != VAL_MAP)
		return false;
	stack[0] = level_new(t, packed);
	while (depth > 0) {
		struct level *l = &stack[depth - 1];

		if (!level_next(l, &v)) {
			if (l->c.bad)
				return false;
			depth--;
		} else if (v.type == VAL_ARRAY || v.type == VAL_MAP) {
			if (depth == LIMIT_VALUE_DEPTH)
				return false;
			stack[depth++] = level_new(v.type, v.s);
		}
	}
	return true;
}

bool
value_eq(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VAL_EMPTY:
		return true;
	case VAL_BOOL:
		return a->b == b->b;
	case VAL_INT:
		return a->i == b->i;
	case VAL_DOUBLE:
		return memcmp(&a->d, &b->d, 8) == 0;
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		return sv_eq(a->s, b->s);
	}
	return false;
}
