/* SPDX-License-Identifier: ISC */
/*
 * filter_prune: can any row of a row group satisfy? Asked of zones in the footer, so no chunk
 * is read; a dictionary may be, once for the whole shard. Always errs towards yes: a leaf
 * without zones, and every NOT, may match.
 */
#include "filter_i.h"

/* A column of numbers or codes against the zone of its chunk. */
static int
column_may(struct scan *sc, struct col_state *st, const struct ranges *r)
{
	struct zone z = shard_zone(sc->xs->s, st->col, sc->group);

	if (z.n_present == 0)
		return 0;
	return r == NULL || ranges_touch(r, z.min, z.max);
}

static int
attr_column_may(struct scan *sc, struct col_state *st)
{
	const struct ranges *r = NULL;
	int rc;

	if (st->never)
		return 0;
	/* Presence first: it needs no dictionary. */
	if (column_may(sc, st, NULL) == 0)
		return 0;
	if (st->is_rest || st->any)
		return 1;
	if (st->col->kind == COLUMN_DICT) {
		if ((rc = column_ready(sc->xs, st, sc->e)) < 0)
			return rc;
		r = st->use_ranges ? &st->code_ranges : NULL;
	} else if (st->col->kind == COLUMN_INT)
		r = st->node->cls == LEAF_ATTR ? &st->node->typed[st->col->type] :
		    &st->node->number;
	return column_may(sc, st, r);
}

static int
columns_may(struct scan *sc, struct leaf_state *st)
{
	int rc = 0;

	for (uint32_t i = 0; i < st->n_cols && rc == 0; i++)
		rc = attr_column_may(sc, &st->cols[i]);
	return rc;
}

static bool
duration_may(struct scan *sc, const struct fnode *n)
{
	const struct column *col = shard_column(sc->xs->s, COL_DURATION);
	const uint64_t zero = value_image_i64(0);
	struct zone z;

	if (col == NULL)
		return false;
	if (duration_wraps(sc->xs->s, sc->group) != WRAPS_NONE)
		return true;
	z = shard_zone(sc->xs->s, col, sc->group);
	return ranges_touch(&n->number, z.min - zero, z.max - zero);
}

static int
ordinals_may(struct scan *sc, const struct fnode *n, const struct leaf_state *st)
{
	const struct column *col = shard_column(sc->xs->s, n->col);
	struct zone z;

	if (st->ordinals.v == NULL)
		return 1;
	if (col == NULL || st->ordinals.n == 0)
		return 0;
	z = shard_zone(sc->xs->s, col, sc->group);
	return ranges_touch(&st->ordinals, z.min, z.max);
}

static int
leaf_may(struct scan *sc, const struct fnode *n)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];

	if (leaf_in_columns(sc->xs, n))
		return columns_may(sc, st);
	switch (n->cls) {
	case LEAF_DURATION:
		return duration_may(sc, n);
	case LEAF_TRACE_ID:
		return ordinals_may(sc, n, st);
	default:
		return 1;
	}
}

int
filter_may_match(struct scan *sc, const struct fnode *n)
{
	int rc = 0;

	switch (n->pred->kind) {
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return leaf_may(sc, n);
	case PRED_AND:
		rc = 1;
		for (size_t i = 0; i < n->pred->n_kids && rc == 1; i++)
			rc = filter_may_match(sc, &n->kids[i]);
		return rc;
	case PRED_OR:
		for (size_t i = 0; i < n->pred->n_kids && rc == 0; i++)
			rc = filter_may_match(sc, &n->kids[i]);
		return rc;
	default:
		return 1;
	}
}
