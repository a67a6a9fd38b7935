# SPDX-License-Identifier: ISC
"""Fields: what a name of a path means, and what a field yields of a span.

A field yields a list of values: one for most, none where it is missing, one an event or link
for fields of those. `kind` says how a value of a path is read for it.
"""
from names import Bad, encode
from spans import KINDS, STATUSES
import usage
import values

TEXT, ID, ENUM, INT, TIME, DURATION, ATTR = "text id enum int time duration attr".split()


class Field:
    """A field: its canonical name, the kind of its values, and how to get them of a span."""

    def __init__(self, name, kind, get, many=False, width=0, words=(), column=None, seen=None,
                 part=None, of_part=None):
        self.name = name
        self.kind = kind
        self.get = get
        self.many = many        # of events or links
        self.part = part        # what it is of, if there are many: "event" or "link"
        self.of_part = of_part  # the values of one of them
        self.width = width      # of ids
        self.words = words      # of enumerations
        self.column = column or name
        self.seen = seen        # (where, key) of an attribute, None for what every span has
        self.numbers = False    # durations may be typed as numbers of ns
        self.inner = None       # of parent:FIELD the parent's field

    def text(self):
        return encode(self.name.encode("utf-8", "surrogateescape"))

    def show(self, value):
        """A value as files show it."""
        if self.kind == TIME:
            import times
            return times.stamp(value)
        if self.kind == ENUM:
            return self.words[value] if 0 <= value < len(self.words) else value
        return value

    def cell(self, span):
        """(present, value) of a column of spans.*; all values in a list if there are many."""
        found = [self.show(v) for v in self.get(span)]
        if not found:
            return False, None
        return True, found if self.many else found[0]


def always(get):
    return lambda s: [get(s)]


def filled(get):
    """What is left out of files when it is empty is missing."""
    def fn(s):
        v = get(s)
        return [v] if v else []
    return fn


def known(get):
    def fn(s):
        v = get(s)
        return [] if v is None else [v]
    return fn


def of_score(event, what):
    """Of evaluation results alone."""
    return of(event.attrs, usage.SCORE_KEYS[what]) if event.name == usage.SCORE else []


def of_parts(name, kind, part, get, **more):
    """A field of events or links: of_part gives the values of one of them."""
    parts = (lambda s: s.events) if part == "event" else (lambda s: s.links)
    return Field(name, kind, lambda s: [v for p in parts(s) for v in get(p)], many=True,
                 part=part, of_part=get, **more)


INTRINSICS = {f.name: f for f in (
    Field("service", TEXT, always(lambda s: s.service)),
    Field("name", TEXT, always(lambda s: s.name)),
    Field("kind", ENUM, always(lambda s: s.kind), words=KINDS),
    Field("status", ENUM, always(lambda s: s.code), words=STATUSES),
    Field("status_message", TEXT, filled(lambda s: s.message)),
    Field("scope", TEXT, filled(lambda s: s.scope)),
    Field("scope_version", TEXT, filled(lambda s: s.version)),
    Field("trace_id", ID, always(lambda s: s.trace_id), width=32),
    Field("span_id", ID, always(lambda s: s.span_id), width=16),
    Field("parent_span_id", ID, filled(lambda s: s.parent), width=16),
    Field("trace_state", TEXT, filled(lambda s: s.state)),
    Field("flags", INT, filled(lambda s: s.flags)),
    Field("start", TIME, always(lambda s: s.start)),
    Field("end", TIME, always(lambda s: s.end)),
    Field("duration", DURATION, always(lambda s: s.duration), column="duration_ns"),
    Field("root_service", TEXT, always(lambda s: s.trace.root.service)),
    Field("root_name", TEXT, always(lambda s: s.trace.root.name)),
    Field("trace_start", TIME, always(lambda s: s.trace.start)),
    Field("trace_duration", DURATION, always(lambda s: s.trace.duration),
          column="trace_duration_ns"),
    Field("trace_spans", INT, always(lambda s: len(s.trace.spans))),
    Field("trace_errors", INT, always(lambda s: s.trace.errors)),
    Field("child_count", INT, always(lambda s: s.children)),
    Field("depth", INT, known(lambda s: s.depth)),
    Field("self_duration", DURATION, always(lambda s: s.self_ns), column="self_duration_ns"),
    Field("tokens:input", INT, known(lambda s: usage.tokens(s)[0])),
    Field("tokens:output", INT, known(lambda s: usage.tokens(s)[1])),
    Field("tokens:total", INT, known(usage.total)),
    Field("cost", ATTR, known(lambda s: usage.cost(s, s.trace.prices))),
    of_parts("score:name", ATTR, "event", lambda e: of_score(e, "name")),
    of_parts("score:value", ATTR, "event", lambda e: of_score(e, "value")),
    of_parts("score:label", ATTR, "event", lambda e: of_score(e, "label")),
    of_parts("event:name", TEXT, "event", lambda e: [e.name]),
    of_parts("event:time", TIME, "event", lambda e: [e.time]),
    of_parts("link:trace_id", ID, "link", lambda l: [l.trace_id], width=32),
    of_parts("link:span_id", ID, "link", lambda l: [l.span_id], width=16),
)}

# Keys that the files show and that are no intrinsics: another name of one, or what they hold.
ALIASES = {"duration_ns": "duration", "spans": "trace_spans", "errors": "trace_errors"}
MISSING = object()


def of(attrs, key):
    v = attrs.get(key, MISSING)
    return [] if v is MISSING else [v]


def bare(key):
    def fn(s):
        return of(s.attrs if key in s.attrs else s.resource, key)
    return fn


PREFIXES = {
    "resource": lambda k: lambda s: of(s.resource, k),
    "span": lambda k: lambda s: of(s.attrs, k),
    "scope": lambda k: lambda s: of(s.scope_attrs, k),
}
PARTS = ("event", "link")


PARENT = b"parent:"


def of_parent(inner):
    """FIELD of the parent span: of every span that bears the id, one after the other."""
    if inner.inner:
        raise Bad("EINVAL", "one step up only")
    out = Field("parent:" + inner.name, inner.kind,
                lambda s: [v for p in s.parents for v in inner.get(p)], many=inner.many,
                width=inner.width, words=inner.words, column="parent:" + inner.column,
                seen=inner.seen, part="parent" if inner.many else None)
    out.numbers = inner.numbers
    out.inner = inner
    return out


def own_field(item, store):
    """A field where that of a parent can't stand: it is a key, a measure and a sort key."""
    found = read_field(item, store)
    if found.inner:
        raise Bad("EINVAL", "a parent's field is no filter and no column of spans")
    return found


def read_field(item, store):
    """The field that a decoded item names. The store tells which bare names are attributes."""
    if not item:
        raise Bad("EINVAL", "an empty name of a field")
    name = item.decode("utf-8", "surrogateescape")
    if name in INTRINSICS:
        return INTRINSICS[name]
    if item.startswith(PARENT) and item != PARENT:
        return of_parent(read_field(item[len(PARENT):], store))
    prefix, dot, key = name.partition(".")
    if dot and prefix in PREFIXES and key:
        return Field(name, ATTR, PREFIXES[prefix](key), seen=(prefix, key))
    if dot and prefix in PARTS and key:
        return of_parts(name, ATTR, prefix, lambda p: of(p.attrs, key), seen=(prefix, key))
    if name in ALIASES and not store.has_bare(name):
        base = INTRINSICS[ALIASES[name]]
        field = Field(base.name, base.kind, base.get, column=name)
        field.numbers = base.kind == DURATION
        return field
    return Field(name, ATTR, bare(name), seen=("", name))


def sort_value(field, span):
    """Key of a span in the order of a field; None comes last in both directions. Of several
    parents the least."""
    if field.inner:
        found = [sort_value(field.inner, p) for p in span.parents]
        return min((k for k in found if k is not None), default=None)
    return sort_of(field.get(span))


def sort_of(found):
    if not found or found[0] is None:
        return None
    return values.sort_key(found[0])
