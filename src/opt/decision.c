/* SPDX-License-Identifier: ISC */
/*
 * decision: recording what was decided, and deciding by what was recorded. While a plan is
 * chosen the selectivity of each condition is measured on a few shards; the decision keeps
 * them with the range around each in which it is taken to hold. A plan by a decision measures
 * the same way, so like is compared with like: a condition outside its range, a filter of
 * another shape after folding, or a class of shards that was not there, and it is decided anew.
 *
 * The rules that prune run for every plan; only those that decide are passed over (`decides`
 * in the table of opt.c). So a plan by an old decision is as right as any: at worst it is slow.
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

	for (size_t i = 0; i < o->plan->n_shards; i++)
		n += shard_left(o, i);
	step = n / SAMPLE_SHARDS + 1;
	s->n = 0;
	s->rows = 0;
	for (size_t i = o->plan->n_shards; i-- > 0 && s->n < SAMPLE_SHARDS;)
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
	o->leaves.shape = template_filter_shape(o->plan->filter, &tmp);
	code = buf_ok(&tmp, e);
	buf_release(&tmp);
	take_sample(o, &s);
	for (size_t i = 0; i < s.n; i++)
		in += (double)s.v[i]->n_rows *
		    card_time_share(o->plan->range, s.v[i]->min_start, s.v[i]->max_start);
	if (code == 0)
		measure(o, &s, o->plan->filter, true);
	if (o->leaves.n < PLAN_LEAVES_MAX) {
		o->leaves.sel[o->leaves.n] = s.rows > 0 ? (float)(in / s.rows) : -1;
		o->leaves.top |= (uint64_t)1 << o->leaves.n;
	}
	return code;
}

/* ---- recording ---- */

/* Room for the arrays behind the struct; NULL: no memory. */
static struct decision *
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

	for (size_t i = 0; c != NULL && i < cls->n_cands; i++) {
		const struct plan_cand *x = &cls->cands[i];

		if (4 * x->est_rows < c->est_rows && x->est_rows < kept->est_rows &&
		    x->total <= TIE * c->total &&
		    (!p->early_stop || x->startup <= TIE * c->startup))
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
	for (size_t i = 0; i < p->n_classes; i++) {
		const struct plan_class *cls = &p->classes[i];
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
	for (size_t i = 0; i < p->n_classes; i++) {
		const struct plan_class *c = &p->classes[i];

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

	for (size_t i = 0; i < o->plan->n_shards; i++)
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
	if (p->never || !o->leaves.taken || o->leaves.n >= PLAN_LEAVES_MAX ||
	    o->order.lost || p->n_classes > DECISION_CLASSES_MAX)
		return 0;
	if ((d = decision_new(p->n_classes, o->leaves.n + 1, o->order.n)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < o->leaves.n; i++)
		d->leaves[i] = around(o->leaves.sel[i], SEL_SLACK);
	narrow(o, p->filter, &number, d->leaves);
	record_classes(p, d->classes);
	if (o->order.n != 0)
		memcpy(d->order, o->order.v, o->order.n);
	d->leaves[o->leaves.n] = around(o->leaves.sel[o->leaves.n],
	    p->n_classes != 0 ? TIME_SLACK : SEL_SLACK);
	d->shape = o->leaves.shape;
	d->fired = fired;
	d->stats_version = p->stats_version;
	d->index_kinds = template_index_kinds(o->stats, o->query->range);
	record_estimates(o, d);
	*out = d;
	return 0;
}

/* ---- deciding by it ---- */

static bool
in_range(const struct decision_leaf *l, float sel)
{
	return sel < 0 || (sel >= l->lo && sel <= l->hi);
}

static enum decision_miss
holds(const struct opt *o, const struct decision *d)
{
	if (o->leaves.shape != d->shape || o->leaves.n + 1 != d->n_leaves)
		return DECISION_SHAPE;
	for (size_t i = 0; i < d->n_leaves; i++)
		if (!in_range(&d->leaves[i], o->leaves.sel[i]))
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
static size_t
class_place(const struct decision *d, uint64_t key)
{
	size_t i = 0;

	while (i < d->n_classes && d->classes[i].key != key)
		i++;
	return i;
}

const struct decision_class *
decision_class(const struct decision *d, uint64_t key)
{
	size_t i = class_place(d, key);

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
	double want = 4 * ((double)p->limit + (double)p->offset), rows = 0;
	uint64_t partition = PARTITION_OUTSIDE;

	for (size_t i = p->n_shards; p->early_stop && i-- > 0;) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (p->shards[i].access == ACCESS_PRUNED)
			continue;
		if (rows >= want && s->partition != partition)
			return;
		o->shards[i].est_rows = card_rows(s, p->filter, p->range);
		rows += s->partition == PARTITION_OUTSIDE ? 0 : p->shards[i].est_rows;
		partition = s->partition;
	}
}

void
decision_estimate(struct opt *o)
{
	const struct decision_class *of[DECISION_CLASSES_MAX];
	size_t n = o->plan->n_classes < DECISION_CLASSES_MAX ? o->plan->n_classes :
	    DECISION_CLASSES_MAX;
	double scale = selectivity_scale(o);

	for (size_t i = 0; i < n; i++)
		of[i] = decision_class(o->decided, o->classes[i].key);
	for (size_t i = 0; i < o->plan->n_shards; i++) {
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
	p = order_again(o, o->plan->filter, &at, d->order + d->n_order, &bad);
	if (p == NULL)
		return bad ? DECISION_SHAPE : err_nomem(e);
	o->plan->filter = p;
	return 0;
}

/* ---- comparing ---- */

/* Into one with room for at least as many classes. */
static void
copy_decision(struct decision *to, const struct decision *d)
{
	struct decision was = *to;

	*to = *d;
	to->n_bytes = was.n_bytes;
	to->n_classes = was.n_classes;
	to->classes = was.classes;
	to->leaves = was.leaves;
	to->order = was.order;
	memcpy(to->classes, d->classes, d->n_classes * sizeof *d->classes);
	memcpy(to->leaves, d->leaves, d->n_leaves * sizeof *d->leaves);
	memcpy(to->order, d->order, d->n_order);
}

bool
decision_same(const struct decision *a, const struct decision *b)
{
	if (a->shape != b->shape || a->n_leaves != b->n_leaves || a->n_order != b->n_order ||
	    (a->n_order != 0 && memcmp(a->order, b->order, a->n_order) != 0))
		return false;
	for (size_t i = 0; i < a->n_classes; i++) {
		const struct decision_class *x = &a->classes[i], *y = decision_class(b, x->key);

		if (y != NULL && (x->access != y->access || x->index_leaves != y->index_leaves))
			return false;
	}
	return true;
}

/* The classes of a that b lacks. */
static size_t
classes_beyond(const struct decision *a, const struct decision *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_classes; i++)
		n += decision_class(b, a->classes[i].key) == NULL;
	return n;
}

/* Would it hold where the other one was made? */
static bool
covers(const struct decision *d, const struct decision *other)
{
	for (size_t i = 0; i < d->n_leaves; i++)
		if (!in_range(&d->leaves[i], other->leaves[i].sel))
			return false;
	return true;
}

bool
decision_replaces(const struct decision *d, const struct decision *old)
{
	return d->shape == old->shape && d->n_leaves == old->n_leaves && covers(old, d) &&
	    classes_beyond(old, d) == 0;
}

static bool
holds_range(const struct decision_leaf *a, const struct decision_leaf *b)
{
	return a->lo <= b->lo && a->hi >= b->hi;
}

/* One holds the other, but for one leaf: between them all is decided alike. */
static bool
neighbours(const struct decision *d, const struct decision *other)
{
	size_t wider = 0, narrower = 0, apart = 0;

	for (size_t i = 0; i < d->n_leaves; i++) {
		bool a = holds_range(&d->leaves[i], &other->leaves[i]);
		bool b = holds_range(&other->leaves[i], &d->leaves[i]);

		wider += a && !b;
		narrower += b && !a;
		apart += !a && !b;
	}
	return apart + wider <= 1 || apart + narrower <= 1;
}

/* The ranges of both: from the lower lo to the higher hi, or only what they share. */
static void
join_ranges(struct decision_leaf *v, const struct decision *other, bool hull)
{
	for (size_t i = 0; i < other->n_leaves; i++) {
		const struct decision_leaf *x = &other->leaves[i];

		if ((x->lo < v[i].lo) == hull)
			v[i].lo = x->lo;
		if ((x->hi > v[i].hi) == hull)
			v[i].hi = x->hi;
	}
}

struct decision *
decision_joined(const struct decision *d, const struct decision *other)
{
	size_t more, n;
	struct decision *j;
	bool alike;

	if (!decision_same(d, other))
		return NULL;
	more = classes_beyond(other, d);
	alike = more == 0 && d->n_classes == other->n_classes;
	n = d->n_classes + more;
	if ((alike ? !neighbours(d, other) : !covers(other, d)) || n > DECISION_CLASSES_MAX ||
	    (j = decision_new(n, d->n_leaves, d->n_order)) == NULL)
		return NULL;
	copy_decision(j, d);
	for (size_t i = 0, at = d->n_classes; i < other->n_classes; i++) {
		const struct decision_class *x = &other->classes[i];
		struct decision_class *y = &j->classes[class_place(d, x->key)];

		if (y == &j->classes[d->n_classes]) {
			j->classes[at++] = *x;
			continue;
		}
		y->rows_hi = x->rows_hi > y->rows_hi ? x->rows_hi : y->rows_hi;
		y->n_shards = x->n_shards > y->n_shards ? x->n_shards : y->n_shards;
	}
	join_ranges(j->leaves, other, alike);
	return j;
}
