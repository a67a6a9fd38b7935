# SPDX-License-Identifier: ISC
"""Paths that are asked of a store and of ClickHouse: those of tests/golden, and generated ones."""
import os
import random
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
MINUTE = 60 * 10 ** 9

# What tracegen's spans have, and what a path does with it.
TEXTS = ['http.route', 'http.request.method', 'db.system.name', 'user.id', 'session.id', 'gen_ai.request.model',
         'resource.service.version', 'resource.k8s.pod.name', 'event.exception.type', 'rpc.method', 'server.address']
NUMBERS = ['http.response.status_code', 'server.port']
# Texts that read as numbers and booleans, doubles, booleans, arrays, and texts that are empty.
LOST = ['messaging.destination.partition.id', 'network.protocol.version', 'synthetic_request', 'app.payment.amount',
        'app.fraud.flagged', 'app.ads.contextKeys', 'gen_ai.response.finish_reasons', 'zone']
FIELDS = ['service', 'name'] + TEXTS + NUMBERS + LOST

# Files that are of a store, or of how it was asked.
OWN = ('plan', 'plan.json', 'profile.json', 'info.json', 'otlp.jsonl', 'follow.jsonl', 'README')


def golden():
    with open(os.path.join(HERE, '../golden/paths.txt'), encoding='utf-8') as f:
        lines = [line.rstrip('\n') for line in f]
    lines = [line for line in lines if line and not line.startswith('#')]
    # A server has no marks.
    return [line for line in lines if line.rsplit('/', 1)[-1] not in OWN and '/mark/' not in line]


def encoded(v):
    if isinstance(v, bool):
        return 'true' if v else 'false'
    return urllib.parse.quote(str(v), safe='') or '%'


class Maker:
    """`values`: of each field some that it has. A part of `lost` asks about what a table keeps as text."""

    def __init__(self, values, seed, t0, t1, lost=0.1):
        self.r = random.Random(seed)
        self.t0, self.t1, self.share = t0, t1, lost
        self.values = values
        self.texts, self.numbers, self.lost = ([f for f in fs if f in values] for fs in (TEXTS, NUMBERS, LOST))

    def value(self, f):
        return encoded(self.r.choice(self.values[f]))

    def text(self):
        r = self.r
        return r.choice(self.lost if self.lost and r.random() < self.share else self.texts)

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
            f = self.text()
            return 'where/%s/%s/%s' % (f, r.choice(['eq', 'eq', 'ne', 'in', 'notin']), self.value(f))
        if kind == 7 and self.texts:
            f = self.text()
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
            return r.choice(['has/', 'not/has/']) + self.text()
        if kind == 10:
            return r.choice(['root', 'not/root', 'text/' + r.choice(['deadlock', 'timeout', 'GET', 'cart'])])
        if kind == 11:
            f = self.filter(depth + 1)
            return f[4:] if f.startswith('not/') else 'not/' + f
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
        file = r.choice(['spans.jsonl', 'spans.csv', 'select/span_id,name,duration/spans.csv', 'traces.csv', 'events.jsonl'])
        return '/'.join(filters + [self.of_traces(x) if file == 'traces.csv' else x for x in rows] + [file])

    def of_traces(self, clause):
        """what of a sort by fields of spans traces have"""
        if not clause.startswith('sort/') or clause == 'sort/start':
            return clause
        return clause.replace('duration', 'duration_ns') if clause.startswith('sort/duration') else 'sort/spans:desc'

    def groups(self):
        r = self.r
        plain = ['service', 'name', 'kind', 'status'] + self.texts + self.numbers
        keys = r.sample(plain, r.choice([1, 1, 2]))
        if self.lost and r.random() < self.share:
            keys[0] = r.choice(self.lost)
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
