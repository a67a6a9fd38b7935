/* SPDX-License-Identifier: ISC */
/*
 * rule zone: shards of which a condition on a column can't hold go: the column's values lie
 * outside, or no span has the attribute at all. In the others row groups and blocks are
 * skipped by their own zones.
 *
 * Where it must not conclude: a bare field may be a resource attribute, which has no column;
 * resource and scope attributes have none either; arrays have elements of any type; a shard
 * with a rest column (all_keys is false) may hold any key.
 */
#include <math.h>

#include "opt_i.h"

struct zone_arg {
	const struct shard_stats *shard;
	const char *why;	/* of the last condition that can't hold */
};

/* Do the most frequent values say of all rows what they are? */
bool
top_is_all(const struct column_stats *c)
{
	uint64_t n = 0;

	for (size_t i = 0; i < c->n_top; i++) {
		if (c->top[i].cut)
			return false;
		n += c->top[i].n_rows;
	}
	return n == c->n_present && c->n_top != 0;
}

static bool
string_may_be(const struct column_stats *c, const struct literal *l)
{
	if (l->text.n == 0 || !top_is_all(c))
		return true;
	for (size_t i = 0; i < c->n_top; i++)
		if (c->top[i].val.type != VAL_STRING || sv_eq(c->top[i].val.s, l->text))
			return true;
	return false;
}

/* The column's numbers, widened where NaN hides an end. */
static void
number_range(const struct column_stats *c, double *lo, double *hi)
{
	*lo = -(double)INFINITY;
	*hi = (double)INFINITY;
	if (!c->has_range)
		return;
	*lo = c->type == VAL_INT ? (double)value_i64_of(c->min) : value_double_of(c->min);
	*hi = c->type == VAL_INT ? (double)value_i64_of(c->max) : value_double_of(c->max);
	*lo = isnan(*lo) ? -(double)INFINITY : *lo;
	*hi = isnan(*hi) ? (double)INFINITY : *hi;
}

/*
 * Doubles are near enough: rounding keeps order, so what is outside as doubles is outside,
 * and only "equal" may be wrong, which counts as inside here.
 */
static bool
number_may_be(const struct column_stats *c, enum pred_op op, const struct literal *l, size_t n)
{
	double lo, hi;

	number_range(c, &lo, &hi);
	for (size_t i = 0; i < n; i++)
		if (!l[i].is_int && !l[i].is_double && (op == OP_BETWEEN || n == 1))
			return false;
	switch (op) {
	case OP_EQ:
	case OP_IN:
		for (size_t i = 0; i < n; i++)
			if ((l[i].is_int || l[i].is_double) && l[i].d >= lo && l[i].d <= hi)
				return true;
		return false;
	case OP_LT:
	case OP_LE:
		return lo <= l[0].d;
	case OP_GT:
	case OP_GE:
		return hi >= l[0].d;
	case OP_BETWEEN:
		return lo <= l[1].d && hi >= l[0].d;
	default:
		return true;
	}
}

bool
column_may_match(const struct column_stats *c, const struct pred *p)
{
	bool order = p->op == OP_LT || p->op == OP_LE || p->op == OP_GT || p->op == OP_GE;
	bool equal = p->op == OP_EQ || p->op == OP_IN;
	bool any = false;

	if (!column_may_satisfy(c, p))
		return false;
	if (p->op == OP_HAS)
		return true;
	if ((c->type == VAL_INT || c->type == VAL_DOUBLE) &&
	    (equal || order || p->op == OP_BETWEEN))
		return number_may_be(c, p->op, p->lits, p->n_lits);
	if (c->type == VAL_STRING && order)
		return !p->lits[0].is_int && !p->lits[0].is_double;
	if (!equal || (c->type != VAL_STRING && c->type != VAL_BOOL))
		return true;
	for (size_t i = 0; i < p->n_lits; i++)
		any |= c->type == VAL_BOOL ? p->lits[i].is_bool :
		    string_may_be(c, &p->lits[i]);
	return any;
}

static bool
attribute_fits(struct zone_arg *z, const struct pred *p)
{
	const struct column_stats *c;
	size_t n;

	if (!leaf_held(z->shard, p, &c, &n))
		return true;
	for (size_t i = 0; i < n; i++)
		if (column_may_match(&c[i], p))
			return true;
	z->why = n == 0 ? "attribute absent" : "values outside the column's range";
	return false;
}

static bool
enum_fits(const struct column_stats *c, const struct pred *p)
{
	int64_t lo = value_i64_of(c->min), hi = value_i64_of(c->max);

	if (p->op != OP_EQ && p->op != OP_IN)
		return true;
	for (size_t i = 0; i < p->n_lits; i++)
		if ((int64_t)p->lits[i].u >= lo && (int64_t)p->lits[i].u <= hi)
			return true;
	return false;
}

/*
 * The column holds end - start, wrapping: a negative number is an end before the start, which
 * is a duration of 0, or one of centuries; and where starts lie beyond 2^63 ns, an end far
 * before the start looks like any duration. With one of these nothing is concluded.
 */
static bool
duration_fits(const struct shard_stats *s, const struct column_stats *c, const struct pred *p)
{
	int64_t lo = value_i64_of(c->min), hi = value_i64_of(c->max);
	struct interval v;
	bool empty;

	if (lo < 0 || s->max_start > INT64_MAX || !leaf_interval(p, &v, &empty))
		return true;
	return !empty && v.lo <= (uint64_t)hi && v.hi >= (uint64_t)lo;
}

static bool
start_fits(const struct shard_stats *s, const struct pred *p)
{
	struct interval v;
	bool empty;

	if (!leaf_interval(p, &v, &empty))
		return true;
	return !empty && v.lo <= s->max_start && v.hi >= s->min_start;
}

static bool
name_fits(const struct column_stats *c, const struct pred *p)
{
	if (p->op != OP_EQ && p->op != OP_IN)
		return true;
	for (size_t i = 0; i < p->n_lits; i++)
		if (string_may_be(c, &p->lits[i]))
			return true;
	return false;
}

static bool
intrinsic_fits(const struct shard_stats *s, const struct pred *p)
{
	const struct column_stats *c;
	size_t n;

	if (p->field.intrinsic == IN_START)
		return start_fits(s, p);
	c = stats_columns(s, &p->field, &n);
	if (n != 1 || c->n_present < s->n_rows)
		return true;
	switch (p->field.intrinsic) {
	case IN_KIND:
	case IN_STATUS:
		return !c->has_range || enum_fits(c, p);
	case IN_DURATION:
		return !c->has_range || duration_fits(s, c, p);
	case IN_NAME:
		return name_fits(c, p);
	default:
		return true;
	}
}

static bool
leaf_fits(void *arg, const struct pred *p)
{
	struct zone_arg *z = arg;

	if (p->op == OP_TEXT)
		return true;
	switch (p->field.scope) {
	case FIELD_INTRINSIC:
		if (intrinsic_fits(z->shard, p))
			return true;
		z->why = "values outside the column's range";
		return false;
	case FIELD_SPAN:
	case FIELD_EVENT:
	case FIELD_LINK:
		return attribute_fits(z, p);
	case FIELD_BARE:
	case FIELD_RESOURCE:
	case FIELD_SCOPE:
	case FIELD_PARENT:
		break;
	}
	return true;
}

int
rule_zone(struct opt *o, bool *changed, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < o->plan->scan.n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];
		struct zone_arg z = { s, NULL };

		if (!shard_left(o, i))
			continue;
		if (!may_match(o->plan->filter.pred, leaf_fits, &z)) {
			prune_shard(o, i, "zone", z.why != NULL ? z.why :
			    "the filter can't hold", changed);
			continue;
		}
		if (o->plan->filter.pred->kind != PRED_TRUE ||
		    !range_holds(o->plan->filter.range, s->min_start, s->max_start))
			set_access(o, i, ACCESS_ZONE, "row groups whose zones may match",
			    changed);
	}
	return 0;
}
