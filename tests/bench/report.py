# SPDX-License-Identifier: ISC
"""Tables, in Markdown, of a run and of the history of runs."""
import json, math, os

import queries as qs
from peers import COLUMN, LABEL

LOOKUPS = ('Q1', 'Q4', 'Q11')


def num(v):
    if v is None:
        return '-'
    a = abs(v)
    return '%.0f' % v if a >= 100 else '%.1f' % v if a >= 10 else '%.2f' % v if a >= 0.1 \
        else '%.3f' % v


def times(v):
    return '-' if v is None else num(v) + '×'


def cell(r, who):
    return num(r[who]['ms']) if who in r else '-'


def best_column(r, figure='ms'):
    v = [r[p][figure] for p in COLUMN if p in r]
    return min(v) if v else None


def ratio(r, figure='ms'):
    """how many times faster than the best column store"""
    b = best_column(r, figure)
    return b / r['spanfs'][figure] if b and 'spanfs' in r else None


def net_ms(r):
    """the mounted file's time without the bare filesystem's, at least a microsecond"""
    return max(r['spanfs']['ms'] - r['bare']['ms'], 0.001) if 'bare' in r else None


def net_ratio(r, peer=None):
    b = r[peer]['ms'] if peer in r else best_column(r) if peer is None else None
    return b / net_ms(r) if b and net_ms(r) else None


def geomean(v):
    v = [x for x in v if x]
    return math.exp(sum(map(math.log, v)) / len(v)) if v else None


def table(head, rows):
    """head: names, a leading '<' for text"""
    line = '|' + '|'.join('---' if h[:1] == '<' else '---:' for h in head) + '|'
    rows = ['| ' + ' | '.join(str(c) for c in r) + ' |' for r in rows]
    return '\n'.join(['| ' + ' | '.join(h.lstrip('<') for h in head) + ' |', line] + rows) + '\n'


def peers_of(run):
    seen = {p for kind in ('engine', 'process') for r in run[kind].values() for p in r}
    return [p for p in LABEL if p in seen and p != 'spanfs']


def title(q):
    return '%s %s' % (q['id'], q['title'])


def absent(run, q):
    return 'later' if q['id'] in run['later'] else '-'


def engine_table(run):
    names = [p for p in peers_of(run) if p != 'shell']
    rows, ratios = [], []
    for q in qs.Q:
        r = run['engine'].get(q['id'], {})
        row = [title(q)] + [cell(r, p) for p in names]
        if 'spanfs' not in r:
            rows.append(row + [absent(run, q)] + [''] * 7)
            continue
        s = r['spanfs']
        ratios.append(ratio(r))
        look = q['id'] in LOOKUPS
        rows.append(row + ['**%s**' % num(s['ms']), num(s['min_ms']), num(r['bare']['ms']),
                           times(ratio(r)), times(ratio(r, 'min_ms')),
                           times(net_ratio(r)) if look else '',
                           times(net_ratio(r, 'sqlite')) if look else '',
                           '%.0f %%' % (100 * max(v.get('others', 0) for v in r.values()))])
    head = ['<'] + [LABEL[p] for p in names] + ['spanfs', 'min', 'bare', 'ratio',
                                                'of minima', 'net', 'net, SQLite', 'others']
    return ('### Engine time (ms, medians)\n\n' + table(head, rows) +
            '\nspanfs: open, read to the end, close of the mounted file. bare: the same of a file of '
            'the same size with nothing behind it. ratio: the best column store over spanfs, of '
            'medians and of minima; net: with bare taken off spanfs. others: the largest share of the machine that other work '
            'took.\n\nGeometric mean of the ratios: **%s**, worst %s\n'
            % (times(geomean(ratios)), times(min(ratios, default=None))))


def process_table(run):
    names = peers_of(run)
    rows, ratios = [], []
    for q in qs.Q:
        r = run['process'].get(q['id'], {})
        row = [title(q)] + [cell(r, p) for p in names]
        if 'spanfs' in r:
            ratios.append(ratio(r))
            row += ['**%s**' % cell(r, 'spanfs'), times(ratio(r)), times(ratio(r, 'min_ms'))]
        else:
            row += [absent(run, q), '', '']
        rows.append(row)
    return ('### Whole process (ms, medians)\n\n' +
            table(['<'] + [LABEL[p] for p in names] + ['cat', 'ratio', 'of minima'], rows) +
            '\nFrom start to exit: cat of the mounted file to /dev/null (Q14: into a file), each '
            'peer a process of its own.\n\nGeometric mean of the ratios: **%s**, worst %s\n'
            % (times(geomean(ratios)), times(min(ratios, default=None))))


COUNTED = [('rows', 'rows'), ('bytes', 'bytes'), ('scanned', 'rows scanned'),
           ('fetched', 'rows fetched'), ('shards', 'shards'),
           ('row_groups_visited', 'row groups'), ('row_groups_pruned', 'pruned'),
           ('chunks_read', 'chunks read'), ('read_bytes', 'bytes read'),
           ('decoded_bytes', 'bytes used'), ('plan_ms', 'plan ms'), ('scan_ms', 'scan ms'),
           ('sort_ms', 'sort ms'), ('fetch_ms', 'fetch ms'), ('total_ms', 'total ms')]


def counters_table(run):
    rows = []
    for q in qs.Q:
        c = run['counters'].get(q['id'])
        if c:
            rows.append([q['id']] + ['{:,}'.format(c[k]) if isinstance(c.get(k), int)
                                     else num(c.get(k)) for k, _ in COUNTED])
    return ('### Work of spanfs\n\n' + table(['<'] + [h for _, h in COUNTED], rows) +
            '\nCounted by one open; row groups, chunks and times from profile.json.\n')


def load_table(run):
    rows, n = [], run['spans']
    for p in LABEL:
        l = run['load'].get(p)
        if l:
            rows.append([LABEL[p], num(l['wall_s']), '{:,.0f}'.format(n / l['wall_s']),
                         num(l['cpu_s']), '%.0f' % (l['rss_kb'] / 1024),
                         '%.1f' % (l['bytes'] / n), '%.0f %%' % (100 * l['others'])])
    rows.append(['JSON lines', '', '', '', '', '%.1f' % (run['json_bytes'] / n), ''])
    note = ('\nDuckDB on Parquet and the DuckDB table include their common staging step (%s s).'
            % num(run['load']['stage']['wall_s']) if 'stage' in run['load'] else '')
    return ('### Loading\n\n' + table(['<', 's', 'spans/s', 'CPU s', 'peak RSS MB', 'bytes/span',
                                       'others'], rows) + note +
            '\nPeak RSS of the mount over all queries: %.0f MB.\n' % (run['peak_query_kb'] / 1024))


def mixed_table(run):
    m = run['mixed']
    rows = [[k] + [num(x) for x in (v['n'], v['p50_ms'], v['p99_ms'], v['max_ms'])]
            for k, v in [('all', m)] + list(m['each'].items())]
    return ('### Mixed load: 4 readers (ms)\n\n' +
            table(['<', 'opens', 'p50', 'p99', 'max'], rows) +
            ('\n**%d failed** (%s)\n' % (m['failed'], m['errno']) if m['failed'] else ''))


def parallel_table(run):
    p = run['parallel']
    machine = p['machine']['1'] / p['machine']['2']
    rows = [['the machine: arithmetic', num(p['machine']['1']), num(p['machine']['2']),
             times(machine), '', '']]
    for k, v in p.items():
        if k in ('machine', 'open'):
            continue
        gain = v['1'] / v['2']
        a, b = v['1'] - p['open'], v['2'] - p['open']
        rows.append([k, num(v['1']), num(v['2']), times(gain),
                     times(a / b) if b > 0 else '-', '%.0f %%' % (100 * gain / machine)])
    return ('### Two threads against one (ms, `spanctl -o query.rules_off=index query` to /dev/null)\n\n' +
            table(['<', '1 thread', '2 threads', 'gain', 'gain without opening', 'of the machine\'s'],
                  rows) +
            '\nOpening the store takes %s ms of each.\n' % num(p['open']))


def tables(run):
    head = ('## %s spans, %s, %s\n\n%s UTC. %s.\n'
            % ('{:,}'.format(run['spans']), run['dataset'], run['commit'], run['when'],
               run['machine']))
    return '\n'.join([head, engine_table(run), process_table(run), counters_table(run),
                      load_table(run), mixed_table(run), parallel_table(run)])


def history(path):
    if not os.path.exists(path):
        return []
    return [json.loads(l) for l in open(path) if l.strip()]


def newest(path):
    last = {r['dataset']: r for r in history(path)}
    return list(last.values())


def development(path):
    runs, out = history(path), []
    for name in dict.fromkeys(r['dataset'] for r in runs):
        rows = []
        for r in (r for r in runs if r['dataset'] == name):
            ratios = [ratio(e) for e in r['engine'].values()]
            whole = [ratio(e) for e in r['process'].values()]
            l = r['load'].get('spanfs', {})
            row = [r['when'], r['commit']]
            for q in qs.Q:
                e = r['engine'].get(q['id'], {})
                row.append('%s (%s)' % (cell(e, 'spanfs'), times(ratio(e))) if 'spanfs' in e else '')
            rows.append(row + [times(geomean(ratios)), times(geomean(whole)),
                               '%.1f' % (l['bytes'] / r['spans']) if l else '-',
                               '{:,.0f}'.format(r['spans'] / l['wall_s']) if l else '-',
                               num(r['mixed']['p99_ms'])])
        out.append('## %s\n\n' % name + table(
            ['<when', '<commit'] + [q['id'] for q in qs.Q] +
            ['engine', 'process', 'bytes/span', 'import spans/s', 'p99 ms'], rows))
    return '\n'.join(out) + ('\nms of the mounted file, and how many times faster than the best '
                             'column store; engine and process: geometric means.' if out
                             else 'no runs yet')
