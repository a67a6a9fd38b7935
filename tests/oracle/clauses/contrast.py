# SPDX-License-Identifier: ISC
"""compare: the filters between tell the spans that are compared from the others selected."""
from language import Between, clause
from names import Bad

COLUMNS = (b"field", b"value", b"selection", b"selection_share", b"baseline", b"baseline_share",
           b"difference")
SHAPES = ("group", "bucket", "agg", "fill", "having", "per", "versus", "distinct")


@clause
class Compare(Between):
    keyword = "compare"

    def apply(self, query):
        """Its rows are no groups; sort names their columns."""
        if any(query.get(w) for w in SHAPES):
            raise Bad("EINVAL", "compare and groups are two shapes")
        sort = query.get("sort")
        if any(name not in COLUMNS for name, down in (sort.keys if sort else [])):
            raise Bad("EINVAL", "sort of no column of compare.jsonl")

    def matches(self, span):
        return all(f.holds(span) for f in self.inner)
