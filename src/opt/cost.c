/* SPDX-License-Identifier: ISC */
/*
 * cost: what a plan takes, in units of seq_page_cost (cost_params.h).
 *
 *   shard = open + pages + rows looked at
 *     open   random_page_cost, twice where an index is searched
 *     pages  bytes of the columns that the filter reads (on rows: of all), times the share
 *            of rows looked at, over PAGE_BYTES, times seq_page_cost
 *     rows   looked at, times the filter's leaves in cpu_operator_cost; on rows also
 *            FETCH_FULL_TUPLES * cpu_tuple_cost each
 *   plan  = shards + fetch + order + traces
 *     fetch  output rows times what is put together, in cpu_tuple_cost
 *     order  n log2 n (top-n: n log2 of the heap) * 2 * cpu_operator_cost
 *     traces trace_hop_cost a span of each trace that must be assembled
 *
 * With early_stop the shards from the newest on count until offset + limit rows are there.
 */
#include <math.h>

#include "cost_params.h"
#include "opt_i.h"

double
cost_leaf(const struct pred *p)
{
	double each = (double)(p->n_lits > 1 ? p->n_lits : 1);

	switch (p->op) {
	case OP_RE:
	case OP_NRE:
		return 50;
	case OP_TEXT:
		return 100 * each;
	case OP_CONTAINS:
	case OP_NOTCONTAINS:
		return 10;
	default:
		break;
	}
	if (p->field.scope == FIELD_INTRINSIC) {
		if (intrinsics[p->field.intrinsic].of == OF_TRACE)
			return 1000;
		return intrinsics[p->field.intrinsic].of == OF_SPAN ? 1 : 3;
	}
	return p->field.scope == FIELD_BARE ? 3 : 2;
}

static double
filter_ops(const struct pred *p)
{
	double c = 0;

	if (p->kind == PRED_LEAF)
		return cost_leaf(p);
	/* Of AND and OR later kids see fewer rows: half each. */
	for (size_t i = 0; i < p->n_kids; i++)
		c += filter_ops(p->kids[i]) / (double)(i < 4 ? 1 << i : 16);
	return c;
}

static double
field_bytes(const struct shard_stats *s, const struct field *f)
{
	size_t n;
	const struct column_stats *c = find_columns(s, f, &n);
	double b = 0;

	for (size_t i = 0; i < n; i++)
		b += (double)c[i].n_bytes;
	return b;
}

static double
filter_bytes(const struct shard_stats *s, const struct pred *p)
{
	struct field f = p->field;
	double b = 0;

	if (p->kind == PRED_LEAF && p->op == OP_TEXT)
		return (double)s->n_bytes / 2;
	if (p->kind == PRED_LEAF) {
		if (f.scope == FIELD_BARE)
			f.scope = FIELD_SPAN;
		return field_bytes(s, &f);
	}
	for (size_t i = 0; i < p->n_kids; i++)
		b += filter_bytes(s, p->kids[i]);
	return b;
}

static double
scanned_rows(const struct opt *o, const struct shard_stats *s, enum access access)
{
	const struct plan *p = o->plan;
	double share = card_time_share(p->range, s->min_start, s->max_start);
	const struct pred *ids;

	if (share < ZONE_SHARE_MIN)
		share = ZONE_SHARE_MIN;
	switch (access) {
	case ACCESS_PRUNED:
	case ACCESS_CATALOG:
	case ACCESS_COVERING:
		return 0;
	case ACCESS_FULL:
		return (double)s->n_rows;
	case ACCESS_ZONE:
		return (double)s->n_rows * share;
	case ACCESS_SERVICE:
		return card_service_rows(s, p->filter) * share;
	case ACCESS_TRACE:
		ids = plan_top_leaf(p->filter, IN_TRACE_ID);
		return ids == NULL || s->n_traces == 0 ? SPANS_PER_TRACE :
		    (double)ids->n_lits * (double)s->n_rows / (double)s->n_traces;
	}
	return (double)s->n_rows;
}

static void
cost_shard(struct opt *o, size_t i)
{
	const struct cost_params *c = &o->options->cost;
	const struct shard_stats *s = &o->stats->shards[i];
	const struct plan *p = o->plan;
	struct plan_shard *ps = &o->shards[i];
	struct field start = { .scope = FIELD_INTRINSIC, .intrinsic = IN_START };
	double rows = scanned_rows(o, s, ps->access), share, bytes, per_row;

	ps->est_rows = ps->est_cost = 0;
	if (ps->access == ACCESS_PRUNED)
		return;
	o->plan->n_costed++;
	ps->est_rows = card_rows(s, p->filter, p->range);
	if (ps->access == ACCESS_CATALOG)
		return;
	if (ps->access == ACCESS_COVERING) {
		ps->est_cost = c->random_page_cost + ps->est_rows * c->cpu_index_tuple_cost;
		return;
	}
	share = s->n_rows == 0 ? 0 : rows / (double)s->n_rows;
	per_row = filter_ops(p->filter) * c->cpu_operator_cost;
	bytes = (double)s->n_bytes;
	if (p->pushdown)
		bytes = filter_bytes(s, p->filter) + field_bytes(s, &start);
	else
		per_row += FETCH_FULL_TUPLES * c->cpu_tuple_cost;
	ps->est_cost = c->random_page_cost + bytes * share / PAGE_BYTES * c->seq_page_cost +
	    rows * per_row;
	if (ps->access == ACCESS_TRACE)
		ps->est_cost += c->random_page_cost +
		    log2((double)s->n_traces + 2) * c->cpu_index_tuple_cost;
}

static double
fetch_tuples(const struct projection *pr)
{
	double n = FETCH_BASE_TUPLES;

	if (pr->all)
		return FETCH_FULL_TUPLES;
	n += FETCH_FIELD_TUPLES * ((double)__builtin_popcount(pr->intrinsics) + (double)pr->n_fields);
	n += pr->attrs ? FETCH_FULL_TUPLES / 2 : 0;
	n += pr->resource || pr->scope ? FETCH_FIELD_TUPLES : 0;
	n += pr->events || pr->links ? FETCH_FULL_TUPLES / 4 : 0;
	return n;
}

static double
row_bytes(const struct plan *p)
{
	const struct projection *pr = &p->projection;

	switch (p->output) {
	case ROW_COUNT:
		return BYTES_COUNT;
	case ROW_TRACE:
		return BYTES_TRACE;
	case ROW_EVENT:
	case ROW_LINK:
		return BYTES_PART;
	case ROW_SPAN:
		break;
	}
	if (pr->all)
		return BYTES_SPAN_FULL;
	return BYTES_SPAN_BASE +
	    BYTES_FIELD * ((double)__builtin_popcount(pr->intrinsics) + (double)pr->n_fields) +
	    (pr->attrs ? BYTES_ATTRS : 0) + (pr->resource ? BYTES_FIELD : 0) +
	    (pr->events || pr->links ? BYTES_EVENTS : 0);
}

/* Rows and cost of the shards that will be read, the newest first. */
static void
sum_shards(const struct opt *o, double wanted, double *rows, double *cost)
{
	const struct plan *p = o->plan;

	*rows = *cost = 0;
	for (size_t i = p->n_shards; i-- > 0;) {
		if (p->early_stop && *rows >= wanted)
			return;
		*rows += p->shards[i].est_rows;
		*cost += p->shards[i].est_cost;
	}
}

static double
order_cost(const struct opt *o, double rows, double wanted)
{
	double kept = o->plan->topn && wanted < rows ? wanted : rows;

	if (o->plan->output == ROW_COUNT || rows < 2)
		return 0;
	return rows * log2(kept + 2) * 2 * o->options->cost.cpu_operator_cost;
}

static bool
sorts_by_trace(const struct plan *p)
{
	for (size_t i = 0; i < p->n_sort; i++)
		if (field_needs_trace(&p->sort[i].field))
			return true;
	return false;
}

/* Traces are put together for every candidate where they decide, else for the output. */
static double
trace_cost(const struct opt *o, double rows, double out)
{
	const struct plan *p = o->plan;
	double traces = 0;

	if (p->output == ROW_TRACE || pred_needs_trace(p->filter) || sorts_by_trace(p))
		traces = rows;
	else if (p->want_trace)
		traces = out;
	return traces * SPANS_PER_TRACE * o->options->cost.trace_hop_cost;
}

void
cost_plan(struct opt *o)
{
	for (size_t i = 0; i < o->plan->n_shards; i++)
		cost_shard(o, i);
	cost_total(o);
}

void
cost_total(struct opt *o)
{
	struct plan *p = o->plan;
	const struct cost_params *c = &o->options->cost;
	uint64_t wanted_n;
	double rows, cost, wanted, out;

	wanted = __builtin_add_overflow(p->limit, p->offset, &wanted_n) ? 1e18 :
	    (double)wanted_n;
	sum_shards(o, wanted, &rows, &cost);
	out = rows < wanted ? rows : wanted;
	out = out > (double)p->offset ? out - (double)p->offset : 0;
	p->est_found = rows;
	p->est_scan_cost = cost;
	p->est_order_cost = order_cost(o, rows, wanted) + trace_cost(o, rows, out);
	cost += p->est_order_cost;
	if (p->output != ROW_COUNT)
		cost += (out + (double)(p->offset < 1000000 ? p->offset : 0)) *
		    fetch_tuples(&p->projection) * c->cpu_tuple_cost;
	p->est_rows = p->output == ROW_COUNT ? 1 : out;
	p->est_cost = cost;
	p->est_bytes = p->est_rows * row_bytes(p);
}
