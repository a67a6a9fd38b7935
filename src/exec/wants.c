/* SPDX-License-Identifier: ISC */
/* wants: rows to be fetched, in the order in which they lie. */
#include "base/radix.h"
#include "exec_i.h"

#include <stdlib.h>

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)
#define RADIX_LEAST 512		/* rows from which sorting by digits is shorter */

static uint64_t
want_key(const struct want *w)
{
	return (uint64_t)w->shard << 32 | w->row;
}

static int
want_cmp(const void *pa, const void *pb)
{
	uint64_t a = want_key(pa), b = want_key(pb);

	return (a > b) - (a < b);
}

/* As many digits as the keys differ in. */
struct want *
wants_sort(struct want *v, struct want *tmp, size_t n)
{
	uint64_t differ = 0;
	bool rising = true;

	for (size_t i = 1; i < n; i++) {
		differ |= want_key(&v[i]) ^ want_key(&v[0]);
		rising &= want_key(&v[i]) >= want_key(&v[i - 1]);
	}
	if (rising)
		return v;
	if (n < RADIX_LEAST) {
		qsort(v, n, sizeof *v, want_cmp);
		return v;
	}
	for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
		struct want *x = v;

		if ((differ >> shift & (DIGITS - 1)) == 0)
			continue;
		RADIX_PASS(DIGIT_BITS, v, tmp, n, i, want_key(&v[i]) >> shift);
		v = tmp;
		tmp = x;
	}
	return v;
}
