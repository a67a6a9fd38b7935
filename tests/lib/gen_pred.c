/* SPDX-License-Identifier: ISC */
/* gen_pred: see gen_pred.h. */
#include "lib/gen_pred.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/plan_builder.h"

uint64_t
gen_pred_below(struct gen_pred *g, uint64_t n)
{
	uint64_t z = g->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % n;
}

static const struct span *
any_span(struct gen_pred *g)
{
	return &g->spans[gen_pred_below(g, g->n_spans)];
}

static const struct attrs *
attrs_in(struct gen_pred *g, enum field_scope scope)
{
	static const struct attrs none = { NULL, 0 };

	for (int tries = 0; tries < 50; tries++) {
		const struct span *s = any_span(g);

		switch (scope) {
		case FIELD_RESOURCE:
			return &s->resource->attrs;
		case FIELD_SCOPE:
			if (s->scope->attrs.n != 0)
				return &s->scope->attrs;
			break;
		case FIELD_EVENT:
			if (s->n_events != 0 && s->events[0].attrs.n != 0)
				return &s->events[0].attrs;
			break;
		case FIELD_LINK:
			if (s->n_links != 0 && s->links[0].attrs.n != 0)
				return &s->links[0].attrs;
			break;
		case FIELD_BARE:
			if (gen_pred_below(g, 3) == 0)
				return &s->resource->attrs;
			/* FALLTHROUGH */
		default:
			if (s->attrs.n != 0)
				return &s->attrs;
		}
	}
	return &none;
}

static struct field
attr_field(struct gen_pred *g, struct value *example)
{
	static const enum field_scope scopes[] = { FIELD_SPAN, FIELD_SPAN, FIELD_BARE,
		FIELD_BARE, FIELD_RESOURCE, FIELD_SCOPE, FIELD_EVENT, FIELD_LINK };
	struct field f = { .scope = scopes[gen_pred_below(g, 8)], .key = SV("nowhere") };
	const struct attrs *a = attrs_in(g, f.scope);

	*example = (struct value){ .type = VAL_INT, .i = 7 };
	if (a->n != 0) {
		const struct attr *x = &a->v[gen_pred_below(g, a->n)];

		f.key = arena_sv(g->arena, x->key);
		*example = x->val;
	}
	if (gen_pred_below(g, 40) == 0)
		f.key = SV("nowhere");
	return f;
}

static enum intrinsic
any_intrinsic(struct gen_pred *g)
{
	enum intrinsic i;

	do
		i = (enum intrinsic)gen_pred_below(g, N_INTRINSICS);
	while (i == IN_BUCKET || (g->no_trace &&
	    (intrinsics[i].of == OF_TRACE || intrinsics[i].of == OF_TREE)));
	return i;
}

struct field
gen_field(struct gen_pred *g)
{
	struct value v;

	if (gen_pred_below(g, 2) == 0)
		return (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = any_intrinsic(g) };
	return attr_field(g, &v);
}

/* ---- literals ---- */

static struct sv
text_of_number(struct gen_pred *g, uint64_t u)
{
	return sv_cstr(arena_printf(g->arena, "%llu", (unsigned long long)u));
}

static struct sv
text_of_intrinsic(struct gen_pred *g, enum intrinsic i)
{
	const struct span *s = any_span(g);
	struct buf b = BUF_INIT;
	struct sv out;

	switch (i) {
	case IN_SERVICE:
	case IN_ROOT_SERVICE:
		return s->resource->service;
	case IN_NAME:
	case IN_ROOT_NAME:
		return s->name;
	case IN_STATUS_MESSAGE:
		return s->status_message;
	case IN_TRACE_STATE:
		return s->trace_state;
	case IN_SCOPE:
		return SV("scope");
	case IN_SCOPE_VERSION:
		return SV("1.2");
	case IN_EVENT_NAME:
		return s->n_events != 0 ? s->events[0].name : SV("x");
	case IN_KIND:
		return text_of_number(g, gen_pred_below(g, 6));
	case IN_STATUS:
		return text_of_number(g, gen_pred_below(g, 3));
	case IN_FLAGS:
		return text_of_number(g, s->flags);
	case IN_START:
	case IN_TRACE_START:
		return text_of_number(g, s->start_ns);
	case IN_END:
		return text_of_number(g, s->end_ns);
	case IN_EVENT_TIME:
		return text_of_number(g, s->n_events != 0 ? s->events[0].time_ns : 5);
	case IN_DURATION:
	case IN_SELF_DURATION:
	case IN_TRACE_DURATION:
		return text_of_number(g, span_duration(s));
	case IN_TRACE_SPANS:
	case IN_TRACE_ERRORS:
	case IN_CHILD_COUNT:
	case IN_DEPTH:
		return text_of_number(g, gen_pred_below(g, 8));
	case IN_TOKENS_INPUT:
	case IN_TOKENS_OUTPUT:
	case IN_TOKENS_TOTAL:
		return text_of_number(g, gen_pred_below(g, 1000));
	case IN_COST:
	case IN_SCORE_VALUE:
		return SV("0.5");
	case IN_SCORE_NAME:
	case IN_SCORE_LABEL:
		return SV("pass");
	case IN_TRACE_ID:
		trace_id_print(&b, s->trace_id);
		break;
	case IN_SPAN_ID:
		span_id_print(&b, s->span_id);
		break;
	case IN_PARENT_SPAN_ID:
		span_id_print(&b, s->parent_span_id);
		break;
	case IN_LINK_TRACE_ID:
		trace_id_print(&b, s->n_links != 0 ? s->links[0].trace_id : s->trace_id);
		break;
	case IN_LINK_SPAN_ID:
		span_id_print(&b, s->n_links != 0 ? s->links[0].span_id : 1);
		break;
	default:
		break;
	}
	out = arena_sv(g->arena, buf_view(&b));
	buf_release(&b);
	return out;
}

static struct sv
text_of_value(struct gen_pred *g, const struct value *v)
{
	struct cursor c;
	struct value x;
	struct buf b = BUF_INIT;
	struct sv out;

	switch (v->type) {
	case VAL_INT:
		if (gen_pred_below(g, 3) == 0)
			return sv_cstr(arena_printf(g->arena, "%.1f", (double)v->i + 0.5));
		buf_i64(&b, v->i);
		break;
	case VAL_DOUBLE:
		buf_printf(&b, "%.17g", v->d);
		break;
	case VAL_BOOL:
		return v->b ? SV("true") : SV("false");
	case VAL_STRING:
		return v->s;
	case VAL_ARRAY:
		c = cursor_new(v->s.p, v->s.n);
		if (value_array_next(&c, &x) && x.type != VAL_ARRAY)
			return text_of_value(g, &x);
		return SV("a");
	default:
		return SV("a");
	}
	out = arena_sv(g->arena, buf_view(&b));
	buf_release(&b);
	return out;
}

/* A piece of it, for text operators. */
static struct sv
piece(struct gen_pred *g, struct sv s)
{
	size_t from = gen_pred_below(g, s.n + 1), to = from + gen_pred_below(g, 4);

	return sv_sub(s, from, to);
}

static struct sv
pattern(struct gen_pred *g, struct sv s)
{
	static const char *const forms[] = { ".*%s.*", "%s.*", ".*%s", "%s", "(%s|b+)", "[ab]%s?.*" };
	struct buf b = BUF_INIT;
	struct sv out;

	for (size_t i = 0; i < s.n && i < 20; i++)
		if ((s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == ' ')
			buf_putc(&b, s.p[i]);
	if (b.n == 0)
		buf_putc(&b, 'a');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	out = sv_cstr(arena_printf(g->arena, forms[gen_pred_below(g, 6)], buf_cstr(&b)));
#pragma GCC diagnostic pop
	buf_release(&b);
	return out;
}

static bool
text_op(enum pred_op op)
{
	return op == OP_CONTAINS || op == OP_NOTCONTAINS || op == OP_STARTS || op == OP_ENDS ||
	    op == OP_RE || op == OP_NRE;
}

/* Operators that a path may have on the field. */
static bool
suits(enum pred_op op, const struct field *f)
{
	if (f->scope != FIELD_INTRINSIC || op == OP_HAS)
		return true;
	switch (intrinsics[f->intrinsic].type) {
	case FT_KIND:
	case FT_STATUS:
		return text_op(op) || op == OP_EQ || op == OP_NE || op == OP_IN ||
		    op == OP_NOTIN;
	case FT_INT:
	case FT_TIME:
	case FT_DURATION:
		return !text_op(op);
	default:
		return true;
	}
}

static struct sv
value_text(struct gen_pred *g, enum pred_op op, const struct field *f, struct value *v)
{
	struct sv s;

	if (f->scope == FIELD_INTRINSIC)
		s = text_of_intrinsic(g, f->intrinsic);
	else
		s = text_of_value(g, v);
	if (op == OP_RE || op == OP_NRE)
		return pattern(g, s);
	if (text_op(op) && gen_pred_below(g, 3) != 0)
		s = piece(g, s);
	if (!text_op(op) && f->scope != FIELD_INTRINSIC && gen_pred_below(g, 5) == 0)
		s = text_of_number(g, gen_pred_below(g, 20));
	return s;
}

static const struct pred *
words(struct gen_pred *g)
{
	static const char *const some[] = { "a", "ab", "nul", "inside", "get", "abc", "b", "ca",
		"scope", "absent", "bb" };
	struct literal *l = arena_array(g->arena, 2, struct literal);
	size_t n = 1 + gen_pred_below(g, 2);

	assert_non_null(l);
	for (size_t i = 0; i < n; i++)
		l[i] = literal_of(sv_cstr(some[gen_pred_below(g, 11)]));
	return pred_leaf(g->arena, OP_TEXT, (struct field){ .scope = FIELD_BARE }, l, n);
}

const struct pred *
gen_leaf(struct gen_pred *g)
{
	struct value v = { .type = VAL_INT, .i = 3 };
	struct field f;
	enum pred_op op;
	struct literal *l;
	size_t n;

	if (gen_pred_below(g, 20) == 0)
		return words(g);
	if (gen_pred_below(g, 3) != 0)
		f = attr_field(g, &v);
	else
		f = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = any_intrinsic(g) };
	do
		op = (enum pred_op)gen_pred_below(g, OP_HAS + 1);
	while (!suits(op, &f));
	n = op == OP_HAS ? 0 : op == OP_BETWEEN ? 2 :
	    op == OP_IN || op == OP_NOTIN ? 1 + gen_pred_below(g, 4) : 1;
	l = arena_array(g->arena, n + 1, struct literal);
	assert_non_null(l);
	for (size_t i = 0; i < n; i++)
		l[i] = literal_for(&f, value_text(g, op, &f, &v));
	return pred_leaf(g->arena, op, f, l, n);
}

const struct pred *
gen_tree(struct gen_pred *g, unsigned depth)
{
	const struct pred *kids[3];
	size_t n = 2 + gen_pred_below(g, 2);

	if (depth == 0)
		return gen_leaf(g);
	if (gen_pred_below(g, 4) == 0)
		return pred_not(g->arena, gen_tree(g, depth - 1));
	for (size_t i = 0; i < n; i++)
		kids[i] = gen_tree(g, (unsigned)gen_pred_below(g, depth));
	return gen_pred_below(g, 2) == 0 ? pred_and(g->arena, kids, n) :
	    pred_or(g->arena, kids, n);
}
