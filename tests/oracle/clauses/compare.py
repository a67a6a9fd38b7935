# SPDX-License-Identifier: ISC
"""service name scope kind status trace span duration trace-duration where: comparisons."""
import fields
from language import Filter, clause
from names import Bad, decode
import ops
import values

SHORT = {"service": "service", "name": "name", "scope": "scope", "kind": "kind",
         "status": "status", "trace_id": "trace", "span_id": "span"}
SHORT_ORDER = {"duration": "duration", "trace_duration": "trace-duration"}


def operator(segment):
    return segment.decode("utf-8", "replace").removeprefix(".")


def value(segment):
    """The later arguments of a clause have a second spelling, .=V."""
    return segment.removeprefix(b".=")


def plain(shown):
    """Neither empty nor reads as a number or boolean."""
    data = decode(shown)
    return data not in (b"", b"true", b"false") and values.read_number(data) is None


class Compare(Filter):
    def __init__(self, test):
        self.test = test

    def holds(self, span):
        return self.test.holds(span)

    def segments(self):
        op, arg = self.test.parts()
        name = self.test.field.name
        if op in ("eq", "in"):
            if name == "resource.service.name" and all(plain(a) for a in arg.split(b",")):
                name = "service"
            if name in SHORT:
                return [SHORT[name].encode(), arg]
        if name in SHORT_ORDER:
            return [SHORT_ORDER[name].encode(), op.encode(), arg]
        return [b"where", self.test.field.text(), op.encode(), arg]

    def names(self):
        return self.segments()[0] == b"service" or bool(self.test.field.seen)

    def strict(self, store):
        """Whether what it names was ever seen, where names are strict."""
        field = self.test.field
        if field.seen and not store.has_field(field):
            return False
        if self.segments()[0] == b"service":
            return any(a.data.decode("utf-8", "replace") in store.services
                       for a in self.test.args)
        return True


@clause
class Where(Compare):
    keyword, nargs = "where", 3

    def __init__(self, store, name, op, arg):
        field = fields.own_field(decode(name), store)
        super().__init__(ops.Test(field, operator(op), value(arg), store.now))


def short(word, name):
    """A clause that is a list of values of a field."""
    def init(self, store, arg):
        Compare.__init__(self, ops.Test(fields.INTRINSICS[name], "in", arg, store.now))
    clause(type(word, (Compare,), {"keyword": word, "nargs": 1, "__init__": init}))


def with_order(word, name):
    """A clause of an operator and a duration."""
    def init(self, store, op, arg):
        op = operator(op)
        if op in ops.TEXTS:
            raise Bad("EINVAL", "no operator of durations")
        Compare.__init__(self, ops.Test(fields.INTRINSICS[name], op, value(arg), store.now))
    clause(type(word, (Compare,), {"keyword": word, "nargs": 2, "__init__": init}))


for _name, _word in SHORT.items():
    short(_word, _name)
for _name, _word in SHORT_ORDER.items():
    with_order(_word, _name)
