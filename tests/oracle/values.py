# SPDX-License-Identifier: ISC
"""Attribute values: what they are, how files show them, how they are ordered.

A value is a Python str, bool, int, float, bytes, list, dict (a kvlist) or None (the empty value).
Texts are str, since import repairs what is not UTF-8; code points are in the order of bytes.
"""
import base64
import json
import math
import re

INT64 = range(-(1 << 63), 1 << 63)


def is_number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def double_text(d):
    """The shortest text that reads back, always with '.' or 'e'."""
    if math.isnan(d):
        return '"NaN"'
    if math.isinf(d):
        return '"Infinity"' if d > 0 else '"-Infinity"'
    # The fewest digits that read back; which numbers have an exponent is left open: those of more
    # digits before the point than there are, or than 15.
    digits = len(repr(d).lstrip("-").split("e")[0].replace(".", "").strip("0")) or 1
    text = "%.*g" % (max(digits, 15), d) if abs(d) >= 1e-300 else repr(d)
    return text if "." in text or "e" in text else text + ".0"


def json_text(v):
    """Compact JSON of a value, keys of maps in byte order."""
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    if isinstance(v, float):
        return double_text(v)
    if isinstance(v, str):
        return json.dumps(v, ensure_ascii=False)
    if isinstance(v, bytes):
        return '{"@bytes":"%s"}' % base64.b64encode(v).decode()
    if isinstance(v, list):
        return "[" + ",".join(json_text(e) for e in v) + "]"
    return "{" + ",".join(json_text(k) + ":" + json_text(v[k]) for k in sorted(v)) + "}"


def csv_text(v):
    """A cell of CSV: RFC 4180, nested values as compact JSON, missing and null empty."""
    if v is None:
        return ""
    if isinstance(v, str):
        text = v
    else:
        text = json_text(v)
        if isinstance(v, float) and text.startswith('"'):
            text = text[1:-1]
    if any(c in text for c in '",\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
WHOLE = re.compile(rb"[+-]?[0-9]+\Z")


def read_number(text):
    """The number that a text of a path is, or None: an int of 64 bits, else a double."""
    if not NUMBER.match(text):
        return None
    if WHOLE.match(text):
        n = int(text)
        if -(1 << 63) <= n < (1 << 64):
            return n
    return float(text)


SORT_NUMBER, SORT_TEXT, SORT_BOOL, SORT_OTHER = range(4)


def sort_key(v):
    """Key of the total order of present values: numbers, strings, booleans, others."""
    if is_number(v):
        if isinstance(v, float) and math.isnan(v):
            return (SORT_NUMBER, 1, 0)
        return (SORT_NUMBER, 0, v)
    if isinstance(v, str):
        return (SORT_TEXT, 0, v)
    if isinstance(v, bool):
        return (SORT_BOOL, 0, v)
    return (SORT_OTHER, 0, json_text(v))
