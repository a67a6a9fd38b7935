# SPDX-License-Identifier: ISC
"""Aggregates of a group: what each says of the numbers that its spans have in a field.

An Item is what a group counts: a span, or with per/trace a trace with its matching spans.
"""
from fractions import Fraction
import math
import re

import fields
from names import Bad, decode, encode
import times
import values

# Of the whole trace where groups count traces.
OF_TRACE = {"service": lambda t: t.root.service, "name": lambda t: t.root.name,
            "start": lambda t: t.start, "duration": lambda t: t.duration}


class Item:
    def __init__(self, spans, trace=None):
        self.spans = spans
        self.trace = trace      # where groups count traces

    @property
    def start(self):
        return self.trace.start if self.trace else self.spans[0].start

    @property
    def error(self):
        return self.trace.errors > 0 if self.trace else self.spans[0].code == 2

    def each(self, field):
        """Every value of a field, an array giving its elements, each event its own; no null."""
        if self.trace and field.name in OF_TRACE:
            return [OF_TRACE[field.name](self.trace)]
        out = []
        for s in self.spans:
            for v in field.get(s):
                out += v if isinstance(v, list) else [v]
        return [v for v in out if v is not None]

    def different(self, field):
        """The different values of a field by their identity."""
        return {identity(v): v for v in self.each(field)}


def identity(v):
    """500, 500.0 and "500" are different; NaN is itself."""
    return type(v).__name__, values.json_text(v)


def numbers(items, field):
    if field.kind == fields.ENUM:
        return []       # words, though they are kept as numbers
    return [v for i in items for v in i.each(field) if values.is_number(v)]


def exact(v):
    return math.isfinite(v)


def to_double(q):
    try:
        return float(q)
    except OverflowError:
        return math.inf if q > 0 else -math.inf


def add(nums):
    """Sum: exact within 64 bits for integers, else a double."""
    if all(isinstance(n, int) for n in nums):
        total = sum(nums)
        return total if total in values.INT64 else float(total)
    odd = [n for n in nums if not exact(n)]
    if odd:
        return math.nan if any(n != n for n in odd) or len(set(odd)) > 1 else odd[0]
    return to_double(sum(Fraction(n) for n in nums))


def number_key(n):
    """Equal numbers: integers first, then -0.0."""
    return values.sort_key(n) + (isinstance(n, float) and math.copysign(1, n) + 3,)


def quantile(nums, percent):
    """Nearest rank: the smallest value with at least percent of the values at or below."""
    nums = sorted(nums, key=number_key)
    return nums[max(1, math.ceil(percent * len(nums) / 100)) - 1]


def upper(n):
    """The least of 1, 2 and 5 times powers of ten that is n or more, as the number that files
    show; 0 for what isn't positive."""
    if n <= 0:
        return 0
    f = Fraction(n)
    power = Fraction(10) ** (math.floor(math.log10(n)) - 1)
    while True:
        for m in (1, 2, 5):
            top = m * power
            whole = top.denominator == 1 and int(top) in values.INT64
            top = int(top) if whole else to_double(top)
            if top >= f:
                return top
        power *= 10


def histogram(nums):
    counts = {}
    for n in nums:
        if exact(n):
            counts[upper(n)] = counts.get(upper(n), 0) + 1
    return [[u, counts[u]] for u in sorted(counts)]


PERCENT = re.compile(rb"p([0-9]+(?:\.[0-9]+)?)\Z")
PLAIN = (b"count", b"rate", b"errors", b"error_rate")
OF_FIELD = (b"sum", b"avg", b"min", b"max", b"median", b"distinct", b"hist")
ZERO = {b"count": 0, b"sum": 0, b"rate": 0.0, b"errors": 0, b"distinct": 0}


class Aggregate:
    """One item of agg: <name> or <name>:<field>, split at the first colon."""

    def __init__(self, item, store, look=True):
        name, colon, arg = item.partition(b":")
        self.name = name
        self.field = None
        m = PERCENT.match(name)
        self.percent = Fraction(50) if name == b"median" else \
            Fraction(m.group(1).decode()) if m else None
        if self.percent is not None and self.percent > 100:
            raise Bad("EINVAL", "a percentile above 100")
        if name in PLAIN:
            if colon:
                raise Bad("EINVAL", "%r has no field" % name)
            return
        if (name not in OF_FIELD and self.percent is None) or not colon:
            raise Bad("EINVAL", "no aggregate")
        if not look:
            return      # it is one by its form
        self.typed = decode(arg)
        self.field = fields.read_field(self.typed, store)
        if name == b"sum" and self.field.kind == fields.TIME:
            raise Bad("EINVAL", "a sum of times")

    def text(self):
        return self.name + (b":" + encode(self.typed) if self.field else b"")

    def same(self):
        """Two with this are one column."""
        return self.name, self.column, self.field and self.field.name

    @property
    def column(self):
        name = self.name.decode()
        if not self.field:
            return name
        return name + "_" + (self.typed.decode() if self.name == b"distinct"
                             else self.field.column)

    @property
    def kind(self):
        """Of its values: a duration or a time as the field's, else numbers."""
        if self.field and self.name not in (b"distinct", b"hist") and \
                self.field.kind in (fields.DURATION, fields.TIME):
            return self.field.kind
        return fields.ATTR

    def of(self, items, seconds):
        """The value over items; seconds is the length that rate divides by, or None."""
        name = self.name
        if name == b"count":
            return len(items)
        errors = sum(i.error for i in items)
        if name == b"errors":
            return errors
        if name == b"error_rate":
            return errors / len(items) if items else None
        if name == b"rate":
            return float(Fraction(len(items)) / seconds) if seconds else None
        if name == b"distinct":
            return len({k for i in items for k in i.different(self.field)})
        return self.of_numbers(numbers(items, self.field))

    def of_numbers(self, nums):
        name = self.name
        if not nums:
            return None
        if name == b"sum":
            return add(nums)
        if name == b"avg":
            if self.kind == fields.TIME:
                return sum(nums) // len(nums)
            return float(add(nums)) / len(nums)
        if name == b"hist":
            return histogram(nums)
        if self.percent is not None:
            return quantile(nums, self.percent)
        return (min if name == b"min" else max)(nums, key=number_key)

    def show(self, v):
        return times.stamp(v) if self.kind == fields.TIME and v is not None else v
