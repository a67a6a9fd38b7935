/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_split: a filter with bare names, asked in two parts, so that the resources' map need not be
 * read. A bare name is the span's attribute, and the resource's only of spans without. Let S be the
 * filter with only the spans' own attributes. If no NOT stands above a bare name, S holds only where
 * the filter does. So the spans are those of S, and those of the filter, NOT S, whose resource has
 * one of the names: none, mostly, as the bloom filter of its keys says.
 */
#include "ch_sql_i.h"

static bool
is_bare(const struct writer *w, const struct pred *p)
{
	return p->kind == PRED_LEAF && p->field.scope == FIELD_BARE && leaf_how(w, p) != LEAF_NOT;
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

	return count_bare(w, filter, false, &ok) != 0 && ok && w_have(w, CHC_RESOURCE) && w_have(w, CHC_ATTRS);
}

static void
guards(struct writer *w, const struct pred *p, const char **before)
{
	struct place at;

	if (cond_empty(w, p, false))
		return;
	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		guards(w, p->kids[i], before);
	if (!is_bare(w, p))
		return;
	buf_str(&w->b, *before);
	*before = " OR ";
	at = place_of(w, CHC_RESOURCE, p->field.key, false);
	place_guard(w, &at);
}

void
split_guard(struct writer *w, const struct pred *filter)
{
	const char *before = "(";

	guards(w, filter, &before);
	W(w, ")");
}

bool
split_asks_for(const struct pred *filter, struct sv key)
{
	const struct pred *const *kids = filter->kind == PRED_AND ? filter->kids : &filter;
	size_t n = filter->kind == PRED_AND ? filter->n_kids : 1;

	for (size_t i = 0; i < n; i++)
		if (kids[i]->kind == PRED_LEAF && kids[i]->field.scope == FIELD_BARE && sv_eq(kids[i]->field.key, key))
			return true;
	return false;
}
