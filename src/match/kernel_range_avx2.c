/* SPDX-License-Identifier: ISC */
/* kernel_range_avx2: kernel_range's test of 64 numbers against one range, eight at a time. */
#include "kernel_i.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* Ones in the lanes of the four numbers above the range. */
__attribute__((target("avx2"))) static inline __m256
four_above(const uint64_t *v, __m256i from, __m256i most)
{
	__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)v);

	return _mm256_castsi256_ps(_mm256_cmpgt_epi64(_mm256_sub_epi64(x, from), most));
}

__attribute__((target("avx2"))) uint64_t
range_word_avx2(const uint64_t *v, uint64_t lo, uint64_t span)
{
	/* Signed comparison is what there is: the highest bit is turned round on both sides. */
	const uint64_t sign = (uint64_t)1 << 63;
	const __m256i from = _mm256_set1_epi64x((long long)(lo ^ sign));
	const __m256i most = _mm256_set1_epi64x((long long)(span ^ sign));
	uint64_t above = 0;

	for (unsigned i = 0; i < 64; i += 8) {
		__m256 a = four_above(v + i, from, most);
		__m256 b = four_above(v + i + 4, from, most);
		/* Half of each lane, which come out of order. */
		__m256i both = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));

		both = _mm256_permute4x64_epi64(both, 0xd8);
		above |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(both)) << i;
	}
	return ~above;
}
#endif
