/* SPDX-License-Identifier: ISC */
/*
 * ch_sql: whole statements, see chsql/ch_sql.h. The conditions that the key of the table
 * serves (time, service, name) stand in PREWHERE, so that the wide columns are read of what
 * passes them only.
 */
#include "chsql/ch_sql.h"

#include "ch_sql_i.h"
#include "rowbinary/ch_rows.h"

/* ---- what comes ---- */

static bool
is_json(const struct ch_type *t)
{
	return t->kind == CH_JSON || (t->kind == CH_ARRAY && t->kids[0]->kind == CH_JSON);
}

/* Of a map what is asked for: a key that is there twice stays so, and the first counts. */
static bool
wanted_keys_write(struct writer *w, const struct ch_select *q, enum ch_span_column c)
{
	bool own = c == CHC_ATTRS;
	size_t n = own ? q->n_keys : c == CHC_RESOURCE ? q->n_resource_keys : 0;

	if (n == 0 || w->s->columns[c].type->kind != CH_MAP)
		return false;
	W(w, "mapFilter((spanfs_x, spanfs_y) -> spanfs_x IN ");
	w_texts(w, own ? q->keys : q->resource_keys, n);
	W(w, ", ");
	w_column(w, c);
	W(w, ")");
	return true;
}

static void
column_write(struct writer *w, const struct ch_select *q, enum ch_span_column c)
{
	const struct ch_type *t = w->s->columns[c].type;

	if (wanted_keys_write(w, q, c))
		return;
	if (!is_json(t)) {
		w_column(w, c);
	} else if (t->kind == CH_JSON) {
		W(w, "toJSONString(");
		w_column(w, c);
		W(w, ")");
	} else {
		W(w, "arrayMap(spanfs_m -> toJSONString(spanfs_m), ");
		w_column(w, c);
		W(w, ")");
	}
}

#define RESOURCE (UINT64_C(1) << CHC_RESOURCE)

struct selecting {
	const struct ch_select *q;
	struct ch_sql *out;
};

static void
columns_write(struct writer *w, void *arg)
{
	const struct ch_select *q = ((struct selecting *)arg)->q;
	struct ch_sql *out = ((struct selecting *)arg)->out;
	bool without = w->span_only && (split_apart(w, q) || (q->told && (q->own_columns & RESOURCE) == 0));

	out->n_columns = 0;
	for (unsigned c = 0; c < N_CHC; c++) {
		if ((q->columns >> c & 1) == 0 || !w_have(w, c))
			continue;
		if (out->n_columns != 0)
			W(w, ", ");
		if (without && c == CHC_RESOURCE)
			W(w, "CAST(([], []), 'Map(LowCardinality(String), String)')");
		else
			column_write(w, q, c);
		out->columns[out->n_columns++] = c;
	}
	if (out->n_columns == 0)
		W(w, "1");
}

static void
doubt_column(struct writer *w, void *arg)
{
	if (!doubts_write(w, ((struct selecting *)arg)->q->filter, "("))
		W(w, "0");
	W(w, " AS spanfs_d");
}

/* Of the rows of all those that are, or are not, in doubt. */
static void
rows_write(struct writer *w, const struct ch_select *q)
{
	if (w->rows == ROWS_SURE)
		W(w, "NOT ");
	(void)sort_doubts_write(w, q);
}

/* Up to WHERE, or all but the order. */
static void
select_write(struct writer *w, const struct ch_select *q, struct ch_sql *out)
{
	struct selecting x = { q, out };
	bool split = !q->whole_traces && split_can(w, q->filter);

	W(w, "SELECT ");
	if (q->count && split) {
		/* What is said of the parts is only said by whoever writes them. */
		W(w, "count(), countIf(spanfs_d)");
		out->doubts = true;
	} else if (q->count) {
		W(w, "count()");
		out->doubts = doubts_write(w, q->filter, ", countIf(");
	} else if (split) {
		W(w, "*");
	} else {
		columns_write(w, &x);
	}
	if (first_alone(q) && (q->first == CH_BY_TIME || q->first == CH_BY_IDS)) {
		size_t from = w->b.n;

		W(w, ", toUInt8");
		out->told_doubts = sort_doubts_write(w, q);
		if (out->told_doubts)
			W(w, " AS spanfs_doubt");
		else
			w->b.n = from;
	}
	W(w, ", toUInt8(1) AS " CH_END " FROM ");
	if (split) {
		parts_write(w, q, q->count ? doubt_column : columns_write, &x);
		if (w->rows != ROWS_ALL) {
			W(w, " WHERE ");
			rows_write(w, q);
		}
		return;
	}
	w_table(w, q->schema->table);
	if (!q->whole_traces)
		where_write(w, q);
}

/* ---- which rows ---- */

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

/* Such rows are no spans, and must not take the places of those that are. */
static void
ids_write(struct clause *c)
{
	also(c);
	w_column(c->w, CHC_TRACE_ID);
	W(c->w, " NOT IN ('', '00000000000000000000000000000000') AND ");
	w_column(c->w, CHC_SPAN_ID);
	W(c->w, " NOT IN ('', '0000000000000000')");
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
	if (q->ids || whole_order(q))
		ids_write(&c);
	if (first_alone(q) && q->there) {
		also(&c);
		W(w, "(");
		attr_there(w, &q->sort[0].field);
		W(w, ")");
	}
	if (part == PART_ALL && w->rows != ROWS_ALL) {
		also(&c);
		rows_write(w, q);
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

int
w_finish(struct writer *w, struct ch_sql *out, struct err *e)
{
	struct ch_param *params = arena_array(w->a, w->params.n + 1, struct ch_param);
	int rc = w->b.oom || w->oom || params == NULL ? err_nomem(e) : 0;

	if (rc == 0) {
		if (w->params.n != 0)
			memcpy(params, w->params.v, w->params.n * sizeof *params);
		out->params = params;
		out->n_params = w->params.n;
		out->exact = w->exact;
		out->text = arena_sv(w->a, buf_view(&w->b));
		if (out->text.p == NULL)
			rc = err_nomem(e);
	}
	buf_release(&w->b);
	vec_release(&w->params);
	return rc;
}

/* Can a key be in doubt of which rows are to be sorted with all that are equal? */
static bool
takes_doubtful(struct writer *w, const struct ch_select *q)
{
	size_t from = w->b.n, n_params = w->params.n;
	bool any = first_alone(q) && q->first == CH_TIES && sort_doubts_write(w, q);

	w->b.n = from;
	w->params.n = n_params;
	return any;
}

static int
rows_or_count(const struct ch_select *q, struct arena *a, struct ch_sql *out, struct err *e)
{
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = a, .s = q->schema, .hex = q->hex,
		.exact = true, .doubts = q->count };
	int rc;

	memset(out, 0, sizeof *out);
	w.rows = takes_doubtful(&w, q) ? ROWS_SURE : ROWS_ALL;
	select_write(&w, q, out);
	if (q->whole_traces) {
		traces_write(&w, q);
		W(&w, " ORDER BY ");
		w_column(&w, CHC_TRACE_ID);
	}
	rows_order_write(&w, q, out);
	/* Those may belong anywhere; so all of them come. */
	if (w.rows == ROWS_SURE) {
		w.rows = ROWS_DOUBTFUL;
		W(&w, " UNION ALL ");
		select_write(&w, q, out);
	}
	rc = w_finish(&w, out, e);
	if (rc == 0 && q->count && !out->exact)
		return err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse can't count what it can't test exactly");
	return rc;
}

int
ch_sql_select(const struct ch_select *q, struct arena *a, struct ch_sql *out, struct err *e)
{
	struct ch_select all = *q;
	bool sorts = true;
	int rc;

	for (size_t i = 0; i < q->n_sort; i++)
		sorts = sorts && ch_sql_sorts(q->schema, &q->sort[i].field);
	if (sorts && ((rc = rows_or_count(q, a, out, e)) != 0 || out->limited || q->n_sort == 0))
		return rc;
	/* Which are the first is not said there: all come, in whatever order. */
	all.n_sort = 0;
	all.newest = all.there = false;
	all.limit = UINT64_MAX;
	return rows_or_count(&all, a, out, e);
}

/* ---- the table from trace ids to times ---- */

static bool
names_traces(const struct pred *p)
{
	return p->kind == PRED_LEAF && p->field.scope == FIELD_INTRINSIC && p->field.intrinsic == IN_TRACE_ID &&
	    (p->op == OP_EQ || p->op == OP_IN);
}

const struct pred *
ch_sql_trace_leaf(const struct pred *filter)
{
	if (names_traces(filter))
		return filter;
	for (size_t i = 0; filter->kind == PRED_AND && i < filter->n_kids; i++)
		if (names_traces(filter->kids[i]))
			return filter->kids[i];
	return NULL;
}

bool
ch_sql_names_traces(const struct pred *filter)
{
	return ch_sql_trace_leaf(filter) != NULL;
}

int
ch_sql_trace_times(const struct ch_schema *s, const struct pred *filter, bool hex, struct arena *a,
    struct ch_sql *out, struct err *e)
{
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = a, .s = s, .hex = hex, .exact = true };
	const struct pred *leaf = ch_sql_trace_leaf(filter);

	memset(out, 0, sizeof *out);
	if (leaf == NULL || s->trace_ts.name.n == 0)
		return err_set(e, ERR_UNSUPPORTED, -1, "no traces, or no table of their times");
	W(&w, "SELECT toUInt64(toUnixTimestamp(min(Start))), toUInt64(toUnixTimestamp(max(End))), uniqExact(TraceId), "
	    "toUInt8(1) AS " CH_END " FROM ");
	w_table(&w, s->trace_ts);
	W(&w, " WHERE ");
	leaf_write(&w, leaf);
	return w_finish(&w, out, e);
}
