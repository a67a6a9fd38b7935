/* SPDX-License-Identifier: ISC */
/*
 * filter: a predicate tree on the rows of a row group, as bitmaps. What goes down the tree
 * is the rows that still count: AND hands each child what the one before left, OR what none
 * has taken yet, NOT takes its child's rows off. So a condition is looked at for as few rows
 * as a row-by-row evaluation in the same order would, and an error is always some row's.
 */
#include "filter_i.h"

#include <stdlib.h>

/* ---- compiling ---- */

static void
fnode_release(struct fnode *n)
{
	matcher_free(n->m);
	free(n->number.v);
	for (size_t i = 0; i < VAL_TYPES; i++)
		free(n->typed[i].v);
	if (n->kids != NULL)
		for (size_t i = 0; i < n->pred->n_kids; i++)
			fnode_release(&n->kids[i]);
	free(n->kids);
}

void
filter_release(struct filter *f)
{
	if (f->root.pred != NULL)
		fnode_release(&f->root);
	if (f->compared.pred != NULL)
		fnode_release(&f->compared);
	f->root = f->compared = (struct fnode){ .pred = NULL };
}

struct intrinsic_way {
	enum leaf_class cls;
	enum column_id col;
	enum column_domain domain;
};

/* How each intrinsic is looked at. */
static const struct intrinsic_way ways[N_INTRINSICS] = {
	[IN_SERVICE] = { LEAF_SERVICE, COL_ATTR, DOMAIN_SPAN },
	[IN_NAME] = { LEAF_STRING, COL_NAME, DOMAIN_SPAN },
	[IN_KIND] = { LEAF_NUMBER, COL_KIND, DOMAIN_SPAN },
	[IN_STATUS] = { LEAF_NUMBER, COL_STATUS, DOMAIN_SPAN },
	[IN_STATUS_MESSAGE] = { LEAF_STRING, COL_STATUS_MESSAGE, DOMAIN_SPAN },
	[IN_SCOPE] = { LEAF_SCOPE, COL_ATTR, DOMAIN_SPAN },
	[IN_SCOPE_VERSION] = { LEAF_SCOPE, COL_ATTR, DOMAIN_SPAN },
	[IN_TRACE_ID] = { LEAF_TRACE_ID, COL_TRACE, DOMAIN_SPAN },
	[IN_SPAN_ID] = { LEAF_NUMBER, COL_SPAN_ID, DOMAIN_SPAN },
	[IN_PARENT_SPAN_ID] = { LEAF_VALUES, COL_PARENT, DOMAIN_SPAN },
	[IN_TRACE_STATE] = { LEAF_STRING, COL_TRACE_STATE, DOMAIN_SPAN },
	[IN_FLAGS] = { LEAF_NUMBER, COL_FLAGS, DOMAIN_SPAN },
	[IN_START] = { LEAF_NUMBER, COL_START, DOMAIN_SPAN },
	[IN_END] = { LEAF_VALUES, COL_DURATION, DOMAIN_SPAN },
	[IN_DURATION] = { LEAF_DURATION, COL_DURATION, DOMAIN_SPAN },
	[IN_BUCKET] = { LEAF_TRACE, COL_ATTR, DOMAIN_SPAN },
	[IN_ROOT_SERVICE] = { LEAF_TRACE, COL_ATTR, DOMAIN_SPAN },
	[IN_ROOT_NAME] = { LEAF_TRACE, COL_ATTR, DOMAIN_SPAN },
	[IN_TRACE_START] = { LEAF_TRACE, COL_ATTR, DOMAIN_SPAN },
	[IN_TRACE_DURATION] = { LEAF_TRACE, COL_ATTR, DOMAIN_SPAN },
	[IN_TRACE_SPANS] = { LEAF_TRACE, COL_ATTR, DOMAIN_SPAN },
	[IN_TRACE_ERRORS] = { LEAF_TRACE, COL_ATTR, DOMAIN_SPAN },
	[IN_CHILD_COUNT] = { LEAF_VALUES, COL_ATTR, DOMAIN_SPAN },
	[IN_DEPTH] = { LEAF_VALUES, COL_ATTR, DOMAIN_SPAN },
	[IN_SELF_DURATION] = { LEAF_VALUES, COL_ATTR, DOMAIN_SPAN },
	[IN_SCORE_NAME] = { LEAF_SPAN, COL_ATTR, DOMAIN_SPAN },
	[IN_SCORE_VALUE] = { LEAF_SPAN, COL_ATTR, DOMAIN_SPAN },
	[IN_SCORE_LABEL] = { LEAF_SPAN, COL_ATTR, DOMAIN_SPAN },
	[IN_TOKENS_INPUT] = { LEAF_SPAN, COL_ATTR, DOMAIN_SPAN },
	[IN_TOKENS_OUTPUT] = { LEAF_SPAN, COL_ATTR, DOMAIN_SPAN },
	[IN_TOKENS_TOTAL] = { LEAF_SPAN, COL_ATTR, DOMAIN_SPAN },
	[IN_COST] = { LEAF_SPAN, COL_ATTR, DOMAIN_SPAN },
	[IN_EVENT_NAME] = { LEAF_STRING, COL_EVENT_NAME, DOMAIN_EVENT },
	[IN_EVENT_TIME] = { LEAF_VALUES, COL_EVENT_TIME, DOMAIN_EVENT },
	[IN_LINK_TRACE_ID] = { LEAF_VALUES, COL_LINK_TRACE_ID, DOMAIN_LINK },
	[IN_LINK_SPAN_ID] = { LEAF_NUMBER, COL_LINK_SPAN_ID, DOMAIN_LINK },
};

static void
classify(struct fnode *n)
{
	const struct pred *p = n->pred;

	n->domain = DOMAIN_SPAN;
	if (p->op == OP_TEXT) {
		n->cls = LEAF_WORDS;
		return;
	}
	switch (p->field.scope) {
	case FIELD_INTRINSIC:
		n->cls = ways[p->field.intrinsic].cls;
		n->col = ways[p->field.intrinsic].col;
		n->domain = ways[p->field.intrinsic].domain;
		break;
	case FIELD_EVENT:
		n->cls = LEAF_ATTR;
		n->domain = DOMAIN_EVENT;
		break;
	case FIELD_LINK:
		n->cls = LEAF_ATTR;
		n->domain = DOMAIN_LINK;
		break;
	case FIELD_RESOURCE:
		n->cls = LEAF_RESOURCE;
		break;
	case FIELD_SCOPE:
		n->cls = LEAF_SCOPE;
		break;
	case FIELD_SPAN:
	case FIELD_BARE:
		n->cls = LEAF_ATTR;
		break;
	case FIELD_PARENT:
		break;		/* no filter looks at parents so */
	}
	/* Text operators on ids, kinds and states. */
	if (n->cls == LEAF_NUMBER && !matcher_in_ranges(p))
		n->cls = LEAF_VALUES;
}

/* Columns of events and links are without what is empty. */
static int
ask_absent(struct fnode *n, struct err *e)
{
	const struct event ev = { .time_ns = 0 };
	const struct link l = { .span_id = 0 };
	const struct field_row r = { .event = &ev, .link = &l };
	struct field_value v;
	int rc;

	if (n->pred->field.scope != FIELD_INTRINSIC || n->domain == DOMAIN_SPAN ||
	    !field_value_first(&n->pred->field, &r, &v))
		return 0;
	if ((rc = matcher_field(n->m, &v, e)) < 0)
		return rc;
	n->absent = rc > 0;
	return 0;
}

static int
leaf_init(struct fnode *n, struct err *e)
{
	static const enum value_type numeric[] = { VAL_INT, VAL_DOUBLE, VAL_BOOL };
	int rc;

	classify(n);
	if (n->cls == LEAF_WORDS)
		return 0;
	if ((rc = matcher_new(n->pred, &n->m, e)) < 0 || (rc = ask_absent(n, e)) < 0)
		return rc;
	if (n->cls == LEAF_NUMBER || n->cls == LEAF_DURATION)
		return ranges_of_number(n->pred, &n->number, e);
	if (n->cls != LEAF_ATTR)
		return 0;
	for (size_t i = 0; i < sizeof numeric / sizeof numeric[0]; i++)
		if ((rc = ranges_of_leaf(n->pred, numeric[i], &n->typed[numeric[i]], e)) < 0)
			return rc;
	return 0;
}

static int
fnode_init(struct filter *f, struct fnode *n, const struct pred *p, struct err *e)
{
	int rc;

	*n = (struct fnode){ .pred = p };
	if (p->kind == PRED_LEAF) {
		n->leaf = f->n_leaves++;
		return leaf_init(n, e);
	}
	if (p->n_kids == 0)
		return 0;
	if ((n->kids = calloc(p->n_kids, sizeof *n->kids)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < p->n_kids; i++)
		n->kids[i].pred = p->kids[i];
	for (size_t i = 0; i < p->n_kids; i++)
		if ((rc = fnode_init(f, &n->kids[i], p->kids[i], e)) < 0)
			return rc;
	return 0;
}

int
filter_init(struct filter *f, const struct pred *p, const struct filter_host *host,
    struct exec *ex, struct err *e)
{
	f->n_leaves = 0;
	f->host = host;
	f->ex = ex;
	return fnode_init(f, &f->root, p, e);
}

int
filter_init_compared(struct filter *f, const struct pred *p, struct err *e)
{
	return fnode_init(f, &f->compared, p, e);
}

size_t
filter_top(const struct filter *f, const struct fnode **first)
{
	if (f->root.pred->kind == PRED_AND) {
		*first = f->root.kids;
		return f->root.pred->n_kids;
	}
	*first = &f->root;
	return 1;
}

/* ---- shards ---- */

static int
prepare(struct xshard *xs, const struct fnode *n, struct err *e)
{
	int rc;

	if (n->pred->kind == PRED_LEAF)
		return leaf_prepare(xs, n, &xs->leaves[n->leaf], e);
	for (size_t i = 0; i < n->pred->n_kids; i++)
		if ((rc = prepare(xs, &n->kids[i], e)) < 0)
			return rc;
	return 0;
}

int
filter_shard_prepare(struct xshard *xs, struct err *e)
{
	const struct filter *f = xs->filter;
	size_t n = f->n_leaves;
	int rc;

	if ((xs->leaves = calloc(n == 0 ? 1 : n, sizeof *xs->leaves)) == NULL)
		return err_nomem(e);
	if ((rc = prepare(xs, &f->root, e)) < 0 || f->compared.pred == NULL)
		return rc;
	return prepare(xs, &f->compared, e);
}

void
filter_shard_release(struct xshard *xs)
{
	if (xs->leaves == NULL)
		return;
	for (size_t i = 0; i < xs->filter->n_leaves; i++)
		leaf_state_release(&xs->leaves[i]);
	free(xs->leaves);
	xs->leaves = NULL;
}

/* ---- evaluation ---- */

static int
eval_and(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	uint64_t *left = scan_bits(sc, sc->n_rows);
	size_t bytes = BITMAP_WORDS(sc->n_rows) * sizeof *out;
	int rc;

	if (left == NULL)
		return ERR_NOMEM;
	memcpy(out, in, bytes);
	for (size_t i = 0; i < n->pred->n_kids && bitmap_any(out, sc->n_rows); i++) {
		memcpy(left, out, bytes);
		if ((rc = filter_eval(sc, &n->kids[i], left, out)) < 0)
			return rc;
	}
	return 0;
}

static int
eval_or(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	uint64_t *left = scan_bits(sc, sc->n_rows), *got = scan_bits(sc, sc->n_rows);
	int rc;

	if (left == NULL || got == NULL)
		return ERR_NOMEM;
	memcpy(left, in, BITMAP_WORDS(sc->n_rows) * sizeof *left);
	for (size_t i = 0; i < n->pred->n_kids && bitmap_any(left, sc->n_rows); i++) {
		if ((rc = filter_eval(sc, &n->kids[i], left, got)) < 0)
			return rc;
		bitmap_or(out, got, sc->n_rows);
		bitmap_andnot(left, got, sc->n_rows);
	}
	return 0;
}

int
filter_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	size_t words = BITMAP_WORDS(sc->n_rows);
	uint64_t *got;
	int rc;

	bitmap_zero(out, sc->n_rows);
	switch (n->pred->kind) {
	case PRED_TRUE:
		memcpy(out, in, words * sizeof *out);
		return 0;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return leaf_eval(sc, n, in, out);
	case PRED_AND:
		return eval_and(sc, n, in, out);
	case PRED_OR:
		return eval_or(sc, n, in, out);
	case PRED_NOT:
		break;
	}
	if ((got = scan_bits(sc, sc->n_rows)) == NULL)
		return ERR_NOMEM;
	if ((rc = filter_eval(sc, &n->kids[0], in, got)) < 0)
		return rc;
	for (size_t i = 0; i < words; i++)
		out[i] = in[i] & ~got[i];
	return 0;
}
