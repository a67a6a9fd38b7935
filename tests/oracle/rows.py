# SPDX-License-Identifier: ISC
"""Rows of files: the registry of files, what a query selects, order and page.

A file is a function of a query and a store in files/ with the decorator `file`; one whose bytes
the contract leaves open has a function `same_as` that says whether two answers say the same.
"""
import fields
from clauses.range import limits
from names import Bad

FILES = {}
SAME = {}


def file(name):
    def add(fn):
        FILES[name] = fn
        return fn
    return add


def same_as(name):
    def add(fn):
        SAME[name] = fn
        return fn
    return add


def grouped(query):
    return any(query.get(w) for w in ("group", "bucket", "agg", "distinct"))


def matching(query, store):
    """Spans that are selected, newest first."""
    return matching_between(query, *limits(query, store.now), store)


def matching_between(query, lo, hi, store):
    mark = query.get("mark")
    return [s for s in store.spans if (lo is None or s.start >= lo) and
            (hi is None or s.start < hi) and (not mark or mark.holds(s, store)) and
            all(f.holds(s) for f in query.filters)]


def span_key_of(name, store):
    """A span has many values of a field of events or links, and they give it no order."""
    field = fields.read_field(name, store)
    if field.many:
        raise Bad("EINVAL", "a span has many values of it")
    return lambda s: fields.sort_value(field, s)


def part_key_of(name, store, part):
    """Of a row that is one event or one link of a span: its own fields are its own values."""
    field = fields.read_field(name, store)
    if field.many and field.part != part:
        raise Bad("EINVAL", "a span has many values of it")
    if field.many:
        return lambda row: fields.sort_of(field.of_part(row.part))
    return lambda row: fields.sort_value(field, row.span)


def sorted_rows(query, rows, key_of):
    """Rows by sort; equal ones stay in their order, missing keys come last both ways."""
    sort = query.get("sort")
    for name, down in reversed(sort.keys if sort else []):
        key = key_of(name)
        keyed = [(key(r), r) for r in rows]
        there = sorted((k for k in keyed if k[0] is not None), key=lambda k: k[0], reverse=down)
        rows = [r for k, r in there] + [r for k, r in keyed if k is None]
    return rows


def page(query, rows):
    offset, limit = query.get("offset"), query.get("limit")
    if offset:
        rows = rows[offset.n:]
    return rows[:limit.n] if limit else rows


def spans_page(query, store):
    """Rows of spans.* in order: sorted, offset and limit applied."""
    rows = sorted_rows(query, matching(query, store), lambda n: span_key_of(n, store))
    return page(query, rows)


def no_select(query):
    if query.get("select"):
        raise Bad("EINVAL", "select fixes columns of spans, traces and groups only")
