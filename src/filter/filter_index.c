/* SPDX-License-Identifier: ISC */
/*
 * filter_index: the rows that indexes leave, as one list for a shard. Postings and hash indexes
 * of a leaf's columns name the rows that may satisfy it; in a tree, AND keeps what all its
 * indexed children name, OR what any names if all are indexed. What is left is a superset, at
 * which the filter looks as at any other rows; but not where postings named all of it: these have
 * the rows of a value and no others, as counts of them rely on too (cover_rows.c). A row group
 * without such a row is not visited.
 *
 * The plan says in which shards a leaf is asked (plan_shard.index_leaves), by cost. As a net
 * under it, a leaf that names more than half of the shard is left to the scan of its column.
 */
#include "base/search.h"
#include "filter/filter_cost.h"
#include "filter_i.h"

#include <stdlib.h>

/* ---- one leaf ---- */

static void
sort_small(uint32_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t x = v[i];
		size_t at = i;

		for (; at > 0 && v[at - 1] > x; at--)
			v[at] = v[at - 1];
		v[at] = x;
	}
}

/* Different rows, rising. Those of one key do already. */
static int
sort_rows(struct index_rows *r, const struct shard_info *info, struct err *e)
{
	uint32_t *v = r->v.v;
	uint64_t *bits;
	size_t n = 1;

	while (n < r->v.n && v[n - 1] < v[n])
		n++;
	if (n >= r->v.n)
		return 0;
	if (r->v.n > SORT_ROWS) {
		if ((bits = calloc(BITMAP_WORDS(info->n_rows) + 1, sizeof *bits)) == NULL)
			return err_nomem(e);
		for (size_t i = 0; i < r->v.n; i++)
			bitmap_set(bits, v[i]);
		r->v.n = bitmap_list(bits, info->n_rows, 0, v);
		free(bits);
		return 0;
	}
	sort_small(v, r->v.n);
	n = 0;
	for (size_t i = 0; i < r->v.n; i++)
		if (n == 0 || v[n - 1] != v[i])
			v[n++] = v[i];
	r->v.n = n;
	return 0;
}

/* The plan asks the leaf's index in this shard, and that could tell. */
static bool
asks_index(const struct xshard *xs, const struct fnode *n)
{
	if (n->leaf >= PLAN_LEAVES_MAX || (xs->plan->index_leaves >> n->leaf & 1) == 0)
		return false;
	return n->cls == LEAF_WORDS || leaf_in_columns(xs, n);
}

/* The rows that may have a word, which may stand in any of the columns. */
static int
list_word(struct xshard *xs, struct leaf_state *st, uint32_t w,
    struct index_rows *r, struct err *e)
{
	uint32_t n = st->n_cols / st->n_words;
	struct col_state *cols = st->cols + (size_t)w * n;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++)
		if (cols[i].col->kind != COLUMN_DICT)
			return 1;
	if (n == 0 || (rc = words_of_owners(xs, st, w, cols[0].word, e)) != 0)
		return n == 0 ? 1 : rc;
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = index_column(r, xs, &cols[i], e);
	return rc;
}

/* All words must be there: the rows of the one with the fewest will do. */
static int
list_words(struct xshard *xs, struct leaf_state *st, struct index_rows *r,
    struct err *e)
{
	bool told = false;
	int rc = 0;

	for (uint32_t w = 0; w < st->n_words && rc >= 0; w++) {
		struct index_rows one = { .v = VEC_INIT, .most = r->most };

		rc = list_word(xs, st, w, &one, e);
		if (rc == 0 && (!told || one.v.n < r->v.n)) {
			struct index_rows t = *r;

			*r = one;
			one = t;
			told = true;
		}
		vec_release(&one.v);
	}
	r->loose = true;
	return rc < 0 ? rc : told ? 0 : 1;
}

/* 0: listed; 1: no index tells. */
static int
list_leaf(struct xshard *xs, const struct fnode *n, struct index_rows *r,
    struct err *e)
{
	struct leaf_state *st = &xs->leaves[n->leaf];
	int rc = 0;

	if (!asks_index(xs, n))
		return 1;
	if (n->cls == LEAF_WORDS)
		rc = list_words(xs, st, r, e);
	for (uint32_t i = 0; n->cls != LEAF_WORDS && rc == 0 && i < st->n_cols; i++)
		rc = index_column(r, xs, &st->cols[i], e);
	if (rc != 0)
		return rc;
	/* What events and links have stands in their own domain. */
	r->loose |= n->domain != DOMAIN_SPAN;
	atomic_fetch_add(&xs->filter->n_index_lists, 1);
	if (r->by_text)
		atomic_fetch_add(&xs->filter->n_text_lists, 1);
	return sort_rows(r, xs->info, e);
}

/* ---- few values ---- */

/*
 * A leaf without an index whose columns hold few values at all, and which can't fail: where
 * the other sides of an OR have indexes it is looked at in full, since without it these would
 * be of no use.
 */
static bool
is_sparse(const struct xshard *xs, const struct fnode *n)
{
	const struct leaf_state *st = &xs->leaves[n->leaf];
	uint64_t n_values = 0;

	if (n->pred->kind != PRED_LEAF || n->cls == LEAF_WORDS || !asks_index(xs, n) ||
	    matcher_can_fail(n->m))
		return false;
	for (uint32_t i = 0; i < st->n_cols; i++)
		n_values += st->cols[i].col->n_present;
	return n_values <= xs->info->n_rows / FEW_SHARE;
}

static bool
has_values(const struct xshard *xs, const struct leaf_state *st, uint32_t group)
{
	for (uint32_t i = 0; i < st->n_cols; i++)
		if (shard_zone(xs->s, st->cols[i].col, group).n_present != 0)
			return true;
	return false;
}

/* The rows of one row group that satisfy the leaf. */
static int
list_group(struct scan *sc, const struct fnode *n, struct index_rows *r)
{
	uint64_t *in = scan_bits(sc, sc->n_rows), *out = scan_bits(sc, sc->n_rows);
	int rc;

	if (in == NULL || out == NULL)
		return ERR_NOMEM;
	bitmap_set_range(in, 0, sc->n_rows);
	if ((rc = leaf_eval(sc, n, in, out)) < 0)
		return rc;
	if (!vec_reserve(&r->v, r->v.n + bitmap_count(out, sc->n_rows)))
		return err_nomem(sc->e);
	r->v.n += bitmap_list(out, sc->n_rows, sc->row_from, r->v.v + r->v.n);
	return 0;
}

static int
list_sparse(struct xshard *xs, const struct fnode *n, struct index_rows *r,
    struct err *e)
{
	struct profile prof = { .rows_scanned = 0 };
	struct scan sc = { .ex = xs->filter->ex, .xs = xs, .prof = &prof, .e = e };
	int rc = 0;

	arena_init(&sc.mem);
	for (uint32_t g = 0; rc == 0 && g < xs->info->n_row_groups; g++) {
		if (!has_values(xs, &xs->leaves[n->leaf], g))
			continue;
		scan_at(&sc, g);
		rc = list_group(&sc, n, r);
		arena_reset(&sc.mem);
	}
	arena_release(&sc.mem);
	return rc;
}

/* ---- a tree ---- */

static void
intersect(struct index_rows *r, const struct index_rows *b)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < r->v.n && k < b->v.n; i++) {
		while (k < b->v.n && b->v.v[k] < r->v.v[i])
			k++;
		if (k < b->v.n && b->v.v[k] == r->v.v[i])
			r->v.v[n++] = r->v.v[i];
	}
	r->v.n = n;
}

static int
unite(struct index_rows *r, const struct index_rows *b, const struct shard_info *info,
    struct err *e)
{
	if (b->v.n == 0)
		return 0;
	if (!vec_reserve(&r->v, r->v.n + b->v.n))
		return err_nomem(e);
	memcpy(r->v.v + r->v.n, b->v.v, b->v.n * sizeof *b->v.v);
	r->v.n += b->v.n;
	return sort_rows(r, info, e);
}

static int list_node(struct xshard *, const struct fnode *, struct index_rows *, struct err *);

/* As list_node, of an AND. */
static int
list_and(struct xshard *xs, const struct fnode *n, struct index_rows *r,
    struct err *e)
{
	bool told = false;

	for (size_t i = 0; i < n->pred->n_kids; i++) {
		struct index_rows kid = { .v = VEC_INIT, .most = r->most };
		int rc = list_node(xs, &n->kids[i], told ? &kid : r, e);

		if (rc == 0 && told)
			intersect(r, &kid);
		r->loose |= rc > 0 || kid.loose;
		vec_release(&kid.v);
		if (rc < 0)
			return rc;
		/* What a kid left that could not tell. */
		if (rc > 0 && !told)
			r->v.n = 0;
		told |= rc == 0;
		if (told && r->v.n == 0)
			return 0;
	}
	return told ? 0 : 1;
}

/* Adds a kid's rows; 1: no index tells. */
static int
unite_kid(struct xshard *xs, const struct fnode *n, bool sparse,
    struct index_rows *r, struct err *e)
{
	struct index_rows kid = { .v = VEC_INIT, .most = r->most };
	int rc = sparse ? list_sparse(xs, n, &kid, e) : list_node(xs, n, &kid, e);

	if (rc == 0)
		rc = unite(r, &kid, xs->info, e);
	r->loose |= kid.loose;
	vec_release(&kid.v);
	return rc;
}

/* As list_node, of an OR. */
static int
list_or(struct xshard *xs, const struct fnode *n, struct index_rows *r,
    struct err *e)
{
	bool *sparse = calloc(n->pred->n_kids, sizeof *sparse), told = false;
	int rc = 0;

	if (sparse == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n->pred->n_kids && rc == 0; i++) {
		rc = unite_kid(xs, &n->kids[i], false, r, e);
		told |= rc == 0;
		if (rc > 0 && is_sparse(xs, &n->kids[i])) {
			sparse[i] = true;
			rc = 0;
		}
	}
	if (rc == 0 && !told)
		rc = 1;
	for (size_t i = 0; i < n->pred->n_kids && rc == 0; i++)
		if (sparse[i])
			rc = unite_kid(xs, &n->kids[i], true, r, e);
	free(sparse);
	return rc;
}

/*
 * A superset of the shard's rows that satisfy the node, rising, into r, which is empty. 0:
 * done; 1: no index tells (r may hold anything).
 */
static int
list_node(struct xshard *xs, const struct fnode *n, struct index_rows *r,
    struct err *e)
{
	if (n->pred->kind == PRED_LEAF)
		return list_leaf(xs, n, r, e);
	if (n->pred->kind == PRED_AND)
		return list_and(xs, n, r, e);
	return n->pred->kind == PRED_OR ? list_or(xs, n, r, e) : 1;
}

/* Two may make the same list, and one is dropped. */
int
xshard_list(struct xshard *xs, struct err *e)
{
	struct index_rows r = { .v = VEC_INIT,
		.most = xs->info->n_rows / LEAST_SHARE + ALWAYS_ROWS };
	int rc, known = atomic_load_explicit(&xs->listed, memory_order_acquire);

	if (known != LIST_UNKNOWN)
		return known == LIST_MADE;
	rc = list_node(xs, &xs->filter->root, &r, e);
	if (rc < 0) {
		vec_release(&r.v);
		return rc;
	}
	pthread_mutex_lock(&xs->lock);
	if (atomic_load(&xs->listed) == LIST_UNKNOWN) {
		if (rc == 0) {
			xs->list = r.v.v;
			xs->n_list = (uint32_t)r.v.n;
			xs->list_exact = !r.loose;
			atomic_fetch_add(&xs->filter->n_index_rows, r.v.n);
			r.v.v = NULL;
		}
		atomic_store_explicit(&xs->listed, rc == 0 ? LIST_MADE : LIST_NONE,
		    memory_order_release);
	}
	pthread_mutex_unlock(&xs->lock);
	vec_release(&r.v);
	return rc == 0;
}

uint32_t
xshard_list_from(const struct xshard *xs, uint32_t row)
{
	return lower_bound_u32(xs->list, 0, xs->n_list, row);
}

int
filter_narrow(struct scan *sc, uint64_t *bits)
{
	const struct xshard *xs = sc->xs;
	uint64_t *left;
	int rc = xshard_list(sc->xs, sc->e);

	if (rc <= 0)
		return rc;
	if ((left = scan_bits(sc, sc->n_rows)) == NULL)
		return ERR_NOMEM;
	for (uint32_t i = xshard_list_from(xs, sc->row_from); i < xs->n_list &&
	    xs->list[i] < sc->row_from + sc->n_rows; i++)
		bitmap_set(left, xs->list[i] - sc->row_from);
	bitmap_and(bits, left, sc->n_rows);
	return 0;
}
