/* SPDX-License-Identifier: ISC */
/* asks: what a plan wants to know of whole traces. */
#include "sink_groups_i.h"

/* Fields that only the tree of a trace tells; child counts need less of it. */
static bool
of_tree(const struct field *f, bool counts)
{
	return field_owner(f) == OF_TREE && (counts || f->scope != FIELD_INTRINSIC ||
	    f->intrinsic != IN_CHILD_COUNT);
}

static bool
asks_tree(const struct pred *p, bool counts)
{
	if (p->kind == PRED_LEAF)
		return p->op != OP_TEXT && of_tree(&p->field, counts);
	for (size_t i = 0; i < p->n_kids; i++)
		if (asks_tree(p->kids[i], counts))
			return true;
	return false;
}

static bool
sorts_by_tree(const struct plan *p, bool counts)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (of_tree(&p->order.keys[i].field, counts))
			return true;
	return false;
}

/* Rows that carry facts carry the child count too; those of groups only if it is asked for. */
static bool
rows_have_counts(const struct plan *p)
{
	const struct projection *pr = &p->fetch.projection;

	return p->fetch.want_trace && (p->output != ROW_GROUP || pr->all || pr->parents != NULL ||
	    (pr->intrinsics & (INTRINSIC_BIT(IN_CHILD_COUNT) | INTRINSIC_BIT(IN_DEPTH) |
	    INTRINSIC_BIT(IN_SELF_DURATION))) != 0);
}

bool
plan_asks_children(const struct plan *p)
{
	return rows_have_counts(p) || sorts_by_tree(p, true) || asks_tree(p->filter.pred, true) ||
	    (p->contrast.pred != NULL && asks_tree(p->contrast.pred, true));
}

bool
plan_asks_tree(const struct plan *p)
{
	const struct projection *pr = &p->fetch.projection;

	return sorts_by_tree(p, false) || asks_tree(p->filter.pred, false) ||
	    (p->contrast.pred != NULL && asks_tree(p->contrast.pred, false)) ||
	    (p->fetch.want_trace &&
	    (pr->all || pr->parents || (pr->intrinsics & (INTRINSIC_BIT(IN_DEPTH) |
	    INTRINSIC_BIT(IN_SELF_DURATION))) != 0));
}

bool
field_is_place(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && field_owner(f) == OF_TREE;
}

static bool
tests_place(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->op != OP_TEXT && field_is_place(&p->field);
	for (size_t i = 0; i < p->n_kids; i++)
		if (tests_place(p->kids[i]))
			return true;
	return false;
}

static bool
sorts_by_place(const struct plan *p)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (field_is_place(&p->order.keys[i].field))
			return true;
	return false;
}

unsigned
plan_asks_kin(const struct plan *p, const struct agg_table *groups)
{
	bool places = sorts_by_place(p) || tests_place(p->filter.pred) ||
	    (p->contrast.pred != NULL && tests_place(p->contrast.pred));
	unsigned asks = 0;

	if (p->fetch.by_columns && groups != NULL && !groups_ask(groups, &asks))
		asks = 0;
	return asks | (places ? GATHER_PLACES : 0);
}

static bool
sorts_by_trace(const struct plan *p)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (field_needs_trace(&p->order.keys[i].field) ||
		    p->order.keys[i].field.scope == FIELD_PARENT)
			return true;
	return false;
}

bool
plan_asks_traces(const struct plan *p)
{
	return p->output == ROW_TRACE || p->fetch.want_trace || p->fetch.projection.parents != NULL ||
	    pred_needs_trace(p->filter.pred) || sorts_by_trace(p) ||
	    (p->contrast.pred != NULL && pred_needs_trace(p->contrast.pred)) || plan_asks_children(p) ||
	    plan_asks_tree(p);
}
