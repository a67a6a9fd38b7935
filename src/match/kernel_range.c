/* SPDX-License-Identifier: ISC */
/* kernel_range: many numbers against ranges of images. */
#include "kernel_i.h"

static uint64_t
test_word(const uint64_t *v, size_t n, uint64_t lo, uint64_t span, unsigned cpu)
{
	uint64_t w = 0;

#if defined(__x86_64__)
	if (n == 64 && (cpu & CPU_AVX2) != 0)
		return range_word_avx2(v, lo, span);
#else
	(void)cpu;
#endif
	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)(v[i] - lo <= span) << i;
	return w;
}

void
range_test(const uint64_t *v, size_t n, const struct ranges *r, uint64_t *words)
{
	unsigned cpu = cpu_features();

	for (size_t i = 0; i < n; i += 64) {
		size_t m = n - i < 64 ? n - i : 64;
		uint64_t w = 0;

		if (r->n <= 4)
			for (uint32_t k = 0; k < r->n; k++)
				w |= test_word(v + i, m, r->v[k].lo,
				    r->v[k].hi - r->v[k].lo, cpu);
		else
			for (size_t k = 0; k < m; k++)
				w |= (uint64_t)ranges_have(r, v[i + k]) << k;
		words[i / 64] |= w;
	}
}
