/* SPDX-License-Identifier: ISC */
/*
 * matcher: see match/matcher.h. A matcher is a leaf with what compiling saves: the
 * regular expression, and the literals of long lists in order, for bisection. Each entry
 * point is for one type of field; none looks at where the value came from.
 */
#include "match/matcher.h"

#include <stdlib.h>

#include "match/compare.h"
#include "match/regex.h"

struct matcher {
	const struct pred *leaf;
	struct regex *re;
	bool negative;
	/* By text, number or id, as the field's type asks for. */
	const struct literal **sorted;
};

static bool
is_list(const struct pred *leaf)
{
	return leaf->op == OP_EQ || leaf->op == OP_NE || leaf->op == OP_IN ||
	    leaf->op == OP_NOTIN;
}

bool
matcher_in_ranges(const struct pred *leaf)
{
	return is_list(leaf) || leaf->op == OP_HAS || leaf->op == OP_BETWEEN ||
	    leaf->op == OP_LT || leaf->op == OP_LE || leaf->op == OP_GT || leaf->op == OP_GE;
}

/* ---- compiling ---- */

static int
by_text(const void *a, const void *b)
{
	const struct literal *x = *(const struct literal *const *)a;
	const struct literal *y = *(const struct literal *const *)b;

	return sv_cmp(x->text, y->text);
}

static int
by_number(const void *a, const void *b)
{
	const struct literal *x = *(const struct literal *const *)a;
	const struct literal *y = *(const struct literal *const *)b;

	return (x->u > y->u) - (x->u < y->u);
}

static int
by_id(const void *a, const void *b)
{
	const struct literal *x = *(const struct literal *const *)a;
	const struct literal *y = *(const struct literal *const *)b;

	return trace_id_cmp((struct trace_id){ x->hi, x->lo }, (struct trace_id){ y->hi, y->lo });
}

typedef int literal_order(const void *, const void *);

static literal_order *
order_of(const struct field *f)
{
	switch (field_type(f)) {
	case FT_STRING:
	case FT_ATTR:
		return by_text;
	case FT_TRACE_ID:
	case FT_SPAN_ID:
		return by_id;
	default:
		return by_number;
	}
}

static int
sort_literals(struct matcher *m, struct err *e)
{
	const struct pred *p = m->leaf;

	m->sorted = calloc(p->n_lits == 0 ? 1 : p->n_lits, sizeof *m->sorted);
	if (m->sorted == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < p->n_lits; i++)
		m->sorted[i] = &p->lits[i];
	qsort(m->sorted, p->n_lits, sizeof *m->sorted, order_of(&p->field));
	return 0;
}

static int
new_matcher(const struct pred *leaf, bool few, struct matcher **out, struct err *e)
{
	struct matcher *m = calloc(1, sizeof *m);
	int code = 0;

	if (m == NULL)
		return err_nomem(e);
	m->leaf = leaf;
	m->negative = pred_op_negative(leaf->op);
	if (leaf->op == OP_RE || leaf->op == OP_NRE)
		code = regex_new(leaf->lits[0].text, few, &m->re, e);
	else if (is_list(leaf))
		code = sort_literals(m, e);
	if (code < 0) {
		matcher_free(m);
		return code;
	}
	*out = m;
	return 0;
}

int
matcher_new(const struct pred *leaf, struct matcher **out, struct err *e)
{
	return new_matcher(leaf, false, out, e);
}

int
matcher_new_few(const struct pred *leaf, struct matcher **out, struct err *e)
{
	return new_matcher(leaf, true, out, e);
}

bool
matcher_can_fail(const struct matcher *m)
{
	return m->re != NULL && regex_kind(m->re) == REGEX_FULL;
}

size_t
matcher_must(const struct matcher *m, const struct sv **must)
{
	switch (m->leaf->op) {
	case OP_CONTAINS:
	case OP_STARTS:
	case OP_ENDS:
		*must = &m->leaf->lits[0].text;
		return m->leaf->lits[0].text.n != 0;
	case OP_RE:
		return regex_must(m->re, must);
	default:
		return 0;
	}
}

void
matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	regex_free(m->re);
	free(m->sorted);
	free(m);
}

/* ---- lists ---- */

static bool
listed(const struct matcher *m, const struct literal *key)
{
	return bsearch(&key, m->sorted, m->leaf->n_lits, sizeof *m->sorted,
	    order_of(&m->leaf->field)) != NULL;
}

/* ---- strings ---- */

/* An ordering operator on the outcome of a comparison. */
static bool
in_order(enum pred_op op, int c)
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
		return false;
	}
}

/* Text operators and equality; the negative ones answer for their positive. */
static int
string_holds(const struct matcher *m, struct sv s, struct err *e)
{
	const struct literal *l = m->leaf->lits;
	struct literal key;

	switch (m->leaf->op) {
	case OP_EQ:
	case OP_NE:
		return sv_eq(s, l->text);
	case OP_IN:
	case OP_NOTIN:
		key.text = s;
		return listed(m, &key);
	case OP_CONTAINS:
	case OP_NOTCONTAINS:
		return sv_find(s, l->text) >= 0;
	case OP_STARTS:
		return sv_starts(s, l->text);
	case OP_ENDS:
		return sv_ends(s, l->text);
	case OP_RE:
	case OP_NRE:
		return regex_match(m->re, s, e);
	case OP_BETWEEN:
		return !literal_is_number(&l[0]) && !literal_is_number(&l[1]) && sv_cmp(s, l[0].text) >= 0 &&
		    sv_cmp(s, l[1].text) <= 0;
	case OP_HAS:
		return 1;
	case OP_TEXT:
		return 0;
	default:
		return !literal_is_number(l) && in_order(m->leaf->op, sv_cmp(s, l->text));
	}
}

int
matcher_string(const struct matcher *m, struct sv s, struct err *e)
{
	int rc = string_holds(m, s, e);

	return rc < 0 ? rc : rc != (int)m->negative;
}

/* ---- numbers ---- */

/* The positive of the operator on a number or boolean. */
static bool
number_holds(const struct pred *p, const struct value *v)
{
	const struct literal *l = p->lits;
	int c, c2;

	if (p->op == OP_BETWEEN)
		return v->type != VAL_BOOL && value_cmp_literal(v, &l[0], &c) && c >= 0 &&
		    value_cmp_literal(v, &l[1], &c2) && c2 <= 0;
	if (!is_list(p))
		return v->type != VAL_BOOL && value_cmp_literal(v, l, &c) &&
		    in_order(p->op, c);
	for (size_t i = 0; i < p->n_lits; i++)
		if (value_equals_literal(v, &l[i]))
			return true;
	return false;
}

/* A value that is no array: 1, 0 or <0; the negative operators answer for their positive. */
static int
scalar_holds(const struct matcher *m, const struct value *v, struct err *e)
{
	switch (v->type) {
	case VAL_STRING:
		return string_holds(m, v->s, e);
	case VAL_BOOL:
	case VAL_INT:
	case VAL_DOUBLE:
		return matcher_in_ranges(m->leaf) && number_holds(m->leaf, v);
	default:
		return 0;
	}
}

/* Does any element? */
static int
array_holds(const struct matcher *m, struct sv packed, struct err *e)
{
	struct cursor c = cursor_new(packed.p, packed.n);
	struct value v;
	int rc = 0;

	while (rc == 0 && value_array_next(&c, &v))
		rc = scalar_holds(m, &v, e);
	return rc;
}

int
matcher_value(const struct matcher *m, const struct value *v, struct err *e)
{
	int rc;

	if (m->leaf->op == OP_HAS)
		return 1;
	if (v->type == VAL_EMPTY)
		return 0;
	rc = v->type == VAL_ARRAY ? array_holds(m, v->s, e) : scalar_holds(m, v, e);
	return rc < 0 ? rc : rc != (int)m->negative;
}

/* ---- intrinsics ---- */

int
matcher_number(const struct matcher *m, uint64_t u)
{
	const struct pred *p = m->leaf;
	struct literal key = { .u = u };

	if (p->op == OP_HAS)
		return 1;
	if (is_list(p))
		return listed(m, &key) != m->negative;
	if (p->op == OP_BETWEEN)
		return u >= p->lits[0].u && u <= p->lits[1].u;
	return in_order(p->op, (u > p->lits[0].u) - (u < p->lits[0].u));
}

static const char *
enum_word(const struct field *f, int32_t v)
{
	return intrinsics[f->intrinsic].type == FT_KIND ? span_kind_name(v) :
	    span_status_name(v);
}

int
matcher_enum(const struct matcher *m, int32_t v, struct err *e)
{
	struct literal key = { .u = (uint64_t)(int64_t)v };
	const char *word;
	struct buf b = BUF_INIT;
	int rc;

	if (m->leaf->op == OP_HAS)
		return 1;
	if (is_list(m->leaf))
		return listed(m, &key) != m->negative;
	if (matcher_in_ranges(m->leaf))
		return 0;
	if ((word = enum_word(&m->leaf->field, v)) != NULL)
		return matcher_string(m, sv_cstr(word), e);
	buf_i64(&b, v);
	if ((rc = buf_ok(&b, e)) == 0)
		rc = matcher_string(m, buf_view(&b), e);
	buf_release(&b);
	return rc;
}

static int
id_holds(const struct matcher *m, struct trace_id id, bool is_span, struct err *e)
{
	const struct pred *p = m->leaf;
	struct literal key = { .hi = id.hi, .lo = id.lo };
	struct trace_id lo, hi;
	struct buf b = BUF_INIT;
	int rc;

	if (p->op == OP_HAS)
		return 1;
	if (is_list(p))
		return listed(m, &key) != m->negative;
	if (matcher_in_ranges(p)) {
		lo = (struct trace_id){ p->lits[0].hi, p->lits[0].lo };
		if (p->op != OP_BETWEEN)
			return in_order(p->op, trace_id_cmp(id, lo));
		hi = (struct trace_id){ p->lits[1].hi, p->lits[1].lo };
		return trace_id_cmp(id, lo) >= 0 && trace_id_cmp(id, hi) <= 0;
	}
	if (is_span)
		span_id_print(&b, id.lo);
	else
		trace_id_print(&b, id);
	if ((rc = buf_ok(&b, e)) == 0)
		rc = matcher_string(m, buf_view(&b), e);
	buf_release(&b);
	return rc;
}

int
matcher_trace_id(const struct matcher *m, struct trace_id id, struct err *e)
{
	return id_holds(m, id, false, e);
}

int
matcher_span_id(const struct matcher *m, uint64_t id, struct err *e)
{
	return id_holds(m, (struct trace_id){ 0, id }, true, e);
}

/* ---- all ---- */

int
matcher_field(const struct matcher *m, const struct field_value *v, struct err *e)
{
	switch (v->kind) {
	case FIELD_VALUE_TEXT:
		return matcher_string(m, v->s, e);
	case FIELD_VALUE_ENUM:
		return matcher_enum(m, v->number, e);
	case FIELD_VALUE_NUMBER:
	case FIELD_VALUE_TIME:
	case FIELD_VALUE_DURATION:
		return matcher_number(m, v->u);
	case FIELD_VALUE_TRACE_ID:
		return matcher_trace_id(m, v->trace_id, e);
	case FIELD_VALUE_SPAN_ID:
		return matcher_span_id(m, v->u, e);
	case FIELD_VALUE_ATTR:
		return matcher_value(m, v->attr, e);
	case FIELD_VALUE_DOUBLE:
		return matcher_value(m, &(struct value){ .type = VAL_DOUBLE, .d = v->d }, e);
	}
	return 0;
}
