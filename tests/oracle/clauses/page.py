# SPDX-License-Identifier: ISC
"""sort, limit, offset, select: order, page and columns of the rows of a file."""
import re

import fields
from language import Clause, clause
from names import Bad, decode, encode, split


def read_number(data, what):
    data = decode(data)
    if not re.fullmatch(rb"[0-9]+", data) or int(data) >= 1 << 64:
        raise Bad("EINVAL", "%s is a whole number" % what)
    return int(data)


@clause
class Sort(Clause):
    keyword, nargs = "sort", 1

    def __init__(self, store, arg):
        self.keys, self.raw = [], []     # raw: of groups an item may be an aggregate
        for item in split(arg):
            down = item.endswith(b":desc")
            if down or item.endswith(b":asc"):
                item = item[:item.rindex(b":")]
                if not item:
                    raise Bad("EINVAL", "a direction without a field")
            self.keys.append((decode(item), down))
            self.raw.append(item)
        if any(not name for name, down in self.keys):
            raise Bad("EINVAL", "an empty name of a field")
        self.store = store

    def apply(self, query):
        self.grouped = in_groups(query)
        self.compared = bool(query.get("compare"))

    def strict(self, store):
        return self.grouped or self.compared or \
            seen_any([name for name, down in self.keys], store)

    def segments(self):
        first = {}
        for (name, down), raw in zip(self.keys, self.raw):
            # A field says nothing the second time, under its other name neither.
            same = name
            if not self.grouped and not self.compared:
                same = fields.read_field(name, self.store).name
            first.setdefault(same, self.shown(name, raw) + (b":desc" if down else b""))
        return [b"sort", b",".join(first.values())]

    def shown(self, name, raw):
        return column_text(name, raw) if self.grouped else encode(name)


def column_text(name, raw):
    """A column of groups: an aggregate as agg writes it, else a name."""
    from aggregates import Aggregate    # which has fields, and these have names
    head, colon, field = raw.partition(b":")
    try:
        Aggregate(head + (b":k" if colon else b""), None, look=False)
    except Bad:
        return encode(name)
    return head + colon + (encode(decode(field)) if colon else b"")


def in_groups(query):
    """Names of sort and select are those of columns there; files/groups.py reads them."""
    return any(query.get(w) for w in ("group", "bucket", "agg", "distinct"))


def seen_any(names, store):
    """Of a list, one that the store has seen is enough."""
    found = [fields.read_field(n, store) for n in names]
    return any(not f.seen or store.has_field(f) for f in found)


class Number(Clause):
    nargs = 1

    def __init__(self, store, arg):
        self.n = read_number(arg, self.keyword)

    def apply(self, query):
        pass

    def segments(self):
        return [self.keyword.encode(), b"%d" % self.n]


@clause
class Limit(Number):
    keyword = "limit"


@clause
class Offset(Number):
    keyword = "offset"

    def simple(self):
        return self if self.n else None


@clause
class Select(Clause):
    keyword, nargs = "select", 1

    def __init__(self, store, arg):
        self.raw = {decode(i): i for i in reversed(split(arg))}
        names = [decode(i) for i in split(arg)]
        if any(not n for n in names):
            raise Bad("EINVAL", "an empty name of a field")
        self.names = list(dict.fromkeys(names))
        self.store = store

    def apply(self, query):
        self.grouped = in_groups(query)
        if not self.grouped:
            self.fields = [fields.own_field(n, self.store) for n in self.names]
            shown = {(f.name, f.column) for f in self.fields}
            if len({column for name, column in shown}) < len(shown):
                raise Bad("EINVAL", "two columns of one name")

    def strict(self, store):
        return self.grouped or seen_any(self.names, store)

    def segments(self):
        return [b"select", b",".join(column_text(n, self.raw[n]) if self.grouped else encode(n)
                                     for n in self.names)]
