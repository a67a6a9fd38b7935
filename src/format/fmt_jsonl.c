/* SPDX-License-Identifier: ISC */
/*
 * fmt_jsonl: spans.jsonl, traces.jsonl, events.jsonl and links.jsonl: one JSON object a line,
 * keys in the order of product.md, empty members left out; a span whole is
 * render/span_line.h. With `select` the keys are the selected fields, in that order, and
 * missing ones are left out. Service, name and ids always stand, however empty.
 */
#include "format_i.h"
#include "render/span_line.h"

int
spans_jsonl_begin(struct formatter *f, struct buf *out, struct err *e)
{
	(void)out;
	if (f->opt.n_select == 0)
		return 0;
	return formatter_columns(f, f->opt.select, f->opt.select_typed, f->opt.n_select, e);
}

/* One key of a selected row. */
static void
put_selected(struct formatter *f, struct buf *b, size_t i, const struct cell *c, bool *first)
{
	if (c->kind == CELL_NONE)
		return;
	if (!*first)
		buf_putc(b, ',');
	*first = false;
	buf_sv(b, f->columns[i].json_key);
	cell_json(f, b, c);
}

static void
put_selected_span(struct formatter *f, struct buf *b, const struct span_row *row)
{
	const struct field_row r = field_row_of(row);
	bool first = true;

	buf_putc(b, '{');
	for (size_t i = 0; i < f->n_columns; i++) {
		struct cell c = cell_of_row(&f->columns[i].field, &r);

		put_selected(f, b, i, &c, &first);
	}
	BUF_LIT(b, "}\n");
}

int
spans_jsonl_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < b->n; i++) {
		if (f->n_columns != 0)
			put_selected_span(f, out, &b->spans[i]);
		else
			span_line_put(&f->render, out, b->spans[i].span);
	}
	return render_ok(&f->render, e);
}

static void
put_optional(struct buf *b, const char *key, struct sv s)
{
	if (s.n == 0)
		return;
	BUF_LIT(b, ",\"");
	buf_str(b, key);
	BUF_LIT(b, "\":");
	json_string(b, s);
}

static void
put_services(struct buf *b, const struct trace_facts *t)
{
	buf_putc(b, '[');
	for (uint32_t i = 0; i < t->n_services; i++) {
		if (i != 0)
			buf_putc(b, ',');
		json_string(b, t->services[i]);
	}
	buf_putc(b, ']');
}

static void
put_trace(struct formatter *f, struct buf *b, const struct trace_row *row)
{
	const struct trace_facts *t = &row->facts;

	BUF_LIT(b, "{\"trace_id\":\"");
	put_trace_id(b, t->trace_id);
	buf_putc(b, '"');
	put_optional(b, "root_service", t->root_service);
	put_optional(b, "root_name", t->root_name);
	BUF_LIT(b, ",\"start\":\"");
	put_time(b, &f->render.day, t->start_ns);
	BUF_LIT(b, "\",\"duration_ns\":");
	buf_u64(b, trace_duration(t));
	BUF_LIT(b, ",\"spans\":");
	buf_u64(b, t->n_spans);
	BUF_LIT(b, ",\"errors\":");
	buf_u64(b, t->n_errors);
	BUF_LIT(b, ",\"services\":");
	put_services(b, t);
	BUF_LIT(b, ",\"matched\":");
	buf_u64(b, row->n_matched);
	BUF_LIT(b, "}\n");
}

static void
put_selected_trace(struct formatter *f, struct buf *b, const struct trace_row *row)
{
	bool first = true;

	buf_putc(b, '{');
	for (size_t i = 0; i < f->n_columns; i++) {
		struct cell c = cell_of_trace(&f->columns[i].field, &row->facts);

		put_selected(f, b, i, &c, &first);
	}
	BUF_LIT(b, "}\n");
}

int
traces_jsonl_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < b->n; i++) {
		if (f->n_columns != 0)
			put_selected_trace(f, out, &b->traces[i]);
		else
			put_trace(f, out, &b->traces[i]);
	}
	return 0;
}

/* Whose event or link it is. */
static void
put_owner(struct buf *b, const struct span *s)
{
	put_ids(b, s);
	BUF_LIT(b, ",\"service\":");
	json_string(b, s->resource->service);
	put_optional(b, "span_name", s->name);
}

static void
put_attributes(struct buf *b, const struct attrs *a)
{
	if (a->n != 0) {
		BUF_LIT(b, ",\"attributes\":");
		json_attrs(b, a);
	}
	BUF_LIT(b, "}\n");
}

int
events_jsonl_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < b->n; i++) {
		const struct event *ev = b->events[i].event;

		put_owner(out, b->events[i].span);
		BUF_LIT(out, ",\"time\":\"");
		put_time(out, &f->render.day, ev->time_ns);
		BUF_LIT(out, "\",\"name\":");
		json_string(out, ev->name);
		put_attributes(out, &ev->attrs);
	}
	return 0;
}

/* An attribute of a score, under a shorter key; left out where there is none. */
static void
put_score_attr(struct buf *b, const char *key, const struct event *ev, struct sv attr)
{
	const struct value *v = attrs_find(&ev->attrs, attr);

	if (v == NULL || v->type == VAL_EMPTY || (v->type == VAL_STRING && v->s.n == 0))
		return;
	buf_printf(b, ",\"%s\":", key);
	json_value(b, v);
}

int
scores_jsonl_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < b->n; i++) {
		const struct event *ev = b->events[i].event;

		put_ids(out, b->events[i].span);
		BUF_LIT(out, ",\"time\":\"");
		put_time(out, &f->render.day, ev->time_ns);
		buf_putc(out, '"');
		put_score_attr(out, "name", ev, SV(SCORE_NAME_KEY));
		put_score_attr(out, "value", ev, SV(SCORE_VALUE_KEY));
		put_score_attr(out, "label", ev, SV(SCORE_LABEL_KEY));
		put_score_attr(out, "explanation", ev, SV(SCORE_EXPLANATION_KEY));
		BUF_LIT(out, "}\n");
	}
	return 0;
}

int
links_jsonl_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)f;
	(void)e;
	for (size_t i = 0; i < b->n; i++) {
		const struct link *l = b->links[i].link;

		put_owner(out, b->links[i].span);
		BUF_LIT(out, ",\"linked_trace_id\":\"");
		put_trace_id(out, l->trace_id);
		BUF_LIT(out, "\",\"linked_span_id\":\"");
		put_span_id(out, l->span_id);
		buf_putc(out, '"');
		put_attributes(out, &l->attrs);
	}
	return 0;
}
