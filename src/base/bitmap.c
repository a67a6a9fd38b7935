/* SPDX-License-Identifier: ISC */
/* bitmap: see base/bitmap.h. Faster variants of some: bitmap_x86.c. */
#include "bitmap_i.h"

#include <string.h>

#include "base/cpu.h"

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

#if defined(__x86_64__)
	if (cpu_features() & CPU_POPCNT)
		return bitmap_count_popcnt(w, BITMAP_WORDS(n));
#endif
	for (size_t i = 0; i < BITMAP_WORDS(n); i++)
		c += bitmap_ones(w[i]);
	return c;
}

size_t
bitmap_rank(const uint64_t *w, size_t i)
{
	size_t c = bitmap_count(w, i / 64 * 64);

	if (i % 64 != 0)
		c += bitmap_ones(w[i / 64] & tail_mask(i));
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

size_t
bitmap_compress(const uint64_t *bits, const uint64_t *mask, size_t n_words, uint64_t *out,
    size_t at)
{
	size_t from = at;

#if defined(__x86_64__)
	if ((cpu_features() & (CPU_BMI2 | CPU_POPCNT)) == (CPU_BMI2 | CPU_POPCNT))
		return bitmap_compress_bmi2(bits, mask, n_words, out, at);
#endif
	for (size_t i = 0; i < n_words; i++) {
		uint64_t x = bits[i] & mask[i];

		for (; x != 0; x &= x - 1)
			bitmap_set(out, at + bitmap_ones(mask[i] & ((x & -x) - 1)));
		at += bitmap_ones(mask[i]);
	}
	return at - from;
}

size_t
bitmap_expand(const uint64_t *packed, size_t at, const uint64_t *mask, size_t n_words,
    uint64_t *out)
{
	size_t from = at;

#if defined(__x86_64__)
	if ((cpu_features() & (CPU_BMI2 | CPU_POPCNT)) == (CPU_BMI2 | CPU_POPCNT))
		return bitmap_expand_bmi2(packed, at, mask, n_words, out);
#endif
	for (size_t i = 0; i < n_words; i++) {
		unsigned n = bitmap_ones(mask[i]);
		uint64_t x = n == 0 ? 0 : bitmap_word_at(packed, at);

		if (n < 64)
			x &= ((uint64_t)1 << n) - 1;
		for (uint64_t m = mask[i]; x != 0; x >>= 1, m &= m - 1)
			if (x & 1)
				out[i] |= m & -m;
		at += n;
	}
	return at - from;
}

size_t
bitmap_run(const uint64_t *w, size_t i, size_t n)
{
	uint64_t flip = bitmap_get(w, i) ? ~(uint64_t)0 : 0;
	uint64_t x = (w[i / 64] ^ flip) >> i % 64 << i % 64;

	for (i /= 64; x == 0; x = w[i] ^ flip)
		if (++i >= BITMAP_WORDS(n))
			return n;
	i = i * 64 + (size_t)__builtin_ctzll(x);
	return i < n ? i : n;
}
