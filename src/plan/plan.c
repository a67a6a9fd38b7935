/* SPDX-License-Identifier: ISC */
/*
 * plan: see plan/plan.h: life of a plan, names of accesses, what stands at a filter's top, and
 * which of its leaves an index may answer.
 */
#include "plan/plan.h"

#include "model/pred_walk.h"

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
		[ACCESS_COVERING] = "covering",
	};

	return (unsigned)a <= ACCESS_COVERING ? names[a] : "unknown";
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

size_t
plan_n_leaves(const struct pred *p)
{
	return pred_n_leaves(p);
}

static bool
is_indexed(enum intrinsic i)
{
	return i == IN_NAME || i == IN_KIND || i == IN_STATUS || i == IN_STATUS_MESSAGE ||
	    i == IN_TRACE_STATE || i == IN_EVENT_NAME;
}

/* Of what the shards' columns hold: what is worked out from several has no index. */
static bool
may_have_index(const struct pred *p)
{
	/* Nearly all rows are without a text: a list of them is of no use. */
	if (p->op == OP_HAS || p->op == OP_NOTCONTAINS || p->op == OP_NRE)
		return false;
	if (p->op == OP_TEXT)
		return true;
	switch (p->field.scope) {
	case FIELD_SPAN:
	case FIELD_EVENT:
	case FIELD_LINK:
	case FIELD_BARE:
		return true;
	case FIELD_INTRINSIC:
		return is_indexed(p->field.intrinsic);
	case FIELD_RESOURCE:
	case FIELD_SCOPE:
	case FIELD_PARENT:
		break;
	}
	return false;
}

static uint64_t
index_leaves(const struct pred *p, size_t *n)
{
	uint64_t all = 0, kid;
	bool every = true;

	switch (p->kind) {
	case PRED_LEAF:
		all = *n < PLAN_LEAVES_MAX && may_have_index(p) ? (uint64_t)1 << *n : 0;
		++*n;
		return all;
	case PRED_AND:
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++) {
			all |= kid = index_leaves(p->kids[i], n);
			every &= kid != 0;
		}
		return p->kind == PRED_AND || every ? all : 0;
	case PRED_NOT:
		*n += plan_n_leaves(p);
		break;
	case PRED_TRUE:
	case PRED_FALSE:
		break;
	}
	return 0;
}

uint64_t
plan_index_leaves(const struct pred *filter)
{
	size_t n = 0;

	return index_leaves(filter, &n);
}
