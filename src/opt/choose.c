/* SPDX-License-Identifier: ISC */
/*
 * choose: which candidate each class of shards gets. One that another beats in both startup and
 * total is dominated, and out; of the others the one with the least startup + share * (total -
 * startup), where share is how much of its rows the query will take: all, or under a limit that stops
 * early as many as it takes to fill it. Of equals the sharper access wins. A remembered
 * decision stands in for all that.
 */
#include <stdlib.h>

#include "cost_i.h"
#include "decision_i.h"

/* Of the rows that match, the share that is taken. */
static double
share_taken(const struct opt *o)
{
	const struct plan *p = o->plan;
	uint64_t n;
	double rows = 0;

	if (!p->scan.early_stop || __builtin_add_overflow(p->page.limit, p->page.offset, &n))
		return 1;
	for (size_t i = 0; i < p->scan.n_shards; i++)
		rows += p->scan.shards[i].est_rows;
	return (double)n < rows ? (double)n / rows : 1;
}

static void
mark_dominated(struct plan_cand *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n && !v[i].dominated; k++)
			v[i].dominated = v[k].startup < v[i].startup && v[k].total < v[i].total;
}

static struct plan_cand *
best_of(struct plan_cand *v, size_t n, double share)
{
	struct plan_cand *best = NULL;
	double least = 0, cost;

	for (size_t i = 0; i < n; i++) {
		if (v[i].dominated)
			continue;
		cost = v[i].startup + share * (v[i].total - v[i].startup);
		if (best == NULL || cost < least) {
			best = &v[i];
			least = cost;
		}
	}
	return best;
}

/* Not dominated first, then by total; the chosen one is found again by its mark. */
static int
by_total(const void *a, const void *b)
{
	const struct plan_cand *x = a, *y = b;

	if (x->dominated != y->dominated)
		return x->dominated ? 1 : -1;
	if (x->total < y->total || x->total > y->total)
		return x->total < y->total ? -1 : 1;
	if (x->access != y->access)
		return x->access > y->access ? -1 : 1;
	return (x->index_leaves > y->index_leaves) - (x->index_leaves < y->index_leaves);
}

static void
choose_class(struct plan_class *c, struct plan_cand *v, double share)
{
	struct plan_cand *best;

	mark_dominated(v, c->n_cands);
	if ((best = best_of(v, c->n_cands, share)) == NULL)
		return;
	best->chosen = true;
	best->dominated = false;
	c->access = best->access;
	c->index_leaves = best->index_leaves;
	qsort(v, c->n_cands, sizeof *v, by_total);
}

/* What the decision has for the class; false: nothing. */
static bool
decided_class(const struct decision *d, struct plan_class *c)
{
	const struct decision_class *x = decision_class(d, c->key);

	if (x == NULL || !decision_fits(x, c))
		return false;
	c->access = x->access;
	c->index_leaves = x->index_leaves;
	return true;
}

static int
choose_all(struct opt *o, struct class_list *l, struct err *e)
{
	double share = share_taken(o);
	struct plan_cand *v;
	int code = 0;

	for (size_t i = 0; i < l->n && code == 0; i++) {
		if (o->decided != NULL)
			code = decided_class(o->decided, &l->v[i]) ? 0 : DECISION_CLASS;
		else if ((code = cand_make(o, l, i, &v, e)) == 0)
			choose_class(&l->v[i], v, share);
	}
	return code;
}

int
choose(struct opt *o, struct err *e)
{
	struct class_list l = { 0 };
	int code = cand_classes(o, &l, e);

	o->plan->scan.classes = o->classes = l.v;
	o->plan->scan.n_classes = l.n;
	if (code == 0)
		code = choose_all(o, &l, e);
	free(l.avail);
	return code;
}
