# SPDX-License-Identifier: ISC
"""spans.jsonl and spans.csv: one span a line, with all its keys or those of select."""
from rows import file, spans_page
from names import Bad
import fields
import times
import values

KEYS = ("trace_id span_id parent_span_id name kind service start duration_ns status "
        "status_message attributes resource scope events links trace_state flags "
        "dropped").split()


def pairs(*items):
    """A map in the order that files have; empty values are left out."""
    return {k: v for k, v in items if v}


def event(e):
    out = {"time": times.stamp(e.time), "name": e.name}
    if e.attrs:
        out["attributes"] = e.attrs
    return out


def link(l):
    out = {"trace_id": l.trace_id, "span_id": l.span_id}
    out.update(pairs(("trace_state", l.state), ("attributes", l.attrs)))
    return out


class Shown(str):
    """JSON text whose keys have an order of their own."""


def show(v):
    """JSON of what files build themselves: keys of `v` stay in order, attributes sort."""
    if isinstance(v, Shown):
        return v
    if isinstance(v, list):
        return "[" + ",".join(show(e) for e in v) + "]"
    return values.json_text(v)


def row_text(items):
    return "{" + ",".join(values.json_text(k) + ":" + show(v) for k, v in items) + "}"


def nested(items):
    return Shown(row_text(items.items()))


def columns(s):
    """All keys of a span in order; None for those that are left out."""
    f = fields.INTRINSICS
    scope = pairs(("name", s.scope), ("version", s.version), ("attributes", s.scope_attrs))
    dropped = pairs(("attributes", s.dropped_attrs), ("events", s.dropped_events),
                    ("links", s.dropped_links))
    return {
        "trace_id": s.trace_id, "span_id": s.span_id, "parent_span_id": s.parent or None,
        "name": s.name, "kind": f["kind"].show(s.kind), "service": s.service,
        "start": times.stamp(s.start), "duration_ns": s.duration,
        "status": f["status"].show(s.code), "status_message": s.message or None,
        "attributes": s.attrs or None, "resource": s.resource or None,
        "scope": nested(scope) if scope else None,
        "events": Shown(show([nested(event(e)) for e in s.events])) if s.events else None,
        "links": Shown(show([nested(link(l)) for l in s.links])) if s.links else None,
        "trace_state": s.state or None, "flags": s.flags or None,
        "dropped": nested(dropped) if dropped else None}


def selected(select, s):
    """[(column, present, value)] of select."""
    out = []
    for f in select.fields:
        if f.seen and f.name in KEYS:
            v = columns(s)[f.name]
            out.append((f.name, v is not None, v))
        else:
            out.append((f.column,) + f.cell(s))
    return out


@file("spans.jsonl")
def spans_jsonl(query, store):
    select = query.get("select")
    lines = []
    for s in spans_page(query, store):
        if select:
            items = [(k, v) for k, there, v in selected(select, s) if there]
        else:
            items = []
            for k, v in columns(s).items():
                if v is not None:
                    items.append((k, v))
                if k == "duration_ns" and s.end < s.start:
                    items.append(("end", times.stamp(s.end)))
        lines.append(row_text(items) + "\n")
    return "".join(lines)


def csv_line(cells):
    """A record of CSV; one that is a single empty cell would else be an empty line."""
    text = ",".join(values.csv_text(c) for c in cells)
    return (text if text or len(list(cells)) > 1 else '""') + "\n"


@file("spans.csv")
def spans_csv(query, store):
    select = query.get("select")
    head = [f.column for f in select.fields] if select else KEYS
    lines = [csv_line(head)]
    for s in spans_page(query, store):
        if select:
            lines.append(csv_line([v for k, there, v in selected(select, s)]))
        else:
            lines.append(csv_line(columns(s).values()))
    return "".join(lines)
