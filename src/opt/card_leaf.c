/* SPDX-License-Identifier: ISC */
/*
 * card_leaf: one condition against the summary of the store. It is looked at once a query:
 * which fields and types it concerns, which of their known values satisfy it (card_field), and what
 * share of the values that nobody lists may do so. What is found is then applied to each shard
 * through the shard's own numbers of values, and to each cell through the cell's (card_cell).
 */
#include "card_i.h"

/* ---- durations and other large numbers ---- */

/* Rows below x in a histogram of a cell. */
static double
cell_below(const float *hist, uint64_t x)
{
	unsigned b = stats_bucket(x);
	double from = (double)stats_bucket_start(b), to = (double)stats_bucket_start(b + 1);
	double in = (double)hist[b + 1] - (double)hist[b];

	return (double)hist[b] + (!(to > from) ? 0 : in * ((double)x - from) / (to - from));
}

/* The histogram of cells that an intrinsic is in, or -1. */
static int
hist_of(const struct field *f)
{
	if (f->scope != FIELD_INTRINSIC)
		return -1;
	switch (f->intrinsic) {
	case IN_DURATION:
		return HIST_DURATION;
	case IN_TRACE_DURATION:
		return HIST_TRACE_DURATION;
	case IN_TRACE_SPANS:
		return HIST_TRACE_SPANS;
	case IN_CHILD_COUNT:
		return HIST_CHILDREN;
	default:
		return -1;
	}
}

static double
hist_share(const struct card_leaf *l, const float *hist)
{
	double n = (double)hist[STATS_LOG_BUCKETS];
	struct interval v;
	bool empty;

	if (!leaf_interval(l->p, &v, &empty))
		return -1;
	if (empty || !(n > 0))
		return 0;
	return ((v.hi == UINT64_MAX ? n : cell_below(hist, v.hi + 1)) - cell_below(hist, v.lo)) / n;
}

/* ---- making ---- */

static bool
cells_know(const struct field *f)
{
	switch (f->scope) {
	case FIELD_INTRINSIC:
		return f->intrinsic == IN_KIND || f->intrinsic == IN_STATUS ||
		    f->intrinsic == IN_STATUS_MESSAGE || f->intrinsic == IN_EVENT_NAME ||
		    f->intrinsic == IN_PARENT_SPAN_ID;
	case FIELD_SPAN:
	case FIELD_EVENT:
	case FIELD_LINK:
		return true;
	default:
		return false;
	}
}

static void
add_fields(struct card_leaf *l, const struct stats_summary *s, const struct field *f)
{
	struct pred q = card_positive(l->p);
	const struct stats_field *v;
	size_t n;

	v = stats_fields(s, f, &n);
	for (size_t i = 0; i < n && l->n_fields < LEAF_TYPES; i++) {
		struct leaf_field *lf = &l->fields[l->n_fields++];

		*lf = (struct leaf_field){ .f = &v[i], .place = (uint32_t)(&v[i] - s->fields),
			.share = card_field_share(&v[i], &q, l), .in_cells = cells_know(f) };
		if (lf->in_cells && s->n_cells != 0)
			card_calibrate(lf, s, &q, l);
		if (pred_op_negative(l->p->op))
			lf->share = card_fits_negative(&v[i]) ? 1 - lf->share : 0;
		l->share += lf->share * v[i].n_present / s->n_rows;
	}
}

double
card_trace_spans(const struct stats_cell *c)
{
	const float *h = c->hist[HIST_TRACE_SPANS];
	double sum = 0, rows = 0;

	for (unsigned b = 1; b + 1 < STATS_LOG_BUCKETS; b++) {
		double n = (double)h[b + 1] - (double)h[b];

		sum += n * ((double)stats_bucket_start(b) +
		    (double)(stats_bucket_start(b + 1) - 1)) / 2;
		rows += n;
	}
	return rows > 0 ? sum / rows : 1;
}

/* Of traces as many begin in a service as it has roots; each has its spans. */
static double
root_share(const struct card_leaf *l, const struct stats_summary *s)
{
	struct field parent = { .scope = FIELD_INTRINSIC, .intrinsic = IN_PARENT_SPAN_ID };
	const struct stats_field *f;
	double roots = 0, hits = 0;
	size_t n;

	if ((f = stats_fields(s, &parent, &n)) == NULL)
		return -1;
	for (uint32_t i = 0; i < s->n_cells; i++) {
		const struct stats_cell *c = &s->cells[i];
		const struct stats_cell_field *e = card_cell_field(c, (uint32_t)(f - s->fields));
		struct value v = { .type = VAL_STRING,
			.s = l->p->field.intrinsic == IN_ROOT_SERVICE ? c->service : c->name };
		double x = c->n_rows - (e == NULL ? 0 : e->n_present);
		int h = value_satisfies(l, &v);

		if (h < 0 || x < 0)
			continue;
		x *= card_trace_spans(c);
		roots += x;
		hits += h ? x : 0;
	}
	return roots > 0 ? hits / roots : -1;
}

/* The mean of what cells say, where they do. */
static double
over_cells(const struct card_leaf *l, const struct stats_summary *s)
{
	double hits = 0, rows = 0;

	for (uint32_t i = 0; i < s->n_cells; i++) {
		double x = card_leaf_in_cell(l, s, &s->cells[i]);

		if (x < 0)
			return -1;
		hits += x * s->cells[i].n_rows;
		rows += s->cells[i].n_rows;
	}
	return rows > 0 ? hits / rows : -1;
}

static double
text_share(const struct card_leaf *l, const struct stats_summary *s)
{
	double share = 1, cells = over_cells(l, s);

	for (size_t i = 0; i < l->p->n_lits; i++) {
		double x = card_word_share(s, l->p->lits[i].text, l->p->n_lits == 1 ? cells : 0);

		share = x < share ? x : share;
	}
	return share;
}

static double
intrinsic_share(const struct card_leaf *l, const struct stats_summary *s)
{
	if (hist_of(&l->p->field) >= 0)
		return over_cells(l, s);
	switch (l->p->field.intrinsic) {
	case IN_ROOT_SERVICE:
	case IN_ROOT_NAME:
		return root_share(l, s);
	case IN_TRACE_ID:
	case IN_SPAN_ID:
		return -1;
	default:
		return l->n_fields != 0 ? l->share : -1;
	}
}

int
card_leaf_make(struct card_leaf *l, const struct stats *st, const struct pred *p,
    struct arena *a, struct err *e)
{
	const struct stats_summary *s = st->summary;
	struct field f = p->field;
	struct pred *q;
	double share;
	int rc;

	*l = (struct card_leaf){ .leaf = p, .p = p, .filter = stats_filter_find(st, &p->field) };
	if (p->op != OP_TEXT && card_stand_in(&f)) {
		if ((q = arena_new(a, struct pred)) == NULL)
			return err_nomem(e);
		*q = *p;
		q->field = f;
		if (p->field.intrinsic == IN_COST)
			q->op = OP_HAS;
		l->p = p = q;
	}
	if ((q = arena_new(a, struct pred)) == NULL)
		return err_nomem(e);
	*q = card_positive(p);
	if (p->op != OP_TEXT && (rc = matcher_new_few(q, &l->m, e)) < 0)
		return rc;
	if (p->op == OP_TEXT)
		share = text_share(l, s);
	else if (f.scope == FIELD_BARE) {
		f.scope = FIELD_SPAN;
		add_fields(l, s, &f);
		f.scope = FIELD_RESOURCE;
		add_fields(l, s, &f);
		share = l->share;
	} else {
		if (f.scope != FIELD_INTRINSIC || (hist_of(&f) < 0 &&
		    f.intrinsic != IN_TRACE_ID && f.intrinsic != IN_SPAN_ID &&
		    f.intrinsic != IN_START))
			add_fields(l, s, &f);
		share = f.scope == FIELD_INTRINSIC ? intrinsic_share(l, s) : l->share;
	}
	l->known = share >= 0;
	l->share = clamp_share(l->known ? share : card_guess(p));
	return 0;
}

void
card_leaf_release(struct card_leaf *l)
{
	matcher_free(l->m);
	l->m = NULL;
}

/* ---- applying ---- */

double
card_leaf_in_cell(const struct card_leaf *l, const struct stats_summary *s,
    const struct stats_cell *c)
{
	double share = 0;

	if (l->p->op == OP_TEXT) {
		share = 1;
		for (size_t i = 0; i < l->p->n_lits; i++)
			share *= card_word_in_cell(s, c, l->p->lits[i].text);
		return share;
	}
	if (l->p->field.scope == FIELD_INTRINSIC &&
	    (l->p->field.intrinsic == IN_SERVICE || l->p->field.intrinsic == IN_NAME)) {
		bool service = l->p->field.intrinsic == IN_SERVICE;
		struct value v = { .type = VAL_STRING, .s = service ? c->service : c->name };

		return c->all && !service ? -1 : value_satisfies(l, &v);
	}
	if (hist_of(&l->p->field) >= 0)
		return hist_share(l, c->hist[hist_of(&l->p->field)]);
	for (unsigned i = 0; i < l->n_fields; i++) {
		const struct leaf_field *lf = &l->fields[i];
		const struct stats_cell_field *e;
		double in;

		if (!lf->in_cells) {
			share += lf->share * lf->f->n_present / s->n_rows;
			continue;
		}
		if ((e = card_cell_field(c, lf->place)) == NULL)
			continue;
		in = e->n_present / c->n_rows;
		share += (in > 1 ? 1 : in) * card_entry_share(l, lf, e);
	}
	return l->n_fields == 0 ? -1 : share > 1 ? 1 : share;
}
