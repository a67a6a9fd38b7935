/* SPDX-License-Identifier: ISC */
/* explain_remote: what EXPLAIN says of spans that a server has: what it does, reads, and sends. */
#include "explain_i.h"

static void
put_handed(struct buf *b, const struct plan_handed *h)
{
	const struct {
		bool on;
		const char *what;
	} parts[] = { { h->filter, "the filter" }, { h->page, "the page" }, { h->groups, "counts and groups" } };
	bool first = true;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].on) {
			buf_printf(b, "%s%s", first ? "" : ", ", parts[i].what);
			first = false;
		}
	buf_str(b, first ? "nothing\n" : "\n");
}

/* Either way the groups are the same. */
static void
put_levels(struct buf *b, const struct plan_scan *s)
{
	if (!s->handed.groups || !s->may_by_trace)
		return;
	buf_printf(b, "levels   %s", s->handed.by_trace ? "two, by way of traces: cost " : "one: cost ");
	explain_number(b, s->handed.by_trace ? s->by_trace_cost : s->groups_cost);
	buf_str(b, s->handed.by_trace ? ", of one cost " : ", of two by way of traces cost ");
	explain_number(b, s->handed.by_trace ? s->groups_cost : s->by_trace_cost);
	BUF_LIT(b, "\n");
}

void
explain_remote(struct buf *b, const struct plan_scan *s, const struct stats_server *st)
{
	buf_printf(b, "access   rows of %s\nhanded   ", s->server);
	put_handed(b, &s->handed);
	if (s->may_group && s->rows_cost > 0) {
		buf_printf(b, "made     %s: there cost ", s->handed.groups ? "there" : "here");
		explain_number(b, s->groups_cost);
		BUF_LIT(b, ", here of rows cost ");
		explain_number(b, s->rows_cost);
		BUF_LIT(b, "\n");
	}
	put_levels(b, s);
	if (st == NULL || (!st->has_read && !st->has_rows))
		return;
	if (st->has_read)
		buf_printf(b, "reads    there about %.0f spans in %.0f marks of %.0f parts", st->read_rows,
		    st->read_marks, st->read_parts);
	else
		BUF_LIT(b, "reads    there: it doesn't say how much");
	if (st->has_rows)
		buf_printf(b, "; its table has %.0f spans", st->n_rows);
	if (st->has_bytes)
		buf_printf(b, ", %.0f bytes on disk", st->n_bytes);
	BUF_LIT(b, "\n");
}

void
explain_remote_json(struct buf *b, const struct plan_scan *s, const struct stats_server *st)
{
	if (s->server == NULL)
		return;
	buf_printf(b, ",\"handed\":{\"filter\":%s,\"page\":%s,\"groups\":%s}",
	    s->handed.filter ? "true" : "false", s->handed.page ? "true" : "false",
	    s->handed.groups ? "true" : "false");
	if (s->may_group && s->rows_cost > 0)
		buf_printf(b, ",\"groups_cost\":{\"there\":%.2f,\"here\":%.2f}", s->groups_cost, s->rows_cost);
	if (s->may_by_trace && s->handed.groups)
		buf_printf(b, ",\"levels\":%d,\"levels_cost\":{\"one\":%.2f,\"two\":%.2f}",
		    s->handed.by_trace ? 2 : 1, s->groups_cost, s->by_trace_cost);
	if (st != NULL && st->has_read)
		buf_printf(b, ",\"server_reads\":{\"spans\":%.0f,\"marks\":%.0f,\"parts\":%.0f}",
		    st->read_rows, st->read_marks, st->read_parts);
	if (st != NULL && st->has_rows)
		explain_u64(b, "server_spans", (uint64_t)st->n_rows);
	if (st != NULL && st->has_bytes)
		explain_u64(b, "server_bytes", (uint64_t)st->n_bytes);
}
