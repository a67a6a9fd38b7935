/* SPDX-License-Identifier: ISC */
/*
 * counters: what the engine has done since it started, as Prometheus text for .spanfs/metrics.
 * A family is printed by one function, HELP and TYPE first; sums end in _total, times are in
 * seconds. Atomic sums that are read one by one: a scrape may see a query in one family and
 * not yet in the next.
 */
#include <stdio.h>

#include "base/memory.h"
#include "engine_i.h"

static const double bounds_s[] = {
	0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10,
};
#define N_BOUNDS (sizeof bounds_s / sizeof *bounds_s)

static void
count_work(struct counters *c, const struct run_info *info)
{
	const struct profile *p = &info->profile;

	atomic_fetch_add(&c->rows, info->n_rows);
	atomic_fetch_add(&c->bytes, info->n_bytes);
	atomic_fetch_add(&c->rows_scanned, p->rows_scanned);
	atomic_fetch_add(&c->rows_matched, p->rows_matched);
	atomic_fetch_add(&c->rows_fetched, p->rows_fetched);
	atomic_fetch_add(&c->shards_opened, p->shards_opened);
	atomic_fetch_add(&c->groups_visited, p->row_groups_visited);
	atomic_fetch_add(&c->groups_pruned, p->row_groups_pruned);
	atomic_fetch_add(&c->blocks_pruned, p->blocks_pruned);
	atomic_fetch_add(&c->chunks_read, p->chunks_read);
	atomic_fetch_add(&c->chunks_cached, p->chunks_cached);
	atomic_fetch_add(&c->read_bytes, p->read_bytes);
	atomic_fetch_add(&c->decoded_bytes, p->decoded_bytes);
	atomic_fetch_add(&c->plan_ns, p->plan_ns);
}

static size_t
rule_index(const char *name)
{
	for (size_t i = 0; i < OPT_MAX_RULES && opt_rule_name(i) != NULL; i++)
		if (strcmp(opt_rule_name(i), name) == 0)
			return i;
	return 0;
}

/* Shards that the plan leaves out, by rule. */
static void
count_pruning(struct counters *c, const struct plan *p, const struct stats *st)
{
	unsigned long long n[OPT_MAX_RULES] = { 0 }, kept = 0;
	const char *last = NULL;
	size_t at = 0;

	for (size_t i = 0; i < p->n_shards; i++) {
		const struct plan_shard *s = &p->shards[i];

		if (s->access != ACCESS_PRUNED || s->pruned_by == NULL) {
			kept++;
			continue;
		}
		if (s->pruned_by != last)
			at = rule_index(last = s->pruned_by);
		n[at]++;
	}
	for (size_t i = 0; i < st->n_left; i++)
		n[rule_index(p->never ? p->never_by : st->left[i].rule)] += st->left[i].n_shards;
	for (size_t i = 0; i < OPT_MAX_RULES; i++)
		if (n[i] != 0)
			atomic_fetch_add(&c->shards_pruned[i], n[i]);
	atomic_fetch_add(&c->shards_kept, kept);
}

static void
count_failure(struct counters *c, int code)
{
	if (code == ERR_CANCELLED)
		atomic_fetch_add(&c->cancelled, 1);
	else
		atomic_fetch_add(&c->failed, 1);
	if (-code < N_ERR_KINDS)
		atomic_fetch_add(&c->failures[-code], 1);
}

void
counters_query(struct counters *c, const struct outcome *o)
{
	const struct request *r = o->request;
	size_t i = 0;

	atomic_fetch_add(&c->queries, 1);
	if (o->code < 0)
		count_failure(c, o->code);
	count_work(c, o->info);
	if (r->plan != NULL && (r->kind == FILE_FORMAT || r->kind == FILE_PROFILE))
		count_pruning(c, r->plan, r->stats);
	atomic_fetch_add(&c->query_ns, o->duration_ns);
	while (i < N_BOUNDS && (double)o->duration_ns > bounds_s[i] * 1e9)
		i++;
	atomic_fetch_add(&c->buckets[i], 1);
}

void
counters_decision(struct counters *c, bool hit, uint64_t ns, double est_cost)
{
	atomic_fetch_add(hit ? &c->decisions_hit : &c->decisions_made, 1);
	if (hit)
		return;
	atomic_fetch_add(&c->decision_ns, ns);
	atomic_fetch_add(&c->decision_cost,
	    est_cost < 1e15 ? (unsigned long long)(est_cost * 1000) : 0);
}

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
	for (size_t i = 0; i <= N_BOUNDS; i++) {
		sum += atomic_load(&c->buckets[i]);
		if (i < N_BOUNDS)
			buf_printf(b, "spanfs_query_duration_seconds_bucket{le=\"%g\"} %llu\n",
			    bounds_s[i], sum);
		else
			buf_printf(b,
			    "spanfs_query_duration_seconds_bucket{le=\"+Inf\"} %llu\n", sum);
	}
	buf_printf(b, "spanfs_query_duration_seconds_sum %.9f\n"
	    "spanfs_query_duration_seconds_count %llu\n",
	    (double)atomic_load(&c->query_ns) / 1e9, sum);
}

static void
print_store(struct buf *b, struct engine *en)
{
	struct lru_stats cs = chunkcache_stats(catalog_cache(en->catalog));
	struct world *w;

	COUNTER(b, "chunk_cache_hits_total", "Sections found in memory.", cs.hits);
	COUNTER(b, "chunk_cache_misses_total", "Sections read from disk.", cs.misses);
	GAUGE(b, "chunk_cache_bytes", "Memory of decoded sections.", cs.n_bytes);
	if (engine_world(en, &w, NULL) < 0)
		return;
	GAUGE(b, "store_spans", "Spans in the store.", w->snap->n_rows);
	GAUGE(b, "store_bytes", "Bytes of its shards.", w->snap->n_bytes);
	GAUGE(b, "store_shards", "Shards.", w->snap->n_shards);
	GAUGE(b, "store_generation", "Number of the newest commit.", w->snap->generation);
	world_unref(w);
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
	for (size_t i = 0; i < OPT_MAX_RULES && opt_rule_name(i) != NULL; i++)
		labelled(b, "shards_pruned_total", "rule", opt_rule_name(i),
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
print_decisions(struct buf *b, struct engine *en)
{
	struct counters *c = &en->counters;
	unsigned long long made = atomic_load(&c->decisions_made);

	family(b, "decisions_total", "counter", "How to run a query: decided anew or remembered.");
	labelled(b, "decisions_total", "outcome", "computed", made);
	labelled(b, "decisions_total", "outcome", "hit", atomic_load(&c->decisions_hit));
	family(b, "decision_duration_seconds", "summary", "Time of a decision that was computed.");
	buf_printf(b, "spanfs_decision_duration_seconds_sum %.9f\n"
	    "spanfs_decision_duration_seconds_count %llu\n",
	    (double)atomic_load(&c->decision_ns) / 1e9, made);
	family(b, "decision_cost", "summary",
	    "Estimated cost of what was decided, in pages read in sequence.");
	buf_printf(b, "spanfs_decision_cost_sum %.3f\nspanfs_decision_cost_count %llu\n",
	    (double)atomic_load(&c->decision_cost) / 1e3, made);
	GAUGE(b, "cost_settings_version", "Times that a reload has changed cost settings.",
	    atomic_load(&en->cost_version));
	COUNTER(b, "plan_seconds_total", "Time spent planning.",
	    (double)atomic_load(&c->plan_ns) / 1e9);
}

static void
print_result_cache(struct buf *b, struct engine *en)
{
	struct counters *c = &en->counters;
	uint64_t kept_bytes;
	size_t n;

	pthread_mutex_lock(&en->lock);
	n = en->results.n;
	kept_bytes = en->results.kept_bytes;
	pthread_mutex_unlock(&en->lock);
	COUNTER(b, "result_cache_hits_total", "Results used again.",
	    atomic_load(&c->cache_hits));
	COUNTER(b, "result_cache_misses_total", "Results made.",
	    atomic_load(&c->cache_misses));
	GAUGE(b, "results_kept", "Results in the table.", n);
	GAUGE(b, "result_cache_bytes", "Bytes of results, in memory or spilled.",
	    atomic_load(&en->results_bytes));
	GAUGE(b, "result_cache_memory_bytes",
	    "Memory of results that nobody reads, as [result_cache] max_bytes counts it.",
	    kept_bytes);
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
print_shadow(struct buf *b, struct engine *en)
{
	struct shadow *s = &en->shadow;

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
print_logs(struct buf *b, struct engine *en)
{
	COUNTER(b, "slow_queries_total", "Queries that took [log] slow_query or longer.",
	    atomic_load(&en->counters.slow));
	COUNTER(b, "query_log_lines_total", "Lines written to [log] query_log.",
	    atomic_load(&en->querylog.lines));
	COUNTER(b, "query_log_errors_total", "Lines that could not be written, and failures to open it.",
	    atomic_load(&en->querylog.errors));
}

void
counters_print(struct buf *b, struct engine *en)
{
	struct counters *c = &en->counters;

	COUNTER(b, "queries_total", "Queries run.", atomic_load(&c->queries));
	COUNTER(b, "queries_failed_total", "Queries that failed.", atomic_load(&c->failed));
	COUNTER(b, "queries_cancelled_total", "Queries whose reader went away.",
	    atomic_load(&c->cancelled));
	COUNTER(b, "queries_streamed_total", "Results read while they were made.",
	    atomic_load(&c->streams));
	GAUGE(b, "queries_running", "Queries at work now.", atomic_load(&c->running));
	print_failures(b, c);
	print_latency(b, c);
	print_work(b, c);
	print_result_cache(b, en);
	print_pruning(b, c);
	print_decisions(b, en);
	print_shadow(b, en);
	print_logs(b, en);
	print_store(b, en);
	print_memory(b);
}
