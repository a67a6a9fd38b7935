# SPDX-License-Identifier: ISC
"""count and query."""
from answer import file, matching, page


@file("count")
def count(query, store):
    return "%d\n" % len(page(query, matching(query, store)))


@file("query")
def canonical(query, store):
    return query.canonical().decode("utf-8", "surrogateescape") + "\n"
