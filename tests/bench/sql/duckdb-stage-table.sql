-- SPDX-License-Identifier: ISC
SET preserve_insertion_order = false
;;
CREATE TABLE stage (
  start_ns BIGINT, duration_ns BIGINT, trace_id UUID, span_id UBIGINT, parent_span_id UBIGINT, trace_state VARCHAR,
  service VARCHAR, name VARCHAR, kind UTINYINT, status UTINYINT, status_message VARCHAR, scope_name VARCHAR, scope_version VARCHAR, flags UINTEGER,
  resource MAP(VARCHAR, VARCHAR), attrs MAP(VARCHAR, VARCHAR),
  events STRUCT(t BIGINT, name VARCHAR, attrs MAP(VARCHAR, VARCHAR))[], links STRUCT(trace_id VARCHAR, span_id VARCHAR, attrs MAP(VARCHAR, VARCHAR))[])
