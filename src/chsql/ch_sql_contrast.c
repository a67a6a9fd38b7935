/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_contrast: the statement of ch_sql_contrast.h, which reads its spans once. Columns: an item, of how
 * many spans of the selection, of how many others; how many are in doubt.
 *
 * An item is 4 bytes, LE, the upper 4 bits of which are an enum ch_item and the others how long the key
 * is; the key; the value. Of CH_ITEM_SPANS the value is a row of RowBinary: service, kind, status, keys
 * and values of the resource.
 *
 *   spans alike in resource, service, kind, status and side: how many, and of items of all else, each by a
 *   map with a count of each    -> items, added up    -> of each attribute so many that it has too many
 *
 * What spans are alike in so is read of each, and handed on for each sort of them: a resource is wide.
 * A value counts once for a span, so those of its events are made different. A map may have a key twice,
 * of which only the first one counts: that is in doubt, as values are that conditions doubt.
 */
#include "chsql/ch_sql_contrast.h"

#include "ch_sql_i.h"
#include "model/contrast_column.h"
#include "rowbinary/ch_rows.h"

_Static_assert(CH_ITEM_NAME == 2 && CH_ITEM_SPANS == 3 && CH_ITEM_BITS == 28, "as the numbers below have it");

/* One more tells that an attribute has too many; and of texts two are one value, 0 and -0. */
#define VALUES_MOST (CONTRAST_MOST_VALUES + 2)

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

/* ---- of spans that are alike ---- */

/* Items of the keys and values of two arrays. */
static void
items(struct writer *w, enum ch_item kind)
{
	W(w, "(spanfs_x, spanfs_y) -> concat(reinterpretAsFixedString(toUInt32(length(spanfs_x)");
	if (kind != 0)
		buf_printf(&w->b, " + %u", (unsigned)kind << CH_ITEM_BITS);
	W(w, ")), spanfs_x, spanfs_y)");
}

/* How often each of the array that was begun is there. */
static void
counted(struct writer *w, char array)
{
	buf_printf(&w->b, " AS spanfs_l%c, arrayResize(emptyArrayUInt8(), length(spanfs_l%c))), "
	    "'Map(String, UInt8)')) AS spanfs_v%c, ", array, array, array);
}

static void
values(struct writer *w)
{
	W(w, "countMap(CAST((arrayMap(");
	items(w, CH_ITEM_SPAN);
	W(w, ", mapKeys(");
	w_column(w, CHC_ATTRS);
	W(w, "), mapValues(");
	w_column(w, CHC_ATTRS);
	W(w, "))");
	counted(w, 'a');
	if (!w_have(w, CHC_EVENT_ATTRS))
		return;
	W(w, "countMap(CAST((arrayDistinct(arrayFlatten(arrayMap(spanfs_m -> arrayMap(");
	items(w, CH_ITEM_EVENT);
	W(w, ", mapKeys(spanfs_m), mapValues(spanfs_m)), ");
	w_column(w, CHC_EVENT_ATTRS);
	W(w, ")))");
	counted(w, 'e');
}

static void
twice(struct writer *w)
{
	W(w, "arrayUniq(mapKeys(");
	w_column(w, CHC_ATTRS);
	W(w, ")) != length(mapKeys(");
	w_column(w, CHC_ATTRS);
	W(w, "))");
	if (w_have(w, CHC_EVENT_ATTRS)) {
		W(w, " OR arrayExists(spanfs_m -> arrayUniq(mapKeys(spanfs_m)) != length(mapKeys(spanfs_m)), ");
		w_column(w, CHC_EVENT_ATTRS);
		W(w, ")");
	}
}

static void
text(struct writer *w, enum ch_span_column c)
{
	if (w_have(w, c))
		w_column(w, c);
	else
		W(w, "''");
}

static void
alike(struct writer *w, const struct ch_select *q, const struct pred *selection)
{
	static const enum ch_span_column texts[] = { CHC_SERVICE, CHC_KIND, CHC_STATUS };
	bool any = true;

	W(w, "SELECT ");
	w_column(w, CHC_RESOURCE);
	W(w, " AS spanfs_r, ");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		text(w, texts[i]);
		W(w, " AS ");
		alias(w, 't', i);
		W(w, ", ");
	}
	selected(w, selection);
	W(w, ", count() AS spanfs_n, countIf(");
	twice(w);
	doubts_add(w, q->filter, "", &any);
	doubts_add(w, selection, "", &any);
	W(w, ") AS spanfs_d, ");
	values(w);
	W(w, "countMap(map(");
	text(w, CHC_NAME);
	W(w, ", toUInt8(0))) AS spanfs_vn");
	from_table(w, q);
	W(w, " GROUP BY spanfs_r, spanfs_t0, spanfs_t1, spanfs_t2, spanfs_c");
}

/* ---- of items ---- */

/* By attributes they are left out: by what an item begins with. */
static void
each(struct writer *w, const struct ch_select *q, const struct pred *selection)
{
	bool events = w_have(w, CHC_EVENT_ATTRS);

	W(w, "SELECT spanfs_x, sumIf(spanfs_i, spanfs_c != 0), sumIf(spanfs_i, spanfs_c = 0), sum(spanfs_d), "
	    "toUInt8(1) AS " CH_END " FROM (SELECT spanfs_c, spanfs_d, arrayConcat(mapKeys(spanfs_va), ");
	if (events)
		W(w, "mapKeys(spanfs_ve), ");
	W(w, "arrayMap(spanfs_y -> concat(unhex('00000020'), spanfs_y), mapKeys(spanfs_vn)), "
	    "[concat(unhex('00000030'), formatRow('RowBinary', toString(spanfs_t0), toString(spanfs_t1), toString(spanfs_t2), "
	    "CAST(mapKeys(spanfs_r) AS Array(String)), CAST(mapValues(spanfs_r) AS Array(String))))]) AS spanfs_xs, "
	    "arrayConcat(mapValues(spanfs_va), ");
	if (events)
		W(w, "mapValues(spanfs_ve), ");
	W(w, "mapValues(spanfs_vn), [spanfs_n]) AS spanfs_is FROM (");
	alike(w, q, selection);
	W(w, ")) ARRAY JOIN spanfs_xs AS spanfs_x, spanfs_is AS spanfs_i GROUP BY spanfs_x LIMIT ");
	w_digits(w, VALUES_MOST);
	W(w, " BY substring(spanfs_x, 1, multiIf(reinterpretAsUInt32(substring(spanfs_x, 1, 4)) >= 536870912, length(spanfs_x), "
	    "4 + bitAnd(reinterpretAsUInt32(substring(spanfs_x, 1, 4)), 268435455)))");
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
		each(&w, &asked, selection);
	}
	rc = w_finish(&w, out, e);
	return rc < 0 || out->exact ? rc : err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse can't compare these spans exactly");
}
