# SPDX-License-Identifier: ISC
"""The 22 questions, as paths and as every peer is asked them.

{name} are the oracle's parameters. In DuckDB's texts @s{key} is a span attribute as text and
@i{key} as an integer: a column where attributes are shredded, a look-up where they are a MAP.
A query for spans returns start, trace id, span id, service, name, duration and status first (Q1
and Q14: then everything else), so answers are compared span id by span id:

    set      the same span ids        export  the same, read from a file of JSON lines
    order    the same, in order       table, table_p, series, list, cells: equal cells
    ranksN   by the first N cells: a number, then percentiles
    compare  counts of values of span attributes; the twenty that differ most are there

p95 and p99 may differ by a rank between engines (nearest-rank in the oracle): 1 % of slack on
groups that are not tiny.
"""
import urllib.parse

# What spanfs is asked. {S}: the columns that the peers give. LATER: clauses still to come.
S = 'select/start,trace_id,span_id,service,name,duration,status'
PATHS = {
    'Q1': 'trace/{trace_id}/spans.jsonl',
    'Q2': 'service/frontend/since/{h1}/until/{t1}/limit/100/{S}/spans.jsonl',
    'Q3': 'service/payment/status/error/since/{h24}/until/{t1}/{S}/spans.jsonl',
    'Q4': 'where/user.id/eq/{user_id}/{S}/spans.jsonl',
    'Q5': 'where/http.response.status_code/ge/500/since/{h6}/until/{t1}/{S}/spans.jsonl',
    'Q6': 'duration/gt/1s/sort/duration:desc/limit/20/{S}/spans.jsonl',
    'Q7': 'group/service/agg/count,p95:duration/groups.jsonl',
    'Q8': 'service/payment/since/{h24}/until/{t1}/bucket/5m/agg/count,p99:duration/fill/zero/'
          'groups.jsonl',
    'Q9': 'any/where/span.db.query.text/contains/{text}/where/event.exception.message/contains/'
          '{text}/end/{S}/spans.jsonl',
    'Q10': 'where/name/re/{regex}/agg/count,sum:duration/groups.jsonl',
    'Q11': 'any/where/user.id/eq/{or_user}/where/session.id/eq/{or_session}/end/{S}/spans.jsonl',
    'Q12': 'service/checkout/descendant/service/payment/status/error/end/{S}/spans.jsonl',
    'Q13': 'distinct/http.route/groups.jsonl',
    'Q14': 'service/frontend/since/{x0}/until/{x1}/spans.jsonl',
    'Q15': 'group/name/agg/count,p50:duration,p95:duration,p99:duration/groups.jsonl',
    'Q16': 'bucket/1h/agg/distinct:user.id/groups.jsonl',
    'Q17': 'has/http.route/group/http.route/agg/count,p99:duration/sort/p99:duration:desc/'
           'limit/20/groups.jsonl',
    'Q18': 'since/{h24}/until/{t1}/group/resource.service.version/agg/count,error_rate/'
           'versus/previous/groups.jsonl',
    'Q19': 'has/gen_ai.request.model/bucket/day/group/gen_ai.request.model/agg/'
           'sum:tokens:total,sum:cost/groups.jsonl',
    'Q20': 'per/trace/group/service,name/agg/count,errors,p95:duration/groups.jsonl',
    'Q21': 'group/parent:service,service/agg/count,sum:duration/groups.jsonl',
    'Q22': 'service/frontend/since/{h24}/until/{t1}/compare/status/error/end/compare.jsonl',
}
# What tokens cost, as the mount is told; the peers' texts have the same numbers.
PRICES = 'price *.input=2.5,price *.output=10'
LATER = {'Q12'}


def path(q, p):
    """the file of a query, below a mount; values percent-encoded"""
    text = PATHS[q['id']].replace('{S}', S)
    for k, v in p.items():
        text = text.replace('{%s}' % k, urllib.parse.quote(str(v), safe=''))
    return text


ROW_D = "start_ns, tid(trace_id), sid(span_id), service, name, duration_ns, status"
ROW_C = "toUnixTimestamp64Nano(Timestamp), TraceId, SpanId, ServiceName, SpanName, Duration, StatusCode"
ROW_L = "start_ns, lower(hex(trace_id)), printf('%016x', span_id), service, name, duration_ns, status"
T = "fromUnixTimestamp64Nano(toInt64(%s))"

# what every DuckDB text may use
DUCK_MACROS = "CREATE OR REPLACE TEMP MACRO tid(x) AS replace(x::VARCHAR, '-', '')\n;;\nCREATE OR REPLACE TEMP MACRO sid(x) AS lower(lpad(hex(x), 16, '0'))"

# what every jq text may use; $S.. are strings so that nanoseconds stay exact
JQ_DEFS = r'''
def sp: .resourceSpans[] | (.resource.attributes[] | select(.key == "service.name").value.stringValue) as $svc | .scopeSpans[].spans[] | .svc = $svc;
def dur: ((.endTimeUnixNano[:-9] | tonumber) - (.startTimeUnixNano[:-9] | tonumber)) * 1000000000 + (.endTimeUnixNano[-9:] | tonumber) - (.startTimeUnixNano[-9:] | tonumber);
def at($k): first(.attributes[]? | select(.key == $k) | .value | (.stringValue // .intValue)) // null;
def row: [.startTimeUnixNano, .traceId, .spanId, .svc, .name, dur, (.status.code // 0)];
'''
# shell=(words for rg to pick lines, jq filter, what follows)

Q = [
 dict(id='Q1', title='One trace by its id', ask='all spans of trace {trace_id}, with everything they hold', cmp='set',
  duckdb="SELECT " + ROW_D + ", to_json(s)::VARCHAR FROM spans s WHERE trace_id = '{trace_id}'::UUID",
  clickhouse="WITH '{trace_id}' AS id, (SELECT min(Start) FROM otel.otel_traces_trace_id_ts WHERE TraceId = id) AS a, (SELECT max(End) + 1 FROM otel.otel_traces_trace_id_ts WHERE TraceId = id) AS b\nSELECT " + ROW_C + ", * FROM otel.otel_traces WHERE TraceId = id AND Timestamp >= a AND Timestamp <= b",
  sqlite="SELECT " + ROW_L + ", printf('%016x', parent_span_id), kind, status_message, scope, attrs, events, links, r.json FROM spans s JOIN resources r ON r.id = s.resource_id WHERE trace_id = x'{trace_id}'",
  shell=("{trace_id}", 'sp | select(.traceId == "{trace_id}") | row + [.]', '')),
 dict(id='Q2', title='Newest 100 of a service in the last hour', ask='service = frontend, started in the last hour, newest first, limit 100', cmp='order',
  duckdb="SELECT " + ROW_D + " FROM spans WHERE service = 'frontend' AND start_ns >= {h1} AND start_ns < {t1} ORDER BY start_ns DESC LIMIT 100",
  clickhouse="SELECT " + ROW_C + " FROM otel.otel_traces WHERE ServiceName = 'frontend' AND Timestamp >= " + T % '{h1}' + " AND Timestamp < " + T % '{t1}' + " ORDER BY Timestamp DESC LIMIT 100",
  sqlite="SELECT " + ROW_L + " FROM spans WHERE service = 'frontend' AND start_ns >= {h1} AND start_ns < {t1} ORDER BY start_ns DESC LIMIT 100",
  shell=('"stringValue":"frontend"', 'sp | select(.svc == "frontend" and .startTimeUnixNano >= "{h1}" and .startTimeUnixNano < "{t1}") | row', 'sort -r | head -n 100')),
 dict(id='Q3', title="A service's errors of a day", ask='service = payment and status = error, last 24 h', cmp='set',
  duckdb="SELECT " + ROW_D + " FROM spans WHERE service = 'payment' AND status = 2 AND start_ns >= {h24} AND start_ns < {t1}",
  clickhouse="SELECT " + ROW_C + " FROM otel.otel_traces WHERE ServiceName = 'payment' AND StatusCode = 'Error' AND Timestamp >= " + T % '{h24}' + " AND Timestamp < " + T % '{t1}',
  sqlite="SELECT " + ROW_L + " FROM spans WHERE service = 'payment' AND status = 2 AND start_ns >= {h24} AND start_ns < {t1}",
  shell=('"code":2', 'sp | select(.svc == "payment" and .status.code == 2 and .startTimeUnixNano >= "{h24}" and .startTimeUnixNano < "{t1}") | row', '')),
 dict(id='Q4', title='One user, all data', ask='user.id = {user_id} over all data (high-cardinality attribute)', cmp='set',
  duckdb="SELECT " + ROW_D + " FROM spans WHERE @s{user.id} = '{user_id}'",
  clickhouse="SELECT " + ROW_C + " FROM otel.otel_traces WHERE SpanAttributes['user.id'] = '{user_id}'",
  sqlite="SELECT " + ROW_L + " FROM spans WHERE attrs ->> '$.\"user.id\"' = '{user_id}'",
  shell=("{user_id}", 'sp | select(at("user.id") == "{user_id}") | row', '')),
 dict(id='Q5', title='HTTP 5xx of six hours', ask='http.response.status_code >= 500, last 6 h', cmp='set',
  duckdb="SELECT " + ROW_D + ", @i{http.response.status_code} FROM spans WHERE @i{http.response.status_code} >= 500 AND start_ns >= {h6} AND start_ns < {t1}",
  clickhouse="SELECT " + ROW_C + ", SpanAttributes['http.response.status_code'] FROM otel.otel_traces WHERE toUInt16OrZero(SpanAttributes['http.response.status_code']) >= 500 AND Timestamp >= " + T % '{h6}' + " AND Timestamp < " + T % '{t1}',
  sqlite="SELECT " + ROW_L + ", attrs ->> '$.\"http.response.status_code\"' FROM spans WHERE attrs ->> '$.\"http.response.status_code\"' >= 500 AND start_ns >= {h6} AND start_ns < {t1}",
  shell=('"http.response.status_code","value":{"intValue":"5', 'sp | select(.startTimeUnixNano >= "{h6}" and .startTimeUnixNano < "{t1}") | select((at("http.response.status_code") // "0" | tonumber) >= 500) | row', '')),
 dict(id='Q6', title='Slowest 20 over a second', ask='duration > 1 s, the 20 longest', cmp='order',
  duckdb="SELECT " + ROW_D + " FROM spans WHERE duration_ns > 1000000000 ORDER BY duration_ns DESC LIMIT 20",
  clickhouse="SELECT " + ROW_C + " FROM otel.otel_traces WHERE Duration > 1000000000 ORDER BY Duration DESC LIMIT 20",
  sqlite="SELECT " + ROW_L + " FROM spans WHERE duration_ns > 1000000000 ORDER BY duration_ns DESC LIMIT 20",
  shell=('', 'sp | dur as $d | select($d > 1000000000) | [$d] + row', "sort -t, -k1.2,1nr | head -n 20 | jq -c '.[1:]'")),
 dict(id='Q7', title='Count and p95 by service', ask='number of spans and p95 of duration for each service, all data', cmp='table_p',
  duckdb="SELECT service, count(*), quantile_disc(duration_ns, 0.95) FROM spans GROUP BY service ORDER BY service",
  clickhouse="SELECT ServiceName, count(), quantileExact(0.95)(Duration) FROM otel.otel_traces GROUP BY ServiceName ORDER BY ServiceName",
  sqlite="WITH d AS (SELECT service, duration_ns, row_number() OVER (PARTITION BY service ORDER BY duration_ns) AS rn, count(*) OVER (PARTITION BY service) AS n FROM spans) SELECT service, n, duration_ns FROM d WHERE rn = (n * 95 + 99) / 100 ORDER BY service",
  shell=('', 'sp | [.svc, dur] | @tsv', "sort -t'\t' -k1,1 -k2,2n | awk -F'\t' 'function out() { if (n) { i = int((n * 95 + 99) / 100); printf \"[\\\"%s\\\",%d,%s]\\n\", s, n, v[i] } } $1 != s { out(); s = $1; n = 0 } { v[++n] = $2 } END { out() }'")),
 dict(id='Q8', title='Time series with gap fill', ask='service = payment, last 24 h, 5-minute buckets: count and p99 of duration, empty buckets too', cmp='series',
  duckdb="WITH b AS (SELECT (start_ns - {h24}) // 300000000000 AS i, count(*) AS n, quantile_disc(duration_ns, 0.99) AS p FROM spans WHERE service = 'payment' AND start_ns >= {h24} AND start_ns < {t1} GROUP BY 1)\nSELECT {h24} + g * 300000000000, coalesce(n, 0), p FROM range(0, 288) r(g) LEFT JOIN b ON i = g ORDER BY g",
  clickhouse="SELECT toUnixTimestamp(toStartOfInterval(Timestamp, INTERVAL 5 MINUTE)) AS t, count(), quantileExact(0.99)(Duration) FROM otel.otel_traces WHERE ServiceName = 'payment' AND Timestamp >= " + T % '{h24}' + " AND Timestamp < " + T % '{t1}' + " GROUP BY t ORDER BY t WITH FILL FROM {h24s} TO {t1s} STEP 300",
  sqlite="WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM g WHERE i < 287), d AS MATERIALIZED (SELECT (start_ns - {h24}) / 300000000000 AS i, duration_ns, row_number() OVER w AS rn, count(*) OVER (PARTITION BY (start_ns - {h24}) / 300000000000) AS n FROM spans WHERE service = 'payment' AND start_ns >= {h24} AND start_ns < {t1} WINDOW w AS (PARTITION BY (start_ns - {h24}) / 300000000000 ORDER BY duration_ns)), e AS MATERIALIZED (SELECT * FROM d WHERE rn = (n * 99 + 99) / 100)\nSELECT {h24} + g.i * 300000000000, coalesce(n, 0), duration_ns FROM g LEFT JOIN e ON e.i = g.i ORDER BY g.i",
  shell=('"stringValue":"payment"', 'sp | select(.svc == "payment" and .startTimeUnixNano >= "{h24}" and .startTimeUnixNano < "{t1}") | [(((.startTimeUnixNano[:-9] | tonumber) - {h24s}) / 300 | floor), dur] | @tsv', "sort -n -k1,1 -k2,2 | awk -F'\t' 'function out() { if (n) { i = int((n * 99 + 99) / 100); c[b] = n; p[b] = v[i] } } $1 != b || !n { out(); b = $1; n = 0 } { v[++n] = $2 } END { out(); for (i = 0; i < 288; i++) if (i in c) printf \"[%d,%d,%d]\\n\", {h24s} + i * 300, c[i], p[i]; else printf \"[%d,0,null]\\n\", {h24s} + i * 300 }'")),
 dict(id='Q9', title='Text in queries and exceptions', ask='"{text}" within db.query.text or within the message of an exception event', cmp='set',
  duckdb="SELECT " + ROW_D + " FROM spans WHERE contains(@s{db.query.text}, '{text}') OR @exc{{text}}",
  clickhouse="SELECT " + ROW_C + " FROM otel.otel_traces WHERE SpanAttributes['db.query.text'] LIKE '%{text}%' OR arrayExists(m -> m['exception.message'] LIKE '%{text}%', Events.Attributes)",
  sqlite="SELECT " + ROW_L + " FROM spans WHERE instr(attrs ->> '$.\"db.query.text\"', '{text}') > 0 OR (instr(events, '{text}') > 0 AND EXISTS (SELECT 1 FROM json_each(events) e WHERE instr(e.value ->> '$.attrs.\"exception.message\"', '{text}') > 0))",
  shell=('{text}', 'sp | select((at("db.query.text") // "" | contains("{text}")) or any(.events[]?; .name == "exception" and (at("exception.message") // "" | contains("{text}")))) | row', '')),
 dict(id='Q10', title='Regular expression on the span name', ask='number and total duration of spans whose name matches {regex}', cmp='table',
  duckdb="SELECT count(*), sum(duration_ns)::BIGINT FROM spans WHERE regexp_matches(name, '{regex}')",
  clickhouse="SELECT count(), sum(Duration) FROM otel.otel_traces WHERE match(SpanName, '{regex_c}')",
  sqlite="SELECT count(*), sum(duration_ns) FROM spans WHERE name REGEXP '{regex}'",
  shell=('/api/', 'sp | select(.name | test("{regex_j}")) | dur', "awk '{ n++; s += $1 } END { printf \"[%d,%.0f]\\n\", n, s }'")),
 dict(id='Q11', title='Either of two attributes', ask='user.id = {or_user} or session.id = {or_session}', cmp='set',
  duckdb="SELECT " + ROW_D + " FROM spans WHERE @s{user.id} = '{or_user}' OR @s{session.id} = '{or_session}'",
  clickhouse="SELECT " + ROW_C + " FROM otel.otel_traces WHERE SpanAttributes['user.id'] = '{or_user}' OR SpanAttributes['session.id'] = '{or_session}'",
  sqlite="SELECT " + ROW_L + " FROM spans WHERE attrs ->> '$.\"user.id\"' = '{or_user}' OR attrs ->> '$.\"session.id\"' = '{or_session}'",
  shell=("{or_user}|{or_session}", 'sp | select(at("user.id") == "{or_user}" or at("session.id") == "{or_session}") | row', '')),
 dict(id='Q12', title='Structure: checkout above a failing payment', ask='spans of checkout that have a descendant of payment with status = error', cmp='set',
  duckdb="WITH RECURSIVE bad AS MATERIALIZED (SELECT trace_id, parent_span_id FROM spans WHERE service = 'payment' AND status = 2),\ncand AS MATERIALIZED (SELECT " + "start_ns, trace_id, span_id, parent_span_id, service, name, duration_ns, status" + " FROM spans WHERE trace_id IN (SELECT trace_id FROM bad)),\nup(trace_id, span_id) AS (SELECT trace_id, parent_span_id FROM bad UNION SELECT c.trace_id, c.parent_span_id FROM up JOIN cand c ON c.trace_id = up.trace_id AND c.span_id = up.span_id)\nSELECT " + ROW_D + " FROM cand SEMI JOIN up USING (trace_id, span_id) WHERE service = 'checkout'",
  # one statement with the candidates inlined is ten times slower (they are read again in every round), and a MATERIALIZED CTE is refused here
  clickhouse="DROP TEMPORARY TABLE IF EXISTS cand\n;;\nCREATE TEMPORARY TABLE cand ENGINE = Memory AS SELECT TraceId, SpanId, ParentSpanId FROM otel.otel_traces WHERE TraceId IN (SELECT TraceId FROM otel.otel_traces WHERE ServiceName = 'payment' AND StatusCode = 'Error')\n;;\nWITH RECURSIVE up AS (SELECT TraceId AS t, ParentSpanId AS p FROM otel.otel_traces WHERE ServiceName = 'payment' AND StatusCode = 'Error' UNION ALL SELECT c.TraceId, c.ParentSpanId FROM up JOIN cand AS c ON c.TraceId = up.t AND c.SpanId = up.p)\nSELECT " + ROW_C + " FROM otel.otel_traces WHERE ServiceName = 'checkout' AND (TraceId, SpanId) IN (SELECT t, p FROM up)",
  sqlite="WITH RECURSIVE up(trace_id, span_id) AS (SELECT trace_id, parent_span_id FROM spans WHERE service = 'payment' AND status = 2 UNION SELECT s.trace_id, s.parent_span_id FROM up JOIN spans s ON s.trace_id = up.trace_id AND s.span_id = up.span_id)\nSELECT start_ns, lower(hex(s.trace_id)), printf('%016x', s.span_id), service, name, duration_ns, status FROM up JOIN spans s ON s.trace_id = up.trace_id AND s.span_id = up.span_id WHERE s.service = 'checkout'",
  shell=('', 'sp | select(.svc == "payment" or .svc == "checkout") | [.traceId, .spanId, (.parentSpanId // "-"), .svc, (.status.code // 0)] | @tsv', "awk -F'\t' '{ k = $1 $2; par[k] = $1 $3; svc[k] = $4; if ($4 == \"payment\" && $5 == 2) bad[++n] = k } END { for (i = 1; i <= n; i++) for (k = par[bad[i]]; k in par; k = par[k]) if (svc[k] == \"checkout\") hit[k] = 1; for (k in hit) printf \"[0,\\\"%s\\\",\\\"%s\\\"]\\n\", substr(k, 1, 32), substr(k, 33) }'")),
 dict(id='Q13', title='Values of an attribute', ask='the distinct values of http.route', cmp='list',
  duckdb="SELECT DISTINCT @s{http.route} AS v FROM spans WHERE v IS NOT NULL ORDER BY v",
  clickhouse="SELECT DISTINCT SpanAttributes['http.route'] AS v FROM otel.otel_traces WHERE mapContains(SpanAttributes, 'http.route') ORDER BY v",
  sqlite="SELECT DISTINCT attrs ->> '$.\"http.route\"' AS v FROM spans WHERE v IS NOT NULL ORDER BY v",
  shell=('rg:"http\\.route","value":\\{"stringValue":"[^"]*', '', """sed 's/.*"//' | LC_ALL=C sort -u | sed 's/.*/["&"]/'""")),
 dict(id='Q14', title='Export an hour of a service', ask='every field of the spans of frontend in one hour (t1 - 7 h to t1 - 6 h), as JSON lines into a file', cmp='export',
  duckdb="COPY (SELECT * REPLACE (tid(trace_id) AS trace_id, sid(span_id) AS span_id, sid(parent_span_id) AS parent_span_id) FROM spans WHERE service = 'frontend' AND start_ns >= {x0} AND start_ns < {x1}) TO '{out}' (FORMAT json)",
  clickhouse="SELECT * FROM otel.otel_traces WHERE ServiceName = 'frontend' AND Timestamp >= " + T % '{x0}' + " AND Timestamp < " + T % '{x1}' + " INTO OUTFILE '{out}' TRUNCATE FORMAT JSONEachRow",
  sqlite="SELECT json_object('start_ns', start_ns, 'duration_ns', duration_ns, 'trace_id', lower(hex(trace_id)), 'span_id', printf('%016x', span_id), 'parent_span_id', printf('%016x', parent_span_id), 'service', service, 'name', name, 'kind', kind, 'status', status, 'status_message', status_message, 'scope', scope, 'resource', json(r.json), 'attrs', json(attrs), 'events', json(events), 'links', json(links)) FROM spans s JOIN resources r ON r.id = s.resource_id WHERE service = 'frontend' AND start_ns >= {x0} AND start_ns < {x1}",
  shell=('"stringValue":"frontend"', 'sp | select(.svc == "frontend" and .startTimeUnixNano >= "{x0}" and .startTimeUnixNano < "{x1}")', 'cat > {out}')),
 dict(id='Q15', title='Percentiles by name', ask='number of spans, p50, p95 and p99 of duration for each span name, all data', cmp='ranks1',
  duckdb="SELECT name, count(*), quantile_disc(duration_ns, 0.5), quantile_disc(duration_ns, 0.95), quantile_disc(duration_ns, 0.99) FROM spans GROUP BY name ORDER BY name",
  clickhouse="SELECT SpanName, count(), quantileExactLow(0.5)(Duration), quantileExact(0.95)(Duration), quantileExact(0.99)(Duration) FROM otel.otel_traces GROUP BY SpanName ORDER BY SpanName",
  sqlite="WITH d AS (SELECT name, duration_ns AS d, row_number() OVER (PARTITION BY name ORDER BY duration_ns) AS rn, count(*) OVER (PARTITION BY name) AS n FROM spans) SELECT name, max(n), max(d) FILTER (WHERE rn = (n * 50 + 99) / 100), max(d) FILTER (WHERE rn = (n * 95 + 99) / 100), max(d) FILTER (WHERE rn = (n * 99 + 99) / 100) FROM d GROUP BY name ORDER BY name",
  shell=None),
 dict(id='Q16', title='Distinct users by hour', ask='the number of different user.id of each hour, all data', cmp='cells',
  duckdb="SELECT start_ns // 3600000000000 * 3600000000000 AS t, count(DISTINCT @s{user.id}) FROM spans GROUP BY t ORDER BY t",
  clickhouse="SELECT toUnixTimestamp(toStartOfHour(Timestamp)) * 1000000000 AS t, uniqExactIf(SpanAttributes['user.id'], mapContains(SpanAttributes, 'user.id')) FROM otel.otel_traces GROUP BY t ORDER BY t",
  sqlite="SELECT start_ns / 3600000000000 * 3600000000000 AS t, count(DISTINCT attrs ->> '$.\"user.id\"') FROM spans GROUP BY t ORDER BY t",
  shell=None),
 dict(id='Q17', title='Slowest routes', ask='the 20 routes with the highest p99 of duration, with their number of spans', cmp='ranks1',
  duckdb="SELECT @s{http.route} AS r, count(*), quantile_disc(duration_ns, 0.99) AS p FROM spans WHERE r IS NOT NULL GROUP BY r ORDER BY p DESC, r LIMIT 20",
  clickhouse="SELECT SpanAttributes['http.route'] AS r, count(), quantileExact(0.99)(Duration) AS p FROM otel.otel_traces WHERE mapContains(SpanAttributes, 'http.route') GROUP BY r ORDER BY p DESC, r LIMIT 20",
  sqlite="WITH d AS (SELECT attrs ->> '$.\"http.route\"' AS r, duration_ns AS d FROM spans WHERE r IS NOT NULL), e AS (SELECT r, d, row_number() OVER (PARTITION BY r ORDER BY d) AS rn, count(*) OVER (PARTITION BY r) AS n FROM d) SELECT r, n, d FROM e WHERE rn = (n * 99 + 99) / 100 ORDER BY d DESC, r LIMIT 20",
  shell=None),
 dict(id='Q18', title='Error rate by version, against the day before', ask='spans and share of errors of each service.version of the last 24 h, each beside the 24 h before', cmp='cells',
  duckdb="WITH g AS (SELECT @r{service.version} AS v, count(*) FILTER (WHERE start_ns >= {h24}) AS n, count(*) FILTER (WHERE start_ns < {h24}) AS b, count(*) FILTER (WHERE start_ns >= {h24} AND status = 2) / nullif(n, 0) AS e, count(*) FILTER (WHERE start_ns < {h24} AND status = 2) / nullif(b, 0) AS f FROM spans WHERE start_ns >= {h48} AND start_ns < {t1} GROUP BY v)\nSELECT v, n, nullif(b, 0), n - nullif(b, 0), e, f, e - f FROM g WHERE n > 0 ORDER BY v",
  clickhouse="WITH " + T % '{h24}' + " AS h\nSELECT ResourceAttributes['service.version'] AS v, countIf(Timestamp >= h) AS n, nullIf(countIf(Timestamp < h), 0) AS b, n - b, countIf(Timestamp >= h AND StatusCode = 'Error') / n AS e, countIf(Timestamp < h AND StatusCode = 'Error') / b AS f, e - f FROM otel.otel_traces WHERE Timestamp >= " + T % '{h48}' + " AND Timestamp < " + T % '{t1}' + " GROUP BY v HAVING n > 0 ORDER BY v",
  sqlite="WITH g AS (SELECT r.json ->> '$.\"service.version\"' AS v, count(*) FILTER (WHERE start_ns >= {h24}) AS n, nullif(count(*) FILTER (WHERE start_ns < {h24}), 0) AS b, count(*) FILTER (WHERE start_ns >= {h24} AND status = 2) AS e, count(*) FILTER (WHERE start_ns < {h24} AND status = 2) AS f FROM spans s JOIN resources r ON r.id = s.resource_id WHERE start_ns >= {h48} AND start_ns < {t1} GROUP BY v)\nSELECT v, n, b, n - b, 1.0 * e / n, 1.0 * f / b, 1.0 * e / n - 1.0 * f / b FROM g WHERE n > 0 ORDER BY v",
  shell=None),
 dict(id='Q19', title='Tokens and cost by model and day', ask='input and output tokens and their cost of each gen_ai.request.model and day', cmp='cells',
  duckdb="SELECT start_ns // 86400000000000 * 86400000000000 AS t, @s{gen_ai.request.model} AS m, sum(coalesce(@i{gen_ai.usage.input_tokens}, 0) + coalesce(@i{gen_ai.usage.output_tokens}, 0))::BIGINT, sum(coalesce(@i{gen_ai.usage.input_tokens}, 0) * 2.5::DOUBLE + coalesce(@i{gen_ai.usage.output_tokens}, 0) * 10::DOUBLE) / 1e6 FROM spans WHERE m IS NOT NULL GROUP BY t, m ORDER BY t, m",
  clickhouse="WITH toInt64OrZero(SpanAttributes['gen_ai.usage.input_tokens']) AS i, toInt64OrZero(SpanAttributes['gen_ai.usage.output_tokens']) AS o\nSELECT toUnixTimestamp(toStartOfDay(Timestamp)) * 1000000000 AS t, SpanAttributes['gen_ai.request.model'] AS m, sum(i + o), sum(i * 2.5 + o * 10.) / 1e6 FROM otel.otel_traces WHERE mapContains(SpanAttributes, 'gen_ai.request.model') GROUP BY t, m ORDER BY t, m",
  sqlite="WITH d AS (SELECT start_ns / 86400000000000 * 86400000000000 AS t, attrs ->> '$.\"gen_ai.request.model\"' AS m, coalesce(attrs ->> '$.\"gen_ai.usage.input_tokens\"', 0) AS i, coalesce(attrs ->> '$.\"gen_ai.usage.output_tokens\"', 0) AS o FROM spans WHERE m IS NOT NULL)\nSELECT t, m, sum(i + o), sum(i * 2.5 + o * 10.0) / 1e6 FROM d GROUP BY t, m ORDER BY t, m",
  shell=None),
 dict(id='Q20', title='Traces by their root', ask='for each service and name of a root: traces, those with an error, p95 of their duration', cmp='ranks2',
  duckdb="WITH t AS (SELECT min(CASE WHEN parent_span_id IS NULL OR parent_span_id = 0 THEN {a: start_ns, b: span_id, s: service, n: name} END) AS r, max(start_ns + duration_ns) - min(start_ns) AS d, bool_or(status = 2) AS e FROM spans GROUP BY trace_id)\nSELECT r.s, r.n, count(*), count(*) FILTER (WHERE e), quantile_disc(d, 0.95) FROM t GROUP BY ALL ORDER BY ALL",
  clickhouse="SELECT s, n, count(), countIf(e), quantileExact(0.95)(d) FROM (SELECT argMinIf((ServiceName, SpanName), (Timestamp, SpanId), ParentSpanId = '') AS r, r.1 AS s, r.2 AS n, toUInt64(max(toUnixTimestamp64Nano(Timestamp) + Duration) - min(toUnixTimestamp64Nano(Timestamp))) AS d, max(StatusCode = 'Error') AS e FROM otel.otel_traces GROUP BY TraceId) GROUP BY s, n ORDER BY s, n",
  sqlite="WITH t AS (SELECT trace_id, max(start_ns + duration_ns) - min(start_ns) AS d, max(status = 2) AS e FROM spans GROUP BY trace_id), r AS (SELECT trace_id, service, name, row_number() OVER (PARTITION BY trace_id ORDER BY start_ns, span_id) AS k FROM spans WHERE parent_span_id IS NULL), u AS (SELECT service, name, d, e, row_number() OVER (PARTITION BY service, name ORDER BY d) AS rn, count(*) OVER (PARTITION BY service, name) AS n FROM t JOIN r USING (trace_id) WHERE k = 1)\nSELECT service, name, max(n), sum(e), max(d) FILTER (WHERE rn = (n * 95 + 99) / 100) FROM u GROUP BY service, name ORDER BY service, name",
  shell=None),
 dict(id='Q21', title="By the parent's service", ask="spans and their total duration for each service of a parent span and service of the span", cmp='cells',
  duckdb="SELECT p.service AS a, s.service AS b, count(*), sum(s.duration_ns)::BIGINT FROM spans s LEFT JOIN spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_span_id GROUP BY a, b ORDER BY a NULLS LAST, b",
  clickhouse="SELECT nullIf(p.ServiceName, '') AS a, s.ServiceName AS b, count(), sum(s.Duration) FROM otel.otel_traces AS s LEFT JOIN (SELECT TraceId, SpanId, ServiceName FROM otel.otel_traces) AS p ON p.TraceId = s.TraceId AND p.SpanId = s.ParentSpanId GROUP BY a, b ORDER BY a ASC NULLS LAST, b",
  sqlite="SELECT p.service AS a, s.service AS b, count(*), sum(s.duration_ns) FROM spans s LEFT JOIN spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_span_id GROUP BY a, b ORDER BY a IS NULL, a, b",
  shell=None),
 dict(id='Q22', title='What is different about the errors', ask="the 100 values of span attributes whose share differs most between frontend's errors of 24 h and its other spans; keys with over 10,000 values left out", cmp='compare',
  duckdb="WITH kv AS (SELECT * FROM @kv{SELECT status = 2 AS err, * FROM spans WHERE service = 'frontend' AND start_ns >= {h24} AND start_ns < {t1}}), n AS (SELECT count(*) FILTER (WHERE status = 2) AS e, count(*) FILTER (WHERE status <> 2) AS o FROM spans WHERE service = 'frontend' AND start_ns >= {h24} AND start_ns < {t1}), g AS (SELECT k, v, count(*) FILTER (WHERE err) AS a, count(*) FILTER (WHERE NOT err) AS b, count(*) OVER (PARTITION BY k) AS m FROM kv GROUP BY k, v)\nSELECT k, v, a, b FROM g, n WHERE m <= 10000 ORDER BY abs(a / e - b / o) DESC, k, v LIMIT 100",
  clickhouse="WITH (SELECT (countIf(StatusCode = 'Error'), countIf(StatusCode != 'Error')) FROM otel.otel_traces WHERE ServiceName = 'frontend' AND Timestamp >= " + T % '{h24}' + " AND Timestamp < " + T % '{t1}' + ") AS n\nSELECT k, v, a, b FROM (SELECT kv.1 AS k, kv.2 AS v, countIf(err) AS a, countIf(NOT err) AS b, count() OVER (PARTITION BY k) AS m FROM (SELECT arrayJoin(SpanAttributes) AS kv, StatusCode = 'Error' AS err FROM otel.otel_traces WHERE ServiceName = 'frontend' AND Timestamp >= " + T % '{h24}' + " AND Timestamp < " + T % '{t1}' + ") GROUP BY k, v) WHERE m <= 10000 ORDER BY abs(a / n.1 - b / n.2) DESC, k, v LIMIT 100",
  sqlite="WITH s AS MATERIALIZED (SELECT status = 2 AS err, attrs FROM spans WHERE service = 'frontend' AND start_ns >= {h24} AND start_ns < {t1}), n AS (SELECT sum(err) AS e, sum(NOT err) AS o FROM s), g AS (SELECT key AS k, value AS v, count(*) FILTER (WHERE err) AS a, count(*) FILTER (WHERE NOT err) AS b, count(*) OVER (PARTITION BY key) AS m FROM s, json_each(s.attrs) GROUP BY key, value)\nSELECT k, CASE typeof(v) WHEN 'text' THEN v ELSE CAST(v AS TEXT) END, a, b FROM g, n WHERE m <= 10000 ORDER BY abs(1.0 * a / e - 1.0 * b / o) DESC, k, v LIMIT 100",
  shell=None),
]


def fill(text, p, out='out.jsonl'):
    for k, v in p.items():
        text = text.replace('{%s}' % k, str(v))
    p2 = {'h48': 2 * p['h24'] - p['t1'], 'h24s': p['h24'] // 10**9, 't1s': p['t1'] // 10**9, 'regex_c': p['regex'].replace('\\', '\\\\'), 'regex_j': p['regex'].replace('\\', '\\\\'), 'out': out}
    for k, v in p2.items():
        text = text.replace('{%s}' % k, str(v))
    return text


# Columns of the shredded layout that are no attributes of spans.
FIXED = ('start_ns duration_ns trace_id span_id parent_span_id trace_state service name kind status '
         'status_message scope_name scope_version flags attrs_rest events links '
         'exception_message err').split()


def key_values(text, layout):
    """attributes of rows of a SELECT that has `err`, as rows (err, k, v)"""
    head, tag, rest = text.partition('@kv{')
    if not tag:
        return text
    select, rest = rest.split('}', 1)
    if layout == 'map':
        each = 'SELECT err, unnest(map_keys(attrs)) AS k, unnest(map_values(attrs)) AS v FROM (%s)' % select
    else:
        fixed = ', '.join("'%s'" % c for c in FIXED)
        each = ("SELECT err, k, v FROM (UNPIVOT (SELECT err, COLUMNS(c -> c NOT IN (%s) AND c NOT LIKE "
                "'resource.%%')::VARCHAR FROM (%s)) ON COLUMNS(* EXCLUDE (err)) INTO NAME k VALUE v) "
                "UNION ALL SELECT err, unnest(map_keys(attrs_rest)), unnest(map_values(attrs_rest)) FROM (%s)"
                % (fixed, select, select))
    return head + '(' + each + ')' + rest


def duck(text, layout):
    """@s{k}, @i{k} and @r{k} for the layout: 'map' or 'shred'; @kv{SELECT} as keys and values"""
    text = key_values(text, layout)
    out, i = '', 0
    while i < len(text):
        for tag in ('@s{', '@i{', '@r{', '@exc{'):
            if text.startswith(tag, i):
                j = text.index('}', i)
                if text[i + len(tag)] == '{':      # a placeholder not yet filled in
                    j += 1
                k = text[i + len(tag):j]
                if tag == '@exc{':
                    out += ("contains(exception_message, '%s')" if layout == 'shred' else "(len(events) > 0 AND len(list_filter(events, lambda e: contains(e.attrs['exception.message'], '%s'))) > 0)") % k
                elif tag == '@r{':
                    out += '"resource.%s"' % k if layout == 'shred' else "resource['%s']" % k
                elif layout == 'shred':
                    out += '"%s"' % k
                else:
                    out += "attrs['%s']" % k if tag == '@s{' else "TRY_CAST(attrs['%s'] AS BIGINT)" % k
                i = j + 1
                break
        else:
            out += text[i]
            i += 1
    return out


def shell(q, p):
    """(script, jq text): rg picks candidate lines, jq the spans, then the rest; half of the files on each core.
    The script reads $A and $B (lists of files), $JQ (file with the jq text), $T (prefix for its files), $OUT."""
    pat, jq, tail = q['shell']
    tail = fill(tail, p, '"$OUT"')
    if pat.startswith('rg:'):
        return "rg -oNI -j2 '%s' $A $B | %s" % (pat[3:], tail), ''
    pat, jq = fill(pat, p), fill(jq, p)
    run = "jq %s -f $JQ" % ('-r' if '@tsv' in jq else '-c')
    one = '%s "$@"' % run
    if pat:
        one = "rg -j1 -NI%s '%s' \"$@\" | %s" % ('' if '|' in pat else 'F', pat, run)
    return 'f() { %s; }; f $A > $T.a & f $B > $T.b; wait; cat $T.a $T.b%s' % (one, ' | ' + tail if tail else ''), JQ_DEFS + jq


