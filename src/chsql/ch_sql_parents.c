/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_parents: groups that ask for fields of parents. Spans are joined with the spans that bear
 * their parents' ids, of any time, each with no more than what is asked for:
 *
 *   FROM table ALL LEFT JOIN (SELECT TraceId AS spanfs_rt, SpanId AS spanfs_rs, 1 AS spanfs_p, ...
 *   FROM table WHERE TraceId IN (SELECT TraceId ... the spans) AND its ids are some) AS spanfs_r
 *   ON TraceId = spanfs_rt AND ParentSpanId = spanfs_rs
 *
 * Of all spans the traces need not be looked for. Of a small range the table of times is asked before
 * when its traces were (ch_sql_parents_times); it is believed, if it has as many of them as there are.
 * A profile may have another strictness, and null in place of empty columns where there is no parent:
 * so both are said.
 *
 * Every span that bears the id is a parent, and a span counts once in each group all the same; the join
 * has it once for each of them. So behind the groups stands how many spans there are, counted by
 * themselves: if the groups have more between them, an id is borne twice, and the rows are asked for.
 * (So they are if spans come between the one count and the other. Should as many go in that moment as
 * are doubled, nothing tells.) A span may be its own parent. What lies in a trace of zeros, or has no id,
 * is none; a row without ids is no span, and in doubt; a parent's value in doubt makes its spans so.
 */
#include "chsql/ch_sql_groups.h"

#include "ch_sql_i.h"
#include "rowbinary/ch_rows.h"

bool
parents_asked(const struct grouping *g, const struct agg_given_want *want)
{
	for (size_t i = 0; i < g->n_keys; i++)
		if (is_parents(&g->keys[i]))
			return true;
	for (size_t i = 0; i < want->n_fields; i++)
		if (is_parents(want->fields[i].field))
			return true;
	return false;
}

static void
table_begin(struct writer *w, const struct ch_select *q, const struct grouping *g, const struct agg_given_want *want)
{
	bool any = false;

	W(w, "(SELECT ");
	w_column(w, CHC_TRACE_ID);
	W(w, " AS spanfs_rt, ");
	w_column(w, CHC_SPAN_ID);
	W(w, " AS spanfs_rs, toUInt8(1) AS spanfs_p, ");
	parents_keys(w, g);
	figures_columns(w, q, want, OF_PARENTS);
	figures_doubts(w, q, want, OF_PARENTS, "(", &any);
	if (any)
		W(w, ")");
	else
		W(w, "toUInt8(0)");
	W(w, " AS spanfs_pd FROM ");
}

void
parents_join(struct writer *w, const struct ch_select *q, const struct grouping *g, const struct agg_given_want *want)
{
	bool own = w->own, prewhere = q->schema->prewhere && !every_span(q);

	if (q->schema->distributed)
		W(w, " GLOBAL");
	W(w, " ALL LEFT JOIN ");
	/* A parent's resource may have what none of the range has. */
	w->own = false;
	table_begin(w, q, g, want);
	w->own = own;
	w_table(w, q->schema->table);
	if (!every_span(q)) {
		if (prewhere)
			W(w, " PREWHERE ");
		else
			W(w, " WHERE ");
		if (q->has_parents_times) {
			seconds_write(w, q->parents_first_s, q->parents_last_s);
			W(w, " AND ");
		}
		traces_in(w, q);
		if (prewhere)
			W(w, " WHERE ");
		else
			W(w, " AND ");
	} else {
		W(w, " WHERE ");
	}
	ids_write(w);
	W(w, ") AS spanfs_r ON ");
	w_column(w, CHC_TRACE_ID);
	W(w, " = spanfs_rt AND ");
	w_column(w, CHC_PARENT_SPAN_ID);
	W(w, " = spanfs_rs");
}

void
parents_doubt(struct writer *w, const char *before, bool *any)
{
	doubt_begin(w, before, any);
	W(w, "spanfs_pd != 0");
}

void
ids_doubt(struct writer *w, const char *before, bool *any)
{
	doubt_begin(w, before, any);
	W(w, "NOT (");
	ids_write(w);
	/* As rows ids of other forms are an error; as texts they would have no parent. */
	W(w, " AND length(");
	w_column(w, CHC_TRACE_ID);
	W(w, ") = 32 AND length(");
	w_column(w, CHC_PARENT_SPAN_ID);
	W(w, ") IN (0, 16) AND lower(");
	w_column(w, CHC_PARENT_SPAN_ID);
	W(w, ") = ");
	w_column(w, CHC_PARENT_SPAN_ID);
	W(w, ")");
}

void
parents_all(struct writer *w, const struct ch_select *q)
{
	W(w, ", toUInt64(ifNull((SELECT count() FROM ");
	w_table(w, q->schema->table);
	where_write(w, q);
	W(w, "), 0)) AS spanfs_all");
}

int
ch_sql_parents_times(const struct ch_select *q, struct arena *a, struct ch_sql *out, struct err *e)
{
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = a, .s = q->schema, .hex = q->hex, .exact = true,
		.doubts = true };

	memset(out, 0, sizeof *out);
	if (q->hex || q->schema->trace_ts.name.n == 0 || every_span(q))
		return err_set(e, ERR_UNSUPPORTED, -1, "no traces to look for, or no table of their times");
	W(&w, "SELECT toUInt64(toUnixTimestamp(min(Start))), toUInt64(toUnixTimestamp(max(End))), uniqExact(TraceId), "
	    "toUInt64(ifNull((SELECT uniqExact(");
	w_column(&w, CHC_TRACE_ID);
	W(&w, ") FROM ");
	w_table(&w, q->schema->table);
	where_write(&w, q);
	W(&w, "), 0)), toUInt8(1) AS " CH_END " FROM ");
	w_table(&w, q->schema->trace_ts);
	W(&w, " WHERE TraceId");
	traces_of(&w, q);
	return w_finish(&w, out, e);
}
