/* SPDX-License-Identifier: ISC */
/*
 * card_groups: how many groups the rows fall into. Cells (spans of one service and name) that the
 * filter leaves are taken together by those of the two that are keys; of the rows of such a class
 * each other key has so many different values, those of the cells together, but no more than the
 * whole store. Of n places, each as likely as another, r rows reach n (1 - exp(-r / n)); where one key
 * is left, each of its frequent values is a place of its own size. Each bucket is a place, too.
 */
#include <math.h>

#include "card_i.h"

#define TOP_MAX 64			/* values of one key that are looked at by themselves */
#define TYPES_MAX 16
#define LEAST_ROWS 0.05			/* a cell with fewer that are left is none */

/* The cells that have the same of the keys `service` and `name`. */
struct group_class {
	const struct stats_cell *cells;
	uint32_t n;
	const double *left;		/* by cell: the share of its rows that the filter leaves */
	double rows;			/* of all that are left */
};

struct grouped {
	const struct opt *o;
	const struct grouping *g;
	const struct stats_summary *s;
	double buckets, share;		/* share: of the rows of cells that are left */
	bool by_service, by_name;
	/* Of a class's last key: rows of its frequent values, the others, and those without one. */
	double top[TOP_MAX], rest_rows, rest_values, none;
	unsigned n_top;
};

/* ---- which cells ---- */

static bool
lists(const struct pred *leaf, struct sv text)
{
	if (leaf == NULL)
		return true;
	for (size_t i = 0; i < leaf->n_lits; i++)
		if (sv_eq(leaf->lits[i].text, text))
			return true;
	return false;
}

static double
share_left(const struct opt *o, const struct stats_cell *c)
{
	const struct pred *p = o->plan->filter.pred;

	if (o->card != NULL)
		return card_cell_share(o->card, c);
	return lists(plan_top_leaf(p, IN_SERVICE), c->service) &&
	    (c->all || lists(plan_top_leaf(p, IN_NAME), c->name));
}

/* How many values the filter itself lets the key have; 0: any. */
static double
values_asked(const struct opt *o, const struct field *key)
{
	const struct pred *p = o->plan->filter.pred;
	const struct pred *const *kids = p->kind == PRED_AND ? p->kids : &p;
	size_t n = p->kind == PRED_AND ? p->n_kids : 1;

	for (size_t i = 0; i < n; i++)
		if (kids[i]->kind == PRED_LEAF && (kids[i]->op == OP_EQ || kids[i]->op == OP_IN) &&
		    field_eq(&kids[i]->field, key))
			return (double)kids[i]->n_lits;
	return 0;
}

/* ---- places ---- */

/* Those of n places that r rows reach. */
static double
reached(double n, double r)
{
	return n <= 0 || r <= 0 ? 0 : n * -expm1(-r / n);
}

/* ---- one key in a class ---- */

static void
add_top(struct grouped *x, double rows)
{
	if (x->n_top < TOP_MAX)
		x->top[x->n_top++] = rows;
	else {
		x->rest_rows += rows;
		x->rest_values++;
	}
}

/* What one type of a field has in the cells of the class; true if some row has it. */
static bool
take_type(struct grouped *x, const struct group_class *k, const struct stats_field *f)
{
	uint32_t place = (uint32_t)(f - x->s->fields);
	double values = 0, present = 0, known = 0, listed = 0;
	unsigned cells = 0;

	for (uint32_t i = 0; i < k->n; i++) {
		const struct stats_cell_field *e = k->left[i] * k->cells[i].n_rows >= LEAST_ROWS ?
		    card_cell_field(&k->cells[i], place) : NULL;

		if (e == NULL)
			continue;
		cells++;
		values += e->n_distinct;
		present += e->n_present * k->left[i];
		for (uint32_t v = 0; cells == 1 && v < e->n_top; v++) {
			add_top(x, e->top[v].n_rows * k->left[i]);
			known += e->top[v].n_rows * k->left[i];
			listed++;
		}
	}
	if (cells > 1) {
		/* The frequent values of the whole store stand for those of several cells. */
		double scale = f->n_present > 0 ? present / f->n_present : 0;

		x->n_top -= listed <= x->n_top ? (unsigned)listed : x->n_top;
		known = listed = 0;
		for (uint32_t v = 0; v < f->n_values && v < TOP_MAX; v++) {
			add_top(x, f->values[v].n_rows * scale);
			known += f->values[v].n_rows * scale;
			listed++;
		}
		values = values < f->n_distinct ? values : f->n_distinct;
	}
	if (values > listed && present > known) {
		x->rest_rows += present - known;
		x->rest_values += values - listed;
	}
	x->none -= present;
	return present > 0;
}

/* Attributes of a scope, of all types that there are. */
static bool
take_field(struct grouped *x, const struct group_class *k, const struct field *f)
{
	size_t n = 0;
	const struct stats_field *v = stats_fields(x->s, f, &n);
	bool any = false;

	for (size_t i = 0; i < n && i < TYPES_MAX; i++)
		any |= take_type(x, k, &v[i]);
	return any;
}

/* Of what is no column of cells (resources): the values of the whole store. */
static bool
take_store(struct grouped *x, const struct group_class *k, const struct field *f)
{
	size_t n = 0;
	const struct stats_field *v = stats_fields(x->s, f, &n);

	for (size_t i = 0; i < n; i++) {
		double scale = x->s->n_rows > 0 ? k->rows / x->s->n_rows : 0;

		for (uint32_t j = 0; j < v[i].n_values; j++)
			add_top(x, v[i].values[j].n_rows * scale);
		if (v[i].n_distinct > v[i].n_values) {
			x->rest_rows += fmax(v[i].n_present - v[i].n_known, 1) * scale;
			x->rest_values += v[i].n_distinct - v[i].n_values;
		}
		x->none -= v[i].n_present * scale;
	}
	return n != 0;
}

static double
n_traces(const struct opt *o)
{
	double n = 0;

	for (size_t i = 0; i < o->stats->n_shards; i++)
		n += (double)o->stats->shards[i].n_traces;
	return n;
}

static void
take_key(struct grouped *x, const struct group_class *k, const struct field *f)
{
	struct field own = *f;

	x->n_top = 0;
	x->rest_rows = x->rest_values = 0;
	x->none = k->rows;
	if (own.scope == FIELD_BARE)
		own.scope = FIELD_SPAN;
	if (take_field(x, k, &own))
		return;
	if (f->scope == FIELD_BARE)
		own.scope = FIELD_RESOURCE;
	if (own.scope != FIELD_INTRINSIC) {
		(void)take_store(x, k, &own);
		return;
	}
	/* Ids and times: a trace has several spans, all else is of one. */
	x->none = 0;
	x->rest_rows = k->rows;
	x->rest_values = f->intrinsic == IN_TRACE_ID ? n_traces(x->o) : 100 * k->rows;
}

/* ---- a class ---- */

static bool
is_cell_key(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_SERVICE || f->intrinsic == IN_NAME);
}

/* The values of the key, each a place in every bucket. */
static double
one_key(const struct grouped *x, double r, double all)
{
	double n = reached(x->buckets * x->rest_values, r * x->rest_rows / all);

	for (unsigned i = 0; i < x->n_top; i++)
		n += reached(x->buckets, r * x->top[i] / all);
	return x->none > all / 1000 ? n + reached(x->buckets, r * x->none / all) : n;
}

static double class_groups(struct grouped *, const struct group_class *);

/* Cell by cell, as values of several keys go together there. */
static double
sum_of_cells(struct grouped *x, const struct group_class *k)
{
	double n = 0;

	for (uint32_t i = 0; i < k->n; i++) {
		struct group_class one = { &k->cells[i], 1, &k->left[i],
			k->left[i] * k->cells[i].n_rows };

		if (one.rows >= LEAST_ROWS)
			n += class_groups(x, &one);
	}
	return n;
}

/* Recursion is one deep. */
static double
class_groups(struct grouped *x, const struct group_class *k)
{
	double r = k->rows * x->share, places = 1, n = 0, values, cells;
	unsigned others = 0;

	for (size_t i = 0; i < x->g->n_keys; i++) {
		if (is_cell_key(&x->g->keys[i]))
			continue;
		take_key(x, k, &x->g->keys[i]);
		n = one_key(x, r, k->rows);
		values = values_asked(x->o, &x->g->keys[i]) * x->buckets;
		n = values > 0 && values < n ? values : n;
		/* Values that are there at all, of whom a product is made. */
		values = x->buckets > 0 ? n / x->buckets : 0;
		places *= values < 1 ? 1 : values;
		others++;
	}
	if (others == 1)
		return n;
	n = reached(places * x->buckets, r);
	if (others < 2 || k->n < 2)
		return n;
	cells = sum_of_cells(x, k);
	return cells < n ? cells : n;
}

static bool
same_class(const struct grouped *x, const struct stats_cell *a, const struct stats_cell *b)
{
	return (!x->by_service && !x->by_name) || (sv_eq(a->service, b->service) &&
	    (!x->by_name || sv_eq(a->name, b->name)));
}

/* Classes are runs of cells, which stand by service, then name. */
static double
all_classes(struct grouped *x, const double *left)
{
	const struct stats_summary *s = x->s;
	double n = 0;

	for (uint32_t i = 0, to; i < s->n_cells; i = to) {
		struct group_class k = { &s->cells[i], 0, left + i, 0 };

		for (to = i; to < s->n_cells && same_class(x, &s->cells[i], &s->cells[to]); to++)
			k.rows += left[to] * s->cells[to].n_rows;
		k.n = to - i;
		if (k.rows > 0)
			n += class_groups(x, &k);
	}
	return n;
}

/* ---- buckets ---- */

double
card_buckets(const struct grouping *g, struct time_range r)
{
	struct bucket_step step;
	uint64_t ns;

	if (!g->has_bucket || r.from >= r.to)
		return 1;
	ns = r.to - r.from;
	step = step_of_range(g->step, ns);
	switch (step.kind) {
	case STEP_WEEK:
		return 1 + (double)ns / (7 * 86400e9);
	case STEP_MONTH:
		return 1 + (double)ns / (30 * 86400e9);
	default:
		return step.ns == 0 ? 1 : 1 + (double)ns / (double)step.ns;
	}
}

static double
count_buckets(const struct opt *o, const struct grouping *g)
{
	struct time_range r = o->plan->filter.range;
	uint64_t from = UINT64_MAX, to = 0;

	for (size_t i = 0; i < o->stats->n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (o->shards[i].access == ACCESS_PRUNED || s->partition == PARTITION_OUTSIDE)
			continue;
		from = s->min_start < from ? s->min_start : from;
		to = s->max_start > to ? s->max_start : to;
	}
	r.from = r.from > from ? r.from : from;
	r.to = r.to < to ? r.to : to;
	return card_buckets(g, r);
}

double
card_groups(struct opt *o, double rows)
{
	struct grouped x = { .o = o, .g = o->options->groups, .s = o->stats->summary };
	double all = 0, n;
	double *left;

	if (x.g == NULL || x.s == NULL || x.s->n_cells == 0 || rows < 1)
		return rows;
	if ((left = arena_array(o->arena, x.s->n_cells, double)) == NULL)
		return rows;
	for (size_t i = 0; i < x.g->n_keys; i++) {
		x.by_service |= is_cell_key(&x.g->keys[i]) && x.g->keys[i].intrinsic == IN_SERVICE;
		x.by_name |= is_cell_key(&x.g->keys[i]) && x.g->keys[i].intrinsic == IN_NAME;
	}
	for (uint32_t i = 0; i < x.s->n_cells; i++) {
		left[i] = share_left(o, &x.s->cells[i]);
		all += left[i] * x.s->cells[i].n_rows;
	}
	if (all <= 0)
		return rows < 1 ? rows : 1;
	x.buckets = count_buckets(o, x.g);
	x.share = rows / all;
	n = all_classes(&x, left);
	return n < 1 ? 1 : n < rows ? n : rows;
}
