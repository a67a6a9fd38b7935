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

/* ---- in two parts ---- */

/*
 * A filter with bare names is asked in two parts, so that the resources' map need not be
 * read. A bare name is the span's attribute, and the resource's only of spans without. Let S be the
 * filter with only the spans' own attributes. If no NOT stands above a bare name, S holds only where
 * the filter does. So the spans are those of S, and those of the filter, NOT S, whose resource has
 * one of the names: none, mostly, as the bloom filter of its keys says.
 */

static bool
is_bare(const struct writer *w, const struct pred *p)
{
	return p->kind == PRED_LEAF && p->op != OP_TEXT && p->field.scope == FIELD_BARE && leaf_how(w, p) != LEAF_NOT;
}

/* Of what is said at all: the others are nowhere in the statement. */
static size_t
count_bare(const struct writer *w, const struct pred *p, bool denied, bool *ok)
{
	size_t n = is_bare(w, p);

	if (cond_empty(w, p, denied))
		return 0;
	*ok = *ok && (n == 0 || !denied);
	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		n += count_bare(w, p->kids[i], denied || p->kind == PRED_NOT, ok);
	return n;
}

bool
split_can(const struct writer *w, const struct pred *filter)
{
	bool ok = true;

	return !w->s->json && count_bare(w, filter, false, &ok) != 0 && ok && w_have(w, CHC_RESOURCE) && w_have(w, CHC_ATTRS);
}

static size_t
all_bare(const struct pred *p)
{
	size_t n = p->kind == PRED_LEAF && p->field.scope == FIELD_BARE;

	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		n += all_bare(p->kids[i]);
	return n;
}

bool
split_apart(const struct writer *w, const struct ch_select *q)
{
	bool ok = true;

	return !q->count && !q->told && (q->columns & ~q->own_columns) == UINT64_C(1) << CHC_RESOURCE &&
	    count_bare(w, q->filter, false, &ok) == all_bare(q->filter);
}

/* What is a part of a column is read without the rest of it. */
static void
has_key(struct writer *w, const struct place *at)
{
	W(w, "has(");
	w_column(w, at->map);
	W(w, ".`keys`, ");
	w_text(w, at->key);
	W(w, ")");
}

static void
guards(struct writer *w, const struct pred *p, bool keys, const char **before)
{
	struct place at;

	if (cond_empty(w, p, false))
		return;
	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		guards(w, p->kids[i], keys, before);
	if (!is_bare(w, p))
		return;
	buf_str(&w->b, *before);
	*before = " OR ";
	at = place_of(w, CHC_RESOURCE, p->field.key, false);
	if (keys)
		has_key(w, &at);
	else
		place_guard(w, &at);
}

void
split_guard(struct writer *w, const struct pred *filter)
{
	const char *before = "(";

	guards(w, filter, false, &before);
	W(w, ")");
}

void
split_guard_not(struct writer *w, const struct pred *filter)
{
	const char *before = "NOT (";

	guards(w, filter, w->s->prewhere && !w->s->distributed, &before);
	W(w, ")");
}

bool
ch_filter_asks_for(const struct pred *filter, struct sv key)
{
	const struct pred *const *kids = filter->kind == PRED_AND ? filter->kids : &filter;
	size_t n = filter->kind == PRED_AND ? filter->n_kids : 1;

	for (size_t i = 0; i < n; i++)
		if (kids[i]->kind == PRED_LEAF && kids[i]->op != OP_TEXT && kids[i]->field.scope == FIELD_BARE &&
		    sv_eq(kids[i]->field.key, key))
			return true;
	return false;
}
