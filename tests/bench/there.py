#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A store and the same spans in ClickHouse: is each answer the same?

    there.py --spanfs PATH --store DIR --url URL --lost DIR [--database NAME] [-n 2000] [--seed 1] [--jobs 1]
             [--only bench,golden,generated] [--seconds 120] [--done FILE]

By hand: the spans must be there, by `spanctl -s DIR -o clickhouse.url=URL export --create /` of a store of
`tracegen --seed 42` (bench.py makes one); --lost is a store of the same less what a table doesn't keep
(there_lost.py). All three are mounted, with the cache of results off. Asked are the questions of
queries.py, the paths of tests/golden and -n generated ones. A verdict is one of

  same, empty   the same bytes; of nothing
  typed: CLASS  what a store of the same spans less what is lost gives, to the byte; why, there_judge.py says
  refused       the same error on both sides
  slow          nothing in --seconds, on one side or both
  bound         a bound that the error names; here there is an answer
  differs       anything else: then the exit status is 1

--done keeps verdicts, a line of JSON each: what is in it is not asked again, unless it was slow, bound or differs.
"""
import argparse
import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import queries as qs  # noqa: E402
import there_judge as judge  # noqa: E402
import there_paths as paths  # noqa: E402

BOUNDS = (errno.ENOMEM, errno.ENOSPC, errno.EFBIG)
AGAIN = ('slow', 'bound', 'differs')


class Side:
    """a mount, until close()"""

    def __init__(self, spanfs, what, options, point):
        os.mkdir(point)
        self.point = os.fsencode(point)
        args = [spanfs, '-f']
        for o in options:
            args += ['-o', o]
        self.log = open(point + '.log', 'w+', encoding='utf-8')
        self.server = subprocess.Popen(args + [what, point], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while not os.path.ismount(point):
            if self.server.poll() is not None or time.monotonic() > end:
                self.server.kill()
                self.log.seek(0)
                raise SystemExit('no mount of %s: %s' % (what, self.log.read()))
            time.sleep(0.02)

    def close(self):
        subprocess.run(['fusermount3', '-uz', os.fsdecode(self.point)], check=False)
        self.server.wait()

    def name(self, path):
        # A keyword is a link, of which a path may cross 40.
        return os.path.join(self.point, path.lstrip('/').encode())

    def open(self, path):
        """the file, or an error"""
        try:
            return open(self.name(path), 'rb', buffering=1 << 20)
        except OSError as e:
            return e

    def words(self, path):
        try:
            return os.getxattr(self.name(path), 'user.spanfs.error').decode('utf-8', 'replace')
        except OSError:
            return ''


class Sides:
    def __init__(self, args, now, directory):
        self.seconds = args.seconds
        common = ['now=%d' % now, 'browse.strict_names=no', 'result_cache.enabled=no',
                  'query.timeout=%ds' % args.seconds] + qs.PRICES.split(',')
        server = ['clickhouse.url=' + args.url, 'clickhouse.timeout=%ds' % args.seconds]
        if args.database:
            server.append('clickhouse.database=' + args.database)
        self.close_all = contextlib.ExitStack()

        def side(what, options, name):
            s = Side(args.spanfs, what, common + options, os.path.join(directory, name))
            self.close_all.callback(s.close)
            return s

        try:
            self.here = side(args.store, [], 'here')
            self.lost = side(args.lost, [], 'lost')
            self.there = side('clickhouse', server, 'there')
        except BaseException:
            self.close_all.close()
            raise

    def compare(self, path):
        """(verdict, words, seconds here and there)"""
        begin = time.monotonic()
        want = self.here.open(path)
        between = time.monotonic()
        got = self.there.open(path)
        took = [between - begin, time.monotonic() - between]
        try:
            verdict, words = self.judge(path, want, got)
        except OSError as e:
            verdict, words = 'differs', 'a read: %s' % e
        for f in (want, got):
            if not isinstance(f, OSError):
                f.close()
        took[1] = max(took[1], time.monotonic() - between)
        return verdict, words, took

    def judge(self, path, want, got):
        if any(isinstance(f, OSError) and f.errno == errno.ETIMEDOUT for f in (want, got)):
            return 'slow', 'here %s, there %s' % tuple(f if isinstance(f, OSError) else 'done' for f in (want, got))
        if isinstance(want, OSError) and isinstance(got, OSError) and want.errno == got.errno:
            return 'refused', os.strerror(got.errno)
        if isinstance(got, OSError) and not isinstance(want, OSError):
            words = '%s: %s' % (os.strerror(got.errno), self.there.words(path).strip())
            return ('bound' if got.errno in BOUNDS and '[' in words else 'differs'), words
        if isinstance(want, OSError):
            return 'differs', 'here %s, there %s' % (want, got)
        name = path.rsplit('/', 1)[-1]
        same, n = judge.same_bytes(want, got)
        if same:
            return ('same' if n > 2 else 'empty'), ''
        with open(self.lost.name(path), 'rb', buffering=1 << 20) as f:
            got.seek(0)
            if not judge.same_bytes(f, got)[0]:
                return 'differs', judge.first_difference(f, got)
        return 'typed: ' + (', '.join(sorted(judge.classes_of(want, got, name))) or 'lost types'), ''

    def values(self, field):
        """some that it has"""
        with open(self.here.name('distinct/%s/limit/60/groups.jsonl' % field), encoding='utf-8') as f:
            return [v for line in f for k, v in json.loads(line).items() if k != 'count' and v is not None]


class Done:
    """verdicts so far"""

    def __init__(self, name):
        self.verdicts, self.lock, self.file = {}, threading.Lock(), None
        if not name:
            return
        with contextlib.suppress(FileNotFoundError), open(name, encoding='utf-8') as f:
            for line in f:
                x = json.loads(line)
                self.verdicts[x['path']] = x
        self.file = open(name, 'a', encoding='utf-8')

    def get(self, path):
        x = self.verdicts.get(path)
        return x if x and x['verdict'] not in AGAIN else None

    def put(self, x):
        if self.file:
            with self.lock:
                self.file.write(json.dumps(x) + '\n')
                self.file.flush()


def asked_of(args, sides, params):
    out = []
    if 'bench' in args.only:
        out += [('bench', qs.path({'id': q}, params)) for q in qs.PATHS if q not in qs.LATER]
    if 'golden' in args.only:
        out += [('golden', g) for g in paths.golden()]
    if 'generated' in args.only:
        values = {f: sides.values(f) for f in paths.FIELDS}
        maker = paths.Maker({f: v for f, v in values.items() if v}, args.seed, params['t0'], params['t1'])
        out += [('generated', maker.path()) for _ in range(args.n)]
    return out


def run(args, params, directory):
    sides, done, counts = Sides(args, params['t1'], directory), Done(args.done), {}
    pool = ThreadPoolExecutor(args.jobs)
    # Who stops this waits for what is asked, and not for all that is still to be asked.
    sides.close_all.callback(pool.shutdown, cancel_futures=True)
    with sides.close_all:
        def one(asked):
            x = done.get(asked[1])
            if not x:
                verdict, words, took = sides.compare(asked[1])
                x = {'path': asked[1], 'verdict': verdict, 'words': words, 'seconds': [round(t, 3) for t in took]}
                done.put(x)
            return asked[0], x

        for kind, x in pool.map(one, asked_of(args, sides, params)):
            counts[kind, x['verdict']] = counts.get((kind, x['verdict']), 0) + 1
            if x['verdict'] in AGAIN:
                print('%s %s (%.1f s): %s\n  %s' % (kind, x['verdict'], x['seconds'][1], x['path'], x['words']), flush=True)
    for (kind, verdict), n in sorted(counts.items()):
        print('%s: %d %s' % (kind, n, verdict))
    return any(verdict == 'differs' for _, verdict in counts)


def main():
    p = argparse.ArgumentParser()
    for name in ('spanfs', 'store', 'lost', 'url'):
        p.add_argument('--' + name, required=True)
    p.add_argument('--database', default='')
    p.add_argument('--done', default='')
    p.add_argument('--only', default='bench,golden,generated')
    p.add_argument('-n', type=int, default=2000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--jobs', type=int, default=1)
    p.add_argument('--seconds', type=int, default=120)
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open(os.path.join(HERE, 'expected-1m.json'), encoding='utf-8') as f:
        params = json.load(f)['params']
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        sys.exit(run(args, params, directory))


if __name__ == '__main__':
    main()
