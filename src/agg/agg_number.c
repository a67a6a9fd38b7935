/* SPDX-License-Identifier: ISC */
/*
 * agg_number: comparison and division of numbers, and exact sums of them, see agg/number.h. The algorithm
 * for doubles is that of J. Shewchuk ("Adaptive Precision Floating-Point Arithmetic", 1997): each addition
 * yields a rounded sum and the exact rest, and the rests are kept.
 */
#include <math.h>
#include <stdlib.h>

#include "agg/number.h"

static __int128
whole_of(struct number x)
{
	return x.kind == NUMBER_I64 ? (__int128)x.i : (__int128)x.u;
}

/* An integer of 64 bits against a double that is no NaN. */
static int
cmp_whole_double(__int128 w, double d)
{
	__int128 t;
	double back;

	if (d >= 0x1p64)
		return -1;
	if (d < -0x1p63)
		return 1;
	t = (__int128)d;
	if (w != t)
		return w < t ? -1 : 1;
	back = (double)t;
	return (back > d) - (back < d);
}

bool
number_compare(struct number a, struct number b, int *c)
{
	bool da = a.kind == NUMBER_DOUBLE, db = b.kind == NUMBER_DOUBLE;

	if (a.kind == NUMBER_NONE || b.kind == NUMBER_NONE || (da && isnan(a.d)) ||
	    (db && isnan(b.d)))
		return false;
	if (da && db)
		*c = (a.d > b.d) - (a.d < b.d);
	else if (da)
		*c = -cmp_whole_double(whole_of(b), a.d);
	else if (db)
		*c = cmp_whole_double(whole_of(a), b.d);
	else
		*c = (whole_of(a) > whole_of(b)) - (whole_of(a) < whole_of(b));
	return true;
}

int
number_order(struct number a, struct number b)
{
	bool da = a.kind == NUMBER_DOUBLE, db = b.kind == NUMBER_DOUBLE;
	int c;

	if (!number_compare(a, b, &c))
		return (da && isnan(a.d)) - (db && isnan(b.d));
	if (c != 0 || da != db)
		return c != 0 ? c : da - db;
	return da ? (signbit(b.d) != 0) - (signbit(a.d) != 0) : 0;
}

struct number
number_i128(__int128 v)
{
	if (v >= INT64_MIN && v <= INT64_MAX)
		return number_i64((int64_t)v);
	return number_double((double)v);
}

double
number_to_double(struct number x)
{
	return x.kind == NUMBER_DOUBLE ? x.d : (double)whole_of(x);
}

/*
 * The quotient to more bits than a double has, with a last bit that says whether something was
 * left over: so the one rounding is that of the conversion.
 */
double
ratio_double(unsigned __int128 a, uint64_t b)
{
	unsigned __int128 q;
	int up = 0;

	if (a == 0)
		return 0;
	while (a >> 127 == 0) {
		a <<= 1;
		up++;
	}
	q = a / b;
	q |= a % b != 0;
	/* a has 128 bits and b at most 64, so q has 64 at least. */
	return ldexp((double)q, -up);
}

/* ---- sums ---- */

/* Doubles from 2^HUGE_FROM on are held divided by 2^HUGE_BITS. */
#define HUGE_FROM 0x1p900
#define HUGE_BITS 200

void
sum_release(struct sum *s)
{
	free(s->parts.v);
	free(s->huge.v);
	s->parts = s->huge = (struct sum_parts){ NULL, 0, 0 };
}

/* For so many more, and one beside. */
static bool
room(struct sum_parts *s, uint32_t n)
{
	uint32_t cap = s->cap == 0 ? 4 : s->cap * 2;
	double *p;

	if (s->n + n < s->cap)
		return true;
	while (cap <= s->n + n)
		cap *= 2;
	if ((p = realloc(s->v, cap * sizeof *p)) == NULL)
		return false;
	s->v = p;
	s->cap = cap;
	return true;
}

static bool
add_part(struct sum_parts *s, double x)
{
	uint32_t kept = 0;

	if (!room(s, 1))
		return false;
	for (uint32_t i = 0; i < s->n; i++) {
		double y = s->v[i], hi, lo;

		if (fabs(x) < fabs(y)) {
			double t = x;

			x = y;
			y = t;
		}
		hi = x + y;
		lo = y - (hi - x);
		if (lo != 0)
			s->v[kept++] = lo;
		x = hi;
	}
	s->v[kept++] = x;
	s->n = kept;
	return true;
}

static bool
add_double(struct sum *s, double x)
{
	s->has_double = true;
	if (isfinite(x))
		return fabs(x) < HUGE_FROM ? add_part(&s->parts, x) :
		    add_part(&s->huge, ldexp(x, -HUGE_BITS));
	s->odd = s->has_odd ? s->odd + x : x;
	s->has_odd = true;
	return true;
}

bool
sum_add(struct sum *s, struct number x)
{
	if (x.kind == NUMBER_DOUBLE && !add_double(s, x.d))
		return false;
	s->n++;
	if (x.kind == NUMBER_DOUBLE)
		return true;
	s->whole += x.kind == NUMBER_I64 ? (__int128)x.i : (__int128)x.u;
	return true;
}

static bool
add_parts(struct sum_parts *s, const struct sum_parts *from, int scale)
{
	bool ok = true;

	for (uint32_t i = 0; ok && i < from->n; i++)
		ok = add_part(s, ldexp(from->v[i], scale));
	return ok;
}

bool
sum_merge(struct sum *s, const struct sum *from)
{
	/* All or nothing: whoever has no memory may try once more. */
	if ((from->parts.n != 0 && !room(&s->parts, from->parts.n)) ||
	    (from->huge.n != 0 && !room(&s->huge, from->huge.n)))
		return false;
	s->n += from->n;
	s->whole += from->whole;
	s->has_double |= from->has_double;
	if (from->has_odd) {
		s->odd = s->has_odd ? s->odd + from->odd : from->odd;
		s->has_odd = true;
	}
	return add_parts(&s->parts, &from->parts, 0) && add_parts(&s->huge, &from->huge, 0);
}

/*
 * The parts rounded to one double. The largest ones are added until something is left over; if that
 * is half of a last digit, what comes below decides (round half to even needs to know).
 */
static double
round_parts(const double *p, uint32_t n)
{
	double hi, lo = 0, x, y;

	if (n == 0)
		return 0;
	hi = p[--n];
	while (n > 0) {
		x = hi;
		y = p[--n];
		hi = x + y;
		lo = y - (hi - x);
		if (lo != 0)
			break;
	}
	if (n > 0 && ((lo < 0 && p[n - 1] < 0) || (lo > 0 && p[n - 1] > 0))) {
		y = lo * 2;
		x = hi + y;
		if (y == x - hi)
			hi = x;
	}
	return hi;
}

/* An integer as doubles of 32 bits each, which are exact. */
static bool
add_whole(struct sum_parts *s, __int128 w)
{
	unsigned __int128 u = w < 0 ? -(unsigned __int128)w : (unsigned __int128)w;
	bool ok = true;

	for (int i = 0; ok && u != 0; i += 32, u >>= 32) {
		double part = ldexp((double)(uint32_t)u, i);

		ok = add_part(s, w < 0 ? -part : part);
	}
	return ok;
}

/* Beside huge ones the others count only where they decide a rounding. */
static bool
add_up(const struct sum *s, double *d)
{
	struct sum_parts small = { NULL, 0, 0 }, all = { NULL, 0, 0 };
	bool ok = add_parts(&small, &s->parts, 0) && add_whole(&small, s->whole) &&
	    add_parts(&all, &s->huge, 0);

	if (ok && round_parts(all.v, all.n) != 0) {
		ok = add_parts(&all, &small, -HUGE_BITS);
		*d = ldexp(round_parts(all.v, all.n), HUGE_BITS);
	} else
		*d = round_parts(small.v, small.n);
	free(small.v);
	free(all.v);
	return ok;
}

struct number
sum_total(const struct sum *s)
{
	double d;

	if (s->n == 0)
		return (struct number){ .kind = NUMBER_NONE };
	if (!s->has_double)
		return number_i128(s->whole);
	if (s->has_odd)
		return number_double(s->odd);
	/* Out of memory for some hundred bytes: rounded twice. */
	if (!add_up(s, &d))
		d = ldexp(round_parts(s->huge.v, s->huge.n), HUGE_BITS) +
		    round_parts(s->parts.v, s->parts.n) + (double)s->whole;
	return number_double(d == 0 ? 0 : d);	/* a sum has no negative zero */
}
