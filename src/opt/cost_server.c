/* SPDX-License-Identifier: ISC */
/*
 * cost_server: rows and cost of a plan whose spans a server has.
 *
 *   rows   spans of its table times the part of its time that the range has, times what the
 *          conditions leave: where values of a field are known by what they say, else by guess;
 *          never more than it says that it reads
 *   read   the pages of its disk that it reads for them; half of what a span takes there, since no
 *          question is about all columns
 *   sent   network_round_trip_cost a question, network_byte_cost a byte
 *   levels of groups of spans, one or two: what is cheaper
 *   groups made there: an operator for each key and figure of a row, and the bytes of the groups;
 *          made here: the bytes of the rows, and putting them together
 *
 * Groups are made there unless the rows are far cheaper: of a wrong estimate rows may be many more, and
 * groups not. So they are where nothing is known of the server.
 */
#include <ctype.h>
#include <math.h>

#include "card_i.h"
#include "cost_i.h"
#include "cost_params.h"

/* ---- how many rows ---- */

/* Kind and status are words, in either case. */
static bool
text_is(const struct field *f, struct sv a, struct sv b)
{
	bool word = f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_KIND || f->intrinsic == IN_STATUS);

	if (!word || a.n != b.n)
		return sv_eq(a, b);
	for (size_t i = 0; i < a.n; i++)
		if (tolower((unsigned char)a.p[i]) != tolower((unsigned char)b.p[i]))
			return false;
	return true;
}

static const struct stats_server_field *
known_field(const struct stats_server *s, const struct field *f)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (field_eq(&s->fields[i].field, f))
			return &s->fields[i];
	return NULL;
}

/* A value that is none of those that are known is as rare as the rarest of them, unless there are no others. */
static double
value_share(const struct stats_server_field *k, const struct literal *l)
{
	double least;

	for (size_t i = 0; i < k->n_values; i++)
		if (text_is(&k->field, k->values[i].text, l->text))
			return k->values[i].n_rows / k->n_rows;
	least = k->values[k->n_values - 1].n_rows;
	return k->all ? 0 : (least < 1 ? least : 1) / k->n_rows;
}

static double
leaf_share(const struct stats_server *s, const struct pred *p)
{
	const struct stats_server_field *k = known_field(s, &p->field);
	bool equal = p->op == OP_EQ || p->op == OP_IN, other = p->op == OP_NE || p->op == OP_NOTIN;
	double share = 0;

	if (p->field.scope == FIELD_INTRINSIC && equal && s->has_rows && s->n_rows >= 1) {
		if (p->field.intrinsic == IN_TRACE_ID)
			return (double)p->n_lits * SPANS_PER_TRACE / s->n_rows;
		if (p->field.intrinsic == IN_SPAN_ID)
			return (double)p->n_lits / s->n_rows;
	}
	if (k == NULL || k->n_values == 0 || k->n_rows < 1 || (!equal && !other))
		return card_guess(p);
	for (size_t i = 0; i < p->n_lits; i++)
		share += value_share(k, &p->lits[i]);
	return other ? 1 - share : share;
}

static double
pred_share(const struct stats_server *s, const struct pred *p)
{
	double share = p->kind == PRED_OR ? 0 : 1;

	switch (p->kind) {
	case PRED_TRUE:
		return 1;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return clamp_share(leaf_share(s, p));
	case PRED_NOT:
		return 1 - pred_share(s, p->kids[0]);
	case PRED_AND:
		for (size_t i = 0; i < p->n_kids; i++)
			share *= pred_share(s, p->kids[i]);
		return share;
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++)
			share += pred_share(s, p->kids[i]);
		return share < 1 ? share : 1;
	}
	return 1;
}

static double
rows_in_range(const struct stats_server *s, struct time_range r)
{
	uint64_t from, to;
	double all;

	if (!s->has_rows || !s->has_times)
		return s->has_rows ? s->n_rows : s->has_read ? s->read_rows : 0;
	all = (double)(s->last_ns - s->first_ns) + 1;
	from = r.from > s->first_ns ? r.from : s->first_ns;
	to = r.to == WHEN_MAX || r.to > s->last_ns ? s->last_ns + 1 : r.to;
	return from < to ? s->n_rows * (double)(to - from) / all : 0;
}

double
card_server(const struct opt *o)
{
	const struct stats_server *s = o->stats->server;
	double rows;

	if (s == NULL || o->plan->filter.never)
		return 0;
	rows = rows_in_range(s, o->plan->filter.range) * pred_share(s, o->plan->filter.pred);
	return s->has_read && rows > s->read_rows ? s->read_rows : rows;
}

/* So many values has a key of which nothing is known, among so many rows. */
static double
key_values(const struct stats_server *s, const struct field *f, double rows)
{
	const struct stats_server_field *k = known_field(s, f);

	return k != NULL && k->n_values != 0 ? (double)k->n_values : sqrt(rows);
}

double
card_server_groups(const struct opt *o, double rows)
{
	const struct grouping *g = o->options->groups;
	const struct stats_server *s = o->stats->server;
	struct time_range r = o->plan->filter.range;
	double n = 1;

	if (s == NULL || g == NULL || rows < 1)
		return rows;
	for (size_t i = 0; i < g->n_keys; i++)
		n *= key_values(s, &g->keys[i], rows);
	if (s->has_times) {
		r.from = r.from > s->first_ns ? r.from : s->first_ns;
		r.to = r.to < s->last_ns ? r.to : s->last_ns;
		n *= card_buckets(g, r);
	}
	return n < rows ? n : rows;
}

/* ---- what that costs ---- */

/* Traces whose spans all come. */
bool
opt_whole_traces(const struct plan *p)
{
	return p->output == ROW_TRACE || plan_has(p, PLAN_TRACES);
}

static double
rows_sent(const struct opt *o, const struct server_rows *r)
{
	const struct plan *p = o->plan;
	double all = o->stats->server != NULL ? rows_in_range(o->stats->server, p->filter.range) : 0;
	double n = p->scan.handed.filter || p->filter.pred->kind == PRED_TRUE ? r->found : all;

	if (opt_whole_traces(p))
		return n * SPANS_PER_TRACE < all ? n * SPANS_PER_TRACE : all;
	return p->scan.handed.page && r->wanted < n ? r->wanted : n;
}

static double
read_cost(const struct opt *o)
{
	const struct stats_server *s = o->stats->server;
	double rows, span;

	if (s == NULL || !s->has_rows || !s->has_bytes || s->n_rows < 1)
		return 0;
	rows = s->has_read ? s->read_rows : rows_in_range(s, o->plan->filter.range);
	span = s->n_bytes / s->n_rows * SERVER_COLUMNS_SHARE;
	return rows * span / PAGE_BYTES * o->options->cost.seq_page_cost;
}

/* Questions: spans in time order come in windows. */
static double
questions(const struct plan *p, double rows)
{
	return p->output == ROW_SPAN && p->order.n_keys == 0 && !opt_whole_traces(p) ?
	    1 + floor(rows / SERVER_WINDOW_ROWS) : 1;
}

static double
groups_cost(const struct opt *o, double found)
{
	const struct cost_params *c = &o->options->cost;
	const struct grouping *g = o->options->groups;
	double cells = o->plan->output == ROW_CONTRAST ? CONTRAST_CELLS : g == NULL ? 1 : (double)(g->n_keys + g->has_bucket + g->n_aggs);
	double groups = o->plan->output == ROW_COUNT ? 1 : card_server_groups(o, found);

	return c->network_round_trip_cost + found * cells * c->cpu_operator_cost +
	    groups * (cells * BYTES_FIELD * c->network_byte_cost + c->cpu_tuple_cost);
}

/*
 * On two levels: the same of each trace's spans, so many groups as that makes, and an operator for each
 * of their cells. It leaves as much to send.
 */
static double
by_trace_cost(const struct opt *o, double found)
{
	const struct cost_params *c = &o->options->cost;
	const struct grouping *g = o->options->groups;
	double cells = (double)(g->n_keys + g->has_bucket + g->n_aggs);
	double groups = card_server_groups(o, found), traces = found / SPANS_PER_TRACE;
	double parts = found < groups * traces ? found : groups * traces;

	return groups_cost(o, found) + (parts > traces ? parts : traces) *
	    (c->cpu_tuple_cost + cells * c->cpu_operator_cost);
}

static void
choose_levels(struct opt *o, double found)
{
	struct plan_scan *s = &o->plan->scan;

	s->handed.by_trace = false;
	if (!s->may_by_trace || !s->handed.groups)
		return;
	/* By way of traces more is reckoned than at once: it is for who compares both. */
	s->by_trace_cost = by_trace_cost(o, found);
	s->handed.by_trace = s->by_trace_cost < s->groups_cost || o->options->force == OPT_FORCE_LEVELS;
}

void
cost_server(struct opt *o, struct plan_node *scan, const struct server_rows *r)
{
	const struct cost_params *c = &o->options->cost;
	struct plan_scan *s = &o->plan->scan;
	double rows = rows_sent(o, r);
	double sent = questions(o->plan, rows) * c->network_round_trip_cost +
	    rows * r->bytes * c->network_byte_cost;

	scan->est_rows = rows;
	s->groups_cost = s->rows_cost = 0;
	s->handed.groups = false;
	if (s->may_group && !opt_whole_traces(o->plan)) {
		s->groups_cost = groups_cost(o, r->found);
		s->rows_cost = sent + rows * r->tuples * c->cpu_tuple_cost;
		s->handed.groups = s->groups_cost <= s->rows_cost * SERVER_GROUPS_RISK + SERVER_GROUPS_SMALL;
	} else if (s->may_group) {
		s->handed.groups = true;	/* it decides: it may have no way to */
	}
	choose_levels(o, r->found);
	if (s->groups_cost != 0 && s->handed.groups)
		sent = s->handed.by_trace ? s->by_trace_cost : s->groups_cost;
	scan->est_cost = read_cost(o) + sent;
}
