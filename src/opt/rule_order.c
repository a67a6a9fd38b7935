/* SPDX-License-Identifier: ISC */
/*
 * rule order: conditions under AND stand by what a row costs over what share of rows they
 * drop (the classic rank cost / (1 - selectivity)), so that cheap and sharp ones come first;
 * under OR by cost over the share that they decide. Costs and shares are averages over the
 * newest shards that are read. Equal ranks keep their order, so the rule is idempotent. The
 * meaning stays: conditions have no effects, but a regular expression that runs into its
 * limit may no longer see the rows that another condition drops.
 */
#include "cost_i.h"
#include "decision_i.h"

#define SAMPLE_SHARDS 16

struct ranked {
	const struct pred *p;
	size_t from;	/* its place before */
	double rank;
};

/* What testing a tree costs, and what share it lets through, of the rows of some shards. */
struct measure {
	double ops, hits, rows;
};

static double
tree_ops(const struct opt *o, size_t shard, const struct pred *p)
{
	double ops = 0;

	if (p->kind == PRED_LEAF)
		return leaf_row_ops(o, shard, p);
	for (size_t i = 0; i < p->n_kids; i++)
		ops += tree_ops(o, shard, p->kids[i]);
	return ops;
}

static struct measure
measure(const struct opt *o, const struct pred *p)
{
	struct measure m = { 0, 0, 0 };
	size_t n = 0;

	for (size_t i = o->plan->scan.n_shards; i-- > 0 && n < SAMPLE_SHARDS;) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (o->shards[i].access == ACCESS_PRUNED || !shard_known(o, i))
			continue;
		m.rows += (double)s->n_rows;
		m.hits += (double)s->n_rows * card_selectivity(s, p);
		m.ops += (double)s->n_rows * tree_ops(o, i, p);
		n++;
	}
	return m;
}

static double
rank_of(const struct opt *o, enum pred_kind kind, const struct pred *p)
{
	struct measure m = measure(o, p);
	double sel = m.rows > 0 ? m.hits / m.rows : 0.5;
	double decided = kind == PRED_AND ? 1 - sel : sel;

	return (m.rows > 0 ? m.ops / m.rows : 1) / (decided > 1e-6 ? decided : 1e-6);
}

static void
sort_ranked(struct ranked *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct ranked x = v[i];
		size_t k = i;

		for (; k > 0 && v[k - 1].rank > x.rank; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* NULL: no memory. The tree itself if nothing moves. */
static const struct pred *
reorder(struct opt *o, const struct pred *p, struct err *e)
{
	struct ranked *v;
	const struct pred **kids;
	bool moved = false;

	if (p->kind == PRED_LEAF || p->n_kids == 0)
		return p;
	v = arena_array(o->arena, p->n_kids, struct ranked);
	kids = arena_array(o->arena, p->n_kids, const struct pred *);
	if (v == NULL || kids == NULL)
		return NULL;
	for (size_t i = 0; i < p->n_kids; i++) {
		if ((v[i].p = reorder(o, p->kids[i], e)) == NULL)
			return NULL;
		v[i].rank = rank_of(o, p->kind, v[i].p);
		v[i].from = i;
	}
	if (p->kind != PRED_NOT)
		sort_ranked(v, p->n_kids);
	for (size_t i = 0; i < p->n_kids; i++) {
		kids[i] = v[i].p;
		moved |= kids[i] != p->kids[i];
		if (p->kind != PRED_NOT)
			order_note(o, v[i].from);
	}
	if (!moved)
		return p;
	if (p->kind == PRED_NOT)
		return pred_not(o->arena, kids[0]);
	return p->kind == PRED_AND ? pred_and(o->arena, kids, p->n_kids) :
	    pred_or(o->arena, kids, p->n_kids);
}

int
rule_order(struct opt *o, bool *changed, struct err *e)
{
	const struct pred *p;

	if (o->plan->filter.never)
		return 0;
	o->order.n = 0;
	o->order.lost = false;
	if ((p = reorder(o, o->plan->filter.pred, e)) == NULL)
		return err_nomem(e);
	*changed |= p != o->plan->filter.pred;
	o->plan->filter.pred = p;
	return 0;
}
