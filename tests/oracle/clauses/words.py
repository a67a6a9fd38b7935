# SPDX-License-Identifier: ISC
"""text: every word occurs as a whole token somewhere in the texts of a span."""
import re

from language import Filter, clause
from names import Bad, decode, encode

# Letters beyond ASCII: every character there, so that a word is never cut in two.
TOKEN = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")


def tokens(data):
    return {t.lower() for t in TOKEN.findall(data)}


def strings(v):
    """The texts of a value, nested ones too."""
    if isinstance(v, str):
        yield v
    elif isinstance(v, list):
        for e in v:
            yield from strings(e)
    elif isinstance(v, dict):
        for e in v.values():
            yield from strings(e)


def words_of(span):
    if span.words is None:
        texts = [span.name, span.message] + [e.name for e in span.events]
        for attrs in [span.attrs, span.scope_attrs, span.resource] + \
                [e.attrs for e in span.events]:
            texts += strings(attrs)
        span.words = set().union(*(tokens(t.encode()) for t in texts))
    return span.words


@clause
class Text(Filter):
    keyword, nargs = "text", 1

    def __init__(self, store, arg):
        self.words = sorted(tokens(decode(arg)))
        if not self.words:
            raise Bad("EINVAL", "no words")
        if len(self.words) > 1000:
            raise Bad("E2BIG", "more than 1000 words")

    def holds(self, span):
        return words_of(span).issuperset(self.words)

    def segments(self):
        return [b"text", encode(b" ".join(self.words))]
