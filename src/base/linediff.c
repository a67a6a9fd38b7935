/* SPDX-License-Identifier: ISC */
/*
 * linediff: the longest common subsequence of the lines, by the table of its lengths: fine for
 * texts of some hundred lines, which is what it is for.
 */
#include "base/linediff.h"

#include <stdlib.h>

struct lines {
	struct sv v[LINEDIFF_MAX];
	size_t n;
};

struct diff {
	struct lines a, b;
	uint16_t len[LINEDIFF_MAX + 1][LINEDIFF_MAX + 1];	/* from line i of a, j of b on */
};

static bool
split(struct lines *l, struct sv text)
{
	for (l->n = 0; text.n != 0; l->n++) {
		if (l->n == LINEDIFF_MAX)
			return false;
		(void)sv_cut(&text, '\n', &l->v[l->n]);
	}
	return true;
}

static void
put_line(struct buf *out, const char *mark, struct sv line)
{
	buf_str(out, mark);
	buf_sv(out, line);
	buf_putc(out, '\n');
}

static void
measure(struct diff *d)
{
	for (size_t i = d->a.n; i-- > 0;)
		for (size_t j = d->b.n; j-- > 0;) {
			uint16_t x = d->len[i + 1][j], y = d->len[i][j + 1];

			d->len[i][j] = sv_eq(d->a.v[i], d->b.v[j]) ?
			    (uint16_t)(d->len[i + 1][j + 1] + 1) : x > y ? x : y;
		}
}

static void
show(struct buf *out, const struct diff *d)
{
	size_t i = 0, j = 0;

	while (i < d->a.n || j < d->b.n) {
		if (i < d->a.n && j < d->b.n && sv_eq(d->a.v[i], d->b.v[j])) {
			put_line(out, "  ", d->a.v[i++]);
			j++;
		} else if (j == d->b.n || (i < d->a.n && d->len[i + 1][j] >= d->len[i][j + 1]))
			put_line(out, "- ", d->a.v[i++]);
		else
			put_line(out, "+ ", d->b.v[j++]);
	}
}

static void
show_whole(struct buf *out, const char *mark, struct sv text)
{
	struct sv line;

	while (text.n != 0 && sv_cut(&text, '\n', &line))
		put_line(out, mark, line);
}

int
linediff(struct buf *out, struct sv a, struct sv b, bool *same, struct err *e)
{
	struct diff *d = calloc(1, sizeof *d);

	if (d == NULL)
		return err_nomem(e);
	*same = sv_eq(a, b);
	if (split(&d->a, a) && split(&d->b, b)) {
		measure(d);
		show(out, d);
	} else {
		show_whole(out, "- ", a);
		show_whole(out, "+ ", b);
	}
	free(d);
	return buf_ok(out, e);
}
