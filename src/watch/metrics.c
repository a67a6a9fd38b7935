/* SPDX-License-Identifier: ISC */
/*
 * metrics: a family is printed by one function, HELP and TYPE first; sums end in _total, times
 * are in seconds.
 */
#include "watch/metrics.h"

#include <stdio.h>

#include "base/memory.h"

static void
family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP spanfs_%s %s\n# TYPE spanfs_%s %s\n", name, help, name, type);
}

static void
labelled(struct buf *b, const char *name, const char *label, const char *value,
    unsigned long long v)
{
	buf_printf(b, "spanfs_%s{%s=\"%s\"} %llu\n", name, label, value, v);
}

static void
put(struct buf *b, const char *name, const char *type, const char *help, double v)
{
	family(b, name, type, help);
	buf_printf(b, "spanfs_%s %.17g\n", name, v);
}

#define COUNTER(b, name, help, v) put((b), (name), "counter", (help), (double)(v))
#define GAUGE(b, name, help, v) put((b), (name), "gauge", (help), (double)(v))

static void
print_latency(struct buf *b, struct counters *c)
{
	unsigned long long sum = 0;

	family(b, "query_duration_seconds", "histogram", "Duration of queries.");
	for (size_t i = 0; i <= N_DURATION_BOUNDS; i++) {
		sum += atomic_load(&c->buckets[i]);
		if (i < N_DURATION_BOUNDS)
			buf_printf(b, "spanfs_query_duration_seconds_bucket{le=\"%g\"} %llu\n",
			    counters_bounds_s[i], sum);
		else
			buf_printf(b,
			    "spanfs_query_duration_seconds_bucket{le=\"+Inf\"} %llu\n", sum);
	}
	buf_printf(b, "spanfs_query_duration_seconds_sum %.9f\n"
	    "spanfs_query_duration_seconds_count %llu\n",
	    (double)atomic_load(&c->query_ns) / 1e9, sum);
}

static void
print_store(struct buf *b, const struct metrics *m)
{
	const struct lru_stats *cs = &m->chunk_cache;

	COUNTER(b, "chunk_cache_hits_total", "Sections found in memory.", cs->hits);
	COUNTER(b, "chunk_cache_misses_total", "Sections read from disk.", cs->misses);
	GAUGE(b, "chunk_cache_bytes", "Memory of decoded sections.", cs->n_bytes);
	GAUGE(b, "chunk_cache_kept_bytes", "Of it, sections that were asked for again.",
	    m->chunk_kept_bytes);
	if (!m->has_store)
		return;
	GAUGE(b, "store_spans", "Spans in the store.", m->store_spans);
	GAUGE(b, "store_bytes", "Bytes of its shards.", m->store_bytes);
	GAUGE(b, "store_shards", "Shards.", m->store_shards);
	GAUGE(b, "store_generation", "Number of the newest commit.", m->store_generation);
}

/* Kinds without a failure are there too: what is counted from 0 can be told from what is not. */
static void
print_failures(struct buf *b, struct counters *c)
{
	char kind[32];

	family(b, "query_failures_total", "counter", "Queries that failed, by kind.");
	for (int i = 1; i < N_ERR_KINDS; i++) {
		snprintf(kind, sizeof kind, "%s", err_name(-i));
		for (char *p = kind; *p != '\0'; p++)
			*p = *p == ' ' ? '_' : *p;
		labelled(b, "query_failures_total", "kind", kind,
		    atomic_load(&c->failures[i]));
	}
}

static void
print_pruning(struct buf *b, struct counters *c)
{
	family(b, "shards_pruned_total", "counter",
	    "Shards that plans left out, by the rule that did.");
	for (size_t i = 0; i < COUNTERS_MAX_RULES && c->rule_name(i) != NULL; i++)
		labelled(b, "shards_pruned_total", "rule", c->rule_name(i),
		    atomic_load(&c->shards_pruned[i]));
	COUNTER(b, "shards_kept_total", "Shards that plans left in.",
	    atomic_load(&c->shards_kept));
	COUNTER(b, "shards_opened_total", "Shards that queries read.",
	    atomic_load(&c->shards_opened));
	COUNTER(b, "row_groups_visited_total", "Row groups that were read.",
	    atomic_load(&c->groups_visited));
	COUNTER(b, "row_groups_pruned_total", "Row groups passed over by their zones.",
	    atomic_load(&c->groups_pruned));
	COUNTER(b, "blocks_pruned_total", "Blocks of rows passed over by their zones.",
	    atomic_load(&c->blocks_pruned));
}

static void
print_decisions(struct buf *b, const struct metrics *m)
{
	struct counters *c = m->counters;
	unsigned long long made = atomic_load(&c->decisions_made);

	family(b, "decisions_total", "counter", "How to run a query: decided anew, remembered, or with a plan that was kept whole.");
	labelled(b, "decisions_total", "outcome", "computed", made);
	labelled(b, "decisions_total", "outcome", "hit", atomic_load(&c->decisions_hit));
	labelled(b, "decisions_total", "outcome", "kept", atomic_load(&c->plans_kept));
	family(b, "decision_duration_seconds", "summary", "Time of a decision that was computed.");
	buf_printf(b, "spanfs_decision_duration_seconds_sum %.9f\n"
	    "spanfs_decision_duration_seconds_count %llu\n",
	    (double)atomic_load(&c->decision_ns) / 1e9, made);
	family(b, "decision_cost", "summary",
	    "Estimated cost of what was decided, in pages read in sequence.");
	buf_printf(b, "spanfs_decision_cost_sum %.3f\nspanfs_decision_cost_count %llu\n",
	    (double)atomic_load(&c->decision_cost) / 1e3, made);
	GAUGE(b, "cost_settings_version", "Times that a reload has changed cost settings.",
	    m->cost_version);
	COUNTER(b, "plan_seconds_total", "Time spent planning.",
	    (double)atomic_load(&c->plan_ns) / 1e9);
}

static void
print_result_cache(struct buf *b, const struct metrics *m)
{
	struct counters *c = m->counters;

	COUNTER(b, "result_cache_hits_total", "Results used again.",
	    atomic_load(&c->cache_hits));
	COUNTER(b, "result_cache_carried_total",
	    "Results used again over commits that do not touch them.",
	    atomic_load(&c->cache_carried));
	COUNTER(b, "result_cache_misses_total", "Results made.",
	    atomic_load(&c->cache_misses));
	GAUGE(b, "results_kept", "Results in the table.", m->n_results);
	GAUGE(b, "result_cache_bytes", "Bytes of results, in memory or spilled.",
	    m->results_bytes);
	COUNTER(b, "parts_hits_total", "Shards whose groups were there from an earlier query.",
	    m->parts_hits);
	COUNTER(b, "parts_misses_total", "Shards whose groups were made, to be kept.",
	    m->parts_misses);
	GAUGE(b, "parts_kept", "Shards' groups that are kept.", m->n_parts);
	GAUGE(b, "parts_bytes", "Bytes that they take of [result_cache] max_bytes.",
	    m->parts_bytes);
	GAUGE(b, "result_cache_memory_bytes",
	    "Memory of results that nobody reads, as [result_cache] max_bytes counts it.",
	    m->kept_bytes);
}

static void
print_levels(struct buf *b, const struct metrics *m)
{
	family(b, "cache_hits_total", "counter", "What a cache had, by level.");
	for (size_t i = 0; i < m->n_levels; i++)
		labelled(b, "cache_hits_total", "level", m->levels[i].name, m->levels[i].hits);
	family(b, "cache_misses_total", "counter", "What it had not.");
	for (size_t i = 0; i < m->n_levels; i++)
		labelled(b, "cache_misses_total", "level", m->levels[i].name,
		    m->levels[i].misses);
	family(b, "cache_hit_ratio", "gauge", "The share that it had, since the program started.");
	for (size_t i = 0; i < m->n_levels; i++)
		buf_printf(b, "spanfs_cache_hit_ratio{level=\"%s\"} %.6f\n", m->levels[i].name,
		    cache_level_ratio(&m->levels[i]));
}

static void
print_shared_cache(struct buf *b, const struct metrics *m)
{
	GAUGE(b, "shared_cache_up", "Whether the Redis of [redis] is connected.", m->shared_up);
	family(b, "shared_cache_gets_total", "counter",
	    "Results looked for in it, by what came of that.");
	labelled(b, "shared_cache_gets_total", "outcome", "hit", m->shared_hits);
	labelled(b, "shared_cache_gets_total", "outcome", "miss", m->shared_misses);
	labelled(b, "shared_cache_gets_total", "outcome", "skipped", m->shared_skipped);
	labelled(b, "shared_cache_gets_total", "outcome", "failed", m->shared_failed);
	labelled(b, "shared_cache_gets_total", "outcome", "damaged", m->shared_damaged);
	family(b, "shared_cache_puts_total", "counter", "Results for it, written or not.");
	labelled(b, "shared_cache_puts_total", "outcome", "written", m->shared_written);
	labelled(b, "shared_cache_puts_total", "outcome", "dropped", m->shared_dropped);
	COUNTER(b, "shared_cache_breaker_opened_total", "Times that it stopped answering.",
	    m->shared_opened);
}

static void
print_server(struct buf *b, const struct metrics *m)
{
	if (!m->has_server)
		return;
	GAUGE(b, "clickhouse_up", "0: the server was out of reach so often that it is left alone.",
	    m->server_up);
	COUNTER(b, "clickhouse_queries_total", "Queries that were sent to it, or would have been.",
	    m->server_queries);
	COUNTER(b, "clickhouse_retries_total", "Queries that were sent once more.",
	    m->server_retries);
	COUNTER(b, "clickhouse_errors_total", "Queries that it failed, or whose answer did not come whole.",
	    m->server_errors);
	COUNTER(b, "clickhouse_kills_total", "Queries that were stopped there, since nobody waited.",
	    m->server_kills);
	COUNTER(b, "clickhouse_breaker_opened_total", "Times that it was left alone for a while.",
	    m->server_left_alone);
	COUNTER(b, "clickhouse_read_rows_total", "Rows that it read, as it says.",
	    m->server_read_rows);
	COUNTER(b, "clickhouse_read_bytes_total", "Bytes that it read, as it says.",
	    m->server_read_bytes);
	COUNTER(b, "clickhouse_received_bytes_total", "Bytes of its answers.", m->server_received);
}

static void
print_memory(struct buf *b)
{
	GAUGE(b, "memory_resident_bytes", "Memory of the whole process.", memory_resident());
	GAUGE(b, "memory_allocated_bytes", "Of it, what is in use and not only kept for later.",
	    memory_allocated());
}

static void
print_work(struct buf *b, struct counters *c)
{
	COUNTER(b, "rows_returned_total", "Rows in results.", atomic_load(&c->rows));
	COUNTER(b, "result_bytes_total", "Bytes of results.", atomic_load(&c->bytes));
	COUNTER(b, "rows_scanned_total", "Rows tested.", atomic_load(&c->rows_scanned));
	COUNTER(b, "rows_matched_total", "Rows that passed.", atomic_load(&c->rows_matched));
	COUNTER(b, "rows_fetched_total", "Rows put together.",
	    atomic_load(&c->rows_fetched));
	COUNTER(b, "read_bytes_total", "Bytes read from shards.",
	    atomic_load(&c->read_bytes));
	COUNTER(b, "decoded_bytes_total", "Bytes of sections used.",
	    atomic_load(&c->decoded_bytes));
	COUNTER(b, "chunks_read_total", "Sections that queries read from disk.",
	    atomic_load(&c->chunks_read));
	COUNTER(b, "chunks_cached_total", "Sections that queries found in memory.",
	    atomic_load(&c->chunks_cached));
}

static void
print_shadow(struct buf *b, struct shadow *s)
{
	COUNTER(b, "shadow_sampled_total", "Queries chosen to be run again with the plain plan.",
	    atomic_load(&s->sampled));
	family(b, "shadow_runs_total", "counter", "Second runs, by what they said.");
	labelled(b, "shadow_runs_total", "verdict", "same", atomic_load(&s->same));
	labelled(b, "shadow_runs_total", "verdict", "different", atomic_load(&s->different));
	labelled(b, "shadow_runs_total", "verdict", "undecided", atomic_load(&s->undecided));
	COUNTER(b, "shadow_dropped_total", "Second runs for which there was no room.",
	    atomic_load(&s->dropped));
	COUNTER(b, "shadow_seconds_total", "Time of second runs.",
	    (double)atomic_load(&s->ns) / 1e9);
}

static void
print_logs(struct buf *b, const struct metrics *m)
{
	COUNTER(b, "slow_queries_total", "Queries that took [log] slow_query or longer.",
	    atomic_load(&m->counters->slow));
	COUNTER(b, "query_log_lines_total", "Lines written to [log] query_log.",
	    atomic_load(&m->querylog->lines));
	COUNTER(b, "query_log_errors_total", "Lines that could not be written, and failures to open it.",
	    atomic_load(&m->querylog->errors));
}

void
metrics_print(struct buf *b, const struct metrics *m)
{
	struct counters *c = m->counters;

	COUNTER(b, "queries_total", "Queries run.", atomic_load(&c->queries));
	COUNTER(b, "queries_failed_total", "Queries that failed.", atomic_load(&c->failed));
	COUNTER(b, "queries_cancelled_total", "Queries whose reader went away.",
	    atomic_load(&c->cancelled));
	COUNTER(b, "queries_streamed_total", "Results read while they were made.",
	    atomic_load(&c->streams));
	COUNTER(b, "results_sized_total", "Results whose size was told before their bytes were made.",
	    atomic_load(&c->sized));
	GAUGE(b, "queries_running", "Queries at work now.", atomic_load(&c->running));
	print_failures(b, c);
	print_latency(b, c);
	print_work(b, c);
	print_result_cache(b, m);
	print_levels(b, m);
	print_shared_cache(b, m);
	print_pruning(b, c);
	print_decisions(b, m);
	print_shadow(b, m->shadow);
	print_logs(b, m);
	print_store(b, m);
	print_server(b, m);
	print_memory(b);
}
