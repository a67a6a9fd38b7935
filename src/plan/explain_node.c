/* SPDX-License-Identifier: ISC */
/*
 * explain_node: what EXPLAIN says of each step: its lines in the file `plan`, its members of the
 * object in plan.json.
 */
#include "base/utf8.h"
#include "explain_i.h"
#include "node_i.h"

/* A field's name, which may hold anything: what a terminal must not get as \u{..}. */
static void
put_field(struct buf *b, const struct field *f)
{
	struct buf t = BUF_INIT;
	const char *p, *end;
	uint32_t cp;
	size_t n;

	field_print(&t, f);
	for (p = t.p, end = t.p + t.n; p < end; p += n) {
		n = utf8_decode(p, end, &cp);
		if (n == 0 || utf8_unprintable(cp)) {
			buf_printf(b, "\\u{%x}", n == 0 ? (unsigned)(uint8_t)*p : (unsigned)cp);
			n = n == 0 ? 1 : n;
		} else
			buf_put(b, p, n);
	}
	b->oom |= t.oom;
	buf_release(&t);
}

static void
put_range(struct buf *b, struct time_range r)
{
	if (r.from == 0 && r.to == WHEN_MAX) {
		BUF_LIT(b, "all of the store");
		return;
	}
	when_print(b, r.from);
	BUF_LIT(b, " to ");
	if (r.to == WHEN_MAX)
		BUF_LIT(b, "the end");
	else
		when_print(b, r.to);
}

static void
put_keys(struct buf *b, const struct plan *p)
{
	if (p->order.n_keys == 0)
		BUF_LIT(b, "newest first");
	for (size_t i = 0; i < p->order.n_keys; i++) {
		if (i != 0)
			BUF_LIT(b, ", ");
		put_field(b, &p->order.keys[i].field);
		if (p->order.keys[i].desc)
			BUF_LIT(b, " desc");
	}
}

static void
put_projection(struct buf *b, const struct plan *p)
{
	const struct projection *pr = &p->fetch.projection;
	bool first = true;
	const struct {
		bool on;
		const char *name;
	} parts[] = {
		{ pr->attrs, "attributes" }, { pr->resource, "resource" },
		{ pr->scope, "scope" }, { pr->events, "events" }, { pr->links, "links" },
		{ pr->rest, "rest" },
	};

	if (pr->all) {
		BUF_LIT(b, "everything");
		return;
	}
	for (size_t i = 0; i < N_INTRINSICS; i++)
		if (pr->intrinsics >> i & 1) {
			buf_str(b, first ? "" : ", ");
			buf_str(b, intrinsics[i].name);
			first = false;
		}
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].on) {
			buf_str(b, first ? "" : ", ");
			buf_str(b, parts[i].name);
			first = false;
		}
	for (size_t i = 0; i < pr->n_fields; i++) {
		buf_str(b, first ? "" : ", ");
		put_field(b, &pr->fields[i]);
		first = false;
	}
	if (first)
		BUF_LIT(b, "nothing");
}

static void
put_parents(struct buf *b, const struct plan *p)
{
	const struct projection *pr = p->fetch.projection.parents;

	for (size_t i = 0; pr != NULL && i < pr->n_fields; i++) {
		struct field f = field_of_parent(&pr->fields[i]);

		BUF_LIT(b, ", ");
		put_field(b, &f);
	}
}

/* ---- for people ---- */

void
scan_text(struct buf *b, const struct plan *p, const struct stats *st)
{
	uint64_t n, rows;

	if (p->scan.server != NULL) {
		explain_remote(b, &p->scan, st->server);
		return;
	}
	explain_count_read(p, st, &n, &rows);
	buf_printf(b, "access   %llu of %zu shards, %llu of %llu spans\n",
	    (unsigned long long)n, p->scan.n_shards + p->scan.n_left, (unsigned long long)rows,
	    (unsigned long long)st->n_rows);
}

void
filter_text(struct buf *b, const struct plan *p, const struct stats *st)
{
	(void)st;
	BUF_LIT(b, "range    ");
	put_range(b, p->filter.range);
	BUF_LIT(b, "\nfilter   ");
	pred_print(b, p->filter.pred);
	buf_str(b, p->filter.never ? " (can't match)\n" :
	    p->filter.pushdown ? " (on columns)\n" : " (on rows)\n");
}

void
order_text(struct buf *b, const struct plan *p, const struct stats *st)
{
	(void)st;
	BUF_LIT(b, "order    ");
	put_keys(b, p);
	buf_str(b, p->order.topn ? " (bounded heap)\n" : "\n");
}

void
limit_text(struct buf *b, const struct plan *p, const struct stats *st)
{
	(void)st;
	BUF_LIT(b, "limit    ");
	if (p->page.limit != UINT64_MAX)
		buf_u64(b, p->page.limit);
	else
		BUF_LIT(b, "none");
	if (p->page.offset != 0) {
		BUF_LIT(b, ", offset ");
		buf_u64(b, p->page.offset);
	}
	buf_str(b, p->scan.early_stop ? " (stops when it is full)\n" : "\n");
}

void
fetch_text(struct buf *b, const struct plan *p, const struct stats *st)
{
	(void)st;
	BUF_LIT(b, "fetch    ");
	put_projection(b, p);
	if (p->fetch.want_trace)
		BUF_LIT(b, ", facts of the trace");
	put_parents(b, p);
	buf_putc(b, '\n');
}

void
group_text(struct buf *b, const struct plan *p, const struct stats *st)
{
	fetch_text(b, p, st);
	if (!p->fetch.want_trace)
		return;
	buf_str(b, !p->fetch.by_columns ? "relate   span by span, each trace put together" :
	    p->fetch.joins ? "relate   by columns; traces in several shards by a hash of their ids" :
	    "relate   by columns of each shard; traces in several shards put together");
	if (p->scan.handed.groups)
		BUF_LIT(b, ", if the rows come");
	if (p->fetch.may_gather)
		buf_printf(b, ", cost %.2f; %s %.2f",
		    p->fetch.by_columns ? p->fetch.columns_cost : p->fetch.spans_cost,
		    p->fetch.by_columns ? "span by span" : "by columns",
		    p->fetch.by_columns ? p->fetch.spans_cost : p->fetch.columns_cost);
	buf_putc(b, '\n');
}

void
contrast_text(struct buf *b, const struct plan *p, const struct stats *st)
{
	(void)st;
	BUF_LIT(b, "compare  ");
	pred_print(b, p->contrast.pred);
	buf_str(b, p->filter.pushdown ?
	    ": in the same pass, values counted by their codes\n" :
	    ": in the same pass, span by span\n");
}

/* ---- for programs ---- */

void
scan_json(struct buf *b, const struct plan *p)
{
	explain_bool(b, "indexes", p->scan.indexes);
	explain_bool(b, "early_stop", p->scan.early_stop);
}

void
filter_json(struct buf *b, const struct plan *p)
{
	struct buf t = BUF_INIT;

	when_print(&t, p->filter.range.from);
	explain_text(b, "from", &t);
	if (p->filter.range.to != WHEN_MAX) {
		when_print(&t, p->filter.range.to);
		explain_text(b, "to", &t);
	}
	pred_print(&t, p->filter.pred);
	explain_text(b, "filter", &t);
	explain_bool(b, "never", p->filter.never);
	explain_bool(b, "pushdown", p->filter.pushdown);
	buf_release(&t);
}

void
order_json(struct buf *b, const struct plan *p)
{
	struct buf t = BUF_INIT;

	put_keys(&t, p);
	explain_text(b, "order", &t);
	explain_bool(b, "topn", p->order.topn);
	buf_release(&t);
}

void
limit_json(struct buf *b, const struct plan *p)
{
	if (p->page.limit != UINT64_MAX)
		explain_u64(b, "limit", p->page.limit);
	explain_u64(b, "offset", p->page.offset);
}

void
fetch_json(struct buf *b, const struct plan *p)
{
	struct buf t = BUF_INIT;

	put_projection(&t, p);
	put_parents(&t, p);
	explain_text(b, "fetch", &t);
	explain_bool(b, "trace_facts", p->fetch.want_trace);
	buf_release(&t);
}

void
group_json(struct buf *b, const struct plan *p)
{
	fetch_json(b, p);
	if (p->fetch.want_trace)
		explain_bool(b, "by_columns", p->fetch.by_columns);
	if (p->fetch.want_trace)
		explain_bool(b, "joins", p->fetch.joins);
}

void
contrast_json(struct buf *b, const struct plan *p)
{
	struct buf t = BUF_INIT;

	pred_print(&t, p->contrast.pred);
	explain_text(b, "compare", &t);
	buf_release(&t);
}
