# SPDX-License-Identifier: ISC
"""events.jsonl, scores.jsonl and links.jsonl: an event or link of the matching spans a line."""
from rows import file, matching, no_select, page, part_key_of, sorted_rows
from files.spans import row_text
import times
import usage


class Row:
    def __init__(self, span, at, part):
        self.span, self.at, self.part = span, at, part

    def head(self):
        s = self.span
        return [("trace_id", s.trace_id), ("span_id", s.span_id), ("service", s.service),
                ("span_name", s.name)][:4 if s.name else 3]

    def tail(self):
        return [("attributes", self.part.attrs)] if self.part.attrs else []


def write(query, store, part, parts, when, items):
    no_select(query)
    found = [Row(s, i, p) for s in matching(query, store) for i, p in enumerate(parts(s))]
    return lines(query, store, part, found, when, lambda r: r.head() + items(r.part) + r.tail())


def lines(query, store, part, found, when, show):
    """Rows that are one event or link each, in order."""
    found.sort(key=lambda r: (-when(r), r.span.trace_id, r.span.span_id, r.span.tie, r.at))
    keys = lambda name: part_key_of(name, store, part)
    return "".join(row_text(show(r)) + "\n" for r in page(query, sorted_rows(query, found, keys)))


@file("events.jsonl")
def events_jsonl(query, store):
    return write(query, store, "event", lambda s: s.events, lambda r: r.part.time,
                 lambda e: [("time", times.stamp(e.time)), ("name", e.name)])


@file("links.jsonl")
def links_jsonl(query, store):
    return write(query, store, "link", lambda s: s.links, lambda r: r.span.start,
                 lambda l: [("linked_trace_id", l.trace_id), ("linked_span_id", l.span_id)])


@file("scores.jsonl")
def scores_jsonl(query, store):
    no_select(query)
    found = [Row(s, i, e) for s in matching(query, store) for i, e in enumerate(s.events)
             if e.name == usage.SCORE]
    return lines(query, store, "event", found, lambda r: r.part.time, score_row)


def score_row(row):
    s, attrs = row.span, row.part.attrs
    shown = [(what, attrs.get(key)) for what, key in usage.SCORE_KEYS.items()]
    return [("trace_id", s.trace_id), ("span_id", s.span_id),
            ("time", times.stamp(row.part.time))] + [(k, v) for k, v in shown
                                                     if v is not None and v != ""]
