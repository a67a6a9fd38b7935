/* SPDX-License-Identifier: ISC */
/* ch_tables: tables of spans as the exporter makes them, for tests. */
#ifndef TESTS_CH_TABLES_H
#define TESTS_CH_TABLES_H

#define CH_MAP "Map(LowCardinality(String), String)"
#define CH_TABLE(attrs, duration) \
	"Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, TraceState String, " \
	"SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String), " \
	"ResourceAttributes " attrs ", ScopeName String, ScopeVersion String, SpanAttributes " attrs ", " \
	"Duration " duration ", StatusCode LowCardinality(String), StatusMessage String, " \
	"Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes " attrs "), " \
	"Links Nested (TraceId String, SpanId String, TraceState String, Attributes " attrs ")"

#endif
