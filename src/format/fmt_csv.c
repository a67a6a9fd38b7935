/* SPDX-License-Identifier: ISC */
/*
 * fmt_csv: spans.csv and traces.csv. RFC 4180 with a header, except that lines end in "\n"
 * and not in CR LF: the tools of a Unix pipeline would take the CR for data. The columns are
 * the JSON keys in order, or the selected fields; nested values are compact JSON; what JSON
 * leaves out is an empty field. Fields are quoted where they hold a comma, a quote or a line
 * end, and nothing else is done to them: a leading '=' or '+' stays.
 *
 * A row of one empty column is written as "", since a blank line is no row to most readers.
 */
#include "format_i.h"

static bool
needs_quotes(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r')
			return true;
	return false;
}

void
csv_field(struct buf *b, struct sv s)
{
	struct sv part;

	if (!needs_quotes(s)) {
		buf_sv(b, s);
		return;
	}
	buf_putc(b, '"');
	for (int64_t i; (i = sv_chr(s, '"')) >= 0; s = sv_sub(s, (size_t)i + 1, s.n)) {
		part = sv_sub(s, 0, (size_t)i + 1);
		buf_sv(b, part);
		buf_putc(b, '"');
	}
	buf_sv(b, s);
	buf_putc(b, '"');
}

/* What stands in the scratch buffer, as one more field of the row. */
static void
flush_field(struct formatter *f, struct buf *b)
{
	csv_field(b, buf_view(&f->scratch));
	buf_putc(b, ',');
	f->scratch.n = 0;
}

static void
end_row(struct buf *b)
{
	if (!b->oom)
		b->p[b->n - 1] = '\n';
}

static void
put_cell(struct formatter *f, struct buf *b, const struct cell *c)
{
	cell_plain(f, &f->scratch, c);
	flush_field(f, b);
}

static int
begin(struct formatter *f, struct buf *out, const char *header, struct err *e)
{
	int code;

	if (f->opt.n_select == 0) {
		buf_str(out, header);
		return 0;
	}
	if ((code = formatter_columns(f, f->opt.select, f->opt.select_typed, f->opt.n_select,
	    e)) < 0)
		return code;
	f->scratch.n = 0;
	for (size_t i = 0; i < f->n_columns; i++) {
		put_clean(&f->scratch, f->columns[i].name);
		flush_field(f, out);
	}
	end_row(out);
	return 0;
}

int
spans_csv_begin(struct formatter *f, struct buf *out, struct err *e)
{
	return begin(f, out, "trace_id,span_id,parent_span_id,name,kind,service,start,"
	    "duration_ns,status,status_message,attributes,resource,scope,events,links,"
	    "trace_state,flags,dropped\n", e);
}

int
traces_csv_begin(struct formatter *f, struct buf *out, struct err *e)
{
	return begin(f, out, "trace_id,root_service,root_name,start,duration_ns,spans,errors,"
	    "services,matched\n", e);
}

static void
put_intrinsics(struct formatter *f, struct buf *b, const struct span_row *row,
    const enum intrinsic *ids, size_t n)
{
	const struct field_row r = field_row_of(row);

	for (size_t i = 0; i < n; i++) {
		struct field field = { .scope = FIELD_INTRINSIC, .intrinsic = ids[i] };
		struct cell c = cell_of_row(&field, &r);

		put_cell(f, b, &c);
	}
}

/* As a field, quoted text of a resource: the same for many rows. */
static void
render_resource(struct buf *b, const void *key)
{
	const struct resource *r = key;
	struct buf json = BUF_INIT;

	if (r->attrs.n != 0)
		json_attrs(&json, &r->attrs);
	csv_field(b, buf_view(&json));
	buf_putc(b, ',');
	b->oom |= json.oom;
	buf_release(&json);
}

static void
render_scope(struct buf *b, const void *key)
{
	const struct scope *s = key;
	struct buf json = BUF_INIT;

	if (!span_json_scope_empty(s))
		span_json_scope(&json, s);
	csv_field(b, buf_view(&json));
	buf_putc(b, ',');
	b->oom |= json.oom;
	buf_release(&json);
}

static void
put_nested(struct formatter *f, struct buf *b, const struct span *s)
{
	if (s->attrs.n != 0)
		json_attrs(&f->scratch, &s->attrs);
	flush_field(f, b);
	buf_sv(b, render_cached(&f->render.resources, s->resource, render_resource));
	buf_sv(b, render_cached(&f->render.scopes, s->scope, render_scope));
	if (s->n_events != 0)
		span_json_events(&f->render.day, &f->scratch, s);
	flush_field(f, b);
	if (s->n_links != 0)
		span_json_links(&f->scratch, s);
	flush_field(f, b);
}

static void
put_span(struct formatter *f, struct buf *b, const struct span_row *row)
{
	static const enum intrinsic head[] = { IN_TRACE_ID, IN_SPAN_ID, IN_PARENT_SPAN_ID,
	    IN_NAME, IN_KIND, IN_SERVICE, IN_START, IN_DURATION, IN_STATUS,
	    IN_STATUS_MESSAGE };
	static const enum intrinsic tail[] = { IN_TRACE_STATE, IN_FLAGS };

	put_intrinsics(f, b, row, head, sizeof head / sizeof *head);
	put_nested(f, b, row->span);
	put_intrinsics(f, b, row, tail, sizeof tail / sizeof *tail);
	if (!span_json_dropped_empty(row->span))
		span_json_dropped(&f->scratch, row->span);
	flush_field(f, b);
	end_row(b);
}

/* A selected row ends: one empty column alone would be a blank line. */
static void
end_selected(struct buf *b, size_t row_from)
{
	if (!b->oom && b->n == row_from + 1) {
		b->n = row_from;
		BUF_LIT(b, "\"\",");
	}
	end_row(b);
}

int
spans_csv_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	f->scratch.n = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct field_row r = field_row_of(&b->spans[i]);
		size_t from = out->n;

		if (f->n_columns == 0) {
			put_span(f, out, &b->spans[i]);
			continue;
		}
		for (size_t k = 0; k < f->n_columns; k++) {
			struct cell c = cell_of_row(&f->columns[k].field, &r);

			put_cell(f, out, &c);
		}
		end_selected(out, from);
	}
	return render_ok(&f->render, e);
}

static void
put_services(struct formatter *f, struct buf *b, const struct trace_facts *t)
{
	struct buf *s = &f->scratch;

	buf_putc(s, '[');
	for (uint32_t i = 0; i < t->n_services; i++) {
		if (i != 0)
			buf_putc(s, ',');
		json_string(s, t->services[i]);
	}
	buf_putc(s, ']');
	flush_field(f, b);
}

static void
put_trace(struct formatter *f, struct buf *b, const struct trace_row *row)
{
	static const enum intrinsic ids[] = { IN_TRACE_ID, IN_ROOT_SERVICE, IN_ROOT_NAME,
	    IN_TRACE_START, IN_TRACE_DURATION, IN_TRACE_SPANS, IN_TRACE_ERRORS };

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct field field = { .scope = FIELD_INTRINSIC, .intrinsic = ids[i] };
		struct cell c = cell_of_trace(&field, &row->facts);

		put_cell(f, b, &c);
	}
	put_services(f, b, &row->facts);
	buf_u64(b, row->n_matched);
	buf_putc(b, '\n');
}

int
traces_csv_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)e;
	f->scratch.n = 0;
	for (size_t i = 0; i < b->n; i++) {
		size_t from = out->n;

		if (f->n_columns == 0) {
			put_trace(f, out, &b->traces[i]);
			continue;
		}
		for (size_t k = 0; k < f->n_columns; k++) {
			struct cell c = cell_of_trace(&f->columns[k].field,
			    &b->traces[i].facts);

			put_cell(f, out, &c);
		}
		end_selected(out, from);
	}
	return 0;
}
