-- SPDX-License-Identifier: ISC
CREATE DATABASE IF NOT EXISTS otel
;;
-- The table layout the OpenTelemetry Collector's ClickHouse exporter makes for traces: same columns,
-- codecs, keys, partitions and skip indexes (its default, without the newer text indexes and no TTL).
CREATE TABLE otel.otel_traces (
  Timestamp          DateTime64(9)                        CODEC(Delta(8), ZSTD(1)),
  TraceId            String                               CODEC(ZSTD(1)),
  SpanId             String                               CODEC(ZSTD(1)),
  ParentSpanId       String                               CODEC(ZSTD(1)),
  TraceState         String                               CODEC(ZSTD(1)),
  SpanName           LowCardinality(String)               CODEC(ZSTD(1)),
  SpanKind           LowCardinality(String)               CODEC(ZSTD(1)),
  ServiceName        LowCardinality(String)               CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String)  CODEC(ZSTD(1)),
  ScopeName          String                               CODEC(ZSTD(1)),
  ScopeVersion       String                               CODEC(ZSTD(1)),
  SpanAttributes     Map(LowCardinality(String), String)  CODEC(ZSTD(1)),
  Duration           UInt64                               CODEC(T64, ZSTD(1)),
  StatusCode         LowCardinality(String)               CODEC(ZSTD(1)),
  StatusMessage      String                               CODEC(ZSTD(1)),
  Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  Links  Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String))     CODEC(ZSTD(1)),
  INDEX idx_trace_id        TraceId                       TYPE bloom_filter(0.001)    GRANULARITY 1,
  INDEX idx_res_attr_key    mapKeys(ResourceAttributes)   TYPE bloom_filter(0.01)     GRANULARITY 1,
  INDEX idx_res_attr_value  mapValues(ResourceAttributes) TYPE bloom_filter(0.01)     GRANULARITY 1,
  INDEX idx_span_attr_key   mapKeys(SpanAttributes)       TYPE bloom_filter(0.01)     GRANULARITY 1,
  INDEX idx_span_attr_value mapValues(SpanAttributes)     TYPE bloom_filter(0.01)     GRANULARITY 1,
  INDEX idx_duration        Duration                      TYPE minmax                 GRANULARITY 1,
  INDEX idx_lower_span_name lower(SpanName)               TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1
;;
-- the exporter's side table from trace id to time range, filled by a materialized view
CREATE TABLE otel.otel_traces_trace_id_ts (
  TraceId String CODEC(ZSTD(1)),
  Start   SimpleAggregateFunction(min, DateTime) CODEC(ZSTD(1)),
  End     SimpleAggregateFunction(max, DateTime) CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toStartOfWeek(Start) ORDER BY (TraceId) SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1
;;
CREATE MATERIALIZED VIEW otel.otel_traces_trace_id_ts_mv TO otel.otel_traces_trace_id_ts
AS SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM otel.otel_traces WHERE TraceId != '' GROUP BY TraceId
