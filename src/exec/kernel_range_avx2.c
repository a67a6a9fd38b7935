/* SPDX-License-Identifier: ISC */
/* kernel_range_avx2: kernel_range's test of 64 numbers against one range, four at a time. */
#include "kernel_i.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) uint64_t
range_word_avx2(const uint64_t *v, uint64_t lo, uint64_t span)
{
	/* Signed comparison is what there is: the highest bit is turned round on both sides. */
	const __m256i sign = _mm256_set1_epi64x(INT64_MIN);
	const __m256i from = _mm256_set1_epi64x((long long)lo);
	const __m256i most = _mm256_xor_si256(_mm256_set1_epi64x((long long)span), sign);
	uint64_t out = 0;

	for (unsigned i = 0; i < 64; i += 4) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(v + i));
		__m256i above;

		x = _mm256_xor_si256(_mm256_sub_epi64(x, from), sign);
		above = _mm256_cmpgt_epi64(x, most);
		out |= (uint64_t)(~(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(above)) &
		    0xf) << i;
	}
	return out;
}
#endif
