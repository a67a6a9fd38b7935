# SPDX-License-Identifier: ISC
"""Two answers that should be the same, and the classes of what differs.

Answers are open files; bytes are compared first, rows only from where these differ. A class is a name:
  flags            of a span, which are not there
  dropped          how many attributes, events and links were dropped
  scope attributes
  text as number   a text that is spelled as a number or a boolean became one
  array as text    an array, a map or bytes is the text of it
  empty as text    an attribute that is empty is ""
None of them is looked for where it can't be: types only in attributes, the others only in rows of spans.
"""
import csv
import itertools
import json

PIECE = 1 << 20
ROWS = 20000          # of which classes are looked for
# Columns and keys that are no attribute's.
INTRINSIC = {
    'trace_id', 'span_id', 'parent_span_id', 'name', 'kind', 'service', 'start', 'end', 'duration_ns', 'duration', 'status',
    'status_message', 'trace_state', 'time', 'span_name', 'linked_trace_id', 'linked_span_id', 'count', 'bucket', 'scope_version'}
TYPED = ('attributes', 'resource', 'events', 'links')
SPANS = ('spans.jsonl', 'spans.csv')


class Number:
    """a number as it is spelled, which is no text"""

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and other.text == self.text

    def __repr__(self):
        return self.text


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)


class Differs(Exception):
    pass


def retyped(a, b, classes):
    """values of attributes"""
    if type(a) is type(b):
        if a == b:
            return
        if isinstance(a, dict) and list(a) == list(b):
            for k in a:
                retyped(a[k], b[k], classes)
            return
        if isinstance(a, list) and len(a) == len(b):
            for x, y in zip(a, b):
                retyped(x, y, classes)
            return
    elif type(a) is str and (isinstance(b, Number) and b.text == a or isinstance(b, bool) and json.dumps(b) == a):
        classes.add('text as number')
        return
    elif isinstance(a, (list, dict)) and type(b) is str:
        try:
            other = parse(b)
        except ValueError:
            raise Differs from None
        if other == a:
            classes.add('array as text')
            return
    elif a is None and b == '' and type(b) is str:
        classes.add('empty as text')
        return
    raise Differs


def row(a, b, spans, classes):
    """rows as dicts"""
    if spans and a.get('flags') and not b.get('flags'):
        classes.add('flags')
        a = {k: v for k, v in a.items() if k != 'flags'}
        b = {k: v for k, v in b.items() if k != 'flags'}
    if spans and a.get('dropped') and not b.get('dropped'):
        classes.add('dropped')
        a = {k: v for k, v in a.items() if k != 'dropped'}
        b = {k: v for k, v in b.items() if k != 'dropped'}
    if list(a) != list(b):
        raise Differs
    for k in a:
        if a[k] == b[k]:
            continue
        if spans and k == 'scope' and isinstance(a[k], dict) and isinstance(b[k], dict) and \
                {n: v for n, v in a[k].items() if n != 'attributes'} == b[k]:
            classes.add('scope attributes')
        elif k in TYPED or (spans and k not in INTRINSIC and k != 'scope'):
            retyped(a[k], b[k], classes)
        else:
            raise Differs


def csv_row(names, cells, kind):
    out = dict(zip(names, cells))
    if len(cells) != len(names) or len(out) != len(names):
        raise Differs
    for k in TYPED + ('scope', 'dropped'):
        if kind == 'spans.csv' and out.get(k, '')[:1] in ('{', '['):
            out[k] = parse(out[k])
    return out


def lines_of(f, name):
    """its rows"""
    f.seek(0)
    if name.endswith('.csv'):
        rows = csv.reader(line.decode('utf-8', 'surrogateescape') for line in f)
        names = next(rows, [])
        yield names
        for cells in rows:
            yield csv_row(names, cells, name)
    else:
        for line in f:
            yield parse(line)


def same_bytes(a, b):
    """and how many there are"""
    n = 0
    while True:
        x, y = a.read(PIECE), b.read(PIECE)
        # A read of a file ends early at its end alone, as both sides are buffered.
        if x != y:
            return False, n
        if not x:
            return True, n
        n += len(x)


def classes_of(a, b, name):
    """the classes by which the first rows differ; none if there is a difference of none"""
    if name not in SPANS and name not in ('events.jsonl', 'links.jsonl'):
        return set()
    classes = set()
    try:
        for x, y in itertools.islice(zip(lines_of(a, name), lines_of(b, name)), ROWS):
            if isinstance(x, list):
                if x != y:
                    return set()
            elif x != y:
                row(x, y, name in SPANS, classes)
    except (Differs, ValueError):
        return set()
    return classes


def first_difference(a, b):
    """words about it"""
    a.seek(0)
    b.seek(0)
    i = 0
    while True:
        i += 1
        x, y = a.readline(), b.readline()
        if x != y or not x:
            break
    at = max(0, next((k for k, (m, n) in enumerate(zip(x, y)) if m != n), 0) - 60)
    show = [(line[at:at + 200] or b'nothing').decode('utf-8', 'replace').rstrip('\n') for line in (x, y)]
    return 'line %d\n  here  %s\n  there %s' % (i, *show)
