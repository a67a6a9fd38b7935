/* SPDX-License-Identifier: ISC */
/*
 * rule bloom: each shard has a Bloom filter of its trace ids. Shards that surely have none of
 * the ids asked for go; where the filter's top asks for ids, the others are read by their
 * trace index. The hash is that of the store: of the id's 16 bytes, most significant first.
 */
#include "base/bloom.h"
#include "base/hash.h"
#include "opt_i.h"

static uint64_t
id_hash(const struct literal *l)
{
	uint8_t bytes[16];

	trace_id_to_bytes((struct trace_id){ l->hi, l->lo }, bytes);
	return hash64(bytes, sizeof bytes);
}

static bool
leaf_fits(void *arg, const struct pred *p)
{
	const struct shard_stats *s = arg;

	if (p->field.scope != FIELD_INTRINSIC || p->field.intrinsic != IN_TRACE_ID ||
	    (p->op != OP_EQ && p->op != OP_IN))
		return true;
	for (size_t i = 0; i < p->n_lits; i++)
		if (bloom_may_have(s->bloom, s->bloom_bytes, id_hash(&p->lits[i])))
			return true;
	return false;
}

int
rule_bloom(struct opt *o, bool *changed, struct err *e)
{
	bool top = plan_top_leaf(o->plan->filter, IN_TRACE_ID) != NULL;

	(void)e;
	for (size_t i = 0; i < o->plan->n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (s->damaged)
			continue;
		if (s->bloom != NULL &&
		    !may_match(o->plan->filter, leaf_fits, (void *)(uintptr_t)s))
			prune_shard(o, i, "bloom", "trace id not in the Bloom filter",
			    changed);
		else if (top)
			set_access(o, i, ACCESS_TRACE, "rows of the trace ids asked for",
			    changed);
	}
	return 0;
}
