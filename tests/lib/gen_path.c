/* SPDX-License-Identifier: ISC */
/* gen_path: see gen_path.h. */
#include "lib/gen_path.h"

#include "model/pred.h"
#include "model/when.h"
#include "query/name.h"

#define VALUE_MAX 160		/* longer values would make segments too long */
#define DEPTH_MAX 3

struct gen {
	uint64_t *seed;
	const struct vocab *v;
	struct buf *out;
};

/* SplitMix64. */
static uint64_t
next(struct gen *g)
{
	uint64_t x = *g->seed += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t
below(struct gen *g, uint64_t n)
{
	return next(g) % n;
}

static bool
one_in(struct gen *g, uint64_t n)
{
	return below(g, n) == 0;
}

static void
segment(struct gen *g, const char *word)
{
	buf_putc(g->out, '/');
	buf_str(g->out, word);
}

static void
encoded(struct gen *g, struct sv s)
{
	name_encode(g->out, s);
}

static struct sv
pick(struct gen *g, struct vocab_list l)
{
	struct sv s = SV("nobody");

	if (l.n != 0 && !one_in(g, 8))
		s = l.v[below(g, l.n)];
	return s.n > VALUE_MAX ? sv_sub(s, 0, VALUE_MAX) : s;
}

/* A list of one to three items as one segment. */
static void
list(struct gen *g, struct vocab_list l)
{
	uint64_t n = 1 + (one_in(g, 3) ? below(g, 3) : 0);

	buf_putc(g->out, '/');
	for (uint64_t i = 0; i < n; i++) {
		if (i != 0)
			buf_putc(g->out, ',');
		encoded(g, pick(g, l));
	}
}

static const char *const kinds[] = { "unspecified", "internal", "server", "client", "producer",
    "consumer", "SERVER", "Client" };
static const char *const statuses[] = { "unset", "ok", "error", "ERROR" };

/* Enums know no word of nowhere: one from the table, always. */
static void
enum_segment(struct gen *g, bool kind, bool many)
{
	uint64_t n = many && one_in(g, 2) ? 2 : 1;

	buf_putc(g->out, '/');
	for (uint64_t i = 0; i < n; i++) {
		if (i != 0)
			buf_putc(g->out, ',');
		buf_str(g->out, kind ? kinds[below(g, 8)] : statuses[below(g, 4)]);
	}
}

static uint64_t
duration(struct gen *g)
{
	static const uint64_t unit[] = { 1, 1000, 1000000, 1000000000 };

	return below(g, 2000) * unit[below(g, 4)];
}

static uint64_t
instant(struct gen *g)
{
	uint64_t width = g->v->max_start - g->v->min_start + 2;

	return g->v->min_start + below(g, width);
}

static void
put_duration(struct gen *g, uint64_t ns)
{
	struct buf b = BUF_INIT;

	duration_print(&b, ns);
	encoded(g, buf_view(&b));
	buf_release(&b);
}

static void
put_instant(struct gen *g, uint64_t ns)
{
	struct buf b = BUF_INIT;

	when_print(&b, ns);
	encoded(g, buf_view(&b));
	buf_release(&b);
}

/* Operators on numbers (times, durations, counts), which never fit text operators. */
static const char *const number_ops[] = { "eq", "ne", "lt", "le", "gt", "ge", "in", "notin",
    "between" };

static void
put_number(struct gen *g, enum field_type t, uint64_t u)
{
	if (t == FT_DURATION)
		put_duration(g, u);
	else if (t == FT_TIME)
		put_instant(g, u);
	else
		buf_u64(g->out, u);
}

static uint64_t
number(struct gen *g, enum field_type t)
{
	return t == FT_DURATION ? duration(g) : t == FT_TIME ? instant(g) : below(g, 20);
}

/* OP/V for a field of numbers. */
static void
number_test(struct gen *g, enum field_type t)
{
	const char *op = number_ops[below(g, 9)];
	uint64_t a = number(g, t), b = number(g, t);

	segment(g, op);
	buf_putc(g->out, '/');
	if (strcmp(op, "between") == 0) {
		put_number(g, t, a < b ? a : b);
		buf_putc(g->out, ',');
		put_number(g, t, a < b ? b : a);
		return;
	}
	put_number(g, t, a);
	if (strstr(op, "in") != NULL && one_in(g, 2)) {
		buf_putc(g->out, ',');
		put_number(g, t, b);
	}
}

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    c == '_';
}

/* A piece of s that ends where characters end, as far as one can see. */
static struct sv
piece(struct gen *g, struct sv s)
{
	size_t from, n;

	if (s.n < 2)
		return s;
	from = below(g, s.n);
	n = 1 + below(g, 8);
	while (from > 0 && ((uint8_t)s.p[from] & 0xc0) == 0x80)
		from--;
	while (from + n < s.n && ((uint8_t)s.p[from + n] & 0xc0) == 0x80)
		n++;
	return sv_sub(s, from, from + n);
}

/* A pattern that holds some of the text: what is no word byte becomes ".*". */
static void
pattern(struct gen *g, struct sv s)
{
	struct buf b = BUF_INIT;
	struct sv p = piece(g, s);

	if (!one_in(g, 3))
		BUF_LIT(&b, ".*");
	for (size_t i = 0; i < p.n; i++) {
		if (is_word(p.p[i]))
			buf_putc(&b, p.p[i]);
		else if (b.n < 2 || b.p[b.n - 1] != '*')
			BUF_LIT(&b, ".*");
	}
	if (!one_in(g, 4))
		BUF_LIT(&b, "[a-z/]*.*");
	if (one_in(g, 4))
		BUF_LIT(&b, "|G.T.*");
	encoded(g, buf_view(&b));
	buf_release(&b);
}

static bool
is_number(struct sv s)
{
	struct literal l = literal_of(s);

	return l.is_int || l.is_double;
}

/* between LO,HI, in order; false if these two have none. */
static bool
between(struct gen *g, struct sv a, struct sv b)
{
	struct literal x = literal_of(a), y = literal_of(b);
	bool swap;

	if (is_number(a) != is_number(b))
		return false;
	swap = is_number(a) ? (x.is_int && y.is_int ? x.i > y.i : x.d > y.d) :
	    sv_cmp(a, b) > 0;
	segment(g, "between/");
	encoded(g, swap ? b : a);
	buf_putc(g->out, ',');
	encoded(g, swap ? a : b);
	return true;
}

/* OP/V for a field of texts or, if `attr`, of anything. */
static void
text_test(struct gen *g, struct vocab_list values, bool attr)
{
	static const char *const order[] = { "lt", "le", "gt", "ge" };
	static const char *const parts[] = { "contains", "notcontains", "starts", "ends" };
	struct sv a = pick(g, values);
	bool ordered = attr || !is_number(a);

	switch (below(g, 8)) {
	case 0:
		segment(g, one_in(g, 2) ? "in" : "notin");
		list(g, values);
		return;
	case 1:
		segment(g, "ne/");
		break;
	case 2:
		segment(g, one_in(g, 4) ? "nre/" : "re/");
		pattern(g, a);
		return;
	case 3:
		if (ordered && (attr || !is_number(a)) && between(g, a,
		    attr ? pick(g, values) : SV("zz")))
			return;
		segment(g, "eq/");
		break;
	case 4:
		segment(g, ordered ? order[below(g, 4)] : "eq");
		buf_putc(g->out, '/');
		break;
	case 5:
		segment(g, parts[below(g, 4)]);
		buf_putc(g->out, '/');
		a = piece(g, a);
		break;
	default:
		segment(g, "eq/");
		break;
	}
	encoded(g, a);
}

static struct vocab_list
values_of(const struct vocab *v, enum intrinsic in)
{
	switch (in) {
	case IN_NAME:
	case IN_ROOT_NAME:
		return v->names;
	case IN_SCOPE:
		return v->scopes;
	case IN_TRACE_ID:
	case IN_LINK_TRACE_ID:
		return v->trace_ids;
	case IN_SPAN_ID:
	case IN_PARENT_SPAN_ID:
	case IN_LINK_SPAN_ID:
		return v->span_ids;
	default:
		return v->services;
	}
}

/* An intrinsic that spans have; without GEN_PATH_TRACE none of the trace. */
static enum intrinsic
pick_intrinsic(struct gen *g)
{
	for (;;) {
		enum intrinsic in = (enum intrinsic)below(g, N_INTRINSICS);

		if (intrinsics[in].of == OF_GROUP)
			continue;
		if ((intrinsics[in].of != OF_TRACE && intrinsics[in].of != OF_TREE) || (g->v->flags & GEN_PATH_TRACE) != 0)
			return in;
	}
}

static void
id_test(struct gen *g, struct vocab_list ids)
{
	static const char *const ops[] = { "eq", "ne", "in", "notin" };
	uint64_t i = below(g, 4);

	segment(g, ops[i]);
	buf_putc(g->out, '/');
	for (uint64_t n = i < 2 ? 1 : 1 + below(g, 3); n > 0; n--) {
		if (ids.n != 0 && !one_in(g, 8))
			encoded(g, ids.v[below(g, ids.n)]);
		else
			buf_str(g->out, "abc123");
		if (n > 1)
			buf_putc(g->out, ',');
	}
}

static void
enum_test(struct gen *g, bool kind)
{
	static const char *const ops[] = { "eq", "ne", "in", "notin" };
	uint64_t i = below(g, 5);

	if (i == 4) {
		segment(g, "contains/er");
		return;
	}
	segment(g, ops[i]);
	enum_segment(g, kind, i >= 2);
}

static void
where_intrinsic(struct gen *g)
{
	enum intrinsic in = pick_intrinsic(g);
	enum field_type t = intrinsics[in].type;

	buf_putc(g->out, '/');
	encoded(g, sv_cstr(intrinsics[in].name));
	switch (t) {
	case FT_STRING:
	case FT_ATTR:
		text_test(g, values_of(g->v, in), t == FT_ATTR);
		break;
	case FT_KIND:
	case FT_STATUS:
		enum_test(g, t == FT_KIND);
		break;
	case FT_TRACE_ID:
	case FT_SPAN_ID:
		id_test(g, values_of(g->v, in));
		break;
	case FT_INT:
	case FT_TIME:
	case FT_DURATION:
		number_test(g, t);
		break;
	}
}

static void
where(struct gen *g)
{
	const struct vocab_attr *a;

	segment(g, "where");
	if (g->v->n_attrs == 0 || one_in(g, 3)) {
		where_intrinsic(g);
		return;
	}
	a = &g->v->attrs[below(g, g->v->n_attrs)];
	buf_putc(g->out, '/');
	encoded(g, a->field);
	text_test(g, a->values, true);
}

static void
put_field(struct gen *g)
{
	if (g->v->n_attrs != 0 && !one_in(g, 3)) {
		encoded(g, g->v->attrs[below(g, g->v->n_attrs)].field);
		return;
	}
	encoded(g, sv_cstr(intrinsics[pick_intrinsic(g)].name));
}

/* In front of a field that is a key, a measure or a sort key. */
static void
maybe_parent(struct gen *g)
{
	if ((g->v->flags & GEN_PATH_TRACE) != 0 && one_in(g, 8))
		buf_str(g->out, "parent:");
}

static void
put_key(struct gen *g)
{
	maybe_parent(g);
	put_field(g);
}

static void
words(struct gen *g)
{
	struct sv s = pick(g, one_in(g, 2) || g->v->n_attrs == 0 ? g->v->names :
	    g->v->attrs[below(g, g->v->n_attrs)].values), p = piece(g, s);
	struct buf b = BUF_INIT;

	if (one_in(g, 2))
		p = s;
	for (size_t i = 0; i < p.n; i++)
		buf_putc(&b, is_word(p.p[i]) ? p.p[i] : ' ');
	/* A piece of a word is no token; it may as well find nothing. */
	BUF_LIT(&b, " ");
	for (size_t i = 0; i < b.n; i++)
		if (is_word(b.p[i])) {
			segment(g, "text/");
			encoded(g, buf_view(&b));
			buf_release(&b);
			return;
		}
	buf_release(&b);
	segment(g, "text/GET");
}

static void
ids(struct gen *g, const char *keyword, struct vocab_list l)
{
	segment(g, keyword);
	buf_putc(g->out, '/');
	if (l.n == 0 || one_in(g, 8))
		buf_str(g->out, "abc123");
	else
		encoded(g, l.v[below(g, l.n)]);
	if (l.n != 0 && one_in(g, 3)) {
		buf_putc(g->out, ',');
		encoded(g, l.v[below(g, l.n)]);
	}
}

static void filter(struct gen *, unsigned depth);

static void
group(struct gen *g, unsigned depth)
{
	segment(g, one_in(g, 2) ? "any" : "all");
	for (uint64_t n = 1 + below(g, 3); n > 0; n--)
		filter(g, depth + 1);
	segment(g, "end");
}

static void
filter(struct gen *g, unsigned depth)
{
	if (one_in(g, 6))
		segment(g, "not");
	switch (below(g, 17)) {
	case 16:
		segment(g, "root");
		break;
	case 0:
	case 1:
		segment(g, "service");
		list(g, g->v->services);
		break;
	case 2:
		segment(g, "name");
		list(g, g->v->names);
		break;
	case 3:
		segment(g, "scope");
		list(g, g->v->scopes);
		break;
	case 4:
		segment(g, "kind");
		enum_segment(g, true, true);
		break;
	case 5:
		segment(g, "status");
		enum_segment(g, false, true);
		break;
	case 6:
		ids(g, "trace", g->v->trace_ids);
		break;
	case 7:
		ids(g, "span", g->v->span_ids);
		break;
	case 8:
		segment(g, (g->v->flags & GEN_PATH_TRACE) != 0 && one_in(g, 4) ?
		    "trace-duration" : "duration");
		number_test(g, FT_DURATION);
		break;
	case 9:
		segment(g, "has/");
		put_field(g);
		break;
	case 10:
		words(g);
		break;
	case 11:
	case 12:
		if (depth < DEPTH_MAX) {
			group(g, depth);
			break;
		}
		/* FALLTHROUGH */
	default:
		where(g);
		break;
	}
}

static void
time_clauses(struct gen *g)
{
	struct buf b = BUF_INIT;
	uint64_t from = instant(g), to = instant(g);

	switch (below(g, 4)) {
	case 0:
		(one_in(g, 2) ? when_print_day : when_print_hour)(&b, from);
		segment(g, "on/");
		buf_sv(g->out, buf_view(&b));
		buf_release(&b);
		return;
	case 1:
		segment(g, "since/");
		put_duration(g, (1 + below(g, 100)) * NS_PER_MIN);
		return;
	case 2:
		segment(g, "until/");
		put_instant(g, to);
		return;
	default:
		segment(g, "since/");
		put_instant(g, from < to ? from : to);
		segment(g, "until/");
		/* At least 18 digits are nanoseconds. */
		buf_printf(g->out, "%020llu",
		    (unsigned long long)(from < to ? to : from) + 1);
		return;
	}
}

static void
sort(struct gen *g)
{
	segment(g, "sort/");
	for (uint64_t n = 1 + below(g, 2); n > 0; n--) {
		enum intrinsic in = pick_intrinsic(g);

		/* Fields of events and links give spans no order. */
		if (intrinsics[in].of == OF_EVENT || intrinsics[in].of == OF_LINK)
			in = IN_DURATION;
		maybe_parent(g);
		encoded(g, sv_cstr(intrinsics[in].name));
		buf_str(g->out, one_in(g, 2) ? ":desc" : one_in(g, 2) ? ":asc" : "");
		if (n > 1)
			buf_putc(g->out, ',');
	}
}

/* ---- groups of spans ---- */

static void
aggregate(struct gen *g)
{
	static const char *const alone[] = { "count", "errors", "error_rate", "rate" };
	static const char *const of_field[] = { "sum:", "avg:", "min:", "max:", "median:", "p0:",
	    "p95:", "p99.9:", "p100:", "distinct:", "hist:" };
	static const char *const numbers[] = { "duration", "tokens:total", "trace_spans", "flags" };

	if (one_in(g, 3)) {
		buf_str(g->out, alone[below(g, 4)]);
		return;
	}
	/* A sum of times is refused. */
	buf_str(g->out, of_field[below(g, 11)]);
	maybe_parent(g);
	if (g->v->n_attrs == 0 || one_in(g, 2))
		buf_str(g->out, numbers[below(g, 4)]);
	else
		encoded(g, g->v->attrs[below(g, g->v->n_attrs)].field);
}

static void
aggregates(struct gen *g)
{
	segment(g, "agg/");
	for (uint64_t n = 1 + below(g, 3); n > 0; n--) {
		aggregate(g);
		if (n > 1)
			buf_putc(g->out, ',');
	}
}

static void
group_order(struct gen *g)
{
	if (one_in(g, 3)) {
		segment(g, "having/");
		buf_str(g->out, one_in(g, 2) ? "count/gt/" : "distinct:name/le/");
		buf_u64(g->out, below(g, 5));
	}
	if (one_in(g, 3)) {
		segment(g, "sort/");
		aggregate(g);
		buf_str(g->out, one_in(g, 2) ? ":desc" : "");
	}
}

static void
groups(struct gen *g)
{
	static const char *const steps[] = { "1m", "7m", "1h", "day", "week", "month", "auto" };
	static const char *const fills[] = { "none", "zero", "null", "previous" };
	bool bucket = one_in(g, 3), keys = !one_in(g, 4);
	uint64_t step = below(g, 7);

	if (one_in(g, 12)) {
		segment(g, "distinct/");
		put_key(g);
		return;
	}
	if (keys) {
		segment(g, "group/");
		put_key(g);
		if (one_in(g, 3)) {
			buf_putc(g->out, ',');
			put_key(g);
		}
	}
	if (bucket) {
		segment(g, "bucket/");
		buf_str(g->out, steps[step]);
		/* Short steps over a long range would be too many rows. */
		if (step > 1 && one_in(g, 3)) {
			segment(g, "fill/");
			buf_str(g->out, fills[below(g, 4)]);
		}
	}
	if ((!bucket && !keys) || !one_in(g, 4))
		aggregates(g);
	group_order(g);
	if ((g->v->flags & GEN_PATH_TRACE) != 0 && one_in(g, 8))
		segment(g, "per/trace");
}

static void
comparison(struct gen *g)
{
	static const char *const columns[] = { "field", "value", "selection:desc",
	    "selection_share", "baseline", "baseline_share:desc", "difference" };

	segment(g, "compare");
	for (uint64_t n = 1 + below(g, 2); n > 0; n--)
		filter(g, 1);
	segment(g, "end");
	if (one_in(g, 3)) {
		segment(g, "sort/");
		buf_str(g->out, columns[below(g, 7)]);
	}
}

static void
page(struct gen *g)
{
	static const uint64_t limits[] = { 0, 1, 2, 7, 100, 1000 };

	if ((g->v->flags & GEN_PATH_SORT) != 0 && one_in(g, 3))
		sort(g);
	if ((g->v->flags & GEN_PATH_PAGE) != 0 && one_in(g, 3)) {
		segment(g, "limit/");
		buf_u64(g->out, limits[below(g, 6)]);
	}
	if ((g->v->flags & GEN_PATH_PAGE) != 0 && one_in(g, 5)) {
		segment(g, "offset/");
		buf_u64(g->out, below(g, 20));
	}
	if ((g->v->flags & GEN_PATH_PAGE) != 0 && one_in(g, 12)) {
		segment(g, "expect/rows/");
		buf_u64(g->out, below(g, 4));
	}
	if ((g->v->flags & GEN_PATH_SELECT) != 0 && one_in(g, 4)) {
		segment(g, "select/");
		for (uint64_t n = 1 + below(g, 5); n > 0; n--) {
			put_field(g);
			if (n > 1)
				buf_putc(g->out, ',');
		}
	}
}

void
gen_path(uint64_t *seed, const struct vocab *v, struct buf *out)
{
	struct gen g = { seed, v, out };
	size_t from = out->n;
	bool first = one_in(&g, 2);

	/* Clauses are a set: pages may stand before filters. */
	if (first)
		page(&g);
	if ((v->flags & GEN_PATH_TIME) != 0 && one_in(&g, 3))
		time_clauses(&g);
	if ((v->flags & GEN_PATH_TIME) != 0 && v->marks.n != 0 && one_in(&g, 8)) {
		segment(&g, "mark/");
		buf_sv(g.out, v->marks.v[below(&g, v->marks.n)]);
	}
	for (uint64_t n = below(&g, 4); n > 0; n--)
		filter(&g, 0);
	if ((v->flags & GEN_PATH_GROUPS) != 0)
		groups(&g);
	if ((v->flags & GEN_PATH_COMPARE) != 0)
		comparison(&g);
	if (!first)
		page(&g);
	if (out->n == from)
		buf_putc(out, '/');
}
