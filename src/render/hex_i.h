/* SPDX-License-Identifier: ISC */
/*
 * hex_i: the sixteen hex digits of an id at once. Its nibbles are spread to bytes, then made
 * digits. hex16_words runs anywhere; hex16 takes SSE2, which each x86-64 has, in its place.
 */
#ifndef HEX_I_H
#define HEX_I_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Eight digits. */
static inline void
hex8(char *p, uint32_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = v, letter;

	x = (x & 0xffff0000u) << 16 | (x & 0xffffu);
	x = (x & 0x0000ff000000ff00u) << 8 | (x & 0x000000ff000000ffu);
	x = (x & 0x00f000f000f000f0u) << 4 | (x & 0x000f000f000f000fu);
	letter = (x + ones * 6) >> 4 & ones;
	x += ones * '0' + letter * ('a' - '0' - 10);
	x = htobe64(x);
	memcpy(p, &x, 8);
}

static inline void
hex16_words(char *p, uint64_t v)
{
	hex8(p, (uint32_t)(v >> 32));
	hex8(p + 8, (uint32_t)v);
}

#ifdef __SSE2__
static inline void
hex16(char *p, uint64_t v)
{
	const __m128i low = _mm_set1_epi8(15), nine = _mm_set1_epi8(9);
	__m128i x = _mm_cvtsi64_si128((long long)__builtin_bswap64(v)), letter;

	x = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi64(x, 4), low), _mm_and_si128(x, low));
	letter = _mm_and_si128(_mm_cmpgt_epi8(x, nine), _mm_set1_epi8('a' - '0' - 10));
	x = _mm_add_epi8(_mm_add_epi8(x, _mm_set1_epi8('0')), letter);
	_mm_storeu_si128((__m128i *)(void *)p, x);
}
#else
#define hex16 hex16_words
#endif

#endif
