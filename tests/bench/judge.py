# SPDX-License-Identifier: ISC
"""Whether an answer is the oracle's."""
import calendar, hashlib, json, time

NULLS = (None, '', 'ᴺᵁᴸᴸ')


def digest(ids):
    return hashlib.sha1('\n'.join(ids).encode()).hexdigest()[:16]


def span_id(row):
    if isinstance(row, list):
        return row[2]
    return row.get('span_id') or row.get('SpanId') or row.get('spanId')


def judge_spans(q, exp, rows):
    ids = [span_id(r) for r in rows]
    if q['cmp'] != 'order':
        ids.sort()
    if len(ids) != exp['rows']:
        return '%d rows, not %d' % (len(ids), exp['rows'])
    return None if digest(ids) == exp['digest'] else 'other span ids'


def near(a, b, n):
    """a percentile of n values: within 1 %, anything in a tiny group"""
    if a in NULLS or b is None:
        return a in NULLS and b is None
    return abs(int(a) - b) / max(b, 1) < 0.01 or n <= 200


def cells(row):
    """peers give lists; a line of groups.jsonl has the same cells by name"""
    if not isinstance(row, dict):
        return row
    return [time_ns(v) if k == 'bucket' else v for k, v in row.items()]


def time_ns(text):
    whole, fraction = text.rstrip('Z').split('.')
    return calendar.timegm(time.strptime(whole, '%Y-%m-%dT%H:%M:%S')) * 10**9 + int(fraction)


def judge_groups(exp, rows):
    for s, n, v in map(cells, rows):
        want = exp['table'][s]
        if int(n) != want[0] or not near(v, want[1], int(n)):
            return 'differs for %s: %s %s, not %s' % (s, n, v, want)
    return None


def judge_series(exp, rows):
    for (t, n, v), (want_t, want_n, want_v) in zip(map(cells, rows), exp['table']):
        t = int(t) * (10**9 if int(t) < 10**12 else 1)
        if t != want_t or int(n) != want_n or (want_n and not near(v, want_v, want_n)):
            return 'differs at %d: %s %s, not %s %s' % (t, n, v, want_n, want_v)
    return None


def same(a, b):
    """a cell as the oracle has it: doubles within 1e-9"""
    if a in NULLS or b is None:
        return a in NULLS and b is None
    if isinstance(b, float):
        return abs(float(a) - b) <= 1e-9 * max(1, abs(b))
    return str(a) == str(b)


def judge_cells(exp, rows):
    """equal, row by row"""
    for row, want in zip(map(cells, rows), exp['table']):
        if len(row) != len(want) or not all(map(same, row, want)):
            return 'got %s, not %s' % (row, want)
    return None


def judge_ranks(exp, rows, keys):
    """by key: the number first, then what is exact, then percentiles"""
    for row in map(cells, rows):
        want = exp['table'].get('\t'.join(map(str, row[:keys])))
        got = row[keys:]
        if want is None or int(got[0]) != want[0]:
            return 'differs for %s: not %s' % (row, want)
        if not all(near(a, b, want[0]) for a, b in zip(got[1:], want[1:])):
            return 'differs for %s: not %s' % (row, want)
    return None


def judge_compare(exp, rows):
    """of attributes of spans alone; a row is [key, value, selection, baseline]"""
    seen = set()
    for r in rows:
        if isinstance(r, dict):
            if not r['field'].startswith('span.'):
                continue
            v = r['value'] if isinstance(r['value'], str) else json.dumps(r['value'])
            r = [r['field'][5:], v, r['selection'], r['baseline']]
        key = '\t'.join(map(str, r[:2]))
        seen.add(key)
        if key in exp['table'] and [int(x) for x in r[2:4]] != exp['table'][key]:
            return 'differs for %s: not %s' % (r, exp['table'][key])
    missing = [k for k in exp['first'] if k not in seen]
    return 'without %s' % missing if missing else None


def judge(q, exp, lines):
    """None, or what is wrong; lines: the answer, a JSON value a line"""
    rows = [json.loads(l) for l in lines]
    if q['cmp'] in ('set', 'order', 'export'):
        return judge_spans(q, exp, rows)
    if q['cmp'] == 'list':
        return None if [cells(r)[0] for r in rows] == exp['table'] else 'other values'
    if q['cmp'] == 'table':
        got = [int(x) for x in cells(rows[0])]
        return None if got == exp['table'] else 'got %s, not %s' % (got, exp['table'])
    if q['cmp'] == 'compare':
        return judge_compare(exp, rows)
    if len(rows) != exp['rows']:
        return '%d rows, not %d' % (len(rows), exp['rows'])
    if q['cmp'] == 'cells':
        return judge_cells(exp, rows)
    if q['cmp'].startswith('ranks'):
        return judge_ranks(exp, rows, int(q['cmp'][5:]))
    return (judge_groups if q['cmp'] == 'table_p' else judge_series)(exp, rows)
