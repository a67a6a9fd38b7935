/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_tops: of groups those that may be rows at the end: HAVING, and ORDER BY with LIMIT, so that the
 * first few of a million need not come with all others. The table tests and orders what comes once
 * more: here more may come, but none may miss. So a group of ours must be one of the server's, or stand
 * in doubt: then it passes, first of all, and who reads it asks for all groups.
 *
 * In doubt are groups whose key is repaired, those that the filter or figures doubt, and sums that a
 * double would round. Of the order as much is said as orders alike: from the first sort key on which
 * does not, WITH TIES has all that are equal before it.
 */
#include "ch_sql_i.h"

#define KEEP_MOST 1000000
#define SUM_SURE 1073741824		/* of its upper half: sums within 62 bits */

static const struct agg_given_field *
field_of(const struct tops *x, const struct aggregate *a, size_t *i)
{
	for (*i = 0; *i < x->want->n_fields; ++*i)
		if (field_eq(x->want->fields[*i].field, &a->field))
			return &x->want->fields[*i];
	return NULL;
}

/* ---- keys ---- */

static bool
is_text_key(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && f->intrinsic != IN_KIND && f->intrinsic != IN_STATUS;
}

/* Words have two spellings. */
static bool
keys_are_one(const struct grouping *g)
{
	for (size_t i = 0; i < g->n_keys; i++)
		if (g->keys[i].scope == FIELD_INTRINSIC && !is_text_key(&g->keys[i]))
			return false;
	return true;
}

bool
asks_rate(const struct grouping *g)
{
	for (size_t i = 0; i < g->n_aggs; i++)
		if (g->aggs[i].kind == AGG_RATE)
			return true;
	return false;
}

/* A rate is of the time from the first span of all to the last. */
bool
tops_can(const struct tops *x)
{
	const struct grouping *g = x->g;
	bool month = g->has_bucket && x->step.kind == STEP_MONTH;

	return !g->versus && g->fill == FILL_NONE && (g->n_keys != 0 || g->has_bucket) && !month && !asks_rate(g) &&
	    keys_are_one(g) && (x->ranked || !x->want->all) &&
	    (g->n_having != 0 || (x->keep != 0 && x->keep < KEEP_MOST));
}

/* ---- numbers ---- */

/* The aggregate as a number that orders and compares as it does; false, and nothing: there is none. */
static bool
number_write(struct writer *w, const struct tops *x, const struct aggregate *a)
{
	size_t i = 0, rank = 0;

	switch (a->kind) {
	case AGG_COUNT:
		W(w, "spanfs_count");
		return true;
	case AGG_ERRORS:
		W(w, "spanfs_errors");
		return true;
	case AGG_MIN:
	case AGG_MAX:
	case AGG_DISTINCT:
		if (field_of(x, a, &i) == NULL)
			return false;
		alias(w, a->kind == AGG_MIN ? 'c' : a->kind == AGG_MAX ? 'd' : 'u', i);
		return true;
	case AGG_QUANTILE:
		while (rank < x->want->n_ranks && (x->want->ranks[rank].part != a->part ||
		    x->want->ranks[rank].whole != a->whole))
			rank++;
		if (!x->ranked || field_of(x, a, &i) == NULL || rank == x->want->n_ranks)
			return false;
		W(w, "arrayElement(");
		alias(w, 'q', i);
		buf_printf(&w->b, ", %zu)", rank + 1);
		return true;
	default:
		return false;
	}
}

/* Of attributes a group may have no number. */
static bool
may_be_null(const struct tops *x, const struct aggregate *a, size_t *i)
{
	return agg_has_field(a) && a->kind != AGG_DISTINCT && field_of(x, a, i) != NULL &&
	    figure_counts(&x->want->fields[*i]);
}

/* ---- having ---- */

static bool
literals_can(const struct having *h)
{
	for (size_t i = 0; i < h->n_lits; i++)
		if (agg_type(&h->agg) == FT_STRING && !h->lits[i].is_int)
			return false;
	return true;
}

static void
literal_write(struct writer *w, const struct having *h, size_t i)
{
	if (agg_type(&h->agg) != FT_STRING)
		w_u64(w, h->lits[i].u);
	else
		w_i64(w, h->lits[i].i);
}

static void
compare(struct writer *w, const struct having *h)
{
	static const char *const signs[] = { [OP_LT] = " < ", [OP_LE] = " <= ", [OP_GT] = " > ", [OP_GE] = " >= " };

	switch (h->op) {
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		buf_str(&w->b, signs[h->op]);
		literal_write(w, h, 0);
		return;
	case OP_BETWEEN:
		W(w, " BETWEEN ");
		literal_write(w, h, 0);
		W(w, " AND ");
		literal_write(w, h, 1);
		return;
	default:
		if (pred_op_negative(h->op))
			W(w, " NOT");
		W(w, " IN (");
		for (size_t i = 0; i < h->n_lits; i++) {
			if (i != 0)
				W(w, ", ");
			literal_write(w, h, i);
		}
		W(w, ")");
	}
}

/* False, and nothing: it can't be said. */
static bool
one_having(struct writer *w, const struct tops *x, const struct having *h, const char *before)
{
	size_t from = w->b.n, i;

	if (!literals_can(h))
		return false;
	buf_str(&w->b, before);
	if (may_be_null(x, &h->agg, &i)) {
		alias(w, 'n', i);
		W(w, " != 0 AND ");
	}
	if (!number_write(w, x, &h->agg)) {
		w->b.n = from;
		return false;
	}
	compare(w, h);
	return true;
}

/* Whether all of it was said. */
static bool
having_write(struct writer *w, const struct tops *x)
{
	bool all = true, any = false;

	for (size_t i = 0; i < x->g->n_having; i++) {
		bool said = one_having(w, x, &x->g->having[i], any ? " AND " : " HAVING (");

		all = all && said;
		any = any || said;
	}
	if (any && x->doubts)
		W(w, " OR spanfs_doubt != 0)");
	else if (any)
		W(w, ")");
	return all;
}

/* ---- order ---- */

static const char *
way(bool desc)
{
	return desc ? " DESC, " : ", ";
}

/* By both halves: the upper one with what the lower ones carry. */
static bool
by_sum(struct writer *w, const struct tops *x, const struct aggregate *a, bool desc)
{
	size_t i;

	if (field_of(x, a, &i) == NULL)
		return false;
	alias(w, 'a', i);
	W(w, " + intDiv(");
	alias(w, 'b', i);
	W(w, ", 4294967296)");
	buf_str(&w->b, way(desc));
	W(w, "modulo(");
	alias(w, 'b', i);
	W(w, ", 4294967296)");
	return true;
}

static bool
by_agg(struct writer *w, const struct tops *x, const struct aggregate *a, bool desc)
{
	size_t from = w->b.n, i;
	bool said;

	if (may_be_null(x, a, &i)) {
		alias(w, 'n', i);
		W(w, " = 0, ");
	}
	if (a->kind == AGG_ERROR_RATE) {
		W(w, "spanfs_errors / spanfs_count");
		said = true;
	} else {
		said = a->kind == AGG_SUM ? by_sum(w, x, a, desc) : number_write(w, x, a);
	}
	if (said)
		buf_str(&w->b, way(desc));
	else
		w->b.n = from;
	return said;
}

/* Bytes order texts on both sides; an attribute may be a number. */
static bool
by_key(struct writer *w, const struct tops *x, size_t key, bool desc)
{
	const struct field *f = &x->g->keys[key];

	if (!is_text_key(f))
		return false;
	if (leaf_rows[f->intrinsic].optional) {
		alias(w, 'k', key);
		W(w, " = '', ");
	}
	alias(w, 'k', key);
	buf_str(&w->b, way(desc));
	return true;
}

static bool
by_ref(struct writer *w, const struct tops *x, const struct group_ref *r)
{
	switch (r->kind) {
	case REF_KEY:
		return by_key(w, x, r->i, r->desc);
	case REF_AGG:
		return by_agg(w, x, &x->g->aggs[r->i], r->desc);
	case REF_BUCKET:
		bucket_write(w, x);
		buf_str(&w->b, way(r->desc));
		return true;
	default:
		return false;
	}
}

/* False, and nothing: not even the first key orders alike. */
static bool
order_write(struct writer *w, const struct tops *x)
{
	const struct group_ref bucket = { .kind = REF_BUCKET };
	size_t from = w->b.n, begin;
	bool more = true;

	W(w, " ORDER BY ");
	if (x->doubts)
		W(w, "spanfs_doubt != 0 DESC, ");
	begin = w->b.n;
	for (size_t i = 0; more && i < x->g->n_sort; i++)
		more = by_ref(w, x, &x->g->sort[i]);
	if (more && x->g->has_bucket)
		more = by_ref(w, x, &bucket);
	for (size_t i = 0; more && i < x->g->n_keys; i++)
		more = by_key(w, x, i, false);
	if (w->b.n == begin || w->b.oom) {
		w->b.n = from;
		return false;
	}
	w->b.n -= 2;	/* the last comma */
	return true;
}

/* ---- all of it ---- */

bool
tops_doubts(struct writer *w, const struct tops *x, const char *before)
{
	bool any = false;

	for (size_t i = 0; i < x->g->n_keys; i++) {
		const struct field *f = &x->g->keys[i];

		if (f->scope == FIELD_INTRINSIC && leaf_rows[f->intrinsic].sort != SORT_TEXT)
			continue;
		doubt_begin(w, before, &any);
		W(w, "NOT isValidUTF8(");
		alias(w, 'k', i);
		W(w, ")");
	}
	for (size_t i = 0; i < x->want->n_fields; i++)
		if (x->want->fields[i].sum) {
			doubt_begin(w, before, &any);
			W(w, "abs(");
			alias(w, 'a', i);
			buf_printf(&w->b, ") >= %d", SUM_SURE);
		}
	return any;
}

void
tops_write(struct writer *w, const struct tops *x)
{
	if (!having_write(w, x) || x->keep == 0 || x->keep >= KEEP_MOST || w->hex || !order_write(w, x))
		return;
	W(w, " LIMIT ");
	w_u64(w, x->keep);
	W(w, " WITH TIES");
}
