/* SPDX-License-Identifier: ISC */
/*
 * need: what a query's plan needs to know of the store, so that statistics can be left out of
 * what the rules would prune anyway. Only what the filter's top says, and only for rules that
 * are on; the rules look at what is left as ever.
 */
#include "opt_i.h"

static bool
is_on(const struct opt_options *o, const char *rule)
{
	for (size_t i = 0; opt_rule_name(i) != NULL; i++)
		if (strcmp(opt_rule_name(i), rule) == 0)
			return (o->rules_off >> i & 1) == 0;
	return false;
}

static bool
need_services(const struct pred *leaf, struct arena *a, struct stats_need *n)
{
	struct sv *v = arena_array(a, leaf->n_lits, struct sv);

	if (v == NULL)
		return false;
	for (size_t i = 0; i < leaf->n_lits; i++)
		v[i] = leaf->lits[i].text;
	n->services = v;
	n->n_services = leaf->n_lits;
	return true;
}

static bool
need_traces(const struct pred *leaf, struct arena *a, struct stats_need *n)
{
	struct trace_id *v = arena_array(a, leaf->n_lits, struct trace_id);

	if (v == NULL)
		return false;
	for (size_t i = 0; i < leaf->n_lits; i++)
		v[i] = (struct trace_id){ leaf->lits[i].hi, leaf->lits[i].lo };
	n->traces = v;
	n->n_traces = leaf->n_lits;
	return true;
}

static bool
asks_traces(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->op != OP_TEXT && p->field.scope == FIELD_INTRINSIC &&
		    p->field.intrinsic == IN_TRACE_ID;
	for (size_t i = 0; i < p->n_kids; i++)
		if (asks_traces(p->kids[i]))
			return true;
	return false;
}

/* An end of the range that the filter says, too: see filter_of in opt.c. */
static bool
has_last_instant(const struct query *q)
{
	return q->has_until && q->until.kind == WHEN_ABSOLUTE && q->until.ns == WHEN_MAX;
}

/*
 * Nothing is asked of the rows but their time and, if `services` is not NULL, their service. How many
 * groups there are is no question of how many rows.
 */
static void
need_rows(const struct query *q, const struct opt_options *o, const struct pred *services,
    struct stats_need *n)
{
	if ((q->filter->kind != PRED_TRUE && q->filter != services) || has_last_instant(q) ||
	    q->by_groups || q->compare != NULL)
		return;
	n->whole = true;
	if (o->output == ROW_COUNT) {
		n->counts = n->sums = is_on(o, "catalog") && is_on(o, "pushdown");
		if (q->has_limit && is_on(o, "limit") && q->limit <= UINT64_MAX - 1 - q->offset)
			n->enough = q->offset + q->limit;
	} else if (o->output == ROW_SPAN && q->n_sort == 0 && q->has_limit && q->limit != 0 &&
	    is_on(o, "limit") && q->limit <= UINT64_MAX - 1 - q->offset)
		n->newest = q->offset + q->limit;
}

int
opt_need(const struct query *q, const struct opt_options *o, struct arena *a,
    struct stats_need *out, struct err *e)
{
	const struct pred *services = is_on(o, "service") ?
	    plan_top_leaf(q->filter, IN_SERVICE) : NULL;
	const struct pred *traces = is_on(o, "bloom") ?
	    plan_top_leaf(q->filter, IN_TRACE_ID) : NULL;
	struct stats_need n = STATS_NEED_ALL;

	n.blooms = asks_traces(q->filter);
	n.has_after = q->has_mark;
	n.after = q->after.generation;
	*out = n;
	if (o->force != OPT_FORCE_NONE)
		return 0;
	if (is_on(o, "time"))
		n.range = q->range;
	if (services != NULL && !need_services(services, a, &n))
		return err_nomem(e);
	if (traces != NULL && !need_traces(traces, a, &n))
		return err_nomem(e);
	if (is_on(o, "time") && (q->filter->kind == PRED_TRUE || services != NULL))
		need_rows(q, o, services, &n);
	*out = n;
	return 0;
}
