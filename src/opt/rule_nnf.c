/* SPDX-License-Identifier: ISC */
/*
 * rule nnf: negation normal form: NOT goes down to the leaves (De Morgan), where pruning and
 * indexes see what stands above it. At a leaf it stays, unless the opposite operator says the
 * same: on intrinsics that every span has, and on a span attribute that every row of every
 * shard in the range has, not empty, which the footers prove by its count of rows. Elsewhere
 * NOT a = 1 also holds where a is missing, and a != 1 does not. Orders of attributes have no
 * opposite: of a text neither a < 1 nor a >= 1 holds.
 *
 * The walk recurses as deep as the filter nests, which LIMIT_NESTING bounds.
 */
#include "opt_i.h"

static const struct {
	enum pred_op op, opposite;
	bool order;		/* by < and >, not by equality or text */
	bool text;
} pairs[] = {
	{ OP_EQ, OP_NE, false, false },
	{ OP_IN, OP_NOTIN, false, false },
	{ OP_CONTAINS, OP_NOTCONTAINS, false, true },
	{ OP_RE, OP_NRE, false, true },
	{ OP_LT, OP_GE, true, false },
	{ OP_LE, OP_GT, true, false },
};

enum opposite_kind { OPP_NONE, OPP_EQUALITY, OPP_ORDER, OPP_TEXT };

static enum opposite_kind
opposite_of(enum pred_op op, enum pred_op *out)
{
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (op != pairs[i].op && op != pairs[i].opposite)
			continue;
		*out = op == pairs[i].op ? pairs[i].opposite : pairs[i].op;
		return pairs[i].order ? OPP_ORDER : pairs[i].text ? OPP_TEXT : OPP_EQUALITY;
	}
	return OPP_NONE;
}

static bool
is_number(const struct literal *l)
{
	return l->is_int || l->is_double;
}

/* True if of an intrinsic that is always there the opposite operator is the negation. */
static bool
intrinsic_allows(const struct pred *p, enum opposite_kind k)
{
	switch (p->field.intrinsic) {
	case IN_SERVICE:
	case IN_NAME:
		/* Strings have no order against a number: neither < nor >= holds. */
		return k != OPP_ORDER || !is_number(&p->lits[0]);
	case IN_KIND:
	case IN_STATUS:
		return k != OPP_ORDER;
	case IN_TRACE_ID:
	case IN_SPAN_ID:
		return true;
	case IN_START:
	case IN_END:
	case IN_DURATION:
		return k != OPP_TEXT;
	default:
		return false;
	}
}

/* True if all rows of the shard have the attribute, with a value that is not empty. */
static bool
everywhere(const struct shard_stats *s, const struct field *f)
{
	const struct column_stats *c;
	uint64_t rows = 0;
	size_t n;

	c = stats_columns(s, f, &n);
	for (size_t i = 0; i < n; i++)
		rows += c[i].loose || c[i].type == VAL_EMPTY ? 0 : c[i].n_present;
	return rows == s->n_rows;
}

static bool
attribute_allows(const struct opt *o, const struct pred *p, enum opposite_kind k)
{
	struct field f = p->field;
	bool proved = false;

	if (k == OPP_ORDER || (f.scope != FIELD_SPAN && f.scope != FIELD_BARE))
		return false;
	f.scope = FIELD_SPAN;
	for (size_t i = 0; i < o->plan->scan.n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (s->n_rows == 0 ||
		    !range_meets(o->plan->filter.range, s->min_start, s->max_start))
			continue;
		if (!shard_known(o, i) || !everywhere(s, &f))
			return false;
		proved = true;
	}
	return proved;
}

static const struct pred *
negate_leaf(const struct opt *o, const struct pred *leaf)
{
	enum pred_op op;
	enum opposite_kind k = opposite_of(leaf->op, &op);

	if (k == OPP_NONE || (leaf->field.scope == FIELD_INTRINSIC ?
	    !intrinsic_allows(leaf, k) : !attribute_allows(o, leaf, k)))
		return pred_not(o->arena, leaf);
	return pred_leaf(o->arena, op, leaf->field, leaf->lits, leaf->n_lits);
}

static const struct pred *nnf(const struct opt *, const struct pred *, bool negated);

static const struct pred *
nnf_kids(const struct opt *o, const struct pred *p, bool negated)
{
	const struct pred **kids = arena_array(o->arena, p->n_kids, const struct pred *);

	if (kids == NULL)
		return NULL;
	for (size_t i = 0; i < p->n_kids; i++)
		if ((kids[i] = nnf(o, p->kids[i], negated)) == NULL)
			return NULL;
	return (p->kind == PRED_AND) != negated ? pred_and(o->arena, kids, p->n_kids) :
	    pred_or(o->arena, kids, p->n_kids);
}

static bool
has_not(const struct pred *p)
{
	if (p->kind == PRED_NOT)
		return true;
	for (size_t i = 0; i < p->n_kids; i++)
		if (has_not(p->kids[i]))
			return true;
	return false;
}

/* NULL: no memory. */
static const struct pred *
nnf(const struct opt *o, const struct pred *p, bool negated)
{
	switch (p->kind) {
	case PRED_NOT:
		return nnf(o, p->kids[0], !negated);
	case PRED_AND:
	case PRED_OR:
		return negated || has_not(p) ? nnf_kids(o, p, negated) : p;
	case PRED_LEAF:
		return negated ? negate_leaf(o, p) : p;
	case PRED_TRUE:
	case PRED_FALSE:
		break;
	}
	return negated ? pred_not(o->arena, p) : p;
}

int
rule_nnf(struct opt *o, bool *changed, struct err *e)
{
	const struct pred *p = nnf(o, o->plan->filter.pred, false);

	if (p == NULL)
		return err_nomem(e);
	if (!pred_eq(p, o->plan->filter.pred)) {
		o->plan->filter.pred = p;
		*changed = true;
	}
	return 0;
}
