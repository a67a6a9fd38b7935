# SPDX-License-Identifier: ISC
"""A mount over a ClickHouse server beside SQL written by hand, asked of the same server by HTTP.

  clickhouse.py SIZE [--url URL] [--rounds N] [--json FILE] [Q1 ...]

SIZE: a set of spans that run.sh made. Without --url the tests' server (libchdb) is started, and has
the spans in a folder beside them, into which `spanctl export` writes them once. Both sides take
turns: open, read to the end and close of the mounted file, with the cache of results off; and the
question by HTTP over a connection that stays, its answer read to the end. Beside the times are the
rows that the server read for each, as its X-ClickHouse-Summary has them at the end: of the mount's
questions the server's own log tells (with --url: the mount's figures), least of all rounds, since
what the mount asks of its own accord may be among them. Targets: 1.2 times the rows, 1.3 times the
time and 5 ms. What is over one is marked and fails nothing.
"""
import argparse, http.client, json, os, re, statistics, subprocess, sys, time, urllib.parse

import queries as qs
from measure import HERE, client, log, work
from mounted import Mount, OPTIONS, SPANCTL, SPANFS, metrics

ROWS, TIMES, PLUS_MS = 1.2, 1.3, 5.0
DATABASE = 'otel'


class Server:
    """the tests' server, with the spans of a set, until stop()"""

    def __init__(self, size):
        at = work(size, 'mounted-clickhouse')
        os.makedirs(at, exist_ok=True)
        self.log = os.path.join(at, 'log')
        script = os.path.join(HERE, '..', 'clickhouse', 'server.py')
        self.process = subprocess.Popen(
            [sys.executable, '-B', script, os.environ['SPANFS_CHDB'], os.path.join(at, 'db'),
             '--seconds', '7200', '--log', self.log], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = self.process.stdout.readline().decode().strip()
        if not port:
            raise RuntimeError('the server did not start')
        self.url = 'http://127.0.0.1:' + port

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Hand:
    """questions by HTTP, over one connection"""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)

    def ask(self, sql, **settings):
        """the answer, and the rows that its head says were read"""
        args = urllib.parse.urlencode({'default_format': 'JSONEachRow', **settings})
        self.connection.request('POST', '/?' + args, sql.encode())
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(body[:2000].decode('utf-8', 'replace'))
        return body, int(json.loads(answer.headers['X-ClickHouse-Summary'])['read_rows'])

    def time(self, sql):
        begin = time.perf_counter()
        self.ask(sql)
        return (time.perf_counter() - begin) * 1e3


def load(size, url, hand):
    """the spans of the store, once"""
    want = json.load(open(work(size, 'truth.json')))['spans']
    try:
        held = int(hand.ask('SELECT count() FROM %s.otel_traces' % DATABASE,
                            default_format='TSV')[0])
    except RuntimeError:
        held = 0
    if held == want:
        return
    log('exporting', want, 'spans, of which', held, 'are there')
    subprocess.run([SPANCTL, '-s', work(size, 'store'), '-o', 'clickhouse.url=' + url,
                    '-o', 'clickhouse.database=' + DATABASE, 'export', '--create', '/'],
                   check=True, stdout=sys.stderr)
    hand.ask('OPTIMIZE TABLE %s.otel_traces FINAL' % DATABASE)


def mount(url, size):
    opts = ',clickhouse.url=%s,clickhouse.database=%s,' % (url, DATABASE)
    return Mount([SPANFS, '-f', '-o', OPTIONS + opts + qs.PRICES, 'clickhouse'],
                 work(size, 'mnt-clickhouse'))


def text_of(q, params):
    """one statement, its answer sent and not put into a file"""
    text = qs.fill(q['clickhouse'], params)
    return re.sub(r" INTO OUTFILE '[^']*' TRUNCATE FORMAT \w+", '', text)


class Rows:
    """what the server read for the mount since the last look"""

    def __init__(self, mounted, logfile):
        self.mounted, self.file, self.before = mounted, logfile and open(logfile), None

    def look(self):
        """rows and questions"""
        if self.file:
            time.sleep(0.02)        # a line is written when its answer has been sent
            lines = [json.loads(l) for l in self.file.read().splitlines()]
            return sum(l['read_rows'] for l in lines), len(lines)
        m = metrics(self.mounted)
        now = [m['clickhouse_read_rows_total'], m['clickhouse_queries_total']]
        out = [b - a for a, b in zip(self.before or now, now)]
        self.before = now
        return tuple(out)


def one(q, params, m, hand, rows, rounds):
    path, sql = qs.path(q, params), text_of(q, params)
    client('file', 1, m.file(path))
    hand.ask(sql)
    ours, theirs, read = [], [], []
    for _ in range(rounds):
        rows.look()
        ours += client('file', 1, m.file(path))['ms'][-1:]
        read.append(rows.look())
        theirs.append(hand.time(sql))
    by_hand = hand.ask(sql, wait_end_of_query=1)[1]
    # The client opens a file once more than it is told to.
    least = min(r[0] for r in read) / 2, min(r[1] for r in read) / 2
    return {'min_ms': [min(ours), min(theirs)], 'ms': [statistics.median(ours), statistics.median(theirs)],
            'rows': [least[0], by_hand], 'questions': least[1]}


def over(r):
    """which targets it misses"""
    what = []
    if r['rows'][0] > ROWS * r['rows'][1]:
        what.append('ROWS')
    if r['min_ms'][0] > TIMES * r['min_ms'][1] + PLUS_MS:
        what.append('TIME')
    return ' '.join(what)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('size')
    a.add_argument('only', nargs='*')
    a.add_argument('--url')
    a.add_argument('--rounds', type=int, default=int(os.environ.get('BENCH_ROUNDS', '7')))
    a.add_argument('--json')
    o = a.parse_intermixed_args()
    expected = json.load(open(os.path.join(HERE, 'expected-%s.json' % o.size)))
    server = None if o.url else Server(o.size)
    url = o.url or server.url
    results = {}
    try:
        hand = Hand(url)
        load(o.size, url, hand)
        print('%-4s %9s %9s %6s %9s %9s %10s %10s %5s %5s' % (
            '', 'min ms', 'by hand', 'ratio', 'median', 'by hand', 'rows', 'by hand', 'ratio', 'asked'))
        with mount(url, o.size) as m:
            rows = Rows(m, server and server.log)
            for q in qs.Q:
                if q['id'] in qs.LATER or (o.only and q['id'] not in o.only):
                    continue
                r = results[q['id']] = one(q, expected['params'], m, hand, rows, o.rounds)
                print('%-4s %9.2f %9.2f %6.2f %9.2f %9.2f %10d %10d %5.2f %5.1f %s' % (
                    q['id'], *r['min_ms'], r['min_ms'][0] / r['min_ms'][1], *r['ms'], *r['rows'],
                    r['rows'][0] / max(r['rows'][1], 1), r['questions'], over(r)), flush=True)
        print('%d over a target' % sum(bool(over(r)) for r in results.values()))
    finally:
        if server:
            server.stop()
    if o.json:
        with open(o.json, 'w') as f:
            json.dump(results, f)


if __name__ == '__main__':
    main()
