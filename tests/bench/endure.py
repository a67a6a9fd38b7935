# SPDX-License-Identifier: ISC
"""Endurance: readers beside imports, and everything that stops them.

  endure.py [--readers 64] [--seconds 600] [--stops 1000] [--p99 50] [--spans 12000] [--work DIR]

readers: so many read results, as long as imports go on; each knows the commit that its file shows
(user.spanfs.generation), and its checksum is that of `spanctl query` at that commit. Memory stays
within [query] total_memory + 64 MiB; afterwards descriptors and threads are what they were.
stops: so many random interrupts, early closes, kills of readers and, now and then, of the daemon,
which is then started again: no mount is left over, no file, the next answer is right, and a
reader ends within --p99 ms of its SIGINT, 99 times of 100. SPANFS and SPANCTL name the programs.
"""
import argparse, hashlib, multiprocessing, os, random, shutil, signal, subprocess, sys
import tempfile, threading, time

from mounted import Mount, metrics

SPANFS, SPANCTL = os.environ['SPANFS'], os.environ['SPANCTL']
TOTAL_MIB, SLACK_MIB = 256, 64
OPTIONS = ('now=latest,query.total_memory=%dMiB,store.cache=32MiB,result_cache.max_bytes=32MiB,'
           'result_cache.ttl=1s,result_cache.entry_max_bytes=4MiB,decision_cache.max_bytes=4MiB,'
           'spill_dir=%s')
PATHS = ['spans.jsonl', 'limit/200/spans.jsonl', 'status/error/spans.csv', 'count',
         'group/service,status/agg/count,p95:duration/groups.jsonl', 'limit/300/traces.jsonl',
         'sort/duration:desc/limit/500/spans.jsonl', 'kind/server/events.jsonl',
         'limit/2000/otlp.jsonl', 'select/name,duration/spans.jsonl']
problems = []


def problem(text):
    problems.append(text)
    print('not ok - ' + text, flush=True)


def fine(text):
    print('ok - ' + text, flush=True)


def judge(holds, text):
    fine(text) if holds else problem(text)


def md5(f):
    h = hashlib.md5()
    while b := f.read(1 << 18):
        h.update(b)
    return h.hexdigest()


class Place:
    """a store that grows, and a mount of it"""

    def __init__(self, work, spans):
        self.dir = tempfile.mkdtemp(prefix='spanfs-endure.', dir=work)
        self.store = self.at('store')
        self.n = 0
        os.mkdir(self.at('spill'))
        self.grow(spans)

    def at(self, *names):
        return os.path.join(self.dir, *names)

    def grow(self, spans):
        self.n += 1
        subprocess.run([SPANCTL, 'sample', '--spans', str(spans), '--seed', str(self.n), '--end',
                        '2026-11-20T14:00:00Z', '-o', self.at('more')], check=True)
        subprocess.run([SPANCTL, '-s', self.store, 'import', self.at('more')], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(self, path):
        with subprocess.Popen([SPANCTL, '-s', self.store, '-o', 'mount.now=latest', 'query', path],
                              stdout=subprocess.PIPE) as p:
            return md5(p.stdout)

    def mount(self, more=''):
        return Mount([SPANFS, '-f', '-o', OPTIONS % (TOTAL_MIB, self.at('spill')) + more,
                      self.store], self.at('mnt'))

    def mounts(self):
        with open('/proc/self/mountinfo') as f:
            return sum(' %s ' % self.at('mnt') in line for line in f)


def held(p, m):
    """descriptors of a mount's daemon but for the store's files, which are a cache; its threads"""
    n = 0
    for fd in os.listdir('/proc/%d/fd' % m.pid):
        try:
            n += not os.readlink('/proc/%d/fd/%s' % (m.pid, fd)).startswith(p.store)
        except FileNotFoundError:
            pass
    return n, len(os.listdir('/proc/%d/task' % m.pid))


# ---- readers ----

def read_one(m, path, seen):
    try:
        with open(os.path.join(m, path), 'rb') as f:
            got = md5(f)
            generation = int(os.getxattr(f.fileno(), 'user.spanfs.generation'))
    except OSError as e:
        seen.append((path, None, '%s' % e))
        return
    seen.append((path, generation, got))


def read_on(point, until, n_threads, queue):
    """a process with some of the readers"""
    seen = []

    def reader(k):
        draw = random.Random(k)
        while time.time() < until:
            read_one(point, draw.choice(PATHS), seen)
    threads = [threading.Thread(target=reader, args=(os.getpid() + k,)) for k in range(n_threads)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    queue.put(seen)


def look_up(point, until, out):
    """ms of a new name, again and again"""
    n = 0
    while time.time() < until:
        n += 1
        t = time.perf_counter()
        os.stat('%s/kind/server/.limit/%d' % (point, n))
        out.append((time.perf_counter() - t) * 1e3)
        time.sleep(0.01)


def rank(v, q):
    v = sorted(v)
    return v[min(len(v) - 1, int(len(v) * q))] if v else 0.0


def references(p, m, truth):
    generation = round(metrics(m)['store_generation'])
    for path in PATHS:
        truth[path, generation] = p.query(path)
    return generation


def check_reads(seen, truth):
    counts = {'right': 0, 'wrong': 0, 'failed': 0, 'unknown': 0}
    for path, generation, got in seen:
        kind = ('failed' if generation is None else 'unknown' if (path, generation) not in truth
                else 'right' if truth[path, generation] == got else 'wrong')
        counts[kind] += 1
        if kind in ('wrong', 'failed') and counts[kind] < 4:
            print('# %s at %s: %s' % (path, generation, got))
    judge(counts['wrong'] == 0 and counts['failed'] == 0 and counts['right'] > 0,
          '%(right)d reads right, %(wrong)d wrong, %(failed)d failed (%(unknown)d of commits that '
          'nobody asked about)' % counts)


def readers(p, n, seconds):
    with p.mount() as m:
        warm(m)
        start, truth, stats, queue = held(p, m), {}, [], multiprocessing.Queue()
        references(p, m, truth)
        until = time.time() + seconds
        n_procs = max(1, n // 16)
        procs = [multiprocessing.Process(target=read_on, args=(m.point, until, n // n_procs, queue))
                 for _ in range(n_procs)]
        lookups = threading.Thread(target=look_up, args=(m.point, until, stats))
        for x in procs + [lookups]:
            x.start()
        imports = 0
        while time.time() < until:
            p.grow(300)
            imports += 1
            references(p, m, truth)
        seen = [one for _ in procs for one in queue.get()]
        for x in procs + [lookups]:
            x.join()
        check_reads(seen, truth)
        judge(imports > 0, '%d imports meanwhile' % imports)
        rss = m.peak_kb() >> 10
        judge(rss <= TOTAL_MIB + SLACK_MIB, 'peak memory of %d MiB, of %d + %d' % (rss, TOTAL_MIB,
                                                                                  SLACK_MIB))
        print('# look-ups of new names: P50 %.2f ms, P99 %.2f ms' % (rank(stats, .5),
                                                                     rank(stats, .99)))
        end = settle(p, m, start)
        judge(end[0] <= start[0] and end[1] <= start[1],
              'descriptors %d, threads %d at first; then %d, %d' % (start + end))
        left_over(p)


def warm(m):
    """threads that are kept are started"""
    seen = []
    threads = [threading.Thread(target=read_one, args=(m.point, path, seen))
               for path in PATHS for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    time.sleep(0.5)


def settle(p, m, start):
    """what is idle goes within some seconds"""
    for _ in range(150):
        end = held(p, m)
        if end[0] <= start[0] and end[1] <= start[1]:
            break
        time.sleep(0.1)
    return end


def left_over(p):
    left = os.listdir(p.at('spill'))
    judge(left == [], 'nothing is left in the spill directory' + (': %s' % left if left else ''))


# ---- stops ----

READ = 'import sys\nf = open(sys.argv[1], "rb")\nwhile f.read(1 << 16):\n    pass\n'


def child(argv):
    """whose SIGINT is not the shell's affair"""
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def stop_one(m, how, k, draw, times):
    """a reader that is stopped at some moment; the path is new, so there is work to stop"""
    path = m.file('not/name/none%d/%s' % (k, draw.choice(PATHS)))
    if how == 'early':
        with open(path, 'rb', buffering=0) as f:
            f.read(draw.randrange(1, 5000))
        return
    p = child(['cat', path] if how != 'python' else [sys.executable, '-c', READ, path])
    time.sleep(draw.random() * 0.06)
    t = time.perf_counter()
    p.send_signal(signal.SIGKILL if how == 'kill' else signal.SIGINT)
    try:
        p.wait(20)
    except subprocess.TimeoutExpired:
        problem('a reader of %s does not end' % path)
        return
    if how != 'kill' and p.returncode < 0:
        times.append((time.perf_counter() - t) * 1e3)


def answers(m):
    """waits: what the kernel remembers of a dead mount looks like one"""
    for _ in range(400):
        try:
            with open(m.file('README'), 'rb') as f:
                return f.read()
        except OSError:
            time.sleep(0.05)
    problem('a new mount does not answer')


def restart(p, m, k):
    """the daemon is killed and started again over its dead mount"""
    m.server.kill()
    m.server.wait()
    m = p.mount(',result_cache.enabled=no')
    answers(m)
    if p.mounts() != 1:
        problem('%d mounts after kill %d' % (p.mounts(), k))
    return m


def idle(m):
    """no query runs on for those who have gone"""
    for _ in range(200):
        with open(m.file('.spanfs/queries')) as f:
            if len(f.readlines()) == 1:
                return True
        time.sleep(0.05)
    return False


def stops(p, n, p99):
    draw, times, wrong, kills = random.Random(7), [], 0, 0
    truth = {path: p.query(path) for path in PATHS}
    m = p.mount(',result_cache.enabled=no')
    try:
        for k in range(n):
            how = draw.choice(['int', 'int', 'python', 'early', 'kill'])
            if k % 50 == 49 or k == n // 2:
                m = restart(p, m, k)
                kills += 1
            stop_one(m, how, k, draw, times)
            if k % 5 == 0:
                path = draw.choice(PATHS)
                with open(m.file(path), 'rb') as f:
                    wrong += md5(f) != truth[path]
        judge(wrong == 0, 'what is read after %d stops, %d kills of the daemon among them, is right'
              % (n, kills))
        judge(idle(m), 'no query goes on for nobody')
        judge(rank(times, .99) <= p99, '%d interrupted: P50 %.1f ms, P99 %.1f ms until they end' % (
            len(times), rank(times, .5), rank(times, .99)))
    finally:
        m.stop()
    judge(p.mounts() == 0, 'no mount is left')
    left_over(p)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--readers', type=int, default=64)
    a.add_argument('--seconds', type=float, default=600)
    a.add_argument('--stops', type=int, default=1000)
    a.add_argument('--p99', type=float, default=50)
    a.add_argument('--spans', type=int, default=12000)
    a.add_argument('--work', default=tempfile.gettempdir())
    o = a.parse_args()
    p = Place(o.work, o.spans)
    try:
        readers(p, o.readers, o.seconds)
        stops(p, o.stops, o.p99)
    finally:
        shutil.rmtree(p.dir, ignore_errors=True)
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
