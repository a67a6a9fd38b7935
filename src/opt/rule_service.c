/* SPDX-License-Identifier: ISC */
/*
 * rule service: a shard's rows are ordered by service, and its footer says for each service
 * how many rows and from when to when. Shards without a service that may match in the range
 * go; where the filter's top asks for services, the others' rows are not read.
 */
#include "opt_i.h"

struct asked {
	const struct shard_stats *shard;
	struct time_range range;
};

/* May a span of this service satisfy the leaf? */
static bool
service_fits(const struct pred *p, struct sv service)
{
	bool found = false;

	switch (p->op) {
	case OP_EQ:
	case OP_IN:
	case OP_NE:
	case OP_NOTIN:
		for (size_t i = 0; i < p->n_lits; i++)
			found |= sv_eq(p->lits[i].text, service);
		return found == (p->op == OP_EQ || p->op == OP_IN);
	case OP_STARTS:
		return sv_starts(service, p->lits[0].text);
	case OP_ENDS:
		return sv_ends(service, p->lits[0].text);
	case OP_CONTAINS:
		return sv_find(service, p->lits[0].text) >= 0;
	default:
		return true;
	}
}

static bool
leaf_fits(void *arg, const struct pred *p)
{
	const struct asked *a = arg;

	if (p->field.scope != FIELD_INTRINSIC || p->field.intrinsic != IN_SERVICE ||
	    p->op == OP_TEXT)
		return true;
	for (size_t i = 0; i < a->shard->n_services; i++) {
		const struct service_stats *s = &a->shard->services[i];

		if (range_meets(a->range, s->min_start, s->max_start) &&
		    service_fits(p, s->service))
			return true;
	}
	return false;
}

int
rule_service(struct opt *o, bool *changed, struct err *e)
{
	bool top = plan_top_leaf(o->plan->filter.pred, IN_SERVICE) != NULL;

	(void)e;
	for (size_t i = 0; i < o->plan->scan.n_shards; i++) {
		struct asked a = { &o->stats->shards[i], o->plan->filter.range };

		if (!shard_services_known(o, i))
			continue;
		if (!may_match(o->plan->filter.pred, leaf_fits, &a))
			prune_shard(o, i, "service", "none of the services in the range",
			    changed);
		else if (top)
			set_access(o, i, ACCESS_SERVICE, "rows of the services asked for",
			    changed);
	}
	return 0;
}
