/* SPDX-License-Identifier: ISC */
/* card_value: does a value that the statistics name satisfy a condition; as exec has it, nearly. */
#include "card_i.h"

bool
value_is_literal(const struct value *v, const struct literal *l)
{
	switch (v->type) {
	case VAL_STRING:
		return sv_eq(v->s, l->text);
	case VAL_INT:
		return l->is_int ? v->i == l->i : l->is_double && (double)v->i == l->d;
	case VAL_DOUBLE:
		return (l->is_int || l->is_double) && !(v->d < l->d) && !(v->d > l->d);
	case VAL_BOOL:
		return l->is_bool && v->b == l->b;
	default:
		return false;
	}
}

bool
literal_suits(enum value_type t, const struct literal *l)
{
	switch (t) {
	case VAL_INT:
	case VAL_DOUBLE:
		return l->is_int || l->is_double;
	case VAL_BOOL:
		return l->is_bool;
	default:
		return true;
	}
}

static bool
in_order(enum pred_op op, int c, int c2)
{
	switch (op) {
	case OP_LT:
		return c < 0;
	case OP_LE:
		return c <= 0;
	case OP_GT:
		return c > 0;
	case OP_GE:
		return c >= 0;
	default:
		return c >= 0 && c2 <= 0;
	}
}

static int
number_cmp(double x, double y)
{
	return (x > y) - (x < y);
}

/* A numeric literal sees numbers only, any other strings only. */
static bool
order_holds(const struct value *v, const struct pred *p)
{
	const struct literal *a = &p->lits[0], *b = &p->lits[p->n_lits - 1];
	double x;

	if (v->type == VAL_STRING)
		return !a->is_int && !a->is_double &&
		    in_order(p->op, sv_cmp(v->s, a->text), sv_cmp(v->s, b->text));
	if ((v->type != VAL_INT && v->type != VAL_DOUBLE) || (!a->is_int && !a->is_double))
		return false;
	x = v->type == VAL_INT ? (double)v->i : v->d;
	return in_order(p->op, number_cmp(x, a->d), number_cmp(x, b->d));
}

static bool
lower_eq(struct sv s, struct sv word)
{
	if (s.n != word.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'A' && c <= 'Z' ? (char)(c + 32) : c) != word.p[i])
			return false;
	}
	return true;
}

bool
card_has_word(struct sv text, struct sv word)
{
	for (size_t i = 0, from; i < text.n; i++) {
		if (!text_word_byte(text.p[i]))
			continue;
		for (from = i; i < text.n && text_word_byte(text.p[i]); i++)
			;
		if (lower_eq(sv_sub(text, from, i), word))
			return true;
	}
	return false;
}

/* A value that is no array; negative operators answer for their positive. */
static int
scalar_holds(const struct value *v, const struct pred *p, const struct pattern *pattern)
{
	int x = 0;

	if (pred_op_order(p->op))
		return order_holds(v, p);
	switch (pred_op_positive(p->op)) {
	case OP_EQ:
	case OP_IN:
		for (size_t i = 0; i < p->n_lits && x == 0; i++)
			x = value_is_literal(v, &p->lits[i]);
		return x;
	case OP_CONTAINS:
		return v->type == VAL_STRING && sv_find(v->s, p->lits[0].text) >= 0;
	case OP_STARTS:
		return v->type == VAL_STRING && sv_starts(v->s, p->lits[0].text);
	case OP_ENDS:
		return v->type == VAL_STRING && sv_ends(v->s, p->lits[0].text);
	case OP_RE:
		if (v->type == VAL_STRING && pattern == NULL)
			return -1;
		return v->type == VAL_STRING && pattern_match(pattern, v->s);
	default:
		return -1;
	}
}

/* Does any element? */
static int
array_holds(const struct value *v, const struct pred *p, const struct pattern *pattern)
{
	struct cursor c = cursor_new(v->s.p, v->s.n);
	struct value x;
	int h = 0;

	while (h == 0 && value_array_next(&c, &x))
		h = x.type == VAL_ARRAY ? 0 : scalar_holds(&x, p, pattern);
	return h;
}

int
value_holds(const struct value *v, const struct pred *p, const struct pattern *pattern)
{
	int h;

	if (p->op == OP_HAS)
		return 1;
	if (v->type == VAL_EMPTY)
		return 0;
	h = v->type == VAL_ARRAY ? array_holds(v, p, pattern) : scalar_holds(v, p, pattern);
	return h < 0 ? h : h != (int)pred_op_negative(p->op);
}
