/* SPDX-License-Identifier: ISC */
/*
 * kernel_find_avx2: kernel_find's search, at 32 places at once: where both bytes stand as in the
 * needle the whole is compared. A letter is looked for in either case by setting the bit that
 * tells them apart. The last places are taken so that they end with the text, some for the
 * second time, so nothing is read beyond it.
 */
#include "kernel_i.h"
#include "match/words.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* One of the two bytes. */
struct probe {
	size_t at;
	__m256i c, bit;
};

__attribute__((target("avx2"))) static inline struct probe
probe_of(const struct finder *f, size_t at)
{
	char c = f->needle.p[at];
	bool letter = f->fold && c >= 'a' && c <= 'z';

	return (struct probe){ at, _mm256_set1_epi8(c), _mm256_set1_epi8(letter ? 0x20 : 0) };
}

__attribute__((target("avx2"))) static inline unsigned
ask(const struct probe *k, const char *p)
{
	__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(p + k->at));

	x = _mm256_cmpeq_epi8(_mm256_or_si256(x, k->bit), k->c);
	return (unsigned)_mm256_movemask_epi8(x);
}

static inline bool
same(const struct finder *f, const char *p)
{
	return f->fold ? same_word(p, f->needle) : memcmp(p, f->needle.p, f->needle.n) == 0;
}

/* Fewer than 32 places. */
static const char *
find_few(const struct finder *f, const char *p, size_t n)
{
	for (; n >= f->needle.n; p++, n--)
		if (same(f, p))
			return p;
	return NULL;
}

__attribute__((target("avx2"))) const char *
find_avx2(const struct finder *f, const char *p, size_t n)
{
	struct probe a = probe_of(f, f->a), b = probe_of(f, f->b);
	size_t places;

	if (n < f->needle.n + 31)
		return find_few(f, p, n);
	places = n - f->needle.n + 1;
	for (size_t i = 0; i < places; i += 32) {
		unsigned m;

		if (i > places - 32)
			i = places - 32;
		if ((m = ask(&a, p + i)) == 0)
			continue;
		for (m &= ask(&b, p + i); m != 0; m &= m - 1) {
			const char *q = p + i + __builtin_ctz(m);

			if (same(f, q))
				return q;
		}
	}
	return NULL;
}
#endif
