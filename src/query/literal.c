/* SPDX-License-Identifier: ISC */
/*
 * literal: values typed in a path, read by the type of their field (product.md, "Values").
 * The text kept in a literal is canonical (hex padded and lower-case, durations in the
 * largest exact unit, enum numbers as words), so that equal values have equal texts and the
 * canonical path prints them as they are.
 */
#include "base/limits.h"
#include "clause_i.h"
#include "match/regex.h"
#include "model/span.h"
#include "name_i.h"

bool
op_on_text(enum pred_op op)
{
	return op == OP_CONTAINS || op == OP_NOTCONTAINS || op == OP_STARTS ||
	    op == OP_ENDS || op == OP_RE || op == OP_NRE;
}

static bool
op_on_order(enum pred_op op)
{
	return op == OP_LT || op == OP_LE || op == OP_GT || op == OP_GE || op == OP_BETWEEN;
}

bool
op_suits(enum pred_op op, const struct field *f)
{
	switch (field_type(f)) {
	case FT_STRING:
	case FT_ATTR:
	case FT_TRACE_ID:
	case FT_SPAN_ID:
		return true;
	case FT_KIND:
	case FT_STATUS:
		return !op_on_order(op);
	case FT_INT:
	case FT_TIME:
	case FT_DURATION:
		break;
	}
	return !op_on_text(op);
}

static int
expected(const char *what, struct sv text, struct err *e)
{
	struct quoted q;

	return err_set(e, ERR_SYNTAX, 0, "expected %s, got '%s'", what, quote(&q, text));
}

int
lower_text(struct arena *a, struct sv *text, struct err *e)
{
	char *p = arena_alloc(a, text->n);

	if (p == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < text->n; i++) {
		char ch = text->p[i];

		p[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
	}
	*text = sv_new(p, text->n);
	return 0;
}

/* Takes the canonical text from b into the arena; the readings come with it. */
static int
take_text(struct clause *c, struct buf *b, struct literal *l, struct err *e)
{
	struct sv text = arena_sv(c->arena, buf_view(b));
	bool oom = b->oom || text.p == NULL;

	buf_release(b);
	if (oom)
		return err_nomem(e);
	*l = literal_of(text);
	return 0;
}

static int
parse_enum(struct clause *c, enum field_type t, struct sv text, struct literal *l,
    struct err *e)
{
	struct buf b = BUF_INIT;
	const char *word;
	int64_t number;
	int32_t v;
	int code;

	if ((code = lower_text(c->arena, &text, e)) < 0)
		return code;
	if (!(t == FT_KIND ? span_kind_parse(text, &v) : span_status_parse(text, &v))) {
		if (!sv_i64(text, &number) || number != (int32_t)number)
			return expected(t == FT_KIND ?
			    "unspecified, internal, server, client, producer, consumer "
			    "or a number" : "unset, ok, error or a number", text, e);
		v = (int32_t)number;
	}
	word = t == FT_KIND ? span_kind_name(v) : span_status_name(v);
	if (word != NULL)
		buf_str(&b, word);
	else
		buf_i64(&b, v);
	if ((code = take_text(c, &b, l, e)) < 0)
		return code;
	l->u = (uint64_t)(int64_t)v;
	return 0;
}

static int
parse_id(struct clause *c, enum field_type t, struct sv text, struct literal *l,
    struct err *e)
{
	struct trace_id id = { 0, 0 };
	struct buf b = BUF_INIT;
	int code;

	if (t == FT_TRACE_ID && !trace_id_parse(text, &id))
		return expected("up to 32 hex digits of a trace id", text, e);
	if (t == FT_SPAN_ID && !span_id_parse(text, &id.lo))
		return expected("up to 16 hex digits of a span id", text, e);
	if (t == FT_TRACE_ID)
		trace_id_print(&b, id);
	else
		span_id_print(&b, id.lo);
	if ((code = take_text(c, &b, l, e)) < 0)
		return code;
	l->hi = id.hi;
	l->lo = id.lo;
	return 0;
}

static int
parse_number(struct clause *c, enum field_type t, struct sv text, struct literal *l,
    struct err *e)
{
	struct buf b = BUF_INIT;
	struct when w;
	uint64_t u;
	int code;

	if (t == FT_INT) {
		if (!sv_u64(text, &u))
			return expected("a whole number", text, e);
		buf_u64(&b, u);
	} else if (t == FT_DURATION) {
		if (!duration_parse(text, &u) && !(c->plain_ns && sv_u64(text, &u)))
			return expected("a duration with a unit (300us, 1.5s, 1h30m)",
			    text, e);
		duration_print(&b, u);
	} else {
		if (!when_parse(text, &w))
			return expected(when_expected(text), text, e);
		when_print_canonical(&b, w);
		c->relative |= w.kind != WHEN_ABSOLUTE;
		u = when_resolve(w, c->env != NULL ? c->env->now : 0);
	}
	if ((code = take_text(c, &b, l, e)) < 0)
		return code;
	l->u = u;
	return 0;
}

/* The long value behind an alias. Without an environment the alias is taken on trust. */
static int
resolve_alias(struct clause *c, const struct field *f, struct sv text, uint64_t hi,
    uint64_t lo, struct sv *out, struct err *e)
{
	int code;

	if (c->env == NULL) {
		*out = text;
		return 0;
	}
	*out = SV_EMPTY;
	if (c->env->alias != NULL && (code = c->env->alias(c->env->alias_arg, c->arena, f, hi, lo,
	    out, e)) < 0)
		return code;
	if (out->n == 0)
		return err_set(e, ERR_UNKNOWN, 0, "no long value has the name '%.*s'",
		    SV_ARG(text));
	return 0;
}

static bool
is_number(const struct literal *l)
{
	return l->is_int || l->is_double;
}

/* A number sees numbers only, and this field is never one: better refused than empty. */
static int
never_in_order(const struct field *f, struct sv text, struct err *e)
{
	struct quoted q;

	return err_set(e, ERR_UNSUPPORTED, 0,
	    "%s is a text and has no order with the number '%s'",
	    intrinsics[f->intrinsic].name, quote(&q, text));
}

static bool
is_id(enum field_type t)
{
	return t == FT_TRACE_ID || t == FT_SPAN_ID;
}

/* Where in the pattern it is wrong is not where in the segment: escapes are undone there. */
static int
check_pattern(struct sv text, struct err *e)
{
	struct regex *r;
	int code;

	if (text.n > LIMIT_REGEX_BYTES)
		return err_set(e, ERR_SYNTAX, 0,
		    "a regular expression of %zu bytes; the limit is %d", text.n,
		    LIMIT_REGEX_BYTES);
	if ((code = regex_new(text, true, &r, e)) == 0)
		regex_free(r);
	else if (e != NULL && e->off > 0)
		e->off = 0;
	return code;
}

static int
parse_text(struct clause *c, const struct field *f, enum pred_op op, struct sv text,
    struct literal *l, struct err *e)
{
	uint64_t hi, lo;
	struct sv item;
	int code;

	if (name_is_alias(text, &hi, &lo))
		code = resolve_alias(c, f, text, hi, lo, &item, e);
	else
		code = name_decode(c->arena, text, &item, e);
	/* Ids are shown in lower case; a pattern is nobody's to change. */
	if (code == 0 && op != OP_RE && op != OP_NRE && is_id(field_type(f)))
		code = lower_text(c->arena, &item, e);
	if (code < 0)
		return code;
	if ((op == OP_RE || op == OP_NRE) && (code = check_pattern(item, e)) < 0)
		return code;
	*l = literal_of(item);
	if (field_type(f) != FT_ATTR && op_on_order(op) && is_number(l))
		return never_in_order(f, text, e);
	return 0;
}

int
literal_parse(struct clause *c, const struct field *f, enum pred_op op, struct sv text,
    struct literal *l, struct err *e)
{
	enum field_type t = field_type(f);
	struct sv item;
	int code;

	if (t == FT_STRING || t == FT_ATTR || op_on_text(op))
		return parse_text(c, f, op, text, l, e);
	if ((code = name_decode(c->arena, text, &item, e)) < 0)
		return code;
	switch (t) {
	case FT_KIND:
	case FT_STATUS:
		return parse_enum(c, t, item, l, e);
	case FT_TRACE_ID:
	case FT_SPAN_ID:
		return parse_id(c, t, item, l, e);
	default:
		return parse_number(c, t, item, l, e);
	}
}

/* Exact where both are integers, as the comparison itself is. */
static bool
number_above(const struct literal *a, const struct literal *b)
{
	return a->is_int && b->is_int ? a->i > b->i : a->d > b->d;
}

/* Times back from now: the later one has the smaller distance. */
static bool
time_above(const struct literal *a, const struct literal *b)
{
	struct when x, y;

	if (!when_parse(a->text, &x) || !when_parse(b->text, &y) || x.kind != y.kind)
		return false;
	return x.kind == WHEN_AGO ? x.ns < y.ns : x.ns > y.ns;
}

static bool
between_is_empty(const struct field *f, const struct literal *a, const struct literal *b)
{
	switch (field_type(f)) {
	case FT_STRING:
	case FT_ATTR:
		/* A number sees numbers only, a text texts only: one of each sees nothing. */
		if (is_number(a) != is_number(b))
			return true;
		return is_number(a) ? number_above(a, b) : sv_cmp(a->text, b->text) > 0;
	case FT_TRACE_ID:
	case FT_SPAN_ID:
		return sv_cmp(a->text, b->text) > 0;
	case FT_TIME:
		return time_above(a, b);
	default:
		return a->u > b->u;
	}
}

int
literal_check_between(const struct field *f, const struct literal *l, struct err *e)
{
	struct quoted a, b;

	if (!between_is_empty(f, &l[0], &l[1]))
		return 0;
	return err_set(e, ERR_SYNTAX, 0, "nothing lies between '%s' and '%s'%s",
	    quote(&a, l[0].text), quote(&b, l[1].text),
	    (field_type(f) == FT_STRING || field_type(f) == FT_ATTR) &&
	    is_number(&l[0]) != is_number(&l[1]) ?
	    ": one is a number, the other a text" : "");
}
