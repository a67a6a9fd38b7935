/* SPDX-License-Identifier: ISC */
/*
 * rule range: conditions on the start of the span that every match must meet become part of
 * the plan's time range, which all later rules and exec know how to use; several conditions
 * on one duration become one. An empty range makes the plan `never`.
 *
 * The range is half-open and its end WHEN_MAX means none, so a bound that would need that
 * number as an end, or as a beginning, stays in the filter.
 */
#include "opt_i.h"

static bool
is_field(const struct pred *p, enum intrinsic in)
{
	return p->kind == PRED_LEAF && p->field.scope == FIELD_INTRINSIC &&
	    p->field.intrinsic == in;
}

/* Narrows the range by a condition on start; false if it must stay in the filter. */
static bool
take_start(struct time_range *r, const struct pred *p)
{
	struct interval v;
	bool empty;

	if (!is_field(p, IN_START) || !leaf_interval(p, &v, &empty) || empty)
		return false;
	if (v.lo == UINT64_MAX || v.hi == UINT64_MAX - 1)
		return false;
	if (v.lo > r->from)
		r->from = v.lo;
	if (v.hi != UINT64_MAX && v.hi + 1 < r->to)
		r->to = v.hi + 1;
	return true;
}

static struct literal
duration_literal(struct arena *a, uint64_t ns, bool *ok)
{
	struct buf b = BUF_INIT;
	struct literal l;
	struct sv text;

	duration_print(&b, ns);
	text = arena_sv(a, buf_view(&b));
	*ok &= !b.oom && text.p != NULL;
	buf_release(&b);
	l = literal_of(text);
	l.u = ns;
	return l;
}

static const struct pred *
interval_leaf(struct arena *a, struct field f, struct interval v)
{
	struct literal *l = arena_array(a, 2, struct literal);
	enum pred_op op = v.lo == v.hi ? OP_EQ : v.hi == UINT64_MAX ? OP_GE : v.lo == 0 ?
	    OP_LE : OP_BETWEEN;
	bool ok = l != NULL;

	if (!ok)
		return NULL;
	l[0] = duration_literal(a, op == OP_LE ? v.hi : v.lo, &ok);
	if (op == OP_BETWEEN)
		l[1] = duration_literal(a, v.hi, &ok);
	return ok ? pred_leaf(a, op, f, l, op == OP_BETWEEN ? 2 : 1) : NULL;
}

/* Intervals of one duration among the kids of an AND: the first is replaced, the others go. */
static int
merge_durations(struct arena *a, const struct pred **kids, size_t *n, enum intrinsic in,
    struct err *e)
{
	struct interval all = { 0, UINT64_MAX }, v;
	size_t first = *n, found = 0, kept = 0;
	bool empty;

	for (size_t i = 0; i < *n; i++) {
		if (!is_field(kids[i], in) || !leaf_interval(kids[i], &v, &empty))
			continue;
		if (empty)
			return 0;	/* a contradiction: fold's */
		if (found++ == 0)
			first = i;
		all.lo = v.lo > all.lo ? v.lo : all.lo;
		all.hi = v.hi < all.hi ? v.hi : all.hi;
	}
	if (found < 2 || all.lo > all.hi)
		return 0;
	for (size_t i = 0; i < *n; i++)
		if (i <= first || !is_field(kids[i], in) ||
		    !leaf_interval(kids[i], &v, &empty))
			kids[kept++] = kids[i];
	*n = kept;
	kids[first] = interval_leaf(a, kids[first]->field, all);
	return kids[first] == NULL ? err_nomem(e) : 0;
}

/* The conditions that every match meets. */
static const struct pred **
top_kids(struct arena *a, const struct pred *p, size_t *n)
{
	const struct pred **v;

	*n = p->kind == PRED_AND ? p->n_kids : 1;
	if ((v = arena_array(a, *n, const struct pred *)) == NULL)
		return NULL;
	for (size_t i = 0; i < *n; i++)
		v[i] = p->kind == PRED_AND ? p->kids[i] : p;
	return v;
}

int
rule_range(struct opt *o, bool *changed, struct err *e)
{
	struct time_range r = o->plan->filter.range;
	size_t n, kept = 0;
	const struct pred **kids = top_kids(o->arena, o->plan->filter.pred, &n), *filter;
	int code;

	if (kids == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (!take_start(&r, kids[i]))
			kids[kept++] = kids[i];
	if ((code = merge_durations(o->arena, kids, &kept, IN_DURATION, e)) < 0 ||
	    (code = merge_durations(o->arena, kids, &kept, IN_TRACE_DURATION, e)) < 0)
		return code;
	if (kept != n) {
		if ((filter = pred_and(o->arena, kids, kept)) == NULL)
			return err_nomem(e);
		o->plan->filter.pred = filter;
		o->plan->filter.range = r;
		*changed = true;
	}
	if (time_range_empty(r))
		prune_all(o, "range", "the time range is empty", changed);
	return 0;
}
