/* SPDX-License-Identifier: ISC */
/*
 * when: points in time and durations, uint64_t nanoseconds (points: since 1970-01-01 UTC, as
 * OTLP has them, so 1970 to 2554). Pure: no clock; `now` comes in as an argument. A time may
 * be typed that lies beyond: struct when keeps it, so that it prints as itself and two such
 * times have an order; it is cut to the range where it becomes a point.
 */
#ifndef MODEL_WHEN_H
#define MODEL_WHEN_H

#include "base/buf.h"

#define NS_PER_S 1000000000ull
#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_HOUR (3600 * NS_PER_S)
#define NS_PER_DAY (24 * NS_PER_HOUR)

/* [from, to); to == WHEN_MAX means no end. */
struct time_range {
	uint64_t from, to;
};
#define WHEN_MAX UINT64_MAX
#define TIME_RANGE_ALL ((struct time_range){ 0, WHEN_MAX })

static inline bool
time_range_empty(struct time_range r)
{
	return r.to != WHEN_MAX && r.from >= r.to;
}

/*
 * A duration with units ns us ms s m (or min) h d w: "15m", "1h30m", "1.5s", ".5h" (a fraction
 * in the last part only, exact to the ns). Every part needs its unit. False if malformed or
 * over 64 bits.
 */
bool duration_parse(struct sv, uint64_t *ns);
/* The largest unit that divides it: 90 min is "90m", 0 is "0s". */
void duration_print(struct buf *, uint64_t ns);
/* For people: "1.23ms", "45us", "2m3s". */
void duration_print_short(struct buf *, uint64_t ns);

/* "2026-11-20T14:00:00.123456789Z", always nine digits. */
void when_print(struct buf *, uint64_t ns);
/* "2026-11-20" and "2026-11-20T14" of the day and hour that hold ns, years 0 to 9999. */
void when_print_day(struct buf *, __int128 ns);
void when_print_hour(struct buf *, __int128 ns);

enum when_kind {
	WHEN_ABSOLUTE,	/* ns is the point */
	WHEN_AGO,	/* ns before now */
	WHEN_NOW,
	WHEN_TODAY,	/* midnight UTC of now's day */
	WHEN_YESTERDAY,
	WHEN_CLOCK,	/* ns after that midnight: "10:30" */
};

/* A time as typed, before `now` is known. */
struct when {
	enum when_kind kind;
	__int128 ns;	/* absolute: from the year 0 to 9999; a longer AGO than 64 bits: UINT64_MAX */
};

/*
 * The forms of product.md, "Times": a duration, digits only (9 to 11 s, 12-14 ms, 15-17 us,
 * more ns), a prefix of RFC 3339 from YYYY-MM on (its first instant; UTC unless an offset is
 * written, then with HH:MM), HH:MM and HH:MM:SS of now's day, now, today, yesterday. False if
 * malformed.
 */
bool when_parse(struct sv, struct when *);
/* What a text that when_parse refuses should have been, in words. */
const char *when_expected(struct sv);
/* `on/`: YYYY-MM-DD, YYYY-MM-DDTHH, today, yesterday. *length_ns is a day or an hour. */
bool when_parse_on(struct sv, struct when *, uint64_t *length_ns);
/* At the end of what struct when holds: typed, it may have been any time beyond. */
bool when_is_far(struct when);
/* The point, cut to 0 and WHEN_MAX. */
uint64_t when_resolve(struct when, uint64_t now);
/*
 * Canonical text: absolute times as RFC 3339 with no more digits than needed
 * ("2026-11-20T14:00:00Z", "...00.5Z"); the others as typed, durations in the largest unit,
 * seconds of the clock only if there are any.
 */
void when_print_canonical(struct buf *, struct when);

/* Days since 1970 to a civil date and back (proleptic Gregorian). */
void civil_from_days(int64_t days, int *y, unsigned *m, unsigned *d);
int64_t days_from_civil(int y, unsigned m, unsigned d);

#endif
