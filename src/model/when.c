/* SPDX-License-Identifier: ISC */
/*
 * when: parsing and printing of times (durations: duration.c). Everything is integer arithmetic, so
 * what is printed parses back to the same nanosecond. The calendar is the proleptic
 * Gregorian one (days_from_civil after H. Hinnant's "chrono-compatible low-level date
 * algorithms": eras of 400 years that begin in March, so that leap days fall at the end).
 *
 * Leap seconds are not known (":60" is refused), as in POSIX time and in OTLP.
 */
#include "when_i.h"

#include <stdlib.h>

void
civil_from_days(int64_t days, int *y, unsigned *m, unsigned *d)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int)((int64_t)yoe + era * 400 + (*m <= 2));
}

int64_t
days_from_civil(int year, unsigned m, unsigned d)
{
	int64_t y = (int64_t)year - (m <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (int64_t)(m > 2 ? m - 3 : m + 9) + 2) / 5 + (int64_t)d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

static unsigned
days_in_month(int y, unsigned m)
{
	static const unsigned char days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m == 2 && leap ? 29 : days[m - 1];
}

/* `width` digits within [lo, hi], taken off s. */
static bool
take_number(struct sv *s, size_t width, unsigned lo, unsigned hi, unsigned *out)
{
	unsigned v = 0;

	if (s->n < width)
		return false;
	for (size_t i = 0; i < width; i++) {
		if (!is_digit(s->p[i]))
			return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	skip(s, width);
	*out = v;
	return v >= lo && v <= hi;
}

static bool
take_char(struct sv *s, const char *any_of)
{
	if (s->n == 0 || s->p[0] == '\0' || strchr(any_of, s->p[0]) == NULL)
		return false;
	skip(s, 1);
	return true;
}

/* The parts of a point in time, as far as they are written. */
struct civil {
	int64_t days;
	unsigned hour, min, sec;
	uint64_t frac_ns;
	int offset_min;
};

enum civil_depth { NO_DATE, TO_MONTH, TO_DAY, TO_HOUR, TO_MINUTE };

/* ".5", ".123456789": more than nine digits only if the rest are zeros. */
static bool
take_fraction(struct sv *s, uint64_t *ns)
{
	struct sv digits = { s->p, count_digits(*s) };

	if (digits.n == 0)
		return false;
	skip(s, digits.n);
	return fraction_ns(digits, NS_PER_S, ns);
}

/* "Z" or "+HH:MM". */
static bool
take_offset(struct sv *s, int *minutes)
{
	bool neg = s->p[0] == '-';
	unsigned h, m;

	if (take_char(s, "Zz"))
		return true;
	if (!take_char(s, "+-") || !take_number(s, 2, 0, 23, &h) ||
	    !take_char(s, ":") || !take_number(s, 2, 0, 59, &m))
		return false;
	*minutes = (int)(h * 60 + m) * (neg ? -1 : 1);
	return true;
}

static bool
take_time_of_day(struct sv *s, struct civil *c, enum civil_depth *depth)
{
	if (!take_number(s, 2, 0, 23, &c->hour))
		return false;
	*depth = TO_HOUR;
	if (s->n == 0)
		return true;
	*depth = TO_MINUTE;
	if (!take_char(s, ":") || !take_number(s, 2, 0, 59, &c->min))
		return false;
	if (take_char(s, ":")) {
		if (!take_number(s, 2, 0, 59, &c->sec))
			return false;
		if (take_char(s, ".") && !take_fraction(s, &c->frac_ns))
			return false;
	}
	return s->n == 0 || take_offset(s, &c->offset_min);
}

/* A prefix of RFC 3339 from YYYY-MM on; the depth says how far it went. */
static enum civil_depth
parse_civil(struct sv s, struct civil *c)
{
	unsigned y, m, d = 1;
	enum civil_depth depth = TO_MONTH;

	*c = (struct civil){ 0 };
	if (!take_number(&s, 4, 0, 9999, &y) || !take_char(&s, "-") ||
	    !take_number(&s, 2, 1, 12, &m))
		return NO_DATE;
	if (s.n > 0) {
		depth = TO_DAY;
		if (!take_char(&s, "-") ||
		    !take_number(&s, 2, 1, days_in_month((int)y, m), &d))
			return NO_DATE;
	}
	if (s.n > 0 && (!take_char(&s, "Tt") || !take_time_of_day(&s, c, &depth)))
		return NO_DATE;
	c->days = days_from_civil((int)y, m, d);
	return s.n == 0 ? depth : NO_DATE;
}

/* The last and the first instant that prints: of the years 9999 and 0. */
#define LAST_NS ((__int128)253402300800 * (int64_t)NS_PER_S - 1)
#define FIRST_NS ((__int128)-62167219200 * (int64_t)NS_PER_S)

static __int128
civil_ns(const struct civil *c)
{
	int64_t secs = c->days * 86400 + c->hour * 3600 + c->min * 60 + c->sec -
	    (int64_t)c->offset_min * 60;
	__int128 ns = (__int128)secs * (int64_t)NS_PER_S + (int64_t)c->frac_ns;

	return ns < FIRST_NS ? FIRST_NS : ns > LAST_NS ? LAST_NS : ns;
}

/* Fewer digits than those of 1973 are more likely a year, or a slip. */
#define UNIX_DIGITS 9

static bool
parse_unix(struct sv s, __int128 *ns)
{
	uint64_t mul = s.n <= 11 ? NS_PER_S : s.n <= 14 ? 1000000 : s.n <= 17 ? 1000 : 1;

	if (s.n < UNIX_DIGITS || count_digits(s) != s.n)
		return false;
	*ns = (__int128)digits_value(s, (unsigned __int128)LAST_NS) * (int64_t)mul;
	if (*ns > LAST_NS)
		*ns = LAST_NS;
	return true;
}

/* "10:30", "10:30:15" */
static bool
parse_clock(struct sv s, __int128 *ns)
{
	unsigned h, m, sec = 0;

	if (!take_number(&s, 2, 0, 23, &h) || !take_char(&s, ":") ||
	    !take_number(&s, 2, 0, 59, &m))
		return false;
	if (s.n > 0 && (!take_char(&s, ":") || !take_number(&s, 2, 0, 59, &sec)))
		return false;
	*ns = (int64_t)((h * 60 + m) * 60 + sec) * (int64_t)NS_PER_S;
	return s.n == 0;
}

static bool
parse_word(struct sv s, struct when *w)
{
	if (sv_is(s, "now"))
		*w = (struct when){ WHEN_NOW, 0 };
	else if (sv_is(s, "today"))
		*w = (struct when){ WHEN_TODAY, 0 };
	else if (sv_is(s, "yesterday"))
		*w = (struct when){ WHEN_YESTERDAY, 0 };
	else
		return false;
	return true;
}

bool
when_parse(struct sv s, struct when *w)
{
	struct civil c;
	uint64_t ago;
	__int128 ns;

	if (parse_word(s, w))
		return true;
	if (duration_parse_far(s, &ago))
		*w = (struct when){ WHEN_AGO, ago };
	else if (parse_clock(s, &ns))
		*w = (struct when){ WHEN_CLOCK, ns };
	else if (parse_unix(s, &ns))
		*w = (struct when){ WHEN_ABSOLUTE, ns };
	else if (parse_civil(s, &c) != NO_DATE)
		*w = (struct when){ WHEN_ABSOLUTE, civil_ns(&c) };
	else
		return false;
	return true;
}

const char *
when_expected(struct sv s)
{
	if (s.n > 0 && s.n < UNIX_DIGITS && count_digits(s) == s.n)
		return s.n == 4 ? "a date from its month on (2026-11), a duration (15m, 1h30m) "
		    "or a time" : "a Unix time of 9 digits or more, a duration with its unit "
		    "(15m, 1h30m), a date or a time";
	return "a duration (15m, 1h30m), a date or a time";
}

bool
when_parse_on(struct sv s, struct when *w, uint64_t *length_ns)
{
	struct civil c;
	enum civil_depth depth;

	if (sv_is(s, "today") || sv_is(s, "yesterday")) {
		*length_ns = NS_PER_DAY;
		return parse_word(s, w);
	}
	depth = parse_civil(s, &c);
	if (depth != TO_DAY && depth != TO_HOUR)
		return false;
	*w = (struct when){ WHEN_ABSOLUTE, civil_ns(&c) };
	*length_ns = depth == TO_DAY ? NS_PER_DAY : NS_PER_HOUR;
	return true;
}

static uint64_t
cut(__int128 ns)
{
	return ns < 0 ? 0 : ns > (__int128)WHEN_MAX ? WHEN_MAX : (uint64_t)ns;
}

bool
when_is_far(struct when w)
{
	return w.kind == WHEN_ABSOLUTE ? w.ns <= FIRST_NS || w.ns >= LAST_NS :
	    w.kind == WHEN_AGO && w.ns >= (__int128)UINT64_MAX;
}

uint64_t
when_resolve(struct when w, uint64_t now)
{
	__int128 midnight = now - now % NS_PER_DAY;

	switch (w.kind) {
	case WHEN_ABSOLUTE:
		return cut(w.ns);
	case WHEN_AGO:
		return cut((__int128)now - w.ns);
	case WHEN_NOW:
		return now;
	case WHEN_TODAY:
		return cut(midnight);
	case WHEN_YESTERDAY:
		return cut(midnight - (int64_t)NS_PER_DAY);
	case WHEN_CLOCK:
		return cut(midnight + w.ns);
	}
	abort();	/* not reached: every kind is above */
}

/* The day that holds ns, and how far into it that is. */
static int64_t
split_day(__int128 ns, uint64_t *rest)
{
	__int128 day = ns / (int64_t)NS_PER_DAY;

	day -= day * (int64_t)NS_PER_DAY > ns;
	*rest = (uint64_t)(ns - day * (int64_t)NS_PER_DAY);
	return (int64_t)day;
}

static char *
put_number(char *p, uint64_t v, size_t width)
{
	for (size_t i = width; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

/* "2026-11-20" */
static char *
put_day(char *p, int64_t day)
{
	int y;
	unsigned m, d;

	civil_from_days(day, &y, &m, &d);
	p = put_number(p, (unsigned)y, 4);
	*p++ = '-';
	p = put_number(p, m, 2);
	*p++ = '-';
	return put_number(p, d, 2);
}

/* "10:30:15" */
static char *
put_clock(char *p, uint64_t s)
{
	p = put_number(p, s / 3600, 2);
	*p++ = ':';
	p = put_number(p, s / 60 % 60, 2);
	*p++ = ':';
	return put_number(p, s % 60, 2);
}

/* "2026-11-20T14:00:00" */
static char *
put_second(char *p, __int128 ns)
{
	uint64_t rest;

	p = put_day(p, split_day(ns, &rest));
	*p++ = 'T';
	return put_clock(p, rest / NS_PER_S);
}

void
when_print(struct buf *b, uint64_t ns)
{
	char tmp[32], *p = put_second(tmp, ns);

	*p++ = '.';
	p = put_number(p, ns % NS_PER_S, 9);
	*p++ = 'Z';
	buf_put(b, tmp, (size_t)(p - tmp));
}

void
when_print_day(struct buf *b, __int128 ns)
{
	char tmp[16];
	uint64_t rest;

	buf_put(b, tmp, (size_t)(put_day(tmp, split_day(ns, &rest)) - tmp));
}

void
when_print_hour(struct buf *b, __int128 ns)
{
	uint64_t rest;
	char tmp[24], *p = put_day(tmp, split_day(ns, &rest));

	*p++ = 'T';
	p = put_number(p, rest / NS_PER_HOUR, 2);
	buf_put(b, tmp, (size_t)(p - tmp));
}

static void
print_absolute(struct buf *b, __int128 ns)
{
	char tmp[32], *p = put_second(tmp, ns);
	uint64_t rest;

	(void)split_day(ns, &rest);
	if (rest % NS_PER_S != 0) {
		*p++ = '.';
		p = put_number(p, rest % NS_PER_S, 9);
		while (p[-1] == '0')
			p--;
	}
	*p++ = 'Z';
	buf_put(b, tmp, (size_t)(p - tmp));
}

static void
print_clock(struct buf *b, uint64_t ns)
{
	char tmp[16], *p = put_clock(tmp, ns / NS_PER_S);

	if (ns / NS_PER_S % 60 == 0)
		p -= 3;
	buf_put(b, tmp, (size_t)(p - tmp));
}

void
when_print_canonical(struct buf *b, struct when w)
{
	switch (w.kind) {
	case WHEN_ABSOLUTE:
		print_absolute(b, w.ns);
		break;
	case WHEN_AGO:
		duration_print(b, (uint64_t)w.ns);
		break;
	case WHEN_NOW:
		BUF_LIT(b, "now");
		break;
	case WHEN_TODAY:
		BUF_LIT(b, "today");
		break;
	case WHEN_YESTERDAY:
		BUF_LIT(b, "yesterday");
		break;
	case WHEN_CLOCK:
		print_clock(b, (uint64_t)w.ns);
		break;
	}
}
