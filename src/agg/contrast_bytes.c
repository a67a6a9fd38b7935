/* SPDX-License-Identifier: ISC */
/* contrast_bytes: see agg/contrast_bytes.h. */
#include "agg/contrast_bytes.h"

#include "base/cursor.h"
#include "contrast_i.h"
#include "model/field.h"

#define MAGIC "SCS\1"
#define MAGIC_BYTES 4		/* the last of them the version */
#define MOST_SPANS ((uint64_t)1 << 62)	/* of a side, so that none overflows that is merged */

/* ---- save ---- */

static void
put_field(struct buf *b, const struct contrast_field *f)
{
	buf_putc(b, (char)f->field.scope);
	buf_putc(b, f->field.scope == FIELD_INTRINSIC ? (char)f->field.intrinsic : 0);
	buf_varint(b, f->field.key.n);
	buf_sv(b, f->field.key);
	buf_putc(b, f->dropped);
	if (f->dropped)
		return;
	buf_varint(b, f->values.n);
	for (size_t i = 0; i < f->values.n; i++) {
		const struct contrast_count *x = &f->values.v[i];

		buf_varint(b, x->key.n);
		buf_sv(b, x->key);
		buf_varint(b, x->n[SIDE_SELECTION]);
		buf_varint(b, x->n[SIDE_BASELINE]);
	}
}

int
contrast_save(struct contrast *c, struct buf *b, struct err *e)
{
	int code = 0;

	buf_put(b, MAGIC, MAGIC_BYTES);
	buf_varint(b, c->n_spans[SIDE_SELECTION]);
	buf_varint(b, c->n_spans[SIDE_BASELINE]);
	buf_varint(b, c->fields.n);
	for (size_t i = 0; i < c->fields.n && code == 0; i++)
		if ((code = contrast_check(c, e)) == 0)
			put_field(b, c->fields.v[i]);
	return code < 0 ? code : buf_ok(b, e);
}

/* ---- load ---- */

struct loading {
	struct cursor c;
	struct contrast *t;
	struct err *e;
};

static uint64_t
get_spans(struct cursor *c)
{
	uint64_t n = cursor_varint(c);

	c->bad |= n > MOST_SPANS;
	return n;
}

/* One value, whole, as a table packs it. */
static bool
get_value(struct cursor *c, struct value *v)
{
	struct sv key = cursor_str(c);
	struct cursor at = cursor_new(key.p, key.n);

	return !c->bad && value_unpack(&at, v) && cursor_left(&at) == 0 && v->type != VAL_EMPTY &&
	    ((v->type != VAL_ARRAY && v->type != VAL_MAP) || value_check(v->type, v->s));
}

static int
get_values(struct loading *l, struct contrast_field *f)
{
	uint64_t n = cursor_varint(&l->c), selection, baseline;
	struct value v;
	uint32_t no;
	int code = 0;

	l->c.bad |= n > CONTRAST_MOST_VALUES;
	for (uint64_t i = 0; i < n && code == 0 && !l->c.bad; i++) {
		if (!get_value(&l->c, &v)) {
			l->c.bad = true;
			break;
		}
		selection = get_spans(&l->c);
		baseline = get_spans(&l->c);
		if ((code = contrast_check(l->t, l->e)) < 0 ||
		    (code = contrast_value(l->t, f, &v, &no, l->e)) < 0)
			break;
		/* The same again, or of no span. */
		l->c.bad |= code > 0 || no != i || selection + baseline == 0 ||
		    selection > contrast_spans(l->t, SIDE_SELECTION) ||
		    baseline > contrast_spans(l->t, SIDE_BASELINE);
		if (!l->c.bad)
			contrast_count(f, no, selection, baseline);
		code = 0;
	}
	return code;
}

static bool
is_field(const struct field *f)
{
	switch (f->scope) {
	case FIELD_INTRINSIC:
		return f->intrinsic < N_INTRINSICS && f->key.n == 0;
	case FIELD_SPAN:
	case FIELD_RESOURCE:
	case FIELD_SCOPE:
	case FIELD_EVENT:
		return f->intrinsic == 0;
	default:
		return false;
	}
}

static int
get_field(struct loading *l, size_t place)
{
	struct field f = { .scope = (enum field_scope)cursor_u8(&l->c) };
	struct contrast_field *x;
	uint8_t dropped;
	int code;

	f.intrinsic = (enum intrinsic)cursor_u8(&l->c);
	f.key = cursor_str(&l->c);
	dropped = cursor_u8(&l->c);
	l->c.bad |= dropped > 1 || !is_field(&f);
	if (l->c.bad)
		return 0;
	if ((code = contrast_field(l->t, &f, &x, l->e)) < 0)
		return code;
	l->c.bad |= l->t->fields.n != place + 1;	/* the same again */
	if (l->c.bad || dropped == 0)
		return l->c.bad ? 0 : get_values(l, x);
	contrast_drop(l->t, x);
	return 0;
}

static int
get_table(struct loading *l)
{
	const uint8_t *magic;
	uint64_t n;
	int code = 0;

	if (!cursor_take(&l->c, MAGIC_BYTES, &magic) || memcmp(magic, MAGIC, MAGIC_BYTES - 1) != 0)
		return err_set(l->e, ERR_CORRUPT, 0, "this is no comparison");
	if (magic[MAGIC_BYTES - 1] != (uint8_t)MAGIC[MAGIC_BYTES - 1])
		return err_set(l->e, ERR_VERSION, 3, "a comparison of another version");
	l->t->n_spans[SIDE_SELECTION] = get_spans(&l->c);
	l->t->n_spans[SIDE_BASELINE] = get_spans(&l->c);
	n = cursor_varint(&l->c);
	for (uint64_t i = 0; i < n && code == 0 && !l->c.bad; i++)
		code = get_field(l, (size_t)i);
	if (code < 0)
		return code;
	if (l->c.bad || cursor_left(&l->c) != 0)
		return err_set(l->e, ERR_CORRUPT, (int64_t)cursor_off(&l->c),
		    "a comparison doesn't read back");
	return 0;
}

int
contrast_load(struct contrast *parent, struct sv bytes, struct contrast **out, struct err *e)
{
	struct loading l = { .c = cursor_new(bytes.p, bytes.n), .e = e };
	int code = contrast_like(parent, &l.t, e);

	if (code < 0)
		return code;
	if ((code = get_table(&l)) < 0) {
		contrast_free(l.t);
		return code;
	}
	*out = l.t;
	return 0;
}
