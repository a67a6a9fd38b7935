/* SPDX-License-Identifier: ISC */
/* counters: what the engine has done since it started, as Prometheus text for .spanfs/metrics. */
#include "engine_i.h"

static const double bounds_s[] = {
	0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10,
};
#define N_BOUNDS (sizeof bounds_s / sizeof *bounds_s)

void
counters_query(struct counters *c, uint64_t ns, const struct run_info *info, int code)
{
	const struct profile *p = &info->profile;
	size_t i = 0;

	atomic_fetch_add(&c->queries, 1);
	if (code == ERR_CANCELLED)
		atomic_fetch_add(&c->cancelled, 1);
	else if (code < 0)
		atomic_fetch_add(&c->failed, 1);
	atomic_fetch_add(&c->rows, info->n_rows);
	atomic_fetch_add(&c->bytes, info->n_bytes);
	atomic_fetch_add(&c->rows_scanned, p->rows_scanned);
	atomic_fetch_add(&c->rows_fetched, p->rows_fetched);
	atomic_fetch_add(&c->shards_opened, p->shards_opened);
	atomic_fetch_add(&c->read_bytes, p->read_bytes);
	atomic_fetch_add(&c->decoded_bytes, p->decoded_bytes);
	atomic_fetch_add(&c->query_ns, ns);
	atomic_fetch_add(&c->plan_ns, p->plan_ns);
	while (i < N_BOUNDS && (double)ns > bounds_s[i] * 1e9)
		i++;
	atomic_fetch_add(&c->buckets[i], 1);
}

static void
put(struct buf *b, const char *name, const char *type, const char *help, double v)
{
	buf_printf(b, "# HELP spanfs_%s %s\n# TYPE spanfs_%s %s\nspanfs_%s %.17g\n",
	    name, help, name, type, name, v);
}

#define COUNTER(b, name, help, v) put((b), (name), "counter", (help), (double)(v))
#define GAUGE(b, name, help, v) put((b), (name), "gauge", (help), (double)(v))

static void
print_latency(struct buf *b, struct counters *c)
{
	unsigned long long sum = 0;

	BUF_LIT(b, "# HELP spanfs_query_duration_seconds Duration of queries.\n"
	    "# TYPE spanfs_query_duration_seconds histogram\n");
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

void
counters_print(struct buf *b, struct engine *en)
{
	struct counters *c = &en->counters;
	size_t n;

	COUNTER(b, "queries_total", "Queries run.", atomic_load(&c->queries));
	COUNTER(b, "queries_failed_total", "Queries that failed.", atomic_load(&c->failed));
	COUNTER(b, "queries_cancelled_total", "Queries whose reader went away.",
	    atomic_load(&c->cancelled));
	COUNTER(b, "queries_streamed_total", "Results read while they were made.",
	    atomic_load(&c->streams));
	COUNTER(b, "result_cache_hits_total", "Results used again.",
	    atomic_load(&c->cache_hits));
	COUNTER(b, "result_cache_misses_total", "Results made.",
	    atomic_load(&c->cache_misses));
	COUNTER(b, "rows_returned_total", "Rows in results.", atomic_load(&c->rows));
	COUNTER(b, "result_bytes_total", "Bytes of results.", atomic_load(&c->bytes));
	COUNTER(b, "rows_scanned_total", "Rows tested.", atomic_load(&c->rows_scanned));
	COUNTER(b, "rows_fetched_total", "Rows put together.",
	    atomic_load(&c->rows_fetched));
	COUNTER(b, "shards_opened_total", "Shards that queries read.",
	    atomic_load(&c->shards_opened));
	COUNTER(b, "read_bytes_total", "Bytes read from shards.",
	    atomic_load(&c->read_bytes));
	COUNTER(b, "decoded_bytes_total", "Bytes of sections used.",
	    atomic_load(&c->decoded_bytes));
	COUNTER(b, "plan_seconds_total", "Time spent planning.",
	    (double)atomic_load(&c->plan_ns) / 1e9);
	pthread_mutex_lock(&en->lock);
	n = en->n_results;
	pthread_mutex_unlock(&en->lock);
	GAUGE(b, "results_kept", "Results in the table.", n);
	print_latency(b, c);
	print_store(b, en);
}
