# SPDX-License-Identifier: ISC
"""The tools table: what programs make of a result's file, whatever the mount is up to.

  mount_table.py [--sizes 1k,10m] [--modes first,cold,...] [--few] [--store DIR] [--work DIR]

Each tool runs in a query directory and in a plain one that holds the same bytes, and prints what
it made of them. Right: the same. Refused: another exit status than 0. Wrong: anything else, and
that may never be. `first`: under a path that nobody asked for before; `cold`: without the cache of
results, what is decoded dropped; `loaded`: beside two busy loops a processor; the others are
settings of the mount. 1k, 10m and 2g are sizes; what a tool does of no plain file of 2 GiB is not asked. SPANFS, SPANCTL and COPIER name the programs, NODE_PATH has DuckDB's package.
--few leaves out what Debian's packages don't bring. Exit 1 if anything was wrong.
"""
import argparse, contextlib, os, shutil, subprocess, sys, tempfile, textwrap

from mounted import Mount

SPANFS, SPANCTL = os.environ['SPANFS'], os.environ['SPANCTL']
BYTES = {'1k': 1 << 10, '10m': 10 << 20, '2g': 2 << 30}
MODES = {'first': '', 'cold': 'result_cache.enabled=no', 'loaded': '',
         'stat_budget=0': 'stat_budget=0', 'stream_after=1ms': 'stream_after=1ms'}

MMAP = '''
import hashlib, mmap
f = open('spans.jsonl', 'rb')
m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
print(len(m), hashlib.md5(m).hexdigest())
'''
HTTP = '''
import functools, hashlib, http.server, threading, urllib.request
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a):
        pass
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)
threading.Thread(target=s.serve_forever, daemon=True).start()
r = urllib.request.urlopen('http://127.0.0.1:%d/spans.jsonl' % s.server_port)
h, n = hashlib.md5(), 0
while b := r.read(1 << 20):
    h.update(b)
    n += len(b)
print(n == int(r.headers['Content-Length']), n, h.hexdigest())
'''
STREAM = '''
const fs = require("fs"), h = require("crypto").createHash("md5");
fs.createReadStream("spans.jsonl").on("error", (e) => { console.error(e); process.exit(1); })
    .on("data", (b) => h.update(b)).on("end", () => console.log(h.digest("hex")));
'''
DUCK = '''
const { DuckDBInstance } = require("@duckdb/node-api");
(async () => {
	const c = await (await DuckDBInstance.create(":memory:")).connect();
	console.log(JSON.stringify((await c.runAndReadAll(process.argv[2])).getRows()));
})().catch((e) => { console.error(String(e)); process.exit(1); });
'''
SUM = ' && md5sum <$OUT/x'
TOOLS = [
    ('cat', 'cat', 'cat spans.jsonl >$OUT/x' + SUM),
    ('cp', 'cp', 'cp spans.jsonl $OUT/x' + SUM),
    ('tar', 'tar', 'tar cf $OUT/x.tar spans.jsonl && tar xOf $OUT/x.tar | md5sum'),
    ('rsync twice', 'rsync', 'rsync -a spans.jsonl $OUT/x && rsync -ai spans.jsonl $OUT/x' + SUM),
    ('zstd', 'zstd', 'zstd -q1 spans.jsonl -o $OUT/x.zst && zstd -qdc $OUT/x.zst | md5sum'),
    ('xz', 'xz', 'xz -0c spans.jsonl >$OUT/x.xz && xz -dc $OUT/x.xz | md5sum'),
    ('gzip', 'gzip', 'gzip -1c spans.jsonl >$OUT/x.gz && gzip -dc $OUT/x.gz | md5sum'),
    ('split', 'split', 'split -n 3 spans.jsonl $OUT/x && cat $OUT/x* | md5sum'),
    ('tail -c', 'tail', 'tail -c 999 spans.jsonl >$OUT/x' + SUM),
    ('dd', 'dd', 'dd if=spans.jsonl of=$OUT/x bs=1M status=none' + SUM),
    ('wc -c', 'wc', 'wc -c spans.jsonl'),
    ('stat', 'stat', 'stat -c %s spans.jsonl'),
    ('mmap in Python', 'python3', 'python3 $SCRIPTS/by_mmap.py'),
    ('http.server', 'python3', 'python3 $SCRIPTS/by_http.py'),
    ('sendfile', None, '$COPIER sendfile spans.jsonl $OUT/x' + SUM),
    ('splice', None, '$COPIER splice spans.jsonl $OUT/x' + SUM),
    ('copy_file_range', None, '$COPIER copy_file_range spans.jsonl $OUT/x' + SUM),
    ('node copyFile', 'node', 'node -e \'require("fs").copyFileSync("spans.jsonl", '
     'process.env.OUT + "/x")\'' + SUM),
    ('node streams', 'node', 'node $SCRIPTS/stream.js'),
    ('DuckDB read_json', 'duck', 'node $SCRIPTS/duck.js "select count(*)::int, '
     'sum(duration_ns)::varchar from read_json(\'spans.jsonl\', maximum_object_size=33554432)"'),
    ('DuckDB read_csv', 'duck', 'node $SCRIPTS/duck.js "select count(*)::int from '
     'read_csv(\'spans.csv\', max_line_size=33554432)"'),
    ('DuckDB read_text', 'duck', 'node $SCRIPTS/duck.js "select length(content)::varchar from '
     'read_text(\'spans.jsonl\')"'),
]


def have(what):
    if what == 'duck':
        return subprocess.run(['node', '-e', 'require("@duckdb/node-api")'],
                              stderr=subprocess.DEVNULL).returncode == 0 if have('node') else False
    return 'COPIER' in os.environ if what is None else shutil.which(what) is not None


class Bench:
    def __init__(self, o):
        self.o = o
        self.dir = tempfile.mkdtemp(prefix='spanfs-table.', dir=o.work)
        self.store = o.store or self.at('store')
        self.n = 0
        self.seconds = o.seconds
        for name, text in (('by_mmap.py', MMAP), ('by_http.py', HTTP),
                           ('stream.js', STREAM), ('duck.js', DUCK)):
            os.makedirs(self.at('scripts'), exist_ok=True)
            with open(self.at('scripts', name), 'w') as f:
                f.write(textwrap.dedent(text))
        if not o.store:
            spans = max(BYTES[s] for s in o.sizes) // 500 + 1000
            subprocess.run([SPANCTL, 'sample', '--spans', str(spans), '--end',
                            '2026-11-20T14:00:00Z', '-o', self.at('data')], check=True)
            subprocess.run([SPANCTL, '-s', self.store, 'import', self.at('data')], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def at(self, *names):
        return os.path.join(self.dir, *names)

    def query(self, path, out):
        with open(out, 'wb') as f:
            subprocess.run([SPANCTL, '-s', self.store, '-o', 'mount.now=latest', 'query', path],
                           stdout=f, check=True)

    def reference(self, size):
        """a plain directory with a result of about that size; its limit"""
        ref = self.at('ref.' + size)
        os.makedirs(ref)
        self.query('limit/100/spans.jsonl', self.at('some'))
        limit = max(1, BYTES[size] * 100 // os.path.getsize(self.at('some')))
        for f in 'spans.jsonl', 'spans.csv':
            self.query('limit/%d/%s' % (limit, f), os.path.join(ref, f))
        return ref, limit

    def run(self, script, where):
        """what a tool printed, or None if it failed; 'hung' if it had to be stopped"""
        self.n += 1
        out = self.at('out.%d' % self.n)
        os.makedirs(out)
        env = dict(os.environ, OUT=out, SCRIPTS=self.at('scripts'), LC_ALL='C')
        try:
            r = subprocess.run(['timeout', '-k', '2', str(self.seconds), 'sh', '-c', script],
                               cwd=where, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as e:
            return None, str(e)
        finally:
            shutil.rmtree(out)
        if r.returncode in (124, 137):
            return 'hung', ''
        return (None if r.returncode else r.stdout), r.stderr.decode(errors='replace')[-200:]

    def mode(self, mode, size, limit, wanted):
        verdicts = {}
        opts = ','.join(x for x in ('now=latest', MODES[mode]) if x)
        with Mount([SPANFS, '-f', '-o', opts, self.store], self.at('mnt')) as m:
            for tool, want in wanted.items():
                if mode == 'cold':
                    with open(m.file('.spanfs/control'), 'w') as f:
                        f.write('drop-caches\n')
                self.n += 1
                where = m.file('not/name/no%%20such%%20name%d/limit/%d' % (self.n, limit))
                with self.load(2 * os.cpu_count() if mode == 'loaded' else 0):
                    verdicts[tool] = self.verdict(tool, where, want)
        return verdicts

    @contextlib.contextmanager
    def load(self, n):
        """so many busy loops, which end by themselves if we can't end them"""
        busy = [subprocess.Popen(['timeout', str(self.seconds), 'sh', '-c', 'while :; do :; done'])
                for _ in range(n)]
        try:
            yield
        finally:
            for p in busy:
                p.terminate()
                p.wait()

    def verdict(self, tool, where, want):
        script = next(t[2] for t in TOOLS if t[0] == tool)
        got, said = self.run(script, where)
        if got == want:
            return 'right'
        if got is None:
            return 'refused'
        print('# %s in %s: got %r, wanted %r; %s' % (tool, where, got, want, said), flush=True)
        return 'HUNG' if got == 'hung' else 'WRONG'

    def table(self):
        count = {}
        tools = [t for t in TOOLS if not self.o.few or t[1] not in ('node', 'duck')]
        for size in self.o.sizes:
            self.seconds = self.o.seconds * (10 if size == '2g' else 1)
            ref, limit = self.reference(size)
            wanted, missing = {}, [t[0] for t in tools if not have(t[1])]
            for name, needs, script in tools:
                if name in missing:
                    continue
                got, said = self.run(script, ref)
                if got is not None and got != 'hung':
                    wanted[name] = got
                elif size == '2g':   # more than some tools can take of any file
                    missing.append(name + ' (fails on a plain file)')
                else:
                    sys.exit('%s fails on a plain file: %s' % (name, said))
            columns = {m: self.mode(m, size, limit, wanted) for m in self.o.modes}
            print('\n%-18s' % size + ''.join('%18s' % m for m in columns))
            for tool in wanted:
                print('%-18s' % tool + ''.join('%18s' % c[tool] for c in columns.values()))
                for c in columns.values():
                    count[c[tool]] = count.get(c[tool], 0) + 1
            if missing:
                print('not asked: ' + ', '.join(missing))
            sys.stdout.flush()
            shutil.rmtree(ref)
        wrong = count.get('WRONG', 0) + count.get('HUNG', 0)
        print('\n%d right, %d refused, %d wrong' % (count.get('right', 0),
                                                   count.get('refused', 0), wrong))
        return 1 if wrong or not count else 0


def main():
    a = argparse.ArgumentParser()
    words = lambda s: s.split(',')
    a.add_argument('--sizes', type=words, default=['1k', '10m'])
    a.add_argument('--modes', type=words, default=list(MODES))
    a.add_argument('--few', action='store_true')
    a.add_argument('--store')
    a.add_argument('--work', default=tempfile.gettempdir())
    a.add_argument('--seconds', type=int, default=120)   # of a tool; ten times that of 2g
    bench = Bench(a.parse_args())
    try:
        sys.exit(bench.table())
    finally:
        shutil.rmtree(bench.dir, ignore_errors=True)


main()
