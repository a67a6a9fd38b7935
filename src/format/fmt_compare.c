/* SPDX-License-Identifier: ISC */
/*
 * fmt_compare: compare.txt: how many spans were compared, then a line for each value: its share of
 * the selection, of the baseline, by how much they differ, and a bar as long as that: full where
 * the selection has more of it, light where it has less. At the end what was left out. At most
 * LINE_MAX columns.
 */
#include <math.h>

#include "format_i.h"
#include "model/contrast_column.h"

#define LINE_MAX 100
#define FIELD_MOST 30
#define VALUE_MOST 24
#define BAR_MAX 9

enum { SHOWN_FIELD, SHOWN_VALUE, SHOWN_SELECTION, SHOWN_BASELINE, SHOWN_DIFFERENCE, SHOWN_BAR,
	N_SHOWN };

static const struct table_column columns[N_SHOWN] = {
	[SHOWN_FIELD] = { .heading = SV("field"), .most = FIELD_MOST },
	[SHOWN_VALUE] = { .heading = SV("value"), .most = VALUE_MOST },
	[SHOWN_SELECTION] = { .heading = SV("selection"), .right = true },
	[SHOWN_BASELINE] = { .heading = SV("baseline"), .right = true },
	[SHOWN_DIFFERENCE] = { .heading = SV("difference"), .right = true },
	[SHOWN_BAR] = { .heading = SV("") },
};

int
compare_text_begin(struct formatter *f, struct buf *out, struct err *e)
{
	put_figure(out, (double)f->opt.selection);
	buf_str(out, f->opt.selection == 1 ? " span matches" : " spans match");
	BUF_LIT(out, " (selection), compared with ");
	put_figure(out, (double)f->opt.baseline);
	buf_str(out, f->opt.baseline == 1 ? " other (baseline)\n" : " others (baseline)\n");
	if (f->opt.selection == 0 || f->opt.baseline == 0)
		buf_printf(out, "nothing to compare: the %s is empty\n",
		    f->opt.selection == 0 ? "selection" : "baseline");
	BUF_LIT(out, "\n");
	f->state = table_new(&f->arena, &f->held, columns, N_SHOWN, LINE_MAX);
	return f->state == NULL ? err_nomem(e) : 0;
}

/* Of a share; NAN: there is none. */
static double
number_of(const struct group_cell *c)
{
	return c->kind == GROUP_VALUE && c->value.type == VAL_DOUBLE ? c->value.d : (double)NAN;
}

/* In percent, with one decimal; what is there is never shown as nothing. */
static void
put_percent(struct buf *b, double d, bool sign)
{
	if (isnan(d)) {
		BUF_LIT(b, "-");
		return;
	}
	if (d != 0 && fabs(d) < 0.0005) {
		buf_str(b, !sign ? "<0.1%" : d > 0 ? "+<0.1%" : "-<0.1%");
		return;
	}
	buf_printf(b, sign && d != 0 ? "%+.1f%%" : "%.1f%%", d * 100);
}

static void
put_bar(struct buf *b, double d)
{
	long n = isnan(d) ? 0 : lround(fabs(d) * BAR_MAX);

	for (long i = 0; i < n; i++)
		buf_str(b, d > 0 ? "█" : "░");
}

static void
set_cell(struct formatter *f, size_t i)
{
	table_cell(f->state, i, buf_view(&f->scratch));
	f->scratch.n = 0;
}

static void
set_row(struct formatter *f, const struct group_cell *c)
{
	double difference = number_of(&c[CONTRAST_DIFFERENCE]);

	f->scratch.n = 0;
	put_group_plain(f, &f->scratch, &c[CONTRAST_FIELD]);
	set_cell(f, SHOWN_FIELD);
	put_group_plain(f, &f->scratch, &c[CONTRAST_VALUE]);
	set_cell(f, SHOWN_VALUE);
	put_percent(&f->scratch, number_of(&c[CONTRAST_SELECTION_SHARE]), false);
	set_cell(f, SHOWN_SELECTION);
	put_percent(&f->scratch, number_of(&c[CONTRAST_BASELINE_SHARE]), false);
	set_cell(f, SHOWN_BASELINE);
	put_percent(&f->scratch, difference, true);
	set_cell(f, SHOWN_DIFFERENCE);
	put_bar(&f->scratch, difference);
	set_cell(f, SHOWN_BAR);
}

int
compare_text_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < b->n; i++) {
		set_row(f, b->groups->cells + i * N_CONTRAST_COLUMNS);
		table_row(f->state, out);
	}
	return 0;
}

/* The note in lines of LINE_MAX, broken between words. */
static void
put_note(struct buf *out, struct sv note)
{
	size_t at = 0;
	struct sv word;

	while (sv_cut(&note, ' ', &word)) {
		if (at != 0 && at + 1 + word.n > LINE_MAX) {
			BUF_LIT(out, "\n  ");
			at = 2;
		} else if (at != 0) {
			buf_putc(out, ' ');
			at++;
		}
		at += put_visible(out, word);
	}
	BUF_LIT(out, "\n");
}

int
compare_text_end(struct formatter *f, struct buf *out, struct err *e)
{
	(void)e;
	table_end(f->state, out);
	if (f->opt.note.n != 0) {
		BUF_LIT(out, "\n");
		put_note(out, f->opt.note);
	}
	return 0;
}
