/* SPDX-License-Identifier: ISC */
/* plan: see plan/plan.h: life of a plan, names of accesses, and what stands at a filter's top. */
#include "plan/plan.h"

#include <stdlib.h>

struct plan *
plan_new(void)
{
	struct plan *p = calloc(1, sizeof *p);

	if (p != NULL)
		arena_init(&p->arena);
	return p;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	arena_release(&p->arena);
	free(p);
}

const char *
access_name(enum access a)
{
	static const char *const names[] = {
		[ACCESS_PRUNED] = "pruned", [ACCESS_FULL] = "full", [ACCESS_ZONE] = "zone",
		[ACCESS_SERVICE] = "service", [ACCESS_TRACE] = "trace",
		[ACCESS_CATALOG] = "catalog",
	};

	return (unsigned)a <= ACCESS_CATALOG ? names[a] : "unknown";
}

static bool
asks_for(const struct pred *p, enum intrinsic in)
{
	return p->kind == PRED_LEAF && (p->op == OP_EQ || p->op == OP_IN) &&
	    p->field.scope == FIELD_INTRINSIC && p->field.intrinsic == in;
}

const struct pred *
plan_top_leaf(const struct pred *filter, enum intrinsic in)
{
	if (asks_for(filter, in))
		return filter;
	if (filter->kind != PRED_AND)
		return NULL;
	for (size_t i = 0; i < filter->n_kids; i++)
		if (asks_for(filter->kids[i], in))
			return filter->kids[i];
	return NULL;
}
