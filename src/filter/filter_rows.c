/* SPDX-License-Identifier: ISC */
/*
 * filter_rows: a predicate tree on few rows of a row group, as a list. The meaning is
 * filter.c's; what differs is the cost, which is by the row and not by the row group: no
 * bitmap of it is made or gone through. A leaf that only filter.c's way can answer is asked
 * so, over the rows that are left.
 */
#include "filter_i.h"

/* Rows of the scan's row group, rising, in the scan's memory. */
struct few {
	uint32_t *v, n;
};

static int filter_few(struct scan *, const struct fnode *, struct few *);

/* Keeps the rows whose mark is `want`. */
static void
keep_marked(struct few *f, const bool *mark, bool want)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n; i++)
		if (mark[i] == want)
			f->v[n++] = f->v[i];
	f->n = n;
}

static int
few_copy(struct scan *sc, const struct few *f, struct few *out)
{
	out->n = f->n;
	out->v = arena_alloc(&sc->mem, ((size_t)f->n + 1) * sizeof *out->v);
	if (out->v == NULL)
		return err_nomem(sc->e);
	memcpy(out->v, f->v, f->n * sizeof *f->v);
	return 0;
}

/* ---- leaves ---- */

static int
leaf_by_bits(struct scan *sc, const struct fnode *n, struct few *f)
{
	uint64_t *in = scan_bits(sc, sc->n_rows), *out = scan_bits(sc, sc->n_rows);
	uint32_t m = 0;
	int rc;

	if (in == NULL || out == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < f->n; i++)
		bitmap_set(in, f->v[i]);
	if ((rc = leaf_eval(sc, n, in, out)) < 0)
		return rc;
	for (uint32_t i = 0; i < f->n; i++)
		if (bitmap_get(out, f->v[i]))
			f->v[m++] = f->v[i];
	f->n = m;
	return 0;
}

static int
leaf_by_columns(struct scan *sc, struct leaf_state *st, struct few *f)
{
	bool *mark = arena_calloc(&sc->mem, (size_t)f->n + 1, sizeof *mark);
	int rc;

	if (mark == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < st->n_cols; i++)
		if ((rc = column_rows(sc, &st->cols[i], f->v, f->n, mark)) < 0)
			return rc;
	keep_marked(f, mark, true);
	return 0;
}

static int
leaf_few(struct scan *sc, const struct fnode *n, struct few *f)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];

	if (n->domain == DOMAIN_SPAN && !st->resource_has &&
	    (n->cls == LEAF_NUMBER || n->cls == LEAF_STRING || n->cls == LEAF_ATTR))
		return leaf_by_columns(sc, st, f);
	return leaf_by_bits(sc, n, f);
}

/* ---- trees ---- */

/* Marks the rows of f that are in g, which is part of it. */
static void
mark_part(const struct few *f, const struct few *g, bool *mark)
{
	for (uint32_t i = 0, k = 0; k < g->n; i++)
		if (f->v[i] == g->v[k]) {
			mark[i] = true;
			k++;
		}
}

/* Each kid is asked of the rows that none before it took. */
static int
few_or(struct scan *sc, const struct fnode *n, struct few *f)
{
	bool *mark = arena_calloc(&sc->mem, (size_t)f->n + 1, sizeof *mark);
	int rc;

	if (mark == NULL)
		return err_nomem(sc->e);
	for (size_t i = 0; i < n->pred->n_kids; i++) {
		struct few left = { NULL, 0 };

		if ((rc = few_copy(sc, f, &left)) < 0)
			return rc;
		keep_marked(&left, mark, false);
		if (left.n == 0)
			break;
		if ((rc = filter_few(sc, &n->kids[i], &left)) < 0)
			return rc;
		mark_part(f, &left, mark);
	}
	keep_marked(f, mark, true);
	return 0;
}

static int
few_not(struct scan *sc, const struct fnode *n, struct few *f)
{
	bool *mark = arena_calloc(&sc->mem, (size_t)f->n + 1, sizeof *mark);
	struct few got = { NULL, 0 };
	int rc;

	if (mark == NULL)
		return err_nomem(sc->e);
	if ((rc = few_copy(sc, f, &got)) < 0 || (rc = filter_few(sc, &n->kids[0], &got)) < 0)
		return rc;
	mark_part(f, &got, mark);
	keep_marked(f, mark, false);
	return 0;
}

static int
filter_few(struct scan *sc, const struct fnode *n, struct few *f)
{
	int rc = 0;

	switch (n->pred->kind) {
	case PRED_TRUE:
		return 0;
	case PRED_FALSE:
		f->n = 0;
		return 0;
	case PRED_LEAF:
		return leaf_few(sc, n, f);
	case PRED_AND:
		for (size_t i = 0; i < n->pred->n_kids && f->n != 0 && rc == 0; i++)
			rc = filter_few(sc, &n->kids[i], f);
		return rc;
	case PRED_OR:
		return few_or(sc, n, f);
	case PRED_NOT:
		break;
	}
	return few_not(sc, n, f);
}

int
filter_rows(struct scan *sc, const struct fnode *n, uint32_t *rows, uint32_t *n_rows)
{
	struct few f = { rows, *n_rows };
	int rc = filter_few(sc, n, &f);

	*n_rows = f.n;
	return rc;
}
