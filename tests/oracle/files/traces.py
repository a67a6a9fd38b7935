# SPDX-License-Identifier: ISC
"""traces.jsonl and traces.csv: one line a trace that has a matching span."""
from rows import file, matching, page, sorted_rows
from files.spans import csv_line, row_text
from names import Bad
import times
import values

KEYS = "trace_id root_service root_name start duration_ns spans errors services matched".split()

# Fields of a trace: by the name that is typed, (column, key of KEYS).
FIELDS = {k: (k, k) for k in KEYS}
FIELDS.update({"trace_start": ("trace_start", "start"), "trace_spans": ("trace_spans", "spans"),
               "trace_duration": ("trace_duration_ns", "duration_ns"),
               "trace_errors": ("trace_errors", "errors")})


class Row:
    def __init__(self, trace, matched):
        self.trace = trace
        self.v = {"trace_id": trace.id, "root_service": trace.root.service,
                  "root_name": trace.root.name, "start": trace.start,
                  "duration_ns": trace.duration, "spans": len(trace.spans),
                  "errors": trace.errors, "services": trace.services, "matched": matched}

    def shown(self, key):
        """(present, value) as files show it."""
        v = self.v[key]
        if key == "start":
            v = times.stamp(v)
        return not (key in ("root_service", "root_name") and not v), v


def field(name):
    name = name.decode("utf-8", "replace")
    if name not in FIELDS:
        raise Bad("EINVAL", "%s is no field of a trace" % name)
    return FIELDS[name]


def key_of(name):
    key = field(name)[1]
    return lambda row: values.sort_key(row.v[key])


def rows(query, store):
    counts = {}
    for s in matching(query, store):
        counts[s.trace_id] = counts.get(s.trace_id, 0) + 1
    found = [Row(store.traces[t], n) for t, n in counts.items()]
    found.sort(key=lambda r: (-r.v["start"], r.trace.id))
    return page(query, sorted_rows(query, found, key_of))


def chosen(query):
    select = query.get("select")
    return [field(n) for n in select.names] if select else [(k, k) for k in KEYS]


@file("traces.jsonl")
def traces_jsonl(query, store):
    lines = []
    cols = chosen(query)
    for r in rows(query, store):
        cells = [(c,) + r.shown(k) for c, k in cols]
        lines.append(row_text([(c, v) for c, there, v in cells if there]) + "\n")
    return "".join(lines)


@file("traces.csv")
def traces_csv(query, store):
    cols = chosen(query)
    lines = [csv_line([c for c, k in cols])]
    for r in rows(query, store):
        lines.append(csv_line([r.shown(k)[1] for c, k in cols]))
    return "".join(lines)
