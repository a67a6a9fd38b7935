/* SPDX-License-Identifier: ISC */
/* card_value: does a value that the statistics name satisfy a condition; as exec has it, nearly. */
#include "card_i.h"

bool
op_is_order(enum pred_op op)
{
	return op == OP_LT || op == OP_LE || op == OP_GT || op == OP_GE || op == OP_BETWEEN;
}

bool
op_is_negative(enum pred_op op)
{
	return op == OP_NE || op == OP_NOTIN || op == OP_NOTCONTAINS || op == OP_NRE;
}

enum pred_op
op_positive(enum pred_op op)
{
	switch (op) {
	case OP_NE:
		return OP_EQ;
	case OP_NOTIN:
		return OP_IN;
	case OP_NOTCONTAINS:
		return OP_CONTAINS;
	case OP_NRE:
		return OP_RE;
	default:
		return op;
	}
}

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

/* A value of another type satisfies not even the negative operators. */
static bool
type_fits(const struct value *v, const struct pred *p)
{
	enum pred_op op = op_positive(p->op);

	if (op != OP_EQ && op != OP_IN)
		return v->type == VAL_STRING;
	for (size_t i = 0; i < p->n_lits; i++)
		if (literal_suits(v->type, &p->lits[i]))
			return v->type != VAL_BYTES && v->type != VAL_MAP &&
			    v->type != VAL_EMPTY;
	return false;
}

static int
scalar_holds(const struct value *v, const struct pred *p, const struct pattern *pattern)
{
	int x;

	if (op_is_order(p->op))
		return order_holds(v, p);
	if (!type_fits(v, p))
		return 0;
	switch (op_positive(p->op)) {
	case OP_EQ:
	case OP_IN:
		x = 0;
		for (size_t i = 0; i < p->n_lits && x == 0; i++)
			x = value_is_literal(v, &p->lits[i]);
		break;
	case OP_CONTAINS:
		x = v->type == VAL_STRING && sv_find(v->s, p->lits[0].text) >= 0;
		break;
	case OP_STARTS:
		x = v->type == VAL_STRING && sv_starts(v->s, p->lits[0].text);
		break;
	case OP_ENDS:
		x = v->type == VAL_STRING && sv_ends(v->s, p->lits[0].text);
		break;
	case OP_RE:
		if (v->type == VAL_STRING && pattern == NULL)
			return -1;
		x = v->type == VAL_STRING && pattern_match(pattern, v->s);
		break;
	default:
		return -1;
	}
	return op_is_negative(p->op) ? !x : x;
}

/* Of an array any element; for a negative operator all that fit. */
static int
array_holds(const struct value *v, const struct pred *p, const struct pattern *pattern)
{
	struct cursor c = cursor_new(v->s.p, v->s.n);
	struct value x;
	int any = 0, all = 1;

	while (value_array_next(&c, &x)) {
		int h = x.type == VAL_ARRAY ? 0 : scalar_holds(&x, p, pattern);

		if (h < 0)
			return h;
		any |= h;
		all &= h;
	}
	return op_is_negative(p->op) ? all : any;
}

int
value_holds(const struct value *v, const struct pred *p, const struct pattern *pattern)
{
	if (p->op == OP_HAS)
		return 1;
	return v->type == VAL_ARRAY ? array_holds(v, p, pattern) : scalar_holds(v, p, pattern);
}
