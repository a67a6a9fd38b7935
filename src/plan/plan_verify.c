/* SPDX-License-Identifier: ISC */
/*
 * plan_verify: the invariants of a plan as a whole; those of its steps are in verify_node.c. Runs
 * after every rule in tests and once per plan in production.
 */
#include <math.h>

#include "node_i.h"

static bool
is_number(double v)
{
	return v >= 0 && isfinite(v);
}

static int
verify_estimates(const struct plan *p, struct err *e)
{
	bool ok = is_number(p->est_rows) && is_number(p->est_cost) && is_number(p->est_bytes);

	for (const struct plan_node *n = p->root; n != NULL; n = n->input)
		ok &= is_number(n->est_rows) && is_number(n->est_cost);
	return ok ? 0 : plan_broken(e, "an estimate is no number");
}

/* The steps are those that the plan's fields ask for. */
static int
verify_links(const struct plan *p, struct err *e)
{
	struct plan again = *p;
	const struct plan_node *a = p->root, *b;

	plan_link(&again);
	for (b = again.root; a != NULL && b != NULL && a->kind == b->kind; b = b->input)
		a = a->input;
	return a != NULL || b != NULL ? plan_broken(e, "a step too much or too few") : 0;
}

int
plan_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	int code = 0;

	if (p->filter.pred == NULL)
		return plan_broken(e, "no filter");
	if ((unsigned)p->output > ROW_CONTRAST)
		return plan_broken(e, "an unknown kind of rows");
	if ((p->output == ROW_CONTRAST) != (p->contrast.pred != NULL))
		return plan_broken(e, "compare and its rows are not there together");
	for (const struct plan_node *n = p->root; n != NULL && code == 0; n = n->input)
		if (node_kinds[n->kind].verify != NULL)
			code = node_kinds[n->kind].verify(p, st, e);
	if (code == 0)
		code = verify_links(p, e);
	return code < 0 ? code : verify_estimates(p, e);
}
