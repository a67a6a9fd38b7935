/* SPDX-License-Identifier: ISC */
/*
 * cost_access: what one way of finding the rows of one shard takes, in seq_page_cost.
 *
 *   total   = the shard + what the access looks up + the indexes asked + row groups +
 *             conditions on the rows that are left
 *   startup = the first three, and the rest's part of one row group
 *
 *   shard       SHARD_OPEN
 *   look-ups    service: SERVICE_SETUP; trace: log2 of the traces in cpu_index_tuple_cost, and
 *               the rows of all traces (their ids are the condition's, in leaf_cost.c)
 *   indexes     SECTION_PAGES each and its pages, keys and rows that it names in
 *               cpu_index_tuple_cost
 *   covering    COVER_SHARD, and what the footer has of one condition, or indexes as above with
 *               COVER_KEY_TUPLES, COVER_ROW_TUPLES and a set of rows for each of several
 *   groups      GROUP each that may have a row; SECTION_PAGES a column of each, and its pages
 *   once        dictionaries and tables of traces, when the first of these needs them
 *   conditions  rows in cpu_operator_cost: those of whole chunks, or those picked out,
 *               whichever is less (leaf_cost.c); under AND later ones see fewer rows
 *
 * A page that is likely cached costs CACHED_SHARE of one that is not: as many of the store's pages
 * as effective_cache_pages holds. Every part rises with rows and bytes, so more data
 * never costs less.
 */
#include <math.h>

#include "cost_i.h"
#include "cost_params.h"

double
page_share(const struct opt *o)
{
	double pages = (double)o->stats->n_bytes / PAGE_BYTES;
	double held = (double)o->options->cost.effective_cache_pages;
	double hit = pages <= held || pages <= 0 ? 1 : held / pages;

	return 1 - hit * (1 - CACHED_SHARE);
}

struct run {
	const struct shard_cost *sc;
	const struct cost_params *c;
	double page, section;	/* of one page and of beginning a section, caches counted in */
	double cost, groups;	/* so far; groups that are still looked at */
	uint64_t once;		/* leaves whose dictionaries and tables are there */
	size_t leaf;
};

double
groups_touched(double groups, double rows)
{
	return groups <= 0 ? 0 : groups * (1 - exp(-rows / groups));
}

/* What a leaf needs of the shard once; share: how likely it is needed. */
static void
run_once(struct run *r, size_t leaf, double share)
{
	const struct leaf_cost *l = &r->sc->leaves[leaf];
	uint64_t bit = leaf < 64 ? (uint64_t)1 << leaf : 0;

	if ((r->once & bit) != 0)
		return;
	r->once |= bit;
	r->cost += fmin(share, 1) * (l->once_sections * r->section +
	    l->once_bytes / PAGE_BYTES * r->page);
}

/* Different traces of so many rows. */
static double
traces_of(const struct shard_cost *sc, double rows)
{
	double n = sc->stats->n_traces > 0 ? (double)sc->stats->n_traces :
	    (double)sc->stats->n_rows / SPANS_PER_TRACE;

	return groups_touched(n, rows);
}

double
leaf_trace_ops(const struct leaf_cost *l, const struct shard_stats *s, double rows, double traces)
{
	double ops = traces * l->trace_ops;

	/* Exec makes the tree of so many rows and more: kin.c. */
	return l->tree_ops > 0 && rows * GATHER_ROWS_A_LOOK >= (double)s->n_rows ?
	    fmin(ops, l->tree_ops) : ops;
}

/* Tests the rows of r->groups row groups; returns how many are left. */
static double
run_leaf(struct run *r, double rows)
{
	size_t leaf = r->leaf++;
	const struct leaf_cost *l = &r->sc->leaves[leaf];
	double groups = groups_touched(r->groups, rows), dense, sparse;

	if (l->columns + l->dense_ops <= 0)
		return rows * l->sel;
	dense = groups * r->sc->group_rows * l->dense_ops;
	sparse = rows * l->sparse_ops;
	run_once(r, leaf, rows);
	r->cost += groups * l->columns * r->section;
	r->cost += l->bytes / PAGE_BYTES * groups / r->sc->groups * r->page;
	r->cost += (fmin(dense, sparse) + l->once_ops * fmin(rows, 1) +
	    leaf_trace_ops(l, r->sc->stats, rows, traces_of(r->sc, rows))) * r->c->cpu_operator_cost;
	return rows * l->sel;
}

static double
run_tree(struct run *r, const struct pred *p, double rows)
{
	double left = rows;

	switch (p->kind) {
	case PRED_LEAF:
		return run_leaf(r, rows);
	case PRED_TRUE:
		return rows;
	case PRED_FALSE:
		return 0;
	case PRED_NOT:
		return rows - run_tree(r, p->kids[0], rows);
	case PRED_AND:
		for (size_t i = 0; i < p->n_kids; i++)
			left = run_tree(r, p->kids[i], left);
		return left;
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++)
			left -= run_tree(r, p->kids[i], left);
		return rows - left;
	}
	return rows;
}

/* On rows, every span is put together and tested. */
static double
run_rows(struct run *r, const struct pred *p, double rows)
{
	size_t n = plan_n_leaves(p);

	r->cost += (double)r->sc->stats->n_bytes / PAGE_BYTES * r->page;
	r->cost += rows * ((double)n * r->c->cpu_operator_cost +
	    FETCH_FULL_TUPLES * r->c->cpu_tuple_cost);
	return rows;
}

/* ---- indexes ---- */

/*
 * The share of rows that the indexes asked leave, at most 1, with their cost: of a tree as
 * exec narrows it. *told: whether any did.
 */
static double
ask(struct run *r, const struct pred *p, uint64_t asked, bool *told)
{
	double share = 1, none = 1, s;
	bool all = true, any = false, one;

	*told = false;
	switch (p->kind) {
	case PRED_LEAF: {
		size_t i = r->leaf++;
		const struct leaf_cost *l = &r->sc->leaves[i];

		if (i >= PLAN_LEAVES_MAX || (asked >> i & 1) == 0 || !l->indexed)
			return 1;
		r->cost += l->index_sections * r->section + l->index_bytes / PAGE_BYTES * r->page +
		    (l->index_keys * INDEX_KEY_TUPLES + l->index_rows * INDEX_ROW_TUPLES) *
		    r->c->cpu_index_tuple_cost + l->index_ops * r->c->cpu_operator_cost;
		run_once(r, i, l->index_rows);
		*told = true;
		return l->sel;
	}
	case PRED_AND:
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++) {
			s = ask(r, p->kids[i], asked, &one);
			any |= one;
			all &= one;
			share *= one ? s : 1;
			none *= one ? 1 - s : 0;
		}
		*told = p->kind == PRED_AND ? any : all;
		return p->kind == PRED_AND ? share : *told ? 1 - none : 1;
	case PRED_NOT:
		r->leaf += plan_n_leaves(p);
		return 1;
	case PRED_TRUE:
	case PRED_FALSE:
		break;
	}
	return 1;
}

/* ---- accesses ---- */

/* Row groups that so many rows, lying together, are in. */
static double
groups_of(const struct shard_cost *sc, double rows)
{
	return fmin(sc->groups, rows / (sc->group_rows > 1 ? sc->group_rows : 1) + 1);
}

/* Of rows lying together, those in groups that zones leave: of a rare match, not all may have one. */
static double
zone_rows(const struct shard_cost *sc, double rows)
{
	double all = groups_of(sc, rows);
	double groups = groups_touched(all, sc->sel * (double)sc->stats->n_rows * ZONE_BLUR);

	return rows * (groups < 1 ? 1 : groups) / all;
}

static double
trace_rows(const struct shard_cost *sc)
{
	const struct pred *ids = plan_top_leaf(sc->opt->plan->filter.pred, IN_TRACE_ID);
	const struct shard_stats *s = sc->stats;
	double rows = ids == NULL || s->n_traces == 0 ? SPANS_PER_TRACE :
	    (double)ids->n_lits * (double)s->n_rows / (double)s->n_traces;

	return rows < (double)s->n_rows ? rows : (double)s->n_rows;
}

/* Reading which rows each trace has. */
static double
trace_rows_cost(const struct run *r)
{
	return r->section + (double)r->sc->stats->n_rows * TRACE_ROWS_BYTES / PAGE_BYTES * r->page;
}

/* Counts, and groups by columns: no row is put together. */
static bool
only_looks(const struct plan *p)
{
	return p->output == ROW_COUNT || (p->output == ROW_GROUP && !p->fetch.want_trace);
}

/* The look-ups of an access; returns the rows that it leaves. */
static double
look_up(struct run *r, enum access a)
{
	const struct shard_cost *sc = r->sc;
	const struct shard_stats *s = sc->stats;
	double all = (double)s->n_rows * sc->time_share, rows = all;

	switch (a) {
	case ACCESS_PRUNED:
	case ACCESS_CATALOG:
	case ACCESS_COVERING:
		return 0;
	case ACCESS_FULL:
		break;
	case ACCESS_ZONE:
		rows = zone_rows(sc, all);
		break;
	case ACCESS_SERVICE:
		rows = zone_rows(sc, card_service_rows(s, sc->opt->plan->filter.pred) *
		    sc->time_share);
		r->cost += SERVICE_SETUP;
		break;
	case ACCESS_TRACE:
		rows = trace_rows(sc);
		r->cost += log2((double)s->n_traces + 2) * r->c->cpu_index_tuple_cost +
		    trace_rows_cost(r) * (only_looks(sc->opt->plan) ? 1 : TRACE_ROWS_HOT);
		break;
	}
	/* Those outside the range are not looked at. */
	if (a == ACCESS_TRACE)
		r->groups = groups_touched(fmax(sc->groups * sc->time_share, 1), rows);
	else
		r->groups = groups_of(sc, rows);
	return rows;
}

/* A narrower access bounds what a wrong estimate may cost, so a wider one must be better by more. */
static double
risk(enum access a)
{
	return a == ACCESS_FULL ? RISK * RISK : a == ACCESS_ZONE ? RISK : 1;
}

/* ---- counting ---- */

/*
 * The footer has the rows of each name of each service together: every condition is asked of
 * all of these until one decides. Names stand in a dictionary.
 */
static double
cover_cells(const struct run *r, const struct pred *filter)
{
	const struct shard_cost *sc = r->sc;
	double cells = (double)sc->stats->n_services, cost = 0;

	for (size_t i = 0; i < plan_n_leaves(filter); i++) {
		const struct leaf_cost *l = &sc->leaves[i];

		if (l->once_sections <= 0)
			continue;
		cells = fmax(cells, l->dict_values * FOOTER_CELLS);
		cost = l->once_sections * r->section + l->once_bytes / PAGE_BYTES * r->page;
	}
	for (size_t i = 0; i < plan_n_leaves(filter); i++)
		cost += (cells * FOOTER_VALUE_OPS + sc->leaves[i].once_ops * FOOTER_CELLS) *
		    r->c->cpu_operator_cost;
	return cost;
}

/* One condition: from the footer if it stands alone, else from its indexes, or trace by trace. */
static void
cover_leaf(struct run *r, size_t i, bool alone)
{
	const struct shard_cost *sc = r->sc;
	const struct leaf_cost *l = &sc->leaves[i];
	double all = (double)sc->stats->n_rows;

	if (!alone)
		r->cost += all * COVER_SET_OPS * r->c->cpu_operator_cost;
	if (alone && l->footer) {
		r->cost += l->footer_ops * r->c->cpu_operator_cost;
		return;
	}
	run_once(r, i, 1);
	r->cost += l->trace_rows ? trace_rows_cost(r) : 0;
	r->cost += l->index_sections * r->section + l->index_bytes / PAGE_BYTES * r->page +
	    (l->once_ops + leaf_trace_ops(l, sc->stats, (double)sc->stats->n_rows,
	    (double)sc->stats->n_traces)) * r->c->cpu_operator_cost + l->index_keys * COVER_KEY_TUPLES *
	    r->c->cpu_index_tuple_cost;
	if (!alone && l->index_sections > 0)
		r->cost += fmin(l->index_rows, all / COVER_DENSE_ROWS) * COVER_ROW_TUPLES *
		    r->c->cpu_index_tuple_cost;
}

static double
covering(struct run *r)
{
	const struct pred *filter = r->sc->opt->plan->filter.pred;
	size_t n = plan_n_leaves(filter);

	if (footer_tells(filter))
		return COVER_SHARD + cover_cells(r, filter);
	r->cost = COVER_SHARD;
	for (size_t i = 0; i < n; i++)
		cover_leaf(r, i, n == 1);
	return r->cost;
}

struct access_cost
cost_access(const struct shard_cost *sc, enum access a, uint64_t asked)
{
	const struct opt *o = sc->opt;
	const struct cost_params *c = &o->options->cost;
	const struct pred *filter = o->plan->filter.pred;
	double share = page_share(o);
	struct run r = { .sc = sc, .c = c, .page = c->seq_page_cost * share,
	    .section = SECTION_PAGES * c->random_page_cost * share, .groups = sc->groups };
	struct access_cost out = { 0 };
	double rows, groups;
	bool told;

	o->plan->n_costed++;
	if (a == ACCESS_CATALOG)
		out.startup = out.total = CATALOG_SHARD;
	if (a == ACCESS_COVERING)
		out.startup = out.total = covering(&r);
	if (a == ACCESS_CATALOG || a == ACCESS_COVERING || a == ACCESS_PRUNED)
		return out;
	r.cost = SHARD_OPEN;
	rows = look_up(&r, a);
	if (asked != 0) {
		/* Conditions that go together leave all that the filter finds, not their product. */
		rows = fmax(rows * ask(&r, filter, asked, &told),
		    fmin(rows, sc->sel * (double)sc->stats->n_rows * sc->time_share));
		r.leaf = 0;
	}
	out.startup = r.cost;
	out.rows = rows;
	r.cost += (asked != 0 ? r.groups : groups_touched(r.groups, rows)) * GROUP_ASKED;
	r.groups = groups_touched(r.groups, rows);
	groups = r.groups;
	r.cost += groups * GROUP;
	if (o->plan->filter.pushdown)
		(void)run_tree(&r, filter, rows);
	else
		(void)run_rows(&r, filter, rows);
	out.total = r.cost * risk(a);
	/* Rows come by row groups: the first is there when one is done. */
	out.startup = (out.startup + (r.cost - out.startup) / (groups > 1 ? groups : 1)) * risk(a);
	return out;
}
