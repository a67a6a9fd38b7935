/* SPDX-License-Identifier: ISC */
/*
 * rule bloom: each shard has a Bloom filter of its trace ids, and of the values of attributes
 * that have many. Shards that surely have none of the ids or values asked for go; where the
 * filter's top asks for trace ids, the others are read by their trace index. The hashes are
 * those of the store: of the id's 16 bytes, most significant first; of the text. They are made
 * once, for there may be many shards.
 */
#include "base/bloom.h"
#include "base/hash.h"
#include "model/pred_walk.h"
#include "opt_i.h"

#define MOST_LEAVES 16		/* that are looked at */

/* An equality. */
struct asked {
	const struct pred *leaf;
	const struct stats_filter *filter;	/* of its field; NULL: of trace ids */
	const uint64_t *hashes;			/* of its literals */
};

struct bloom_arg {
	const struct opt *opt;
	struct asked v[MOST_LEAVES];
	size_t n;
	size_t shard;		/* at hand */
	const char *why;	/* of the last condition that can't hold in it */
};

static uint64_t
id_hash(const struct literal *l)
{
	uint8_t bytes[16];

	trace_id_to_bytes((struct trace_id){ l->hi, l->lo }, bytes);
	return hash64(bytes, sizeof bytes);
}

/* False for want of memory. */
static bool
add_leaf(struct bloom_arg *a, const struct pred *p)
{
	bool id = p->field.scope == FIELD_INTRINSIC;
	const struct stats_filter *f = id ? NULL : stats_filter_find(a->opt->stats, &p->field);
	uint64_t *h;

	if (id ? p->field.intrinsic != IN_TRACE_ID : f == NULL)
		return true;
	if ((h = arena_array(a->opt->arena, p->n_lits, uint64_t)) == NULL)
		return false;
	for (size_t i = 0; i < p->n_lits; i++)
		h[i] = id ? id_hash(&p->lits[i]) :
		    hash64(p->lits[i].text.p, p->lits[i].text.n);
	a->v[a->n++] = (struct asked){ p, f, h };
	return true;
}

/* What stands under NOT is not looked at, as in may_match. Not 0: no memory. */
static int
take_leaf(void *arg, const struct pred *p, size_t no, bool under_not)
{
	struct bloom_arg *a = arg;

	(void)no;
	if (under_not || (p->op != OP_EQ && p->op != OP_IN) || a->n == MOST_LEAVES)
		return 0;
	return add_leaf(a, p) ? 0 : 1;
}

static bool
any_in(const uint8_t *bloom, size_t bytes, const struct asked *k)
{
	for (size_t i = 0; i < k->leaf->n_lits; i++)
		if (bloom_may_have(bloom, bytes, k->hashes[i]))
			return true;
	return false;
}

static bool
asks_for_nothing(const struct pred *p)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (p->lits[i].text.n == 0)
			return true;
	return false;
}

/* NULL if the shard may have a value that is asked for, else why not. */
static const char *
why_not(const struct shard_stats *s, const struct shard_filter *f, const struct asked *k)
{
	if (f == NULL)
		return s->bloom == NULL || any_in(s->bloom, s->bloom_bytes, k) ? NULL :
		    "trace id not in the Bloom filter";
	if (f->kind == FILTER_UNKNOWN)
		return NULL;
	if (f->kind == FILTER_ABSENT)
		return "attribute absent";
	if (f->bloom == NULL || f->column->type != VAL_STRING)
		return column_may_match(f->column, k->leaf) ? NULL :
		    "values outside the column's range";
	return asks_for_nothing(k->leaf) || any_in(f->bloom, f->bloom_bytes, k) ? NULL :
	    "value not in the Bloom filter";
}

static bool
leaf_fits(void *arg, const struct pred *p)
{
	struct bloom_arg *a = arg;
	const char *why = NULL;

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].leaf == p)
			why = why_not(&a->opt->stats->shards[a->shard],
			    a->v[i].filter == NULL ? NULL : &a->v[i].filter->shards[a->shard],
			    &a->v[i]);
	if (why != NULL)
		a->why = why;
	return why == NULL;
}

int
rule_bloom(struct opt *o, bool *changed, struct err *e)
{
	bool top = plan_top_leaf(o->plan->filter.pred, IN_TRACE_ID) != NULL;
	struct bloom_arg a = { .opt = o };

	if (pred_each_leaf(o->plan->filter.pred, take_leaf, &a) != 0)
		return err_nomem(e);
	if (a.n == 0)
		return 0;
	for (a.shard = 0; a.shard < o->plan->scan.n_shards; a.shard++) {
		a.why = NULL;
		if (o->stats->shards[a.shard].damaged ||
		    o->shards[a.shard].access == ACCESS_PRUNED)
			continue;
		if (!may_match(o->plan->filter.pred, leaf_fits, &a))
			prune_shard(o, a.shard, "bloom", a.why != NULL ? a.why :
			    "the filter can't hold", changed);
		else if (top)
			set_access(o, a.shard, ACCESS_TRACE, "rows of the trace ids asked for",
			    changed);
	}
	return 0;
}
