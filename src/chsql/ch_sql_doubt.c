/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_doubt: leaves that are exact for spans whose value is not in doubt. In doubt is a text that is
 * not UTF-8, of which a pattern sees the repaired form here, and an attribute that reads as a number but
 * is not spelled as an integer is: it may be a double, or text. Any other attribute is an integer if it
 * is spelled as one, a boolean if it is true or false, else text (ch_span.c).
 *
 * With D for the doubt and T for the test a leaf is "D OR T", under NOT "NOT D AND T": so what is in
 * doubt always passes, and who counts what passes counts D beside it. If that is none, no D held
 * anywhere, and all was exact.
 */
#include "ch_sql_i.h"
#include "match/compare.h"

static bool
is_re(const struct pred *p)
{
	return p->op == OP_RE || p->op == OP_NRE;
}

static bool
in_text(enum pred_op op)
{
	return op == OP_CONTAINS || op == OP_NOTCONTAINS || op == OP_STARTS || op == OP_ENDS;
}

/* ---- texts that are columns ---- */

static void
column_doubt(struct writer *w, const struct pred *p, bool there)
{
	if (there)
		W(w, "NOT ");
	W(w, "isValidUTF8(");
	w_column(w, leaf_rows[p->field.intrinsic].column);
	W(w, ")");
}

static void
column_leaf(struct writer *w, const struct pred *p, bool deny)
{
	const struct leaf_row *r = &leaf_rows[p->field.intrinsic];

	W(w, "(");
	column_doubt(w, p, !deny);
	if (deny)
		W(w, " AND ");
	else
		W(w, " OR ");
	if (r->optional) {
		w_column(w, r->column);
		W(w, " != '' AND ");
	}
	if (p->op == OP_NRE)
		W(w, "NOT ");
	W(w, "match(");
	w_column(w, r->column);
	W(w, ", ");
	w_re(w, p->lits[0].text);
	W(w, "))");
}

/* ---- attributes ---- */

static void
as_integer(struct writer *w, const struct place *at)
{
	W(w, "toString(toInt64OrZero(");
	place_value(w, at);
	W(w, "))");
}

static void
attr_doubt(struct writer *w, const struct place *at, const struct pred *p)
{
	W(w, "(isNotNull(toFloat64OrNull(");
	place_value(w, at);
	W(w, ")) AND ");
	as_integer(w, at);
	W(w, " != ");
	place_value(w, at);
	if (is_re(p)) {
		W(w, " OR NOT isValidUTF8(");
		place_value(w, at);
		W(w, ")");
	}
	W(w, ")");
}

/* The positive of a list: texts as they are typed, integers as they are spelled. */
static void
one_of(struct writer *w, const struct place *at, const struct pred *p)
{
	struct sv *texts = arena_array(w->a, 2 * p->n_lits + 1, struct sv);
	size_t n = 0;

	if (texts == NULL) {
		w->oom = true;
		return;
	}
	for (size_t i = 0; i < p->n_lits; i++) {
		texts[n++] = p->lits[i].text;
		if (!p->lits[i].is_int)
			continue;
		texts[n] = sv_cstr(arena_printf(w->a, "%jd", (intmax_t)p->lits[i].i));
		w->oom = w->oom || texts[n].p == NULL;
		n += !sv_eq(texts[n], texts[n - 1]);
	}
	place_value(w, at);
	W(w, " IN ");
	w_texts(w, texts, n);
}

static void
ordered(struct writer *w, const struct place *at, const struct pred *p)
{
	static const char *const signs[] = { [OP_LT] = " < ", [OP_LE] = " <= ", [OP_GT] = " > ",
		[OP_GE] = " >= ", [OP_BETWEEN] = " BETWEEN " };

	W(w, "ifNull(toInt64OrNull(");
	place_value(w, at);
	W(w, ")");
	buf_str(&w->b, signs[p->op]);
	w_i64(w, p->lits[0].i);
	if (p->op == OP_BETWEEN) {
		W(w, " AND ");
		w_i64(w, p->lits[1].i);
	}
	W(w, ", 0)");
}

/* Numbers and booleans have no texts. */
static void
of_text(struct writer *w, const struct place *at, const struct pred *p)
{
	if (is_re(p))
		W(w, "match(");
	else if (p->op == OP_STARTS)
		W(w, "startsWith(");
	else if (p->op == OP_ENDS)
		W(w, "endsWith(");
	else
		W(w, "position(");
	place_value(w, at);
	W(w, ", ");
	if (is_re(p))
		w_re(w, p->lits[0].text);
	else
		w_text(w, p->lits[0].text);
	W(w, ")");
	if (p->op == OP_CONTAINS || p->op == OP_NOTCONTAINS)
		W(w, " > 0");
	W(w, " AND ");
	place_value(w, at);
	W(w, " NOT IN ('true', 'false') AND ");
	as_integer(w, at);
	W(w, " != ");
	place_value(w, at);
}

static void
attr_test(struct writer *w, const struct place *at, const struct pred *p, bool deny)
{
	place_guard(w, at);
	W(w, " AND (");
	if (deny)
		W(w, "NOT ");
	attr_doubt(w, at, p);
	if (deny)
		W(w, " AND ");
	else
		W(w, " OR ");
	if (pred_op_negative(p->op))
		W(w, "NOT ");
	W(w, "(");
	if (is_re(p) || in_text(p->op))
		of_text(w, at, p);
	else if (pred_op_order(p->op))
		ordered(w, at, p);
	else
		one_of(w, at, p);
	W(w, "))");
}

/* The doubt alone, or the test with it: of a bare name the span's attribute, else its resource's. */
static void
attr_part(struct writer *w, const struct pred *p, const struct place *at, bool alone, bool deny)
{
	if (!alone) {
		attr_test(w, at, p, deny);
		return;
	}
	place_guard(w, at);
	W(w, " AND ");
	attr_doubt(w, at, p);
}

static void
attr_leaf(struct writer *w, const struct pred *p, bool alone, bool deny)
{
	bool bare = p->field.scope == FIELD_BARE && !w->span_only;
	struct place at = place_of(w, p->field.scope == FIELD_RESOURCE ? CHC_RESOURCE : CHC_ATTRS, p->field.key, false);

	W(w, "(");
	attr_part(w, p, &at, alone, deny);
	if (bare) {
		W(w, " OR NOT ");
		place_guard(w, &at);
		W(w, " AND ");
		at = place_of(w, CHC_RESOURCE, p->field.key, false);
		attr_part(w, p, &at, alone, deny);
	}
	W(w, ")");
}

/* ---- both ---- */

void
doubt_leaf(struct writer *w, const struct pred *p, bool deny)
{
	if (p->field.scope == FIELD_INTRINSIC)
		column_leaf(w, p, deny);
	else
		attr_leaf(w, p, false, deny);
}

void
doubt_begin(struct writer *w, const char *before, bool *any)
{
	if (*any)
		W(w, " OR ");
	else
		buf_str(&w->b, before);
	*any = true;
}

void
doubts_add(struct writer *w, const struct pred *p, const char *before, bool *any)
{
	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		doubts_add(w, p->kids[i], before, any);
	if (p->kind != PRED_LEAF || leaf_how(w, p) != LEAF_DOUBT)
		return;
	doubt_begin(w, before, any);
	if (p->field.scope == FIELD_INTRINSIC)
		column_doubt(w, p, true);
	else
		attr_leaf(w, p, true, false);
}

bool
doubts_write(struct writer *w, const struct pred *filter, const char *before)
{
	bool any = false;

	doubts_add(w, filter, before, &any);
	if (any)
		W(w, ")");
	return any;
}
