/* SPDX-License-Identifier: ISC */
/* ch_sql: whole statements, see chsql/ch_sql.h. */
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

/* Of parts the order has only what comes of them, and attributes' columns come as they are asked for. */
static bool
orders_by_attrs(const struct ch_select *q)
{
	for (size_t i = 0; i < q->n_sort; i++)
		if (q->sort[i].field.scope != FIELD_INTRINSIC && q->sort[i].field.scope != FIELD_SCOPE)
			return true;
	return false;
}

/* Up to WHERE, or all but the order. */
static void
select_write(struct writer *w, const struct ch_select *q, struct ch_sql *out)
{
	struct selecting x = { q, out };
	bool split = !q->whole_traces && !orders_by_attrs(q) && split_can(w, q->filter);

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
			sort_rows_write(w, q);
		}
		return;
	}
	w_table(w, q->schema->table);
	if (!q->whole_traces)
		where_write(w, q);
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
