/* SPDX-License-Identifier: ISC */
/*
 * decision_join: decisions of one template beside each other: which of them decide alike, which one
 * makes another needless, and two in one.
 */
#include "decision_i.h"

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
		if (!decision_leaf_holds(&d->leaves[i], other->leaves[i].sel))
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
		struct decision_class *y = &j->classes[decision_class_place(d, x->key)];

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
