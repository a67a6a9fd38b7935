# SPDX-License-Identifier: ISC
"""compare: the filters between tell the spans that are compared from the others selected."""
from language import Between, clause


@clause
class Compare(Between):
    keyword = "compare"

    def apply(self, query):
        pass

    def matches(self, span):
        return all(f.holds(span) for f in self.inner)
