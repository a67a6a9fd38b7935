/* SPDX-License-Identifier: ISC */
/*
 * decision: deciding by what was recorded (decision_record.c). While a plan is chosen the
 * selectivity of each condition is measured on a few shards; the decision keeps them with the
 * range around each in which it is taken to hold. A plan by a decision measures the same way, so
 * like is compared with like: a condition outside its range, a filter of another shape after
 * folding, or a class of shards that was not there, and it is decided anew.
 *
 * The rules that prune run for every plan; only those that decide are passed over (`decides`
 * in the table of opt.c). So a plan by an old decision is as right as any: at worst it is slow.
 */
#include <stdlib.h>

#include "decision_i.h"

#define SAMPLE_SHARDS 8

/* ---- measuring ---- */

struct sample {
	const struct shard_stats *v[SAMPLE_SHARDS];
	size_t n;
	double rows;
};

/* Of the shards that are read and known, from the newest on, spread evenly. */
static void
take_sample(const struct opt *o, struct sample *s)
{
	size_t n = 0, seen = 0, step;

	for (size_t i = 0; i < o->plan->scan.n_shards; i++)
		n += shard_left(o, i);
	step = n / SAMPLE_SHARDS + 1;
	s->n = 0;
	s->rows = 0;
	for (size_t i = o->plan->scan.n_shards; i-- > 0 && s->n < SAMPLE_SHARDS;)
		if (shard_left(o, i) && seen++ % step == 0) {
			s->v[s->n++] = &o->stats->shards[i];
			s->rows += (double)o->stats->shards[i].n_rows;
		}
}

/* Below one row in the sample all is one. */
static float
leaf_selectivity(const struct sample *s, const struct pred *p)
{
	double hits = 0;

	if (!(s->rows > 0))
		return -1;
	for (size_t i = 0; i < s->n; i++)
		hits += (double)s->v[i]->n_rows * card_selectivity(s->v[i], p);
	return hits < 1 ? (float)(1 / s->rows) : (float)(hits / s->rows);
}

static void
measure(struct opt *o, const struct sample *s, const struct pred *p, bool top)
{
	struct opt_leaves *l = &o->leaves;

	if (p->kind != PRED_LEAF) {
		for (size_t i = 0; i < p->n_kids; i++)
			measure(o, s, p->kids[i], top && p->kind == PRED_AND);
		return;
	}
	if (l->n < PLAN_LEAVES_MAX) {
		l->top |= (uint64_t)top << l->n;
		l->pred[l->n] = p;
		l->sel[l->n] = leaf_selectivity(s, p);
	}
	l->n++;
}

int
decision_measure(struct opt *o, struct err *e)
{
	struct buf tmp = BUF_INIT;
	struct sample s;
	double in = 0;
	int code;

	o->leaves = (struct opt_leaves){ .taken = true };
	o->leaves.shape = template_filter_shape(o->plan->filter.pred, &tmp);
	code = buf_ok(&tmp, e);
	buf_release(&tmp);
	take_sample(o, &s);
	for (size_t i = 0; i < s.n; i++)
		in += (double)s.v[i]->n_rows *
		    card_time_share(o->plan->filter.range, s.v[i]->min_start, s.v[i]->max_start);
	if (code == 0)
		measure(o, &s, o->plan->filter.pred, true);
	if (o->leaves.n < PLAN_LEAVES_MAX) {
		o->leaves.sel[o->leaves.n] = s.rows > 0 ? (float)(in / s.rows) : -1;
		o->leaves.top |= (uint64_t)1 << o->leaves.n;
	}
	return code;
}

/* ---- deciding by it ---- */

bool
decision_leaf_holds(const struct decision_leaf *l, float sel)
{
	return sel < 0 || (sel >= l->lo && sel <= l->hi);
}

static enum decision_miss
holds(const struct opt *o, const struct decision *d)
{
	if (o->leaves.shape != d->shape || o->leaves.n + 1 != d->n_leaves)
		return DECISION_SHAPE;
	for (size_t i = 0; i < d->n_leaves; i++)
		if (!decision_leaf_holds(&d->leaves[i], o->leaves.sel[i]))
			return DECISION_SELECTIVITY;
	return DECISION_HOLDS;
}

enum decision_miss
decision_find(struct opt *o)
{
	for (size_t i = 0; i < o->n_decisions; i++)
		if (holds(o, o->decisions[i]) == DECISION_HOLDS) {
			o->decided = o->decisions[i];
			o->which = i;
			return DECISION_HOLDS;
		}
	return holds(o, o->decisions[0]);
}

/* How much more matches than when it was decided, as far as conditions on top tell. */
static double
selectivity_scale(const struct opt *o)
{
	const struct decision *d = o->decided;
	double scale = 1;

	for (size_t i = 0; i < d->n_leaves; i++)
		if (o->leaves.top >> i & 1 && d->leaves[i].sel > 0 && o->leaves.sel[i] > 0)
			scale *= (double)o->leaves.sel[i] / (double)d->leaves[i].sel;
	return scale;
}

/* The place of a class in the decision; n_classes: it has none of that key. */
size_t
decision_class_place(const struct decision *d, uint64_t key)
{
	size_t i = 0;

	while (i < d->n_classes && d->classes[i].key != key)
		i++;
	return i;
}

const struct decision_class *
decision_class(const struct decision *d, uint64_t key)
{
	size_t i = decision_class_place(d, key);

	return i < d->n_classes ? &d->classes[i] : NULL;
}

bool
decision_fits(const struct decision_class *x, const struct plan_class *c)
{
	return c->n_shards <= 2 * x->n_shards &&
	    (double)c->n_rows <= (double)x->rows_hi * (double)c->n_shards;
}

/* Of a shard: by its class, or by all shards where there are none. */
static void
estimate_shard(struct opt *o, size_t i, const struct decision_class *c, double scale)
{
	struct plan_shard *s = &o->shards[i];
	double rows = (double)o->stats->shards[i].n_rows, hits;

	hits = rows * scale * (double)(c != NULL ? c->rows : o->decided->rows);
	s->est_rows = hits < rows ? hits : rows;
	s->est_cost = s->access == ACCESS_CATALOG ? 0 : c != NULL ? (double)c->cost :
	    rows * (double)o->decided->cost;
}

/*
 * A query that stops early is cut into slices by what is expected of the newest shards (exec),
 * so these are estimated for its own values, until it is surely full: whole partitions, whose
 * shards lie in the same time.
 */
static void
estimate_newest(struct opt *o)
{
	const struct plan *p = o->plan;
	double want = 4 * ((double)p->page.limit + (double)p->page.offset), rows = 0;
	uint64_t partition = PARTITION_OUTSIDE;

	for (size_t i = p->scan.n_shards; p->scan.early_stop && i-- > 0;) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (p->scan.shards[i].access == ACCESS_PRUNED)
			continue;
		if (rows >= want && s->partition != partition)
			return;
		o->shards[i].est_rows = card_rows(s, p->filter.pred, p->filter.range);
		rows += s->partition == PARTITION_OUTSIDE ? 0 : p->scan.shards[i].est_rows;
		partition = s->partition;
	}
}

void
decision_estimate(struct opt *o)
{
	const struct decision_class *of[DECISION_CLASSES_MAX];
	size_t n = o->plan->scan.n_classes < DECISION_CLASSES_MAX ? o->plan->scan.n_classes :
	    DECISION_CLASSES_MAX;
	double scale = selectivity_scale(o);

	for (size_t i = 0; i < n; i++)
		of[i] = decision_class(o->decided, o->classes[i].key);
	for (size_t i = 0; i < o->plan->scan.n_shards; i++) {
		struct plan_shard *s = &o->shards[i];

		if (s->access == ACCESS_PRUNED)
			continue;
		estimate_shard(o, i, s->cls < n ? of[s->cls] : NULL, scale);
		if (s->cls < n) {
			o->classes[s->cls].est_rows += s->est_rows;
			o->classes[s->cls].est_cost += s->est_cost;
		}
	}
	estimate_newest(o);
}

/* ---- the order of conditions ---- */

void
order_note(struct opt *o, size_t from)
{
	if (o->order.n == ORDER_MAX || from > UINT8_MAX)
		o->order.lost = true;
	else
		o->order.v[o->order.n++] = (uint8_t)from;
}

/* *at: what is left of the recorded order. NULL: no memory, or (with *bad) it does not fit. */
static const struct pred *
order_again(struct opt *o, const struct pred *p, const uint8_t **at, const uint8_t *end,
    bool *bad)
{
	const struct pred **kids, **sorted;
	bool moved = false;

	if (p->kind == PRED_LEAF || p->n_kids == 0)
		return p;
	kids = arena_array(o->arena, 2 * p->n_kids, const struct pred *);
	if (kids == NULL)
		return NULL;
	sorted = kids + p->n_kids;
	for (size_t i = 0; i < p->n_kids; i++) {
		if ((kids[i] = order_again(o, p->kids[i], at, end, bad)) == NULL)
			return NULL;
		moved |= kids[i] != p->kids[i];
	}
	if (p->kind == PRED_NOT)
		return moved ? pred_not(o->arena, kids[0]) : p;
	if ((size_t)(end - *at) < p->n_kids)
		return *bad = true, NULL;
	for (size_t i = 0; i < p->n_kids; i++) {
		uint8_t from = *(*at)++;

		if (from >= p->n_kids || kids[from] == NULL)
			return *bad = true, NULL;
		moved |= from != i;
		sorted[i] = kids[from];
		kids[from] = NULL;
	}
	if (!moved)
		return p;
	return p->kind == PRED_AND ? pred_and(o->arena, sorted, p->n_kids) :
	    pred_or(o->arena, sorted, p->n_kids);
}

int
decision_order(struct opt *o, struct err *e)
{
	const struct decision *d = o->decided;
	const uint8_t *at = d->order;
	const struct pred *p;
	bool bad = false;

	if (d->n_order == 0)
		return 0;
	p = order_again(o, o->plan->filter.pred, &at, d->order + d->n_order, &bad);
	if (p == NULL)
		return bad ? DECISION_SHAPE : err_nomem(e);
	o->plan->filter.pred = p;
	return 0;
}
