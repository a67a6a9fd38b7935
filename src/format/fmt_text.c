/* SPDX-License-Identifier: ISC */
/*
 * fmt_text: spans.txt and traces.txt: a table for reading. The first WIDTH_ROWS rows are held
 * back (whatever the size of the batches, so that the text does not depend on it); their
 * widest cells, up to WIDTH_MAX, fix the widths. A longer cell is shown whole and moves the
 * rest of its line. Durations are short ("1.23ms"), times end at the millisecond unless
 * they were selected. A character that a terminal must not get is shown as \u{..}.
 *
 * Widths count characters, not columns of a terminal: wide scripts stand a little off.
 */
#include "base/utf8.h"
#include "format_i.h"

#define WIDTH_ROWS 256
#define WIDTH_MAX 48
#define GAP 2

/* A cell that waits: its bytes in `held` and how wide it is. */
struct waiting {
	size_t off, n, width;
};

struct table {
	bool fixed;		/* widths are known, the header is out */
	bool brief;		/* the columns are ours: short times */
	size_t n_rows;		/* that wait */
	size_t *widths;
	struct waiting *cells;	/* WIDTH_ROWS + 1 rows; the first is the header */
};

size_t
put_visible(struct buf *b, struct sv s)
{
	const char *p = s.p, *end = s.p + s.n, *from = p;
	size_t width = 0;

	while (p < end) {
		uint32_t cp = 0;
		size_t n = utf8_decode(p, end, &cp), at;

		if (n != 0 && !utf8_unprintable(cp)) {
			p += n;
			width++;
			continue;
		}
		buf_put(b, from, (size_t)(p - from));
		at = b->n;
		if (n == 0) {
			BUF_LIT(b, "\xef\xbf\xbd");
			at += 2;
			n = 1;
		} else
			buf_printf(b, "\\u{%x}", (unsigned)cp);
		width += b->n - at;
		p += n;
		from = p;
	}
	buf_put(b, from, (size_t)(p - from));
	return width;
}

static int
default_columns(struct formatter *f, struct err *e)
{
	static const enum intrinsic span_ids[] = { IN_START, IN_SERVICE, IN_NAME, IN_KIND,
	    IN_STATUS, IN_DURATION, IN_TRACE_ID };
	static const enum intrinsic trace_ids[] = { IN_TRACE_START, IN_ROOT_SERVICE,
	    IN_ROOT_NAME, IN_TRACE_SPANS, IN_TRACE_ERRORS, IN_TRACE_DURATION, IN_TRACE_ID };
	const enum intrinsic *ids = f->format->rows == ROW_SPAN ? span_ids : trace_ids;
	struct field fields[7];

	for (size_t i = 0; i < 7; i++)
		fields[i] = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = ids[i] };
	return formatter_columns(f, fields, NULL, 7, e);
}

/* A heading: durations are for people here, so they go by their field's name. */
static void
put_heading(struct formatter *f, struct buf *b, size_t i)
{
	const struct field *field = &f->columns[i].field;

	if (field->scope == FIELD_INTRINSIC)
		buf_str(b, intrinsics[field->intrinsic].name);
	else
		buf_sv(b, f->columns[i].name);
}

static void
add_cell(struct formatter *f, size_t i, struct sv text)
{
	struct table *t = f->state;
	struct waiting *w = &t->cells[t->n_rows * f->n_columns + i];

	w->off = f->held.n;
	w->width = put_visible(&f->held, text);
	w->n = f->held.n - w->off;
}

int
text_begin(struct formatter *f, struct buf *out, struct err *e)
{
	struct table *t = arena_new(&f->arena, struct table);
	int code;

	(void)out;
	if (t == NULL)
		return err_nomem(e);
	f->state = t;
	t->brief = f->opt.n_select == 0;
	code = t->brief ? default_columns(f, e) : formatter_columns(f, f->opt.select,
	    f->opt.select_typed, f->opt.n_select, e);
	if (code < 0)
		return code;
	t->widths = arena_array(&f->arena, f->n_columns, size_t);
	t->cells = arena_array(&f->arena, (WIDTH_ROWS + 1) * f->n_columns, struct waiting);
	if (t->widths == NULL || t->cells == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < f->n_columns; i++) {
		f->scratch.n = 0;
		put_heading(f, &f->scratch, i);
		add_cell(f, i, buf_view(&f->scratch));
	}
	t->n_rows = 1;
	return 0;
}

static bool
right_aligned(const struct field *f)
{
	if (f->scope != FIELD_INTRINSIC)
		return false;
	switch (intrinsics[f->intrinsic].type) {
	case FT_INT:
	case FT_DURATION:
		return true;
	default:
		return false;
	}
}

static void
put_blanks(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_putc(b, ' ');
}

/* The rows that wait, and no longer do. */
static void
put_waiting(struct formatter *f, struct buf *b)
{
	struct table *t = f->state;

	for (size_t r = 0; r < t->n_rows && !f->held.oom; r++) {
		const struct waiting *w = &t->cells[r * f->n_columns];
		size_t blanks = 0;

		for (size_t i = 0; i < f->n_columns; i++, w++) {
			size_t pad = t->widths[i] > w->width ? t->widths[i] - w->width : 0;
			bool right = right_aligned(&f->columns[i].field);

			/* Blanks wait for text after them: none at the end of a line. */
			if (w->n != 0) {
				put_blanks(b, blanks + (right ? pad : 0));
				buf_put(b, f->held.p + w->off, w->n);
				blanks = right ? 0 : pad;
			} else
				blanks += pad;
			blanks += GAP;
		}
		buf_putc(b, '\n');
	}
	t->n_rows = 0;
	f->held.n = 0;
}

static void
fix_widths(struct formatter *f)
{
	struct table *t = f->state;

	for (size_t r = 0; r < t->n_rows; r++)
		for (size_t i = 0; i < f->n_columns; i++) {
			size_t w = t->cells[r * f->n_columns + i].width;

			if (r != 0 && w > WIDTH_MAX)
				w = WIDTH_MAX;
			if (w > t->widths[i])
				t->widths[i] = w;
		}
	t->fixed = true;
}

static void
cell_text(struct formatter *f, const struct cell *c)
{
	const struct table *t = f->state;
	struct buf *b = &f->scratch;

	b->n = 0;
	if (c->kind == CELL_DURATION) {
		duration_print_short(b, c->u);
		return;
	}
	cell_plain(f, b, c);
	if (c->kind == CELL_TIME && t->brief && !b->oom) {
		b->n -= 7;	/* of the nine digits three stay */
		buf_putc(b, 'Z');
	}
}

int
text_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	struct table *t = f->state;

	(void)e;
	for (size_t r = 0; r < b->n; r++) {
		for (size_t i = 0; i < f->n_columns; i++) {
			const struct field *field = &f->columns[i].field;
			struct cell c = b->kind == ROW_SPAN ?
			    cell_of_span(field, &b->spans[r]) :
			    cell_of_trace(field, &b->traces[r].facts);

			cell_text(f, &c);
			add_cell(f, i, buf_view(&f->scratch));
		}
		t->n_rows++;
		if (!t->fixed && t->n_rows == WIDTH_ROWS + 1)
			fix_widths(f);
		if (t->fixed)
			put_waiting(f, out);
	}
	return 0;
}

int
text_end(struct formatter *f, struct buf *out, struct err *e)
{
	struct table *t = f->state;

	(void)e;
	if (!t->fixed)
		fix_widths(f);
	put_waiting(f, out);
	return 0;
}
