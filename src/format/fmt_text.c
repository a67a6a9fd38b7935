/* SPDX-License-Identifier: ISC */
/*
 * fmt_text: spans.txt and traces.txt: a table for reading. With `select` its columns are shown
 * whole; without, they are ours, and lines end within LINE_MAX columns: times end at the
 * second, and the name, which stands last, has a failed span's message after it. Durations
 * are short ("1.23ms").
 */
#include "format_i.h"

#define LINE_MAX 120

/* Our own columns. IN_NAME is the name with what went wrong. */
static const struct own_column {
	enum intrinsic id;
	struct table_column table;
} span_columns[] = {
	{ IN_START, { SV("start"), false, 0 } },
	{ IN_SERVICE, { SV("service"), false, 16 } },
	{ IN_DURATION, { SV("duration"), true, 0 } },
	{ IN_TRACE_ID, { SV("trace_id"), false, 0 } },
	{ IN_NAME, { SV("name"), false, 0 } },
}, trace_columns[] = {
	{ IN_TRACE_START, { SV("start"), false, 0 } },
	{ IN_ROOT_SERVICE, { SV("root_service"), false, 16 } },
	{ IN_TRACE_DURATION, { SV("duration"), true, 0 } },
	{ IN_TRACE_SPANS, { SV("spans"), true, 0 } },
	{ IN_TRACE_ERRORS, { SV("errors"), true, 0 } },
	{ IN_TRACE_ID, { SV("trace_id"), false, 0 } },
	{ IN_ROOT_NAME, { SV("root_name"), false, 0 } },
};
#define N_SPAN (sizeof span_columns / sizeof *span_columns)
#define N_TRACE (sizeof trace_columns / sizeof *trace_columns)

static int
own_columns(struct formatter *f, struct table_column **out, struct err *e)
{
	bool spans = f->format->rows == ROW_SPAN;
	const struct own_column *own = spans ? span_columns : trace_columns;
	size_t n = spans ? N_SPAN : N_TRACE;
	struct field fields[N_SPAN > N_TRACE ? N_SPAN : N_TRACE];

	if ((*out = arena_array(&f->arena, n, struct table_column)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		fields[i] = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = own[i].id };
		(*out)[i] = own[i].table;
	}
	return formatter_columns(f, fields, NULL, n, e);
}

static bool
right_aligned(const struct field *f)
{
	if (f->scope == FIELD_INTRINSIC && f->intrinsic == IN_COST)
		return true;
	return field_type(f) == FT_INT || field_type(f) == FT_DURATION;
}

static int
selected_columns(struct formatter *f, struct table_column **out, struct err *e)
{
	int code = formatter_columns(f, f->opt.select, f->opt.select_typed, f->opt.n_select, e);

	if (code < 0)
		return code;
	if ((*out = arena_array(&f->arena, f->n_columns, struct table_column)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < f->n_columns; i++) {
		const struct field *field = &f->columns[i].field;

		/* Durations are for people here, so they go by their field's name. */
		(*out)[i] = (struct table_column){
			.heading = field->scope == FIELD_INTRINSIC ?
			    sv_cstr(intrinsics[field->intrinsic].name) : f->columns[i].name,
			.right = right_aligned(field),
		};
	}
	return 0;
}

int
text_begin(struct formatter *f, struct buf *out, struct err *e)
{
	bool own = f->opt.n_select == 0;
	struct table_column *columns;
	int code;

	(void)out;
	if ((code = own ? own_columns(f, &columns, e) : selected_columns(f, &columns, e)) < 0)
		return code;
	f->state = table_new(&f->arena, &f->held, columns, f->n_columns, own ? LINE_MAX : 0);
	return f->state == NULL ? err_nomem(e) : 0;
}

static void
cell_text(struct formatter *f, const struct cell *c)
{
	struct buf *b = &f->scratch;

	if (c->kind == CELL_DURATION) {
		duration_print_short(b, c->u);
		return;
	}
	cell_plain(f, b, c);
	if (c->kind == CELL_TIME && f->opt.n_select == 0 && !b->oom) {
		b->n -= 11;	/* the fraction goes */
		buf_putc(b, 'Z');
	}
}

int
text_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)e;
	for (size_t r = 0; r < b->n; r++) {
		struct field_row row = { .span = NULL };

		if (b->kind == ROW_SPAN)
			row = field_row_of(&b->spans[r]);
		for (size_t i = 0; i < f->n_columns; i++) {
			const struct field *field = &f->columns[i].field;
			struct cell c = b->kind == ROW_SPAN ?
			    cell_of_row(field, &row) :
			    cell_of_trace(field, &b->traces[r].facts);

			f->scratch.n = 0;
			cell_text(f, &c);
			if (f->opt.n_select == 0 && b->kind == ROW_SPAN && i + 1 == f->n_columns &&
			    span_failed(b->spans[r].span)) {
				BUF_LIT(&f->scratch, ": ");
				put_failure(&f->scratch, b->spans[r].span, false);
			}
			table_cell(f->state, i, buf_view(&f->scratch));
		}
		table_row(f->state, out);
	}
	return 0;
}

int
text_end(struct formatter *f, struct buf *out, struct err *e)
{
	(void)e;
	table_end(f->state, out);
	return 0;
}
