/* SPDX-License-Identifier: ISC */
/* ch_value: where a value of RowBinary ends, see rowbinary/ch_type.h. Depth is that of its type. */
#include "rowbinary/ch_type.h"

static int
corrupt(const struct cursor *c, struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, (int64_t)cursor_off(c), "ClickHouse's answer: %s at byte %zu of a row",
	    what, cursor_off(c));
}

/* 0, >0: cut short, or ERR_CORRUPT: longer than a count can be. */
static int
count(struct cursor *c, uint64_t *n, struct err *e)
{
	struct cursor before = *c;

	*n = cursor_varint(c);
	if (!c->bad)
		return 0;
	*c = before;
	return cursor_left(c) >= VARINT_MAX ? corrupt(c, e, "no count") : 1;
}

static int
bytes(struct cursor *c, uint64_t n)
{
	const uint8_t *p;

	return n > cursor_left(c) || !cursor_take(c, (size_t)n, &p);
}

static int
flag(struct cursor *c, uint8_t *v, struct err *e)
{
	if (cursor_left(c) == 0)
		return 1;
	*v = cursor_u8(c);
	return *v > 1 ? corrupt(c, e, "neither 0 nor 1") : 0;
}

/* n times the kids in turn. */
static int
repeat(const struct ch_type *t, uint64_t n, struct cursor *c, struct err *e)
{
	for (uint64_t i = 0; i < n; i++)
		for (size_t k = 0; k < t->n_kids; k++) {
			int rc = ch_value_skip(t->kids[k], c, e);

			if (rc != 0)
				return rc;
		}
	return 0;
}

static int
label(const struct ch_type *t, struct cursor *c, struct err *e)
{
	int16_t v;

	if (cursor_left(c) < t->bytes)
		return 1;
	v = t->bytes == 1 ? (int8_t)cursor_u8(c) : (int16_t)cursor_u16(c);
	for (size_t i = 0; i < t->n_labels; i++)
		if (t->labels[i].number == v)
			return 0;
	return corrupt(c, e, "no such value of an Enum");
}

int
ch_value_skip(const struct ch_type *t, struct cursor *c, struct err *e)
{
	uint64_t n;
	uint8_t v;
	int rc;

	switch (t->kind) {
	case CH_STRING:
	case CH_JSON:
		return (rc = count(c, &n, e)) != 0 ? rc : bytes(c, n);
	case CH_BOOL:
		return flag(c, &v, e);
	case CH_ENUM:
		return label(t, c, e);
	case CH_NULLABLE:
		return (rc = flag(c, &v, e)) != 0 ? rc : v == 1 ? 0 : ch_value_skip(t->kids[0], c, e);
	case CH_ARRAY:
	case CH_MAP:
		return (rc = count(c, &n, e)) != 0 ? rc : repeat(t, n, c, e);
	case CH_TUPLE:
		return repeat(t, 1, c, e);
	case CH_NOTHING:
		return corrupt(c, e, "a value of type Nothing");
	default:
		return bytes(c, t->bytes);
	}
}
