/* SPDX-License-Identifier: ISC */
/*
 * cell: one field of one row, for `select` and the tables. A cell borrows from the row. What
 * the full row leaves out when empty is a missing cell here too. Fields of events and links
 * have a value for each of them, so they are arrays.
 */
#include "format_i.h"

static struct cell
string_cell(struct sv s)
{
	return (struct cell){ .kind = s.n == 0 ? CELL_NONE : CELL_STRING, .s = s };
}

/* Those that are always there, empty or not. */
static struct cell
name_cell(struct sv s)
{
	return (struct cell){ .kind = CELL_STRING, .s = s };
}

static struct cell
enum_cell(const char *word, int32_t number)
{
	if (word == NULL)
		return (struct cell){ .kind = CELL_INT, .i = number };
	return name_cell(sv_cstr(word));
}

static struct cell
number_cell(enum cell_kind kind, uint64_t u)
{
	return (struct cell){ .kind = kind, .u = u };
}

static struct cell
value_cell(const struct value *v)
{
	return (struct cell){ .kind = v == NULL ? CELL_NONE : CELL_VALUE, .val = v };
}

struct cell
cell_of_trace(const struct field *f, const struct trace_facts *t)
{
	if (f->scope != FIELD_INTRINSIC)
		return (struct cell){ .kind = CELL_NONE };
	switch (f->intrinsic) {
	case IN_TRACE_ID:
		return (struct cell){ .kind = CELL_TRACE_ID, .trace_id = t->trace_id };
	case IN_ROOT_SERVICE:
		return string_cell(t->root_service);
	case IN_ROOT_NAME:
		return string_cell(t->root_name);
	case IN_TRACE_START:
		return number_cell(CELL_TIME, t->start_ns);
	case IN_TRACE_DURATION:
		return number_cell(CELL_DURATION, trace_duration(t));
	case IN_TRACE_SPANS:
		return number_cell(CELL_UINT, t->n_spans);
	case IN_TRACE_ERRORS:
		return number_cell(CELL_UINT, t->n_errors);
	default:
		return (struct cell){ .kind = CELL_NONE };
	}
}

static struct cell
span_intrinsic(const struct field *f, const struct span_row *row)
{
	const struct span *s = row->span;

	switch (f->intrinsic) {
	case IN_SERVICE:
		return name_cell(s->resource->service);
	case IN_NAME:
		return name_cell(s->name);
	case IN_KIND:
		return enum_cell(span_kind_name(s->kind), s->kind);
	case IN_STATUS:
		return enum_cell(span_status_name(s->status), s->status);
	case IN_STATUS_MESSAGE:
		return string_cell(s->status_message);
	case IN_SCOPE:
		return string_cell(s->scope->name);
	case IN_SCOPE_VERSION:
		return string_cell(s->scope->version);
	case IN_TRACE_ID:
		return (struct cell){ .kind = CELL_TRACE_ID, .trace_id = s->trace_id };
	case IN_SPAN_ID:
		return number_cell(CELL_SPAN_ID, s->span_id);
	case IN_PARENT_SPAN_ID:
		return number_cell(s->parent_span_id == 0 ? CELL_NONE : CELL_SPAN_ID,
		    s->parent_span_id);
	case IN_TRACE_STATE:
		return string_cell(s->trace_state);
	case IN_FLAGS:
		return number_cell(s->flags == 0 ? CELL_NONE : CELL_UINT, s->flags);
	case IN_START:
		return number_cell(CELL_TIME, s->start_ns);
	case IN_END:
		return number_cell(CELL_TIME, s->end_ns);
	case IN_DURATION:
		return number_cell(CELL_DURATION, span_duration(s));
	case IN_CHILD_COUNT:
		return number_cell(row->trace == NULL ? CELL_NONE : CELL_UINT,
		    row->child_count);
	case IN_EVENT_NAME:
	case IN_EVENT_TIME:
		return (struct cell){ .kind = s->n_events == 0 ? CELL_NONE : CELL_MANY,
		    .span = s, .field = f };
	case IN_LINK_TRACE_ID:
	case IN_LINK_SPAN_ID:
		return (struct cell){ .kind = s->n_links == 0 ? CELL_NONE : CELL_MANY,
		    .span = s, .field = f };
	default:
		if (row->trace == NULL)
			return (struct cell){ .kind = CELL_NONE };
		return cell_of_trace(f, row->trace);
	}
}

static bool
any_event_has(const struct span *s, struct sv key)
{
	for (uint32_t i = 0; i < s->n_events; i++)
		if (attrs_find(&s->events[i].attrs, key) != NULL)
			return true;
	return false;
}

static bool
any_link_has(const struct span *s, struct sv key)
{
	for (uint32_t i = 0; i < s->n_links; i++)
		if (attrs_find(&s->links[i].attrs, key) != NULL)
			return true;
	return false;
}

struct cell
cell_of_span(const struct field *f, const struct span_row *row)
{
	const struct span *s = row->span;
	const struct value *v;
	bool has;

	switch (f->scope) {
	case FIELD_INTRINSIC:
		return span_intrinsic(f, row);
	case FIELD_BARE:
		if ((v = attrs_find(&s->attrs, f->key)) == NULL)
			v = attrs_find(&s->resource->attrs, f->key);
		return value_cell(v);
	case FIELD_RESOURCE:
		return value_cell(attrs_find(&s->resource->attrs, f->key));
	case FIELD_SPAN:
		return value_cell(attrs_find(&s->attrs, f->key));
	case FIELD_SCOPE:
		return value_cell(attrs_find(&s->scope->attrs, f->key));
	case FIELD_EVENT:
	case FIELD_LINK:
		has = f->scope == FIELD_EVENT ? any_event_has(s, f->key) :
		    any_link_has(s, f->key);
		return (struct cell){ .kind = has ? CELL_MANY : CELL_NONE, .span = s,
		    .field = f };
	}
	return (struct cell){ .kind = CELL_NONE };
}

static struct cell
event_cell(const struct field *f, const struct event *e)
{
	if (f->scope == FIELD_EVENT)
		return value_cell(attrs_find(&e->attrs, f->key));
	return f->intrinsic == IN_EVENT_NAME ? name_cell(e->name) :
	    number_cell(CELL_TIME, e->time_ns);
}

static struct cell
link_cell(const struct field *f, const struct link *l)
{
	if (f->scope == FIELD_LINK)
		return value_cell(attrs_find(&l->attrs, f->key));
	if (f->intrinsic == IN_LINK_TRACE_ID)
		return (struct cell){ .kind = CELL_TRACE_ID, .trace_id = l->trace_id };
	return number_cell(CELL_SPAN_ID, l->span_id);
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
	const struct span *s = c->span;
	bool events = c->field->scope == FIELD_EVENT || (c->field->scope == FIELD_INTRINSIC &&
	    intrinsics[c->field->intrinsic].of == OF_EVENT);
	uint32_t n = events ? s->n_events : s->n_links;
	bool first = true;

	buf_putc(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		struct cell k = events ? event_cell(c->field, &s->events[i]) :
		    link_cell(c->field, &s->links[i]);

		if (k.kind == CELL_NONE)
			continue;
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
		put_time(b, &f->day, c->u);
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
	case CELL_MANY:
		many_json(f, b, c);
		return;
	}
}
