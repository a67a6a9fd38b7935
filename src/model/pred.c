/* SPDX-License-Identifier: ISC */
/*
 * pred: building, comparing, copying and printing predicate trees, see model/pred.h. The
 * walks recurse: a tree is as deep as LIMIT_NESTING lets a path be (each level at most a
 * group and a negation), and rewrites only flatten.
 *
 * Equality and order are of structure: two leaves are equal if operator, field and the
 * literals' text and numbers are; nothing is normalised here.
 */
#include "base/varint.h"
#include "model/pred.h"

static const char *const op_names[N_PRED_OPS] = {
	[OP_EQ] = "eq", [OP_NE] = "ne", [OP_LT] = "lt", [OP_LE] = "le", [OP_GT] = "gt",
	[OP_GE] = "ge", [OP_IN] = "in", [OP_NOTIN] = "notin", [OP_CONTAINS] = "contains",
	[OP_NOTCONTAINS] = "notcontains", [OP_STARTS] = "starts", [OP_ENDS] = "ends",
	[OP_RE] = "re", [OP_NRE] = "nre", [OP_BETWEEN] = "between", [OP_HAS] = "has",
	[OP_TEXT] = "text",
};

const char *
pred_op_name(enum pred_op op)
{
	return op_names[op];
}

bool
pred_op_parse(struct sv s, enum pred_op *op)
{
	for (unsigned i = 0; i < OP_HAS; i++)
		if (sv_is(s, op_names[i])) {
			*op = (enum pred_op)i;
			return true;
		}
	return false;
}

bool
pred_op_negative(enum pred_op op)
{
	return pred_op_positive(op) != op;
}

enum pred_op
pred_op_positive(enum pred_op op)
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
pred_op_order(enum pred_op op)
{
	return op == OP_LT || op == OP_LE || op == OP_GT || op == OP_GE || op == OP_BETWEEN;
}

/* A whole number, "+5" too: as a double it would not be exact. */
static bool
whole_number(struct sv s, int64_t *out)
{
	bool plus = s.n > 1 && s.p[0] == '+' && s.p[1] != '-';

	return sv_i64(sv_sub(s, plus, s.n), out);
}

struct literal
literal_of(struct sv text)
{
	struct literal l = { .text = text };

	l.is_int = whole_number(text, &l.i);
	if (l.is_int)
		l.d = (double)l.i;
	else
		l.is_double = sv_double(text, &l.d);
	l.b = sv_is(text, "true");
	l.is_bool = l.b || sv_is(text, "false");
	return l;
}

const struct pred *
pred_leaf(struct arena *a, enum pred_op op, struct field field,
    const struct literal *lits, size_t n)
{
	struct pred *p = arena_new(a, struct pred);

	if (p == NULL)
		return NULL;
	p->kind = PRED_LEAF;
	p->op = op;
	p->field = field;
	p->lits = lits;
	p->n_lits = n;
	return p;
}

/* How many kids are left once those of the same kind are replaced by their kids. */
static size_t
count_flat(enum pred_kind kind, const struct pred *const *kids, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += kids[i]->kind == kind ?
		    count_flat(kind, kids[i]->kids, kids[i]->n_kids) : 1;
	return total;
}

static const struct pred **
put_flat(const struct pred **out, enum pred_kind kind, const struct pred *const *kids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kids[i]->kind == kind)
			out = put_flat(out, kind, kids[i]->kids, kids[i]->n_kids);
		else
			*out++ = kids[i];
	return out;
}

static const struct pred *
junction(struct arena *a, enum pred_kind kind, const struct pred *const *kids, size_t n)
{
	size_t flat = count_flat(kind, kids, n);
	const struct pred **all;
	struct pred *p;

	if ((p = arena_new(a, struct pred)) == NULL)
		return NULL;
	if (flat == 0) {
		p->kind = kind == PRED_AND ? PRED_TRUE : PRED_FALSE;
		return p;
	}
	if ((all = arena_array(a, flat, const struct pred *)) == NULL)
		return NULL;
	put_flat(all, kind, kids, n);
	if (flat == 1)
		return all[0];
	p->kind = kind;
	p->kids = all;
	p->n_kids = flat;
	return p;
}

const struct pred *
pred_and(struct arena *a, const struct pred *const *kids, size_t n)
{
	return junction(a, PRED_AND, kids, n);
}

const struct pred *
pred_or(struct arena *a, const struct pred *const *kids, size_t n)
{
	return junction(a, PRED_OR, kids, n);
}

const struct pred *
pred_not(struct arena *a, const struct pred *kid)
{
	struct pred *p = arena_new(a, struct pred);
	const struct pred **kids = arena_array(a, 1, const struct pred *);

	if (p == NULL || kids == NULL)
		return NULL;
	kids[0] = kid;
	p->kind = PRED_NOT;
	p->kids = kids;
	p->n_kids = 1;
	return p;
}

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static int
literal_cmp(const struct literal *a, const struct literal *b)
{
	int c = sv_cmp(a->text, b->text);

	if (c == 0)
		c = CMP(a->u, b->u);
	if (c == 0)
		c = CMP(a->hi, b->hi);
	return c != 0 ? c : CMP(a->lo, b->lo);
}

static int
leaf_cmp(const struct pred *a, const struct pred *b)
{
	int c = field_cmp(&a->field, &b->field);

	if (c == 0)
		c = CMP((int)a->op, (int)b->op);
	for (size_t i = 0; c == 0 && i < a->n_lits && i < b->n_lits; i++)
		c = literal_cmp(&a->lits[i], &b->lits[i]);
	return c != 0 ? c : CMP(a->n_lits, b->n_lits);
}

int
pred_cmp(const struct pred *a, const struct pred *b)
{
	int c = CMP((int)a->kind, (int)b->kind);

	if (c != 0 || a == b)
		return c;
	if (a->kind == PRED_LEAF)
		return leaf_cmp(a, b);
	for (size_t i = 0; c == 0 && i < a->n_kids && i < b->n_kids; i++)
		c = pred_cmp(a->kids[i], b->kids[i]);
	return c != 0 ? c : CMP(a->n_kids, b->n_kids);
}

bool
pred_eq(const struct pred *a, const struct pred *b)
{
	return pred_cmp(a, b) == 0;
}

static void
put_leaf(struct buf *b, const struct pred *p)
{
	struct buf name = BUF_INIT;

	field_print(&name, &p->field);
	buf_varint(b, (uint64_t)p->op);
	buf_varint(b, name.n);
	buf_sv(b, buf_view(&name));
	buf_varint(b, p->n_lits);
	for (size_t i = 0; i < p->n_lits; i++) {
		const struct literal *l = &p->lits[i];
		const uint64_t readings[] = { l->u, l->hi, l->lo };

		buf_varint(b, l->text.n);
		buf_sv(b, l->text);
		buf_put(b, readings, sizeof readings);
	}
	b->oom |= name.oom;
	buf_release(&name);
}

void
pred_put(struct buf *b, const struct pred *p)
{
	buf_varint(b, (uint64_t)p->kind);
	if (p->kind == PRED_LEAF) {
		put_leaf(b, p);
		return;
	}
	buf_varint(b, p->n_kids);
	for (size_t i = 0; i < p->n_kids; i++)
		pred_put(b, p->kids[i]);
}

static bool
literals_copy(struct arena *a, const struct pred *from, struct pred *to)
{
	struct literal *lits = arena_array(a, from->n_lits, struct literal);

	if (lits == NULL)
		return false;
	for (size_t i = 0; i < from->n_lits; i++) {
		lits[i] = from->lits[i];
		lits[i].text = arena_sv(a, from->lits[i].text);
		if (lits[i].text.p == NULL)
			return false;
	}
	to->lits = lits;
	return true;
}

const struct pred *
pred_copy(struct arena *a, const struct pred *p)
{
	struct pred *c = arena_new(a, struct pred);
	const struct pred **kids;

	if (c == NULL)
		return NULL;
	*c = *p;
	c->field.key = arena_sv(a, p->field.key);
	if (c->field.key.p == NULL || !literals_copy(a, p, c))
		return NULL;
	if (p->n_kids == 0)
		return c;
	if ((kids = arena_array(a, p->n_kids, const struct pred *)) == NULL)
		return NULL;
	for (size_t i = 0; i < p->n_kids; i++)
		if ((kids[i] = pred_copy(a, p->kids[i])) == NULL)
			return NULL;
	c->kids = kids;
	return c;
}
