/* SPDX-License-Identifier: ISC */
/*
 * kernel_find_avx2: kernel_find's search, at 32 places at once: where both bytes stand as in the
 * needle the whole is compared. The last places are taken so that they end with the text, some
 * for the second time, so nothing is read beyond it.
 */
#include "kernel_i.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static inline unsigned
same_bytes(const char *p, __m256i c)
{
	__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);

	return (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, c));
}

__attribute__((target("avx2"))) const char *
find_avx2(const char *p, size_t n, struct sv needle, size_t a, size_t b)
{
	const __m256i ca = _mm256_set1_epi8(needle.p[a]), cb = _mm256_set1_epi8(needle.p[b]);
	size_t places;

	if (n < needle.n + 31)
		return n < needle.n ? NULL : memmem(p, n, needle.p, needle.n);
	places = n - needle.n + 1;
	for (size_t i = 0; i < places; i += 32) {
		unsigned m;

		if (i > places - 32)
			i = places - 32;
		m = same_bytes(p + i + a, ca);
		if (m == 0)
			continue;
		for (m &= same_bytes(p + i + b, cb); m != 0; m &= m - 1) {
			const char *q = p + i + __builtin_ctz(m);

			if (memcmp(q, needle.p, needle.n) == 0)
				return q;
		}
	}
	return NULL;
}
#endif
