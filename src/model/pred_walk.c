/* SPDX-License-Identifier: ISC */
/* pred_walk: see model/pred_walk.h. */
#include "model/pred_walk.h"

size_t
pred_n_leaves(const struct pred *p)
{
	size_t n = p->kind == PRED_LEAF;

	for (size_t i = 0; i < p->n_kids; i++)
		n += pred_n_leaves(p->kids[i]);
	return n;
}

static int
each_leaf(const struct pred *p, pred_leaf_fn *fn, void *arg, size_t *no, bool under_not)
{
	int rc = 0;

	if (p->kind == PRED_LEAF)
		return fn(arg, p, (*no)++, under_not);
	for (size_t i = 0; i < p->n_kids && rc == 0; i++)
		rc = each_leaf(p->kids[i], fn, arg, no, under_not || p->kind == PRED_NOT);
	return rc;
}

int
pred_each_leaf(const struct pred *p, pred_leaf_fn *fn, void *arg)
{
	size_t no = 0;

	return each_leaf(p, fn, arg, &no, false);
}

static int
truth(const struct pred *p, pred_truth_fn *fn, void *arg, size_t no, struct err *e)
{
	int rc;

	switch (p->kind) {
	case PRED_TRUE:
		return 1;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return fn(arg, p, no, e);
	case PRED_NOT:
		rc = truth(p->kids[0], fn, arg, no, e);
		return rc < 0 ? rc : !rc;
	case PRED_AND:
	case PRED_OR:
		break;
	}
	for (size_t i = 0; i < p->n_kids; i++) {
		rc = truth(p->kids[i], fn, arg, no, e);
		if (rc < 0 || (rc > 0) == (p->kind == PRED_OR))
			return rc;
		no += pred_n_leaves(p->kids[i]);
	}
	return p->kind == PRED_AND;
}

int
pred_truth(const struct pred *p, pred_truth_fn *fn, void *arg, struct err *e)
{
	return truth(p, fn, arg, 0, e);
}

/* The node with other kids; NULL: no memory. */
static const struct pred *
with_kids(struct arena *a, const struct pred *p, const struct pred *const *kids)
{
	switch (p->kind) {
	case PRED_AND:
		return pred_and(a, kids, p->n_kids);
	case PRED_OR:
		return pred_or(a, kids, p->n_kids);
	case PRED_NOT:
		return pred_not(a, kids[0]);
	case PRED_TRUE:
	case PRED_FALSE:
	case PRED_LEAF:
		break;
	}
	return p;
}

const struct pred *
pred_map(struct arena *a, const struct pred *p, pred_map_fn *fn, void *arg)
{
	const struct pred **kids;
	bool changed = false;

	if (p->n_kids != 0) {
		if ((kids = arena_array(a, p->n_kids, const struct pred *)) == NULL)
			return NULL;
		for (size_t i = 0; i < p->n_kids; i++) {
			if ((kids[i] = pred_map(a, p->kids[i], fn, arg)) == NULL)
				return NULL;
			changed |= kids[i] != p->kids[i];
		}
		if (changed && (p = with_kids(a, p, kids)) == NULL)
			return NULL;
	}
	return fn(arg, a, p);
}
