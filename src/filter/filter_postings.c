/* SPDX-License-Identifier: ISC */
/*
 * filter_postings: the rows that the index of one column names for a leaf: postings of codes or
 * numbers, hashes of texts in place. In order of the keys; a row may come twice.
 */
#include "filter/filter_cost.h"
#include "filter_i.h"

#include <stdlib.h>

#include "shard/postings.h"

/* Adds the rows of keys [lo, hi]; 1: too many. */
static int
add_keys(struct index_rows *r, const struct postings *p, uint64_t lo, uint64_t hi, struct err *e)
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

/* Of the codes that satisfy: those set, or (NULL) the column's ranges. */
static int
add_codes(struct index_rows *r, const struct col_state *st, const struct postings *p,
    const uint64_t *codes, struct err *e)
{
	int rc = 0;

	if (codes == NULL) {
		for (uint32_t i = 0; rc == 0 && i < st->code_ranges.n; i++)
			rc = add_keys(r, p, st->code_ranges.v[i].lo, st->code_ranges.v[i].hi, e);
		return rc;
	}
	BITMAP_EACH(codes, st->col->n_dict, i)
		if ((rc = add_keys(r, p, i, i, e)) != 0)
			return rc;
	return 0;
}

/* Their rows: without postings known only if there is no such code. */
static int
add_rows_of(struct index_rows *r, struct xshard *xs, const struct col_state *st,
    const uint64_t *codes, struct err *e)
{
	const struct postings *p = NULL;
	int rc;

	if (codes == NULL ? st->code_ranges.n == 0 : !bitmap_any(codes, st->col->n_dict))
		return 0;
	if (st->col->postings_bytes == 0)
		return 1;
	if ((rc = postings_get(xs->s, st->col, &p, e)) < 0 || p == NULL)
		return rc < 0 ? rc : 1;
	rc = add_codes(r, st, p, codes, e);
	postings_put(p);
	return rc;
}

/* Operators whose codes the order of the dictionary tells. */
static bool
told_by_order(const struct col_state *st)
{
	enum pred_op op = st->node->pred->op;

	return st->word.n == 0 && st->col->type == VAL_STRING && (op == OP_EQ || op == OP_NE ||
	    op == OP_IN || op == OP_NOTIN || (op == OP_STARTS && st->col->text_bytes == 0));
}

static int
add_dict(struct index_rows *r, struct xshard *xs, struct col_state *st,
    struct err *e)
{
	uint64_t *codes;
	bool by_index;
	int rc;

	if (told_by_order(st))
		return (rc = column_ready(xs, st, e)) < 0 ? rc :
		    add_rows_of(r, xs, st, NULL, e);
	if ((codes = calloc(BITMAP_WORDS(st->col->n_dict) + 1, sizeof *codes)) == NULL)
		return err_nomem(e);
	r->loose = true;
	if ((rc = text_codes(xs, st, codes, &by_index, e)) == 0)
		rc = add_rows_of(r, xs, st, codes, e);
	r->by_text |= rc == 0 && by_index;
	free(codes);
	return rc;
}

static int
add_ranges(struct index_rows *r, const struct ranges *x, const struct postings *p, struct err *e)
{
	uint32_t n = postings_n(p);
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < x->n; i++) {
		uint32_t lo = postings_lower(p, x->v[i].lo), hi = lo;

		while (hi < n && postings_value(p, hi) <= x->v[i].hi && hi - lo <= MOST_CODES)
			hi++;
		if (hi > lo)
			rc = add_keys(r, p, lo, hi - 1, e);
	}
	return rc;
}

static int
add_numbers(struct index_rows *r, struct xshard *xs, const struct col_state *st, struct err *e)
{
	const struct ranges *x = column_ranges(st);
	const struct postings *p = NULL;
	int rc;

	if (x != NULL && x->n == 0)
		return 0;
	if (x == NULL || st->col->postings_bytes == 0)
		return 1;
	if ((rc = postings_get(xs->s, st->col, &p, e)) < 0 || p == NULL)
		return rc < 0 ? rc : 1;
	rc = add_ranges(r, x, p, e);
	postings_put(p);
	return rc;
}

static int
add_hashes(struct index_rows *r, struct xshard *xs, const struct col_state *st, struct err *e)
{
	const struct pred *p = st->node->pred;
	const struct hashidx *h = NULL;
	int rc;

	if (st->col->postings_bytes == 0 || st->col->type != VAL_STRING ||
	    (p->op != OP_EQ && p->op != OP_IN))
		return 1;
	if ((rc = hashidx_get(xs->s, st->col, &h, e)) < 0 || h == NULL)
		return rc < 0 ? rc : 1;
	r->loose = true;
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

int
index_column(struct index_rows *r, struct xshard *xs, struct col_state *st,
    struct err *e)
{
	if (st->never)
		return 0;
	if (st->is_rest || st->any)
		return 1;
	switch (st->col->kind) {
	case COLUMN_DICT:
		return add_dict(r, xs, st, e);
	case COLUMN_BYTES:
		return add_hashes(r, xs, st, e);
	default:
		return st->word.n != 0 ? 1 : add_numbers(r, xs, st, e);
	}
}
