/* SPDX-License-Identifier: ISC */
/*
 * fmt_groups_text: groups.txt: a table for reading, at most LINE_MAX columns wide: durations with
 * their unit, shares in percent, large numbers in thousands, and a bar for the first
 * aggregate, as long as its share of the largest. With keys and buckets a line for each group
 * follows: the same aggregate over the buckets, as a row of small bars.
 *
 * Bars need the largest value, so the rows wait until all are there.
 */
#include <math.h>

#include "base/map.h"
#include "base/vec.h"
#include "format_i.h"

#define LINE_MAX 100
#define BAR_MAX 12
#define CELL_MAX 32
#define SPARK_MAX 60
#define TIME_FRACTION 11		/* characters from the point of seconds to the Z */

struct waiting_row {
	struct waiting_row *next;
	struct sv *cells;		/* texts */
	struct sv key;			/* of its group, without the bucket */
	__int128 bucket;
	double bar;			/* NaN: none */
};

struct groups_text {
	struct waiting_row *first, **last;
	size_t bar;			/* column that has the bars; n: none */
	bool sparks;			/* keys and buckets */
	double most;
};

static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
static const char *const heights[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

int
groups_text_begin(struct formatter *f, struct buf *out, struct err *e)
{
	struct groups_text *x = arena_new(&f->arena, struct groups_text);
	bool bucket = false, key = false;
	int code = groups_begin(f, out, e);

	if (code < 0)
		return code;
	if (x == NULL)
		return err_nomem(e);
	x->last = &x->first;
	x->bar = f->n_columns;
	for (size_t i = f->n_columns; i-- > 0;) {
		bucket |= f->opt.groups[i].role == COLUMN_BUCKET;
		key |= f->opt.groups[i].role == COLUMN_KEY;
		if (f->opt.groups[i].role == COLUMN_AGG)
			x->bar = i;
	}
	x->sparks = bucket && key && x->bar < f->n_columns;
	f->state = x;
	return 0;
}

/* The number of a cell, for bars; NaN: it has none. */
static double
cell_number(const struct group_cell *c)
{
	if (c->kind == GROUP_UINT)
		return (double)c->u;
	if (c->kind == GROUP_VALUE && c->value.type == VAL_INT)
		return (double)c->value.i;
	if (c->kind == GROUP_VALUE && c->value.type == VAL_DOUBLE && isfinite(c->value.d))
		return c->value.d;
	return (double)NAN;
}

void
put_figure(struct buf *b, double d)
{
	static const char *const letters[] = { "", "k", "M", "G", "T", "P", "E" };
	double a = fabs(d);
	size_t i = 0;

	if (!isfinite(d)) {
		buf_double(b, d);
		return;
	}
	for (; a >= 999.5 && i + 1 < sizeof letters / sizeof *letters; i++)
		a /= 1000;
	if (i == 0 && a == floor(a))
		buf_printf(b, "%.0f", d);
	else
		buf_printf(b, "%s%.*f%s", d < 0 ? "-" : "", a < 9.995 ? 2 : a < 99.95 ? 1 : 0, a,
		    letters[i]);
}

/* To the second; in full, without zeros at the end, where it is what tells rows apart. */
static void
put_short_time(struct formatter *f, struct buf *b, __int128 ns, bool full)
{
	size_t from = b->n, least;

	put_group_time(b, &f->render.day, ns);
	if (b->oom || b->n - from < TIME_FRACTION)
		return;
	least = b->n - TIME_FRACTION;
	b->n--;
	while (b->n > least && (!full || b->p[b->n - 1] == '0' || b->p[b->n - 1] == '.'))
		b->n--;
	buf_putc(b, 'Z');
}

static void
put_text(struct formatter *f, struct buf *b, const struct group_column *col,
    const struct group_cell *c)
{
	double d = cell_number(c);

	if (c->kind == GROUP_NULL) {
		buf_str(b, col->role == COLUMN_KEY ? "null" : "-");
	} else if (c->kind == GROUP_TIME) {
		put_short_time(f, b, c->time, col->role == COLUMN_BUCKET ||
		    col->role == COLUMN_KEY);
	} else if (col->role == COLUMN_KEY && !col->duration) {
		put_group_plain(f, b, c);
	} else if (isnan(d)) {
		put_group_plain(f, b, c);
	} else if (col->duration && fabs(d) < 1e19) {
		if (d < 0)
			buf_putc(b, '-');
		duration_print_short(b, (uint64_t)llround(fabs(d)));
	} else if (col->share) {
		put_figure(b, d * 100);
		buf_putc(b, '%');
	} else
		put_figure(b, d);
}

/* At most CELL_MAX characters of a text, which may be what is in the scratch buffer. */
static struct sv
kept_text(struct formatter *f, struct sv text)
{
	size_t n = 0, chars = 0;

	while (n < text.n && chars < CELL_MAX) {
		n++;
		while (n < text.n && ((uint8_t)text.p[n] & 0xc0) == 0x80)
			n++;
		chars++;
	}
	if (n == text.n)
		return arena_sv(&f->arena, text);
	if (text.p != f->scratch.p) {
		f->scratch.n = 0;
		buf_sv(&f->scratch, sv_sub(text, 0, n));
	}
	f->scratch.n = n < f->scratch.n ? n : f->scratch.n;
	BUF_LIT(&f->scratch, "…");
	return arena_sv(&f->arena, buf_view(&f->scratch));
}

static int
keep_row(struct formatter *f, const struct group_cell *c, struct err *e)
{
	struct groups_text *x = f->state;
	struct waiting_row *r = arena_new(&f->arena, struct waiting_row);
	struct buf key = BUF_INIT;
	bool lost = false;

	if (r == NULL || (r->cells = arena_array(&f->arena, f->n_columns + 1, struct sv)) == NULL)
		return err_nomem(e);
	r->bar = x->bar < f->n_columns ? cell_number(&c[x->bar]) : (double)NAN;
	if (r->bar > x->most)
		x->most = r->bar;
	for (size_t i = 0; i < f->n_columns; i++) {
		const struct group_column *col = &f->opt.groups[i];

		f->scratch.n = 0;
		put_text(f, &f->scratch, col, &c[i]);
		r->cells[i] = kept_text(f, buf_view(&f->scratch));
		lost |= r->cells[i].p == NULL && f->scratch.n != 0;
		if (col->role == COLUMN_BUCKET)
			r->bucket = c[i].time;
		if (x->sparks && col->role == COLUMN_KEY) {
			buf_str(&key, key.n == 0 ? "" : "  ");
			buf_sv(&key, r->cells[i]);
		}
	}
	r->key = arena_sv(&f->arena, buf_view(&key));
	lost |= key.oom || f->scratch.oom || (r->key.p == NULL && key.n != 0);
	buf_release(&key);
	if (lost)
		return err_nomem(e);
	*x->last = r;
	x->last = &r->next;
	return 0;
}

int
groups_text_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	int code = 0;

	(void)out;
	for (size_t r = 0; code == 0 && r < b->n; r++)
		code = keep_row(f, b->groups->cells + r * f->n_columns, e);
	return code;
}

/* ---- the table ---- */

static void
put_bar(struct buf *b, double v, double most)
{
	int n;

	if (!(v > 0) || !(most > 0))
		return;
	n = (int)lround(v / most * BAR_MAX * 8);
	for (; n >= 8; n -= 8)
		BUF_LIT(b, "█");
	buf_str(b, eighths[n]);
}

/* A duration has its unit in the cells. */
static struct sv
heading(const struct group_column *c)
{
	return c->duration && sv_ends(c->name, SV("_ns")) ? sv_sub(c->name, 0, c->name.n - 3) :
	    c->name;
}

static int
go_on(const struct formatter *f, struct err *e)
{
	return f->opt.go_on == NULL ? 0 : f->opt.go_on(f->opt.go_on_arg, e);
}

static int
put_table(struct formatter *f, struct buf *out, struct err *e)
{
	struct groups_text *x = f->state;
	bool bars = x->bar < f->n_columns;
	size_t n = f->n_columns + bars;
	struct table_column *columns = arena_array(&f->arena, n + 1, struct table_column);
	struct table *t;
	int code = 0;

	if (columns == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < f->n_columns; i++)
		columns[i] = (struct table_column){ .heading = heading(&f->opt.groups[i]),
		    .right = f->opt.groups[i].role > COLUMN_KEY };
	if ((t = table_new(&f->arena, &f->held, columns, n, LINE_MAX)) == NULL)
		return err_nomem(e);
	for (const struct waiting_row *r = x->first; code == 0 && r != NULL; r = r->next) {
		for (size_t i = 0; i < f->n_columns; i++)
			table_cell(t, i, r->cells[i]);
		if (bars) {
			f->scratch.n = 0;
			put_bar(&f->scratch, r->bar, x->most);
			table_cell(t, n - 1, buf_view(&f->scratch));
		}
		table_row(t, out);
		code = go_on(f, e);
	}
	if (code == 0)
		table_end(t, out);
	return code;
}

/* ---- small bars over buckets ---- */

struct spark_range {
	__int128 first, last;
	size_t columns;
};

static __int128
common_step(__int128 a, __int128 b)
{
	while (b != 0) {
		__int128 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* A column a bucket, empty ones too, if they fit; else the range is cut into SPARK_MAX parts. */
static struct spark_range
bucket_range(const struct groups_text *x)
{
	struct spark_range s = { x->first->bucket, x->first->bucket, 1 };
	__int128 step = 0;

	for (const struct waiting_row *r = x->first; r != NULL; r = r->next) {
		__int128 apart = r->bucket - x->first->bucket;

		step = common_step(apart < 0 ? -apart : apart, step);
		s.first = r->bucket < s.first ? r->bucket : s.first;
		s.last = r->bucket > s.last ? r->bucket : s.last;
	}
	if (step != 0)
		s.columns = (s.last - s.first) / step < SPARK_MAX ? (size_t)((s.last - s.first) / step) + 1 :
		    SPARK_MAX;
	return s;
}

#define SPARK_GROUPS 100

struct spark {
	struct sv key;
	double v[SPARK_MAX], most;	/* the largest value in each part of the range; of all */
};

struct sparks {
	struct map by_key;		/* place */
	VEC(struct spark *) v;		/* in the order of the table, at most SPARK_GROUPS */
	struct spark_range range;
};

/* The group's, made if there is room; NULL in *out: there is none. */
static int
spark_of(struct formatter *f, struct sparks *x, struct sv key, struct spark **out, struct err *e)
{
	uint64_t *place = map_get(&x->by_key, key);
	struct spark *s;
	bool fresh;

	*out = place != NULL ? x->v.v[*place] : NULL;
	if (place != NULL || x->v.n == SPARK_GROUPS)
		return 0;
	if ((s = arena_new(&f->arena, struct spark)) == NULL ||
	    (place = map_put(&x->by_key, key, &fresh)) == NULL || !vec_push(&x->v, s))
		return err_nomem(e);
	*place = x->v.n - 1;
	s->key = key;
	*out = s;
	return 0;
}

static void
spark_add(struct spark *s, const struct spark_range *range, const struct waiting_row *r)
{
	size_t at = range->columns == 1 ? 0 : (size_t)((r->bucket - range->first) *
	    (__int128)(range->columns - 1) / (range->last - range->first));

	if (!(r->bar > 0))
		return;
	s->v[at] = r->bar > s->v[at] ? r->bar : s->v[at];
	s->most = r->bar > s->most ? r->bar : s->most;
}

static void
put_spark(struct formatter *f, struct buf *out, const struct spark *s,
    const struct spark_range *range)
{
	for (size_t i = 0; i < range->columns; i++) {
		int h = s->most > 0 ? (int)lround(s->v[i] / s->most * 7) : 0;

		buf_str(out, s->v[i] > 0 ? heights[h] : " ");
	}
	BUF_LIT(out, "  ");
	put_visible(out, kept_text(f, s->key));
	buf_putc(out, '\n');
}

/* One pass over the rows, in whatever order they are: there may be a million. */
static int
collect_sparks(struct formatter *f, struct sparks *x, struct err *e)
{
	const struct groups_text *t = f->state;
	struct spark *s;
	int code = 0;

	x->range = bucket_range(t);
	for (const struct waiting_row *r = t->first; code == 0 && r != NULL; r = r->next)
		if ((code = go_on(f, e)) == 0 && (code = spark_of(f, x, r->key, &s, e)) == 0 &&
		    s != NULL)
			spark_add(s, &x->range, r);
	return code;
}

static int
put_sparks(struct formatter *f, struct buf *out, struct err *e)
{
	const struct groups_text *t = f->state;
	struct sparks x = { .v = VEC_INIT };
	int code;

	map_init(&x.by_key);
	if ((code = collect_sparks(f, &x, e)) == 0) {
		buf_putc(out, '\n');
		put_visible(out, heading(&f->opt.groups[t->bar]));
		BUF_LIT(out, " over buckets\n");
	}
	for (size_t i = 0; code == 0 && i < x.v.n; i++)
		put_spark(f, out, x.v.v[i], &x.range);
	vec_release(&x.v);
	map_release(&x.by_key);
	return code;
}

int
groups_text_end(struct formatter *f, struct buf *out, struct err *e)
{
	struct groups_text *x = f->state;
	int code = put_table(f, out, e);

	if (code == 0 && x->sparks && x->first != NULL)
		code = put_sparks(f, out, e);
	return code;
}
