# SPDX-License-Identifier: ISC
"""Data made to be nasty: lines of OTLP JSON from a seed.

    nasty.make(seed, plain) -> [bytes]     files to import, one after the other

A third of the spans tries what is awkward; `plain` spans more are of a shop as everybody has it,
so that indexes and statistics have something to choose from.
"""
import json
import random

import times
import usage

NS = times.NS
NOW = times.read_rfc3339("2025-06-15T12:00:00Z")
HOUR = 3600 * NS

TEXTS = ["", "a", "b", "ab", "abc", "A", "aB", "500", "500.0", "5e2", "true", "false", "null",
         "NaN", "-0", "0", " ", "a b", "a,b", "a/b", "a:b", "%41", "%", ".env", "-rf", "..",
         "é", "ž漢😀", "a\u0000b", "a\nb", "\u202eabc", "\u200b", "\ufffd", "x" * 300,
         "connection refused", "Connection_Refused", "refused-connection", "error=42",
         "GET /cart", "POST /cart/{id}", "select 1", "timeout", "a\"b", "a\\b", "\u0085",
         "~", "ü\u0000ü", "\U0010ffff", "1h", "2025-06-15", "service", "count", "end"]
INTS = [0, 1, -1, 5, 42, 499, 500, 501, 200, 404, 2 ** 53, 2 ** 53 + 1, -2 ** 53 - 1,
        2 ** 63 - 1, -2 ** 63, 2 ** 63 - 2, 10 ** 18]
DOUBLES = [0.0, -0.0, 0.1, 0.5, 1.0, 1.5, -1.5, 500.0, 499.5, 1e21, 1e-7, 5e-324, 1e16, 123456.75,
           1.7976931348623157e308, float(2 ** 53), 9.223372036854775807e18,
           -9.223372036854775808e18, "NaN", "Infinity", "-Infinity"]
BYTES = ["", "AA==", "/w==", "AAEC/w=="]

KEYS = ["k", "k2", "http.status_code", "http.route", "s", "dup", "host.name", "a.b", "a/b", "a,b",
        "a:b", "é", ".lead", "-dash", "name", "service", "duration", "status", "K" * 260, "%41",
        "sp ace", "count", "event", "event.k", "x.y.z", "\u202e", "tab\tkey"]
SERVICES = ["cart", "checkout", "frontend", "pay,ments", "a/b", ".hidden", "-dash", "é",
            "500", "true", "", "S" * 280, "Cart"]
NAMES = ["GET /cart", "POST /pay", "query", "", "a,b", ".dot", "-d", "500", "é漢", "n\u0000n",
         "op", "Op", "N" * 260, "x:y", "%41"]
USAGE = [k for keys in (usage.INPUT, usage.OUTPUT, usage.TOTAL, usage.CACHED) for k in keys]
COUNTS = [0, 1, 7, 100, 1500, 100000, -1, 2 ** 63 - 1, 2 ** 53 + 1, 12.0, 1.5, 1e19]
MODELS = ["gpt-4", "gpt-4o-mini", "gpt-4o-2024", "claude-3", "GPT-4", "", "a*b", "llama"]
SCOPES = ["", "lib", "io.opentelemetry.http", "a,b", "é"]


def typed(**v):
    return v


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.seed = seed
        self.next_id = 1
        self.starts = {}        # of the first span with some ids

    def scalar(self):
        r = self.r
        kind = r.randrange(8)
        if kind < 3:
            return typed(stringValue=r.choice(TEXTS))
        if kind < 5:
            return typed(intValue=r.choice([str, int])(r.choice(INTS)))
        if kind == 5:
            return typed(doubleValue=r.choice(DOUBLES))
        if kind == 6:
            return typed(boolValue=r.random() < 0.5)
        return r.choice([typed(bytesValue=r.choice(BYTES)), {}])

    def value(self, depth=0):
        r = self.r
        if depth > 3 or r.random() < 0.75:
            return self.scalar()
        if r.random() < 0.75:
            n = r.choice([0, 1, 1, 2, 3])
            values = [self.value(depth + 1) for _ in range(n)]
            return typed(arrayValue={"values": values} if n or r.random() < 0.5 else {})
        n = r.choice([0, 1, 2])
        return typed(kvlistValue={"values": [
            {"key": r.choice(["a", "b", "", "k"] if i else ["a", "z"]),
             "value": self.value(depth + 1)} for i in range(n)]} if n else {})

    def attributes(self, most, keys=KEYS):
        r = self.r
        out = [{"key": r.choice(keys), "value": self.value()} for _ in range(r.randrange(most + 1))]
        if r.random() < 0.03:
            out.append({"key": "", "value": typed(stringValue="of an empty key")})
        if r.random() < 0.05:
            out.append({"key": "none"})
        return out

    def count(self):
        n = self.r.choice(COUNTS)
        return typed(doubleValue=n) if isinstance(n, float) else typed(intValue=str(n))

    def llm(self):
        """Attributes of a span of a language model, under some of the names they had."""
        r = self.r
        out = [{"key": k, "value": self.count() if r.random() < 0.8 else self.value()}
               for k in r.sample(USAGE, r.choice([1, 2, 3]))]
        for k in r.sample(usage.MODEL, r.choice([0, 1, 1, 2])):
            out.append({"key": k, "value": typed(stringValue=r.choice(MODELS))
                        if r.random() < 0.9 else self.value()})
        return out

    def score(self):
        """Attributes of an evaluation result."""
        r = self.r
        out = []
        for what, odds in (("name", 0.9), ("value", 0.7), ("label", 0.5), ("explanation", 0.2)):
            if r.random() < odds:
                v = typed(doubleValue=r.choice([0.0, 0.25, 0.5, 0.87, 1.0])) if what == "value" \
                    else typed(stringValue=r.choice(["relevance", "toxic", "pass", "fail", ""]))
                out.append({"key": usage.SCORE_KEYS[what],
                            "value": v if r.random() < 0.85 else self.value()})
        return out

    def moment(self):
        r = self.r
        kind = r.randrange(12)
        if kind < 5:
            return NOW - r.randrange(0, 30 * HOUR)
        if kind < 8:
            return NOW - r.randrange(0, 30) * HOUR + r.choice([-1, 0, 1])
        if kind == 8:
            return r.choice([NOW, NOW - 1, NOW - 12 * HOUR, NOW - 12 * HOUR - 1, NOW - HOUR])
        if kind == 9:
            return r.choice([0, 1, 946684800 * NS - 1, 946684800 * NS, 946684800 * NS + 1])
        if kind == 10:
            return r.choice([times.END, times.END - 1, 2 ** 63 - 1, 2 ** 63,
                             times.read_rfc3339("2554-01-01T00:00:00Z")])
        return times.read_rfc3339("2025-0%d-01" % r.randrange(1, 7)) + r.choice([-1, 0, 1])

    def events(self):
        r = self.r
        out = []
        for _ in range(r.choice([0, 0, 1, 2, 4])):
            e = {"timeUnixNano": str(self.moment()), "name": r.choice(
                ["exception", "exception", "", "e1", "refused timeout", "log"]),
                 "attributes": self.attributes(3, ["k", "k", "exception.type", "dup"])}
            if r.random() < 0.25:
                e["name"] = r.choice([usage.SCORE] * 4 + ["gen_ai.evaluation"])
                e["attributes"] = self.score() + self.attributes(1, ["k"])
            if r.random() < 0.3:
                e["droppedAttributesCount"] = r.randrange(5)
            out.append(e)
        return out

    def links(self, ids):
        r = self.r
        out = []
        for _ in range(r.choice([0, 0, 0, 1, 2])):
            trace, span = r.choice(ids) if ids else ("%032x" % 5, "%016x" % 5)
            l = {"traceId": trace, "spanId": span, "attributes": self.attributes(2, ["k", "lk"])}
            if r.random() < 0.4:
                l.update(traceState="a=b", flags=r.choice([0, 1, 769]), droppedAttributesCount=2)
            out.append(l)
        return out

    def ident(self, digits):
        self.next_id += 1
        r = self.r.random()
        if r < 0.1:
            return "%0*x" % (digits, self.next_id)
        if r < 0.2:
            return ("%x" % self.next_id).ljust(digits, "f")
        return "%0*x" % (digits, self.r.getrandbits(digits * 4 - 8) << 4 | 1)

    def span(self, trace, ids, parents):
        r = self.r
        s = {"traceId": trace, "spanId": self.ident(16)}
        doubled = ids and r.random() < 0.08
        if doubled:
            s["traceId"], s["spanId"] = r.choice(ids)
        if r.random() < 0.1:
            s["spanId"] = s["spanId"].upper()
        if parents and r.random() < 0.8:
            s["parentSpanId"] = r.choice(parents)
        elif r.random() < 0.2:
            s["parentSpanId"] = r.choice(["", "0" * 16, "00000000deadbeef", s["spanId"]])
        s["name"] = r.choice(NAMES)
        start = self.moment()
        if doubled and r.random() < 0.6:
            start = self.starts.get((s["traceId"], s["spanId"].lower()), start)
        self.starts.setdefault((s["traceId"], s["spanId"].lower()), start)
        s["startTimeUnixNano"] = r.choice([str, str, int])(start)
        end = r.choice([start, start + 1, start + r.randrange(10 ** 10), start + 1500 * 10 ** 6,
                        start - 1, 0, start + HOUR, times.END, start - start % HOUR + HOUR])
        s["endTimeUnixNano"] = str(min(max(end, 0), times.END))
        s["kind"] = r.choice([0, 1, 2, 2, 3, 3, 4, 5, 6, 77, "SPAN_KIND_SERVER", 2147483647])
        status = r.choice([None, {}, {"code": 0}, {"code": 1}, {"code": 2},
                           {"code": 2, "message": r.choice(TEXTS)}, {"message": "only text"},
                           {"code": 77}, {"code": "STATUS_CODE_ERROR"}])
        if status is not None:
            s["status"] = status
        s["attributes"] = self.attributes(6) + (self.llm() if r.random() < 0.25 else [])
        # Rows of events that are equal in time and ids are in an order that can't be learned.
        s["events"] = [] if doubled else self.events()
        s["links"] = self.links(ids)
        if r.random() < 0.2:
            s.update(traceState=r.choice(["a=b", "c=d,e=f", "5"]),
                     flags=r.choice([0, 1, 256, 257, 769, 2 ** 32 - 1]))
        if r.random() < 0.15:
            s.update(droppedAttributesCount=r.randrange(3), droppedEventsCount=r.randrange(3),
                     droppedLinksCount=2 ** 32 - 1)
        return s

    def resource(self):
        r = self.r
        attrs = self.attributes(3, ["host.name", "dup", "k", "res", "a.b"])
        kind = r.random()
        if kind < 0.8:
            attrs.append({"key": "service.name", "value": typed(stringValue=r.choice(SERVICES))})
        elif kind < 0.88:
            attrs.append({"key": "service.name", "value": r.choice(
                [typed(intValue="500"), typed(boolValue=True), {}, typed(doubleValue=500.5)])})
        out = {"attributes": attrs}
        if r.random() < 0.1:
            out["droppedAttributesCount"] = r.choice([1, 2 ** 32 - 1])
        return out

    def scope(self):
        r = self.r
        return {"name": r.choice(SCOPES), "version": r.choice(["", "1.0", "1.10"]),
                "attributes": self.attributes(2, ["sk", "k", "dup"])}

    def request(self, n_traces):
        """One line: some traces, each span anywhere under some resource and scope."""
        r = self.r
        blocks = []
        for _ in range(r.choice([1, 2, 3])):
            rs = {"resource": self.resource(), "scopeSpans": []}
            if r.random() < 0.1:
                rs = {"scopeSpans": []}
            if r.random() < 0.2:
                rs["schemaUrl"] = "https://opentelemetry.io/schemas/1.%d.0" % r.choice([9, 24])
            for _ in range(r.choice([1, 2])):
                ss = {"scope": self.scope(), "spans": []} if r.random() < 0.8 else {"spans": []}
                if r.random() < 0.1:
                    ss["schemaUrl"] = "https://opentelemetry.io/schemas/1.24.0"
                rs["scopeSpans"].append(ss)
            blocks.append(rs)
        ids = []
        for _ in range(n_traces):
            trace, parents = self.ident(32), []
            for _ in range(r.choice([1, 1, 2, 3, 5])):
                s = self.span(trace, ids, parents)
                r.choice(r.choice(blocks)["scopeSpans"])["spans"].append(s)
                ids.append((s["traceId"], s["spanId"].lower()))
                parents.append(s["spanId"])
            if r.random() < 0.1 and len(parents) > 1:   # a cycle
                s = self.span(trace, [], [parents[-1]])
                s["spanId"], s["events"] = parents[0], []
                blocks[0]["scopeSpans"][0]["spans"].append(s)
        if r.random() < 0.2:
            bad = self.span("0" * 32, [], [])
            blocks[0]["scopeSpans"][0]["spans"].append(bad)
        return {"resourceSpans": blocks}

    def plain_request(self, n):
        r = self.r
        start = NOW - r.randrange(36) * HOUR - r.randrange(HOUR)
        trace, out, parent = self.ident(32), [], None
        for i in range(n):
            service = r.choice(["cart", "checkout", "frontend", "db", "db"])
            code = r.choice([200, 200, 200, 404, 500])
            s = {"traceId": trace, "spanId": self.ident(16),
                 "name": r.choice(["GET /cart", "POST /pay", "query", "op"]),
                 "kind": r.choice([1, 2, 3]), "startTimeUnixNano": str(start + i * 10 ** 6),
                 "endTimeUnixNano": str(start + i * 10 ** 6 + r.randrange(1, 3 * 10 ** 9)),
                 "attributes": [
                     {"key": "http.status_code", "value": typed(intValue=str(code))},
                     {"key": "http.route", "value": typed(stringValue=r.choice(
                         ["/cart", "/pay/{id}", "/"]))},
                     {"key": "user.id", "value": typed(stringValue="u%d" % r.randrange(300))},
                     {"key": "ratio", "value": typed(doubleValue=r.randrange(1000) / 8)}],
                 "status": {"code": 2, "message": "refused"} if code == 500 else {}}
            if service == "cart":
                n = r.randrange(1, 4000)
                s["attributes"] += [
                    {"key": "gen_ai.request.model", "value": typed(stringValue=r.choice(MODELS))},
                    {"key": usage.INPUT[0], "value": typed(intValue=str(n))},
                    {"key": usage.OUTPUT[0], "value": typed(intValue=str(r.randrange(900)))},
                    {"key": usage.CACHED[0], "value": typed(intValue=str(r.randrange(n)))}]
            if parent:
                s["parentSpanId"] = parent
            parent = s["spanId"]
            out.append({"resource": {"attributes": [
                {"key": "service.name", "value": typed(stringValue=service)},
                {"key": "host.name", "value": typed(stringValue="h%d" % r.randrange(4))}]},
                "scopeSpans": [{"scope": {"name": "lib"}, "spans": [s]}]})
        return {"resourceSpans": out}


def line(request):
    return json.dumps(request, ensure_ascii=False).encode() + b"\n"


def not_utf8(maker):
    """Raw bytes that are no UTF-8 in a name, a value and a key, and a lone surrogate."""
    s = maker.span(maker.ident(32), [], [])
    s.update(name="n@1@", attributes=[
        {"key": "raw", "value": typed(stringValue="x@2@y")},
        {"key": "k@3@", "value": typed(stringValue="@4@")},
        {"key": "s", "value": typed(stringValue="@5@")}])
    data = line({"resourceSpans": [{"resource": {"attributes": [
        {"key": "service.name", "value": typed(stringValue="raw@1@")}]},
        "scopeSpans": [{"spans": [s]}]}]})
    for mark, raw in ((b"@1@", b"\xff"), (b"@2@", b"\xe2\x82"), (b"@3@", b"\xc3"),
                      (b"@4@", b"\xf0\x9f\x98\xed\xa0\x80"), (b"@5@", b"\\ud800")):
        data = data.replace(mark, raw)
    return data


def make(seed, nasty=90, plain=60):
    """Files of requests: nasty traces in lines of five, plain ones in lines of one."""
    m = Maker(seed)
    lines = [line(m.request(5)) for _ in range(nasty // 5)]
    lines += [line(m.plain_request(m.r.randrange(1, 14))) for _ in range(plain)]
    lines += [not_utf8(m)]
    m.r.shuffle(lines)
    lines.append(m.r.choice(lines))      # imported twice: adds nothing
    third = len(lines) // 3 + 1
    return [b"".join(lines[i:i + third]) for i in range(0, len(lines), third)]
