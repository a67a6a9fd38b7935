/* SPDX-License-Identifier: ISC */
/*
 * lower: the choices of classes into the shards of the plan, and then what these cost. A shard
 * of which the choice is not true (it fell in with others of another description, or the
 * choice was remembered from other statistics) keeps what the rules made of it.
 */
#include <stdlib.h>

#include "cost_i.h"

static const char *
why(enum access a, uint64_t index_leaves)
{
	switch (a) {
	case ACCESS_FULL:
		return index_leaves != 0 ? "rows that indexes name" : "every row: cheapest";
	case ACCESS_ZONE:
		return index_leaves != 0 ? "rows that indexes name, where zones may match" :
		    "row groups whose zones may match";
	case ACCESS_SERVICE:
		return index_leaves != 0 ? "rows that indexes name, of the services asked for" :
		    "rows of the services asked for";
	case ACCESS_TRACE:
		return "rows of the trace ids asked for";
	case ACCESS_CATALOG:
		return "counted from the footer";
	case ACCESS_COVERING:
		return "counted from indexes";
	case ACCESS_PRUNED:
		break;
	}
	return "pruned";
}

static void
lower_shard(struct opt *o, size_t i)
{
	struct plan_shard *s = &o->shards[i];
	const struct plan_class *c = &o->plan->scan.classes[s->cls];

	if (c->access != ACCESS_PRUNED && cand_allowed(o, i, c->access, c->index_leaves)) {
		if (s->access != c->access ||
		    (c->index_leaves != 0 && c->access != ACCESS_COVERING))
			s->why = why(c->access, c->index_leaves);
		s->access = c->access;
		s->index_leaves = c->index_leaves;
	} else if (s->access == ACCESS_CATALOG)
		s->index_leaves = 0;
}

static void
cost_shard(struct opt *o, size_t i, struct leaf_cost *leaves)
{
	struct plan_shard *s = &o->shards[i];
	struct plan_class *c = &o->classes[s->cls];
	struct shard_cost sc;

	shard_cost_init(&sc, o, i, leaves);
	s->est_cost = cost_access(&sc, s->access, s->index_leaves).total;
	c->est_rows += s->est_rows;
	c->est_cost += s->est_cost;
}

void
lower(struct opt *o)
{
	struct plan *p = o->plan;

	p->scan.indexes = false;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		if (p->scan.shards[i].cls < p->scan.n_classes)
			lower_shard(o, i);
		p->scan.indexes |= p->scan.shards[i].index_leaves != 0;
	}
}

int
lower_costs(struct opt *o, struct err *e)
{
	struct plan *p = o->plan;
	struct leaf_cost *leaves = calloc(plan_n_leaves(p->filter.pred) + 1, sizeof *leaves);

	if (leaves == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < p->scan.n_shards; i++)
		if (p->scan.shards[i].cls < p->scan.n_classes)
			cost_shard(o, i, leaves);
	free(leaves);
	return 0;
}
