/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_json: conditions on attributes in a column of JSON. The server keeps each path of it with
 * the types its values have. What it calls String is shown as that text, and tested there; so are
 * what it calls Int64 and Float64. Values of any other type (lists, of which one element may do; texts
 * that it takes for dates; what is new) pass and are tested here. So more comes than should, never less.
 *
 * A key with dots is the path of them: {"http":{"route":1}} and {"http.route":1} are one to the server,
 * and here (ingest/json_attrs.h). Only where it is told to keep dots of keys apart these are two paths,
 * and shown as one: then all pass. Keys of other characters than names have are left.
 */
#include "ch_sql_i.h"
#include "match/compare.h"

/* Part of a name; a key is such parts, and dots between. */
static bool
is_part(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool
is_path(struct sv key)
{
	bool part = false;

	for (size_t i = 0; i < key.n; i++) {
		if (!is_part(key.p[i]) && (key.p[i] != '.' || !part))
			return false;
		part = key.p[i] != '.';
	}
	return part;
}

enum how
json_how(const struct ch_schema *s, const struct pred *p)
{
	enum field_scope scope = p->field.scope;

	if (s->json_typed || (scope != FIELD_SPAN && scope != FIELD_RESOURCE && scope != FIELD_BARE))
		return LEAF_NOT;
	return is_path(p->field.key) ? LEAF_WIDE : LEAF_NOT;
}

static void
path_write(struct writer *w, enum ch_span_column c, const struct pred *p)
{
	w_column(w, c);
	W(w, ".");
	w_name(w, p->field.key);
}

static void
type_write(struct writer *w, enum ch_span_column c, const struct pred *p)
{
	W(w, "dynamicType(");
	path_write(w, c, p);
	W(w, ")");
}

/* ---- what can be said of the literals ---- */

static bool
all_numbers(const struct pred *p)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (!literal_is_number(&p->lits[i]))
			return false;
	return true;
}

static bool
is_in_text(enum pred_op op)
{
	return op == OP_CONTAINS || op == OP_STARTS || op == OP_ENDS;
}

static bool
is_list(enum pred_op op)
{
	return op == OP_EQ || op == OP_IN;
}

/* Otherwise it is only asked whether the key is there. */
static bool
can_test(const struct pred *p)
{
	if (is_list(p->op))
		return all_plain(p);
	if (is_in_text(p->op))
		return all_plain(p) && p->lits[0].text.n != 0;
	return pred_op_order(p->op) && all_numbers(p);
}

/* ---- texts ---- */

static void
string_write(struct writer *w, enum ch_span_column c, const struct pred *p)
{
	path_write(w, c, p);
	W(w, ".:String");
}

static void
text_test(struct writer *w, enum ch_span_column c, const struct pred *p)
{
	struct sv *texts = arena_array(w->a, p->n_lits + 1, struct sv);

	if (texts == NULL) {
		w->oom = true;
		return;
	}
	W(w, "ifNull(");
	if (p->op == OP_CONTAINS)
		W(w, "position(");
	else if (p->op == OP_STARTS)
		W(w, "startsWith(");
	else if (p->op == OP_ENDS)
		W(w, "endsWith(");
	string_write(w, c, p);
	if (is_list(p->op)) {
		for (size_t i = 0; i < p->n_lits; i++)
			texts[i] = p->lits[i].text;
		W(w, " IN ");
		w_texts(w, texts, p->n_lits);
	} else {
		W(w, ", ");
		w_text(w, p->lits[0].text);
		W(w, ")");
		if (p->op == OP_CONTAINS)
			W(w, " > 0");
	}
	W(w, ", 0) OR ");
}

/* ---- numbers ---- */

static void
bounds_write(struct writer *w, const struct pred *p, const struct literal *l)
{
	double d = literal_number(l);

	switch (p->op) {
	case OP_GT:
	case OP_GE:
		W(w, " >= ");
		w_double(w, a_little_less(d));
		break;
	case OP_LT:
	case OP_LE:
		W(w, " <= ");
		w_double(w, a_little_more(d));
		break;
	default:
		W(w, " BETWEEN ");
		w_double(w, a_little_less(d));
		W(w, " AND ");
		w_double(w, a_little_more(p->op == OP_BETWEEN ? literal_number(&p->lits[1]) : d));
	}
}

static void
number_test(struct writer *w, enum ch_span_column c, const struct pred *p)
{
	size_t n = p->op == OP_BETWEEN ? 1 : p->n_lits;

	for (size_t i = 0; i < n; i++) {
		if (!literal_is_number(&p->lits[i]))
			continue;
		W(w, "ifNull(toFloat64(");
		path_write(w, c, p);
		W(w, ".:Int64)");
		bounds_write(w, p, &p->lits[i]);
		W(w, ", 0) OR ifNull(");
		path_write(w, c, p);
		W(w, ".:Float64");
		bounds_write(w, p, &p->lits[i]);
		W(w, ", 0) OR ");
	}
}

/* ---- a leaf ---- */

static void
test(struct writer *w, enum ch_span_column c, const struct pred *p)
{
	W(w, "(");
	if (!can_test(p)) {
		type_write(w, c, p);
		W(w, " != 'None')");
		return;
	}
	/*
	 * Orders of numbers hold of no text. Of what is shown as text, if the server is told to quote
	 * numbers, integers may have a part of a text, and doubles that are none be one.
	 */
	if (!pred_op_order(p->op))
		text_test(w, c, p);
	if (!is_in_text(p->op))
		number_test(w, c, p);
	type_write(w, c, p);
	W(w, " NOT IN ('None', 'String'");
	if (!is_in_text(p->op))
		W(w, ", 'Int64'");
	if (!is_in_text(p->op) && all_numbers(p))
		W(w, ", 'Float64'");
	W(w, "))");
}

static enum ch_span_column
column_of(const struct field *f)
{
	return f->scope == FIELD_RESOURCE ? CHC_RESOURCE : CHC_ATTRS;
}

void
json_write(struct writer *w, const struct pred *p)
{
	W(w, "(");
	if (sv_find(p->field.key, SV(".")) >= 0)
		W(w, "(SELECT count() FROM system.settings WHERE name = 'json_type_escape_dots_in_keys' AND value = '1') != 0 OR ");
	test(w, column_of(&p->field), p);
	if (p->field.scope == FIELD_BARE) {
		W(w, " OR ");
		type_write(w, CHC_ATTRS, p);
		W(w, " = 'None' AND ");
		test(w, CHC_RESOURCE, p);
	}
	W(w, ")");
}
