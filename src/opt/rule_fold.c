/* SPDX-License-Identifier: ISC */
/*
 * rule fold: the filter in a simpler form with the same meaning. Constants go, double NOTs
 * cancel, doubles under AND and OR stand once, p AND NOT p is nothing and p OR NOT p is
 * everything. Lists of one become plain operators; two lists (or values) of one intrinsic
 * under AND become their intersection; intervals of one intrinsic that don't meet are
 * nothing. Only intrinsics of which a span has one value: attributes may be arrays, so
 * a = 1 AND a = 2 may well hold. A filter of nothing makes the plan `never`.
 *
 * The walk recurses as deep as the filter nests, which LIMIT_NESTING bounds.
 */
#include "opt_i.h"

static const struct pred constants[] = {
	{ .kind = PRED_FALSE }, { .kind = PRED_TRUE },
};

static const struct pred *
constant(bool v)
{
	return &constants[v];
}

static bool
same_literal(const struct field *f, const struct literal *a, const struct literal *b)
{
	if (f->scope == FIELD_INTRINSIC)
		switch (intrinsics[f->intrinsic].type) {
		case FT_KIND:
		case FT_STATUS:
		case FT_INT:
		case FT_TIME:
		case FT_DURATION:
			return a->u == b->u;
		case FT_TRACE_ID:
		case FT_SPAN_ID:
			return a->hi == b->hi && a->lo == b->lo;
		case FT_STRING:
		case FT_ATTR:
			break;
		}
	return sv_eq(a->text, b->text);
}

static bool
has_literal(const struct field *f, const struct literal *v, size_t n, const struct literal *l)
{
	for (size_t i = 0; i < n; i++)
		if (same_literal(f, &v[i], l))
			return true;
	return false;
}

/* A leaf of IN (NOTIN) of these values: EQ (NE) of one, a constant of none. */
static const struct pred *
set_leaf(struct arena *a, bool in, struct field f, const struct literal *v, size_t n)
{
	if (n == 0)
		return constant(!in);
	if (n == 1)
		return pred_leaf(a, in ? OP_EQ : OP_NE, f, v, 1);
	return pred_leaf(a, in ? OP_IN : OP_NOTIN, f, v, n);
}

static const struct pred *
fold_leaf(struct arena *a, const struct pred *p)
{
	struct literal *v;
	struct interval range;
	size_t n = 0;
	bool empty;

	if (leaf_interval(p, &range, &empty))
		return empty ? constant(false) : p;
	if (p->op != OP_IN && p->op != OP_NOTIN)
		return p;
	if ((v = arena_array(a, p->n_lits, struct literal)) == NULL)
		return NULL;
	for (size_t i = 0; i < p->n_lits; i++)
		if (!has_literal(&p->field, v, n, &p->lits[i]))
			v[n++] = p->lits[i];
	if (n == p->n_lits && n > 1)
		return p;
	return set_leaf(a, p->op == OP_IN, p->field, v, n);
}

static const struct pred *fold(struct arena *, const struct pred *);

static const struct pred *
fold_not(struct arena *a, const struct pred *p)
{
	const struct pred *k = fold(a, p->kids[0]);

	if (k == NULL)
		return NULL;
	if (k->kind == PRED_TRUE || k->kind == PRED_FALSE)
		return constant(k->kind == PRED_FALSE);
	if (k->kind == PRED_NOT)
		return k->kids[0];
	return k == p->kids[0] ? p : pred_not(a, k);
}

static bool
opposite(const struct pred *a, const struct pred *b)
{
	return (a->kind == PRED_NOT && pred_eq(a->kids[0], b)) ||
	    (b->kind == PRED_NOT && pred_eq(b->kids[0], a));
}

static bool
is_set(const struct pred *p)
{
	return p->kind == PRED_LEAF && (p->op == OP_EQ || p->op == OP_IN) &&
	    single_valued(&p->field);
}

/*
 * Two kids of an AND as one: *out is their intersection; *out NULL with true: no memory.
 * False if they stay apart.
 */
static bool
intersect(struct arena *a, const struct pred *x, const struct pred *y, const struct pred **out)
{
	struct interval i, j;
	struct literal *v;
	bool empty;
	size_t n = 0;

	if (x->kind != PRED_LEAF || y->kind != PRED_LEAF || !field_eq(&x->field, &y->field))
		return false;
	if (is_set(x) && is_set(y)) {
		*out = NULL;
		if ((v = arena_array(a, x->n_lits, struct literal)) == NULL)
			return true;
		for (size_t k = 0; k < x->n_lits; k++)
			if (has_literal(&x->field, y->lits, y->n_lits, &x->lits[k]))
				v[n++] = x->lits[k];
		*out = set_leaf(a, true, x->field, v, n);
		return true;
	}
	if (!leaf_interval(x, &i, &empty) || !leaf_interval(y, &j, &empty) ||
	    (i.lo <= j.hi && j.lo <= i.hi))
		return false;
	*out = constant(false);
	return true;
}

struct list {
	const struct pred **v;
	size_t n;
};

/* What becomes of a kid that joins the list. */
enum joined { JOIN_ADDED, JOIN_GONE, JOIN_DECIDES, JOIN_NOMEM };

static enum joined
join(struct arena *a, enum pred_kind kind, struct list *l, const struct pred *k)
{
	const struct pred *both;

	for (size_t i = 0; i < l->n; i++) {
		if (pred_eq(l->v[i], k))
			return JOIN_GONE;
		if (opposite(l->v[i], k))
			return JOIN_DECIDES;
		if (kind != PRED_AND || !intersect(a, l->v[i], k, &both))
			continue;
		if (both == NULL)
			return JOIN_NOMEM;
		if (both->kind == PRED_FALSE)
			return JOIN_DECIDES;
		/* What they became may meet others: it joins anew. */
		memmove(&l->v[i], &l->v[i + 1], (--l->n - i) * sizeof *l->v);
		return join(a, kind, l, both);
	}
	l->v[l->n++] = k;
	return JOIN_ADDED;
}

/* AND and OR: `decides` is the constant that makes the whole. */
static const struct pred *
fold_junction(struct arena *a, const struct pred *p)
{
	const struct pred *decides = constant(p->kind == PRED_OR), *flat, **kids;
	struct list l = { .n = 0 };

	if ((kids = arena_array(a, p->n_kids, const struct pred *)) == NULL)
		return NULL;
	for (size_t i = 0; i < p->n_kids; i++)
		if ((kids[i] = fold(a, p->kids[i])) == NULL)
			return NULL;
	/* Kids of the same kind are taken apart, so that their kids meet ours. */
	flat = p->kind == PRED_AND ? pred_and(a, kids, p->n_kids) : pred_or(a, kids, p->n_kids);
	if (flat == NULL || flat->kind != p->kind)
		return flat;
	if ((l.v = arena_array(a, flat->n_kids, const struct pred *)) == NULL)
		return NULL;
	for (size_t i = 0; i < flat->n_kids; i++) {
		const struct pred *k = flat->kids[i];
		enum joined j;

		if (k->kind == PRED_TRUE || k->kind == PRED_FALSE) {
			if (k->kind == decides->kind)
				return decides;
			continue;
		}
		if ((j = join(a, p->kind, &l, k)) == JOIN_NOMEM)
			return NULL;
		if (j == JOIN_DECIDES)
			return decides;
	}
	return p->kind == PRED_AND ? pred_and(a, l.v, l.n) : pred_or(a, l.v, l.n);
}

static const struct pred *
fold(struct arena *a, const struct pred *p)
{
	switch (p->kind) {
	case PRED_LEAF:
		return fold_leaf(a, p);
	case PRED_NOT:
		return fold_not(a, p);
	case PRED_AND:
	case PRED_OR:
		return fold_junction(a, p);
	case PRED_TRUE:
	case PRED_FALSE:
		break;
	}
	return p;
}

int
rule_fold(struct opt *o, bool *changed, struct err *e)
{
	const struct pred *p = fold(o->arena, o->plan->filter.pred);

	if (p == NULL)
		return err_nomem(e);
	if (!pred_eq(p, o->plan->filter.pred)) {
		o->plan->filter.pred = p;
		*changed = true;
	}
	if (p->kind == PRED_FALSE)
		prune_all(o, "fold", "the filter contradicts itself", changed);
	return 0;
}
