/* SPDX-License-Identifier: ISC */
/*
 * plan_tree: which steps a plan has, and what each has as its input. The kinds that an output
 * needs stand in a table, in the order in which rows pass through them; PLAN_TRACES is put in
 * before the first step that asks for facts of traces.
 */
#include "plan/plan.h"

#include <limits.h>
#include <stddef.h>

#include "model/pred_walk.h"

#define OF(kind) (1u << (kind))
#define OF_REFS (OF(ROW_SPAN) | OF(ROW_TRACE) | OF(ROW_EVENT) | OF(ROW_LINK) | OF(ROW_SCORE))
#define OF_ALL UINT_MAX

static bool
filter_asks(const struct plan *p)
{
	return p->filter.pred != NULL && pred_needs_trace(p->filter.pred);
}

/* What is ordered may be traces. */
static bool
order_asks(const struct plan *p)
{
	if (p->output == ROW_TRACE)
		return true;
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (field_needs_trace(&p->order.keys[i].field))
			return true;
	return false;
}

static bool
fetch_asks(const struct plan *p)
{
	return p->fetch.want_trace;
}

static bool
contrast_asks(const struct plan *p)
{
	return p->contrast.pred != NULL && pred_needs_trace(p->contrast.pred);
}

static const struct place {
	size_t at;
	unsigned outputs;	/* that it takes part in */
	bool (*asks_traces)(const struct plan *);	/* NULL: never */
} places[] = {
	[PLAN_SCAN] = { offsetof(struct plan, scan.node), OF_ALL, NULL },
	[PLAN_FILTER] = { offsetof(struct plan, filter.node), OF_ALL, filter_asks },
	[PLAN_TRACES] = { offsetof(struct plan, traces), 0, NULL },
	[PLAN_ORDER] = { offsetof(struct plan, order.node), OF_REFS, order_asks },
	[PLAN_LIMIT] = { offsetof(struct plan, page.node), OF_REFS | OF(ROW_COUNT), NULL },
	[PLAN_FETCH] = { offsetof(struct plan, fetch.node), OF_REFS, fetch_asks },
	[PLAN_COUNT] = { offsetof(struct plan, count), OF(ROW_COUNT), NULL },
	[PLAN_GROUP] = { offsetof(struct plan, group), OF(ROW_GROUP), fetch_asks },
	[PLAN_CONTRAST] = { offsetof(struct plan, contrast.node), OF(ROW_CONTRAST), contrast_asks },
};
_Static_assert(sizeof places / sizeof *places == N_PLAN_KINDS, "a kind of node without a place");

struct plan_node *
plan_node_at(struct plan *p, enum plan_kind kind)
{
	return (struct plan_node *)(void *)((char *)p + places[kind].at);
}

static bool
takes_part(const struct plan *p, enum plan_kind kind)
{
	if (kind == PLAN_LIMIT && p->page.limit == UINT64_MAX && p->page.offset == 0)
		return false;
	return (places[kind].outputs >> p->output & 1) != 0;
}

static void
put_on_top(struct plan *p, enum plan_kind kind)
{
	struct plan_node *n = plan_node_at(p, kind);

	n->kind = kind;
	n->input = p->root;
	p->root = n;
}

void
plan_link(struct plan *p)
{
	bool traces = false;

	p->root = NULL;
	for (unsigned k = 0; k < N_PLAN_KINDS; k++) {
		if (!takes_part(p, k))
			continue;
		if (!traces && places[k].asks_traces != NULL && places[k].asks_traces(p)) {
			put_on_top(p, PLAN_TRACES);
			traces = true;
		}
		put_on_top(p, k);
	}
}

bool
plan_has(const struct plan *p, enum plan_kind kind)
{
	for (const struct plan_node *n = p->root; n != NULL; n = n->input)
		if (n->kind == kind)
			return true;
	return false;
}
