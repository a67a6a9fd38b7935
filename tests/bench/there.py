#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A store and the same spans in ClickHouse: is each answer the same?

    there.py --spanctl PATH --store DIR --url URL [--database NAME] [-n 2000] [--seed 1] [--jobs 2]
             [--only bench,golden,generated] [--seconds 120]

By hand: the spans must be there, by `spanctl -s DIR -o clickhouse.url=URL export --create /` of a store of
`tracegen --seed 42` (bench.py makes one). Asked are the questions of queries.py, the paths of
tests/golden and -n generated ones; answers are compared byte by byte. Where they differ, lines of JSON
are compared without what a table doesn't keep (spanfs(1), CLICKHOUSE: flags, and whether an attribute was a text
where it is spelled as a number or a boolean), and counted as `typed`. What takes over --seconds is counted as slow
and not as a difference; --total ends the run after that many seconds.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import queries as qs  # noqa: E402

MINUTE = 60 * 10 ** 9


def untyped(v):
    """a value as a table gives it"""
    if isinstance(v, dict):
        return {k: untyped(x) for k, x in v.items() if k != 'flags'}
    if isinstance(v, list):
        return [untyped(x) for x in v]
    if isinstance(v, str):
        try:
            other = json.loads(v)
        except ValueError:
            return v
        return other if isinstance(other, (int, float, bool)) and json.dumps(other) == v else v
    return v


def same_but_types(path, a, b):
    if path.endswith('spans.csv'):
        # In the column of attributes, and that of flags.
        a, b = (re.sub(rb'""(-?[0-9.]+|true|false)""', rb'\1', x) for x in (a, b))
        a = re.sub(rb',257,$', rb',,', a, flags=re.M)
        return a == b
    try:
        return [untyped(json.loads(x)) for x in a.splitlines()] == [untyped(json.loads(x)) for x in b.splitlines()]
    except ValueError:
        return False


class Sides:
    def __init__(self, args, now):
        self.args = args
        self.end = time.monotonic() + args.total
        common = ['-c', '/dev/null', '-o', 'mount.now=%d' % now, '-o', 'browse.strict_names=no']
        for price in qs.PRICES.split(','):
            common += ['-o', price]
        self.here = [args.spanctl] + common + ['-s', args.store]
        self.there = [args.spanctl] + common + ['-s', 'clickhouse', '-o', 'clickhouse.url=' + args.url,
                                               '-o', 'clickhouse.timeout=%ds' % args.seconds,
                                               '-o', 'query.timeout=%ds' % args.seconds]
        if args.database:
            self.there += ['-o', 'clickhouse.database=' + args.database]

    def ask(self, side, path):
        p = subprocess.run(side + ['query', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return p.returncode, p.stdout, p.stderr.decode('utf-8', 'replace')

    def compare(self, path):
        """(verdict, words, seconds there)"""
        if time.monotonic() > self.end:
            return 'not asked', '', 0
        want = self.ask(self.here, path)
        begin = time.monotonic()
        got = self.ask(self.there, path)
        took = time.monotonic() - begin
        if got[0] == 1 and took > self.args.seconds * 0.9:
            return 'slow', got[2], took
        if want[0] != got[0]:
            return 'differs', 'here %d %s, there %d %s' % (want[0], want[2].strip(), got[0], got[2].strip()), took
        if want[0] != 0:
            return 'refused', want[2], took
        if want[1] == got[1]:
            return ('same' if want[1] not in (b'', b'0\n') else 'empty'), '', took
        if same_but_types(path, want[1], got[1]):
            return 'typed', '', took
        a, b = want[1].split(b'\n'), got[1].split(b'\n')
        i = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        x, y = (lines[i] if i < len(lines) else b'nothing' for lines in (a, b))
        at = max(0, next((k for k, (m, n) in enumerate(zip(x, y)) if m != n), 0) - 60)
        show = [line[at:at + 200].decode('utf-8', 'replace') for line in (x, y)]
        return 'differs', 'line %d\n  here  %s\n  there %s' % (i + 1, *show), took


# What tracegen's spans have, and what a path does with it.
TEXTS = ['http.route', 'http.request.method', 'db.system.name', 'user.id', 'session.id', 'gen_ai.request.model',
         'resource.service.version', 'resource.k8s.pod.name', 'event.exception.type', 'rpc.method', 'server.address']
NUMBERS = ['http.response.status_code', 'server.port']


def encoded(v):
    return urllib.parse.quote(str(v), safe='') or '%'


class Maker:
    def __init__(self, sides, seed, t0, t1):
        self.r = random.Random(seed)
        self.t0, self.t1 = t0, t1
        self.values = {}
        for f in ['service', 'name'] + TEXTS + NUMBERS:
            code, out, _ = sides.ask(sides.here, 'distinct/%s/limit/60/groups.jsonl' % f)
            rows = [json.loads(line) for line in out.splitlines()] if code == 0 else []
            found = [v for row in rows for k, v in row.items() if k != 'count' and v is not None]
            if found:
                self.values[f] = found
        self.texts = [f for f in TEXTS if f in self.values]
        self.numbers = [f for f in NUMBERS if f in self.values]

    def value(self, f):
        return encoded(self.r.choice(self.values[f]))

    def filter(self, depth=0):
        r = self.r
        kind = r.randrange(14 if depth < 2 else 11)
        if kind == 0:
            return 'service/' + ','.join(self.value('service') for _ in range(r.choice([1, 1, 2])))
        if kind == 1:
            return 'name/' + self.value('name')
        if kind == 2:
            return 'status/' + r.choice(['error', 'ok', 'unset', 'error,ok'])
        if kind == 3:
            return 'kind/' + r.choice(['server', 'client', 'internal', 'producer,consumer'])
        if kind == 4:
            return 'duration/%s/%s' % (r.choice(['gt', 'lt', 'ge', 'le']), r.choice(['1ms', '20ms', '150ms', '1s', '3s']))
        if kind in (5, 6) and self.texts:
            f = r.choice(self.texts)
            return 'where/%s/%s/%s' % (f, r.choice(['eq', 'eq', 'ne', 'in', 'notin']), self.value(f))
        if kind == 7 and self.texts:
            f = r.choice(self.texts)
            v = str(r.choice(self.values[f]))
            op = r.choice(['contains', 'starts', 'ends', 'notcontains', 're', 'nre'])
            part = v[:4] if op == 'starts' else v[-4:] if op == 'ends' else v[2:7]
            if op in ('re', 'nre'):
                part = '.*' + ''.join(c if c.isalnum() else '.' for c in part) + '.*'
            return 'where/%s/%s/%s' % (f, op, encoded(part or 'a'))
        if kind == 8 and self.numbers:
            f = r.choice(self.numbers)
            return 'where/%s/%s/%s' % (f, r.choice(['eq', 'ge', 'lt', 'ne']), self.value(f))
        if kind == 9 and self.texts:
            return r.choice(['has/', 'not/has/']) + r.choice(self.texts)
        if kind == 10:
            return r.choice(['root', 'not/root', 'text/' + r.choice(['deadlock', 'timeout', 'GET', 'cart'])])
        if kind == 11:
            return 'not/' + self.filter(depth + 1)
        if kind in (12, 13):
            return '%s/%s/%s/end' % (r.choice(['any', 'all']), self.filter(depth + 1), self.filter(depth + 1))
        return 'service/' + self.value('service')

    def times(self, most):
        a = self.r.randrange(self.t0, self.t1)
        return 'since/%d/until/%d' % (a, a + self.r.randrange(1, most) * MINUTE)

    def path(self):
        r = self.r
        filters = [self.filter() for _ in range(r.choice([0, 1, 1, 2, 3]))]
        kind = r.randrange(10)
        if kind < 4:
            return '/'.join(filters + ([self.times(3000)] if r.random() < 0.5 else []) + ['count'])
        if kind < 8:
            return '/'.join(filters + ([self.times(3000)] if r.random() < 0.5 else []) + [self.groups()])
        rows = [self.times(90)]
        if r.random() < 0.5:
            rows.append('sort/' + r.choice(['duration:desc', 'duration', 'start', 'name,duration:desc', 'service,start:desc']))
        if r.random() < 0.7:
            rows.append('limit/%d' % r.choice([1, 10, 100]))
        if r.random() < 0.2:
            rows.append('offset/%d' % r.choice([1, 7, 50]))
        return '/'.join(filters + rows + [r.choice(
            ['spans.jsonl', 'spans.csv', 'select/span_id,name,duration/spans.csv', 'traces.csv', 'events.jsonl'])])

    def groups(self):
        r = self.r
        keys = r.sample(['service', 'name', 'kind', 'status'] + self.texts + self.numbers, r.choice([1, 1, 2]))
        out = ['group/' + ','.join(keys)] if r.random() < 0.8 else ['bucket/' + r.choice(['1h', '5m', 'day'])]
        aggs = r.sample(['count', 'errors', 'error_rate', 'p50:duration', 'p95:duration', 'max:duration', 'min:start',
                         'sum:duration', 'avg:duration', 'distinct:name', 'distinct:user.id',
                         'max:http.response.status_code', 'sum:tokens:total'], r.choice([1, 2, 3]))
        out.append('agg/' + ','.join(aggs))
        if r.random() < 0.3:
            out.append('having/count/gt/%d' % r.choice([1, 100, 5000]))
        if r.random() < 0.4:
            out.append('sort/%s:desc/limit/%d' % (aggs[0], r.choice([1, 5, 50])))
        return '/'.join(out + [r.choice(['groups.jsonl', 'groups.csv', 'count'])])


def golden():
    with open(os.path.join(HERE, '../golden/paths.txt'), encoding='utf-8') as f:
        lines = [line.rstrip('\n') for line in f]
    return [line for line in lines if line and not line.startswith('#')]


# Files that are of a store, or of how it was asked.
OWN = ('plan', 'plan.json', 'profile.json', 'info.json', 'otlp.jsonl', 'follow.jsonl', 'README')


def main():
    p = argparse.ArgumentParser()
    for name in ('spanctl', 'store', 'url'):
        p.add_argument('--' + name, required=True)
    p.add_argument('--database', default='')
    p.add_argument('--only', default='bench,golden,generated')
    p.add_argument('-n', type=int, default=2000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--jobs', type=int, default=2)
    p.add_argument('--seconds', type=int, default=120)
    p.add_argument('--total', type=int, default=10 ** 6)
    args = p.parse_args()
    with open(os.path.join(HERE, 'expected-1m.json'), encoding='utf-8') as f:
        params = json.load(f)['params']
    sides = Sides(args, params['t1'])
    asked = []
    if 'bench' in args.only:
        asked += [('bench', qs.path({'id': q}, params)) for q in qs.PATHS if q not in qs.LATER]
    if 'golden' in args.only:
        asked += [('golden', g) for g in golden() if g.rsplit('/', 1)[-1] not in OWN]
    if 'generated' in args.only:
        maker = Maker(sides, args.seed, params['t0'], params['t1'])
        asked += [('generated', maker.path()) for _ in range(args.n)]
    counts = {}
    with ThreadPoolExecutor(args.jobs) as pool:
        for (kind, path), (verdict, words, took) in zip(asked, pool.map(lambda a: sides.compare(a[1]), asked)):
            counts[kind, verdict] = counts.get((kind, verdict), 0) + 1
            if verdict in ('differs', 'slow'):
                print('%s %s (%.1f s): %s\n  %s' % (kind, verdict, took, path, words), flush=True)
    for (kind, verdict), n in sorted(counts.items()):
        print('%s: %d %s' % (kind, n, verdict))
    sys.exit(any(v == 'differs' for _, v in counts))


main()
