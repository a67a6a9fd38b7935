/* SPDX-License-Identifier: ISC */
/*
 * card_cell: what share of the values of one field in one cell satisfies a condition. A cell lists
 * a few values; the share of the rest is such that all cells together have as many rows as the whole
 * store is believed to have.
 */
#include "base/search.h"
#include "card_i.h"

const struct stats_cell_field *
card_cell_field(const struct stats_cell *c, uint32_t place)
{
	uint32_t at = 0;

	LOWER_BOUND(at, c->n_fields, i, c->fields[i].field < place);
	return at < c->n_fields && c->fields[at].field == place ? &c->fields[at] : NULL;
}

/* May a number of the cell that it does not list satisfy the leaf? Its share of the cell's range. */
static double
cell_range_share(const struct stats_field *f, const struct stats_cell_field *e,
    const struct pred *p)
{
	double min = card_number(f->type, e->min), max = card_number(f->type, e->max), lo, hi;

	if (!e->has_range || !card_is_number(f->type) || p->op == OP_HAS)
		return 1;
	if (p->op == OP_EQ || p->op == OP_IN) {
		for (size_t i = 0; i < p->n_lits; i++) {
			struct literal l = card_literal(p, i);

			if (literal_fits(f->type, &l) && l.d >= min && l.d <= max)
				return 1;
		}
		return 0;
	}
	if (!card_numeric_order(f, p))
		return 1;
	card_order_range(f->type, p, &lo, &hi);
	return card_share_between(f, min, max + 1, lo, hi);
}

/* Rows of values that the cell lists and that hold, and of those it does not list. */
static double
cell_hits(const struct stats_cell_field *e, const struct card_leaf *l, double *rest)
{
	double hits = 0;

	*rest = e->n_present;
	for (uint32_t i = 0; i < e->n_top; i++) {
		*rest -= e->top[i].n_rows;
		hits += value_holds(l, &e->top[i].val) == 1 ? e->top[i].n_rows : 0;
	}
	*rest = *rest < 0.5 ? 0 : *rest;
	return hits;
}

/*
 * EQ against a text that the cell holds cut can't be seen by its bytes: hashes tell. Lists of
 * one literal are the rule.
 */
static double
cell_equals(const struct stats_cell_field *e, enum value_type t, const struct pred *p,
    double *rest)
{
	double hits = 0;

	*rest = e->n_present;
	for (uint32_t i = 0; i < e->n_top; i++)
		*rest -= e->top[i].n_rows;
	*rest = *rest < 0.5 ? 0 : *rest;
	for (size_t k = 0; k < p->n_lits; k++) {
		struct literal l = card_literal(p, k);
		uint64_t h;

		if (!literal_fits(t, &l))
			continue;
		h = card_literal_hash(t, &l);
		for (uint32_t i = 0; i < e->n_top; i++)
			hits += e->top[i].hash == h ? e->top[i].n_rows : 0;
	}
	return hits;
}

static double
entry_hits(const struct leaf_field *lf, const struct stats_cell_field *e, const struct pred *p,
    const struct card_leaf *l, double *rest)
{
	double hits;

	if (p->op == OP_HAS) {
		*rest = 0;
		return e->n_present;
	}
	if ((p->op == OP_EQ || p->op == OP_IN) && lf->f->type != VAL_ARRAY)
		hits = cell_equals(e, lf->f->type, p, rest);
	else
		hits = cell_hits(e, l, rest);
	*rest *= cell_range_share(lf->f, e, p);
	return hits;
}

/* What share of the values that cells do not list makes the sum right. */
void
card_calibrate(struct leaf_field *lf, const struct stats_summary *s, const struct pred *p,
    const struct card_leaf *l)
{
	double hits = 0, rest = 0, more, want = lf->share * lf->f->n_present;

	for (uint32_t i = 0; i < s->n_cells; i++) {
		const struct stats_cell_field *e = card_cell_field(&s->cells[i], lf->place);

		if (e == NULL)
			continue;
		hits += entry_hits(lf, e, p, l, &more);
		rest += more;
	}
	lf->rest = rest > 0 ? (want - hits) / rest : 0;
	if (lf->rest < 1e-7)
		lf->rest = 1e-7;
	if (lf->rest > 1)
		lf->rest = 1;
}

bool
card_fits_negative(const struct stats_field *f)
{
	return f->type != VAL_EMPTY;
}

double
card_entry_share(const struct card_leaf *l, const struct leaf_field *lf,
    const struct stats_cell_field *e)
{
	struct pred q = card_positive(l->p);
	double rest, hits = entry_hits(lf, e, &q, l, &rest), share;

	share = (hits + rest * lf->rest) / e->n_present;
	share = share > 1 ? 1 : share;
	if (!pred_op_negative(l->p->op))
		return share;
	return card_fits_negative(lf->f) ? 1 - share : 0;
}
