/* SPDX-License-Identifier: ISC */
/*
 * near: edits (insert, delete, replace, swap neighbours) from one word to another: optimal
 * string alignment on bytes, with the last three rows of the table.
 */
#include "base/near.h"

#include <stdint.h>

void
near_init(struct near *x, struct sv word)
{
	*x = (struct near){ word, SV_EMPTY, word.n <= 4 ? 2 : 3 };
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Both of at most NEAR_MAX bytes. */
static size_t
distance(struct sv a, struct sv b)
{
	uint8_t rows[3][NEAR_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= a.n; i++) {
		uint8_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned cost = a.p[i - 1] != b.p[j - 1];

			row[j] = (uint8_t)min3(up[j] + 1u, row[j - 1] + 1u, up[j - 1] + cost);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && up2[j - 2] + 1 < row[j])
				row[j] = (uint8_t)(up2[j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

void
near_offer(struct near *x, struct sv s)
{
	size_t d, apart = s.n > x->word.n ? s.n - x->word.n : x->word.n - s.n;

	if (x->word.n < 2 || x->word.n > NEAR_MAX || s.n > NEAR_MAX || apart > x->best)
		return;
	d = distance(x->word, s);
	/* A word of nothing but slips is no nearer than any other. */
	if (d >= s.n || d > x->best || (d == x->best &&
	    (x->found.n == 0 || sv_cmp(s, x->found) >= 0)))
		return;
	x->best = d;
	x->found = s;
}
