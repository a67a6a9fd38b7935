/* SPDX-License-Identifier: ISC */
/* bitmap: see base/bitmap.h. */
#include "base/bitmap.h"

#include <string.h>

static uint64_t
tail_mask(size_t n)
{
	return n % 64 == 0 ? ~(uint64_t)0 : ((uint64_t)1 << n % 64) - 1;
}

void
bitmap_set_range(uint64_t *w, size_t from, size_t to)
{
	size_t a = from / 64, b;
	uint64_t head = ~(uint64_t)0 << from % 64;

	if (from >= to)
		return;
	b = (to - 1) / 64;
	if (a == b) {
		w[a] |= head & tail_mask(to);
		return;
	}
	w[a] |= head;
	for (size_t i = a + 1; i < b; i++)
		w[i] = ~(uint64_t)0;
	w[b] |= tail_mask(to);
}

void
bitmap_fill(uint64_t *w, size_t n)
{
	bitmap_zero(w, n);
	bitmap_set_range(w, 0, n);
}

void
bitmap_zero(uint64_t *w, size_t n)
{
	if (n != 0)
		memset(w, 0, BITMAP_WORDS(n) * sizeof *w);
}

size_t
bitmap_count(const uint64_t *w, size_t n)
{
	size_t c = 0;

	for (size_t i = 0; i < BITMAP_WORDS(n); i++)
		c += (size_t)__builtin_popcountll(w[i]);
	return c;
}

size_t
bitmap_rank(const uint64_t *w, size_t i)
{
	size_t c = bitmap_count(w, i / 64 * 64);

	if (i % 64 != 0)
		c += (size_t)__builtin_popcountll(w[i / 64] & tail_mask(i));
	return c;
}

bool
bitmap_any(const uint64_t *w, size_t n)
{
	for (size_t i = 0; i < BITMAP_WORDS(n); i++)
		if (w[i] != 0)
			return true;
	return false;
}

void
bitmap_and(uint64_t *d, const uint64_t *s, size_t n)
{
	for (size_t i = 0; i < BITMAP_WORDS(n); i++)
		d[i] &= s[i];
}

void
bitmap_or(uint64_t *d, const uint64_t *s, size_t n)
{
	for (size_t i = 0; i < BITMAP_WORDS(n); i++)
		d[i] |= s[i];
}

void
bitmap_andnot(uint64_t *d, const uint64_t *s, size_t n)
{
	for (size_t i = 0; i < BITMAP_WORDS(n); i++)
		d[i] &= ~s[i];
}

void
bitmap_not(uint64_t *w, size_t n)
{
	size_t words = BITMAP_WORDS(n);

	for (size_t i = 0; i < words; i++)
		w[i] = ~w[i];
	if (words != 0)
		w[words - 1] &= tail_mask(n);
}

size_t
bitmap_list(const uint64_t *w, size_t n, uint32_t base, uint32_t *out)
{
	size_t k = 0;

	for (size_t i = 0; i < BITMAP_WORDS(n); i++)
		for (uint64_t b = w[i]; b != 0; b &= b - 1)
			out[k++] = base + (uint32_t)(i * 64) +
			    (uint32_t)__builtin_ctzll(b);
	return k;
}
