/* SPDX-License-Identifier: ISC */
/*
 * json_copy_i: the copying of what JSON text has as it is: bytes from 0x20 to 0x7f but quote
 * and backslash. One load serves the test and the copy. Most strings of spans are 8 to 40
 * bytes long, so what counts is the end: the last block is taken so that it ends with the
 * string, and what it shares with the one before is copied twice. Nothing is read or written
 * beyond n bytes.
 *
 * json_copy_words runs anywhere; json_copy takes SSE2, which each x86-64 has, in its place.
 * Wider blocks don't pay: few strings are longer than two of these.
 */
#ifndef JSON_COPY_I_H
#define JSON_COPY_I_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BYTES_OF(c) (UINT64_C(0x0101010101010101) * (c))

static inline bool
byte_special(char c)
{
	return (uint8_t)c < 0x20 || (uint8_t)c >= 0x80 || c == '"' || c == '\\';
}

/* Not 0 if one of the eight bytes is special. */
static inline uint64_t
word_special(uint64_t w)
{
	uint64_t quote = w ^ BYTES_OF('"'), back = w ^ BYTES_OF('\\');

	return (w | ((w - BYTES_OF(0x20)) & ~w) | ((quote - BYTES_OF(1)) & ~quote) |
	    ((back - BYTES_OF(1)) & ~back)) & BYTES_OF(0x80);
}

/* Copies what comes before the first special byte, a byte at a time. */
static inline size_t
json_copy_bytes(char *dst, const char *src, size_t n)
{
	size_t i = 0;

	for (; i < n && !byte_special(src[i]); i++)
		dst[i] = src[i];
	return i;
}

/*
 * Copies the plain bytes at the start of src and returns how many they are; of the n bytes of
 * dst, those after these may hold anything. src and dst don't overlap.
 */
static inline size_t
json_copy_words(char *dst, const char *src, size_t n)
{
	uint64_t w;
	size_t i;

	if (n < 8)
		return json_copy_bytes(dst, src, n);
	for (i = 0; i < n; i += 8) {
		if (i > n - 8)
			i = n - 8;
		memcpy(&w, src + i, 8);
		memcpy(dst + i, &w, 8);
		if (word_special(w) != 0)
			return i + json_copy_bytes(dst + i, src + i, 8);
	}
	return n;
}

#ifdef __SSE2__
/* A bit for each of the 16 bytes that is special. */
static inline unsigned
block_special(__m128i x)
{
	/* As signed numbers the bytes from 0x80 on are below 0x20 as well. */
	__m128i m = _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)),
	    _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
	    _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));

	return (unsigned)_mm_movemask_epi8(m);
}

static inline unsigned
copy_block(char *dst, const char *src)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)src);

	_mm_storeu_si128((__m128i *)(void *)dst, x);
	return block_special(x);
}

/* 16 bytes or more. */
static inline size_t
json_copy_long(char *dst, const char *src, size_t n)
{
	size_t i, last = n - 16;
	unsigned m;

	for (i = 0; i < last; i += 16)
		if ((m = copy_block(dst + i, src + i)) != 0)
			return i + (size_t)__builtin_ctz(m);
	m = copy_block(dst + last, src + last);
	return m == 0 ? n : last + (size_t)__builtin_ctz(m);
}

/* 8 to 15 bytes: the first eight and the last eight, side by side. */
static inline size_t
json_copy_eights(char *dst, const char *src, size_t n)
{
	__m128i a = _mm_loadl_epi64((const __m128i *)(const void *)src);
	__m128i b = _mm_loadl_epi64((const __m128i *)(const void *)(src + n - 8));
	unsigned m = block_special(_mm_unpacklo_epi64(a, b)), at;

	_mm_storel_epi64((__m128i *)(void *)dst, a);
	_mm_storel_epi64((__m128i *)(void *)(dst + n - 8), b);
	if (m == 0)
		return n;
	at = (unsigned)__builtin_ctz(m);
	return at < 8 ? at : n - 16 + at;
}

/* 4 to 7 bytes, the same with fours. */
static inline size_t
json_copy_fours(char *dst, const char *src, size_t n)
{
	uint32_t a, b;
	uint64_t w;

	memcpy(&a, src, 4);
	memcpy(&b, src + n - 4, 4);
	memcpy(dst, &a, 4);
	memcpy(dst + n - 4, &b, 4);
	w = (uint64_t)b << 32 | a;
	return word_special(w) == 0 ? n : json_copy_bytes(dst, src, n);
}

static inline size_t
json_copy(char *dst, const char *src, size_t n)
{
	if (n >= 16)
		return json_copy_long(dst, src, n);
	if (n >= 8)
		return json_copy_eights(dst, src, n);
	return n >= 4 ? json_copy_fours(dst, src, n) : json_copy_bytes(dst, src, n);
}
#else
#define json_copy json_copy_words
#endif

#endif
