# SPDX-License-Identifier: ISC
"""Operators: what each says of one value of a field.

`read` makes a test of a field, an operator and the argument of a path. A test is a predicate
on one yielded value; a missing or null value never gets there.
"""
import re

from fields import ATTR, DURATION, ENUM, ID, INT, TEXT, TIME
from names import Bad, decode, decode_list, encode, split
import times
import values

LISTS = ("in", "notin", "between")
ORDER = ("lt", "le", "gt", "ge", "between")
TEXTS = ("contains", "notcontains", "starts", "ends", "re", "nre")
OPS = ("eq", "ne", "in", "notin") + ORDER + TEXTS
# Operators that hold of what has a value and for which the other does not hold.
NEGATED = {"ne": "eq", "notin": "in", "notcontains": "contains", "nre": "re"}


class Literal:
    """A value of a path: its bytes, and the number or boolean that it may be read as."""

    def __init__(self, data):
        self.data = data
        self.number = values.read_number(data)
        self.bool = {b"true": True, b"false": False}.get(data)
        self.typed = data
        self.shown = encode(data)

    def equals(self, v):
        if isinstance(v, bool):
            return self.bool is v
        if values.is_number(v):
            return self.number is not None and v == self.number
        return isinstance(v, str) and v.encode() == self.data


class Typed:
    """A value of a path for a field whose values have one kind; v is what they compare with."""

    def __init__(self, v, shown, order=None):
        self.typed = v
        self.shown = shown
        self.order = v if order is None else order

    def equals(self, v):
        return v == self.typed


def read_enum(field, data):
    word = data.decode("utf-8", "replace").lower()
    if word in field.words:
        code = field.words.index(word)
    else:
        if not re.fullmatch(r"-?[0-9]+", word) or not -(1 << 31) <= int(word) < 1 << 31:
            raise Bad("EINVAL", "no word of the enumeration, and no number")
        code = int(word)
    shown = field.words[code] if 0 <= code < len(field.words) else str(code)
    return Typed(code, encode(shown.encode()))


def read_id(field, data):
    word = data.decode("utf-8", "replace").lower()
    if not 0 < len(word) <= field.width or any(c not in "0123456789abcdef" for c in word):
        raise Bad("EINVAL", "not hex digits of an id")
    word = word.rjust(field.width, "0")
    return Typed(word, word.encode())


def read_typed(field, data, now):
    """A value for eq, in and the operators of order."""
    if field.kind == ENUM:
        return read_enum(field, data)
    if field.kind == ID:
        return read_id(field, data)
    if field.kind == INT:
        if not re.fullmatch(rb"[0-9]+", data) or int(data) >= 1 << 64:
            raise Bad("EINVAL", "not a whole number")
        return Typed(int(data), b"%d" % int(data))
    if field.kind == TIME:
        moment = times.read_moment(data)
        return Typed(times.at(moment, now), times.moment_text(moment).encode())
    if field.kind == DURATION:
        word = data.decode("utf-8", "replace")
        ns = times.read_duration(word)
        if ns is None and field.numbers and word.isdigit():
            ns = int(word)
        if ns is None:
            raise Bad("EINVAL", "a duration needs a unit")
        return Typed(ns, times.duration_text(ns).encode())
    return Literal(data)


def compares(op, v, a):
    return {"lt": v < a, "le": v <= a, "gt": v > a, "ge": v >= a}[op]


def ordered(op, lits):
    """Test of the operators of order on texts and attributes: numbers see numbers only."""
    a = lits[0]
    if a.number is not None:
        def key(v):
            return v if values.is_number(v) else None
        ends = [l.number for l in lits]
    else:
        def key(v):
            return v.encode() if isinstance(v, str) else None
        ends = [l.data for l in lits]
    if op == "between":
        return lambda v: key(v) is not None and ends[0] <= key(v) <= ends[1]
    return lambda v: key(v) is not None and compares(op, key(v), ends[0])


def pattern(data):
    try:
        return re.compile(data.decode("utf-8"), re.DOTALL | re.ASCII)
    except (re.error, UnicodeDecodeError):
        raise Bad("EINVAL", "malformed regular expression")


def text_test(op, data, lower):
    """contains, starts, ends and re see texts; other values don't match."""
    if op == "re":
        regex = pattern(data)
        return lambda v: isinstance(v, str) and regex.fullmatch(v) is not None
    if lower:
        data = data.lower()
    find = {"contains": lambda t: data in t, "starts": lambda t: t.startswith(data),
            "ends": lambda t: t.endswith(data)}[op]
    return lambda v: isinstance(v, str) and find(v.encode())


def shown_text(field):
    """Texts of an enumeration are those that files show."""
    if field.kind != ENUM:
        return lambda v: v
    return lambda v: str(field.show(v))


def check_takes(field, op):
    if field.kind == ENUM and op in ORDER:
        raise Bad("EINVAL", "an enumeration has no order")
    if field.kind in (INT, TIME, DURATION) and op in TEXTS:
        raise Bad("EINVAL", "the field is no text")


def check_order(field, op, args):
    """Refuses what has no order, or holds nothing by construction."""
    if field.kind in (ATTR, TEXT):
        if field.kind == TEXT and any(a.number is not None for a in args):
            raise Bad("EINVAL", "a text has no order with a number")
        if op == "between":
            one, two = args
            if (one.number is None) != (two.number is None):
                raise Bad("EINVAL", "a number and a text")
            if (one.number > two.number) if one.number is not None else one.data > two.data:
                raise Bad("EINVAL", "nothing lies between")
    elif op == "between" and args[0].order > args[1].order:
        raise Bad("EINVAL", "nothing lies between")


class Test:
    """A compared field: holds(span), and its parts for the canonical path."""

    def __init__(self, field, op, segment, now):
        self.field, self.op = field, op
        if op not in OPS:
            raise Bad("EINVAL", "no operator")
        check_takes(field, op)
        self.args = []
        base = NEGATED.get(op, op)
        if base in TEXTS:
            data = decode(segment)
            if base == "re" and len(data) > 1024:
                raise Bad("EINVAL", "a long regular expression")
            to_text = shown_text(field)
            lower = field.kind == ID
            one = text_test(base, data, lower)
            self.shown = encode(data.lower() if lower and base != "re" else data)
            test = lambda v: one(to_text(v))
        else:
            items = decode_list(segment) if op in LISTS else [decode(segment)]
            self.args = [read_typed(field, i, now) for i in items]
            if op == "between" and len(items) != 2:
                raise Bad("EINVAL", "between wants two values")
            if op in ORDER:
                check_order(field, op, self.args)
            test = self.compare(base)
            self.shown = None
        self.each = self.negate(test) if op in NEGATED else self.elements(test)

    def compare(self, op):
        args = self.args
        if op in ("eq", "in"):
            return lambda v: any(a.equals(v) for a in args)
        if self.field.kind in (ATTR, TEXT):
            return ordered(op, args)
        if op == "between":
            return lambda v: args[0].order <= v <= args[1].order
        return lambda v: compares(op, v, args[0].order)

    @staticmethod
    def elements(test):
        """An array matches when any element does."""
        return lambda v: any(test(e) for e in v) if isinstance(v, list) else test(v)

    def negate(self, test):
        inner = self.elements(test)
        return lambda v: not inner(v)

    def holds(self, span):
        return any(v is not None and self.each(v) for v in self.field.get(span))

    def parts(self):
        """(operator, argument) of the canonical path."""
        if self.shown is not None:
            return self.op, self.shown
        shown = [a.shown for a in self.args]
        if self.op in ("in", "notin"):
            shown = sorted(set(shown), key=decode)
            if len(shown) == 1:
                return ("eq" if self.op == "in" else "ne"), shown[0]
        return self.op, b",".join(shown)
