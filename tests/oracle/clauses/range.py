# SPDX-License-Identifier: ISC
"""since, until, on: the half-open range on the start of a span."""
from language import Clause, clause
from names import Bad, decode
import times


class Bound(Clause):
    nargs = 1

    def __init__(self, store, arg):
        self.moment = times.read_moment(decode(arg))

    def apply(self, query):
        check(query)

    def segments(self):
        return [self.keyword.encode(), times.moment_text(self.moment).encode()]


@clause
class Since(Bound):
    keyword = "since"


@clause
class Until(Bound):
    keyword = "until"


@clause
class On(Clause):
    keyword, nargs = "on", 1

    def __init__(self, store, arg):
        self.lo, self.hi, self.word = times.read_day(decode(arg))

    def apply(self, query):
        check(query)

    def segments(self):
        return [b"on", self.word.encode()]


def bounds(query):
    """(moments to begin at, moments to end before)"""
    since, until, on = (query.get(k) for k in ("since", "until", "on"))
    return ([since.moment] if since else []) + ([on.lo] if on else []), \
        ([until.moment] if until else []) + ([on.hi] if on else [])


def check(query):
    """A range in which no time can ever lie is refused."""
    los, his = bounds(query)
    if not all(times.can_hold(lo, hi) for lo in los for hi in his):
        raise Bad("EINVAL", "it ends before it begins")


def limits(query, now):
    """[lo, hi) in ns of the range asked for; None where it is open."""
    los, his = bounds(query)
    lo = max((times.uncut(m, now) for m in los), default=None)
    hi = min((times.uncut(m, now) for m in his), default=None)
    return lo, hi
