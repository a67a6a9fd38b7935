# SPDX-License-Identifier: ISC
"""The path language: segments to a Query, and a Query to its canonical path.

A clause is a subclass of Clause in a file of clauses/; CLAUSES maps its keyword to it. Adding a
clause is adding a file there and naming it in clauses/__init__.py. A filter has holds(span);
what is no filter stands once and puts itself into the query.
"""
from names import Bad

MAX_CLAUSES, MAX_DEPTH, MAX_SEGMENT, MAX_PATH = 64, 16, 4095, 65536

# Keywords in the order of the canonical path.
ORDER = ("service name scope kind status trace span duration trace-duration where has text "
         "since until on not any all child parent descendant ancestor sibling trace-has root "
         "traceql mark group bucket agg fill having per versus compare distinct sort limit "
         "offset select expect").split()

CLAUSES = {}


class Clause:
    keyword = None
    nargs = 0
    is_filter = False
    repeats = False     # of what is no filter
    between = False     # whether filters stand between it and end

    def apply(self, query):
        """Of what is no filter: puts itself into the query."""
        raise NotImplementedError

    def segments(self):
        """Segments of the canonical form, the keyword first."""
        raise NotImplementedError

    def simple(self):
        """The clause in its simplest form, or None where it says nothing."""
        return self

    def text(self):
        return b"/".join(self.segments())

    def opposite(self):
        """A filter that says the same as not and this one, if there is a shorter one."""

    def names(self):
        """Whether it names a service or a field that a store may never have seen."""
        return False

    def order(self):
        return ORDER.index(self.segments()[0].decode()), self.text()


class Filter(Clause):
    is_filter = True

    def holds(self, span):
        raise NotImplementedError


def clause(cls):
    CLAUSES[cls.keyword] = cls
    return cls


class Not(Filter):
    keyword = "not"

    def __init__(self, inner):
        self.inner = inner

    def holds(self, span):
        return not self.inner.holds(span)

    def simple(self):
        inner = self.inner.simple()
        return inner.inner if isinstance(inner, Not) else inner.opposite() or Not(inner)

    def segments(self):
        return [b"not"] + self.inner.segments()


def simple_members(filters, flat=None):
    """Simplified filters, each once and in order; groups of the class flat dissolve."""
    out = {}
    for f in filters:
        f = f.simple()
        for g in (f.inner if flat and isinstance(f, flat) else [f]):
            out[g.text()] = g
    return sorted(out.values(), key=lambda f: f.order())


class Between(Clause):
    """What has filters between its keyword and end."""
    between = True

    def __init__(self, inner):
        self.inner = inner

    def simple(self):
        return type(self)(simple_members(self.inner, CLAUSES["all"]))

    def segments(self):
        out = [self.keyword.encode()]
        for f in self.inner:
            out += f.segments()
        return out + [b"end"]


class Group(Between, Filter):
    def simple(self):
        inner = simple_members(self.inner, type(self))
        return inner[0] if len(inner) == 1 else type(self)(inner)


@clause
class Any(Group):
    keyword = "any"

    def holds(self, span):
        return any(f.holds(span) for f in self.inner)


@clause
class All(Group):
    keyword = "all"

    def holds(self, span):
        return all(f.holds(span) for f in self.inner)


class Query:
    """A parsed path: filters, at most one of each other clause, the file."""

    def __init__(self):
        self.filters = []
        self.others = {}        # keyword: clauses; one but for those that may repeat
        self.file = None

    def get(self, keyword):
        return self.others[keyword][0] if keyword in self.others else None

    def all(self, keyword):
        return self.others.get(keyword, [])

    def rest(self):
        return [c for clauses in self.others.values() for c in clauses]

    def grouped(self, top):
        """Those that name what a store may never have seen, and stand in groups only: nobody
        checks them there, so they stay in a group."""
        plain = {f.simple().text() for f in self.filters if not isinstance(f, (Not, Between))}
        return [f for f in top if f.names() and f.text() not in plain]

    def canonical(self):
        top = simple_members(self.filters, All)
        if inside := self.grouped(top):
            top = [f for f in top if f not in inside] + [All(inside)]
        clauses = top + [c for c in (c.simple() for c in self.rest()) if c]
        unique = {c.text(): c for c in clauses}.values()
        text = b"".join(b"/" + c.text() for c in sorted(unique, key=lambda c: c.order()))
        return text or b"/"


def take(args, keyword, n):
    if len(args) < n:
        raise Bad("EINVAL", "%s awaits a value" % keyword)
    return args[:n]


class Parser:
    def __init__(self, store, files):
        self.store = store
        self.files = files
        self.count = 0

    def keyword(self, segment):
        word = segment[1:] if segment.startswith(b".") else segment
        word = word.decode("utf-8", "replace")
        if word in ("not", "end") or word in CLAUSES:
            return word
        raise Bad("ENOENT", "unknown keyword %s" % word)

    def make(self, word, segs, i, depth):
        cls = CLAUSES[word]
        if cls.between:
            return self.group_at(word, segs, i, depth + 1)
        args = take(segs[i:], word, cls.nargs)
        return cls(self.store, *args), i + cls.nargs

    def add(self):
        self.count += 1
        if self.count > MAX_CLAUSES:
            raise Bad("E2BIG", "more than 64 clauses")

    def filter_at(self, segs, i, depth, after_not=False):
        """A filter, group or negation at segment i of a group."""
        if (depth or after_not) and i == len(segs) - 1 and \
                segs[i].decode("utf-8", "replace") in self.files:
            raise Bad("EINVAL", "a file stands in an open group, or after not")
        word = self.keyword(segs[i])
        if word == "end" or (word == "not" and after_not) or \
                (word in CLAUSES and not CLAUSES[word].is_filter):
            raise Bad("EINVAL", "%s can't stand there" % word)
        if word == "not":
            if i + 1 >= len(segs):
                raise Bad("EINVAL", "not awaits a filter")
            inner, i = self.filter_at(segs, i + 1, depth, True)
            return Not(inner), i
        self.add()
        return self.make(word, segs, i + 1, depth)

    def group_at(self, word, segs, i, depth):
        if depth > MAX_DEPTH:
            raise Bad("E2BIG", "more than 16 levels")
        inner = []
        while i < len(segs):
            if segs[i] in (b"end", b".end"):
                if not inner:
                    raise Bad("EINVAL", "an empty group")
                return CLAUSES[word](inner), i + 1
            f, i = self.filter_at(segs, i, depth)
            inner.append(f)
        raise Bad("EINVAL", "%s is not closed" % word)

    def check_names(self, c):
        """A name that the store has never seen is refused where it stands, but for those under
        not or in groups."""
        looks = self.store.strict or getattr(c, "always", False)
        if looks and hasattr(c, "strict") and not c.strict(self.store):
            raise Bad("ENOENT", "never seen by the store")

    def check_directory(self, q):
        """What stands before this segment is a directory, which was looked up first."""
        for c in q.rest():
            c.apply(q)
            self.check_names(c)

    def parse(self, path):
        if len(path) > MAX_PATH:
            raise Bad("ENAMETOOLONG", "a long path")
        segs = [s for s in path.split(b"/") if s]
        if any(len(s) > MAX_SEGMENT for s in segs):
            raise Bad("ENAMETOOLONG", "a long segment")
        q = Query()
        i = 0
        while i < len(segs):
            if i == len(segs) - 1 and segs[i].decode("utf-8", "replace") in self.files:
                q.file = segs[i].decode()
                break
            word = self.keyword(segs[i])
            if word in CLAUSES and not CLAUSES[word].is_filter:
                self.add()
                if word in q.others and not CLAUSES[word].repeats:
                    self.check_directory(q)
                    raise Bad("EINVAL", "%s may stand once only" % word)
                one, i = self.make(word, segs, i + 1, 0)
                q.others.setdefault(word, []).append(one)
            else:
                f, i = self.filter_at(segs, i, 0)
                self.check_names(f)
                q.filters.append(f)
        return q
