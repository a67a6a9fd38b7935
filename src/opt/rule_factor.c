/* SPDX-License-Identifier: ISC */
/*
 * rule factor: what all sides of an OR demand is demanded once, in front: (a AND b) OR (a AND
 * c) is a AND (b OR c). So the service or the user that every side names prunes and is looked
 * up as if it stood alone. And what another condition implies goes: a OR (a AND b) is a; a
 * AND (a OR b) is a.
 *
 * Sides are compared with each other; a path's 64 clauses bound how many there are. The walk
 * recurses as deep as the filter nests, which LIMIT_NESTING bounds.
 */
#include "model/pred_walk.h"
#include "opt_i.h"

/* The conditions of p taken as an AND (an OR): its kids, or itself. */
struct parts {
	const struct pred *const *v;
	size_t n;
};

static struct parts
parts_of(const struct pred *const *p, enum pred_kind kind)
{
	if ((*p)->kind == kind)
		return (struct parts){ (*p)->kids, (*p)->n_kids };
	return (struct parts){ p, 1 };
}

static bool
has(struct parts s, const struct pred *p)
{
	for (size_t i = 0; i < s.n; i++)
		if (pred_eq(s.v[i], p))
			return true;
	return false;
}

static bool
subset(struct parts a, struct parts b)
{
	for (size_t i = 0; i < a.n; i++)
		if (!has(b, a.v[i]))
			return false;
	return true;
}

/*
 * Drops kids that another makes superfluous: under OR those that demand all that another
 * demands, and more; under AND those that allow all that another allows.
 */
static size_t
absorb(const struct pred **kids, size_t n, enum pred_kind inner)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool gone = false;

		for (size_t k = 0; k < n && !gone; k++) {
			if (k == i || kids[k] == NULL)
				continue;
			/* Of equals the first stays. */
			gone = subset(parts_of(&kids[k], inner), parts_of(&kids[i], inner)) &&
			    (k < i || !subset(parts_of(&kids[i], inner),
			    parts_of(&kids[k], inner)));
		}
		if (gone)
			kids[i] = NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (kids[i] != NULL)
			kids[kept++] = kids[i];
	return kept;
}

/* p less the conditions that are in `common`; NULL: no memory. */
static const struct pred *
without(struct arena *a, const struct pred *const *p, struct parts common)
{
	struct parts s = parts_of(p, PRED_AND);
	const struct pred **left = arena_array(a, s.n, const struct pred *);
	size_t n = 0;

	if (left == NULL)
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		if (!has(common, s.v[i]))
			left[n++] = s.v[i];
	return pred_and(a, left, n);
}

/* Sides of an OR, none of which implies another. */
static const struct pred *
pull_out(struct arena *a, const struct pred **sides, size_t n)
{
	struct parts first = parts_of(&sides[0], PRED_AND);
	const struct pred **common = arena_array(a, first.n + 1, const struct pred *);
	const struct pred **rest = arena_array(a, n, const struct pred *);
	size_t n_common = 0;

	if (common == NULL || rest == NULL)
		return NULL;
	for (size_t i = 0; i < first.n; i++) {
		bool all = true;

		for (size_t k = 1; k < n && all; k++)
			all = has(parts_of(&sides[k], PRED_AND), first.v[i]);
		if (all)
			common[n_common++] = first.v[i];
	}
	if (n_common == 0 || n == 1)
		return pred_or(a, sides, n);
	for (size_t k = 0; k < n; k++)
		if ((rest[k] = without(a, &sides[k], (struct parts){ common, n_common })) == NULL)
			return NULL;
	if ((common[n_common] = pred_or(a, rest, n)) == NULL)
		return NULL;
	return pred_and(a, common, n_common + 1);
}

static const struct pred *
factor(void *arg, struct arena *a, const struct pred *p)
{
	const struct pred **kids;
	size_t n;

	(void)arg;
	if (p->kind != PRED_AND && p->kind != PRED_OR)
		return p;
	if ((kids = arena_array(a, p->n_kids, const struct pred *)) == NULL)
		return NULL;
	memcpy(kids, p->kids, p->n_kids * sizeof *kids);
	n = absorb(kids, p->n_kids, p->kind == PRED_OR ? PRED_AND : PRED_OR);
	return p->kind == PRED_OR ? pull_out(a, kids, n) : pred_and(a, kids, n);
}

int
rule_factor(struct opt *o, bool *changed, struct err *e)
{
	const struct pred *p = pred_map(o->arena, o->plan->filter.pred, factor, NULL);

	if (p == NULL)
		return err_nomem(e);
	if (!pred_eq(p, o->plan->filter.pred)) {
		o->plan->filter.pred = p;
		*changed = true;
	}
	return 0;
}
