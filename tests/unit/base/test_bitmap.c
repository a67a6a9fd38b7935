/* SPDX-License-Identifier: ISC */
/* bitmap: ranges, ranks, lists and logic against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bitmap.h"
#include "base/cpu.h"

#define N 333

static void
agrees_with_an_array(void **state)
{
	uint64_t a[BITMAP_WORDS(N)], b[BITMAP_WORDS(N)];
	bool x[N];
	uint32_t list[N];
	size_t n = 0, k = 0;

	(void)state;
	for (size_t from = 0; from < N; from += 29)
		for (size_t to = from; to <= N; to += 31) {
			bitmap_zero(a, N);
			bitmap_set_range(a, from, to);
			for (size_t i = 0; i < N; i++)
				assert_int_equal(bitmap_get(a, i), i >= from && i < to);
			assert_int_equal(bitmap_count(a, N), to - from);
			assert_int_equal(bitmap_rank(a, (from + to) / 2), (from + to) / 2 - from);
		}
	bitmap_zero(a, N);
	for (size_t i = 0; i < N; i++) {
		x[i] = i * i % 7 < 3;
		if (x[i])
			bitmap_set(a, i);
		n += x[i];
	}
	assert_int_equal(bitmap_list(a, N, 1000, list), n);
	BITMAP_EACH(a, N, i) {
		assert_true(x[i]);
		assert_int_equal(list[k++], 1000 + i);
	}
	assert_int_equal(k, n);
	bitmap_fill(b, N);
	bitmap_andnot(b, a, N);
	bitmap_not(b, N);
	assert_memory_equal(a, b, sizeof a);
	bitmap_not(b, N);
	bitmap_or(b, a, N);
	assert_int_equal(bitmap_count(b, N), N);
	bitmap_and(b, a, N);
	assert_memory_equal(a, b, sizeof a);
	bitmap_clear(a, list[0] - 1000);
	assert_int_equal(bitmap_count(a, N), n - 1);
	bitmap_zero(a, N);
	assert_false(bitmap_any(a, N));
}

/* ---- kernels: each variant against a loop over bits ---- */

#define MAX_WORDS 40

static uint64_t
random_word(uint64_t *seed, unsigned density)
{
	uint64_t x = ~(uint64_t)0, y = 0;

	if (density == 0)
		return 0;
	if (density == 9)
		return x;
	for (unsigned i = 1; i < density; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		y = *seed >> 32 | *seed << 32;
		if (i % 2 != 0)
			x &= y;
		else
			x |= y & y << 7;
	}
	return x;
}

static void
check_squeeze(const uint64_t *bits, const uint64_t *mask, size_t words, size_t at)
{
	uint64_t got[2 * MAX_WORDS + 2] = { 0 }, back[MAX_WORDS] = { 0 };
	size_t k = at, ones = 0;

	for (size_t i = 0; i < words; i++)
		for (size_t b = 0; b < 64; b++)
			ones += mask[i] >> b & 1;
	assert_int_equal(bitmap_count(mask, words * 64), ones);
	assert_int_equal(bitmap_compress(bits, mask, words, got, at), ones);
	for (size_t i = 0; i < words * 64; i++)
		if (bitmap_get(mask, i))
			assert_int_equal(bitmap_get(got, k++), bitmap_get(bits, i));
	for (; k < sizeof got * 8; k++)
		assert_false(bitmap_get(got, k));
	assert_int_equal(bitmap_expand(got, at, mask, words, back), ones);
	for (size_t i = 0; i < words; i++)
		assert_true(back[i] == (bits[i] & mask[i]));
}

static void
check_kernels(void)
{
	uint64_t bits[MAX_WORDS], mask[MAX_WORDS], seed = 11;

	for (unsigned db = 0; db <= 9; db++)
		for (unsigned dm = 0; dm <= 9; dm++)
			for (size_t words = 0; words <= MAX_WORDS; words += 1 + words / 3) {
				for (size_t i = 0; i < words; i++) {
					bits[i] = random_word(&seed, db);
					mask[i] = random_word(&seed, dm);
				}
				check_squeeze(bits, mask, words, seed >> 40 & 511);
				check_squeeze(bits, mask, words, 0);
			}
}

static void
every_variant_of_a_kernel_agrees_with_a_loop(void **state)
{
	(void)state;
	for (unsigned allowed = 0; allowed <= CPU_ALL; allowed++) {
		cpu_limit(allowed);
		assert_int_equal(cpu_features() & ~allowed, 0);
		check_kernels();
	}
	cpu_limit(CPU_ALL);
}

static void
runs_end_where_bits_change(void **state)
{
	uint64_t w[MAX_WORDS], seed = 5;

	(void)state;
	for (unsigned d = 0; d <= 9; d++)
		for (size_t n = 1; n <= MAX_WORDS * 64; n += 1 + n / 2) {
			for (size_t i = 0; i < MAX_WORDS; i++)
				w[i] = random_word(&seed, d);
			for (size_t i = 0, to; i < n; i = to) {
				to = bitmap_run(w, i, n);
				assert_true(to > i && to <= n);
				for (size_t k = i; k < to; k++)
					assert_int_equal(bitmap_get(w, k), bitmap_get(w, i));
				assert_true(to == n || bitmap_get(w, to) != bitmap_get(w, i));
			}
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_an_array),
		cmocka_unit_test(every_variant_of_a_kernel_agrees_with_a_loop),
		cmocka_unit_test(runs_end_where_bits_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
