/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_cond: a tree of conditions. A leaf of which more rows pass than should may stand where
 * that makes the whole pass more; under NOT it would make it pass less, and "0" stands for it,
 * as "1" does for one of which nothing can be said.
 */
#include "ch_sql_i.h"

static bool
leaf_empty(const struct writer *w, const struct pred *p, bool deny)
{
	enum how how = leaf_how(w, p);

	return how == LEAF_NOT || (deny && how == LEAF_WIDE);
}

bool
cond_empty(const struct writer *w, const struct pred *p, bool deny)
{
	bool all = true, any = false;

	switch (p->kind) {
	case PRED_LEAF:
		return leaf_empty(w, p, deny);
	case PRED_NOT:
		return cond_empty(w, p->kids[0], !deny);
	case PRED_AND:
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++) {
			bool empty = cond_empty(w, p->kids[i], deny);

			all = all && empty;
			any = any || empty;
		}
		/* One that says nothing takes the whole of an OR with it; denied, of an AND. */
		return (p->kind == PRED_OR) != deny ? any : all;
	default:
		return false;
	}
}

static void
nothing(struct writer *w, bool deny)
{
	w->exact = false;
	if (deny)
		W(w, "0");
	else
		W(w, "1");
}

static void
list_write(struct writer *w, const struct pred *p, bool deny)
{
	bool first = true;

	W(w, "(");
	for (size_t i = 0; i < p->n_kids; i++) {
		if (cond_empty(w, p->kids[i], deny)) {
			w->exact = false;
			continue;
		}
		if (!first && p->kind == PRED_AND)
			W(w, " AND ");
		else if (!first)
			W(w, " OR ");
		first = false;
		cond_write(w, p->kids[i], deny);
	}
	W(w, ")");
}

static void
leaf_cond(struct writer *w, const struct pred *p, bool deny)
{
	enum how how = leaf_how(w, p);

	w->exact = w->exact && (how == LEAF_EXACT || (how == LEAF_DOUBT && w->doubts));
	if (how == LEAF_DOUBT)
		doubt_leaf(w, p, deny);
	else
		leaf_write(w, p);
}

void
cond_write(struct writer *w, const struct pred *p, bool deny)
{
	if (cond_empty(w, p, deny)) {
		nothing(w, deny);
		return;
	}
	switch (p->kind) {
	case PRED_TRUE:
		W(w, "1");
		break;
	case PRED_FALSE:
		W(w, "0");
		break;
	case PRED_LEAF:
		leaf_cond(w, p, deny);
		break;
	case PRED_NOT:
		W(w, "NOT (");
		cond_write(w, p->kids[0], !deny);
		W(w, ")");
		break;
	default:
		list_write(w, p, deny);
	}
}
