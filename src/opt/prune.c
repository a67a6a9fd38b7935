/* SPDX-License-Identifier: ISC */
/*
 * prune: what the rules about shards share: taking shards out, setting their access, and
 * asking whether a shard may hold a match. The answer is conservative: a damaged shard and
 * one without statistics may hold anything, and so may what stands under NOT.
 */
#include "opt_i.h"

void
prune_shard(struct opt *o, size_t i, const char *rule, const char *why, bool *changed)
{
	struct plan_shard *s = &o->shards[i];

	if (s->access == ACCESS_PRUNED)
		return;
	s->access = ACCESS_PRUNED;
	s->pruned_by = rule;
	s->why = why;
	*changed = true;
}

void
prune_all(struct opt *o, const char *rule, const char *why, bool *changed)
{
	*changed |= !o->plan->filter.never;
	if (!o->plan->filter.never) {
		o->plan->filter.never_by = rule;
		o->plan->filter.never_why = why;
	}
	o->plan->filter.never = true;
	for (size_t i = 0; i < o->plan->scan.n_shards; i++)
		prune_shard(o, i, rule, why, changed);
}

void
set_access(struct opt *o, size_t i, enum access access, const char *why, bool *changed)
{
	struct plan_shard *s = &o->shards[i];

	if (s->access == ACCESS_PRUNED)
		return;
	o->can[i] |= (uint16_t)(1u << access);
	if (access <= s->access)
		return;
	s->access = access;
	s->why = why;
	*changed = true;
}

bool
shard_known(const struct opt *o, size_t i)
{
	const struct shard_stats *s = &o->stats->shards[i];

	return !s->damaged && s->n_columns != 0 && s->n_services != 0;
}

bool
shard_services_known(const struct opt *o, size_t i)
{
	const struct shard_stats *s = &o->stats->shards[i];

	return o->shards[i].access != ACCESS_PRUNED && !s->damaged && s->n_services != 0;
}

bool
shard_left(const struct opt *o, size_t i)
{
	return o->shards[i].access != ACCESS_PRUNED && shard_known(o, i);
}

bool
may_match(const struct pred *p, bool (*leaf)(void *, const struct pred *), void *arg)
{
	switch (p->kind) {
	case PRED_FALSE:
		return false;
	case PRED_TRUE:
	case PRED_NOT:
		return true;
	case PRED_LEAF:
		return leaf(arg, p);
	case PRED_AND:
		for (size_t i = 0; i < p->n_kids; i++)
			if (!may_match(p->kids[i], leaf, arg))
				return false;
		return true;
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++)
			if (may_match(p->kids[i], leaf, arg))
				return true;
		return false;
	}
	return true;
}

bool
range_meets(struct time_range r, uint64_t min, uint64_t max)
{
	return max >= r.from && (r.to == WHEN_MAX || min < r.to);
}

bool
range_holds(struct time_range r, uint64_t min, uint64_t max)
{
	return min >= r.from && (r.to == WHEN_MAX || max < r.to);
}
