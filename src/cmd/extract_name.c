/* SPDX-License-Identifier: ISC */
/* extract_name: see extract_name.h. A conversion is a row of the table. */
#include "extract_name.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum part { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, YEAR_DAY };

static const struct conversion {
	char letter;
	enum part part;
	size_t digits;
} conversions[] = {
	{ 'Y', YEAR, 4 }, { 'm', MONTH, 2 }, { 'd', DAY, 2 }, { 'H', HOUR, 2 },
	{ 'M', MINUTE, 2 }, { 'S', SECOND, 2 }, { 'j', YEAR_DAY, 3 },
};
#define ISO_DAY "%Y-%m-%d"	/* what %F is */

static const struct conversion *
find(char letter)
{
	for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
		if (conversions[i].letter == letter)
			return &conversions[i];
	return NULL;
}

int
extract_name_check(struct sv s, bool *dated, struct err *e)
{
	*dated = false;
	for (size_t i = 0; i < s.n; i++) {
		char c;

		if (s.p[i] != '%')
			continue;
		c = ++i < s.n ? s.p[i] : '\0';
		if (c != '%' && c != 'F' && find(c) == NULL)
			return err_set(e, ERR_SYNTAX, (int64_t)i, "'%.*s': expected %%Y %%m %%d %%H "
			    "%%M %%S %%j %%F or %%%% after a percent sign", SV_ARG(s));
		*dated |= c != '%';
	}
	return 0;
}

static unsigned
value_of(const struct tm *t, enum part part)
{
	switch (part) {
	case YEAR:
		return (unsigned)t->tm_year + 1900;
	case MONTH:
		return (unsigned)t->tm_mon + 1;
	case DAY:
		return (unsigned)t->tm_mday;
	case HOUR:
		return (unsigned)t->tm_hour;
	case MINUTE:
		return (unsigned)t->tm_min;
	case SECOND:
		return (unsigned)t->tm_sec;
	case YEAR_DAY:
		return (unsigned)t->tm_yday + 1;
	}
	return 0;
}

void
extract_name_print(struct buf *b, struct sv s, uint64_t ns)
{
	time_t at = (time_t)(ns / 1000000000u);
	const struct conversion *v;
	struct tm t;

	gmtime_r(&at, &t);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%' || i + 1 == s.n)
			buf_putc(b, s.p[i]);
		else if (s.p[++i] == 'F')
			extract_name_print(b, SV(ISO_DAY), ns);
		else if ((v = find(s.p[i])) != NULL)
			buf_printf(b, "%0*u", (int)v->digits, value_of(&t, v->part));
		else
			buf_putc(b, s.p[i]);
	}
}

/* So many digits off the name's front. */
static bool
take_number(struct sv *name, size_t digits, unsigned *out)
{
	*out = 0;
	if (name->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (name->p[i] < '0' || name->p[i] > '9')
			return false;
		*out = *out * 10 + (unsigned)(name->p[i] - '0');
	}
	*name = sv_sub(*name, digits, name->n);
	return true;
}

/* The rest of the name must be taken up too; parts: what was found. */
static bool
match(struct sv s, struct sv *name, unsigned parts[YEAR_DAY + 1])
{
	const struct conversion *v;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 1 < s.n && s.p[i + 1] != '%') {
			if (s.p[++i] == 'F') {
				if (!match(SV(ISO_DAY), name, parts))
					return false;
			} else if ((v = find(s.p[i])) == NULL ||
			    !take_number(name, v->digits, &parts[v->part]))
				return false;
			continue;
		}
		i += s.p[i] == '%';
		if (name->n == 0 || name->p[0] != s.p[i < s.n ? i : s.n - 1])
			return false;
		*name = sv_sub(*name, 1, name->n);
	}
	return true;
}

bool
extract_name_match(struct sv pattern, struct sv name, struct name_time *out)
{
	unsigned p[YEAR_DAY + 1] = { 0 };

	if (!match(pattern, &name, p) || name.n != 0)
		return false;
	*out = (struct name_time){ { p[YEAR], p[MONTH] * 31 + p[DAY] + p[YEAR_DAY], p[HOUR],
	    p[MINUTE], p[SECOND] } };
	return true;
}
