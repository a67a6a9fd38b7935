# SPDX-License-Identifier: ISC
"""group, bucket, agg, fill, having, distinct, per, versus: the shape of groups."""
import re

from aggregates import Aggregate
import fields
from language import Clause, clause
from names import Bad, decode, decode_list, encode, split
import ops
import times


class Names(Clause):
    """Fields as they were typed, each once."""
    nargs = 1

    def __init__(self, store, arg):
        names = decode_list(arg)
        read = [fields.read_field(n, store) for n in names]
        # Two names of one column are one.
        first = {}
        for n, f in zip(names, read):
            first.setdefault((f.name, f.column), (n, f))
        self.names = [n for n, f in first.values()]
        self.fields = [f for n, f in first.values()]

    def apply(self, query):
        pass

    def strict(self, store):
        return any(not f.seen or store.has_field(f) for f in self.fields)

    def segments(self):
        return [self.keyword.encode(), b",".join(encode(n) for n in self.names)]


@clause
class Group(Names):
    keyword = "group"

    def apply(self, query):
        if query.get("distinct"):
            raise Bad("EINVAL", "distinct or group")


@clause
class Distinct(Names):
    keyword = "distinct"

    def __init__(self, store, arg):
        super().__init__(store, arg)
        if len(self.names) != 1:
            raise Bad("EINVAL", "distinct has one field")

    def apply(self, query):
        for word in ("group", "bucket", "agg", "fill", "having", "versus"):
            if query.get(word):
                raise Bad("EINVAL", "distinct is a group without aggregates")


@clause
class Agg(Clause):
    keyword, nargs = "agg", 1

    def __init__(self, store, arg):
        aggs = [Aggregate(i, store) for i in split(arg)]
        first = {}
        for a in aggs:
            first.setdefault(a.same(), a)
        self.aggs = list(first.values())

    def apply(self, query):
        pass

    def strict(self, store):
        return any(not a.field or not a.field.seen or store.has_field(a.field)
                   for a in self.aggs)

    def segments(self):
        return [b"agg", b",".join(a.text() for a in self.aggs)]


MONDAY = times.days_of(1970, 1, 5) * times.DAY


class Step:
    """A division of time: floor gives the start of a bucket, after that of the next."""

    def __init__(self, name, ns=None):
        self.name, self.ns = name, ns

    def floor(self, t):
        if self.ns:
            return t - t % self.ns
        if self.name == "week":
            return t - (t - MONDAY) % (7 * times.DAY)
        year, month, day = times.date_of(t // times.DAY)
        return times.days_of(year, month, 1) * times.DAY

    def after(self, start):
        if self.ns:
            return start + self.ns
        if self.name == "week":
            return start + 7 * times.DAY
        year, month, day = times.date_of(start // times.DAY)
        return start + times.month_days(year, month) * times.DAY


MINUTE, HOUR = 60 * times.NS, 3600 * times.NS
AUTO = ((2 * HOUR, Step("1m", MINUTE)), (2 * times.DAY, Step("1h", HOUR)),
        (31 * times.DAY, Step("day", times.DAY)), (180 * times.DAY, Step("week")))


@clause
class Bucket(Clause):
    keyword, nargs = "bucket", 1

    def __init__(self, store, arg):
        word = decode(arg).decode("utf-8", "replace")
        if word in ("week", "month", "auto"):
            self.step = Step(word)
        elif word == "day":
            self.step = Step(word, times.DAY)
        else:
            ns = times.read_duration(word)
            if not ns:
                raise Bad("EINVAL", "no step")
            self.step = Step(times.duration_text(ns), ns)

    def apply(self, query):
        pass

    def segments(self):
        return [b"bucket", self.step.name.encode()]

    def steps(self, length):
        """The step; auto looks at the length of the range."""
        if self.step.name != "auto":
            return self.step
        return next((s for most, s in AUTO if length <= most), Step("month"))


@clause
class Fill(Clause):
    keyword, nargs = "fill", 1

    def __init__(self, store, arg):
        self.mode = decode(arg).decode("utf-8", "replace")
        if self.mode not in ("none", "zero", "null", "previous"):
            raise Bad("EINVAL", "no mode of fill")

    def apply(self, query):
        if not query.get("bucket"):
            raise Bad("EINVAL", "fill without buckets")

    def simple(self):
        return None if self.mode == "none" else self

    def segments(self):
        return [b"fill", self.mode.encode()]


NUMBERS = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")


class Measured(fields.Field):
    """An aggregate as a field, for the operators."""

    def __init__(self, agg):
        super().__init__(agg.column, agg.kind, None)
        self.numbers = agg.kind == fields.DURATION and agg.field.numbers


@clause
class Having(Clause):
    """Each of the conditions; the clause may repeat."""
    keyword, nargs = "having", 3
    repeats = True

    def __init__(self, store, agg, op, arg):
        op = op.decode("utf-8", "replace").removeprefix(".")
        arg = arg.removeprefix(b".=")
        self.agg = Aggregate(agg, store)
        if self.agg.name == b"hist" or op in ops.TEXTS:
            raise Bad("EINVAL", "an aggregate has no such comparison")
        self.test = ops.Test(Measured(self.agg), op, arg, store.now)
        if self.agg.kind == fields.ATTR and any(a.number is None for a in self.test.args):
            raise Bad("EINVAL", "an aggregate is a number")

    def apply(self, query):
        if not any(query.get(w) for w in ("group", "bucket", "agg")):
            raise Bad("EINVAL", "having without groups")

    def holds(self, value):
        return value is not None and self.test.each(value)

    def segments(self):
        op, arg = self.test.parts()
        return [b"having", self.agg.text(), op.encode(), arg]


@clause
class Per(Clause):
    keyword, nargs = "per", 1

    def __init__(self, store, arg):
        if decode(arg) != b"trace":
            raise Bad("EINVAL", "per trace only")

    def apply(self, query):
        if not any(query.get(w) for w in ("group", "bucket", "agg", "distinct")):
            raise Bad("EINVAL", "per without groups")

    def segments(self):
        return [b"per", b"trace"]


@clause
class Versus(Clause):
    keyword, nargs = "versus", 1

    def __init__(self, store, arg):
        word = decode(arg).decode("utf-8", "replace")
        self.period = None
        if word != "previous":
            self.period = times.read_duration(word)
            if not self.period:
                raise Bad("EINVAL", "no period")

    def apply(self, query):
        if not any(query.get(w) for w in ("group", "bucket", "agg")):
            raise Bad("EINVAL", "versus without groups")
        if not query.get("since") and not query.get("on"):
            raise Bad("EINVAL", "versus needs a range with a beginning")

    def segments(self):
        return [b"versus", times.duration_text(self.period).encode()
                if self.period else b"previous"]
