# SPDX-License-Identifier: ISC
"""count and query."""
from rows import file, grouped, spans_page, no_select
from files.groups import table


@file("count")
def count(query, store):
    no_select(query)
    if grouped(query):
        return "%d\n" % len(table(query, store)[1])
    return "%d\n" % len(spans_page(query, store))


@file("query")
def canonical(query, store):
    return query.canonical().decode("utf-8", "surrogateescape") + "\n"
