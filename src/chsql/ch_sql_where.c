/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_where: which rows: a range, times and a filter, in one part or two. The conditions that the key
 * of the table serves (time, service, name) stand in PREWHERE, so that the wide columns are read of what
 * passes them only.
 */
#include "ch_sql_i.h"

/* Conditions of one clause: begun once there is one. */
struct clause {
	struct writer *w;
	bool prewhere, begun;
	bool inner;		/* no clause: in brackets that are there */
};

static void
also(struct clause *c)
{
	if (c->begun)
		W(c->w, " AND ");
	else if (c->inner)
		;
	else if (c->prewhere)
		W(c->w, " PREWHERE ");
	else
		W(c->w, " WHERE ");
	c->begun = true;
}

/* Does the key of a table serve the leaf? */
static bool
by_key(const struct writer *w, const struct pred *p)
{
	enum ch_span_column c;

	if (p->kind != PRED_LEAF || p->field.scope != FIELD_INTRINSIC || (p->op != OP_EQ && p->op != OP_IN) ||
	    leaf_how(w, p) != LEAF_EXACT)
		return false;
	if (p->field.intrinsic == IN_SERVICE)
		c = CHC_SERVICE;
	else if (p->field.intrinsic == IN_NAME)
		c = CHC_NAME;
	else
		return false;
	for (size_t i = 0; i < w->s->n_key; i++)
		if (w->s->key[i] == c)
			return true;
	return false;
}

/* Timestamps are of 64 signed bits; a bound past them is none, or leaves nothing. */
static void
range_write(struct clause *c, struct time_range r)
{
	struct writer *w = c->w;

	if (r.from > 0) {
		also(c);
		w_column(w, CHC_TIMESTAMP);
		if (r.from > INT64_MAX)
			W(w, " > fromUnixTimestamp64Nano(");
		else
			W(w, " >= fromUnixTimestamp64Nano(");
		w_i64(w, r.from > INT64_MAX ? INT64_MAX : (int64_t)r.from);
		W(w, ")");
	}
	if (r.to <= INT64_MAX) {
		also(c);
		w_column(w, CHC_TIMESTAMP);
		W(w, " < fromUnixTimestamp64Nano(");
		w_i64(w, (int64_t)r.to);
		W(w, ")");
	}
}

static int64_t
second_ns(uint64_t s)
{
	return s > INT64_MAX / 1000000000 ? INT64_MAX : (int64_t)s * 1000000000;
}

/*
 * Whole seconds of 32 bits: the last one to its end, and what lies past all of them. As what a
 * Timestamp is: servers were seen to find nothing before a DateTime by the key.
 */
void
seconds_write(struct writer *w, uint64_t first_s, uint64_t last_s)
{
	W(w, "(");
	w_column(w, CHC_TIMESTAMP);
	W(w, " >= fromUnixTimestamp64Nano(");
	w_i64(w, second_ns(first_s));
	W(w, ") AND ");
	w_column(w, CHC_TIMESTAMP);
	W(w, " < fromUnixTimestamp64Nano(");
	w_i64(w, second_ns(last_s + 1));
	W(w, ") OR ");
	w_column(w, CHC_TIMESTAMP);
	W(w, " >= fromUnixTimestamp64Nano(");
	w_i64(w, second_ns(UINT32_MAX));
	W(w, "))");
}

static void
times_write(struct clause *c, const struct ch_select *q)
{
	if (!q->has_times)
		return;
	also(c);
	seconds_write(c->w, q->first_s, q->last_s);
}

/* Those at the top of the filter that are, or are not, by the key. */
static void
filter_write(struct clause *c, const struct pred *filter, bool key, bool all)
{
	const struct pred *const *kids = filter->kind == PRED_AND ? filter->kids : &filter;
	size_t n = filter->kind == PRED_AND ? filter->n_kids : 1;

	for (size_t i = 0; i < n; i++) {
		if (kids[i]->kind == PRED_TRUE || (!all && by_key(c->w, kids[i]) != key))
			continue;
		if (cond_empty(c->w, kids[i], false)) {
			c->w->exact = false;
			continue;
		}
		also(c);
		cond_write(c->w, kids[i], false);
	}
}

/* The filter holds, but not by the spans' own attributes alone; `apart`: whether it does or not. */
static void
others_write(struct clause *c, const struct pred *filter, bool apart)
{
	struct clause own = { .w = c->w, .inner = true };

	also(c);
	split_guard(c->w, filter);
	if (apart)
		return;
	W(c->w, " AND NOT (");
	c->w->span_only = true;
	filter_write(&own, filter, false, true);
	c->w->span_only = false;
	W(c->w, ")");
}

bool
every_span(const struct ch_select *q)
{
	return q->filter->kind == PRED_TRUE && q->range.from == 0 && q->range.to > INT64_MAX && !q->has_times;
}

void
ids_write(struct writer *w)
{
	w_column(w, CHC_TRACE_ID);
	W(w, " NOT IN ('', '00000000000000000000000000000000') AND ");
	w_column(w, CHC_SPAN_ID);
	W(w, " NOT IN ('', '0000000000000000')");
}

/* Is the order whole? Otherwise who asks looks himself. */
static bool
whole_order(const struct ch_select *q)
{
	return first_alone(q) && (q->first == CH_TIES || q->first == CH_BY_IDS);
}

enum part { PART_ALL, PART_OWN, PART_OTHERS };

/* Once something is in PREWHERE, all is: what is in WHERE then finds the wide columns read. */
static void
part_write(struct writer *w, const struct ch_select *q, enum part part)
{
	bool key = q->schema->prewhere, apart = part != PART_ALL && split_apart(w, q);
	struct clause c = { .w = w, .prewhere = key };

	range_write(&c, q->range);
	times_write(&c, q);
	if (key)
		filter_write(&c, q->filter, true, false);
	/* Of nothing else a server sees itself what is to be looked at first. */
	c.prewhere = c.begun;
	if (part == PART_OTHERS)
		others_write(&c, q->filter, apart);
	filter_write(&c, q->filter, false, !key);
	if (part == PART_OWN && apart) {
		also(&c);
		split_guard_not(w, q->filter);
	}
	if (q->ids || whole_order(q)) {
		also(&c);
		ids_write(w);
	}
	if (first_alone(q) && q->there) {
		also(&c);
		W(w, "(");
		attr_there(w, &q->sort[0].field);
		W(w, ")");
	}
	if (part == PART_ALL && w->rows != ROWS_ALL) {
		also(&c);
		sort_rows_write(w, q);
	}
}

void
where_write(struct writer *w, const struct ch_select *q)
{
	part_write(w, q, PART_ALL);
}

void
parts_write(struct writer *w, const struct ch_select *q, void (*columns)(struct writer *, void *),
    void *arg)
{
	for (int others = 0; others < 2; others++) {
		if (others != 0)
			W(w, " UNION ALL SELECT ");
		else
			W(w, "(SELECT ");
		w->span_only = others == 0;
		columns(w, arg);
		W(w, " FROM ");
		w_table(w, q->schema->table);
		part_write(w, q, others != 0 ? PART_OTHERS : PART_OWN);
	}
	w->span_only = false;
	W(w, ")");
}

/* On a Distributed table each server asks itself, unless it is told what all of them have. */
void
traces_of(struct writer *w, const struct ch_select *q)
{
	if (q->schema->distributed)
		W(w, " GLOBAL");
	W(w, " IN (SELECT ");
	w_column(w, CHC_TRACE_ID);
	W(w, " FROM ");
	w_table(w, q->schema->table);
	where_write(w, q);
	W(w, ")");
}

void
traces_in(struct writer *w, const struct ch_select *q)
{
	w_column(w, CHC_TRACE_ID);
	traces_of(w, q);
}

void
traces_write(struct writer *w, const struct ch_select *q)
{
	W(w, " WHERE ");
	traces_in(w, q);
}
