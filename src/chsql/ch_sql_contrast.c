/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_contrast: the statement of ch_sql_contrast.h. Columns of both parts: which it is (0 attributes of
 * spans, 1 of events, 2 spans), key, value, service, name, kind, status, keys and values of the resource;
 * how many of the selection, of the others, in doubt.
 *
 * A value counts once for a span, so those of its events come as different pairs. A map may have a key
 * twice, of which only the first one counts: that is in doubt, as values are that conditions doubt.
 */
#include "chsql/ch_sql_contrast.h"

#include "ch_sql_i.h"
#include "model/contrast_column.h"
#include "rowbinary/ch_rows.h"

/* One more tells that a field has too many. */
#define VALUES_MOST (CONTRAST_MOST_VALUES + 1)

/* Does the selection have the span? */
static void
selected(struct writer *w, const struct pred *selection)
{
	W(w, "toUInt8(");
	if (selection->kind != PRED_TRUE && cond_empty(w, selection, false)) {
		w->exact = false;
		W(w, "1");
	} else {
		cond_write(w, selection, false);
	}
	W(w, ") AS spanfs_c");
}

static void
from_table(struct writer *w, const struct ch_select *q)
{
	W(w, " FROM ");
	w_table(w, q->schema->table);
	where_write(w, q);
}

/* ---- values ---- */

/* Of a span: pairs of its events, and whether a map has a key twice. */
static void
events(struct writer *w)
{
	W(w, "arrayDistinct(arrayFlatten(arrayMap(spanfs_m -> arrayMap((spanfs_x, spanfs_y) -> tuple(spanfs_x, spanfs_y), "
	    "mapKeys(spanfs_m), mapValues(spanfs_m)), ");
	w_column(w, CHC_EVENT_ATTRS);
	W(w, "))) AS spanfs_e, ");
}

static void
both(struct writer *w, bool keys, bool with_events)
{
	if (with_events)
		W(w, "arrayConcat(");
	if (keys)
		W(w, "mapKeys(");
	else
		W(w, "mapValues(");
	w_column(w, CHC_ATTRS);
	W(w, ")");
	if (with_events && keys)
		W(w, ", arrayMap(spanfs_p -> spanfs_p.1, spanfs_e))");
	else if (with_events)
		W(w, ", arrayMap(spanfs_p -> spanfs_p.2, spanfs_e))");
	if (keys)
		W(w, " AS spanfs_ks, ");
	else
		W(w, " AS spanfs_vs, ");
}

static void
twice(struct writer *w, bool with_events)
{
	W(w, "arrayUniq(mapKeys(");
	w_column(w, CHC_ATTRS);
	W(w, ")) != spanfs_n");
	if (with_events) {
		W(w, " OR arrayExists(spanfs_m -> arrayUniq(mapKeys(spanfs_m)) != length(mapKeys(spanfs_m)), ");
		w_column(w, CHC_EVENT_ATTRS);
		W(w, ")");
	}
	W(w, " AS spanfs_u, ");
}

static void
values(struct writer *w, const struct ch_select *q, const struct pred *selection)
{
	bool with_events = w_have(w, CHC_EVENT_ATTRS);

	W(w, "SELECT toUInt8(spanfs_j > spanfs_n) AS spanfs_s, toString(spanfs_k) AS spanfs_key, "
	    "toString(spanfs_v) AS spanfs_value, '', '', '', '', emptyArrayString(), emptyArrayString(), "
	    "countIf(spanfs_c != 0), countIf(spanfs_c = 0), countIf(spanfs_u), toUInt8(1) AS " CH_END
	    " FROM (SELECT ");
	if (with_events)
		events(w);
	both(w, true, with_events);
	both(w, false, with_events);
	W(w, "length(mapKeys(");
	w_column(w, CHC_ATTRS);
	W(w, ")) AS spanfs_n, ");
	twice(w, with_events);
	selected(w, selection);
	from_table(w, q);
	W(w, ") ARRAY JOIN spanfs_ks AS spanfs_k, spanfs_vs AS spanfs_v, arrayEnumerate(spanfs_ks) AS spanfs_j "
	    "GROUP BY spanfs_s, spanfs_key, spanfs_value LIMIT ");
	w_digits(w, VALUES_MOST);
	W(w, " BY spanfs_s, spanfs_key");
}

/* ---- spans ---- */

static void
text(struct writer *w, enum ch_span_column c, size_t i)
{
	if (w_have(w, c)) {
		W(w, "toString(");
		w_column(w, c);
		W(w, ")");
	} else {
		W(w, "''");
	}
	W(w, " AS ");
	alias(w, 't', i);
	W(w, ", ");
}

static void
resource(struct writer *w)
{
	W(w, "CAST(mapKeys(");
	w_column(w, CHC_RESOURCE);
	W(w, ") AS Array(String)) AS spanfs_rk, CAST(mapValues(");
	w_column(w, CHC_RESOURCE);
	W(w, ") AS Array(String)) AS spanfs_rv, ");
}

static void
doubt(struct writer *w, const struct ch_select *q, const struct pred *selection)
{
	bool any = false;

	doubts_add(w, q->filter, ", (", &any);
	doubts_add(w, selection, ", (", &any);
	if (!any)
		W(w, ", (0");
	W(w, ") AS spanfs_d");
}

static void
spans(struct writer *w, const struct ch_select *q, const struct pred *selection)
{
	static const enum ch_span_column texts[] = { CHC_SERVICE, CHC_NAME, CHC_KIND, CHC_STATUS };

	W(w, "SELECT toUInt8(2), '', '', spanfs_t0, spanfs_t1, spanfs_t2, spanfs_t3, spanfs_rk, spanfs_rv, "
	    "countIf(spanfs_c != 0), countIf(spanfs_c = 0), countIf(spanfs_d), toUInt8(1) FROM (SELECT ");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		text(w, texts[i], i);
	resource(w);
	selected(w, selection);
	doubt(w, q, selection);
	from_table(w, q);
	W(w, ") GROUP BY spanfs_t0, spanfs_t1, spanfs_t2, spanfs_t3, spanfs_rk, spanfs_rv");
}

int
ch_sql_contrast(const struct ch_select *q, const struct pred *selection, struct arena *a,
    struct ch_sql *out, struct err *e)
{
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = a, .s = q->schema, .hex = q->hex,
		.exact = true, .doubts = true };
	struct ch_select asked = *q;
	int rc;

	memset(out, 0, sizeof *out);
	out->doubts = true;
	if (q->hex || q->schema->json || !w_have(&w, CHC_ATTRS) || !w_have(&w, CHC_RESOURCE)) {
		w.exact = false;
	} else {
		asked.ids = true;
		values(&w, &asked, selection);
		W(&w, " UNION ALL ");
		spans(&w, &asked, selection);
	}
	rc = w_finish(&w, out, e);
	return rc < 0 || out->exact ? rc : err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse can't compare these spans exactly");
}
