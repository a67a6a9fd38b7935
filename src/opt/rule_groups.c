/* SPDX-License-Identifier: ISC */
/*
 * rule groups: groups that footers and dictionaries tell read no column. By service and name the
 * footer has the rows and the errors, of which every condition must be one on service, name or
 * "error" (rule_covering.c); where there are buckets, all of a service's spans in the shard must lie
 * in one. By an attribute of texts the dictionary has the different values, and the footer their
 * rows if they are few; then nothing may be asked, and the shard lies in the range as a whole.
 * Groups of traces, percentiles, sums and the like are made of columns.
 */
#include "model/pred_walk.h"
#include "opt_i.h"

/* Counts, errors and what is made of them; not: of which rows alone are known. */
static bool
counts_only(const struct grouping *g, bool errors, bool rate)
{
	for (size_t i = 0; i < g->n_aggs; i++)
		switch (g->aggs[i].kind) {
		case AGG_COUNT:
			break;
		case AGG_ERRORS:
		case AGG_ERROR_RATE:
			if (!errors)
				return false;
			break;
		case AGG_RATE:
			if (!rate)
				return false;
			break;
		default:
			return false;
		}
	return true;
}

/* ---- services and names ---- */

static bool
by_cells(const struct grouping *g)
{
	for (size_t i = 0; i < g->n_keys; i++)
		if (g->keys[i].scope != FIELD_INTRINSIC ||
		    (g->keys[i].intrinsic != IN_SERVICE && g->keys[i].intrinsic != IN_NAME))
			return false;
	return true;
}

static int
is_of_name_or_error(void *arg, const struct pred *p, size_t no, bool under_not)
{
	(void)arg;
	(void)no;
	(void)under_not;
	return p->field.scope != FIELD_INTRINSIC || p->field.intrinsic != IN_SERVICE;
}

/* All of a service's spans are in the range, and in one bucket; or none is asked for. */
static bool
services_fit(const struct shard_stats *s, const struct grouping *g, struct time_range r)
{
	for (size_t i = 0; i < s->n_services; i++) {
		uint64_t min = s->services[i].min_start, max = s->services[i].max_start;

		if (!range_meets(r, min, max))
			continue;
		if (!range_holds(r, min, max) ||
		    (g->has_bucket && step_floor(g->step, min) != step_floor(g->step, max)))
			return false;
	}
	return true;
}

/* ---- values of an attribute ---- */

static bool
by_values(const struct grouping *g)
{
	return g->n_keys == 1 && !g->has_bucket &&
	    (g->keys[0].scope == FIELD_SPAN || g->keys[0].scope == FIELD_BARE);
}

static bool
values_fit(const struct shard_stats *s, const struct grouping *g, struct time_range r)
{
	const struct pred any = { .kind = PRED_LEAF, .op = OP_HAS, .field = g->keys[0] };
	const struct column_stats *c;
	size_t n;

	if (!range_holds(r, s->min_start, s->max_start) || !leaf_held(s, &any, &c, &n) || n != 1 ||
	    c->type != VAL_STRING || c->dict_bytes == 0)
		return false;
	return (g->distinct && g->n_aggs == 0) || top_is_all(c);
}

int
rule_groups(struct opt *o, bool *changed, struct err *e)
{
	const struct grouping *g = o->options->groups;
	const struct plan *p = o->plan;
	bool all = p->filter.pred->kind == PRED_TRUE, cells, values;

	(void)e;
	if (p->output != ROW_GROUP || g == NULL || !p->filter.pushdown || !opt_caps(o)->counts ||
	    g->per_trace || (g->has_bucket && (g->step.kind == STEP_AUTO || g->versus)))
		return 0;
	cells = by_cells(g) && footer_tells(p->filter.pred) && counts_only(g, true,
	    pred_each_leaf(p->filter.pred, is_of_name_or_error, NULL) == 0);
	values = by_values(g) && all && counts_only(g, false, true);
	for (size_t i = 0; (cells || values) && i < p->scan.n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (!shard_left(o, i))
			continue;
		if (cells ? services_fit(s, g, p->filter.range) :
		    values_fit(s, g, p->filter.range))
			set_access(o, i, ACCESS_COVERING, cells ? "groups from the footer" :
			    "groups from the dictionary", changed);
	}
	return 0;
}
