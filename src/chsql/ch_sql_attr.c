/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_attr: conditions on attributes in a Map. The value of a key is text, of which ch_span
 * makes a number or boolean again where its spelling is that number's own. So a literal that is
 * no number is compared as text, exactly; one that is a number is compared as text or within
 * bounds a little wide, since the server's reading of doubles may be off in the last digits.
 */
#include <math.h>

#include "ch_sql_i.h"
#include "match/compare.h"

/* Relative, of what a number is read as. */
#define SLACK 1e-12

bool
all_plain(const struct pred *p)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (!text_plain(p->lits[i].text))
			return false;
	return true;
}

static bool
any_number(const struct pred *p)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (literal_is_number(&p->lits[i]))
			return true;
	return false;
}

static bool
integers(const struct pred *p, bool others)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (!p->lits[i].is_int && (!others || literal_is_number(&p->lits[i]) ||
		    !text_plain(p->lits[i].text)))
			return false;
	return true;
}

/* Exact, but for values in doubt. */
static bool
in_doubt(const struct pred *p)
{
	if (p->field.scope != FIELD_SPAN && p->field.scope != FIELD_RESOURCE && p->field.scope != FIELD_BARE)
		return false;
	/* Of a resource's another column says whether it is text, whatever it looks like (ch_span.c). */
	if (p->field.scope != FIELD_SPAN && sv_is(p->field.key, "service.name"))
		return false;
	switch (p->op) {
	case OP_EQ:
	case OP_NE:
	case OP_IN:
	case OP_NOTIN:
		return integers(p, true);
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
	case OP_BETWEEN:
		return integers(p, false);
	case OP_RE:
	case OP_NRE:
		return re_alike(p->lits[0].text);
	default:
		return (p->op == OP_CONTAINS || p->op == OP_NOTCONTAINS || p->op == OP_STARTS || p->op == OP_ENDS) &&
		    p->lits[0].text.n != 0 && text_plain(p->lits[0].text);
	}
}

enum how
attr_how(const struct pred *p)
{
	/* An empty key of type LowCardinality is not found by mapContains, nor always by []. */
	if (p->field.key.n == 0 || !text_plain(p->field.key) || p->op == OP_TEXT)
		return LEAF_NOT;
	switch (p->op) {
	case OP_HAS:
		return LEAF_EXACT;
	case OP_EQ:
	case OP_NE:
	case OP_IN:
	case OP_NOTIN:
		if (all_plain(p) && !any_number(p))
			return LEAF_EXACT;
		break;
	default:
		break;
	}
	return in_doubt(p) ? LEAF_DOUBT : LEAF_WIDE;
}

/* ---- one value: of a column of maps, or the map that a lambda is at ---- */

struct place
place_of(const struct writer *w, enum ch_span_column map, struct sv key, bool lambda)
{
	struct place at = { .lambda = lambda, .map = map, .key = key };

	if (lambda)
		return at;
	at.items = map == CHC_ATTRS ? w->s->attr_items : w->s->resource_items;
	for (size_t i = 0; i < w->s->n_computed; i++)
		if (w->s->computed[i].of == map && sv_eq(w->s->computed[i].key, key))
			at.computed = w->s->computed[i].name;
	return at;
}

static void
map_write(struct writer *w, const struct place *at)
{
	if (at->lambda)
		W(w, "spanfs_m");
	else
		w_column(w, at->map);
}

void
place_guard(struct writer *w, const struct place *at)
{
	W(w, "mapContains(");
	map_write(w, at);
	W(w, ", ");
	w_text(w, at->key);
	W(w, ")");
}

void
place_value(struct writer *w, const struct place *at)
{
	if (at->computed.n != 0) {
		w_name(w, at->computed);
		return;
	}
	map_write(w, at);
	W(w, "[");
	w_text(w, at->key);
	W(w, "]");
}

static void
item(struct writer *w, const struct place *at, struct sv text)
{
	struct buf b = BUF_INIT;

	buf_sv(&b, at->key);
	buf_putc(&b, '=');
	buf_sv(&b, text);
	w->oom = w->oom || b.oom;
	W(w, " AND has(");
	w_name(w, at->items);
	W(w, ", ");
	w_text(w, buf_view(&b));
	W(w, ")");
	buf_release(&b);
}

double
a_little_less(double d)
{
	return d - fabs(d) * SLACK;
}

double
a_little_more(double d)
{
	return d + fabs(d) * SLACK;
}

double
literal_number(const struct literal *l)
{
	return l->is_int ? (double)l->i : l->d;
}

/* The value as a number, from lo to hi; either may be infinite. */
static void
within(struct writer *w, const struct place *at, double lo, double hi)
{
	W(w, "ifNull(toFloat64OrNull(");
	place_value(w, at);
	W(w, ")");
	if (isinf(hi)) {
		W(w, " >= ");
		w_double(w, lo);
	} else if (isinf(lo)) {
		W(w, " <= ");
		w_double(w, hi);
	} else {
		W(w, " BETWEEN ");
		w_double(w, lo);
		W(w, " AND ");
		w_double(w, hi);
	}
	W(w, ", 0)");
}

/* Any of the literals: as texts, and those that are numbers as numbers. */
static void
any_of(struct writer *w, const struct place *at, const struct pred *p)
{
	struct sv *texts = arena_array(w->a, p->n_lits, struct sv);

	if (texts == NULL) {
		w->oom = true;
		return;
	}
	for (size_t i = 0; i < p->n_lits; i++)
		texts[i] = p->lits[i].text;
	W(w, "(");
	place_value(w, at);
	if (p->n_lits == 1) {
		W(w, " = ");
		w_text(w, texts[0]);
	} else {
		W(w, " IN ");
		w_texts(w, texts, p->n_lits);
	}
	for (size_t i = 0; i < p->n_lits; i++)
		if (literal_is_number(&p->lits[i])) {
			double d = literal_number(&p->lits[i]);

			W(w, " OR ");
			within(w, at, a_little_less(d), a_little_more(d));
		}
	W(w, ")");
	if (p->n_lits == 1 && !any_number(p) && at->items.n != 0)
		item(w, at, texts[0]);
}

static void
none_of(struct writer *w, const struct place *at, const struct pred *p)
{
	W(w, " AND NOT ");
	struct place plain = *at;
	plain.items = SV_EMPTY;
	any_of(w, &plain, p);
}

static void
call(struct writer *w, const struct place *at, const struct pred *p)
{
	switch (p->op) {
	case OP_CONTAINS:
		W(w, " AND position(");
		break;
	case OP_STARTS:
		W(w, " AND startsWith(");
		break;
	default:
		W(w, " AND endsWith(");
	}
	place_value(w, at);
	W(w, ", ");
	w_text(w, p->lits[0].text);
	W(w, ")");
	if (p->op == OP_CONTAINS)
		W(w, " > 0");
}

static void
order(struct writer *w, const struct place *at, const struct pred *p)
{
	double d = literal_number(&p->lits[0]);

	W(w, " AND ");
	if (p->op == OP_BETWEEN)
		within(w, at, a_little_less(d), a_little_more(literal_number(&p->lits[1])));
	else if (p->op == OP_GT || p->op == OP_GE)
		within(w, at, a_little_less(d), INFINITY);
	else
		within(w, at, -INFINITY, a_little_more(d));
}

static bool
all_numbers(const struct pred *p)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (!literal_is_number(&p->lits[i]))
			return false;
	return true;
}

/* The key is there, and what of its value can be said. */
static void
test(struct writer *w, const struct place *at, const struct pred *p)
{
	place_guard(w, at);
	switch (p->op) {
	case OP_EQ:
	case OP_IN:
		if (!all_plain(p))
			break;
		W(w, " AND ");
		any_of(w, at, p);
		break;
	case OP_NE:
	case OP_NOTIN:
		if (all_plain(p) && !any_number(p))
			none_of(w, at, p);
		break;
	case OP_CONTAINS:
	case OP_STARTS:
	case OP_ENDS:
		if (all_plain(p) && p->lits[0].text.n != 0)
			call(w, at, p);
		break;
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
	case OP_BETWEEN:
		if (all_numbers(p))
			order(w, at, p);
		break;
	default:
		break;
	}
}

/* The span's if it has it, else the resource's. */
static void
bare(struct writer *w, const struct pred *p)
{
	struct place own = place_of(w, CHC_ATTRS, p->field.key, false);
	struct place of = place_of(w, CHC_RESOURCE, p->field.key, false);

	W(w, "(");
	test(w, &own, p);
	if (w->span_only) {
		W(w, ")");
		return;
	}
	W(w, " OR NOT ");
	place_guard(w, &own);
	W(w, " AND ");
	test(w, &of, p);
	W(w, ")");
}

static enum ch_span_column
column_of(const struct field *f)
{
	return f->scope == FIELD_RESOURCE ? CHC_RESOURCE : f->scope == FIELD_SPAN ? CHC_ATTRS :
	    f->scope == FIELD_EVENT ? CHC_EVENT_ATTRS : CHC_LINK_ATTRS;
}

void
attr_write(struct writer *w, const struct pred *p)
{
	enum ch_span_column c = column_of(&p->field);
	bool many = c == CHC_EVENT_ATTRS || c == CHC_LINK_ATTRS;
	struct place at;

	if (p->field.scope == FIELD_BARE) {
		bare(w, p);
		return;
	}
	if (!w_have(w, c)) {
		W(w, "0");
		return;
	}
	at = place_of(w, c, p->field.key, many);
	W(w, "(");
	if (many)
		W(w, "arrayExists(spanfs_m -> ");
	test(w, &at, p);
	if (many) {
		W(w, ", ");
		w_column(w, c);
		W(w, ")");
	}
	W(w, ")");
}

void
attr_there(struct writer *w, const struct field *f)
{
	struct place at = place_of(w, f->scope == FIELD_RESOURCE ? CHC_RESOURCE : CHC_ATTRS, f->key, false);

	place_guard(w, &at);
	if (f->scope != FIELD_BARE || w->own)
		return;
	at = place_of(w, CHC_RESOURCE, f->key, false);
	W(w, " OR ");
	place_guard(w, &at);
}

static void
bare_value(struct writer *w, const struct field *f)
{
	struct place own = place_of(w, CHC_ATTRS, f->key, false), of = place_of(w, CHC_RESOURCE, f->key, false);

	if (w->own) {
		place_value(w, &own);
		return;
	}
	W(w, "if(");
	place_guard(w, &own);
	W(w, ", ");
	place_value(w, &own);
	W(w, ", ");
	place_value(w, &of);
	W(w, ")");
}

void
attr_value(struct writer *w, const struct field *f)
{
	enum ch_span_column c = column_of(f);
	bool many = c == CHC_EVENT_ATTRS || c == CHC_LINK_ATTRS;
	struct place at;

	if (f->scope == FIELD_BARE) {
		bare_value(w, f);
		return;
	}
	at = place_of(w, c, f->key, many);
	if (!many) {
		place_value(w, &at);
		return;
	}
	W(w, "arrayMap(spanfs_m -> ");
	place_value(w, &at);
	W(w, ", arrayFilter(spanfs_m -> ");
	place_guard(w, &at);
	W(w, ", ");
	w_column(w, c);
	W(w, "))");
}
