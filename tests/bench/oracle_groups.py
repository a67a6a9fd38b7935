# SPDX-License-Identifier: ISC
"""What the questions about groups are answered by: collected span by span, file by file.

A Part is of one file, and is added to another; what one file does not tell (the parent of a span
that another file has) is looked up once all are there.
"""
import collections, json

HOUR = 3600 * 10**9
DAY = 24 * HOUR
MODEL = 'gen_ai.request.model'
# USD per million tokens, as the mount is told; see queries.PRICES.
INPUT, OUTPUT = 2.5, 10.0
MOST_VALUES = 10000


def rank(v, q):
    """smallest value with at least q % of the values at or below it"""
    v = sorted(v)
    return v[max(0, -(-len(v) * q // 100) - 1)]


def lists():
    return collections.defaultdict(list)


class Part:
    def __init__(self):
        self.names, self.routes = lists(), lists()
        self.users = collections.defaultdict(set)
        self.versions = collections.Counter()       # (version, earlier, what)
        self.tokens = collections.defaultdict(lambda: [0, 0.0])
        self.traces, self.pairs, self.lone = {}, {}, []
        self.compared = [0, 0]
        self.values = collections.Counter()         # (key, value, whether of an error)
        self.here = {}

    def span(self, p, res, svc, s, at, st, d, err):
        tid, sid, name = s['traceId'], s['spanId'], s['name']
        self.names[name].append(d)
        if 'http.route' in at:
            self.routes[at['http.route']].append(d)
        hour = st - st % HOUR
        self.users[hour].update([at['user.id']] if 'user.id' in at else [])
        if p['h24'] - (p['t1'] - p['h24']) <= st < p['t1']:
            before = st < p['h24']
            version = res.get('service.version')
            self.versions[version, before, 'n'] += 1
            self.versions[version, before, 'errors'] += err
        self.usage(at, st)
        t = self.traces.get(tid)
        root = None if s.get('parentSpanId') else (st, sid, svc, name)
        if t is None:
            self.traces[tid] = [st, st + d, err, root]
        else:
            self.traces[tid] = [min(t[0], st), max(t[1], st + d), t[2] or err,
                                min((r for r in (t[3], root) if r), default=None)]
        self.here[tid, sid] = svc
        self.lone.append((tid, s.get('parentSpanId', ''), svc, d))
        if svc == 'frontend' and p['h24'] <= st < p['t1']:
            self.compared[err] += 1
            for k, v in at.items():
                if not isinstance(v, dict):
                    self.values[k, v if isinstance(v, str) else json.dumps(v), err] += 1

    def usage(self, at, st):
        i, o = (at.get('gen_ai.usage.%s_tokens' % w) for w in ('input', 'output'))
        if MODEL in at:
            sums = self.tokens[st - st % DAY, at[MODEL]]
            sums[0] += int(i or 0) + int(o or 0)
            sums[1] += (int(i or 0) * INPUT + int(o or 0) * OUTPUT) / 1e6

    def pair(self, parent, svc, d):
        sums = self.pairs.setdefault((parent, svc), [0, 0])
        sums[0] += 1
        sums[1] += d

    def settle(self):
        """the parents that this file has"""
        left = []
        for tid, parent, svc, d in self.lone:
            if not parent:
                self.pair(None, svc, d)
            elif (tid, parent) in self.here:
                self.pair(self.here[tid, parent], svc, d)
            else:
                left.append((tid, parent, svc, d))
        self.lone, self.here = left, {}
        self.tokens = dict(self.tokens)
        return self

    def add(self, o):
        for mine, other in ((self.names, o.names), (self.routes, o.routes)):
            for k, v in other.items():
                mine[k] += v
        for k, v in o.users.items():
            self.users[k] |= v
        self.versions += o.versions
        self.values += o.values
        for mine, other in ((self.tokens, o.tokens), (self.pairs, o.pairs)):
            for k, v in other.items():
                was = mine.get(k, [0, 0])
                mine[k] = [was[0] + v[0], was[1] + v[1]]
        for k, t in o.traces.items():
            m = self.traces.get(k)
            self.traces[k] = t if m is None else [
                min(m[0], t[0]), max(m[1], t[1]), m[2] or t[2],
                min((r for r in (m[3], t[3]) if r), default=None)]
        self.lone += o.lone
        self.compared = [a + b for a, b in zip(self.compared, o.compared)]

    def expected(self, parents):
        """{id: what is expected}; parents: services of the wanted ones by (trace, span)"""
        for tid, parent, svc, d in self.lone:
            self.pair(parents.get((tid, parent)), svc, d)
        return {'Q15': self.by_name(), 'Q16': self.by_hour(), 'Q17': self.by_route(),
                'Q18': self.by_version(), 'Q19': self.by_model(), 'Q20': self.by_root(),
                'Q21': self.by_parent(), 'Q22': self.by_difference()}

    def by_name(self):
        return {'rows': len(self.names), 'table': {
            k: [len(v)] + [rank(v, q) for q in (50, 95, 99)] for k, v in self.names.items()}}

    def by_hour(self):
        return {'rows': len(self.users),
                'table': [[t, len(self.users[t])] for t in sorted(self.users)]}

    def by_route(self):
        best = sorted(self.routes, key=lambda k: (-rank(self.routes[k], 99), k))
        return {'rows': min(20, len(best)), 'table': {
            k: [len(self.routes[k]), rank(self.routes[k], 99)] for k in best[:25]}}

    def by_version(self):
        def side(v, before):
            n = self.versions[v, before, 'n']
            return n, self.versions[v, before, 'errors'] / n if n else None
        table = []
        for v in sorted({k[0] for k in self.versions if not k[1]}, key=lambda v: (v is None, v)):
            (n, rate), (was, was_rate) = side(v, False), side(v, True)
            table.append([v, n, was or None, n - was if was else None, rate, was_rate,
                          rate - was_rate if was else None])
        return {'rows': len(table), 'table': table}

    def by_model(self):
        return {'rows': len(self.tokens),
                'table': [[t, m] + self.tokens[t, m] for t, m in sorted(self.tokens)]}

    def by_root(self):
        out = lists()
        for first, last, err, root in self.traces.values():
            out[root[2:] if root else None].append((last - first, err))
        if None in out:
            raise ValueError('a trace has no root')
        return {'rows': len(out), 'table': {
            '\t'.join(k): [len(v), sum(e for d, e in v), rank([d for d, e in v], 95)]
            for k, v in out.items()}}

    def by_parent(self):
        order = sorted(self.pairs, key=lambda k: (k[0] is None, k))
        return {'rows': len(order), 'table': [list(k) + self.pairs[k] for k in order]}

    def by_difference(self):
        """of span attributes: those that differ most, and how often each is there"""
        n = collections.Counter(k for k, v in {(k, v) for k, v, err in self.values})
        counts = {(k, v): [self.values[k, v, True], self.values[k, v, False]]
                  for k, v, err in self.values if n[k] <= MOST_VALUES}

        def share(kv):
            return abs(counts[kv][0] / self.compared[1] - counts[kv][1] / self.compared[0])
        best = sorted(counts, key=lambda kv: (-share(kv), kv))
        return {'rows': 100, 'table': {'\t'.join(kv): counts[kv] for kv in best[:150]},
                'first': ['\t'.join(kv) for kv in best[:20]]}


def find_parents(arg):
    """services of the wanted spans that a file has"""
    path, wanted = arg
    out = {}
    with open(path, encoding='utf-8') as f:
        for line in f:
            for rs in json.loads(line)['resourceSpans']:
                svc = next(a['value']['stringValue'] for a in rs['resource']['attributes']
                           if a['key'] == 'service.name')
                for ss in rs['scopeSpans']:
                    for s in ss['spans']:
                        if (s['traceId'], s['spanId']) in wanted:
                            out[s['traceId'], s['spanId']] = svc
    return out
