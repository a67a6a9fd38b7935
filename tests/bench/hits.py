# SPDX-License-Identifier: ISC
"""make bench-cache: what an answer takes that is there already.

  hits.py STORE WORK [SOCKET]

In memory (L1): open, read and close of a result that was made, in turns with a file of the same size of
a filesystem with nothing behind it (barefs), which is read as often: at most 1.1 times that. In a Redis
on a Unix socket (L2): of results of about 100 KiB, each asked for once of a mount that did not make it:
less than 1 ms. A ratio over its target is marked and fails nothing: times are the machine's.
"""
import os, sys, time

from measure import client
from mount_ratios import Report, bare, median, size_of, turns
from mounted import Mount, SPANFS

SMALL = 'since/24h/group/service/agg/count,p95:duration/groups.csv'
# {n}: minutes, so that no two are the same.
LARGE = 'since/{n}m/bucket/1m/service/cart/agg/count,errors,p95:duration,avg:duration/groups.jsonl'
N_LARGE = 60


def mount(store, work, options):
    return Mount([SPANFS, '-f', '-o', 'now=latest,' + options, store], os.path.join(work, 'hits'))


def in_memory(store, work):
    r = Report()
    with mount(store, work, 'result_cache.ttl=1h') as m, bare(os.path.join(work, 'bare')) as b:
        for path in SMALL, LARGE.format(n=840):
            f = m.file(path)
            g = b.file('%d' % size_of(f))
            r.line('L1: open, read and close of %d bytes' % size_of(f), *turns(
                lambda: client('file', 1000, f)['ms'], lambda: client('file', 1000, g)['ms']), 1.1)


def once(path):
    t = time.perf_counter()
    with open(path, 'rb', buffering=0) as f:
        n = 0
        while b := f.read(1 << 20):
            n += len(b)
        ms = (time.perf_counter() - t) * 1e3
        return ms, n, os.getxattr(f.fileno(), 'user.spanfs.cache').decode()


def in_redis(store, work, socket):
    options = 'result_cache.ttl=1ms,redis.url=unix://' + socket
    paths = [LARGE.format(n=840 + i) for i in range(N_LARGE)]
    with mount(store, work, options) as m:
        for p in paths:
            once(m.file(p))
        time.sleep(1)   # they are written behind
    with mount(store, work, options) as m:
        once(m.file(SMALL))     # it connects
        took = [once(m.file(p)) for p in paths]
    ms = median([t for t, _, level in took if level == 'l2'] or [0])
    print('L2: open, read and close of %d bytes: %.2f ms (target 1)%s, %d of %d found' %
          (took[0][1], ms, '   OVER' if ms >= 1 else '', sum(x[2] == 'l2' for x in took),
           len(took)), flush=True)


def main():
    store, work = sys.argv[1:3]
    in_memory(store, work)
    if len(sys.argv) > 3:
        in_redis(store, work, sys.argv[3])


if __name__ == '__main__':
    main()
