-- SPDX-License-Identifier: ISC
-- one batch of OTLP/JSON files ({files}: a list of globs) into the flat staging table
INSERT INTO stage
WITH lines AS (
  SELECT unnest(resourceSpans) AS rs
  FROM read_json({files}, format = 'newline_delimited', maximum_object_size = 268435456, columns = {
    resourceSpans: 'STRUCT(resource STRUCT(attributes {kv}), scopeSpans STRUCT("scope" STRUCT("name" VARCHAR, "version" VARCHAR), spans STRUCT(traceId VARCHAR, spanId VARCHAR, traceState VARCHAR, parentSpanId VARCHAR, flags UINTEGER, "name" VARCHAR, kind UTINYINT, startTimeUnixNano BIGINT, endTimeUnixNano BIGINT, attributes {kv}, "events" STRUCT(timeUnixNano BIGINT, "name" VARCHAR, attributes {kv})[], links STRUCT(traceId VARCHAR, spanId VARCHAR, attributes {kv})[], status STRUCT(message VARCHAR, code UTINYINT))[])[])[]'})
), scopes AS (
  SELECT {map:rs.resource.attributes} AS resource, unnest(rs.scopeSpans) AS ss FROM lines
), spans AS (
  SELECT resource, ss.scope.name AS scope_name, ss.scope.version AS scope_version, unnest(ss.spans) AS s FROM scopes
)
SELECT
  s.startTimeUnixNano AS start_ns, s.endTimeUnixNano - s.startTimeUnixNano AS duration_ns,
  s.traceId::UUID AS trace_id, ('0x' || s.spanId)::UBIGINT AS span_id, ('0x' || nullif(s.parentSpanId, ''))::UBIGINT AS parent_span_id, s.traceState AS trace_state,
  resource['service.name'] AS service, s.name AS name, s.kind AS kind, coalesce(s.status.code, 0)::UTINYINT AS status, s.status.message AS status_message,
  scope_name, scope_version, s.flags AS flags, resource,
  {map:s.attributes} AS attrs,
  [{t: e.timeUnixNano, name: e.name, attrs: {map:e.attributes}} for e in s.events] AS events,
  [{trace_id: l.traceId, span_id: l.spanId, attrs: {map:l.attributes}} for l in s.links] AS links
FROM spans
