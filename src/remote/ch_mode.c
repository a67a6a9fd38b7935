/* SPDX-License-Identifier: ISC */
/* ch_mode: how a plan's rows are asked for, see ch_source.c. */
#include "ch_source_i.h"

static const struct pred everything = { .kind = PRED_TRUE };

/* Nothing of the filter is left to be tested, if the server can be told all of it. */
static bool
filter_handed(const struct plan *p)
{
	return p->scan.handed.filter || p->filter.pred->kind == PRED_TRUE;
}

bool
ch_may_group(const struct source *s)
{
	return s->plan->scan.handed.groups && filter_handed(s->plan);
}

/* The server can sort by them as spans are sorted. */
static bool
sorts_alike(const struct plan *p, struct ch_select *q)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (!ch_sql_sorts(q->schema, &p->order.keys[i].field))
			return false;
	q->sort = p->order.keys;
	q->n_sort = p->order.n_keys;
	return true;
}

/* Rows that are all that a limit leaves: then the filter must be exact, which q then says. */
static int
takes_first(const struct source *s, struct ch_select *q, bool *yes, struct err *e)
{
	const struct plan *p = s->plan;
	struct ch_sql sql;
	struct arena a;
	int rc;

	*yes = false;
	if (!p->scan.handed.page || !filter_handed(p) || p->page.limit == UINT64_MAX ||
	    p->output != ROW_SPAN || plan_asks_traces(p) ||
	    __builtin_add_overflow(p->page.limit, p->page.offset, &q->limit) || !sorts_alike(p, q)) {
		q->limit = UINT64_MAX;
		return 0;
	}
	arena_init(&a);
	q->newest = true;
	if ((rc = ch_sql_select(q, &a, &sql, e)) == 0)
		*yes = sql.limited;
	arena_release(&a);
	if (!*yes) {
		q->limit = UINT64_MAX;
		q->newest = false;
		q->n_sort = 0;
	}
	return rc;
}

/* One key is enough that hardly two rows share. Durations past 63 bits are none, and come last from the wrong end. */
static bool
one_key_tells(const struct ch_select *q)
{
	const struct sort_key *k = q->sort;

	return k->field.scope == FIELD_INTRINSIC && (k->field.intrinsic == IN_START ||
	    (k->field.intrinsic == IN_DURATION && (k->desc || q->schema->signed_duration)));
}

/* Of an attribute indexes know where it is. */
static void
choose_first(struct ch_select *q)
{
	if (q->limit == 0 || q->limit > CH_SPARE_MOST)
		q->first = CH_TIES;
	else if (q->n_sort == 0)
		q->first = CH_BY_IDS;
	else
		q->first = one_key_tells(q) ? CH_BY_KEY : CH_BY_TIME;
	q->there = q->first == CH_BY_TIME && q->sort[0].field.scope != FIELD_INTRINSIC &&
	    q->sort[0].field.scope != FIELD_SCOPE;
}

static int
choose_mode(const struct source *s, struct ch_state *st, struct err *e)
{
	const struct plan *p = s->plan;
	bool first;
	int rc = takes_first(s, &st->q, &first, e);

	if (first)
		choose_first(&st->q);
	/* By time the newest windows have them, and the others need not be read. */
	if (first)
		st->mode = st->q.n_sort == 0 && !ch_sql_names_traces(st->q.filter) ? MODE_WINDOWS : MODE_FIRST;
	else if (plan_asks_traces(p))
		st->mode = MODE_TRACES;
	/* Few rows, which indexes find: in windows they would be looked for again and again. */
	else if (ch_sql_names_traces(st->q.filter))
		st->mode = MODE_ALL;
	else if (p->output == ROW_SPAN && p->order.n_keys == 0)
		st->mode = MODE_WINDOWS;
	else
		st->mode = MODE_ALL;
	st->q.whole_traces = st->mode == MODE_TRACES;
	return rc;
}

/* What is to come: of spans of the own part of a filter less may do. */
static void
ask_for(const struct source *s, struct ch_state *st)
{
	struct ch_need own;

	ch_need_of(s, !st->told, false, &st->need);
	ch_need_of(s, !st->told, true, &own);
	st->q.columns = st->need.columns;
	st->q.own_columns = own.columns;
	st->q.told = st->told;
	st->q.keys = st->need.own.v;
	st->q.n_keys = st->need.own.all ? 0 : st->need.own.n;
	st->q.resource_keys = st->need.resource.v;
	st->q.n_resource_keys = st->need.resource.all ? 0 : st->need.resource.n;
}

int
ch_state_tell(const struct source *s, struct ch_state *st, struct err *e)
{
	struct ch_sql sql;
	struct arena a;
	int rc;

	/* Of whole traces others come, too. */
	st->told = false;
	ask_for(s, st);
	if (st->mode == MODE_TRACES)
		return 0;
	arena_init(&a);
	rc = ch_sql_select(&st->q, &a, &sql, e);
	arena_release(&a);
	if (rc < 0)
		return rc;
	st->told = sql.exact && filter_handed(s->plan);
	if (st->told)
		ask_for(s, st);
	return 0;
}

int
ch_state_begin(const struct source *s, struct ch_state *st, struct ch_layout *l, struct err *e)
{
	st->server = server_of(s);
	st->layout = l;
	st->q = (struct ch_select){ .schema = l->schema,
		.filter = s->plan->scan.handed.filter ? s->plan->filter.pred : &everything,
		.by_trace = s->plan->scan.handed.by_trace, .range = s->plan->filter.range,
		.limit = UINT64_MAX };
	int rc = choose_mode(s, st, e);

	return rc < 0 ? rc : ch_state_tell(s, st, e);
}
