/* SPDX-License-Identifier: ISC */
/* when_i: what the readers of times and of durations share. */
#ifndef MODEL_WHEN_I_H
#define MODEL_WHEN_I_H

#include "model/when.h"

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline size_t
count_digits(struct sv s)
{
	size_t n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n;
}

static inline void
skip(struct sv *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/*
 * A run of digits as a number, with `most` (below 2^123) for whatever is larger: no text is too
 * long to be a time that is far away.
 */
unsigned __int128 digits_value(struct sv digits, unsigned __int128 most);
/* 0.DIGITS of a unit in ns; false if that is no whole number. */
bool fraction_ns(struct sv digits, uint64_t unit_ns, uint64_t *ns);
/* duration_parse without the bound of 64 bits: UINT64_MAX for what is longer. */
bool duration_parse_far(struct sv, uint64_t *ns);

#endif
