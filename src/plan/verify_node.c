/* SPDX-License-Identifier: ISC */
/*
 * verify_node: what must be true of each step of a plan, each with a sentence. A plan that breaks
 * one is our own bug, but it is found before rows are read, and is an error and not a crash.
 * Linear in shards and filter.
 */
#include <math.h>

#include "base/limits.h"
#include "node_i.h"

#define DEPTH_MAX (4 * LIMIT_NESTING)	/* of a filter; groups and negations, with room */

int
plan_broken(struct err *e, const char *what)
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
pred_verify(const struct pred *p, unsigned depth, struct err *e)
{
	int code = 0;

	if (p == NULL)
		return plan_broken(e, "no filter");
	if (depth > DEPTH_MAX)
		return plan_broken(e, "the filter is too deep");
	switch (p->kind) {
	case PRED_TRUE:
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		if ((unsigned)p->op >= N_PRED_OPS || !literals_fit(p) ||
		    (p->n_lits != 0 && p->lits == NULL))
			return plan_broken(e, "a condition has the wrong number of values");
		return 0;
	case PRED_NOT:
		if (p->n_kids != 1)
			return plan_broken(e, "NOT without one operand");
		break;
	case PRED_AND:
	case PRED_OR:
		if (p->n_kids == 0)
			return plan_broken(e, "AND or OR without operands");
		break;
	default:
		return plan_broken(e, "a condition of unknown kind");
	}
	for (size_t i = 0; i < p->n_kids && code == 0; i++)
		code = pred_verify(p->kids[i], depth + 1, e);
	return code;
}

int
filter_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	(void)st;
	return pred_verify(p->filter.pred, 0, e);
}

/* ---- scan ---- */

static int
verify_access(const struct plan *p, const struct plan_shard *s, struct err *e)
{
	const struct pred *service = plan_top_leaf(p->filter.pred, IN_SERVICE);

	switch (s->access) {
	case ACCESS_PRUNED:
		return s->pruned_by == NULL ? plan_broken(e, "a shard is pruned by nobody") : 0;
	case ACCESS_FULL:
	case ACCESS_ZONE:
		break;
	case ACCESS_SERVICE:
		if (service == NULL)
			return plan_broken(e, "service access without a service");
		break;
	case ACCESS_TRACE:
		if (plan_top_leaf(p->filter.pred, IN_TRACE_ID) == NULL)
			return plan_broken(e, "trace access without a trace id");
		break;
	case ACCESS_CATALOG:
		if (p->output != ROW_COUNT)
			return plan_broken(e, "catalog access for more than a count");
		if (p->filter.pred->kind != PRED_TRUE && p->filter.pred != service)
			return plan_broken(e, "catalog access under a filter");
		break;
	case ACCESS_COVERING:
		if ((p->output != ROW_COUNT && p->output != ROW_GROUP) || !p->filter.pushdown)
			return plan_broken(e, "covering access for more than counts on columns");
		break;
	default:
		return plan_broken(e, "an unknown access");
	}
	return s->pruned_by != NULL ? plan_broken(e, "a shard is read that was pruned") : 0;
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
			return plan_broken(e, "indexes of a shard that is not read");
	}
	if ((any & ~all) != 0)
		return plan_broken(e, "indexes of conditions that are not there");
	if (any != 0 && !p->filter.pushdown)
		return plan_broken(e, "indexes for a filter that is tested on rows");
	return p->scan.indexes != (any != 0) ? plan_broken(e, "indexes of no shard") : 0;
}

static int
verify_shards(const struct plan *p, const struct stats *st, struct err *e)
{
	int code = 0;

	if (p->scan.n_shards != st->n_shards)
		return plan_broken(e, "shards are missing");
	for (size_t i = 0; i < p->scan.n_shards && code == 0; i++) {
		const struct plan_shard *s = &p->scan.shards[i];

		if (s->shard != stats_shard_no(st, i))
			code = plan_broken(e, "shards out of order");
		else if (s->why == NULL)
			code = plan_broken(e, "a shard without a reason");
		else if (!(s->est_rows >= 0 && isfinite(s->est_rows)) ||
		    !(s->est_cost >= 0 && isfinite(s->est_cost)))
			code = plan_broken(e, "a shard's estimate is no number");
		else if (p->filter.never && s->access != ACCESS_PRUNED)
			code = plan_broken(e, "a shard is read for a query that can't match");
		else
			code = verify_access(p, s, e);
	}
	return code;
}

static int
verify_early_stop(const struct plan *p, struct err *e)
{
	if (p->page.limit == UINT64_MAX)
		return plan_broken(e, "early stop without a limit");
	if (p->order.n_keys != 0 && p->output != ROW_COUNT)
		return plan_broken(e, "early stop under a sort");
	return 0;
}

static int
verify_handed(const struct plan_scan *s, struct err *e)
{
	if (s->server == NULL && (s->handed.filter || s->handed.page || s->may_group))
		return plan_broken(e, "handed over to nobody");
	if ((s->handed.groups && !s->may_group) || (s->handed.by_trace && !s->may_by_trace))
		return plan_broken(e, "groups that nobody may make");
	return s->handed.by_trace && !s->handed.groups ? plan_broken(e, "levels of no groups") : 0;
}

int
scan_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	int code;

	if ((code = verify_shards(p, st, e)) < 0 || (code = verify_indexes(p, e)) < 0)
		return code;
	if ((code = verify_handed(&p->scan, e)) < 0)
		return code;
	return p->scan.early_stop ? verify_early_stop(p, e) : 0;
}

/* ---- what comes after ---- */

int
order_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	uint64_t n;

	(void)st;
	if (p->order.n_keys != 0 && p->order.keys == NULL)
		return plan_broken(e, "sort keys are missing");
	if (!p->order.topn)
		return 0;
	if (p->page.limit == UINT64_MAX ||
	    __builtin_add_overflow(p->page.limit, p->page.offset, &n))
		return plan_broken(e, "top-n without a bound");
	return p->order.n_keys == 0 ? plan_broken(e, "top-n without a sort") : 0;
}

int
fetch_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	const struct projection *pr = &p->fetch.projection;

	(void)st;
	if (pr->n_fields != 0 && pr->fields == NULL)
		return plan_broken(e, "projected fields are missing");
	for (size_t i = 0; i < pr->n_fields; i++)
		if (pr->fields[i].scope == FIELD_INTRINSIC)
			return plan_broken(e, "an intrinsic among the projected attributes");
	return 0;
}

/* All spans go in, in any order. */
static int
verify_whole(const struct plan *p, struct err *e)
{
	if (p->page.limit != UINT64_MAX || p->page.offset != 0 || p->order.n_keys != 0)
		return plan_broken(e, "spans are summed up by the page");
	return 0;
}

int
group_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	int code = verify_whole(p, e);

	if (code == 0 && p->fetch.by_columns && (!p->fetch.want_trace || !p->filter.pushdown ||
	    p->scan.server != NULL))
		return plan_broken(e, "facts of traces by columns that are not there");
	if (code == 0 && p->fetch.joins && !p->fetch.by_columns)
		return plan_broken(e, "a join of shards that are not read by columns");
	return code < 0 ? code : fetch_verify(p, st, e);
}

int
contrast_verify(const struct plan *p, const struct stats *st, struct err *e)
{
	int code = verify_whole(p, e);

	(void)st;
	if (code < 0)
		return code;
	if (p->contrast.pred != NULL && p->contrast.pred->kind == PRED_TRUE)
		return plan_broken(e, "compare tells nothing apart");
	return pred_verify(p->contrast.pred, 0, e);
}
