/* SPDX-License-Identifier: ISC */
/* gen_query_mix: see gen_query_mix.h. A shape is a function that adds clauses, and a row. */
#include "lib/gen_query_mix.h"

#include "model/field.h"
#include "model/usage.h"
#include "model/when.h"
#include "query/name.h"

#define VALUE_MAX 120		/* longer values would make segments too long */
#define SECOND UINT64_C(1000000000)

struct mix {
	const struct query_mix *in;
	uint64_t seed;
	const struct span *s;	/* the span that the query is about */
	const char *file;	/* mix_query's */
	struct buf *out;
};

/* SplitMix64. */
static uint64_t
next(struct mix *m)
{
	uint64_t x = m->seed += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t
below(struct mix *m, uint64_t n)
{
	return next(m) % n;
}

static const struct span *
any_span(struct mix *m)
{
	return &m->in->spans[below(m, m->in->n_spans)];
}

/* ---- words ---- */

static void
word(struct mix *m, const char *s)
{
	buf_putc(m->out, '/');
	buf_str(m->out, s);
}

static void
item(struct mix *m, struct sv s)
{
	buf_putc(m->out, '/');
	name_encode(m->out, s);
}

static void
more(struct mix *m, struct sv s)
{
	buf_putc(m->out, ',');
	name_encode(m->out, s);
}

static void
put_duration(struct mix *m, uint64_t ns)
{
	struct buf b = BUF_INIT;

	duration_print(&b, ns);
	item(m, buf_view(&b));
	buf_release(&b);
}

static void
put_when(struct mix *m, uint64_t ns)
{
	struct buf b = BUF_INIT;

	when_print(&b, ns);
	item(m, buf_view(&b));
	buf_release(&b);
}

static void
put_number(struct mix *m, const struct value *v, double factor)
{
	struct buf b = BUF_INIT;

	if (v->type == VAL_INT)
		buf_printf(&b, "%lld", (long long)((double)v->i * factor));
	else
		buf_printf(&b, "%.6g", v->d * factor);
	item(m, buf_view(&b));
	buf_release(&b);
}

/* ---- attributes of a span ---- */

struct chosen {
	const char *scope;	/* "span.", "event.", "resource.", or "" */
	struct sv key;
	struct value val;	/* of an array its first element */
};

static bool
is_text(const struct value *v)
{
	return v->type == VAL_STRING && v->s.n != 0 && v->s.n <= VALUE_MAX;
}

static bool
is_number(const struct value *v)
{
	return v->type == VAL_INT || v->type == VAL_DOUBLE;
}

static bool
is_any(const struct value *v)
{
	return is_text(v) || is_number(v) || v->type == VAL_BOOL;
}

static struct value
scalar_of(const struct value *v)
{
	struct value out = *v;

	if (v->type == VAL_ARRAY) {
		struct cursor c = cursor_new(v->s.p, v->s.n);

		if (!value_array_next(&c, &out))
			return *v;
	}
	return out;
}

/* A random attribute that suits, from position `at` on; false if there is none. */
static bool
choose(struct mix *m, const char *scope, const struct attrs *a,
    bool (*suits)(const struct value *), struct chosen *c)
{
	uint32_t at = a->n != 0 ? (uint32_t)below(m, a->n) : 0;

	for (uint32_t i = 0; i < a->n; i++) {
		const struct attr *x = &a->v[(at + i) % a->n];
		struct value v = scalar_of(&x->val);

		if (suits(&v)) {
			*c = (struct chosen){ scope, x->key, v };
			return true;
		}
	}
	return false;
}

/* Moves to a span that has such an attribute. */
static struct chosen
attribute(struct mix *m, bool (*suits)(const struct value *))
{
	struct chosen c = { "", SV("http.route"), { .type = VAL_STRING, .s = SV("/") } };

	for (int i = 0; i < 1000; i++, m->s = any_span(m))
		if (choose(m, "", &m->s->attrs, suits, &c))
			break;
	return c;
}

static struct chosen
event_attribute(struct mix *m, bool (*suits)(const struct value *))
{
	struct chosen c = { "event.", SV("exception.type"), { .type = VAL_STRING, .s = SV("Error") } };

	for (size_t i = 0; i < m->in->n_spans; i++, m->s = any_span(m))
		if (m->s->n_events != 0 && choose(m, "event.",
		    &m->s->events[below(m, m->s->n_events)].attrs, suits, &c))
			break;
	return c;
}

/* The value of the same key in another span, else the same. */
static struct value
another(struct mix *m, const struct chosen *c)
{
	for (int i = 0; i < 500; i++) {
		const struct value *v = attrs_find(&any_span(m)->attrs, c->key);
		struct value s;

		if (v == NULL)
			continue;
		s = scalar_of(v);
		if (s.type == c->val.type && is_any(&s))
			return s;
	}
	return c->val;
}

static void
where(struct mix *m, const struct chosen *c, const char *op)
{
	struct buf b = BUF_INIT;

	buf_str(&b, c->scope);
	buf_sv(&b, c->key);
	word(m, "where");
	item(m, buf_view(&b));
	word(m, op);
	buf_release(&b);
}

static void
value_text(struct buf *b, const struct value *v)
{
	if (v->type == VAL_STRING)
		buf_sv(b, v->s);
	else if (v->type == VAL_BOOL)
		buf_str(b, v->b ? "true" : "false");
	else if (v->type == VAL_INT)
		buf_printf(b, "%lld", (long long)v->i);
	else
		buf_printf(b, "%.17g", v->d);
}

static void
put_value(struct mix *m, const struct value *v, bool first)
{
	struct buf b = BUF_INIT;

	value_text(&b, v);
	(first ? item : more)(m, buf_view(&b));
	buf_release(&b);
}

static void
where_eq(struct mix *m, const struct chosen *c)
{
	where(m, c, "eq");
	put_value(m, &c->val, true);
}

/* A piece of 3 to 12 bytes; ASCII is not cut in two. */
static struct sv
piece(struct mix *m, struct sv s)
{
	size_t n = 3 + below(m, 10), from;

	if (s.n <= n)
		return s;
	from = below(m, s.n - n + 1);
	for (size_t i = from; i < from + n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return sv_sub(s, 0, s.n);
	return sv_sub(s, from, from + n);
}

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    c == '_';
}

/* A whole token of 3 bytes or more, else any word. */
static struct sv
token(struct mix *m, struct sv s)
{
	size_t at = below(m, s.n), from, to;

	for (size_t i = 0; i < s.n; i++) {
		from = to = (at + i) % s.n;
		if (!is_word(s.p[from]))
			continue;
		while (from > 0 && is_word(s.p[from - 1]))
			from--;
		while (to < s.n && is_word(s.p[to]))
			to++;
		if (to - from >= 3)
			return sv_sub(s, from, to);
	}
	return SV("error");
}

/* ---- clauses ---- */

static void
service(struct mix *m)
{
	word(m, "service");
	item(m, m->s->resource->service);
}

static void
name(struct mix *m)
{
	word(m, "name");
	item(m, m->s->name);
}

static void
status(struct mix *m)
{
	const char *s = span_status_name(m->s->status);

	word(m, "status");
	word(m, s != NULL ? s : "error");
}

static void
kind(struct mix *m)
{
	const char *s = span_kind_name(m->s->kind);

	word(m, "kind");
	word(m, s != NULL ? s : "server");
}

static void
slower(struct mix *m)
{
	static const unsigned tenths[] = { 5, 8, 10, 15, 20, 40 };

	word(m, "duration");
	word(m, below(m, 2) ? "gt" : "ge");
	put_duration(m, span_duration(m->s) * tenths[below(m, 6)] / 10);
}

/* ---- shapes ---- */

static void
sh_all(struct mix *m)
{
	(void)m;
}

static void
sh_service_name(struct mix *m)
{
	service(m);
	name(m);
}

static void
sh_names(struct mix *m)
{
	name(m);
	more(m, any_span(m)->name);
	more(m, any_span(m)->name);
}

static void
sh_services(struct mix *m)
{
	service(m);
	more(m, any_span(m)->resource->service);
}

static void
sh_errors(struct mix *m)
{
	BUF_LIT(m->out, "/status/error");
}

static void
sh_service_errors(struct mix *m)
{
	service(m);
	sh_errors(m);
}

static void
sh_name_status(struct mix *m)
{
	name(m);
	status(m);
}

static void
sh_kind_status(struct mix *m)
{
	kind(m);
	status(m);
}

static void
sh_service_kind(struct mix *m)
{
	service(m);
	kind(m);
}

static void
sh_slow_of_service(struct mix *m)
{
	service(m);
	slower(m);
}

static void
sh_slow_of_name(struct mix *m)
{
	service(m);
	name(m);
	slower(m);
}

static void
sh_duration_between(struct mix *m)
{
	uint64_t d = span_duration(m->s);

	BUF_LIT(m->out, "/where/duration/between");
	put_duration(m, d / 2);
	buf_putc(m->out, ',');
	duration_print(m->out, d * 2 + 1);
}

static void
sh_fast(struct mix *m)
{
	BUF_LIT(m->out, "/duration/lt");
	put_duration(m, span_duration(m->s) / 2 + 1);
}

static void
sh_eq(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	where_eq(m, &c);
}

static void
sh_eq_of_service(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	service(m);
	where_eq(m, &c);
}

static void
sh_eq_status(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	where_eq(m, &c);
	status(m);
}

static void
sh_eq_eq(struct mix *m)
{
	struct chosen a = attribute(m, is_any), b = a;

	where_eq(m, &a);
	(void)choose(m, "", &m->s->attrs, is_any, &b);
	where_eq(m, &b);
}

static void
sh_eq_eq_eq(struct mix *m)
{
	struct chosen c;

	sh_eq_eq(m);
	if (choose(m, "", &m->s->attrs, is_any, &c))
		where_eq(m, &c);
}

static void
sh_eq_slow(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	where_eq(m, &c);
	slower(m);
}

static void
sh_in(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	where(m, &c, "in");
	put_value(m, &c.val, true);
	for (uint64_t n = 1 + below(m, 4); n > 0; n--) {
		struct value v = another(m, &c);

		put_value(m, &v, false);
	}
}

static void
sh_notin(struct mix *m)
{
	struct chosen c = attribute(m, is_any);
	struct value v = another(m, &c);

	service(m);
	where(m, &c, "notin");
	put_value(m, &c.val, true);
	put_value(m, &v, false);
}

static void
sh_ne(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	where(m, &c, "ne");
	put_value(m, &c.val, true);
}

static void
sh_has(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	word(m, "has");
	item(m, c.key);
}

static void
sh_not_has(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	service(m);
	BUF_LIT(m->out, "/not/has");
	item(m, c.key);
}

static void
sh_not_eq(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	name(m);
	word(m, "not");
	where_eq(m, &c);
}

static void
sh_not_service(struct mix *m)
{
	BUF_LIT(m->out, "/not");
	service(m);
	status(m);
}

static void
sh_number_order(struct mix *m)
{
	static const char *const ops[] = { "gt", "ge", "lt", "le" };
	static const double factors[] = { 0.5, 0.9, 1, 1.1, 2 };
	struct chosen c = attribute(m, is_number);

	where(m, &c, ops[below(m, 4)]);
	put_number(m, &c.val, factors[below(m, 5)]);
}

static void
sh_number_between(struct mix *m)
{
	struct chosen c = attribute(m, is_number);
	struct buf b = BUF_INIT;

	where(m, &c, "between");
	put_number(m, &c.val, c.val.type == VAL_INT && c.val.i < 0 ? 2 : 0.5);
	if (c.val.type == VAL_INT)
		buf_printf(&b, "%lld", (long long)(c.val.i < 0 ? 0 : c.val.i * 3 / 2));
	else
		buf_printf(&b, "%.6g", c.val.d < 0 ? 0 : c.val.d * 1.5);
	more(m, buf_view(&b));
	buf_release(&b);
}

static void
sh_status_code(struct mix *m)
{
	service(m);
	BUF_LIT(m->out, "/where/http.response.status_code/ge/");
	buf_str(m->out, below(m, 2) ? "500" : "400");
}

static void
text_op(struct mix *m, const struct chosen *c, const char *op, struct sv s)
{
	where(m, c, op);
	item(m, s);
}

static void
sh_contains(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	text_op(m, &c, "contains", piece(m, c.val.s));
}

static void
sh_contains_of_service(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	service(m);
	text_op(m, &c, "contains", piece(m, c.val.s));
}

static void
sh_notcontains(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	text_op(m, &c, "notcontains", piece(m, c.val.s));
}

static void
sh_starts(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	text_op(m, &c, "starts", sv_sub(c.val.s, 0, c.val.s.n < 8 ? c.val.s.n : 3 + below(m, 6)));
}

static void
sh_ends(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	text_op(m, &c, "ends", sv_sub(c.val.s, c.val.s.n > 6 ? c.val.s.n - 4 : 0, c.val.s.n));
}

/* Bytes that mean something in a regular expression become dots. */
static void
put_regex(struct mix *m, struct sv s, const char *before, const char *after)
{
	struct buf b = BUF_INIT;

	buf_str(&b, before);
	for (size_t i = 0; i < s.n; i++)
		buf_putc(&b, is_word(s.p[i]) || s.p[i] == '-' || (unsigned char)s.p[i] >= 0x80 ?
		    s.p[i] : '.');
	buf_str(&b, after);
	item(m, buf_view(&b));
	buf_release(&b);
}

static void
sh_re(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	where(m, &c, "re");
	put_regex(m, piece(m, c.val.s), below(m, 2) ? ".*" : ".*[^x]", ".*");
}

static void
sh_re_start(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	where(m, &c, "re");
	put_regex(m, sv_sub(c.val.s, 0, c.val.s.n < 10 ? c.val.s.n : 5), "", ".*");
}

static void
sh_nre(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	service(m);
	where(m, &c, "nre");
	put_regex(m, piece(m, c.val.s), ".*", ".*");
}

static void
sh_name_re(struct mix *m)
{
	BUF_LIT(m->out, "/where/name/re");
	put_regex(m, piece(m, m->s->name), ".*", ".*");
}

static void
sh_name_contains(struct mix *m)
{
	BUF_LIT(m->out, "/where/name/contains");
	item(m, piece(m, m->s->name));
}

static void
sh_name_starts(struct mix *m)
{
	service(m);
	BUF_LIT(m->out, "/where/name/starts");
	item(m, sv_sub(m->s->name, 0, m->s->name.n < 6 ? m->s->name.n : 6));
}

static void
sh_text_name(struct mix *m)
{
	word(m, "text");
	item(m, token(m, m->s->name));
}

static void
sh_text_attribute(struct mix *m)
{
	struct chosen c = attribute(m, is_text);

	word(m, "text");
	item(m, token(m, c.val.s));
}

static void
sh_text_two(struct mix *m)
{
	struct chosen c = attribute(m, is_text);
	struct buf b = BUF_INIT;

	service(m);
	word(m, "text");
	buf_sv(&b, token(m, c.val.s));
	buf_putc(&b, ' ');
	buf_sv(&b, token(m, m->s->name));
	item(m, buf_view(&b));
	buf_release(&b);
}

static void
sh_any_fields(struct mix *m)
{
	struct chosen a = attribute(m, is_any), b = a;

	word(m, "any");
	where_eq(m, &a);
	(void)choose(m, "", &m->s->attrs, is_any, &b);
	where_eq(m, &b);
	word(m, "end");
}

static void
sh_any_mixed(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	word(m, "any");
	where_eq(m, &c);
	sh_errors(m);
	slower(m);
	word(m, "end");
}

static void
sh_any_pairs(struct mix *m)
{
	struct chosen c = attribute(m, is_any);

	BUF_LIT(m->out, "/any/all");
	service(m);
	where_eq(m, &c);
	m->s = any_span(m);
	c = attribute(m, is_any);
	BUF_LIT(m->out, "/end/all");
	service(m);
	where_eq(m, &c);
	BUF_LIT(m->out, "/end/end");
}

static void
sh_event_name(struct mix *m)
{
	for (size_t i = 0; i < m->in->n_spans && m->s->n_events == 0; i++)
		m->s = any_span(m);
	BUF_LIT(m->out, "/where/event:name/eq");
	item(m, m->s->n_events != 0 ? m->s->events[0].name : SV("exception"));
}

static void
sh_event_eq(struct mix *m)
{
	struct chosen c = event_attribute(m, is_any);

	where_eq(m, &c);
}

static void
sh_event_eq_of_service(struct mix *m)
{
	struct chosen c = event_attribute(m, is_any);

	service(m);
	where_eq(m, &c);
}

static void
sh_event_contains(struct mix *m)
{
	struct chosen c = event_attribute(m, is_text);

	text_op(m, &c, "contains", piece(m, c.val.s));
}

static void
sh_resource_eq(struct mix *m)
{
	struct chosen c;

	if (choose(m, "resource.", &m->s->resource->attrs, is_any, &c))
		where_eq(m, &c);
	else
		service(m);
}

static void
sh_resource_status(struct mix *m)
{
	sh_resource_eq(m);
	status(m);
}

static void
sh_scope(struct mix *m)
{
	word(m, "scope");
	item(m, m->s->scope->name);
}

static void
sh_status_message(struct mix *m)
{
	for (size_t i = 0; i < m->in->n_spans && m->s->status_message.n == 0; i++)
		m->s = any_span(m);
	BUF_LIT(m->out, "/where/status_message/contains");
	item(m, m->s->status_message.n != 0 ? piece(m, m->s->status_message) : SV("error"));
}

static void
sh_trace(struct mix *m)
{
	BUF_LIT(m->out, "/trace/");
	trace_id_print(m->out, m->s->trace_id);
}

static void
sh_trace_service(struct mix *m)
{
	sh_trace(m);
	service(m);
}

static void
sh_span(struct mix *m)
{
	word(m, "span");
	buf_printf(m->out, "/%016llx", (unsigned long long)m->s->span_id);
}

static void
sh_trace_duration(struct mix *m)
{
	static const char *const steps[] = { "100ms", "300ms", "1s", "3s", "10s" };

	BUF_LIT(m->out, "/trace-duration/gt");
	word(m, steps[below(m, 5)]);
	service(m);
}

static void
sh_root_service(struct mix *m)
{
	BUF_LIT(m->out, "/where/root_service/eq");
	item(m, m->s->resource->service);
}

static void
sh_children(struct mix *m)
{
	BUF_LIT(m->out, "/where/child_count/ge/3");
	service(m);
}

static void
sh_roots(struct mix *m)
{
	BUF_LIT(m->out, "/root");
	slower(m);
}

/* ---- use of language models ---- */

/* Moves to a span that says how many tokens it took. */
static uint64_t
tokens(struct mix *m, enum intrinsic in)
{
	uint64_t n = 0;

	for (int i = 0; i < 2000 && !usage_tokens(m->s, in, &n); i++)
		m->s = any_span(m);
	return n;
}

static void
sh_tokens(struct mix *m)
{
	static const enum intrinsic of[] = { IN_TOKENS_INPUT, IN_TOKENS_OUTPUT, IN_TOKENS_TOTAL };
	enum intrinsic in = of[below(m, 3)];
	uint64_t n = tokens(m, in);

	word(m, "where");
	item(m, sv_cstr(intrinsics[in].name));
	word(m, below(m, 2) ? "gt" : "le");
	buf_printf(m->out, "/%llu", (unsigned long long)(n * (5 + below(m, 10)) / 10));
}

static void
sh_tokens_of_service(struct mix *m)
{
	sh_tokens(m);
	service(m);
}

static void
sh_cost(struct mix *m)
{
	static const char *const usd[] = { "0", "0.0001", "0.001", "0.01", "0.1" };

	BUF_LIT(m->out, "/where/cost/gt");
	word(m, usd[below(m, 5)]);
}

/* Of an evaluation that there is, else of any. */
static void
sh_score(struct mix *m)
{
	const struct value *v = NULL;

	for (int i = 0; i < 2000 && v == NULL; i++, m->s = any_span(m))
		for (uint32_t k = 0; k < m->s->n_events && v == NULL; k++)
			if (event_is_score(&m->s->events[k]))
				v = attrs_find(&m->s->events[k].attrs, SV(SCORE_NAME_KEY));
	BUF_LIT(m->out, "/where/score:name/eq");
	item(m, v != NULL && is_text(v) ? v->s : SV("relevance"));
	if (below(m, 2)) {
		BUF_LIT(m->out, "/where/score:value");
		word(m, below(m, 2) ? "lt" : "ge");
		BUF_LIT(m->out, "/0.5");
	}
}

/* ---- what the tree of a trace tells ---- */

static void
sh_depth(struct mix *m)
{
	service(m);
	BUF_LIT(m->out, "/where/depth");
	word(m, below(m, 2) ? "ge" : "eq");
	buf_printf(m->out, "/%llu", (unsigned long long)below(m, 7));
}

static void
sh_self_duration(struct mix *m)
{
	name(m);
	BUF_LIT(m->out, "/where/self_duration/gt");
	put_duration(m, span_duration(m->s) / (1 + below(m, 4)));
}

/* ---- comparisons ---- */

/* What is different about the errors, the slow ones, those with a value, of a service. */
static void
sh_compare(struct mix *m)
{
	struct chosen c;

	m->file = "compare.jsonl";
	service(m);
	word(m, "compare");
	switch (below(m, 3)) {
	case 0:
		sh_errors(m);
		break;
	case 1:
		slower(m);
		break;
	default:
		c = attribute(m, is_any);
		where_eq(m, &c);
	}
	word(m, "end");
}

static const struct {
	const char *name;
	void (*make)(struct mix *);
} shapes[] = {
	{ "eq", sh_eq }, { "time", sh_all }, { "service", service }, { "name", name },
	{ "service+name", sh_service_name }, { "name list", sh_names },
	{ "service list", sh_services }, { "status", sh_errors },
	{ "service+status", sh_service_errors }, { "name+status", sh_name_status },
	{ "kind+status", sh_kind_status }, { "service+kind", sh_service_kind },
	{ "duration", slower }, { "service+duration", sh_slow_of_service },
	{ "name+duration", sh_slow_of_name }, { "duration between", sh_duration_between },
	{ "duration lt", sh_fast }, { "eq+service", sh_eq_of_service },
	{ "eq+status", sh_eq_status }, { "eq+eq", sh_eq_eq }, { "eq+eq+eq", sh_eq_eq_eq },
	{ "eq+duration", sh_eq_slow }, { "in", sh_in }, { "notin", sh_notin }, { "ne", sh_ne },
	{ "has", sh_has }, { "not has", sh_not_has }, { "not eq", sh_not_eq },
	{ "not service", sh_not_service }, { "number order", sh_number_order },
	{ "number between", sh_number_between }, { "status code", sh_status_code },
	{ "contains", sh_contains }, { "contains+service", sh_contains_of_service },
	{ "notcontains", sh_notcontains }, { "starts", sh_starts }, { "ends", sh_ends },
	{ "re", sh_re }, { "re start", sh_re_start }, { "nre", sh_nre },
	{ "name re", sh_name_re }, { "name contains", sh_name_contains },
	{ "name starts", sh_name_starts }, { "text name", sh_text_name },
	{ "text", sh_text_attribute }, { "text two", sh_text_two }, { "any eq", sh_any_fields },
	{ "any mixed", sh_any_mixed }, { "any pairs", sh_any_pairs },
	{ "event name", sh_event_name }, { "event eq", sh_event_eq },
	{ "event eq+service", sh_event_eq_of_service }, { "event contains", sh_event_contains },
	{ "resource eq", sh_resource_eq }, { "resource+status", sh_resource_status },
	{ "scope", sh_scope }, { "status message", sh_status_message }, { "trace", sh_trace },
	{ "trace+service", sh_trace_service }, { "span", sh_span },
	{ "trace duration", sh_trace_duration }, { "root service", sh_root_service },
	{ "child count", sh_children }, { "roots", sh_roots },
	{ "tokens", sh_tokens }, { "tokens+service", sh_tokens_of_service }, { "cost", sh_cost },
	{ "score", sh_score }, { "depth", sh_depth }, { "self duration", sh_self_duration },
	{ "compare", sh_compare },
};

size_t
query_mix_shapes(void)
{
	return sizeof shapes / sizeof *shapes;
}

/* Around the span, from five minutes to a day; often everything. */
static void
put_time(struct mix *m)
{
	static const uint64_t widths[] = { 300, 900, 3600, 6 * 3600, 24 * 3600 };
	uint64_t width, from;

	if (below(m, 5) < 2)
		return;
	width = widths[below(m, 5)] * SECOND;
	from = m->s->start_ns - below(m, width);
	BUF_LIT(m->out, "/since");
	put_when(m, from);
	if (below(m, 4) != 0) {
		BUF_LIT(m->out, "/until");
		put_when(m, from + width);
	}
}

static void
put_tail(struct mix *m, struct buf *tail)
{
	static const char *const tails[] = { "", "", "", "/limit/20", "/limit/100",
		"/limit/1000", "/sort/duration:desc/limit/20",
		"/select/start,trace_id,name,duration" };

	buf_str(tail, tails[below(m, sizeof tails / sizeof *tails)]);
}

void
query_mix_make(const struct query_mix *in, size_t i, struct mix_query *q)
{
	struct mix m = { .in = in, .seed = in->seed + i * UINT64_C(0x51ed270b0a1f39c1) };

	q->filter.n = q->tail.n = 0;
	m.out = &q->filter;
	m.s = any_span(&m);
	q->shape = shapes[i % query_mix_shapes()].name;
	shapes[i % query_mix_shapes()].make(&m);
	put_time(&m);
	q->file = m.file;
	if (m.file == NULL)
		put_tail(&m, &q->tail);
}

void
mix_query_release(struct mix_query *q)
{
	buf_release(&q->filter);
	buf_release(&q->tail);
}
