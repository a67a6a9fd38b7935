# SPDX-License-Identifier: ISC
"""What a store answers to a path: a Store of spans, the files, and the way from one to the other.

    store = Store.read(lines of OTLP JSON, now)
    answer(store, b"/service/a/count")      the bytes of the file, or Bad is raised
"""
import clauses      # noqa: fills language.CLAUSES
import files        # noqa: fills rows.FILES
from files import otlp
from files.groups import check_columns
from language import Parser
from names import Bad
from rows import FILES, SAME, grouped
from spans import Trace, read_requests

GROUPED = ("groups.jsonl", "groups.csv", "count", "query")


class Store:
    """Spans by what import says of doubles: equal ids, content, resource and scope are one."""

    def __init__(self, spans, now, strict=True, prices=()):
        self.now = now
        self.strict = strict
        self.prices = prices
        self.spans = []
        self.marks = {}         # name: how many commits there were
        seen = set()
        for s in spans:
            s.content = content(s)
            if s.content not in seen:
                seen.add(s.content)
                self.spans.append(s)
        self.link()

    @classmethod
    def read(cls, data, now, strict=True, prices=()):
        return cls.of_commits([data], now, strict, prices)

    @classmethod
    def of_commits(cls, imports, now, strict=True, prices=()):
        """Imports one after another, with a mark set before the first and after each: m0, m1..."""
        spans = []
        for i, data in enumerate(imports):
            for s, why in read_requests(data):
                if s:
                    s.commit = i + 1
                    spans.append(s)
        store = cls(spans, now, strict, prices)
        store.marks = {b"m%d" % i: i for i in range(len(imports) + 1)}
        return store

    def link(self):
        """What is known of whole traces; again after ties were learned."""
        by_trace = {}
        for s in self.spans:
            by_trace.setdefault(s.trace_id, []).append(s)
        self.traces = {t: Trace(spans) for t, spans in by_trace.items()}
        for t in self.traces.values():
            t.prices = self.prices
            for s in t.spans:
                s.trace = t
                s.parents = [p for p in t.spans if p.span_id == s.parent and p is not s]
                s.offspring = [c for c in t.spans if c.parent == s.span_id and c is not s]
                s.children = len(s.offspring)
                s.self_ns = s.duration - covered(s)
            depths(t.spans)
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

    def learn_roots(self, lines):
        """Of roots that are equal in start and id the program chooses one; lines of traces.jsonl
        tell which, and it must be that one everywhere."""
        for line in lines:
            trace = self.traces.get(line.get("trace_id"))
            shown = line.get("root_name", ""), line.get("root_service", "")
            for s in trace.ties if trace else ():
                if (s.name, s.service) == shown:
                    trace.root = s

    def has_bare(self, key):
        return ("span", key) in self.seen or ("resource", key) in self.seen

    def has_field(self, field):
        prefix, key = field.seen
        return self.has_bare(key) if not prefix else (prefix, key) in self.seen


def covered(s):
    """How much of a span its children cover together."""
    ends = [(max(c.start, s.start), min(c.start + c.duration, s.start + s.duration))
            for c in s.offspring]
    total, at = 0, s.start
    for lo, hi in sorted(ends):
        lo = max(lo, at)
        if hi > lo:
            total, at = total + hi - lo, hi
    return total


def depths(spans):
    """Steps up to the nearest span without a parent; none from a circle."""
    for s in spans:
        s.depth = None if s.parents else 0
    level = [s for s in spans if s.depth == 0]
    while level:
        below = [c for s in level for c in s.offspring if c.depth is None]
        for s in level:
            for c in s.offspring:
                if c.depth is None:
                    c.depth = s.depth + 1
        level = list({id(c): c for c in below}.values())


def content(s):
    return repr((otlp.span(s), otlp.around(s)))


def parse(store, path):
    parser = Parser(store, FILES)
    query = parser.parse(path)
    for c in query.rest():
        c.apply(query)
    check_columns(query, store)
    for c in query.rest():
        parser.check_names(c)
    return query


def answer(store, path):
    query = parse(store, path)
    if not query.file:
        raise Bad("EINVAL", "a file is awaited")
    if grouped(query) and query.file not in GROUPED:
        raise Bad("EINVAL", "%s has no groups" % query.file)
    if query.get("compare") and query.file not in ("compare.jsonl", "query"):
        raise Bad("EINVAL", "%s compares nothing" % query.file)
    return FILES[query.file](query, store).encode("utf-8", "surrogateescape")
