/* SPDX-License-Identifier: ISC */
/*
 * duration: lengths of time as they are typed and printed, see model/when.h. Everything is
 * integer arithmetic, so what is printed parses back to the same nanosecond.
 */
#include "when_i.h"

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
#define TOO_LONG ((unsigned __int128)1 << 64)

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/*
 * 0.DIGITS of a unit, exact or refused. With trailing zeros gone, DIGITS / 10^k of a unit is
 * whole only if 2^k or 5^k divides the unit; a week holds 2^16 and 5^11. So k <= 16, and the
 * product stays far below 128 bits.
 */
bool
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

unsigned __int128
digits_value(struct sv digits, unsigned __int128 most)
{
	unsigned __int128 v = 0;

	for (size_t i = 0; i < digits.n && v < most; i++)
		v = v * 10 + (unsigned)(digits.p[i] - '0');
	return v < most ? v : most;
}

static const struct unit *
find_unit(struct sv name)
{
	if (sv_is(name, "min"))
		name = SV("m");
	for (size_t i = 0; i < N_UNITS; i++)
		if (sv_is(name, units[i].name))
			return &units[i];
	return NULL;
}

/* One part, "30m", "1.5s" or ".5h"; *last is set after a fraction. */
static bool
duration_part(struct sv *s, const struct unit **unit, unsigned __int128 *ns, bool *last)
{
	struct sv whole = { s->p, count_digits(*s) }, frac = SV_EMPTY, name;
	uint64_t f = 0;

	skip(s, whole.n);
	*last = s->n > 0 && s->p[0] == '.';
	if (*last) {
		skip(s, 1);
		frac = sv_new(s->p, count_digits(*s));
		if (frac.n == 0)
			return false;
		skip(s, frac.n);
	} else if (whole.n == 0)
		return false;
	name = sv_new(s->p, 0);
	while (name.n < s->n && is_lower(s->p[name.n]))
		name.n++;
	if ((*unit = find_unit(name)) == NULL)
		return false;
	skip(s, name.n);
	if (!fraction_ns(frac, (*unit)->ns, &f))
		return false;
	*ns = digits_value(whole, TOO_LONG) * (*unit)->ns + f;
	return true;
}

static bool
parse_wide(struct sv s, unsigned __int128 *ns)
{
	const struct unit *prev = NULL, *unit;
	unsigned __int128 sum = 0, part;
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
		sum += part;
	}
	*ns = sum;
	return true;
}

bool
duration_parse(struct sv s, uint64_t *ns)
{
	unsigned __int128 v;

	if (!parse_wide(s, &v) || v >= TOO_LONG)
		return false;
	*ns = (uint64_t)v;
	return true;
}

bool
duration_parse_far(struct sv s, uint64_t *ns)
{
	unsigned __int128 v;

	if (!parse_wide(s, &v))
		return false;
	*ns = v < TOO_LONG ? (uint64_t)v : UINT64_MAX;
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
