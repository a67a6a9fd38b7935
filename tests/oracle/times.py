# SPDX-License-Identifier: ISC
"""Times and durations: every form that a path takes, and how they are printed.

A moment is ("abs", ns), ("back", ns) from now, or ("day", ns) from the midnight of today. What
is typed outside 1970 to 2554 keeps its number here and is cut when a range is made.
"""
import re

from names import Bad

NS = 10 ** 9
DAY = 86400 * NS
END = (1 << 64) - 1      # the last moment that a span can have, in 2554
UNITS = (("w", 7 * DAY), ("d", DAY), ("h", 3600 * NS), ("m", 60 * NS), ("s", NS),
         ("ms", 10 ** 6), ("us", 10 ** 3), ("ns", 1))
UNIT = dict(UNITS, min=60 * NS)

PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|ms|min|s|m|h|d|w)")


def read_duration(text):
    """The ns of a duration, or None where text is none."""
    at, total, last, fraction = 0, 0, None, False
    while at < len(text):
        m = PART.match(text, at)
        if not m or fraction:
            return None
        number, unit = m.group(1), UNIT[m.group(2)]
        if last is not None and unit >= last:
            return None
        if number.endswith("."):
            return None
        whole, _, decimals = number.partition(".")
        fraction = "." in number
        ns = int(whole or "0") * unit
        if decimals:
            ns += int(decimals) * unit // 10 ** len(decimals)
        total, last, at = total + ns, unit, m.end()
    return total if at else None


def duration_text(ns):
    """The largest unit that is exact."""
    if ns == 0:
        return "0s"
    for unit, size in UNITS:
        if ns % size == 0:
            return "%d%s" % (ns // size, unit)
    raise AssertionError


def days_of(year, month, day):
    """Days from 1970-01-01 in the Gregorian calendar, of any year."""
    year -= month <= 2
    era = year // 400
    yoe = year - era * 400
    doy = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


def date_of(days):
    days += 719468
    era = days // 146097
    doe = days - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + (3 if mp < 10 else -9)
    return yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) // 5 + 1


def month_days(year, month):
    after = (year + 1, 1) if month == 12 else (year, month + 1)
    return days_of(*after, 1) - days_of(year, month, 1)


RFC3339 = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2})(?:[Tt]([0-9]{2})"
                     r"(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
                     r")?)?)?\Z")
CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?\Z")


def read_rfc3339(text):
    m = RFC3339.match(text)
    if not m:
        return None
    year, month, day, hour, minute, second = (int(g) if g else d for g, d in
                                              zip(m.groups()[:6], (0, 1, 1, 0, 0, 0)))
    if not 1 <= month <= 12 or not 1 <= day <= month_days(year, month) or \
            hour > 23 or minute > 59 or second > 59:
        return None
    ns = days_of(year, month, day) * DAY + (hour * 3600 + minute * 60 + second) * NS
    if m.group(7):
        ns += int((m.group(7) + "0" * 9)[:9])
    zone = m.group(8)
    if zone and zone not in "Zz":
        zh, zm = int(zone[1:3]), int(zone[4:6])
        if zh > 23 or zm > 59:
            return None
        off = (zh * 60 + zm) * 60 * NS
        ns += off if zone[0] == "-" else -off
    return ns


def read_unix(text):
    n = len(text)
    if n < 9:
        return None
    return int(text) * (NS if n <= 11 else 10 ** 6 if n <= 14 else 1000 if n <= 17 else 1)


def read_moment(data):
    """The moment that a value of a path names; EINVAL if none."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise Bad("EINVAL", "no time")
    if text == "now":
        return ("back", 0, "now")
    if text in ("today", "yesterday"):
        return ("day", 0 if text == "today" else -DAY, text)
    if text.isdigit():
        ns = read_unix(text)
        if ns is not None:
            return ("abs", ns)
        raise Bad("EINVAL", "digits that are no time")
    m = CLOCK.match(text)
    if m:
        h, mi, s = (int(g or 0) for g in m.groups())
        if h < 24 and mi < 60 and s < 60:
            return ("day", (h * 3600 + mi * 60 + s) * NS, text)
        raise Bad("EINVAL", "no time of the day")
    ns = read_duration(text)
    if ns is not None:
        return ("back", ns)
    ns = read_rfc3339(text)
    if ns is None:
        raise Bad("EINVAL", "no time")
    return ("abs", ns)


def cut(ns):
    return min(max(ns, 0), END)


def at(moment, now):
    """The ns of a moment, cut to what a time can be."""
    return cut(uncut(moment, now))


def uncut(moment, now):
    kind, ns = moment[:2]
    if kind == "abs":
        return ns
    return now - ns if kind == "back" else now - now % DAY + ns


def moment_text(moment):
    """As the canonical path has it: absolute only where it was typed so, uncut as it was typed."""
    if len(moment) == 3:
        return moment[2]
    if moment[0] == "back":
        return duration_text(moment[1])
    return stamp(moment[1], trim=True)


def stamp(ns, trim=False):
    """RFC 3339 in UTC with nine digits; trim leaves zeros at the end of the second out."""
    days, rest = divmod(ns, DAY)
    seconds, frac = divmod(rest, NS)
    text = "%04d-%02d-%02dT%02d:%02d:%02d" % (date_of(days) + (
        seconds // 3600, seconds // 60 % 60, seconds % 60))
    digits = "%09d" % frac
    if trim:
        digits = digits.rstrip("0")
    return text + ("." + digits if digits else "") + "Z"


ON = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt]([0-9]{2}))?\Z")


def read_day(data):
    """Two moments, and the canonical spelling, of the argument of on."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise Bad("EINVAL", "no day")
    if text == "today":
        return ("day", 0), ("day", DAY), text
    if text == "yesterday":
        return ("day", -DAY), ("day", 0), text
    if not ON.match(text):
        raise Bad("EINVAL", "no day")
    ns = read_rfc3339(text)
    if ns is None:
        raise Bad("EINVAL", "no day")
    return ("abs", ns), ("abs", ns + (3600 * NS if len(text) > 10 else DAY)), text.upper()


def can_hold(lo, hi):
    """Whether some now lets a moment lie from lo to before hi."""
    a, b = lo[:2], hi[:2]
    if a[0] == b[0]:
        return a[1] > b[1] if a[0] == "back" else a[1] < b[1]
    if a[0] == "abs" or b[0] == "abs":
        return True
    if a[0] == "back":
        return a[1] + b[1] > 0
    return a[1] + b[1] < DAY - 1
