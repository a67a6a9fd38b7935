#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Works out the exact answers of the queries straight from the OTLP/JSON lines.

    oracle.py DATA_DIR TRUTH.json > expected.json

Plain Python over json.loads, one file a time in each of two processes: slow and simple on
purpose, and no code shared with any engine.  Where tracegen's own --truth counted the same
thing, the two are compared and a mismatch is fatal.
"""
import collections, glob, hashlib, json, os, re, sys
from multiprocessing import Pool

import oracle_groups
from oracle_groups import rank

REGEX = r'^(GET|POST) /api/[a-z-]+/\{[a-zA-Z]+\}$'
H = 3600 * 10**9


def params(truth):
    t0, t1 = int(truth['start_unix_nano']), int(truth['end_unix_nano'])
    n = truth['needle']
    return {'t0': t0, 't1': t1, 'trace_id': n['trace_id'], 'user_id': n['user_id'], 'text': n['text'],
            'or_user': n['or_user_id'], 'or_session': n['or_session_id'], 'regex': REGEX,
            'h1': t1 - H, 'h6': t1 - 6 * H, 'h24': t1 - 24 * H, 'x0': t1 - 7 * H, 'x1': t1 - 6 * H}


def val(v):
    for k in ('stringValue', 'intValue', 'doubleValue', 'boolValue'):
        if k in v:
            return v[k]
    return v


def one_file(arg):
    path, p = arg
    o = collections.defaultdict(list)
    dur = collections.defaultdict(list)
    errs = collections.Counter()
    kinds, status, n, nev, nlinks, nexc = collections.Counter(), collections.Counter(), 0, 0, 0, 0
    routes, rx, rx_n, rx_dur = set(), re.compile(p['regex']), 0, 0
    series = collections.defaultdict(list)
    http5 = gt1 = 0
    keys = collections.Counter()
    groups = oracle_groups.Part()
    tree = {}        # trace -> [(span, parent, service, error)], only for checkout and its surroundings
    with open(path, encoding='utf-8') as f:
        for line in f:
            for rs in json.loads(line)['resourceSpans']:
                res = {a['key']: val(a['value']) for a in rs['resource']['attributes']}
                svc = res['service.name']
                for ss in rs['scopeSpans']:
                    for s in ss['spans']:
                        n += 1
                        tid, sid, name = s['traceId'], s['spanId'], s['name']
                        st, en = int(s['startTimeUnixNano']), int(s['endTimeUnixNano'])
                        d = en - st
                        at = {a['key']: val(a['value']) for a in s.get('attributes', ())}
                        keys.update(at.keys())
                        code = s['status'].get('code', 0)
                        err = code == 2
                        ev = s.get('events', ())
                        nev += len(ev)
                        nlinks += len(s.get('links', ()))
                        kinds[s['kind']] += 1
                        status[code] += 1
                        dur[svc].append(d)
                        if err:
                            errs[svc] += 1
                        if tid == p['trace_id']:
                            o['Q1'].append(sid)
                        if svc == 'frontend' and p['h1'] <= st < p['t1']:
                            o['Q2'].append((st, sid))
                        if svc == 'payment' and err and p['h24'] <= st < p['t1']:
                            o['Q3'].append(sid)
                        if at.get('user.id') == p['user_id']:
                            o['Q4'].append(sid)
                        c = at.get('http.response.status_code')
                        if c is not None and int(c) >= 500:
                            http5 += 1
                            if p['h6'] <= st < p['t1']:
                                o['Q5'].append(sid)
                        if d > 10**9:
                            gt1 += 1
                            o['Q6'].append((d, sid))
                        if svc == 'payment' and p['h24'] <= st < p['t1']:
                            series[(st - p['h24']) // (300 * 10**9)].append(d)
                        hit = p['text'] in at.get('db.query.text', '')
                        for e in ev:
                            if e['name'] == 'exception':
                                nexc += 1
                                for a in e['attributes']:
                                    if a['key'] == 'exception.message' and p['text'] in val(a['value']):
                                        hit = True
                        if hit:
                            o['Q9'].append(sid)
                        if rx.search(name):
                            rx_n += 1
                            rx_dur += d
                        if at.get('user.id') == p['or_user'] or at.get('session.id') == p['or_session']:
                            o['Q11'].append(sid)
                        if 'http.route' in at:
                            routes.add(at['http.route'])
                        if svc == 'frontend' and p['x0'] <= st < p['x1']:
                            o['Q14'].append(sid)
                        groups.span(p, res, svc, s, at, st, d, err)
                        tree.setdefault(tid, []).append((sid, s.get('parentSpanId', ''), svc, err))
    tree = {t: v for t, v in tree.items()}
    return dict(groups=groups.settle(), o=dict(o), dur=dict(dur), errs=errs, kinds=kinds, status=status, n=n, nev=nev, nlinks=nlinks, nexc=nexc, routes=routes,
                rx=(rx_n, rx_dur), series=dict(series), http5=http5, gt1=gt1, keys=keys,
                cand={t: v for t, v in tree.items() if any(x[2] in ('payment', 'checkout') for x in v)})


def digest(ids):
    return hashlib.sha1('\n'.join(ids).encode()).hexdigest()[:16]


def main():
    data, truth_path = sys.argv[1], sys.argv[2]
    truth = json.load(open(truth_path))
    p = params(truth)
    files = sorted(glob.glob(os.path.join(data, '*.jsonl')))
    o, dur, series = collections.defaultdict(list), collections.defaultdict(list), collections.defaultdict(list)
    tot, errs, kinds, status, keys, routes, rx, cand = collections.Counter(), collections.Counter(), collections.Counter(), collections.Counter(), collections.Counter(), set(), [0, 0], {}
    groups = oracle_groups.Part()
    with Pool(2) as pool:
        for r in pool.imap_unordered(one_file, [(f, p) for f in files]):
            groups.add(r['groups'])
            for k, v in r['o'].items():
                o[k] += v
            for k, v in r['dur'].items():
                dur[k] += v
            for k, v in r['series'].items():
                series[k] += v
            for k in ('n', 'nev', 'nlinks', 'nexc', 'http5', 'gt1'):
                tot[k] += r[k]
            errs += r['errs']; kinds += r['kinds']; status += r['status']; keys += r['keys']
            routes |= r['routes']
            rx[0] += r['rx'][0]; rx[1] += r['rx'][1]
            for t, v in r['cand'].items():   # a trace may straddle files; payment/checkout parts suffice only if
                cand.setdefault(t, []).extend(v)   # the path between them stays inside the two services, which it does
        wanted, parents = {(t, s) for t, s, svc, d in groups.lone}, {}
        for found in pool.imap_unordered(oracle_groups.find_parents, [(f, wanted) for f in files] if wanted else []):
            parents.update(found)
    q12 = []
    for t, spans in cand.items():
        par = {s[0]: (s[1], s[2]) for s in spans}
        hit = set()
        for sid, parent, svc, err in spans:
            if svc == 'payment' and err:
                while parent in par:
                    if par[parent][1] == 'checkout':
                        hit.add(parent)
                    parent = par[parent][0]
        q12 += hit
    exp = {}
    for q in ('Q1', 'Q3', 'Q4', 'Q5', 'Q9', 'Q11', 'Q14'):
        ids = sorted(o[q])
        exp[q] = {'rows': len(ids), 'digest': digest(ids)}
    q2 = [s for _, s in sorted(o['Q2'], reverse=True)[:100]]
    exp['Q2'] = {'rows': len(q2), 'digest': digest(q2), 'matching': len(o['Q2'])}
    q6 = [s for _, s in sorted(o['Q6'], reverse=True)[:20]]
    exp['Q6'] = {'rows': len(q6), 'digest': digest(q6), 'matching': len(o['Q6'])}
    exp['Q7'] = {'rows': len(dur), 'table': {k: [len(v), rank(v, 95)] for k, v in sorted(dur.items())}}
    nb = 288
    exp['Q8'] = {'rows': nb, 'empty': sum(1 for i in range(nb) if i not in series), 'table': [[p['h24'] + i * 300 * 10**9, len(series.get(i, ())), rank(series[i], 99) if i in series else None] for i in range(nb)]}
    exp['Q10'] = {'rows': 1, 'table': rx}
    q12.sort()
    exp['Q12'] = {'rows': len(q12), 'digest': digest(q12)}
    exp['Q13'] = {'rows': len(routes), 'table': sorted(routes)}
    exp.update(groups.expected(parents))
    checks = [('spans', tot['n'], truth['spans']), ('events', tot['nev'], truth['events']), ('links', tot['nlinks'], truth['links']), ('exceptions', tot['nexc'], truth['exceptions']),
              ('http_5xx', tot['http5'], truth['http_5xx']), ('http_5xx_last_6h', exp['Q5']['rows'], truth['http_5xx_last_6h']), ('duration_gt_1s', tot['gt1'], truth['duration_gt_1s']),
              ('status', [status[0], status[1], status[2]], [truth['status'][k] for k in ('unset', 'ok', 'error')]), ('kind', [kinds[i] for i in range(1, 6)], list(truth['kind'].values())),
              ('trace', exp['Q1']['rows'], truth['needle']['trace_spans']), ('user', exp['Q4']['rows'], truth['needle']['user_spans']), ('text', exp['Q9']['rows'], truth['needle']['text_spans']),
              ('or', exp['Q11']['rows'], truth['needle']['or_spans']), ('structural', exp['Q12']['rows'], truth['needle']['structural']['spans']),
              ('frontend_last_1h', exp['Q2']['matching'], truth['frontend_last_1h']), ('payment_errors_24h', exp['Q3']['rows'], truth['payment_errors_last_24h']),
              ('services', {k: [len(v), errs[k]] for k, v in dur.items()}, {k: [v['spans'], v['errors']] for k, v in truth['services'].items() if v['spans']})]
    bad = [c for c in checks if c[1] != c[2]]
    for c in bad:
        print('oracle: mismatch with tracegen --truth: %s: read %s, generated %s' % c, file=sys.stderr)
    json.dump({'params': p, 'spans': tot['n'], 'bytes': sum(os.path.getsize(f) for f in files), 'files': len(files), 'attribute_keys': dict(keys.most_common()), 'expected': {k: exp[k] for k in sorted(exp, key=lambda q: int(q[1:]))}}, sys.stdout, indent=1)
    print(file=sys.stdout)
    print('oracle: %d spans, %d of %d facts agree with --truth' % (tot['n'], len(checks) - len(bad), len(checks)), file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
