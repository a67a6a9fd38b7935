/* SPDX-License-Identifier: ISC */
/*
 * op_count: the one row of `count`: how many rows spans.jsonl would have, offset and limit
 * included. A shard whose access says so is counted from its footer, if range and filter are
 * such that the footer knows; others are scanned, and nothing is kept but the sum.
 */
#include "exec_i.h"

/* The filter asks for nothing but services. */
static bool
only_services(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->op != OP_TEXT && p->field.scope == FIELD_INTRINSIC &&
		    p->field.intrinsic == IN_SERVICE;
	for (size_t i = 0; i < p->n_kids; i++)
		if (!only_services(p->kids[i]))
			return false;
	return true;
}

/* A tree of conditions on the service, for one. */
static int
service_holds(const struct fnode *n, struct sv service, struct err *e)
{
	int rc;

	switch (n->pred->kind) {
	case PRED_TRUE:
		return 1;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return matcher_string(n->m, service, e);
	case PRED_NOT:
		rc = service_holds(&n->kids[0], service, e);
		return rc < 0 ? rc : !rc;
	case PRED_AND:
		for (size_t i = 0; i < n->pred->n_kids; i++)
			if ((rc = service_holds(&n->kids[i], service, e)) <= 0)
				return rc;
		return 1;
	case PRED_OR:
		for (size_t i = 0; i < n->pred->n_kids; i++)
			if ((rc = service_holds(&n->kids[i], service, e)) != 0)
				return rc;
		return 0;
	}
	return 0;
}

/* A service's rows lie within the range, or apart from it. */
static bool
service_told(const struct shard_service *s, const struct exec *ex)
{
	uint64_t from = ex->plan->range.from, last = ex->next_last;

	return (s->min_start >= from && s->max_start <= last) || s->max_start < from ||
	    s->min_start > last;
}

/* 1 and *n if the footer tells the shard's count; 0 if it doesn't. */
static int
count_footer(struct exec *ex, struct xshard *xs, uint64_t *n, struct err *e)
{
	uint64_t sum = 0;
	int rc;

	if ((rc = source_shard(ex, xs->plan->shard, &xs->s, e)) < 0)
		return rc;
	xs->info = shard_info(xs->s);
	for (size_t i = 0; i < xs->info->n_services; i++) {
		const struct shard_service *s = &xs->info->services[i];

		if ((rc = service_holds(&ex->filter.root, s->service, e)) < 0)
			return rc;
		if (rc == 0)
			continue;
		if (!service_told(s, ex))
			return 0;
		if (s->min_start >= ex->plan->range.from && s->max_start <= ex->next_last)
			sum += s->row_to - s->row_from;
	}
	*n = sum;
	return 1;
}

/* Takes shards off the scan that their footers answer. */
static int
count_footers(struct exec *ex, struct err *e)
{
	if (!ex->plan->pushdown || !only_services(ex->plan->filter))
		return 0;
	for (size_t i = 0; i < ex->n_shards; i++) {
		struct xshard *xs = &ex->shards[i];
		uint64_t n = 0;
		int rc;

		if (xs->plan->access != ACCESS_CATALOG)
			continue;
		if ((rc = count_footer(ex, xs, &n, e)) < 0)
			return rc;
		xs->counted = rc > 0;
		ex->n_counted += n;
		ex->prof.rows_matched += n;
	}
	return 0;
}

static int
take_count(struct exec *ex, struct scan_out *out, struct err *e)
{
	(void)e;
	ex->n_counted += out->n_matched;
	return ex->plan->early_stop && ex->plan->limit != UINT64_MAX &&
	    ex->n_counted >= ex->skip && ex->n_counted - ex->skip >= ex->left;
}

int
count_rows(struct exec *ex, struct batch *b, struct err *e)
{
	struct slice all = { ex->plan->range.from, ex->next_last };
	uint64_t n;
	int rc;

	if (ex->left != 0 && !ex->nothing && ((rc = count_footers(ex, e)) < 0 ||
	    (rc = scan_slice(ex, all, FOR_COUNT, false, take_count, e)) < 0))
		return rc;
	n = ex->n_counted > ex->skip ? ex->n_counted - ex->skip : 0;
	*b = (struct batch){ .kind = ROW_COUNT, .n = 1, .count = n < ex->left ? n : ex->left };
	return 0;
}
