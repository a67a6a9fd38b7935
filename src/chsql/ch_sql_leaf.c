/* SPDX-License-Identifier: ISC */
/* ch_sql_leaf: conditions on what is a column of its own; those on attributes are in ch_sql_attr.c. */
#include <stdio.h>

#include "ch_sql_i.h"
#include "chsql/ch_words.h"
#include "match/compare.h"

static bool
is_list(const struct pred *p)
{
	return p->op == OP_EQ || p->op == OP_NE || p->op == OP_IN || p->op == OP_NOTIN;
}

/* ---- which column, and of what sort ---- */

const struct leaf_row leaf_rows[N_INTRINSICS] = {
	[IN_SERVICE] = { SORT_TEXT, CHC_SERVICE, false, false },
	[IN_NAME] = { SORT_TEXT, CHC_NAME, false, false },
	[IN_KIND] = { SORT_KIND, CHC_KIND, false, false },
	[IN_STATUS] = { SORT_STATUS, CHC_STATUS, false, false },
	[IN_STATUS_MESSAGE] = { SORT_TEXT, CHC_MESSAGE, true, false },
	[IN_SCOPE] = { SORT_TEXT, CHC_SCOPE, true, false },
	[IN_SCOPE_VERSION] = { SORT_TEXT, CHC_SCOPE_VERSION, true, false },
	[IN_TRACE_ID] = { SORT_TRACE, CHC_TRACE_ID, false, false },
	[IN_SPAN_ID] = { SORT_SPAN, CHC_SPAN_ID, false, false },
	[IN_PARENT_SPAN_ID] = { SORT_SPAN, CHC_PARENT_SPAN_ID, true, false },
	[IN_TRACE_STATE] = { SORT_TEXT, CHC_TRACE_STATE, true, false },
	[IN_FLAGS] = { SORT_NEVER, 0, true, false },
	[IN_START] = { SORT_TIME, CHC_TIMESTAMP, false, false },
	[IN_END] = { SORT_LEFT, 0, false, false },
	[IN_DURATION] = { SORT_DURATION, CHC_DURATION, false, false },
	[IN_BUCKET] = { SORT_LEFT, 0, false, false },
	[IN_ROOT_SERVICE] = { SORT_LEFT, 0, false, false },
	[IN_ROOT_NAME] = { SORT_LEFT, 0, false, false },
	[IN_TRACE_START] = { SORT_LEFT, 0, false, false },
	[IN_TRACE_DURATION] = { SORT_LEFT, 0, false, false },
	[IN_TRACE_SPANS] = { SORT_LEFT, 0, false, false },
	[IN_TRACE_ERRORS] = { SORT_LEFT, 0, false, false },
	[IN_CHILD_COUNT] = { SORT_LEFT, 0, false, false },
	[IN_EVENT_NAME] = { SORT_TEXT, CHC_EVENT_NAME, false, true },
	[IN_EVENT_TIME] = { SORT_LEFT, 0, false, true },
	[IN_LINK_TRACE_ID] = { SORT_TRACE, CHC_LINK_TRACE_ID, false, true },
	[IN_LINK_SPAN_ID] = { SORT_SPAN, CHC_LINK_SPAN_ID, false, true },
	[IN_DEPTH] = { SORT_LEFT, 0, false, false },
	[IN_SELF_DURATION] = { SORT_LEFT, 0, false, false },
	[IN_SCORE_NAME] = { SORT_LEFT, 0, false, true },
	[IN_SCORE_VALUE] = { SORT_LEFT, 0, false, true },
	[IN_SCORE_LABEL] = { SORT_LEFT, 0, false, true },
	[IN_TOKENS_INPUT] = { SORT_LEFT, 0, false, false },
	[IN_TOKENS_OUTPUT] = { SORT_LEFT, 0, false, false },
	[IN_TOKENS_TOTAL] = { SORT_LEFT, 0, false, false },
	[IN_COST] = { SORT_LEFT, 0, false, false },
};

/* ---- how far each can be said ---- */

static enum how
text_how(const struct pred *p, bool many)
{
	switch (p->op) {
	case OP_RE:
	case OP_NRE:
		return !many && re_alike(p->lits[0].text) ? LEAF_DOUBT : LEAF_NOT;
	case OP_HAS:
		return LEAF_EXACT;
	case OP_CONTAINS:
	case OP_NOTCONTAINS:
	case OP_STARTS:
	case OP_ENDS:
		return p->lits[0].text.n != 0 && text_plain(p->lits[0].text) ? LEAF_EXACT : LEAF_NOT;
	default:
		break;
	}
	if (!is_list(p))
		return LEAF_NOT;
	for (size_t i = 0; i < p->n_lits; i++)
		if (!text_plain(p->lits[i].text))
			return LEAF_NOT;
	return LEAF_EXACT;
}

static enum how
intrinsic_how(const struct ch_schema *s, const struct pred *p)
{
	const struct leaf_row *r = &leaf_rows[p->field.intrinsic];

	if (r->sort == SORT_NEVER)
		return LEAF_EXACT;
	if (r->sort == SORT_LEFT || p->op == OP_TEXT)
		return LEAF_NOT;
	if (s->columns[r->column].name.n == 0)
		return LEAF_EXACT;	/* nothing has it */
	switch (r->sort) {
	case SORT_TEXT:
		return text_how(p, r->many);
	case SORT_TIME:
	case SORT_DURATION:
		return is_list(p) || pred_op_order(p->op) || p->op == OP_HAS ? LEAF_EXACT : LEAF_NOT;
	default:
		return is_list(p) || p->op == OP_HAS ? LEAF_EXACT : LEAF_NOT;
	}
}

static enum how
any_how(const struct ch_schema *s, const struct pred *p)
{
	if (p->op == OP_TEXT)
		return words_can(s, p) ? LEAF_WIDE : LEAF_NOT;
	switch (p->field.scope) {
	case FIELD_INTRINSIC:
		return intrinsic_how(s, p);
	case FIELD_PARENT:
		return LEAF_NOT;
	case FIELD_SCOPE:
		return LEAF_EXACT;	/* nothing has it */
	default:
		return s->json ? json_how(s, p) : attr_how(p);
	}
}

enum how
leaf_how(const struct writer *w, const struct pred *p)
{
	enum how how = any_how(w->s, p);

	/* Of a pattern nothing better can be said where nobody counts doubts. */
	return how == LEAF_DOUBT && !w->doubts && p->op != OP_RE && p->op != OP_NRE ? LEAF_WIDE : how;
}

/* ---- texts and ids ---- */

/* The column; the element that a lambda is at. */
static void
subject(struct writer *w, const struct leaf_row *r)
{
	if (r->many)
		W(w, "spanfs_m");
	else
		w_column(w, r->column);
}

static void
text_op(struct writer *w, const struct leaf_row *r, const struct pred *p, const struct sv *texts, size_t n)
{
	switch (p->op) {
	case OP_CONTAINS:
	case OP_NOTCONTAINS:
		W(w, "position(");
		break;
	case OP_STARTS:
		W(w, "startsWith(");
		break;
	case OP_ENDS:
		W(w, "endsWith(");
		break;
	default:
		subject(w, r);
		if (pred_op_negative(p->op))
			W(w, " NOT");
		W(w, " IN ");
		w_texts(w, texts, n);
		return;
	}
	subject(w, r);
	W(w, ", ");
	w_text(w, texts[0]);
	W(w, ")");
	if (p->op == OP_CONTAINS)
		W(w, " > 0");
	else if (p->op == OP_NOTCONTAINS)
		W(w, " = 0");
}

static struct sv
id_text(struct writer *w, enum leaf_sort sort, const struct literal *l)
{
	char *t;

	if (sort == SORT_TEXT)
		return l->text;
	t = sort == SORT_TRACE ? arena_printf(w->a, "%016jx%016jx", (uintmax_t)l->hi, (uintmax_t)l->lo) :
	    arena_printf(w->a, "%016jx", (uintmax_t)l->lo);
	w->oom = w->oom || t == NULL;
	return sv_cstr(t);
}

/* What is missing where it is empty. */
static void
there(struct writer *w, const struct leaf_row *r)
{
	static const struct sv none[] = { { "", 0 }, { "0000000000000000", 16 } };

	if (!r->optional) {
		W(w, "1");
		return;
	}
	subject(w, r);
	if (r->sort == SORT_SPAN) {
		W(w, " NOT IN ");
		w_texts(w, none, 2);
	} else {
		W(w, " != ''");
	}
}

static void
text_write(struct writer *w, const struct leaf_row *r, const struct pred *p)
{
	struct sv *texts = arena_array(w->a, 2 * p->n_lits + 1, struct sv);
	size_t n = 0;

	if (texts == NULL) {
		w->oom = true;
		return;
	}
	for (size_t i = 0; i < p->n_lits; i++) {
		texts[n++] = id_text(w, r->sort, &p->lits[i]);
		/* An id of zeros is written as nothing. */
		if (r->sort != SORT_TEXT && p->lits[i].hi == 0 && p->lits[i].lo == 0)
			texts[n++] = SV_EMPTY;
	}
	W(w, "(");
	if (r->many)
		W(w, "arrayExists(spanfs_m -> ");
	if (r->optional || p->op == OP_HAS)
		there(w, r);
	if (p->op != OP_HAS) {
		if (r->optional)
			W(w, " AND ");
		text_op(w, r, p, texts, n);
	}
	if (r->many) {
		W(w, ", ");
		w_column(w, r->column);
		W(w, ")");
	}
	W(w, ")");
}

/* ---- kind and status: their words now and before ---- */

static bool
asked(const struct pred *p, int32_t number)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if ((int64_t)p->lits[i].u == number)
			return true;
	return false;
}

/* Whatever is none of the words is 0: so the words that are, or are not, asked for tell. */
static void
enum_write(struct writer *w, const struct leaf_row *r, const struct pred *p)
{
	const struct ch_word *words = r->sort == SORT_KIND ? ch_kinds : ch_statuses;
	size_t n = r->sort == SORT_KIND ? CH_N_KINDS : CH_N_STATUSES;
	bool zero = asked(p, 0), negative = pred_op_negative(p->op);
	struct sv texts[2 * CH_N_KINDS];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (asked(p, words[i].number) != zero) {
			texts[k++] = words[i].now;
			texts[k++] = words[i].before;
		}
	if (p->op == OP_HAS) {
		W(w, "1");
	} else if (k == 0) {
		if (zero != negative)
			W(w, "1");
		else
			W(w, "0");
	} else {
		w_column(w, r->column);
		if (zero != negative)
			W(w, " NOT");
		W(w, " IN ");
		w_texts(w, texts, k);
	}
}

/* ---- times and durations ---- */

static void
amount(struct writer *w, const struct leaf_row *r)
{
	W(w, "toUInt64(greatest(");
	if (r->sort == SORT_TIME)
		W(w, "toUnixTimestamp64Nano(");
	else
		W(w, "toInt64(");
	w_column(w, r->column);
	W(w, "), toInt64(0)))");
}

static void
amount_op(struct writer *w, const struct pred *p)
{
	switch (p->op) {
	case OP_LT:
		W(w, " < ");
		break;
	case OP_LE:
		W(w, " <= ");
		break;
	case OP_GT:
		W(w, " > ");
		break;
	default:
		W(w, " >= ");
	}
	w_u64(w, p->lits[0].u);
}

/* The index of the column itself serves a lower bound, which the negative ones pass as well. */
static void
indexed(struct writer *w, const struct leaf_row *r, const struct pred *p)
{
	if (r->sort != SORT_DURATION || w->s->signed_duration || p->lits[0].u == 0 ||
	    (p->op != OP_GT && p->op != OP_GE))
		return;
	w_column(w, r->column);
	W(w, " >= ");
	w_u64(w, p->lits[0].u);
	W(w, " AND ");
}

static void
amount_write(struct writer *w, const struct leaf_row *r, const struct pred *p)
{
	W(w, "(");
	if (p->op == OP_HAS) {
		W(w, "1");
	} else if (is_list(p)) {
		amount(w, r);
		if (pred_op_negative(p->op))
			W(w, " NOT");
		W(w, " IN (");
		for (size_t i = 0; i < p->n_lits; i++) {
			if (i != 0)
				W(w, ", ");
			w_u64(w, p->lits[i].u);
		}
		W(w, ")");
	} else if (p->op == OP_BETWEEN) {
		amount(w, r);
		W(w, " BETWEEN ");
		w_u64(w, p->lits[0].u);
		W(w, " AND ");
		w_u64(w, p->lits[1].u);
	} else {
		indexed(w, r, p);
		amount(w, r);
		amount_op(w, p);
	}
	W(w, ")");
}

void
leaf_write(struct writer *w, const struct pred *p)
{
	const struct leaf_row *r = &leaf_rows[p->field.scope == FIELD_INTRINSIC ? p->field.intrinsic : 0];

	if (p->op == OP_TEXT) {
		words_write(w, p);
	} else if (p->field.scope == FIELD_SCOPE) {
		W(w, "0");
	} else if (p->field.scope != FIELD_INTRINSIC && w->s->json) {
		json_write(w, p);
	} else if (p->field.scope != FIELD_INTRINSIC) {
		attr_write(w, p);
	} else if (r->sort == SORT_NEVER || !w_have(w, r->column)) {
		W(w, "0");
	} else if (r->sort == SORT_KIND || r->sort == SORT_STATUS) {
		enum_write(w, r, p);
	} else if (r->sort == SORT_TIME || r->sort == SORT_DURATION) {
		amount_write(w, r, p);
	} else {
		text_write(w, r, p);
	}
}
