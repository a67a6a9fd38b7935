/* SPDX-License-Identifier: ISC */
/*
 * plan_verify: the invariants of a plan, each with a sentence. A plan that breaks one is our
 * own bug, but it is found before rows are read, and is an error and not a crash. Runs after
 * every rule in tests and once per plan in production: linear in shards and filter.
 */
#include <math.h>

#include "base/limits.h"
#include "plan/plan.h"

#define DEPTH_MAX (4 * LIMIT_NESTING)	/* of a filter; groups and negations, with room */

static int
broken(struct err *e, const char *what)
{
	return err_set(e, ERR_UNSUPPORTED, -1, "plan is not valid: %s", what);
}

static bool
literals_fit(const struct pred *p)
{
	switch (p->op) {
	case OP_HAS:
		return p->n_lits == 0;
	case OP_IN:
	case OP_NOTIN:
	case OP_TEXT:
		return p->n_lits >= 1;
	case OP_BETWEEN:
		return p->n_lits == 2;
	default:
		return p->n_lits == 1;
	}
}

static int
verify_pred(const struct pred *p, unsigned depth, struct err *e)
{
	int code = 0;

	if (p == NULL)
		return broken(e, "no filter");
	if (depth > DEPTH_MAX)
		return broken(e, "the filter is too deep");
	switch (p->kind) {
	case PRED_TRUE:
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		if ((unsigned)p->op >= N_PRED_OPS || !literals_fit(p) ||
		    (p->n_lits != 0 && p->lits == NULL))
			return broken(e, "a condition has the wrong number of values");
		return 0;
	case PRED_NOT:
		if (p->n_kids != 1)
			return broken(e, "NOT without one operand");
		break;
	case PRED_AND:
	case PRED_OR:
		if (p->n_kids == 0)
			return broken(e, "AND or OR without operands");
		break;
	default:
		return broken(e, "a condition of unknown kind");
	}
	for (size_t i = 0; i < p->n_kids && code == 0; i++)
		code = verify_pred(p->kids[i], depth + 1, e);
	return code;
}

static int
verify_access(const struct plan *p, const struct plan_shard *s, struct err *e)
{
	const struct pred *service = plan_top_leaf(p->filter.pred, IN_SERVICE);

	switch (s->access) {
	case ACCESS_PRUNED:
		return s->pruned_by == NULL ? broken(e, "a shard is pruned by nobody") : 0;
	case ACCESS_FULL:
	case ACCESS_ZONE:
		break;
	case ACCESS_SERVICE:
		if (service == NULL)
			return broken(e, "service access without a service");
		break;
	case ACCESS_TRACE:
		if (plan_top_leaf(p->filter.pred, IN_TRACE_ID) == NULL)
			return broken(e, "trace access without a trace id");
		break;
	case ACCESS_CATALOG:
		if (p->output != ROW_COUNT)
			return broken(e, "catalog access for more than a count");
		if (p->filter.pred->kind != PRED_TRUE && p->filter.pred != service)
			return broken(e, "catalog access under a filter");
		break;
	case ACCESS_COVERING:
		if (p->output != ROW_COUNT || !p->filter.pushdown)
			return broken(e, "covering access for more than a count on columns");
		break;
	default:
		return broken(e, "an unknown access");
	}
	return s->pruned_by != NULL ? broken(e, "a shard is read that was pruned") : 0;
}

static int
verify_indexes(const struct plan *p, struct err *e)
{
	size_t n = plan_n_leaves(p->filter.pred);
	uint64_t all = n >= PLAN_LEAVES_MAX ? UINT64_MAX : ((uint64_t)1 << n) - 1, any = 0;

	for (size_t i = 0; i < p->scan.n_shards; i++) {
		const struct plan_shard *s = &p->scan.shards[i];

		any |= s->index_leaves;
		if (s->index_leaves != 0 && (s->access == ACCESS_PRUNED ||
		    s->access == ACCESS_CATALOG))
			return broken(e, "indexes of a shard that is not read");
	}
	if ((any & ~all) != 0)
		return broken(e, "indexes of conditions that are not there");
	if (any != 0 && !p->filter.pushdown)
		return broken(e, "indexes for a filter that is tested on rows");
	return p->scan.indexes != (any != 0) ? broken(e, "indexes of no shard") : 0;
}

static int
verify_shards(const struct plan *p, const struct stats *st, struct err *e)
{
	int code = 0;

	if (p->scan.n_shards != st->n_shards)
		return broken(e, "shards are missing");
	for (size_t i = 0; i < p->scan.n_shards && code == 0; i++) {
		const struct plan_shard *s = &p->scan.shards[i];

		if (s->shard != stats_shard_no(st, i))
			code = broken(e, "shards out of order");
		else if (s->why == NULL)
			code = broken(e, "a shard without a reason");
		else if (!(s->est_rows >= 0 && isfinite(s->est_rows)) ||
		    !(s->est_cost >= 0 && isfinite(s->est_cost)))
			code = broken(e, "a shard's estimate is no number");
		else if (p->filter.never && s->access != ACCESS_PRUNED)
			code = broken(e, "a shard is read for a query that can't match");
		else
			code = verify_access(p, s, e);
	}
	return code;
}

static int
verify_page(const struct plan *p, struct err *e)
{
	uint64_t n;

	if (p->order.n_keys != 0 && p->order.keys == NULL)
		return broken(e, "sort keys are missing");
	if (p->order.topn && (p->page.limit == UINT64_MAX ||
	    __builtin_add_overflow(p->page.limit, p->page.offset, &n)))
		return broken(e, "top-n without a bound");
	if (p->order.topn && p->order.n_keys == 0)
		return broken(e, "top-n without a sort");
	if (p->scan.early_stop && p->page.limit == UINT64_MAX)
		return broken(e, "early stop without a limit");
	if (p->scan.early_stop && p->order.n_keys != 0 && p->output != ROW_COUNT)
		return broken(e, "early stop under a sort");
	return 0;
}

static int
verify_compare(const struct plan *p, struct err *e)
{
	if ((p->output == ROW_CONTRAST) != (p->contrast.pred != NULL))
		return broken(e, "compare and its rows are not there together");
	if (p->contrast.pred == NULL)
		return 0;
	if (p->contrast.pred->kind == PRED_TRUE)
		return broken(e, "compare tells nothing apart");
	if (p->page.limit != UINT64_MAX || p->page.offset != 0 || p->order.n_keys != 0)
		return broken(e, "compare looks at a page of its spans");
	return verify_pred(p->contrast.pred, 0, e);
}

int
plan_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	int code;

	if ((code = verify_pred(p->filter.pred, 0, e)) < 0 || (code = verify_page(p, e)) < 0 ||
	    (code = verify_shards(p, st, e)) < 0 || (code = verify_indexes(p, e)) < 0)
		return code;
	if ((unsigned)p->output > ROW_CONTRAST)
		return broken(e, "an unknown kind of rows");
	if ((code = verify_compare(p, e)) < 0)
		return code;
	if (p->fetch.projection.n_fields != 0 && p->fetch.projection.fields == NULL)
		return broken(e, "projected fields are missing");
	for (size_t i = 0; i < p->fetch.projection.n_fields; i++)
		if (p->fetch.projection.fields[i].scope == FIELD_INTRINSIC)
			return broken(e, "an intrinsic among the projected attributes");
	if (!(p->est_rows >= 0 && isfinite(p->est_rows)) ||
	    !(p->est_cost >= 0 && isfinite(p->est_cost)) ||
	    !(p->est_bytes >= 0 && isfinite(p->est_bytes)))
		return broken(e, "an estimate is no number");
	return 0;
}
