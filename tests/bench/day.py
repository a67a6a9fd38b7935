# SPDX-License-Identifier: ISC
"""A day of queries, as a team asks them: dashboards that look again and again, at ranges back from
now or moved on by a minute, reports over days that are over, and what somebody wants to know once.
The same seed, services and clock give the same queries.

  day.py [--queries 5000] [--seed 1] [--now 2026-03-04T00:00:00Z]    prints them
"""
import argparse, calendar, random, time, urllib.parse

SERVICES = ['frontend', 'checkout', 'cart', 'payment', 'product-catalog', 'shipping']
# {s}: a service of the panel's own. Back from now; {d}: a day that is over.
PANELS = [
    'since/24h/bucket/5m/group/service/agg/count,p99:duration/groups.jsonl',
    'since/24h/group/service/agg/count,error_rate,p95:duration/groups.csv',
    'since/6h/service/{s}/bucket/5m/agg/count,errors,p95:duration/groups.jsonl',
    'since/6h/service/{s}/group/name/agg/count,p50:duration,p99:duration/groups.csv',
    'since/12h/status/error/group/service/agg/count/groups.csv',
    'since/24h/has/http.route/group/http.route/agg/count,p95:duration/groups.csv',
    'since/1h/service/{s}/agg/count,errors,rate/groups.csv',
    'since/1h/service/{s}/status/error/limit/50/spans.jsonl',
    'since/24h/kind/server/bucket/1h/agg/count,avg:duration/groups.jsonl',
    'since/24h/service/{s}/count',
    'service/{s}/limit/20/spans.csv',
    'on/{d}/group/service/agg/count,p95:duration/groups.csv',
    'on/{d}/status/error/group/service,name/agg/count/groups.csv',
]
# From {a} to {b}, which move on by a minute with the clock: {w} minutes.
SHIFTED = [
    'since/{a}/until/{b}/service/{s}/bucket/5m/agg/count,p95:duration/groups.jsonl',
    'since/{a}/until/{b}/group/service/agg/count,errors/groups.csv',
    'since/{a}/until/{b}/service/{s}/status/error/count',
]
# Asked once: {m} a minimum, {w1} a word, {a}, {b} a window somewhere in the two days before now.
AD_HOC = [
    'since/{a}/until/{b}/service/{s}/duration/gt/{m}ms/count',
    'since/{a}/until/{b}/service/{s}/limit/30/spans.jsonl',
    'since/{a}/until/{b}/duration/gt/{m}ms/sort/duration:desc/limit/10/spans.csv',
    'since/{a}/until/{b}/text/{w1}/count',
    'since/{a}/until/{b}/service/{s}/group/name,status/agg/count,p{q}:duration/groups.csv',
    'since/{a}/until/{b}/where/http.response.status_code/ge/500/count',
]
WORDS = ['timeout', 'refused', 'cart', 'declined', 'GET', 'charge']
KINDS = {'repeat': 0.6, 'shifted': 0.2, 'ad hoc': 0.2}


def stamp(s):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(s))


class Day:
    def __init__(self, seed=1, services=SERVICES):
        self.draw = random.Random(seed)
        self.services = services
        # A team's boards: each panel for a few services, some looked at more than others.
        self.board = [(p, s) for p in PANELS
                      for s in (services[:4] if '{s}' in p else services[:1])]
        self.weights = [1 / (1 + i % 7) for i in range(len(self.board))]
        self.moved = [(p, s, w) for p in SHIFTED for s in services[:2] for w in (60, 240)]

    def fill(self, text, **values):
        return text.format(**{k: urllib.parse.quote(str(v), safe=':.') for k, v in values.items()})

    def ad_hoc(self, now):
        d = self.draw
        a = now - d.randrange(3600, 2 * 86400)
        return self.fill(d.choice(AD_HOC), s=d.choice(self.services), m=d.randrange(1, 500),
                         q=d.randrange(50, 100), w1=d.choice(WORDS), a=stamp(a),
                         b=stamp(a + d.choice((600, 3600, 6 * 3600))))

    def next(self, now):
        """(kind, path): at `now`, in seconds since 1970"""
        kind = self.draw.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == 'ad hoc':
            return kind, self.ad_hoc(now)
        if kind == 'shifted':
            p, s, w = self.draw.choice(self.moved)
            b = now - now % 60
            return kind, self.fill(p, s=s, a=stamp(b - 60 * w), b=stamp(b))
        p, s = self.draw.choices(self.board, self.weights)[0]
        return kind, self.fill(p, s=s, d=stamp(now - 86400)[:10])


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--queries', type=int, default=5000)
    a.add_argument('--seed', type=int, default=1)
    a.add_argument('--now', default='2026-03-04T00:00:00Z')
    o = a.parse_args()
    day = Day(o.seed)
    now = calendar.timegm(time.strptime(o.now, '%Y-%m-%dT%H:%M:%SZ'))
    for i in range(o.queries):
        print('%s\t%s' % day.next(now + 86400 * i // o.queries))


if __name__ == '__main__':
    main()
