# SPDX-License-Identifier: ISC
"""compare.jsonl: values by how much their share differs between the spans that match the filters
of compare and the others that are selected."""
from aggregates import Item
from files.groups import key_order
from files.spans import row_text
import fields
from names import Bad
from rows import file, matching, no_select, page, sorted_rows

MOST_VALUES = 10000
ROWS = 100
INTRINSICS = ("service", "name", "kind", "status")


def compared(store):
    """[(name, Field)] that are looked at: attributes of every scope but links, four intrinsics."""
    out = [(n, fields.INTRINSICS[n]) for n in INTRINSICS]
    for prefix, key in store.seen:
        if prefix != "link":
            name = prefix + "." + key
            out.append((name, fields.read_field(name.encode(), store)))
    return out


class Row:
    def __init__(self, name, field, value):
        self.name, self.field, self.value = name, field, value
        self.counts = [0, 0]

    def items(self, sizes):
        shares = [c / n if n else None for c, n in zip(self.counts, sizes)]
        self.difference = None if None in shares else shares[0] - shares[1]
        return [("field", self.name), ("value", self.field.show(self.value)),
                ("selection", self.counts[0]), ("selection_share", shares[0]),
                ("baseline", self.counts[1]), ("baseline_share", shares[1]),
                ("difference", self.difference)]


def field_rows(name, field, sides):
    found = {}
    for side, spans in enumerate(sides):
        for s in spans:
            for key, v in Item([s]).different(field).items():
                found.setdefault(key, Row(name, field, v)).counts[side] += 1
    return [] if len(found) > MOST_VALUES else list(found.values())


def key_of(column):
    """What sort looks at in a row."""
    def key(r):
        row, items = r
        v = row.name if column == b"field" else row.value if column == b"value" else \
            dict(items)[column.decode()]
        return None if v is None else key_order(row.field, v)
    return key


@file("compare.jsonl")
def compare_jsonl(query, store):
    no_select(query)
    compare = query.get("compare")
    if not compare:
        raise Bad("EINVAL", "compare.jsonl without compare")
    sides = ([], [])
    for s in matching(query, store):
        sides[0 if compare.matches(s) else 1].append(s)
    sizes = [len(s) for s in sides]
    rows = []
    for name, field in compared(store):
        for row in field_rows(name, field, sides):
            rows.append((row, row.items(sizes)))
    rows.sort(key=lambda r: (-abs(r[0].difference or 0), r[0].name,
                             key_order(r[0].field, r[0].value)))
    rows = page(query, sorted_rows(query, rows, key_of))
    if not query.get("limit"):
        rows = rows[:ROWS]
    return "".join(row_text(items) + "\n" for row, items in rows)
