/* SPDX-License-Identifier: ISC */
/*
 * when: parsing and printing of times and durations. Everything is integer arithmetic, so
 * what is printed parses back to the same nanosecond. The calendar is the proleptic
 * Gregorian one (days_from_civil after H. Hinnant's "chrono-compatible low-level date
 * algorithms": eras of 400 years that begin in March, so that leap days fall at the end).
 *
 * Leap seconds are not known (":60" is refused), as in POSIX time and in OTLP.
 */
#include "model/when.h"

#include <stdlib.h>

struct unit {
	const char *name;
	uint64_t ns;
};

/* Largest first: duration_print takes the first that divides. */
static const struct unit units[] = {
	{ "w", 7 * NS_PER_DAY },
	{ "d", NS_PER_DAY },
	{ "h", NS_PER_HOUR },
	{ "m", NS_PER_MIN },
	{ "s", NS_PER_S },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
};
#define N_UNITS (sizeof units / sizeof units[0])

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static size_t
count_digits(struct sv s)
{
	size_t n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n;
}

static void
skip(struct sv *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/*
 * 0.DIGITS of a unit, exact or refused. With trailing zeros gone, DIGITS / 10^k of a unit is
 * whole only if 2^k or 5^k divides the unit; a week holds 2^16 and 5^11. So k <= 16, and the
 * product stays far below 128 bits.
 */
static bool
fraction_ns(struct sv digits, uint64_t unit_ns, uint64_t *ns)
{
	unsigned __int128 num = 0, den = 1;

	while (digits.n > 0 && digits.p[digits.n - 1] == '0')
		digits.n--;
	if (digits.n > 16)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		num = num * 10 + (unsigned)(digits.p[i] - '0');
		den *= 10;
	}
	num *= unit_ns;
	if (num % den != 0)
		return false;
	*ns = (uint64_t)(num / den);
	return true;
}

static const struct unit *
find_unit(struct sv name)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (sv_is(name, units[i].name))
			return &units[i];
	return NULL;
}

/* One part, "30m" or "1.5s"; *last is set after a fraction. */
static bool
duration_part(struct sv *s, const struct unit **unit, uint64_t *ns, bool *last)
{
	struct sv whole = { s->p, count_digits(*s) }, frac = SV_EMPTY, name;
	uint64_t v, f = 0;

	if (!sv_u64(whole, &v))
		return false;
	skip(s, whole.n);
	*last = s->n > 0 && s->p[0] == '.';
	if (*last) {
		skip(s, 1);
		frac = sv_new(s->p, count_digits(*s));
		if (frac.n == 0)
			return false;
		skip(s, frac.n);
	}
	name = sv_new(s->p, 0);
	while (name.n < s->n && is_lower(s->p[name.n]))
		name.n++;
	if ((*unit = find_unit(name)) == NULL)
		return false;
	skip(s, name.n);
	if (!fraction_ns(frac, (*unit)->ns, &f))
		return false;
	return !__builtin_mul_overflow(v, (*unit)->ns, &v) &&
	    !__builtin_add_overflow(v, f, ns);
}

bool
duration_parse(struct sv s, uint64_t *ns)
{
	const struct unit *prev = NULL, *unit;
	uint64_t sum = 0, part;
	bool last = false;

	if (s.n == 0)
		return false;
	while (s.n > 0) {
		if (last || !duration_part(&s, &unit, &part, &last))
			return false;
		/* Each unit once, the larger first: "30m1h" is more likely a slip. */
		if (prev != NULL && unit->ns >= prev->ns)
			return false;
		prev = unit;
		if (__builtin_add_overflow(sum, part, &sum))
			return false;
	}
	*ns = sum;
	return true;
}

void
duration_print(struct buf *b, uint64_t ns)
{
	const struct unit *u = units;

	if (ns == 0) {
		BUF_LIT(b, "0s");
		return;
	}
	while (ns % u->ns != 0)
		u++;
	buf_u64(b, ns / u->ns);
	buf_str(b, u->name);
}

/*
 * Three significant digits of ns in units of unit_ns, rounded; false, with nothing written,
 * if that reaches `full` units: the caller then takes the next larger one.
 */
static bool
print_digits(struct buf *b, uint64_t ns, uint64_t unit_ns, unsigned full, const char *name)
{
	unsigned scale = ns < 10 * unit_ns ? 100 : ns < 100 * unit_ns ? 10 : 1;
	uint64_t q = (ns * scale + unit_ns / 2) / unit_ns, frac;

	if (q >= (uint64_t)full * scale)
		return false;
	buf_u64(b, q / scale);
	frac = q % scale;
	if (frac != 0) {
		buf_putc(b, '.');
		if (scale == 100)
			buf_putc(b, (char)('0' + frac / 10));
		if (frac % 10 != 0)
			buf_putc(b, (char)('0' + frac % 10));
	}
	buf_str(b, name);
	return true;
}

/* "2m3s": two units, the smaller one rounded and left out if it is 0. */
static void
print_pair(struct buf *b, uint64_t ns, const struct unit *big, const struct unit *small)
{
	uint64_t n = ns / small->ns + (ns % small->ns >= small->ns / 2), per;

	per = big->ns / small->ns;
	buf_u64(b, n / per);
	buf_str(b, big->name);
	if (n % per != 0) {
		buf_u64(b, n % per);
		buf_str(b, small->name);
	}
}

void
duration_print_short(struct buf *b, uint64_t ns)
{
	const struct unit *d = &units[1], *h = &units[2], *m = &units[3], *s = &units[4];

	if (ns < 1000) {
		buf_u64(b, ns);
		BUF_LIT(b, "ns");
	} else if (ns < 1000000 && print_digits(b, ns, 1000, 1000, "us"))
		return;
	else if (ns < NS_PER_S && print_digits(b, ns, 1000000, 1000, "ms"))
		return;
	else if (ns < NS_PER_MIN && print_digits(b, ns, NS_PER_S, 60, "s"))
		return;
	else if (ns < NS_PER_HOUR - NS_PER_S / 2)
		print_pair(b, ns, m, s);
	else if (ns < NS_PER_DAY - NS_PER_MIN / 2)
		print_pair(b, ns, h, m);
	else
		print_pair(b, ns, d, h);
}

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

/* False outside 1970 to 2554. */
static bool
civil_ns(const struct civil *c, uint64_t *ns)
{
	int64_t secs = c->days * 86400 + c->hour * 3600 + c->min * 60 + c->sec -
	    (int64_t)c->offset_min * 60;
	uint64_t v;

	if (secs < 0 || __builtin_mul_overflow((uint64_t)secs, NS_PER_S, &v))
		return false;
	return !__builtin_add_overflow(v, c->frac_ns, ns);
}

static bool
parse_unix(struct sv s, uint64_t *ns)
{
	uint64_t v, mul;

	if (!sv_u64(s, &v))
		return false;
	mul = s.n <= 11 ? NS_PER_S : s.n <= 14 ? 1000000 : s.n <= 17 ? 1000 : 1;
	return !__builtin_mul_overflow(v, mul, ns);
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
	uint64_t ns;

	if (parse_word(s, w))
		return true;
	if (duration_parse(s, &ns)) {
		*w = (struct when){ WHEN_AGO, ns };
		return true;
	}
	if (!parse_unix(s, &ns) &&
	    (parse_civil(s, &c) == NO_DATE || !civil_ns(&c, &ns)))
		return false;
	*w = (struct when){ WHEN_ABSOLUTE, ns };
	return true;
}

bool
when_parse_on(struct sv s, struct when *w, uint64_t *length_ns)
{
	struct civil c;
	enum civil_depth depth;
	uint64_t ns;

	if (sv_is(s, "today") || sv_is(s, "yesterday")) {
		*length_ns = NS_PER_DAY;
		return parse_word(s, w);
	}
	depth = parse_civil(s, &c);
	if ((depth != TO_DAY && depth != TO_HOUR) || !civil_ns(&c, &ns))
		return false;
	*w = (struct when){ WHEN_ABSOLUTE, ns };
	*length_ns = depth == TO_DAY ? NS_PER_DAY : NS_PER_HOUR;
	return true;
}

uint64_t
when_resolve(struct when w, uint64_t now)
{
	uint64_t midnight = now - now % NS_PER_DAY;

	switch (w.kind) {
	case WHEN_ABSOLUTE:
		return w.ns;
	case WHEN_AGO:
		return now > w.ns ? now - w.ns : 0;
	case WHEN_NOW:
		return now;
	case WHEN_TODAY:
		return midnight;
	case WHEN_YESTERDAY:
		return midnight >= NS_PER_DAY ? midnight - NS_PER_DAY : 0;
	}
	abort();	/* not reached: every kind is above */
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
put_day(char *p, uint64_t ns)
{
	int y;
	unsigned m, d;

	civil_from_days((int64_t)(ns / NS_PER_DAY), &y, &m, &d);
	p = put_number(p, (unsigned)y, 4);
	*p++ = '-';
	p = put_number(p, m, 2);
	*p++ = '-';
	return put_number(p, d, 2);
}

/* "2026-11-20T14:00:00" */
static char *
put_second(char *p, uint64_t ns)
{
	uint64_t s = ns % NS_PER_DAY / NS_PER_S;

	p = put_day(p, ns);
	*p++ = 'T';
	p = put_number(p, s / 3600, 2);
	*p++ = ':';
	p = put_number(p, s / 60 % 60, 2);
	*p++ = ':';
	return put_number(p, s % 60, 2);
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
when_print_day(struct buf *b, uint64_t ns)
{
	char tmp[16];

	buf_put(b, tmp, (size_t)(put_day(tmp, ns) - tmp));
}

void
when_print_hour(struct buf *b, uint64_t ns)
{
	char tmp[24], *p = put_day(tmp, ns);

	*p++ = 'T';
	p = put_number(p, ns % NS_PER_DAY / NS_PER_HOUR, 2);
	buf_put(b, tmp, (size_t)(p - tmp));
}

static void
print_absolute(struct buf *b, uint64_t ns)
{
	char tmp[32], *p = put_second(tmp, ns);

	if (ns % NS_PER_S != 0) {
		*p++ = '.';
		p = put_number(p, ns % NS_PER_S, 9);
		while (p[-1] == '0')
			p--;
	}
	*p++ = 'Z';
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
		duration_print(b, w.ns);
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
	}
}
