/* SPDX-License-Identifier: ISC */
/*
 * cost: what a plan takes, in units of seq_page_cost (cost_params.h).
 *
 *   plan  = shards + fetch + order + traces
 *     fetch  output rows times what is put together, in cpu_tuple_cost, and the pages and
 *            chunks of the row groups that have them
 *     order  n log2 n (top-n: n log2 of the heap) * ORDER_OPS * cpu_operator_cost
 *     traces trace_hop_cost a step to its facts, multi_hop_penalty times that after the first;
 *            steps beyond large_trace_threshold count twice
 *   threads: one, and another for every THREAD_WORK of cost, of those that are free
 *
 * With early_stop the shards from the newest on count until offset + limit rows are there.
 */
#include <math.h>

#include "cost_i.h"
#include "cost_params.h"
#include "model/pred_walk.h"

static double
fetch_tuples(const struct plan *p)
{
	const struct projection *pr = &p->fetch.projection;
	double n = FETCH_BASE_TUPLES;

	if (p->output == ROW_CONTRAST && p->filter.pushdown)
		return CONTRAST_TUPLES;
	if (pr->all)
		return FETCH_FULL_TUPLES;
	n += FETCH_FIELD_TUPLES * ((double)__builtin_popcountll(pr->intrinsics) + (double)pr->n_fields);
	n += pr->attrs ? FETCH_FULL_TUPLES / 2 : 0;
	n += pr->resource || pr->scope ? FETCH_FIELD_TUPLES : 0;
	n += pr->events || pr->links ? FETCH_FULL_TUPLES / 4 : 0;
	return n;
}

static double
row_bytes(const struct plan *p)
{
	const struct projection *pr = &p->fetch.projection;

	switch (p->output) {
	case ROW_COUNT:
		return BYTES_COUNT;
	case ROW_CONTRAST:	/* a page of rows, however many spans */
		return 0;
	case ROW_TRACE:
		return BYTES_TRACE;
	case ROW_EVENT:
	case ROW_SCORE:
	case ROW_LINK:
		return BYTES_PART;
	case ROW_SPAN:
	case ROW_GROUP:		/* of the spans that they are made of */
		break;
	}
	if (pr->all)
		return BYTES_SPAN_FULL;
	return BYTES_SPAN_BASE +
	    BYTES_FIELD * ((double)__builtin_popcountll(pr->intrinsics) + (double)pr->n_fields) +
	    (pr->attrs ? BYTES_ATTRS : 0) + (pr->resource ? BYTES_FIELD : 0) +
	    (pr->events || pr->links ? BYTES_EVENTS : 0);
}

/* Rows and cost of the shards that will be read, the newest first. */
static void
sum_shards(const struct opt *o, double wanted, double *rows, double *cost)
{
	const struct plan *p = o->plan;

	*rows = *cost = 0;
	for (size_t i = p->scan.n_shards; i-- > 0;) {
		if (p->scan.early_stop && *rows >= wanted)
			return;
		*rows += p->scan.shards[i].est_rows;
		*cost += p->scan.shards[i].est_cost;
	}
}

static double
order_cost(const struct opt *o, double rows, double wanted)
{
	double kept = o->plan->order.topn && wanted < rows ? wanted : rows;

	if (o->plan->output == ROW_COUNT || o->plan->output == ROW_GROUP ||
	    o->plan->output == ROW_CONTRAST || rows < 2)
		return 0;
	return rows * log2(kept + 2) * ORDER_OPS * o->options->cost.cpu_operator_cost;
}

static bool
sorts_by_trace(const struct plan *p)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (field_needs_trace(&p->order.keys[i].field))
			return true;
	return false;
}

/*
 * The facts of one trace: a step a span, or with summaries one for each shard that it may be
 * in, of which there are seldom more than two.
 */
static double
trace_facts_cost(const struct cost_params *c, const struct shard_stats *s)
{
	double large = (double)c->large_trace_threshold, steps = SPANS_PER_TRACE;

	if (s->trace_summaries)
		steps = 2;
	else if (s->n_traces > 0)
		steps = (double)s->n_rows / (double)s->n_traces;
	steps = steps < 1 ? 1 : steps;
	/* Large ones don't fit the caches: their spans beyond cost as much again. */
	if (steps > large)
		steps += steps - large;
	return (1 + (steps - 1) * c->multi_hop_penalty) * c->trace_hop_cost;
}

/*
 * Traces are put together for every candidate where they decide, else for the output. Shard by
 * shard, so that another shard only adds.
 */
static double
trace_cost(const struct opt *o, double rows, double out)
{
	const struct plan *p = o->plan;
	double all = 0, taken = 0, cost = 0;

	for (size_t i = 0; i < p->scan.n_shards; i++)
		all += p->scan.shards[i].est_rows;
	if (p->output == ROW_TRACE || pred_needs_trace(p->filter.pred) || sorts_by_trace(p) ||
	    (p->contrast.pred != NULL && pred_needs_trace(p->contrast.pred)))
		taken = rows;
	else if (p->fetch.want_trace)
		taken = out;
	if (taken <= 0 || all <= 0)
		return 0;
	taken = taken < all ? taken / all : 1;
	for (size_t i = 0; i < p->scan.n_shards; i++)
		if (p->scan.shards[i].access != ACCESS_PRUNED)
			cost += p->scan.shards[i].est_rows * taken *
			    trace_facts_cost(&o->options->cost, &o->stats->shards[i]);
	return cost;
}

/* Threads that the work is worth, of those that the running queries leave. */
static unsigned
threads_for(const struct opt *o, double cost)
{
	const struct opt_options *op = o->options;
	unsigned most = op->threads / (1 + op->load);
	double worth = 1 + floor(cost / THREAD_WORK);

	if (op->threads == 0)
		return 0;
	most = most == 0 ? 1 : most;
	return worth < most ? (unsigned)worth : most;
}

/* Of a span's bytes, those that the projection reads: names and ids are there for the order. */
static double
fetch_share(const struct plan *p)
{
	const struct projection *pr = &p->fetch.projection;
	double share = FETCH_SHARE_BASE;

	if (pr->all || pr->attrs)
		return 1;
	share += FETCH_SHARE_FIELD *
	    ((double)__builtin_popcountll(pr->intrinsics) + (double)pr->n_fields);
	return share < 1 ? share : 1;
}

/*
 * Putting n rows together, of `found` that match: those of all row groups that have one are
 * read. Shard by shard, so that another shard only adds.
 */
static double
fetch_cost(const struct opt *o, double n, double found)
{
	const struct plan *p = o->plan;
	const struct cost_params *c = &o->options->cost;
	double taken = n < found ? n / found : 1, pages = 0, chunks = 0;

	if (p->output == ROW_COUNT || n <= 0)
		return 0;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		const struct shard_stats *s = &o->stats->shards[i];
		double groups = s->n_row_groups > 0 ? s->n_row_groups :
		    ceil((double)s->n_rows / GROUP_ROWS), touched;

		if (p->scan.shards[i].access == ACCESS_PRUNED || groups <= 0)
			continue;
		touched = groups_touched(groups, p->scan.shards[i].est_rows * taken);
		pages += (double)s->n_bytes / PAGE_BYTES * touched / groups;
		chunks += touched * FETCH_CHUNKS;
	}
	return n * fetch_tuples(p) * c->cpu_tuple_cost + page_share(o) *
	    fetch_share(p) * (pages * c->seq_page_cost + chunks * c->random_page_cost);
}

void
cost_total(struct opt *o)
{
	struct plan *p = o->plan;
	uint64_t wanted_n;
	double rows, cost, wanted, out;

	wanted = __builtin_add_overflow(p->page.limit, p->page.offset, &wanted_n) ? 1e18 :
	    (double)wanted_n;
	sum_shards(o, wanted, &rows, &cost);
	out = rows < wanted ? rows : wanted;
	out = out > (double)p->page.offset ? out - (double)p->page.offset : 0;
	p->filter.node.est_rows = rows;
	p->scan.node.est_cost = cost;
	p->order.node.est_cost = order_cost(o, rows, wanted) + trace_cost(o, rows, out);
	cost += p->order.node.est_cost;
	cost += fetch_cost(o, out + (double)(p->page.offset < 1000000 ? p->page.offset : 0), rows);
	p->est_rows = p->output == ROW_COUNT ? 1 : out;
	p->est_cost = cost;
	p->est_bytes = p->est_rows * row_bytes(p);
	p->scan.threads = threads_for(o, cost);
}

