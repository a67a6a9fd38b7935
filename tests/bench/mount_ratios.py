# SPDX-License-Identifier: ISC
"""What a mount takes beside a filesystem with nothing behind it, in one run, and what it may take.

  mount_ratios.py [--store DIR] [--big DIR] [--look-ups DIR] [--large DIR]

--store: for small results and directories; without it a sample is made. --big: with a result of a
GiB (else what the store has). --look-ups: the bench's set of 1M spans, whose questions Q1, Q4 and
Q11 are asked. --large: the one of 10M, whose Q14 (75 MB) is read, and all of it; both beside what
they may take. The sides take turns, and each ratio is that of the medians of ROUNDS. Nothing
fails: what is over its target is marked.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tempfile, time

import queries
from measure import HERE, client, work
from mounted import Mount, SPANCTL, SPANFS

ROUNDS = int(os.environ.get('BENCH_ROUNDS', '7'))
PAUSE = 12      # s, after which the daemon has long given back what it gives back soon
GIB = 1 << 30


def bare(point, option=''):
    """its option comes after the mountpoint"""
    return Mount(['sh', '-c', 'exec "$0" "$1" ' + option, work('bin', 'barefs')], point)


def median(v):
    return statistics.median(v)


def turns(ours, theirs):
    """medians of ms of two functions that give lists of ms, in turns"""
    a, b = [], []
    for _ in range(ROUNDS):
        a.append(median(ours()))
        b.append(median(theirs()))
    return median(a), median(b)


class Report:
    def __init__(self):
        self.over = 0
        print('%-52s %10s %10s %7s %8s' % ('', 'spanfs', 'bare', 'ratio', 'target'))

    def line(self, what, ours, theirs, target, at_least=False, unit='ms'):
        ratio = ours / theirs
        over = ratio < target if at_least else ratio > target
        self.over += over
        print('%-52s %10.4f %10.4f %7.2f %8s %s%s' % (
            what, ours, theirs, ratio, ('>= ' if at_least else '<= ') + '%.2f' % target, unit,
            '   OVER' if over else ''), flush=True)


def size_of(path):
    """by reading it: whose size was asked for is kept for a while, and the next open answered by it"""
    return client('file', 1, path)['bytes']


def spawned(n, *argv):
    return client('spawn', n, '/dev/null', '/dev/null', *argv)['ms']


def small(r, store, at):
    with Mount([SPANFS, '-f', '-o', 'now=latest,result_cache.ttl=1h', store], at('mnt')) as m, \
         bare(at('bare'), 'keep') as b:
        f = m.file('limit/2/spans.jsonl')
        g = b.file('%d' % size_of(f))
        r.line('cat of a small result, whole process', *turns(
            lambda: spawned(60, 'cat', f), lambda: spawned(60, 'cat', g)), 1.15)
        r.line('open, read and close of it', *turns(
            lambda: client('file', 2000, f)['ms'], lambda: client('file', 2000, g)['ms']), 1.5)
        d = m.file('service/%s' % os.listdir(m.file('.service'))[0])
        e = b.file('d%d' % len(os.listdir(d)))
        r.line('ls of a query directory, whole process', *turns(
            lambda: spawned(60, 'ls', d), lambda: spawned(60, 'ls', e)), 1.5)
        n = iter(range(1, 1000000))
        p, q = m.file('kind/server/status/error/offset/%d/limit'), b.file('d1/d2/d3/d4/d5/d%d')
        walks = {}
        for when in 'ms', 'again_ms':
            walks[when] = turns(lambda: client('walk', 1000, p % next(n))[when],
                                lambda: client('walk', 1000, q % next(n))[when])
        r.line('1,000 paths of five clauses, new names', *walks['ms'], 1.5)
        r.line('... again', *walks['again_ms'], 1.5)


def big(r, store, at):
    with Mount([SPANFS, '-f', '-o', 'now=latest,result_cache.ttl=1h', store], at('mnt')) as m, \
         bare(at('bare'), 'keep') as b:
        f, limit = m.file('spans.jsonl'), None
        n = size_of(f)
        if n > GIB:
            limit = int(open(m.file('count')).read()) * GIB // n
            f = m.file('limit/%d/spans.jsonl' % limit)
            n = size_of(f)
        g = b.file('%d' % n)
        ours, theirs = turns(lambda: client('file', 3, f)['ms'], lambda: client('file', 3, g)['ms'])
        r.line('a cached result of %d MiB' % (n >> 20), n / ours / 1e6, n / theirs / 1e6, 0.9, True,
               'GB/s')


def look_ups(r, dataset, at):
    with Mount([SPANFS, '-f', '-o', 'now=latest,result_cache.enabled=no',
                os.path.join(dataset, 'store')], at('mnt')) as m, bare(at('bare')) as b:
        for q, path in questions(dataset, 'Q1', 'Q4', 'Q11').items():
            f = m.file(path)
            g = b.file('%d' % size_of(f))
            r.line('%s, not cached' % q, *turns(lambda: client('file', 100, f)['ms'],
                                                lambda: client('file', 100, g)['ms']), 2.0)


def faults(m):
    """minor ones of the daemon so far"""
    with open('/proc/%d/stat' % m.pid) as f:
        return int(f.read().rsplit(')', 1)[1].split()[7])


def read(path):
    """once"""
    with open(path, 'rb', buffering=0) as f:
        while f.read(1 << 20):
            pass


def large(r, dataset, at):
    store = os.path.join(dataset, 'store')
    path = questions(dataset, 'Q14')['Q14']
    alone = [SPANCTL, '-s', store, '-o', 'mount.now=latest', 'query', '/' + path]
    with Mount([SPANFS, '-f', '-o', 'now=latest,result_cache.enabled=no', store], at('mnt')) as m, \
         bare(at('bare')) as b:
        f = m.file(path)
        g = b.file('%d' % size_of(f))
        r.line('Q14, not cached; beside spanctl query and the file', *turns(
            lambda: client('file', 3, f)['ms'],
            lambda: [a + c for a, c in zip(spawned(3, *alone), client('file', 3, g)['ms'])]), 1.5)
        before = faults(m)
        client('file', 20, f)
        r.line('page faults of a read of it', (faults(m) - before) / 21, 500, 1.0, unit='faults')
        worst = 0
        for _ in range(3):
            time.sleep(PAUSE)
            before = faults(m)
            read(f)
            worst = max(worst, faults(m) - before)
        r.line('... after %d s without work, worst of 3' % PAUSE, worst, 500, 1.0, unit='faults')
    with Mount([SPANFS, '-f', '-o', 'now=latest,result_cache.enabled=no', store], at('mnt')) as m:
        read(m.file('spans.jsonl'))
        r.line('peak memory while all of it is read', m.peak_kb() / 1024, 150, 1.0, unit='MiB')


def questions(dataset, *which):
    name = os.path.basename(os.path.normpath(dataset))
    with open(os.path.join(HERE, 'expected-%s.json' % name)) as f:
        params = json.load(f)['params']
    return {q: queries.path({'id': q}, params) for q in which}


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--store')
    a.add_argument('--big')
    a.add_argument('--look-ups', dest='look_ups')
    a.add_argument('--large')
    o = a.parse_args()
    d = tempfile.mkdtemp(prefix='spanfs-ratios.')
    at = lambda *names: os.path.join(d, *names)
    try:
        store = o.store
        if store is None:
            store = at('store')
            subprocess.run([SPANCTL, 'sample', '-o', at('data')], check=True)
            subprocess.run([SPANCTL, '-s', store, 'import', at('data')], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        r = Report()
        small(r, store, at)
        big(r, o.big or store, at)
        if o.look_ups and os.path.isdir(os.path.join(o.look_ups, 'store')):
            look_ups(r, o.look_ups, at)
        else:
            print('Q1, Q4, Q11: no set of 1M spans; make bench makes it')
        if o.large and os.path.isdir(os.path.join(o.large, 'store')):
            large(r, o.large, at)
        else:
            print('Q14: no set of 10M spans; make bench SIZES=10m makes it')
        print('%d over their targets' % r.over)
    finally:
        shutil.rmtree(d, ignore_errors=True)


if __name__ == '__main__':
    main()
