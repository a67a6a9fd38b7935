# SPDX-License-Identifier: ISC
"""make bench-cache: a day of queries (day.py) replayed while imports commit, with the cache of
results and without it.

  replay.py [--store DIR] [--queries 5000] [--every 3] [--apart 0] [--spans 500] [--seed 1] [--quick]
            [--work DIR] [--options redis.url=unix:///run/redis.sock] [--fresh 100] [--shapes]

Two mounts of one store, one with [result_cache] and one without it. Each query is asked of both,
and the answers of the same commit (user.spanfs.generation) must be equal, byte by byte: one that
differs, or is of an older commit than was there before it was asked for, is stale, and one is too
many. Meanwhile every --every seconds, --apart queries from each other at least, --spans spans of
the last hour are imported, and the clock of the queries goes on by a minute. Then the rows that
each mount has looked at, the hits of each level, and how long an open, read and close took. The
store is copied, unless --work has it; without one a small store is made.

--options are more of the mount with the cache; --fresh N mounts that anew after every N queries, so that
what it knows is what is kept outside of it: of a Redis that is L2 alone, without --fresh both.

--shapes tells of which kinds of queries the mount with the cache still looks at most rows.

Before, with what nobody has asked for yet: how many chunks a dashboard's groups by time take, and how
many the same a second time, after 1 % of new spans (but with --quick).

Only stale answers, and with --quick a cache that saved nothing, are failures: times are the
machine's. Targets: 90 % of the rows that the mount without a cache looks at are not looked at, and
the 99th percentile is within 100 ms. SPANFS and SPANCTL name the programs.
"""
import argparse, calendar, collections, hashlib, os, re, shutil, subprocess, sys, tempfile, threading
import time

from day import Day, stamp
from mounted import Mount, metrics

SPANFS, SPANCTL = os.environ['SPANFS'], os.environ['SPANCTL']
# A result that was made for its size answers for ttl whatever is committed: here for no time at all.
OPTIONS = 'now=latest,result_cache.ttl=1ms,log.slow_query=0'
Answer = collections.namedtuple('Answer', 'generation sum ms level')
failed = False


def say(holds, text):
    global failed
    failed |= not holds
    print(('ok - ' if holds else 'not ok - ') + text, flush=True)


def log(text):
    print('# ' + text, flush=True)


def ctl(store, *argv):
    return subprocess.run([SPANCTL, '-s', store, *argv], check=True, capture_output=True,
                          text=True).stdout


class Growth:
    """an import every few seconds, until it is stopped; `now` is the newest span that there may be"""

    def __init__(self, store, o, work):
        self.store, self.spans, self.every, self.work = store, o.spans, o.every, work
        self.apart, self.asked = o.apart, 0
        text = [l for l in ctl(store, 'info').splitlines() if l.startswith('newest')][0].split()[1]
        self.now = calendar.timegm(time.strptime(text[:19], '%Y-%m-%dT%H:%M:%S')) + 1
        self.commits, self.trouble = 0, None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def once(self, spans, end):
        name = os.path.join(self.work, 'more.jsonl')
        ctl(self.store, 'sample', '--spans', str(spans), '--seed', str(1000 + self.commits),
            '--hours', '1', '--end', stamp(end), '-o', name)
        ctl(self.store, 'import', name)
        self.now = end
        self.commits += 1

    def run(self):
        at = 0
        try:
            while not self.stopped.wait(self.every):
                # However slow the answers are: else none would be asked for twice between two.
                if self.asked - at < self.apart:
                    continue
                at = self.asked
                self.once(self.spans, self.now + 60)
        except subprocess.CalledProcessError as e:
            self.trouble = e.stderr.strip()

    def stop(self):
        self.stopped.set()
        self.thread.join()


def ask(m, path):
    """one open, read to the end and close; a refusal is an answer, too"""
    t = time.perf_counter()
    try:
        with open(m.file(path), 'rb', buffering=0) as f:
            h = hashlib.md5()
            while b := f.read(1 << 18):
                h.update(b)
            ms = (time.perf_counter() - t) * 1e3
            return Answer(int(os.getxattr(f.fileno(), 'user.spanfs.generation')), h.hexdigest(), ms,
                          os.getxattr(f.fileno(), 'user.spanfs.cache').decode())
    except OSError as e:
        return Answer(None, e.strerror, (time.perf_counter() - t) * 1e3, 'error')


def shape(path):
    """the path without what differs from query to query"""
    for what, by in ((r'\d{4}-\d\d-\d\d(T[\d:]+Z)?', 'T'), (r'service/[a-z-]+/', 'service/S/'),
                     (r'gt/\d+ms', 'gt/D'), (r'text/\w+', 'text/W')):
        path = re.sub(what, by, path)
    return path


class Replay:
    def __init__(self, plain, shapes=False):
        self.cached, self.plain = None, plain
        self.shapes = collections.Counter() if shapes else None
        self.asked = collections.Counter()
        self.rows, self.resident = 0, 0
        self.times, self.levels, self.slow = [], collections.Counter(), []
        self.stale, self.unjudged, self.refused = [], 0, 0
        self.again_rows = 0

    def part(self, mount, queries, growth, day, began):
        """some of the queries, of that mount"""
        self.cached = mount
        before = rows(mount)
        for _ in range(queries):
            self.query(*day.next(growth.now))
            growth.asked += 1
            if len(self.times) % 500 == 0:
                log('%d queries, %d commits, %.0f s, %d stale' %
                    (len(self.times), growth.commits, time.time() - began, len(self.stale)))
            if growth.trouble or len(self.stale) > 100:
                break
        self.rows += rows(mount) - before
        self.resident = resident(mount)

    def plain_again(self, path):
        """because a commit came between: its rows are not counted"""
        before = metrics(self.plain)['rows_scanned_total']
        a = ask(self.plain, path)
        self.again_rows += metrics(self.plain)['rows_scanned_total'] - before
        return a

    def query(self, kind, path):
        want = ask(self.plain, path)
        before = rows(self.cached) if self.shapes is not None else 0
        got = ask(self.cached, path)
        if self.shapes is not None:
            self.shapes[kind, shape(path)] += rows(self.cached) - before
            self.asked[kind, shape(path)] += 1
        self.times.append(got.ms)
        self.slow = sorted(self.slow + [(got.ms, got.level, path)], reverse=True)[:5]
        self.levels[(kind, got.level)] += 1
        if got.generation is None or want.generation is None:
            self.refused += 1
            if got.sum != want.sum:
                self.stale.append('%s: %s instead of %s' % (path, got.sum, want.sum))
            return
        if got.generation < want.generation:
            self.stale.append('%s: of commit %d after %d' % (path, got.generation, want.generation))
            return
        if got.generation != want.generation:
            want = self.plain_again(path)
        if got.generation != want.generation:
            self.unjudged += 1
        elif got.sum != want.sum:
            self.stale.append('%s: another answer at commit %d' % (path, got.generation))


SECOND = 'since/24h/bucket/5m/group/service/agg/count,p99:duration/groups.jsonl'


def chunks(m, path):
    before = metrics(m)
    ask(m, path)
    after = metrics(m)
    return sum(after[k] - before[k] for k in ('chunks_read_total', 'chunks_cached_total'))


def second_run(m, growth):
    """the share of the first run's chunks that the second takes, after 1 % of new spans"""
    first = chunks(m, SECOND)
    # All of one hour, as spans that come in mostly are.
    growth.once(int(metrics(m)['store_spans'] / 100), -(-growth.now // 3600) * 3600)
    second = chunks(m, SECOND)
    log('%s: %d chunks, after 1 %% of new spans %d: %.1f %% (target 3)' %
        (SECOND, first, second, 100 * second / max(first, 1)))


def resident(m):
    with open('/proc/%d/status' % m.pid) as f:
        return next(int(l.split()[1]) / 1024 for l in f if l.startswith('VmRSS'))


def rank(v, q):
    v = sorted(v) or [0]
    return v[max(0, -(-len(v) * q // 100) - 1)]


def rows(m):
    return metrics(m)['rows_scanned_total']


def tell(r, o, rows_cached, rows_plain, growth, seconds):
    n = len(r.times)
    hits = collections.Counter()
    for (kind, level), k in r.levels.items():
        hits[level] += k
    saved = 1 - rows_cached / rows_plain if rows_plain else 0
    for line in r.stale[:20]:
        log(line)
    say(growth.trouble is None, 'imports came in: %s' % (growth.trouble or '%d commits in %.0f s' %
        (growth.commits, seconds)))
    say(not r.stale, '%d stale of %d answers; %d refused, %d not judged' %
        (len(r.stale), n, r.refused, r.unjudged))
    say(r.unjudged <= n / 50, 'nearly all were judged')
    log('answers: ' + ', '.join('%s %.1f %%' % (l, 100 * k / n) for l, k in sorted(hits.items())))
    for kind in ('repeat', 'shifted', 'ad hoc'):
        of = {l: k for (a, l), k in sorted(r.levels.items()) if a == kind}
        log('%s: %d, ' % (kind, sum(of.values())) +
            ', '.join('%s %d' % x for x in of.items()))
    log('rows looked at: %.0f of %.0f without a cache: %.1f %% saved (target 90)' %
        (rows_cached, rows_plain, 100 * saved))
    for (kind, path), n in r.shapes.most_common(12) if r.shapes else ():
        log('%.0f rows of %d, %s: %s' % (n, r.asked[kind, path], kind, path))
    log('open, read, close: median %.2f ms, p99 %.1f ms (target 100), most %.1f ms' %
        (rank(r.times, 50), rank(r.times, 99), rank(r.times, 100)))
    for x in r.slow:
        log('%.1f ms, %s: %s' % x)
    say(growth.commits > 0 and (saved > 0.1 or not o.quick), 'the cache saved rows while commits came')


def replay(o, work):
    store = os.path.join(work, 'store')
    if not os.path.isdir(store):
        if o.store:
            shutil.copytree(o.store, store)
        else:
            name = os.path.join(work, 'first.jsonl')
            ctl(store, 'sample', '--spans', '20000', '--hours', '48', '--seed', str(o.seed),
                '--end', '2026-03-04T00:00:00Z', '-o', name)
            ctl(store, 'import', name)
    day = Day(o.seed)
    more = ',' + o.options if o.options else ''

    def mount():
        return Mount([SPANFS, '-f', '-o', OPTIONS + more, store], os.path.join(work, 'cached'))
    with Mount([SPANFS, '-f', '-o', OPTIONS + ',result_cache.enabled=no', store],
               os.path.join(work, 'plain')) as plain:
        growth = Growth(store, o, work)
        r = Replay(plain, o.shapes)
        if not o.quick:
            with mount() as m:
                second_run(m, growth)
        before, t, left = rows(plain), time.time(), o.queries
        growth.thread.start()
        try:
            while left > 0 and not growth.trouble and len(r.stale) <= 100:
                with mount() as m:
                    r.part(m, min(left, o.fresh or left), growth, day, t)
                left -= o.fresh or left
        finally:
            growth.stop()
        log('memory: %.0f MiB with the cache (at most 256 of results), %.0f without' %
            (r.resident, resident(plain)))
        tell(r, o, r.rows, rows(plain) - before - r.again_rows, growth, time.time() - t)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--store')
    a.add_argument('--queries', type=int, default=5000)
    a.add_argument('--every', type=float, default=3)
    a.add_argument('--apart', type=int, default=0)
    a.add_argument('--spans', type=int, default=500)
    a.add_argument('--seed', type=int, default=1)
    a.add_argument('--quick', action='store_true')
    a.add_argument('--options', default='')
    a.add_argument('--shapes', action='store_true')
    a.add_argument('--fresh', type=int, default=0)
    a.add_argument('--work')
    o = a.parse_args()
    work = o.work or tempfile.mkdtemp(prefix='spanfs-replay.')
    os.makedirs(work, exist_ok=True)
    try:
        replay(o, work)
    finally:
        if not o.work:
            shutil.rmtree(work, ignore_errors=True)
    sys.exit(failed)


if __name__ == '__main__':
    main()
