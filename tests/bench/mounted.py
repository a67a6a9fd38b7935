# SPDX-License-Identifier: ISC
"""spanfs: importing, mounting, reading a query's file, and what it counted.

The mount runs with the cache of results off, so that every open executes, and with `now` at the
newest span. BENCH_MOUNT_OPTS adds options (e.g. query.threads=1).
"""
import glob, json, os, re, shutil, subprocess, time

import queries as qs
from measure import client, size, spawn, work
from peers import timed

SPANFS = os.environ.get('SPANFS', 'spanfs')
SPANCTL = os.environ.get('SPANCTL', 'spanctl')
OPTIONS = 'now=latest,result_cache.enabled=no'
COUNTERS = {'rows_scanned_total': 'scanned', 'rows_fetched_total': 'fetched',
            'rows_returned_total': 'rows', 'read_bytes_total': 'read_bytes',
            'decoded_bytes_total': 'decoded_bytes', 'shards_opened_total': 'shards',
            'result_bytes_total': 'bytes'}


def load(ds):
    """imports the data anew; with BENCH_KEEP a store that is there stays"""
    store = ds.at('store')
    if os.environ.get('BENCH_KEEP') and 'spanfs' in ds.loads and os.path.isdir(store):
        return
    shutil.rmtree(store, ignore_errors=True)

    def run():
        r = spawn([SPANCTL, '-s', store, 'import', ds.at('data')])
        return {'cpu_s': round(r['cpu_ms'] / 1e3, 1), 'rss_kb': r['rss_kb'],
                'said': (r['out'] + r['err']).strip()[-300:]}
    r = timed(run)
    ds.put_load('spanfs', bytes=size(store), files=len(files_of(store)), **r)


def files_of(store):
    return [f for f in glob.glob(os.path.join(store, '**'), recursive=True) if os.path.isfile(f)]


class Mount:
    """a server in the foreground, until stop()"""

    def __init__(self, argv, point):
        try:
            os.makedirs(point, exist_ok=True)
        except FileExistsError:     # the dead mount of a daemon that was killed is no directory
            pass
        self.point = os.path.abspath(point)
        self.log = open(self.point + '.log', 'w+')
        self.server = subprocess.Popen(argv + [self.point], stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log)
        self.pid = self.server.pid
        end = time.time() + 60
        while not os.path.ismount(self.point):
            if self.server.poll() is not None or time.time() > end:
                self.stop()
                raise RuntimeError('no mount: ' + self.said())
            time.sleep(0.02)

    def said(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def stop(self):
        subprocess.run(['fusermount3', '-uz', self.point], stderr=subprocess.DEVNULL)
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def file(self, path):
        return os.path.join(self.point, path)

    def time(self, path, n):
        """ms of open, read to the end, close: once, then n times"""
        return client('file', n, self.file(path), beside=self.pid)

    def peak_kb(self):
        m = re.search(r'VmHWM:\s+(\d+)', open('/proc/%d/status' % self.pid).read())
        return int(m.group(1))


def mount(ds):
    more = os.environ.get('BENCH_MOUNT_OPTS')
    opts = OPTIONS + ',' + qs.PRICES + (',' + more if more else '')
    return Mount([SPANFS, '-f', '-o', opts, ds.at('store')], ds.at('mnt'))


def mount_bare():
    return Mount([work('bin', 'barefs')], 'bare')


def metrics(m):
    out = {}
    for line in open(m.file('.spanfs/metrics')):
        if not line.startswith('#'):
            k, v = line.split()
            out[k.removeprefix('spanfs_')] = float(v)
    return out


def counters(m, path):
    """what one open of a file counted, and what profile.json says beside it"""
    before = metrics(m)
    with open(m.file(path), 'rb') as f:
        while f.read(1 << 20):
            pass
    after = metrics(m)
    c = {short: round(after[k] - before[k]) for k, short in COUNTERS.items()}
    c['plan_ms'] = round((after['plan_seconds_total'] - before['plan_seconds_total']) * 1e3, 3)
    p = profile(m, path)
    c.update({k: p[k] for k in ('row_groups_visited', 'row_groups_pruned', 'blocks_pruned',
                                'chunks_read', 'chunks_cached') if k in p})
    c.update({k[:-3] + '_ms': round(p[k] / 1e6, 3) for k in p
              if k.endswith('_ns') and k != 'plan_ns'})
    return c


def profile(m, path):
    with open(m.file(os.path.join(os.path.dirname(path), 'profile.json'))) as f:
        return json.load(f)


def query_argv(ds, path, threads, rules_off=''):
    return [SPANCTL, '-s', ds.at('store'), '-o', 'mount.now=latest',
            '-o', 'query.threads=%d' % threads, '-o', 'query.rules_off=' + rules_off,
            'query', '/' + path]
