#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""spanfs against what people would load the same spans into.

    bench.py run NAME        loads, checks, times; appends to history.jsonl and prints the tables
    bench.py tables [NAME]   the tables of the newest run
    bench.py report          how the figures developed over the runs
    bench.py check NAME      only: loads and checks every answer

NAME is a dataset that run.sh made: data/ and truth.json in a folder of the work folder. The
answers to expect come from expected-NAME.json here if its data is the same, else oracle.py
works them out. Words after NAME choose peers (pq-shred ...) and queries (Q1 ...);
queries that spanfs cannot answer yet are asked of the peers only if named.
"""
import json, os, shutil, subprocess, sys, time

import mounted, peers, queries as qs, report
from judge import judge
from measure import HERE, NCPU, best, client, log, middle, work

REPEAT = int(os.environ.get('BENCH_REPEAT', '25'))     # opens of a mounted file
MIX = ('Q1', 'Q2', 'Q3', 'Q4', 'Q5', 'Q6', 'Q11')
MIX_SECONDS = float(os.environ.get('BENCH_MIX', '20'))
PARALLEL = ('Q5', 'Q7', 'Q9', 'Q14')


# ---------------------------------------------------------------- the data and its answers

def expect(name):
    """puts the expected answers beside the data"""
    out, truth = work(name, 'expected.json'), json.load(open(work(name, 'truth.json')))
    known = os.path.join(HERE, 'expected-%s.json' % name)
    for f in (out, known):
        if os.path.exists(f):
            e = json.load(open(f))
            needle = truth['needle']['trace_id']
            if (e['spans'], e['bytes'], e['params']['trace_id']) == (
                    truth['spans'], truth['bytes'], needle) and not set(qs.PATHS) - set(
                    e['expected']):
                if f != out:
                    shutil.copyfile(f, out)
                return
    log('asking the oracle about', name)
    with open(out + '.new', 'w') as f:
        subprocess.run([sys.executable, os.path.join(HERE, 'oracle.py'), work(name, 'data'),
                        work(name, 'truth.json')], stdout=f, check=True)
    os.rename(out + '.new', out)


def peer_text(peer):
    """which of a query's texts a peer is asked; rg and jq have none for groups of several kinds"""
    return 'duckdb' if peer in ('pq-map', 'pq-shred') else peer


def asked(q):
    return q['id'] not in qs.LATER


def check(ds, names, questions, m):
    """every answer against the oracle's; the number of wrong ones"""
    bad, shell = 0, {}
    for peer in names + ['spanfs']:
        line = []
        for q in questions:
            if not (asked(q) if peer == 'spanfs' else q[peer_text(peer)]):
                continue
            try:
                if peer == 'spanfs':
                    with open(m.file(qs.path(q, ds.params))) as f:
                        lines = f.read().splitlines()
                else:
                    lines, r = peers.answer(ds, peer, q)
                    if peer == 'shell':
                        shell[q['id']] = r
                why = judge(q, ds.expected['expected'][q['id']], lines)
            except (OSError, RuntimeError, ValueError, KeyError) as e:
                why = str(e)[-600:]
            if why:
                bad += 1
                log('WRONG', ds.name, peer, q['id'], why)
            line.append(q['id'] + ('' if not why else ':wrong'))
        log('checked', ds.name, peer, ' '.join(line))
    return bad, shell


# ---------------------------------------------------------------- timing

def time_spanfs(ds, q, m):
    path = qs.path(q, ds.params)
    n = REPEAT if q['cmp'] != 'export' else 7
    r = best(lambda: m.time(path, n))
    return {'ms': middle(r['ms']), 'min_ms': min(r['ms']), 'first_ms': r['first_ms'],
            'bytes': r['bytes'], 'others': r['others']}


def time_bare(nbytes, bare):
    r = best(lambda: bare.time(str(nbytes), 200 if nbytes < 1 << 20 else 7))
    return {'ms': middle(r['ms']), 'min_ms': min(r['ms'])}


def time_peer(ds, peer, q):
    """in one process: the median of five runs after a first"""
    r = best(lambda: peers.ask(ds, peer, q, warm=6))
    v = r['warm_ms'][-5:]
    return {'ms': middle(v), 'min_ms': min(v), 'rss_kb': r['rss_kb'], 'others': r['others']}


def time_process(argv, stdin='/dev/null', out='/dev/null', n=5):
    r = best(lambda: client('spawn', n, stdin, out, *argv))
    return {'ms': middle(r['ms']), 'min_ms': min(r['ms']), 'rss_kb': r['rss_kb'],
            'others': r['others']}


def time_query(ds, q, names, m, bare, shell):
    """engine and whole-process figures of a query, all in turn"""
    engine, process = {}, {}
    for peer in names:
        if not q[peer_text(peer)]:
            continue
        if peer == 'shell':
            ms = round(shell[q['id']]['wall_ms'], 1)
            process[peer] = {'ms': ms, 'min_ms': ms, 'others': shell[q['id']]['others']}
            continue
        engine[peer] = time_peer(ds, peer, q)
        argv, stdin = peers.command(ds, peer, q)
        process[peer] = time_process(argv, stdin, out=ds.at('peer.out'))
    if asked(q):
        engine['spanfs'] = time_spanfs(ds, q, m)
        engine['bare'] = time_bare(engine['spanfs']['bytes'], bare)
        process['spanfs'] = time_process(
            ['cat', m.file(qs.path(q, ds.params))], n=15 if q['cmp'] != 'export' else 5,
            out=ds.at('export-spanfs.jsonl') if q['cmp'] == 'export' else '/dev/null')
    for kind, r in (('engine', engine), ('process', process)):
        log(ds.name, q['id'], kind, ' '.join('%s %.3g' % (k, v['ms']) for k, v in r.items()))
    return engine, process


def mixed(ds, m):
    paths = [m.file(qs.path(q, ds.params)) for q in qs.Q if q['id'] in MIX]
    r = best(lambda: client('mix', MIX_SECONDS, 4, *paths, beside=m.pid), 2)
    out = {k: r[k] for k in ('n', 'failed', 'errno', 'p50_ms', 'p99_ms', 'max_ms',
                             'others')}
    if r['failed']:
        log('FAILED', ds.name, 'mixed load:', r['failed'], 'opens or reads,', r['errno'])
    out['each'] = dict(zip(MIX, r['each']))
    return out


def toy(threads):
    return middle(best(lambda: client('cpu', 5, threads))['ms'])


def parallel(ds):
    """two threads against one, in turn, without indexes; 'open' is spanctl with next to no query"""
    out = {'machine': {'1': toy(1), '2': toy(2)}}
    for q in qs.Q:
        if q['id'] not in PARALLEL or not asked(q):
            continue
        path = qs.path(q, ds.params)
        out[q['id']] = {str(t): time_process(mounted.query_argv(ds, path, t, 'index'), n=7)['ms']
                        for t in (1, 2)}
    out['open'] = time_process(mounted.query_argv(ds, 'query', 1), n=7)['ms']
    return out


# ---------------------------------------------------------------- a run

def commit():
    git = ['git', '-C', HERE]
    try:
        head = subprocess.run(git + ['rev-parse', '--short', 'HEAD'], capture_output=True,
                              text=True, check=True).stdout.strip()
        dirty = subprocess.run(git + ['status', '--porcelain', '--', ':/src', ':/include'],
                               capture_output=True, text=True).stdout.strip()
        return head + ('+' if dirty else '')
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'


def cpu_name():
    for line in open('/proc/cpuinfo'):
        if line.startswith('model name'):
            return line.split(':')[1].strip()
    return 'unknown'


def default_peers(spans):
    """SQLite takes too long to load the large set; the shell, minutes a query, is for asking"""
    return ['pq-shred', 'duckdb', 'clickhouse'] + (['sqlite'] if spans <= 2000000 else [])


def prepare(name, words):
    expect(name)
    ds = peers.Dataset(name)
    only = [w for w in words if w in qs.PATHS]
    names = [w for w in words if w in peers.LABEL] or default_peers(ds.expected['spans'])
    if set(words) - set(only) - set(names):
        sys.exit('bench.py: what is %s?' % ' '.join(set(words) - set(only) - set(names)))
    for peer in names:
        peers.load(ds, peer)
    mounted.load(ds)
    return ds, names, [q for q in qs.Q if q['id'] in only or not only and asked(q)]


def run(name, words, only_check=False):
    ds, names, questions = prepare(name, words)
    result = {'when': time.strftime('%Y-%m-%d %H:%M', time.gmtime()), 'commit': commit(),
              'dataset': name, 'spans': ds.expected['spans'], 'json_bytes': ds.expected['bytes'],
              'machine': '%s, %d cores' % (cpu_name(), NCPU), 'engine': {}, 'process': {},
              'counters': {}, 'later': sorted(qs.LATER)}
    with mounted.mount(ds) as m:
        held = mounted.metrics(m).get('store_spans')
        bad, shell = check(ds, names, questions, m)
        if held != ds.expected['spans']:
            bad += 1
            log('WRONG', name, 'the store holds', held, 'spans, not', ds.expected['spans'])
        if bad or only_check:
            log(bad, 'wrong')
            return min(bad, 1)
        with mounted.mount_bare() as bare:
            for q in questions:
                e, p = time_query(ds, q, names, m, bare, shell)
                result['engine'][q['id']], result['process'][q['id']] = e, p
                if asked(q):
                    result['counters'][q['id']] = mounted.counters(m, qs.path(q, ds.params))
        result['mixed'] = mixed(ds, m)
        result['peak_query_kb'] = m.peak_kb()
    result['parallel'] = parallel(ds)
    result['load'] = {k: v for k, v in ds.loads.items() if k in names + ['spanfs', 'stage']}
    with open(work('history.jsonl'), 'a') as f:
        f.write(json.dumps(result) + '\n')
    text = report.tables(result)
    with open(ds.at('tables.md'), 'w') as f:
        f.write(text)
    print(text)
    log('appended to', work('history.jsonl'))
    return 1 if result['mixed']['failed'] else 0


def main(argv):
    if argv[:1] == ['report']:
        print(report.development(work('history.jsonl')))
    elif argv[:1] == ['tables']:
        for r in report.newest(work('history.jsonl')):
            if r['dataset'] in argv[1:] or not argv[1:]:
                print(report.tables(r))
    elif argv[:1] in (['run'], ['check']) and len(argv) > 1:
        return run(argv[1], argv[2:], argv[0] == 'check')
    else:
        sys.exit(__doc__)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
