/* SPDX-License-Identifier: ISC */
/*
 * held: does a shard hold a field in columns, so that what the footer and indexes say of these
 * columns they say of the field? The one place where that is decided; who concludes anything
 * from statistics (but estimates) asks here first.
 *
 * Not held: what stands elsewhere, or may (resource and scope attributes in tables, rare
 * attributes in a rest column, a bare name that a resource has); what columns imply but do not
 * hold (ends, parents, facts of traces, empty names of events); words, which may be in any text; and numbers that are
 * looked at as texts.
 */
#include "opt_i.h"

/* Numbers in columns, words or hex digits to text operators. */
static bool
is_number_as_text(const struct pred *p)
{
	enum pred_op op = pred_op_positive(p->op);

	return p->field.scope == FIELD_INTRINSIC &&
	    intrinsics[p->field.intrinsic].type != FT_STRING &&
	    (op == OP_CONTAINS || op == OP_STARTS || op == OP_ENDS || op == OP_RE);
}

/* Of the span's attribute; false if a resource has the key, as far as statistics know. */
static bool
bare_field(const struct shard_stats *s, struct field *f)
{
	size_t n;

	f->scope = FIELD_RESOURCE;
	(void)stats_columns(s, f, &n);
	f->scope = FIELD_SPAN;
	return n == 0;
}

/* Intrinsics that some column is, if any row has a value. */
static bool
is_column(enum intrinsic i)
{
	switch (i) {
	case IN_NAME:
	case IN_KIND:
	case IN_STATUS:
	case IN_STATUS_MESSAGE:
	case IN_SPAN_ID:
	case IN_TRACE_STATE:
	case IN_FLAGS:
	case IN_START:
	case IN_EVENT_NAME:
	case IN_LINK_SPAN_ID:
		return true;
	default:
		return false;
	}
}

/* An event's name, a link's id: may the empty one satisfy, which stands in no column? */
static bool
empty_may(const struct pred *p)
{
	if (p->field.scope != FIELD_INTRINSIC ||
	    (intrinsics[p->field.intrinsic].of != OF_EVENT &&
	    intrinsics[p->field.intrinsic].of != OF_LINK))
		return false;
	if (p->op != OP_EQ && p->op != OP_IN && p->op != OP_CONTAINS && p->op != OP_STARTS &&
	    p->op != OP_ENDS)
		return true;
	for (size_t i = 0; i < p->n_lits; i++)
		if (p->field.intrinsic == IN_EVENT_NAME ? p->lits[i].text.n == 0 :
		    (p->lits[i].hi | p->lits[i].lo) == 0)
			return true;
	return false;
}

bool
leaf_held(const struct shard_stats *s, const struct pred *p, const struct column_stats **cols,
    size_t *n)
{
	struct field f = p->field;

	*n = 0;
	if (p->op == OP_TEXT || is_number_as_text(p) || empty_may(p))
		return false;
	switch (f.scope) {
	case FIELD_RESOURCE:
	case FIELD_SCOPE:
	case FIELD_PARENT:
		return false;
	case FIELD_INTRINSIC:
		if (!is_column(f.intrinsic))
			return false;
		break;
	case FIELD_BARE:
		if (!s->all_keys || !bare_field(s, &f))
			return false;
		break;
	case FIELD_SPAN:
	case FIELD_EVENT:
	case FIELD_LINK:
		if (!s->all_keys)
			return false;
		break;
	}
	*cols = stats_columns(s, &f, n);
	for (size_t i = 0; i < *n; i++)
		if ((*cols)[i].loose)
			return false;
	return true;
}

bool
column_may_satisfy(const struct column_stats *c, const struct pred *p)
{
	bool number = false, boolean = false;

	if (c->n_present == 0)
		return false;
	if (p->op == OP_HAS || c->field.scope == FIELD_INTRINSIC)
		return true;
	if (c->type == VAL_EMPTY)
		return false;
	if (pred_op_negative(p->op))
		return true;
	for (size_t i = 0; i < p->n_lits; i++) {
		number |= p->lits[i].is_int || p->lits[i].is_double;
		boolean |= p->lits[i].is_bool;
	}
	switch (c->type) {
	case VAL_INT:
	case VAL_DOUBLE:
		return number;
	case VAL_BOOL:
		return boolean;
	case VAL_BYTES:
	case VAL_MAP:
		return false;
	default:
		return true;
	}
}
