/* SPDX-License-Identifier: ISC */
/*
 * plan_explain: a plan for people (the file `plan`) and for programs (`plan.json`). Pure: the
 * same plan and statistics give the same bytes. In the text shards of equal access and reason
 * are one line, and at most GROUPS_SHOWN lines stand; JSON lists every shard that the planner
 * looked at singly, and those left out before by their reason. What was weighed for them is
 * explain_choice.c's.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "explain_i.h"
#include "model/json.h"

#define GROUPS_SHOWN 20
#define GROUPS_MAX 64		/* told apart; the rest is summed up */

/* Shards of one access and reason. */
struct group {
	enum access access;
	uint64_t index_leaves;
	const char *why, *pruned_by;
	size_t first;		/* shard of the snapshot */
	uint64_t n, rows;
	double est_rows, est_cost;
};

struct groups {
	struct group v[GROUPS_MAX];
	size_t n;
	uint64_t n_more;	/* shards of groups beyond */
};

static const char *
output_name(enum row_kind k)
{
	static const char *const names[] = {
		[ROW_SPAN] = "spans", [ROW_TRACE] = "traces", [ROW_EVENT] = "events",
		[ROW_LINK] = "links", [ROW_COUNT] = "count", [ROW_GROUP] = "groups",
		[ROW_SCORE] = "scores", [ROW_CONTRAST] = "compare",
	};

	return (unsigned)k <= ROW_CONTRAST ? names[k] : "unknown";
}

static bool
same(const struct group *g, const struct plan_shard *s)
{
	return g->access == s->access && g->index_leaves == s->index_leaves && strcmp(g->why, s->why) == 0 &&
	    (g->pruned_by == NULL) == (s->pruned_by == NULL) &&
	    (g->pruned_by == NULL || strcmp(g->pruned_by, s->pruned_by) == 0);
}

/* NULL: there are too many. */
static struct group *
group_of(struct groups *gs, const struct plan_shard *s)
{
	size_t k = 0;

	while (k < gs->n && !same(&gs->v[k], s))
		k++;
	if (k == GROUPS_MAX)
		return NULL;
	if (k == gs->n)
		gs->v[gs->n++] = (struct group){ .access = s->access,
		    .index_leaves = s->index_leaves, .why = s->why, .pruned_by = s->pruned_by,
		    .first = s->shard };
	return &gs->v[k];
}

/* What statistics leave out, as a shard that is pruned. */
static struct plan_shard
as_pruned(const struct plan *p, const struct stats_left *l)
{
	return (struct plan_shard){ .shard = (uint32_t)l->first, .access = ACCESS_PRUNED,
		.why = p->filter.never ? p->filter.never_why : l->why,
		.pruned_by = p->filter.never ? p->filter.never_by : l->rule };
}

static int
by_first(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void
group_shards(const struct plan *p, const struct stats *st, struct groups *gs)
{
	struct group *g;

	gs->n = 0;
	gs->n_more = 0;
	for (size_t i = 0; i < st->n_left; i++) {
		const struct stats_left *l = &st->left[i];
		struct plan_shard s = as_pruned(p, l);

		if ((g = group_of(gs, &s)) == NULL)
			continue;
		g->n += l->n_shards;
		g->rows += l->n_rows;
		g->first = l->first < g->first ? l->first : g->first;
	}
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		const struct plan_shard *s = &p->scan.shards[i];

		if ((g = group_of(gs, s)) == NULL) {
			gs->n_more++;
			continue;
		}
		g->n++;
		g->rows += i < st->n_shards ? st->shards[i].n_rows : 0;
		g->est_rows += s->est_rows;
		g->est_cost += s->est_cost;
		g->first = s->shard < g->first ? s->shard : g->first;
	}
	if (st->n_left != 0)
		qsort(gs->v, gs->n, sizeof *gs->v, by_first);
}

/* Shards that are read, and the rows in them. */
static void
count_read(const struct plan *p, const struct stats *st, uint64_t *n_shards, uint64_t *n_rows)
{
	*n_shards = *n_rows = 0;
	for (size_t i = 0; i < p->scan.n_shards; i++)
		if (p->scan.shards[i].access != ACCESS_PRUNED) {
			(*n_shards)++;
			*n_rows += st->shards[i].n_rows;
		}
}

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
put_order(struct buf *b, const struct plan *p)
{
	if (p->output == ROW_COUNT || p->output == ROW_GROUP || p->output == ROW_CONTRAST)
		BUF_LIT(b, "none");
	else if (p->order.n_keys == 0)
		BUF_LIT(b, "newest first");
	for (size_t i = 0; i < p->order.n_keys && p->output != ROW_COUNT; i++) {
		if (i != 0)
			BUF_LIT(b, ", ");
		put_field(b, &p->order.keys[i].field);
		if (p->order.keys[i].desc)
			BUF_LIT(b, " desc");
	}
}

static void
put_page(struct buf *b, const struct plan *p)
{
	if (p->page.limit != UINT64_MAX)
		buf_printf(b, ", limit %llu", (unsigned long long)p->page.limit);
	if (p->page.offset != 0)
		buf_printf(b, ", offset %llu", (unsigned long long)p->page.offset);
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

static void
put_stages(struct buf *b, const struct plan *p, const struct stats *st)
{
	uint64_t n, rows;

	count_read(p, st, &n, &rows);
	buf_printf(b, "access   %llu of %zu shards, %llu of %llu spans\n",
	    (unsigned long long)n, p->scan.n_shards + p->scan.n_left, (unsigned long long)rows,
	    (unsigned long long)st->n_rows);
	BUF_LIT(b, "range    ");
	put_range(b, p->filter.range);
	BUF_LIT(b, "\nfilter   ");
	pred_print(b, p->filter.pred);
	buf_str(b, p->filter.never ? " (can't match)" :
	    p->filter.pushdown ? " (on columns)" : " (on rows)");
	if (p->contrast.pred != NULL) {
		BUF_LIT(b, "\ncompare  ");
		pred_print(b, p->contrast.pred);
		buf_str(b, p->filter.pushdown ? ": in the same pass, values counted by their codes" :
		    ": in the same pass, span by span");
	}
	BUF_LIT(b, "\norder    ");
	put_order(b, p);
	put_page(b, p);
	if (p->scan.early_stop)
		BUF_LIT(b, " (stops when the limit is full)");
	if (p->order.topn)
		BUF_LIT(b, " (bounded heap)");
	BUF_LIT(b, "\nfetch    ");
	put_projection(b, p);
	if (p->fetch.want_trace)
		BUF_LIT(b, ", facts of the trace");
	put_parents(b, p);
	buf_printf(b, "\noutput   %s\n", output_name(p->output));
}

static void
put_group(struct buf *b, const struct group *g)
{
	buf_printf(b, "  %-8s %7llu shard%s %12llu spans  %s", access_name(g->access),
	    (unsigned long long)g->n, g->n == 1 ? " " : "s", (unsigned long long)g->rows,
	    g->why);
	if (g->pruned_by != NULL)
		buf_printf(b, " (rule %s)\n", g->pruned_by);
	else {
		BUF_LIT(b, ", about ");
		explain_number(b, g->est_rows);
		BUF_LIT(b, " rows, cost ");
		explain_number(b, g->est_cost);
		explain_leaves(b, ", indexes of conditions ", g->index_leaves);
		BUF_LIT(b, "\n");
	}
}

/* What scanning and ordering leave of the total. */
static double
fetch_cost(const struct plan *p)
{
	double c = p->est_cost - p->scan.node.est_cost - p->order.node.est_cost;

	return c > 0 ? c : 0;
}

void
plan_explain(struct buf *b, const struct plan *p, const struct stats *st, struct sv canonical)
{
	struct groups gs;
	uint64_t more;

	group_shards(p, st, &gs);
	BUF_LIT(b, "query    ");
	buf_sv(b, canonical);
	buf_putc(b, '\n');
	put_stages(b, p, st);
	BUF_LIT(b, "estimate ");
	explain_number(b, p->est_rows);
	BUF_LIT(b, " rows, cost ");
	explain_number(b, p->est_cost);
	BUF_LIT(b, ", ");
	explain_number(b, p->est_bytes);
	BUF_LIT(b, " bytes\ncost     scan ");
	explain_number(b, p->scan.node.est_cost);
	BUF_LIT(b, ", order ");
	explain_number(b, p->order.node.est_cost);
	BUF_LIT(b, ", fetch ");
	explain_number(b, fetch_cost(p));
	if (p->scan.threads != 0)
		buf_printf(b, "; %u thread%s", p->scan.threads, p->scan.threads == 1 ? "" : "s");
	buf_printf(b, "; statistics version %llu\nrules    ",
	    (unsigned long long)p->stats_version);
	for (size_t i = 0; i < p->n_fired; i++)
		buf_printf(b, "%s%s", i == 0 ? "" : ", ", p->fired[i]);
	buf_str(b, p->n_fired == 0 ? "none\n" : "\n");
	BUF_LIT(b, "shards\n");
	more = gs.n_more;
	for (size_t i = 0; i < gs.n; i++) {
		if (i < GROUPS_SHOWN)
			put_group(b, &gs.v[i]);
		else
			more += gs.v[i].n;
	}
	if (more != 0)
		buf_printf(b, "  … and %llu more shards\n", (unsigned long long)more);
	explain_choices(b, p);
}

/* ---- JSON ---- */

/* A member whose value is the text that `print` left in t; t is emptied. */
static void
put_text(struct buf *b, const char *key, struct buf *t)
{
	buf_printf(b, ",\"%s\":", key);
	json_string(b, buf_view(t));
	b->oom |= t->oom;
	t->n = 0;
}

static void
put_u64(struct buf *b, const char *key, uint64_t v)
{
	buf_printf(b, ",\"%s\":", key);
	buf_u64(b, v);
}

static void
put_bool(struct buf *b, const char *key, bool v)
{
	buf_printf(b, ",\"%s\":%s", key, v ? "true" : "false");
}

static void
put_estimate(struct buf *b, const char *key, double v)
{
	buf_printf(b, ",\"%s\":%.2f", key, v);
}

static void
put_json_shard(struct buf *b, const struct plan_shard *s, const struct shard_stats *st)
{
	BUF_LIT(b, "{\"file\":");
	json_string(b, sv_cstr(st->file));
	buf_printf(b, ",\"access\":\"%s\",\"why\":", access_name(s->access));
	json_string(b, sv_cstr(s->why));
	if (s->pruned_by != NULL)
		buf_printf(b, ",\"pruned_by\":\"%s\"", s->pruned_by);
	put_u64(b, "spans", st->n_rows);
	put_u64(b, "bytes", st->n_bytes);
	if (s->access != ACCESS_PRUNED) {
		put_estimate(b, "estimated_rows", s->est_rows);
		put_estimate(b, "estimated_cost", s->est_cost);
	}
	if (s->index_leaves != 0) {
		explain_leaves(b, ",\"index_leaves\":[", s->index_leaves);
		buf_putc(b, ']');
	}
	buf_putc(b, '}');
}

/* Shards that the planner did not have to look at. */
static void
put_json_left(struct buf *b, const struct plan *p, const struct stats *st)
{
	for (size_t i = 0; i < st->n_left; i++) {
		struct plan_shard s = as_pruned(p, &st->left[i]);

		buf_str(b, i == 0 ? ",\"left_out\":[{\"why\":" : ",{\"why\":");
		json_string(b, sv_cstr(s.why));
		buf_printf(b, ",\"pruned_by\":\"%s\"", s.pruned_by);
		put_u64(b, "shards", st->left[i].n_shards);
		put_u64(b, "spans", st->left[i].n_rows);
		buf_putc(b, '}');
	}
	if (st->n_left != 0)
		buf_putc(b, ']');
}

static void
put_json_stages(struct buf *b, const struct plan *p, struct buf *t)
{
	when_print(t, p->filter.range.from);
	put_text(b, "from", t);
	if (p->filter.range.to != WHEN_MAX) {
		when_print(t, p->filter.range.to);
		put_text(b, "to", t);
	}
	pred_print(t, p->filter.pred);
	put_text(b, "filter", t);
	if (p->contrast.pred != NULL) {
		pred_print(t, p->contrast.pred);
		put_text(b, "compare", t);
	}
	put_order(t, p);
	put_text(b, "order", t);
	if (p->page.limit != UINT64_MAX)
		put_u64(b, "limit", p->page.limit);
	put_u64(b, "offset", p->page.offset);
	put_projection(t, p);
	put_parents(t, p);
	put_text(b, "fetch", t);
	put_bool(b, "trace_facts", p->fetch.want_trace);
	put_bool(b, "never", p->filter.never);
	put_bool(b, "pushdown", p->filter.pushdown);
	put_bool(b, "indexes", p->scan.indexes);
	put_bool(b, "early_stop", p->scan.early_stop);
	put_bool(b, "topn", p->order.topn);
}

void
plan_explain_json(struct buf *b, const struct plan *p, const struct stats *st,
    struct sv canonical)
{
	struct buf t = BUF_INIT;
	uint64_t n, rows;

	count_read(p, st, &n, &rows);
	BUF_LIT(b, "{\"query\":");
	json_string(b, canonical);
	buf_printf(b, ",\"output\":\"%s\"", output_name(p->output));
	put_json_stages(b, p, &t);
	BUF_LIT(b, ",\"rules\":[");
	for (size_t i = 0; i < p->n_fired; i++)
		buf_printf(b, "%s\"%s\"", i == 0 ? "" : ",", p->fired[i]);
	BUF_LIT(b, "]");
	put_u64(b, "statistics_version", p->stats_version);
	put_estimate(b, "estimated_rows", p->est_rows);
	put_estimate(b, "estimated_cost", p->est_cost);
	put_estimate(b, "estimated_bytes", p->est_bytes);
	put_estimate(b, "estimated_scan_cost", p->scan.node.est_cost);
	put_estimate(b, "estimated_order_cost", p->order.node.est_cost);
	put_estimate(b, "estimated_fetch_cost", fetch_cost(p));
	put_u64(b, "threads", p->scan.threads);
	explain_choices_json(b, p);
	put_u64(b, "shards_total", p->scan.n_shards + p->scan.n_left);
	put_u64(b, "shards_read", n);
	put_u64(b, "spans_total", st->n_rows);
	put_u64(b, "spans_in_shards_read", rows);
	BUF_LIT(b, ",\"shards\":[");
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		if (i != 0)
			buf_putc(b, ',');
		put_json_shard(b, &p->scan.shards[i], &st->shards[i]);
	}
	BUF_LIT(b, "]");
	put_json_left(b, p, st);
	BUF_LIT(b, "}\n");
	buf_release(&t);
}
