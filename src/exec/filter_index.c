/* SPDX-License-Identifier: ISC */
/*
 * filter_index: the rows that indexes leave. Postings and hash indexes of a leaf's columns name
 * the rows that may satisfy it, once for the whole shard; in a tree, AND keeps what all its
 * indexed children name, OR what any names if all are indexed. What is left is a superset: the
 * filter looks at these rows as at any others, so nothing depends on an index being exact. A
 * row group without such a row is not visited.
 *
 * The plan says in which shards a leaf is asked (plan_shard.index_leaves). As a net under it,
 * a leaf that selects more than a fraction of the shard is left to the scan of its column,
 * which costs less than a long list. The fraction is small as long as the plan names all
 * leaves that may have an index; once it names those that pay, 1/2 will do.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "store/postings.h"
#include "store/textidx.h"

#define MOST_CODES 4096		/* of one leaf */
#define LEAST_SHARE 8		/* at most 1/8 of the shard's rows, */
#define ALWAYS_ROWS 256		/* or so many */

enum { ROWS_UNKNOWN, ROWS_LISTED, ROWS_NOT };

struct rows {
	VEC(uint32_t) v;
	size_t most;
};

/* ---- one column ---- */

/* Adds the rows of keys [lo, hi]; 1: too many. */
static int
add_keys(struct rows *r, const struct postings *p, uint64_t lo, uint64_t hi, struct err *e)
{
	uint32_t n = postings_n(p);

	if (hi - lo >= MOST_CODES && hi >= lo)
		return 1;
	for (uint64_t k = lo; k <= hi && k < n; k++) {
		uint32_t count = postings_count(p, (uint32_t)k);

		if (r->v.n + count > r->most)
			return 1;
		if (!vec_reserve(&r->v, r->v.n + count))
			return err_nomem(e);
		r->v.n += postings_rows(p, (uint32_t)k, r->v.v + r->v.n);
	}
	return 0;
}

/* The codes whose values may contain the literal, by the text index. */
static int
add_text(struct rows *r, struct xshard *xs, const struct col_state *st,
    const struct postings *p, struct err *e)
{
	size_t n = st->col->n_dict;
	const struct textidx *t = NULL;
	uint64_t *codes;
	int rc;

	if (st->node->pred->op != OP_CONTAINS || st->col->text_bytes == 0)
		return 1;
	if ((rc = textidx_get(xs->s, st->col, &t, e)) < 0 || t == NULL)
		return rc < 0 ? rc : 1;
	if ((codes = calloc(BITMAP_WORDS(n) + 1, sizeof *codes)) == NULL)
		rc = err_nomem(e);
	else if (!textidx_candidates(t, st->node->pred->lits[0].text, codes))
		rc = 1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (bitmap_get(codes, i))
			rc = add_keys(r, p, i, i, e);
	free(codes);
	textidx_put(t);
	return rc;
}

static int
add_dict(struct rows *r, struct xshard *xs, const struct col_state *st,
    const struct postings *p, struct err *e)
{
	int rc = 0;

	if (!st->use_ranges)
		return add_text(r, xs, st, p, e);
	for (uint32_t i = 0; rc == 0 && i < st->code_ranges.n; i++)
		rc = add_keys(r, p, st->code_ranges.v[i].lo, st->code_ranges.v[i].hi, e);
	return rc;
}

static int
add_numbers(struct rows *r, const struct col_state *st, const struct postings *p,
    struct err *e)
{
	const struct ranges *x = column_ranges(st);
	uint32_t n = postings_n(p);
	int rc = x == NULL ? 1 : 0;

	for (uint32_t i = 0; rc == 0 && i < x->n; i++) {
		uint32_t lo = postings_lower(p, x->v[i].lo), hi = lo;

		while (hi < n && postings_value(p, hi) <= x->v[i].hi && hi - lo < MOST_CODES)
			hi++;
		if (hi > lo)
			rc = add_keys(r, p, lo, hi - 1, e);
	}
	return rc;
}

static int
add_postings(struct rows *r, struct xshard *xs, const struct col_state *st, struct err *e)
{
	const struct postings *p = NULL;
	int rc;

	if ((rc = postings_get(xs->s, st->col, &p, e)) < 0 || p == NULL)
		return rc < 0 ? rc : 1;
	rc = st->col->kind == COLUMN_DICT ? add_dict(r, xs, st, p, e) :
	    add_numbers(r, st, p, e);
	postings_put(p);
	return rc;
}

static int
add_hashes(struct rows *r, struct xshard *xs, const struct col_state *st, struct err *e)
{
	const struct pred *p = st->node->pred;
	const struct hashidx *h = NULL;
	int rc;

	if (st->col->type != VAL_STRING || (p->op != OP_EQ && p->op != OP_IN))
		return 1;
	if ((rc = hashidx_get(xs->s, st->col, &h, e)) < 0 || h == NULL)
		return rc < 0 ? rc : 1;
	for (size_t i = 0; rc == 0 && i < p->n_lits; i++) {
		uint32_t hash = hashidx_hash(p->lits[i].text);
		uint32_t n = hashidx_find(h, hash, NULL, 0);

		if (r->v.n + n > r->most)
			rc = 1;
		else if (!vec_reserve(&r->v, r->v.n + n))
			rc = err_nomem(e);
		else
			r->v.n += hashidx_find(h, hash, r->v.v + r->v.n, n);
	}
	hashidx_put(h);
	return rc;
}

/* 0: all rows of the column that may match were added; 1: no index tells. */
static int
add_column(struct rows *r, struct exec *ex, struct xshard *xs, struct col_state *st,
    struct err *e)
{
	int rc;

	if (st->never)
		return 0;
	if (st->is_rest || st->word.n != 0 || st->node->pred->op == OP_HAS ||
	    st->col->postings_bytes == 0)
		return 1;
	if ((rc = column_ready(ex, xs, st, e)) < 0)
		return rc;
	return st->col->kind == COLUMN_BYTES ? add_hashes(r, xs, st, e) :
	    add_postings(r, xs, st, e);
}

/* ---- one leaf ---- */

static int
by_row(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
sort_rows(struct rows *r)
{
	size_t n = 0;

	if (r->v.n == 0)
		return;
	qsort(r->v.v, r->v.n, sizeof *r->v.v, by_row);
	for (size_t i = 0; i < r->v.n; i++)
		if (n == 0 || r->v.v[n - 1] != r->v.v[i])
			r->v.v[n++] = r->v.v[i];
	r->v.n = n;
}

static int
list_rows(struct exec *ex, struct xshard *xs, const struct fnode *n, struct leaf_state *st,
    struct rows *r, struct err *e)
{
	int rc = 0;

	if ((n->cls != LEAF_ATTR && n->cls != LEAF_STRING && n->cls != LEAF_NUMBER) ||
	    st->resource_has)
		return 1;
	for (uint32_t i = 0; rc == 0 && i < st->n_cols; i++)
		rc = add_column(r, ex, xs, &st->cols[i], e);
	return rc;
}

/* Made by whoever comes first; two may make the same list, and one is dropped. */
static int
leaf_rows(struct exec *ex, struct xshard *xs, const struct fnode *n, struct leaf_state *st,
    struct err *e)
{
	struct rows r = { VEC_INIT, xs->info->n_rows / LEAST_SHARE + ALWAYS_ROWS };
	int rc = list_rows(ex, xs, n, st, &r, e);

	if (rc < 0) {
		vec_release(&r.v);
		return rc;
	}
	sort_rows(&r);
	pthread_mutex_lock(&ex->lock);
	if (atomic_load(&st->indexed) == ROWS_UNKNOWN) {
		if (rc == 0) {
			st->rows = r.v.v;
			st->n_rows = (uint32_t)r.v.n;
			r.v.v = NULL;
		}
		atomic_store(&st->indexed, rc == 0 ? ROWS_LISTED : ROWS_NOT);
	}
	pthread_mutex_unlock(&ex->lock);
	vec_release(&r.v);
	return 0;
}

/* The first of the rows that is not before `row`. */
static uint32_t
first_from(const struct leaf_state *st, uint32_t row)
{
	uint32_t lo = 0, hi = st->n_rows;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (st->rows[mid] < row)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The plan asks the leaf's index in this shard. */
static bool
asks_index(const struct xshard *xs, const struct fnode *n)
{
	return n->leaf < PLAN_LEAVES_MAX && (xs->plan->index_leaves >> n->leaf & 1) != 0;
}

static int
narrow_leaf(struct scan *sc, const struct fnode *n, uint64_t *bits)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	int rc;

	if (!asks_index(sc->xs, n))
		return 0;
	if (atomic_load(&st->indexed) == ROWS_UNKNOWN &&
	    (rc = leaf_rows(sc->ex, sc->xs, n, st, sc->e)) < 0)
		return rc;
	if (atomic_load(&st->indexed) != ROWS_LISTED)
		return 0;
	for (uint32_t i = first_from(st, sc->row_from); i < st->n_rows &&
	    st->rows[i] < sc->row_from + sc->n_rows; i++)
		bitmap_set(bits, st->rows[i] - sc->row_from);
	return 1;
}

/* ---- a tree ---- */

/*
 * Of the rows of the group, a superset of those that satisfy the node into bits, which are
 * zero. 1: done; 0: no index tells; <0: an error.
 */
static int
narrow(struct scan *sc, const struct fnode *n, uint64_t *bits)
{
	bool any = n->pred->kind == PRED_OR, told = false;

	if (n->pred->kind == PRED_LEAF)
		return narrow_leaf(sc, n, bits);
	if (n->pred->kind != PRED_AND && n->pred->kind != PRED_OR)
		return 0;
	for (size_t i = 0; i < n->pred->n_kids; i++) {
		uint64_t *kid = scan_bits(sc, sc->n_rows);
		int rc = kid == NULL ? ERR_NOMEM : narrow(sc, &n->kids[i], kid);

		if (rc < 0 || (rc == 0 && any))
			return rc;
		if (rc == 0)
			continue;
		if (any || !told)
			bitmap_or(bits, kid, sc->n_rows);
		else
			bitmap_and(bits, kid, sc->n_rows);
		told = true;
	}
	return told;
}

int
filter_narrow(struct scan *sc, uint64_t *bits)
{
	uint64_t *left = scan_bits(sc, sc->n_rows);
	int rc;

	if (left == NULL)
		return ERR_NOMEM;
	if ((rc = narrow(sc, &sc->ex->filter.root, left)) <= 0)
		return rc;
	bitmap_and(bits, left, sc->n_rows);
	return 0;
}
