# SPDX-License-Identifier: ISC
"""groups.jsonl and groups.csv: one row a group, under group, bucket, agg or distinct."""
from fractions import Fraction
import functools
import itertools

from aggregates import ZERO, Aggregate, Item, add, number_key
from rows import file, grouped, matching_between, page
from clauses.range import limits
import fields
from files.spans import csv_line, row_text
from names import Bad
import times
import values

MOST_ROWS = 1000000


class Shape:
    """What a query groups by and shows."""

    def __init__(self, query, store):
        self.query, self.store = query, store
        keys = query.get("group") or query.get("distinct")
        self.names = keys.names if keys else []
        self.fields = keys.fields if keys else []
        self.bucket = query.get("bucket")
        agg = query.get("agg")
        self.aggs = agg.aggs if agg else [] if query.get("distinct") else \
            [Aggregate(b"count", store)]
        lo, hi = limits(query, store.now)
        if query.get("versus") and hi is None:
            hi = max(store.now, lo)     # its end, if open, is now
        if lo is not None and lo > times.END:
            lo = hi = 0                 # nothing is left of it
        # What lies outside 1970 to 2554 is cut to it.
        self.lo, self.hi = (e if e is None else times.cut(e) for e in (lo, hi))
        self.between = lo, hi

    @functools.cached_property
    def spans(self):
        return matching_between(self.query, *self.between, self.store)

    def range(self, lo, hi, spans):
        """Both ends of a range; an open end is that of the first or last span selected."""
        starts = [s.start for s in spans]
        if lo is None:
            lo = min(starts, default=None)
        if hi is None:
            hi = max(starts, default=None)
        return lo, hi


def items_of(query, spans):
    if not query.get("per"):
        return [Item([s]) for s in spans]
    by = {}
    for s in spans:
        by.setdefault(s.trace_id, []).append(s)
    return [Item(group, group[0].trace) for group in by.values()]


class Row:
    def __init__(self, bucket, keys, items, filled=None):
        self.bucket, self.keys, self.items = bucket, keys, items
        self.filled = filled    # a value of each aggregate, of rows that fill made
        self.prev = None        # the row one period earlier
        self.seconds = None
        self.known = {}

    def value(self, agg):
        if self.filled is not None:
            return self.filled(agg)
        name = agg.text()
        if name not in self.known:
            self.known[name] = agg.of(self.items, self.seconds)
        return self.known[name]


def place(shape, step, items, shift=0):
    """Groups of items: {(bucket, identities): Row}."""
    rows = {}
    for item in items:
        bucket = step.floor(item.start + shift) if step else None
        found = [item.different(f) or {None: None} for f in shape.fields]
        for chosen in itertools.product(*(d.items() for d in found)):
            where = (bucket, tuple(k for k, v in chosen))
            if where not in rows:
                rows[where] = Row(bucket, [v for k, v in chosen], [])
            rows[where].items.append(item)
    return rows


def measure(row, step, lo, hi, ends):
    """The seconds that rate divides by: of the bucket cut to the range asked for, or of the
    range."""
    if step:
        begin, end = row.bucket, step.after(row.bucket)
        begin = begin if lo is None else max(begin, lo)
        end = end if hi is None else min(end, hi)
    else:
        begin, end = ends
    if begin is not None and end is not None and end > begin:
        row.seconds = Fraction(end - begin, times.NS)


def key_order(field, v):
    """Order as sort has it; null last."""
    if v is None:
        return (1,)
    return (0,) + (number_key(v) if values.is_number(v) else values.sort_key(v))


def build(shape):
    """Rows after having, before fill."""
    query = shape.query
    ends = shape.range(shape.lo, shape.hi, shape.spans)
    length = (ends[1] - ends[0]) if None not in ends else 0
    step = shape.bucket.steps(length) if shape.bucket else None
    rows = place(shape, step, items_of(query, shape.spans))
    if not shape.names and not step and not rows:
        rows[(None, ())] = Row(None, [], [])
    for row in rows.values():
        measure(row, step, shape.lo, shape.hi, ends)
    before = beside(shape, step, rows) if query.get("versus") else {}
    if query.get("distinct"):
        rows = {w: r for w, r in rows.items() if r.keys[0] is not None}
    rows = {w: r for w, r in rows.items()
            if all(h.holds(r.value(h.agg)) for h in query.all("having"))}
    return step, rows, before


def beside(shape, step, rows):
    """versus: each row gets the one of a period earlier."""
    lo, hi = shape.lo, shape.hi
    period = shape.query.get("versus").period or hi - lo
    spans = matching_between(shape.query, lo - period, hi - period, shape.store)
    before = place(shape, step, items_of(shape.query, spans), period)
    if not shape.names and not step and not before:
        before[(None, ())] = Row(None, [], [])
    for row in before.values():
        measure(row, step, lo, hi, (lo, hi))
    for where, row in rows.items():
        row.prev = before.get(where)
    return before


def fill(shape, step, rows, earlier_rows):
    """Buckets without a row, over the whole range, for each group that is left."""
    mode = shape.query.get("fill").mode
    starts = [r.bucket for r in rows.values()]
    if None not in (shape.lo, shape.hi) and shape.lo >= shape.hi:
        return rows     # no time is in the range
    lo = step.floor(shape.lo) if shape.lo is not None else min(starts, default=None)
    hi = step.floor(shape.hi - 1) if shape.hi is not None else max(starts, default=None)
    if lo is None or hi is None:
        return rows
    groups = {w[1]: r.keys for w, r in rows.items()}
    if not shape.names:
        groups[()] = []
    if buckets(step, lo, hi) * len(groups) > MOST_ROWS:
        raise Bad("E2BIG", "fill makes more than a million rows")
    made = dict(rows)
    for key, shown in groups.items():
        at, before = lo, None
        while at <= hi:
            row = rows.get((at, key))
            if row:
                before = row
            else:
                row = Row(at, shown, [], empty(mode, before))
                row.prev = earlier_rows.get((at, key))
                made[(at, key)] = row
            at = step.after(at)
    return made


def buckets(step, lo, hi):
    if step.ns:
        return max(0, (hi - lo) // step.ns + 1)
    n = 0
    while lo <= hi:
        n, lo = n + 1, step.after(lo)
    return n


def empty(mode, before):
    """What an empty bucket shows of an aggregate."""
    if mode == "zero":
        return lambda agg: ZERO.get(agg.name)
    if mode == "previous" and before is not None:
        return before.value
    return lambda agg: None


def column_of(shape, name, raw):
    """What a name of sort or select means under groups: (column, value of a row, order)."""
    if name == b"bucket" and shape.bucket:
        return "bucket", lambda r: times.stamp(r.bucket), lambda r: values.sort_key(r.bucket)
    if name in shape.names:
        i = shape.names.index(name)
        field = shape.fields[i]
        return (field.column, lambda r: None if r.keys[i] is None else field.show(r.keys[i]),
                lambda r: None if r.keys[i] is None else key_order(field, r.keys[i]))
    agg = Aggregate(raw, shape.store)
    return (agg.column, lambda r: agg.show(r.value(agg)),
            lambda r: None if r.value(agg) is None else values.sort_key(r.value(agg)))


def columns(shape):
    """[(column, value of a row)] as select has them, or all."""
    select = shape.query.get("select")
    if select:
        return [column_of(shape, n, select.raw[n])[:2] for n in select.names]
    names = ([b"bucket"] if shape.bucket else []) + list(shape.names)
    out = [column_of(shape, n, n)[:2] for n in names]
    for agg in shape.aggs:
        out.append((agg.column, lambda r, a=agg: a.show(r.value(a))))
        if shape.query.get("versus"):
            out.append(("prev_" + agg.column, lambda r, a=agg: a.show(earlier(r, a))))
            out.append(("delta_" + agg.column, lambda r, a=agg: delta(r, a)))
    return out


def check_sort_of_spans(query, store):
    """Of events and links of the parent no row of any file is one."""
    for name, down in (query.get("sort").keys if query.get("sort") else []):
        field = fields.read_field(name, store)
        if field.inner and field.many:
            raise Bad("EINVAL", "a span has many values of it")


def check_columns(query, store):
    """No two columns have one name."""
    if not grouped(query):
        check_sort_of_spans(query, store)
        return
    shape = Shape(query, store)
    names = [c for c, get in columns(shape)]
    if len(set(names)) < len(names):
        raise Bad("EINVAL", "two columns of one name")
    sort_of(query, shape)


def earlier(row, agg):
    return row.prev.value(agg) if row.prev else None


def delta(row, agg):
    now, then = row.value(agg), earlier(row, agg)
    if now is None or then is None or isinstance(now, list):
        return None
    if isinstance(now, float) or isinstance(then, float):
        return float(now) - float(then)
    return add([now, -then])


def sort_of(query, shape):
    """[(value of a row, descending)]"""
    by = query.get("sort")
    return [(column_of(shape, n, raw)[2], down) for (n, down), raw in
            (zip(by.keys, by.raw) if by else [])]


def table(query, store):
    """(columns, rows in order, paged)"""
    if not grouped(query):
        raise Bad("EINVAL", "groups.* without a group")
    shape = Shape(query, store)
    shown = columns(shape)
    sort = sort_of(query, shape)
    step, rows, before = build(shape)
    if query.get("fill") and query.get("fill").mode != "none":
        rows = fill(shape, step, rows, before)
    rows = sorted(rows.values(), key=lambda r: (
        r.bucket or 0, [key_order(f, v) for f, v in zip(shape.fields, r.keys)]))
    for key, down in reversed(sort):
        keyed = [(key(r), r) for r in rows]
        there = sorted((k for k in keyed if k[0] is not None), key=lambda k: k[0], reverse=down)
        rows = [r for k, r in there] + [r for k, r in keyed if k is None]
    return shown, page(query, rows)


@file("groups.jsonl")
def groups_jsonl(query, store):
    shown, rows = table(query, store)
    return "".join(row_text([(c, get(r)) for c, get in shown]) + "\n" for r in rows)


@file("groups.csv")
def groups_csv(query, store):
    shown, rows = table(query, store)
    return csv_line([c for c, get in shown]) + "".join(
        csv_line([get(r) for c, get in shown]) for r in rows)
