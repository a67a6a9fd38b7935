/* SPDX-License-Identifier: ISC */
/*
 * filter_attr: conditions on attributes of spans, events and links. An attribute has a column
 * for each type it occurs with, and rare ones stand in the domain's rest column; a row has at
 * most one of them, so the answers add up. Events and links are asked in their own domain,
 * then stand for their span.
 *
 * A bare name is the span's attribute on rows that have it, of whatever type, and the
 * resource's on the others.
 */
#include "base/search.h"
#include "filter_i.h"

#include <stdlib.h>

static enum attr_scope
scope_of(enum column_domain d)
{
	return d == DOMAIN_SPAN ? ATTR_SPAN : d == DOMAIN_EVENT ? ATTR_EVENT : ATTR_LINK;
}

static enum column_id
rest_of(enum column_domain d)
{
	return d == DOMAIN_SPAN ? COL_REST : d == DOMAIN_EVENT ? COL_EVENT_REST : COL_LINK_REST;
}

/* No value of the type can satisfy the operator, or all of them do (product.md, "Values"). */
static void
look_at_type(const struct fnode *n, enum value_type type, struct col_state *cs)
{
	switch (type) {
	case VAL_INT:
	case VAL_DOUBLE:
	case VAL_BOOL:
		cs->never = n->typed[type].n == 0;
		break;
	case VAL_STRING:
	case VAL_ARRAY:
		break;
	case VAL_EMPTY:
		cs->never = true;
		break;
	case VAL_BYTES:
	case VAL_MAP:
		cs->any = pred_op_negative(n->pred->op);
		cs->never = !cs->any;
		break;
	}
	if (n->pred->op == OP_HAS) {
		cs->any = true;
		cs->never = false;
	}
}

static int
bare_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct resource *r;
	size_t n_resources;
	int rc;

	if ((rc = shard_resource_key(xs->s, n->pred->field.key, e)) <= 0)
		return rc;
	st->resource_has = true;
	if ((rc = shard_resources(xs->s, &r, &n_resources, e)) < 0)
		return rc;
	return codes_new((uint32_t)n_resources, &st->owners, e);
}

int
attr_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct column *first, *rest = shard_column(xs->s, rest_of(n->domain));
	size_t n_cols = shard_attr(xs->s, scope_of(n->domain), n->pred->field.key, &first);

	if ((st->cols = calloc(n_cols + 1, sizeof *st->cols)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n_cols; i++) {
		struct col_state *cs = &st->cols[st->n_cols++];

		cs->col = &first[i];
		cs->node = n;
		look_at_type(n, first[i].type, cs);
	}
	if (rest != NULL) {
		st->cols[st->n_cols].col = rest;
		st->cols[st->n_cols].node = n;
		st->cols[st->n_cols++].is_rest = true;
	}
	return n->pred->field.scope == FIELD_BARE ? bare_prepare(xs, n, st, e) : 0;
}

/* ---- children ---- */

uint32_t
scan_domain_rows(const struct scan *sc, enum column_domain d)
{
	return d == DOMAIN_SPAN ? sc->n_rows : d == DOMAIN_EVENT ? sc->rg->n_events :
	    sc->rg->n_links;
}

/* The rows of `in` that have children, as ordinals of the count chunk. */
static uint64_t *
parents(struct scan *sc, const struct chunk *counts, const uint64_t *in)
{
	uint64_t *ords = scan_bits(sc, counts->n_present + 64);

	if (ords != NULL)
		chunk_ordinals(counts, in, ords);
	return ords;
}

int
children_of(struct scan *sc, enum column_domain d, const uint64_t *in, uint64_t **bits,
    const struct chunk **counts)
{
	uint32_t n_child = scan_domain_rows(sc, d);
	const struct chunk *c = NULL;
	uint64_t *ords;
	int rc;

	*counts = NULL;
	if (n_child == 0)
		return 0;
	if ((rc = scan_chunk(sc, d == DOMAIN_EVENT ? COL_N_EVENTS : COL_N_LINKS, &c)) < 0 ||
	    c == NULL)
		return rc;
	if ((*bits = scan_bits(sc, n_child)) == NULL || (ords = parents(sc, c, in)) == NULL) {
		chunk_put(c);
		return ERR_NOMEM;
	}
	/* Children of neighbours are neighbours: a run of parents is a run of children. */
	for (size_t i = 0, to; i < c->n_present; i = to) {
		bool one = bitmap_get(ords, i);

		to = bitmap_run(ords, i, c->n_present);
		if (one)
			bitmap_set_range(*bits, c->sums[i], c->sums[to]);
	}
	*counts = c;
	return 0;
}

/* The ordinal of the parent of child k, from ordinal `from` on. */
static uint32_t
parent_of(const struct chunk *c, uint32_t from, uint32_t k)
{
	uint32_t next = from + 1;

	LOWER_BOUND(next, c->n_present, i, c->sums[i] <= k);
	return next - 1;
}

int
children_rows(struct scan *sc, const struct chunk *c, const uint64_t *in, const uint64_t *bits,
    uint64_t *out)
{
	uint64_t *ords, *want;
	uint32_t at = 0, n_child = c->sums[c->n_present];

	if (!bitmap_any(bits, n_child))
		return 0;
	ords = scan_bits(sc, c->n_present + 64);
	if (ords == NULL || (want = parents(sc, c, in)) == NULL)
		return ERR_NOMEM;
	BITMAP_EACH(bits, n_child, k) {
		at = parent_of(c, at, (uint32_t)k);
		bitmap_set(ords, at);
	}
	bitmap_and(ords, want, c->n_present);
	chunk_rows(c, ords, out);
	return 0;
}

/* ---- evaluation ---- */

static int
columns_eval(struct scan *sc, struct leaf_state *st, const uint64_t *in, uint64_t *out)
{
	int rc;

	for (uint32_t i = 0; i < st->n_cols; i++)
		if ((rc = column_eval(sc, &st->cols[i], in, out)) < 0)
			return rc;
	return 0;
}

static int
child_eval(struct scan *sc, const struct fnode *n, struct leaf_state *st, const uint64_t *in,
    uint64_t *out)
{
	const struct chunk *counts;
	uint64_t *kids, *got;
	int rc;

	if (st->n_cols == 0)
		return 0;
	if ((rc = children_of(sc, n->domain, in, &kids, &counts)) < 0 || counts == NULL)
		return rc;
	if ((got = scan_bits(sc, scan_domain_rows(sc, n->domain))) == NULL)
		rc = ERR_NOMEM;
	else if ((rc = columns_eval(sc, st, kids, got)) == 0)
		rc = children_rows(sc, counts, in, got, out);
	chunk_put(counts);
	return rc;
}

/* Rows of rest maps that have the key, whatever its value. */
static int
rest_has(struct scan *sc, const struct col_state *cs, const uint64_t *in, uint64_t *out)
{
	const struct pred has = { .kind = PRED_LEAF, .op = OP_HAS,
		.field = cs->node->pred->field };
	struct fnode node = { .pred = &has, .cls = LEAF_ATTR };
	struct col_state tmp = { .col = cs->col, .node = &node, .is_rest = true };
	int rc = matcher_new(&has, &node.m, sc->e);

	if (rc == 0)
		rc = column_eval(sc, &tmp, in, out);
	col_state_release(&tmp);
	matcher_free(node.m);
	return rc;
}

/* The rows of `in` whose span has the attribute. */
static int
span_has(struct scan *sc, struct leaf_state *st, const uint64_t *in, uint64_t *out)
{
	int rc = 0;

	for (uint32_t i = 0; i < st->n_cols && rc == 0; i++) {
		const struct chunk *c = NULL;
		uint64_t *has;

		if (st->cols[i].is_rest) {
			rc = rest_has(sc, &st->cols[i], in, out);
			continue;
		}
		if ((rc = chunk_get(sc->xs->s, st->cols[i].col, sc->group, &c, sc->e)) < 0 ||
		    c == NULL)
			continue;
		if ((has = scan_bits(sc, sc->n_rows)) == NULL) {
			rc = ERR_NOMEM;
		} else {
			chunk_presence(c, has);
			bitmap_and(has, in, sc->n_rows);
			bitmap_or(out, has, sc->n_rows);
		}
		chunk_put(c);
	}
	return rc;
}

struct owner_arg {
	const struct fnode *node;
	const struct resource *resources;
};

static int
match_resource(void *arg, uint32_t code, struct err *e)
{
	const struct owner_arg *a = arg;
	const struct field f = { .scope = FIELD_RESOURCE, .key = a->node->pred->field.key };
	const struct span part = { .resource = &a->resources[code] };
	struct field_value v;

	return field_value_first(&f, &(struct field_row){ .span = &part }, &v) ?
	    matcher_field(a->node->m, &v, e) : 0;
}

static int
bare_eval(struct scan *sc, const struct fnode *n, struct leaf_state *st, const uint64_t *in,
    uint64_t *out)
{
	struct owner_arg a = { n, NULL };
	uint64_t *has, *left;
	size_t n_resources;
	int rc;

	if ((rc = columns_eval(sc, st, in, out)) < 0 || !st->resource_has)
		return rc;
	has = scan_bits(sc, sc->n_rows);
	left = scan_bits(sc, sc->n_rows);
	if (has == NULL || left == NULL)
		return ERR_NOMEM;
	if ((rc = span_has(sc, st, in, has)) < 0 ||
	    (rc = shard_resources(sc->xs->s, &a.resources, &n_resources, sc->e)) < 0)
		return rc;
	for (size_t i = 0; i < BITMAP_WORDS(sc->n_rows); i++)
		left[i] = in[i] & ~has[i];
	return owners_eval(sc, COL_RESOURCE, &st->owners, match_resource, &a, left, out);
}

int
attr_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];

	if (n->domain != DOMAIN_SPAN)
		return child_eval(sc, n, st, in, out);
	if (n->pred->field.scope == FIELD_BARE)
		return bare_eval(sc, n, st, in, out);
	return columns_eval(sc, st, in, out);
}
