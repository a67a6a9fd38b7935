/* SPDX-License-Identifier: ISC */
/* utf8: see base/utf8.h. */
#include "base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

size_t
utf8_decode(const char *s, const char *end, uint32_t *cp)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t left = (size_t)(end - s), n;
	uint32_t v, min;

	if (left == 0)
		return 0;
	if (p[0] < 0x80) {
		if (cp != NULL)
			*cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] < 0xe0) {
		n = 2;
		v = p[0] & 0x1f;
		min = 0x80;
	} else if (p[0] >= 0xe0 && p[0] < 0xf0) {
		n = 3;
		v = p[0] & 0x0f;
		min = 0x800;
	} else if (p[0] >= 0xf0 && p[0] < 0xf5) {
		n = 4;
		v = p[0] & 0x07;
		min = 0x10000;
	} else
		return 0;
	if (left < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < min || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	if (cp != NULL)
		*cp = v;
	return n;
}

size_t
utf8_encode(char *s, uint32_t cp)
{
	uint8_t *p = (uint8_t *)s;

	if (cp < 0x80) {
		p[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		p[0] = (uint8_t)(0xc0 | cp >> 6);
		p[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		p[0] = (uint8_t)(0xe0 | cp >> 12);
		p[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		p[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	p[0] = (uint8_t)(0xf0 | cp >> 18);
	p[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	p[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	p[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

/* Past the ASCII at p in steps of 64 and of 8 bytes, or not at all: most of what we see. */
static inline const char *
skip_ascii(const char *p, const char *end)
{
	uint64_t w;

#ifdef __SSE2__
	for (; end - p >= 64; p += 64) {
		const __m128i *v = (const __m128i *)(const void *)p;
		__m128i a = _mm_or_si128(_mm_loadu_si128(v), _mm_loadu_si128(v + 1));
		__m128i b = _mm_or_si128(_mm_loadu_si128(v + 2), _mm_loadu_si128(v + 3));

		if (_mm_movemask_epi8(_mm_or_si128(a, b)) != 0)
			break;
	}
#endif
	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, 8);
		if ((w & 0x8080808080808080ULL) != 0)
			break;
	}
	return p;
}

bool
utf8_valid(struct sv s)
{
	const char *p = s.p, *end = s.p + s.n;

	while ((p = skip_ascii(p, end)) < end) {
		/* To the next ASCII, or through the eight bytes that have none or few others. */
		do {
			size_t n = utf8_decode(p, end, NULL);

			if (n == 0)
				return false;
			p += n;
		} while (p < end && (p[0] & 0x80) != 0);
	}
	return true;
}

/* Bytes of the maximal ill-formed part at p, where no character is. */
static size_t
bad_part(const uint8_t *p, size_t left)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t n, i;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 1;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	/* What may come second keeps over-long forms, surrogates and what is too large out. */
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	for (i = 1; i < n && i < left && p[i] >= lo && p[i] <= hi; i++) {
		lo = 0x80;
		hi = 0xbf;
	}
	return i;
}

size_t
utf8_repair(char *to, struct sv s)
{
	const char *p = s.p, *end = s.p + s.n;
	char *q = to;

	while (p < end) {
		size_t n = utf8_decode(p, end, NULL);

		if (n != 0) {
			memcpy(q, p, n);
			q += n;
		} else {
			n = bad_part((const uint8_t *)p, (size_t)(end - p));
			q += utf8_encode(q, 0xfffd);
		}
		p += n;
	}
	return (size_t)(q - to);
}

bool
utf8_unprintable(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad ||
	    cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) ||
	    (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x2069) ||
	    cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	    (cp >= 0xe0000 && cp <= 0xe007f);
}
