# SPDX-License-Identifier: ISC
"""Endurance: readers beside imports, and everything that stops them.

  endure.py [--readers 64] [--seconds 600] [--look-up 2] [--stops 1000] [--p99 50] [--spans 12000]
            [--work DIR]

readers: so many read results, as long as imports go on; each knows the commit that its file shows
(user.spanfs.generation), and its checksum is that of `spanctl query` at that commit. Memory stays
within [query] total_memory + 64 MiB; afterwards descriptors, threads and inodes are what they were.
Names that are new are looked up meanwhile, by turns with those of a filesystem that has nothing behind
it (CLIENT and BAREFS name the programs; mount.sh endure makes them): 99 of 100 take --look-up ms at
most, or twice what they take there, since what the machine itself lets anybody wait is not the mount's.
stops: so many random interrupts, early closes, kills of readers and, now and then, of the daemon,
which is then started again: no mount is left over, no file, the next answer is right, and a
reader ends within --p99 ms of its SIGINT, 99 times of 100, or within twice what the same program
takes that waits at a pipe; and its query takes no more than --p99 ms of the processors after it.
SPANFS and SPANCTL name the programs.
"""
import argparse, contextlib, ctypes, hashlib, json, multiprocessing, os, random, shutil, signal
import subprocess, sys, tempfile, threading, time

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


REMOUNT = 32 | 2 | 4 | 8     # MS_REMOUNT, MS_NOSUID, MS_NODEV, MS_NOEXEC: as it is mounted


def inodes(m):
    """that the mount holds, once the kernel has forgotten what it can; None: only root may say so"""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b'spanfs', m.point.encode(), None, ctypes.c_ulong(REMOUNT), None) != 0:
        return None
    st = os.statvfs(m.point)
    return st.f_files - st.f_ffree


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


@contextlib.contextmanager
def looking_up(p, m, seconds, most):
    """new names, ours and those of a bare filesystem by turns; judged at the end"""
    if 'CLIENT' not in os.environ or 'BAREFS' not in os.environ:
        print('# look-ups are not timed: no CLIENT, BAREFS')
        yield
        return
    with Mount([os.environ['BAREFS']], p.at('bare')) as bare:
        looks = subprocess.Popen([os.environ['CLIENT'], 'look', str(seconds), '5',
                                  m.file('kind/server/.limit'), bare.file('d1/d2')],
                                 stdout=subprocess.PIPE, text=True)
        yield
        ours, theirs = json.loads(looks.communicate()[0])
    for who, r in ('spanfs', ours), ('bare', theirs):
        print('# %d look-ups, %s: P50 %.2f ms, P90 %.2f, P99 %.2f, at most %.2f' % (
            r['n'], who, r['p50_ms'], r['p90_ms'], r['p99_ms'], r['max_ms']))
    judge(ours['p99_ms'] <= max(most, 2 * theirs['p99_ms']), 'a look-up takes %.2f ms, 99 times of '
          '100; %.2f where nothing is behind it' % (ours['p99_ms'], theirs['p99_ms']))


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


def readers(p, n, seconds, most):
    with p.mount() as m:
        warm(m)
        start, nodes, truth, queue = held(p, m), inodes(m), {}, multiprocessing.Queue()
        references(p, m, truth)
        until = time.time() + seconds
        n_procs = max(1, n // 16)
        procs = [multiprocessing.Process(target=read_on, args=(m.point, until, n // n_procs, queue))
                 for _ in range(n_procs)]
        for x in procs:
            x.start()
        imports = 0
        with looking_up(p, m, seconds, most):
            while time.time() < until:
                p.grow(300)
                imports += 1
                references(p, m, truth)
            seen = [one for _ in procs for one in queue.get()]
            for x in procs:
                x.join()
        check_reads(seen, truth)
        judge(imports > 0, '%d imports meanwhile' % imports)
        rss = m.peak_kb() >> 10
        judge(rss <= TOTAL_MIB + SLACK_MIB, 'peak memory of %d MiB, of %d + %d' % (rss, TOTAL_MIB,
                                                                                  SLACK_MIB))
        end = settle(p, m, start)
        judge(end[0] <= start[0] and end[1] <= start[1],
              'descriptors %d, threads %d at first; then %d, %d' % (start + end))
        if nodes is None:
            print('# inodes are not counted: not root')
        else:
            now = settled_inodes(m, nodes)
            judge(now <= nodes, '... and inodes %d, then %d' % (nodes, now))
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


def settled_inodes(m, start):
    """the kernel's forgets come after its answer to the remount, and among other requests"""
    for _ in range(100):
        now = inodes(m)
        if now <= start:
            break
        time.sleep(0.1)
    return now


def left_over(p):
    left = os.listdir(p.at('spill'))
    judge(left == [], 'nothing is left in the spill directory' + (': %s' % left if left else ''))


# ---- stops ----

READ = 'import sys\nf = open(sys.argv[1], "rb")\nwhile f.read(1 << 16):\n    pass\n'


def child(argv):
    """whose SIGINT is not the shell's affair"""
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


class Times:
    """ms from a SIGINT on: until readers end, and the same programs at a pipe; until queries do"""

    def __init__(self):
        self.readers, self.others, self.queries, self.work = [], [], [], []


def ended(child_, sig):
    """ms until it ends by the signal; None: it had ended, or does not"""
    t = time.perf_counter()
    child_.send_signal(sig)
    try:
        child_.wait(20)
    except subprocess.TimeoutExpired:
        problem('%s does not end' % child_.args)
        child_.kill()
        child_.wait()
        return None
    return (time.perf_counter() - t) * 1e3 if child_.returncode == -sig else None


def cpu_ms(m):
    """of all threads that the daemon has"""
    ns = 0
    for tid in os.listdir('/proc/%d/task' % m.pid):
        try:
            with open('/proc/%d/task/%s/schedstat' % (m.pid, tid)) as f:
                ns += int(f.read().split()[0])
        except OSError:     # it is gone
            pass
    return ns / 1e6


def query_ends(m, times):
    """waits until nothing runs; notes how long that took, and what the daemon worked, if anything did"""
    t, ran, work = time.perf_counter(), False, cpu_ms(m)
    while metrics(m)['queries_running'] != 0:
        ran = True
        if time.perf_counter() - t > 20:
            problem('a query goes on')
            return
        time.sleep(0.001)
    if ran:
        times.queries.append((time.perf_counter() - t) * 1e3)
        times.work.append(max(0, cpu_ms(m) - work))


def note(ms, times):
    if ms is not None:
        times.append(ms)


def stop_one(m, how, k, draw, times, fifo):
    """a reader that is stopped at some moment; the path is new, so there is work to stop"""
    path = m.file('not/name/none%d/%s' % (k, draw.choice(PATHS)))
    if how == 'early':
        with open(path, 'rb', buffering=0) as f:
            f.read(draw.randrange(1, 5000))
        query_ends(m, times)
        return
    argv = ['cat'] if how != 'python' else [sys.executable, '-c', READ]
    at_pipe = draw.random() < 0.3
    p = child(argv + [fifo if at_pipe else path])
    time.sleep(draw.random() * 0.06)
    ms = ended(p, signal.SIGKILL if how == 'kill' else signal.SIGINT)
    query_ends(m, times)
    if how != 'kill':
        note(ms, times.others if at_pipe else times.readers)


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
    draw, times, wrong, kills = random.Random(7), Times(), 0, 0
    truth = {path: p.query(path) for path in PATHS}
    fifo = p.at('fifo')
    os.mkfifo(fifo)
    m = p.mount(',result_cache.enabled=no')
    try:
        for k in range(n):
            how = draw.choice(['int', 'int', 'python', 'early', 'kill'])
            if k % 50 == 49 or k == n // 2:
                m = restart(p, m, k)
                kills += 1
            stop_one(m, how, k, draw, times, fifo)
            if k % 5 == 0:
                path = draw.choice(PATHS)
                with open(m.file(path), 'rb') as f:
                    wrong += md5(f) != truth[path]
        judge(wrong == 0, 'what is read after %d stops, %d kills of the daemon among them, is right'
              % (n, kills))
        judge(idle(m), 'no query goes on for nobody')
        for what, v in (('readers interrupted', times.readers), ('others', times.others),
                        ('queries left', times.queries), ('of work of these', times.work)):
            print('# %d %s: P50 %.1f ms, P90 %.1f, P99 %.1f' % (
                len(v), what, rank(v, .5), rank(v, .9), rank(v, .99)))
        most = max(p99, 2 * rank(times.others, .99))
        judge(rank(times.readers, .99) <= most, 'a reader ends %.1f ms after its SIGINT, 99 times of '
              '100; one at a pipe %.1f' % (rank(times.readers, .99), rank(times.others, .99)))
        judge(rank(times.work, .99) <= p99, '... and its query after %.1f ms of work' %
              rank(times.work, .99))
    finally:
        m.stop()
    judge(p.mounts() == 0, 'no mount is left')
    left_over(p)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--readers', type=int, default=64)
    a.add_argument('--seconds', type=float, default=600)
    a.add_argument('--look-up', dest='look_up', type=float, default=2)
    a.add_argument('--stops', type=int, default=1000)
    a.add_argument('--p99', type=float, default=50)
    a.add_argument('--spans', type=int, default=12000)
    a.add_argument('--work', default=tempfile.gettempdir())
    o = a.parse_args()
    p = Place(o.work, o.spans)
    try:
        readers(p, o.readers, o.seconds, o.look_up)
        stops(p, o.stops, o.p99)
    finally:
        shutil.rmtree(p.dir, ignore_errors=True)
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
