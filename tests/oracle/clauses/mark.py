# SPDX-License-Identifier: ISC
"""mark: the spans of the commits after the one at which a mark stands."""
import re

from language import Clause, clause
from names import Bad, decode


@clause
class Mark(Clause):
    keyword = "mark"
    nargs = 1
    always = True       # without the mark there is no answer, strict or not

    def __init__(self, store, arg):
        name = decode(arg)
        if not re.fullmatch(rb"[0-9A-Za-z][0-9A-Za-z._-]{0,63}", name):
            raise Bad("EINVAL", "no name of a mark")
        self.name = name

    def apply(self, query):
        pass

    def strict(self, store):
        return self.name in store.marks

    def segments(self):
        return [b"mark", self.name]

    def holds(self, span, store):
        """The number of commits that there were when the mark was set."""
        return span.commit > store.marks[self.name]
