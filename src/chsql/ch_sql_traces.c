/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_traces: groups of whole traces, on two levels: of each trace that has a span which the filter
 * lets through what is its own, of all its spans; and these are grouped. The root leads, of several the
 * one that starts first, then the lower span id, the lesser name and service; without one the span that
 * would be it. A trace is as long as from its first start until the last of its spans is over.
 */
#include "ch_sql_i.h"

static void
start(struct writer *w)
{
	W(w, "toUInt64(greatest(toUnixTimestamp64Nano(");
	start_write(w);
	W(w, "), 0))");
}

bool
trace_own(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_SERVICE || f->intrinsic == IN_NAME ||
	    f->intrinsic == IN_START || f->intrinsic == IN_DURATION);
}

void
trace_own_write(struct writer *w, enum intrinsic i)
{
	if (i == IN_SERVICE)
		W(w, "spanfs_ts");
	else if (i == IN_NAME)
		W(w, "spanfs_tn");
	else if (i == IN_START)
		W(w, "spanfs_tb");
	else
		W(w, "spanfs_td");
}

/*
 * The span that leads, as one text that orders as leads do: whether it has a parent, its start, id, name
 * and service. A text is the least of all much sooner than a tuple is.
 */
static void
lead(struct writer *w)
{
	W(w, "min(concat(reverse(reinterpretAsFixedString(bitOr(");
	start(w);
	W(w, ", bitShiftLeft(toUInt64(");
	w_column(w, CHC_PARENT_SPAN_ID);
	W(w, " NOT IN ('', '0000000000000000')), 63)))), ");
	w_column(w, CHC_SPAN_ID);
	W(w, ", ");
	w_column(w, CHC_NAME);
	W(w, ", '\\0', ");
	w_column(w, CHC_SERVICE);
	W(w, "))");
}

/* Out of it: 8 bytes, 16 of the id, the name, a zero, the service. */
static void
unpack(struct writer *w)
{
	W(w, "substring(spanfs_r, position(spanfs_r, '\\0', 25) + 1) AS spanfs_ts, "
	    "substring(spanfs_r, 25, position(spanfs_r, '\\0', 25) - 25) AS spanfs_tn, "
	    "bitAnd(reinterpretAsUInt64(reverse(substring(spanfs_r, 1, 8))), 9223372036854775807) AS spanfs_tb");
}

/* Which of two texts that are repaired leads is not known over there; nor what can't be unpacked. */
static void
doubt(struct writer *w)
{
	W(w, "countIf(NOT isValidUTF8(");
	w_column(w, CHC_NAME);
	W(w, ") OR NOT isValidUTF8(");
	w_column(w, CHC_SERVICE);
	W(w, ") OR position(");
	w_column(w, CHC_NAME);
	W(w, ", '\\0') != 0 OR length(");
	w_column(w, CHC_SPAN_ID);
	W(w, ") != 16)");
}

void
trace_rows_write(struct writer *w, const struct ch_select *q)
{
	W(w, "(SELECT ");
	unpack(w);
	W(w, ", toUInt64(spanfs_l - spanfs_f) AS spanfs_td, spanfs_te, spanfs_d FROM (SELECT ");
	lead(w);
	W(w, " AS spanfs_r, min(");
	start(w);
	W(w, ") AS spanfs_f, max(");
	start(w);
	W(w, " + toUInt64(greatest(toInt64(");
	w_column(w, CHC_DURATION);
	W(w, "), 0))) AS spanfs_l, ");
	errors_write(w);
	W(w, " AS spanfs_te, ");
	doubt(w);
	W(w, " AS spanfs_d FROM ");
	w_table(w, q->schema->table);
	if (!every_span(q))
		traces_write(w, q);
	W(w, " GROUP BY ");
	w_column(w, CHC_TRACE_ID);
	W(w, "))");
}
