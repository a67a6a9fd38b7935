/* SPDX-License-Identifier: ISC */
/*
 * unpack_avx2: eight bit-packed numbers at a time. Eight numbers take `width` bytes, so where
 * they lie within these bytes is the same for all groups of eight: which bytes go to which
 * lane, and by how many bits each is shifted, is worked out once: for numbers that begin with a byte, as
 * those of a block do, once in the program. Two neighbours lie within 16
 * bytes (7 + 2 * 57 bits), so each half of a vector is one load and one shuffle.
 */
#include "lanes_i.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <pthread.h>
#include <string.h>

struct lanes {
	size_t at[4];			/* byte of each pair */
	__m256i bytes[2], shift[2];
};

__attribute__((target("avx2"))) static void
lay_out(struct lanes *l, unsigned bit, unsigned width)
{
	uint8_t bytes[64];
	uint64_t shift[8];

	for (unsigned i = 0; i < 8; i++) {
		unsigned b = bit + i * width;

		if (i % 2 == 0)
			l->at[i / 2] = b / 8;
		shift[i] = b % 8;
		for (unsigned k = 0; k < 8; k++) {
			unsigned from = (unsigned)(b / 8 - l->at[i / 2]) + k;

			/* Bytes past the pair's 16 hold none of its bits. */
			bytes[i * 8 + k] = from < 16 ? (uint8_t)from : 0x80;
		}
	}
	for (unsigned h = 0; h < 2; h++) {
		l->bytes[h] = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + h * 32));
		l->shift[h] = _mm256_loadu_si256((const __m256i *)(const void *)(shift + h * 4));
	}
}

static struct lanes lanes_of[UNPACK_MAX_WIDTH + 1];	/* by width, from the first bit of a byte on */

static void
lay_out_all(void)
{
	for (unsigned width = 1; width <= UNPACK_MAX_WIDTH; width++)
		lay_out(&lanes_of[width], 0, width);
}

__attribute__((target("avx2"))) static inline __m256i
four(const uint8_t *a, const uint8_t *b, __m256i bytes, __m256i shift)
{
	__m128i lo = _mm_loadu_si128((const __m128i *)(const void *)a);
	__m128i hi = _mm_loadu_si128((const __m128i *)(const void *)b);
	__m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(lo), hi, 1);

	return _mm256_srlv_epi64(_mm256_shuffle_epi8(v, bytes), shift);
}

/* Those of a width that begin with a byte. */
static const struct lanes *
lanes_for(unsigned width)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, lay_out_all);
	return &lanes_of[width];
}

/* Eight numbers at p, but for what is above them in their words. */
__attribute__((target("avx2"))) static inline void
eight(const uint8_t *p, const struct lanes *l, __m256i v[2])
{
	v[0] = four(p + l->at[0], p + l->at[1], l->bytes[0], l->shift[0]);
	v[1] = four(p + l->at[2], p + l->at[3], l->bytes[1], l->shift[1]);
}

__attribute__((target("avx2"))) size_t
unpack_avx2(const uint8_t *data, const uint8_t *end, size_t bit, unsigned width, uint64_t add,
    size_t n, uint64_t *out)
{
	__m256i mask = _mm256_set1_epi64x((long long)(((uint64_t)1 << width) - 1));
	__m256i base = _mm256_set1_epi64x((long long)add);
	const uint8_t *p = data + bit / 8;
	struct lanes l;
	size_t i = 0;

	if (bit % 8 == 0)
		l = *lanes_for(width);
	else
		lay_out(&l, bit % 8, width);
	for (; i + 8 <= n && (size_t)(end - p) >= l.at[3] + 16; i += 8, p += width) {
		__m256i v[2];

		eight(p, &l, v);
		v[0] = _mm256_add_epi64(_mm256_and_si256(v[0], mask), base);
		v[1] = _mm256_add_epi64(_mm256_and_si256(v[1], mask), base);
		_mm256_storeu_si256((__m256i *)(void *)(out + i), v[0]);
		_mm256_storeu_si256((__m256i *)(void *)(out + i + 4), v[1]);
	}
	return i;
}

__attribute__((target("avx2"))) size_t
unpack_sum_avx2(const uint8_t *data, const uint8_t *end, unsigned width, size_t n, uint64_t *sum)
{
	__m256i mask = _mm256_set1_epi64x((long long)(((uint64_t)1 << width) - 1));
	__m256i a = _mm256_setzero_si256(), b = a;
	const struct lanes l = *lanes_for(width);
	uint64_t part[4];
	size_t i = 0;

	for (; i + 8 <= n && (size_t)(end - data) >= l.at[3] + 16; i += 8, data += width) {
		__m256i v[2];

		eight(data, &l, v);
		a = _mm256_add_epi64(a, _mm256_and_si256(v[0], mask));
		b = _mm256_add_epi64(b, _mm256_and_si256(v[1], mask));
	}
	_mm256_storeu_si256((__m256i *)(void *)part, _mm256_add_epi64(a, b));
	*sum += part[0] + part[1] + part[2] + part[3];
	return i;
}
#endif
