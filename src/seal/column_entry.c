/* SPDX-License-Identifier: ISC */
/*
 * column_entry: what the footer says of a column: its description, its range and its most
 * frequent values.
 */
#include "seal_i.h"

#include "shard/shard.h"

/* A number of a column as an attribute value. */
static struct value
number_value(const struct column_desc *d, uint64_t v)
{
	struct value out = { .type = d->type };

	if (d->type == VAL_DOUBLE)
		out.d = value_double_of(v);
	else if (d->type == VAL_BOOL)
		out.b = v != 0;
	else if (column_has_images(d->id))
		out.i = value_i64_of(v);
	else
		out.i = (int64_t)v;
	return out;
}

struct value
column_value(const struct column_desc *d, const struct coldict *dict, const uint32_t *old_of,
    uint64_t v)
{
	if (dict == NULL)
		return number_value(d, v);
	return (struct value){ .type = d->type,
		.s = coldict_at(dict, old_of != NULL ? old_of[v] : (uint32_t)v) };
}

/* False: it would have to be cut, but then means something else. */
static bool
put_top(struct buf *b, const struct column_desc *d, struct value v, uint32_t n_rows)
{
	bool cut = value_is_bytes(d->type) && v.s.n > SHARD_TOP_BYTES;

	if (cut && d->type != VAL_STRING && d->type != VAL_BYTES)
		return false;
	if (cut)
		v.s.n = SHARD_TOP_BYTES;
	buf_putc(b, cut);
	buf_varint(b, n_rows);
	value_pack(b, &v);
	return true;
}

static void
put_tops(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of)
{
	const struct column_stats_out *st = &s->stats;
	uint32_t n = 0;

	s->raw.n = 0;
	for (uint32_t i = 0; i < st->n_top; i++) {
		struct value v = column_value(d, dict, old_of, st->top[i].v);

		n += put_top(&s->raw, d, v, st->top[i].n_rows);
	}
	buf_varint(&s->columns, n);
	buf_sv(&s->columns, buf_view(&s->raw));
}

int
column_end(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of)
{
	const struct column_stats_out *st = &s->stats;
	struct buf *b = &s->columns;
	int rc;

	buf_putc(b, (char)d->id);
	buf_putc(b, (char)d->domain);
	buf_putc(b, (char)d->kind);
	buf_putc(b, (char)d->type);
	buf_putc(b, (char)d->scope);
	buf_varint(b, d->key.n);
	buf_sv(b, d->key);
	buf_varint(b, st->n_present);
	buf_varint(b, st->n_distinct);
	buf_putc(b, st->has_range);
	if (st->has_range) {
		buf_u64le(b, st->min);
		buf_u64le(b, st->max);
	}
	buf_varint(b, d->n_dict);
	put_tops(s, d, dict, old_of);
	s->n_columns++;
	if ((rc = buf_ok(&s->raw, s->err)) != 0)
		return rc;
	return buf_ok(b, s->err);
}
