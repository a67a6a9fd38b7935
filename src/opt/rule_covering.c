/* SPDX-License-Identifier: ISC */
/*
 * rule covering: a count that footers and indexes tell reads no column. Every condition must be
 * one of which they name the rows exactly: service; name and "error" where nothing else is
 * asked, else with postings; attributes whose columns all have postings or, if nothing else is
 * asked, so few values that the footer has the rows of each; trace ids; facts of
 * the trace where the shard has summaries. And the shard must lie in the range as a whole: of a
 * part of it only starts could tell. What only may name rows (hashes, texts) is left alone, and
 * so are bare names that a resource has, and keys that may stand in a rest column.
 */
#include "model/pred_walk.h"
#include "opt_i.h"

/* ---- services, names and errors: the footer has their numbers together ---- */

static bool
asks_error_only(const struct pred *p)
{
	if (p->op != OP_EQ && p->op != OP_NE && p->op != OP_IN && p->op != OP_NOTIN)
		return false;
	for (size_t i = 0; i < p->n_lits; i++)
		if (p->lits[i].u != STATUS_ERROR)
			return false;
	return true;
}

static int
not_in_footer(void *arg, const struct pred *p, size_t no, bool under_not)
{
	(void)arg;
	(void)no;
	(void)under_not;
	if (p->op == OP_TEXT || p->op == OP_HAS || p->field.scope != FIELD_INTRINSIC)
		return 1;
	return p->field.intrinsic != IN_SERVICE && p->field.intrinsic != IN_NAME &&
	    (p->field.intrinsic != IN_STATUS || !asks_error_only(p));
}

bool
footer_tells(const struct pred *p)
{
	return pred_each_leaf(p, not_in_footer, NULL) == 0;
}

static bool
services_told(const struct shard_stats *s, struct time_range r)
{
	for (size_t i = 0; i < s->n_services; i++)
		if (range_meets(r, s->services[i].min_start, s->services[i].max_start) &&
		    !range_holds(r, s->services[i].min_start, s->services[i].max_start))
			return false;
	return true;
}

/* ---- indexes ---- */

static bool
of_spans(const struct field *f)
{
	return f->scope == FIELD_SPAN ||
	    (f->scope == FIELD_INTRINSIC && intrinsics[f->intrinsic].of == OF_SPAN);
}

/*
 * Alone: then numbers of rows are enough, and the footer may have them of every value; not of
 * events and links, of which a span may have several.
 */
static bool
values_told(const struct shard_stats *s, const struct pred *p, bool alone)
{
	const struct column_stats *c;
	size_t n;

	if (!leaf_held(s, p, &c, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!column_may_satisfy(&c[i], p) || (c[i].indexes & STAT_INDEX_POSTINGS) != 0)
			continue;
		if (!alone || !of_spans(&c[i].field) ||
		    (p->op != OP_HAS && !top_is_all(&c[i])))
			return false;
	}
	return true;
}

static bool
leaf_told(const struct shard_stats *s, const struct pred *p, bool alone)
{
	if (p->op == OP_TEXT)
		return false;
	if (p->field.scope != FIELD_INTRINSIC)
		return values_told(s, p, alone);
	if (p->op == OP_HAS)
		return false;
	switch (p->field.intrinsic) {
	case IN_SERVICE:
		return true;
	case IN_TRACE_ID:
		return p->op == OP_EQ || p->op == OP_IN;
	case IN_ROOT_SERVICE:
	case IN_ROOT_NAME:
	case IN_TRACE_START:
	case IN_TRACE_DURATION:
	case IN_TRACE_SPANS:
	case IN_TRACE_ERRORS:
		return s->trace_summaries;
	default:
		return values_told(s, p, alone);
	}
}

struct asked {
	const struct shard_stats *shard;
	bool alone;		/* one leaf is the filter */
};

static int
not_told(void *arg, const struct pred *p, size_t no, bool under_not)
{
	const struct asked *a = arg;

	(void)no;
	(void)under_not;
	return !leaf_told(a->shard, p, a->alone);
}

static bool
told(const struct shard_stats *s, const struct pred *p)
{
	struct asked a = { s, p->kind == PRED_LEAF };

	return pred_each_leaf(p, not_told, &a) == 0;
}

int
rule_covering(struct opt *o, bool *changed, struct err *e)
{
	const struct plan *p = o->plan;
	bool footer = footer_tells(p->filter.pred);

	(void)e;
	if (p->output != ROW_COUNT || !p->filter.pushdown || !opt_caps(o)->counts)
		return 0;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];

		if (p->scan.shards[i].access == ACCESS_CATALOG || !shard_left(o, i))
			continue;
		if (footer ? services_told(s, p->filter.range) :
		    range_holds(p->filter.range, s->min_start, s->max_start) &&
		    told(s, p->filter.pred))
			set_access(o, i, ACCESS_COVERING, footer ?
			    "counted from the footer's names" : "counted from indexes",
			    changed);
	}
	return 0;
}
