# SPDX-License-Identifier: ISC
"""has and root: what a span has, whatever its value."""
import fields
from language import Filter, clause
from names import decode


@clause
class Has(Filter):
    keyword, nargs = "has", 1

    def __init__(self, store, name):
        self.field = fields.own_field(decode(name), store)

    def holds(self, span):
        return bool(self.field.get(span))

    def opposite(self):
        """root and has/parent_span_id are each other's negation: one canonical path."""
        return Root() if self.field.name == "parent_span_id" else None

    def segments(self):
        return [b"has", self.field.text()]

    def names(self):
        return bool(self.field.seen)

    def strict(self, store):
        return not self.field.seen or store.has_field(self.field)


@clause
class Root(Filter):
    keyword, nargs = "root", 0

    def __init__(self, store=None):
        pass

    def opposite(self):
        return Has(None, b"parent_span_id")

    def holds(self, span):
        return not span.parent

    def segments(self):
        return [b"root"]
