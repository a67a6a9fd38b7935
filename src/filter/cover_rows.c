/* SPDX-License-Identifier: ISC */
/*
 * cover_rows: counts from indexes. Every condition of the filter names its rows exactly: a
 * service its range of rows, a value its postings, a trace its rows in the trace table, a fact
 * of traces those of the traces that have it. One condition alone is a sum, of a column with
 * few values of what the footer has of each; several are sets of rows, put together as the
 * filter says. No chunk of a column is read, and the shard lies in the range as a whole.
 *
 * What only may name rows (hashes, the text index) doesn't count here, nor what is not told for
 * all rows: rare attributes without a column, bare names that a resource has as well.
 */
#include "filter/cover.h"

#include <stdlib.h>

#include "shard/postings.h"
#include "shard/tracesum.h"

/* A list of more than one in so many rows is a set itself, of which words are taken. */
#define SET_SHARE 16

struct cover {
	struct xshard *xs;
	struct profile *prof;
	bool alone;		/* the filter is one condition */
	struct err *e;
};

/* Where the rows of a condition go: into a set, or only their number. */
struct take {
	uint64_t *bits;		/* NULL: count */
	uint64_t n;
};

static struct leaf_state *
state_of(const struct cover *c, const struct fnode *n)
{
	return &c->xs->leaves[n->leaf];
}

/* ---- what can be asked ---- */

/* The footer has the number of rows of every value. */
static bool
top_is_all(const struct column *col)
{
	uint64_t n = 0;

	for (size_t i = 0; i < col->n_top; i++) {
		if (col->top[i].cut)
			return false;
		n += col->top[i].n_rows;
	}
	return n == col->n_present;
}

/* A row has one value of one type at most: then numbers of rows of values add up. */
static bool
adds_up(const struct cover *c, const struct fnode *n)
{
	return c->alone && (n->cls == LEAF_SERVICE || n->cls == LEAF_TRACE_ID ||
	    n->cls == LEAF_TRACE || n->domain == DOMAIN_SPAN);
}

static bool
column_told(const struct cover *c, const struct fnode *n, const struct col_state *st)
{
	if (st->never)
		return true;
	if (st->is_rest)
		return false;
	if (adds_up(c, n) && (st->any || top_is_all(st->col)))
		return true;
	if (st->col->postings_bytes == 0 || st->col->kind == COLUMN_BYTES)
		return false;
	/* A value that fails must be one of a row that is still in question. */
	return c->alone || st->any || !matcher_can_fail(n->m);
}

static bool
leaf_told(const struct cover *c, const struct fnode *n)
{
	const struct leaf_state *st = state_of(c, n);

	switch (n->cls) {
	case LEAF_SERVICE:
		return true;
	case LEAF_TRACE_ID:
		return st->ordinals.v != NULL;
	case LEAF_TRACE:
		return tracesum_there(c->xs->s) && n->pred->op != OP_HAS &&
		    n->pred->field.intrinsic != IN_BUCKET &&
		    (c->alone || !matcher_can_fail(n->m));
	case LEAF_NUMBER:
	case LEAF_STRING:
		if (n->pred->op == OP_HAS)
			return false;
		break;
	default:
		break;
	}
	if (!leaf_in_columns(c->xs, n))
		return false;
	for (uint32_t i = 0; i < st->n_cols; i++)
		if (!column_told(c, n, &st->cols[i]))
			return false;
	return true;
}

static bool
told(const struct cover *c, const struct fnode *n)
{
	if (n->pred->kind == PRED_LEAF)
		return leaf_told(c, n);
	for (size_t i = 0; i < n->pred->n_kids; i++)
		if (!told(c, &n->kids[i]))
			return false;
	return true;
}

/* ---- the footer's values ---- */

static int
take_top(const struct cover *c, const struct col_state *st, struct take *t)
{
	const struct column *col = st->col;
	int rc;

	if (st->any) {
		t->n += col->n_present;
		return 0;
	}
	for (size_t i = 0; i < col->n_top; i++) {
		if (col->kind == COLUMN_INT)
			rc = ranges_have(column_ranges(st), column_image(col, &col->top[i].val));
		else
			rc = matcher_value(st->node->m, &col->top[i].val, c->e);
		if (rc < 0)
			return rc;
		t->n += rc > 0 ? col->top[i].n_rows : 0;
	}
	return 0;
}

/* ---- postings ---- */

static void
take_key(const struct cover *c, const struct postings *p, uint32_t key, struct take *t)
{
	uint64_t most = c->xs->info->n_rows / SET_SHARE, n;

	if (t->bits == NULL) {
		t->n += postings_count(p, key);
		return;
	}
	n = postings_count(p, key);
	c->prof->rows_counted += n < most ? n : most;
	postings_or(p, key, 0, (uint32_t)c->xs->info->n_rows, t->bits);
}

/* Codes that ranges tell are not asked one by one. */
static int
take_code_ranges(struct cover *c, const struct ranges *r, const struct postings *p,
    struct take *t)
{
	int rc;

	for (uint32_t i = 0; i < r->n; i++)
		for (uint64_t k = r->v[i].lo; k <= r->v[i].hi && k < postings_n(p); k++) {
			if (k % 4096 == 0 && (rc = filter_check(c->xs->filter, c->e)) < 0)
				return rc;
			take_key(c, p, (uint32_t)k, t);
		}
	return 0;
}

static int
take_codes(struct cover *c, struct col_state *st, const struct postings *p, struct take *t)
{
	int rc;

	if ((rc = column_ready(c->xs, st, c->e)) < 0)
		return rc;
	if (st->node->pred->op != OP_HAS && st->use_ranges)
		return take_code_ranges(c, &st->code_ranges, p, t);
	for (uint32_t i = 0; i < postings_n(p); i++) {
		if (i % 4096 == 0 && (rc = filter_check(c->xs->filter, c->e)) < 0)
			return rc;
		rc = st->any ? 1 : column_code(st, i, c->e);
		if (rc < 0)
			return rc;
		if (rc > 0)
			take_key(c, p, i, t);
	}
	return 0;
}

static void
take_numbers(struct cover *c, const struct col_state *st, const struct postings *p,
    struct take *t)
{
	static const struct range all = { 0, UINT64_MAX };
	const struct ranges *x = column_ranges(st);
	uint32_t n = postings_n(p), n_ranges = st->any ? 1 : x->n;

	for (uint32_t i = 0; i < n_ranges; i++) {
		struct range r = st->any ? all : x->v[i];

		for (uint32_t k = postings_lower(p, r.lo); k < n && postings_value(p, k) <= r.hi; k++)
			take_key(c, p, k, t);
	}
}

static int
take_columns(struct cover *c, const struct fnode *n, struct take *t)
{
	struct leaf_state *st = state_of(c, n);
	int rc = 0;

	for (uint32_t i = 0; i < st->n_cols && rc == 0; i++) {
		struct col_state *cs = &st->cols[i];
		const struct postings *p = NULL;

		if (cs->never)
			continue;
		if (t->bits == NULL && (cs->any || top_is_all(cs->col))) {
			if ((rc = take_top(c, cs, t)) < 0)
				return rc;
			continue;
		}
		if ((rc = postings_get(c->xs->s, cs->col, &p, c->e)) < 0)
			return rc;
		if (cs->col->kind == COLUMN_INT)
			take_numbers(c, cs, p, t);
		else
			rc = take_codes(c, cs, p, t);
		postings_put(p);
	}
	return rc;
}

/* ---- services and traces ---- */

static int
take_services(struct cover *c, const struct fnode *n, struct take *t)
{
	for (size_t i = 0; i < c->xs->info->n_services; i++) {
		const struct shard_service *s = &c->xs->info->services[i];
		int rc = matcher_string(n->m, s->service, c->e);

		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		t->n += s->row_to - s->row_from;
		if (t->bits != NULL)
			bitmap_set_range(t->bits, s->row_from, s->row_to);
	}
	return 0;
}

static void
take_trace(const struct tracerows *rows, uint32_t ordinal, struct take *t)
{
	uint32_t n = tracerows_n(rows, ordinal);

	t->n += n;
	for (uint32_t i = 0; i < n && t->bits != NULL; i++)
		bitmap_set(t->bits, tracerows_at(rows, ordinal, i));
}

static int
take_traces(struct cover *c, const struct fnode *n, struct take *t)
{
	const struct filter *f = c->xs->filter;
	const struct ranges *ids = &state_of(c, n)->ordinals;
	struct shard_traces traces;
	int rc;

	if ((rc = shard_traces_get(c->xs->s, &traces, c->e)) < 0)
		goto out;
	if (n->cls == LEAF_TRACE_ID) {
		for (uint32_t i = 0; i < ids->n; i++)
			take_trace(traces.rows, (uint32_t)ids->v[i].lo, t);
	} else {
		for (uint32_t o = 0; o < c->xs->info->n_traces && rc >= 0; o++) {
			if (o % 4096 == 0 && (rc = filter_check(c->xs->filter, c->e)) < 0)
				break;
			rc = f->host->trace_holds(f->ex, c->xs->plan->shard, &traces, o, n,
			    c->e);
			if (rc > 0)
				take_trace(traces.rows, o, t);
		}
	}
out:
	shard_traces_put(&traces);
	return rc < 0 ? rc : 0;
}

static int
take_leaf(struct cover *c, const struct fnode *n, struct take *t)
{
	switch (n->cls) {
	case LEAF_SERVICE:
		return take_services(c, n, t);
	case LEAF_TRACE_ID:
	case LEAF_TRACE:
		return take_traces(c, n, t);
	default:
		return take_columns(c, n, t);
	}
}

/* ---- sets of rows ---- */

static uint64_t *
bits_new(struct cover *c)
{
	uint64_t *b = calloc(BITMAP_WORDS(c->xs->info->n_rows) + 1, sizeof *b);

	if (b == NULL)
		(void)err_nomem(c->e);
	return b;
}

static int rows_of(struct cover *, const struct fnode *, uint64_t *bits);

/* AND and OR: bits are of the first kid, then with each other's. */
static int
rows_of_kids(struct cover *c, const struct fnode *n, uint64_t *bits)
{
	size_t n_rows = c->xs->info->n_rows;
	uint64_t *kid;
	int rc;

	if ((rc = rows_of(c, &n->kids[0], bits)) < 0 || n->pred->n_kids == 1)
		return rc;
	if ((kid = bits_new(c)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 1; i < n->pred->n_kids && rc == 0; i++) {
		if (n->pred->kind == PRED_AND && !bitmap_any(bits, n_rows))
			break;
		bitmap_zero(kid, n_rows);
		if ((rc = rows_of(c, &n->kids[i], kid)) < 0)
			break;
		if (n->pred->kind == PRED_AND)
			bitmap_and(bits, kid, n_rows);
		else
			bitmap_or(bits, kid, n_rows);
	}
	free(kid);
	return rc;
}

/* The rows that satisfy the node, into bits, which are zero. */
static int
rows_of(struct cover *c, const struct fnode *n, uint64_t *bits)
{
	size_t n_rows = c->xs->info->n_rows;
	struct take t = { bits, 0 };
	uint64_t *all;
	int rc;

	switch (n->pred->kind) {
	case PRED_TRUE:
		bitmap_set_range(bits, 0, n_rows);
		return 0;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return take_leaf(c, n, &t);
	case PRED_AND:
	case PRED_OR:
		return rows_of_kids(c, n, bits);
	case PRED_NOT:
		break;
	}
	if ((all = bits_new(c)) == NULL)
		return ERR_NOMEM;
	if ((rc = rows_of(c, &n->kids[0], all)) == 0) {
		bitmap_set_range(bits, 0, n_rows);
		bitmap_andnot(bits, all, n_rows);
	}
	free(all);
	return rc;
}

static int
count_rows_of(struct cover *c, uint64_t *n)
{
	struct take t = { NULL, 0 };
	uint64_t *bits;
	int rc;

	if (adds_up(c, &c->xs->filter->root)) {
		rc = take_leaf(c, &c->xs->filter->root, &t);
		*n = t.n;
		return rc;
	}
	if ((bits = bits_new(c)) == NULL)
		return ERR_NOMEM;
	rc = rows_of(c, &c->xs->filter->root, bits);
	*n = bitmap_count(bits, c->xs->info->n_rows);
	free(bits);
	return rc;
}

int
cover_rows(struct xshard *xs, uint64_t *n, struct profile *prof, struct err *e)
{
	struct cover c = { .xs = xs, .prof = prof, .e = e };
	int rc;

	c.alone = xs->filter->root.pred->kind == PRED_LEAF;
	if (!told(&c, &xs->filter->root))
		return 0;
	rc = count_rows_of(&c, n);
	return rc < 0 ? rc : 1;
}
