# SPDX-License-Identifier: ISC
"""Running programs and knowing how disturbed it was.

Other work may run on the machine. Before a measurement this waits, a bounded time, for others to
use little CPU; meanwhile the CPU time of everyone else is taken from /proc/stat. What was
disturbed is repeated, the least disturbed attempt counts, and the share of the machine that
others took stands beside the time.
"""
import json, os, statistics, subprocess, sys, tempfile, time

TICK = os.sysconf('SC_CLK_TCK')
NCPU = os.cpu_count()
SHARE = float(os.environ.get('BENCH_SHARE', '0.10'))   # a larger share is a disturbance
WAIT = float(os.environ.get('BENCH_WAIT', '20'))       # seconds to wait for less
TRIES = int(os.environ.get('BENCH_TRIES', '3'))
HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.environ.get('BENCH_DIR') or os.path.join(os.environ.get('BUILD', '.'), 'bench')


def log(*a):
    print(time.strftime('%H:%M:%S'), *a, file=sys.stderr, flush=True)


def busy():
    """CPU seconds that the machine has spent on anything"""
    v = [int(x) for x in open('/proc/stat').readline().split()[1:]]
    return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / TICK


def cpu_of(pid):
    """CPU seconds of a process"""
    v = open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()
    return (int(v[11]) + int(v[12])) / TICK


def quiet():
    """waits until others leave the machine alone; the share that they use"""
    end = time.time() + WAIT
    while True:
        b, t = busy(), time.time()
        time.sleep(0.25)
        share = min((busy() - b) / (NCPU * (time.time() - t)), 1.0)
        if share <= SHARE or time.time() > end:
            return share


def spawn(argv, stdin='', env=None, beside=None):
    """runs argv to its end: stdout, wall and cpu ms, peak rss kB, share of others.
    beside: the pid of a server whose CPU time is not others'."""
    with tempfile.TemporaryFile('w+') as i, tempfile.TemporaryFile('w+') as o, \
         tempfile.TemporaryFile('w+') as e:
        i.write(stdin)
        i.seek(0)
        ours = cpu_of(beside) if beside else 0
        b, t = busy(), time.monotonic()
        p = subprocess.Popen(argv, stdin=i, stdout=o, stderr=e, env=env)
        _, st, ru = os.wait4(p.pid, 0)
        wall = time.monotonic() - t
        p.returncode = os.waitstatus_to_exitcode(st)
        cpu = ru.ru_utime + ru.ru_stime
        ours = cpu + (cpu_of(beside) - ours if beside else 0)
        others = max(0.0, busy() - b - ours) / (NCPU * max(wall, 1e-6))
        o.seek(0)
        e.seek(0)
        if p.returncode:
            raise RuntimeError('%s failed (%d): %s' % (
                ' '.join(argv[:4]), p.returncode, (e.read() or o.read())[-2000:]))
        return {'out': o.read(), 'err': e.read(), 'wall_ms': wall * 1e3, 'cpu_ms': cpu * 1e3,
                'rss_kb': ru.ru_maxrss, 'others': round(min(others, 1), 3)}


def spawn_json(argv, **more):
    """the JSON object that argv prints last, and spawn's figures"""
    r = spawn(argv, **more)
    o = r.pop('out').strip().splitlines()
    r.pop('err')
    return {**r, **json.loads(o[-1])}


def client(*argv, beside=None):
    return spawn_json([os.path.join(WORK, 'bin', 'client')] + [str(a) for a in argv],
                      beside=beside)


def best(f, tries=TRIES):
    """f() until hardly disturbed; the least disturbed attempt counts"""
    got = None
    for _ in range(tries):
        before = quiet()
        r = f()
        if r['wall_ms'] < 400:      # too short for the kernel's ticks: what was just before counts
            r['others'] = round(before, 3)
        if got is None or r['others'] < got['others']:
            got = r
        if got['others'] <= SHARE:
            break
    return got


def middle(v):
    return round(statistics.median(v), 4)


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(r, f)) for r, _, fs in os.walk(path)
               for f in fs if not os.path.islink(os.path.join(r, f)))


def work(*p):
    return os.path.join(WORK, *p)
