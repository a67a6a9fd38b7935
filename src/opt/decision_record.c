/* SPDX-License-Identifier: ISC */
/*
 * decision_record: what was decided for a plan, and the range around each selectivity in which that
 * is taken to hold: as far as no other access waits beyond.
 */
#include <stdlib.h>

#include "decision_i.h"

/*
 * How far a selectivity may go either way where no other access waits beyond: the order of
 * conditions was still good. And the share of shards that lies in the time range, of which
 * nothing is known but that accesses differ by it.
 */
#define SEL_SLACK 16.0f
#define TIME_SLACK 2.0f
/* Costs this close are taken as equal: what is remembered is then a way that looks at far fewer rows. */
#define TIE 1.5
/* So many rows of a shard are nothing. */
#define TRIFLE_ROWS 16.0
/*
 * Where the cheapest way looks at no more rows of a shard than this, none is kept in its stead: a row
 * is 0.5 ns, and within SEL_SLACK the most that other values make of them is one section's worth.
 */
#define FEW_ROWS 256.0

struct decision *
decision_new(size_t n_classes, size_t n_leaves, size_t n_order)
{
	size_t bytes = sizeof(struct decision) + n_classes * sizeof(struct decision_class) +
	    n_leaves * sizeof(struct decision_leaf) + n_order;
	struct decision *d = calloc(1, bytes);

	if (d == NULL)
		return NULL;
	d->n_bytes = (uint32_t)bytes;
	d->n_classes = (uint16_t)n_classes;
	d->n_leaves = (uint16_t)n_leaves;
	d->n_order = (uint16_t)n_order;
	d->classes = (struct decision_class *)(d + 1);
	d->leaves = (struct decision_leaf *)(d->classes + n_classes);
	d->order = (uint8_t *)(d->leaves + n_leaves);
	return d;
}

void
decision_free(struct decision *d)
{
	free(d);
}

static struct decision_leaf
around(float sel, float slack)
{
	float hi = sel * slack;

	if (sel < 0)
		return (struct decision_leaf){ sel, sel, sel };
	return (struct decision_leaf){ sel, sel / slack, hi < 1 ? hi : 1 };
}

/*
 * What is left of a leaf's range where candidate c was chosen and x was not. Where x asks the
 * leaf's index and c does not, x falls with the selectivity, but never below its startup: there is
 * a selectivity below which it is the cheaper one. Where c asks it, c rises until it meets x.
 */
static void
keep_apart(struct decision_leaf *l, uint64_t leaf, const struct plan_cand *c,
    const struct plan_cand *x)
{
	double rest, meet, half;

	if ((x->index_leaves & leaf) != 0 && (c->index_leaves & leaf) == 0) {
		rest = x->total - x->startup;
		meet = rest > 0 ? (c->total - x->startup) / rest : 1;
		/* Until x looks at half as many rows it does not matter which of them it is. */
		half = (c->est_rows - TRIFLE_ROWS) / 2 / (x->est_rows > 1e-9 ? x->est_rows : 1e-9);
		meet = half < meet ? half : meet;
		meet = (double)l->sel * (meet < 0 ? 0 : meet < 1 ? meet : 1);
		l->lo = meet > (double)l->lo ? (float)meet : l->lo;
	} else if ((c->index_leaves & leaf) != 0 && (x->index_leaves & leaf) == 0) {
		rest = c->total - c->startup;
		meet = rest > 0 ? (TIE * x->total - c->startup) / rest : (double)SEL_SLACK;
		meet = (double)l->sel * (meet > 1 ? meet : 1);
		l->hi = meet < (double)l->hi ? (float)meet : l->hi;
	}
}

static const struct plan_cand *
chosen_of(const struct plan_class *c)
{
	for (size_t i = 0; i < c->n_cands; i++)
		if (c->cands[i].chosen)
			return &c->cands[i];
	return NULL;
}

/*
 * What is kept for other values. The cheapest way for these may be by a hair's breadth, and
 * read a hundred times the rows of the next one; for the next values it is the other way round.
 */
static const struct plan_cand *
kept_of(const struct plan *p, const struct plan_class *cls)
{
	const struct plan_cand *c = chosen_of(cls), *kept = c;

	if (c == NULL || c->est_rows <= FEW_ROWS)
		return c;
	for (size_t i = 0; i < cls->n_cands; i++) {
		const struct plan_cand *x = &cls->cands[i];

		if (4 * x->est_rows < c->est_rows && x->est_rows < kept->est_rows &&
		    x->total <= TIE * c->total &&
		    (!p->scan.early_stop || x->startup <= TIE * c->startup))
			kept = x;
	}
	return kept;
}

/* A leaf of the filter in its final order: all ranges that its number in the plan decides. */
static void
narrow_leaf(const struct plan *p, size_t number, struct decision_leaf *l)
{
	if (l->sel < 0 || number >= PLAN_LEAVES_MAX)
		return;
	for (size_t i = 0; i < p->scan.n_classes; i++) {
		const struct plan_class *cls = &p->scan.classes[i];
		const struct plan_cand *c = kept_of(p, cls);

		for (size_t k = 0; c != NULL && k < cls->n_cands; k++)
			keep_apart(l, (uint64_t)1 << number, c, &cls->cands[k]);
	}
}

/* Ordering moves leaves, but keeps them: each is found by its address. */
static void
narrow(const struct opt *o, const struct pred *p, size_t *number, struct decision_leaf *leaves)
{
	if (p->kind != PRED_LEAF) {
		for (size_t i = 0; i < p->n_kids; i++)
			narrow(o, p->kids[i], number, leaves);
		return;
	}
	for (size_t i = 0; i < o->leaves.n; i++)
		if (o->leaves.pred[i] == p)
			narrow_leaf(o->plan, *number, &leaves[i]);
	++*number;
}

/*
 * Shards of a class differ in rows, and by their average it was decided. Where no index was
 * taken the cost rises with the rows until that of an index is the lower one; twice as many rows
 * at most.
 */
static float
most_rows(const struct plan_class *cls, const struct plan_cand *c)
{
	double growth = 2, rest;

	for (size_t i = 0; c != NULL && i < cls->n_cands; i++) {
		const struct plan_cand *x = &cls->cands[i];

		rest = c->total - c->startup;
		if (x->index_leaves == 0 || c->index_leaves != 0 || !(rest > 0))
			continue;
		if ((x->total - c->startup) / rest < growth)
			growth = (x->total - c->startup) / rest;
	}
	return (float)((growth > 1 ? growth : 1) * (double)cls->n_rows / (double)cls->n_shards);
}

static void
record_classes(const struct plan *p, struct decision_class *v)
{
	for (size_t i = 0; i < p->scan.n_classes; i++) {
		const struct plan_class *c = &p->scan.classes[i];

		const struct plan_cand *kept = kept_of(p, c);

		v[i] = (struct decision_class){ .key = c->key, .access = c->access,
		    .index_leaves = c->index_leaves };
		if (kept != NULL) {
			v[i].access = kept->access;
			v[i].index_leaves = kept->index_leaves;
		}
		if (c->n_rows != 0)
			v[i].rows = (float)(c->est_rows / (double)c->n_rows);
		if (c->n_shards == 0)
			continue;
		v[i].cost = (float)(c->est_cost / (double)c->n_shards);
		v[i].n_shards = c->n_shards;
		v[i].rows_hi = most_rows(c, kept);
	}
}

/* Of all shards that are read, on average: what stands in for classes where there are none. */
static void
record_estimates(const struct opt *o, struct decision *d)
{
	double rows = 0, hits = 0, cost = 0;

	for (size_t i = 0; i < o->plan->scan.n_shards; i++)
		if (o->shards[i].access != ACCESS_PRUNED) {
			rows += (double)o->stats->shards[i].n_rows;
			hits += o->shards[i].est_rows;
			cost += o->shards[i].est_cost;
		}
	if (rows > 0) {
		d->rows = (float)(hits / rows);
		d->cost = (float)(cost / rows);
	}
	d->est_rows = (float)o->plan->est_rows;
	d->est_cost = (float)o->plan->est_cost;
}

int
decision_record(const struct opt *o, uint64_t fired, struct decision **out, struct err *e)
{
	const struct plan *p = o->plan;
	struct decision *d;
	size_t number = 0;

	*out = NULL;
	if (p->filter.never || !o->leaves.taken || o->leaves.n >= PLAN_LEAVES_MAX ||
	    o->order.lost || p->scan.n_classes > DECISION_CLASSES_MAX)
		return 0;
	if ((d = decision_new(p->scan.n_classes, o->leaves.n + 1, o->order.n)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < o->leaves.n; i++)
		d->leaves[i] = around(o->leaves.sel[i], SEL_SLACK);
	narrow(o, p->filter.pred, &number, d->leaves);
	record_classes(p, d->classes);
	if (o->order.n != 0)
		memcpy(d->order, o->order.v, o->order.n);
	d->leaves[o->leaves.n] = around(o->leaves.sel[o->leaves.n],
	    p->scan.n_classes != 0 ? TIME_SLACK : SEL_SLACK);
	d->shape = o->leaves.shape;
	d->fired = fired;
	d->stats_version = p->stats_version;
	d->index_kinds = template_index_kinds(o->stats, o->query);
	record_estimates(o, d);
	*out = d;
	return 0;
}
