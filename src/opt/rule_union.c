/* SPDX-License-Identifier: ISC */
/*
 * rule union: conditions under OR that ask one field for values become one list: a = 1 OR
 * a in (2, 3) is a in (1, 2, 3). A list is looked up once, can be answered by one index, and
 * as a list of services it names row ranges. True for attributes too: any value of an array
 * that equals any literal satisfies either form.
 *
 * Lists stay within LIMIT_LIST_ITEMS, so that a filter is never longer than a path could
 * have made it.
 */
#include "opt_i.h"

#include "base/limits.h"
#include "model/pred_walk.h"

static bool
asks_values(const struct pred *p)
{
	return p->kind == PRED_LEAF && (p->op == OP_EQ || p->op == OP_IN);
}

static bool
listed(const struct pred *p, const struct literal *v, size_t n)
{
	/* As text: what differs in text but not in value may stand twice. */
	for (size_t i = 0; i < n; i++)
		if (sv_eq(v[i].text, p->lits[0].text))
			return true;
	return false;
}

/* All values of the kids from `first` on that ask the same field, as one leaf. */
static const struct pred *
merge(struct arena *a, const struct pred *const *kids, size_t n, size_t first, bool *taken)
{
	const struct pred *lead = kids[first];
	size_t total = 0, used = 0;
	struct literal *v;

	for (size_t i = first; i < n; i++)
		if (!taken[i] && asks_values(kids[i]) && field_eq(&kids[i]->field, &lead->field))
			total += kids[i]->n_lits;
	if (total == lead->n_lits || total > LIMIT_LIST_ITEMS)
		return lead;
	if ((v = arena_array(a, total, struct literal)) == NULL)
		return NULL;
	for (size_t i = first; i < n; i++) {
		if (taken[i] || !asks_values(kids[i]) ||
		    !field_eq(&kids[i]->field, &lead->field))
			continue;
		taken[i] = true;
		if (kids[i]->n_lits == 1 && listed(kids[i], v, used))
			continue;
		memcpy(v + used, kids[i]->lits, kids[i]->n_lits * sizeof *v);
		used += kids[i]->n_lits;
	}
	return pred_leaf(a, used == 1 ? OP_EQ : OP_IN, lead->field, v, used);
}

static const struct pred *
unite(void *arg, struct arena *a, const struct pred *p)
{
	const struct pred **kids;
	bool *taken;
	size_t n = 0;

	(void)arg;
	if (p->kind != PRED_OR)
		return p;
	kids = arena_array(a, p->n_kids, const struct pred *);
	taken = arena_calloc(a, p->n_kids, sizeof *taken);
	if (kids == NULL || taken == NULL)
		return NULL;
	for (size_t i = 0; i < p->n_kids; i++) {
		const struct pred *k = p->kids[i];

		if (taken[i])
			continue;
		if (asks_values(k) && (k = merge(a, p->kids, p->n_kids, i, taken)) == NULL)
			return NULL;
		kids[n++] = k;
	}
	return n == p->n_kids ? p : pred_or(a, kids, n);
}

int
rule_union(struct opt *o, bool *changed, struct err *e)
{
	const struct pred *p = pred_map(o->arena, o->plan->filter.pred, unite, NULL);

	if (p == NULL)
		return err_nomem(e);
	if (!pred_eq(p, o->plan->filter.pred)) {
		o->plan->filter.pred = p;
		*changed = true;
	}
	return 0;
}
