# SPDX-License-Identifier: ISC
"""What a store answers to a path: a Store of spans, the files, and the way from one to the other.

    store = Store(spans, now)
    answer(store, b"/service/a/count")      the bytes of the file, or Bad is raised

A file is a function in files/ with the decorator `file`; a file whose bytes the contract leaves
open has a function `same_as` that says whether two answers say the same.
"""
import fields
from language import CLAUSES, Parser
from names import Bad
from clauses.range import limits
import clauses
from spans import Trace, read_requests

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


class Store:
    """Spans by what import says of doubles: equal ids, content, resource and scope are one."""

    def __init__(self, spans, now, strict=True):
        self.now = now
        self.strict = strict
        self.spans = []
        seen = set()
        for s in spans:
            s.content = content(s)
            if s.content not in seen:
                seen.add(s.content)
                self.spans.append(s)
        self.link()

    @classmethod
    def read(cls, data, now, strict=True):
        store = cls([s for s, why in read_requests(data) if s], now, strict)
        return store

    def link(self):
        """What is known of whole traces; again after ties were learned."""
        by_trace = {}
        for s in self.spans:
            by_trace.setdefault(s.trace_id, []).append(s)
        self.traces = {t: Trace(spans) for t, spans in by_trace.items()}
        for t in self.traces.values():
            for s in t.spans:
                s.trace = t
                s.children = sum(c.parent == s.span_id and c is not s for c in t.spans)
        self.spans.sort(key=lambda s: (-s.start, s.trace_id, s.span_id, s.tie))
        self.services = {s.service for s in self.spans}
        self.seen = set()
        for s in self.spans:
            for prefix, maps in (("resource", [s.resource]), ("span", [s.attrs]),
                                 ("scope", [s.scope_attrs]),
                                 ("event", [e.attrs for e in s.events]),
                                 ("link", [l.attrs for l in s.links])):
                self.seen.update((prefix, k) for m in maps for k in m)

    def learn_ties(self, order):
        """Spans of equal start and ids are in the order of a hash that the contract doesn't
        give: taken from one answer, given as a list of contents."""
        rank = {c: i for i, c in enumerate(order)}
        for s in self.spans:
            s.tie = rank.get(s.content, len(rank))
        self.link()

    def has_bare(self, key):
        return ("span", key) in self.seen or ("resource", key) in self.seen

    def has_field(self, field):
        prefix, key = field.seen
        return self.has_bare(key) if not prefix else (prefix, key) in self.seen


def content(s):
    from files import otlp
    return repr((otlp.span(s), otlp.around(s)))


def matching(query, store):
    """Spans that are selected, newest first."""
    lo, hi = limits(query, store.now)
    return [s for s in store.spans if (lo is None or s.start >= lo) and
            (hi is None or s.start < hi) and all(f.holds(s) for f in query.filters)]


def span_key_of(name, store):
    field = fields.read_field(name, store)
    return lambda s: fields.sort_value(field, s)


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


def check_names(query, store):
    """A name that the store has never seen is refused, but for those under not or in groups."""
    if not store.strict:
        return
    for c in query.filters + list(query.others.values()):
        if hasattr(c, "strict") and not c.strict(store):
            raise Bad("ENOENT", "never seen by the store")


def parse(store, path):
    query = Parser(store, FILES).parse(path)
    for c in query.others.values():
        c.apply(query)
    check_names(query, store)
    return query


def answer(store, path):
    query = parse(store, path)
    if not query.file:
        raise Bad("EINVAL", "a file is awaited")
    return FILES[query.file](query, store).encode("utf-8", "surrogateescape")


import files     # noqa: fills FILES
