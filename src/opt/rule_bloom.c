/* SPDX-License-Identifier: ISC */
/*
 * rule bloom: each shard has a Bloom filter of its trace ids, and of the values of attributes
 * that have many. Shards that surely have none of the ids or values asked for go; where the
 * filter's top asks for trace ids, the others are read by their trace index. The hashes are
 * those of the store: of the id's 16 bytes, most significant first; of the text.
 *
 * Which column an equality is of, and where nothing may be concluded, is decided by who made
 * the filters (model/stats.h); so a bare field that no resource of the shard has is known here,
 * while rule zone passes it over. A text of no bytes is not looked up.
 */
#include "base/bloom.h"
#include "base/hash.h"
#include "opt_i.h"

struct bloom_arg {
	const struct opt *opt;
	size_t shard;
	const char *why;	/* of the last condition that can't hold */
};

static uint64_t
id_hash(const struct literal *l)
{
	uint8_t bytes[16];

	trace_id_to_bytes((struct trace_id){ l->hi, l->lo }, bytes);
	return hash64(bytes, sizeof bytes);
}

static bool
trace_fits(const struct shard_stats *s, const struct pred *p)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (bloom_may_have(s->bloom, s->bloom_bytes, id_hash(&p->lits[i])))
			return true;
	return false;
}

static bool
value_fits(const struct shard_filter *f, const struct pred *p, const char **why)
{
	if (f->kind == FILTER_UNKNOWN)
		return true;
	if (f->kind == FILTER_ABSENT) {
		*why = "attribute absent";
		return false;
	}
	if (f->bloom == NULL || f->column->type != VAL_STRING) {
		*why = "values outside the column's range";
		return column_may_match(f->column, p);
	}
	*why = "value not in the Bloom filter";
	for (size_t i = 0; i < p->n_lits; i++)
		if (p->lits[i].text.n == 0 || bloom_may_have(f->bloom, f->bloom_bytes,
		    hash64(p->lits[i].text.p, p->lits[i].text.n)))
			return true;
	return false;
}

static bool
leaf_fits(void *arg, const struct pred *p)
{
	struct bloom_arg *a = arg;
	const struct stats *st = a->opt->stats;
	const struct stats_filter *f;
	const char *why;

	if (p->op != OP_EQ && p->op != OP_IN)
		return true;
	if (p->field.scope == FIELD_INTRINSIC) {
		if (p->field.intrinsic != IN_TRACE_ID || st->shards[a->shard].bloom == NULL ||
		    trace_fits(&st->shards[a->shard], p))
			return true;
		a->why = "trace id not in the Bloom filter";
		return false;
	}
	if ((f = stats_filter_find(st, &p->field)) == NULL ||
	    value_fits(&f->shards[a->shard], p, &why))
		return true;
	a->why = why;
	return false;
}

int
rule_bloom(struct opt *o, bool *changed, struct err *e)
{
	bool top = plan_top_leaf(o->plan->filter, IN_TRACE_ID) != NULL;

	(void)e;
	for (size_t i = 0; i < o->plan->n_shards; i++) {
		struct bloom_arg a = { o, i, NULL };

		if (o->stats->shards[i].damaged)
			continue;
		if (!may_match(o->plan->filter, leaf_fits, &a))
			prune_shard(o, i, "bloom", a.why != NULL ? a.why :
			    "the filter can't hold", changed);
		else if (top)
			set_access(o, i, ACCESS_TRACE, "rows of the trace ids asked for",
			    changed);
	}
	return 0;
}
