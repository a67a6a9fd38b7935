# SPDX-License-Identifier: ISC
"""Spans as import takes them from lines of OTLP JSON, and the traces that they make."""
import base64
import json

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")


class Event:
    __slots__ = ("time", "name", "attrs", "dropped")


class Link:
    __slots__ = ("trace_id", "span_id", "state", "attrs", "dropped", "flags")


class Span:
    """One span with its resource and scope. `tie` orders spans of equal start and ids."""
    __slots__ = ("trace_id", "span_id", "parent", "state", "name", "kind", "start", "end",
                 "attrs", "dropped_attrs", "events", "dropped_events", "links",
                 "dropped_links", "code", "message", "flags", "resource", "dropped_resource",
                 "resource_url", "scope", "version", "scope_attrs", "dropped_scope",
                 "scope_url", "service", "trace", "children", "tie", "words", "content",
                 "parents", "offspring", "depth", "self_ns", "commit")

    @property
    def duration(self):
        return max(0, self.end - self.start)


class Trace:
    """A whole trace. Its root is the first span without parent, else the first of all; `ties`
    are those that are as good: equal in start and id."""

    def __init__(self, spans):
        first = sorted(spans, key=lambda s: (s.start, s.span_id, s.tie))
        first = [s for s in first if not s.parent] or first
        self.spans = spans
        self.id = spans[0].trace_id
        self.root = first[0]
        self.ties = [s for s in first if (s.start, s.span_id) ==
                     (self.root.start, self.root.span_id)]
        self.start = self.root.start
        self.earliest = min(s.start for s in spans)
        self.duration = max(s.start + s.duration for s in spans) - self.earliest
        self.errors = sum(s.code == 2 for s in spans)
        self.services = sorted({s.service for s in spans})


class Reject(Exception):
    """A span that import can't take."""


def get(obj, name, default=None):
    """A field in lowerCamelCase, or in snake_case as the Collector reads it too."""
    for key in (name, "".join("_" + c.lower() if c.isupper() else c for c in name)):
        v = obj.get(key)
        if v is not None:
            return v
    return default


def text(v):
    """A string; a lone surrogate can't be UTF-8 and is repaired as such."""
    if not isinstance(v, str):
        raise Reject("not a string")
    return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in v)


def whole(v, bits):
    n = int(v)
    if not 0 <= n < 1 << bits:
        raise Reject("out of range")
    return n


def any_value(v):
    if "stringValue" in v:
        return text(v["stringValue"])
    if "boolValue" in v:
        return v["boolValue"]
    if "intValue" in v:
        return int(v["intValue"])
    if "doubleValue" in v:
        return float(v["doubleValue"])
    if "bytesValue" in v:
        return base64.b64decode(v["bytesValue"])
    if "arrayValue" in v:
        return [any_value(e) for e in v["arrayValue"].get("values", [])]
    if "kvlistValue" in v:
        return {text(p.get("key", "")): any_value(p.get("value", {}))
                for p in v["kvlistValue"].get("values", [])}
    return None


def attributes(pairs):
    """Of a doubled key the last wins; an empty key is left out."""
    out = {text(p.get("key", "")): any_value(p.get("value") or {}) for p in pairs or []}
    out.pop("", None)
    return out


def ident(v, digits, may_be_empty):
    v = v or ""
    if not v and may_be_empty:
        return ""
    if len(v) != digits or any(c not in "0123456789abcdefABCDEF" for c in v):
        raise Reject("not an id")
    v = v.lower()
    if not v.strip("0"):
        if may_be_empty:
            return ""
        raise Reject("an id of zeros")
    return v


def enum(v, prefix, words):
    if isinstance(v, str):
        return [prefix + w.upper() for w in words].index(v)
    return int(v)


def read_event(e):
    out = Event()
    out.time = whole(get(e, "timeUnixNano", 0), 64)
    out.name = text(get(e, "name", ""))
    out.attrs = attributes(get(e, "attributes"))
    out.dropped = whole(get(e, "droppedAttributesCount", 0), 32)
    return out


def read_link(l):
    out = Link()
    out.trace_id = ident(get(l, "traceId"), 32, True) or "0" * 32
    out.span_id = ident(get(l, "spanId"), 16, True) or "0" * 16
    out.state = text(get(l, "traceState", ""))
    out.attrs = attributes(get(l, "attributes"))
    out.dropped = whole(get(l, "droppedAttributesCount", 0), 32)
    out.flags = whole(get(l, "flags", 0), 32)
    return out


def read_span(s, rs, ss):
    """The span s of a ScopeSpans ss of a ResourceSpans rs; raises Reject."""
    out = Span()
    out.trace_id = ident(get(s, "traceId"), 32, False)
    out.span_id = ident(get(s, "spanId"), 16, False)
    out.parent = ident(get(s, "parentSpanId"), 16, True)
    if out.parent == out.span_id:
        out.parent = ""
    out.state = text(get(s, "traceState", ""))
    out.name = text(get(s, "name", ""))
    out.kind = enum(get(s, "kind", 0), "SPAN_KIND_", KINDS)
    out.start = whole(get(s, "startTimeUnixNano", 0), 64)
    out.end = whole(get(s, "endTimeUnixNano", 0), 64)
    out.attrs = attributes(get(s, "attributes"))
    out.dropped_attrs = whole(get(s, "droppedAttributesCount", 0), 32)
    out.events = [read_event(e) for e in get(s, "events", [])]
    out.dropped_events = whole(get(s, "droppedEventsCount", 0), 32)
    out.links = [read_link(l) for l in get(s, "links", [])]
    out.dropped_links = whole(get(s, "droppedLinksCount", 0), 32)
    status = get(s, "status", {})
    out.code = enum(get(status, "code", 0), "STATUS_CODE_", STATUSES)
    out.message = text(get(status, "message", ""))
    out.flags = whole(get(s, "flags", 0), 32)
    resource = get(rs, "resource", {})
    out.resource = attributes(get(resource, "attributes"))
    out.dropped_resource = whole(get(resource, "droppedAttributesCount", 0), 32)
    out.resource_url = text(get(rs, "schemaUrl", ""))
    scope = get(ss, "scope", {})
    out.scope = text(get(scope, "name", ""))
    out.version = text(get(scope, "version", ""))
    out.scope_attrs = attributes(get(scope, "attributes"))
    out.dropped_scope = whole(get(scope, "droppedAttributesCount", 0), 32)
    out.scope_url = text(get(ss, "schemaUrl", ""))
    service = out.resource.get("service.name")
    out.service = service if isinstance(service, str) else ""
    out.tie = 0
    out.commit = 1
    out.words = None
    return out


def read_requests(data):
    """Yields (span or None, why) of each span of lines of OTLP JSON, in order."""
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        request = json.loads(line.decode("utf-8", "replace"))
        for rs in get(request, "resourceSpans", []):
            for ss in get(rs, "scopeSpans", []):
                for s in get(ss, "spans", []):
                    try:
                        yield read_span(s, rs, ss), None
                    except (Reject, ValueError, TypeError) as e:
                        yield None, str(e)
