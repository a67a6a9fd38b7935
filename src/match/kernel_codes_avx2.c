/* SPDX-License-Identifier: ISC */
/*
 * kernel_codes_avx2: kernel_codes's test of 64 codes against a set, eight at a time. The set is
 * 32 bits a lane: a code's upper bits say which lane (of a register, or of memory), its lower
 * five which bit, which is shifted to the top and taken off by movemask.
 */
#include "kernel_i.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* Eight codes as 32 bits each, in order. */
__attribute__((target("avx2"))) static inline __m256i
eight(const uint64_t *v)
{
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)v);
	__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(v + 4));
	__m256 lows = _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88);

	return _mm256_permute4x64_epi64(_mm256_castps_si256(lows), 0xd8);
}

/* Of each lane, the bit that the code's lower five bits name. */
__attribute__((target("avx2"))) static inline unsigned
pick(__m256i lanes, __m256i code)
{
	__m256i down = _mm256_andnot_si256(code, _mm256_set1_epi32(31));

	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_sllv_epi32(lanes, down)));
}

__attribute__((target("avx2"))) uint64_t
codes_word_small_avx2(const uint64_t *bits, const uint64_t *v)
{
	const __m256i set = _mm256_loadu_si256((const __m256i *)(const void *)bits);
	uint64_t out = 0;

	for (unsigned i = 0; i < 64; i += 8) {
		__m256i code = eight(v + i);
		__m256i lanes = _mm256_permutevar8x32_epi32(set, _mm256_srli_epi32(code, 5));

		out |= (uint64_t)pick(lanes, code) << i;
	}
	return out;
}

__attribute__((target("avx2"))) uint64_t
codes_word_avx2(const uint64_t *bits, const uint64_t *v)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < 64; i += 8) {
		__m256i code = eight(v + i);
		__m256i lanes = _mm256_i32gather_epi32((const int *)(const void *)bits,
		    _mm256_srli_epi32(code, 5), 4);

		out |= (uint64_t)pick(lanes, code) << i;
	}
	return out;
}
#endif
