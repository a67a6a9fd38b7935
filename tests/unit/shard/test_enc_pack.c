/* SPDX-License-Identifier: ISC */
/* pack: what is encoded comes back in every way of reading it; damaged bytes are refused or harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/hash.h"
#include "shard/enc.h"

#define MOST 3000

static uint64_t
random_u64(void)
{
	static uint64_t n;

	return hash_u64(++n);
}

static uint64_t
low_bits(unsigned width)
{
	return width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

/* The bytes, exactly as long as they are: a read past them is the sanitizer's to find. */
static uint8_t *
exact(struct buf *b)
{
	uint8_t *p = malloc(b->n);

	assert_non_null(p);
	assert_false(b->oom);
	memcpy(p, b->p, b->n);
	return p;
}

/* With sums on the way; they are for blocks of differences alone. */
static void
check_steps(const struct pack *p, const uint64_t *v, size_t n)
{
	size_t n_steps = pack_n_steps(p), n_delta = 0;
	uint64_t *steps = calloc(n_steps + 1, sizeof *steps);
	static uint64_t out[MOST];

	assert_non_null(steps);
	for (size_t b = 0; b < p->n_blocks; b++)
		n_delta += pack_block(p, b).mode == PACK_DELTA;
	assert_int_equal(n_steps, n_delta == 0 ? 0 : p->n_blocks * (PACK_BLOCK / PACK_STEP));
	if (n_steps != 0)
		pack_make_steps(p, steps);
	for (size_t i = 0; i < n && n_steps != 0; i++)
		assert_true(pack_at_steps(p, steps, i) == v[i]);
	for (int k = 0; k < 20 && n_steps != 0; k++) {
		size_t from = random_u64() % n, len = random_u64() % (n - from) + 1;

		pack_decode_steps(p, steps, from, len, out);
		assert_memory_equal(out, v + from, len * sizeof *v);
	}
	free(steps);
}

static void
check_reads_as_it_is(const struct pack *p, const uint64_t *v, size_t n)
{
	static uint64_t out[MOST];

	assert_int_equal(p->n, n);
	for (size_t b = 0; b < p->n_blocks; b++) {
		struct pack_block z = pack_block(p, b);
		size_t k = pack_decode_block(p, b, out);

		assert_int_equal(k, n - b * PACK_BLOCK < PACK_BLOCK ? n - b * PACK_BLOCK : PACK_BLOCK);
		assert_memory_equal(out, v + b * PACK_BLOCK, k * sizeof *v);
		for (size_t i = 0; i < k; i++)
			assert_true(out[i] >= z.base && out[i] <= z.max);
	}
	for (size_t i = 0; i < n; i++)
		assert_true(pack_at(p, i) == v[i]);
	for (int k = 0; k < 20 && n > 0; k++) {
		size_t from = random_u64() % n, len = random_u64() % (n - from) + 1;

		pack_decode(p, from, len, out);
		assert_memory_equal(out, v + from, len * sizeof *v);
	}
	check_steps(p, v, n);
}

/* With every variant of the kernels. */
static void
check_reads(const struct pack *p, const uint64_t *v, size_t n)
{
	cpu_limit(0);
	check_reads_as_it_is(p, v, n);
	cpu_limit(CPU_ALL);
	check_reads_as_it_is(p, v, n);
}

static void
round_trip(const uint64_t *v, size_t n)
{
	for (int form = 0; form < 2; form++) {
		struct buf b = BUF_INIT;
		struct err e = ERR_INIT;
		struct pack p;
		uint8_t *bytes;

		if (form == 0)
			pack_encode(&b, v, n);
		else
			pack_encode_for(&b, v, n);
		bytes = exact(&b);
		assert_int_equal(b.n % 8, 0);
		assert_int_equal(pack_open(&p, bytes, b.n, &e), 0);
		assert_int_equal(p.n_bytes, b.n);
		check_reads(&p, v, n);
		free(bytes);
		buf_release(&b);
	}
}

static const size_t sizes[] = { 0, 1, 2, 255, 256, 257, 512, 700, 2999 };
#define EACH_SIZE(n) \
	for (size_t n##_i = 0, n; n##_i < sizeof sizes / sizeof *sizes && \
	    (n = sizes[n##_i], true); n##_i++)

static void
round_trips_every_width_and_size(void **state)
{
	static uint64_t v[MOST];

	(void)state;
	EACH_SIZE(n)
		for (unsigned width = 0; width <= 64; width++) {
			uint64_t base = width == 64 ? 0 : random_u64() & ~low_bits(width);

			for (size_t i = 0; i < n; i++)
				v[i] = base | (random_u64() & low_bits(width));
			round_trip(v, n);
		}
}

static void
round_trips_rising_numbers(void **state)
{
	static uint64_t v[MOST];

	(void)state;
	EACH_SIZE(n)
		for (unsigned width = 0; width <= 52; width++) {
			uint64_t at = random_u64() >> 2;

			for (size_t i = 0; i < n; i++)
				v[i] = at += random_u64() & low_bits(width);
			round_trip(v, n);
		}
}

static void
round_trips_extremes(void **state)
{
	uint64_t v[600];

	(void)state;
	for (size_t i = 0; i < 600; i++)
		v[i] = i % 2 == 0 ? 0 : UINT64_MAX;
	round_trip(v, 600);
	memset(v, 0xff, sizeof v);
	round_trip(v, 600);
	memset(v, 0, sizeof v);
	v[599] = UINT64_MAX;	/* a delta of 64 bits */
	round_trip(v, 600);
}

static void
takes_differences_where_that_is_smaller(void **state)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	uint64_t v[512];

	(void)state;
	for (size_t i = 0; i < 512; i++)
		v[i] = i * 1000;
	pack_encode(&a, v, 512);
	pack_encode_for(&b, v, 512);
	assert_true(a.n < b.n);
	assert_int_equal(((uint8_t *)a.p)[8 + 21], PACK_DELTA);
	assert_int_equal(((uint8_t *)b.p)[8 + 21], PACK_FOR);
	buf_release(&a);
	buf_release(&b);
}

static void
knows_bounds_and_order(void **state)
{
	struct buf b = BUF_INIT;
	uint64_t v[] = { 5, 9, 9, 100 };
	struct pack p;

	(void)state;
	pack_encode(&b, v, 4);
	assert_int_equal(pack_open(&p, b.p, b.n, NULL), 0);
	assert_true(pack_below(&p, 101));
	assert_false(pack_below(&p, 100));
	assert_false(pack_below(&p, 0));
	assert_true(pack_rising(&p, false));
	assert_false(pack_rising(&p, true));
	b.n = 0;
	v[3] = 8;
	pack_encode(&b, v, 4);
	assert_int_equal(pack_open(&p, b.p, b.n, NULL), 0);
	assert_false(pack_rising(&p, false));
	assert_true(pack_below(&p, 10));
	assert_false(pack_below(&p, 9));
	buf_release(&b);
}

/* Everything that a reader may do with a pack that was let in. */
static void
use(const struct pack *p)
{
	uint64_t out[PACK_BLOCK];

	for (size_t i = 0; i < p->n_blocks; i++)
		pack_decode_block(p, i, out);
	for (size_t i = 0; i < p->n; i += 37)
		pack_at(p, i);
	(void)pack_below(p, 1000);
	(void)pack_rising(p, true);
}

static void
survives_damage(void **state)
{
	static uint64_t v[MOST];
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 600; i++)
		v[i] = i < 300 ? i * 3 : random_u64();
	pack_encode(&b, v, 600);
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *cut = malloc(n + 1);
		struct err e = ERR_INIT;
		struct pack p;

		assert_non_null(cut);
		memcpy(cut, b.p, n);
		assert_int_equal(pack_open(&p, cut, n, &e), ERR_CORRUPT);
		assert_true(e.off >= 0 && (size_t)e.off <= n);
		free(cut);
	}
	for (size_t i = 0; i < b.n * 8; i++) {
		uint8_t *bad = exact(&b);
		struct pack p;

		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		if (pack_open(&p, bad, b.n, NULL) == 0)
			use(&p);
		free(bad);
	}
	buf_release(&b);
}

static void
refuses_counts_that_do_not_fit(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct pack p;

	(void)state;
	memset(bytes, 0xff, 4);
	assert_int_equal(pack_open(&p, bytes, sizeof bytes, NULL), ERR_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips_every_width_and_size),
		cmocka_unit_test(round_trips_rising_numbers),
		cmocka_unit_test(round_trips_extremes),
		cmocka_unit_test(takes_differences_where_that_is_smaller),
		cmocka_unit_test(knows_bounds_and_order),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(refuses_counts_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
