# SPDX-License-Identifier: ISC
"""The peers: loading each from the JSON lines, and asking each its text of a query.

    pq-map      DuckDB over Parquet, a file an hour, attributes in a MAP (not by default)
    pq-shred    the same with a typed column for every attribute that is not rare
    duckdb      the shredded columns in a table of DuckDB's own
    clickhouse  the Collector exporter's otel_traces with its skip indexes and trace_id_ts
    sqlite      attributes as JSON, ten indexes
    shell       rg and jq over the files

The engines' libraries come with their npm packages and run inside host.c. DuckDB's peers share a
staging table, whose time is part of each one's load time. A dataset is a folder of the work
folder: data/, truth.json, the stores, and load.json with what loading took.
"""
import glob, json, os, re, shutil, sys, tempfile, time

import queries as qs
from measure import HERE, NCPU, busy, log, quiet, size, spawn, spawn_json, work

COLUMN = ['pq-map', 'pq-shred', 'duckdb', 'clickhouse']
LABEL = {'pq-map': 'Parquet MAP', 'pq-shred': 'Parquet', 'duckdb': 'DuckDB table',
         'clickhouse': 'ClickHouse', 'sqlite': 'SQLite', 'shell': 'rg + jq', 'spanfs': 'spanfs'}
NPM = work('npm', 'node_modules')
LIB = {'duckdb': os.path.join(NPM, '@duckdb/node-bindings-linux-x64/libduckdb.so'),
       'chdb': os.path.join(NPM, '@chdb/lib-linux-x64-gnu/libchdb.so'),
       'sqlite': 'libsqlite3.so.0'}
HOST = work('bin', 'host')


def host_argv(engine, db, init=None, warm=0, out=None):
    argv = [HOST, engine, LIB[engine], db, '-n', str(warm)]
    if init:
        argv += ['-i', init]
    if out:
        argv += ['-o', out]
    return argv


def host(engine, db, sql, **more):
    """runs sql in an engine; see host.c for the figures"""
    r = spawn_json(host_argv(engine, db, **more), stdin=sql)
    r['rss_kb'] = max(r['rss_kb'], 0)
    return r


# ---------------------------------------------------------------- loading

KV_D = ('STRUCT("key" VARCHAR, "value" STRUCT(stringValue VARCHAR, intValue VARCHAR, '
        'boolValue VARCHAR, doubleValue VARCHAR, arrayValue JSON))[]')
KV_C = ('Array(Tuple(key String, value Tuple(stringValue Nullable(String), '
        'intValue Nullable(String), boolValue Nullable(Bool), doubleValue Nullable(Float64), '
        'arrayValue Nullable(String))))')
VAL_C = ("coalesce(a.value.stringValue, a.value.intValue, toString(a.value.boolValue), "
         "toString(a.value.doubleValue), a.value.arrayValue, '')")
MAP_D = ('map_from_entries(list_transform(%s, lambda x: {k: x.key, v: coalesce('
         'x.value.stringValue, x.value.intValue, x.value.boolValue, x.value.doubleValue, '
         'x.value.arrayValue::VARCHAR)}))')
KEYS_D = ("SELECT k FROM (SELECT unnest(map_keys(attrs)) AS k, unnest(map_values(attrs)) AS v "
          "FROM (SELECT attrs FROM stage LIMIT 300000)) "
          "GROUP BY k HAVING bool_and(coalesce(try_cast(v AS BIGINT)::VARCHAR = v, false))")
COPY_D = ("COPY (SELECT %s FROM stage WHERE start_ns >= %d AND start_ns < %d "
          "ORDER BY service, name, start_ns) TO '%s' (FORMAT parquet, COMPRESSION zstd, "
          "COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880, DICTIONARY_SIZE_LIMIT 60000)")
TABLE_D = ("SET memory_limit = '8GB'\n;;\nATTACH '%s' AS st (READ_ONLY)\n;;\n"
           "CREATE TABLE spans AS SELECT\n  %s\nFROM st.stage "
           "ORDER BY start_ns // 3600000000000, service, name, start_ns\n;;\nCHECKPOINT")
SIZE_C = ("SELECT sum(bytes_on_disk), sumIf(bytes_on_disk, table = 'otel_traces') "
          "FROM system.parts WHERE active AND database = 'otel'")
SPAN_COLUMNS = ['start_ns', 'duration_ns', 'trace_id', 'span_id', 'parent_span_id', 'trace_state',
                'service', 'name', 'kind', 'status', 'status_message', 'scope_name',
                'scope_version', 'flags']
RESOURCE_COLUMNS = ['service.namespace', 'service.version', 'service.instance.id',
                    'deployment.environment.name', 'k8s.pod.name', 'k8s.namespace.name',
                    'host.name', 'process.pid', 'os.type', 'telemetry.sdk.name',
                    'telemetry.sdk.language', 'telemetry.sdk.version']


def sql_file(name):
    return open(os.path.join(HERE, 'sql', name)).read()


class Dataset:
    """a folder of the work folder; paths are relative to the work folder, where hosts run"""

    def __init__(self, name):
        os.chdir(work())
        self.name = name
        self.truth = json.load(open(self.at('truth.json')))
        self.files = sorted(glob.glob(self.at('data', '*.jsonl')))
        self.expected = json.load(open(self.at('expected.json')))
        self.params = self.expected['params']
        path = self.at('load.json')
        self.loads = json.load(open(path)) if os.path.exists(path) else {}

    def at(self, *p):
        return os.path.join(self.name, *p)

    def put_load(self, peer, **figures):
        self.loads[peer] = figures
        json.dump(self.loads, open(self.at('load.json'), 'w'), indent=1)
        log('load', self.name, peer, figures)


def timed(f):
    """f's {cpu_s, rss_kb} with wall seconds and the share of others"""
    quiet()
    t, b = time.monotonic(), busy()
    r = f()
    wall = time.monotonic() - t
    others = max(0, busy() - b - r['cpu_s']) / (NCPU * wall)
    return {**r, 'wall_s': round(wall, 2), 'others': round(others, 3)}


def run_sql(engine, db, sql):
    r = host(engine, db, sql)
    return {'cpu_s': round(r['cpu_ms'] / 1e3, 1), 'rss_kb': r['rss_kb']}


def stage_select(files):
    s = sql_file('duckdb-stage.sql').replace('{kv}', KV_D)
    s = s.replace('{files}', '[' + ', '.join("'%s'" % f for f in files) + ']')
    return re.sub(r'\{map:([A-Za-z.]+)\}', lambda m: MAP_D % m.group(1), s)


def stage(ds):
    db = ds.at('stage.duckdb')
    if 'stage' in ds.loads and os.path.exists(db):
        return
    for f in glob.glob(db + '*'):
        os.remove(f)
    steps = [sql_file('duckdb-stage-table.sql')]
    steps += [stage_select(ds.files[i:i + 10]) for i in range(0, len(ds.files), 10)]
    r = timed(lambda: run_sql('duckdb', db, '\n;;\n'.join(steps + ['CHECKPOINT'])))
    ds.put_load('stage', bytes=size(db), **r)


def shred_columns(ds):
    """the select list of the shredded layout: an attribute of 0.2 % of spans gets a column"""
    counts = ds.expected['attribute_keys']
    keys = [k for k, n in counts.items() if n >= ds.expected['spans'] * 0.002]
    with tempfile.NamedTemporaryFile('r') as f:
        host('duckdb', ds.at('stage.duckdb'), KEYS_D, out=f.name)
        ints = {json.loads(l)[0] for l in open(f.name)}
    cols = list(SPAN_COLUMNS)
    cols += ['resource[\'%s\'] AS "resource.%s"' % (k, k) for k in RESOURCE_COLUMNS]
    cols += ['attrs[\'%s\']%s AS "%s"' % (k, '::BIGINT' if k in ints else '', k) for k in keys]
    cols += ['map_from_entries(list_filter(map_entries(attrs), lambda e: e.key NOT IN (%s))) '
             'AS attrs_rest' % ', '.join("'%s'" % k for k in keys),
             "list_filter(events, lambda e: e.name = 'exception')[1]"
             ".attrs['exception.message'] AS exception_message", 'events', 'links']
    return ',\n  '.join(cols)


def with_stage(ds, r, nbytes):
    st = ds.loads['stage']
    return {'wall_s': round(r['wall_s'] + st['wall_s'], 2), 'own_wall_s': r['wall_s'],
            'others': max(r['others'], st['others']), 'bytes': nbytes,
            'cpu_s': round(r['cpu_s'] + st['cpu_s'], 1),
            'rss_kb': max(r['rss_kb'], st['rss_kb'])}


def load_parquet(ds, layout):
    stage(ds)
    out = ds.at(layout)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    cols = '*' if layout == 'pq-map' else shred_columns(ds)
    hour = 3600 * 10**9
    steps = ["SET preserve_insertion_order = true"]
    for h in range(int(ds.truth['start_unix_nano']), int(ds.truth['end_unix_nano']), hour):
        name = time.strftime('%Y-%m-%dT%H', time.gmtime(h // 10**9)) + '.parquet'
        steps.append(COPY_D % (cols, h, h + hour, os.path.join(out, name)))
    r = timed(lambda: run_sql('duckdb', ds.at('stage.duckdb'), '\n;;\n'.join(steps)))
    ds.put_load(layout, **with_stage(ds, r, size(out)))


def load_duckdb(ds):
    stage(ds)
    db = ds.at('spans.duckdb')
    for f in glob.glob(db + '*'):
        os.remove(f)
    s = TABLE_D % (ds.at('stage.duckdb'), shred_columns(ds))
    r = timed(lambda: run_sql('duckdb', db, s))
    ds.put_load('duckdb', **with_stage(ds, r, size(db)))


def load_clickhouse(ds):
    db = ds.at('clickhouse')
    shutil.rmtree(db, ignore_errors=True)
    host('chdb', db, sql_file('clickhouse-schema.sql'))
    insert = sql_file('clickhouse-load.sql').replace('{kv}', KV_C).replace('{val}', VAL_C)
    steps = [insert.replace('{files}', '{' + ','.join(ds.files[i:i + 20]) + '}')
             for i in range(0, len(ds.files), 20)]
    r = timed(lambda: run_sql('chdb', db, '\n;;\n'.join(steps)))
    o = timed(lambda: run_sql('chdb', db, 'OPTIMIZE TABLE otel.otel_traces FINAL\n;;\n'
                              'OPTIMIZE TABLE otel.otel_traces_trace_id_ts FINAL'))
    with tempfile.NamedTemporaryFile('r') as f:
        host('chdb', db, SIZE_C, out=f.name)
        total, main = map(int, json.loads(open(f.name).readline()))
    ds.put_load('clickhouse', optimize_s=o['wall_s'], bytes=total, bytes_main=main, **r)


def load_sqlite(ds):
    db = ds.at('spans.sqlite')
    for f in glob.glob(db + '*'):
        os.remove(f)

    def run():
        r = spawn([sys.executable, os.path.join(HERE, 'load_sqlite.py'), db] + ds.files)
        return {'cpu_s': round(r['cpu_ms'] / 1e3, 1), 'rss_kb': r['rss_kb']}
    r = timed(run)
    ds.put_load('sqlite', bytes=size(db), **r)


def load(ds, peer):
    """a peer's store, unless it is there"""
    if peer == 'shell' or peer in ds.loads and ds.loads[peer].get('bytes'):
        return
    if peer in ('pq-map', 'pq-shred'):
        load_parquet(ds, peer)
    else:
        {'duckdb': load_duckdb, 'clickhouse': load_clickhouse, 'sqlite': load_sqlite}[peer](ds)


# ---------------------------------------------------------------- asking

def setup(ds, peer):
    """(engine, database, init file or None)"""
    if peer == 'sqlite':
        return 'sqlite', ds.at('spans.sqlite'), None
    init = ds.at('init-%s.sql' % peer)
    if peer == 'clickhouse':    # else a repeated filter is answered from a cache of its answers
        text = 'SET use_query_condition_cache = 0'
    else:
        text = qs.DUCK_MACROS
        if peer != 'duckdb':
            text += ("\n;;\nSET parquet_metadata_cache = true\n;;\nCREATE VIEW spans AS "
                     "SELECT * FROM read_parquet('%s/*.parquet')" % ds.at(peer))
    with open(init, 'w') as f:
        f.write(text)
    if peer == 'clickhouse':
        return 'chdb', ds.at('clickhouse'), init
    return 'duckdb', ds.at('spans.duckdb') if peer == 'duckdb' else ':memory:', init


def text(ds, peer, q):
    """the query as the peer is asked it"""
    out = ds.at('export-%s.jsonl' % peer)
    if peer in ('pq-map', 'pq-shred', 'duckdb'):
        return qs.duck(qs.fill(q['duckdb'], ds.params, out), 'map' if peer == 'pq-map' else 'shred')
    return qs.fill(q[peer], ds.params, out)


def ask(ds, peer, q, warm=0, out=None):
    e, db, init = setup(ds, peer)
    return host(e, db, text(ds, peer, q), init=init, warm=warm, out=out)


def command(ds, peer, q):
    """(argv, file of its standard input): the whole process of a query"""
    e, db, init = setup(ds, peer)
    stdin = ds.at('q-%s.sql' % peer)
    with open(stdin, 'w') as f:
        f.write(text(ds, peer, q))
    return host_argv(e, db, init=init), stdin


def ask_shell(ds, q, out):
    script, jq = qs.shell(q, ds.params)
    jf = ds.at('q.jq')
    with open(jf, 'w') as f:
        f.write(jq)
    env = dict(os.environ, LC_ALL='C', A=' '.join(ds.files[0::2]), B=' '.join(ds.files[1::2]),
               JQ=jf, T=ds.at('shell'), OUT=ds.at('export-shell.jsonl'))
    r = spawn(['bash', '-c', script], env=env)
    with open(out, 'w') as f:
        f.write(r.pop('out'))
    return r


def answer(ds, peer, q):
    """the lines of a peer's answer, and what asking took"""
    out = ds.at('answer.txt')
    r = ask_shell(ds, q, out) if peer == 'shell' else ask(ds, peer, q, out=out)
    if q['cmp'] == 'export' and peer != 'sqlite':
        out = ds.at('export-%s.jsonl' % peer)
    with open(out) as f:
        return [l for l in f.read().split('\n') if l], r
