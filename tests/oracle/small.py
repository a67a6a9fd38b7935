# SPDX-License-Identifier: ISC
"""Small stores written by hand for the unit tests.

    store(span(1, 1, "a", k=5), span(1, 2, parent=1, service="x"), now="2025-01-02")

A span is of a trace and a span number; times are ns after BASE. Attribute values are Python's.
"""
import json

import answer
from files import otlp
import times

BASE = times.read_rfc3339("2025-01-01T00:00:00Z")


def pairs(attrs):
    return [{"key": k, "value": otlp.any_value(v)} for k, v in attrs.items()]


def span(trace, number, name="op", parent=0, at=0, lasts=0, service="svc", resource=None,
         scope=None, events=(), links=(), **attrs):
    """at and lasts in ns; keywords that begin with _ are fields of OTLP, others attributes."""
    own = {k[1:]: v for k, v in attrs.items() if k.startswith("_")}
    s = {"traceId": "%032x" % trace, "spanId": "%016x" % number, "name": name,
         "startTimeUnixNano": str(BASE + at), "endTimeUnixNano": str(BASE + at + lasts),
         "attributes": pairs({k: v for k, v in attrs.items() if not k.startswith("_")}),
         "events": [{"name": n, "timeUnixNano": str(BASE + t), "attributes": pairs(a)}
                    for n, t, a in events],
         "links": [{"traceId": "%032x" % t, "spanId": "%016x" % n, "attributes": pairs(a)}
                   for t, n, a in links]}
    if parent:
        s["parentSpanId"] = "%016x" % parent
    s.update(own)
    attributes = dict(resource or {})
    if service is not None:
        attributes["service.name"] = service
    return {"resource": {"attributes": pairs(attributes)},
            "scopeSpans": [{"scope": scope or {}, "spans": [s]}]}


def store(*spans, now="2025-01-02T00:00:00Z", strict=True, prices=()):
    line = json.dumps({"resourceSpans": list(spans)}).encode()
    return answer.Store.read(line, times.read_rfc3339(now), strict, prices)


def commits(*imports, now="2025-01-02T00:00:00Z"):
    """A store of imports one after another, each a list of spans; marks m0, m1... between."""
    lines = [json.dumps({"resourceSpans": list(spans)}).encode() for spans in imports]
    return answer.Store.of_commits(lines, times.read_rfc3339(now))


def ask(st, path):
    """The answer as text, or the name of the error."""
    try:
        return answer.answer(st, path.encode("utf-8", "surrogateescape")).decode()
    except answer.Bad as e:
        return e.code
