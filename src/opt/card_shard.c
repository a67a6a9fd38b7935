/* SPDX-License-Identifier: ISC */
/*
 * card_shard: one condition in one shard: the shard's own numbers of values, its frequent ones
 * and its range; of values that it does not list what the summary of the store believes, or
 * where a Bloom filter says whether the shard has the value, what is left to it there.
 */
#include "card_i.h"

#include "base/bloom.h"

static double
tops_share(const struct column_stats *c, const struct card_leaf *l)
{
	double hits = 0;

	for (size_t i = 0; i < c->n_top; i++) {
		int h = value_satisfies(l, &c->top[i].val);

		if (h < 0)
			return -1;
		hits += h ? (double)c->top[i].n_rows : 0;
	}
	return hits / (double)c->n_present;
}

/* One literal, not among a full list of the shard's values. */
static double
equal_in_shard(const struct column_stats *c, const struct leaf_field *lf,
    const struct shard_filter *filter, const struct literal *l)
{
	bool told = filter != NULL && filter->column == c && filter->bloom != NULL;
	const struct stats_value *v;
	double known = 0, n;
	uint64_t hash;

	if (!literal_fits(c->type, l))
		return 0;
	for (size_t i = 0; i < c->n_top; i++) {
		if (!c->top[i].cut && value_equals_literal(&c->top[i].val, l))
			return (double)c->top[i].n_rows / (double)c->n_present;
		known += (double)c->top[i].n_rows;
	}
	hash = card_literal_hash(c->type, l);
	v = stats_value_find(lf->f, hash);
	if (v != NULL && c->type == VAL_STRING && v->val.s.n > 64)
		return v->n_rows / lf->f->n_present;
	if (told && !bloom_may_have(filter->bloom, filter->bloom_bytes, hash))
		return 0;
	n = (told ? (double)c->n_distinct : lf->f->n_distinct) - (double)c->n_top;
	known = (double)c->n_present - known;
	return known <= 0 ? 0 : known / (n < 1 ? 1 : n) / (double)c->n_present;
}

static double
column_in_shard(const struct card_leaf *l, const struct leaf_field *lf,
    const struct column_stats *c, const struct shard_filter *filter)
{
	struct pred q = card_positive(l->p);
	double share = 0, lo, hi;

	if (c->n_present == 0)
		return 0;
	if (l->p->op == OP_HAS)
		return 1;
	if (top_is_all(c) && l->p->field.scope != FIELD_INTRINSIC &&
	    (share = tops_share(c, l)) >= 0)
		return share;
	if ((q.op == OP_EQ || q.op == OP_IN) && c->type != VAL_ARRAY) {
		share = 0;
		for (size_t i = 0; i < q.n_lits; i++) {
			struct literal x = card_literal(&q, i);

			share += equal_in_shard(c, lf, filter, &x);
		}
	} else if (card_numeric_order(lf->f, &q) && c->has_range) {
		card_order_range(c->type, &q, &lo, &hi);
		share = card_share_between(lf->f, card_number(c->type, c->min),
		    card_number(c->type, c->max) + 1, lo, hi);
	} else
		return lf->share;
	share = share > 1 ? 1 : share;
	if (!pred_op_negative(l->p->op))
		return share;
	return card_fits_negative(lf->f) ? 1 - share : 0;
}

/* Durations of the store, as far as the shard's range reaches. */
double
card_leaf_in_shard(const struct card_leaf *l, const struct stats *st,
    const struct shard_stats *sh)
{
	const struct shard_filter *filter = l->filter == NULL ? NULL :
	    &l->filter->shards[sh - st->shards];
	double rows = 0;

	if (l->n_fields == 0 || !sh->all_keys || (l->p->field.scope == FIELD_INTRINSIC &&
	    l->p->field.intrinsic == IN_PARENT_SPAN_ID))
		return l->share;
	for (unsigned i = 0; i < l->n_fields; i++) {
		const struct leaf_field *lf = &l->fields[i];
		const struct column_stats *c;
		size_t n;

		c = stats_columns(sh, &lf->f->field, &n);
		for (size_t k = 0; k < n; k++)
			if (c[k].type == lf->f->type)
				rows += (double)c[k].n_present * column_in_shard(l, lf, &c[k],
				    filter);
	}
	return rows / (double)sh->n_rows;
}
