/* SPDX-License-Identifier: ISC */
/*
 * filter_leaf: one condition on the rows of a row group, each class of field in its way: fixed
 * columns by ranges or dictionary codes (here), tables (filter_table), durations, attributes,
 * words, and what is worked out row by row (filter_values).
 */
#include "filter_i.h"

#include <stdlib.h>

/* ---- making ready ---- */

static int
fixed_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct column *col = shard_column(xs->s, n->col);

	if (col == NULL)
		return 0;
	if ((st->cols = calloc(1, sizeof *st->cols)) == NULL)
		return err_nomem(e);
	st->n_cols = 1;
	st->cols[0].col = col;
	st->cols[0].node = n;
	st->cols[0].any = n->pred->op == OP_HAS;
	return 0;
}

static int
owners_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct resource *r;
	const struct scope *s;
	size_t count;
	int rc = n->cls == LEAF_RESOURCE ? shard_resources(xs->s, &r, &count, e) :
	    shard_scopes(xs->s, &s, &count, e);

	return rc < 0 ? rc : codes_new((uint32_t)count, &st->owners, e);
}

/* The ordinals of the ids asked for: rising, as ids do. */
static int
trace_ordinals(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct pred *p = n->pred;
	const struct traceids *t;
	uint32_t o;
	int rc;

	if ((st->ordinals.v = calloc(p->n_lits + 1, sizeof *st->ordinals.v)) == NULL)
		return err_nomem(e);
	if ((rc = traceids_get(xs->s, &t, e)) < 0)
		return rc;
	for (size_t i = 0; i < p->n_lits; i++)
		if (traceids_find(t, (struct trace_id){ p->lits[i].hi, p->lits[i].lo }, &o)) {
			struct ranges *r = &st->ordinals;
			uint32_t at = r->n;

			while (at > 0 && r->v[at - 1].lo >= o)
				at--;
			if (at < r->n && r->v[at].lo == o)
				continue;
			memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof *r->v);
			r->v[at] = (struct range){ o, o };
			r->n++;
		}
	traceids_put(t);
	return 0;
}

int
leaf_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	switch (n->cls) {
	case LEAF_NUMBER:
	case LEAF_STRING:
		return fixed_prepare(xs, n, st, e);
	case LEAF_ATTR:
		return attr_prepare(xs, n, st, e);
	case LEAF_RESOURCE:
	case LEAF_SCOPE:
		return owners_prepare(xs, n, st, e);
	case LEAF_SERVICE:
		return codes_new((uint32_t)xs->info->n_services, &st->owners, e);
	case LEAF_TRACE_ID:
		if (n->pred->op == OP_EQ || n->pred->op == OP_IN)
			return trace_ordinals(xs, n, st, e);
		return codes_new((uint32_t)xs->info->n_traces, &st->owners, e);
	case LEAF_TRACE:
		return codes_new((uint32_t)xs->info->n_traces, &st->owners, e);
	case LEAF_WORDS:
		return words_prepare(xs, n, st, e);
	case LEAF_DURATION:
	case LEAF_VALUES:
	case LEAF_SPAN:
		break;
	}
	return 0;
}

void
leaf_state_release(struct leaf_state *st)
{
	for (uint32_t i = 0; i < st->n_cols; i++)
		col_state_release(&st->cols[i]);
	free(st->cols);
	for (uint32_t i = 0; st->words != NULL && i < st->n_words * 2; i++)
		codes_release(&st->words[i]);
	free(st->words);
	codes_release(&st->owners);
	free(st->ordinals.v);
}

bool
leaf_in_columns(const struct xshard *xs, const struct fnode *n)
{
	switch (n->cls) {
	case LEAF_NUMBER:
	case LEAF_STRING:
	case LEAF_ATTR:
		return !n->absent && !xs->leaves[n->leaf].resource_has;
	default:
		return false;
	}
}

/* ---- evaluation ---- */

/* Those of `kids` that the column has no value of. */
static int
add_absent(struct scan *sc, const struct fnode *n, const uint64_t *kids, uint64_t *got)
{
	uint32_t n_kids = scan_domain_rows(sc, n->domain);
	const struct chunk *c = NULL;
	uint64_t *has = scan_bits(sc, n_kids);
	int rc;

	if (has == NULL)
		return ERR_NOMEM;
	if ((rc = scan_chunk(sc, n->col, &c)) < 0)
		return rc;
	if (c != NULL)
		chunk_presence(c, has);
	for (size_t i = 0; i < BITMAP_WORDS(n_kids); i++)
		got[i] |= kids[i] & ~has[i];
	chunk_put(c);
	return 0;
}

/* A fixed column in its domain. */
static int
fixed_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	const struct chunk *counts;
	uint64_t *kids, *got;
	int rc;

	if (st->n_cols == 0 && !n->absent)
		return 0;
	if (n->domain == DOMAIN_SPAN)
		return column_eval(sc, &st->cols[0], in, out);
	if ((rc = children_of(sc, n->domain, in, &kids, &counts)) < 0 || counts == NULL)
		return rc;
	if ((got = scan_bits(sc, scan_domain_rows(sc, n->domain))) == NULL)
		rc = ERR_NOMEM;
	else if (st->n_cols != 0)
		rc = column_eval(sc, &st->cols[0], kids, got);
	if (rc == 0 && n->absent)
		rc = add_absent(sc, n, kids, got);
	if (rc == 0)
		rc = children_rows(sc, counts, in, got, out);
	chunk_put(counts);
	return rc;
}

int
leaf_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	switch (n->cls) {
	case LEAF_NUMBER:
	case LEAF_STRING:
		return fixed_eval(sc, n, in, out);
	case LEAF_DURATION:
		return duration_eval(sc, n, in, out);
	case LEAF_ATTR:
		return attr_eval(sc, n, in, out);
	case LEAF_RESOURCE:
	case LEAF_SCOPE:
		return table_eval(sc, n, in, out);
	case LEAF_SERVICE:
		return service_eval(sc, n, in, out);
	case LEAF_TRACE_ID:
	case LEAF_TRACE:
		return trace_eval(sc, n, in, out);
	case LEAF_VALUES:
		return values_eval(sc, n, in, out);
	case LEAF_SPAN:
		return span_eval(sc, n, in, out);
	case LEAF_WORDS:
		return words_eval(sc, n, in, out);
	}
	return 0;
}
