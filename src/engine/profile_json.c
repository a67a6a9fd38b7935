/* SPDX-License-Identifier: ISC */
/*
 * profile_json: profile.json, EXPLAIN ANALYZE: what a query that was run had been estimated at,
 * and what it took. The sums first; then a node for each stage of the plan, in the order in
 * which rows pass through it:
 *
 *   scan     finds the rows that match       rows: that passed the filter
 *   order    sorts and cuts them             rows: that are left
 *   fetch    puts spans together             rows: put together, also for tests on rows
 *   format   turns rows into bytes           rows: of the result
 *
 * Times are of threads, added up, so that they may exceed the time on the clock.
 */
#include "engine_i.h"

static void
put_u64(struct buf *b, const char *key, uint64_t v)
{
	buf_printf(b, ",\"%s\":%llu", key, (unsigned long long)v);
}

static void
begin_node(struct buf *b, const char *name, double est_rows, uint64_t rows)
{
	buf_printf(b, "{\"node\":\"%s\",\"estimated_rows\":%.0f,\"rows\":%llu", name, est_rows,
	    (unsigned long long)rows);
}

static void
put_cost(struct buf *b, double cost)
{
	buf_printf(b, ",\"estimated_cost\":%.2f", cost);
}

/* What is timed as one. */
static double
scan_cost(const struct plan *pl)
{
	return pl->scan.node.est_cost + pl->filter.node.est_cost;
}

static double
order_cost(const struct plan *pl)
{
	return pl->traces.est_cost + pl->order.node.est_cost;
}

static void
put_scan(struct buf *b, const struct plan *pl, const struct profile *p)
{
	begin_node(b, "scan", pl->filter.node.est_rows, p->rows_matched);
	put_cost(b, scan_cost(pl));
	put_u64(b, "time_ns", p->scan_ns);
	put_u64(b, "rows_scanned", p->rows_scanned);
	put_u64(b, "shards_opened", p->shards_opened);
	put_u64(b, "shards_kept", p->shards_kept);
	put_u64(b, "row_groups_visited", p->row_groups_visited);
	put_u64(b, "row_groups_pruned", p->row_groups_pruned);
	put_u64(b, "blocks_pruned", p->blocks_pruned);
	put_u64(b, "index_lists", p->index_lists);
	put_u64(b, "index_rows", p->index_rows);
	BUF_LIT(b, "}");
}

static void
put_nodes(struct buf *b, const struct request *r, const struct run_info *info,
    uint64_t format_ns)
{
	const struct plan *pl = r->plan;
	const struct profile *p = &info->profile;
	double left = pl->est_cost - scan_cost(pl) - order_cost(pl);

	BUF_LIT(b, ",\"nodes\":[");
	put_scan(b, pl, p);
	buf_putc(b, ',');
	begin_node(b, "order", pl->est_rows, p->rows_returned);
	put_cost(b, order_cost(pl));
	put_u64(b, "time_ns", p->sort_ns);
	put_u64(b, "traces_assembled", p->traces_assembled);
	BUF_LIT(b, "},");
	begin_node(b, "fetch", pl->est_rows, p->rows_fetched);
	put_cost(b, left > 0 ? left : 0);
	put_u64(b, "time_ns", p->fetch_ns);
	BUF_LIT(b, "},");
	begin_node(b, "format", pl->est_rows, info->n_rows);
	put_u64(b, "time_ns", format_ns);
	buf_printf(b, ",\"estimated_bytes\":%.0f", pl->est_bytes);
	put_u64(b, "bytes", info->n_bytes);
	BUF_LIT(b, "}]");
}

static void
put_sums(struct buf *b, const struct request *r, const struct profile *p)
{
	put_u64(b, "rows_scanned", p->rows_scanned);
	put_u64(b, "index_lists", p->index_lists);
	put_u64(b, "text_lists", p->text_lists);
	put_u64(b, "index_rows", p->index_rows);
	put_u64(b, "rows_matched", p->rows_matched);
	put_u64(b, "rows_fetched", p->rows_fetched);
	put_u64(b, "shards", r->plan->scan.n_shards + r->plan->scan.n_left);
	put_u64(b, "shards_opened", p->shards_opened);
	put_u64(b, "parts_kept", p->parts_kept);
	put_u64(b, "parts_shared", p->parts_shared);
	put_u64(b, "row_groups_visited", p->row_groups_visited);
	put_u64(b, "row_groups_pruned", p->row_groups_pruned);
	put_u64(b, "blocks_pruned", p->blocks_pruned);
	put_u64(b, "chunks_read", p->chunks_read);
	put_u64(b, "chunks_cached", p->chunks_cached);
	put_u64(b, "read_bytes", p->read_bytes);
	put_u64(b, "decoded_bytes", p->decoded_bytes);
	put_u64(b, "traces_assembled", p->traces_assembled);
	if (r->groups != NULL)
		put_u64(b, "numbers_decoded", p->numbers_decoded);
	if (r->groups != NULL || p->remote_queries != 0 || p->spilled_bytes != 0)
		put_u64(b, "spilled_bytes", p->spilled_bytes);
	if (p->remote_queries != 0)
		buf_printf(b, ",\"server\":{\"queries\":%llu,\"rows_read\":%llu,\"bytes_read\":%llu}",
		    (unsigned long long)p->remote_queries, (unsigned long long)p->remote_rows,
		    (unsigned long long)p->remote_bytes);
	put_u64(b, "plan_ns", p->plan_ns);
	put_u64(b, "scan_ns", p->scan_ns);
	put_u64(b, "sort_ns", p->sort_ns);
	put_u64(b, "fetch_ns", p->fetch_ns);
}

void
profile_json(struct buf *b, const struct request *r, const struct run_info *info,
    uint64_t format_ns, uint64_t total_ns, const char *level)
{
	BUF_LIT(b, "{\"query\":");
	json_string(b, buf_view(&r->canonical));
	put_u64(b, "rows", info->n_rows);
	buf_printf(b, ",\"estimated_rows\":%.0f,\"estimated_cost\":%.2f", r->plan->est_rows,
	    r->plan->est_cost);
	put_sums(b, r, &info->profile);
	put_u64(b, "format_ns", format_ns);
	put_u64(b, "total_ns", total_ns);
	put_u64(b, "bytes", info->n_bytes);
	put_u64(b, "cost_settings_version", r->cost_version);
	buf_printf(b, ",\"decision\":\"%s\"", request_decision(r));
	put_nodes(b, r, info, format_ns);
	buf_printf(b, ",\"cache\":\"%s\",\"exact\":%s,\"complete\":true}\n",
	    level != NULL ? level : outcome_cache(info),
	    info->inexact ? "false" : "true");
}
