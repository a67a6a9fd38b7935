# SPDX-License-Identifier: ISC
"""otlp.jsonl: the spans as strict OTLP JSON, a line for consecutive rows of equal resource,
scope and schema URLs, at most 1,000 spans. The contract leaves the order of keys in an object
open: answers are compared as JSON."""
import base64
import json
import math

from rows import file, no_select, same_as, spans_page

MOST = 1000


def any_value(v):
    if v is None:
        return {}
    if isinstance(v, bool):
        return {"boolValue": v}
    if isinstance(v, int):
        return {"intValue": str(v)}
    if isinstance(v, float):
        if math.isnan(v):
            return {"doubleValue": "NaN"}
        if math.isinf(v):
            return {"doubleValue": "Infinity" if v > 0 else "-Infinity"}
        return {"doubleValue": v}
    if isinstance(v, str):
        return {"stringValue": v}
    if isinstance(v, bytes):
        return {"bytesValue": base64.b64encode(v).decode()}
    if isinstance(v, list):
        return {"arrayValue": filled(values=[any_value(e) for e in v])}
    return {"kvlistValue": filled(values=attributes(v))}


def attributes(attrs):
    return [{"key": k, "value": any_value(attrs[k])} for k in sorted(attrs)]


def filled(**items):
    """An object without what is empty or zero."""
    return {k: v for k, v in items.items() if v}


def event(e):
    return filled(timeUnixNano=str(e.time) if e.time else "", name=e.name,
                  attributes=attributes(e.attrs), droppedAttributesCount=e.dropped)


def link(l):
    return filled(traceId=l.trace_id, spanId=l.span_id, traceState=l.state,
                  attributes=attributes(l.attrs), droppedAttributesCount=l.dropped,
                  flags=l.flags)


def span(s):
    return filled(
        traceId=s.trace_id, spanId=s.span_id, traceState=s.state, parentSpanId=s.parent,
        name=s.name, kind=s.kind, startTimeUnixNano=str(s.start) if s.start else "",
        endTimeUnixNano=str(s.end) if s.end else "", attributes=attributes(s.attrs),
        droppedAttributesCount=s.dropped_attrs, events=[event(e) for e in s.events],
        droppedEventsCount=s.dropped_events, links=[link(l) for l in s.links],
        droppedLinksCount=s.dropped_links,
        status=filled(message=s.message, code=s.code), flags=s.flags)


def around(s):
    """(resource, its schema URL, scope, its schema URL) of a span."""
    return (filled(attributes=attributes(s.resource), droppedAttributesCount=s.dropped_resource),
            s.resource_url,
            filled(name=s.scope, version=s.version, attributes=attributes(s.scope_attrs),
                   droppedAttributesCount=s.dropped_scope), s.scope_url)


def line(spans):
    resource, resource_url, scope, scope_url = around(spans[0])
    scopes = filled(scope=scope, spans=[span(s) for s in spans], schemaUrl=scope_url)
    request = filled(resource=resource, scopeSpans=[scopes], schemaUrl=resource_url)
    return json.dumps({"resourceSpans": [request]}, ensure_ascii=False,
                      separators=(",", ":")) + "\n"


def normal(text):
    """Lines that are equal when they say the same: keys in order, doubles exact."""
    return [json.dumps(json.loads(l), sort_keys=True, ensure_ascii=False)
            for l in text.split("\n") if l]


@file("otlp.jsonl")
def otlp_jsonl(query, store):
    no_select(query)
    lines, run, key = [], [], None
    for s in spans_page(query, store):
        k = json.dumps(around(s))
        if run and (k != key or len(run) == MOST):
            lines.append(line(run))
            run = []
        run.append(s)
        key = k
    if run:
        lines.append(line(run))
    return "".join(lines)


@same_as("otlp.jsonl")
def same(want, got):
    try:
        return normal(want.decode()) == normal(got.decode())
    except ValueError:
        return False
