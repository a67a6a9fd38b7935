/* SPDX-License-Identifier: ISC */
/* agg_number: comparison and division of numbers, see agg/number.h. */
#include <math.h>

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
