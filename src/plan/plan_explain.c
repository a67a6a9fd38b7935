/* SPDX-License-Identifier: ISC */
/*
 * plan_explain: a plan for people (the file `plan`) and for programs (`plan.json`). Pure: the
 * same plan and statistics give the same bytes. In the text shards of equal access and reason
 * are one line, and at most GROUPS_SHOWN lines stand; JSON lists every shard that the planner
 * looked at singly, and those left out before by their reason. What the steps say of themselves
 * is in explain_node.c; what was weighed for shards in explain_choice.c.
 */
#include <stdlib.h>

#include "explain_i.h"
#include "model/json.h"
#include "node_i.h"

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

/* What statistics leave out, as a shard that is pruned, or counted. */
static struct plan_shard
as_shard(const struct plan *p, const struct stats_left *l)
{
	if (l->summed)
		return (struct plan_shard){ .shard = (uint32_t)l->first,
		    .access = ACCESS_CATALOG, .why = l->why };
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
		struct plan_shard s = as_shard(p, l);

		if ((g = group_of(gs, &s)) == NULL)
			continue;
		g->n += l->n_shards;
		g->rows += l->n_rows;
		g->est_rows += l->summed ? (double)p->scan.summed : 0;
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

/* Of the plan's steps, those that rows pass through first come first. */
static void
each_node(struct buf *b, const struct plan_node *n,
    void (*put)(struct buf *, const struct plan_node *))
{
	if (n->input != NULL)
		each_node(b, n->input, put);
	put(b, n);
}

static void
put_lines(struct buf *b, const struct plan *p, const struct stats *st,
    const struct plan_node *n)
{
	if (n->input != NULL)
		put_lines(b, p, st, n->input);
	if (node_kinds[n->kind].text != NULL)
		node_kinds[n->kind].text(b, p, st);
}

static void
put_rows(struct buf *b, const struct plan_node *n)
{
	buf_printf(b, "%s%s ", n->input == NULL ? "rows     " : ", ", node_kinds[n->kind].name);
	explain_number(b, n->est_rows);
}

/* Those that cost nothing are left out. */
static void
put_cost(struct buf *b, const struct plan_node *n)
{
	if (n->input != NULL && n->est_cost <= 0)
		return;
	buf_printf(b, "%s%s ", n->input == NULL ? "cost     " : ", ", node_kinds[n->kind].name);
	explain_number(b, n->est_cost);
}

static void
put_stages(struct buf *b, const struct plan *p, const struct stats *st)
{
	put_lines(b, p, st, p->root);
	buf_printf(b, "output   %s\nestimate ", output_name(p->output));
	explain_number(b, p->est_rows);
	BUF_LIT(b, " rows, cost ");
	explain_number(b, p->est_cost);
	BUF_LIT(b, ", ");
	explain_number(b, p->est_bytes);
	BUF_LIT(b, " bytes\n");
	each_node(b, p->root, put_rows);
	buf_putc(b, '\n');
	each_node(b, p->root, put_cost);
	if (p->scan.threads != 0)
		buf_printf(b, "; %u thread%s", p->scan.threads, p->scan.threads == 1 ? "" : "s");
	buf_printf(b, "; statistics version %llu\n", (unsigned long long)p->stats_version);
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
	BUF_LIT(b, "rules    ");
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
	explain_u64(b, "spans", st->n_rows);
	explain_u64(b, "bytes", st->n_bytes);
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
		struct plan_shard s = as_shard(p, &st->left[i]);

		buf_str(b, i == 0 ? ",\"left_out\":[{\"why\":" : ",{\"why\":");
		json_string(b, sv_cstr(s.why));
		if (s.pruned_by != NULL)
			buf_printf(b, ",\"pruned_by\":\"%s\"", s.pruned_by);
		explain_u64(b, "shards", st->left[i].n_shards);
		explain_u64(b, "spans", st->left[i].n_rows);
		buf_putc(b, '}');
	}
	if (st->n_left != 0)
		buf_putc(b, ']');
}

/* What the steps are and do, as members; then each with its estimates. */
static void
put_json_members(struct buf *b, const struct plan *p, const struct plan_node *n)
{
	if (n->input != NULL)
		put_json_members(b, p, n->input);
	if (node_kinds[n->kind].json != NULL)
		node_kinds[n->kind].json(b, p);
}

static void
put_json_node(struct buf *b, const struct plan_node *n)
{
	buf_printf(b, "%s{\"node\":\"%s\"", n->input == NULL ? "" : ",",
	    node_kinds[n->kind].name);
	put_estimate(b, "estimated_rows", n->est_rows);
	put_estimate(b, "estimated_cost", n->est_cost);
	buf_putc(b, '}');
}

void
plan_explain_json(struct buf *b, const struct plan *p, const struct stats *st,
    struct sv canonical)
{
	uint64_t n, rows;

	explain_count_read(p, st, &n, &rows);
	BUF_LIT(b, "{\"query\":");
	json_string(b, canonical);
	buf_printf(b, ",\"output\":\"%s\"", output_name(p->output));
	put_json_members(b, p, p->root);
	BUF_LIT(b, ",\"rules\":[");
	for (size_t i = 0; i < p->n_fired; i++)
		buf_printf(b, "%s\"%s\"", i == 0 ? "" : ",", p->fired[i]);
	BUF_LIT(b, "]");
	explain_u64(b, "statistics_version", p->stats_version);
	put_estimate(b, "estimated_rows", p->est_rows);
	put_estimate(b, "estimated_cost", p->est_cost);
	put_estimate(b, "estimated_bytes", p->est_bytes);
	BUF_LIT(b, ",\"nodes\":[");
	each_node(b, p->root, put_json_node);
	buf_putc(b, ']');
	explain_u64(b, "threads", p->scan.threads);
	explain_remote_json(b, &p->scan, st->server);
	explain_choices_json(b, p);
	explain_u64(b, "shards_total", p->scan.n_shards + p->scan.n_left);
	explain_u64(b, "shards_read", n);
	explain_u64(b, "spans_total", st->n_rows);
	explain_u64(b, "spans_in_shards_read", rows);
	BUF_LIT(b, ",\"shards\":[");
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		if (i != 0)
			buf_putc(b, ',');
		put_json_shard(b, &p->scan.shards[i], &st->shards[i]);
	}
	BUF_LIT(b, "]");
	put_json_left(b, p, st);
	BUF_LIT(b, "}\n");
}
