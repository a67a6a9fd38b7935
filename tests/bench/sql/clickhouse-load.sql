-- SPDX-License-Identifier: ISC
-- {files}: glob of OTLP/JSON lines, relative to the working directory
INSERT INTO otel.otel_traces
WITH arrayMap(a -> tupleElement(a, 'key'), ra) AS rk,
     arrayMap(a -> tupleElement(a, 'key'), s.attributes) AS sk
SELECT
  fromUnixTimestamp64Nano(toInt64(s.startTimeUnixNano)), s.traceId, s.spanId, s.parentSpanId, s.traceState, s.name,
  transform(s.kind, [1, 2, 3, 4, 5], ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified'),
  arrayFirst((v, k) -> k = 'service.name', arrayMap(a -> {val}, ra), rk),
  mapFromArrays(rk, arrayMap(a -> {val}, ra)),
  scope.name, scope.version,
  mapFromArrays(sk, arrayMap(a -> {val}, s.attributes)),
  s.endTimeUnixNano - s.startTimeUnixNano,
  transform(s.status.code, [1, 2], ['Ok', 'Error'], 'Unset'), s.status.message,
  arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.timeUnixNano)), s.events), arrayMap(e -> e.name, s.events),
  arrayMap(e -> mapFromArrays(arrayMap(a -> a.key, e.attributes), arrayMap(a -> {val}, e.attributes)), s.events),
  arrayMap(l -> l.traceId, s.links), arrayMap(l -> l.spanId, s.links), arrayMap(l -> '', s.links),
  arrayMap(l -> mapFromArrays(arrayMap(a -> a.key, l.attributes), arrayMap(a -> {val}, l.attributes)), s.links)
FROM (
  SELECT ra, ss.scope AS scope, ss.spans AS spans FROM (
    SELECT rs.resource.attributes AS ra, rs.scopeSpans AS sss
    FROM file('{files}', JSONEachRow, 'resourceSpans Array(Tuple(resource Tuple(attributes {kv}), scopeSpans Array(Tuple(scope Tuple(name String, version String), spans Array(Tuple(traceId String, spanId String, traceState String, parentSpanId String, name String, kind UInt8, startTimeUnixNano UInt64, endTimeUnixNano UInt64, attributes {kv}, events Array(Tuple(timeUnixNano UInt64, name String, attributes {kv})), links Array(Tuple(traceId String, spanId String, attributes {kv})), status Tuple(message String, code UInt8)))))))')
    ARRAY JOIN resourceSpans AS rs
  ) ARRAY JOIN sss AS ss
) ARRAY JOIN spans AS s
SETTINGS input_format_json_defaults_for_missing_elements_in_named_tuple = 1, input_format_json_ignore_unknown_keys_in_named_tuple = 1, input_format_skip_unknown_fields = 1, input_format_parallel_parsing = 1, max_insert_threads = 2
