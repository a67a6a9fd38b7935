#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Plants a wrong rule in a second evaluator and sees that the comparison catches it.

Each fault of FAULTS is put in turn in the place of the program under test; the generated paths
must find a difference. Without a fault there may be none.
"""
import contextlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import aggregates      # noqa: E402
import answer          # noqa: E402
import fields          # noqa: E402
import language        # noqa: E402
import nasty           # noqa: E402
import ops             # noqa: E402
import paths           # noqa: E402
import rows            # noqa: E402
import run             # noqa: E402
import times           # noqa: E402
import usage           # noqa: E402
import values          # noqa: E402
from clauses import group, mark, presence, relations, words  # noqa: E402
from files import contrast, groups, traces  # noqa: E402
from names import Bad  # noqa: E402
from tool import Answer  # noqa: E402

PATHS, GROUP_PATHS = 650, 350
# What random paths meet too seldom.
DIRECTED = [b"/where/%s/%s/%d/count" % (key, op, n) for key in (b"k", b"k2")
            for op in (b"eq", b"lt", b"ge") for n in (2 ** 53 + 1, 2 ** 63 - 1, -2 ** 53 - 1)] + \
    [b"/on/today/bucket/1h/fill/zero/versus/1d/groups.jsonl",
     b"/since/2025-06-15T02:10/until/2025-06-15T11:20/bucket/1h/agg/rate/groups.jsonl"]


def swap(owner, name, make):
    """A fault: owner.name is replaced with make(the right one)."""
    @contextlib.contextmanager
    def plant():
        right = owner[name] if isinstance(owner, dict) else vars(owner)[name]
        put = (lambda v: owner.__setitem__(name, v)) if isinstance(owner, dict) \
            else (lambda v: setattr(owner, name, v))
        put(make(right))
        try:
            yield
        finally:
            put(right)
    return plant


def wrong_compares(right):
    return lambda op, v, a: right({"lt": "le", "ge": "gt"}.get(op, op), v, a)


def adds_sub_counts(right):
    """Cached tokens are among those of the input."""
    def tokens(span):
        i, o = right(span)
        cached = usage.count(span.attrs, usage.CACHED)
        return (i + cached if i is not None and cached else i), o
    return tokens


def forgets_a_row(right):
    return lambda query, store: [s for i, s in enumerate(right(query, store)) if i != 40]


def negated_missing(right):
    def holds(self, span):
        found = self.field.get(span)
        return right(self, span) or (self.op in ops.NEGATED and not found)
    return holds


def far_zone(right):
    """The range is cut at the hour in which it ends."""
    def fn(query, now):
        lo, hi = right(query, now)
        return lo, None if hi is None else hi - hi % nasty.HOUR
    return fn


def first_parent(right):
    def of_parent(inner):
        out = right(inner)
        out.get = lambda s: [v for p in s.parents[:1] for v in inner.get(p)]
        return out
    return of_parent


class Whole(aggregates.Item):
    def each(self, field):
        return [v for s in self.spans for v in field.get(s) if v is not None]


FAULTS = {
    "lt is le, ge is gt": swap(ops, "compares", wrong_compares),
    "cached tokens are counted twice": swap(usage, "tokens", adds_sub_counts),
    "an index forgets a row": swap(rows, "matching", forgets_a_row),
    "ne holds of what is missing": swap(ops.Test, "holds", negated_missing),
    "a lost negation": swap(language.Not, "holds", lambda right: lambda self, s:
                            self.inner.holds(s)),
    "a zone off by an hour": swap(rows, "limits", far_zone),
    "a mark's own commit is behind it": swap(mark.Mark, "holds", lambda right: lambda self, s, st:
                                              s.commit >= st.marks[self.name]),
    "a mark is forgotten": swap(mark.Mark, "holds", lambda right: lambda self, s, st: True),
    "until is included": swap(rows, "limits", lambda right: lambda q, now: (
        right(q, now)[0], right(q, now)[1] if right(q, now)[1] is None else
        right(q, now)[1] + 1)),
    "numbers as doubles": swap(values, "read_number", lambda right: lambda t:
                               None if right(t) is None else float(right(t))),
    "an array matches as a whole": swap(ops.Test, "elements", lambda right: staticmethod(
        lambda test: lambda v: not isinstance(v, list) and test(v))),
    "any is all": swap(language.Any, "holds", lambda right: lambda self, s:
                       all(f.holds(s) for f in self.inner)),
    "a word matches inside a token": swap(words.Text, "holds", lambda right: lambda self, s:
                                          all(any(w in t for t in words.words_of(s))
                                              for w in self.words)),
    "has looks at values": swap(presence.Has, "holds", lambda right: lambda self, s:
                                any(v is not None for v in self.field.get(s))),
    "missing keys come first": swap(fields, "sort_value", lambda right: lambda f, s:
                                    right(f, s) or (-1,)),
    "offset is forgotten": swap(rows, "page", lambda right: lambda q, rows:
                                rows[:q.get("limit").n] if q.get("limit") else rows),
    "a stale count": swap(answer.FILES, "count", lambda right: lambda q, s:
                          "%d\n" % (int(right(q, s)) - (int(right(q, s)) > 30))),
    "the shortest text is short of digits": swap(values, "double_text", lambda right: lambda d:
                                                 right(d) if d != d or d in (
                                                     float("inf"), float("-inf"))
                                                 else "%.15g" % d),
    "matched counts the trace": swap(traces.Row, "__init__", lambda right: lambda self, t, n:
                                     right(self, t, len(t.spans))),
    "the canonical path loses a list's item": swap(ops.Test, "parts", lambda right: lambda self:
                                                   (right(self)[0],
                                                    right(self)[1].split(b",")[0])),
    "a group's span counts once a value, not once": swap(
        aggregates.Item, "different", lambda right: lambda self, f:
        dict(enumerate(right(self, f).values()))),
    "null is no group": swap(groups, "place", lambda right: lambda *a: {
        w: r for w, r in right(*a).items() if None not in w[1]}),
    "the rank above": swap(aggregates, "quantile", lambda right: lambda nums, p:
                           sorted(nums)[min(len(nums) - 1, int(p * len(nums) / 100))]),
    "weeks begin on Sunday": swap(group, "MONDAY", lambda right: right - times.DAY),
    "a rate of the whole bucket": swap(groups, "measure", lambda right: lambda r, step, lo, hi, e:
                                       right(r, step, None, None, e)),
    "fill forgets the last bucket": swap(groups, "fill", lambda right: lambda shape, step, rows, b:
                                         {w: r for w, r in right(shape, step, rows, b).items()
                                          if r.items or w[0] < max(
                                              x[0] for x in rows) or not rows}
                                         if rows else right(shape, step, rows, b)),
    "a filled bucket has nothing before it": swap(groups, "fill", lambda right: lambda shape, step,
                                                  rows, b: right(shape, step, rows, {})),
    "of several parents one counts": swap(fields, "of_parent", first_parent),
    "a child is its own parent's child too": swap(relations, "children", lambda right: lambda s:
                                                  right(s) + [s]),
    "shares of all that is selected": swap(contrast, "matching", lambda right: lambda q, s:
                                           right(q, s)[1:]),
    "compare takes a value of an array for the array": swap(
        contrast, "Item", lambda right: lambda spans: Whole(spans)),
    "small differences come first": swap(contrast, "page", lambda right: lambda q, rows: right(
        q, sorted(rows, key=lambda r: abs(r[0].difference or 0)))),
    "a service never seen is an empty file": swap(
        language.Parser, "check_names", lambda right: lambda self, c: None),
}


class Second:
    """The evaluator as a program under test."""

    def __init__(self, store):
        self.store = store

    def ask(self, path, options=()):
        try:
            return Answer(data=answer.answer(self.store, path))
        except Bad as e:
            return Answer(error=e.code)


def caught(store, plant, all_paths, right):
    """After how many paths a fault is seen, or None."""
    judge = run.Runner.__new__(run.Runner)
    for n, path in enumerate(all_paths):
        with plant():
            got = Second(store).ask(path)
        judge.want = lambda path: right[path]
        if judge.verdict(path, got):
            return n + 1
    return None


def main():
    store = answer.Store.of_commits(nasty.make(7, 45, 10), nasty.NOW)
    plain = paths.Maker(7, store)
    shapes = paths.Maker(8, store, groups=0.8, relations=0.15)
    shapes.compare = True
    all_paths = DIRECTED + [shapes.path() for _ in range(GROUP_PATHS)] + \
        [plain.path() for _ in range(PATHS)]
    judge = run.Runner.__new__(run.Runner)
    judge.store = store
    right = {p: judge.want(p) for p in all_paths}
    failed = 0
    if caught(store, contextlib.nullcontext, all_paths, right):
        failed += 1
        print("not ok without a fault there is a difference")
    for name, plant in FAULTS.items():
        n = caught(store, plant, all_paths, right)
        failed += n is None
        print("%s planted: %s (%s)" % ("not ok" if n is None else "ok", name,
                                       n and "path %d" % n))
    print("%d passed, %d failed" % (len(FAULTS) + 1 - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
