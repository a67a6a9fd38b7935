/* SPDX-License-Identifier: ISC */
/*
 * table: aligned columns for reading. The first WIDTH_ROWS rows are held back (whatever the
 * size of the batches, so that the text does not depend on it); their widest cells, up to
 * WIDTH_MAX or the column's own bound, fix the widths. A longer cell is shown whole and moves
 * the rest of its line, unless its column has a bound: then it is cut, and so is the last
 * cell of a line where the whole table has one. A character that a terminal must not get is
 * shown as \u{..}.
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
	const struct table_column *columns;
	size_t n_columns;
	size_t line_max;	/* widest line; 0: any */
	bool fixed;		/* widths are known, the header is out */
	size_t n_rows;		/* that wait */
	size_t *widths;
	struct waiting *cells;	/* WIDTH_ROWS + 1 rows; the first is the header */
	struct buf *held;
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

void
table_cell(struct table *t, size_t i, struct sv text)
{
	struct waiting *w = &t->cells[t->n_rows * t->n_columns + i];

	w->off = t->held->n;
	w->width = put_visible(t->held, text);
	w->n = t->held->n - w->off;
}

struct table *
table_new(struct arena *a, struct buf *held, const struct table_column *columns, size_t n,
    size_t line_max)
{
	struct table *t = arena_new(a, struct table);

	if (t == NULL)
		return NULL;
	*t = (struct table){ .columns = columns, .n_columns = n, .line_max = line_max,
		.held = held };
	t->widths = arena_array(a, n, size_t);
	t->cells = arena_array(a, (WIDTH_ROWS + 1) * n, struct waiting);
	if (t->widths == NULL || t->cells == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		table_cell(t, i, columns[i].heading);
	t->n_rows = 1;
	return t;
}

static void
put_blanks(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_putc(b, ' ');
}

/* The first `most` characters, the last of them "…" if there are more. Returns how many. */
static size_t
put_cut(struct buf *b, struct sv s, size_t width, size_t most)
{
	const char *p = s.p, *end = s.p + s.n;
	uint32_t cp;

	if (width <= most) {
		buf_sv(b, s);
		return width;
	}
	for (size_t i = 1; i < most && p < end; i++) {
		size_t n = utf8_decode(p, end, &cp);

		p += n == 0 ? 1 : n;
	}
	buf_put(b, s.p, (size_t)(p - s.p));
	BUF_LIT(b, "\xe2\x80\xa6");
	return most;
}

/* How much of column i there may be when `used` of the line are taken. */
static size_t
cell_most(const struct table *t, size_t i, size_t used)
{
	size_t most = t->columns[i].most;

	if (t->line_max != 0 && i + 1 == t->n_columns)
		most = used + 1 < t->line_max ? t->line_max - used : 1;
	return most == 0 ? SIZE_MAX : most;
}

static void
put_line(const struct table *t, const struct waiting *w, struct buf *b)
{
	size_t blanks = 0, used = 0;

	for (size_t i = 0; i < t->n_columns; i++, w++) {
		size_t most = cell_most(t, i, used + blanks);
		size_t width = w->width < most ? w->width : most;
		size_t pad = t->widths[i] > width ? t->widths[i] - width : 0;
		bool right = t->columns[i].right;

		/* Blanks wait for text after them: none at the end of a line. */
		if (w->n != 0) {
			blanks += right ? pad : 0;
			put_blanks(b, blanks);
			used += blanks + put_cut(b, sv_new(t->held->p + w->off, w->n), w->width, most);
			blanks = right ? 0 : pad;
		} else
			blanks += pad;
		blanks += GAP;
	}
	buf_putc(b, '\n');
}

/* The rows that wait, and no longer do. */
static void
put_waiting(struct table *t, struct buf *b)
{
	for (size_t r = 0; r < t->n_rows && !t->held->oom; r++)
		put_line(t, &t->cells[r * t->n_columns], b);
	t->n_rows = 0;
	t->held->n = 0;
}

static void
fix_widths(struct table *t)
{
	for (size_t r = 0; r < t->n_rows; r++)
		for (size_t i = 0; i < t->n_columns; i++) {
			size_t w = t->cells[r * t->n_columns + i].width;
			size_t max = t->columns[i].most != 0 ? t->columns[i].most : WIDTH_MAX;

			if (r != 0 && w > max)
				w = max;
			if (w > t->widths[i])
				t->widths[i] = w;
		}
	t->fixed = true;
}

void
table_row(struct table *t, struct buf *out)
{
	t->n_rows++;
	if (!t->fixed && t->n_rows == WIDTH_ROWS + 1)
		fix_widths(t);
	if (t->fixed)
		put_waiting(t, out);
}

void
table_end(struct table *t, struct buf *out)
{
	if (!t->fixed)
		fix_widths(t);
	put_waiting(t, out);
}
