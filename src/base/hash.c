/* SPDX-License-Identifier: ISC */
/* hash: see base/hash.h. */
#define XXH_STATIC_LINKING_ONLY	/* for the size of XXH3_state_t */
#include "base/hash.h"

#include <assert.h>
#include <pthread.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/clock.h"

static uint64_t seed;

static void
make_seed(void)
{
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
		seed = hash_u64(clock_wall_ns() ^ (uint64_t)(uintptr_t)&seed);
}

uint64_t
hash64(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

struct hash128
hash128(const void *p, size_t n)
{
	XXH128_hash_t h = XXH3_128bits(p, n);

	return (struct hash128){ h.low64, h.high64 };
}

uint64_t
hash_seeded(const void *p, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_seed);
	return XXH3_64bits_withSeed(p, n, seed);
}

static_assert(sizeof(XXH3_state_t) <= sizeof(struct hash_stream), "room for the state");

void
hash_stream_init(struct hash_stream *h)
{
	XXH3_128bits_reset((XXH3_state_t *)h);
}

void
hash_stream_add(struct hash_stream *h, const void *p, size_t n)
{
	XXH3_128bits_update((XXH3_state_t *)h, p, n);
}

struct hash128
hash_stream_end(const struct hash_stream *h)
{
	XXH128_hash_t v = XXH3_128bits_digest((const XXH3_state_t *)h);

	return (struct hash128){ v.low64, v.high64 };
}
