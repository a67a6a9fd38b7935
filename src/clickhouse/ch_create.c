/* SPDX-License-Identifier: ISC */
/* ch_create: see clickhouse/ch_create.h. */
#include "clickhouse/ch_create.h"

#include "chsql/ch_write.h"

#define TEXT "String CODEC(ZSTD(1))"
#define WORD "LowCardinality(String) CODEC(ZSTD(1))"
#define TIME "DateTime64(9) CODEC(Delta, ZSTD(1))"
#define SECOND "DateTime CODEC(Delta, ZSTD(1))"
#define MAP "Map(LowCardinality(String), String)"
#define BLOOM(name, of, rate) ", INDEX " name " " of " TYPE bloom_filter(" rate ") GRANULARITY 1"

static const char columns[] = " (`Timestamp` " TIME ", `TraceId` " TEXT ", `SpanId` " TEXT
    ", `ParentSpanId` " TEXT ", `TraceState` " TEXT ", `SpanName` " WORD ", `SpanKind` " WORD
    ", `ServiceName` " WORD ", `ResourceAttributes` " MAP " CODEC(ZSTD(1)), `ScopeName` " TEXT
    ", `ScopeVersion` " TEXT ", `SpanAttributes` " MAP " CODEC(ZSTD(1))"
    ", `Duration` UInt64 CODEC(ZSTD(1)), `StatusCode` " WORD ", `StatusMessage` " TEXT
    ", `Events` Nested(Timestamp DateTime64(9), Name LowCardinality(String), Attributes " MAP
    ") CODEC(ZSTD(1))"
    ", `Links` Nested(TraceId String, SpanId String, TraceState String, Attributes " MAP
    ") CODEC(ZSTD(1))"
    BLOOM("idx_trace_id", "TraceId", "0.001")
    BLOOM("idx_res_attr_key", "mapKeys(ResourceAttributes)", "0.01")
    BLOOM("idx_res_attr_value", "mapValues(ResourceAttributes)", "0.01")
    BLOOM("idx_span_attr_key", "mapKeys(SpanAttributes)", "0.01")
    BLOOM("idx_span_attr_value", "mapValues(SpanAttributes)", "0.01")
    ", INDEX idx_duration Duration TYPE minmax GRANULARITY 1)"
    " ENGINE = MergeTree PARTITION BY toDate(Timestamp)"
    " ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"
    " SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1";

static const char times[] = " (`TraceId` " TEXT ", `Start` " SECOND ", `End` " SECOND
    BLOOM("idx_trace_id", "TraceId", "0.01") ")"
    " ENGINE = MergeTree PARTITION BY toDate(Start) ORDER BY (TraceId, Start)"
    " SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1";

static int
run(struct ch_client *c, struct writer *w, struct err *e)
{
	const struct ch_writing outside = { .outside = true };
	struct ch_question q = { .sql = buf_view(&w->b), .format = SV("TabSeparated"),
		.writing = &outside };
	struct ch_reply *r = NULL;
	struct sv piece;
	int rc = buf_ok(&w->b, e);

	if (rc == 0 && (rc = ch_ask(c, &q, NULL, &r, e)) == 0)
		while ((rc = ch_read(r, &piece, e)) == 0)
			;
	ch_close(r);
	w->b.n = 0;
	return rc > 0 ? 0 : rc;
}

/* The table's name with something behind it. */
static void
put_table(struct writer *w, struct ch_table t, const char *suffix)
{
	struct buf name = BUF_INIT;

	buf_sv(&name, t.name);
	buf_str(&name, suffix);
	w->b.oom |= name.oom;
	w_table(w, (struct ch_table){ t.database, buf_view(&name) });
	buf_release(&name);
}

int
ch_create(struct ch_client *c, struct ch_table t, struct err *e)
{
	struct writer w = { .b = BUF_INIT };
	int rc = 0;

	if (t.database.n != 0) {
		W(&w, "CREATE DATABASE IF NOT EXISTS ");
		w_name(&w, t.database);
		rc = run(c, &w, e);
	}
	if (rc == 0) {
		W(&w, "CREATE TABLE IF NOT EXISTS ");
		put_table(&w, t, "");
		buf_str(&w.b, columns);
		rc = run(c, &w, e);
	}
	if (rc == 0) {
		W(&w, "CREATE TABLE IF NOT EXISTS ");
		put_table(&w, t, "_trace_id_ts");
		buf_str(&w.b, times);
		rc = run(c, &w, e);
	}
	if (rc == 0) {
		W(&w, "CREATE MATERIALIZED VIEW IF NOT EXISTS ");
		put_table(&w, t, "_trace_id_ts_mv");
		W(&w, " TO ");
		put_table(&w, t, "_trace_id_ts");
		W(&w, " AS SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM ");
		put_table(&w, t, "");
		W(&w, " WHERE TraceId != '' GROUP BY TraceId");
		rc = run(c, &w, e);
	}
	buf_release(&w.b);
	return rc < 0 ? err_ctx(e, rc, "making the tables") : 0;
}
