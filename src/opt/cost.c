/* SPDX-License-Identifier: ISC */
/*
 * cost: what a plan takes, in units of seq_page_cost (cost_params.h).
 *
 *   plan  = the sum of its steps, each with a row in the table at the end
 *     scan   shards, filter and all: cost_access.c
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

/* The plan at hand, and what several steps go by. */
struct costing {
	struct opt *o;
	double wanted;		/* rows until the page is full */
	double found;		/* rows that match, of the shards that will be read */
};

/* Shards that will be read, the newest first. What tests nothing hands all its rows on. */
static void
cost_scan(struct costing *c, struct plan_node *n)
{
	const struct plan *p = c->o->plan;

	if (p->scan.server != NULL) {
		c->found = card_server(c->o);
		cost_server(c->o, n, &(struct server_rows){ c->found, c->wanted, row_bytes(p), fetch_tuples(p) });
		return;
	}
	c->found += (double)p->scan.summed;
	for (size_t i = p->scan.n_shards; i-- > 0;) {
		if (p->scan.early_stop && c->found >= c->wanted)
			break;
		c->found += p->scan.shards[i].est_rows;
		n->est_cost += p->scan.shards[i].est_cost;
		if (!p->filter.pushdown && p->scan.shards[i].access != ACCESS_PRUNED)
			n->est_rows += (double)c->o->stats->shards[i].n_rows;
	}
	if (p->filter.pushdown)
		n->est_rows = c->found;
}

static void
cost_filter(struct costing *c, struct plan_node *n)
{
	n->est_rows = c->found;
}

static void
cost_order(struct costing *c, struct plan_node *n)
{
	double rows = n->input->est_rows;
	double kept = c->o->plan->order.topn && c->wanted < rows ? c->wanted : rows;

	n->est_rows = rows;
	if (rows >= 2)
		n->est_cost = rows * log2(kept + 2) * ORDER_OPS *
		    c->o->options->cost.cpu_operator_cost;
}

static void
cost_limit(struct costing *c, struct plan_node *n)
{
	double rows = n->input->est_rows < c->wanted ? n->input->est_rows : c->wanted;
	double offset = (double)c->o->plan->page.offset;

	n->est_rows = rows > offset ? rows - offset : 0;
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

static bool
asks_tree(const struct plan *p)
{
	return p->fetch.projection.parents != NULL || (p->fetch.projection.intrinsics &
	    (INTRINSIC_BIT(IN_DEPTH) | INTRINSIC_BIT(IN_SELF_DURATION) |
	    INTRINSIC_BIT(IN_CHILD_COUNT))) != 0;
}

/* The same of a shard's rows by columns: of few rows exec puts the traces together all the same. */
static double
gather_cost(const struct costing *c, const struct shard_stats *s, double rows, double by_spans)
{
	double ops = rows * GATHER_ROW_OPS + (double)s->n_traces * GATHER_TRACE_OPS;

	if (rows * GATHER_ROWS_A_LOOK < (double)s->n_rows)
		return by_spans;
	if (asks_tree(c->o->plan))
		ops += (double)s->n_rows * GATHER_TREE_OPS;
	return ops * c->o->options->cost.cpu_operator_cost;
}

/* Groups: by columns, or span by span? */
static void
choose_gather(struct costing *c, struct plan_node *n, double by_spans, double by_columns)
{
	struct plan_fetch *f = &c->o->plan->fetch;

	n->est_cost = by_spans;
	f->by_columns = f->may_gather && by_columns <= by_spans;
	/* Those of all the store are made, so not for few rows of it. */
	f->joins = f->by_columns &&
	    n->input->est_rows * GATHER_ROWS_A_LOOK >= (double)c->o->stats->n_rows;
	if (!f->may_gather)
		return;
	f->spans_cost = by_spans;
	f->columns_cost = by_columns;
	if (f->by_columns)
		n->est_cost = by_columns;
}

/*
 * Of the rows that come in; before the filter of those that match, for what says no to the
 * others is seldom the trace. Shard by shard, so that another shard only adds.
 */
static void
cost_traces(struct costing *c, struct plan_node *n)
{
	const struct plan *p = c->o->plan;
	double all = 0, taken = n->input->kind == PLAN_SCAN ? c->found : n->input->est_rows;
	double by_spans = 0, by_columns = 0;

	n->est_rows = n->input->est_rows;
	for (size_t i = 0; i < p->scan.n_shards; i++)
		all += p->scan.shards[i].est_rows;
	taken = taken < all ? taken / all : 1;
	for (size_t i = 0; i < p->scan.n_shards && all > 0 && taken > 0; i++) {
		const struct shard_stats *s = &c->o->stats->shards[i];
		double rows = p->scan.shards[i].est_rows * taken;
		double cost = rows * trace_facts_cost(&c->o->options->cost, s);

		if (p->scan.shards[i].access == ACCESS_PRUNED)
			continue;
		by_spans += cost;
		by_columns += gather_cost(c, s, rows, cost);
	}
	choose_gather(c, n, by_spans, by_columns);
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

	if (n <= 0)
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

/* Rows before the page are put together, too. */
static void
cost_fetch(struct costing *c, struct plan_node *n)
{
	uint64_t offset = c->o->plan->page.offset;

	n->est_rows = n->input->est_rows;
	n->est_cost = fetch_cost(c->o, n->est_rows + (double)(offset < 1000000 ? offset : 0),
	    c->found);
}

static void
cost_count(struct costing *c, struct plan_node *n)
{
	(void)c;
	n->est_rows = 1;
}

/* Rows that footers tell are not put together. */
static void
cost_group(struct costing *c, struct plan_node *n)
{
	const struct plan *p = c->o->plan;
	double rows = n->input->est_rows;

	if (p->scan.server != NULL) {
		n->est_rows = card_server_groups(c->o, c->found);
		n->est_cost = p->scan.handed.groups ? 0 : fetch_cost(c->o, rows, c->found);
		return;
	}
	for (size_t i = 0; i < p->scan.n_shards; i++)
		if (p->scan.shards[i].access == ACCESS_COVERING)
			rows -= p->scan.shards[i].est_rows;
	if (rows >= 1)
		n->est_cost = fetch_cost(c->o, rows, c->found);
	n->est_rows = card_groups(c->o, n->input->est_rows);
}

typedef void node_cost(struct costing *, struct plan_node *);

/* Of comparisons the rows are those of the spans that they are made of. */
static node_cost *const node_costs[] = {
	[PLAN_SCAN] = cost_scan,
	[PLAN_FILTER] = cost_filter,
	[PLAN_TRACES] = cost_traces,
	[PLAN_ORDER] = cost_order,
	[PLAN_LIMIT] = cost_limit,
	[PLAN_FETCH] = cost_fetch,
	[PLAN_COUNT] = cost_count,
	[PLAN_GROUP] = cost_group,
	[PLAN_CONTRAST] = cost_fetch,
};
_Static_assert(sizeof node_costs / sizeof *node_costs == N_PLAN_KINDS, "a node without a cost");

static double
cost_nodes(struct costing *c, const struct plan_node *at)
{
	double before = at->input == NULL ? 0 : cost_nodes(c, at->input);
	struct plan_node *n = plan_node_at(c->o->plan, at->kind);

	n->est_rows = n->est_cost = 0;
	node_costs[n->kind](c, n);
	return before + n->est_cost;
}

void
cost_total(struct opt *o)
{
	struct plan *p = o->plan;
	uint64_t wanted;
	struct costing c = { .o = o };

	c.wanted = __builtin_add_overflow(p->page.limit, p->page.offset, &wanted) ? 1e18 :
	    (double)wanted;
	p->est_cost = cost_nodes(&c, p->root);
	p->est_rows = p->root->est_rows;
	p->est_bytes = p->est_rows * row_bytes(p);
	p->scan.threads = threads_for(o, p->est_cost);
}
