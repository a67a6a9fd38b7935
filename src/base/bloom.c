/* SPDX-License-Identifier: ISC */
/* bloom: see base/bloom.h. */
#include "base/bloom.h"

#include <string.h>

#define BLOCK 32

static const uint32_t salt[8] = {
	0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
	0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
};

size_t
bloom_bytes(size_t n_keys)
{
	size_t bits = n_keys * 10;

	return bits / 8 / BLOCK * BLOCK + BLOCK;
}

static size_t
block_of(size_t bytes, uint64_t hash)
{
	return (size_t)((hash >> 32) * (uint64_t)(bytes / BLOCK) >> 32) * BLOCK;
}

void
bloom_add(uint8_t *f, size_t bytes, uint64_t hash)
{
	uint8_t *b = f + block_of(bytes, hash);

	for (int i = 0; i < 8; i++) {
		uint32_t bit = (uint32_t)hash * salt[i] >> 27, at = (uint32_t)i * 32 + bit;

		b[at / 8] |= (uint8_t)(1u << at % 8);
	}
}

bool
bloom_may_have(const uint8_t *f, size_t bytes, uint64_t hash)
{
	const uint8_t *b;

	if (bytes < BLOCK)
		return true;
	b = f + block_of(bytes, hash);
	for (int i = 0; i < 8; i++) {
		uint32_t bit = (uint32_t)hash * salt[i] >> 27, at = (uint32_t)i * 32 + bit;

		if ((b[at / 8] >> at % 8 & 1) == 0)
			return false;
	}
	return true;
}
