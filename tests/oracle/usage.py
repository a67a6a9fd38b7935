# SPDX-License-Identifier: ISC
"""What spans of language models say: tokens, what they cost, and the scores of evaluations.

The conventions have renamed the attributes several times: of the names of one thing the first
that says it counts. A count is a whole number from 0 on, also one that came as a double.
"""
import values

INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens",
         "llm.token_count.prompt")
OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
          "llm.usage.completion_tokens", "llm.token_count.completion")
TOTAL = ("llm.usage.total_tokens", "llm.token_count.total")
CACHED = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
MODEL = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
SCORE = "gen_ai.evaluation.result"
SCORE_KEYS = {"name": "gen_ai.evaluation.name", "value": "gen_ai.evaluation.score.value",
              "label": "gen_ai.evaluation.score.label",
              "explanation": "gen_ai.evaluation.explanation"}

# What the tests say that models cost: (glob, input, cached, output); None: as input.
PRICES = (("gpt-4*", 2.5, 1.25, 10.0), ("gpt-4o-m?ni", 0.15, None, 0.6), ("*", 1.0, 0.5, 0.0),
          ("claude*", 3.0, 0.3, 15.0))


def options(prices=PRICES):
    """The same as settings."""
    return ["price %s.%s=%r" % (glob, key, v) for glob, *prices in prices
            for key, v in zip(("input", "cached", "output"), prices) if v is not None]


def count(attrs, keys):
    for k in keys:
        v = attrs.get(k)
        if values.is_number(v) and 0 <= v < 2 ** 63 and v == int(v):
            return int(v)
    return None


def tokens(span):
    """(input, output), each None where the span doesn't say."""
    return count(span.attrs, INPUT), count(span.attrs, OUTPUT)


def total(span):
    found = [n for n in tokens(span) if n is not None]
    if found:
        return sum(found)
    return count(span.attrs, TOTAL)


def matches(glob, text):
    if not glob:
        return not text
    if glob[0] == "*":
        return any(matches(glob[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and glob[0] in ("?", text[0]) and matches(glob[1:], text[1:])


def price(span, prices):
    """(input, cached, output) of the longest glob that matches the model, or None."""
    model = next((span.attrs[k] for k in MODEL
                  if isinstance(span.attrs.get(k), str) and span.attrs[k]), None)
    found = [p for p in prices if model is not None and matches(p[0], model)]
    if not found:
        return None
    glob, i, c, o = min(found, key=lambda p: (-len(p[0]), p[0]))
    return i, i if c is None else c, o


def cost(span, prices):
    i, o = tokens(span)
    found = price(span, prices)
    if found is None or (i is None and o is None):
        return None
    i, o = i or 0, o or 0
    cached = min(count(span.attrs, CACHED) or 0, i)
    return (float(i - cached) * found[0] + float(cached) * found[1] + float(o) * found[2]) / 1e6


def scores(span):
    return [e for e in span.events if e.name == SCORE]
