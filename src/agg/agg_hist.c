/* SPDX-License-Identifier: ISC */
/*
 * agg_hist: how many values lie in bars that end at 1, 2 and 5 times powers of ten, the end
 * included; 0 holds what isn't positive, and what is no finite number is in none. A bar is named by its index: 0, or
 * BASE and on: 1, 2, 5 times 10^(index / 3 - 324).
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "agg_i.h"

#define FIRST_POWER (-324)
#define LAST_POWER 308
#define N_BARS (3 * (LAST_POWER - FIRST_POWER + 1))
static_assert(HIST_MOST_UPPER == N_BARS + 1, "the bar past the last, whose end is infinite");

static const int tops[] = { 1, 2, 5 };

/* The end of a bar as the double nearest to it. */
static double
bar_top(int i)
{
	char text[16];

	snprintf(text, sizeof text, "%de%d", tops[i % 3], FIRST_POWER + i / 3);
	return strtod(text, NULL);
}

/* The end as an integer of 64 bits, if it is one. */
static bool
bar_whole(int i, int64_t *out)
{
	int power = FIRST_POWER + i / 3;
	int64_t v = tops[i % 3];

	if (power < 0 || power > 18)
		return false;
	for (; power > 0; power--)
		if (__builtin_mul_overflow(v, (int64_t)10, &v))
			return false;
	*out = v;
	return true;
}

static struct number
bar_number(int i)
{
	int64_t whole;

	return bar_whole(i, &whole) ? number_i64(whole) : number_double(bar_top(i));
}

/* The first bar that ends at x or above it; x is positive. Past the last: infinite. */
static int
bar_of(struct number x)
{
	int guess = 3 * ((int)floor(log10(number_to_double(x))) - FIRST_POWER) - 3, c;

	if (guess < 0)
		guess = 0;
	while (guess < N_BARS && number_compare(bar_number(guess), x, &c) && c < 0)
		guess++;
	return guess;
}

static bool
is_positive(struct number x)
{
	int c;

	return number_compare(x, number_i64(0), &c) && c > 0;
}

static int
add_bar(struct agg_memory *m, struct hist *h, int16_t upper, uint64_t n, struct err *e)
{
	size_t i = h->n;
	int code;

	while (i > 0 && h->v[i - 1].upper > upper)
		i--;
	if (i > 0 && h->v[i - 1].upper == upper) {
		h->v[i - 1].n += n;
		return 0;
	}
	if ((code = agg_grow(m, (void **)&h->v, &h->cap, h->n + 1, sizeof *h->v, e)) < 0)
		return code;
	memmove(h->v + i + 1, h->v + i, (h->n - i) * sizeof *h->v);
	h->v[i] = (struct hist_count){ upper, n };
	h->n++;
	return 0;
}

int
hist_add(struct agg_memory *m, struct hist *h, struct number x, uint64_t times, struct err *e)
{
	int code = 0;

	if (x.kind != NUMBER_DOUBLE || isfinite(x.d))
		code = add_bar(m, h, is_positive(x) ? (int16_t)(bar_of(x) + 1) : 0, times, e);
	if (code == 0)
		h->seen += times;
	return code;
}

int
hist_load_bar(struct agg_memory *m, struct hist *h, int16_t upper, uint64_t times, struct err *e)
{
	return add_bar(m, h, upper, times, e);
}

int
hist_merge(struct agg_memory *m, struct hist *h, const struct hist *from, struct err *e)
{
	int code = agg_grow(m, (void **)&h->v, &h->cap, h->n + from->n, sizeof *h->v, e);

	h->seen += code == 0 ? from->seen : 0;
	for (size_t i = 0; code == 0 && i < from->n; i++)
		code = add_bar(m, h, from->v[i].upper, from->v[i].n, e);
	return code;
}

struct hist_bar
hist_bar_of(const struct hist_count *c)
{
	struct hist_bar b = { .is_int = true, .n = c->n };

	if (c->upper == 0 || bar_whole(c->upper - 1, &b.i))
		return b;
	b.is_int = false;
	b.d = c->upper > N_BARS ? (double)INFINITY : bar_top(c->upper - 1);
	return b;
}
