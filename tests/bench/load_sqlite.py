#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""load_sqlite.py DB FILE...   OTLP/JSON lines into SQLite, the way a script would: one transaction, indexes after."""
import json, sqlite3, sys


def val(v):
    for k in ('stringValue', 'doubleValue', 'boolValue'):
        if k in v:
            return v[k]
    if 'intValue' in v:
        return int(v['intValue'])
    return [val(x) for x in v['arrayValue'].get('values', ())] if 'arrayValue' in v else None


def attrs(a):
    return {x['key']: val(x['value']) for x in a}


def s64(h):
    v = int(h, 16)
    return v - (1 << 64) if v >> 63 else v


def rows(files, con):
    resources, dumps = {}, lambda o: json.dumps(o, separators=(',', ':'), ensure_ascii=False)
    for path in files:
        with open(path, encoding='utf-8') as f:
            for line in f:
                for rs in json.loads(line)['resourceSpans']:
                    res = attrs(rs['resource']['attributes'])
                    svc = res['service.name']
                    rj = dumps(res)
                    rid = resources.get(rj)
                    if rid is None:
                        rid = resources[rj] = len(resources) + 1
                        con.execute('INSERT INTO resources VALUES (?, ?)', (rid, rj))
                    for ss in rs['scopeSpans']:
                        scope = ss['scope'].get('name', '')
                        for s in ss['spans']:
                            st = int(s['startTimeUnixNano'])
                            ev, ln = s.get('events'), s.get('links')
                            yield (st, int(s['endTimeUnixNano']) - st, bytes.fromhex(s['traceId']), s64(s['spanId']), s64(s['parentSpanId']) if s.get('parentSpanId') else None,
                                   svc, s['name'], s['kind'], s['status'].get('code', 0), s['status'].get('message'), scope, rid, dumps(attrs(s.get('attributes', ()))),
                                   dumps([{'t': int(e['timeUnixNano']), 'name': e['name'], 'attrs': attrs(e.get('attributes', ()))} for e in ev]) if ev else None,
                                   dumps([{'trace_id': l['traceId'], 'span_id': l['spanId'], 'attrs': attrs(l.get('attributes', ()))} for l in ln]) if ln else None)


def main():
    con = sqlite3.connect(sys.argv[1], isolation_level=None)
    con.executescript('''PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -2000000; PRAGMA page_size = 8192;
        CREATE TABLE resources (id INTEGER PRIMARY KEY, json TEXT);
        CREATE TABLE spans (start_ns INTEGER, duration_ns INTEGER, trace_id BLOB, span_id INTEGER, parent_span_id INTEGER, service TEXT, name TEXT, kind INTEGER,
          status INTEGER, status_message TEXT, scope TEXT, resource_id INTEGER, attrs TEXT, events TEXT, links TEXT);
        BEGIN;''')
    con.executemany('INSERT INTO spans VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)', rows(sys.argv[2:], con))
    con.execute('COMMIT')
    con.executescript('''
        CREATE INDEX by_trace ON spans (trace_id, span_id);
        CREATE INDEX by_service_time ON spans (service, start_ns);
        CREATE INDEX by_service_duration ON spans (service, duration_ns);
        CREATE INDEX by_error ON spans (service, start_ns) WHERE status = 2;
        CREATE INDEX by_duration ON spans (duration_ns) WHERE duration_ns > 100000000;
        CREATE INDEX by_name ON spans (name, duration_ns);
        CREATE INDEX by_user ON spans (attrs ->> '$."user.id"') WHERE attrs ->> '$."user.id"' IS NOT NULL;
        CREATE INDEX by_session ON spans (attrs ->> '$."session.id"') WHERE attrs ->> '$."session.id"' IS NOT NULL;
        CREATE INDEX by_status ON spans (attrs ->> '$."http.response.status_code"', start_ns) WHERE attrs ->> '$."http.response.status_code"' IS NOT NULL;
        CREATE INDEX by_route ON spans (attrs ->> '$."http.route"') WHERE attrs ->> '$."http.route"' IS NOT NULL;
        ANALYZE;''')
    con.close()


if __name__ == '__main__':
    main()
