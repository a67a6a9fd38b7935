/* SPDX-License-Identifier: ISC */
/*
 * cell: one field of one row, for `select` and the tables. A cell borrows from the row. What
 * the full row leaves out when empty is a missing cell here too. Fields of events and links
 * have a value for each of them, so they are arrays.
 */
#include "format_i.h"

static struct cell
enum_cell(const struct field *f, int32_t number)
{
	const char *word = intrinsics[f->intrinsic].type == FT_KIND ? span_kind_name(number) :
	    span_status_name(number);

	if (word == NULL)
		return (struct cell){ .kind = CELL_INT, .i = number };
	return (struct cell){ .kind = CELL_STRING, .s = sv_cstr(word) };
}

static struct cell
number_cell(enum cell_kind kind, uint64_t u)
{
	return (struct cell){ .kind = kind, .u = u };
}

static struct cell
cell_of_value(const struct field *f, const struct field_value *v)
{
	switch (v->kind) {
	case FIELD_VALUE_TEXT:
		return (struct cell){ .kind = CELL_STRING, .s = v->s };
	case FIELD_VALUE_ENUM:
		return enum_cell(f, v->number);
	case FIELD_VALUE_NUMBER:
		return number_cell(CELL_UINT, v->u);
	case FIELD_VALUE_TIME:
		return number_cell(CELL_TIME, v->u);
	case FIELD_VALUE_DURATION:
		return number_cell(CELL_DURATION, v->u);
	case FIELD_VALUE_TRACE_ID:
		return (struct cell){ .kind = CELL_TRACE_ID, .trace_id = v->trace_id };
	case FIELD_VALUE_SPAN_ID:
		return number_cell(CELL_SPAN_ID, v->u);
	case FIELD_VALUE_ATTR:
		return (struct cell){ .kind = CELL_VALUE, .val = v->attr };
	case FIELD_VALUE_DOUBLE:
		return (struct cell){ .kind = CELL_DOUBLE, .d = v->d };
	}
	return (struct cell){ .kind = CELL_NONE };
}

struct cell
cell_of_row(const struct field *f, const struct field_row *r)
{
	struct field_value v;

	if (!field_value_first(f, r, &v))
		return (struct cell){ .kind = CELL_NONE };
	if (field_is_many(f))
		return (struct cell){ .kind = CELL_MANY, .span = r->span, .field = f };
	return cell_of_value(f, &v);
}

struct cell
cell_of_trace(const struct field *f, const struct trace_facts *t)
{
	const struct field_row r = { .trace = t };
	struct cell c = cell_of_row(f, &r);

	/* A row of traces.* leaves the names out, when empty. */
	if (c.kind == CELL_STRING && c.s.n == 0)
		c.kind = CELL_NONE;
	return c;
}

/* An element that is no CELL_MANY itself. */
static void
scalar_json(struct formatter *f, struct buf *b, const struct cell *c)
{
	bool quoted = c->kind == CELL_TIME || c->kind == CELL_TRACE_ID ||
	    c->kind == CELL_SPAN_ID;

	if (c->kind == CELL_STRING) {
		json_string(b, c->s);
		return;
	}
	if (c->kind == CELL_VALUE) {
		json_value(b, c->val);
		return;
	}
	if (quoted)
		buf_putc(b, '"');
	cell_plain(f, b, c);
	if (quoted)
		buf_putc(b, '"');
}

static void
many_json(struct formatter *f, struct buf *b, const struct cell *c)
{
	const struct field_row r = { .span = c->span };
	struct field_value v;
	bool first = true;
	struct field_at at = { 0, 0 };

	buf_putc(b, '[');
	while (field_value_next(c->field, &r, &at, &v)) {
		struct cell k = cell_of_value(c->field, &v);

		if (!first)
			buf_putc(b, ',');
		scalar_json(f, b, &k);
		first = false;
	}
	buf_putc(b, ']');
}

void
cell_json(struct formatter *f, struct buf *b, const struct cell *c)
{
	if (c->kind == CELL_MANY)
		many_json(f, b, c);
	else
		scalar_json(f, b, c);
}

static void
value_plain(struct buf *b, const struct value *v)
{
	if (v->type == VAL_STRING)
		put_clean(b, v->s);
	else if (v->type == VAL_DOUBLE)
		buf_double(b, v->d);
	else if (v->type != VAL_EMPTY)
		json_value(b, v);
}

void
cell_plain(struct formatter *f, struct buf *b, const struct cell *c)
{
	switch (c->kind) {
	case CELL_NONE:
		return;
	case CELL_STRING:
		put_clean(b, c->s);
		return;
	case CELL_INT:
		buf_i64(b, c->i);
		return;
	case CELL_UINT:
	case CELL_DURATION:
		buf_u64(b, c->u);
		return;
	case CELL_TIME:
		put_time(b, &f->render.day, c->u);
		return;
	case CELL_TRACE_ID:
		put_trace_id(b, c->trace_id);
		return;
	case CELL_SPAN_ID:
		put_span_id(b, c->u);
		return;
	case CELL_VALUE:
		value_plain(b, c->val);
		return;
	case CELL_DOUBLE:
		buf_double(b, c->d);
		return;
	case CELL_MANY:
		many_json(f, b, c);
		return;
	}
}
