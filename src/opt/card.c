/* SPDX-License-Identifier: ISC */
/*
 * card: how many rows of a shard satisfy a predicate: estimates from the footer's statistics.
 * Equality looks at the most frequent values first; what is not among them shares the rest
 * evenly with the other distinct values. Numbers between min and max are taken as evenly
 * spread, durations on a logarithmic scale, since they are. Conditions under AND are taken as
 * independent, except that the rows of the services asked for are counted first, exactly,
 * and errors and times are then those of these services. No estimate is 0: rare is not never.
 */
#include <math.h>

#include "model/usage.h"
#include "card_i.h"

/* ---- one column: share of its values ---- */

static double
equal_share(const struct column_stats *c, const struct literal *l)
{
	uint64_t known = 0, others;

	if (!literal_fits(c->type, l))
		return 0;
	for (size_t i = 0; i < c->n_top; i++) {
		if (!c->top[i].cut && value_equals_literal(&c->top[i].val, l))
			return (double)c->top[i].n_rows / (double)c->n_present;
		known += c->top[i].n_rows;
	}
	others = c->n_distinct > c->n_top ? c->n_distinct - c->n_top : 1;
	if (known >= c->n_present)
		return 0;
	return (double)(c->n_present - known) / (double)others / (double)c->n_present;
}

/* Where x lies between lo and hi, 0 to 1; `logs`: on a logarithmic scale. */
double
card_position(double x, double lo, double hi, bool logs)
{
	if (!(x > lo))
		return 0;
	if (!(x < hi))
		return 1;
	if (logs && lo >= 0)
		return log1p(x - lo) / log1p(hi - lo);
	return (x - lo) / (hi - lo);
}

static double
order_share(enum pred_op op, double lo, double hi, double a, double b, bool logs)
{
	double below_a = card_position(a, lo, hi, logs), below_b = card_position(b, lo, hi, logs);

	switch (op) {
	case OP_LT:
	case OP_LE:
		return below_a;
	case OP_GT:
	case OP_GE:
		return 1 - below_a;
	default:
		return below_b - below_a;
	}
}

static bool
text_holds(enum pred_op op, struct sv s, struct sv text)
{
	switch (op) {
	case OP_STARTS:
		return sv_starts(s, text);
	case OP_ENDS:
		return sv_ends(s, text);
	default:
		return sv_find(s, text) >= 0;
	}
}

/* contains, starts, ends: as often among the other values as among the frequent ones. */
static double
text_share(const struct column_stats *c, const struct pred *p)
{
	double base = p->op == OP_STARTS ? SEL_STARTS : SEL_CONTAINS;
	uint64_t known = 0, hits = 0;

	if (c->type != VAL_STRING)
		return 0;
	for (size_t i = 0; i < c->n_top; i++) {
		if (c->top[i].val.type != VAL_STRING)
			return base;
		known += c->top[i].n_rows;
		if (text_holds(p->op, c->top[i].val.s, p->lits[0].text))
			hits += c->top[i].n_rows;
	}
	if (known == 0)
		return base;
	if (hits == 0)
		return base * (1 - (double)known / (double)(c->n_present + 1));
	return (double)hits / (double)known;
}

static double
in_share(const struct column_stats *c, const struct pred *p)
{
	double s = 0;

	for (size_t i = 0; i < p->n_lits; i++)
		s += equal_share(c, &p->lits[i]);
	return s < 1 ? s : 1;
}

static double
number_share(const struct column_stats *c, const struct pred *p)
{
	bool integer = c->type == VAL_INT;
	double lo, hi;

	if (c->type == VAL_STRING)
		return p->lits[0].is_int || p->lits[0].is_double ? 0 : SEL_ORDER;
	if (!integer && c->type != VAL_DOUBLE)
		return 0;
	if (!p->lits[0].is_int && !p->lits[0].is_double)
		return 0;
	if (!c->has_range)
		return p->op == OP_BETWEEN ? SEL_BETWEEN : SEL_ORDER;
	lo = integer ? (double)value_i64_of(c->min) : value_double_of(c->min);
	hi = integer ? (double)value_i64_of(c->max) : value_double_of(c->max);
	return order_share(p->op, lo, hi, p->lits[0].d,
	    p->lits[p->n_lits - 1].d, false);
}

static double
column_share(const struct column_stats *c, const struct pred *p)
{
	if (p->op == OP_HAS)
		return 1;
	if (c->type == VAL_EMPTY)
		return 0;
	if (pred_op_order(p->op))
		return number_share(c, p);
	switch (p->op) {
	case OP_EQ:
	case OP_IN:
		return in_share(c, p);
	case OP_NE:
	case OP_NOTIN:
		return 1 - in_share(c, p);
	case OP_CONTAINS:
	case OP_STARTS:
	case OP_ENDS:
		return text_share(c, p);
	case OP_NOTCONTAINS:
		return 1 - text_share(c, p);
	case OP_NRE:
		return 1 - SEL_RE;
	default:
		return SEL_RE;
	}
}

/* ---- leaves: share of the shard's rows ---- */

static double
attribute_share(const struct shard_stats *s, const struct pred *p, const struct field *f)
{
	size_t n;
	const struct column_stats *c = stats_columns(s, f, &n);
	double rows = 0;

	for (size_t i = 0; i < n; i++)
		if (c[i].n_present != 0)
			rows += (double)c[i].n_present * column_share(&c[i], p);
	if (n == 0 && !s->all_keys)
		return SEL_PRESENT * SEL_EQ;
	return rows / (double)s->n_rows;
}

double
card_guess(const struct pred *p)
{
	switch (p->op) {
	case OP_EQ:
	case OP_IN:
		return SEL_EQ * (double)p->n_lits;
	case OP_NE:
	case OP_NOTIN:
	case OP_NOTCONTAINS:
	case OP_NRE:
		return 1 - SEL_EQ;
	case OP_HAS:
		return SEL_PRESENT;
	case OP_TEXT:
		return SEL_TEXT;
	case OP_BETWEEN:
		return SEL_BETWEEN;
	case OP_CONTAINS:
	case OP_STARTS:
	case OP_ENDS:
		return SEL_CONTAINS;
	case OP_RE:
		return SEL_RE;
	default:
		return SEL_ORDER;
	}
}

/* Numbers that are in the literal's u. */
static double
interval_share(const struct shard_stats *s, const struct pred *p)
{
	const struct column_stats *c;
	struct interval v;
	size_t n;
	bool empty;
	double lo, hi;

	if (!leaf_interval(p, &v, &empty))
		return card_guess(p);
	if (empty)
		return 0;
	if (p->field.intrinsic == IN_START)
		return order_share(OP_BETWEEN, (double)s->min_start, (double)s->max_start + 1,
		    (double)v.lo, (double)v.hi + 1, false);
	c = stats_columns(s, &p->field, &n);
	if (n == 0 || !c->has_range || p->field.intrinsic != IN_DURATION)
		return card_guess(p);
	lo = (double)value_i64_of(c->min);
	hi = (double)value_i64_of(c->max);
	lo = lo < 0 ? 0 : lo;
	return order_share(OP_BETWEEN, lo, hi + 1, (double)v.lo, (double)v.hi + 1, true);
}

static double
enum_share(const struct shard_stats *s, const struct pred *p)
{
	size_t n;
	const struct column_stats *c = stats_columns(s, &p->field, &n);
	double share = 0;

	if (p->op != OP_EQ && p->op != OP_IN)
		return card_guess(p);
	if (n == 0 || c->n_top == 0 || c->n_present == 0)
		return 0.2 * (double)p->n_lits;
	for (size_t i = 0; i < p->n_lits; i++) {
		struct literal l = { .is_int = true, .i = (int64_t)p->lits[i].u };

		share += equal_share(c, &l);
	}
	return share;
}

static double
intrinsic_share(const struct shard_stats *s, const struct pred *p)
{
	size_t n;
	uint64_t n_traces = s->n_traces > 0 ? s->n_traces : 1;

	switch (p->field.intrinsic) {
	case IN_KIND:
	case IN_STATUS:
		return enum_share(s, p);
	case IN_TRACE_ID:
		if (p->op == OP_EQ || p->op == OP_IN)
			return (double)p->n_lits / (double)n_traces;
		return card_guess(p);
	case IN_SPAN_ID:
		if (p->op == OP_EQ || p->op == OP_IN)
			return (double)p->n_lits / (double)s->n_rows;
		return card_guess(p);
	case IN_START:
	case IN_DURATION:
		return interval_share(s, p);
	case IN_SERVICE:
	case IN_NAME:
	case IN_STATUS_MESSAGE:
	case IN_SCOPE:
	case IN_SCOPE_VERSION:
	case IN_EVENT_NAME:
		stats_columns(s, &p->field, &n);
		return n == 0 ? card_guess(p) : attribute_share(s, p, &p->field);
	default:
		return card_guess(p);
	}
}

bool
card_stand_in(struct field *f)
{
	const char *key;

	if (f->scope != FIELD_INTRINSIC)
		return false;
	switch (f->intrinsic) {
	case IN_SCORE_NAME:
		key = SCORE_NAME_KEY;
		break;
	case IN_SCORE_VALUE:
		key = SCORE_VALUE_KEY;
		break;
	case IN_SCORE_LABEL:
		key = SCORE_LABEL_KEY;
		break;
	default:
		if ((key = usage_main_key(f->intrinsic)) == NULL)
			return false;
		*f = (struct field){ .scope = FIELD_SPAN, .key = sv_cstr(key) };
		return true;
	}
	*f = (struct field){ .scope = FIELD_EVENT, .key = sv_cstr(key) };
	return true;
}

static double
leaf_share(const struct shard_stats *s, const struct pred *p)
{
	struct pred q = *p;
	struct field f = p->field;
	double span;

	if (p->op == OP_TEXT)
		return SEL_TEXT;
	if (card_stand_in(&q.field)) {
		if (p->field.intrinsic == IN_COST)
			q.op = OP_HAS;
		return attribute_share(s, &q, &q.field);
	}
	if (f.scope == FIELD_INTRINSIC)
		return intrinsic_share(s, p);
	if (f.scope != FIELD_BARE)
		return attribute_share(s, p, &f);
	f.scope = FIELD_SPAN;
	span = attribute_share(s, p, &f);
	f.scope = FIELD_RESOURCE;
	return span + attribute_share(s, p, &f);
}

/* ---- trees ---- */

static bool
asked_for(const struct pred *leaf, struct sv service)
{
	for (size_t i = 0; i < leaf->n_lits; i++)
		if (sv_eq(leaf->lits[i].text, service))
			return true;
	return false;
}

/* The rows and errors of the services that a leaf asks for. */
static void
service_rows(const struct shard_stats *s, const struct pred *leaf, uint64_t *rows,
    uint64_t *errors)
{
	*rows = *errors = 0;
	for (size_t i = 0; i < s->n_services; i++)
		if (asked_for(leaf, s->services[i].service)) {
			*rows += s->services[i].n_rows;
			*errors += s->services[i].n_errors;
		}
}

static bool
is_error_leaf(const struct pred *p)
{
	return p->kind == PRED_LEAF && p->op == OP_EQ && p->field.scope == FIELD_INTRINSIC &&
	    p->field.intrinsic == IN_STATUS && p->lits[0].u == 2;
}

static double
and_share(const struct shard_stats *s, const struct pred *p)
{
	const struct pred *top = plan_top_leaf(p, IN_SERVICE);
	uint64_t rows = 0, errors = 0;
	double share = 1;

	if (top != NULL)
		service_rows(s, top, &rows, &errors);
	for (size_t i = 0; i < p->n_kids; i++) {
		if (p->kids[i] == top)
			share *= (double)rows / (double)s->n_rows;
		else if (rows != 0 && is_error_leaf(p->kids[i]))
			share *= (double)errors / (double)rows;
		else
			share *= card_selectivity(s, p->kids[i]);
	}
	return share;
}

double
card_selectivity(const struct shard_stats *s, const struct pred *p)
{
	double none = 1;

	if (s->n_rows == 0)
		return SEL_MIN;
	switch (p->kind) {
	case PRED_TRUE:
		return 1;
	case PRED_FALSE:
		return SEL_MIN;
	case PRED_LEAF:
		return clamp_share(leaf_share(s, p));
	case PRED_AND:
		return clamp_share(and_share(s, p));
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++)
			none *= 1 - card_selectivity(s, p->kids[i]);
		return clamp_share(1 - none);
	case PRED_NOT:
		return clamp_share(1 - card_selectivity(s, p->kids[0]));
	}
	return 1;
}

double
card_time_share(struct time_range r, uint64_t min, uint64_t max)
{
	double from, to, width;

	if (range_holds(r, min, max))
		return 1;
	if (!range_meets(r, min, max))
		return SEL_MIN;
	from = r.from > min ? (double)r.from : (double)min;
	to = r.to <= max && r.to != WHEN_MAX ? (double)r.to : (double)max + 1;
	width = (double)max - (double)min + 1;
	return clamp_share((to - from) / width);
}

double
card_service_rows(const struct shard_stats *s, const struct pred *filter)
{
	const struct pred *top = plan_top_leaf(filter, IN_SERVICE);
	uint64_t rows, errors;

	if (top == NULL)
		return (double)s->n_rows;
	service_rows(s, top, &rows, &errors);
	return (double)rows;
}

/* Of the services asked for, each with its own times; else of the shard. */
double
card_filter_time(const struct shard_stats *s, const struct pred *filter, struct time_range r)
{
	const struct pred *top = plan_top_leaf(filter, IN_SERVICE);
	double rows = 0, in = 0;

	if (top == NULL || range_holds(r, s->min_start, s->max_start))
		return card_time_share(r, s->min_start, s->max_start);
	for (size_t i = 0; i < s->n_services; i++)
		if (asked_for(top, s->services[i].service)) {
			const struct service_stats *v = &s->services[i];

			rows += (double)v->n_rows;
			in += (double)v->n_rows *
			    card_time_share(r, v->min_start, v->max_start);
		}
	return rows > 0 ? clamp_share(in / rows) : card_time_share(r, s->min_start, s->max_start);
}

double
card_rows(const struct shard_stats *s, const struct pred *filter, struct time_range r)
{
	return (double)s->n_rows * card_selectivity(s, filter) * card_filter_time(s, filter, r);
}
