# SPDX-License-Identifier: ISC
"""The clauses that there are. A new one is a file of its own, named here."""
from clauses import compare, contrast, group, mark, page, presence, range, relations, words
