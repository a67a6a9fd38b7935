/* SPDX-License-Identifier: ISC */
/*
 * contrast_rows: counts as rows: the first ones of an order, found by a heap of as many as are
 * asked for, so that a page of a hundred costs no sort of millions.
 */
#include <math.h>
#include <stdlib.h>

#include "agg_i.h"
#include "contrast_i.h"

/* ---- cells ---- */

/* The share of its side's spans, or NAN: it has none. */
static double
share(const struct contrast *c, const struct contrast_count *x, enum contrast_side side)
{
	return c->n_spans[side] == 0 ? (double)NAN : (double)x->n[side] / (double)c->n_spans[side];
}

static struct group_cell
value_cell(const struct contrast_field *f, uint32_t no)
{
	const struct contrast_count *x = &f->values.v[no];
	struct cursor at = cursor_new(x->key.p, x->key.n);
	struct value v = { .type = VAL_EMPTY };

	(void)value_unpack(&at, &v);
	if (f->field.scope == FIELD_INTRINSIC && v.type == VAL_INT)
		return (struct group_cell){ .kind = f->field.intrinsic == IN_KIND ? GROUP_KIND :
		    GROUP_STATUS, .number = (int32_t)v.i };
	return (struct group_cell){ .kind = GROUP_VALUE, .value = v };
}

static struct group_cell
share_cell(double d)
{
	if (isnan(d))
		return (struct group_cell){ .kind = GROUP_NULL };
	return (struct group_cell){ .kind = GROUP_VALUE,
	    .value = { .type = VAL_DOUBLE, .d = d } };
}

static struct group_cell
contrast_cell(const struct contrast *c, const struct contrast_row *r, enum contrast_column column)
{
	const struct contrast_count *x = &r->field->values.v[r->no];

	switch (column) {
	case CONTRAST_FIELD:
		return (struct group_cell){ .kind = GROUP_VALUE,
		    .value = { .type = VAL_STRING, .s = r->field->name } };
	case CONTRAST_VALUE:
		return value_cell(r->field, r->no);
	case CONTRAST_SELECTION:
	case CONTRAST_BASELINE:
		return (struct group_cell){ .kind = GROUP_UINT,
		    .u = x->n[column == CONTRAST_SELECTION ? SIDE_SELECTION : SIDE_BASELINE] };
	case CONTRAST_SELECTION_SHARE:
		return share_cell(share(c, x, SIDE_SELECTION));
	case CONTRAST_BASELINE_SHARE:
		return share_cell(share(c, x, SIDE_BASELINE));
	case CONTRAST_DIFFERENCE:
	case N_CONTRAST_COLUMNS:
		break;
	}
	return share_cell(r->difference);
}

void
contrast_cells(const struct contrast *c, size_t from, size_t n, struct group_cell *out)
{
	for (size_t i = from; i < from + n; i++)
		for (unsigned k = 0; k < N_CONTRAST_COLUMNS; k++)
			*out++ = contrast_cell(c, &c->rows.v[i], (enum contrast_column)k);
}

/* ---- order ---- */

struct order {
	const struct contrast *c;
	const struct contrast_sort *sort;
	size_t n_sort;
};

/* What is missing comes last both ways. */
static int
cmp_key(const struct order *o, const struct contrast_sort *s, const struct contrast_row *a,
    const struct contrast_row *b)
{
	struct group_cell x = contrast_cell(o->c, a, s->column), y = contrast_cell(o->c, b, s->column);
	int c;

	if (x.kind == GROUP_NULL || y.kind == GROUP_NULL)
		return (x.kind == GROUP_NULL) - (y.kind == GROUP_NULL);
	c = cell_cmp(&x, &y, s->column == CONTRAST_VALUE);
	return s->desc ? -c : c;
}

/* Differences are all there, or none. */
static int
cmp_rows(const struct order *o, const struct contrast_row *a, const struct contrast_row *b)
{
	double x = fabs(a->difference), y = fabs(b->difference);
	struct group_cell v, w;
	int c = 0;

	for (size_t i = 0; c == 0 && i < o->n_sort; i++)
		c = cmp_key(o, &o->sort[i], a, b);
	if (c == 0)
		c = (x < y) - (x > y);
	if (c == 0 && a->field != b->field)
		c = sv_cmp(a->field->name, b->field->name);
	if (c != 0)
		return c;
	v = value_cell(a->field, a->no);
	w = value_cell(b->field, b->no);
	c = cell_cmp(&v, &w, true);
	/* Values that show alike, as bytes. */
	return c != 0 ? c : sv_cmp(a->field->values.v[a->no].key, b->field->values.v[b->no].key);
}

/* ---- the first ones: a heap with the last of them on top ---- */

static void
sift_down(const struct order *o, struct contrast_row *v, size_t n, size_t i)
{
	struct contrast_row x = v[i];

	for (size_t k; (k = 2 * i + 1) < n; i = k) {
		k += k + 1 < n && cmp_rows(o, &v[k], &v[k + 1]) < 0;
		if (cmp_rows(o, &x, &v[k]) >= 0)
			break;
		v[i] = v[k];
	}
	v[i] = x;
}

static void
sift_up(const struct order *o, struct contrast_row *v, size_t i)
{
	struct contrast_row x = v[i];

	for (; i > 0 && cmp_rows(o, &x, &v[(i - 1) / 2]) > 0; i = (i - 1) / 2)
		v[i] = v[(i - 1) / 2];
	v[i] = x;
}

static int
offer(struct contrast *c, const struct order *o, struct contrast_row row, size_t most,
    struct err *e)
{
	size_t bytes = (c->rows.cap + 4) * sizeof row;
	int code;

	if (c->rows.n == most) {
		if (cmp_rows(o, &row, &c->rows.v[0]) < 0) {
			c->rows.v[0] = row;
			sift_down(o, c->rows.v, most, 0);
		}
		return 0;
	}
	if (c->rows.n == c->rows.cap) {
		if ((code = contrast_take(c, bytes, e)) < 0)
			return code;
		c->rows_held += bytes;
	}
	if (!vec_push(&c->rows, row))
		return err_nomem(e);
	sift_up(o, c->rows.v, c->rows.n - 1);
	return 0;
}

static int
offer_field(struct contrast *c, const struct order *o, const struct contrast_field *f, size_t most,
    struct err *e)
{
	int code = 0;

	for (uint32_t i = 0; code == 0 && i < f->values.n; i++) {
		const struct contrast_count *x = &f->values.v[i];
		struct contrast_row row = { f, i,
		    share(c, x, SIDE_SELECTION) - share(c, x, SIDE_BASELINE) };

		/* One that a failed count has left behind. */
		if (x->n[SIDE_SELECTION] == 0 && x->n[SIDE_BASELINE] == 0)
			continue;
		if ((code = contrast_check(c, e)) == 0)
			code = offer(c, o, row, most, e);
	}
	return code;
}

int
contrast_finish(struct contrast *c, const struct contrast_sort *sort, size_t n_sort, uint64_t most,
    struct err *e)
{
	const struct order o = { c, sort, n_sort };
	size_t room = most < SIZE_MAX ? (size_t)most : SIZE_MAX;
	int code = 0;

	c->rows.n = 0;
	for (size_t i = 0; room > 0 && code == 0 && i < c->fields.n; i++)
		code = offer_field(c, &o, c->fields.v[i], room, e);
	for (size_t n = c->rows.n; code == 0 && n > 1; n--) {
		struct contrast_row last = c->rows.v[0];

		c->rows.v[0] = c->rows.v[n - 1];
		sift_down(&o, c->rows.v, n - 1, 0);
		c->rows.v[n - 1] = last;
		code = contrast_check(c, e);
	}
	return code;
}

size_t
contrast_n_rows(const struct contrast *c)
{
	return c->rows.n;
}

/* ---- what is left out ---- */

#define NOTE_FIELDS 20		/* named; of others only their number */

static int
by_name(const void *a, const void *b)
{
	const struct contrast_field *const *x = a, *const *y = b;

	return sv_cmp((*x)->name, (*y)->name);
}

/* Those that are dropped, by name. */
static int
list_dropped(const struct contrast *c, const struct contrast_field ***out, size_t *n,
    struct err *e)
{
	const struct contrast_field **v = calloc(c->fields.n + 1, sizeof *v);

	*n = 0;
	if ((*out = v) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < c->fields.n; i++)
		if (c->fields.v[i]->dropped)
			v[(*n)++] = c->fields.v[i];
	qsort(v, *n, sizeof *v, by_name);
	return 0;
}

int
contrast_note(const struct contrast *c, struct buf *b, struct err *e)
{
	const struct contrast_field **v;
	size_t n;
	int code = list_dropped(c, &v, &n, e);

	if (code < 0)
		return code;
	BUF_LIT(b, "left out: ");
	for (size_t i = 0; i < n && i < NOTE_FIELDS; i++) {
		buf_str(b, i == 0 ? "" : ", ");
		buf_sv(b, v[i]->name);
	}
	if (n > NOTE_FIELDS)
		buf_printf(b, " and %zu more fields", n - NOTE_FIELDS);
	if (n != 0)
		buf_printf(b, " (over %d values); ", CONTRAST_MOST_VALUES);
	BUF_LIT(b, "trace_id, span_id, parent_span_id (ids)");
	free(v);
	return buf_ok(b, e);
}
