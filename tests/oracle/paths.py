# SPDX-License-Identifier: ISC
"""Paths from a seed: most hit, since their values are taken from the spans; some are malformed.

A maker of clauses is a function in FILTERS or OTHERS; a new clause adds its own there.
"""
import random

import fields
import names
import nasty
import times
import values

OPS = "eq ne in notin lt le gt ge between contains notcontains starts ends re nre".split()
COMPARED = [b"field", b"value", b"selection", b"selection_share", b"baseline", b"baseline_share",
            b"difference"]
FILES = ["spans.jsonl"] * 5 + ["spans.csv"] * 2 + ["count"] * 5 + ["traces.jsonl"] * 2 + \
    ["traces.csv", "events.jsonl", "links.jsonl", "scores.jsonl", "otlp.jsonl", "query"]
TRACE_FIELDS = ("trace_id root_service root_name trace_start trace_duration trace_spans "
                "trace_errors start duration_ns spans errors").split()


# Of a span by itself, one value at most: what groups are made by, and what is measured.
KEYS = ("service name kind status status_message scope scope_version trace_state trace_id "
        "parent_span_id k http.status_code http.route user.id host.name resource.service.name").split()
MEASURES = "duration start duration start k http.status_code".split()


class Maker:
    def __init__(self, seed, store, groups=0.0, relations=0.0, parents=0.0):
        self.r = random.Random(seed)
        self.r_mark = random.Random(seed + 0.5)     # of its own: other clauses stay as they are
        self.groups, self.relations = groups, relations     # shares of paths and of filters
        self.parents = parents      # of keys and measures that are a parent's single value
        self.compare = True     # whether compare is asked for
        self.store = store
        self.spans = store.spans
        self.fields = [n.encode() for n in fields.INTRINSICS]
        self.attrs = sorted({self.spelling(p, k) for p, k in store.seen})
        self.hot = [a for a in self.attrs if a in
                    (b"k", b"http.status_code", b"http.route", b"s", b"dup", b"event.k", b"link.k",
                     b"resource.service.name", b"host.name", b"ratio", b"user.id", b"scope.k")]

    def spelling(self, prefix, key):
        key = key.encode()
        if prefix in ("event", "link", "scope"):
            return prefix.encode() + b"." + key
        return key if prefix == "span" else b"resource." + key

    # Values and how they are written.

    def item(self, data, spare=b""):
        """data as an item: as the encoder writes it, or in another spelling of the same."""
        r = self.r
        if not data:
            return b"%"
        if r.random() < 0.85:
            return names.encode(data, keep=spare)
        out = b""
        for i, c in enumerate(data):
            c = bytes([c])
            if r.random() < 0.2 or c in b"/%,\0" or c < b" " or c >= b"\x7f" or \
                    (i == 0 and c in b".-"):
                out += (b"%%%02x" if r.random() < 0.5 else b"%%%02X") % c[0]
            else:
                out += c
        return out

    def raw_field(self):
        r = self.r.random()
        if r < 0.35:
            return self.r.choice(self.fields)
        if r < 0.4:
            return self.r.choice([b"duration_ns", b"spans", b"errors", b"span.name",
                                  b"span.k", b"span.http.route", b"resource.host.name"])
        if r < 0.75:
            return self.r.choice(self.hot)
        return self.r.choice(self.attrs)

    def sample(self, name):
        """A value that some span has in a field, as the bytes to be typed, or None."""
        field = fields.read_field(name, self.store)
        for _ in range(20):
            found = field.get(self.r.choice(self.spans))
            if found:
                return self.typed(field, self.r.choice(found))
        return None

    def typed(self, field, v):
        r = self.r
        if isinstance(v, list) and v:
            v = r.choice(v)
        if field.kind == fields.ENUM:
            return str(field.show(v)).encode()
        if field.kind == fields.TIME:
            return times.stamp(v, trim=r.random() < 0.5).encode()
        if field.kind == fields.DURATION:
            return times.duration_text(v).encode()
        if isinstance(v, str):
            return v.encode()
        if values.is_number(v):
            return self.number(v)
        return values.json_text(v).encode()

    def number(self, v):
        r = self.r
        if r.random() < 0.25:
            v = v + r.choice([-1, 1, 0.5])
        text = values.json_text(v).strip('"').encode()
        if r.random() < 0.15 and isinstance(v, int):
            text = r.choice([b"%d.0", b"+%d", b"0%d", b"%de0"]) % v if v > 0 else text
        return text

    def value(self, name):
        r = self.r
        if r.random() < 0.8:
            v = self.sample(name)
            if v is not None:
                return v
        field = fields.read_field(name, self.store)
        if field.kind == fields.ENUM:
            return r.choice([b"server", b"ERROR", b"Unset", b"ok", b"2", b"77", b"client"])
        if field.kind == fields.ID:
            return b"%x" % r.randrange(1, 300)
        if field.kind == fields.INT:
            return b"%d" % r.choice([0, 1, 2, 5, 257, 2 ** 63])
        if field.kind == fields.TIME:
            return self.moment()
        if field.kind == fields.DURATION:
            return r.choice([b"0s", b"1ns", b"1.5s", b"1h30m", b"1500ms", b"2d", b".5h"])
        v = r.choice(nasty.TEXTS + nasty.INTS + nasty.DOUBLES)
        return values.json_text(v).strip('"').encode() if not isinstance(v, str) else v.encode()

    # Clauses.

    def listed(self, name, most=3):
        n = self.r.choice([1, 1, 1, 2, most])
        return b",".join(self.item(self.value(name)) for _ in range(n))

    def f_short(self):
        word, name = self.r.choice([(b"service", b"service"), (b"name", b"name"),
                                    (b"scope", b"scope"), (b"kind", b"kind"),
                                    (b"status", b"status"), (b"trace", b"trace_id"),
                                    (b"span", b"span_id")])
        arg = self.listed(name)
        if word in (b"kind", b"status") and self.r.random() < 0.2:
            arg = arg.upper()
        if word in (b"trace", b"span") and self.r.random() < 0.3:
            arg = self.r.choice([arg.upper(), arg.lstrip(b"0") or b"1"])
        return [word, arg]

    def f_duration(self):
        op = self.r.choice(OPS[:9])
        name, word = self.r.choice([(b"duration", b"duration"),
                                    (b"trace_duration", b"trace-duration")])
        return [word, op.encode(), self.argument(name, op)]

    def argument(self, name, op):
        r = self.r
        if op in ("in", "notin"):
            return self.listed(name)
        if op == "between":
            return self.ends(name)
        v = self.value(name)
        if op in ("re", "nre"):
            return self.item(self.pattern(v))
        if op in ("contains", "notcontains", "starts", "ends") and v:
            i, j = sorted((r.randrange(len(v) + 1), r.randrange(len(v) + 1)))
            v = v[:j] if op == "starts" else v[i:] if op == "ends" else v[i:j]
        return self.item(v, b":" if r.random() < 0.3 else b"")

    def ends(self, name):
        """Two values in order, so that between takes them most of the time."""
        a, b = self.value(name), self.value(name)
        field = fields.read_field(name, self.store)
        import ops
        try:
            x, y = (ops.read_typed(field, v, self.store.now) for v in (a, b))
            if isinstance(x, ops.Literal):
                swap = x.number > y.number if None not in (x.number, y.number) else a > b
            else:
                swap = x.order > y.order
        except names.Bad:
            swap = False
        return b",".join(self.item(v) for v in ((b, a) if swap else (a, b)))

    def pattern(self, v):
        """A pattern of what Python and PCRE2 both read the same way."""
        r = self.r
        esc = b"".join(b"\\" + bytes([c]) if c in b".^$*+?()[]{}|\\/-" else bytes([c])
                       for c in v[:200])
        try:
            esc.decode()
        except UnicodeDecodeError:
            esc = b"x"
        return r.choice([esc, b".*", b".+", b"[a-c]+", b"[^x]*", b"(" + esc + b"|b)", b".*e.*",
                         b"[0-9]+", b"a?b?c?", b"\\w+", b"\\d*", b".", b"", b"(a|b)*", b"(?i)" + esc,
                         b"n.*", b"(?s:n.*)", b"x{2,}", esc + b".*"])

    def f_where(self):
        name, op = self.raw_field(), self.r.choice(OPS)
        field = fields.read_field(name, self.store)
        if self.r.random() < 0.95:
            if field.kind in (fields.INT, fields.TIME, fields.DURATION):
                op = self.r.choice(OPS[:9])
            elif field.kind == fields.ENUM:
                op = self.r.choice(OPS[:4] + OPS[9:])
        return [b"where", self.item(name, b":"), op.encode(), self.argument(name, op)]

    def f_has(self):
        return [b"has", self.item(self.raw_field())]

    def f_root(self):
        return [b"root"]

    def f_text(self):
        from clauses import words
        pool = sorted(words.words_of(self.r.choice(self.spans))) or [b"x"]
        chosen = [self.r.choice(pool)[:200] for _ in range(self.r.choice([1, 1, 2, 3]))]
        if self.r.random() < 0.2:
            chosen[0] = self.r.choice([b"nosuchword", b"refused", chosen[0][:-1] or b"y"])
        if self.r.random() < 0.3:
            chosen[0] = chosen[0].upper()
        return [b"text", self.item(self.r.choice([b" ", b"-", b", "]).join(chosen))]

    FILTERS = ["f_short"] * 4 + ["f_where"] * 7 + ["f_duration", "f_duration", "f_has", "f_has",
                                                  "f_root", "f_text"]

    def filter(self, depth=0):
        r = self.r.random()
        if r < 0.12:
            inner = self.filter(depth)
            while inner[0] == b"not":
                inner = self.filter(depth)
            return [b"not"] + inner
        if r < 0.22 and depth < 3:
            out = [self.r.choice([b"any", b"any", b"all"])]
            for _ in range(self.r.choice([1, 2, 2, 3])):
                out += self.filter(depth + 1)
            return out + [b"end"]
        if self.relations and depth < 3 and self.r.random() < self.relations:
            return self.relation(depth)
        return getattr(self, self.r.choice(self.FILTERS))()

    def moment(self):
        r = self.r
        kind = r.randrange(10)
        now = self.store.now
        if kind < 2:
            return r.choice([b"1h", b"15m", b"1h30m", b".5h", b"2d", b"1w", b"90min", b"1.5h",
                             b"3600s", b"26w", b"3000w", b"1ms"])
        if kind == 2:
            return r.choice([b"now", b"today", b"yesterday", b"11:00", b"09:30:15", b"00:00"])
        ns = times.cut(r.choice(self.spans).start + r.choice([-1, 0, 0, 1]))
        if kind == 3:
            return r.choice([b"%d" % (ns // times.NS), b"%d" % (ns // 10 ** 6),
                             b"%d" % (ns // 1000), b"%d" % ns])
        if kind == 4:
            return r.choice([b"1960-01-01", b"9999-12-31", b"2554-07-21T23:34:33.709551614Z",
                             b"2554-07-21T23:34:33.709551615Z",
                             b"1970-01", b"2000-01-01", b"2025-06-15T12:00+02:00"])
        if kind < 8:
            ns = now - r.randrange(40) * nasty.HOUR
        text = times.stamp(ns).encode()
        cut = r.choice([7, 10, 13, 16, 19, 23, 30])
        text = text[:cut] + (b"Z" if cut in (19, 23) and r.random() < 0.5 else b"")
        if cut == 16 and r.random() < 0.5:
            text += r.choice([b"+02:00", b"-00:30", b"Z"])
        return text

    def o_time(self):
        r = self.r.random()
        if r < 0.4:
            return [[b"since", self.moment()]]
        if r < 0.6:
            return [[b"until", self.moment()]]
        if r < 0.75:
            return [[b"since", self.moment()], [b"until", self.moment()]]
        day = times.stamp(self.store.now - self.r.randrange(40) * nasty.HOUR)
        return [[b"on", self.r.choice([day[:10].encode(), day[:13].encode(), day[:13].encode(),
                                       b"today", b"yesterday"])]]

    def marked(self, clauses):
        """Some of them ask for what came after a mark, too."""
        r = self.r_mark
        if self.store.marks and r.random() < 0.15:
            clauses.insert(r.randrange(len(clauses) + 1),
                           [b"mark", r.choice(sorted(self.store.marks))])
        return clauses

    def sortable(self, file):
        """A field that rows of the file are sorted by."""
        if file.startswith("traces"):
            return self.r.choice(TRACE_FIELDS).encode()
        part = {"events.jsonl": "event", "scores.jsonl": "event", "links.jsonl": "link"}.get(file)
        own = [a for a in self.attrs + self.fields if part and
               fields.read_field(a, self.store).part == part]
        if own and self.r.random() < 0.5:
            return self.r.choice(own)
        while True:
            name = self.maybe_parent(self.raw_field())
            if fields.read_field(name, self.store).part in (None, part):
                return name

    def maybe_parent(self, name, measured=False):
        if self.parents and self.r.random() < self.parents:
            return fields.PARENT + self.r.choice(MEASURES if measured else KEYS).encode()
        return fields.PARENT + name if self.r.random() < 0.12 else name

    def o_sort(self, file):
        keys = []
        for _ in range(self.r.choice([1, 1, 2, 3])):
            keys.append(self.item(self.sortable(file)) + self.r.choice([b"", b":asc", b":desc"]))
        return [b"sort", b",".join(keys)]

    def o_select(self, file):
        pool = (lambda: self.r.choice(TRACE_FIELDS).encode()) if file.startswith("traces") \
            else self.raw_field
        # Two names of one field: whether they are two columns is left open.
        base = {b"spans": b"trace_spans", b"errors": b"trace_errors", b"start": b"trace_start",
                b"duration_ns": b"trace_duration"} if file.startswith("traces") else \
            {n.encode(): f.encode() for n, f in fields.ALIASES.items()}
        chosen = {}
        for _ in range(self.r.choice([1, 2, 3, 5])):
            n = pool()
            chosen.setdefault(base.get(n, n), n)
        return [b"select", b",".join(self.item(n) for n in chosen.values())]

    # Groups and relations.

    def relation(self, depth):
        """A filter about a related span."""
        word = self.r.choice([b"child", b"parent", b"descendant", b"ancestor", b"sibling",
                              b"trace-has"])
        out = [word]
        for _ in range(self.r.choice([1, 1, 2])):
            out += self.filter(depth + 1)
        return out + [b"end"]

    def key(self):
        return self.item(self.maybe_parent(self.raw_field()), b":")

    def aggregate(self):
        r = self.r
        name = r.choice([b"count", b"count", b"sum", b"avg", b"min", b"max", b"median", b"p50",
                         b"p95", b"p99.9", b"p0", b"distinct", b"rate", b"errors",
                         b"error_rate", b"hist"])
        if name in (b"count", b"rate", b"errors", b"error_rate"):
            return name
        while True:
            field = r.choice([b"duration", b"k", b"http.status_code", b"ratio", b"event.k",
                              b"tokens:total", b"cost", b"score:value",
                              b"trace_spans", b"start", b"duration", self.raw_field()])
            field = self.maybe_parent(field, name != b"distinct")
            if name != b"sum" or fields.read_field(field, self.store).kind != fields.TIME:
                return name + b":" + self.item(field, b":")

    def having(self, agg):
        """A condition on an aggregate; durations and times want values of their own."""
        r = self.r
        op = r.choice(OPS[:9]).encode()
        name, _, field = agg.partition(b":")
        kind = fields.read_field(names.decode(field), self.store).kind if field and \
            name != b"distinct" else fields.ATTR
        one = {fields.DURATION: [b"1ms", b"1s", b"2h"], fields.TIME: [b"2025-06-15", b"1d"]}.get(
            kind, [b"0", b"1", b"2", b"10", b"0.5"])
        both = b",".join([one[0], one[-1]][::-1 if kind == fields.TIME else 1])
        return [b"having", agg, op, both if op == b"between" else r.choice(one)]

    def group_clauses(self):
        r = self.r
        out = [self.filter() for _ in range(r.choice([0, 0, 1, 1, 2]))]
        time = self.o_time() if r.random() < 0.5 else []
        out += time
        if r.random() < 0.08:
            return out + [[b"distinct", self.key()]]
        keys = [self.key() for _ in range(r.choice([0, 1, 1, 2]))]
        if r.random() < 0.03:
            keys.append(r.choice([b"count", b"errors", b"p50_k"]))     # an aggregate's name
        aggs = [self.aggregate() for _ in range(r.choice([1, 1, 2, 3]))]
        bucket = r.random() < 0.4
        if keys:
            out.append([b"group", b",".join(keys)])
        if bucket:
            out.append([b"bucket", r.choice([b"1h", b"30m", b"day", b"week", b"month", b"7d",
                                             b"auto", b"90m"])])
        if r.random() < 0.8 or not (keys or bucket):
            out.append([b"agg", b",".join(aggs)])
        closed = len(time) == 2 or (time and time[0][0] == b"on")
        if bucket and closed and r.random() < 0.7:
            out.append([b"fill", r.choice([b"zero", b"null", b"previous", b"none"])])
        plain = [a for a in aggs if not a.startswith(b"hist")]
        if plain and r.random() < 0.25:
            out.append(self.having(r.choice(plain)))
        if plain and r.random() < 0.3:
            out.append([b"sort", r.choice(plain + keys) + r.choice([b"", b":desc"])])
        if r.random() < 0.15:
            out.append([b"per", b"trace"])
        # Rows that fill makes have an earlier side, too.
        if r.random() < (0.4 if any(c[0] == b"fill" for c in out) else 0.15):
            out.append([b"versus", r.choice([b"1d", b"6h", b"previous"])])
        if r.random() < 0.25:
            out.append([b"limit", b"%d" % r.choice([1, 3, 10])])
        r.shuffle(out)
        return self.marked(out)

    def compare_clauses(self):
        r = self.r
        inner = [s for _ in range(r.choice([1, 1, 1, 2, 3])) for s in self.filter()]
        out = [self.filter() for _ in range(r.choice([0, 0, 1, 2]))]
        out.append([b"compare"] + inner + [b"end"])
        if r.random() < 0.2:
            out += self.o_time()
        if r.random() < 0.3:
            keys = r.sample(COMPARED, r.choice([1, 1, 2]))
            out.append([b"sort", b",".join(k + r.choice([b"", b":asc", b":desc"])
                                           for k in keys)])
        if r.random() < 0.4:
            out.append([b"limit", b"%d" % r.choice([0, 1, 5, 100, 1000, 10 ** 6])])
        if r.random() < 0.2:
            out.append([b"offset", b"%d" % r.choice([0, 1, 7, 90, 500])])
        if r.random() < 0.04:
            out.append(r.choice([[b"group", b"name"], [b"having", b"count", b"gt", b"1"],
                                 [b"distinct", b"name"], [b"select", b"name"]]))
        r.shuffle(out)
        return self.marked(out)

    def group_path(self):
        """Of groups, or of compare."""
        r = self.r
        if self.compare and r.random() < 0.12:
            return self.join(self.compare_clauses(), r.choice(
                ["compare.jsonl"] * 12 + ["query", "count", "spans.jsonl"]))
        return self.join(self.group_clauses(), r.choice(
            ["groups.jsonl", "groups.jsonl", "groups.csv", "count", "query"]))

    def clauses(self, file):
        r = self.r
        out = [self.filter() for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3, 4]))]
        if r.random() < 0.3:
            out += self.o_time()
        if r.random() < 0.25:
            out.append(self.o_sort(file))
        if r.random() < 0.25:
            out.append([b"limit", b"%d" % r.choice([0, 1, 2, 5, 10, 100, 10 ** 6])])
        if r.random() < 0.12:
            out.append([b"offset", b"%d" % r.choice([0, 1, 3, 10, 500])])
        if r.random() < 0.2 and file in ("spans.jsonl", "spans.csv", "traces.jsonl",
                                         "traces.csv"):
            out.append(self.o_select(file))
        r.shuffle(out)
        return self.marked(out)

    def join(self, clauses, file):
        return b"/" + b"/".join([s for c in clauses for s in c] + [file.encode()])

    def path(self):
        if self.groups and self.r.random() < self.groups:
            return self.group_path()
        file = self.r.choice(FILES)
        clauses = self.clauses(file)
        if self.r.random() < 0.08:
            return self.malformed(clauses, file)
        return self.join(clauses, file)

    def malformed(self, clauses, file):
        """One thing is wrong with it, most of the time."""
        r = self.r
        bad = r.choice([
            [b"nosuch", b"x"], [b"service", b"a,,b"], [b"service", b"%"], [b"name", b"%zz"],
            [b"name", b"ab%"], [b"duration", b"gt", b"5"], [b"duration", b"foo", b"1s"],
            [b"where", b"k", b"=", b"1"], [b"where", b"k", b"between", b"5,1"],
            [b"where", b"k", b"between", b"1,b"], [b"where", b"name", b"gt", b"5"],
            [b"where", b"k", b"re", b"("], [b"where", b"flags", b"eq", b"x"],
            [b"kind", b"foo"], [b"status", b"%"], [b"trace", b"xyz"], [b"span", b"0" * 17],
            [b"end"], [b"any", b"end"], [b"not", b"not", b"root"], [b"not", b"limit", b"1"],
            [b"any", b"since", b"1h", b"end"], [b"any", b"root"], [b"limit", b"x"],
            [b"limit", b"1", b"limit", b"1"], [b"since", b"1h", b"until", b"2h"],
            [b"since", b"2025"], [b"since", b"12345678"], [b"since", b"2025-13"],
            [b"since", b"tomorrow"], [b"on", b"2025-06"], [b"on", b"1h"],
            [b"since", b"2025-06-15", b"until", b"2025-06-14"], [b"has", b"%"],
            [b"text", b"--"], [b"sort", b":desc"], [b"sort", b"event.k"], [b"sort", b"link:span_id"],
            [b"has", b"parent:name"], [b"where", b"parent:k", b"eq", b"1"],
            [b"select", b"name,parent:name"], [b"group", b"parent:parent:name"],
            [b"sort", b"parent:event:name"], [b"select", b"a,,b"],
            [b"has", b"never.seen"], [b"where", b"never.seen", b"ne", b"1"],
            [b"service", b"neverseen"], [b"sort", b"never.seen"], [b"select", b"never.seen,nor"],
            [b"not", b"has", b"never.seen"], [b"any", b"service", b"neverseen", b"end"],
            [b"service", b"neverseen,cart"], [b"select", b"never.seen,name"],
            [b"where", b"duration", b"starts", b"1s"], [b"where", b"kind", b"lt", b"server"],
            [b"where", b"start", b"gt", b"soon"], [b"where", b"k", b"in", b"1,,2"],
            [b"service", b"%~" + b"0" * 32], [b"service", b"x" * 4096],
            [b"mark", b"m9"], [b"mark", b".m1"], [b"mark", b"m1%2F"], [b"mark", b"m1,m2"],
            [b"mark", b"m1", b"mark", b"m2"], [b"not", b"mark", b"m1"],
            [b"any", b"mark", b"m1", b"end"],
            [b"any"] * 17 + [b"root"] + [b"end"] * 17,
            [b"root"] * 65, [b"kind", b",".join([b"1"] * 1001)]])
        out = clauses + [bad]
        if r.random() < 0.7:
            out = [bad]
        r.shuffle(out)
        return self.join(out, file)
